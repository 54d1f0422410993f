"""The rows of links: of profiles, one by one, and when and by which versions each was seen."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import orjson

from graph.model import Instant, JudgementKind
from graph.resolve.explain import RefusedLink
from graph.store.reading.rows import Judged, Seen
from graph.store.sqlite.reads.asking import Asking, numbers, numbers_of, pairs_of
from graph.views import ProfileView

__all__ = ["COLUMNS", "LinkRows"]

COLUMNS: Final = """
l.a, l.b, l.n, l.bare, l.dirty, l.first, l.last, l.score, l.refused, (SELECT name FROM namespace WHERE no = l.namespace)
"""
"""What a `Seen` is made of, of a link `l`."""
_ONE: Final = f"""
SELECT {COLUMNS} FROM json_each(?1) j CROSS JOIN {{table}} l
ON l.a = json_extract(j.value, '$[0]') AND l.b = json_extract(j.value, '$[1]')
"""
_TIMES: Final = """
SELECT json_extract(j.value, '$[0]'), json_extract(j.value, '$[1]'), min(x.observed), max(x.observed)
FROM json_each(?) j CROSS JOIN carries x CROSS JOIN carries y
WHERE x.identifier = json_extract(j.value, '$[0]')
    AND y.identifier = json_extract(j.value, '$[1]') AND y.observed = x.observed AND y.version = x.version
