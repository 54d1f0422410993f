"""Ties between people: interactions between identifiers, contracted by the profiles that hold these.

An interaction on a shared identifier belongs to its SHARED profile, which takes part like any other. What happens inside one person
is no tie.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from graph.model import Instant

__all__ = ["Ask", "Direction", "Pair", "Sum", "Tie", "Ties", "contract", "merge"]

Pair: TypeAlias = tuple[int, int]
"""Who acts and who is acted upon."""


class Direction(StrEnum):
    """Which interactions are followed from a person: those of others with them, theirs with others, or either."""

    IN = "in"
    OUT = "out"
    BOTH = "both"


class Sum(NamedTuple):
    """Interactions of one type from one end to another, summed; the ends are identifiers or people."""

    origin: int
    target: int
    type: str
    times: int
    weight: float
    first: Instant
    last: Instant


@dataclass(slots=True)
class Tie:
    """All interactions of one person with another, in one direction."""

    weight: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    first: Instant = 0
    last: Instant = 0

    def add(self, one: Sum) -> None:
        self.first = min(self.first, one.first) if self.counts else one.first
        self.last = max(self.last, one.last) if self.counts else one.last
        self.weight += one.weight
        self.counts[one.type] = self.counts.get(one.type, 0) + one.times


class Ask(NamedTuple):
    """Whose ties a search needs next, in which direction; `among`: those with these people are enough (None: with anybody)."""

    people: tuple[int, ...]
    direction: Direction
    among: frozenset[int] | None = None


class Ties(NamedTuple):
    """The answer; `cut` are those asked for who have more ties than are here, which are then their strongest."""

    ties: dict[Pair, Tie]
    cut: set[int]


def contract(sums: Iterable[Sum], person_of: Mapping[int, int]) -> dict[Pair, Tie]:
    """Ties between people from sums between identifiers; those inside one person vanish, unknown identifiers are nobody."""
    ties: dict[Pair, Tie] = {}
    for one in sums:
        origin, target = person_of.get(one.origin), person_of.get(one.target)
        if origin is not None and target is not None and origin != target:
            ties.setdefault((origin, target), Tie()).add(one)
    return ties


def merge(known: dict[Pair, Tie], more: Mapping[Pair, Tie]) -> None:
    """Take ties in; one that is known already was seen from its other end, and where either sight was cut the fuller one stays."""
    for pair, tie in more.items():
        before = known.get(pair)
        if before is None or (sum(tie.counts.values()), tie.weight) > (sum(before.counts.values()), before.weight):
            known[pair] = tie
