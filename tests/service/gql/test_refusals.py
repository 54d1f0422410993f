"""What is refused, under which code, in which words; and what never leaves."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.errors import StoreBusy
from graph.resolve.rules import Rules
from service.gql.ids import encode, node_id
from tests.service.asking import Asking, asking

SECRET = "ada.secret@example.com"


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ('{ profiles(after: "made-up") { edges { cursor } } }', "after"),
        ('{ search(text: "x", after: "FOREIGN") { edges { cursor } } }', "after"),
        ('{ profile(by: {oneId: "x"}) { identifiers(after: "FOREIGN") { totalCount } } }', "identifiers.after"),
        ('{ profile(by: {oneId: "x"}) { links { edges { node { fragments(after: "?") { totalCount } } } } } }',
         "links.edges.node.fragments.after"),
        ('{ changes(after: "LONG") { edges { cursor } } }', "after"),
        ('{ node(id: "made-up") { id } }', "id"),
        ('{ nodes(ids: ["LINK", "nonsense"]) { id } }', "ids.1"),
        ('{ profile(by: {id: "LINK"}) { oneId } }', "by.id"),
        ('{ profile(by: {id: "x"}) { oneId } }', "by.id"),
        ('{ profile(by: {oneId: ""}) { oneId } }', "by"),
        ('{ profile(by: {identifier: {namespace: "", value: "x"}}) { oneId } }', "by.identifier.namespace"),
        ('{ profile(by: {identifier: {namespace: "a:b", value: "x"}}) { oneId } }', "by.identifier.namespace"),
        ("{ profiles(first: 0) { edges { cursor } } }", "first"),
        ("{ profiles(first: -3) { edges { cursor } } }", "first"),
        ("{ profiles(first: 101) { edges { cursor } } }", "first"),
        ('{ profile(by: {oneId: "x"}) { few: identifiers(first: 1000) { totalCount } } }', "identifiers.first"),
        ('{ profile(by: {oneId: "x"}) { traits { alternatives(first: 101) { value } } } }', "traits.alternatives.first"),
        ('{ profile(by: {oneId: "x"}) { neighbourhood(depth: 4) { truncated } } }', "neighbourhood.depth"),
        ('{ profile(by: {oneId: "x"}) { neighbourhood(maxNodes: 1001) { truncated } } }', "neighbourhood.maxNodes"),
        ('{ profile(by: {oneId: "x"}) { neighbourhood(minWeight: -1) { truncated } } }', "neighbourhood.minWeight"),
        ('{ profile(by: {oneId: "x"}) { neighbourhood(since: "2026-02-30T00:00:00Z") { truncated } } }', "neighbourhood.since"),
        ('{ socialPath(from: {oneId: "x"}, to: {oneId: "y"}, maxHops: 7) { truncated } }', "maxHops"),
        ('{ profiles(updatedAfter: "yesterday") { edges { cursor } } }', "updatedAfter"),
        ('{ profiles(updatedAfter: "2026-13-01T00:00:00Z") { edges { cursor } } }', "updatedAfter"),
        ("{ profiles(updatedAfter: 7) { edges { cursor } } }", "updatedAfter"),
        ('{ search(text: " ") { edges { cursor } } }', "text"),
        ('{ search(text: "LONG") { edges { cursor } } }', "text"),
    ],
)  # fmt: skip
async def test_a_bad_argument_is_refused_by_its_name(ask: Asking, query: str, path: str) -> None:
    for word, text in {"FOREIGN": encode("profiles", (1,)), "LINK": node_id("link", 1, 2), "LONG": "A" * 500}.items():
        query = query.replace(word, text)
    answer = await ask(query)
    (error,) = answer["errors"]

    assert error["extensions"]["code"] == "INVALID"
    assert error["extensions"]["path"] == path.split(".")
    assert error["message"].startswith(f"{path}: ")


async def test_too_long_a_one_id_says_both_lengths(ask: Asking) -> None:
    code, message = await ask.refusal("query ($x: String!) { profile(by: {oneId: $x}) { oneId } }", x="x" * 65)

    assert (code, message) == ("LIMIT_EXCEEDED", "by.oneId: 65 characters came, at most 64 are allowed")


@pytest.mark.parametrize("name", ["ids: ID", "by: ProfileBy"])
async def test_more_than_a_hundred_at_once_are_refused(ask: Asking, name: str) -> None:
    argument, type_ = name.split(": ")
    items: list[Any] = [node_id("profile", 1) if argument == "ids" else {"oneId": "x"}] * 101
    field, shown = ("nodes", "id") if argument == "ids" else ("profilesBy", "oneId")
    code, message = await ask.refusal(f"query ($x: [{type_}!]!) {{ {field}({argument}: $x) {{ {shown} }} }}", x=items)

    assert (code, message) == ("INVALID", f"{argument}: 101 came, at most 100 are allowed")


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("{ profile(by: {oneId: \"x\"}) { " + "successor { " * 13 + "oneId" + " }" * 15, "LIMIT_EXCEEDED",
         "the operation is 15 levels deep, at most 12 are allowed"),
        ("{ " + " ".join(f"a{n}: stats {{ store }}" for n in range(31)) + " }", "LIMIT_EXCEEDED",
         "the operation has 31 aliases, at most 30 are allowed"),
        ("{ stats { " + "store " * 5000 + "} }", "LIMIT_EXCEEDED", "the document has more than 5000 tokens, which is the most allowed"),
        ("{ profiles(first: 100) { edges { node { identifiers(first: 100) { edges { node { profile { identifiers(first: 100) "
         "{ totalCount } } } } } } } } }", "TOO_COSTLY", None),
        ("query ($n: Int = 100) { profiles(first: $n) { edges { node { links(first: $n) { edges { node { fragments(first: $n) "
         "{ totalCount } } } } } } } }", "TOO_COSTLY", None),
        ("{", "INVALID", "Syntax Error: Expected Name, found <EOF>."),
        ("{ nothing }", "INVALID", "Cannot query field 'nothing' on type 'Query'."),
        ("fragment A on Query { ...B } fragment B on Query { ...A } { ...A }", "INVALID", None),
        ("{ " * 300 + "}" * 300, "INVALID", None),
        ("query A { stats { store } } query B { stats { store } }", "INVALID", None),
    ],
)  # fmt: skip
async def test_an_operation_over_a_limit_is_refused_before_it_runs(ask: Asking, query: str, code: str, message: str | None) -> None:
    answer = await ask(query)

    assert answer.get("data") is None
    assert answer["errors"][0]["extensions"]["code"] == code
    assert message is None or answer["errors"][0]["message"] == message


async def test_fragments_within_fragments_are_measured_in_no_time(ask: Asking) -> None:
    fragments = " ".join(f"fragment F{n} on Profile {{ a: successor {{ ...F{n + 1} }} b: successor {{ ...F{n + 1} }} }}" for n in range(10))
    code, message = await ask.refusal(f'{{ profile(by: {{oneId: "x"}}) {{ ...F0 }} }} {fragments} fragment F10 on Profile {{ oneId }}')

    assert (code, message) == ("LIMIT_EXCEEDED", "the operation has 2046 aliases, at most 30 are allowed")


async def test_a_long_chain_of_fragments_is_refused(ask: Asking) -> None:
    chain = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(600))
    answer = await ask(f"{{ ...F0 }} {chain} fragment F600 on Query {{ stats {{ store }} }}")

    assert answer["errors"][0]["extensions"]["code"] in ("LIMIT_EXCEEDED", "INVALID")


async def test_batches_are_refused(ask: Asking) -> None:
    response = await ask.http.post("/graphql", json=[{"query": "{ stats { store } }"}])

    assert (response.status_code, response.json()["errors"][0]["message"]) == (
        400,
        "one operation a request: a JSON object is wanted, a list came",
    )


async def test_introspection_can_be_closed() -> None:
    async with asking(introspection=False) as ask:
        code, message = await ask.refusal("{ __schema { __typename } }")

    assert code == "INVALID"
    assert "introspection" in message


async def test_a_full_introspection_query_is_within_the_limits(ask: Asking) -> None:
    from graphql import build_client_schema, get_introspection_query

    told = await ask.data(get_introspection_query(input_value_deprecation=True, specified_by_url=True))

    assert build_client_schema(told).query_type is not None  # type: ignore[arg-type]  # a plain dict, as clients have it


WRONG: list[Any] = [SECRET, 139_1234_5678, 1.5, True, None, [], {}, [SECRET], {"secret": SECRET}, {SECRET: 1}]
QUERIES = [
    "query ($x: ProfileBy!) { profile(by: $x) { oneId } }",
    "query ($x: [ID!]!) { nodes(ids: $x) { id } }",
    "query ($x: Int) { profiles(first: $x) { edges { cursor } } }",
    "query ($x: [ChangeKind!]) { changes(kinds: $x) { edges { cursor } } }",
    "query ($x: DateTime) { profiles(updatedAfter: $x) { edges { cursor } } }",
    "query ($x: String!) { search(text: $x) { edges { cursor } } }",
    "mutation ($x: IngestFragmentsInput!) { ingestFragments(input: $x) { accepted } }",
    "mutation ($x: [FragmentInput!]!) { ingestFragments(input: {fragments: $x}) { accepted } }",
    'mutation ($x: [IdentifierInput!]!) { ingestFragments(input: {fragments: [{source: "s", id: "1", identifiers: $x}]}) { accepted } }',
    'mutation ($x: Float) { ingestFragments(input: {fragments: [{source: "s", id: "1", identifiers: [], score: $x}]}) { accepted } }',
]  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("wrong", WRONG)
async def test_no_error_says_what_came(ask: Asking, query: str, wrong: Any) -> None:
    answer = await ask(query, x=wrong)
    told = json.dumps(answer)

    assert "secret" not in told
    assert "13912345678" not in told
    assert all(error["extensions"]["code"] in ("INVALID", "LIMIT_EXCEEDED") for error in answer.get("errors", ()))


@pytest.mark.parametrize(
    "literal", [f'"{SECRET}"', "13912345678", "139.12345678", f'"""{SECRET}"""', f'["{SECRET}"]', f'{{secret: "{SECRET}"}}', "secretKind"]
)
@pytest.mark.parametrize("query", ["{{ profile(by: {0}) {{ oneId }} }}", "{{ profiles(first: {0}) {{ edges {{ cursor }} }} }}",
                                   "{{ changes(kinds: {0}) {{ edges {{ cursor }} }} }}"])  # fmt: skip
async def test_no_error_quotes_a_literal(ask: Asking, query: str, literal: str) -> None:
    answer = await ask(query.format(literal))
    told = " ".join(error["message"] for error in answer.get("errors", ()))

    assert "secret" not in told
    assert "12345678" not in told


@settings(max_examples=200)
@given(st.text(max_size=200))
async def test_any_text_as_a_query_gets_an_answer_with_codes(text: str) -> None:
    async with asking() as ask:
        answer = await ask(text)

    assert all(error["extensions"]["code"] in ("INVALID", "LIMIT_EXCEEDED") for error in answer["errors"])


class Broken:
    """A store whose reads fail in a way nobody foresaw, or are busy."""

    def __init__(self, error: Exception) -> None:
        self.in_force = Rules.builtin()
        self._error = error

    async def stats(self) -> None:
        raise self._error


async def test_what_nobody_foresaw_is_masked_and_logged_without_values(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        async with asking(Broken(RuntimeError(SECRET))) as ask:  # type: ignore[arg-type]
            answer = await ask("{ stats { store } }", headers={"X-Request-ID": "req-7"})

    assert answer["errors"][0]["message"] == "internal error; request req-7"
    assert answer["errors"][0]["extensions"] == {"code": "INTERNAL", "requestId": "req-7"}
    assert "Traceback" not in json.dumps(answer)
    assert "secret" not in caplog.text
    assert "req-7: RuntimeError at stats" in caplog.text
    assert "test_refusals.py" in caplog.text


async def test_a_store_that_is_busy_may_be_asked_again() -> None:
    async with asking(Broken(StoreBusy("the gate was not free"))) as ask:  # type: ignore[arg-type]
        answer = await ask("{ stats { store } }")

    assert answer["errors"][0]["extensions"] == {"code": "UNAVAILABLE", "retryable": True}


async def test_repeating_a_field_hundreds_of_times_is_refused_before_it_costs(ask: Asking) -> None:
    code, message = await ask.refusal("{ " + "stats { store } " * 500 + "}")

    assert (code, message) == ("LIMIT_EXCEEDED", "the document repeats fields too often; write each field once")


async def test_a_subscription_needs_a_transport_that_streams(ask: Asking) -> None:
    code, message = await ask.refusal("subscription { changes { at } }")

    assert (code, message[:31]) == ("INVALID", "subscriptions come over graphql")
