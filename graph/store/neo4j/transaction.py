"""Neo4j's side of the gate: one transaction for a group of steps, the gate node taken by its first statement.

Neo4j has no savepoints. What a step writes is therefore kept, call by call, until its transaction ends: where a step fails after it has
written, the transaction is rolled back, the gate taken again, and the steps before it are written again in a new one, provided nobody else
came through the gate meanwhile; if somebody did they fail with StoreTrouble, and nothing of them was written.

A commit whose answer is lost is looked up: whoever takes the gate next finds the transaction's token in the record of commits, or does not.
A connection that broke on our side only may leave its transaction open at the server, gate and all: it is ended there, by that token.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Final, TypeVar
from uuid import uuid4

import orjson
from neo4j import WRITE_ACCESS, AsyncDriver, AsyncSession, AsyncTransaction

from graph.errors import StoreBusy, StoreTrouble
from graph.model import Instant
from graph.store.in_force import InForce, Ruled
from graph.store.neo4j import cypher
from graph.store.neo4j.connect import (
    GATE_SECONDS,
    LONG_SECONDS,
    LONG_STATEMENT_SECONDS,
    SIGN_SECONDS,
    STATEMENT_SECONDS,
    TRANSACTION_SECONDS,
    tried,
    unheard,
    within,
)
from graph.store.neo4j.counters import Counters, Names
from graph.store.neo4j.writing import Neo4jWriting
from graph.store.ports import Pair

__all__ = ["Neo4jTransaction", "now"]

T = TypeVar("T")
_PAUSE: Final = 0.05
_WEEK: Final = 7 * 24 * 3600 * 1_000_000
_MINUTE: Final = 60 * 1_000_000
_LOOK_SECONDS: Final = 10.0


def now() -> Instant:
    """The clock of this machine."""
    return time.time_ns() // 1000


class Neo4jTransaction:
    """A transaction of the gate (graph.store.gate.Transaction)."""

    def __init__(
        self,
        driver: AsyncDriver,
        database: str | None,
        known: InForce,
        clock: Callable[[], Instant] = now,
    ) -> None:
        self.names = Names()
        self.elements: dict[int, str] = {}
        self.link_elements: dict[Pair, str] = {}
        self._driver = driver
        self._database = database
        self._known = known
        self._clock = clock
        self._long = False
        self._session: AsyncSession | None = None
        self._transaction: AsyncTransaction | None = None
        self._token = ""
        self._lost = False  # the connection broke, and the server may not know
        self._left: set[str] = set()  # tokens of transactions that may still be open at the server
        self._silent = False  # the server gave no sign of life the last time
        self._base = Counters()
        self._ruled = known.last  # the rules in force before the first step
        self.sleepers = False  # some OneID may sleep by a revert
        self._tombstones = False
        self._done: list[Neo4jWriting] = []
        self._step: Neo4jWriting | None = None
        self._posted: asyncio.Task[Any] | None = None
        self._later: deque[tuple[str, dict[str, Any]]] = deque()
        self._forgotten = 0

    async def begin(self, *, long: bool = False) -> None:
        """Take the gate. A server that cannot be reached, or a connection that broke, is tried again; one that was silent the last time is
        asked for a sign of life first, so that those who wait in this process's queue hear of it soon."""
        self._long = long
        try:
            if self._silent:
                await self._sign_of_life()
            await tried(partial(self._begin, GATE_SECONDS))
        except StoreTrouble as trouble:
            self._silent = not isinstance(trouble, StoreBusy)
            raise
        self._silent = False

    async def _begin(self, seconds: float) -> None:
        """A new transaction with the gate in it; StoreBusy when it is not free in so many seconds."""
        try:
            await self._end_left()
            self._token = uuid4().hex
            life = LONG_SECONDS if self._long else TRANSACTION_SECONDS
            async with within(seconds):
                self._session = self._driver.session(database=self._database, default_access_mode=WRITE_ACCESS)
                self._transaction = await self._session.begin_transaction(metadata={"oneid": self._token}, timeout=life)
            took = await _whole(self._ask(cypher.TAKE_GATE, {"token": self._token, "known": len(self.names.names)}, seconds))
            commit, at, version, one_id, judgement, interaction, seq, places, rules, self.sleepers, self._tombstones, names, mark = took
            self._ruled = self._known.find(rules) or self._known.read(rules, await self._ask(cypher.RULES, {"version": rules}, seconds))
            if not mark or mark[0][0] != rules:  # nobody who holds the gate is at it
                await _whole(self._mark(cypher.SET_RIGHT, seconds, version=rules, left=(mark[0][1] if mark else None) or ""))
        except BaseException as trouble:
            await self._abandon()
            if isinstance(trouble.__cause__, TimeoutError):
                await self._sign_of_life()
                raise StoreBusy("another writer held the store for too long; send the request again") from trouble
            raise
        self.names.learn(names)
        self._base = Counters(commit, at, version, one_id, judgement, interaction, seq, tuple(places))
        self._done = []

    async def _sign_of_life(self) -> None:
        """Return when the server answers at all."""
        async with within(SIGN_SECONDS), self._driver.session(database=self._database, default_access_mode=WRITE_ACCESS) as session:
            await (await session.run("RETURN 1")).consume()

    async def _mark(self, statement: str, seconds: float, **values: Any) -> None:
        """Write the mark that readers go by (`graph.store.neo4j.marked`), in a transaction of its own. It is locked by a statement before,
        so that this one sees what it is: a word of ours that comes late changes nothing of somebody else's switch."""
        async with (
            within(seconds),
            self._driver.session(database=self._database, default_access_mode=WRITE_ACCESS) as session,
            await session.begin_transaction(timeout=seconds) as transaction,
        ):
            for each in (cypher.LOCK_MARK, statement):
                await (await transaction.run(each, token=self._token, **values)).consume()
            await transaction.commit()

    @property
    def _statement_seconds(self) -> float:
        return LONG_STATEMENT_SECONDS if self._long else STATEMENT_SECONDS

    async def ask(self, statement: str, /, **values: Any) -> Any:
        """Run one statement; the one value of its one record, None where it gives none. The statement runs to its end even where the
        caller is cancelled meanwhile, since a driver that is cancelled drops the connection, and the steps of others with it."""
        await self._settle(evidence=statement not in cypher.BESIDE_EVIDENCE)
        told = await _whole(self._ask(statement, values, self._statement_seconds))
        if self._later:
            await self._send(*self._later.popleft())  # the server has work while the caller computes
        return told

    async def post(self, statement: str, /, **values: Any) -> None:
        """Send one statement that gives nothing, and go on while the server works on it. Its error is raised by the next one that is asked
        or posted, and at the latest when the step is closed."""
        await self._settle(evidence=statement not in cypher.BESIDE_EVIDENCE)
        await self._send(statement, values)

    def post_evidence(self, statement: str, /, **values: Any) -> None:
        """As `post`, at a time when the server has nothing else to do: after the next answer at best, before whatever meets evidence."""
        self._later.append((statement, values))

    async def _send(self, statement: str, values: dict[str, Any]) -> None:
        self._posted = asyncio.ensure_future(self._ask(statement, values, self._statement_seconds))
        await asyncio.sleep(0)  # it is written here
        await asyncio.sleep(0)  # and sent, by a loop that sends at the end of each turn

    async def _settle(self, *, evidence: bool = True) -> None:
        """Wait for what was posted; `evidence`: also for what may wait until now."""
        while self._posted is not None or (evidence and self._later):
            if self._posted is None:
                await self._send(*self._later.popleft())
            else:
                posted, self._posted = self._posted, None
                await _whole(posted)

    async def _ask(self, statement: str, values: Mapping[str, Any], seconds: float) -> Any:
        if self._transaction is None:
            raise StoreTrouble("the store's transaction is gone; nothing of it was written")
        sent = {name: value.copy() if isinstance(value, list | dict) else value for name, value in values.items()}
        try:
            async with within(seconds):
                result = await self._transaction.run(statement, sent)
                record = await result.single()
                return None if record is None else record[0]
        except StoreTrouble as trouble:
            self._lost = self._lost or unheard(trouble)
            raise
        finally:
            _let_go(sent)

    @property
    def ruled(self) -> Ruled:
        """The rules in force after the last step that was kept."""
        return self._done[-1].ruled if self._done else self._ruled

    async def open_step(self) -> Neo4jWriting:
        if self._transaction is None:  # the step before failed and nothing was left to write again
            await self.begin()
        counters = self._done[-1].counters if self._done else self._base
        at = max(self._clock(), counters.at + 1)
        self._step = Neo4jWriting(self, counters.next(at), self.names.mark())
        return self._step

    async def close_step(self) -> None:
        assert self._step is not None
        await self._settle()
        if self._step.log:
            self._done.append(self._step)
        self._step = None

    @property
    def buried(self) -> bool:
        """Whether somebody was erased, by a step of this transaction perhaps."""
        steps = [*self._done, *([self._step] if self._step else [])]
        return self._tombstones or any(step.erased for step in steps)

    async def drop_step(self) -> None:
        step, self._step = self._step, None
        assert step is not None
        self.names.forget_after(step.named)
        if not step.log and not step.failed:
            return
        done, base = self._done, self._base
        await self._abandon()
        if not done:
            return
        await tried(partial(self._begin, GATE_SECONDS))
        if self._base.commit != base.commit:
            raise StoreTrouble("a request of the same group failed, and another writer came between; nothing of it was written")
        for earlier in done:
            await earlier.write_again(self.ruled)
            await self._settle()
            self._done.append(earlier)

    async def commit(self) -> None:
        done, token = self._done, self._token
        if not done:
            return await self._abandon()
        last, before, ruled = done[-1].counters, self._ruled, done[-1].ruled
        rows = [
            [s.counters.commit, s.counters.at, s.kind, s.by, s.reason, s.undone and orjson.dumps(s.undone).decode(), s.counters.seq]
            for s in done
        ]
        try:
            await self._forget_requests(last.at)
            await self.ask(cypher.LEAVE_GATE, token=token, rows=rows, rules=ruled.version, **last.properties())
            if ruled is not before:
                await self._mark(cypher.BEGIN_SWITCH, STATEMENT_SECONDS, version=ruled.version)
        except BaseException:
            await self._abandon()
            if ruled is not before:
                await self._end_switch(before)
            raise
        try:
            async with within(STATEMENT_SECONDS):
                assert self._transaction is not None
                await self._transaction.commit()
        except StoreTrouble as trouble:
            self._lost = self._lost or unheard(trouble)
            await self._abandon()
            if not await self._was_committed(last.commit, token):  # which set the mark right, if it came to the gate
                raise StoreTrouble("the store did not commit the request; nothing of it was written") from trouble
        else:
            self._done = []
            self._forget_elements()
            await self._close()
            if ruled is not before:
                await self._end_switch(ruled)
        self._known.see(ruled)
        return None

    async def _end_switch(self, ruled: Ruled) -> None:
        """Readers may go by these rules. Where that cannot be said now, who comes next does (`graph.store.neo4j.marked`)."""
        with contextlib.suppress(StoreTrouble):
            await tried(partial(self._mark, cypher.END_SWITCH, SIGN_SECONDS, version=ruled.version))

    async def rollback(self) -> None:
        await self._abandon()

    async def _was_committed(self, commit: int, token: str) -> bool:
        """Whether the commit came to be. The gate is free again only when the server has ended that transaction, either way."""
        deadline = time.monotonic() + _LOOK_SECONDS
        while True:
            try:
                await self._begin(deadline - time.monotonic())
                return bool(await self.ask(cypher.WAS_COMMITTED, token=self._token, commit=commit, by=token))
            except StoreTrouble as trouble:
                if time.monotonic() >= deadline:
                    raise StoreTrouble(
                        "the store went away during the commit: whether the request was written is not known; send it again with its key"
                    ) from trouble
            finally:
                await self._abandon()
            await asyncio.sleep(min(_PAUSE * (1 + random.random()), deadline - time.monotonic()))

    async def _forget_requests(self, at: Instant) -> None:
        """Idempotency keys are kept for a week; now and then the older ones go."""
        if at - self._forgotten >= _MINUTE:
            self._forgotten = at
            await self.ask(cypher.FORGET_REQUESTS, before=at - _WEEK)

    async def _abandon(self) -> None:
        """Roll back, whatever state the connection is in; what was learnt in this transaction is forgotten."""
        self._done = []
        self._later.clear()
        with contextlib.suppress(StoreTrouble):
            await self._settle()
        self._forget_elements()
        self.names.forget_after(0)
        if self._transaction is not None:
            try:
                async with within(SIGN_SECONDS):
                    await self._transaction.close()
            except StoreTrouble:
                self._lost = True
        if self._lost:
            self._left.add(self._token)
            self._lost = False
        await self._close()
        with contextlib.suppress(StoreTrouble):  # who takes the gate next tries again
            await self._end_left()

    def _forget_elements(self) -> None:
        """Element ids mean nothing in another transaction."""
        self.elements.clear()
        self.link_elements.clear()

    async def _close(self) -> None:
        session, self._session, self._transaction = self._session, None, None
        if session is not None:
            with contextlib.suppress(StoreTrouble):
                async with within(SIGN_SECONDS):
                    await session.close()

    async def _end_left(self) -> None:
        """End at the server what of ours may still be open there: without a word from us it would hold the gate until its time is up."""
        if self._left:
            async with within(SIGN_SECONDS), self._driver.session(database=self._database, default_access_mode=WRITE_ACCESS) as session:
                await (await session.run(cypher.END_TRANSACTIONS, tokens=sorted(self._left))).consume()
            self._left.clear()


def _let_go(sent: Mapping[str, Any]) -> None:
    """Empty the lists and maps that a statement was sent with: the driver's result keeps them and is a cycle, so all of their rows would
    stay until the next collection of garbage, which then takes a fifth of an ingest's time."""
    for value in sent.values():
        if isinstance(value, list | dict):
            value.clear()


async def _whole(work: Coroutine[Any, Any, T] | asyncio.Task[T]) -> T:
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):  # of a caller who cannot wait
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise
