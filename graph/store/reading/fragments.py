"""Fragments: versions of records, and whom their facts belong to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import orjson

from graph.model import RecordKey
from graph.resolve.rules import Rules
from graph.store.reading.identifiers import identifier_views
from graph.store.reading.pages import merged
from graph.store.reading.profiles import profile_views
from graph.store.reading.rows import Face, Rows, Version
from graph.store.reading.trip import Trip
from graph.traits.holder import holders
from graph.views import FragmentView, Want

__all__ = ["fragment", "fragment_views", "holders_of", "version_views", "versions_of"]


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
    return await version_views(trip, await versions_of(trip, set(ids)), want)


async def version_views(trip: Trip, found: Mapping[int, Version], want: Sequence[Want]) -> dict[int, FragmentView]:
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
