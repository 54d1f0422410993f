"""What reads cost: CPU and statements for one profile and for a hundred, lists, search and the social graph.

    python tests/bench/reads.py --people 100000

The store is filled through the flows: each person with an account, a device, every second with a phone, a name, and five ties to
others; `--keep FILE` keeps it for the next run. Each case is run on people drawn at random; printed are microseconds of CPU (median
and best of all runs), rows and statements. Beside the profile stands a bare script that fetches the same rows by hand, five statements
a profile, and makes no objects of them.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from graph.ingest import ingest
from graph.interactions import record
from graph.model import Fragment, Identifier, Interaction
from graph.profiles import beginnings
from graph.resolve.rules import Rules
from graph.store.sqlite import reads
from graph.store.sqlite.connect import connect
from graph.store.sqlite.store import open_sqlite
from graph.traits.names import query_tokens
from graph.views import ByIdentifier, LookUp, Page, Want

START = 1_780_000_000_000_000
BATCH = 1_000
FAMILY = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN = ("Ada", "Alan", "Grace", "Edsger", "Barbara", "Donald", "Ken", "Dennis", "Margaret", "Tim")
RULES = Rules.builtin()


def people(count: int) -> Iterator[Fragment]:
    for n in range(count):
        user, device = Identifier("user_id", f"u{n}"), Identifier("device", f"d{n:08x}")
        name = FAMILY[n % 20] + chr(0x4E00 + n % 400 * 37) if n % 2 else f"{GIVEN[n % 10]} Number{n}"
        yield Fragment("signup", str(n), (user, device), START + n, {"name": name, "city": "Hangzhou"})
        if n % 2:
            yield Fragment("crm", str(n), (user, Identifier("phone", f"+8613{n:09d}")), START + n, {"plan": "gold"})


def ties(count: int) -> Iterator[Interaction]:
    draw = random.Random(1)
    for n in range(count):
        for place in range(5):
            ends = [Identifier("user_id", f"u{one}") for one in (n, draw.randrange(count))]
            yield Interaction("app", f"{n}-{place}", "like", ends[0], ends[1], START + n, float(draw.randint(1, 5)))


def batches(items: Iterator[Any]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for item in items:
        batch.append(item)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def fill(path: Path, count: int) -> None:
    async with open_sqlite(str(path), RULES) as store:
        store._connection.execute("PRAGMA synchronous = OFF")  # the filling is not what is measured
        for fragments in batches(people(count)):
            await ingest(store, fragments, reading=False)
        for interactions in batches(ties(count)):
            await record(store, interactions)


def want(field: str, *inner: Want, **args: Any) -> Want:
    return Want(field, tuple(sorted(args.items())), inner)


IDENTIFIERS, TRAITS, LINKS, RELATED = (want(field) for field in ("identifiers", "traits", "links", "related"))
USUAL = (IDENTIFIERS, TRAITS, LINKS)
PARTS: dict[str, Sequence[Want]] = {
    "found only": (),
    "identifiers": (IDENTIFIERS,),
    "traits": (TRAITS,),
    "links": (LINKS,),
    "identifiers, traits, links": USUAL,
    "… and peers": (*USUAL, RELATED),
    "fragments": (want("fragments"),),
    "links with bridges": (want("links", want("bridge")),),
    "neighbourhood, 1 hop": (want("neighbourhood", want("profile")),),
    "neighbourhood, 3 hops": (want("neighbourhood", want("profile"), depth=3, max_nodes=1000),),
}


class Bench:
    def __init__(self, path: Path, count: int) -> None:
        self.conn = connect(str(path), read_only=True)
        self.draw = random.Random(7)
        self.count = count

    def somebody(self) -> LookUp:
        return ByIdentifier(Identifier("user_id", f"u{self.draw.randrange(self.count)}"))

    def profiles(self, many: int, wants: Sequence[Want]) -> Callable[[], Any]:
        return lambda: reads.profiles_by(self.conn, RULES, [self.somebody() for _ in range(many)], wants)

    def search(self, text: str) -> Callable[[], Any]:
        return lambda: reads.search(self.conn, RULES, beginnings(text, RULES), query_tokens(text), Page(20), ())

    def path(self) -> Any:
        return reads.path(self.conn, RULES, self.somebody(), self.somebody(), 6, ())

    def run(self, name: str, work: Callable[[], Any], runs: int) -> None:
        seen: list[str] = []
        self.conn.set_trace_callback(seen.append)
        work()
        self.conn.set_trace_callback(None)
        times = []
        for _ in range(runs):
            began = time.process_time()
            self.conn.execute("BEGIN")
            work()
            self.conn.execute("ROLLBACK")
            times.append((time.process_time() - began) * 1e6)
        print(f"{name:44s} {median(times):10,.0f} {min(times):10,.0f} {len(seen):6d}")


BY_HAND = (
    "SELECT i.profile FROM identifier i JOIN namespace n ON n.no = i.namespace WHERE n.name = ? AND i.value = ?",
    "SELECT * FROM one_id WHERE n = ?",
    "SELECT i.*, n.name FROM identifier i JOIN namespace n ON n.no = i.namespace WHERE i.profile = ?",
    "SELECT l.* FROM identifier m CROSS JOIN link l ON l.a = m.id AND l.refused IS NULL WHERE m.profile = ?",
    "SELECT DISTINCT v.id, v.observed, v.ids, v.traits, s.name FROM identifier m CROSS JOIN carries c ON c.identifier = m.id"
    " CROSS JOIN version v ON v.id = c.version AND v.traits IS NOT NULL JOIN source s ON s.no = v.source WHERE m.profile = ?",
)


def by_hand(conn: sqlite3.Connection, one: ByIdentifier) -> list[Any]:
    [(n,)] = conn.execute(BY_HAND[0], one.identifier).fetchall()
    return [conn.execute(statement, (n,)).fetchall() for statement in BY_HAND[1:]]


def measure(path: Path, count: int) -> None:
    bench = Bench(path, count)
    print(f"{'µs of CPU':44s} {'median':>10s} {'best':>10s} {'statements':>6s}")
    for name, wants in PARTS.items():
        for many, runs in ((1, 300), (100, 30)):
            if "3 hops" not in name:
                bench.run(f"{many:3d} {'profile' if many == 1 else 'profiles'}: {name}", bench.profiles(many, wants), runs)
            elif many == 1:
                bench.run(f"  1 profile: {name}", bench.profiles(1, wants), 20)
    bench.run("  1 profile by hand: rows of the same", lambda: by_hand(bench.conn, bench.somebody()), 300)  # type: ignore[arg-type]
    bench.run("social path, 6 hops", bench.path, 30)
    for text in ("139 0000 1", "13", "王", "李严", "Ada", "ada number1230", "nobody"):
        bench.run(f"search {text}", bench.search(text), 15)
    bench.run("100 of everyone, with identifiers", lambda: reads.profiles(bench.conn, RULES, Page(100, (count // 2,)), USUAL[:1]), 15)
    bench.run("counts", lambda: reads.stats(bench.conn, RULES), 5)
    print(f"{count:,} people; peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--keep", type=Path, help="the store's file: filled if it is not there, and kept")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.keep or Path(folder) / "store.db"
        if not path.exists():
            asyncio.run(fill(path, given.people))
        measure(path, given.people)


if __name__ == "__main__":
    main()
