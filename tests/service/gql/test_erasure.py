"""A privacy officer's operations over GraphQL: preview, erase, receipt, allowAgain."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from graph.store.ports import Store
from service.auth import add_key
from tests.service.asking import Asking, asking, fragment

RECEIPT = "{ id at by reason identifiers records state purgedAt }"
ERASE = f"""mutation ($input: EraseInput!) {{ erase(input: $input) {{
    receipt {RECEIPT} erased userErrors {{ code message path }} clientMutationId }} }}"""
ALLOW = """mutation ($input: AllowAgainInput!) { allowAgain(input: $input) {
    receipt { id } erased userErrors { code path } } }"""
INGEST = """mutation ($input: IngestFragmentsInput!) { ingestFragments(input: $input) {
    accepted unchanged rejected { index code message path } results { index blocked } userErrors { code } } }"""
MAIL = {"namespace": "email", "value": "Ada@Example.com"}
PHONE = {"namespace": "phone", "value": "139 1234 5678"}


@pytest.fixture
async def two(url: str) -> AsyncIterator[Asking]:
    async with asking(url=url, erasure_key="5a" * 32) as ask:
        await ask.ingest(
            fragment("email:ada@example.com", "phone:13912345678", id="1", traits={"name": "Ada"}),
            fragment("email:ada@example.com", "device:d1", id="2"),
        )
        yield ask


async def erased(ask: Asking, **input: Any) -> dict[str, Any]:
    answer: dict[str, Any] = (await ask.data(ERASE, input={"identifiers": [MAIL, PHONE], "reason": "she asked", **input}))["erase"]
    return answer


async def test_an_erasure_is_previewed_done_and_told_by_its_receipt(two: Asking) -> None:
    asked = {"identifiers": [MAIL, PHONE], "reason": "she asked"}
    seen = await two.data(
        "query ($operation: OperationInput!) { preview(operation: $operation) { token allowed profileCount } }", operation={"erase": asked}
    )
    assert (seen["preview"]["allowed"], seen["preview"]["profileCount"]) == (True, 1)
    done = await erased(two, previewToken=seen["preview"]["token"], clientMutationId="e-1")

    assert done["userErrors"] == []
    assert done["erased"] == ["email:a***@e…", "phone:+86139****5678"]
    receipt = done["receipt"]
    assert (receipt["identifiers"], receipt["records"], receipt["reason"]) == (2, 2, "she asked")
    query = f"query ($id: ID!) {{ receipt(id: $id) {RECEIPT} node(id: $id) {{ id ... on Receipt {{ state }} }} }}"
    while (again := await two.data(query, id=receipt["id"]))["receipt"]["state"] != "COMPLETE":
        pass
    again = await two.data(query, id=receipt["id"])  # both fields of it after that
    assert again["node"] == {"id": receipt["id"], "state": "COMPLETE"}
    assert again["receipt"]["purgedAt"] is not None
    assert (await erased(two, previewToken=seen["preview"]["token"], clientMutationId="e-1"))["receipt"]["id"] == receipt["id"]
    feed = await two.data(
        "{ changes(first: 100) { edges { node { kind reversible cause { kind } lost { edges { node { value masked } } } } } } }"
    )
    last = feed["changes"]["edges"][-1]["node"]
    assert (last["kind"], last["reversible"], last["cause"]) == ("ERASED", False, {"kind": "ERASURE"})
    assert [edge["node"] for edge in last["lost"]["edges"]] == [{"value": None, "masked": "erased"}] * 2


async def test_a_person_found_by_a_look_up_is_told_masked(two: Asking) -> None:
    done = await erased(two, identifiers=None, profile={"identifier": PHONE})

    assert sorted(done["erased"]) == ["device:****", "email:a***@e…", "phone:+86139****5678"]


async def test_what_comes_again_is_refused_and_masked_until_it_is_allowed(two: Asking) -> None:
    done = await erased(two)
    sent = [
        fragment("email:ada@example.com", "device:d1", id="3"),
        fragment("phone:13912345678", id="4"),
    ]
    answer = (await two.data(INGEST, input={"fragments": sent}))["ingestFragments"]
    assert [(one["index"], one["code"], one["path"]) for one in answer["rejected"]] == [(1, "ERASED", ["identifiers"])]
    assert answer["results"] == [{"index": 0, "blocked": ["ERASED email:a***@e…"]}]

    judge = """mutation ($input: JudgeInput!) { judge(input: $input) { userErrors { code path } } }"""
    refused = (await two.data(judge, input={"kind": "SAME", "a": MAIL, "b": {"namespace": "device", "value": "d1"}, "reason": "r"}))[
        "judge"
    ]
    assert refused["userErrors"] == [{"code": "ERASED", "path": ["input", "a"]}]

    allowed = await two.data(ALLOW, input={"receipt": done["receipt"]["id"], "identifiers": [MAIL], "reason": "she is back"})
    assert (allowed["allowAgain"]["erased"], allowed["allowAgain"]["userErrors"]) == (["email:A***@E…"], [])
    again = await two.data(ALLOW, input={"receipt": done["receipt"]["id"], "identifiers": [MAIL], "reason": "she is back"})
    assert again["allowAgain"]["userErrors"] == [{"code": "NOT_FOUND", "path": ["input", "identifiers", "0"]}]
    answer = (await two.data(INGEST, input={"fragments": [fragment("email:ada@example.com", id="5")]}))["ingestFragments"]
    assert answer["results"] == [{"index": 0, "blocked": []}]


@pytest.mark.parametrize(
    ("input", "code", "path"),
    [
        ({"identifiers": [], "profile": None}, "INVALID", ["input", "identifiers"]),
        ({"profile": {"identifier": MAIL}}, "INVALID", ["input", "profile"]),
        ({"identifiers": [{"namespace": "email", "value": "nobody@example.com"}]}, "NOT_FOUND", ["input", "identifiers"]),
        ({"identifiers": [{"namespace": "email", "value": "guest"}]}, "INVALID", ["input", "identifiers", "0"]),
        ({"reason": "ada@example.com wrote"}, "INVALID", ["input", "reason"]),
        ({"reason": " "}, "INVALID", ["input", "reason"]),
        ({"previewToken": "another"}, "STALE", ["input"]),
    ],
)
async def test_a_bad_request_is_told_what_is_wrong(two: Asking, input: dict[str, Any], code: str, path: list[str]) -> None:
    [error] = (await erased(two, **input))["userErrors"]
    assert (error["code"], error["path"]) == (code, path)


async def test_only_scope_privacy_may(store: Store, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    _, steward = add_key(keys, "steward", ["read", "pii", "write", "curate", "admin"])
    _, officer = add_key(keys, "officer", ["privacy", "read"])
    asked = {"identifiers": [MAIL], "reason": "she asked"}
    query = "query ($id: ID!) { receipt(id: $id) { id } }"
    async with asking(store, keys=keys) as ask:
        ask.headers = {"Authorization": f"Bearer {steward}"}
        await ask.ingest(fragment("email:ada@example.com", id="1"))
        assert (await ask.refusal(ERASE, input=asked))[0] == "FORBIDDEN"
        ask.headers = {"Authorization": f"Bearer {officer}"}
        done = await erased(ask, identifiers=[MAIL])
        assert done["receipt"]["by"] == "officer"
        ask.headers = {"Authorization": f"Bearer {steward}"}
        assert (await ask.refusal(query, id=done["receipt"]["id"]))[0] == "FORBIDDEN"
