"""Judgements as operators made them, those not in force included."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from graph.model import Identifier, Instant, JudgementKind
from graph.store.sqlite.reads.identifiers import blocked_identifier, identifier_views
from graph.store.sqlite.reads.profiles import part
from graph.store.sqlite.reads.trip import LAST, Trip, connection, inner_of, numbers, page_of, without_rows
from graph.views import Connection, Edge, IdentifierView, JudgementView, ProfileView, Want

__all__ = ["judgement_views"]

_BY_NUMBER: Final = """
SELECT id, kind, a, b, raw, at, by, reason, in_force AND ended IS NULL FROM judgement
WHERE id IN (SELECT value FROM json_each(?))
"""
_OF_PROFILES: Final = """
SELECT m.profile, g.id FROM json_each(?1) p CROSS JOIN identifier m ON m.profile = p.value
CROSS JOIN judgement g ON g.id IN (
    SELECT * FROM (SELECT id FROM judgement WHERE a = m.id AND ended IS NULL AND id < ?2 ORDER BY id DESC LIMIT ?3)
    UNION
    SELECT * FROM (SELECT id FROM judgement WHERE b = m.id AND ended IS NULL AND id < ?2 ORDER BY id DESC LIMIT ?3)
)
"""


def judgement_views(trip: Trip, ids: Iterable[int], want: Sequence[Want]) -> dict[int, JudgementView]:
    """Judgements by number; where an end is blocked the judgement is void and shows that identifier as it was sent."""
    rows: list[tuple[Any, ...]] = trip.rows(_BY_NUMBER, numbers(ids))
    wants = (inner_of(want, "a"), inner_of(want, "b"))
    known = [identifier_views(trip, (row[place] for row in rows if row[place] is not None), wants[place - 2]) for place in (2, 3)]

    def end(place: int, id: int | None, sent: Sequence[Sequence[str]], at: Instant) -> IdentifierView:
        return blocked_identifier(Identifier(*sent[place]), at, wants[place]) if id is None else known[place][id]

    found = {}
    for id, kind, a, b, raw, at, by, reason, in_force in rows:
        sent = orjson.loads(raw)
        ends = (end(0, a, sent, at), end(1, b, sent, at))
        found[id] = JudgementView(id, JudgementKind(kind), *ends, at, by, reason, bool(in_force))
    return found


@part("judgements", empty=without_rows)
def _judgements(trip: Trip, views: Sequence[ProfileView], want: Want) -> Mapping[int, Connection[JudgementView]]:
    """Live judgements that name a member, in force or not, newest first; keys (number,)."""
    page = page_of(want)
    before = page.after[0] if page.after else LAST
    met: dict[int, set[int]] = {view.n: set() for view in views}
    for n, id in trip.rows(_OF_PROFILES, numbers(met), before, page.first + 1):
        met[n].add(id)
    ids = {n: sorted(some, reverse=True)[: page.first + 1] for n, some in met.items()}
    nodes = judgement_views(trip, {id for some in ids.values() for id in some}, want.inner)
    return {n: connection(page, [Edge((id,), nodes[id]) for id in some]) for n, some in ids.items()}
