"""How fast a durable ingest is, against a bare sqlite3 script that writes the same rows.

    python tests/bench/ingest.py --people 1000000 --fragments 50000

Both write to a store that already holds the people, in commits of 1,000 fragments, WAL and synchronous FULL, turn by turn. The bare
script is handed the very statements and rows that the service wrote for the same fragments, on a copy of the store: it reads nothing and
decides nothing. Printed: fragments per second of both, the ratio commit by commit, milliseconds per commit, CPU per fragment, peak
memory, and with `--profile` where the service's time goes. `--keep DIR` keeps the filled store for the next run.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import random
import resource
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from graph.ingest import ingest
from graph.model import Fragment, Identifier
from graph.resolve.rules import Rules
from graph.store.sqlite import connect as connecting
from graph.store.sqlite.store import SqliteStore, open_sqlite
from graph.store.sqlite.writing import SqliteTransaction
from service.collector import collect_rarely

DAY = 86_400_000_000
START = 1_780_000_000_000_000
BATCH = 1_000


def people(count: int) -> Iterator[Fragment]:
    """One sign-up each: an account and a device, every second with a phone."""
    for n in range(count):
        ids = [Identifier("user_id", f"u{n}"), Identifier("device", f"d{n:08x}")]
        if n % 2:
            ids.append(Identifier("phone", f"+8613{n:09d}"))
        yield Fragment("signup", str(n), tuple(ids), START + n * 1000, {"city": "Hangzhou", "level": n % 7})


def traffic(count: int, known: int, seed: int) -> Iterator[Fragment]:
    """Half about people on record, half about new ones; one in five on somebody else's device."""
    draw = random.Random(seed)
    for n in range(count):
        person = draw.randrange(known) if draw.random() < 0.5 else known + n
        device = draw.randrange(known) if draw.random() < 0.2 else person
        ids = [Identifier("user_id", f"u{person}"), Identifier("device", f"d{device:08x}")]
        if draw.random() < 0.3:
            ids.append(Identifier("phone", f"+8613{person:09d}"))
        if draw.random() < 0.3:
            ids.append(Identifier("email", f"user{person}@example.com"))
        traits = {"page": f"/p/{n % 977}", "level": n % 7} if n % 2 else None
        yield Fragment("web", f"{seed}-{n}", tuple(ids), START + 30 * DAY + n * 1000, traits)


def batches(fragments: Iterator[Fragment]) -> Iterator[list[Fragment]]:
    batch: list[Fragment] = []
    for fragment in fragments:
        batch.append(fragment)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


class Recording(sqlite3.Connection):
    """Keeps every writing statement with its rows, to be written again."""

    log: list[tuple[str, list[Any]]]

    def executemany(self, sql: str, rows: Any) -> sqlite3.Cursor:  # type: ignore[override]
        rows = list(rows)
        self.log.append((sql, rows))
        return super().executemany(sql, rows)

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:  # type: ignore[override]
        if sql.startswith(("INSERT", "UPDATE", "DELETE")) and not sql.startswith("DELETE FROM request"):
            self.log.append((sql, [parameters]))
        return super().execute(sql, parameters)


async def fill(path: Path, count: int) -> None:
    async with open_sqlite(str(path), Rules.builtin()) as store:
        store._connection.execute("PRAGMA synchronous = OFF")  # the filling is not what is measured
        started = time.perf_counter()
        for done, batch in enumerate(batches(people(count)), 1):
            await ingest(store, batch, reading=False)
            if done % 100 == 0:
                print(f"  filled {done * BATCH:,} in {time.perf_counter() - started:.0f} s", flush=True)


async def measure(store: SqliteStore, bare: sqlite3.Connection, fragments: Iterator[Fragment], profile: cProfile.Profile | None) -> None:
    recording: Recording = store._connection  # type: ignore[assignment]
    service, script, cpu, script_cpu = [], [], [], []
    for batch in batches(fragments):
        recording.log = []
        if profile is not None:
            profile.enable()
        began, began_cpu = time.perf_counter(), time.process_time()
        await ingest(store, batch, reading=False)
        service.append(time.perf_counter() - began)
        cpu.append(time.process_time() - began_cpu)
        if profile is not None:
            profile.disable()
        began, began_cpu = time.perf_counter(), time.process_time()
        bare.execute("BEGIN IMMEDIATE")
        for sql, rows in recording.log:
            bare.executemany(sql, rows)
        bare.execute("COMMIT")
        script.append(time.perf_counter() - began)
        script_cpu.append(time.process_time() - began_cpu)
    report(service, script, cpu, script_cpu)


def report(service: list[float], script: list[float], cpu: list[float], script_cpu: list[float]) -> None:
    ratios = sorted(b / a for a, b in zip(service, script, strict=True))
    for name, times in (("service", service), ("bare script", script)):
        ordered = sorted(times)
        p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1000
        rate = BATCH * len(times) / sum(times)
        print(f"{name:12s} {rate:9,.0f} fragments/s   commit p50 {median(times) * 1000:6.1f} ms  p99 {p99:6.1f} ms")
    print(f"service / bare script: {sum(script) / sum(service):.2f} on the whole, {median(ratios):.2f} at the median commit")
    mine, theirs = (sum(each) / (len(each) * BATCH) * 1e6 for each in (cpu, script_cpu))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"CPU {mine:.0f} and {theirs:.0f} µs a fragment ({theirs / mine:.2f}); peak memory {peak:.0f} MiB")


async def _inline(self: SqliteTransaction, work: Any, *args: Any, **kwargs: Any) -> Any:
    return work(*args, **kwargs)


async def main() -> None:
    collect_rarely()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--fragments", type=int, default=50_000)
    parser.add_argument("--keep", type=Path, help="a folder that keeps the filled store")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--sort", default="tottime", help="order of the profile: tottime or cumtime")
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="oneid-bench-"))
    try:
        filled = (options.keep or work) / f"people-{options.people}.db"
        if not filled.exists():
            await fill(filled, options.people)
        mine, theirs = work / "service.db", work / "bare.db"
        shutil.copy(filled, mine)
        shutil.copy(filled, theirs)
        bare = connecting.connect(str(theirs))
        connecting.migrate(bare)  # a store kept by an earlier version
        original = sqlite3.connect
        sqlite3.connect = lambda *a, **k: original(*a, factory=Recording, **k)  # type: ignore[assignment]
        Recording.log = []
        async with open_sqlite(str(mine), Rules.builtin()) as store:
            sqlite3.connect = original
            print(f"{options.people:,} people on record, {options.fragments:,} fragments, {BATCH:,} a commit")
            await measure(store, bare, traffic(BATCH * 3, options.people, 1), None)
            print("-- after warming up:")
            profile = None
            if options.profile:  # one thread, so that the profile sees all of it
                profile = cProfile.Profile()
                SqliteTransaction.run = _inline  # type: ignore[method-assign, assignment]
            await measure(store, bare, traffic(options.fragments, options.people, 2), profile)
        bare.close()
        if profile is not None:
            pstats.Stats(profile).sort_stats(options.sort).print_stats(60)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main())
