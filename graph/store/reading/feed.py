"""The feed of changes: as a whole, and what happened to one profile and the OneIDs that lead to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from graph.model import ChangeKind
from graph.resolve.rules import Rules
from graph.store.reading.identifiers import identifier_views
from graph.store.reading.pages import LAST, bounded, connection, merged, page_of, total_wanted, without_rows, without_total
from graph.store.reading.profiles import leading_here, part, profile_views, where_they_lead
from graph.store.reading.rows import Bounds, Rows
from graph.store.reading.trip import Trip
from graph.views import ChangeView, Connection, Edge, IdentifierView, Page, ProfileView, Want

__all__ = ["change_views", "changes"]

_LEADING: Final = 1_000
"""OneIDs whose changes are a profile's besides its own: the last retired of those that lead to it."""
_SCANNED: Final = 5_000
"""Entries of the feed that one page of some kinds looks at."""


async def change_views(trip: Trip, seqs: Iterable[int], want: Sequence[Want]) -> dict[int, ChangeView]:
    """Changes by position with their parts."""
    asked = set(seqs)
    rows = await trip.rows.changes(asked) if asked else ()
    parts: dict[int, dict[Any, Any]] = {row[0]: {} for row in rows}
    for one in merged(want) if rows else ():
        if one.field == "profile":
            leads = await where_they_lead(trip, {row[3] for row in rows})
            profiles = await profile_views(trip, leads.values(), one.inner)
            for row in rows:
                parts[row[0]][one.key] = profiles.get(leads.get(row[3], 0))
        elif one.field in ("gained", "lost"):
            pages = await _identifiers(trip, parts, one)
            for seq, own in parts.items():
                own[one.key] = pages[seq]
        else:
            raise KeyError(one.field)
    return {
        seq: ChangeView(seq, at, ChangeKind(kind), n, one_id, leads_to, cause_kind, cause, by, parts[seq])
        for seq, at, kind, n, one_id, leads_to, cause_kind, cause, by in rows
    }


async def _identifiers(trip: Trip, seqs: Mapping[int, object], want: Want) -> dict[int, Connection[IdentifierView]]:
    """The identifiers gained or lost by each change, by id; keys (id,)."""
    page = page_of(want)
    after = page.after[0] if page.after else 0
    lists = dict(await trip.rows.moved(seqs, want.field == "gained"))
    pages = {seq: sorted(id for id in ids if id > after)[: page.first + 1] for seq, ids in lists.items()}
    nodes = await identifier_views(trip, (id for ids in pages.values() for id in ids), without_total(want.inner))
    total = total_wanted(want.inner)
    return {
        seq: connection(page, [Edge((id,), nodes[id]) for id in ids if id in nodes], total=len(lists[seq]) if total else None)
        for seq, ids in pages.items()
    }


async def changes(
    rows: Rows, rules: Rules, page: Page, want: Sequence[Want], *, kinds: Sequence[str] | None = None, n: int | None = None
) -> Connection[ChangeView]:
    """The feed in its one order, keys (seq,); `n`: of one OneID and those that lead to it. A page of some kinds looks at 5,000 entries
    at most; the end of the page is after those it passed over."""
    trip, page = Trip(rows, rules), bounded(page)
    bounds = Bounds(page.after[0] if page.after else 0, page.first + 1 if kinds is None else _SCANNED)
    if n is None:
        entries = await rows.feed(bounds)
    else:
        entries = await rows.feed_of([n, *(leading for leading, _ in (await leading_here(trip, [n], _LEADING))[n])], bounds)
    seqs = [seq for seq, kind in entries if kinds is None or kind in kinds][: page.first + 1]
    nodes = await change_views(trip, seqs[: page.first], want)
    edges = [Edge((seq,), nodes[seq]) for seq in seqs[: page.first]]
    if len(seqs) > page.first:
        return Connection(tuple(edges), True, edges[-1].key if edges else page.after)
    return connection(page, edges, passed=(entries[-1][0],) if entries else None, more=len(entries) == bounds.most)


@part("changes", empty=without_rows)
async def _changes(trip: Trip, views: Sequence[ProfileView], want: Want) -> Mapping[int, Connection[ChangeView]]:
    """What happened to each profile's OneID and to those that lead to it, newest first; keys (seq,)."""
    page = page_of(want)
    before = page.after[0] if page.after else LAST
    leading = await leading_here(trip, (view.n for view in views), _LEADING)
    followed = [(n, one) for n, some in leading.items() for one in (n, *(other for other, _ in some))]
    met: dict[int, list[int]] = {view.n: [] for view in views}
    for n, seq in await trip.rows.newest_changes(followed, before, page.first + 1):
        met[n].append(seq)
    seqs = {n: sorted(some, reverse=True)[: page.first + 1] for n, some in met.items()}
    nodes = await change_views(trip, {seq for some in seqs.values() for seq in some}, want.inner)
    return {n: connection(page, [Edge((seq,), nodes[seq]) for seq in some]) for n, some in seqs.items()}
