"""Direct social peers: with whom a person has ties, strongest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graph.model import Instant
from graph.social.ties import Direction, Pair, Tie

__all__ = ["Peer", "peers"]


@dataclass(frozen=True, slots=True)
class Peer:
    """Somebody with ties to the person asked for; weight and counts are of both directions together."""

    n: int
    weight: float
    counts: tuple[tuple[str, int], ...]
    first: Instant
    last: Instant
    direction: Direction


def peers(person: int, ties: Mapping[Pair, Tie]) -> list[Peer]:
    """The peers of a person by weight, strongest first, among equals by number."""
    out = {target: tie for (origin, target), tie in ties.items() if origin == person}
    into = {origin: tie for (origin, target), tie in ties.items() if target == person}
    found = [_peer(n, out.get(n), into.get(n)) for n in out.keys() | into.keys()]
    return sorted(found, key=lambda peer: (-peer.weight, peer.n))


def _peer(n: int, out: Tie | None, into: Tie | None) -> Peer:
    both = [tie for tie in (out, into) if tie is not None]
    counts: dict[str, int] = {}
    for tie in both:
        for type, count in tie.counts.items():
            counts[type] = counts.get(type, 0) + count
    return Peer(
        n,
        sum(tie.weight for tie in both),
        tuple(sorted(counts.items())),
        min(tie.first for tie in both),
        max(tie.last for tie in both),
        Direction.BOTH if len(both) == 2 else Direction.OUT if out else Direction.IN,
    )
