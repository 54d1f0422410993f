"""Whether what a read has met fits together. A commit of Neo4j is not atomic for who reads meanwhile: it may show in part.

A read of several statements meets a part of a commit more often than one of a single statement. So every row that says to whom an
identifier belongs is compared with those before it, every profile with the number of its members, and where parts of a profile were read
by further statements it is looked at again at the end. What does not fit is read again (`graph.store.neo4j.reads.asking.again`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graph.store.reading.rows import Face

__all__ = ["Torn", "Watch"]


class Torn(Exception):
    """The rows of this read do not fit together; nothing of it may be answered."""


class Watch:
    """What one read has met."""

    def __init__(self) -> None:
        self.statements = 0
        self.doubts: set[Any] = set()
        """What seems to belong to nobody: rightly, or since half of a move was met; believed when it is met twice."""
        self._owners: dict[int, int | None] = {}
        self._profiles: dict[int, tuple[int, int]] = {}  # n: size, commit of the last update
        self._parted: set[int] = set()

    def belongs(self, face: Face) -> None:
        self.owned(face.id, face.profile)
        if face.profile is None:
            self.doubts.add(face.id)

    def owned(self, id: int, profile: int | None) -> None:
        """An identifier was met as one of a profile."""
        if self._owners.setdefault(id, profile) != profile:
            raise Torn

    def profile(self, n: int, size: int, updated: int, members: int) -> None:
        if size != members or self._profiles.setdefault(n, (size, updated))[0] != size:
            raise Torn

    def lives(self, n: int, size: int) -> None:
        """A profile is expected to be there, of this size where it was met before."""
        if n in self._profiles and self._profiles[n][0] != size:
            raise Torn

    def parted(self, ns: Iterable[int]) -> None:
        """Parts of these profiles are read by a statement of their own."""
        self._parted.update(ns)

    @property
    def open(self) -> list[int]:
        """The profiles to be looked at again."""
        return sorted(self._parted & self._profiles.keys()) if self.statements > 1 else []

    def fits(self, rows: Iterable[tuple[int, int, int, int]], *, strict: bool) -> bool:
        """Whether the profiles looked at again (number, size, update, members) are as they were; not `strict`: but for their facts."""
        left = set(self.open)
        for n, size, updated, members in rows:
            left.discard(n)
            before = self._profiles[n]
            if size != members or size != before[0] or (strict and updated != before[1]):
                return False
        return not left
