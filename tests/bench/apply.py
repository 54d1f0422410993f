"""Rules put in force in a large store: seconds, peak memory of the job's process, and the longest wait of a writer meanwhile.

    python tests/bench/apply.py --people 100000
    python tests/bench/apply.py --store /tmp/people.db     # one that is filled, by tests/bench/simulate.py or this; it is written to
    python tests/bench/apply.py --people 5000 --url neo4j://user:password@host:7687/database    # an empty database

People, rules and writer are those of tests/bench/simulate.py. The rules are put in force as a job, then a service with the rules before
them as another job puts these back. Beside them stands what a writer waits without any job.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from graph.applying import Bounds
from graph.jobs import APPLY, ask_to_apply
from graph.resolve.rules import Rules
from graph.store import open_store
from graph.store.ports import Store
from tests.bench.simulate import NOW, TRIED, ended, fill, measured


async def applied(store: Store, toml: str) -> Any:
    rules = await store.rules()
    assert rules is not None
    return await ended(store, APPLY, **ask_to_apply(toml, rules.version, Bounds()))


async def run(people: int, url: str, *, filled: bool) -> None:
    async with open_store(url, Rules.parse(NOW)) as store:
        if not filled:
            began = time.perf_counter()
            await fill(store, people)
            print(f"filled with {people:,} people in {time.perf_counter() - began:.0f} s")
        _, alone, idle = await measured(store, "before", asyncio.sleep(10))
        print_waits("alone", alone, idle)
        for name, toml in (("other", TRIED), ("back", NOW)):
            stats = await store.stats()
            print(f"{name}: {stats.fragments:,} fragments, {stats.identifiers:,} identifiers, {stats.profiles:,} profiles")
            began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            found, beside, late = await measured(store, name, applied(store, toml))
            seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
            assert found.state == "done", found.error
            print(", ".join(f"{name} {value:,}" for name, value in found.result.items() if name != "examples"))
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            print(f"the job: {seconds:.0f} s, {cpu:.0f} s of CPU, peak memory of its process {after.ru_maxrss / 1024:,.0f} MiB")
            print_waits("beside the job", beside, late)


def print_waits(what: str, waits: list[float], late: float) -> None:
    waits.sort()
    middle, most = waits[len(waits) // 2], waits[-1]
    print(f"writer {what}: {len(waits):,} writes, p50 {middle * 1e3:.1f} ms, longest {most:.2f} s", end="; ")
    print(f"event loop late by {late * 1e3:.0f} ms at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--store", type=Path, help="a filled store, of the same namespaces; it is written to")
    parser.add_argument("--url", help="an empty store of any kind")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.store or Path(folder) / "people.db"
        asyncio.run(run(given.people, given.url or f"sqlite:///{path.absolute()}", filled=given.store is not None))


if __name__ == "__main__":
    main()
