"""A steward's operations over GraphQL: preview, judge, merge, split."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from service.auth import add_key
from tests.service.asking import Asking, asking, fragment

OUTCOME = "{ changes { kind cause { kind } by } profiles { oneId } userErrors { code message path } clientMutationId }"
JUDGE = f"mutation ($input: JudgeInput!) {{ judge(input: $input) {OUTCOME} }}"
MERGE = f"mutation ($input: MergeProfilesInput!) {{ mergeProfiles(input: $input) {OUTCOME} }}"
SPLIT = f"mutation ($input: SplitProfileInput!) {{ splitProfile(input: $input) {OUTCOME} }}"
PREVIEW = """query ($operation: OperationInput!) { preview(operation: $operation) {
    token allowed blockers { code message path } profileCount
    profiles { oneId identifierCount identifiers(first: 2) { id value masked firstSeenAt profile { oneId } } }
    traitConflicts { key value source identifier { value } alternatives { value } } } }"""


def named(text: str) -> dict[str, str]:
    namespace, _, value = text.partition(":")
    return {"namespace": namespace, "value": value}


def person(text: str) -> dict[str, Any]:
    return {"identifier": named(text)}


async def one_id(ask: Asking, text: str) -> str:
    found = await ask.data("query ($by: ProfileBy!) { profile(by: $by) { oneId } }", by=person(text))
    name: str = found["profile"]["oneId"]
    return name


@pytest.fixture
async def two(ask: Asking) -> Asking:
    await ask.ingest(
        fragment("user_id:ada", "email:ada@example.com", id="1", traits={"name": "Ada", "city": "Turin"}),
        fragment("user_id:bob", "device:d1", "device:d2", id="2", at="2026-02-02T00:00:00Z", traits={"name": "Bob", "city": "Turin"}),
    )
    return ask


MERGED = {"profiles": [person("user_id:ada"), person("user_id:bob")], "reason": "one customer"}


async def test_a_merge_is_previewed_then_done_as_it_was_shown(two: Asking) -> None:
    seen = (await two.data(PREVIEW, operation={"merge": MERGED}))["preview"]

    assert (seen["allowed"], seen["blockers"], seen["profileCount"]) == (True, [], 1)
    [left] = seen["profiles"]
    assert (left["oneId"], left["identifierCount"]) == (await one_id(two, "user_id:ada"), 5)
    assert [one["value"] for one in left["identifiers"]] == ["ada", "bob"]
    [conflict] = seen["traitConflicts"]
    assert (conflict["key"], conflict["value"], conflict["alternatives"]) == ("name", "Bob", [{"value": "Ada"}])
    assert await one_id(two, "user_id:ada") != await one_id(two, "user_id:bob")

    done = (await two.data(MERGE, input={**MERGED, "previewToken": seen["token"]}))["mergeProfiles"]

    assert done["userErrors"] == []
    assert [one["kind"] for one in done["changes"]] == ["MERGED", "RETIRED"]
    assert {one["cause"]["kind"] for one in done["changes"]} == {"JUDGEMENT"}
    assert done["profiles"] == [{"oneId": left["oneId"]}]
    assert await one_id(two, "device:d2") == left["oneId"]


async def test_an_operation_whose_outcome_changed_since_its_preview_is_stale(two: Asking) -> None:
    seen = (await two.data(PREVIEW, operation={"merge": MERGED}))["preview"]
    await two.ingest(fragment("user_id:bob", "device:d3", id="3"))

    done = (await two.data(MERGE, input={**MERGED, "previewToken": seen["token"]}))["mergeProfiles"]

    assert [(one["code"], one["path"]) for one in done["userErrors"]] == [("STALE", ["input"])]
    assert await one_id(two, "user_id:ada") != await one_id(two, "user_id:bob")


async def test_a_split_takes_identifiers_out_for_good(two: Asking) -> None:
    asked = {"profile": person("user_id:bob"), "detach": [named("device:d1"), named("device:d2")], "reason": "a tablet in the shop"}
    seen = (await two.data(PREVIEW, operation={"split": {**asked, "together": True}}))["preview"]
    done = (await two.data(SPLIT, input={**asked, "together": True, "previewToken": seen["token"]}))["splitProfile"]

    assert [(one["oneId"], one["identifierCount"]) for one in seen["profiles"]] == [(await one_id(two, "user_id:bob"), 1), (None, 2)]
    assert done["userErrors"] == []
    assert await one_id(two, "device:d1") == await one_id(two, "device:d2") != await one_id(two, "user_id:bob")
    await two.ingest(fragment("user_id:bob", "device:d1", id="4", at="2026-03-03T00:00:00Z"))
    assert await one_id(two, "device:d1") != await one_id(two, "user_id:bob")


async def test_a_judgement_may_name_what_nobody_has_seen_yet(two: Asking) -> None:
    asked = {"kind": "SAME", "a": named("user_id:ada"), "b": named("phone:13912345678"), "reason": "she called"}
    seen = (await two.data(PREVIEW, operation={"judge": asked}))["preview"]
    [left] = seen["profiles"]
    new = next(one for one in left["identifiers"] if one["value"] == "+8613912345678")

    assert (left["identifierCount"], new["profile"]) == (3, None)
    done = (await two.data(JUDGE, input={**asked, "previewToken": seen["token"], "clientMutationId": "k"}))["judge"]
    assert (done["userErrors"], done["clientMutationId"]) == ([], "k")
    assert await one_id(two, "phone:+86 139 1234 5678") == await one_id(two, "user_id:ada")
    again = (await two.data(JUDGE, input={**asked, "previewToken": seen["token"], "clientMutationId": "k"}))["judge"]
    assert again == done


async def test_what_cannot_be_done_is_not_allowed_and_says_why(two: Asking) -> None:
    asked = {"profiles": [person("user_id:ada"), person("user_id:nobody")], "reason": "?"}
    seen = (await two.data(PREVIEW, operation={"merge": asked}))["preview"]
    done = (await two.data(MERGE, input=asked))["mergeProfiles"]

    refused = [{"code": "NOT_FOUND", "message": "nobody is known by this", "path": ["input", "profiles", "1"]}]
    assert (seen["allowed"], seen["token"], seen["blockers"], seen["profiles"]) == (False, "", refused, [])
    assert done["userErrors"] == refused


BAD: list[tuple[str, Mapping[str, Any], str, list[str]]] = [
    (MERGE, {"profiles": [person("user_id:ada")], "reason": ""}, "INVALID", ["input", "reason"]),
    (MERGE, {"profiles": [person("user_id:ada")], "reason": "x"}, "INVALID", ["input", "profiles"]),
    (MERGE, {"profiles": [person("user_id:ada")] * 101, "reason": "x"}, "LIMIT_EXCEEDED", ["input", "profiles"]),
    (SPLIT, {"profile": person("user_id:ada"), "detach": [], "reason": "x"}, "INVALID", ["input", "detach"]),
    (SPLIT, {"profile": person("user_id:ada"), "detach": [named("a b:c")] * 1001, "reason": "x"}, "LIMIT_EXCEEDED", ["input", "detach"]),
    (SPLIT, {"profile": person("user_id:ada"), "detach": [named("device:d1")], "reason": "x"}, "NOT_FOUND", ["input", "detach", "0"]),
    (JUDGE, {"kind": "SAME", "a": named("user_id:ada"), "b": named(":x"), "reason": "x"}, "INVALID", ["input", "b", "namespace"]),
    (JUDGE, {"kind": "SAME", "a": named("user_id:ada"), "b": named("email:null"), "reason": "x"}, "INVALID", ["input", "b"]),
]


@pytest.mark.parametrize(("mutation", "asked", "code", "path"), BAD)
async def test_bad_input_names_its_field(two: Asking, mutation: str, asked: Mapping[str, Any], code: str, path: list[str]) -> None:
    [done] = (await two.data(mutation, input=asked)).values()

    assert [(one["code"], one["path"]) for one in done["userErrors"]] == [(code, path)]


async def test_bad_input_of_a_preview_names_its_field(two: Asking) -> None:
    answer = await two(PREVIEW, operation={"merge": {"profiles": [], "reason": " "}})
    [error] = answer["errors"]

    assert (error["extensions"]["code"], error["extensions"]["path"]) == ("INVALID", ["operation", "merge", "reason"])


async def test_deciding_needs_scope_curate_and_values_need_pii(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    steward = add_key(path, "steward", ["read", "curate", "write"])[1]
    loader = add_key(path, "loader", ["read", "write", "pii"])[1]
    async with asking(keys=path) as ask:
        ask.headers = {"Authorization": f"Bearer {loader}"}
        await ask.ingest(fragment("user_id:ada", id="1"), fragment("user_id:bob", id="2"))
        assert (await ask.refusal(MERGE, input=MERGED))[0] == "FORBIDDEN"
        assert (await ask.refusal(PREVIEW, operation={"merge": MERGED}))[0] == "FORBIDDEN"
        ask.headers = {"Authorization": f"Bearer {steward}"}
        [left] = (await ask.data(PREVIEW, operation={"merge": MERGED}))["preview"]["profiles"]
        done = (await ask.data(MERGE, input=MERGED))["mergeProfiles"]

    assert [one["value"] for one in left["identifiers"]] == [None, None]
    assert {one["by"] for one in done["changes"]} == {"steward"}


REVERT = f"mutation ($input: RevertInput!) {{ revert(input: $input) {OUTCOME} }}"
FEED = "{ changes(first: 100) { edges { node { id kind reversible cause { id kind } } } } }"


async def test_a_merge_is_reverted_by_the_id_of_its_change_and_the_revert_by_that_of_its_cause(two: Asking) -> None:
    before = [await one_id(two, text) for text in ("user_id:ada", "user_id:bob")]
    await two.data(MERGE, input=MERGED)
    feed = [edge["node"] for edge in (await two.data(FEED))["changes"]["edges"]]
    merge = next(one for one in feed if one["kind"] == "MERGED")
    asked = {"cause": merge["id"], "reason": "two customers after all"}

    seen = (await two.data(PREVIEW, operation={"revert": asked}))["preview"]
    done = (await two.data(REVERT, input={**asked, "previewToken": seen["token"]}))["revert"]

    assert {one["kind"]: one["reversible"] for one in feed} == {"CREATED": False, "MERGED": True, "RETIRED": True}
    assert (seen["allowed"], seen["profileCount"], done["userErrors"]) == (True, 2, [])
    assert {one["cause"]["kind"] for one in done["changes"]} == {"REVERT"}
    assert [await one_id(two, text) for text in ("user_id:ada", "user_id:bob")] == before
    last = (await two.data(FEED))["changes"]["edges"][-1]["node"]
    again = (await two.data(REVERT, input={"cause": last["cause"]["id"], "reason": "one, really"}))["revert"]
    assert again["userErrors"] == []
    assert await one_id(two, "user_id:ada") == await one_id(two, "user_id:bob")


async def test_what_cannot_be_reverted_says_so_by_its_field(two: Asking) -> None:
    profile = await two.data("query ($by: ProfileBy!) { profile(by: $by) { id } }", by=person("user_id:ada"))
    for cause, code in ((profile["profile"]["id"], "INVALID"), ("made up", "INVALID")):
        done = (await two.data(REVERT, input={"cause": cause, "reason": "x"}))["revert"]
        assert [(one["code"], one["path"]) for one in done["userErrors"]] == [(code, ["input", "cause"])]
