"""One lock per process before a store's write gate, and the grouping of waiting requests into one transaction.

`Gate.step` runs one request's step. The first begins a transaction; who waits meanwhile goes on in the same one, each seeing the former;
the last (or the one that fills the group) commits, and all of them return only then. A step that fails leaves nothing behind and does not
touch the others; a commit that fails fails them all.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Generic, Protocol, TypeVar

__all__ = ["Gate", "Transaction"]

T = TypeVar("T")
W = TypeVar("W")
W_co = TypeVar("W_co", covariant=True)


class Transaction(Protocol[W_co]):
    """What a store offers the gate; begin, commit and rollback may take a thread or a network trip."""

    async def begin(self, *, long: bool = False) -> None:
        """Take the gate over all processes; StoreBusy when it is not free in time. `long`: the first step may take minutes."""
        ...

    async def open_step(self) -> W_co: ...

    async def close_step(self) -> None:
        """Keep what the step wrote as part of the transaction."""
        ...

    async def drop_step(self) -> None:
        """Undo what the step wrote; the steps before it stay. A store that cannot undo one step alone may write those before it again in a
        new transaction; where that does not succeed it raises, and all of them fail with nothing written."""
        ...

    async def commit(self) -> None:
        """Durable when it returns."""
        ...

    async def rollback(self) -> None: ...


class Gate(Generic[W]):
    """`group` bounds the steps of one transaction."""

    def __init__(self, transaction: Transaction[W], *, group: int = 64) -> None:
        self._transaction = transaction
        self._group = group
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._busy = False
        self._begun = False
        self._inside = False  # a step is open
        self._done: list[asyncio.Future[None]] = []

    @asynccontextmanager
    async def step(self, *, apart: bool = False, long: bool = False) -> AsyncIterator[W]:
        """One step; leaving it returns when it is durable, or raises and nothing of it was written. A caller who is cancelled while it is
        being closed or committed never hears which. `apart`: the steps before it are committed first, so that undoing it is nothing to
        them. `long`: likewise, and it is the first of its transaction."""
        await self._turn()
        try:
            if (apart and self._done) or (long and self._begun):
                await _whole(self._settle())
            yield await _whole(self._open(long=long))
            settled = await _whole(self._close())
        except BaseException:
            if self._inside:
                await _whole(self._drop())
            raise
        finally:
            await _whole(self._leave())
        await settled

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """No step of this process is under way inside, and none is waiting to be committed: those that come wait for their turn."""
        await self._turn()
        try:
            if self._begun:
                await _whole(self._settle())
            yield
        finally:
            await _whole(self._leave())

    async def _open(self, *, long: bool) -> W:
        if not self._begun:
            await self._transaction.begin(long=long)
            self._begun = True
        step = await self._transaction.open_step()
        self._inside = True
        return step

    async def _close(self) -> asyncio.Future[None]:
        """Keep the step; what comes back is done when the transaction is."""
        await self._transaction.close_step()
        self._inside = False
        settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._done.append(settled)
        return settled

    async def _drop(self) -> None:
        """Undo one step; where even that fails the transaction is gone, and with it the steps before."""
        self._inside = False
        try:
            await self._transaction.drop_step()
        except Exception as trouble:  # noqa: BLE001 - whatever it was, those waiting must hear of it
            done, self._done, self._begun = self._done, [], False
            _fail(done, trouble)
            await self._transaction.rollback()

    async def _turn(self) -> None:
        if not self._busy:
            self._busy = True
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                await _whole(self._leave())
            raise

    async def _leave(self) -> None:
        """Hand the turn on; commit first when the group is full or nobody waits."""
        if self._begun and (len(self._done) >= self._group or not self._someone_waits()):
            await self._settle()
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        if self._begun:
            await self._settle()
            await self._leave()
            return
        self._busy = False

    def _someone_waits(self) -> bool:
        return any(not turn.done() for turn in self._waiting)

    async def _settle(self) -> None:
        done, self._done, self._begun = self._done, [], False
        try:
            if done:
                await self._transaction.commit()
            else:
                await self._transaction.rollback()
        except BaseException as trouble:  # noqa: BLE001 - likewise
            _fail(done, trouble)
            return
        for settled in done:
            if not settled.done():
                settled.set_result(None)


def _fail(done: list[asyncio.Future[None]], trouble: BaseException) -> None:
    for settled in done:
        if not settled.done():
            settled.set_exception(trouble)
            settled.exception()  # the waiter may be gone; its error is not news then


async def _whole(work: Coroutine[Any, Any, T]) -> T:
    """Let `work` run to its end even when the caller is cancelled meanwhile, then be cancelled."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):  # of a caller who cannot wait
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise
