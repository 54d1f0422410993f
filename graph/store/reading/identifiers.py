"""Identifiers: those of profiles, shared ones, and the parts that show where and when each was seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from graph.model import Identifier, Instant
from graph.resolve.rules import Rules
from graph.store.reading.pages import argument, bounded, connection, merged, page_of, total_wanted, without_rows, without_total
from graph.store.reading.profiles import part, profile_views
from graph.store.reading.rows import Bounds, Rows
from graph.store.reading.trip import Trip
from graph.views import Connection, Edge, IdentifierView, Key, Page, ProfileView, Want

__all__ = ["blocked_identifier", "identifier_views", "shared_identifiers"]


async def identifier_views(trip: Trip, ids: Iterable[int], want: Sequence[Want] = ()) -> dict[int, IdentifierView]:
    """Identifiers by id with their parts, among others perhaps; one the store has never known is not there."""
    asked = dict.fromkeys(ids)
    faces = await trip.faces(asked)
    known = [faces[id] for id in asked if id in faces]
    if not want:
        plain = trip.plain
        for face in known:
            if face.id not in plain:
                plain[face.id] = IdentifierView(face.id, face.identifier, face.shared)
        return plain
    parts: dict[int, dict[Any, Any]] = {face.id: {} for face in known}
    spans: Mapping[int, tuple[Instant | None, Instant | None]] = {}
    for one in merged(want) if known else ():
        if one.field == "span":
            spans = await _spans(trip, parts)
        elif one.field == "sources":
            sources = await _sources(trip, parts, max(0, min(argument(one, "first", 20), 100)))
            for id, own in parts.items():
                own[one.key] = sources.get(id, ())
        elif one.field == "profile":
            profiles = await profile_views(trip, (face.profile for face in known if face.profile is not None), one.inner)
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


async def _spans(trip: Trip, ids: Mapping[int, object]) -> dict[int, tuple[Instant | None, Instant | None]]:
    """First and last time each identifier was seen, in fragments or interactions; else when it became known, by a judgement."""
    found: dict[int, tuple[Instant | None, Instant | None]] = {}
    for id, *times, made in await trip.rows.spans(ids):
        seen = [at for at in times if at is not None] or [made]
        found[id] = (min(seen), max(seen))
    return found


_SIGHTINGS: Final = 1_000
"""Newest fragments, and interactions each way, of an identifier that its sources are read from."""


async def _sources(trip: Trip, ids: Mapping[int, object], most: int) -> dict[int, tuple[str, ...]]:
    """The source systems that saw each identifier, by name."""
    found: dict[int, set[str]] = {}
    for id, name in await trip.rows.sources(ids, _SIGHTINGS):
        found.setdefault(id, set()).add(name)
    return {id: tuple(sorted(names)[:most]) for id, names in found.items()}


# ---------------------------------------------------------------- the identifiers of a profile


@part("identifiers", empty=without_rows)
async def _identifiers(trip: Trip, views: Sequence[ProfileView], want: Want) -> Mapping[int, Connection[IdentifierView]]:
    """Members by id, of some namespaces only where these are named; keys (id,)."""
    page, namespaces = page_of(want), argument(want, "namespaces")
    bounds = Bounds(page.after[0] if page.after else 0, page.first + 1)
    if namespaces is None:
        faces = await trip.rows.members(views, bounds)
    else:
        faces = await trip.rows.members_of(views, sorted(set(namespaces)), bounds)
    trip.met(faces)
    members: dict[int, list[int]] = {view.n: [] for view in views}
    for face in faces:
        if face.profile is not None:
            members[face.profile].append(face.id)
    found = await identifier_views(trip, (face.id for face in faces), without_total(want.inner))
    totals: Mapping[int, int] = {}
    if total_wanted(want.inner):
        if namespaces is None:
            totals = {view.n: view.size for view in views}
        else:
            totals = {view.n: 0 for view in views} | dict(await trip.rows.count_members_of(views, sorted(set(namespaces))))
    return {
        n: connection(page, [Edge((id,), found[id]) for id in sorted(ids)[: page.first + 1]], total=totals.get(n))
        for n, ids in members.items()
    }


# ---------------------------------------------------------------- shared ones


async def shared_identifiers(
    rows: Rows, rules: Rules, page: Page, want: Sequence[Want], *, namespaces: Sequence[str] | None = None
) -> Connection[IdentifierView]:
    """Shared identifiers by id, keys (id,). `total_count` may stand among the wants; it is not given where namespaces are named."""
    trip, page = Trip(rows, rules), bounded(page)
    bounds = Bounds(page.after[0] if page.after else 0, page.first + 1)
    names = None if namespaces is None else sorted(set(namespaces))
    ids = sorted(await rows.shared(names, bounds))[: page.first + 1]
    found = await identifier_views(trip, ids[: page.first], without_total(want))
    total = await rows.count_shared() if total_wanted(want) and namespaces is None else None
    edges = [Edge((id,), found[id]) for id in ids[: page.first]]
    end: Key | None = edges[-1].key if edges else page.after
    return Connection(tuple(edges), len(ids) > page.first, end, total)
