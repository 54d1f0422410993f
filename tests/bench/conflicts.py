"""What a page of the steward's work-list costs where a million refused links of shared devices surround fifty conflicts of people.

    python tests/bench/conflicts.py --links 1000000

People, devices and their refused links are put into the tables as a step would write them, since only reading is measured; the conflicts
come in by the flows. Printed are milliseconds (median and worst of the runs) of pages of twenty: the default one, the list by pages to its
end, the list of devices at its begin and far into it, and a page that has to leave a thousand links out.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

from graph.ingest import ingest
from graph.model import Fragment, Identifier
from graph.resolve.rules import Rules
from graph.store.ports import NAMESPACE_SHIFT, Store
from graph.store.sqlite.store import open_sqlite
from graph.views import Key, Page, Want

DAY = 86_400_000_000
START = 1_780_000_000_000_000
A_DEVICE = 19
"""Links of one device, all but one of them refused; from 21 on it would be shared."""
WANT = (Want("a"), Want("b"), Want("links", (("first", 3),)))


def numbered(connection: sqlite3.Connection, namespace: str) -> Iterator[tuple[int, int]]:
    """Number of a namespace and, again and again, a new id in it."""
    [(number,)] = connection.execute("SELECT no FROM namespace WHERE name = ?", (namespace,))
    low = number << NAMESPACE_SHIFT
    [(last,)] = connection.execute("SELECT max(id) FROM identifier WHERE id >= ? AND id < ?", (low, low + (1 << NAMESPACE_SHIFT)))
    return ((number, id) for id in count(last + 1))


def crowd(path: Path, links: int) -> None:
    """People and devices as steps would leave them, every device with its first person, refused to eighteen others."""
    connection, draw = sqlite3.connect(path), random.Random(1)
    with connection:
        devices = links // (A_DEVICE - 1)
        users = [next(one) for one in [numbered(connection, "user_id")] for _ in range(devices)]
        things = [next(one) for one in [numbered(connection, "device")] for _ in range(devices)]
        [(n,)] = connection.execute("SELECT max(n) FROM one_id")
        profile = {id: n + place for place, (_, id) in enumerate(users, 1)}
        rows: list[tuple[Any, ...]] = []
        for (_, user), (_, thing) in zip(users, things, strict=True):
            others = draw.sample(users, A_DEVICE)
            at = START + draw.randrange(60) * DAY
            rows += [(min(o, thing), max(o, thing), 1, 1, at, at, "limit", users[0][0]) for _, o in others[1:] if o != user]
            rows.append((min(user, thing), max(user, thing), 1, 1, at, at, None, None))
        put = connection.executemany
        put(
            "INSERT INTO identifier (id, namespace, value, profile, since, made) VALUES (?, ?, ?, ?, 1, 1)",
            [(id, no, f"crowd {id}", profile[user]) for (_, user), both in zip(users, zip(users, things, strict=True), strict=True)
             for no, id in both],
        )  # fmt: skip
        put(
            "INSERT INTO one_id (n, one_id, made, pin, since, size, counts, kind, contested, updated)"
            " VALUES (?, ?, 1, ?, 1, 2, '{}', 'person', 1, 1)",
            [(n, f"crowd-{n}", user) for user, n in profile.items()],
        )
        put("INSERT INTO link (a, b, n, bare, dirty, first, last, refused, namespace) VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?)", rows)
    connection.close()


async def pairs(store: Store, some: int) -> None:
    """People who share a phone with somebody else."""
    fragments = []
    for n in range(1, some + 1):
        for place, user in enumerate((f"p{n}", f"q{n}")):
            ids = (Identifier("user_id", user), Identifier("phone", f"+8613{n:09d}"), Identifier("device", f"own {user}"))
            fragments.append(Fragment("shop", user, ids, START + n * DAY + place))
    await ingest(store, fragments)


async def timed(name: str, runs: int, read: Callable[[], Awaitable[str]]) -> None:
    taken, said = [], ""
    for _ in range(runs):
        began = time.perf_counter()
        said = await read()
        taken.append((time.perf_counter() - began) * 1000)
    print(f"{name:34s} p50 {median(taken):7.1f} ms   worst {max(taken):7.1f} ms   {said}")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--links", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--runs", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="oneid-bench-") as folder:
        path = Path(folder) / "store.db"
        async with open_sqlite(str(path), Rules.builtin()) as store:
            await pairs(store, options.pairs)
        crowd(path, options.links)
        async with open_sqlite(str(path), Rules.builtin()) as store:
            stats = await store.stats()
            print(f"{stats.refused_links:,} refused links, {stats.profiles:,} profiles")

            async def page(after: Key | None = None, **how: Any) -> str:
                found = await store.conflicts(Page(20, after), WANT, **how)
                return f"{len(found.edges)} of them, {'more follow' if found.has_next else 'the end'}"

            async def whole() -> str:
                found, after, more = 0, None, True
                while more:
                    one = await store.conflicts(Page(20, after), WANT)
                    found, after, more = found + len(one.edges), one.end, one.has_next
                return f"{found} of them"

            far = (START // DAY + 5, 1, 0, 0)
            await timed("people, the default page", options.runs, page)
            await timed("people, all pages", options.runs, whole)
            await timed("devices, the first page", options.runs, lambda: page(namespaces=["device"]))
            await timed("devices, far into the list", options.runs, lambda: page(far, namespaces=["device"]))
            await timed("devices with 5 links, a short page", 5, lambda: page(namespaces=["device"], min_links=5))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    asyncio.run(main())
