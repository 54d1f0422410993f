"""What only this store has to prove of its transactions: steps undone without savepoints, commits without answer, requests cancelled."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from neo4j import AsyncDriver, AsyncTransaction
from neo4j.exceptions import ServiceUnavailable

from graph.check import check
from graph.errors import StoreBusy, StoreTrouble
from graph.ingest import ingest
from graph.model import Fragment, Identifier
from graph.resolve.rules import Rules
from graph.store.neo4j.store import Neo4jStore, open_neo4j
from graph.store.neo4j.transaction import Neo4jTransaction
from graph.store.neo4j.writing import Neo4jWriting
from tests import neo4j_server


def seen(record: str, *texts: str) -> Fragment:
    return Fragment("crm", record, tuple(Identifier(*text.split(":")) for text in texts), 1, {"name": record})


async def records(store: Neo4jStore) -> list[str]:
    return [key.id for key, _ in (await store.everything()).versions]


class Refused(Exception):
    """What a step fails with in these tests."""


async def grouped(store: Neo4jStore, first: list[Fragment], then: Callable[[], Awaitable[Any]]) -> tuple[Any, Any]:
    """Run a request and another one that is sure to share its transaction; what became of each."""
    waits = asyncio.Event()

    async def before() -> Any:
        async with store.writing("fragment"):
            await waits.wait()  # holds the gate until both others stand in the queue
        return None

    holding = asyncio.create_task(before())
    await asyncio.sleep(0)
    one = asyncio.create_task(ingest(store, first))
    await asyncio.sleep(0)
    other = asyncio.ensure_future(then())
    await asyncio.sleep(0)
    waits.set()
    became: Sequence[Any] = await asyncio.gather(holding, one, other, return_exceptions=True)
    return became[1], became[2]


async def write_then_fail(store: Neo4jStore) -> None:
    writing = store.writing("fragment")
    async with writing as step:
        await step.namespace_numbers(["planet", "phone"])
        number = step.namespaces().index("planet") + 1
        await step.new_identifiers([number], ["mars"])
        await step.write_identifiers((), ())
        raise Refused


async def test_a_step_that_fails_after_it_wrote_leaves_those_before_it_standing(store: Neo4jStore) -> None:
    one, other = await grouped(store, [seen("a", "phone:+8613912345678", "user_id:1")], lambda: write_then_fail(store))

    assert one.accepted == 1
    assert isinstance(other, Refused)
    assert await records(store) == ["a"]
    assert "planet" not in (await store.everything()).namespaces
    assert (await check(store)).differences == ()
    again = await ingest(store, [seen("b", "planet:venus", "user_id:1")])
    assert again.token == one.token + 1
    assert (await check(store)).differences == ()


async def test_the_steps_before_fail_when_another_writer_came_between(
    store: Neo4jStore, server: neo4j_server.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    abandon = Neo4jTransaction._abandon
    async with open_neo4j(server.uri, Rules.builtin()) as elsewhere:

        async def slip_in(self: Neo4jTransaction) -> None:
            await abandon(self)
            monkeypatch.setattr(Neo4jTransaction, "_abandon", abandon)
            await ingest(elsewhere, [seen("between", "user_id:9")])

        monkeypatch.setattr(Neo4jTransaction, "_abandon", slip_in)
        one, other = await grouped(store, [seen("a", "user_id:1")], lambda: write_then_fail(store))

    assert isinstance(one, StoreTrouble)
    assert isinstance(other, Refused)
    assert await records(store) == ["between"]
    assert (await check(store)).differences == ()


@pytest.mark.parametrize("applied", [True, False])
async def test_a_commit_whose_answer_is_lost_is_looked_up(store: Neo4jStore, monkeypatch: pytest.MonkeyPatch, applied: bool) -> None:
    commit = AsyncTransaction.commit

    async def lose(self: AsyncTransaction) -> None:
        monkeypatch.setattr(AsyncTransaction, "commit", commit)
        if applied:
            await commit(self)
        raise ServiceUnavailable("the link went down")

    monkeypatch.setattr(AsyncTransaction, "commit", lose)
    if applied:
        assert (await ingest(store, [seen("a", "user_id:1")])).accepted == 1
    else:
        with pytest.raises(StoreTrouble, match="nothing of it was written"):
            await ingest(store, [seen("a", "user_id:1")])

    assert await records(store) == (["a"] if applied else [])


async def test_an_error_of_a_statement_that_nobody_waited_for_fails_its_own_step(
    store: Neo4jStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Neo4jTransaction._ask

    async def fail(self: Neo4jTransaction, statement: str, values: dict[str, Any], seconds: float) -> Any:
        if "CREATE (f:Fragment" in statement and values["rows"][0][2] == "bad":
            return await ask(self, "RETURN 1 / 0", {}, seconds)
        return await ask(self, statement, values, seconds)

    monkeypatch.setattr(Neo4jTransaction, "_ask", fail)

    one, other = await grouped(store, [seen("a", "user_id:1")], lambda: ingest(store, [seen("bad", "user_id:2")]))

    assert one.accepted == 1
    assert isinstance(other, StoreTrouble)
    assert await records(store) == ["a"]
    assert (await check(store)).differences == ()


async def test_a_cancelled_request_leaves_the_gate_free_and_its_group_standing(store: Neo4jStore, monkeypatch: pytest.MonkeyPatch) -> None:
    post = Neo4jWriting.post
    cancelled: list[asyncio.Task[Any]] = []

    async def cut(self: Neo4jWriting, statement: str, /, **values: Any) -> None:
        task = asyncio.current_task()
        if task in cancelled and "CREATE (p:Profile" in statement:
            task.cancel()  # reaches it while the statement is under way
        await post(self, statement, **values)

    monkeypatch.setattr(Neo4jWriting, "post", cut)

    async def begin_and_go() -> Any:
        task = asyncio.current_task()
        assert task is not None
        cancelled.append(task)
        return await ingest(store, [seen("gone", "user_id:2")])

    one, other = await grouped(store, [seen("a", "user_id:1")], begin_and_go)

    assert one.accepted == 1
    assert isinstance(other, asyncio.CancelledError)
    assert (await ingest(store, [seen("b", "user_id:3")])).accepted == 1
    assert await records(store) == ["a", "b"]
    assert (await check(store)).differences == ()


async def test_a_gate_that_is_not_free_in_time_is_busy(
    store: Neo4jStore, monkeypatch: pytest.MonkeyPatch, driver: AsyncDriver, server: neo4j_server.Server
) -> None:
    monkeypatch.setattr("graph.store.neo4j.transaction.GATE_SECONDS", 0.3)
    async with driver.session() as session, await session.begin_transaction() as held:
        await (await held.run("MATCH (g:Gate {id: 0}) SET g.token = 'held'")).consume()
        with pytest.raises(StoreBusy):
            await ingest(store, [seen("a", "user_id:1")])

    assert (await ingest(store, [seen("a", "user_id:1")])).accepted == 1


async def test_the_rows_of_a_step_are_not_left_to_the_collector_of_garbage(store: Neo4jStore) -> None:
    for turn in ("first", "again"):  # the second time links are counted on
        fragments = [seen(f"{turn}-{n}", f"device:{n}", f"phone:+8613900{n:06d}") for n in range(1_000)]
        gc.collect()
        gc.disable()
        try:
            await ingest(store, fragments, reading=False)
            left = gc.collect()
        finally:
            gc.enable()

        assert left < 2_000, f"{left} values of 1,000 fragments were left, {turn}"
