"""Ties fetched for searches of the social graph, those of all searches of one hop together.

However many people are asked for, a hop takes a constant number of statements. Where they have more than 10,000 ties together, the
strongest of each identifier are read (with `since` the newest interactions), the more the fewer people are asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from graph.model import Instant
from graph.social.ties import Ask, Direction, Pair, Sum, Tie, Ties, merge
from graph.store.sqlite.reads.trip import Trip, numbers

__all__ = ["ALL_TIES", "LEAST_TIES", "MOST_TIES", "TieReader"]

ALL_TIES: Final = 10_000
"""Where all people asked for have no more ties together, each way, all of these are read."""
MOST_TIES: Final = 2_000
LEAST_TIES: Final = 50
"""What else is read of each identifier, each way: ALL_TIES shared among the people asked for, but from LEAST_TIES to MOST_TIES."""

# {near} is the end of a tie, or of an interaction, that the person asked for is at, {far} the other one; {ties} are those to sum up
_SUMS: Final = """
SELECT {origin}.profile, {target}.profile, t.type, sum(t.n), sum(t.weight), min(t.first), max(t.last), count(*)
FROM ({ties}) t CROSS JOIN identifier m ON m.id = t.{near} CROSS JOIN identifier x ON x.id = t.{far} GROUP BY 1, 2, 3
"""
_EVERY: Final = """
SELECT {columns} FROM json_each(?1) p CROSS JOIN identifier i ON i.profile = p.value
CROSS JOIN {table} k ON k.{near} = i.id {live} {typed} {among} LIMIT ?2
"""
_STRONGEST: Final = """
SELECT {columns} FROM json_each(?1) p CROSS JOIN identifier i ON i.profile = p.value
CROSS JOIN json_each((SELECT json_group_array({key}) FROM (
    SELECT k.* FROM {table} k {among} WHERE k.{near} = i.id {live} {typed} ORDER BY {order}, k.{far} LIMIT ?2
))) j CROSS JOIN {table} k ON {same}
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
_TABLES: Final = {
    "tie": {
        "columns": "k.origin, k.target, k.type, k.n, k.weight, k.first, k.last",
        "key": "json_array(origin, target, type)",
        "same": "k.origin = json_extract(j.value, '$[0]') AND k.target = json_extract(j.value, '$[1]')"
        " AND k.type = json_extract(j.value, '$[2]')",
        "order": "k.weight DESC",
        "live": "",
    },
    "interaction": {
        "columns": "k.origin, k.target, k.type, 1 AS n, k.weight, k.at AS first, k.at AS last",
        "key": "id",
        "same": "k.id = j.value",
        "order": "k.at DESC",
        "live": "AND k.state = 0 AND k.at >= ?5",
    },
}
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
        room = self._most or min(MOST_TIES, max(LEAST_TIES, ALL_TIES // max(1, len(people))))
        among = None if chosen[0][0].among is None else frozenset[int]().union(*(ask.among or () for ask, _ in chosen))
        rows = self._sums(_EVERY, way, people, ALL_TIES + 1, among)
        cut: set[int] = set()
        if sum(row[-1] for row in rows) > ALL_TIES:
            rows = self._sums(_STRONGEST, way, people, room, among)
            cut = {n for (n,) in self._run(_CUT, way, people, room, among)}
        ties: dict[int, dict[Pair, Tie]] = {n: {} for n in people}
        for origin, target, *rest, _ in rows:
            if origin != target and origin is not None and target is not None:
                near = origin if way is Direction.OUT else target
                ties[near].setdefault((origin, target), Tie()).add(Sum(origin, target, *rest))
        for ask, answer in chosen:
            for n in ask.people:
                merge(answer.ties, ties[n])
            answer.cut.update(cut.intersection(ask.people))

    def _sums(self, ties: str, way: Direction, people: Iterable[int], room: int, among: Iterable[int] | None) -> list[Any]:
        return self._run(_SUMS.replace("{ties}", ties), way, people, room, among)

    def _run(self, statement: str, way: Direction, people: Iterable[int], room: int, among: Iterable[int] | None) -> list[Any]:
        table = "tie" if self._since is None else "interaction"
        text = statement.format(
            **_ENDS[way],
            **_TABLES[table],
            table=table,
            among="" if among is None else _AMONG.format(**_ENDS[way]),
            typed="" if self._types is None else _TYPED,
        )
        args = (numbers(people), room, self._types, None if among is None else numbers(sorted(among)), self._since)
        return self._trip.rows(text, *args[: max(place for place in range(1, 6) if f"?{place}" in text)])
