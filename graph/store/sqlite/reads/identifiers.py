"""Identifiers: those of profiles, shared ones, and the parts that show where and when each was seen."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from graph.model import Identifier, Instant
from graph.resolve.rules import Rules
from graph.store.ports import NAMESPACE_SHIFT
from graph.store.sqlite.reads.profiles import part, profile_views
from graph.store.sqlite.reads.trip import (
    Trip,
    argument,
    bounded,
    connection,
    merged,
    numbers,
    page_of,
    total_wanted,
    without_rows,
)
from graph.views import Connection, Edge, IdentifierView, Key, Page, ProfileView, Want

__all__ = ["blocked_identifier", "identifier_views", "shared_identifiers"]


def identifier_views(trip: Trip, ids: Iterable[int], want: Sequence[Want] = ()) -> dict[int, IdentifierView]:
    """Identifiers by id with their parts, among others perhaps; one the store has never known is not there."""
    asked = dict.fromkeys(ids)
    faces = trip.faces(asked)
    known = [faces[id] for id in asked if id in faces]
    if not want:
        plain = trip.plain
        for face in known:
            if face.id not in plain:
                plain[face.id] = IdentifierView(face.id, face.identifier, face.shared)
        return plain
    parts: dict[int, dict[Any, Any]] = {face.id: {} for face in known}
    spans: Mapping[int, tuple[Instant | None, Instant | None]] = {}
    for one in merged(want):
        if one.field == "span":
            spans = _spans(trip, parts)
        elif one.field == "sources":
            sources = _sources(trip, parts, max(0, min(argument(one, "first", 20), 100)))
            for id, own in parts.items():
                own[one.key] = sources.get(id, ())
        elif one.field == "profile":
            profiles = profile_views(trip, (face.profile for face in known if face.profile is not None), one.inner)
            for face in known:
                parts[face.id][one.key] = None if face.profile is None else profiles.get(face.profile)
        else:
            raise KeyError(one.field)
    views = {}
    for face in known:
        first, last = spans.get(face.id, (None, None))
        views[face.id] = IdentifierView(face.id, face.identifier, face.shared, first, last, parts[face.id])
    return views


def blocked_identifier(identifier: Identifier, at: Instant, want: Sequence[Want]) -> IdentifierView:
    """How the blocked end of a void judgement shows, which is no identifier of the store: with id 0, seen when it was judged."""
    parts = {one.key: () if one.field == "sources" else None for one in want if one.field != "span"}
    return IdentifierView(0, identifier, shared=False, first_seen=at, last_seen=at, parts=parts)


# ---------------------------------------------------------------- when and where an identifier was seen

# fragments, then interactions either way; an identifier without any is known by a judgement, from when it was made
_SPANS: Final = """
SELECT j.value,
    (SELECT observed FROM carries WHERE identifier = j.value ORDER BY observed LIMIT 1),
    (SELECT observed FROM carries WHERE identifier = j.value ORDER BY observed DESC LIMIT 1),
    (SELECT min(at) FROM interaction WHERE origin = j.value AND state = 0),
    (SELECT max(at) FROM interaction WHERE origin = j.value AND state = 0),
    (SELECT min(at) FROM interaction WHERE target = j.value AND state = 0),
    (SELECT max(at) FROM interaction WHERE target = j.value AND state = 0),
    (SELECT c.at FROM identifier i JOIN commits c ON c.n = i.made WHERE i.id = j.value)
