"""Ties fetched for searches of the social graph, those of all searches of one hop together.

However many people are asked for, a hop takes a constant number of statements. Of each identifier the strongest ties are read (with
`since` the newest interactions), the more the fewer people are asked for, so that a hop stays bounded around the best connected.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from graph.model import Instant
from graph.social.ties import Ask, Direction, Pair, Sum, Tie, Ties, merge
from graph.store.sqlite.reads.trip import Trip, numbers

__all__ = ["MOST_TIES", "TieReader"]

MOST_TIES: Final = 2_000
"""Ties of each identifier, each way, that are read at most."""
_HOP: Final = 20_000
_LEAST: Final = 50
"""What a hop reads of each identifier: 20,000 ties shared among all people asked for, MOST_TIES at most, these at least."""

# {near} is the end of a tie, or of an interaction, that the person asked for is at, {far} the other one
_TIES: Final = """
SELECT {origin}.profile, {target}.profile, t.type, sum(t.n), sum(t.weight), min(t.first), max(t.last), count(*)
FROM json_each(?1) p CROSS JOIN identifier m ON m.profile = p.value
CROSS JOIN tie t ON (t.origin, t.target, t.type) IN (
    SELECT k.origin, k.target, k.type FROM tie k {among} WHERE k.{near} = m.id {typed}
    ORDER BY k.weight DESC, k.{far} LIMIT ?2
)
JOIN identifier x ON x.id = t.{far} GROUP BY 1, 2, 3
"""
_RECENT: Final = """
SELECT {origin}.profile, {target}.profile, t.type, count(*), sum(t.weight), min(t.at), max(t.at), count(*)
FROM json_each(?1) p CROSS JOIN identifier m ON m.profile = p.value
CROSS JOIN interaction t ON t.id IN (
    SELECT k.id FROM interaction k {among} WHERE k.{near} = m.id AND k.state = 0 AND k.at >= ?5 {typed}
    ORDER BY k.at DESC, k.id LIMIT ?2
)
JOIN identifier x ON x.id = t.{far} GROUP BY 1, 2, 3
"""
_CUT: Final = """
SELECT DISTINCT m.profile FROM json_each(?1) p CROSS JOIN identifier m ON m.profile = p.value
WHERE (
    SELECT count(*) FROM (
        SELECT 1 FROM {table} k {among} WHERE k.{near} = m.id {live} {typed} LIMIT ?2 + 1
    )
) > ?2
"""
_AMONG: Final = "JOIN identifier y ON y.id = k.{far} AND y.profile IN (SELECT value FROM json_each(?4))"
_TYPED: Final = "AND k.type IN (SELECT value FROM json_each(?3))"
_LIVE: Final = "AND k.state = 0 AND k.at >= ?5"
_ENDS: Final = {
    Direction.OUT: {"near": "origin", "far": "target", "origin": "m", "target": "x"},
    Direction.IN: {"near": "target", "far": "origin", "origin": "x", "target": "m"},
}


class TieReader:
    """Fetches ties of some types (None: all) from some instant on (None: ever); of each identifier `most`, if that is said."""

    def __init__(self, trip: Trip, types: Sequence[str] | None = None, since: Instant | None = None, most: int | None = None) -> None:
        self._trip = trip
        self._types = None if types is None else json.dumps(sorted(set(types)))
        self._since = since
        self._most = most

    def answer(self, asks: Sequence[Ask]) -> list[Ties]:
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
                    self._one_way(way, chosen)
        return answers

    def _one_way(self, way: Direction, chosen: Sequence[tuple[Ask, Ties]]) -> None:
        """Fetch for several searches at once, then give each what it asked for."""
        people = dict.fromkeys(n for ask, _ in chosen for n in ask.people)
        room = self._most or min(MOST_TIES, max(_LEAST, _HOP // max(1, len(people))))
        among = None if chosen[0][0].among is None else frozenset[int]().union(*(ask.among or () for ask, _ in chosen))
        ties: dict[int, dict[Pair, Tie]] = {n: {} for n in people}
        read = dict.fromkeys(people, 0)
        for origin, target, *rest, rows in self._run(_TIES if self._since is None else _RECENT, way, people, room, among):
            near = origin if way is Direction.OUT else target
            read[near] += rows
            if origin != target and origin is not None and target is not None:
                ties[near].setdefault((origin, target), Tie()).add(Sum(origin, target, *rest))
        full = [n for n in people if read[n] >= room]
        cut = {n for (n,) in self._run(_CUT, way, full, room, among)} if full else set()
        for ask, answer in chosen:
            for n in ask.people:
                far = 1 if way is Direction.OUT else 0
                merge(answer.ties, {pair: tie for pair, tie in ties[n].items() if ask.among is None or pair[far] in ask.among})
            answer.cut.update(cut.intersection(ask.people))

    def _run(self, statement: str, way: Direction, people: Iterable[int], room: int, among: Iterable[int] | None) -> list[Any]:
        ends = _ENDS[way]
        text = statement.format(
            **ends,
            among="" if among is None else _AMONG.format(**ends),
            typed="" if self._types is None else _TYPED,
            table="tie" if self._since is None else "interaction",
            live="" if self._since is None else _LIVE,
        )
        args = (numbers(people), room, self._types, None if among is None else numbers(sorted(among)), self._since)
        return self._trip.rows(text, *args[: max(place for place in range(1, 6) if f"?{place}" in text)])
