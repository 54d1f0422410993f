"""Bridges: the accepted links and judgements whose loss parts a profile."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from graph.resolve.explain import bridges
from graph.store.reading.trip import Trip

__all__ = ["MOST_JOINING", "bridges_of"]

MOST_JOINING: Final = 500_000
"""Accepted links that are looked through; all that 1,000 identifiers can have among themselves."""


async def bridges_of(trip: Trip, members: Iterable[int]) -> set[tuple[int, int]]:
    """The pairs, smaller id first, that alone hold parts of these members' profiles together; a judgement beside a link leaves none.

    Cost grows with the accepted links of these profiles; where they are more than 500,000, none is called a bridge.
    """
    members = list(members)
    faces = await trip.faces(members)
    profiles = {n for id in members if (n := faces[id].profile) is not None}
    known = {pair for n in profiles & trip.bridges.keys() for pair in trip.bridges[n]}
    left = profiles - trip.bridges.keys()
    joined = await trip.rows.joined(left, MOST_JOINING) if left else None
    return known | bridges((min(pair), max(pair)) for pair in joined or () if pair[0] != pair[1])
