"""The rules in force, as one process knows them: those it saw last, and documents that it has read, by version.

Rules are equal only as one object, so each version is parsed once here, and everybody gets that object.
"""

from __future__ import annotations

from threading import Lock
from typing import Final, NamedTuple

from graph.errors import BadRules, StoreTrouble
from graph.resolve.rules import Rules

__all__ = ["InForce", "Ruled"]

_KEPT: Final = 4
"""Versions kept at hand: the last one, and earlier ones for reads that are still under way."""


class Ruled(NamedTuple):
    """Rules and their version; 0: none are on record yet."""

    version: int
    rules: Rules


class InForce:
    """`last` only ever moves to later versions. What a step writes comes here when it is committed, so nothing here can be undone. Threads
    may share it."""

    def __init__(self, last: Ruled) -> None:
        self.last = last
        self._lock = Lock()
        self._kept = {last.version: last}

    def find(self, version: int) -> Ruled | None:
        """A version whose document was read before; the last one seen from now on, if it is newer."""
        last = self.last
        if version == last.version:
            return last
        found = self._kept.get(version)
        return None if found is None else self.see(found)

    def read(self, version: int, toml: str) -> Ruled:
        """A version with its document as the store has it; the last one seen from now on, if it is newer. StoreTrouble where it cannot be
        applied: a newer program may have written it."""
        try:
            return self.see(Ruled(version, Rules.parse(toml)))
        except BadRules as bad:
            raise StoreTrouble(f"version {version} of the rules in force cannot be read here; run the oneid that wrote them") from bad

    def see(self, ruled: Ruled) -> Ruled:
        """These rules are on record; what comes back is the one object of their version."""
        with self._lock:
            ruled = self._kept.setdefault(ruled.version, ruled)
            if ruled.version > self.last.version:
                self.last = ruled
            for version in sorted(self._kept)[:-_KEPT]:
                del self._kept[version]
            return ruled
