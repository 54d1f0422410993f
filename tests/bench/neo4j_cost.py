"""Where the time of an ingest into Neo4j goes: server CPU by kind of thread, and what each statement of the service costs.

    python tests/bench/neo4j_cost.py --people 30000 --warm 20000 --fragments 10000 [--statements]

Traffic, server and scripts are those of neo4j_ingest.py. Printed in microseconds a fragment: wall clock, client CPU, and CPU of the
server's threads: `bolt` runs statements and commits, `jit` compiles (it shrinks with `--warm`), `gc` collects. Where other work keeps the
cores busy compare `bolt`, not the wall clock.

`--statements` waits for each statement before the next is sent, which nobody does otherwise: its wall clock is no measure of the service.
Few people and much traffic make a store of shared devices in which nearly every profile is contested; keep people well above fragments.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any

import uvloop

from graph.resolve.rules import Rules
from graph.store.neo4j import cypher, cypher_undoing
from graph.store.neo4j.connect import connected, target_of
from graph.store.neo4j.store import open_neo4j
from graph.store.neo4j.transaction import Neo4jTransaction
from service.collector import collect_rarely
from tests import neo4j_server
from tests.bench.ingest import people, traffic
from tests.bench.neo4j_ingest import SCRIPT_SCHEMA, Bench, batches

NAMES = {
    text: name for module in (cypher, cypher_undoing) for name, text in vars(module).items() if name.isupper() and isinstance(text, str)
}
THREADS = (("bolt", "Bolt"), ("jit", "Compiler"), ("gc", "G1"), ("gc", "GC"))


class Meter:
    """Microseconds that pieces of work took, by name: wall, client, and the server's threads by kind."""

    def __init__(self, server: int) -> None:
        self.server = server
        self.spent: dict[str, Counter[str]] = defaultdict(Counter)

    def now(self) -> Counter[str]:
        found = Counter({"wall": time.perf_counter_ns() // 1000, "client": time.process_time_ns() // 1000})
        for thread in Path(f"/proc/{self.server}/task").iterdir():
            try:
                name, spent = (thread / "comm").read_text(), (thread / "schedstat").read_text()
            except OSError:  # it has ended
                continue
            kind = next((kind for kind, part in THREADS if part in name), "other")
            found[kind] += int(spent.split()[0]) // 1000
        return found

    async def time(self, name: str, work: Awaitable[Any], rows: int) -> Any:
        began = self.now()
        try:
            return await work
        finally:
            ended = self.now()
            ended.subtract(began)
            self.spent[name].update(ended)
            self.spent[name].update({"times": 1, "rows": rows})

    def report(self, fragments: int) -> None:
        for name, spent in sorted(self.spent.items(), key=lambda item: -item[1]["bolt"]):
            each = "  ".join(f"{kind} {spent[kind] / fragments:5.0f}" for kind in ("wall", "client", "bolt", "jit", "gc", "other"))
            rate = (
                f"{spent['times'] / fragments * 1000:5.1f} times in 1,000, {spent['rows'] / fragments:5.2f} values in its lists a fragment"
            )
            print(f"{name:18s} {each}   {rate}")


def by_statement(meter: Meter) -> None:
    """Each statement and each commit of the service goes through the meter, one after another."""
    ask, commit = Neo4jTransaction._ask, Neo4jTransaction.commit

    async def metered(self: Neo4jTransaction, statement: str, values: Mapping[str, Any], seconds: float) -> Any:
        rows = sum(len(each) for each in values.values() if isinstance(each, list))
        return await meter.time(NAMES.get(statement, "other"), ask(self, statement, values, seconds), rows)

    async def at_once(self: Neo4jTransaction, statement: str, values: dict[str, Any]) -> None:
        await self._ask(statement, values, 60)

    async def committed(self: Neo4jTransaction) -> None:
        transaction = self._transaction
        if transaction is not None:
            whole = transaction.commit
            transaction.commit = lambda: meter.time("COMMIT", whole(), 0)  # type: ignore[method-assign]
        await commit(self)

    Neo4jTransaction._ask = metered  # type: ignore[method-assign]
    Neo4jTransaction._send = at_once  # type: ignore[method-assign]
    Neo4jTransaction.commit = committed  # type: ignore[method-assign]


async def main() -> None:
    collect_rarely()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=30_000)
    parser.add_argument("--warm", type=int, default=20_000, help="fragments of traffic before anything is measured")
    parser.add_argument("--fragments", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=1_000, help="fragments of one request")
    parser.add_argument("--writers", type=int, default=1, help="requests at once")
    parser.add_argument("--version", default="5.26.30")
    parser.add_argument("--statements", action="store_true")
    options = parser.parse_args()
    server = neo4j_server.start(options.version, java_options=("-Xms1g", "-Xmx1g"), pagecache="256m", folder=Path("/tmp"))
    try:
        assert server.process is not None
        target = target_of(server.uri)
        async with (
            connected(target) as driver,
            driver.session(database=target.database) as session,
            open_neo4j(server.uri, Rules.builtin()) as store,
        ):
            for statement in SCRIPT_SCHEMA:
                await (await session.run(statement)).consume()
            bench = Bench(store, session)
            for filling in (people(options.people), traffic(options.warm, options.people, 1)):
                for turn in batches(filling, options.batch * options.writers):
                    await bench.service(turn, options.batch)
                    await bench.bare(turn)
                    await bench.kept(turn)
            both, each = Meter(server.process.pid), Meter(server.process.pid)
            if options.statements:
                by_statement(each)
            for turn in batches(traffic(options.fragments, options.people, 2), options.batch * options.writers):
                await both.time("service", bench.service(turn, options.batch), len(turn))
                await both.time("bare", bench.bare(turn), len(turn))
                await both.time("kept", bench.kept(turn), len(turn))
            both.report(options.fragments)
            each.report(options.fragments)
            for one, other in (("bare", "service"), ("kept", "service"), ("bare", "kept")):
                less, more = both.spent[one], both.spent[other]
                print(f"{one} / {other}: " + ", ".join(f"{kind} {less[kind] / more[kind]:.2f}" for kind in ("wall", "client", "bolt")))
    finally:
        server.stop()


if __name__ == "__main__":
    uvloop.run(main())
