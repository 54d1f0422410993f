"""Ties fetched for searches of the social graph, those of all searches of one hop together.

However many people are asked for, a hop takes a constant number of statements. Where they have more than 10,000 ties together, the
strongest of each identifier are read (with `since` the newest interactions), the more the fewer people are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from graph.model import Instant
from graph.social.ties import Ask, Direction, Pair, Sum, Tie, Ties, merge
from graph.store.reading.rows import Rows, TieAsk

__all__ = ["ALL_TIES", "LEAST_TIES", "MOST_TIES", "TieReader"]

ALL_TIES: Final = 10_000
"""Where all people asked for have no more ties together, each way, all of these are read."""
MOST_TIES: Final = 2_000
LEAST_TIES: Final = 50
"""What else is read of each identifier, each way: ALL_TIES shared among the people asked for, but from LEAST_TIES to MOST_TIES."""


class TieReader:
    """Fetches ties of some types (None: all) from some instant on (None: ever); of each identifier `most`, if that is said."""

    def __init__(self, rows: Rows, types: Sequence[str] | None = None, since: Instant | None = None, most: int | None = None) -> None:
        self._rows = rows
        self._types = None if types is None else tuple(sorted(set(types)))
        self._since = since
        self._most = most

    async def answer(self, asks: Sequence[Ask]) -> list[Ties]:
        """The ties asked for by each search."""
        answers = [Ties({}, set()) for _ in asks]
        for way in (Direction.OUT, Direction.IN):
            for restricted in (False, True):
                chosen = [
                    (ask, answer)
                    for ask, answer in zip(asks, answers, strict=True)
                    if ask.direction in (way, Direction.BOTH) and (ask.among is not None) is restricted
                ]
                if chosen:
                    await self._one_way(way, chosen)
        return answers

    async def _one_way(self, way: Direction, chosen: Sequence[tuple[Ask, Ties]]) -> None:
        """Fetch for several searches at once, then give each what it asked for."""
        people = tuple(dict.fromkeys(n for ask, _ in chosen for n in ask.people))
        among = None if chosen[0][0].among is None else frozenset[int]().union(*(ask.among or () for ask, _ in chosen))
        ask = TieAsk(people, way, self._types, self._since, among)
        rows = await self._rows.every_tie(ask, ALL_TIES + 1)
        cut: set[int] = set()
        if sum(row[-1] for row in rows) > ALL_TIES:
            room = self._most or min(MOST_TIES, max(LEAST_TIES, ALL_TIES // max(1, len(people))))
            rows = await self._rows.strongest_ties(ask, room)
            cut = set(await self._rows.cut_ties(ask, room))
        ties: dict[int, dict[Pair, Tie]] = {n: {} for n in people}
        for origin, target, *rest, _ in rows:
            if origin != target and origin is not None and target is not None:
                near = origin if way is Direction.OUT else target
                ties[near].setdefault((origin, target), Tie()).add(Sum(origin, target, *rest))
        for one, answer in chosen:
            for n in one.people:
                merge(answer.ties, ties[n])
            answer.cut.update(cut.intersection(one.people))
