"""Objects by kind and number, as behind the ids that clients hold."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from graph.resolve.rules import Rules
from graph.store.reading.audit import audit_views
from graph.store.reading.conflicts import conflict_views
from graph.store.reading.feed import change_views
from graph.store.reading.fragments import fragment_views
from graph.store.reading.identifiers import identifier_views
from graph.store.reading.judgements import judgement_views
from graph.store.reading.links import link_views
from graph.store.reading.profiles import profile_views
from graph.store.reading.rows import Judged, Rows, Seen
from graph.store.reading.trip import Trip
from graph.views import (
    AuditView,
    ChangeView,
    ConflictView,
    FragmentView,
    IdentifierView,
    JudgementView,
    LinkView,
    ProfileView,
    Want,
)

__all__ = ["nodes"]

Node: TypeAlias = ProfileView | IdentifierView | LinkView | FragmentView | JudgementView | ChangeView | ConflictView | AuditView


async def nodes(rows: Rows, rules: Rules, ids: Sequence[tuple[str, Any]], want: Mapping[str, Sequence[Want]]) -> list[Node | None]:
    """Objects in the order asked, None for unknown. A retired OneID answers for itself; an identifier that nothing mentions is unknown.

    A link is named by its ends (a, b), a judgement as a link by (number,); a conflict by the ends of a link between its profiles.
    """
    trip = Trip(rows, rules)
    by_kind: dict[str, list[Any]] = {}
    for kind, number in ids:
        by_kind.setdefault(kind, []).append(number)
    found = {kind: await _READERS[kind](trip, numbers, want.get(kind, ())) for kind, numbers in by_kind.items()}
    return [found[kind].get(number) for kind, number in ids]


async def _identifiers(trip: Trip, ids: Sequence[int], want: Sequence[Want]) -> Mapping[Any, Node]:
    faces = await trip.faces(ids)
    known = [id for id in ids if id in faces and faces[id].profile is not None]
    views = await identifier_views(trip, known, want)
    return {id: views[id] for id in known}


async def _links(trip: Trip, keys: Sequence[tuple[int, ...]], want: Sequence[Want]) -> Mapping[Any, Node]:
    pairs = [(key[0], key[1]) for key in keys if len(key) == 2]
    judgements = [key[0] for key in keys if len(key) == 1]
    found: list[Seen | Judged] = [
        *(await trip.rows.links(pairs) if pairs else ()),
        *(await trip.rows.judged(judgements) if judgements else ()),
    ]
    return await link_views(trip, found, want)


_READERS: Final[Mapping[str, Callable[[Trip, Sequence[Any], Sequence[Want]], Awaitable[Mapping[Any, Node]]]]] = {
    "profile": profile_views,
    "identifier": _identifiers,
    "link": _links,
    "fragment": fragment_views,
    "judgement": judgement_views,
    "change": change_views,
    "conflict": conflict_views,
    "audit": audit_views,
}
