"""The social neighbourhood of a person: everybody within some hops, strongest first, bounded."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Final

from graph.social.ties import Ask, Direction, Pair, Tie, Ties, merge

__all__ = ["EDGES_PER_NODE", "MAX_DEPTH", "MAX_NODES", "Found", "Node", "edges_among", "neighbourhood"]

MAX_DEPTH: Final = 3
MAX_NODES: Final = 1_000
EDGES_PER_NODE: Final = 10
"""Edges of a neighbourhood for each node it may have."""


@dataclass(frozen=True, slots=True)
class Node:
    """A person, how many hops away, and how strongly: the weights of its ties with the hop before, added up; 0 for the centre."""

    n: int
    depth: int
    strength: float


@dataclass(frozen=True, slots=True)
class Found:
    """People, nearest and strongest first, and the ties between them, strongest first; `truncated`: there is more."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[Pair, Tie], ...]
    truncated: bool


def neighbourhood(
    centre: int,
    *,
    depth: int = 1,
    direction: Direction = Direction.BOTH,
    min_weight: float = 0.0,
    max_nodes: int = 200,
) -> Generator[Ask, Ties, Found]:
    """Everybody within `depth` hops of the centre, and every tie between them.

    Each hop keeps its strongest people while there is room, among equals the smaller numbers; only from these it goes on. `direction`
    says which ties lead from hop to hop. A tie lighter than `min_weight` leads nowhere and is not shown.
    """
    reached = {centre: Node(centre, 0, 0.0)}
    known: dict[Pair, Tie] = {}
    frontier: tuple[int, ...] = (centre,)
    truncated = False
    for hop in range(1, min(depth, MAX_DEPTH) + 1):
        answer = yield Ask(frontier, direction)
        truncated |= bool(answer.cut)
        merge(known, answer.ties)
        strengths = _strengths(answer.ties, set(frontier), reached, direction, min_weight)
        order = sorted(strengths, key=lambda n: (-strengths[n], n))
        frontier = tuple(order[: max(0, min(max_nodes, MAX_NODES) - len(reached))])
        truncated |= len(frontier) < len(order)
        reached.update((n, Node(n, hop, strengths[n])) for n in frontier)
        if not frontier:
            break
    if frontier:
        answer = yield Ask(frontier, Direction.IN if direction is Direction.IN else Direction.OUT, frozenset(reached))
        truncated |= bool(answer.cut)
        merge(known, answer.ties)
    edges, more = edges_among(reached, known, min_weight, EDGES_PER_NODE * min(max_nodes, MAX_NODES))
    return Found(tuple(reached.values()), edges, truncated or more)


def _strengths(
    ties: Mapping[Pair, Tie], frontier: set[int], reached: Mapping[int, Node], direction: Direction, min_weight: float
) -> dict[int, float]:
    """By person met for the first time the weights of the ties that lead there from the frontier."""
    strengths: dict[int, float] = {}
    for (origin, target), tie in ties.items():
        if tie.weight < min_weight:
            continue
        if direction is not Direction.IN and origin in frontier and target not in reached:
            strengths[target] = strengths.get(target, 0.0) + tie.weight
        if direction is not Direction.OUT and target in frontier and origin not in reached:
            strengths[origin] = strengths.get(origin, 0.0) + tie.weight
    return strengths


def edges_among(
    people: Mapping[int, object], ties: Mapping[Pair, Tie], min_weight: float, most: int
) -> tuple[tuple[tuple[Pair, Tie], ...], bool]:
    """The ties between these people, strongest first, at most `most`; and whether there are more."""
    kept = [(pair, tie) for pair, tie in ties.items() if tie.weight >= min_weight and pair[0] in people and pair[1] in people]
    kept.sort(key=lambda one: (-one[1].weight, one[0]))
    return tuple(kept[:most]), len(kept) > most
