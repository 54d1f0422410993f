"""What a resolution stands on: namespaces by strength, and the place of each identifier among them.

The resolver works on whole numbers for identifiers, whatever they number: places in a list (a whole resolution) or a store's ids
(a local one). `Ground.place` gives an identifier's namespace as a position, 0 strongest; `Ground.text` breaks ties.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from graph.resolve.rules import Conflict, Rules

__all__ = ["Ground", "Lookup", "Namespaces"]

V = TypeVar("V", covariant=True)


class Lookup(Protocol[V]):
    """A list or a dict by identifier number."""

    def __getitem__(self, key: int, /) -> V: ...


class Namespaces:
    """The namespaces of one resolution, strongest first, with their rules as lists by position."""

    __slots__ = (
        "conflict",
        "limit",
        "limited",
        "max_identifiers",
        "min_score",
        "names",
        "person",
        "position",
        "shared_above",
    )

    def __init__(self, names: Iterable[str], rules: Rules) -> None:
        known = sorted((rules.namespace(name) for name in set(names)), key=lambda n: n.rank)
        self.names = tuple(n.name for n in known)
        self.position = {n.name: at for at, n in enumerate(known)}
        self.limit = [n.limit for n in known]
        self.limited = [at for at, n in enumerate(known) if n.limit is not None]
        self.shared_above = [n.shared_above for n in known]
        self.conflict: list[Conflict] = [n.conflict for n in known]
        self.min_score = [n.min_score for n in known]
        self.person = [n.person for n in known]
        self.max_identifiers = rules.max_identifiers


@dataclass(frozen=True, slots=True)
class Ground:
    """Namespaces, and of each identifier its namespace's position and its text."""

    namespaces: Namespaces
    place: Lookup[int]
    text: Lookup[str]

    def weaker_last(self, a: int, b: int) -> tuple[int, int]:
        """The ends of a link as (stronger, weaker); within one namespace the later text is the weaker."""
        place = self.place
        pa, pb = place[a], place[b]
        if pa != pb:
            return (a, b) if pa < pb else (b, a)
        return (a, b) if self.text[a] <= self.text[b] else (b, a)
