"""A process with writers of its own, for test_processes: `python -m tests.graph.store.neo4j.writer URI SEED WRITERS FRAGMENTS`.

Every writer has a store of its own, so that nothing but the gate stands between them. Prints what was accepted.
"""

from __future__ import annotations

import asyncio
import random
import sys

from graph.errors import StoreTrouble
from graph.ingest import ingest
from graph.model import Fragment, Identifier, Key
from graph.resolve.rules import Rules
from graph.store.neo4j.store import open_neo4j

RULES = """
[[namespace]]
name = "user"
limit = 1
[[namespace]]
name = "phone"
limit = 2
shared_above = 3
[[namespace]]
name = "device"
shared_above = 4
"""
SPACES = ("user", "phone", "device")
BATCH = 25


def fragments(writer: str, count: int) -> list[Fragment]:
    """Two or three identifiers out of a few hundred that all writers draw from."""
    draw = random.Random(writer)
    return [
        Fragment(
            writer, str(n), tuple(Identifier(space, str(draw.randrange(300))) for space in draw.sample(SPACES, draw.choice((2, 3)))), n
        )
        for n in range(count)
    ]


async def write(uri: str, writer: str, count: int) -> int:
    accepted = 0
    mine = fragments(writer, count)
    async with open_neo4j(uri, Rules.parse(RULES)) as store:
        for start in range(0, count, BATCH):
            while True:  # a writer that was too long in the queue asks again, by its key
                try:
                    done = await ingest(store, mine[start : start + BATCH], key=Key(writer, str(start)), reading=False)
                except StoreTrouble as trouble:
                    if trouble.code != "BUSY":
                        raise
                else:
                    break
            accepted += done.accepted
    return accepted


async def main(uri: str, seed: str, writers: int, count: int) -> None:
    done = await asyncio.gather(*(write(uri, f"{seed}-{n}", count) for n in range(writers)))
    print(sum(done))  # noqa: T201 - its one word to the test


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
