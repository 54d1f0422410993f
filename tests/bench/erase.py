"""What erasing somebody costs in a full store: seconds, memory, how long writers wait, and the purge of an embedded store's files.

    python tests/bench/erase.py --fragments 100000 [--store URL]

A source sends records as those of tests/bench/withdraw.py; then single identifiers are erased, each carried by some records beside
others. The baseline of an erasure is the withdrawal of one record in the same store, that of the purge a copy of the store's file. The
store must be empty; without one it is a SQLite file that is deleted. The erasure key is made for the run.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from graph.curate import perform, preview
from graph.ingest import ingest
from graph.model import Identifier, RecordKey
from graph.operations import Erase, Withdraw
from graph.resolve.rules import Rules
from graph.store import open_store
from graph.store.keys import ErasureKey
from tests.bench.withdraw import AT_ONCE, peak, record

TIMES = 15
WHY = "a benchmark"


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    begun = time.perf_counter()
    await work()
    return time.perf_counter() - begun


def told(what: str, seconds: list[float], baseline: float) -> float:
    middle, longest = statistics.median(seconds), max(seconds)
    print(
        f"{what:<28} median {middle * 1e3:8.1f} ms, longest {longest * 1e3:8.1f} ms, {middle / baseline:6.2f} of the baseline", flush=True
    )
    return middle


async def measure(url: str, fragments: int, file: Path | None) -> None:
    draw = random.Random(1)
    async with open_store(url, Rules.builtin(), erasure_key=ErasureKey.fresh()) as store:
        phones: list[Identifier] = []
        for first in range(0, fragments, AT_ONCE):
            batch = [record("crm", n, fragments, draw) for n in range(first, min(fragments, first + AT_ONCE))]
            phones += [one for f in batch for one in f.identifiers if one.namespace == "phone" and len(f.identifiers) == 3][:TIMES]
            await ingest(store, batch, reading=False)
        print(f"{fragments:,} fragments{size_of(file)}, {peak()} MiB", flush=True)
        chosen = draw.sample(list(dict.fromkeys(phones)), TIMES)
        numbers = [str(n) for n in draw.sample(range(fragments), TIMES)]
        taken = [await timed(lambda n=n: perform(store, Withdraw(RecordKey("crm", n), WHY))) for n in numbers]  # type: ignore[misc]
        baseline = told("withdrawal of a record", taken, statistics.median(taken))
        looked = [await timed(lambda one=one: preview(store, Erase(None, (one,), WHY))) for one in chosen]  # type: ignore[misc]
        told("preview of an erasure", looked, baseline)
        erased, purged, copied = [], [], []
        for one in chosen:
            begun = time.perf_counter()
            done = await perform(store, Erase(None, (one,), WHY))
            erased.append(time.perf_counter() - begun)
            assert await store.purged(done.token, 600)
            purged.append(time.perf_counter() - begun - erased[-1])
            if file is not None:
                copied.append(await timed(lambda: asyncio.to_thread(copy, file)))
        told("erasure of an identifier", erased, baseline)
        if file is not None:
            told("purge (baseline: a copy)", purged, statistics.median(copied))
        print(f"peak {peak()} MiB")


def size_of(file: Path | None) -> str:
    return "" if file is None else f", {file.stat().st_size / 1e6:.0f} MB"


def copy(file: Path) -> None:
    """The file, to the disk."""
    other = file.with_suffix(".copy")
    shutil.copyfile(file, other)
    with other.open("rb+") as written:
        os.fsync(written.fileno())
    other.unlink()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--fragments", type=int, default=100_000)
    options.add_argument("--store")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = None if chosen.store else Path(folder) / "bench.db"
        asyncio.run(measure(chosen.store or f"sqlite:///{file}", chosen.fragments, file))


if __name__ == "__main__":
    main()
