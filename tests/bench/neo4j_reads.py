"""How long reads from Neo4j take, against the bare Cypher for the same rows.

    python tests/bench/neo4j_reads.py --people 20000 --runs 300 [--version 2026.08.1]

- profile: by an identifier, with its identifiers, traits and links; bare: one statement that gives the profile, its members, the accepted
  links and the newest fragments with traits, and makes no objects of them
- neighbourhood: everybody within two hops of a person, 100 nodes at most, with their edges; bare: one statement that contracts two hops of
  ties to profiles, the strongest 20 of each

Store and bare statement ask for the same person in turn, over connections of one driver, on a server started for this. Printed: p50 and p99
in milliseconds, and the ratio of the medians.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any

import uvloop
from neo4j import AsyncDriver

from graph.ingest import ingest
from graph.interactions import record
from graph.model import Identifier
from graph.store.neo4j.connect import connected, target_of
from graph.store.neo4j.store import Neo4jStore, open_neo4j
from graph.views import ByIdentifier
from service.collector import collect_rarely
from tests import neo4j_server
from tests.bench.reads import RULES, USUAL, batches, people, ties, want

PROFILE = """
MATCH (:Identifier {namespace: $namespace, value: $value})-[:OF]->(p)
RETURN p.one_id, p.kind, p.size,
    COLLECT { MATCH (p)<-[:OF]-(i) RETURN [i.namespace, i.value, i.flags] },
    COLLECT { MATCH (p)<-[:OF]-(a)-[k:LINK]->(b) WHERE k.refused IS NULL RETURN [a.value, b.value, k.n, k.first, k.last, k.score] },
    COLLECT {
        MATCH (p)<-[:OF]-()<-[:CARRIES]-(f) WHERE f.traits IS NOT NULL
        WITH DISTINCT f ORDER BY f.observed DESC, f.id DESC LIMIT 100
        RETURN [f.source, f.record, f.observed, f.ids, f.traits]
    }
"""
NEIGHBOURHOOD = """
MATCH (:Identifier {namespace: $namespace, value: $value})-[:OF]->(p)
CALL (p) {
    MATCH (p)<-[:OF]-()-[t:TIE]-()-[:OF]->(q) WHERE q <> p
    RETURN q, sum(t.weight) AS w ORDER BY w DESC LIMIT 20
}
CALL (q) {
    MATCH (q)<-[:OF]-()-[t:TIE]-()-[:OF]->(r) WHERE r <> q
    RETURN r, sum(t.weight) AS v ORDER BY v DESC LIMIT 20
}
RETURN collect([p.one_id, q.one_id, r.one_id, w, v])
"""
NEAR = (want("neighbourhood", want("profile"), depth=2, max_nodes=100),)


async def fill(store: Neo4jStore, count: int) -> None:
    started = time.perf_counter()
    for fragments in batches(people(count)):
        await ingest(store, fragments, reading=False)
    for interactions in batches(ties(count)):
        await record(store, interactions)
    print(f"{count:,} people, {5 * count:,} interactions on record, in {time.perf_counter() - started:.0f} s", flush=True)


class Turns:
    """The same person asked for by the store and by the bare statement, turn by turn."""

    def __init__(self, store: Neo4jStore, driver: AsyncDriver, database: str | None, count: int) -> None:
        self.store = store
        self.driver = driver
        self.database = database
        self.draw = random.Random(7)
        self.count = count

    async def bare(self, statement: str, one: Identifier) -> Any:
        async with self.driver.session(database=self.database, default_access_mode="READ") as session:
            return await (await session.run(statement, namespace=one.namespace, value=one.value)).single(strict=True)

    async def compare(self, name: str, wants: Any, statement: str, runs: int) -> None:
        mine: list[float] = []
        theirs: list[float] = []
        for n in range(-runs // 5, runs):  # the first fifth warms up
            one = Identifier("user_id", f"u{self.draw.randrange(self.count)}")
            ours = await timed(lambda one=one: self.store.profiles_by([ByIdentifier(one)], wants))  # type: ignore[misc]
            bare = await timed(lambda one=one: self.bare(statement, one))  # type: ignore[misc]
            if n >= 0:
                mine.append(ours)
                theirs.append(bare)
        for who, each in (("store", mine), ("bare", theirs)):
            ordered = sorted(each)
            print(f"{name:14s} {who:6s} p50 {median(each):7.1f} ms   p99 {ordered[int(len(ordered) * 0.99)]:7.1f} ms")
        print(f"{name:14s} store / bare at the median: {median(mine) / median(theirs):.1f}")


async def timed(work: Callable[[], Awaitable[Any]]) -> float:
    began = time.perf_counter()
    assert await work()
    return (time.perf_counter() - began) * 1000


async def main() -> None:
    collect_rarely()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--version", default="5.26.30")
    parser.add_argument("--heap", default="1g")
    parser.add_argument("--folder", type=Path, default=Path("/tmp"), help="where the server keeps its data")
    options = parser.parse_args()
    heap = (f"-Xms{options.heap}", f"-Xmx{options.heap}")
    server = neo4j_server.start(options.version, java_options=heap, pagecache="256m", folder=options.folder)
    try:
        target = target_of(server.uri)
        async with connected(target) as driver, open_neo4j(server.uri, RULES) as store:
            await fill(store, options.people)
            turns = Turns(store, driver, target.database, options.people)
            print(f"Neo4j {options.version}, load {os.getloadavg()[0]:.1f}:")
            await turns.compare("profile", USUAL, PROFILE, options.runs)
            await turns.compare("neighbourhood", NEAR, NEIGHBOURHOOD, options.runs)
        print(f"peak memory of the client {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    finally:
        server.stop()


if __name__ == "__main__":
    uvloop.run(main())
