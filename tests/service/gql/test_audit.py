"""The audit over GraphQL: for scope `admin`, with the id of the key, the cause that `revert` takes, and no values of anybody."""

from __future__ import annotations

from pathlib import Path

from service.auth import add_key
from tests.service.asking import Asking, asking, fragment
from tests.service.gql.test_curating import JUDGE, MERGE, MERGED, named, one_id

AUDIT = """query ($first: Int, $after: String, $operation: String, $by: String, $since: DateTime) {
    audit(first: $first, after: $after, operation: $operation, by: $by, since: $since) {
        edges { cursor node {
            id at by keyId operation reason cause { id kind } summary profilesBefore profilesAfter moved subjects jobId } }
        pageInfo { hasNextPage endCursor } } }"""
REVERT = "mutation ($input: RevertInput!) { revert(input: $input) { changes { kind } userErrors { code message } } }"
SENT = (
    fragment("user_id:ada", "email:ada@example.com", id="1"),
    fragment("user_id:bob", "device:d1", id="2"),
)


async def test_a_decision_is_listed_with_its_figures_and_undone_by_its_cause(ask: Asking) -> None:
    await ask.ingest(*SENT)
    await ask.data(MERGE, input=MERGED)

    [edge] = (await ask.data(AUDIT))["audit"]["edges"]
    entry = edge["node"]

    assert (entry["operation"], entry["reason"], entry["by"], entry["keyId"]) == ("mergeProfiles", MERGED["reason"], None, None)
    assert (entry["profilesBefore"], entry["profilesAfter"], entry["moved"], entry["jobId"]) == (2, 1, 2, None)
    assert entry["summary"] == "Merged 2 profiles; 2 profiles before, 1 after, 2 identifiers moved."
    assert entry["cause"]["kind"] == "JUDGEMENT"
    found = await ask.data("query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Identifier { value } } }", ids=entry["subjects"])
    assert {one["value"] for one in found["nodes"]} == {"ada", "ada@example.com", "bob", "d1"}
    again = await ask.data("query ($id: ID!) { node(id: $id) { id ... on AuditEntry { at summary } } }", id=entry["id"])
    assert again["node"] == {name: entry[name] for name in ("id", "at", "summary")}

    undone = (await ask.data(REVERT, input={"cause": entry["cause"]["id"], "reason": "no"}))["revert"]

    assert undone["userErrors"] == []
    assert await one_id(ask, "user_id:ada") != await one_id(ask, "user_id:bob")


async def test_it_names_the_key_is_paged_and_filtered_and_needs_admin(url: str, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    ops, ops_key = add_key(file, "ops", ["read", "write", "curate", "admin"])
    _, steward_key = add_key(file, "steward", ["read", "curate"])
    async with asking(url=url, keys=file) as ask:
        ask.headers["X-API-Key"] = ops_key
        await ask.ingest(*SENT)
        judged = {"kind": "SAME", "a": named("user_id:ada"), "reason": "x"}
        await ask.data(JUDGE, input={**judged, "b": named("device:8")})
        ask.headers["X-API-Key"] = steward_key
        await ask.data(JUDGE, input={**judged, "b": named("device:9")})
        refused = (await ask.data(MERGE, input={**MERGED, "previewToken": "0" * 32}))["mergeProfiles"]
        assert [one["code"] for one in refused["userErrors"]] == ["STALE"]
        assert (await ask.refusal(AUDIT))[0] == "FORBIDDEN"
        ask.headers["X-API-Key"] = ops_key

        page = (await ask.data(AUDIT, first=1))["audit"]
        rest = (await ask.data(AUDIT, first=5, after=page["pageInfo"]["endCursor"]))["audit"]
        newest, oldest = page["edges"][0]["node"], rest["edges"][0]["node"]

        assert (newest["by"], oldest["by"], oldest["keyId"]) == ("steward", "ops", ops.id)
        assert (page["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
        assert [one["node"]["id"] for one in (await ask.data(AUDIT, by="ops"))["audit"]["edges"]] == [oldest["id"]]
        assert [one["node"]["id"] for one in (await ask.data(AUDIT, since=newest["at"]))["audit"]["edges"]] == [newest["id"]]
        assert (await ask.data(AUDIT, operation="revert"))["audit"]["edges"] == []
        ask.headers["X-API-Key"] = steward_key
        assert (await ask.refusal("query ($id: ID!) { node(id: $id) { id } }", id=newest["id"]))[0] == "FORBIDDEN"
