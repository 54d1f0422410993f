"""How fast ingest into Neo4j is, against scripts that store the same fragments and resolve nothing.

    python tests/bench/neo4j_ingest.py [--people 80000 --warm 40000 --fragments 20000] [--version 2026.08.1] [--profile]
    python tests/bench/neo4j_ingest.py --sweep          which batch, and how many writers at once

- service: graph.ingest, `--batch` fragments a request, `--writers` requests at once; who waits for the gate shares a transaction
- bare: two statements a transaction of 1,000 fragments. UNWIND + MERGE of every fragment (one unique key; time, raw identifiers and traits
  as properties), of its identifiers (one unique key; namespace, value, first and last seen) and of what carries what (with its time); then
  UNWIND + MERGE of every pair of identifiers as a link that counts its sightings, with first and last. It reads nothing, and keeps no
  versions, profiles, OneIDs, counts or changes. Target: service / bare >= 0.6
- kept: the bare script, and what the service promises to keep besides, under the constraints and indexes of the service's schema: content
  hash, versions and states of records; a profile for each account with its OneID, summary and memberships; an entry of the feed for each
  person and transaction; the commit. It reads and decides nothing: service / kept is what resolving costs, kept / bare what keeping does
- usual: the same MERGEs, one statement and one transaction per fragment, one connection. Target: service / usual >= 10

All of them write to one server started for this, with the collector and heap of a server in production, into labels of their own, turn by
turn, so that what else the machine does meets them alike. The server compiles for long: with a `--warm` of 10,000 fragments its compiler
took as much of the service's turns as its commits did. Few people and much traffic make a store of shared devices in which nearly every
profile is contested; keep people well above fragments. Printed: fragments a second, milliseconds a turn, ratios on the whole and at the
median turn, client CPU, peak memory.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import itertools
import os
import pstats
import resource
import time
from collections import defaultdict
from collections.abc import Awaitable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import orjson
import uvloop
from neo4j import AsyncSession

from graph.ingest import ingest
from graph.model import Fragment, Identifier
from graph.resolve.records import content
from graph.resolve.rules import Rules
from graph.store.neo4j.connect import connected, target_of
from graph.store.neo4j.store import Neo4jStore, open_neo4j
from service.collector import collect_rarely
from tests import neo4j_server
from tests.bench.ingest import people, traffic

SCRIPT_SCHEMA = (
    "CREATE CONSTRAINT bare_identifier IF NOT EXISTS FOR (x:BareIdentifier) REQUIRE x.key IS UNIQUE",
    "CREATE CONSTRAINT bare_fragment IF NOT EXISTS FOR (x:BareFragment) REQUIRE x.key IS UNIQUE",
    "CREATE CONSTRAINT kept_identifier IF NOT EXISTS FOR (x:KeptIdentifier) REQUIRE (x.namespace, x.value) IS UNIQUE",
    "CREATE CONSTRAINT kept_identifier_id IF NOT EXISTS FOR (x:KeptIdentifier) REQUIRE x.id IS UNIQUE",
    "CREATE CONSTRAINT kept_fragment IF NOT EXISTS FOR (x:KeptFragment) REQUIRE (x.source, x.record, x.head) IS UNIQUE",
    "CREATE CONSTRAINT kept_fragment_id IF NOT EXISTS FOR (x:KeptFragment) REQUIRE x.id IS UNIQUE",
    "CREATE RANGE INDEX kept_fragment_source IF NOT EXISTS FOR (x:KeptFragment) ON (x.source, x.id)",
    "CREATE CONSTRAINT kept_profile_n IF NOT EXISTS FOR (x:KeptProfile) REQUIRE x.n IS UNIQUE",
    "CREATE CONSTRAINT kept_profile_one_id IF NOT EXISTS FOR (x:KeptProfile) REQUIRE x.one_id IS UNIQUE",
    "CREATE RANGE INDEX kept_profile_pin IF NOT EXISTS FOR (x:KeptProfile) ON (x.pin)",
    "CREATE RANGE INDEX kept_profile_updated IF NOT EXISTS FOR (x:KeptProfile) ON (x.updated, x.n)",
    "CREATE CONSTRAINT kept_change IF NOT EXISTS FOR (x:KeptChange) REQUIRE x.seq IS UNIQUE",
    "CREATE RANGE INDEX kept_change_n IF NOT EXISTS FOR (x:KeptChange) ON (x.n, x.seq)",
    "CREATE CONSTRAINT kept_commit IF NOT EXISTS FOR (x:KeptCommit) REQUIRE x.n IS UNIQUE",
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
KEPT_FRAGMENTS = """
UNWIND $rows AS f
MERGE (x:KeptFragment {source: f.source, record: f.record, head: true})
SET x.id = f.id, x.hash = f.hash, x.state = 0, x.observed = f.at, x.sent = f.at, x.ids = f.numbers, x.raw = f.raw, x.traits = f.traits,
    x.made = $commit
