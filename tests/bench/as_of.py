"""What an answer as of an earlier commit costs, beside the same answer as of now: wall time of a read, and their ratio.

    python tests/bench/as_of.py --people 20000 [--store neo4j://user:password@host:7687/database]

The store is filled as for reads.py, then every second person's record is replaced once; a database given with `--store` must be empty.
Each case is run on people drawn at random; printed are milliseconds (median and 99th percentile) now and as of the commit before the
replacements.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from graph.ingest import ingest
from graph.interactions import record
from graph.model import Identifier
from graph.store import open_store
from graph.store.ports import Store
from graph.views import ByIdentifier, Want
from tests.bench.reads import IDENTIFIERS, PARTS, RULES, USUAL, batches, people, ties

CASES: dict[str, tuple[int, Sequence[Want]]] = {
    "1 profile: found only": (1, ()),
    "1 profile: identifiers": (1, (IDENTIFIERS,)),
    "1 profile: identifiers, traits, links": (1, USUAL),
    "1 profile: … and peers": (1, PARTS["… and peers"]),
    "1 profile: neighbourhood, 1 hop": (1, PARTS["neighbourhood, 1 hop"]),
    "20 profiles: identifiers, traits, links": (20, USUAL),
    "100 profiles: identifiers, traits, links": (100, USUAL),
}


async def fill(store: Store, count: int) -> int:
    """The commit before the replacements."""
    for fragments in batches(people(count)):
        await ingest(store, fragments, reading=False)
    for interactions in batches(ties(count)):
        await record(store, interactions)
    commit, _ = await store.head()
    again = (replace(f, observed_at=(f.observed_at or 0) + 1, traits={"plan": "none"}) for f in people(count) if f.source == "crm")
    for fragments in batches(again):
        await ingest(store, fragments, reading=False)
    return commit


async def measure(store: Store, count: int, commit: int, runs: int) -> None:
    print(f"{'milliseconds':44s} {'now':>8s} {'p99':>8s} {'as of':>8s} {'p99':>8s} {'ratio':>6s}")
    for name, (many, wants) in CASES.items():
        told = []
        for as_of in (None, commit):
            draw, times = random.Random(7), []
            for _ in range(runs):
                by = [ByIdentifier(Identifier("user_id", f"u{draw.randrange(count)}")) for _ in range(many)]
                began = time.perf_counter()
                await store.profiles_by(by, wants, as_of=as_of)
                times.append((time.perf_counter() - began) * 1e3)
            told += [median(times), sorted(times)[len(times) * 99 // 100]]
        print(f"{name:44s} {' '.join(f'{one:8.2f}' for one in told)} {told[2] / told[0]:6.1f}")


async def bench(url: str, count: int, runs: int) -> None:
    async with open_store(url, RULES) as store:
        commit = await fill(store, count)
        await measure(store, count, commit, runs)
    print(f"{count:,} people; peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--store", default="sqlite://:memory:")
    given = parser.parse_args()
    asyncio.run(bench(given.store, given.people, given.runs))


if __name__ == "__main__":
    main()