GROUP BY 1, 2
"""
# the fragments of a link are those of its less seen end that the other carries too
_COMMON: Final = """
WITH pair (a, b) AS (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?1)),
side (a, b, x, y) AS (
    SELECT a, b, iif(less, a, b), iif(less, b, a) FROM (
        SELECT a, b, (SELECT count(*) FROM (SELECT 1 FROM carries WHERE identifier = a LIMIT 1000))
            <= (SELECT count(*) FROM (SELECT 1 FROM carries WHERE identifier = b LIMIT 1000)) AS less
        FROM pair
    )
)
SELECT s.a, s.b, (SELECT json_group_array(json_array(observed, version)) FROM (
    SELECT k.observed, k.version FROM carries k CROSS JOIN carries o
    ON o.identifier = s.y AND o.observed = k.observed AND o.version = k.version
    WHERE k.identifier = s.x AND (k.observed, k.version) < (?2, ?3)
    ORDER BY k.observed DESC, k.version DESC LIMIT ?4
)) FROM side s
"""

# ---------------------------------------------------------------- of profiles

# by members in order of id: the links of which a member is the first end come in order of their keys
_FORWARDS: Final = """
SELECT p.value, {columns} FROM json_each(?1) p CROSS JOIN json_each((SELECT json_group_array(json_array(a, b)) FROM (
    SELECT k.a, k.b FROM identifier m CROSS JOIN {table} k ON k.a = m.id
    WHERE m.profile = p.value AND m.id >= ?2 AND (k.a > ?2 OR k.b > ?3) {kept} ORDER BY m.id, k.b LIMIT ?4
))) j CROSS JOIN {table} l ON l.a = json_extract(j.value, '$[0]') AND l.b = json_extract(j.value, '$[1]')
"""
_BACKWARDS: Final = """
SELECT p.value, {columns} FROM json_each(?1) p CROSS JOIN identifier m ON m.profile = p.value
CROSS JOIN json_each((SELECT json_group_array(a) FROM (
    SELECT k.a FROM {table} k WHERE k.b = m.id AND (k.a > ?2 OR k.a = ?2 AND k.b > ?3) {kept} ORDER BY k.a LIMIT ?4
))) j CROSS JOIN {table} l ON l.a = j.value AND l.b = m.id
"""
_ALL_ACCEPTED: Final = f"""
SELECT p.value, {COLUMNS} FROM json_each(?1) p CROSS JOIN identifier m ON m.profile = p.value AND m.id >= ?2
CROSS JOIN link l ON l.a = m.id AND (l.a > ?2 OR l.b > ?3) AND l.refused IS NULL LIMIT ?4
"""
_STREAMS: Final = {
    False: (_FORWARDS.format(columns=COLUMNS, table="link", kept="AND k.refused IS NULL"),),
    True: (
        _FORWARDS.format(columns=COLUMNS, table="link", kept=""),
        _BACKWARDS.format(columns=COLUMNS, table="link", kept="AND k.refused IS NOT NULL"),
        _FORWARDS.format(columns=COLUMNS, table="barred", kept=""),
        _BACKWARDS.format(columns=COLUMNS, table="barred", kept=""),
    ),
}
_IN_FORCE: Final = "ended IS NULL AND in_force"
_JUDGED: Final = f"""
SELECT m.profile, min(g.a, g.b), max(g.a, g.b), g.id, g.kind, g.at, g.in_force
FROM json_each(?1) p CROSS JOIN identifier m ON m.profile = p.value
CROSS JOIN judgement g ON g.id IN (
    SELECT * FROM (SELECT id FROM judgement WHERE a = m.id AND b IS NOT NULL AND {_IN_FORCE} AND id > ?2 ORDER BY id LIMIT ?3)
    UNION
    SELECT * FROM (SELECT id FROM judgement WHERE b = m.id AND a IS NOT NULL AND {_IN_FORCE} AND id > ?2 ORDER BY id LIMIT ?3)
)
"""
_ONE_JUDGED: Final = """
SELECT min(g.a, g.b), max(g.a, g.b), g.id, g.kind, g.at, g.in_force FROM json_each(?) j CROSS JOIN judgement g ON g.id = j.value
WHERE g.a IS NOT NULL AND g.b IS NOT NULL AND g.ended IS NULL
"""
_COUNT: Final = """
SELECT p.value, (SELECT count(*) FROM (
    SELECT 1 FROM identifier m CROSS JOIN {table} k ON k.{end} = m.id {far} WHERE m.profile = p.value {kept} LIMIT ?2
)) FROM json_each(?1) p
"""
_ELSEWHERE: Final = "JOIN identifier o ON o.id = k.{far} AND o.profile IS NOT m.profile"
_BINDING: Final = "AND k.a IS NOT NULL AND k.b IS NOT NULL AND k.ended IS NULL AND k.in_force"
_OF_A: Final = {"end": "a", "far": ""}
_OF_B: Final = {"end": "b", "far": _ELSEWHERE.format(far="a")}
_COUNTS: Final = {
    False: (_COUNT.format(table="link", kept="AND k.refused IS NULL", **_OF_A),),
    True: (
        _COUNT.format(table="link", kept="", **_OF_A),
        _COUNT.format(table="link", kept="AND k.refused IS NOT NULL", **_OF_B),
        _COUNT.format(table="barred", kept="", **_OF_A),
        _COUNT.format(table="barred", kept="", **_OF_B),
    ),
}
_COUNT_JUDGED: Final = (
    _COUNT.format(table="judgement", kept=_BINDING, **_OF_A),
    _COUNT.format(table="judgement", kept=_BINDING, **_OF_B),
)
_ACCEPTED: Final = """
SELECT l.a, l.b FROM json_each(?1) p CROSS JOIN identifier m ON m.profile = p.value
CROSS JOIN link l ON l.a = m.id AND l.refused IS NULL LIMIT ?2
"""
_SAME: Final = """
SELECT g.a, g.b FROM json_each(?1) p CROSS JOIN identifier m ON m.profile = p.value
CROSS JOIN judgement g ON g.a = m.id AND g.b IS NOT NULL AND g.ended IS NULL AND g.in_force AND g.kind = 'same'
"""
_REFUSED_AT: Final = tuple(
    f"""
SELECT p.value, o.profile, k.a, k.b FROM json_each(?1) p CROSS JOIN identifier m ON m.profile = p.value
CROSS JOIN {table} k ON k.{end} = m.id AND k.refused IS NOT NULL CROSS JOIN identifier o ON o.id = k.{far} LIMIT ?2
"""
    for table in ("link", "barred")
    for end, far in ("ab", "ba")
)
_JUDGED_AT: Final = tuple(
    f"""
