"""A preview with all that a person looks at: the people an operation would leave, and the traits that would then contradict each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from graph.curate import Long, preview
from graph.errors import BadInput
from graph.model import Instant
from graph.operations import Operation
from graph.outcome import Blocker, LeftProfile
from graph.resolve.rules import Strategy, TraitRules
from graph.ruled import by_rules
from graph.store.ports import Store
from graph.traits.fold import Told, fold
from graph.views import ByNumber, IdentifierView, ProfileView, TraitCandidateView, TraitView, Want

__all__ = ["SHOWN_IDENTIFIERS", "SHOWN_PROFILES", "ShownPreview", "ShownProfile", "show_preview"]

SHOWN_PROFILES: Final = 100
SHOWN_IDENTIFIERS: Final = 100
"""Of each profile, the strongest first."""


@dataclass(frozen=True, slots=True)
class ShownProfile:
    """`one_id` None: it gets a new one. `count` is of all its identifiers."""

    one_id: str | None
    identifiers: tuple[IdentifierView, ...]
    count: int


@dataclass(frozen=True, slots=True)
class ShownPreview:
    """`allowed`: the operation can be done; `blockers` say why not, or what stays apart although it is. `conflicts` are traits of which
    the profiles that become one have different values."""

    token: str
    allowed: bool
    blockers: tuple[Blocker, ...]
    profiles: tuple[ShownProfile, ...]
    profile_count: int
    conflicts: tuple[TraitView, ...]


async def show_preview(
    store: Store,
    operation: Operation,
    want: Sequence[Want],
    traits: Sequence[Want] | None,
    *,
    by: str | None = None,
    long: Long | None = None,
) -> ShownPreview:
    """What `perform` would do. `want`: of the identifiers shown; `traits`: of the conflicting traits, None where nobody asks for them."""
    try:
        seen = await preview(store, operation, by=by, long=long)
    except BadInput as refused:
        return ShownPreview("", False, (Blocker(refused.code, refused.message, refused.path),), (), 0, ())
    left = seen.outcome.profiles
    identifiers = await _identifiers(store, left[:SHOWN_PROFILES], want, seen.outcome.at)
    profiles = tuple(
        ShownProfile(one.one_id, tuple(identifiers[at] for at in one.ids[:SHOWN_IDENTIFIERS]), len(one.ids))
        for one in left[:SHOWN_PROFILES]
    )
    conflicts: tuple[TraitView, ...] = ()
    if traits is not None:
        conflicts = await by_rules(store, lambda rules: _conflicts(store, left[:SHOWN_PROFILES], traits, rules.traits))
    return ShownPreview(seen.token, True, seen.outcome.blockers, profiles, len(left), conflicts)


async def _identifiers(store: Store, left: Sequence[LeftProfile], want: Sequence[Want], at: Instant) -> dict[int, IdentifierView]:
    named = {n: identifier for one in left for n, identifier in list(zip(one.ids, one.identifiers, strict=True))[:SHOWN_IDENTIFIERS]}
    views = await store.nodes([("identifier", n) for n in named], {"identifier": want}) if named else ()
    found = {view.id: view for view in views if isinstance(view, IdentifierView)}
    empty = {one.key: () if one.field == "sources" else None for one in want if one.field != "span"}
    return {n: found.get(n) or IdentifierView(0, identifier, False, at, at, empty) for n, identifier in named.items()}


async def _conflicts(store: Store, left: Sequence[LeftProfile], want: Sequence[Want], rules: TraitRules) -> tuple[TraitView, ...]:
    """Traits of which profiles that become one have different values: what wins by the rules, and what it wins against."""
    merging = [one.came_from for one in left if len(one.came_from) > 1]
    wanted = Want("traits", (("keys", None),), tuple(want))
    numbers = sorted({n for some in merging for n in some})[:SHOWN_PROFILES]
    views = await store.profiles_by([ByNumber(n) for n in numbers], (wanted,)) if numbers else ()
    by_number = {view.n: view for view in views if view is not None}
    return tuple(view for some in merging for view in _differing(rules, [by_number[n] for n in some if n in by_number], wanted))


def _differing(rules: TraitRules, profiles: Sequence[ProfileView], wanted: Want) -> Sequence[TraitView]:
    held: dict[str, dict[int, TraitView]] = {}
    for view in profiles:
        for trait in view.parts[wanted.key]:
            held.setdefault(trait.key, {})[view.n] = trait
    found: list[TraitView] = []
    for key, by_profile in sorted(held.items()):
        if rules.strategy_of(key).kind is Strategy.UNION or len({repr(trait.value) for trait in by_profile.values()}) < 2:
            continue
        told = [Told(t.source, str(n), t.observed_at, t, {key: t.value}) for n, t in by_profile.items()]
        found += [_as_view(golden.witness.holder, [other.holder for other in golden.alternatives]) for golden in fold(told, rules)]
    return found


def _as_view(winner: TraitView, losers: Sequence[TraitView]) -> TraitView:
    others = tuple(TraitCandidateView(one.value, one.source, one.identifier, one.observed_at) for one in losers)
    return TraitView(winner.key, winner.value, winner.source, winner.identifier, winner.observed_at, others)
