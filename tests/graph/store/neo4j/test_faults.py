"""Everything that a network does to a connection, under load: by its key every request is done exactly once, nothing is lost.

ONEID_TEST_FAULTS says how often each fault strikes, 2 times by default.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import NamedTuple

import pytest
from neo4j import AsyncDriver

from graph.check import check
from graph.errors import StoreTrouble
from graph.ingest import Ingested, ingest
from graph.model import Fragment, Identifier, Key
from graph.resolve.rules import Rules
from graph.store.neo4j.store import open_neo4j
from graph.views import ByIdentifier
from tests import neo4j_server
from tests.graph.store.neo4j.load import Load
from tests.graph.store.neo4j.proxy import Fault, Proxy, before
from tests.graph.store.neo4j.writer import RULES

ROUNDS = int(os.environ.get("ONEID_TEST_FAULTS") or 2)
WRITERS = 4
"""Of each of two stores, which know nothing of each other."""
STRIKE_SECONDS = 60
MOMENTS = 40
HOLDING = "SHOW TRANSACTIONS YIELD transactionId, metaData, activeLockCount WHERE metaData.oneid IS NOT NULL AND activeLockCount > 0"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A connection that says nothing is given up soon, until this is undone."""
    monkeypatch.setattr("graph.store.neo4j.transaction.STATEMENT_SECONDS", 2.0)
    monkeypatch.setattr("graph.store.neo4j.store.STATEMENT_SECONDS", 2.0)
    monkeypatch.setattr("graph.store.neo4j.marked.STATEMENT_SECONDS", 2.0)
    return monkeypatch


class Way(NamedTuple):
    """What stands between us and the server, and the URI that leads through it."""

    proxy: Proxy
    uri: str


@pytest.fixture
async def way(server: neo4j_server.Server) -> AsyncIterator[Way]:
    async with before(server) as (proxy, uri):
        yield Way(proxy, uri)


async def strike(between: Proxy) -> None:
    """Each fault so many times, in any order, at any moment."""
    draw = random.Random(20_261_122)
    faults = [*Fault] * ROUNDS
    draw.shuffle(faults)
    for fault in faults:
        between.delay = draw.choice((0.0, 0.0, 0.002, 0.01))
        await asyncio.sleep(draw.random() * 0.3)
        between.arm(fault)
        async with asyncio.timeout(STRIKE_SECONDS):
            await between.strikes()
    between.calm()


@pytest.mark.parametrize("cancels", [False, True], ids=["", "with requests cancelled"])
async def test_under_any_fault_every_request_is_done_once_by_its_key(
    driver: AsyncDriver, way: Way, impatient: pytest.MonkeyPatch, cancels: bool
) -> None:
    load, done = Load(cancels=cancels), asyncio.Event()
    async with AsyncExitStack() as stack:
        rules, uri = Rules.parse(RULES), way.uri
        stores = [await stack.enter_async_context(open_neo4j(uri, rules)) for _ in range(2)]
        async with asyncio.TaskGroup() as group:
            for number, store in enumerate(stores):
                for writer in range(WRITERS):
                    group.create_task(load.write(store, f"{number}-{writer}", done))
            await strike(way.proxy)
            done.set()
        assert way.proxy.struck == dict.fromkeys(Fault, ROUNDS)
        impatient.undo()
        await load.prove(stores[0], driver)
    assert load.tries.total() > len(load.sent)
    assert load.cancelled > 3 or not cancels


@pytest.mark.parametrize("fault", Fault)
async def test_each_fault_alone_ends_in_one_answer_by_the_key_and_leaves_the_gate_free(
    driver: AsyncDriver, way: Way, impatient: pytest.MonkeyPatch, fault: Fault
) -> None:
    fragment = Fragment("crm", "1", (Identifier("user", "1"), Identifier("device", "1")), 1)
    async with open_neo4j(way.uri, Rules.parse(RULES)) as store:
        way.proxy.arm(fault)
        try:
            first = (await ingest(store, [fragment], key=Key("k", "1"))).accepted
        except StoreTrouble:
            first = None
        impatient.undo()
        async with asyncio.timeout(20):  # not the two minutes after which the server ends what nobody ends
            again = await ingest(store, [fragment], key=Key("k", "1"))

        assert way.proxy.struck[fault] == 1
        assert first in (None, 1)
        assert again.accepted == 1
        assert again.replayed or first is None
        assert (await check(store)).differences == ()
        async with driver.session() as session:
            left = await (await session.run(HOLDING)).value()
        assert left == []


async def test_a_request_cancelled_at_any_moment_on_the_wire_is_done_once_by_its_key(
    driver: AsyncDriver, way: Way, impatient: pytest.MonkeyPatch
) -> None:
    """Each answer takes a while to come, so that every statement, COMMIT among them, is under way at some of the moments."""
    impatient.undo()
    clock = asyncio.get_running_loop().time
    async with open_neo4j(way.uri, Rules.parse(RULES)) as store:
        way.proxy.delay = 0.004
        begun = clock()
        await ingest(store, [Fragment("crm", "0", (Identifier("user", "0"), Identifier("device", "1")), 1)])
        moments = (clock() - begun) * 1.5 / MOMENTS
        ended: Counter[str] = Counter()
        for n in range(1, MOMENTS + 1):
            sent = [Fragment("crm", str(n), (Identifier("user", str(n % 5)), Identifier("device", "1")), n)]
            asked = asyncio.create_task(ingest(store, sent, key=Key("k", str(n))))
            await asyncio.sleep(moments * n)
            asked.cancel()
            (first,) = await asyncio.gather(asked, return_exceptions=True)
            async with asyncio.timeout(20):
                again = await ingest(store, sent, key=Key("k", str(n)))

            assert again.accepted == 1
            assert again.replayed or isinstance(first, asyncio.CancelledError)
            ended["done" if isinstance(first, Ingested) else "written" if again.replayed else "nothing"] += 1
        way.proxy.calm()
        report = await check(store)
    assert report.differences == ()
    assert report.counted["fragments"] == MOMENTS + 1
    assert min(ended["nothing"], ended["written"]) > 0  # before its COMMIT, and around it


async def test_reads_begin_again_where_their_connection_broke(driver: AsyncDriver, way: Way, impatient: pytest.MonkeyPatch) -> None:
    impatient.undo()
    async with open_neo4j(way.uri, Rules.parse(RULES)) as store:
        await ingest(store, [Fragment("crm", "1", (Identifier("user", "1"),), 1)])
        for _ in range(3):
            way.proxy.refuse()
            way.proxy.calm()
            (found,) = await store.profiles_by([ByIdentifier(Identifier("user", "1"))], [])
            assert found is not None


async def test_half_open_connections_are_given_up_one_by_one(driver: AsyncDriver, way: Way) -> None:
    async with open_neo4j(way.uri, Rules.parse(RULES)) as store:
        await asyncio.gather(*(store.head() for _ in range(3)))  # connections to be half-open
        way.proxy.hang()
        with pytest.raises(StoreTrouble, match="did not answer"):
            await store.head()
        way.proxy.calm()
        async with asyncio.timeout(10):
            while True:
                try:
                    assert (await store.head())[0] == 1
                    break
                except StoreTrouble:
                    continue
