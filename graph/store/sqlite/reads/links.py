"""Links: of profiles, each with its ends, its fragments, and whether its profile hangs on it.

A list of links has two stretches: those that fragments carry, by (a, b), keys (a, b), then judgements in force, by number, keys (number,).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import networkx as nx
import orjson

from graph.model import Instant, JudgementKind, Refusal, Rule
from graph.store.sqlite.reads.fragments import fragment_views
from graph.store.sqlite.reads.identifiers import identifier_views
from graph.store.sqlite.reads.profiles import part
from graph.store.sqlite.reads.trip import (
    LAST,
    Trip,
    argument,
    connection,
    inner_of,
    merged,
    numbers,
    page_of,
    total_wanted,
    without_rows,
)
from graph.views import Connection, Edge, FragmentView, Key, LinkView, Page, ProfileView, Want

__all__ = ["judged_links", "link_views", "seen_links"]


class Seen(NamedTuple):
    """A row of `link` or `barred`; `first` None where no fragment carries it cleanly."""

    a: int
    b: int
    n: int
    bare: int
    dirty: int
    first: Instant | None
    last: Instant | None
    score: float | None
    refused: str | None
    namespace: str | None

    @property
    def key(self) -> Key:
        return (self.a, self.b)

    @property
    def accepted(self) -> bool:
        return self.refused is None

    @property
    def judgement(self) -> int | None:
        return None


class Judged(NamedTuple):
    """A judgement in force as a link, a < b."""

    a: int
    b: int
    judgement: int
    kind: JudgementKind
    at: Instant

    @property
    def key(self) -> Key:
        return (self.judgement,)

    @property
    def accepted(self) -> bool:
        return self.kind is JudgementKind.SAME


_COLUMNS: Final = """
l.a, l.b, l.n, l.bare, l.dirty, l.first, l.last, l.score, l.refused, (SELECT name FROM namespace WHERE no = l.namespace)
"""

# ---------------------------------------------------------------- views


def link_views(trip: Trip, found: Sequence[Seen | Judged], want: Sequence[Want]) -> dict[Key, LinkView]:
    """Links by their keys, with their parts."""
    a = identifier_views(trip, (link.a for link in found), inner_of(want, "a"))
    b = identifier_views(trip, (link.b for link in found), inner_of(want, "b"))
    parts: dict[Key, dict[Any, Any]] = {link.key: {} for link in found}
    for one in merged(want):
        if one.field == "fragments":
            pages = _fragments_of(trip, found, one)
            for key, own in parts.items():
                own[one.key] = pages[key]
        elif one.field == "bridge":
            bridges = _bridges(trip, found)
            for link in found:
                parts[link.key][one.key] = link.accepted and (link.a, link.b) in bridges
        elif one.field not in ("a", "b"):
            raise KeyError(one.field)
    times = _contradictory_times(trip, [link for link in found if isinstance(link, Seen) and link.first is None])
    views = {}
    for link in found:
        ends = (a[link.a], b[link.b])
        if isinstance(link, Judged):
            views[link.key] = LinkView(*ends, link.kind, link.at, link.at, 0, None, None, parts[link.key], link.judgement)
            continue
        first, last = times.get(link.key, (0, 0)) if link.first is None or link.last is None else (link.first, link.last)
        score = None if link.bare else link.score
        refused = None if link.refused is None else Refusal(Rule(link.refused), link.namespace)
        views[link.key] = LinkView(*ends, "observed", first, last, link.n + link.dirty, score, refused, parts[link.key])
    return views


_TIMES: Final = """
SELECT json_extract(j.value, '$[0]'), json_extract(j.value, '$[1]'), min(x.observed), max(x.observed)
FROM json_each(?) j CROSS JOIN carries x CROSS JOIN carries y
WHERE x.identifier = json_extract(j.value, '$[0]')
    AND y.identifier = json_extract(j.value, '$[1]') AND y.observed = x.observed AND y.version = x.version
