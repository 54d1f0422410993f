"""Profiles: looked up, listed, and put together from their parts.

The parts themselves live beside what they are about (identifiers, links, fragments, …) and enter themselves with `part`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from graph.model import Identifier, Instant, ProfileKind
from graph.resolve.rules import Rules
from graph.store.reading.pages import argument, bounded, connection, merged, total_wanted, without_total
from graph.store.reading.rows import Bounds, Rows
from graph.store.reading.trip import Trip
from graph.views import ByIdentifier, ByNumber, ByOneId, Connection, Edge, Key, LookUp, Page, ProfileView, Want

__all__ = ["Part", "leading_here", "numbers_of", "part", "profile_views", "profiles", "profiles_by", "where_they_lead"]

Part: TypeAlias = Callable[[Trip, Sequence[ProfileView], Want], Awaitable[Mapping[int, Any]]]
"""Reads one part for all of these profiles, all of them live: by number, for each of them."""

_PARTS: dict[str, tuple[Part, Callable[[Want], Any]]] = {}


def part(field: str, *, empty: Callable[[Want], Any]) -> Callable[[Part], Part]:
    """Enter a part of profiles; `empty` is what a retired OneID shows for it."""

    def enter(read: Part) -> Part:
        _PARTS[field] = (read, empty)
        return read

    return enter


# ---------------------------------------------------------------- look-ups


async def profiles_by(rows: Rows, rules: Rules, by: Sequence[LookUp], want: Sequence[Want]) -> list[ProfileView | None]:
    """The profiles looked up, in the same order; None for unknown."""
    trip = Trip(rows, rules)
    found = await numbers_of(trip, by)
    views = await profile_views(trip, (n for n in found if n is not None), want)
    return [None if n is None else views.get(n) for n in found]


async def numbers_of(trip: Trip, by: Sequence[LookUp]) -> list[int | None]:
    """The number of each profile looked up; None for unknown, and for a OneID that leads nowhere."""
    one_ids = [one.one_id for one in by if isinstance(one, ByOneId)]
    asked = [one.n for one in by if isinstance(one, ByNumber)]
    identifiers = [one.identifier for one in by if isinstance(one, ByIdentifier)]
    found: dict[str | int | Identifier, int] = {}
    asleep: set[int] = set()
    for key, n, size in await trip.rows.by_one_id(one_ids) if one_ids else ():
        found[key] = n
        asleep.update([n] if not size else ())
    for n, size in await trip.rows.by_number(asked) if asked else ():
        found[n] = n
        asleep.update([n] if not size else ())
    leads = await where_they_lead(trip, asleep) if asleep else {}
    if identifiers:
        found.update(await trip.rows.by_identifier(identifiers))

    def number(one: LookUp) -> int | None:
        if isinstance(one, ByIdentifier):
            return found.get(one.identifier)
        n = found.get(one.one_id if isinstance(one, ByOneId) else one.n)
        if n is None or n not in asleep or (isinstance(one, ByNumber) and not one.follow):
            return n
        return leads.get(n)

    return [number(one) for one in by]


async def where_they_lead(trip: Trip, ns: Iterable[int]) -> dict[int, int]:
    """By OneID the profile it leads to now, itself while it names one; one that leads nowhere is left out."""
    return dict(await trip.rows.leads(set(ns)))


async def leading_here(trip: Trip, ns: Iterable[int], most: int) -> dict[int, list[tuple[int, str]]]:
    """By profile the OneIDs that lead to it now (number, text), the last retired first, at most `most`."""
    found: dict[int, list[tuple[int, str]]] = {n: [] for n in ns}
    for root, n, one_id in await trip.rows.leading_here(found, most):
        if len(found[root]) < most:
            found[root].append((n, one_id))
    return found


# ---------------------------------------------------------------- views


async def profile_views(trip: Trip, ns: Iterable[int], want: Sequence[Want]) -> dict[int, ProfileView]:
    """Profiles by number with their parts. A OneID that names nobody shows as ANONYMOUS, of size 0, with empty parts."""
    parts: dict[int, dict[Any, Any]] = {}
    views: dict[int, ProfileView] = {}
    asked = set(ns)
    for n, one_id, kind, size, updated, now, made_at, updated_at, retired_at in await trip.rows.views(asked) if asked else ():
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
            found = await _successors(trip, views, one)
            empty: Any = None
        else:
            read, give_empty = _PARTS[one.field]
            found = await read(trip, live_ones, one) if live_ones else {}
            empty = give_empty(one)
        for n, own in parts.items():
            own[one.key] = found.get(n, empty)
    return views


async def _successors(trip: Trip, views: Mapping[int, ProfileView], want: Want) -> Mapping[int, ProfileView]:
    retired = [n for n, view in views.items() if not view.size]
    leads = await where_they_lead(trip, retired) if retired else {}
    found = await profile_views(trip, leads.values(), want.inner) if leads else {}
    return {n: found[leads[n]] for n in leads}


@part("retired_one_ids", empty=lambda _: ())
async def _retired_one_ids(trip: Trip, views: Sequence[ProfileView], want: Want) -> Mapping[int, tuple[str, ...]]:
    most = max(0, min(argument(want, "first", 20), 100))
    found = await leading_here(trip, (view.n for view in views), most)
    return {n: tuple(one_id for _, one_id in leading) for n, leading in found.items()}


# ---------------------------------------------------------------- everyone

_SCANNED: Final = 5_000
"""OneIDs that one page of everyone looks at, at most; those of another kind and retired ones among them."""


async def profiles(
    rows: Rows,
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
    trip, page = Trip(rows, rules), bounded(page, 1 if updated_after is None else 2)
    keys: list[Key]
    scanned: list[Key]
    room = _SCANNED if kind or updated_after is None else page.first + 1
    if updated_after is None:
        everyone = await rows.everyone(Bounds(page.after[0] if page.after else 0, room))
        keys = [(n,) for n, size, its_kind in everyone if size and (not kind or its_kind == kind)]
        scanned, more = [(n,) for n, _, _ in everyone[-1:]], len(everyone) == room
    else:
        after = (page.after[0], page.after[1]) if page.after else (await rows.last_commit_until(updated_after), 1 << 62)
        updated = await rows.updated(after, room)
        keys = [(commit, n) for commit, n, its_kind in updated if not kind or its_kind == kind]
        scanned, more = [(commit, n) for commit, n, _ in updated[-1:]], len(updated) == room
    keys = keys[: page.first + 1]
    views = await profile_views(trip, (key[-1] for key in keys[: page.first]), without_total(want))
    edges = [Edge(key, views[key[-1]]) for key in keys[: page.first]]
    total = await rows.count_profiles() if total_wanted(want) and not kind and updated_after is None else None
    if len(keys) > page.first:
        return Connection(tuple(edges), True, edges[-1].key if edges else page.after, total)
    return connection(page, edges, total=total, passed=scanned[0] if scanned else None, more=more)
