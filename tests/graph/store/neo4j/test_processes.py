"""Writers in several processes at once, on the same identifiers: the gate makes one history of them."""

from __future__ import annotations

import asyncio
import os
import sys

from neo4j import AsyncDriver

from graph.resolve.rules import Rules
from graph.store.neo4j.connect import target_of
from graph.store.neo4j.store import open_neo4j
from graph.store.ports import NAMESPACE_SHIFT
from tests import neo4j_server
from tests.graph.store.neo4j.load import assert_partition
from tests.graph.store.neo4j.writer import RULES, fragments

SEEDS = ("one", "two")
WRITERS = 4
FRAGMENTS = int(os.environ.get("ONEID_TEST_FRAGMENTS", "1600")) // (2 * WRITERS)
"""Of each writer; ONEID_TEST_FRAGMENTS is how many there are in all (20,000 by hand)."""


async def python(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", *arguments, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


async def test_eight_writers_in_two_processes_make_one_history(server: neo4j_server.Server, driver: AsyncDriver) -> None:
    started = [python("tests.graph.store.neo4j.writer", server.uri, seed, str(WRITERS), str(FRAGMENTS)) for seed in SEEDS]

    accepted = [int(text) for text in await asyncio.gather(*started)]  # both set the empty database up at once

    assert accepted == [WRITERS * FRAGMENTS] * 2  # a writer that meets a deadlock says so and ends
    async with open_neo4j(server.uri, Rules.parse(RULES)) as store:
        await assert_partition(store, [one for seed in SEEDS for n in range(WRITERS) for one in fragments(f"{seed}-{n}", FRAGMENTS)])
        held = await store.everything()
    keys = [key for key, _ in held.versions]
    assert len(keys) == len(set(keys)) == 2 * WRITERS * FRAGMENTS
    assert len({(member.id >> NAMESPACE_SHIFT, member.value) for member in held.members}) == len(held.members)
    async with driver.session(database=target_of(server.uri).database) as session:
        commits = await (await session.run("MATCH (c:Commit) RETURN count(*), max(c.n), count(DISTINCT c.at)")).single(strict=True)
        requests = await (await session.run("MATCH (r:Request) RETURN count(*), count(DISTINCT r.scope + r.key)")).single(strict=True)
    assert commits[0] == commits[1] == commits[2] == held.commit
    assert requests[0] == requests[1] == held.commit - 1
