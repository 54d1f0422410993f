"""The past of an embedded store: graph.store.past.history.History, of one moment: that of a connection inside one read transaction."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import orjson

from graph.model import Identifier, Instant, RecordKey
from graph.store.past.history import Acted, Ends, Lived, Named, Opened, Said, Span, Stood, Was
from graph.store.ports import Pair
from graph.store.sqlite.reads.asking import Asking, numbers, pairs_of
from graph.store.sqlite.rereading import identifiers_of
from graph.store.sqlite.under_gate import WITHDRAWN

__all__ = ["SqliteHistory"]

_OPENED: Final = """
SELECT (SELECT value FROM meta WHERE key = 'past_from'), c.at,
    (SELECT toml FROM rules WHERE made <= c.n ORDER BY version DESC LIMIT 1)
FROM commits c WHERE c.n = ?
"""
_WAS: Final = """
SELECT i.id, n.name, i.value, i.made, iif(i.since <= ?2, i.profile, (
    SELECT iif(ended > ?2, profile, NULL) FROM membership_ended WHERE identifier = i.id AND since <= ?2 ORDER BY since DESC LIMIT 1
)), iif(f.ended IS NULL, i.flags & 1, f.shared), iif(f.ended IS NULL, i.grp, f.grp)
FROM {found} CROSS JOIN identifier i ON i.id = {id} AND i.made <= ?2 JOIN namespace n ON n.no = i.namespace
LEFT JOIN flags_ended f ON f.identifier = i.id AND f.ended = (SELECT min(ended) FROM flags_ended WHERE identifier = i.id AND ended > ?2)
"""
_IDENTIFIERS: Final = _WAS.format(found="json_each(?1) j", id="j.value")
_MEMBERS: Final = _WAS.format(
    found="""(
    SELECT m.id FROM json_each(?1) j CROSS JOIN identifier m ON m.profile = j.value AND m.since <= ?2
    UNION ALL
    SELECT m.identifier FROM json_each(?1) j CROSS JOIN membership_ended m ON m.profile = j.value AND m.ended > ?2 AND m.since <= ?2
) x""",
    id="x.id",
)
_NAMED: Final = """
SELECT i.id FROM json_each(?) j CROSS JOIN namespace n ON n.name = json_extract(j.value, '$[0]')
CROSS JOIN identifier i ON i.namespace = n.no AND i.value = json_extract(j.value, '$[1]')
"""
_ONE_IDS: Final = """
SELECT o.n, o.one_id, o.made, x.made, x.leads, iif(x.leads = o.n, NULL, (
    SELECT made FROM change WHERE n = o.n AND seq <= ?2
    AND seq > coalesce((SELECT seq FROM change WHERE n = o.n AND seq <= ?2 AND leads = n ORDER BY seq DESC LIMIT 1), 0) ORDER BY seq LIMIT 1
)) FROM json_each(?1) j CROSS JOIN one_id o ON o.{column} = j.value
CROSS JOIN change x ON x.seq = (SELECT seq FROM change WHERE n = o.n AND seq <= ?2 ORDER BY seq DESC LIMIT 1)
"""
_LED: Final = """
SELECT x.value FROM json_each(?1) j CROSS JOIN json_each((
    SELECT json_group_array(n) FROM (SELECT DISTINCT n FROM change WHERE leads = j.value AND leads <> n AND seq <= ?2 LIMIT ?3)
)) x
"""
_LIVED: Final = """
SELECT v.id, s.name, v.record, v.observed, c.at, v.score, v.ids, v.traits, v.made, v.state, v.since, v.ended, v.unlinked, v.alone, (
    SELECT json_group_array(json_array(kind, since, ended)) FROM span WHERE kind IN ('mark', 'version') AND id = v.id
), (SELECT json_group_array(json_array(ended, json(ids))) FROM ids_ended WHERE version = v.id)
FROM ({found}) x CROSS JOIN version v ON v.id = x.version AND v.made <= ?2
JOIN source s ON s.no = v.source JOIN commits c ON c.n = v.made LIMIT ?3
"""
_CARRYING: Final = _LIVED.format(
    found="""
    SELECT k.version FROM json_each(?1) j CROSS JOIN carries k ON k.identifier = j.value
    UNION SELECT k.version FROM json_each(?1) j CROSS JOIN carries_ended k ON k.identifier = j.value
