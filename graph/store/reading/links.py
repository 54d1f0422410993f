"""Links, each with its ends, its fragments, and whether its profile hangs on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graph.model import Instant, JudgementKind, Refusal, Rule
from graph.store.reading.bridges import bridges_of
from graph.store.reading.fragments import fragment_views
from graph.store.reading.identifiers import identifier_views
from graph.store.reading.pages import LAST, connection, inner_of, merged, page_of, total_wanted, without_total
from graph.store.reading.rows import Judged, Seen
from graph.store.reading.trip import Trip
from graph.views import Connection, Edge, FragmentView, IdentifierView, Key, LinkView, Want

__all__ = ["link_views"]

# ---------------------------------------------------------------- views


async def link_views(trip: Trip, found: Sequence[Seen | Judged], want: Sequence[Want]) -> dict[Key, LinkView]:
    """Links by their keys, with their parts."""
    a = await identifier_views(trip, (link.a for link in found), inner_of(want, "a"))
    b = await identifier_views(trip, (link.b for link in found), inner_of(want, "b"))
    parts: dict[Key, dict[Any, Any]] = {link.key: {} for link in found}
    for one in merged(want) if found else ():
        if one.field == "fragments":
            pages = await _fragments_of(trip, found, one)
            for key, own in parts.items():
                own[one.key] = pages[key]
        elif one.field == "bridge":
            bridges = await bridges_of(trip, (link.a for link in found if link.accepted))
            for link in found:
                parts[link.key][one.key] = link.accepted and (link.a, link.b) in bridges
        elif one.field not in ("a", "b"):
            raise KeyError(one.field)
    times = await _contradictory_times(trip, [link for link in found if isinstance(link, Seen) and link.first is None])
    return {link.key: _view(link, a[link.a], b[link.b], times.get(link.key, (0, 0)), parts[link.key]) for link in found}


def _view(
    link: Seen | Judged, a: IdentifierView, b: IdentifierView, otherwise: tuple[Instant, Instant], parts: Mapping[Any, Any]
) -> LinkView:
    """`otherwise`: the times of a link that has none of its own."""
    if isinstance(link, Judged):
        overruled = None if link.in_force else Refusal(Rule.DISTINCT if link.kind is JudgementKind.SAME else Rule.SAME)
        return LinkView(a, b, link.kind, link.at, link.at, 0, None, overruled, parts, link.judgement)
    first, last = otherwise if link.first is None or link.last is None else (link.first, link.last)
    score = None if link.bare else link.score
    refused = None if link.refused is None else Refusal(Rule(link.refused), link.namespace)
    return LinkView(a, b, "observed", first, last, link.n + link.dirty, score, refused, parts)


async def _contradictory_times(trip: Trip, found: Sequence[Seen]) -> dict[Key, tuple[Instant, Instant]]:
    """When links were seen that only self-contradicting fragments carry; these count for nothing, so the link keeps no times."""
    if not found:
        return {}
    return {(a, b): (first, last) for a, b, first, last in await trip.rows.times_of([(link.a, link.b) for link in found])}


async def _fragments_of(trip: Trip, found: Iterable[Seen | Judged], want: Want) -> dict[Key, Connection[FragmentView]]:
    """The active fragments that carry both ends, newest first, keys (observed, version number); a judgement has none."""
    page = page_of(want, 2)
    links = {link.key: link for link in found}
    seen = [(link.a, link.b) for link in links.values() if isinstance(link, Seen)]
    before = (page.after[0], page.after[1]) if page.after else (LAST, LAST)
    met: dict[Key, list[Key]] = {key: [] for key in links}
    for a, b, observed, version in await trip.rows.common(seen, before, page.first + 1) if seen else ():
        met[(a, b)].append((observed, version))
    for keys in met.values():
        keys.sort(reverse=True)
    nodes = await fragment_views(trip, {key[1] for keys in met.values() for key in keys}, without_total(want.inner))
    counts = {key: link.n + link.dirty if isinstance(link, Seen) else 0 for key, link in links.items()}
    total = total_wanted(want.inner)
    return {
        key: connection(page, [Edge(one, nodes[one[1]]) for one in keys], total=counts[key] if total else None) for key, keys in met.items()
    }
