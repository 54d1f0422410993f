"""A process that is to be killed while it puts rules in force, for test_switching: `python -m tests.graph.store.neo4j.switcher URI WHEN`.

It stops `before` or `after` the commit of the step that does, when the mark of readers says that other rules come into force, and prints
that it did.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from neo4j import AsyncTransaction

from graph.resolve.rules import Rules
from graph.store.neo4j import cypher
from graph.store.neo4j.store import open_neo4j
from graph.store.neo4j.transaction import Neo4jTransaction

TOML = '[[namespace]]\nname = "user"\nlimit = 1\n'


async def stop(*_: Any, **__: Any) -> None:
    sys.stdout.write("stopped\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


async def switch(uri: str, when: str) -> None:
    async with open_neo4j(uri, Rules.builtin()) as store:
        mark, commit = Neo4jTransaction._mark, AsyncTransaction.commit

        async def marked(self: Neo4jTransaction, statement: str, seconds: float, **values: Any) -> None:
            if statement == cypher.END_SWITCH:
                await stop()
            await mark(self, statement, seconds, **values)
            if when == "before":
                AsyncTransaction.commit = stop  # type: ignore[method-assign]  # the next one is that of the step

        Neo4jTransaction._mark = marked  # type: ignore[method-assign]  # likewise
        assert AsyncTransaction.commit is commit
        async with store.writing("rules") as writing:
            await writing.write_rules(Rules.parse(TOML))


if __name__ == "__main__":
    asyncio.run(switch(sys.argv[1], sys.argv[2]))
