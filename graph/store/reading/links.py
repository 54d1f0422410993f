"""Links: of profiles, each with its ends, its fragments, and whether its profile hangs on it.

A list of links has two stretches: those that fragments carry, by (a, b), keys (a, b), then judgements in force, by number, keys (number,).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import networkx as nx

from graph.model import Instant, Refusal, Rule
from graph.store.reading.fragments import fragment_views
from graph.store.reading.identifiers import identifier_views
from graph.store.reading.pages import LAST, argument, connection, inner_of, merged, page_of, total_wanted, without_rows, without_total
from graph.store.reading.profiles import part
from graph.store.reading.rows import Judged, Seen
from graph.store.reading.trip import Trip
from graph.views import Connection, Edge, FragmentView, IdentifierView, Key, LinkView, Page, ProfileView, Want

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
            bridges = await _bridges(trip, found)
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
        return LinkView(a, b, link.kind, link.at, link.at, 0, None, None, parts, link.judgement)
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


# ---------------------------------------------------------------- bridges

_JOINING: Final = 200_000


async def _bridges(trip: Trip, found: Iterable[Seen | Judged]) -> set[Key]:
    """The pairs whose one link or judgement, when lost, parts the profile; cost grows with all accepted links of these profiles.

    Where there are more than 200,000 of them, a link that hangs on those not read counts as none.
    """
    accepted = [link for link in found if link.accepted]
    faces = await trip.faces(link.a for link in accepted)
    profiles = {n for link in accepted if (n := faces[link.a].profile) is not None}
    if not profiles:
        return set()
    pairs = Counter((min(pair), max(pair)) for pair in await trip.rows.joined(profiles, _JOINING))
    whole: nx.Graph[int] = nx.Graph()
    whole.add_edges_from(pairs)
    found_bridges: Iterable[Any] = nx.bridges(whole)  # pairs of ends, whatever its stub says
    bridges = [(min(ends), max(ends)) for ends in found_bridges]
    return {pair for pair in bridges if pairs[pair] == 1}


# ---------------------------------------------------------------- the links of profiles


@part("links", empty=without_rows)
async def _links(trip: Trip, views: Sequence[ProfileView], want: Want) -> Mapping[int, Connection[LinkView]]:
    """The accepted links of each profile, with `refused` also those refused at one of its members, then judgements in force."""
    page, refused = page_of(want, 1, 2), bool(argument(want, "refused", False))
    seen = await _seen(trip, views, page, refused)
    judged = await _judged(trip, views, page)
    lists: dict[int, list[Seen | Judged]] = {}
    for view in views:
        carried, stated = seen.get(view.n, {}), judged.get(view.n, {})
        in_order: list[Seen | Judged] = [carried[key] for key in sorted(carried)]
        in_order += [stated[key] for key in sorted(stated)]
        lists[view.n] = in_order[: page.first + 1]
    nodes = await link_views(trip, [link for links in lists.values() for link in links[: page.first]], without_total(want.inner))
    totals = await _totals(trip, views, refused) if total_wanted(want.inner) else {}
    answer = {}
    for n, links in lists.items():
        edges = tuple(Edge(link.key, nodes[link.key]) for link in links[: page.first])
        end = edges[-1].key if edges else page.after
        answer[n] = Connection(edges, len(links) > page.first, end, totals.get(n))
    return answer


async def _seen(trip: Trip, views: Sequence[ProfileView], page: Page, refused: bool) -> dict[int, dict[Key, Seen]]:
    """By profile its next links that fragments carry, each once; none where the page begins among the judgements."""
    found: dict[int, dict[Key, Seen]] = {}
    if page.after is not None and len(page.after) == 1:
        return found
    after = (page.after[0], page.after[1]) if page.after else (0, 0)
    for n, link in await trip.rows.links_of(views, after, page.first + 1, refused=refused):
        found.setdefault(n, {})[link.key] = link
    return found


async def _judged(trip: Trip, views: Sequence[ProfileView], page: Page) -> dict[int, dict[Key, Judged]]:
    """By profile its next judgements in force, each once."""
    found: dict[int, dict[Key, Judged]] = {}
    after = page.after[0] if page.after is not None and len(page.after) == 1 else 0
    for n, judged in await trip.rows.judged_of(views, after, page.first + 1):
        found.setdefault(n, {})[judged.key] = judged
    return found


_COUNTED: Final = 10_000
"""Links of each sort of a profile that are counted; where there are more, their number is not given."""


async def _totals(trip: Trip, views: Sequence[ProfileView], refused: bool) -> dict[int, int]:
    totals: Counter[int] = Counter({view.n: 0 for view in views})
    many: set[int] = set()
    for n, counted in await trip.rows.count_links(views, _COUNTED, refused=refused):
        totals[n] += counted
        if counted > _COUNTED:
            many.add(n)
    return {n: total for n, total in totals.items() if n not in many}
