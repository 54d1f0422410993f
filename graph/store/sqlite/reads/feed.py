"""The feed of changes: as a whole, and what happened to one profile and the OneIDs that lead to it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from graph.model import ChangeKind
from graph.resolve.rules import Rules
from graph.store.sqlite.reads.identifiers import identifier_views
from graph.store.sqlite.reads.profiles import leading_here, part, profile_views, where_they_lead
from graph.store.sqlite.reads.trip import LAST, Trip, bounded, connection, merged, numbers, page_of, total_wanted, without_rows
from graph.views import ChangeView, Connection, Edge, IdentifierView, Page, ProfileView, Want

__all__ = ["change_views", "changes", "head"]

_LEADING: Final = 1_000
"""OneIDs whose changes are a profile's besides its own: the last retired of those that lead to it."""
_SCANNED: Final = 5_000
"""Entries of the feed that one page of some kinds looks at."""

_VIEWS: Final = """
SELECT x.seq, c.at, x.kind, x.n, o.one_id, l.one_id, x.cause_kind, x.cause, c.by
FROM json_each(?) j CROSS JOIN change x ON x.seq = j.value
JOIN commits c ON c.n = x.made JOIN one_id o ON o.n = x.n LEFT JOIN one_id l ON l.n = x.leads
"""


def change_views(trip: Trip, seqs: Iterable[int], want: Sequence[Want]) -> dict[int, ChangeView]:
    """Changes by position with their parts."""
    rows = trip.rows(_VIEWS, numbers(seqs))
    parts: dict[int, dict[Any, Any]] = {row[0]: {} for row in rows}
    for one in merged(want) if rows else ():
        if one.field == "profile":
            leads = where_they_lead(trip, {row[3] for row in rows})
            profiles = profile_views(trip, leads.values(), one.inner)
            for row in rows:
                parts[row[0]][one.key] = profiles.get(leads.get(row[3], 0))
        elif one.field in ("gained", "lost"):
            pages = _identifiers(trip, parts, one)
            for seq, own in parts.items():
                own[one.key] = pages[seq]
        else:
            raise KeyError(one.field)
    return {
        seq: ChangeView(seq, at, ChangeKind(kind), n, one_id, leads_to, cause_kind, cause, by, parts[seq])
        for seq, at, kind, n, one_id, leads_to, cause_kind, cause, by in rows
    }


def _identifiers(trip: Trip, seqs: Iterable[int], want: Want) -> dict[int, Connection[IdentifierView]]:
    """The identifiers gained or lost by each change, by id; keys (id,)."""
    page = page_of(want)
    after = page.after[0] if page.after else 0
    column = "gained" if want.field == "gained" else "lost"
    rows = trip.rows(f"SELECT seq, {column} FROM change WHERE seq IN (SELECT value FROM json_each(?))", numbers(seqs))
    lists = {seq: orjson.loads(ids) for seq, ids in rows}
    pages = {seq: sorted(id for id in ids if id > after)[: page.first + 1] for seq, ids in lists.items()}
    inner = [one for one in want.inner if one.field != "total_count"]
    nodes = identifier_views(trip, (id for ids in pages.values() for id in ids), inner)
    total = total_wanted(want.inner)
    return {
        seq: connection(page, [Edge((id,), nodes[id]) for id in ids if id in nodes], total=len(lists[seq]) if total else None)
        for seq, ids in pages.items()
    }


# ---------------------------------------------------------------- the feed

_OF_ONE_IDS: Final = """
SELECT x.seq, x.kind FROM json_each(?1) j CROSS JOIN change x ON x.seq IN (
    SELECT seq FROM change WHERE n = j.value AND seq > ?2 ORDER BY seq LIMIT ?3
) ORDER BY x.seq LIMIT ?3
"""


def changes(
    conn: sqlite3.Connection, rules: Rules, page: Page, want: Sequence[Want], *, kinds: Sequence[str] | None = None, n: int | None = None
) -> Connection[ChangeView]:
    """The feed in its one order, keys (seq,); `n`: of one OneID and those that lead to it. A page of some kinds looks at 5,000 entries
    at most; the end of the page is after those it passed over."""
    trip, page = Trip(conn, rules), bounded(page)
    after = page.after[0] if page.after else 0
    room = page.first + 1 if kinds is None else _SCANNED
    if n is None:
        rows = trip.rows("SELECT seq, kind FROM change WHERE seq > ? ORDER BY seq LIMIT ?", after, room)
    else:
        followed = [n, *(leading for leading, _ in leading_here(trip, [n], _LEADING)[n])]
        rows = trip.rows(_OF_ONE_IDS, numbers(followed), after, room)
    seqs = [seq for seq, kind in rows if kinds is None or kind in kinds][: page.first + 1]
    nodes = change_views(trip, seqs[: page.first], want)
    edges = [Edge((seq,), nodes[seq]) for seq in seqs[: page.first]]
    if len(seqs) > page.first:
        return Connection(tuple(edges), True, edges[-1].key if edges else page.after)
    return connection(page, edges, passed=(rows[-1][0],) if rows else None, more=len(rows) == room)


def head(conn: sqlite3.Connection, rules: Rules) -> tuple[int, int]:
    """The last commit and the last position of the feed; 0 where there is none."""
    commit, seq = conn.execute("SELECT (SELECT max(n) FROM commits), (SELECT max(seq) FROM change)").fetchone()
    return commit or 0, seq or 0


# ---------------------------------------------------------------- of profiles

_NEWEST_FIRST: Final = """
SELECT json_extract(j.value, '$[0]'), x.seq FROM json_each(?1) j CROSS JOIN change x ON x.seq IN (
    SELECT seq FROM change WHERE n = json_extract(j.value, '$[1]') AND seq < ?2 ORDER BY seq DESC LIMIT ?3
)
"""


@part("changes", empty=without_rows)
def _changes(trip: Trip, views: Sequence[ProfileView], want: Want) -> Mapping[int, Connection[ChangeView]]:
    """What happened to each profile's OneID and to those that lead to it, newest first; keys (seq,)."""
    page = page_of(want)
    before = page.after[0] if page.after else LAST
    leading = leading_here(trip, (view.n for view in views), _LEADING)
    followed = [(n, one) for n, some in leading.items() for one in (n, *(other for other, _ in some))]
    met: dict[int, list[int]] = {view.n: [] for view in views}
    for n, seq in trip.rows(_NEWEST_FIRST, json.dumps(followed), before, page.first + 1):
        met[n].append(seq)
    seqs = {n: sorted(some, reverse=True)[: page.first + 1] for n, some in met.items()}
    nodes = change_views(trip, {seq for some in seqs.values() for seq in some}, want.inner)
    return {n: connection(page, [Edge((seq,), nodes[seq]) for seq in some]) for n, some in seqs.items()}
