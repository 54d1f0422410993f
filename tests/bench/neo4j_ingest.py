"""How fast ingest into Neo4j is, against two scripts that store the same rows and resolve nothing.

    python tests/bench/neo4j_ingest.py --people 50000 --fragments 20000 [--version 2026.08.1] [--profile]

- bare: plain UNWIND + MERGE, 1,000 rows a transaction: fragments, identifiers, what carries what, links. Target: service / bare >= 0.6
- usual: one transaction of MERGEs per fragment, one connection. Target: service / usual >= 10

All three write to one server started for this, into labels of their own with unique keys, turn by turn, so that what else the machine does
meets them alike. Printed: fragments per second, ratios on the whole and at the median turn, milliseconds per commit, client CPU.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import os
import pstats
import resource
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import Any

import orjson
from neo4j import AsyncSession

from graph.ingest import ingest
from graph.model import Fragment
from graph.resolve.rules import Rules
from graph.store.neo4j.connect import connected, target_of
from graph.store.neo4j.store import Neo4jStore, open_neo4j
from service.collector import collect_rarely
from tests import neo4j_server
from tests.bench.ingest import people, traffic

BARE_SCHEMA = (
    "CREATE CONSTRAINT bare_identifier IF NOT EXISTS FOR (x:BareIdentifier) REQUIRE x.key IS UNIQUE",
    "CREATE CONSTRAINT bare_fragment IF NOT EXISTS FOR (x:BareFragment) REQUIRE x.key IS UNIQUE",
    "CREATE CONSTRAINT usual_identifier IF NOT EXISTS FOR (x:UsualIdentifier) REQUIRE x.key IS UNIQUE",
    "CREATE CONSTRAINT usual_fragment IF NOT EXISTS FOR (x:UsualFragment) REQUIRE x.key IS UNIQUE",
)
BARE_FRAGMENTS = """
UNWIND $rows AS f
MERGE (x:BareFragment {key: f.key})
SET x.observed = f.at, x.raw = f.raw, x.traits = f.traits
WITH x, f UNWIND f.ids AS id
MERGE (i:BareIdentifier {key: id.key})
ON CREATE SET i.namespace = id.namespace, i.value = id.value, i.first_seen = f.at
SET i.last_seen = f.at
MERGE (x)-[c:CARRIES]->(i)
SET c.observed = f.at
"""
BARE_LINKS = """
UNWIND $rows AS l
MATCH (a:BareIdentifier {key: l.a})
MATCH (b:BareIdentifier {key: l.b})
MERGE (a)-[r:LINK]->(b)
ON CREATE SET r.first = l.at, r.n = 0
SET r.last = l.at, r.n = r.n + 1
"""
USUAL = f"""
WITH $row AS f
{BARE_FRAGMENTS.replace("UNWIND $rows AS f", "").replace(":Bare", ":Usual")}
WITH DISTINCT f UNWIND $links AS l
MATCH (a:UsualIdentifier {{key: l.a}})
MATCH (b:UsualIdentifier {{key: l.b}})
MERGE (a)-[r:LINK]->(b)
ON CREATE SET r.first = l.at, r.n = 0
SET r.last = l.at, r.n = r.n + 1
"""


def row(fragment: Fragment) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A fragment and its links, as the scripts take them."""
    ids = sorted(fragment.identifiers, key=lambda i: i.text)
    at = fragment.observed_at
    keys = [{"key": i.text, "namespace": i.namespace, "value": i.value} for i in ids]
    traits = None if fragment.traits is None else orjson.dumps(fragment.traits).decode()
    return (
        {"key": f"{fragment.source}/{fragment.id}", "at": at, "ids": keys, "raw": [i.text for i in ids], "traits": traits},
        [{"a": a.text, "b": b.text, "at": at} for a, b in combinations(ids, 2)],
    )


async def bare(session: AsyncSession, fragments: Sequence[Fragment]) -> None:
    rows = [row(fragment) for fragment in fragments]
    async with await session.begin_transaction() as transaction:
        await (await transaction.run(BARE_FRAGMENTS, rows=[f for f, _ in rows])).consume()
        await (await transaction.run(BARE_LINKS, rows=[link for _, links in rows for link in links])).consume()