GROUP BY 1, 2
"""


def _contradictory_times(trip: Trip, found: Sequence[Seen]) -> dict[Key, tuple[Instant, Instant]]:
    """When links were seen that only self-contradicting fragments carry; these count for nothing, so the link keeps no times."""
    if not found:
        return {}
    rows = trip.rows(_TIMES, f"[{','.join(f'[{link.a},{link.b}]' for link in found)}]")
    return {(a, b): (first, last) for a, b, first, last in rows}


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


def _fragments_of(trip: Trip, found: Iterable[Seen | Judged], want: Want) -> dict[Key, Connection[FragmentView]]:
    """The active fragments that carry both ends, newest first, keys (observed, version number); a judgement has none."""
    page = page_of(want, 2)
    links = {link.key: link for link in found}
    seen = [key for key, link in links.items() if isinstance(link, Seen)]
    observed, version = page.after or (LAST, LAST)
    met: dict[Key, list[Key]] = {key: [] for key in links}
    for a, b, held in trip.rows(_COMMON, f"[{','.join(f'[{a},{b}]' for a, b in seen)}]", observed, version, page.first + 1):
        met[(a, b)] = sorted((tuple(key) for key in orjson.loads(held)), reverse=True)
    inner = [one for one in want.inner if one.field != "total_count"]
    nodes = fragment_views(trip, {key[1] for keys in met.values() for key in keys}, inner)
    counts = {key: link.n + link.dirty if isinstance(link, Seen) else 0 for key, link in links.items()}
    total = total_wanted(want.inner)
    return {
        key: connection(page, [Edge(one, nodes[one[1]]) for one in keys], total=counts[key] if total else None) for key, keys in met.items()
    }


# ---------------------------------------------------------------- bridges

_ACCEPTED: Final = """
SELECT l.a, l.b FROM json_each(?1) p CROSS JOIN identifier m ON m.profile = p.value
CROSS JOIN link l ON l.a = m.id AND l.refused IS NULL LIMIT 200000
"""
_SAME: Final = """
SELECT g.a, g.b FROM json_each(?1) p CROSS JOIN identifier m ON m.profile = p.value
CROSS JOIN judgement g ON g.a = m.id AND g.b IS NOT NULL AND g.ended IS NULL AND g.in_force AND g.kind = 'same'
"""


def _bridges(trip: Trip, found: Iterable[Seen | Judged]) -> set[Key]:
    """The pairs whose one link or judgement, when lost, parts the profile; cost grows with all accepted links of these profiles.

    Where there are more than 200,000 of them, a link that hangs on those not read counts as none.
    """
    faces = trip.faces(link.a for link in found if link.accepted)
    profiles = {faces[link.a].profile for link in found if link.accepted} - {None}
    if not profiles:
        return set()
    asked = numbers(n for n in profiles if n is not None)
    pairs = Counter((min(pair), max(pair)) for pair in trip.rows(_ACCEPTED, asked) + trip.rows(_SAME, asked))
    whole: nx.Graph[int] = nx.Graph()
    whole.add_edges_from(pairs)
    found_bridges: Iterable[Any] = nx.bridges(whole)  # pairs of ends, whatever its stub says
    bridges = [(min(ends), max(ends)) for ends in found_bridges]
    return {pair for pair in bridges if pairs[pair] == 1}


# ---------------------------------------------------------------- the links of profiles

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
SELECT p.value, {_COLUMNS} FROM json_each(?1) p CROSS JOIN identifier m ON m.profile = p.value AND m.id >= ?2
CROSS JOIN link l ON l.a = m.id AND (l.a > ?2 OR l.b > ?3) AND l.refused IS NULL LIMIT ?4
"""
_STREAMS: Final = {
    False: (_FORWARDS.format(columns=_COLUMNS, table="link", kept="AND k.refused IS NULL"),),
    True: (
        _FORWARDS.format(columns=_COLUMNS, table="link", kept=""),
        _BACKWARDS.format(columns=_COLUMNS, table="link", kept="AND k.refused IS NOT NULL"),
        _FORWARDS.format(columns=_COLUMNS, table="barred", kept=""),
        _BACKWARDS.format(columns=_COLUMNS, table="barred", kept=""),
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


# ---------------------------------------------------------------- one by one

_ONE: Final = f"""
SELECT {_COLUMNS} FROM json_each(?1) j CROSS JOIN {{table}} l
ON l.a = json_extract(j.value, '$[0]') AND l.b = json_extract(j.value, '$[1]')
"""


def seen_links(trip: Trip, pairs: Iterable[tuple[int, int]]) -> list[Seen]:
    """The links between these pairs, the smaller id first."""
    asked = f"[{','.join(f'[{a},{b}]' for a, b in pairs)}]"
    return [Seen(*row) for table in ("link", "barred") for row in trip.rows(_ONE.format(table=table), asked)]


def judged_links(trip: Trip, ids: Iterable[int]) -> list[Judged]:
    """The judgements in force of these numbers, as links."""
    rows = trip.rows(
        """
        SELECT min(g.a, g.b), max(g.a, g.b), g.id, g.kind, g.at FROM json_each(?) j CROSS JOIN judgement g ON g.id = j.value
        WHERE g.a IS NOT NULL AND g.b IS NOT NULL AND g.ended IS NULL AND g.in_force
        """,
        numbers(ids),
    )
    return [Judged(a, b, id, JudgementKind(kind), at) for a, b, id, kind, at in rows]
