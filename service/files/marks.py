"""How far each unfinished file is loaded, remembered beside the store so that a load that was killed goes on where it was.

A mark is written only after the store has acknowledged everything before it, and forgotten when its file is finished. It counts for one
store only (known by the moment its first rules came into force) and only while that store has seen the commit of the mark, so that a
store made anew or brought back from an older copy is never left with a gap. Losing the marks costs time, nothing else: loading a
record again changes nothing.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

__all__ = ["Mark", "Marks"]


@dataclass(frozen=True, slots=True)
class Mark:
    """Rows that begin at `place` or before are in the store as of commit `token`; `rejected` of them were bad."""

    place: int
    token: int
    rejected: int


class Marks:
    """The marks of one store. `path` None: nothing is remembered."""

    def __init__(self, path: Path | None, store: str, head: int) -> None:
        self._path = path
        self._store = store
        self._head = head
        self._marks = self._read()

    def get(self, fingerprint: str | None) -> Mark | None:
        """The mark of a file as far as this store has it."""
        mark = self._marks.get(fingerprint or "")
        return mark if mark and mark.token <= self._head else None

    def put(self, fingerprint: str | None, mark: Mark) -> None:
        if fingerprint:
            self._marks[fingerprint] = mark
            self._write()

    def forget(self, fingerprint: str | None) -> None:
        if fingerprint and self._marks.pop(fingerprint, None):
            self._write()

    def _read(self) -> dict[str, Mark]:
        """A file that is not there, damaged or of another store holds no marks."""
        try:
            data: Any = orjson.loads(self._path.read_bytes()) if self._path else {}
            if data.get("store") != self._store:
                return {}
            return {key: Mark(**mark) for key, mark in data["marks"].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return {}

    def _write(self) -> None:
        """The whole file or nothing, on disk before this returns. Where it cannot be written the load goes on without marks."""
        if self._path is None:
            return
        document = {"store": self._store, "marks": {key: asdict(mark) for key, mark in self._marks.items()}}
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            if not self._marks:
                self._path.unlink(missing_ok=True)
                return
            with beside.open("wb") as file:
                file.write(orjson.dumps(document))
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, self._path)
        except OSError:
            self._path = None
