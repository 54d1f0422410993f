"""Links, each with its ends, its fragments, and whether its profile hangs on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import orjson

from graph.model import Instant, JudgementKind, Refusal, Rule
from graph.store.sqlite.reads.bridges import bridges_of
from graph.store.sqlite.reads.fragments import fragment_views
from graph.store.sqlite.reads.identifiers import identifier_views
from graph.store.sqlite.reads.trip import (
    LAST,
    Trip,
    connection,
    inner_of,
    merged,
    numbers,
    page_of,
    total_wanted,
)
from graph.views import Connection, Edge, FragmentView, Key, LinkView, Want

__all__ = ["COLUMNS", "Judged", "Seen", "judged_links", "link_views", "seen_links"]


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


COLUMNS: Final = """
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
            bridges = bridges_of(trip, (link.a for link in found if link.accepted))
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


# ---------------------------------------------------------------- one by one

_ONE: Final = f"""
SELECT {COLUMNS} FROM json_each(?1) j CROSS JOIN {{table}} l
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
