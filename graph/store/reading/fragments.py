"""Fragments: versions of records, whom their facts belong to, and the newest of a profile."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from graph.model import RecordKey
from graph.resolve.rules import Rules
from graph.store.reading.identifiers import identifier_views
from graph.store.reading.pages import LAST, argument, connection, merged, page_of, total_wanted, without_rows, without_total
from graph.store.reading.profiles import part, profile_views
from graph.store.reading.rows import Face, Rows, Version
from graph.store.reading.trip import Trip
from graph.traits.holder import holders
from graph.views import Connection, Edge, FragmentView, ProfileView, Want

__all__ = ["fragment", "fragment_views", "holders_of", "versions_of"]


async def versions_of(trip: Trip, ids: Collection[int]) -> dict[int, Version]:
    """Versions by number."""
    return {version.id: version for version in await trip.rows.versions(ids)} if ids else {}


async def holders_of(trip: Trip, found: Iterable[Version]) -> dict[int, tuple[Face, ...]]:
    """By version the identifiers that its facts hang on now; several only where all of them are shared."""
    found = list(found)
    faces = await trip.faces(id for version in found for id in version.ids)
    return {version.id: holders([faces[id] for id in version.ids if id in faces], trip.rules) for version in found}


# ---------------------------------------------------------------- views


async def fragment(rows: Rows, rules: Rules, key: RecordKey, want: Sequence[Want]) -> FragmentView | None:
    """The active version of a record, else the withdrawn one, else the last recorded."""
    version = await rows.version_of(key)
    return None if version is None else (await fragment_views(Trip(rows, rules), [version], want))[version]


async def fragment_views(trip: Trip, ids: Iterable[int], want: Sequence[Want]) -> dict[int, FragmentView]:
    """Fragments by version number with their parts."""
    return await _views(trip, await versions_of(trip, set(ids)), want)


async def _views(trip: Trip, found: Mapping[int, Version], want: Sequence[Want]) -> dict[int, FragmentView]:
    parts: dict[int, dict[Any, Any]] = {id: {} for id in found}
    for one in merged(want) if found else ():
        if one.field == "identifiers":
            identifiers = await identifier_views(trip, (id for version in found.values() for id in version.ids), one.inner)
            for version in found.values():
                parts[version.id][one.key] = tuple(identifiers[id] for id in version.ids if id in identifiers)
        elif one.field == "profile":
            held = {id: held[0].profile for id, held in (await holders_of(trip, found.values())).items() if held}
            profiles = await profile_views(trip, (n for n in held.values() if n is not None), one.inner)
            for id, own in parts.items():
                n = held.get(id)
                own[one.key] = None if n is None else profiles.get(n)
        else:
            raise KeyError(one.field)
    return {
        id: FragmentView(
            id,
            version.key,
            version.observed,
            version.recorded,
            None if version.traits is None else orjson.loads(version.traits),
            version.status,
            parts[id],
        )
        for id, version in found.items()
    }


# ---------------------------------------------------------------- of a profile

_COUNTED: Final = 1_000
"""Fragments of a profile that are counted; where it has more, their number is not given."""


@part("fragments", empty=without_rows)
async def _fragments(trip: Trip, views: Sequence[ProfileView], want: Want) -> Mapping[int, Connection[FragmentView]]:
    """Active fragments whose facts hang on a member, newest first; keys (observed, version number).

    Fragments that a member only takes part in are passed over, so a page may hold fewer than were asked for and others follow.
    """
    page, sources = page_of(want, 2), argument(want, "sources")
    room = page.first * 2 + 10 if sources is None else 500
    met = await trip.rows.newest(views, room, (page.after[0], page.after[1]) if page.after else (LAST, LAST))
    found = await versions_of(trip, {version for some in met.values() for _, version in some.keys})
    held = await holders_of(trip, found.values())

    def belongs(n: int, version: int) -> bool:
        shown = sources is None or found[version].key.source in sources
        return shown and any(face.profile == n for face in held[version])

    kept = {n: [key for key in some.keys if belongs(n, key[1])][: page.first + 1] for n, some in met.items()}
    shown = {version: found[version] for keys in kept.values() for _, version in keys[: page.first]}
    nodes = await _views(trip, shown, without_total(want.inner))
    totals = await _totals(trip, views, sources) if total_wanted(want.inner) else {}
    answer = {}
    for n, keys in kept.items():
        edges = [Edge(key, nodes[key[1]]) for key in keys[: page.first]]
        if len(keys) > page.first:
            answer[n] = Connection(tuple(edges), True, edges[-1].key if edges else page.after, totals.get(n))
        else:
            passed = met[n].keys[-1] if met[n].keys else None
            answer[n] = connection(page, edges, total=totals.get(n), passed=passed, more=met[n].more)
    return answer


async def _totals(trip: Trip, views: Sequence[ProfileView], sources: Sequence[str] | None) -> dict[int, int]:
    """How many fragments each profile has, where its members carry no more than are counted."""
    met = await trip.rows.newest(views, _COUNTED + 1, (LAST, LAST))
    counted = {n: [version for _, version in some.keys] for n, some in met.items() if not some.more}
    found = await versions_of(trip, {version for some in counted.values() for version in some})
    held = await holders_of(trip, found.values())
    return {
        n: sum((sources is None or found[one].key.source in sources) and any(face.profile == n for face in held[one]) for one in some)
        for n, some in counted.items()
    }
