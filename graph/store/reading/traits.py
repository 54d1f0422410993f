"""The golden record of profiles, folded when it is read from the traits of their fragments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from graph.store.reading.fragments import holders_of
from graph.store.reading.identifiers import identifier_views
from graph.store.reading.pages import argument, inner_of
from graph.store.reading.profiles import part
from graph.store.reading.rows import Face
from graph.store.reading.trip import Trip
from graph.traits.fold import Golden, Told, fold
from graph.views import IdentifierView, ProfileView, TraitCandidateView, TraitView, Want

__all__ = ["MAX_FRAGMENTS"]

MAX_FRAGMENTS: Final = 5_000
"""Fragments with traits that a golden record is folded from: the newest that members of the profile carry."""


@part("traits", empty=lambda _: ())
async def _traits(trip: Trip, views: Sequence[ProfileView], want: Want) -> Mapping[int, tuple[TraitView, ...]]:
    """The golden record of each profile by trait name; `alternatives` only where they are wanted."""
    keys = argument(want, "keys")
    golden = await _folded(trip, views, None if keys is None else frozenset(keys))
    candidates = [one for one in want.inner if one.field == "alternatives"]
    most = max((max(0, min(argument(one, "first", 10), 100)) for one in candidates), default=0)
    own = {one.witness.holder.id for record in golden.values() for one in record}
    others = {other.holder.id for record in golden.values() for one in record for other in one.alternatives[:most]}
    identifiers = await identifier_views(trip, own, inner_of(want.inner, "identifier"))
    losing = await identifier_views(trip, others, [inner for one in candidates for inner in inner_of(one.inner, "identifier")])
    return {n: tuple(_view(one, most, identifiers, losing) for one in record) for n, record in golden.items()}


def _view(one: Golden[Face], most: int, identifiers: Mapping[int, IdentifierView], losing: Mapping[int, IdentifierView]) -> TraitView:
    alternatives = tuple(
        TraitCandidateView(other.value, other.source, losing[other.holder.id], other.observed) for other in one.alternatives[:most]
    )
    witness = one.witness
    return TraitView(one.key, one.value, witness.source, identifiers[witness.holder.id], witness.observed, alternatives)


async def _folded(trip: Trip, views: Sequence[ProfileView], keys: frozenset[str] | None) -> dict[int, list[Golden[Face]]]:
    met, found = await trip.rows.newest_told(views, MAX_FRAGMENTS)
    held = await holders_of(trip, found.values())
    traits: dict[int, Any] = {id: orjson.loads(version.traits) for id, version in found.items() if version.traits is not None}
    record: dict[int, list[Golden[Face]]] = {}
    for n, ids in met.items():
        told = []
        for id in ids:
            holder = next((face for face in held[id] if face.profile == n), None)
            if holder is not None:
                told.append(Told(*found[id].key, found[id].observed, holder, traits[id]))
        record[n] = fold(told, trip.rules.traits, keys)
    return record
