"""From selections to wants: every way to write a selection asks the store for exactly what it needs, in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from graph.resolve.rules import Rules
from graph.views import Connection, LookUp, Page, ProfileView, Want
from service.gql.ids import encode, node_id
from tests.service.asking import asking


class Listening:
    """A store in which nobody is known; it remembers what was wanted."""

    def __init__(self) -> None:
        self.in_force = Rules.builtin()
        self.calls: list[Any] = []

    async def head(self) -> tuple[int, int]:
        return 0, 0

    async def profiles_by(
        self, by: Sequence[LookUp], want: Sequence[Want], *, token: int | None = None, as_of: int | None = None
    ) -> list[None]:
        self.calls.append(want)
        return [None] * len(by)

    async def nodes(
        self, ids: Sequence[Any], want: Mapping[str, Sequence[Want]], *, token: int | None = None, as_of: int | None = None
    ) -> list[None]:
        self.calls.append(want)
        return [None] * len(ids)

    async def profiles(self, page: Page, want: Sequence[Want], **filters: Any) -> Connection[ProfileView]:
        self.calls.append(want)
        return Connection((), False)


def want(name: str, *inner: Want, **args: Any) -> Want:
    return Want(name, tuple(sorted(args.items())), inner)


def paged(name: str, *inner: Want, first: int = 20, **args: Any) -> Want:
    return want(name, *inner, first=first, after=args.pop("after", None), **args)


def identifiers(*inner: Want, **args: Any) -> Want:
    return paged("identifiers", *inner, **{"namespaces": None, **args})


SPAN = want("span")


async def wanted(query: str, **variables: Any) -> Any:
    """What the one call of a query asked the store for."""
    store = Listening()
    async with asking(store) as ask:  # type: ignore[arg-type]  # as much of a store as these queries use
        await ask.data(query, **variables)
    (call,) = store.calls
    return call


async def of_profile(selection: str, more: str = "", **variables: Any) -> tuple[Want, ...]:
    names = "".join(f"${name}: {type_}, " for name, type_ in TYPES.items() if name in variables)
    head = f"query ({names})" if names else "query"
    found: tuple[Want, ...] = await wanted(f'{head} {{ profile(by: {{oneId: "x"}}) {{ {selection} }} }} {more}', **variables)
    return found


TYPES = {"yes": "Boolean!", "no": "Boolean!", "n": "Int", "names": "[String!]"}


@pytest.mark.parametrize(
    ("selection", "wants"),
    [
        ("oneId kind __typename", ()),
        ("identifiers { edges { node { value } } }", (identifiers(),)),
        ("identifiers { edges { node { firstSeenAt lastSeenAt } } }", (identifiers(SPAN),)),
        ("identifiers { totalCount }", (identifiers(want("total_count")),)),
        ("identifiers(first: 3, namespaces: [\"phone\", \"email\", \"phone\"]) { edges { cursor } }",
         (identifiers(first=3, namespaces=("email", "phone")),)),
        ("traits { key }", (want("traits", keys=None),)),
        ("traits { identifier { value } }", (want("traits", keys=None),)),
        ("traits { identifier { firstSeenAt } }", (want("traits", want("identifier", SPAN), keys=None),)),
        ("traits { few: alternatives(first: 2) { value } many: alternatives(first: 5) { source } }",
         (want("traits", want("alternatives", first=5), keys=None),)),
        ("links { edges { node { a { value } b { sources } bridge } } }",
         (paged("links", want("b", want("sources", first=20)), want("bridge"), refused=False),)),
        ("links(refused: true) { edges { node { fragments(first: 1) { edges { node { traits } } } } } }",
         (paged("links", paged("fragments", first=1), refused=True),)),
        ("fragments { edges { node { identifiers { value } profile { oneId } } } }",
         (paged("fragments", want("identifiers"), want("profile"), sources=None),)),
        ("related(types: [\"like\"]) { edges { node { profile { retiredOneIds } } } }",
         (paged("related", want("profile", want("retired_one_ids", first=20)), types=("like",)),)),
        ("neighbourhood(depth: 2, minWeight: 3) { nodes { profile { oneId } } edges { weight } }",
         (want("neighbourhood", want("profile"), depth=2, types=None, since=None, direction="both", min_weight=3.0, max_nodes=200),)),
        ("neighbourhood(direction: IN, since: \"1970-01-01T00:00:01Z\") { truncated }",
         (want("neighbourhood", depth=1, types=None, since=1_000_000, direction="in", min_weight=0.0, max_nodes=200),)),
        ("changes { edges { node { cause { id } gained(first: 2) { edges { node { masked } } } } } }",
         (paged("changes", paged("gained", first=2)),)),
        ("judgements { edges { node { a { value } b { firstSeenAt } } } }", (paged("judgements", want("b", SPAN)),)),
        ("successor { oneId successor { oneId } }", (want("successor", want("successor")),)),
    ],
)  # fmt: skip
async def test_a_selection_wants_what_it_shows(selection: str, wants: tuple[Want, ...]) -> None:
    assert await of_profile(selection) == wants


async def test_two_aliases_with_different_arguments_are_two_wants() -> None:
    wants = await of_profile(
        'phones: identifiers(namespaces: ["phone"]) { totalCount } mails: identifiers(namespaces: ["email"]) { totalCount }'
    )

    assert wants == tuple(identifiers(want("total_count"), namespaces=(name,)) for name in ("phone", "email"))


async def test_fields_that_ask_for_the_same_are_one_want() -> None:
    wants = await of_profile(
        "identifiers { edges { node { value } } } again: identifiers(first: 20) { totalCount edges { node { profile { oneId } } } }"
    )

    assert wants == (identifiers(want("total_count"), want("profile")),)


async def test_fragments_are_followed_wherever_they_are_spread() -> None:
    spread = await of_profile(
        "...P ... on Profile { retiredOneIds } ... on Node { id } ... { traits { key } }",
        "fragment P on Profile { identifiers { edges { ...E } } } fragment E on IdentifierEdge { node { ...I } } "
        "fragment I on Identifier { lastSeenAt }",
    )

    assert spread == (identifiers(SPAN), want("retired_one_ids", first=20), want("traits", keys=None))


@pytest.mark.parametrize(
    ("directives", "shown"),
    [
        ("@include(if: true)", True), ("@include(if: false)", False), ("@skip(if: true)", False), ("@skip(if: false)", True),
        ("@include(if: $yes)", True), ("@include(if: $no)", False), ("@skip(if: $yes)", False), ("@skip(if: $no)", True),
        ("@include(if: $yes) @skip(if: $yes)", False), ("@include(if: $yes) @skip(if: $no)", True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", ["traits {0} {{ key }}", "... {0} {{ traits {{ key }} }}", "...T {0}"])
async def test_include_and_skip_decide_with_their_variables(where: str, directives: str, shown: bool) -> None:
    values = {name: value for name, value in (("yes", True), ("no", False)) if f"${name}" in directives}
    more = "fragment T on Profile { traits { key } }" if "...T" in where else ""

    assert await of_profile(f"oneId {where.format(directives)}", more, **values) == ((want("traits", keys=None),) if shown else ())


async def test_variables_are_arguments_like_any_other() -> None:
    wants = await of_profile("identifiers(first: $n, namespaces: $names) { totalCount }", n=7, names=["phone"])

    assert wants == (identifiers(want("total_count"), first=7, namespaces=("phone",)),)


async def test_a_variable_that_is_null_or_missing_means_the_default() -> None:
    head = 'query ($n: Int, $k: Int) { profile(by: {oneId: "x"}) { identifiers(first: $n) { totalCount } retiredOneIds(first: $k) } }'

    assert await wanted(head, n=None) == (identifiers(want("total_count")), want("retired_one_ids", first=20))


async def test_cursors_reach_the_store_as_keys() -> None:
    cursor = encode("identifiers", (4, 2))

    assert await of_profile(f'identifiers(after: "{cursor}") {{ totalCount }}') == (identifiers(want("total_count"), after=(4, 2)),)


async def test_nodes_of_different_types_want_their_own_parts() -> None:
    asked = [node_id("profile", 1), node_id("link", 1, 2), node_id("link", 3), node_id("fragment", 4), node_id("cause", 0, 1)]
    wants = await wanted(
        "query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Profile { traits { key } } ... on Link { bridge } ...F } } "
        "fragment F on Fragment { identifiers { value } }",
        ids=asked,
    )

    assert wants == {"profile": (want("traits", keys=None),), "link": (want("bridge"),), "fragment": (want("identifiers"),)}


async def test_a_list_of_everyone_wants_its_total_beside_the_parts() -> None:
    wants = await wanted("{ profiles { totalCount edges { node { identifiers { totalCount } } } } }")

    assert set(wants) == {want("total_count"), identifiers(want("total_count"))}
