"""Fragments: versions of records, whom their facts belong to, and the newest of a profile."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from graph.model import FragmentStatus, Instant, RecordKey
from graph.resolve.rules import Rules
from graph.store.sqlite.reads.identifiers import identifier_views
from graph.store.sqlite.reads.profiles import part, profile_views
from graph.store.sqlite.reads.trip import (
    LAST,
    Face,
    Trip,
    argument,
    connection,
    merged,
    numbers,
    page_of,
    total_wanted,
    without_rows,
)
from graph.traits.holder import holders
from graph.views import Connection, Edge, FragmentView, Key, ProfileView, Want

__all__ = ["Newest", "Version", "fragment", "fragment_views", "holders_of", "newest", "newest_told", "versions"]

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
    return _views(trip, versions(trip, ids), want)


def _views(trip: Trip, found: Mapping[int, Version], want: Sequence[Want]) -> dict[int, FragmentView]:
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


# ---------------------------------------------------------------- the newest of a profile


class Newest(NamedTuple):
    """Versions that members of a profile carry as (observed, version), newest first; `more`: older ones follow."""

    keys: list[tuple[Instant, int]]
    more: bool


# nearly always all members together carry few versions, and one plain join reads them
_ALL: Final = """
SELECT m.profile, k.observed, k.version FROM json_each(?1) p CROSS JOIN identifier m ON m.profile = p.value
CROSS JOIN carries k ON k.identifier = m.id AND (k.observed, k.version) < (?2, ?3) LIMIT ?4
"""
_NEWEST: Final = """
SELECT m.profile, m.id, (SELECT json_group_array(json_array(observed, version)) FROM (
    SELECT k.observed, k.version FROM {carries} WHERE k.identifier = m.id AND (k.observed, k.version) < (?2, ?3)
    ORDER BY k.observed DESC, k.version DESC LIMIT ?4
)) FROM json_each(?1) p CROSS JOIN identifier m ON m.profile = p.value
"""
_OLDER: Final = """
SELECT json_extract(m.value, '$[0]'), json_extract(m.value, '$[1]'), (SELECT json_group_array(json_array(observed, version)) FROM (
    SELECT k.observed, k.version FROM {carries} WHERE k.identifier = json_extract(m.value, '$[1]')
        AND (k.observed, k.version) < (json_extract(m.value, '$[2]'), json_extract(m.value, '$[3]'))
        AND (k.observed, k.version) > (json_extract(m.value, '$[4]'), json_extract(m.value, '$[5]'))
    ORDER BY k.observed DESC, k.version DESC LIMIT ?2
)) FROM json_each(?1) m
"""
_ANY: Final = "carries k"
_TOLD: Final = "carries k CROSS JOIN version v ON v.id = k.version AND v.traits IS NOT NULL"


def newest(trip: Trip, views: Sequence[ProfileView], most: int, *, after: Key | None = None) -> dict[int, Newest]:
    """By profile the newest `most` active versions that any member carries, after a key."""
    observed, version = after or (LAST, LAST)
    rows = trip.few(_ALL, most * len(views), numbers(view.n for view in views), observed, version)
    if rows is None:
        return _newest_by_shares(trip, views, most, (observed, version), _ANY)
    keys = _keys(views, rows)
    return {n: Newest(some[:most], len(some) >= most) for n, some in keys.items()}


_FEW: Final = 20_000


def newest_told(trip: Trip, views: Sequence[ProfileView], most: int) -> tuple[dict[int, list[int]], dict[int, Version]]:
    """By profile the newest `most` active versions with traits that any member carries, newest first; and these versions."""
    rows = trip.few(_ALL, _FEW, numbers(view.n for view in views), LAST, LAST)
    if rows is None:
        met = _newest_by_shares(trip, views, most, (LAST, LAST), _TOLD)
        keys = {n: some.keys for n, some in met.items()}
    else:
        keys = _keys(views, rows)
    found = versions(trip, {id for some in keys.values() for _, id in some}, told=True)
    return {n: [id for _, id in some if id in found][:most] for n, some in keys.items()}, found


def _keys(views: Sequence[ProfileView], rows: Iterable[tuple[int, Instant, int]]) -> dict[int, list[tuple[Instant, int]]]:
    """By profile the keys of its versions, each once, newest first."""
    keys: dict[int, set[tuple[Instant, int]]] = {view.n: set() for view in views}
    for n, observed, version in rows:
        keys[n].add((observed, version))
    return {n: sorted(some, reverse=True) for n, some in keys.items()}


def _newest_by_shares(trip: Trip, views: Sequence[ProfileView], most: int, after: tuple[Instant, int], carries: str) -> dict[int, Newest]:
    """The newest of large profiles, from the ordered range that each member's versions are.

    Two rounds: a share of `most` from every member, then, of the members whose share was not all, what is newer than the `most`th
    version met. So 1,000 members cost little more than 10.
    """
    share = min(most, max(1, max(2_000, 4 * most) // max(view.size for view in views)))
    met: dict[int, dict[int, list[tuple[Instant, int]]]] = {view.n: {} for view in views}
    for n, member, held in trip.rows(_NEWEST.format(carries=carries), numbers(met), *after, share):
        met[n][member] = [(observed, version) for observed, version in orjson.loads(held)]
    found, rest = {}, []
    for n, ranges in met.items():
        keys = sorted({key for held in ranges.values() for key in held}, reverse=True)
        floor = keys[most - 1] if len(keys) >= most else (-LAST, -LAST)
        found[n] = keys
        rest += [
            (n, member, *min(held), *floor) for member, held in ranges.items() if share < most and len(held) == share and min(held) > floor
        ]
    if rest:
        for n, _, held in trip.rows(_OLDER.format(carries=carries), json.dumps(rest), most):
            found[n].extend((observed, version) for observed, version in orjson.loads(held))
        for n in {n for n, *_ in rest}:
            found[n] = sorted(set(found[n]), reverse=True)
    return {n: Newest(keys[:most], len(keys) >= most) for n, keys in found.items()}


_COUNTED: Final = 1_000
"""Fragments of a profile that are counted; where it has more, their number is not given."""


@part("fragments", empty=without_rows)
def _fragments(trip: Trip, views: Sequence[ProfileView], want: Want) -> Mapping[int, Connection[FragmentView]]:
    """Active fragments whose facts hang on a member, newest first; keys (observed, version number).

    Fragments that a member only takes part in are passed over, so a page may hold fewer than were asked for and others follow.
    """
    page, sources = page_of(want, 2), argument(want, "sources")
    room = page.first * 2 + 10 if sources is None else 500
    met = newest(trip, views, room, after=page.after)
    found = versions(trip, {version for some in met.values() for _, version in some.keys})
    held = holders_of(trip, found.values())

    def belongs(n: int, version: int) -> bool:
        shown = sources is None or found[version].key.source in sources
        return shown and any(face.profile == n for face in held[version])

    kept = {n: [key for key in some.keys if belongs(n, key[1])][: page.first + 1] for n, some in met.items()}
    shown = {version: found[version] for keys in kept.values() for _, version in keys[: page.first]}
    nodes = _views(trip, shown, [one for one in want.inner if one.field != "total_count"])
    totals = _totals(trip, views, sources) if total_wanted(want.inner) else {}
    answer = {}
    for n, keys in kept.items():
        edges = [Edge(key, nodes[key[1]]) for key in keys[: page.first]]
        if len(keys) > page.first:
            answer[n] = Connection(tuple(edges), True, edges[-1].key if edges else page.after, totals.get(n))
        else:
            passed = met[n].keys[-1] if met[n].keys else None
            answer[n] = connection(page, edges, total=totals.get(n), passed=passed, more=met[n].more)
    return answer


def _totals(trip: Trip, views: Sequence[ProfileView], sources: Sequence[str] | None) -> dict[int, int]:
    """How many fragments each profile has, where its members carry no more than are counted."""
    met = newest(trip, views, _COUNTED + 1)
    counted = {n: [version for _, version in some.keys] for n, some in met.items() if not some.more}
    found = versions(trip, {version for some in counted.values() for version in some})
    held = holders_of(trip, found.values())
    return {
        n: sum((sources is None or found[one].key.source in sources) and any(face.profile == n for face in held[one]) for one in some)
        for n, some in counted.items()
    }
