"""What taking back a whole source costs: seconds, memory, and how long it holds the store for its writing.

    python tests/bench/withdraw.py --records 10000 --others 20000 [--store URL]

Two sources send records of 2 or 3 identifiers of the same people, who share devices and cookies by chance; then all records of one source
are previewed, taken back, and brought back by a revert. The store must be empty; without one it is a SQLite file that is deleted.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import tempfile
import time
from pathlib import Path

from graph.curate import Long, perform, preview
from graph.ingest import ingest
from graph.model import Fragment, Identifier
from graph.operations import Revert, WithdrawSource
from graph.resolve.rules import Rules
from graph.store import open_store

AT_ONCE = 1_000
START = 1_700_000_000_000_000


def record(source: str, number: int, whole: int, draw: random.Random) -> Fragment:
    who = draw.randrange(whole // 3)
    carried = [
        Identifier("user_id", f"u{who}"),
        Identifier("phone", f"1391{who:07}"),
        Identifier("device", f"d{draw.randrange(whole // 2)}"),
        Identifier("cookie", f"c{draw.randrange(2 * whole)}"),
    ]
    ids = tuple(draw.sample(carried, draw.choice([2, 2, 3])))
    return Fragment(source, str(number), ids, START + number * 1_000, {"name": f"Somebody {who}"})


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


async def measure(url: str, records: int, others: int) -> None:
    draw, whole = random.Random(1), records + others
    operation = WithdrawSource("wrong", None, "a benchmark")
    long = Long(most=records)
    async with open_store(url, Rules.builtin()) as store:
        for source, many in (("right", others), ("wrong", records)):
            for first in range(0, many, AT_ONCE):
                batch = [record(source, n, whole, draw) for n in range(first, min(many, first + AT_ONCE))]
                await ingest(store, batch, reading=False)
        print(f"{whole:,} records of two sources, {peak()} MiB")
        begun = time.perf_counter(), time.process_time()
        seen = await preview(store, operation, long=long)
        begun = told("preview", begun, records)
        done = await perform(store, operation, token=seen.token, long=long)
        begun = told("withdrawal", begun, records)
        await perform(store, Revert("withdrawal", done.token, "a benchmark"))
        told("revert", begun, records)
        print(f"{done.figures['before']:,} profiles changed, {len(done.changes):,} entries of the feed; peak {peak()} MiB")


def told(what: str, begun: tuple[float, float], records: int) -> tuple[float, float]:
    now = time.perf_counter(), time.process_time()
    seconds, cpu = now[0] - begun[0], now[1] - begun[1]
    print(f"{what:<12} {seconds:7.1f} s {cpu:7.1f} s CPU {seconds / records * 1e3:6.2f} ms a record", flush=True)
    return time.perf_counter(), time.process_time()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--records", type=int, default=10_000)
    options.add_argument("--others", type=int, default=20_000)
    options.add_argument("--store")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = chosen.store or f"sqlite:///{Path(folder) / 'bench.db'}"
        asyncio.run(measure(url, chosen.records, chosen.others))


if __name__ == "__main__":
    main()
