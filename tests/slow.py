"""A slow model of a whole store: it keeps evidence, and of each OneID what it follows, and makes everything else anew after every step.

People are what the reference resolver makes of the evidence. Names follow from the four rules of the OneID contract (DESIGN section 5),
here applied to all profiles at once. All that a store tells the model are the numbers of new OneIDs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

from graph.model import Fragment, Identifier, Interaction, Judgement, RecordKey
from graph.resolve.rules import Blocked, Rules
from graph.resolve.scrub import without, without_ends
from tests.reference import Reference, reference_resolve

__all__ = ["Follows", "Profile", "Slow"]

Profile: TypeAlias = frozenset[Identifier]


class Follows(NamedTuple):
    """What a OneID follows: a pin, or the OneID it is closed into, or the identifier that it sleeps for. Just one is not None."""

    pin: Identifier | None = None
    closed: int | None = None
    asleep: Identifier | None = None


@dataclass(frozen=True)
class Version:
    """A version of a record. `withdrawn`: the step that took it back; `unlinked`: a revert marked it as not linking; `gone`: erased."""

    fragment: Fragment
    made: int
    withdrawn: int | None = None
    unlinked: bool = False
    gone: bool = False


Done: TypeAlias = dict[str, dict[int, int]]
"""What a step did to evidence: numbers of judgements that it put `on` or took `off`, of versions that `arrived`, that it `marked` or
`unmarked`, that it has `withdrawn` or whose withdrawal it `lifted`, each of these two with the step of the withdrawal; `ruled`: which
version of the rules it replaced, by which."""
_OPPOSITE = {
    "on": "off",
    "off": "on",
    "arrived": "marked",
    "marked": "unmarked",
    "unmarked": "marked",
    "withdrawn": "lifted",
    "lifted": "withdrawn",
}


@dataclass(frozen=True)
class Cause:
    """A step that can be undone: what it did to evidence, what the OneIDs that it moved followed before and after it, those it made, and
    those that led nowhere before it, or since."""

    done: Done
    moved: Mapping[int, tuple[Follows, Follows]]
    made: frozenset[int]
    woken: frozenset[int]
    slept: frozenset[int]


@dataclass
class Slow:
    """`name_of` tells the number of the new OneID of a profile."""

    rules: Rules
    versions: list[Version] = field(default_factory=list)
    judgements: dict[int, Judgement] = field(default_factory=dict)
    live: set[int] = field(default_factory=set)
    interactions: dict[RecordKey, list[Interaction]] = field(default_factory=dict)
    heard: dict[RecordKey, Interaction] = field(default_factory=dict)
    follows: dict[int, Follows] = field(default_factory=dict)
    named: dict[int, Profile] = field(default_factory=dict)
    erased: set[Identifier] = field(default_factory=set)
    former: list[Rules] = field(default_factory=list)
    steps: int = 0
    name_of: Callable[[Profile], int] = field(default=lambda _: 0)

    # ---------------------------------------------------------------- evidence

    def ingest(self, fragments: Iterable[Fragment]) -> Cause | None:
        """None: all of it was on record."""
        self.steps += 1
        first = len(self.versions)
        for sent in fragments:
            fragment = without(sent, self.erased, self.rules)
            if fragment.identifiers != sent.identifiers and not self.usable(fragment.identifiers):
                continue  # nobody is left of it
            if not any(v.fragment == fragment and not v.gone for v in self.versions):
                self.versions.append(Version(fragment, self.steps))
        arrived = range(first, len(self.versions))
        if not arrived:
            return None
        counting = self.counting()
        seen = {one for v in arrived if v in counting for one in self.usable(self.versions[v].fragment.identifiers)}
        return self._settle({"arrived": dict.fromkeys(arrived, 0)}, seen)

    def withdraw(self, record: RecordKey) -> Cause | None:
        """None: no version of the record counts."""
        self.steps += 1
        counting = [v for v in self.counting() if self.versions[v].fragment.key == record]
        return self._withdraw(counting) if counting else None

    def withdraw_source(self, source: str) -> Cause | None:
        """None: no version of a record of this source counts."""
        self.steps += 1
        counting = [v for v in self.counting() if self.versions[v].fragment.source == source]
        return self._withdraw(counting) if counting else None

    def _withdraw(self, counting: Iterable[int]) -> Cause:
        for v in counting:
            self.versions[v] = replace(self.versions[v], withdrawn=self.steps)
        return self._settle({"withdrawn": dict.fromkeys(counting, self.steps)})

    def judge(self, judgements: Mapping[int, Judgement]) -> Cause:
        """New judgements by number."""
        self.steps += 1
        self.judgements |= judgements
        self.live |= judgements.keys()
        seen = {one for j in judgements.values() for one in self.usable(j.ends)}
        return self._settle({"on": dict.fromkeys(judgements, 0)}, seen)

    def hear(self, interactions: Iterable[Interaction]) -> None:
        """Interactions with a blocked end are left out."""
        self.steps += 1
        new = []
        for one in interactions:
            versions = self.interactions.setdefault(one.key, [])
            ends = self.usable((one.origin, one.target))
            if len(ends) == 2 and self.erased.isdisjoint(ends) and one not in versions:
                versions.append(one)
                new.append(one)
                now = self.heard.get(one.key)
                if now is None or (one.at or 0) >= (now.at or 0):
                    self.heard[one.key] = one
        counting = [one for one in new if self.heard.get(one.key) is one]
        self._settle({}, {end for one in counting for end in self.usable((one.origin, one.target))})

    def take_back(self, records: Iterable[RecordKey]) -> None:
        self.steps += 1
        for record in records:
            self.heard.pop(record, None)
        self._settle({})

    def erase(self, gone: Collection[Identifier], renamed: Callable[[RecordKey], RecordKey]) -> None:
        """As if nobody had ever had these identifiers; records of nobody else are gone, others are `renamed` where they must be."""
        self.steps += 1
        self.erased |= set(gone)
        of = {v.fragment.key for v in self.versions if not v.gone and not self.erased.isdisjoint(self.usable(v.fragment.identifiers))}
        stay = {v.fragment.key for v in self.versions if not v.gone and set(self.usable(v.fragment.identifiers)) - self.erased}
        for n, version in enumerate(self.versions):
            key = version.fragment.key
            if not version.gone and key in of:
                less = without(version.fragment, self.erased, self.rules)
                self.versions[n] = replace(version, fragment=less, gone=key not in stay)
        self.rename(renamed)
        said = {n: without_ends(one, self.erased, self.rules) for n, one in self.judgements.items()}
        self.judgements = {n: one for n, one in said.items() if one is not None}
        self.live &= self.judgements.keys()
        for key, heard in self.interactions.items():
            self.interactions[key] = [one for one in heard if self.erased.isdisjoint(self.usable((one.origin, one.target)))]
        self.heard = {key: one for key, one in self.heard.items() if one in self.interactions[key]}
        self._settle({})
        self.follows = {n: Follows(self._stub(f.pin), f.closed, self._stub(f.asleep)) for n, f in self.follows.items()}

    def rename(self, renamed: Callable[[RecordKey], RecordKey]) -> None:
        """Records are known by other names."""
        for n, version in enumerate(self.versions):
            source, id = renamed(version.fragment.key)
            self.versions[n] = replace(version, fragment=replace(version.fragment, source=source, id=id))

    def apply(self, rules: Rules) -> Cause:
        """Other rules come into force, which make the same of what is sent."""
        self.steps += 1
        before = self.version
        self._put_in_force(rules)
        return self._settle({"ruled": {before: self.version}})

    def _put_in_force(self, rules: Rules) -> None:
        self.former.append(self.rules)
        self.rules = rules

    @property
    def version(self) -> int:
        """The number of the rules in force."""
        return len(self.former) + 1

    def _stub(self, one: Identifier | None) -> Identifier | None:
        """What is left of an identifier that was erased: its number, which nothing leads to."""
        return Identifier(one.namespace, "") if one in self.erased and one is not None else one

    def revert(self, cause: Cause) -> Cause | None:
        """Rule 4. None: it is undone already."""
        self.steps += 1
        for before, after in cause.done.get("ruled", {}).items():
            if after != self.version:
                return None
            self._put_in_force(self.former[before - 1])
            return self._settle({"ruled": {after: self.version}}, back=self._back(cause), unmade=cause.made)
        undone = {_OPPOSITE[what]: self._apply(_OPPOSITE[what], whom) for what, whom in cause.done.items()}
        undone = {what: whom for what, whom in undone.items() if whom}
        if not undone:
            return None
        return self._settle(undone, back=self._back(cause), unmade=cause.made)

    def _back(self, cause: Cause) -> Mapping[int, Follows]:
        """What OneIDs follow again when a cause is undone."""
        back = {n: before for n, (before, after) in cause.moved.items() if self.follows[n] == after}
        for n in cause.slept:
            if (sleeps := self.follows[n].asleep) is not None:
                back.setdefault(n, Follows(pin=sleeps))
        for n in cause.woken - cause.slept - (cause.moved.keys() - back.keys()):
            if (pin := back.get(n, self.follows[n]).pin) is not None:
                back[n] = Follows(asleep=pin)
        return back

    def _apply(self, what: str, whom: Mapping[int, int]) -> dict[int, int]:
        """Change evidence so, as far as it is not so already; what was changed."""
        if what in ("on", "off"):
            changed = {n: 0 for n in whom if (n in self.live) is (what == "off")}
            self.live ^= changed.keys()
            return changed
        changed = {}
        for v, at in whom.items():
            before = self.versions[v]
            now = {
                "marked": replace(before, unlinked=True),
                "unmarked": replace(before, unlinked=False),
                "lifted": replace(before, withdrawn=None),
                "withdrawn": replace(before, withdrawn=at),
            }[what]
            if (now.unlinked, now.withdrawn is None) != (before.unlinked, before.withdrawn is None):
                self.versions[v], changed[v] = now, at
        return changed

    def usable(self, raw: Iterable[Identifier]) -> list[Identifier]:
        values = (self.rules.normalise(one) for one in raw)
        return [value for value in values if not isinstance(value, Blocked)]

    def counting(self) -> set[int]:
        """The versions that count: of each record those made since it was last withdrawn, from the latest one on that links."""
        by_record: dict[RecordKey, list[int]] = {}
        for n, version in enumerate(self.versions):
            if not version.gone:
                by_record.setdefault(version.fragment.key, []).append(n)
        found: set[int] = set()
        for numbers in by_record.values():
            since = max(self.versions[n].withdrawn or 0 for n in numbers)
            left = [n for n in numbers if self.versions[n].made > since]
            left.sort(key=lambda n: (self.versions[n].fragment.observed_at or 0, n))
            while any(not self.versions[n].unlinked for n in left[1:]):
                del left[0]
            found.update(left)
        return found

    def makes(self) -> Reference:
        """What the specification makes of the evidence. What is only mentioned is known as by a fragment of one identifier."""
        counting = [self.versions[n] for n in sorted(self.counting())]
        linking = [version.fragment for version in counting if not version.unlinked]
        mentioned = [one for version in counting if version.unlinked for one in version.fragment.identifiers]
        mentioned += [end for one in self.heard.values() for end in (one.origin, one.target)]
        fragments = [replace(fragment, source="a version", id=str(n)) for n, fragment in enumerate(linking)]
        fragments += [Fragment("a mention", str(n), (one,), 0) for n, one in enumerate(mentioned)]
        made = reference_resolve(fragments, [self.judgements[n] for n in sorted(self.live)], self.rules)
        return replace(made, blocked=frozenset())

    # ---------------------------------------------------------------- names

    def _settle(
        self, done: Done, seen: Collection[Identifier] = (), *, back: Mapping[int, Follows] | None = None, unmade: Collection[int] = ()
    ) -> Cause:
        """Name the people that there are now. `seen` wakes those that sleep for it; `back`: what OneIDs follow again, in a revert."""
        before, led = dict(self.follows), {n: self.leads(n) for n in self.follows}
        profiles = [frozenset(profile) for profile in self.makes().profiles]
        known = frozenset[Identifier]().union(*profiles)
        gone = frozenset[Identifier]().union(*self.named.values()) - known
        wakes = {n: Follows(pin=f.asleep) for n, f in self.follows.items() if f.asleep in seen and f.asleep is not None}
        moved = dict(wakes if back is None else back)
        for n, state in moved.items():
            sleeps = state.asleep is not None and state.asleep not in known
            self.follows[n] = moved[n] = Follows(pin=state.asleep) if sleeps else state
        self._pass_on(profiles, gone, {n for n, state in moved.items() if state.pin in gone})
        made = self._name(profiles, unmade)
        leads = {n: self.leads(n) for n in before}
        return Cause(
            done,
            {n: (before[n], self.follows[n]) for n in before if self.follows[n] != before[n]},
            made,
            frozenset(n for n in before if led[n] is None and leads[n] is not None),
            frozenset(n for n in before if led[n] is not None and leads[n] is None),
        )

    def _pins(self) -> dict[int, Identifier]:
        return {n: state.pin for n, state in sorted(self.follows.items()) if state.pin is not None}

    def _pass_on(self, profiles: Sequence[Profile], gone: Collection[Identifier], stay: Collection[int]) -> None:
        """Rule 3: a pin that disappears passes to the strongest that is left, first of a part without a OneID."""
        for n, pin in self._pins().items():
            if pin not in gone or n in stay:
                continue
            members = next(profile for profile in self.named.values() if pin in profile)
            left = [(one, profile) for profile in profiles for one in profile & members]
            pinned = set(self._pins().values())
            nameless = [one for one, profile in left if not profile & pinned]
            if left:
                self.follows[n] = Follows(pin=self._strongest(nameless or [one for one, _ in left]))

    def _name(self, profiles: Sequence[Profile], unmade: Collection[int]) -> frozenset[int]:
        """Rules 1 and 2; a OneID of `unmade` names nobody who has another one. The new OneIDs."""
        named, made = dict[int, Profile](), set[int]()
        for profile in profiles:
            pins = {n: pin for n, pin in self._pins().items() if pin in profile}
            if not pins:
                name = self.name_of(profile)
                assert name not in self.follows
                pins[name] = self._strongest(profile)
                made.add(name)
            name = min([n for n in pins if n not in unmade] or pins, key=lambda n: (self._place(pins[n]), n))
            if self._place(self._strongest(profile)) < self._place(pins[name]):
                pins[name] = self._strongest(profile)
            self.follows[name] = Follows(pin=pins[name])
            for n, pin in pins.items():
                if n != name and (n in unmade or self._place(pin) > self._place(pins[name])):
                    self.follows[n] = Follows(closed=name)
            assert name not in named
            named[name] = profile
        self.named = named
        return frozenset(made)

    def _place(self, one: Identifier) -> tuple[int, str]:
        return self.rules.namespace(one.namespace).rank

    def _strongest(self, some: Iterable[Identifier]) -> Identifier:
        return min(some, key=lambda one: (self._place(one), one.text))

    def leads(self, n: int) -> int | None:
        """Where a OneID leads: the name of its profile, the one it is closed into, None while it leads nowhere."""
        state = self.follows[n]
        if state.closed is not None:
            return state.closed
        return next((name for name, profile in self.named.items() if state.pin in profile), None)