WITH x, f UNWIND f.ids AS id
MERGE (i:KeptIdentifier {namespace: id.namespace, value: id.value})
ON CREATE SET i.id = id.id, i.made = $commit
MERGE (x)-[:CARRIES]->(i)
"""
KEPT_LINKS = """
UNWIND $rows AS l
MATCH (a:KeptIdentifier {id: l.a})
MATCH (b:KeptIdentifier {id: l.b})
MERGE (a)-[r:LINK]->(b)
ON CREATE SET r.first = l.at, r.n = 0, r.bare = 0
SET r.last = l.at, r.n = r.n + 1, r.bare = r.bare + 1
"""
KEPT_PEOPLE = """
UNWIND $rows AS p
MERGE (x:KeptProfile {n: p.n})
ON CREATE SET x.one_id = p.one_id, x.made = $commit, x.pin = p.n, x.since = $commit, x.kind = 'person', x.contested = false, x.aliases = 0
SET x.updated = $commit, x.size = size(p.ids), x.counts = p.counts
WITH x, p UNWIND p.ids AS id
MATCH (i:KeptIdentifier {id: id})
MERGE (i)-[o:OF]->(x)
ON CREATE SET o.since = $commit
"""
KEPT_CHANGES = """
CREATE (:KeptCommit {n: $commit, at: $at, kind: 'fragment', seq: $seq})
WITH 1 AS one UNWIND $rows AS p
CREATE (:KeptChange {
    seq: p.seq, made: $commit, n: p.n, kind: 'EXTENDED', gained: p.ids, lost: [], leads: p.n, cause_kind: 'fragment', cause: p.cause
})
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


class Kept:
    """The script that keeps what the service keeps; it numbers identifiers as it meets them, commits, versions and entries of the feed."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.commit = self.version = self.seq = 0
        self.numbers: dict[Identifier, int] = {}

    async def write(self, fragments: Sequence[Fragment]) -> None:
        self.commit += 1
        rows: list[dict[str, Any]] = []
        links: list[dict[str, Any]] = []
        people: dict[int, dict[str, Any]] = {}
        for fragment in fragments:
            self.version += 1
            numbers = [(1 << 40) + self.numbers.setdefault(i, len(self.numbers)) for i in fragment.identifiers]
            rows.append(self._version(fragment, numbers))
            links += [{"a": a, "b": b, "at": fragment.observed_at} for a, b in combinations(sorted(numbers), 2)]
            person, counts = numbers[0], [each for no in range(len(numbers)) for each in (no, 1)]
            summary = {"ids": numbers, "counts": counts, "cause": self.version}
            people[person] = {"n": person, "one_id": str(UUID(int=person)), **summary}
        for at, one in enumerate(people.values(), self.seq + 1):
            one["seq"] = at
        self.seq += len(people)
        listed = list(people.values())
        async with await self.session.begin_transaction() as transaction:
            for statement, some in ((KEPT_FRAGMENTS, rows), (KEPT_LINKS, links), (KEPT_PEOPLE, listed)):
                await (await transaction.run(statement, rows=some, commit=self.commit)).consume()
            told = {"commit": self.commit, "at": fragments[-1].observed_at, "seq": self.seq}
            await (await transaction.run(KEPT_CHANGES, told, rows=listed)).consume()

    def _version(self, fragment: Fragment, numbers: Sequence[int]) -> dict[str, Any]:
        named = zip(fragment.identifiers, numbers, strict=True)
        return {
            "source": fragment.source,
            "record": fragment.id,
            "id": self.version,
            "hash": content(fragment).hex(),
            "at": fragment.observed_at,
            "ids": [{"id": number, "namespace": i.namespace, "value": i.value} for i, number in named],
            "numbers": numbers,
            "raw": [i.text for i in fragment.identifiers],
            "traits": None if fragment.traits is None else orjson.dumps(fragment.traits).decode(),
        }


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
    """Seconds and client CPU a fragment of each turn, by who had it."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.cpu: dict[str, list[float]] = defaultdict(list)

    async def time(self, who: str, work: Awaitable[Any], fragments: int) -> None:
        began, cpu = time.perf_counter(), time.process_time()
        await work
        self.seconds[who].append((time.perf_counter() - began) / fragments)
        self.cpu[who].append((time.process_time() - cpu) / fragments)

    def ratio(self, who: str, one: str = "service") -> tuple[float, float]:
        """How fast one is against another: on the whole, and at the median turn."""
        mine, theirs = self.seconds[one], self.seconds[who]
        return sum(theirs) / sum(mine), median(other / one for one, other in zip(mine, theirs, strict=True))

    def report(self, size: int) -> None:
        for who, each in self.seconds.items():
            ordered = sorted(each)
            p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
            cpu = sum(self.cpu[who]) / len(each)
            print(
                f"{who:8s}{len(each) / sum(each):9,.0f} fragments/s   {size:,} p50 {median(each) * size * 1e3:6.0f} ms"
                f"  p99 {p99 * size * 1e3:6.0f} ms   client CPU {cpu * 1e6:4.0f} µs a fragment"
            )
        for mine, who in (("service", "bare"), ("service", "kept"), ("kept", "bare"), ("service", "usual")):
            if who in self.seconds:
                whole, turn = self.ratio(who, mine)
                print(f"{mine} / {who}: {whole:.2f} on the whole, {turn:.2f} at the median turn")


