"""How long an explanation takes: two contested profiles at the bound of 1,000 identifiers each, and a crowd that shares devices.

    python tests/bench/explain.py
    python tests/bench/explain.py --store neo4j://neo4j:secret@localhost:7687

The store is filled through the flows, under the built-in rules (an empty database is wanted on a server). Each profile is one account with
999 devices. `--links` says how many links each has besides: its devices are seen together, 19 at a time, until there are so many.
Half of the devices of each account were seen with the other account earlier, so those links are refused. The crowd is people who each
share two devices with two others, in one long row, with strangers beside it. Printed are seconds as the caller of the store waits, the
median and the worst of the runs, with all parts of the links that GraphQL can ask for.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import median

from graph.explain import explain, sentence
from graph.ingest import ingest
from graph.model import Fragment, Identifier
from graph.resolve.rules import Rules
from graph.store import open_store
from graph.store.ports import Store
from graph.views import ByIdentifier, ExplanationView, Want

DAY = 86_400_000_000
START = 1_780_000_000_000_000
DEVICES = 999
LINK = (Want("fragments", (("first", 20),)), Want("bridge"), Want("a", inner=(Want("sources"),)), Want("b", inner=(Want("sources"),)))
ALL = tuple(Want(field, inner=LINK) for field in ("path", "refused", "bridges"))


def user(name: str) -> Identifier:
    return Identifier("user_id", name)


def device(name: str, n: int) -> Identifier:
    return Identifier("device", f"{name}-{n:04}")


def contested(links: int) -> Iterator[Fragment]:
    """Two accounts: their own devices, what was seen of these together, and earlier sightings with the other account."""
    draw = Random(1)
    for name, other in ("pq", "qp"):
        for n in range(DEVICES):
            yield Fragment("app", f"{name}{n}", (user(name), device(name, n)), START + n)
        for n in range(0, DEVICES, 2):
            yield Fragment("old", f"{name}{n}", (user(other), device(name, n)), START - DAY + n)
        for n in range(links // 171):
            seen = [device(name, each) for each in draw.sample(range(DEVICES), 19)]
            yield Fragment("wifi", f"{name}{n}", tuple(seen), START + n)


def crowd(people: int) -> Iterator[Fragment]:
    """Person n shares a device with person n + 1 in rows of 8, and the first of each row with nobody before."""
    for n in range(people):
        yield Fragment("app", f"c{n}", (user(f"c{n}"), device("c", n)), START + n)
        if n % 8:
            yield Fragment("old", f"c{n}", (user(f"c{n}"), device("c", n - 1)), START - DAY + n)


async def fill(store: Store, fragments: Iterator[Fragment]) -> None:
    batch: list[Fragment] = []
    for fragment in fragments:
        batch.append(fragment)
        if len(batch) == 500:
            await ingest(store, batch)
            batch = []
    await ingest(store, batch)


async def measure(store: Store, name: str, a: Identifier, b: Identifier, runs: int) -> None:
    took = []
    view: ExplanationView | None = None
    for _ in range(runs):
        began = time.perf_counter()
        view = await explain(store, a, b, ALL)
        took.append(time.perf_counter() - began)
    assert view is not None
    said = sentence(view, lambda one: one.text)
    print(f"{name:38s} {median(took):7.3f} {max(took):7.3f}   {view.standing}, {view.counts}: {said[:90]}…")


async def run(url: str, links: int, people: int, runs: int) -> None:
    async with open_store(url, Rules.builtin()) as store:
        began = time.perf_counter()
        await fill(store, contested(links))
        await fill(store, crowd(people))
        sizes = [view.size for view in await store.profiles_by([ByIdentifier(user("p")), ByIdentifier(user("q"))], []) if view]
        stats = await store.stats()
        took = time.perf_counter() - began
        print(f"{sizes} identifiers in the two profiles, {stats.links:,} links, filled in {took:.0f} s")
        print(f"{'seconds':38s} {'median':>7s} {'worst':>7s}")
        await measure(store, "together, account and device", user("p"), device("p", 500), runs)
        await measure(store, "together, two devices", device("p", 1), device("p", 998), runs)
        await measure(store, "apart, refused between the two", user("p"), user("q"), runs)
        await measure(store, "apart, nothing between", user("p"), user("c0"), runs)
        await measure(store, "apart, over 5 others", user("c0"), user("c6"), runs)
        await measure(store, "apart, 7 links away", user("c0"), user("c7"), runs)
        await measure(store, "unknown", user("p"), user("nobody"), runs)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", help="where to fill; a SQLite file of its own otherwise")
    parser.add_argument("--links", type=int, default=20_000, help="links among the devices of each of the two profiles, about")
    parser.add_argument("--people", type=int, default=5_000, help="the crowd")
    parser.add_argument("--runs", type=int, default=15)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.store or f"sqlite:///{Path(folder) / 'store.db'}"
        asyncio.run(run(url, given.links, given.people, given.runs))


if __name__ == "__main__":
    main()