FROM json_each(?) j
"""


def _spans(trip: Trip, ids: Iterable[int]) -> dict[int, tuple[Instant | None, Instant | None]]:
    """First and last time each identifier was seen, in fragments or interactions; else when it became known."""
    found: dict[int, tuple[Instant | None, Instant | None]] = {}
    for id, *times, made in trip.rows(_SPANS, numbers(ids)):
        seen = [at for at in times if at is not None] or [made]
        found[id] = (min(seen), max(seen))
    return found


_SOURCES: Final = """
SELECT DISTINCT j.value, s.name FROM json_each(?1) j CROSS JOIN source s ON s.no IN (
    SELECT v.source FROM version v WHERE v.id IN (
        SELECT version FROM carries WHERE identifier = j.value ORDER BY observed DESC, version DESC LIMIT ?2
    )
    UNION SELECT source FROM interaction WHERE id IN (
        SELECT id FROM interaction WHERE origin = j.value AND state = 0 ORDER BY at DESC LIMIT ?2
    )
    UNION SELECT source FROM interaction WHERE id IN (
        SELECT id FROM interaction WHERE target = j.value AND state = 0 ORDER BY at DESC LIMIT ?2
    )
) ORDER BY s.name
"""
_SIGHTINGS: Final = 1_000
"""Newest fragments, and interactions each way, of an identifier that its sources are read from."""


def _sources(trip: Trip, ids: Iterable[int], most: int) -> dict[int, tuple[str, ...]]:
    """The source systems that saw each identifier, by name."""
    found: dict[int, list[str]] = {}
    for id, name in trip.rows(_SOURCES, numbers(ids), _SIGHTINGS):
        found.setdefault(id, []).append(name)
    return {id: tuple(names[:most]) for id, names in found.items()}


# ---------------------------------------------------------------- the identifiers of a profile

# nearly always the members of all profiles together are fewer than the pages may hold, and one plain join reads them
_ALL_MEMBERS: Final = """
SELECT i.id, n.name, i.value, i.flags, i.grp, i.profile
FROM json_each(?1) p CROSS JOIN identifier i ON i.profile = p.value AND i.id > ?2 JOIN namespace n ON n.no = i.namespace LIMIT ?3
"""
_MEMBERS: Final = """
SELECT i.id, n.name, i.value, i.flags, i.grp, i.profile
FROM json_each(?1) p CROSS JOIN identifier i ON i.id IN (
    SELECT id FROM identifier WHERE profile = p.value AND id > ?2 ORDER BY id LIMIT ?3
) JOIN namespace n ON n.no = i.namespace
"""
_MEMBERS_OF_NAMESPACES: Final = """
SELECT i.id, n.name, i.value, i.flags, i.grp, i.profile
FROM json_each(?1) p CROSS JOIN json_each(?4) j CROSS JOIN namespace n ON n.name = j.value
CROSS JOIN identifier i ON i.id IN (
    SELECT id FROM identifier WHERE profile = p.value AND id > max(?2, (n.no << 40) - 1) AND id < (n.no + 1) << 40 ORDER BY id LIMIT ?3
)
"""
_COUNTS: Final = """
SELECT p.value, count(*) FROM json_each(?1) p CROSS JOIN json_each(?2) j CROSS JOIN namespace n ON n.name = j.value
CROSS JOIN identifier i ON i.profile = p.value AND i.id >= n.no << 40 AND i.id < (n.no + 1) << 40
GROUP BY p.value
"""
assert NAMESPACE_SHIFT == 40


@part("identifiers", empty=without_rows)
def _identifiers(trip: Trip, views: Sequence[ProfileView], want: Want) -> Mapping[int, Connection[IdentifierView]]:
    """Members by id, of some namespaces only where these are named; keys (id,)."""
    page, namespaces = page_of(want), argument(want, "namespaces")
    asked, after = numbers(view.n for view in views), page.after[0] if page.after else 0
    if namespaces is None:
        few = trip.few(_ALL_MEMBERS, (page.first + 1) * len(views), asked, after)
        rows = trip.rows(_MEMBERS, asked, after, page.first + 1) if few is None else few
    else:
        rows = trip.rows(_MEMBERS_OF_NAMESPACES, asked, after, page.first + 1, json.dumps(sorted(set(namespaces))))
    trip.met(rows)
    members: dict[int, list[int]] = {view.n: [] for view in views}
    for row in rows:
        members[row[5]].append(row[0])
    inner = [one for one in want.inner if one.field != "total_count"]
    found = identifier_views(trip, (row[0] for row in rows), inner)
    totals: Mapping[int, int] = {}
    if total_wanted(want.inner):
        if namespaces is None:
            totals = {view.n: view.size for view in views}
        else:
            totals = {view.n: 0 for view in views} | dict(trip.rows(_COUNTS, asked, json.dumps(sorted(set(namespaces)))))
    return {
        n: connection(page, [Edge((id,), found[id]) for id in sorted(ids)[: page.first + 1]], total=totals.get(n))
        for n, ids in members.items()
    }


# ---------------------------------------------------------------- shared ones

_SHARED: Final = "SELECT id FROM identifier WHERE flags & 1 AND id > ? AND profile IS NOT NULL ORDER BY id LIMIT ?"
_SHARED_OF_NAMESPACES: Final = """
SELECT i.id FROM json_each(?3) j CROSS JOIN namespace n ON n.name = j.value
CROSS JOIN identifier i ON i.id IN (
    SELECT id FROM identifier
    WHERE flags & 1 AND id > max(?1, (n.no << 40) - 1) AND id < (n.no + 1) << 40 AND profile IS NOT NULL ORDER BY id LIMIT ?2
)
"""


def shared_identifiers(
    conn: sqlite3.Connection, rules: Rules, page: Page, want: Sequence[Want], *, namespaces: Sequence[str] | None = None
) -> Connection[IdentifierView]:
    """Shared identifiers by id, keys (id,). `total_count` may stand among the wants; it is not given where namespaces are named."""
    trip, page = Trip(conn, rules), bounded(page)
    after = page.after[0] if page.after else 0
    if namespaces is None:
        rows = trip.rows(_SHARED, after, page.first + 1)
    else:
        rows = trip.rows(_SHARED_OF_NAMESPACES, after, page.first + 1, json.dumps(sorted(set(namespaces))))
    ids = sorted(id for (id,) in rows)[: page.first + 1]
    found = identifier_views(trip, ids[: page.first], [one for one in want if one.field != "total_count"])
    total = None
    if total_wanted(want) and namespaces is None:
        total = trip.rows("SELECT count(*) FROM identifier WHERE flags & 1 AND profile IS NOT NULL")[0][0]
    edges = [Edge((id,), found[id]) for id in ids[: page.first]]
    more: Key | None = edges[-1].key if edges else page.after
    return Connection(tuple(edges), len(ids) > page.first, more, total)
