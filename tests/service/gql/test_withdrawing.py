"""A source withdrawn over GraphQL: a job with a preview, one cause, refused where it is too much, and never half of it."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import orjson
import pytest

from graph.curate import perform
from graph.errors import NotFound
from graph.ingest import ingest
from graph.jobs import WITHDRAW, ask_for, ask_to_withdraw, cancel, withdraw_as_job
from graph.operations import WithdrawSource
from graph.store.ports import Store
from tests.build import fragment as sent
from tests.service.asking import Asking, asking, fragment
from tests.service.gql.test_audit import AUDIT, REVERT
from tests.service.gql.test_curating import PREVIEW, one_id
from tests.service.gql.test_jobs import ended, in_time

WITHDRAWN = """mutation ($input: WithdrawInput!) { withdraw(input: $input) {
    job { id kind state } changes { kind } userErrors { code message path } } }"""
WHY = "the file was last year's"
CRM = {"source": "crm", "reason": WHY}


@pytest.fixture
async def mixed(ask: Asking) -> Asking:
    """Two people of one source, whom another source took for one."""
    await ask.ingest(
        fragment("user_id:ada", "device:1", id="1", source="web"), fragment("email:bob@x.co", "device:2", id="2", source="web")
    )
    await ask.ingest(fragment("device:1", "device:2", id="1", source="crm"), fragment("email:eve@x.co", id="2", source="crm"))
    return ask


async def test_a_job_has_the_key_of_what_was_erased(url: str) -> None:
    """It works in a process of its own, and the key may stand nowhere but in the settings of the service."""
    async with asking(url=url, erasure_key="5a" * 32) as ask:
        await ask.ingest(fragment("email:ada@x.co", id="1", source="web"), fragment("email:eve@x.co", id="2", source="crm"))
        erase = """mutation { erase(input: {identifiers: [{namespace: "email", value: "ada@x.co"}], reason: "she asked"}) {
            userErrors { code } } }"""
        assert (await ask.data(erase))["erase"]["userErrors"] == []

        begun = await withdraw(ask, **CRM)

        done = await ended(ask, begun["job"]["id"])
        assert (done["state"], done["userErrors"]) == ("DONE", [])


async def withdraw(ask: Asking, **input: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await ask.data(WITHDRAWN, input=input))["withdraw"]
    return payload


async def test_a_source_is_previewed_withdrawn_by_a_job_and_comes_back_whole(mixed: Asking) -> None:
    joined = await one_id(mixed, "email:bob@x.co")
    seen = (await mixed.data(PREVIEW, operation={"withdraw": CRM}))["preview"]
    assert (seen["allowed"], seen["profileCount"]) == (True, 2)

    begun = await withdraw(mixed, **CRM, previewToken=seen["token"], clientMutationId="w")
    again = await withdraw(mixed, **CRM, previewToken=seen["token"], clientMutationId="w")
    done = await ended(mixed, begun["job"]["id"])

    assert (begun["userErrors"], begun["job"]["kind"], again["job"]["id"]) == ([], "WITHDRAW", begun["job"]["id"])
    assert (done["state"], done["progress"], done["userErrors"], done["simulation"]) == ("DONE", 1.0, [], None)
    assert await one_id(mixed, "user_id:ada") != await one_id(mixed, "email:bob@x.co")
    entries = [edge["node"] for edge in (await mixed.data(AUDIT, operation="withdraw"))["audit"]["edges"]]
    assert [entry["summary"] for entry in entries] == [
        "Withdrew 2 records of source crm; 2 profiles before, 2 after, 2 identifiers moved.",
        "Asked for a job that withdraws all records of source crm.",
    ]
    assert {(entry["reason"], entry["jobId"]) for entry in entries} == {(WHY, done["id"])}

    back = (await mixed.data(REVERT, input={"cause": entries[0]["cause"]["id"], "reason": "it was this year's"}))["revert"]

    assert back["userErrors"] == []
    assert await one_id(mixed, "email:bob@x.co") == await one_id(mixed, "user_id:ada") == joined
    assert await one_id(mixed, "email:eve@x.co")


async def test_only_what_came_since_a_time_is_withdrawn(mixed: Asking) -> None:
    newest = (await mixed.data("{ changes(first: 100) { edges { node { at } } } }"))["changes"]["edges"][-1]["node"]["at"]
    await mixed.ingest(fragment("user_id:ada", "email:eve@x.co", id="3", source="crm"))
    later = (await mixed.data("{ changes(first: 100) { edges { node { at } } } }"))["changes"]["edges"][-1]["node"]["at"]
    assert newest < later

    done = await ended(mixed, (await withdraw(mixed, **CRM, since=later))["job"]["id"])

    assert done["state"] == "DONE"
    assert await one_id(mixed, "user_id:ada") == await one_id(mixed, "email:bob@x.co") != await one_id(mixed, "email:eve@x.co")


async def test_what_changed_since_its_preview_is_not_withdrawn(mixed: Asking) -> None:
    seen = (await mixed.data(PREVIEW, operation={"withdraw": CRM}))["preview"]
    await mixed.ingest(fragment("user_id:fay", id="9", source="crm"))

    done = await ended(mixed, (await withdraw(mixed, **CRM, previewToken=seen["token"]))["job"]["id"])

    assert (done["state"], [error["code"] for error in done["userErrors"]]) == ("FAILED", ["STALE"])
    assert await one_id(mixed, "user_id:ada") == await one_id(mixed, "email:bob@x.co")


async def test_more_than_one_step_takes_back_is_refused_with_the_numbers(url: str) -> None:
    async with asking(url=url, max_withdrawn=1) as ask:
        await ask.ingest(fragment("user_id:1", id="1"), fragment("user_id:2", id="2"))
        refused = await withdraw(ask, **CRM)
        seen = (await ask.data(PREVIEW, operation={"withdraw": CRM}))["preview"]

        (error,) = refused["userErrors"]
        assert (refused["job"], error["code"], error["path"]) == (None, "LIMIT_EXCEEDED", ["input", "since"])
        assert "more than 1 versions" in error["message"]
        assert [(seen["allowed"], one["code"]) for one in seen["blockers"]] == [(False, "LIMIT_EXCEEDED")]
        assert (await ask.data(AUDIT))["audit"]["edges"] == []


@pytest.mark.parametrize(
    ("input", "path"),
    [
        ({}, "record"),
        ({"record": {"source": "crm", "id": "1"}, "source": "crm"}, "record"),
        ({"record": {"source": "crm", "id": "1"}, "since": "2026-01-01T00:00:00Z"}, "since"),
        ({"source": "crm", "since": "2026-01-01"}, "since"),
    ],
)
async def test_what_cannot_be_meant_is_refused(ask: Asking, input: dict[str, Any], path: str) -> None:
    (error,) = (await withdraw(ask, **input, reason=WHY))["userErrors"]

    assert (error["code"], error["path"]) == ("INVALID", ["input", path])


async def test_an_unknown_source_begins_no_job(ask: Asking) -> None:
    refused = await withdraw(ask, source="nobody", reason=WHY)

    assert (refused["job"], [error["code"] for error in refused["userErrors"]]) == (None, ["NOT_FOUND"])


# ---------------------------------------------------------------- never half of it


async def asked(store: Store, operation: WithdrawSource) -> tuple[int, dict[str, Any]]:
    row, _ = await ask_for(store, WITHDRAW, **ask_to_withdraw(operation, None, 10_000))
    return row.id, row.input


async def test_a_job_that_was_cancelled_meanwhile_withdraws_nothing(store: Store) -> None:
    await ingest(store, [sent("user_id:1", "device:1", source="crm")])
    number, input = await asked(store, WithdrawSource("crm", None, WHY))
    await cancel(store, number)
    before = await store.everything()

    with pytest.raises(NotFound, match="nothing is changed"):
        await withdraw_as_job(store, number, input, by=None, key_id=None, told=lambda part: None)

    assert await store.everything() == before


async def test_a_process_that_is_killed_leaves_nothing_half(store: Store) -> None:
    await ingest(store, [sent(f"user_id:{n}", f"device:{n % 300}", source="crm") for n in range(900)], reading=False)
    before = await store.everything()
    operation = WithdrawSource("crm", None, WHY)
    number, input = await asked(store, operation)
    where = {"url": store.url, "erasure_key": store.erasure_key.given}
    line = orjson.dumps({**where, "kind": WITHDRAW, "job": number, "by": None, "key_id": None, "input": input}) + b"\n"
    pipe = asyncio.subprocess.PIPE
    worker = await asyncio.create_subprocess_exec(sys.executable, "-m", "service.work", stdin=pipe, stdout=pipe)
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(line)
    async with in_time("what it says of its progress"):
        said = orjson.loads(await worker.stdout.readline())
    worker.kill()
    await worker.communicate()

    assert said["progress"] < 1
    after = await store.everything()
    assert (after.one_ids, after.versions, after.links) == (before.one_ids, before.versions, before.links)
    assert (await store.jobs([number]))[number].state == "waiting"
    done = await perform(store, operation)
    assert done.figures["records"] == 900
