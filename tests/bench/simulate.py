"""Rules tried as a job on a large store: seconds, peak memory of the job's process, and the longest wait of a writer meanwhile.

    python tests/bench/simulate.py --people 100000
    python tests/bench/simulate.py --store /tmp/people.db     # one that is filled; it is written to

Everybody has an account and a device, half of them a phone; every tenth device is another person's too. The rules tried let a device be
shared by two, and refuse a second account. A writer sends a fragment at a time without pause, before the job and while it runs, through
the same service; its waits of both times are printed beside each other.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from graph.errors import StoreBusy
from graph.ingest import ingest
from graph.jobs import ENDED, SIMULATE, job
from graph.model import Fragment, Identifier
from graph.resolve.rules import Rules
from graph.store import open_store
from graph.store.ports import Store
from service.jobs import Jobs

MINUTE = 60_000_000
BATCH = 1_000
NOW = """
[[namespace]]
name = "user_id"
limit = 1
[[namespace]]
name = "phone"
[[namespace]]
name = "device"
shared_above = 20
"""
TRIED = """
[[namespace]]
name = "user_id"
limit = 1
[[namespace]]
name = "phone"
limit = 1
[[namespace]]
name = "device"
conflict = "oldest"
shared_above = 1
"""


def sighting(n: int, draw: random.Random) -> Fragment:
    ids = [Identifier("user_id", f"u{n}"), Identifier("device", f"d{n - 1 if n and draw.random() < 0.1 else n}")]
    if n % 2:
        ids.append(Identifier("phone", f"+861300{n:07}"))
    return Fragment("app", f"r{n}", tuple(ids), n * MINUTE)


async def fill(store: Store, people: int) -> None:
    draw = random.Random(5)
    for start in range(0, people, BATCH):
        await ingest(store, [sighting(n, draw) for n in range(start, min(start + BATCH, people))])


async def write(store: Store, name: str, stop: asyncio.Event) -> list[float]:
    """Seconds of each request of a writer who never pauses, until told to stop."""
    waits = []
    n = 0
    while not stop.is_set():
        began = time.perf_counter()
        n += 1
        try:
            await ingest(store, [Fragment(name, f"w{n}", (Identifier("user_id", f"{name}{n}"), Identifier("device", f"{name}{n}")), n)])
        except StoreBusy:
            print("a write was refused as busy")
        waits.append(time.perf_counter() - began)
    return waits


async def lag(stop: asyncio.Event) -> float:
    """The longest that the event loop kept anybody waiting, in seconds."""
    worst = 0.0
    while not stop.is_set():
        began = time.perf_counter()
        await asyncio.sleep(0.005)
        worst = max(worst, time.perf_counter() - began - 0.005)
    return worst


async def measured(store: Store, name: str, work: Any) -> tuple[Any, list[float], float]:
    stop = asyncio.Event()
    writer, looker = asyncio.create_task(write(store, name, stop)), asyncio.create_task(lag(stop))
    done = await work
    stop.set()
    return done, await writer, await looker


async def ended(store: Store, kind: str, **asked: Any) -> Any:
    """A job, begun and waited for as a client does."""
    jobs = Jobs(store)
    row = await jobs.begin(kind, **asked)
    while (found := await job(store, row.id)) is not None and found.state not in ENDED:  # noqa: ASYNC110 - a client polls
        await asyncio.sleep(0.2)
    await jobs.close()
    return found


async def run(people: int, path: Path, *, filled: bool) -> None:
    async with open_store(f"sqlite:///{path}", Rules.parse(NOW)) as store:
        if not filled:
            began = time.perf_counter()
            await fill(store, people)
            print(f"filled with {people:,} people in {time.perf_counter() - began:.0f} s")
        _, alone, idle = await measured(store, "before", asyncio.sleep(10))
        began = time.perf_counter()
        found, beside, late = await measured(store, "during", ended(store, SIMULATE, input={"toml": TRIED}))
        seconds = time.perf_counter() - began
        stats = await store.stats()
    assert found.state == "done", found.error
    peak = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{stats.fragments:,} fragments, {stats.identifiers:,} identifiers, {stats.profiles:,} profiles")
    counts = ", ".join(f"{name} {value:,}" for name, value in found.result.items() if name != "examples")
    print(f"{counts}; {len(found.result['examples'])} examples")
    cpu = peak.ru_utime + peak.ru_stime
    print(f"the job: {seconds:.0f} s, {cpu:.0f} s of CPU, peak memory of its process {peak.ru_maxrss / 1024:,.0f} MiB")
    for what, waits, worst in (("alone", alone, idle), ("beside the job", beside, late)):
        waits.sort()
        middle, most = waits[len(waits) // 2], waits[-1]
        print(f"writer {what}: {len(waits):,} writes, p50 {middle * 1e3:.1f} ms, longest {most * 1e3:.0f} ms", end="; ")
        print(f"event loop late by {worst * 1e3:.0f} ms at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--store", type=Path, help="a filled store, of the same namespaces; it is written to")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(given.people, given.store or Path(folder) / "people.db", filled=given.store is not None))


if __name__ == "__main__":
    main()
