"""What other rules would make of the same evidence: counts, names, and examples with the evidence that makes the difference.

Profiles are compared by the identifiers as they were sent, so that rules which normalise otherwise can be compared too: a profile of one
side meets a profile of the other where both hold what was sent once. A blocked identifier is in no profile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate, combinations, count
from typing import Final, NamedTuple, TypeAlias

from graph.model import Identifier, JudgementKind, Refusal, Rule
from graph.resolve.gathered import Forms, Gathered, Portion
from graph.resolve.ground import Ground, Namespaces
from graph.resolve.judged import Word
from graph.resolve.naming import name_profiles
from graph.resolve.rules import Rules
from graph.resolve.whole import Numbered, resolve_numbers

__all__ = ["Because", "Beside", "Compared", "Comparison", "Example", "Reason", "Resolved", "Side", "compare"]

EXAMPLES: Final = 50
_IDENTIFIERS: Final = 5_000
"""Of all examples together, but for the first."""
_OF_ONE_REASON: Final = 25
SIDES: Final = 10
"""Profiles that an example shows of either side, the largest first."""
SHOWN: Final = 100
"""Identifiers of a profile that it shows, the strongest first."""
_NOWHERE: Final = -1


class Reason(StrEnum):
    """What makes the difference, as the evidence or the rules have it."""

    ACCEPTED = "accepted"
    """A link that `refusal` refuses now would be used."""
    REFUSED = "refused"
    """A link that is used now would be refused by `refusal`."""
    TOGETHER = "together"
    APART = "apart"
    """A link that is not used where its ends are together either; on the other side `refusal` refuses it."""
    SAME_HOLDS = "same_holds"
    SAME_FALLS = "same_falls"
    """A judgement `same` that holds, or no longer does."""
    ONE = "one"
    """Two identifiers would be one, or one would be two, by how they are normalised."""
    TWO = "two"
    BLOCKED = "blocked"
    FREE = "free"
    """An identifier would be blocked, or no longer be."""
    NAMED = "named"
    """Only the OneID would be another one."""


_LINK: Final = {
    (True, True): Reason.ACCEPTED,
    (True, False): Reason.REFUSED,
    (False, True): Reason.TOGETHER,
    (False, False): Reason.APART,
}
"""By whether the link is used where its ends are together, and whether that is under the other rules."""


class Because(NamedTuple):
    """A reason with its identifiers as they are kept now, None for one that is blocked now."""

    reason: Reason
    a: Identifier | None = None
    b: Identifier | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """A profile of an example: its OneID (None: a new one), how many identifiers it has, and which of those known now, strongest first."""

    one_id: str | None
    count: int
    identifiers: tuple[Identifier, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """Profiles as they are and as they would be; `more`: how many of either are not shown."""

    before: tuple[Side, ...]
    after: tuple[Side, ...]
    because: Because
    more: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class Compared:
    """The whole comparison.

    `merges`: profiles of the other rules that hold what two or more hold now; `splits`: profiles of now whose identifiers would be in two
    or more; `one_ids_changed`: OneIDs that name a profile now and would not be the OneID of all of its identifiers any more.
    """

    profiles_before: int = 0
    profiles_after: int = 0
    merges: int = 0
    splits: int = 0
    one_ids_changed: int = 0
    largest_before: int = 0
    largest_after: int = 0
    examples: list[Example] = field(default_factory=list)


class Resolved:
    """One portion under one set of rules. Identifiers are numbered from 0 by `of`, from the first numbers of their normal forms."""

    def __init__(self, portion: Portion, gathered: Gathered, forms: Forms, rules: Rules) -> None:
        self.forms = forms
        first = forms.first
        known = sorted({first[n] for n in portion.ids if first[n] >= 0})
        self.of = {n: place for place, n in enumerate(known)}
        self.identifiers = [gathered.normal(n, forms) for n in known]
        namespaces = Namespaces({one.namespace for one in self.identifiers}, rules)
        self.ground = Ground(
            namespaces, [namespaces.position[one.namespace] for one in self.identifiers], [one.text for one in self.identifiers]
        )
        kept = [(ids, one.at, one.score) for one in portion.seen if (ids := tuple(dict.fromkeys(self.places(one.ids))))]
        self.words: list[Word | None] = []
        for said in portion.said:
            left, right = tuple(self.places(said.left)), tuple(self.places(said.right))
            self.words.append(Word(said.kind, left, right, said.at) if left and right else None)
        self.done: Numbered = resolve_numbers(kept, [word for word in self.words if word is not None], self.ground, len(known))
        self.profiles = self.done.profiles
        self.profile_of = [0] * len(known)
        for number, members in enumerate(self.profiles):
            for member in members:
                self.profile_of[member] = number

    def place(self, n: int) -> int:
        """The number of an identifier as sent; -1 where it is blocked."""
        first = self.forms.first[n]
        return self.of[first] if first >= 0 else _NOWHERE

    def places(self, ids: Iterable[int]) -> Iterator[int]:
        """Those of identifiers that are not blocked."""
        first, of = self.forms.first, self.of
        return (of[first[n]] for n in ids if first[n] >= 0)

    def home(self, n: int) -> int:
        """The profile that holds an identifier as sent; -1: none."""
        first = self.forms.first[n]
        return self.profile_of[self.of[first]] if first >= 0 else _NOWHERE

    def refusal(self, a: int, b: int) -> Refusal | None:
        """Why the link between two identifiers is refused."""
        return self.done.refused.get((a, b) if a < b else (b, a))

    def strength(self, place: int) -> tuple[int, str]:
        return (self.ground.place[place], self.ground.text[place])


Beside: TypeAlias = Callable[[Portion, Resolved, Resolved], None]
"""Hears a portion of the evidence as it is resolved now, and as the other rules do."""


class Comparison:
    """Compares portion by portion."""

    def __init__(self, gathered: Gathered, forms: tuple[Forms, Forms], before: Rules, after: Rules, beside: Beside | None = None) -> None:
        self.gathered = gathered
        self.rules = (before, after)
        self.forms = forms
        self.result = Compared()
        self._beside = beside
        self._best: dict[tuple[str, ...], list[tuple[tuple[int, str], Example]]] = {}

    def add(self, portion: Portion) -> None:
        """Take one portion in."""
        both = [Resolved(portion, self.gathered, forms, rules) for forms, rules in zip(self.forms, self.rules, strict=True)]
        met = _Met(portion, both[0], both[1], self.gathered)
        result = self.result
        result.profiles_before += len(both[0].profiles)
        result.profiles_after += len(both[1].profiles)
        result.largest_before = max(result.largest_before, max(map(len, both[0].profiles), default=0))
        result.largest_after = max(result.largest_after, max(map(len, both[1].profiles), default=0))
        result.merges += sum(len(some) > 1 for some in met.came_from.values())
        result.splits += sum(len(some) > 1 for some in met.went_to.values())
        result.one_ids_changed += len(met.renamed)
        for key, rank, make in met.examples():
            self._offer(key, rank, make)
        if self._beside is not None:
            self._beside(portion, *both)

    def _offer(self, key: tuple[str, ...], rank: tuple[int, str], make: Callable[[], Example]) -> None:
        """Keep the foremost examples of each kind of reason."""
        best = self._best.setdefault(key, [])
        if len(best) == _OF_ONE_REASON and rank >= best[-1][0]:
            return
        best.append((rank, make()))
        best.sort(key=lambda one: one[0])
        del best[_OF_ONE_REASON:]

    def finish(self) -> Compared:
        """The result, with one example of each reason first, then the second of each, and so on."""
        best = [self._best[key] for key in sorted(self._best, key=lambda key: (self._best[key][0][0], key))]
        rounds = [some[n][1] for n in range(_OF_ONE_REASON) for some in best if n < len(some)]
        sizes = accumulate(sum(len(side.identifiers) for side in (*one.before, *one.after)) for one in rounds)
        enough = sum(size <= _IDENTIFIERS for size in sizes)
        self.result.examples = rounds[: min(EXAMPLES, max(1, enough))]
        return self.result


def compare(
    gathered: Gathered, before: Rules, after: Rules, told: Callable[[float], None] = lambda _: None, beside: Beside | None = None
) -> Compared:
    """Everything gathered, under two sets of rules; `told` hears which part is done, `beside` gets each portion as both make it."""
    forms = gathered.forms(before, after)
    comparison = Comparison(gathered, forms, before, after, beside)
    done, whole = 0, max(1, len(gathered.values))
    for portion in gathered.portions(forms):
        comparison.add(portion)
        done += len(portion.ids) + len(portion.unmentioned)
        told(done / whole)
    return comparison.finish()


class _Met:
    """Two resolutions of one portion, held against each other. Profiles are (side, number): side 0 is now, 1 the other rules."""

    def __init__(self, portion: Portion, before: Resolved, after: Resolved, gathered: Gathered) -> None:
        self.portion, self.before, self.after, self.gathered = portion, before, after, gathered
        self.went_to: dict[int, set[int]] = {}
        self.came_from: dict[int, set[int]] = {}
        lost: set[int] = set()
        gained: set[int] = set()
        for n in portion.ids:
            b, a = before.home(n), after.home(n)
            if b >= 0 and a >= 0:
                self.went_to.setdefault(b, set()).add(a)
                self.came_from.setdefault(a, set()).add(b)
            elif b >= 0:
                lost.add(b)
            elif a >= 0:
                gained.add(a)
        self.lost, self.gained = lost, gained
        self.names = self._names()
        self.renamed = {
            b
            for b in range(len(before.profiles))
            if b in lost or any(self.names[0][b] != self.names[1][a] for a in self.went_to.get(b, ()))
        }

    # ---------------------------------------------------------------- names
    def _names(self) -> tuple[list[int | None], list[int | None]]:
        """Numbers of the OneIDs on both sides; None: a new one."""
        before, after = self.before, self.after
        now = {n: before.of[first] for n, at in self.portion.pins if (first := before.forms.first[at]) in before.of}
        held: dict[int, list[int]] = defaultdict(list)  # identifiers of now at which pins stand, as they were sent
        wanted = set(now.values())
        for n in self.portion.ids:
            if (place := before.place(n)) in wanted:
                held[place].append(n)
        then: dict[int, int] = {}
        left: dict[int, list[int]] = {}
        members: dict[int, list[int]] | None = None
        number = {} if before.forms is after.forms else {one: place for place, one in enumerate(after.identifiers)}
        for n, at in self.portion.pins:
            kept = number.get(self.gathered.identifier(at), _NOWHERE) if number else after.of.get(after.forms.first[at], _NOWHERE)
            homes = {after.place(one) for one in held[now[n]]} - {_NOWHERE} if n in now else set()
            if kept >= 0:
                then[n] = kept
            elif homes:
                then[n] = min(homes, key=after.strength)
            elif n in now:
                members = members or self._members()
                then[n] = gone = -1 - now[n]
                left[gone] = members[before.profile_of[now[n]]]
        return (
            _given(name_profiles(before.profiles, now, before.ground, _new()).names),
            _given(name_profiles(after.profiles, then, after.ground, _new(), left).names),
        )

    def _members(self) -> dict[int, list[int]]:
        """By profile of now what the other rules make of its identifiers."""
        members: dict[int, dict[int, None]] = defaultdict(dict)
        for n in self.portion.ids:
            if (b := self.before.home(n)) >= 0 and (place := self.after.place(n)) >= 0:
                members[b][place] = None
        return defaultdict(list, {b: [*some] for b, some in members.items()})

    # ---------------------------------------------------------------- examples
    def examples(self) -> Iterator[tuple[tuple[str, ...], tuple[int, str], Callable[[], Example]]]:
        """Every group of profiles that would change: its kind of reason, its rank, and how to show it."""
        group = self._groups()
        if not group:
            return
        foremost = self._reasons(group)
        profiles: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for profile, number in group.items():
            profiles[number].append(profile)
        for number, some in profiles.items():
            because = foremost[number][1] if number in foremost else Because(Reason.NAMED)
            refusal = because.refusal
            key = (because.reason.value, *((refusal.rule.value, refusal.namespace or "") if refusal else ()))
            text = min(self._side(side).ground.text[member] for side, p in some for member in self._side(side).profiles[p])
            yield key, (-len(some), text), lambda some=some, because=because: self._example(some, because)  # type: ignore[misc]

    def _side(self, side: int) -> Resolved:
        return self.after if side else self.before

    def _groups(self) -> dict[tuple[int, int], int]:
        """The profiles that would change, by groups connected through what they hold."""
        group: dict[tuple[int, int], int] = {}
        starts = {b for b, some in self.went_to.items() if len(some) > 1} | self.renamed
        starts |= {b for some in self.came_from.values() if len(some) > 1 for b in some}
        for number, start in enumerate(sorted(starts)):
            ahead = [(0, start)]
            while ahead:
                one = ahead.pop()
                if one in group:
                    continue
                group[one] = number
                side, profile = one
                others = self.came_from.get(profile, ()) if side else self.went_to.get(profile, ())
                ahead += [(1 - side, other) for other in others]
        return group

    def _reasons(self, group: Mapping[tuple[int, int], int]) -> dict[int, tuple[tuple[object, ...], Because]]:
        """By group the foremost piece of evidence that joins what is apart now, or parts what is together."""
        found: dict[int, tuple[tuple[object, ...], Because]] = {}

        def offer(n: int, rank: tuple[object, ...], because: Because) -> None:
            number = group.get((0, self.before.home(n)), group.get((1, self.after.home(n))))
            if number is not None and (number not in found or rank < found[number][0]):
                found[number] = (rank, because)

        changed = {n for n in self.portion.ids if (0, self.before.home(n)) in group or (1, self.after.home(n)) in group}
        for seen in self.portion.seen:
            for x, y in combinations([n for n in dict.fromkeys(seen.ids) if n in changed], 2):
                self._weigh_link(x, y, offer)
        for place, said in enumerate(self.portion.said):
            if said.kind is JudgementKind.SAME:
                self._weigh_same(place, offer)
        forms: dict[tuple[int, int], int] = {}
        for n in changed:
            self._weigh_form(n, forms, offer)
        return found

    def _weigh_link(self, x: int, y: int, offer: _Offer) -> None:
        before, after = self.before, self.after
        if (joined := self._joined(x, y)) is None:
            return
        then, now = (after, before) if joined else (before, after)  # where they are together, and where not
        if then.place(x) == then.place(y):  # one identifier there
            return
        refusal = now.refusal(now.place(x), now.place(y))
        used = then.refusal(then.place(x), then.place(y)) is None
        reason = _LINK[used, joined]
        strong, weak = then.ground.weaker_last(then.place(x), then.place(y))
        rank = (0 if used else 2, *then.strength(weak), *then.strength(strong))
        offer(x, rank, Because(reason, *self._ends(x, y), refusal))

    def _weigh_same(self, place: int, offer: _Offer) -> None:
        said = self.portion.said[place]
        x, y = said.left[0], said.right[0]
        if (joined := self._joined(x, y)) is None:
            return
        reason = Reason.SAME_HOLDS if joined else Reason.SAME_FALLS
        (now, word) = (self.before, self.before.words[place]) if joined else (self.after, self.after.words[place])
        if word is not None and word in now.done.judged.refused:
            offer(x, (1, *self._texts(x, y)), Because(reason, *self._ends(x, y), Refusal(Rule.DISTINCT)))

    def _weigh_form(self, n: int, met: dict[tuple[int, int], int], offer: _Offer) -> None:
        """Identifiers as sent that have one normal form on one side and two on the other, or none."""
        b, a = self.before.place(n), self.after.place(n)
        if b < 0 <= a:
            offer(n, (5, *self.after.strength(a)), Because(Reason.FREE))
            return
        if a < 0 <= b:
            offer(n, (4, *self.before.strength(b)), Because(Reason.BLOCKED, self.before.identifiers[b]))
            return
        for side, place in ((0, b), (1, a)):
            other = met.setdefault((side, place), n)
            if other != n and self._joined(other, n) is not None:
                reason = Reason.ONE if side else Reason.TWO
                offer(n, (3, *self._texts(other, n)), Because(reason, *self._ends(other, n)))

    def _joined(self, x: int, y: int) -> bool | None:
        """Whether two identifiers would come together, or (False) part; None: neither, or one is blocked somewhere."""
        bx, by, ax, ay = self.before.home(x), self.before.home(y), self.after.home(x), self.after.home(y)
        if min(bx, by, ax, ay) < 0 or (bx == by) == (ax == ay):
            return None
        return ax == ay

    def _ends(self, x: int, y: int) -> tuple[Identifier, Identifier]:
        a, b = (self.before.identifiers[self.before.place(n)] for n in (x, y))
        return (a, b) if a.text <= b.text else (b, a)

    def _texts(self, x: int, y: int) -> tuple[str, str]:
        a, b = self._ends(x, y)
        return a.text, b.text

    def _example(self, some: Sequence[tuple[int, int]], because: Because) -> Example:
        shown: dict[int, dict[int, dict[Identifier, int]]] = {0: {}, 1: {}}
        for side, profile in some:
            shown[side][profile] = {}
        for n in self.portion.ids:
            place = self.before.place(n)
            if place < 0:
                continue
            for side in (0, 1):
                of = self._side(side)
                if (members := shown[side].get(of.home(n))) is not None:
                    members.setdefault(self.before.identifiers[place], of.ground.place[of.place(n)])
        sides = [[self._shown(side, profile, members) for profile, members in shown[side].items()] for side in (0, 1)]
        for each in sides:
            each.sort(key=lambda one: (-one.count, [identifier.text for identifier in one.identifiers], one.one_id or ""))
        before, after = sides
        more = (max(0, len(before) - SIDES), max(0, len(after) - SIDES))
        return Example(tuple(before[:SIDES]), tuple(after[:SIDES]), because, more)

    def _shown(self, side: int, profile: int, members: Mapping[Identifier, int]) -> Side:
        name = self.names[side][profile]
        strongest = sorted(members, key=lambda one: (members[one], one.text))[:SHOWN]
        return Side(None if name is None else self.gathered.one_ids[name], len(self._side(side).profiles[profile]), tuple(strongest))


_Offer = Callable[[int, tuple[object, ...], Because], None]


def _given(names: Sequence[int]) -> list[int | None]:
    return [None if n < 0 else n for n in names]


def _new() -> Callable[[], int]:
    """New OneIDs get numbers below zero."""
    numbers = count(1)
    return lambda: -next(numbers)
