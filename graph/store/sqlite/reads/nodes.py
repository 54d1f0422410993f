"""Objects by kind and number, as behind the ids that clients hold."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from graph.resolve.rules import Rules
from graph.store.sqlite.reads.feed import change_views
from graph.store.sqlite.reads.fragments import fragment_views
from graph.store.sqlite.reads.identifiers import identifier_views
from graph.store.sqlite.reads.judgements import judgement_views
from graph.store.sqlite.reads.links import judged_links, link_views, seen_links
from graph.store.sqlite.reads.profiles import profile_views
from graph.store.sqlite.reads.trip import Trip
from graph.views import ChangeView, FragmentView, IdentifierView, JudgementView, LinkView, ProfileView, Want

__all__ = ["nodes"]

Node: TypeAlias = ProfileView | IdentifierView | LinkView | FragmentView | JudgementView | ChangeView


def nodes(conn: sqlite3.Connection, rules: Rules, ids: Sequence[tuple[str, Any]], want: Mapping[str, Sequence[Want]]) -> list[Node | None]:
    """Objects in the order asked, None for unknown. A retired OneID answers for itself; an identifier that nothing mentions is unknown.

    A link is named by its ends (a, b), a judgement as a link by (number,).
    """
    trip = Trip(conn, rules)
    by_kind: dict[str, list[Any]] = {}
    for kind, number in ids:
        by_kind.setdefault(kind, []).append(number)
    found = {kind: _READERS[kind](trip, numbers, want.get(kind, ())) for kind, numbers in by_kind.items()}
    return [found[kind].get(number) for kind, number in ids]


def _identifiers(trip: Trip, ids: Sequence[int], want: Sequence[Want]) -> Mapping[Any, Node]:
    faces = trip.faces(ids)
    known = [id for id in ids if id in faces and faces[id].profile is not None]
    views = identifier_views(trip, known, want)
    return {id: views[id] for id in known}


def _links(trip: Trip, keys: Sequence[tuple[int, ...]], want: Sequence[Want]) -> Mapping[Any, Node]:
    pairs = [(key[0], key[1]) for key in keys if len(key) == 2]
    return link_views(trip, [*seen_links(trip, pairs), *judged_links(trip, (key[0] for key in keys if len(key) == 1))], want)


_READERS: Final[Mapping[str, Callable[[Trip, Sequence[Any], Sequence[Want]], Mapping[Any, Node]]]] = {
    "profile": profile_views,
    "identifier": _identifiers,
    "link": _links,
    "fragment": fragment_views,
    "judgement": judgement_views,
    "change": change_views,
}