"""
)
_ENDS: Final = "SELECT json_extract(value, '$[0]') AS a, json_extract(value, '$[1]') AS b FROM json_each(?1)"
_CARRYING_BOTH: Final = _LIVED.format(
    found=f"""
    SELECT x.version FROM ({_ENDS}) p CROSS JOIN carries x ON x.identifier = p.a
    CROSS JOIN carries y ON y.identifier = p.b AND y.observed = x.observed AND y.version = x.version
    UNION SELECT x.version FROM ({_ENDS}) p CROSS JOIN carries_ended x ON x.identifier = p.a
    CROSS JOIN carries_ended y ON y.identifier = p.b AND y.version = x.version
    UNION SELECT x.version FROM ({_ENDS}) p CROSS JOIN carries_ended x ON x.identifier = p.a
    CROSS JOIN version w ON w.id = x.version
    CROSS JOIN carries y ON y.identifier = p.b AND y.observed = w.observed AND y.version = x.version
    UNION SELECT x.version FROM ({_ENDS}) p CROSS JOIN carries_ended x ON x.identifier = p.b
    CROSS JOIN version w ON w.id = x.version
    CROSS JOIN carries y ON y.identifier = p.a AND y.observed = w.observed AND y.version = x.version
"""
)
_VERSIONS: Final = _LIVED.format(found="SELECT value AS version FROM json_each(?1)")
_STOOD: Final = tuple(
    f"""
SELECT l.a, l.b, {barred}, l.refused, (SELECT name FROM namespace WHERE no = l.namespace)
FROM ({_ENDS}) p CROSS JOIN {table} l ON l.a = p.a AND l.b = p.b {only} WHERE ?2
"""
    for table, barred, only in (
        ("link", "0", ""),
        ("barred", "1", ""),
        ("link_ended", "l.barred", "AND l.ended = (SELECT min(ended) FROM link_ended WHERE a = p.a AND b = p.b AND ended > ?2)"),
    )
)
"""How links stand now, and how those stood then that stand otherwise since."""
_SAID: Final = """
SELECT g.id, g.kind, g.a, g.b, g.raw, g.at, g.by, g.reason, g.with_a, g.with_b, g.made, g.since, g.ended, coalesce(
    (SELECT in_force FROM force_ended WHERE judgement = g.id AND ended > ?2 ORDER BY ended LIMIT 1), g.in_force
), (SELECT json_group_array(json_array(kind, since, ended)) FROM span WHERE kind = 'judgement' AND id = g.id), (
    SELECT json_group_array(json_array(ended, a, b, json(with_a), json(with_b))) FROM ends_ended WHERE judgement = g.id
)
FROM ({found}) x CROSS JOIN judgement g ON g.id = x.judgement AND g.made <= ?2 LIMIT ?3
"""
_SAID_OF: Final = _SAID.format(
    found="""
    SELECT k.id AS judgement FROM json_each(?1) j CROSS JOIN judgement k ON k.a = j.value AND k.ended IS NULL
    UNION SELECT k.id FROM json_each(?1) j CROSS JOIN judgement k ON k.b = j.value AND k.ended IS NULL
    UNION SELECT k.judgement FROM json_each(?1) j CROSS JOIN judgement_end k ON k.identifier = j.value
    UNION SELECT k.judgement FROM json_each(?1) j CROSS JOIN judgement_end_ended k ON k.identifier = j.value
"""
)
_SAID_AS: Final = _SAID.format(found="SELECT value AS judgement FROM json_each(?1)")
_WAYS: Final = tuple((end, state) for end in ("origin", "target") for state in ("= 0", "<> 0"))
_ACTED: Final = (
    " UNION ".join(
        f"""
SELECT k.id, s.name, k.type, k.origin, k.target, k.at, k.weight FROM json_each(?1) j
CROSS JOIN interaction k ON k.{end} = j.value AND k.state {state} JOIN source s ON s.no = k.source
WHERE k.made <= ?2 AND (k.ended IS NULL OR k.ended > ?2)
"""
        for end, state in _WAYS
    )
    + " LIMIT ?3"
)
_INTERACTED: Final = " UNION ALL ".join(
    f"""
