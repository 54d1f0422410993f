"""What a fragment costs to settle where devices are shared: identifiers read for each fragment, while the store grows.

    python tests/bench/local.py --fragments 60000

60 % of sightings are on shared devices, so that one raw component holds most of the store. Fragments come one by one, each its own step.
Printed for each tenth of the run: identifiers read for a fragment (p50, p99, max), the store's size, the largest raw component and the
largest profile, and fragments per second. What is read must be tens and must not grow with the store.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import time
from collections.abc import Callable, Collection
from statistics import median
from typing import Any

import networkx as nx

from graph.ingest import ingest
from graph.model import Fragment, Identifier
from graph.resolve.rules import Rules
from graph.store.sqlite.store import open_sqlite
from graph.store.sqlite.writing import SqliteWriting
from service.collector import collect_rarely

RULES = """
[[namespace]]
name = "user_id"
limit = 1
[[namespace]]
name = "phone"
limit = 3
shared_above = 5
[[namespace]]
name = "device"
conflict = "newest"
shared_above = 20
[[namespace]]
name = "cookie"
shared_above = 20
[profile]
max_identifiers = 1000
"""
MINUTE = 60_000_000


def sighting(n: int, draw: random.Random) -> Fragment:
    """Somebody who came lately (people are seen eight times on average, then no more), on an own device or, in 60 % of sightings, on one of
    two that about three people share, each with others; so the density stays while the store grows."""
    person = max(0, n // 8 + draw.randrange(-200, 200))
    if draw.random() < 0.6:
        of = random.Random(person * 2 + draw.randrange(2))
        device = f"s{max(0, person * 2 // 3 + of.randrange(-60, 60))}"
    else:
        device = f"o{person}"
    ids = [Identifier("device", device), Identifier("cookie", f"{device}-{draw.randrange(3)}")]
    if draw.random() < 0.7:
        ids.append(Identifier("user_id", str(person)))
    if draw.random() < 0.2:
        ids.append(Identifier("phone", f"p{person}"))
    return Fragment("web", str(n), tuple(ids), n * MINUTE)


class Counting:
    """Counts the identifiers that steps read, by standing before the reads of the gate."""

    def __init__(self) -> None:
        self.read: set[Any] = set()
        for name in ("identifiers", "members", "faces"):
            setattr(SqliteWriting, name, self._counted(getattr(SqliteWriting, name)))

    def _counted(self, read: Callable[..., Any]) -> Callable[..., Any]:
        async def counted(writing: SqliteWriting, asked: Collection[Any]) -> Any:
            found = await read(writing, asked)
            self.read.update(found.values() if isinstance(found, dict) else found)
            return found

        return counted

    def take(self) -> int:
        ids = {one.id for one in self.read if one is not None}
        self.read.clear()
        return len(ids)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fragments", type=int, default=60_000)
    options = parser.parse_args()
    collect_rarely()
    draw, counting, raw = random.Random(7), Counting(), nx.Graph()
    print(f"{'fragments':>9} {'identifiers':>11} {'component':>9} {'profile':>7}   read: p50  p99   max   fragments/s")
    async with open_sqlite(":memory:", Rules.parse(RULES)) as store:
        tenth = options.fragments // 10
        for start in range(0, tenth * 10, tenth):
            read: list[int] = []
            began = time.perf_counter()
            for n in range(start, start + tenth):
                fragment = sighting(n, draw)
                nx.add_path(raw, fragment.identifiers)
                await ingest(store, [fragment], reading=False)
                read.append(counting.take())
            seconds = time.perf_counter() - began
            stats = await store.stats()
            largest = max(len(component) for component in nx.connected_components(raw))
            read.sort()
            print(
                f"{start + tenth:9,} {stats.identifiers:11,} {largest:9,} {stats.largest_profile:7,}"
                f"        {median(read):4.0f} {read[int(tenth * 0.99)]:4} {read[-1]:5}   {tenth / seconds:11,.0f}"
            )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    asyncio.run(main())
