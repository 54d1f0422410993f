"""What a store takes on Neo4j's disk, and so in its page cache.

    python tests/bench/neo4j_size.py --people 50000 [--version 2026.08.1]

People sign up (one record of an account, a device and half the time a phone), then come twice as many records, half of them about people on
record, one in five on somebody else's device. Printed: what the store's files take once the server has stopped, indexes included and the
transaction log apart, for a million people and for a million records.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from itertools import chain
from pathlib import Path

from graph.ingest import ingest
from graph.resolve.rules import Rules
from graph.store.neo4j.store import open_neo4j
from tests import neo4j_server
from tests.bench.ingest import batches, people, traffic


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--version", default="5.26.30")
    options = parser.parse_args()
    server = neo4j_server.start(options.version, java_options=("-Xms1g", "-Xmx1g"), pagecache="512m")
    assert server.home is not None
    data = server.home / "data"
    try:
        async with open_neo4j(server.uri, Rules.builtin()) as store:
            empty, started = size(data / "databases" / "neo4j"), time.perf_counter()
            for batch in batches(chain(people(options.people), traffic(2 * options.people, options.people, 1))):
                await ingest(store, batch, reading=False)
            stats = await store.stats()
            print(f"{stats.fragments:,} records in {time.perf_counter() - started:.0f} s: {stats.profiles:,} people, ", end="")
            print(f"{stats.identifiers:,} identifiers, {stats.links:,} links")
        assert server.process is not None
        server.process.terminate()  # it writes a checkpoint as it ends
        server.process.wait()
        taken = size(data / "databases" / "neo4j") - empty
        log = size(data / "transactions" / "neo4j")
        print(f"{taken / 1e6:,.0f} MB on Neo4j {options.version}, transaction log {log / 1e6:,.0f} MB")
        print(f"{taken / stats.profiles / 1e3:.1f} GB a million people, {taken / stats.fragments / 1e3:.1f} GB a million records")
    finally:
        server.stop()


if __name__ == "__main__":
    asyncio.run(main())
