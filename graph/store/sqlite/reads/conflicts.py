"""The rows of conflicts: links refused while profiles were built, in the order of their index, and what was put off."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from graph.store.ports import NAMESPACE_SHIFT
from graph.store.reading.rows import Held, Seen, Space
from graph.store.sqlite.reads.asking import Asking, pairs_of
from graph.store.sqlite.reads.links import COLUMNS
from graph.views import Key

__all__ = ["ConflictRows"]

_DAY: Final = "k.last / 86400000000"
_AHEAD: Final = f"""
SELECT k.a, k.b, {_DAY} AS day, k.n FROM link k INDEXED BY link_refused
WHERE k.refused <> 'distinct' AND k.a >> 40 = json_extract(s.value, '$[0]') AND k.b >> 40 = json_extract(s.value, '$[1]')
"""
# three stretches of one order: the rest of the same day and count, the rest of the day, the days before
_CONFLICTING: Final = f"""
SELECT p.profile, q.profile, {COLUMNS} FROM json_each(?1) s CROSS JOIN json_each((SELECT json_group_array(json_array(a, b)) FROM (
    SELECT * FROM ({_AHEAD} AND {_DAY} = ?2 AND k.n = ?3 AND (k.a, k.b) > (?4, ?5) ORDER BY k.a, k.b LIMIT ?6)
    UNION ALL
    SELECT * FROM ({_AHEAD} AND {_DAY} = ?2 AND k.n < ?3 ORDER BY k.n DESC, k.a, k.b LIMIT ?6)
    UNION ALL
    SELECT * FROM ({_AHEAD} AND {_DAY} < ?2 ORDER BY {_DAY} DESC, k.n DESC, k.a, k.b LIMIT ?6)
    ORDER BY day DESC, n DESC, a, b LIMIT ?6
))) j CROSS JOIN link l ON l.a = json_extract(j.value, '$[0]') AND l.b = json_extract(j.value, '$[1]')
CROSS JOIN identifier p ON p.id = l.a CROSS JOIN identifier q ON q.id = l.b
"""
_BETWEEN: Final = f"""
WITH pair (p, q, near, far) AS MATERIALIZED (
    SELECT x.n, y.n, iif(x.size <= y.size, x.n, y.n), iif(x.size <= y.size, y.n, x.n) FROM json_each(?1) j
    CROSS JOIN one_id x ON x.n = json_extract(j.value, '$[0]') CROSS JOIN one_id y ON y.n = json_extract(j.value, '$[1]')
)
SELECT g.p, g.q, {COLUMNS} FROM pair g CROSS JOIN json_each((SELECT json_group_array(json_array(a, b)) FROM (
    SELECT k.a, k.b, k.refused FROM identifier m CROSS JOIN link k ON k.{{end}} = m.id WHERE m.profile = g.near LIMIT ?2
) WHERE refused <> 'distinct')) j
CROSS JOIN identifier o ON o.id = json_extract(j.value, '{{far}}') AND o.profile = g.far
CROSS JOIN link l ON l.a = json_extract(j.value, '$[0]') AND l.b = json_extract(j.value, '$[1]')
"""
_EITHER_WAY: Final = (_BETWEEN.format(end="a", far="$[1]"), _BETWEEN.format(end="b", far="$[0]"))
_POSTPONED: Final = """
SELECT x.a, x.b, x.n FROM json_each(?) j CROSS JOIN postponed x
ON x.a = json_extract(j.value, '$[0]') AND x.b = json_extract(j.value, '$[1]')
AND x.made = (SELECT max(made) FROM postponed WHERE a = x.a AND b = x.b)
"""
assert NAMESPACE_SHIFT == 40


class ConflictRows(Asking):
    async def namespaces(self) -> list[tuple[int, str]]:
        return self.rows("SELECT no, name FROM namespace")

    async def conflicting(self, spaces: Sequence[Space], after: Key, most: int) -> list[Held]:
        return [Held(p, q, Seen(*link)) for p, q, *link in self.rows(_CONFLICTING, pairs_of(spaces), *after, most)]

    async def between(self, pairs: Collection[tuple[int, int]], most: int) -> list[tuple[tuple[int, int], Seen]]:
        asked = pairs_of(pairs)
        return [((p, q), Seen(*link)) for statement in _EITHER_WAY for p, q, *link in self.rows(statement, asked, most)]

    async def postponed(self, pairs: Collection[tuple[int, int]]) -> list[tuple[int, int, int]]:
        return self.rows(_POSTPONED, pairs_of(pairs))
