"""The links of profiles, in two stretches.

First those that fragments carry, by (a, b), keys (a, b); then judgements in force, by number, keys (number,).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from graph.store.reading.links import link_views
from graph.store.reading.pages import argument, page_of, total_wanted, without_rows, without_total
from graph.store.reading.profiles import part
from graph.store.reading.rows import Judged, Seen
from graph.store.reading.trip import Trip
from graph.views import Connection, Edge, Key, LinkView, Page, ProfileView, Want

__all__: list[str] = []


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
