"""Bridges: the accepted links and judgements whose loss parts a profile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import networkx as nx

from graph.store.sqlite.reads.trip import Trip, numbers

__all__ = ["bridges_of"]

_ACCEPTED: Final = """
SELECT l.a, l.b FROM json_each(?1) p CROSS JOIN identifier m ON m.profile = p.value
CROSS JOIN link l ON l.a = m.id AND l.refused IS NULL LIMIT ?2
"""
_MOST: Final = 200_000
_SAME: Final = """
SELECT g.a, g.b FROM json_each(?1) p CROSS JOIN identifier m ON m.profile = p.value
CROSS JOIN judgement g ON g.a = m.id AND g.b IS NOT NULL AND g.ended IS NULL AND g.in_force AND g.kind = 'same'
"""


def bridges_of(trip: Trip, members: Iterable[int]) -> set[tuple[int, int]]:
    """The pairs, smaller id first, that alone hold parts of these members' profiles together; a judgement beside a link leaves none.

    Cost grows with the accepted links of these profiles; where they are more than 200,000, none is called a bridge.
    """
    members = list(members)
    faces = trip.faces(members)
    profiles = {faces[id].profile for id in members} - {None}
    if not profiles:
        return set()
    asked = numbers(n for n in profiles if n is not None)
    accepted = trip.few(_ACCEPTED, _MOST, asked)
    if accepted is None:
        return set()
    pairs = Counter((min(pair), max(pair)) for pair in accepted + trip.rows(_SAME, asked))
    whole: nx.Graph[int] = nx.Graph()
    whole.add_edges_from(pairs)
    found_bridges: Iterable[Any] = nx.bridges(whole)  # pairs of ends, whatever its stub says
    bridges = [(min(ends), max(ends)) for ends in found_bridges]
    return {pair for pair in bridges if pairs[pair] == 1}
