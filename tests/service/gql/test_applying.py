"""Rules applied over GraphQL: a job that tries them first, within bounds, and one cause that can be reverted."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Any

import orjson
import pytest

from graph import jobs
from graph.applying import Bounds
from graph.check import check
from graph.errors import NotFound, StoreBusy
from graph.ingest import ingest
from graph.jobs import APPLY, ask_for, ask_to_apply
from graph.store.ports import Store, Writing
from service.auth import add_key
from tests.build import fragment as sent
from tests.service.asking import Asking, asking, fragment
from tests.service.gql.test_audit import AUDIT
from tests.service.gql.test_curating import PREVIEW, one_id
from tests.service.gql.test_jobs import JOB, ended

APPLY_RULES = f"""mutation ($input: ApplyRulesInput!) {{ applyRules(input: $input) {{
    job {{ {JOB} }} userErrors {{ code message path }} }} }}"""
REVERT = """mutation ($input: RevertInput!) { revert(input: $input) {
    job { id kind state } changes { kind } userErrors { code message path } } }"""
ONE_PHONE = '[[namespace]]\nname = "user_id"\n[[namespace]]\nname = "phone"\nnormalise = "e164"\nregion = "CN"\nlimit = 1\n'
WHY = "the limit was too low"


@pytest.fixture
async def family(ask: Asking) -> Asking:
    """One account with two phones."""
    await ask.ingest(fragment("user_id:1", "phone:13912345678", id="1"), fragment("user_id:1", "phone:13912345679", id="2"))
    return ask


async def apply(ask: Asking, toml: str = ONE_PHONE, version: int = 1, **more: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await ask.data(APPLY_RULES, input={"toml": toml, "expectedVersion": version, **more}))["applyRules"]
    return payload


async def test_rules_are_applied_by_a_job_and_reverted_by_another(family: Asking) -> None:
    joined = await one_id(family, "user_id:1")
    begun = await apply(family, maxSplit=1, clientMutationId="a")
    again = await apply(family, maxSplit=1, clientMutationId="a")
    done = await ended(family, begun["job"]["id"])

    assert (begun["userErrors"], begun["job"]["kind"], again["job"]["id"]) == ([], "APPLY_RULES", begun["job"]["id"])
    assert (done["state"], done["progress"], done["userErrors"]) == ("DONE", 1.0, [])
    assert (done["simulation"]["splits"], done["simulation"]["merges"]) == (1, 0)
    assert await one_id(family, "phone:13912345678") != await one_id(family, "phone:13912345679")
    rules = await family.data("{ rules { version toml } stats { rulesVersion } }")
    assert rules == {"rules": {"version": 2, "toml": ONE_PHONE}, "stats": {"rulesVersion": 2}}
    entries = [edge["node"] for edge in (await family.data(AUDIT, operation="applyRules"))["audit"]["edges"]]
    assert [entry["summary"] for entry in entries] == [
        "Put rules version 2 in force; 1 profile before, 2 after, 1 identifier moved.",
        "Asked for a job that makes rules those in force.",
    ]
    cause = entries[0]["cause"]
    assert cause["kind"] == "RULES"

    seen = (await family.data(PREVIEW, operation={"revert": {"cause": cause["id"], "reason": WHY}}))["preview"]
    assert (seen["allowed"], [one["code"] for one in seen["blockers"]]) == (False, ["INVALID"])
    asked = {"cause": cause["id"], "reason": WHY, "clientMutationId": "r"}
    back = (await family.data(REVERT, input=asked))["revert"]
    assert (back["userErrors"], back["job"]["kind"]) == ([], "APPLY_RULES")
    assert (await ended(family, back["job"]["id"]))["state"] == "DONE"

    assert (await family.data(REVERT, input=asked))["revert"]["job"] == {**back["job"], "state": "DONE"}
    assert await one_id(family, "phone:13912345678") == await one_id(family, "phone:13912345679") == joined
    entry = (await family.data(AUDIT, operation="revert"))["audit"]["edges"][0]["node"]
    assert (entry["reason"], entry["summary"]) == (WHY, "Undid a change of rules; 2 profiles before, 1 after, 1 identifier moved.")
    late = (await family.data(REVERT, input={"cause": cause["id"], "reason": WHY}))["revert"]
    assert (late["job"], [error["code"] for error in late["userErrors"]]) == (None, ["NOT_FOUND"])


async def test_beyond_the_bounds_nothing_is_done(family: Asking) -> None:
    before = (await family.data("{ rules { version toml } }"))["rules"]
    done = await ended(family, (await apply(family, maxSplit=0))["job"]["id"])

    (error,) = done["userErrors"]
    assert (done["state"], error["code"]) == ("FAILED", "LIMIT_EXCEEDED")
    assert error["message"] == "maxSplit: the rules split 1 profiles, at most 0 are allowed; nothing was changed"
    assert (await family.data("{ rules { version toml } }"))["rules"] == before
    assert await one_id(family, "phone:13912345678") == await one_id(family, "phone:13912345679")


@pytest.mark.parametrize(
    ("toml", "more", "error"),
    [
        (ONE_PHONE, {"expectedVersion": 7}, ("STALE", ["input"])),
        ("[[namespace]]\n", {}, ("INVALID", ["input", "toml"])),
        (ONE_PHONE, {"maxMerged": -1}, ("INVALID", ["input", "maxMerged"])),
    ],
)
async def test_what_cannot_be_applied_begins_no_job(ask: Asking, toml: str, more: dict[str, Any], error: tuple[str, list[str]]) -> None:
    payload = (await ask.data(APPLY_RULES, input={"toml": toml, "expectedVersion": 1, **more}))["applyRules"]

    assert payload["job"] is None
    assert [(one["code"], one["path"]) for one in payload["userErrors"]] == [error]


async def test_rules_need_scope_admin(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    _, secret = add_key(keys, "crm", ["read", "write", "curate"])
    async with asking(keys=keys) as ask:
        body = {"query": APPLY_RULES, "variables": {"input": {"toml": ONE_PHONE, "expectedVersion": 1}}}
        answer = await ask.http.post("/graphql", json=body, headers={"Authorization": f"Bearer {secret}"})

    assert [one["extensions"]["code"] for one in answer.json()["errors"]] == ["FORBIDDEN"]


async def test_a_job_that_was_cancelled_meanwhile_changes_nothing(store: Store) -> None:
    await ingest(store, [sent("user_id:1", "phone:13912345678"), sent("user_id:1", "phone:13912345679")])
    row, _ = await ask_for(store, APPLY, **ask_to_apply(ONE_PHONE, 1, Bounds()))
    await jobs.cancel(store, row.id)
    before = await store.everything()

    with pytest.raises(NotFound, match="nothing is changed"):
        await jobs.apply_as_job(store, row.id, row.input, by=None, key_id=None, told=lambda part: None)

    assert await store.everything() == before


@pytest.mark.parametrize(("times", "version"), [(5, 2), (6, 1)])
async def test_a_job_waits_for_a_busy_gate_some_times(store: Store, monkeypatch: pytest.MonkeyPatch, times: int, version: int) -> None:
    """What was tried for long is not thrown away because of one step of somebody else."""
    row, _ = await ask_for(store, APPLY, **ask_to_apply(ONE_PHONE, 1, Bounds()))
    writing, tries = store.writing, 0

    def busy(kind: str, *, long: bool = False, **said: Any) -> AbstractAsyncContextManager[Writing]:
        nonlocal tries
        tries += long
        if long and tries <= times:
            raise StoreBusy("another step holds the gate")
        return writing(kind, long=long, **said)

    monkeypatch.setattr(store, "writing", busy)
    with nullcontext() if version == 2 else pytest.raises(StoreBusy):
        await jobs.apply_as_job(store, row.id, row.input, by=None, key_id=None, told=lambda part: None)

    rules = await store.rules()
    assert rules is not None
    assert (rules.version, tries) == (version, 6)


async def test_a_process_that_is_killed_leaves_nothing_half(store: Store) -> None:
    """Killed at whatever it has come to, the rules are the old ones, or with all that follows the new ones."""
    await ingest(store, [sent(f"user_id:{n}", f"phone:139{n:04}{m:04}") for n in range(300) for m in range(2)], reading=False)
    for delay in (0.0, 0.1, 0.2, 0.4):
        rules = await store.rules()
        assert rules is not None
        toml = ONE_PHONE if rules.version % 2 else ONE_PHONE.replace("limit = 1", "")
        row, _ = await ask_for(store, APPLY, **ask_to_apply(toml, rules.version, Bounds()))
        where = {"url": store.url, "erasure_key": store.erasure_key.given}
        line = orjson.dumps({**where, "kind": APPLY, "job": row.id, "by": None, "key_id": None, "input": row.input}) + b"\n"
        pipe = asyncio.subprocess.PIPE
        worker = await asyncio.create_subprocess_exec(sys.executable, "-m", "service.work", stdin=pipe, stdout=pipe)
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(line)
        await worker.stdout.readline()  # it has begun
        await asyncio.sleep(delay)
        worker.kill()
        await worker.communicate()

        assert (await check(store)).differences == ()
        now = await store.rules()
        assert now is not None
        found = (await store.jobs([row.id]))[row.id]
        assert (now.version == rules.version) == (found.state == "waiting")
