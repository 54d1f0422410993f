"""The fragments of profiles: those whose facts hang on a member."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from graph.store.reading.fragments import holders_of, version_views, versions_of
from graph.store.reading.pages import LAST, argument, connection, page_of, total_wanted, without_rows, without_total
from graph.store.reading.profiles import part
from graph.store.reading.trip import Trip
from graph.views import Connection, Edge, FragmentView, ProfileView, Want

__all__: list[str] = []

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
    nodes = await version_views(trip, shown, without_total(want.inner))
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
