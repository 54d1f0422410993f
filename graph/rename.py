"""From new parts to a delta: names by the OneID contract, memberships, redirects, and the feed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from graph.evidence import Evidence, Field
from graph.model import ChangeKind, ProfileKind, Refusal
from graph.resolve.naming import Names, name_profiles
from graph.store.ports import ChangeRow, Delta, Member, OneIdRow, Pin, ProfileRow, Summary, Writing

__all__ = ["Part", "Renaming"]


@dataclass(slots=True)
class Part:
    """A profile to be: whole profiles joined, and identifiers one by one; `counts` by namespace number as in Summary."""

    profiles: set[int]
    loose: set[int]
    size: int
    counts: dict[int, int]
    contested: bool = False
    shared: bool = False


class Renaming:
    """Collects the parts of one step, then names them all.

    `stored`: the OneIDs that the step pins otherwise, as they are; `repinned`: the identifiers that these follow or will follow, whose
    profiles are named anew even where nothing else changes them.
    """

    def __init__(
        self,
        writing: Writing,
        field: Field,
        evidence: Evidence,
        vanished: set[int],
        new_id: Callable[[], str],
        stored: Mapping[int, OneIdRow],
        repinned: Collection[int],
    ) -> None:
        self.writing = writing
        self.field = field
        self.evidence = evidence
        self.vanished = vanished
        self.new_id = new_id
        self.refusals: list[tuple[int, int, Refusal | None]] = []
        self.stored = stored
        self.repinned = repinned
        self._parts: list[Part] = []
        self._members: list[Iterable[int]] = []
        self._kept: list[ProfileRow] = []
        self._before: dict[int, Pin] = {}  # OneIDs as they were; those that follow nothing are pinned to 0
        self._old: dict[int, list[int]] = {}  # members of profiles that were taken apart
        self._names = Names((), ())
        self._moves: dict[int, tuple[int, int]] = {}  # identifier: from profile, to profile (0: none)

    def join(self, part: Part, summaries: Mapping[int, Summary]) -> None:
        """A part of whole profiles that have no further OneIDs, and loose identifiers."""
        pins = []
        for n in part.profiles:
            pin = summaries[n].pin
            self._before[n] = Pin(n, pin, summaries[n].size, None)
            self.field.text.setdefault(pin, "")
            pins.append(pin)
        self._parts.append(part)
        self._members.append([*part.loose, *pins] if pins else part.loose)

    def rebuild(self, parts: Sequence[Part], old: Mapping[int, list[int]], summaries: Mapping[int, Summary]) -> None:
        """Parts of identifiers one by one, out of these profiles; one that came out as it went in keeps its name."""
        profile = self.field.profile
        untouched: set[int] = set()
        for part in parts:
            n = profile[next(iter(part.loose))]
            same = n and part.size == len(old[n]) and all(profile[at] == n for at in part.loose)
            if same and not (self.repinned and any(at in self.repinned for at in part.loose)):
                untouched.add(n)
                row = ProfileRow(n, part.size, part.counts, self._kind(part), part.contested, summaries[n].aliases)
                before = summaries[n]
                if (before.counts, before.kind, before.contested) != (row.counts, row.kind, row.contested):
                    self._kept.append(row)
            else:
                self._parts.append(part)
                self._members.append(part.loose)
        for n, members in old.items():
            if n not in untouched:
                self._old[n] = members
                self._before[n] = Pin(n, summaries[n].pin, summaries[n].size, None)

    def _kind(self, part: Part) -> ProfileKind:
        if part.shared:
            return ProfileKind.SHARED
        person, position = self.field.ground.namespaces.person, self.field.position
        return ProfileKind.PERSON if any(person[position[no]] for no in part.counts) else ProfileKind.ANONYMOUS

    async def delta(self) -> Delta:
        delta = Delta(refusals=self.refusals, profiles=self._kept)
        if self._parts or self._old or self.evidence.repinned:
            await self._name()
            await self._move()
            self._write_names(delta)
            self._write_members(delta)
            self._write_changes(delta)
        delta.flags = self.field.changed_flags()
        return delta

    async def _name(self) -> None:
        fresh = self.field.fresh
        listed = [at for part in self._parts for at in part.loose if at not in fresh]
        if listed or self.vanished:
            self._before.update((pin.n, pin) for pin in await self.writing.pins([*listed, *self.vanished]))
        evidence, stored = self.evidence, self.stored
        self._before.update((n, Pin(n, stored[n].pin or 0, stored[n].size, stored[n].leads)) for n in evidence.repinned)
        left = {at: [m for m in self._old[self.field.profile[at]] if m not in self.vanished] for at in self.vanished}
        pins = {n: pin.at for n, pin in self._before.items()} | {n: state.pin or 0 for n, state in evidence.repinned.items()}
        kept = {n for n, state in evidence.repinned.items() if state.pin in self.vanished}  # these follow it into its sleep
        pins = {n: at for n, at in pins.items() if at and n not in kept}
        self._names = name_profiles(self._members_listed(), pins, self.field.ground, self.writing.new_one_id, left, evidence.unmade)
        for n, state in evidence.repinned.items():
            if state.pin is not None and n not in self._names.closed and self._names.pins.setdefault(n, state.pin) == self._before[n].at:
                del self._names.pins[n]

    def _members_listed(self) -> list[Sequence[int]]:
        return [tuple(members) for members in self._members]

    async def _move(self) -> None:
        profile, moves = self.field.profile, self._moves
        losers = []
        target: dict[int, int] = {}
        for part, name in zip(self._parts, self._names.names, strict=True):
            for at in part.loose:
                if profile[at] != name:
                    moves[at] = (profile[at], name)
            for n in part.profiles:
                if n != name:
                    losers.append(n)
                    target[n] = name
        if losers:
            for m in await self.writing.members(losers):
                self.field.meet((m,))
                moves[m.id] = (m.profile, target[m.profile])
        for at in self.vanished:
            moves[at] = (profile[at], 0)

    def _write_names(self, delta: Delta) -> None:
        names = self._names
        made = set(names.made)
        delta.made = [(n, self.new_id(), names.pins[n]) for n in names.made]
        delta.pins = [(n, pin) for n, pin in sorted(names.pins.items()) if n not in made and n not in names.closed]
        repinned = sorted(self.evidence.repinned.items())
        delta.asleep = [(n, state.asleep) for n, state in repinned if state.asleep not in (None, self.stored[n].asleep)]
        closed = names.closed | {n: state.closed for n, state in repinned if state.closed is not None}
        delta.closed = sorted((n, into) for n, into in closed.items() if n not in self.stored or self.stored[n].closed != into)
        for part, name, others in zip(self._parts, names.names, names.others, strict=True):
            aliases = sum(n not in names.closed for n in others)
            delta.profiles.append(ProfileRow(name, part.size, part.counts, self._kind(part), part.contested, aliases))

    def _write_members(self, delta: Delta) -> None:
        field = self.field
        for at, (before, after) in self._moves.items():
            if at in field.fresh:
                delta.fresh.append(Member(at, field.fresh[at].value, after, field.flags[at], field.group.get(at)))
            elif before != after:
                delta.moved.append((at, after or None))

    def _write_changes(self, delta: Delta) -> None:
        gained: dict[int, list[int]] = defaultdict(list)
        lost: dict[int, list[int]] = defaultdict(list)
        for at, (before, after) in self._moves.items():
            if after:
                gained[after].append(at)
            if before:
                lost[before].append(at)
        leads = self._leads()
        delta.leads = sorted(leads.items())
        touched = sorted({*gained, *lost, *leads})
        cause = self._causes(touched, leads, delta)
        naming = set(self._names.names)
        for n in touched:
            kind = self._change_kind(n, gained.get(n, ()), lost.get(n, ()), naming)
            row = (tuple(sorted(gained.get(n, ()))), tuple(sorted(lost.get(n, ()))))
            delta.changes.append(ChangeRow(n, kind, *row, n if n in naming else leads.get(n), self.evidence.cause_kind, cause[n]))
        name_of = {n: name for name, others in zip(self._names.names, self._names.others, strict=True) for n in others}
        moved = [n for n, _ in (*delta.pins, *delta.closed, *delta.asleep)]
        fallback = self._fallback() if moved else 0
        delta.pin_causes = {n: cause.get(n) or cause.get(name_of.get(n, 0)) or fallback for n in moved}

    def _leads(self) -> dict[int, int | None]:
        """OneIDs that name nobody from now on, or lead elsewhere than before."""
        leads: dict[int, int | None] = {}
        held = {n for name, others in zip(self._names.names, self._names.others, strict=True) for n in (name, *others)}
        for name, others in zip(self._names.names, self._names.others, strict=True):
            for n in others:
                before = self._before[n]
                if before.size or before.leads != name:
                    leads[n] = name
        for n, state in self.evidence.repinned.items():
            to = state.closed  # one that sleeps, or follows what nothing mentions, leads nowhere
            if (to is not None or n not in held) and (self._before[n].size or self._before[n].leads != to):
                leads[n] = to
        naming = set(self._names.names)
        for n, before in self._before.items():
            gone = before.at in self.vanished and n not in self._names.pins and n not in self._names.closed
            if gone and n not in naming and n not in self.evidence.repinned and (before.size or before.leads is not None):
                leads[n] = None
        return leads

    def _change_kind(self, n: int, gained: Iterable[int], lost: Iterable[int], naming: set[int]) -> ChangeKind:
        before = self._before.get(n)
        if before is None:
            return ChangeKind.CREATED
        if not self.evidence.erased.isdisjoint(lost):
            return ChangeKind.ERASED
        if n not in naming:
            return ChangeKind.RETIRED if before.size else ChangeKind.MOVED
        if not before.size:
            return ChangeKind.RESTORED
        sources = {self._moves[at][0] for at in gained} - {0}
        targets = {self._moves[at][1] for at in lost} - {0}
        if sources - naming:
            return ChangeKind.MERGED
        if sources or any((there := self._before.get(m)) is not None and there.size for m in targets):
            return ChangeKind.MOVED
        if targets:
            return ChangeKind.SPLIT
        return ChangeKind.EXTENDED if gained else ChangeKind.MOVED

    def _causes(self, touched: Sequence[int], leads: Mapping[int, int | None], delta: Delta) -> dict[int, int]:
        """What caused the change of each OneID: those that exchanged identifiers changed together, and the smallest cause among those that
        name their identifiers stands for all of them."""
        if len(self.evidence.causes) == 1:
            return dict.fromkeys(touched, self.evidence.causes[0][0])
        group = _Groups(touched)
        for before, after in self._moves.values():
            if before and after and before != after:
                group.unite(before, after)
        for n, to in leads.items():
            if to is not None:
                group.unite(n, to)
        told: list[tuple[int, int]] = []
        profile, moves = self.field.profile, self._moves
        for cause, ids in self.evidence.causes:
            first = 0
            for at in ids:
                for n in moves.get(at) or (profile[at],):
                    if n in group.leader and n != first:
                        if first:
                            group.unite(first, n)
                        first = n
            if first:
                told.append((cause, first))
        stands: dict[int, int] = {}
        for cause, n in told:
            root = group.find(n)
            stands[root] = min(cause, stands.get(root, cause))
        stood_for = [(cause, stands[group.find(n)]) for cause, n in told if stands[group.find(n)] != cause]
        if self.evidence.cause_kind == "fragment":
            delta.causes = stood_for
        elif self.evidence.cause_kind == "judgement":
            delta.decisions = stood_for
        fallback = self._fallback()
        return {n: stands.get(group.find(n), fallback) for n in touched}

    def _fallback(self) -> int:
        return min((cause for cause, _ in self.evidence.causes), default=self.writing.commit)


class _Groups:
    """Union of OneIDs by number."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self.leader = {n: n for n in numbers}

    def find(self, n: int) -> int:
        leader = self.leader
        while (up := leader.setdefault(n, n)) != n:
            leader[n] = n = leader[up]  # halves the way for who comes next
        return n

    def unite(self, a: int, b: int) -> None:
        self.leader[self.find(a)] = self.find(b)
