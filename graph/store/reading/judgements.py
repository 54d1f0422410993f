"""Judgements as operators made them, those not in force included."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from graph.model import Identifier, Instant, JudgementKind
from graph.store.reading.identifiers import blocked_identifier, identifier_views
from graph.store.reading.pages import LAST, connection, inner_of, page_of, without_rows
from graph.store.reading.profiles import part
from graph.store.reading.trip import Trip
from graph.views import Connection, Edge, IdentifierView, JudgementView, ProfileView, Want

__all__ = ["judgement_views"]


async def judgement_views(trip: Trip, ids: Collection[int], want: Sequence[Want]) -> dict[int, JudgementView]:
    """Judgements by number; where an end is blocked the judgement is void and shows that identifier as it was sent."""
    rows = await trip.rows.judgements(ids) if ids else ()
    wants = (inner_of(want, "a"), inner_of(want, "b"))
    known = [await identifier_views(trip, (row[place] for row in rows if row[place] is not None), wants[place - 2]) for place in (2, 3)]

    def end(place: int, id: int | None, sent: Sequence[Identifier], at: Instant) -> IdentifierView:
        return blocked_identifier(sent[place], at, wants[place]) if id is None else known[place][id]

    found = {}
    for id, kind, a, b, sent, at, by, reason, in_force in rows:
        ends = (end(0, a, sent, at), end(1, b, sent, at))
        found[id] = JudgementView(id, JudgementKind(kind), *ends, at, by, reason, bool(in_force))
    return found


@part("judgements", empty=without_rows)
async def _judgements(trip: Trip, views: Sequence[ProfileView], want: Want) -> Mapping[int, Connection[JudgementView]]:
    """Live judgements that name a member, in force or not, newest first; keys (number,)."""
    page = page_of(want)
    before = page.after[0] if page.after else LAST
    met: dict[int, set[int]] = {view.n: set() for view in views}
    for n, id in await trip.rows.judgements_of(views, before, page.first + 1):
        met[n].add(id)
    ids = {n: sorted(some, reverse=True)[: page.first + 1] for n, some in met.items()}
    nodes = await judgement_views(trip, {id for some in ids.values() for id in some}, want.inner)
    return {n: connection(page, [Edge((id,), nodes[id]) for id in some]) for n, some in ids.items()}