class Bench:
    """A store, and a connection of the scripts to the same server."""

    def __init__(self, store: Neo4jStore, session: AsyncSession) -> None:
        self.store = store
        self.session = session
        self.keeping = Kept(session)

    async def fill(self, count: int) -> None:
        started = time.perf_counter()
        for batch in batches(people(count), 1_000):
            await self.service(batch, 1_000)
            await self.bare(batch)
            await self.kept(batch)
            await (await self.session.run(BARE_FRAGMENTS.replace(":Bare", ":Usual"), rows=[row(f)[0] for f in batch])).consume()
        print(f"{count:,} people on record four times over, in {time.perf_counter() - started:.0f} s", flush=True)

    async def service(self, fragments: Sequence[Fragment], size: int) -> None:
        """Requests of so many fragments, all at once."""
        requests = [fragments[at : at + size] for at in range(0, len(fragments), size)]
        await asyncio.gather(*(ingest(self.store, request, reading=False) for request in requests))

    async def bare(self, fragments: Sequence[Fragment]) -> None:
        for part in batches(iter(fragments), 1_000):
            await bare(self.session, part)

    async def kept(self, fragments: Sequence[Fragment]) -> None:
        for part in batches(iter(fragments), 1_000):
            await self.keeping.write(part)

    async def measure(
        self, fragments: Iterator[Fragment], size: int, writers: int, every: int = 0, profile: cProfile.Profile | None = None
    ) -> Clock:
        clock = Clock()
        for turn in batches(fragments, size * writers):
            if profile is not None:
                profile.enable()
            await clock.time("service", self.service(turn, size), len(turn))
            if profile is not None:
                profile.disable()
            await clock.time("bare", self.bare(turn), len(turn))
            await clock.time("kept", self.kept(turn), len(turn))
            if every:
                await clock.time("usual", usual(self.session, turn[:every]), len(turn[:every]))
        return clock

    async def sweep(self, people: int, fragments: int) -> None:
        """Batches and writers, each with its own traffic; `ratio` is against the bare script's 1,000 a transaction."""
        for seed, (size, writers) in enumerate(itertools.product((100, 250, 500, 1_000, 2_000, 4_000), (1, 2, 4)), 10):
            clock = await self.measure(traffic(max(fragments, size * writers), people, seed), size, writers)
            seconds = sorted(clock.seconds["service"])
            whole, turn = clock.ratio("bare")
            print(
                f"{size:5,d} a request, {writers} at once: {len(seconds) / sum(seconds):7,.0f} fragments/s, a turn p50"
                f" {median(seconds) * size * writers * 1e3:6.0f} ms, ratio {whole:.2f} on the whole, {turn:.2f} at the median turn",
                flush=True,
            )


async def main() -> None:
    collect_rarely()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=80_000)
    parser.add_argument("--warm", type=int, default=40_000, help="fragments of traffic before anything is measured")
    parser.add_argument("--fragments", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=1_000, help="fragments of one request")
    parser.add_argument("--writers", type=int, default=1, help="requests at once")
    parser.add_argument("--sweep", action="store_true", help="several batches and numbers of writers instead")
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
            for statement in SCRIPT_SCHEMA:
                await (await session.run(statement)).consume()
            bench = Bench(store, session)
            await bench.fill(options.people)
            await bench.measure(traffic(options.warm, options.people, 1), options.batch, options.writers, options.usual)
            print(f"-- after warming up, {options.fragments:,} fragments, Neo4j {options.version}, load {os.getloadavg()[0]:.1f}:")
            if options.sweep:
                await bench.sweep(options.people, options.fragments)
            else:
                profile = cProfile.Profile() if options.profile else None
                fragments = traffic(options.fragments, options.people, 2)
                clock = await bench.measure(fragments, options.batch, options.writers, options.usual, profile)
                clock.report(options.batch * options.writers)
                if profile is not None:
                    pstats.Stats(profile).sort_stats("tottime").print_stats(40)
        print(f"peak memory of the client {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    finally:
        server.stop()


if __name__ == "__main__":
    uvloop.run(main())
