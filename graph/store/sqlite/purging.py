"""The last part of an erasure: no byte of what it erased is left in the files of the store.

What a row held stays behind in many places when the row is gone: in pages of the file that are free, in the free space of pages in use
(also where they were split long ago), and in the log. So the file is written anew (VACUUM) with zeros where nothing stands, and then the
log is copied into it and cut to nothing. The latter waits for readers that still look at an earlier state, and is tried again until they
are gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from graph.model import Instant
from graph.store.gate import Gate
from graph.store.sqlite.connect import connect

__all__ = ["Purging", "unfinished"]

_FIRST_PAUSE: Final = 0.05
_LAST_PAUSE: Final = 30.0
_OTHERS_SECONDS: Final = 30.0
"""How long the file waits for a writer in another process before it is written anew."""
_log = logging.getLogger("oneid.store")


def unfinished(connection: sqlite3.Connection) -> int | None:
    """The last erasure of which something may be left."""
    row = connection.execute("SELECT max(n) FROM erasure WHERE purged IS NULL").fetchone()
    return None if row[0] is None else int(row[0])


class Purging:
    """Goes on beside the requests of a store that is open, as long as something is left; what one process leaves, the next one finds."""

    def __init__(self, path: str, gate: Gate[Any], clock: Callable[[], Instant]) -> None:
        self._path = path
        self._gate = gate
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._again = asyncio.Event()
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None
        self._written = 0  # the last erasure that the file was written anew after
        self.done = asyncio.Event()
        """Set, and made anew, whenever there is nothing left."""

    def wake(self) -> None:
        """Somebody was erased."""
        self._again.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._go_on())

    async def close(self) -> None:
        """Leave the rest to whoever opens the store next."""
        if self._task is not None:
            self._task.cancel()
            if self._connection is not None:
                self._connection.interrupt()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._thread is not None:
            self._thread.shutdown()
        if self._connection is not None:
            self._connection.close()
        self._task = self._thread = self._connection = None

    async def _go_on(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            self._again.clear()
            try:
                if await self._attempt():
                    done, self.done = self.done, asyncio.Event()
                    done.set()
                    pause = _FIRST_PAUSE
                    await self._again.wait()
                    continue
            except sqlite3.Error as trouble:
                _log.warning(
                    "what was erased is not wholly gone from the store's files yet (%s); it is tried again", type(trouble).__name__
                )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):  # wait_for forgets, in Python 3.11, that it was cancelled where the wait has just ended
                    await self._again.wait()
            pause = min(pause * 2, _LAST_PAUSE)

    async def _attempt(self) -> bool:
        """Whether nothing is left now."""
        last = await self._run(self._unfinished)
        if last is None:
            return True
        if last > self._written:
            async with self._gate.alone():  # writers of this process wait for it and do not fail
                await self._run(self._write_anew)
            self._written = last
        return bool(await self._run(self._cut_log, last))

    async def _run(self, work: Callable[..., Any], *args: Any) -> Any:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "oneid-purging")
        running = asyncio.get_running_loop().run_in_executor(self._thread, work, *args)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            if self._connection is not None:
                self._connection.interrupt()
            await asyncio.wait([running])
            if not running.cancelled():
                running.exception()  # of the interruption; nobody else hears of it
            raise

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self._path)
            self._connection.execute("PRAGMA secure_delete = ON")
            self._connection.execute("PRAGMA temp_store = FILE")  # the new file is put together beside the old one
            self._connection.execute("PRAGMA cache_size = -8192")
        return self._connection

    def _unfinished(self) -> int | None:
        return unfinished(self._open())

    def _write_anew(self) -> None:
        connection = self._open()
        connection.execute(f"PRAGMA busy_timeout = {_OTHERS_SECONDS * 1000:.0f}")
        connection.execute("VACUUM")

    def _cut_log(self, last: int) -> bool:
        """Copy the log into the file and cut it; then that is on record. False while a reader needs the log."""
        connection = self._open()
        connection.execute("PRAGMA busy_timeout = 100")
        if connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            return False
        connection.execute("UPDATE erasure SET purged = ? WHERE purged IS NULL AND n <= ?", (self._clock(), last))
        return unfinished(connection) is None
