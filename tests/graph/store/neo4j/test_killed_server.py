"""The server killed under load and started again: by its key every request is done exactly once, nothing acknowledged is lost.

ONEID_TEST_SERVER_KILLS says how often it is killed, 2 times by default.
"""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import AsyncExitStack

import pytest
from neo4j import AsyncDriver

from graph.resolve.rules import Rules
from graph.store.neo4j.store import open_neo4j
from tests import neo4j_server
from tests.graph.store.neo4j.load import Load
from tests.graph.store.neo4j.writer import RULES

KILLS = int(os.environ.get("ONEID_TEST_SERVER_KILLS") or 2)
WRITERS = 4
"""Of each of two stores."""


@pytest.mark.kill
async def test_a_killed_server_loses_nothing_acknowledged_and_does_nothing_twice(mortal: neo4j_server.Server, driver: AsyncDriver) -> None:
    draw = random.Random(4)
    load, done = Load(seed=4), asyncio.Event()
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(open_neo4j(mortal.uri, Rules.parse(RULES))) for _ in range(2)]
        async with asyncio.TaskGroup() as group:
            for number, store in enumerate(stores):
                for writer in range(WRITERS):
                    group.create_task(load.write(store, f"{number}-{writer}", done))
            for _ in range(KILLS):
                await load.more_answers(WRITERS)
                await asyncio.sleep(draw.uniform(0, 0.3))
                mortal.kill()
                mortal.launch()
                await asyncio.to_thread(mortal.await_answer)
            await load.more_answers(WRITERS)
            done.set()
        assert load.troubles.total() >= KILLS
        await load.prove(stores[0], driver)
