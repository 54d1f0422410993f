"""The rows of ties between people."""

from __future__ import annotations

import json
from typing import Any, Final

from graph.social.ties import Direction
from graph.store.reading.rows import Row, TieAsk
from graph.store.sqlite.reads.asking import Asking, numbers

__all__ = ["TieRows"]

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


class TieRows(Asking):
    async def every_tie(self, ask: TieAsk, most: int) -> list[Row]:
        return self._ties(_SUMS.replace("{ties}", _EVERY), ask, most)

    async def strongest_ties(self, ask: TieAsk, most: int) -> list[Row]:
        return self._ties(_SUMS.replace("{ties}", _STRONGEST), ask, most)

    async def cut_ties(self, ask: TieAsk, most: int) -> list[int]:
        return [n for (n,) in self._ties(_CUT, ask, most)]

    def _ties(self, statement: str, ask: TieAsk, most: int) -> list[Any]:
        table = "tie" if ask.since is None else "interaction"
        text = statement.format(
            **_ENDS[ask.way],
            **_TABLES[table],
            table=table,
            among="" if ask.among is None else _AMONG.format(**_ENDS[ask.way]),
            typed="" if ask.types is None else _TYPED,
        )
        types = None if ask.types is None else json.dumps(ask.types)
        args = (numbers(ask.people), most, types, None if ask.among is None else numbers(sorted(ask.among)), ask.since)
        return self.rows(text, *args[: max(place for place in range(1, 6) if f"?{place}" in text)])
