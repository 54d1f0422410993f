"""The jobs that this process does: each in a process of its own, few at a time, the others waiting."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Mapping
from typing import Any, Final

import orjson

from graph.errors import OneIDError, StoreTrouble
from graph.jobs import BEAT, ENDED, Check, ask_for, now
from graph.model import Key
from graph.store.ports import JobRow, Store

__all__ = ["Jobs"]

AT_ONCE: Final = 1
"""Most hold all evidence in memory, or write much."""
_LINE: Final = 1 << 26
"""Bytes of the longest line that a job's process may write: its result."""
_STOPPED: Final = ("UNAVAILABLE", "the service that did this job was stopped; ask for it again")
_BROKE: Final = ("UNAVAILABLE", "the process that did this job ended early, as it does where memory is short; ask for it again")
_NONE: Final[Mapping[str, Any]] = {}
_log = logging.getLogger("oneid.service")


class Jobs:
    """Open while the service is; `close` ends what goes on."""

    def __init__(self, store: Store, *, beat: float = BEAT / 1e6) -> None:
        self._store = store
        self._beat = beat
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._mine: dict[int, JobRow] = {}
        self._asked: dict[int, bytes] = {}  # what each job's process is told
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._beating: asyncio.Task[None] | None = None

    async def begin(
        self,
        kind: str,
        input: dict[str, Any],
        *,
        key: Key | None = None,
        by: str | None = None,
        key_id: str | None = None,
        reason: str | None = None,
        figures: Mapping[str, Any] = _NONE,
        check: Check | None = None,
        digest: bytes | None = None,
    ) -> JobRow:
        """Begin a job of a kind that service.work knows, or find what the same request began before. The rest as in graph.jobs.ask_for."""
        asked_by: dict[str, Any] = {"key": key, "by": by, "key_id": key_id}
        row, new = await ask_for(self._store, kind, input, **asked_by, reason=reason, figures=figures, check=check, digest=digest)
        if new:
            where = {"url": self._store.url, "erasure_key": self._store.erasure_key.given}
            asked = {**where, "kind": kind, "job": row.id, "by": by, "key_id": key_id, "input": row.input}
            self._asked[row.id] = orjson.dumps(asked, option=orjson.OPT_APPEND_NEWLINE)
            self._mine[row.id] = row
            self._tasks[row.id] = asyncio.create_task(self._do(row.id))
            if self._beating is None:
                self._beating = asyncio.create_task(self._beats())
        return row

    def known(self, row: JobRow) -> JobRow:
        """A job as it is, or further where it is done here: what is on record waits for whoever writes."""
        mine = self._mine.get(row.id)
        return row if mine is None or row.state in ENDED else row._replace(progress=max(row.progress, mine.progress))

    def stop(self, number: int) -> None:
        """Stop doing a job that was cancelled, if it is done here."""
        self._mine.pop(number, None)
        if task := self._tasks.get(number):
            _end(task)

    async def close(self) -> None:
        """Stop all, and say so."""
        left = list(self._mine.values())
        if self._beating is not None:
            self._beating.cancel()
        for task in (tasks := list(self._tasks.values())):
            _end(task)
        await asyncio.gather(*tasks, *([self._beating] if self._beating else []), return_exceptions=True)
        if left:
            at = now()
            rows = [row._replace(state="failed", beat=at, finished=at, error=_STOPPED) for row in left]
            with contextlib.suppress(OneIDError):  # whoever looks later finds that nobody speaks of them
                await self._store.write_jobs(rows)

    async def _do(self, number: int) -> None:
        try:
            async with self._turn:
                await self._put(number, state="running")
                outcome = await self._worked(number)
            at = now()
            await self._put(number, **outcome, finished=at)
        except StoreTrouble as trouble:  # it is on record as it was; whoever looks finds that nobody speaks of it
            _log.warning("job %d: %s", number, trouble)
        finally:
            self._mine.pop(number, None)
            self._asked.pop(number, None)
            self._tasks.pop(number, None)

    async def _worked(self, number: int) -> dict[str, Any]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "service.work", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=_LINE
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(self._asked[number])
            async for line in process.stdout:
                said = orjson.loads(line)
                if "progress" in said:
                    self._mine[number] = self._mine[number]._replace(progress=said["progress"])
                elif "result" in said:
                    return {"state": "done", "progress": 1.0, "result": said["result"]}
                else:
                    return {"state": "failed", "error": tuple(said["error"])}
            return {"state": "failed", "error": _BROKE}
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            ending = asyncio.ensure_future(process.communicate())  # to the ends of its pipes, which must not outlive the event loop
            try:
                await asyncio.shield(ending)
            except asyncio.CancelledError:
                await ending
                raise

    async def _put(self, number: int, **changes: Any) -> None:
        """Write how a job is; stop it where it ended otherwise meanwhile."""
        row = self._mine[number] = self._mine[number]._replace(beat=now(), **changes)
        if number not in await self._store.write_jobs([row]) and row.state not in ENDED:
            self.stop(number)

    async def _beats(self) -> None:
        """Say that what is waiting or running here goes on, and stop what was cancelled elsewhere."""
        while True:
            await asyncio.sleep(self._beat)
            at = now()
            rows = [row._replace(beat=at) for row in self._mine.values() if row.state not in ENDED]
            if not rows:
                continue
            try:
                written = await self._store.write_jobs(rows)
            except StoreTrouble as trouble:
                _log.warning("jobs: %s", trouble)
                continue
            for row in rows:
                if row.id not in written:
                    self.stop(row.id)


def _end(task: asyncio.Task[None]) -> None:
    """Cancel it, once: a second time would break off what it does at its end, and leave its process behind."""
    if not task.cancelling():
        task.cancel()
