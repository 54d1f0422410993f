"""The steward's work-list over GraphQL: listing, deciding, putting off."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from service.auth import add_key
from service.gql.ids import node_id
from tests.service.asking import Asking, asking, fragment

ITEM = """{ id rule namespace linkCount lastSeenAt postponed
    a { oneId identifiers { edges { node { value } } } } b { oneId identifiers { edges { node { value } } } }
    links(first: 1) { a { value } b { value } refusedBy { rule namespace } fragments { edges { node { recordId } } } } }"""
LIST = f"""query ($namespaces: [String!], $minLinks: Int, $postponed: Boolean, $first: Int, $after: String) {{
    conflicts(namespaces: $namespaces, minLinks: $minLinks, postponed: $postponed, first: $first, after: $after) {{
        edges {{ cursor node {ITEM} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
NODE = f"query ($id: ID!) {{ node(id: $id) {{ id ... on Conflict {ITEM} }} }}"
POSTPONE = f"""mutation ($input: PostponeConflictInput!) {{ postponeConflict(input: $input) {{
    conflict {ITEM} userErrors {{ code message path }} clientMutationId }} }}"""
JUDGE = "mutation ($input: JudgeInput!) { judge(input: $input) { userErrors { code } profiles { oneId } } }"
WHEN = "2026-01-0{}T00:00:00Z"


@pytest.fixture
async def three(ask: Asking) -> Asking:
    """Three pairs whose users share an address, seen last on different days, and a tablet that two users share."""
    for day, n in ((3, 1), (5, 2), (4, 3)):
        await ask.ingest(
            fragment(f"user_id:u{n}", f"email:e{n}@x.com", id=f"a{n}", at=WHEN.format(day)),
            fragment(f"user_id:v{n}", f"email:e{n}@x.com", id=f"b{n}", at=WHEN.format(8)),
        )
    await ask.ingest(
        fragment("user_id:u1", "device:d", id="c", at=WHEN.format(1)), fragment("user_id:u2", "device:d", id="d", at=WHEN.format(2))
    )
    return ask


def users(answer: Mapping[str, Any]) -> list[str]:
    """The user at the refused link of each conflict."""
    links = [edge["node"]["links"][0] for edge in answer["conflicts"]["edges"]]
    return [next(link[end]["value"] for end in "ab" if "@" not in link[end]["value"] and link[end]["value"] != "d") for link in links]


async def test_the_list_shows_who_is_held_apart_and_why(three: Asking) -> None:
    answer = await three.data(LIST)
    first = answer["conflicts"]["edges"][0]["node"]
    sides = sorted([edge["node"]["value"] for edge in first[side]["identifiers"]["edges"]] for side in "ab")

    assert users(answer) == ["u2", "u3", "u1"]
    assert (first["rule"], first["namespace"], first["linkCount"], first["postponed"]) == ("LIMIT", "email", 1, False)
    assert first["lastSeenAt"] == WHEN.format(5)
    assert first["links"][0]["refusedBy"] == {"rule": "LIMIT", "namespace": "user_id"}
    assert first["links"][0]["fragments"]["edges"] == [{"node": {"recordId": "a2"}}]
    assert ["e2@x.com", "v2"] in [sorted(side) for side in sides]
    assert (await three.data(NODE, id=first["id"]))["node"] == first


async def test_pages_and_filters(three: Asking) -> None:
    pages, after = [], None
    while True:
        answer = await three.data(LIST, first=1, after=after)
        pages += users(answer)
        after = answer["conflicts"]["pageInfo"]["endCursor"]
        if not answer["conflicts"]["pageInfo"]["hasNextPage"]:
            break

    assert pages == ["u2", "u3", "u1"]
    assert users(await three.data(LIST, namespaces=["device"])) == ["u1"]
    assert users(await three.data(LIST, minLinks=2)) == []
    assert users(await three.data(LIST, namespaces=None, minLinks=None, postponed=None)) == pages


@pytest.mark.parametrize("kind", ["SAME", "DISTINCT"])
async def test_deciding_takes_a_pair_off(three: Asking, kind: str) -> None:
    [first, *_] = (await three.data(LIST))["conflicts"]["edges"]
    ends = {side: {"namespace": "user_id", "value": value} for side, value in (("a", "u2"), ("b", "v2"))}
    done = await three.data(JUDGE, input={"kind": kind, **ends, "reason": "asked them"})
    await three.ingest(fragment("user_id:u2", "email:e2@x.com", id="later", at=WHEN.format(6)))

    assert done["judge"]["userErrors"] == []
    assert users(await three.data(LIST)) == ["u3", "u1"]
    assert (await three.data(NODE, id=first["node"]["id"]))["node"] is None


async def test_what_is_put_off_is_off_until_there_is_new_evidence(three: Asking) -> None:
    [first, *_] = (await three.data(LIST))["conflicts"]["edges"]
    asked = {"id": first["node"]["id"], "reason": "waiting for the shop", "clientMutationId": "k"}
    done = (await three.data(POSTPONE, input=asked))["postponeConflict"]
    again = (await three.data(POSTPONE, input=asked))["postponeConflict"]
    other = (await three.data(POSTPONE, input={**asked, "reason": "no"}))["postponeConflict"]
    off, also = users(await three.data(LIST)), users(await three.data(LIST, postponed=True))
    await three.ingest(fragment("user_id:u2", "email:e2@x.com", id="later", at=WHEN.format(6)))

    assert (done["userErrors"], done["clientMutationId"]) == ([], "k")
    assert done["conflict"] == {**first["node"], "postponed": True}
    assert again == done
    assert [(one["code"], one["path"]) for one in other["userErrors"]] == [("CONFLICT", ["input", "clientMutationId"])]
    assert (off, also) == (["u3", "u1"], ["u2", "u3", "u1"])
    assert users(await three.data(LIST)) == ["u2", "u3", "u1"]


@pytest.mark.parametrize(
    ("input", "code", "path"),
    [
        ({"id": node_id("conflict", 1, 2), "reason": "x"}, "NOT_FOUND", "id"),
        ({"id": node_id("profile", 1), "reason": "x"}, "NOT_FOUND", "id"),
        ({"id": node_id("cause", 1, 2), "reason": "x"}, "NOT_FOUND", "id"),
        ({"id": "nonsense", "reason": "x"}, "INVALID", "id"),
        ({"id": node_id("conflict", 1, 2), "reason": " "}, "INVALID", "reason"),
        ({"id": node_id("conflict", 1, 2), "reason": "x", "clientMutationId": ""}, "INVALID", "clientMutationId"),
    ],
)
async def test_what_cannot_be_put_off_says_why(three: Asking, input: dict[str, Any], code: str, path: str) -> None:
    done = (await three.data(POSTPONE, input=input))["postponeConflict"]

    assert [(one["code"], one["path"]) for one in done["userErrors"]] == [(code, ["input", path])]
    assert done["conflict"] is None


@pytest.mark.parametrize("given", [{"minLinks": 0}, {"minLinks": 1001}, {"first": 0}, {"after": "x"}, {"namespaces": ["x"] * 101}])
async def test_arguments_out_of_bounds_are_refused(ask: Asking, given: dict[str, Any]) -> None:
    assert (await ask.refusal(LIST, **given))[0] == "INVALID"


async def test_putting_off_needs_scope_curate_and_is_told_without_a_look_at_it(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    steward = add_key(path, "steward", ["curate"])[1]
    loader = add_key(path, "loader", ["read", "write"])[1]
    blind = "mutation ($input: PostponeConflictInput!) { postponeConflict(input: $input) { userErrors { code } } }"
    async with asking(keys=path) as ask:
        ask.headers = {"Authorization": f"Bearer {loader}"}
        await ask.ingest(fragment("user_id:a", "email:e@x.com", id="1"), fragment("user_id:b", "email:e@x.com", id="2"))
        [edge] = (await ask.data(LIST))["conflicts"]["edges"]
        asked = {"id": edge["node"]["id"], "reason": "later"}
        forbidden = await ask.refusal(POSTPONE, input=asked)
        ask.headers = {"Authorization": f"Bearer {steward}"}
        unread = await ask.refusal(POSTPONE, input=asked)
        done = await ask.data(blind, input=asked)
        ask.headers = {"Authorization": f"Bearer {loader}"}
        left = (await ask.data(LIST))["conflicts"]["edges"]

    assert edge["node"]["links"][0]["a"]["value"] is None
    assert (forbidden[0], unread[0]) == ("FORBIDDEN", "FORBIDDEN")
    assert done["postponeConflict"]["userErrors"] == []
    assert left == []


SHARED = "{ sharedIdentifiers { edges { node { value status profile { kind identifiers { edges { node { value } } } } } } } }"


async def quarantine(ask: Asking) -> list[tuple[str, str, str, list[str]]]:
    nodes = [edge["node"] for edge in (await ask.data(SHARED))["sharedIdentifiers"]["edges"]]
    members = [sorted(edge["node"]["value"] for edge in one["profile"]["identifiers"]["edges"]) for one in nodes]
    return [(one["value"], one["status"], one["profile"]["kind"], some) for one, some in zip(nodes, members, strict=True)]


async def test_a_judgement_lets_a_shared_identifier_out_of_quarantine_to_one_person(ask: Asking) -> None:
    """Others who have it stay as they are, and so does somebody who comes later."""
    await ask.ingest(*(fragment(f"user_id:u{n}", "phone:13912345678", id=f"r{n}") for n in range(11)))
    before = await quarantine(ask)
    ends = {"a": {"namespace": "user_id", "value": "u3"}, "b": {"namespace": "phone", "value": "139 1234 5678"}}
    await ask.data(JUDGE, input={"kind": "SAME", **ends, "reason": "the manager's own"})
    await ask.ingest(fragment("user_id:u20", "phone:13912345678", id="later"))

    assert before == [("+8613912345678", "SHARED", "SHARED", ["+8613912345678"])]
    assert await quarantine(ask) == [("+8613912345678", "SHARED", "PERSON", ["+8613912345678", "u3"])]
    assert users(await ask.data(LIST)) == []
