"""Profiles: looked up, listed, and put together from their parts.

The parts themselves live beside what they are about (identifiers, links, fragments, …) and enter themselves with `part`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from graph.model import Identifier, Instant, ProfileKind
from graph.resolve.rules import Rules
from graph.store.sqlite.reads.trip import Trip, argument, bounded, connection, merged, numbers, total_wanted
from graph.views import ByIdentifier, ByNumber, ByOneId, Connection, Edge, Key, LookUp, Page, ProfileView, Want

__all__ = ["Part", "leading_here", "numbers_of", "part", "profile_views", "profiles", "profiles_by", "where_they_lead"]

Part: TypeAlias = Callable[[Trip, Sequence[ProfileView], Want], Mapping[int, Any]]
"""Reads one part for all of these profiles, all of them live: by number, for each of them."""

_PARTS: dict[str, tuple[Part, Callable[[Want], Any]]] = {}


def part(field: str, *, empty: Callable[[Want], Any]) -> Callable[[Part], Part]:
    """Enter a part of profiles; `empty` is what a retired OneID shows for it."""

    def enter(read: Part) -> Part:
        _PARTS[field] = (read, empty)
        return read

    return enter


# ---------------------------------------------------------------- look-ups


def profiles_by(conn: sqlite3.Connection, rules: Rules, by: Sequence[LookUp], want: Sequence[Want]) -> list[ProfileView | None]:
    """The profiles looked up, in the same order; None for unknown."""
    trip = Trip(conn, rules)
    found = numbers_of(trip, by)
    views = profile_views(trip, (n for n in found if n is not None), want)
    return [None if n is None else views.get(n) for n in found]


_BY_ONE_ID: Final = "SELECT o.one_id, o.n, o.size FROM json_each(?) j CROSS JOIN one_id o ON o.one_id = j.value"
_BY_NUMBER: Final = "SELECT o.n, o.n, o.size FROM json_each(?) j CROSS JOIN one_id o ON o.n = j.value"
_BY_IDENTIFIER: Final = """
SELECT n.name, i.value, i.profile
FROM json_each(?) j JOIN namespace n ON n.name = json_extract(j.value, '$[0]')
CROSS JOIN identifier i ON i.namespace = n.no AND i.value = json_extract(j.value, '$[1]')
WHERE i.profile IS NOT NULL
"""


def numbers_of(trip: Trip, by: Sequence[LookUp]) -> list[int | None]:
    """The number of each profile looked up; None for unknown, and for a OneID that leads nowhere."""
    one_ids = [one.one_id for one in by if isinstance(one, ByOneId)]
    asked = [one.n for one in by if isinstance(one, ByNumber)]
    identifiers = [one.identifier for one in by if isinstance(one, ByIdentifier)]
    rows = trip.rows(_BY_ONE_ID, json.dumps(one_ids)) if one_ids else []
    if asked:
        rows += trip.rows(_BY_NUMBER, numbers(asked))
    found: dict[str | int | Identifier, int] = {key: n for key, n, _ in rows}
    asleep = {n for _, n, size in rows if not size}
    leads = where_they_lead(trip, asleep) if asleep else {}
    if identifiers:
        found.update((Identifier(name, value), n) for name, value, n in trip.rows(_BY_IDENTIFIER, json.dumps(identifiers)))

    def number(one: LookUp) -> int | None:
        if isinstance(one, ByIdentifier):
            return found.get(one.identifier)
        n = found.get(one.one_id if isinstance(one, ByOneId) else one.n)
        if n is None or n not in asleep or (isinstance(one, ByNumber) and not one.follow):
            return n
        return leads.get(n)

    return [number(one) for one in by]


_LEADS: Final = """
WITH RECURSIVE hop (start, n) AS (
    SELECT value, value FROM json_each(?)
    UNION SELECT h.start, o.leads FROM hop h JOIN one_id o ON o.n = h.n WHERE o.size = 0 AND o.leads IS NOT NULL
)
SELECT h.start, h.n FROM hop h CROSS JOIN one_id o ON o.n = h.n WHERE o.size > 0
"""


def where_they_lead(trip: Trip, ns: Iterable[int]) -> dict[int, int]:
    """By OneID the profile it leads to now, itself while it names one; one that leads nowhere is left out."""
    return dict(trip.rows(_LEADS, numbers(ns)))


_LEADING_HERE: Final = """
WITH RECURSIVE down (root, n, one_id, retired) AS (
    SELECT value, value, NULL, 9223372036854775807 FROM json_each(?1)
    UNION ALL
    SELECT d.root, o.n, o.one_id, coalesce(o.retired, 0) FROM down d CROSS JOIN one_id o
    ON o.n IN (SELECT n FROM one_id WHERE leads = d.n ORDER BY retired DESC, n DESC LIMIT ?2)
    ORDER BY 4 DESC LIMIT 10000
)
SELECT root, n, one_id FROM down WHERE one_id IS NOT NULL ORDER BY retired DESC, n DESC
"""


def leading_here(trip: Trip, ns: Iterable[int], most: int) -> dict[int, list[tuple[int, str]]]:
    """By profile the OneIDs that lead to it now (number, text), the last retired first, at most `most`.

    One that leads here by way of another was retired before that one was, so the newest of each are enough. At most 10,000 are
    looked at for a whole answer.
    """
    found: dict[int, list[tuple[int, str]]] = {n: [] for n in ns}
    for root, n, one_id in trip.rows(_LEADING_HERE, numbers(found), most):
        if len(found[root]) < most:
            found[root].append((n, one_id))
    return found


# ---------------------------------------------------------------- views

_VIEWS: Final = """
SELECT o.n, o.one_id, o.kind, o.size, o.updated, (SELECT at FROM commits ORDER BY n DESC LIMIT 1), made.at, changed.at, retired.at
FROM json_each(?) j CROSS JOIN one_id o ON o.n = j.value
JOIN commits made ON made.n = o.made JOIN commits changed ON changed.n = o.updated LEFT JOIN commits retired ON retired.n = o.retired
"""


def profile_views(trip: Trip, ns: Iterable[int], want: Sequence[Want]) -> dict[int, ProfileView]:
    """Profiles by number with their parts. A OneID that names nobody shows as ANONYMOUS, of size 0, with empty parts."""
    parts: dict[int, dict[Any, Any]] = {}
    views: dict[int, ProfileView] = {}
    for n, one_id, kind, size, updated, now, made_at, updated_at, retired_at in trip.rows(_VIEWS, numbers(set(ns))):
        parts[n] = {}
        live = size > 0
        views[n] = ProfileView(
            n,
            one_id,
            ProfileKind(kind) if live else ProfileKind.ANONYMOUS,
            size,
            updated,
            now,
            made_at,
            updated_at,
            None if live else retired_at,
            parts[n],
        )
    live_ones = [view for view in views.values() if view.size]
    for one in merged(want) if views else ():
        if one.field == "successor":
            found = _successors(trip, views, one)
            empty: Any = None
        else:
            read, give_empty = _PARTS[one.field]
            found = read(trip, live_ones, one) if live_ones else {}
            empty = give_empty(one)
        for n, own in parts.items():
            own[one.key] = found.get(n, empty)
    return views


def _successors(trip: Trip, views: Mapping[int, ProfileView], want: Want) -> Mapping[int, ProfileView]:
    retired = [n for n, view in views.items() if not view.size]
    leads = where_they_lead(trip, retired) if retired else {}
    found = profile_views(trip, leads.values(), want.inner) if leads else {}
    return {n: found[leads[n]] for n in leads}


@part("retired_one_ids", empty=lambda _: ())
def _retired_one_ids(trip: Trip, views: Sequence[ProfileView], want: Want) -> Mapping[int, tuple[str, ...]]:
    most = max(0, min(argument(want, "first", 20), 100))
    found = leading_here(trip, (view.n for view in views), most)
    return {n: tuple(one_id for _, one_id in leading) for n, leading in found.items()}


# ---------------------------------------------------------------- everyone

_SCANNED: Final = 5_000
"""OneIDs that one page of everyone looks at, at most; those of another kind and retired ones among them."""
_EVERYONE: Final = "SELECT n, size, kind FROM one_id WHERE n > ? ORDER BY n LIMIT ?"
_UPDATED: Final = """
SELECT updated, n, kind FROM one_id INDEXED BY one_id_updated WHERE size > 0 AND (updated, n) > (?, ?) ORDER BY updated, n LIMIT ?
"""


def profiles(
    conn: sqlite3.Connection,
    rules: Rules,
    page: Page,
    want: Sequence[Want],
    *,
    kind: ProfileKind | None = None,
    updated_after: Instant | None = None,
) -> Connection[ProfileView]:
    """Everyone by number, keys (n,); with `updated_after` those changed by a later commit, by update, keys (commit, n).

    `total_count` may stand among the wants: it is given for everyone, unfiltered.
    """
    trip, page = Trip(conn, rules), bounded(page, 1 if updated_after is None else 2)
    keys: list[Key]
    scanned: list[Key]
    room = _SCANNED if kind or updated_after is None else page.first + 1
    if updated_after is None:
        rows = trip.rows(_EVERYONE, page.after[0] if page.after else 0, room)
        keys = [(n,) for n, size, its_kind in rows if size and (not kind or its_kind == kind)]
        scanned = [(n,) for n, _, _ in rows[-1:]]
    else:
        after = page.after or (_last_commit_until(trip, updated_after), 1 << 62)
        rows = trip.rows(_UPDATED, *after, room)
        keys = [(updated, n) for updated, n, its_kind in rows if not kind or its_kind == kind]
        scanned = [(updated, n) for updated, n, _ in rows[-1:]]
    keys = keys[: page.first + 1]
    views = profile_views(trip, (key[-1] for key in keys[: page.first]), [one for one in want if one.field != "total_count"])
    edges = [Edge(key, views[key[-1]]) for key in keys[: page.first]]
    total = None
    if total_wanted(want) and not kind and updated_after is None:
        total = trip.rows("SELECT count(*) FROM one_id INDEXED BY one_id_updated WHERE size > 0")[0][0]
    if len(keys) > page.first:
        return Connection(tuple(edges), True, edges[-1].key if edges else page.after, total)
    return connection(page, edges, total=total, passed=scanned[0] if scanned else None, more=len(rows) == room)


def _last_commit_until(trip: Trip, at: Instant) -> int:
    """The last commit at or before an instant; commits happen in order, so it is found by halving."""
    low, high = 0, trip.rows("SELECT coalesce(max(n), 0) FROM commits")[0][0]
    while low < high:
        middle = (low + high + 1) // 2
        last = trip.rows("SELECT n, at FROM commits WHERE n <= ? ORDER BY n DESC LIMIT 1", middle)
        if not last or last[0][1] <= at:
            low = middle
        else:
            high = last[0][0] - 1
    return low
