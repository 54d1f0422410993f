"""Around which identifiers other rules make something else of the same evidence: what is to be decided anew when they come into force.

An identifier is among these if its profile has other members, another kind or perhaps another name, if it is shared or parked under one
of the rules only, if one of its links is refused otherwise, or if a fragment that carries it contradicts itself under one of them only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from graph.model import Identifier
from graph.resolve.compare import Resolved
from graph.resolve.gathered import Portion
from graph.resolve.ground import Ground
from graph.resolve.links import contradictory

__all__ = ["Differing"]


class Differing:
    """Hears the portions of a comparison (graph.resolve.compare.Beside); `identifiers` are as they are kept before."""

    def __init__(self) -> None:
        self.identifiers: set[Identifier] = set()

    def __call__(self, portion: Portion, before: Resolved, after: Resolved) -> None:
        """Note what differs in a portion."""
        pair = _Pair(portion, before, after)
        self.identifiers.update(before.identifiers[n] for n in pair.differing())


class _Pair:
    """One portion under both rules. Identifiers go by their numbers before; `was` gives those of the numbers after, -1 where there is
    none: what only the rules after know is evidence that changed, of which the step hears otherwise."""

    def __init__(self, portion: Portion, before: Resolved, after: Resolved) -> None:
        self.portion, self.before, self.after = portion, before, after
        if before.forms is after.forms:
            self.was = list(range(len(before.identifiers)))
        else:
            number = {one: n for n, one in enumerate(before.identifiers)}
            self.was = [number.get(one, -1) for one in after.identifiers]

    def differing(self) -> set[int]:
        found = {*self._members(), *self._flags(), *self._refusals(), *self._contradictions()}
        if self.before.ground.namespaces.names != self.after.ground.namespaces.names:
            found.update(self._names())
        found.discard(-1)
        return found

    def _members(self) -> Iterator[int]:
        """Members of profiles that are others after, or of another kind."""
        home, was = self.before.profile_of, self.was
        for profile in self.after.profiles:
            members = [was[n] for n in profile]
            there = {home[n] if n >= 0 else -1 for n in members}
            same = len(there) == 1 and -1 not in there and len(self.before.profiles[home[members[0]]]) == len(members)
            if not same:
                yield from members
                for number in there - {-1}:
                    yield from self.before.profiles[number]
            elif _person(self.before.ground, self.before.profiles[home[members[0]]]) != _person(self.after.ground, profile):
                yield members[0]
        kept = {n for n in was if n >= 0}
        if len(kept) < len(home):  # of some nothing is left, and so of their profiles perhaps
            for profile in self.before.profiles:
                if not kept.issuperset(profile):
                    yield from profile

    def _flags(self) -> Iterator[int]:
        for one, other in ((self.before.done.shared, self.after.done.shared), (self.before.done.parked, self.after.done.parked)):
            yield from set(one) ^ {self.was[n] for n in other}

    def _refusals(self) -> Iterator[int]:
        before, was = self.before.done, self.was
        met = set()
        for (a, b), refusal in self.after.done.refused.items():
            pair = (min(was[a], was[b]), max(was[a], was[b]))
            met.add(pair)
            if before.refused.get(pair) != refusal or (pair in before.starred) != ((a, b) in self.after.done.starred):
                yield from pair
        for pair in before.refused:
            if pair not in met:
                yield from pair

    def _contradictions(self) -> Iterator[int]:
        before, after = self.before, self.after
        if _limits(before.ground) == _limits(after.ground) and before.forms is after.forms:
            return
        for seen in self.portion.seen:
            now, then = (tuple(dict.fromkeys(side.places(seen.ids))) for side in (before, after))
            wrong = contradictory(now, before.ground, before.done.judged.group)
            if wrong != {self.was[n] for n in contradictory(then, after.ground, after.done.judged.group)}:
                yield from now

    def _names(self) -> Iterator[int]:
        """Where namespaces changed their order, profiles whose OneIDs may change among themselves: those with several, and those whose
        only one is not pinned to what is strongest now."""
        pins: dict[int, list[int]] = defaultdict(list)
        for _, at in self.portion.pins:
            if (place := self.before.of.get(self.before.forms.first[at], -1)) >= 0:  # others follow what nothing mentions
                pins[self.before.profile_of[place]].append(place)
        place_of = self.after.ground.place
        now = {n: at for at, n in enumerate(self.was) if n >= 0}
        for profile, pinned in pins.items():
            members = [place_of[now[n]] for n in self.before.profiles[profile] if n in now]
            if len(pinned) > 1 or pinned[0] not in now or place_of[now[pinned[0]]] > min(members):
                yield from pinned


def _limits(ground: Ground) -> dict[str, int | None]:
    return dict(zip(ground.namespaces.names, ground.namespaces.limit, strict=True))


def _person(ground: Ground, members: tuple[int, ...]) -> bool:
    return any(ground.namespaces.person[ground.place[n]] for n in members)
