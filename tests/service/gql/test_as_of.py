"""As of an earlier time, over GraphQL: ids and cursors of an answer go on answering as of then."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from service.gql.ids import node_id
from service.gql.schema import print_sorted
from tests.service.asking import Asking, asking, fragment
from tests.stores import OpenWith

PERSON = """fragment Whole on Profile { id oneId kind version asOf createdAt updatedAt retiredAt retiredOneIds
    identifiers { totalCount edges { cursor node { id namespace value status firstSeenAt lastSeenAt sources profile { id oneId } } } }
    traits { key value source identifier { id value } alternatives { value source identifier { id } } }
    links(refused: true) { totalCount edges { cursor node { id a { id value } b { id value } fragmentCount accepted bridge
        refusedBy { rule namespace } fragments { edges { node { id recordId } } } } } }
    fragments { totalCount edges { cursor node { id recordId status traits profile { id } identifiers { id } } } }
    related { edges { node { weight profile { id oneId } } } }
    neighbourhood { nodes { profile { id } depth } edges { from to weight } }
    changes { edges { node { id kind oneId leadsTo gained { edges { node { id } } } profile { id oneId } } } }
    judgements { edges { node { id kind inForce a { id } b { id } } } } }"""
PROFILE = f"query ($by: ProfileBy!, $asOf: DateTime) {{ profile(by: $by, asOf: $asOf) {{ ...Whole }} }} {PERSON}"
WHO = "query ($by: ProfileBy!, $asOf: DateTime) { profile(by: $by, asOf: $asOf) { id asOf identifiers { edges { node { value } } } } }"
NODE = f"query ($id: ID!) {{ node(id: $id) {{ id ... on Profile {{ ...Whole }} }} }} {PERSON}"
EXPLAIN = """query ($a: IdentifierInput!, $b: IdentifierInput!, $asOf: DateTime) { explain(a: $a, b: $b, asOf: $asOf) {
    together message path { id accepted } refused { id refusedBy { rule } } } }"""
U1 = {"identifier": {"namespace": "user_id", "value": "u1"}}
PHONE, MAIL = {"namespace": "phone", "value": "+8613912345678"}, {"namespace": "email", "value": "ada@example.com"}
JUDGE = "mutation ($input: JudgeInput!) { judge(input: $input) { userErrors { message } } }"


@pytest.fixture
async def ask(open_with: OpenWith) -> AsyncIterator[Asking]:
    async with open_with() as store, asking(store) as opened:
        yield opened


async def fill(ask: Asking) -> None:
    await ask.ingest(
        fragment("user_id:u1", "phone:139 1234 5678", id="1", traits={"name": "Ada"}),
        fragment("phone:13912345678", "email:ada@example.com", id="2", source="web", traits={"name": "Ada L."}),
        fragment("user_id:u2", "device:d", id="3"),
    )
    done = await ask.data(
        "mutation ($input: RecordInteractionsInput!) { recordInteractions(input: $input) { accepted } }",
        input={"interactions": [{"id": "1", "source": "app", "type": "like", "from": U1["identifier"], "to": {**PHONE, **U2}}]},
    )
    assert done["recordInteractions"]["accepted"] == 1


U2 = {"namespace": "user_id", "value": "u2"}


async def change(ask: Asking) -> None:
    """Nothing stays as it was."""
    await ask.data(JUDGE, input={"kind": "DISTINCT", "a": PHONE, "b": MAIL, "reason": "two people"})
    await ask.data(JUDGE, input={"kind": "SAME", "a": U2, "b": MAIL, "reason": "one person"})
    await ask.ingest(fragment("user_id:u1", "phone:139 9999 9999", id="1", at="2026-02-01T00:00:00Z", traits={"name": "Bea"}))


def without_ids(answer: Any) -> Any:
    """An answer without its ids, which tell the past from now."""
    if isinstance(answer, dict):
        return {key: without_ids(value) for key, value in answer.items() if key not in ("id", "from", "to")}
    return [without_ids(one) for one in answer] if isinstance(answer, list) else answer


def ids_in(answer: Any) -> set[str]:
    if isinstance(answer, dict):
        found = {value for key, value in answer.items() if key in ("id", "from", "to") and isinstance(value, str)}
        return found.union(*(ids_in(value) for value in answer.values()))
    return set().union(*(ids_in(one) for one in answer)) if isinstance(answer, list) else set()


async def test_an_answer_remembered_is_the_answer_as_of_then(ask: Asking) -> None:
    await fill(ask)
    now = (await ask.data(PROFILE, by=U1))["profile"]
    await change(ask)

    then = (await ask.data(PROFILE, by=U1, asOf=now["asOf"]))["profile"]

    assert without_ids(then) == without_ids(now)
    assert len(then["identifiers"]["edges"]) == 3
    assert without_ids((await ask.data(PROFILE, by=U1))["profile"]) != without_ids(now)


async def test_ids_of_the_past_answer_as_of_it_and_are_never_those_of_now(ask: Asking) -> None:
    await fill(ask)
    now = (await ask.data(PROFILE, by=U1))["profile"]
    then = (await ask.data(PROFILE, by=U1, asOf=now["asOf"]))["profile"]
    await change(ask)

    assert ids_in(then).isdisjoint(ids_in(now))
    assert (await ask.data(NODE, id=then["id"]))["node"] == then
    several = [then["id"], now["id"], then["fragments"]["edges"][0]["node"]["id"], node_id("profile", 1, as_of=1 << 40)]
    nodes = await ask.data(f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ id ... on Profile {{ ...Whole }} }} }} {PERSON}", ids=several)
    assert [one and one["id"] for one in nodes["nodes"]] == [*several[:3], None]
    assert nodes["nodes"][0] == then
    assert nodes["nodes"][1] == (await ask.data(PROFILE, by=U1))["profile"]
    every = [*ids_in(then)]
    found = (await ask.data("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=every))["nodes"]
    assert [one["id"] for one in found] == every


async def test_an_id_of_the_past_names_the_same_person_now(ask: Asking) -> None:
    await fill(ask)
    [first] = [(await ask.data(WHO, by=U1, asOf="2100-01-01T00:00:00Z"))["profile"]]
    await change(ask)

    now = (await ask.data(WHO, by={"id": first["id"]}))["profile"]

    assert now == (await ask.data(WHO, by=U1))["profile"]
    assert (await ask.data(WHO, by={"id": first["id"]}, **{"asOf": first["asOf"]}))["profile"] == first


async def test_an_explanation_of_then(ask: Asking) -> None:
    await fill(ask)
    at = (await ask.data(WHO, by=U1))["profile"]["asOf"]
    await change(ask)

    then = (await ask.data(EXPLAIN, a=PHONE, b=MAIL, asOf=at))["explain"]
    now = (await ask.data(EXPLAIN, a=PHONE, b=MAIL))["explain"]

    assert (then["together"], now["together"]) == (True, False)
    link = (await ask.data("query ($id: ID!) { node(id: $id) { id ... on Link { accepted } } }", id=then["path"][0]["id"]))["node"]
    assert link == {"id": then["path"][0]["id"], "accepted": True}


async def test_before_the_first_write_nobody_was_known(ask: Asking) -> None:
    await fill(ask)
    early = "2000-01-01T00:00:00Z"

    assert (await ask.data(PROFILE, by=U1, asOf=early))["profile"] is None
    several = "query ($by: [ProfileBy!]!, $asOf: DateTime) { profilesBy(by: $by, asOf: $asOf) { id } }"
    assert (await ask.data(several, by=[U1, U1], asOf=early))["profilesBy"] == [None, None]
    told = (await ask.data(EXPLAIN, a=PHONE, b=MAIL, asOf=early))["explain"]
    assert not told["together"]
    assert "not known" in told["message"]


async def test_pages_of_an_answer_of_the_past_go_on(ask: Asking) -> None:
    await fill(ask)
    at = (await ask.data(WHO, by=U1))["profile"]["asOf"]
    await change(ask)
    page = """query ($by: ProfileBy!, $asOf: DateTime, $after: String) { profile(by: $by, asOf: $asOf) {
        identifiers(first: 1, after: $after) { edges { node { value } } pageInfo { hasNextPage endCursor } } } }"""

    values, after, more = [], None, True
    while more:
        part = (await ask.data(page, by=U1, asOf=at, after=after))["profile"]["identifiers"]
        values += [edge["node"]["value"] for edge in part["edges"]]
        after, more = part["pageInfo"]["endCursor"], part["pageInfo"]["hasNextPage"]

    assert sorted(values) == ["+8613912345678", "ada@example.com", "u1"]


async def test_what_is_no_time_is_told(ask: Asking) -> None:
    code, message = await ask.refusal(WHO, by=U1, asOf="yesterday")

    assert code == "INVALID"
    assert "asOf" in message


def test_the_schema_says_what_as_of_means() -> None:
    assert print_sorted().count("What was believed at this instant") == 3
