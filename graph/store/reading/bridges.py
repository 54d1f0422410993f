"""Bridges: the accepted links and judgements whose loss parts a profile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import networkx as nx

from graph.store.reading.trip import Trip

__all__ = ["bridges_of"]

_MOST: Final = 200_000


async def bridges_of(trip: Trip, members: Iterable[int]) -> set[tuple[int, int]]:
    """The pairs, smaller id first, that alone hold parts of these members' profiles together; a judgement beside a link leaves none.

    Cost grows with the accepted links of these profiles; where they are more than 200,000, none is called a bridge.
    """
    members = list(members)
    faces = await trip.faces(members)
    profiles = {n for id in members if (n := faces[id].profile) is not None}
    if not profiles:
        return set()
    joined = await trip.rows.joined(profiles, _MOST)
    if joined is None:
        return set()
    pairs = Counter((min(pair), max(pair)) for pair in joined)
    whole: nx.Graph[int] = nx.Graph()
    whole.add_edges_from(pairs)
    found_bridges: Iterable[Any] = nx.bridges(whole)  # pairs of ends, whatever its stub says
    bridges = [(min(ends), max(ends)) for ends in found_bridges]
    return {pair for pair in bridges if pairs[pair] == 1}
