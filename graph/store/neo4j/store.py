"""The production store: a Neo4j database behind the same promises as the embedded one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from neo4j import READ_ACCESS, AsyncDriver

from graph.errors import StoreTrouble
from graph.model import Instant
from graph.resolve.rules import Rules
from graph.store.gate import Gate
from graph.store.neo4j import cypher
from graph.store.neo4j.connect import STATEMENT_SECONDS, connected, target_of, within
from graph.store.neo4j.everything import everything
from graph.store.neo4j.prepare import prepare
from graph.store.neo4j.transaction import Neo4jTransaction, now
from graph.store.neo4j.writing import Neo4jWriting
from graph.store.ports import Everything

__all__ = ["Neo4jStore", "open_neo4j"]

_LOOK_SECONDS: Final = 0.25


@asynccontextmanager
async def open_neo4j(url: str, rules: Rules, clock: Callable[[], Instant] = now) -> AsyncIterator[Neo4jStore]:
    """Open the store behind `neo4j://user:password@host:7687/database`; an empty database is made one.

    `rules` come into force where the store has none yet; otherwise those it has stay, and a difference is logged.
    """
    target = target_of(url)
    async with connected(target) as driver:
        in_force = await prepare(driver, target.database, rules, clock)
        yield Neo4jStore(driver, target.database, in_force, clock)


class Neo4jStore:
    """graph.store.ports.Store over one database; opened by `open_neo4j`."""

    def __init__(self, driver: AsyncDriver, database: str | None, in_force: Rules, clock: Callable[[], Instant]) -> None:
        self.in_force = in_force
        self._driver = driver
        self._database = database
        self._gate: Gate[Neo4jWriting] = Gate(Neo4jTransaction(driver, database, in_force, clock))
        self._changed = asyncio.Event()
        self._looking = asyncio.Lock()
        self._seen = (0.0, 0)  # when the last commit was looked up, and its number

    @asynccontextmanager
    async def writing(self, kind: str, *, by: str | None = None, reason: str | None = None) -> AsyncIterator[Neo4jWriting]:
        async with self._gate.step() as writing:
            writing.kind, writing.by, writing.reason = kind, by, reason
            yield writing
        self._seen = (0.0, 0)
        self._changed.set()
        self._changed = asyncio.Event()

    async def ask(self, statement: str, /, **values: Any) -> Any:
        """One statement outside the gate, by itself: the one value of its one record, None where it gives none."""
        async with (
            within(STATEMENT_SECONDS),
            self._driver.session(database=self._database, default_access_mode=READ_ACCESS) as session,
        ):
            record = await (await session.run(statement, values)).single()
            return None if record is None else record[0]

    async def wait_for_change(self, after_commit: int, timeout: float) -> int:
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            changed = self._changed
            commit = await self._last_commit()
            left = deadline - asyncio.get_running_loop().time()
            if commit > after_commit or left <= 0:
                return commit
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), min(left, _LOOK_SECONDS))  # another process may write: look again now and then

    async def _last_commit(self) -> int:
        """The last commit, looked up once for however many wait for it."""
        async with self._looking:
            at = asyncio.get_running_loop().time()
            if at - self._seen[0] >= _LOOK_SECONDS:
                self._seen = (at, (await self.head())[0])
            return self._seen[1]

    async def head(self) -> tuple[int, int]:
        row = await self.ask(cypher.HEAD)
        if row is None:
            raise StoreTrouble("the store has no gate: its database was emptied; open it again")
        return row[0], row[1]

    async def everything(self) -> Everything:
        async with self.writing("audit") as step:  # it writes nothing, so it leaves no commit
            return await everything(step)