async def usual(session: AsyncSession, fragments: Sequence[Fragment]) -> None:
    for fragment in fragments:
        f, links = row(fragment)
        await (await session.run(USUAL, row=f, links=links)).consume()


def batches(fragments: Iterator[Fragment], size: int) -> Iterator[list[Fragment]]:
    batch: list[Fragment] = []
    for fragment in fragments:
        batch.append(fragment)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


class Clock:
    """Seconds and client CPU of each turn, by who had it."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.cpu: dict[str, float] = defaultdict(float)
        self.fragments: dict[str, int] = defaultdict(int)

    async def time(self, who: str, work: Any, fragments: int) -> None:
        began, cpu = time.perf_counter(), time.process_time()
        await work
        self.seconds[who].append((time.perf_counter() - began) / fragments)
        self.cpu[who] += time.process_time() - cpu
        self.fragments[who] += fragments

    def report(self, size: int) -> None:
        for who, each in self.seconds.items():
            ordered = sorted(each)
            p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
            rate = len(each) / sum(each)
            cpu = self.cpu[who] / self.fragments[who] * 1e6
            print(
                f"{who:8s}{rate:9,.0f} fragments/s   {size:,} p50 {median(each) * size * 1e3:6.0f} ms  p99 {p99 * size * 1e3:6.0f} ms",
                end="",
            )
            print(f"   client CPU {cpu:4.0f} µs a fragment")
        service = self.seconds["service"]
        for who in ("bare", "usual"):
            other = self.seconds[who]
            if other:
                ratios = [theirs / mine for mine, theirs in zip(service, other, strict=True)]
                print(f"service / {who}: {sum(other) / sum(service):.2f} on the whole, {median(ratios):.2f} at the median turn")


async def fill(store: Neo4jStore, session: AsyncSession, count: int) -> None:
    started = time.perf_counter()
    for batch in batches(people(count), 1_000):
        await ingest(store, batch, reading=False)
        await bare(session, batch)
        await (await session.run(BARE_FRAGMENTS.replace(":Bare", ":Usual"), rows=[row(f)[0] for f in batch])).consume()
    print(f"{count:,} people on record three times over, in {time.perf_counter() - started:.0f} s", flush=True)


async def measure(
    store: Neo4jStore, session: AsyncSession, fragments: Iterator[Fragment], size: int, every: int, profile: cProfile.Profile | None
) -> Clock:
    clock = Clock()
    for batch in batches(fragments, size):
        if profile is not None:
            profile.enable()
        await clock.time("service", ingest(store, batch, reading=False), len(batch))
        if profile is not None:
            profile.disable()
        await clock.time("bare", bare(session, batch), len(batch))
        if every:
            await clock.time("usual", usual(session, batch[:every]), len(batch[:every]))
    return clock


async def main() -> None:
    collect_rarely()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--fragments", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=1_000)
    parser.add_argument("--usual", type=int, default=100, help="fragments of each batch that the usual script writes, too")
    parser.add_argument("--version", default="5.26.30")
    parser.add_argument("--heap", default="1g")
    parser.add_argument("--folder", type=Path, default=Path("/tmp"), help="where the server keeps its data")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    server = neo4j_server.start(
        options.version, java_options=(f"-Xms{options.heap}", f"-Xmx{options.heap}"), pagecache="256m", folder=options.folder
    )
    try:
        target = target_of(server.uri)
        async with (
            connected(target) as driver,
            driver.session(database=target.database) as session,
            open_neo4j(server.uri, Rules.builtin()) as store,
        ):
            for statement in BARE_SCHEMA:
                await (await session.run(statement)).consume()  # type: ignore[arg-type]
            await fill(store, session, options.people)
            await measure(store, session, traffic(5_000, options.people, 1), options.batch, options.usual, None)
            print(f"-- after warming up, {options.fragments:,} fragments, Neo4j {options.version}, load {os.getloadavg()[0]:.1f}:")
            profile = cProfile.Profile() if options.profile else None
            clock = await measure(store, session, traffic(options.fragments, options.people, 2), options.batch, options.usual, profile)
            clock.report(options.batch)
            if profile is not None:
                pstats.Stats(profile).sort_stats("tottime").print_stats(40)
        print(f"peak memory of the client {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    finally:
        server.stop()


if __name__ == "__main__":
    asyncio.run(main())
