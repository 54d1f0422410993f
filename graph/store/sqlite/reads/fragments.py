"""Fragments: versions of records, and whom their facts belong to."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from graph.model import FragmentStatus, Instant, RecordKey
from graph.resolve.rules import Rules
from graph.store.sqlite.reads.identifiers import identifier_views
from graph.store.sqlite.reads.profiles import profile_views
from graph.store.sqlite.reads.trip import (
    Face,
    Trip,
    merged,
    numbers,
)
from graph.traits.holder import holders
from graph.views import FragmentView, Want

__all__ = [
    "Version",
    "fragment",
    "fragment_views",
    "holders_of",
    "version_views",
    "versions",
]

_STATES: Final = (FragmentStatus.ACTIVE, FragmentStatus.SUPERSEDED, FragmentStatus.WITHDRAWN)


class Version(NamedTuple):
    """A version of a record; `ids` in the order sent, `traits` as JSON."""

    id: int
    key: RecordKey
    observed: Instant
    recorded: Instant
    status: FragmentStatus
    ids: tuple[int, ...]
    traits: str | None


_VERSIONS: Final = """
SELECT v.id, s.name, v.record, v.observed, c.at, v.state, v.ids, v.traits
FROM json_each(?) j CROSS JOIN version v ON v.id = j.value {told} JOIN source s ON s.no = v.source JOIN commits c ON c.n = v.made
"""


def versions(trip: Trip, ids: Iterable[int], *, told: bool = False) -> dict[int, Version]:
    """Versions by number; `told`: those with traits."""
    statement = _VERSIONS.format(told="AND v.traits IS NOT NULL" if told else "")
    return {row[0]: _version(*row) for row in trip.rows(statement, numbers(ids))}


def _version(
    id: int, source: str, record: str, observed: Instant, recorded: Instant, state: int, carried: str, traits: str | None
) -> Version:
    return Version(id, RecordKey(source, record), observed, recorded, _STATES[state], tuple(orjson.loads(carried)), traits)


def holders_of(trip: Trip, found: Iterable[Version]) -> dict[int, tuple[Face, ...]]:
    """By version the identifiers that its facts hang on now; several only where all of them are shared."""
    found = list(found)
    faces = trip.faces(id for version in found for id in version.ids)
    return {version.id: holders([faces[id] for id in version.ids if id in faces], trip.rules) for version in found}


# ---------------------------------------------------------------- views

_OF_RECORD: Final = """
SELECT v.id FROM (SELECT json_extract(?1, '$[0]') AS name, json_extract(?1, '$[1]') AS record) k
JOIN source s ON s.name = k.name JOIN version v ON v.source = s.no AND v.record = k.record
ORDER BY v.state = 0 DESC, v.state = 2 DESC, v.id DESC LIMIT 1
"""


def fragment(conn: sqlite3.Connection, rules: Rules, key: RecordKey, want: Sequence[Want]) -> FragmentView | None:
    """The active version of a record, else the withdrawn one, else the last recorded."""
    trip = Trip(conn, rules)
    rows = trip.rows(_OF_RECORD, json.dumps(key))
    return fragment_views(trip, [rows[0][0]], want)[rows[0][0]] if rows else None


def fragment_views(trip: Trip, ids: Iterable[int], want: Sequence[Want]) -> dict[int, FragmentView]:
    """Fragments by version number with their parts."""
    return version_views(trip, versions(trip, ids), want)


def version_views(trip: Trip, found: Mapping[int, Version], want: Sequence[Want]) -> dict[int, FragmentView]:
    """Fragments of versions that are at hand."""
    parts: dict[int, dict[Any, Any]] = {id: {} for id in found}
    for one in merged(want) if found else ():
        if one.field == "identifiers":
            identifiers = identifier_views(trip, (id for version in found.values() for id in version.ids), one.inner)
            for version in found.values():
                parts[version.id][one.key] = tuple(identifiers[id] for id in version.ids if id in identifiers)
        elif one.field == "profile":
            held = {id: held[0].profile for id, held in holders_of(trip, found.values()).items() if held}
            profiles = profile_views(trip, (n for n in held.values() if n is not None), one.inner)
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
