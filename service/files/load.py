"""Files into a store: rows in batches, each acknowledged by the store before it counts as loaded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any, NamedTuple, Protocol, TypeVar

from graph.errors import BadInput, OneIDError
from graph.model import Fragment, Interaction, Judgement
from service.files.marks import Mark, Marks
from service.files.parts import Part
from service.files.row import Row, Rows

__all__ = ["Flows", "Loaded", "Refused", "Reject", "Watcher", "Written", "load"]

T = TypeVar("T")

_BATCH_BYTES = 16 << 20
_MARK_SECONDS = 0.25
_WAITS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before a batch is sent again to a store that is busy or away."""


@dataclass(slots=True)
class Loaded:
    """Counts of one part or of a whole load.

    `resumed`: an earlier run loaded the beginning, which is not counted again but for its `rejected`.
    """

    rows: int = 0
    fragments: int = 0
    judgements: int = 0
    interactions: int = 0
    unchanged: int = 0
    rejected: int = 0
    resumed: bool = False
    finished: bool = True

    def add(self, other: Loaded) -> None:
        for field in fields(self):
            name = field.name
            if name == "finished":
                self.finished = self.finished and other.finished
            elif name == "resumed":
                self.resumed = self.resumed or other.resumed
            else:
                setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was left out, and why."""

    part: Part
    place: int
    code: str
    message: str
    path: tuple[str, ...]
    text: str | None


class Flows(Protocol):
    """The three ways into a store; each returns when what it was given is durable, with the commit."""

    async def fragments(self, batch: Sequence[Fragment]) -> Written: ...

    async def judgements(self, batch: Sequence[Judgement]) -> Written: ...

    async def interactions(self, batch: Sequence[Interaction]) -> Written: ...


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch: how many were new, how many on record before, the commit, and those the store left out."""

    accepted: int
    unchanged: int
    token: int
    rejected: tuple[Refused, ...] = ()


class Refused(NamedTuple):
    """One of a batch, by its place `at` in it, that the store left out."""

    at: int
    code: str
    message: str
    path: tuple[str, ...]


class Watcher(Protocol):
    """Who is told how it goes."""

    def opened(self, part: Part, size: int | None) -> None: ...

    def moved(self, part: Part, done: int, loaded: Loaded) -> None: ...

    def rejected(self, reject: Reject) -> None: ...

    def finished(self, part: Part, loaded: Loaded) -> None: ...

    def settled(self) -> None:
        """What was told so far is about to count as done for ever: put it where it survives."""
        ...


async def load(parts: Sequence[Part], flows: Flows, marks: Marks, watcher: Watcher, *, batch: int, stop: Callable[[], bool]) -> Loaded:
    """Load the parts in order; `stop` is asked between batches and ends the load early, with everything so far acknowledged."""
    total = Loaded()
    for part in parts:
        if stop():
            total.finished = False
            break
        total.add(await _PartLoad(part, flows, marks, watcher).run(batch, stop))
    return total


class _PartLoad:
    """One part on its way in."""

    def __init__(self, part: Part, flows: Flows, marks: Marks, watcher: Watcher) -> None:
        self._part = part
        self._flows = flows
        self._marks = marks
        self._watcher = watcher
        self._loaded = Loaded()
        self._fingerprint = part.fingerprint()
        self._token = 0
        self._marked_at = time.monotonic()

    async def run(self, batch: int, stop: Callable[[], bool]) -> Loaded:
        mark = self._marks.get(self._fingerprint)
        place = mark.place if mark else 0
        if mark:
            self._loaded.resumed, self._loaded.rejected = True, mark.rejected
        try:
            rows = self._part.open()
        except BadInput as trouble:
            self._bad(1, trouble)
            return self._loaded
        try:
            await self._all(rows, place, batch, stop)
        finally:
            rows.close()
        return self._loaded

    async def _all(self, rows: Rows, place: int, batch: int, stop: Callable[[], bool]) -> None:
        self._watcher.opened(self._part, rows.size)
        stream = self._guarded(rows, place)
        while chunk := await asyncio.to_thread(_chunk, stream, rows, batch):
            await self._write(chunk)
            self._watcher.moved(self._part, rows.done(), self._loaded)
            if stop():
                self._loaded.finished = False
                self._mark(chunk[-1].place)
                return
            if time.monotonic() - self._marked_at > _MARK_SECONDS:
                self._mark(chunk[-1].place)
        self._watcher.settled()
        self._marks.forget(self._fingerprint)
        self._watcher.finished(self._part, self._loaded)

    def _guarded(self, rows: Rows, place: int) -> Iterator[Row]:
        """The rows; where the rest of a file cannot be read, that is the trouble of one last row."""
        last = place
        try:
            for row in rows.after(place):
                last = row.place
                yield row
        except BadInput as trouble:
            yield Row(last + 1, trouble=trouble)

    async def _write(self, chunk: list[Row]) -> None:
        self._loaded.rows += len(chunk)
        for row in chunk:
            if row.trouble is not None:
                self._bad(row.place, row.trouble, row.text)
        fragments = [row for row in chunk if isinstance(row.value, Fragment)]
        judgements = [row for row in chunk if isinstance(row.value, Judgement)]
        interactions = [row for row in chunk if isinstance(row.value, Interaction)]
        self._loaded.fragments += await self._send(self._flows.fragments, fragments)
        self._loaded.judgements += await self._send(self._flows.judgements, judgements)
        self._loaded.interactions += await self._send(self._flows.interactions, interactions)

    async def _send(self, flow: Callable[[Sequence[Any]], Awaitable[Written]], rows: list[Row]) -> int:
        """Hand rows of one sort to the store; how many were new comes back."""
        if not rows:
            return 0
        values = [row.value for row in rows]
        written = await _patiently(lambda: flow(values))
        self._token = max(self._token, written.token)
        self._loaded.unchanged += written.unchanged
        for at, code, message, path in written.rejected:
            self._reject(Reject(self._part, rows[at].place, code, message, path, None))
        return written.accepted

    def _bad(self, place: int, trouble: BadInput, text: str | None = None) -> None:
        self._reject(Reject(self._part, place, trouble.code, trouble.message, trouble.path, text))

    def _reject(self, reject: Reject) -> None:
        self._loaded.rejected += 1
        self._watcher.rejected(reject)

    def _mark(self, place: int) -> None:
        self._watcher.settled()
        self._marks.put(self._fingerprint, Mark(place, self._token, self._loaded.rejected))
        self._marked_at = time.monotonic()


def _chunk(stream: Iterator[Row], rows: Rows, batch: int) -> list[Row]:
    """The next rows: a batch, or fewer where they are very large."""
    start = rows.done()
    chunk: list[Row] = []
    for row in islice(stream, batch):
        chunk.append(row)
        if rows.done() - start > _BATCH_BYTES:
            break
    return chunk


async def _patiently(send: Callable[[], Awaitable[T]]) -> T:
    """Send, and again while the store says that this may help. What is sent twice is recorded once."""
    for wait in _WAITS:
        try:
            return await send()
        except OneIDError as error:
            if not error.retryable:
                raise
        await asyncio.sleep(wait)
    return await send()
