"""The links of profiles, in two stretches.

First those that fragments carry, by (a, b), keys (a, b); then judgements in force, by number, keys (number,).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from graph.model import JudgementKind
from graph.store.sqlite.reads.links import COLUMNS, Judged, Seen, link_views
from graph.store.sqlite.reads.profiles import part
from graph.store.sqlite.reads.trip import Trip, argument, numbers, page_of, total_wanted, without_rows
from graph.views import Connection, Edge, Key, LinkView, Page, ProfileView, Want

__all__: list[str] = []

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
SELECT m.profile, min(g.a, g.b), max(g.a, g.b), g.id, g.kind, g.at
FROM json_each(?1) p CROSS JOIN identifier m ON m.profile = p.value
CROSS JOIN judgement g ON g.id IN (
    SELECT * FROM (SELECT id FROM judgement WHERE a = m.id AND b IS NOT NULL AND {_IN_FORCE} AND id > ?2 ORDER BY id LIMIT ?3)
    UNION
    SELECT * FROM (SELECT id FROM judgement WHERE b = m.id AND a IS NOT NULL AND {_IN_FORCE} AND id > ?2 ORDER BY id LIMIT ?3)
)
"""


@part("links", empty=without_rows)
def _links(trip: Trip, views: Sequence[ProfileView], want: Want) -> Mapping[int, Connection[LinkView]]:
    """The accepted links of each profile, with `refused` also those refused at one of its members, then judgements in force."""
    page, refused = page_of(want, 1, 2), bool(argument(want, "refused", False))
    asked = numbers(view.n for view in views)
    seen = _seen(trip, asked, page, len(views), refused)
    judged = _judged(trip, asked, page.after, page.first + 1)
    lists: dict[int, list[Seen | Judged]] = {}
    for view in views:
        carried, stated = seen.get(view.n, {}), judged.get(view.n, {})
        in_order: list[Seen | Judged] = [carried[key] for key in sorted(carried)]
        in_order += [stated[key] for key in sorted(stated)]
        lists[view.n] = in_order[: page.first + 1]
    inner = [one for one in want.inner if one.field != "total_count"]
    nodes = link_views(trip, [link for links in lists.values() for link in links[: page.first]], inner)
    totals = _totals(trip, asked, refused) if total_wanted(want.inner) else {}
    answer = {}
    for n, links in lists.items():
        edges = tuple(Edge(link.key, nodes[link.key]) for link in links[: page.first])
        end = edges[-1].key if edges else page.after
        answer[n] = Connection(edges, len(links) > page.first, end, totals.get(n))
    return answer


def _seen(trip: Trip, asked: str, page: Page, profiles: int, refused: bool) -> dict[int, dict[Key, Seen]]:
    """By profile its next links that fragments carry, each once; none where the page begins among the judgements."""
    found: dict[int, dict[Key, Seen]] = {}
    if page.after is not None and len(page.after) == 1:
        return found
    a, b = page.after or (0, 0)
    most = page.first + 1
    rows = None if refused else trip.few(_ALL_ACCEPTED, most * profiles, asked, a, b)
    if rows is None:
        rows = [row for stream in _STREAMS[refused] for row in trip.rows(stream, asked, a, b, most)]
    for n, *row in rows:
        link = Seen(*row)
        found.setdefault(n, {})[link.key] = link
    return found


def _judged(trip: Trip, asked: str, after: Key | None, most: int) -> dict[int, dict[Key, Judged]]:
    """By profile its next judgements in force, each once."""
    found: dict[int, dict[Key, Judged]] = {}
    begin = after[0] if after is not None and len(after) == 1 else 0
    for n, a, b, id, kind, at in trip.rows(_JUDGED, asked, begin, most):
        link = Judged(a, b, id, JudgementKind(kind), at)
        found.setdefault(n, {})[link.key] = link
    return found


_COUNTED: Final = 10_000
"""Links of each sort of a profile that are counted; where there are more, their number is not given."""
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


def _totals(trip: Trip, asked: str, refused: bool) -> dict[int, int]:
    totals: Counter[int] = Counter()
    many: set[int] = set()
    for count in (*_COUNTS[refused], *_COUNT_JUDGED):
        for n, counted in trip.rows(count, asked, _COUNTED + 1):
            totals[n] += counted
            if counted > _COUNTED:
                many.add(n)
    return {n: total for n, total in totals.items() if n not in many}