SELECT j.value, max(iif(k.ended <= ?2, k.ended, k.made)) FROM json_each(?1) j
CROSS JOIN interaction k ON k.{end} = j.value AND k.state {state}
WHERE k.made <= ?2 AND (k.ended IS NULL OR k.ended > k.made) GROUP BY j.value
"""
    for end, state in _WAYS
)


class SqliteHistory(Asking):
    async def opened(self, commit: int) -> Opened | None:
        rows = self.rows(_OPENED, commit)
        if not rows:
            return None
        kept_from, at, rules = rows[0]
        return Opened(int(kept_from), at, self._position(commit), rules, tuple(self.rows("SELECT no, name FROM namespace")))

    def _position(self, commit: int) -> int:
        """The last position of the feed until a commit: positions and commits grow together, so it is found by halving."""
        low, high = 0, self.rows("SELECT coalesce(max(seq), 0) FROM change")[0][0]
        while low < high:
            middle = (low + high + 1) // 2
            last = self.rows("SELECT seq, made FROM change WHERE seq <= ? ORDER BY seq DESC LIMIT 1", middle)
            if not last or last[0][1] <= commit:
                low = middle
            else:
                high = last[0][0] - 1
        return int(low)

    async def times(self, commits: Collection[int]) -> list[tuple[int, Instant]]:
        return self.rows("SELECT c.n, c.at FROM json_each(?) j CROSS JOIN commits c ON c.n = j.value", numbers(commits))

    # ------------------------------------------------------------ identity

    async def named(self, identifiers: Sequence[Identifier]) -> list[int]:
        return [id for (id,) in self.rows(_NAMED, json.dumps(identifiers))]

    async def identifiers(self, ids: Collection[int], commit: int) -> list[Was]:
        return [_was(row) for row in self.rows(_IDENTIFIERS, numbers(ids), commit)]

    async def members(self, ns: Collection[int], commit: int) -> list[Was]:
        return [_was(row) for row in self.rows(_MEMBERS, numbers(ns), commit)]

    async def one_ids(self, ns: Collection[int], texts: Sequence[str], position: int) -> list[Named]:
        asked = (("n", numbers(ns)), ("one_id", json.dumps(texts)))
        return [Named(*row) for column, listed in asked for row in self.rows(_ONE_IDS.format(column=column), listed, position)]

    async def led(self, ns: Collection[int], position: int, most: int) -> list[int]:
        return [n for (n,) in self.rows(_LED, numbers(ns), position, most)]

    # ------------------------------------------------------------ evidence

    async def carrying(self, ids: Collection[int], commit: int, most: int) -> list[Lived]:
        return [_lived(row) for row in self.rows(_CARRYING, numbers(ids), commit, most)]

    async def carrying_both(self, pairs: Collection[Pair], commit: int, most: int) -> list[Lived]:
        return [_lived(row) for row in self.rows(_CARRYING_BOTH, pairs_of(pairs), commit, most)]

    async def versions(self, ids: Collection[int], commit: int) -> list[Lived]:
        return [_lived(row) for row in self.rows(_VERSIONS, numbers(ids), commit, len(ids))]

    async def stood(self, pairs: Collection[Pair], commit: int) -> list[Stood]:
        asked = pairs_of(pairs)
        found = {(a, b): Stood(a, b, bool(barred), *rest) for text in _STOOD for a, b, barred, *rest in self.rows(text, asked, commit)}
        return list(found.values())

    async def said(self, ids: Collection[int], commit: int, most: int) -> list[Said]:
        return [_said(row) for row in self.rows(_SAID_OF, numbers(ids), commit, most)]

    async def judgements(self, ids: Collection[int], commit: int) -> list[Said]:
        return [_said(row) for row in self.rows(_SAID_AS, numbers(ids), commit, len(ids))]

    async def acted(self, ids: Collection[int], commit: int, most: int) -> list[Acted]:
        return [Acted(*row) for row in self.rows(_ACTED, numbers(ids), commit, most)]

    async def interacted(self, ids: Collection[int], commit: int) -> list[tuple[int, int]]:
        return self.rows(_INTERACTED, numbers(ids), commit)


def _was(row: Sequence[Any]) -> Was:
    id, namespace, value, made, profile, shared, group = row
    return Was(id, Identifier(namespace, value), made, profile, bool(shared), group)


def _lived(row: Sequence[Any]) -> Lived:
    id, source, record, observed, recorded, score, ids, traits, made, state, since, ended, unlinked, alone, listed, carried_before = row
    before = orjson.loads(listed)
    spans = _spans([one for one in before if one[0] == "version"], made, since, ended)
    marks: list[Span] = [(since, ended) for kind, since, ended in before if kind == "mark"]
    if unlinked is not None:
        marks.append((unlinked, None))
    carried = tuple(orjson.loads(ids))
    reread = tuple((until, tuple(some)) for until, some in orjson.loads(carried_before))
    key = RecordKey(source, record)
    return Lived(id, key, observed, recorded, score, carried, traits, made, tuple(spans), tuple(marks), state == WITHDRAWN, alone, reread)


def _said(row: Sequence[Any]) -> Said:
    id, kind, a, b, raw, at, by, reason, with_a, with_b, made, since, ended, in_force, before, ends_before = row
    sent = identifiers_of(raw)
    left, right = (tuple(orjson.loads(side)) if side else () for side in (with_a, with_b))
    spans = tuple(_spans(orjson.loads(before), made, since, ended))
    reread = tuple(
        (until, Ends(a, b, tuple(with_a or ()), tuple(with_b or ()))) for until, a, b, with_a, with_b in orjson.loads(ends_before)
    )
    return Said(id, kind, a, b, sent, at, by, reason, left, right, made, spans, bool(in_force), reread)


def _spans(before: Iterable[Sequence[Any]], made: int, since: int | None, ended: int | None) -> list[Span]:
    """When something counted: the spans on record, where the first has no beginning of its own, and the last one unless it is there."""
    spans: dict[int, Span] = {begun or made: (begun or made, until) for _, begun, until in before}
    spans.setdefault(since or made, (since or made, ended))
    return list(spans.values())
