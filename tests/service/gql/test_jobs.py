"""Rules tried as a job: asked for, followed, cancelled, and found by any process, whatever becomes of the one that did it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from graph import jobs
from graph.ingest import ingest
from graph.jobs import BEAT, SILENT, SIMULATE, ask_for, cancel, job
from graph.resolve.rules import Rules
from graph.store import open_store
from graph.store.ports import JobRow, Store
from service.auth import add_key
from service.jobs import Jobs
from tests.build import fragment as sent
from tests.service.asking import Asking, asking, fragment
from tests.service.running import running

JOB = """id kind state progress startedAt finishedAt userErrors { code message path }
    simulation {
        profilesBefore profilesAfter merges splits oneIdsChanged largestBefore largestAfter examples {
            before { oneId identifierCount identifiers { value } } after { oneId identifierCount identifiers { value } } because } }"""
SIMULATE_RULES = f"""mutation ($input: SimulateRulesInput!) {{ simulateRules(input: $input) {{
    job {{ {JOB} }} userErrors {{ code message path }} clientMutationId }} }}"""
CANCEL = f"""mutation ($input: CancelJobInput!) {{ cancelJob(input: $input) {{
    job {{ {JOB} }} userErrors {{ code message path }} }} }}"""
ASK = f"query ($id: ID!) {{ job(id: $id) {{ {JOB} }} node(id: $id) {{ id ... on Job {{ state }} }} }}"
APART = '[[namespace]]\nname = "user_id"\n[[namespace]]\nname = "phone"\nlimit = 1\n'
ENOUGH = 60.0


@asynccontextmanager
async def in_time(what: str) -> AsyncIterator[None]:
    """What takes too long fails by name."""
    try:
        async with asyncio.timeout(ENOUGH):
            yield
    except TimeoutError:
        pytest.fail(f"{what}: not within {ENOUGH:g} seconds")


async def until(look: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    async with in_time("what was waited for"):
        while not good(found := await look()):  # noqa: ASYNC110 - other processes give no sign
            await asyncio.sleep(0.05)
        return found


async def simulate(ask: Asking, toml: str, **more: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await ask.data(SIMULATE_RULES, input={"toml": toml, **more}))["simulateRules"]
    return payload


async def ended(ask: Asking, id: str) -> dict[str, Any]:
    async def look() -> Any:
        return (await ask.data(ASK, id=id))["job"]

    found: dict[str, Any] = await until(look, lambda one: one["state"] not in ("WAITING", "RUNNING"))
    return found


async def test_a_simulation_says_what_the_rules_would_change_and_why(ask: Asking) -> None:
    await ask.ingest(
        fragment("user_id:1", "phone:13912345678", id="1"),
        fragment("user_id:1", "phone:13912345679", id="2"),
        fragment("user_id:2", id="3"),
    )
    begun = await simulate(ask, APART)
    assert (begun["userErrors"], begun["job"]["kind"]) == ([], "SIMULATE_RULES")

    done = await ended(ask, begun["job"]["id"])
    found = done["simulation"]
    examples = found.pop("examples")

    assert (done["state"], done["progress"], done["userErrors"]) == ("DONE", 1.0, [])
    assert done["finishedAt"] > done["startedAt"]
    assert found == {
        "profilesBefore": 2,
        "profilesAfter": 3,
        "merges": 0,
        "splits": 1,
        "oneIdsChanged": 1,
        "largestBefore": 3,
        "largestAfter": 2,
    }
    (example,) = examples
    (before,) = example["before"]
    assert [one["value"] for one in before["identifiers"]] == ["1", "+8613912345678", "+8613912345679"]
    assert [one["oneId"] for one in example["after"]] == [before["oneId"], None]
    assert example["because"].startswith("The link phone +86139")
    assert example["because"].endswith("(namespace phone).")
    assert await ask.data(ASK, id=begun["job"]["id"]) == {
        "job": {**done, "simulation": {**found, "examples": examples}},
        "node": {"id": begun["job"]["id"], "state": "DONE"},
    }


async def test_the_same_request_begins_one_job(ask: Asking) -> None:
    first = await simulate(ask, APART, clientMutationId="k")
    again = await simulate(ask, APART, clientMutationId="k")
    other = await simulate(ask, "", clientMutationId="k")

    assert first["job"]["id"] == again["job"]["id"]
    assert (other["job"], other["userErrors"][0]["code"]) == (None, "CONFLICT")
    assert (await ended(ask, first["job"]["id"]))["state"] == "DONE"


async def test_rules_that_cannot_be_read_begin_nothing(ask: Asking) -> None:
    refused = await simulate(ask, '[[namespace]]\nname = "user_id"\nlimits = 1\n')

    (error,) = refused["userErrors"]
    assert (refused["job"], error["code"], error["path"]) == (None, "INVALID", ["input", "toml"])
    assert "limits" in error["message"]


async def test_a_cancelled_job_ends_and_the_next_has_its_turn(ask: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    await ask.ingest(fragment("user_id:1", "phone:13912345678"))
    first, second = [(await simulate(ask, APART))["job"]["id"] for _ in range(2)]
    cancelled = (await ask.data(CANCEL, input={"id": first}))["cancelJob"]
    again = (await ask.data(CANCEL, input={"id": first}))["cancelJob"]

    assert (cancelled["job"]["state"], cancelled["userErrors"]) == ("CANCELLED", [])
    assert again["job"] == cancelled["job"]
    assert (await ended(ask, second))["state"] == "DONE"
    assert (await ended(ask, first))["simulation"] is None


async def test_a_job_that_never_was_is_told(ask: Asking) -> None:
    begun = await simulate(ask, APART)
    (error,) = (await ask.data(CANCEL, input={"id": "AAAAAAAA"}))["cancelJob"]["userErrors"]

    assert (error["code"], error["path"]) == ("INVALID", ["input", "id"])
    assert (await ask.refusal("query ($id: ID!) { job(id: $id) { id } }", id="AAAAAAAA"))[0] == "INVALID"
    assert (await ended(ask, begun["job"]["id"]))["state"] == "DONE"


async def test_jobs_need_scope_admin_and_mask_without_pii(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    (_, all_but), (_, admin) = (add_key(path, "a", ["read", "pii", "write", "curate"]), add_key(path, "b", ["admin", "write", "read"]))
    async with asking(keys=path) as ask:
        ask.headers["X-API-Key"] = all_but
        assert (await ask.refusal(SIMULATE_RULES, input={"toml": ""}))[0] == "FORBIDDEN"
        ask.headers["X-API-Key"] = admin
        await ask.ingest(fragment("user_id:1", "phone:13912345678"), fragment("user_id:1", "phone:13912345679", id="2"))
        id = (await simulate(ask, APART))["job"]["id"]
        done = await ended(ask, id)
        ask.headers["X-API-Key"] = all_but
        answers = [await ask(f"query ($id: ID!) {{ {field}(id: $id) {{ id }} }}", id=id) for field in ("job", "node")]

    assert [one["errors"][0]["extensions"]["code"] for one in answers] == ["FORBIDDEN"] * 2
    (example,) = done["simulation"]["examples"]
    assert {one["value"] for one in example["before"][0]["identifiers"]} == {None}
    assert "13912345678" not in example["because"]


async def test_a_job_is_followed_until_it_has_ended(url: str) -> None:
    async with running(store=url) as run:
        await run.ask.ingest(fragment("user_id:1", "phone:13912345678"))
        id = (await simulate(run.ask, APART))["job"]["id"]
        states = []
        async with in_time("the job"), run.events("subscription ($id: ID!) { jobChanged(id: $id) { state progress } }", id=id) as events:
            async for event, data in events:
                if event == "complete":
                    break
                states.append(data["data"]["jobChanged"]["state"])

    assert states[-1] == "DONE"
    assert states == sorted(states, key=["WAITING", "RUNNING", "DONE"].index)


# ---------------------------------------------------------------- whoever does it


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    async with open_store(url, Rules.builtin()) as opened:
        await ingest(opened, [sent("user_id:1", "phone:13912345678")])
        yield opened


async def put(store: Store, row: JobRow, **changes: Any) -> None:
    await store.write_jobs([row._replace(**changes)])


async def test_a_job_whose_process_died_has_failed(store: Store) -> None:
    row, _ = await ask_for(store, SIMULATE, {"toml": ""})
    await put(store, row, state="running", beat=jobs.now() - SILENT // 2)
    alive = await job(store, row.id)
    await put(store, row, state="running", beat=jobs.now() - SILENT - 1)
    dead = await job(store, row.id)

    assert alive is not None
    assert alive.state == "running"
    assert dead is not None
    assert (dead.state, dead.error and dead.error[0], await job(store, row.id)) == ("failed", "UNAVAILABLE", dead)
    await put(store, row, state="done", result={})
    assert await job(store, row.id) == dead, "who was thought dead cannot end it otherwise"


async def test_another_process_sees_a_job_and_can_cancel_it(store: Store) -> None:
    here, there = Jobs(store, beat=0.05), Jobs(store, beat=0.05)
    row = await here.begin(SIMULATE, {"toml": APART})
    waiting = await here.begin(SIMULATE, {"toml": APART})
    async with open_store(store.url, Rules.builtin()) as other:
        seen = await job(other, waiting.id)
        assert seen is not None
        assert (seen.state, seen.input["toml"]) == ("waiting", APART)
        await cancel(other, waiting.id)
        await until(lambda: _none(here._tasks.get(waiting.id)), bool)
        done = await until(lambda: job(other, row.id), lambda one: one.state == "done")
        cancelled = await job(other, waiting.id)
    await here.close()
    await there.close()

    assert done.result["profiles_before"] == 1
    assert cancelled is not None
    assert cancelled.state == "cancelled"


async def _none(one: object) -> bool:
    return one is None


async def test_a_job_is_alive_while_it_waits(store: Store) -> None:
    here = Jobs(store, beat=0.05)
    async with here._turn:
        row = await here.begin(SIMULATE, {"toml": APART})
        later = await until(lambda: job(store, row.id), lambda one: one.beat > row.beat)
    await until(lambda: job(store, row.id), lambda one: one.state == "done")
    await here.close()

    assert later.state == "waiting"


async def test_a_service_that_stops_fails_its_jobs(store: Store) -> None:
    here = Jobs(store)
    async with here._turn:
        row = await here.begin(SIMULATE, {"toml": APART})
        await here.close()
    found = await job(store, row.id)

    assert found is not None
    assert (found.state, found.error and found.error[0]) == ("failed", "UNAVAILABLE")
    assert found.finished is not None


async def test_a_job_cancelled_while_the_service_stops_leaves_no_process(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[asyncio.subprocess.Process] = []
    start = asyncio.create_subprocess_exec

    async def seen(*command: Any, **options: Any) -> asyncio.subprocess.Process:
        started.append(await start(*command, **options))
        return started[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", seen)
    here = Jobs(store)
    row = await here.begin(SIMULATE, {"toml": APART})
    async with in_time("its process"):
        while not started:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)

    here.stop(row.id)
    await asyncio.sleep(0)  # what it does at its end has begun
    await here.close()

    assert started[0].returncode is not None
    assert started[0]._transport.is_closing()  # type: ignore[attr-defined]


async def test_a_job_whose_own_process_is_killed_has_failed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.jobs.sys.executable", "/bin/false")
    here = Jobs(store)
    row = await here.begin(SIMULATE, {"toml": APART})
    found = await until(lambda: job(store, row.id), lambda one: one.state != "waiting" and one.state != "running")
    await here.close()

    assert (found.state, found.error[0]) == ("failed", "UNAVAILABLE")


async def test_only_the_last_jobs_that_ended_are_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("sqlite", "neo4j"):
        monkeypatch.setattr(f"graph.store.{module}.jobs.KEPT_JOBS", 2)
    rows = [(await ask_for(store, SIMULATE, {"toml": str(n)}))[0] for n in range(2)]
    for n in range(2, 6):
        rows.append((await ask_for(store, SIMULATE, {"toml": str(n)}))[0])
        await cancel(store, rows[-1].id)
    await ask_for(store, SIMULATE, {"toml": "last"})
    left = await store.jobs([row.id for row in rows])

    assert [n for n, row in enumerate(rows) if row.id in left] == [0, 1, 4, 5]


async def test_speaking_of_a_job_is_no_commit(store: Store) -> None:
    row, _ = await ask_for(store, SIMULATE, {"toml": ""}, by="li")
    before = await store.head()
    await put(store, row, state="running", progress=0.5)

    assert await store.head() == before
    assert (await store.jobs([row.id]))[row.id].by == "li"
    assert BEAT * 3 < SILENT
    assert abs(jobs.now() - time.time() * 1e6) < 1e6
