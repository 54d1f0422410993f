"""Any selection that is valid is answered: what the store was asked for is what the fields look for."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLInterfaceType, GraphQLObjectType, build_schema, get_named_type, parse, validate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph.curate import judge
from graph.resolve.rules import Rules
from service.gql.schema import print_sorted
from tests.build import distinct, same
from tests.service.asking import asking, fragment
from tests.stores import OpenWith

SCHEMA = build_schema(print_sorted())
ARGUMENTS: dict[str, list[str]] = {
    "first": ["1", "2", "100", "null", "$n"],
    "namespaces": ['["email"]', "null", '["user_id", "email"]', "[]"],
    "sources": ['["crm"]', "null"],
    "types": ['["like"]', "null"],
    "keys": ['["name"]', "null", "[]"],
    "refused": ["true", "false", "null"],
    "depth": ["1", "2", "3"],
    "direction": ["IN", "OUT", "BOTH", "null"],
    "minWeight": ["0", "1.5", "null"],
    "maxNodes": ["1", "50"],
    "since": ['"2020-01-01T00:00:00Z"', "null"],
    "kinds": ["[CREATED]", "null"],
}
"""Values for the arguments that fields below a profile take."""
ROOTS = (
    "profile(by: {identifier: {namespace: \"user_id\", value: \"u1\"}})",
    "profilesBy(by: [{identifier: {namespace: \"user_id\", value: \"u2\"}}, {oneId: \"x\"}])",
    "profiles(first: 3)",
    "changes(first: 3)",
    "search(text: \"u\")",
    "fragment(by: {source: \"crm\", id: \"r1\"})",
    "sharedIdentifiers",
    "conflicts(first: 2)",
    "conflicts(namespaces: [\"device\", \"email\"], minLinks: 1, postponed: true)",
    "explain(a: {namespace: \"user_id\", value: \"u1\"}, b: {namespace: \"email\", value: \"e1@x.com\"})",
    "explain(a: {namespace: \"user_id\", value: \"u1\"}, b: {namespace: \"user_id\", value: \"u2\"})",
    "socialPath(from: {identifier: {namespace: \"user_id\", value: \"u1\"}}, to: {identifier: {namespace: \"user_id\", value: \"u3\"}})",
)  # fmt: skip


@st.composite
def selections(draw: st.DrawFn, type_name: str, depth: int) -> str:
    """Fields of a type, some under an alias, in fragments, with directives and arguments."""
    type_ = SCHEMA.type_map[type_name]
    assert isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
    leaves = [name for name, field in type_.fields.items() if not _has_fields(field)]
    trees = [name for name, field in type_.fields.items() if _has_fields(field)]
    chosen = draw(st.lists(st.sampled_from(leaves), max_size=2)) if leaves else []
    chosen += draw(st.lists(st.sampled_from(trees), min_size=not chosen, max_size=2)) if trees and depth else []
    parts = [draw(_field(type_, name, place, depth)) for place, name in enumerate(chosen)]
    return " ".join(parts) or "__typename"


@st.composite
def _field(draw: st.DrawFn, type_: Any, name: str, place: int, depth: int) -> str:
    field = type_.fields[name]
    given = [f"{arg}: {draw(st.sampled_from(ARGUMENTS[arg]))}" for arg in field.args if arg in ARGUMENTS and draw(st.booleans())]
    arguments = f"({', '.join(given)})" if given else ""
    below = f" {{ {draw(selections(get_named_type(field.type).name, depth - 1))} }}" if _has_fields(field) else ""
    directive = draw(st.sampled_from(["", "", "", " @include(if: $yes)", " @skip(if: $yes)", " @skip(if: false)"]))
    text = f"{name}{place}x{depth}: {name}{arguments}{directive}{below}"
    wrap = draw(st.sampled_from(["{0}", "{0}", f"... on {type_.name} {{{{ {{0}} }}}}", "... {{ {0} }}"]))
    return wrap.format(text)


def _has_fields(field: Any) -> bool:
    return isinstance(get_named_type(field.type), GraphQLObjectType | GraphQLInterfaceType)


@st.composite
def queries(draw: st.DrawFn) -> str:
    root = draw(st.sampled_from(ROOTS))
    assert SCHEMA.query_type is not None
    type_name = get_named_type(SCHEMA.query_type.fields[root.split("(")[0]].type).name
    body = f"{root} {{ {draw(selections(type_name, 5))} }}"
    variables = [f"${name}: {kind}" for name, kind in (("n", "Int"), ("yes", "Boolean! = true")) if f"${name}" in body]
    return f"query {f'({chr(44).join(variables)})' if variables else ''} {{ {body} }}"


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example])
@given(asked=st.lists(queries(), min_size=1, max_size=6), n=st.none() | st.integers(1, 100))
async def test_any_valid_selection_is_answered_from_its_one_call(open_with: OpenWith, asked: list[str], n: int | None) -> None:
    assert [validate(SCHEMA, parse(query)) for query in asked] == [[]] * len(asked)
    async with open_with(RULES) as store, asking(store, max_aliases=1000, max_depth=50, max_cost=10**15) as ask:
        await ask.ingest(
            *(fragment(f"user_id:u{k}", f"email:e{k}@x.com", "device:kiosk", id=f"r{k}", traits={"name": f"u {k}"}) for k in range(5)),
            fragment("user_id:u3", "email:e4@x.com", id="r9"),
        )
        await judge(store, [same("user_id:u1", "device:own"), distinct("user_id:u2", "email:e1@x.com")])
        await ask.data(LIKES, likes=[_like(0, 1), _like(1, 2), _like(2, 3)])
        for query in asked:
            assert (await ask(query, n=n)).get("errors") is None, query


RULES = Rules.parse("""
[[namespace]]
name = "user_id"
limit = 1
[[namespace]]
name = "email"
[[namespace]]
name = "device"
shared_above = 3
""")
LIKES = "mutation ($likes: [InteractionInput!]!) { recordInteractions(input: {interactions: $likes}) { accepted } }"


def _like(a: int, b: int) -> dict[str, Any]:
    ends = [{"namespace": "user_id", "value": f"u{n}"} for n in (a, b)]
    return {"id": f"{a}-{b}", "source": "forum", "type": "like", "from": ends[0], "to": ends[1]}
