"""One trip to a store: where its rows come from, the rules in force, and what this trip has already seen.

Everything is read for all asked objects at once, so the number of statements depends on what is wanted, never on how many objects there
are. Reading is written once, for stores that wait for their rows and for those that do not: `at_once` ends a read of the latter.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, TypeVar

from graph.resolve.rules import Rules
from graph.store.reading.rows import Face, Rows
from graph.views import IdentifierView

__all__ = ["Trip", "at_once"]

T = TypeVar("T")


class Trip:
    """The rows and rules of one read; identifiers are fetched once however many parts show them."""

    __slots__ = ("_faces", "bridges", "plain", "rows", "rules")

    def __init__(self, rows: Rows, rules: Rules) -> None:
        self.rows = rows
        self.rules = rules
        self._faces: dict[int, Face] = {}
        self.plain: dict[int, IdentifierView] = {}
        """Identifiers as they show where none of their parts are wanted."""
        self.bridges: dict[int, frozenset[tuple[int, int]]] = {}
        """The bridges of profiles, where they have been looked for."""

    async def faces(self, ids: Iterable[int]) -> Mapping[int, Face]:
        """Identifiers by id, among them at least these; one that the store has never known is not there."""
        missing = set(ids).difference(self._faces)
        if missing:
            self.met(await self.rows.faces(missing))
        return self._faces

    def met(self, faces: Iterable[Face]) -> None:
        """Remember identifiers that other rows brought along."""
        for face in faces:
            self._faces[face.id] = face


def at_once(read: Coroutine[Any, Any, T]) -> T:
    """The answer of a read whose rows are there without waiting."""
    try:
        read.send(None)
    except StopIteration as end:
        answer: T = end.value
        return answer
    read.close()
    raise RuntimeError("rows that are there without waiting were waited for")