SELECT g.a, g.b, g.id, g.kind, g.at, g.in_force, g.with_a, g.with_b
FROM json_each(?1) p CROSS JOIN identifier m ON m.profile = p.value
CROSS JOIN {naming} AND g.ended IS NULL WHERE g.a IS NOT NULL AND g.b IS NOT NULL LIMIT ?2
"""
    for naming in (
        "judgement g ON g.a = m.id",
        "judgement g ON g.b = m.id",
        "judgement_end e ON e.identifier = m.id CROSS JOIN judgement g ON g.id = e.judgement",
    )
)


class LinkRows(Asking):
    async def links(self, pairs: Collection[tuple[int, int]]) -> list[Seen]:
        asked = pairs_of(pairs)
        return [Seen(*row) for table in ("link", "barred") for row in self.rows(_ONE.format(table=table), asked)]

    async def judged(self, ids: Collection[int]) -> list[Judged]:
        return [_judged(row) for row in self.rows(_ONE_JUDGED, numbers(ids))]

    async def links_of(self, views: Sequence[ProfileView], after: tuple[int, int], most: int, *, refused: bool) -> list[tuple[int, Seen]]:
        asked = numbers_of(views)
        rows = None if refused else self.few(_ALL_ACCEPTED, most * len(views), asked, *after)
        if rows is None:
            rows = [row for stream in _STREAMS[refused] for row in self.rows(stream, asked, *after, most)]
        return [(n, Seen(*row)) for n, *row in rows]

    async def judged_of(self, views: Sequence[ProfileView], after: int, most: int) -> list[tuple[int, Judged]]:
        rows = self.rows(_JUDGED, numbers_of(views), after, most)
        return [(n, _judged(row)) for n, *row in rows]

    async def count_links(self, views: Sequence[ProfileView], most: int, *, refused: bool) -> list[tuple[int, int]]:
        asked = numbers_of(views)
        return [row for count in (*_COUNTS[refused], *_COUNT_JUDGED) for row in self.rows(count, asked, most + 1)]

    async def times_of(self, pairs: Collection[tuple[int, int]]) -> list[tuple[int, int, Instant, Instant]]:
        return self.rows(_TIMES, pairs_of(pairs))

    async def common(
        self, pairs: Collection[tuple[int, int]], before: tuple[Instant, int], most: int
    ) -> list[tuple[int, int, Instant, int]]:
        rows = self.rows(_COMMON, pairs_of(pairs), *before, most)
        return [(a, b, observed, version) for a, b, held in rows for observed, version in orjson.loads(held)]

    async def joined(self, ns: Collection[int], most: int) -> list[tuple[int, int]] | None:
        asked = numbers(ns)
        accepted = self.few(_ACCEPTED, most, asked)
        return None if accepted is None else accepted + self.rows(_SAME, asked)

    async def refused_at(self, ns: Collection[int], most: int) -> list[RefusedLink]:
        return [RefusedLink(n, far, (a, b)) for n, far, a, b in self._first(_REFUSED_AT, ns, most)]

    async def judged_at(self, ns: Collection[int], most: int) -> list[Judged]:
        found = []
        for a, b, *rest, with_a, with_b in self._first(_JUDGED_AT, ns, most):
            sides = ((a, *orjson.loads(with_a or "[]")), (b, *orjson.loads(with_b or "[]")))
            found.append(_judged((min(a, b), max(a, b), *rest))._replace(sides=sides))
        return found

    def _first(self, statements: Sequence[str], ns: Collection[int], most: int) -> list[Any]:
        """The first rows that these statements give together."""
        asked = numbers(ns)
        found: list[Any] = []
        for statement in statements:
            found += self.rows(statement, asked, most - len(found))
        return found


def _judged(row: Sequence[Any]) -> Judged:
    a, b, id, kind, at, in_force = row
    return Judged(a, b, id, JudgementKind(kind), at, bool(in_force))
