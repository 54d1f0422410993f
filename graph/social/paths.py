"""Shortest paths between two people, over ties in either direction."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from graph.social.neighbourhood import Found, Node, edges_among
from graph.social.ties import Ask, Direction, Pair, Tie, Ties, merge

__all__ = ["MAX_HOPS", "MAX_VISITED", "shortest_path"]

MAX_HOPS: Final = 8
MAX_VISITED: Final = 20_000
"""People that a search may meet before it gives up."""


@dataclass(frozen=True, slots=True)
class _Way:
    """The best way from an end of the search to a person: the people on it from that end, and the weights of its steps added up."""

    people: tuple[int, ...]
    weight: float

    def better_than(self, other: _Way | None) -> bool:
        return other is None or (-self.weight, self.people) < (-other.weight, other.people)


@dataclass(slots=True)
class _Side:
    """One end's half of the search: everybody met, and the outermost of them."""

    met: dict[int, _Way]
    frontier: dict[int, _Way] = field(default_factory=dict)


def shortest_path(origin: int, target: int, max_hops: int) -> Generator[Ask, Ties, Found | None]:
    """The fewest hops from one person to another, of such ways the one whose steps weigh most, then the one through smaller numbers.

    Nodes come in order with the weight of the step that leads to them. Both ends are searched by turns, the side with fewer people
    first (cost about b^(hops/2) instead of b^hops, b peers each). None: no way within `max_hops`, or none found before 20,000 people
    were met. `truncated`: somebody on the way of the search has more ties than were looked at, so a better way may exist.
    """
    sides = [_Side({end: (way := _Way((end,), 0.0))}, {end: way}) for end in (origin, target)]
    known: dict[Pair, Tie] = {}
    cut = False
    for hops in range(min(max_hops, MAX_HOPS) + 1):
        meeting = sides[0].frontier.keys() & sides[1].frontier.keys()
        if meeting:
            people = _best(sides, meeting)
            return _found(people, known, cut)
        side = min(sides, key=lambda one: len(one.frontier))
        if hops == min(max_hops, MAX_HOPS) or not side.frontier or sum(len(one.met) for one in sides) > MAX_VISITED:
            return None
        answer = yield Ask(tuple(side.frontier), Direction.BOTH)
        cut |= bool(answer.cut)
        merge(known, answer.ties)
        _step(side, answer)
    return None


def _step(side: _Side, answer: Ties) -> None:
    """Go one hop on: to each person met for the first time by the best way there is."""
    steps: dict[Pair, float] = {}
    for (a, b), tie in answer.ties.items():
        for here, there in ((a, b), (b, a)):
            if here in side.frontier and there not in side.met:
                steps[here, there] = steps.get((here, there), 0.0) + tie.weight
    reached: dict[int, _Way] = {}
    for (here, there), weight in steps.items():
        before = side.frontier[here]
        way = _Way((*before.people, there), before.weight + weight)
        if way.better_than(reached.get(there)):
            reached[there] = way
    side.met.update(reached)
    side.frontier = reached


def _best(sides: list[_Side], meeting: set[int]) -> tuple[int, ...]:
    """Every shortest way passes through exactly one person at this distance of both ends: the best of these decides."""
    best: _Way | None = None
    for n in meeting:
        there, back = sides[0].frontier[n], sides[1].frontier[n]
        way = _Way(there.people + back.people[-2::-1], there.weight + back.weight)
        if way.better_than(best):
            best = way
    assert best is not None
    return best.people


def _found(people: tuple[int, ...], known: dict[Pair, Tie], cut: bool) -> Found:
    nodes = [Node(people[0], 0, 0.0)]
    ties: dict[Pair, Tie] = {}
    for hop, (here, there) in enumerate(pairwise(people), 1):
        both = {pair: known[pair] for pair in ((here, there), (there, here)) if pair in known}
        nodes.append(Node(there, hop, sum(tie.weight for tie in both.values())))
        ties |= both
    edges, _ = edges_among(dict.fromkeys(people), ties, 0.0, len(ties))
    return Found(tuple(nodes), edges, cut)
