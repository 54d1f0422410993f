"""The audit: a store held against the pure function over its own evidence, every difference named.

Differences name surrogate numbers and OneIDs, never values.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graph.model import Fragment, Identifier, Judgement, ProfileKind, Refusal, Rule
from graph.resolve.ground import Ground, Namespaces
from graph.resolve.judged import judge
from graph.resolve.links import Tally, contradictory, pairs_of, star_losers
from graph.resolve.rules import Rules
from graph.resolve.whole import Resolution, resolve
from graph.store.ports import BARRED, JUDGED, PARKED, SHARED, Everything, Member, OneIdRow, Store

__all__ = ["CheckReport", "check", "differences"]


@dataclass(frozen=True, slots=True)
class CheckReport:
    """`differences` is empty for a sound store; `counted` says how much was compared."""

    differences: tuple[str, ...]
    counted: dict[str, int]


async def check(store: Store) -> CheckReport:
    """Audit a whole store as of one commit. Memory and time grow with the store."""
    held = await store.everything()
    found = tuple(differences(held, Rules.parse(held.rules)))
    counted = {
        "identifiers": len(held.members),
        "fragments": len(held.versions),
        "links": len(held.links),
        "one_ids": len(held.one_ids),
        "changes": len(held.changes),
    }
    return CheckReport(found, counted)


def differences(held: Everything, rules: Rules) -> Iterator[str]:
    """Every way in which the store is not what its evidence and pins say."""
    audit = _Audit(held, rules)
    yield from audit.partition()
    yield from audit.links()
    yield from audit.marks()
    yield from audit.summaries()
    yield from audit.names()
    yield from audit.feed()
    yield from audit.facts()
    yield from audit.erased()


class _Audit:
    def __init__(self, held: Everything, rules: Rules) -> None:
        self.held = held
        names = held.namespaces
        self.member: dict[int, Member] = {m.id: m for m in held.members}
        self.identifier = {m.id: Identifier(names[(m.id >> 40) - 1], m.value) for m in held.members}
        self.id = {identifier: at for at, identifier in self.identifier.items()}
        self.namespaces = Namespaces(names, rules)
        place = {at: self.namespaces.position[i.namespace] for at, i in self.identifier.items()}
        self.ground = Ground(self.namespaces, place, {at: i.text for at, i in self.identifier.items()})
        self.words = {j.id: word for j in held.judgements if (word := j.word) is not None}
        self.judged = judge(self.words.values(), self.ground.text)
        self.pure = self._pure(rules)
        self.refused = {
            tuple(sorted((self.id[r.a], self.id[r.b]))): Refusal(r.rule, r.namespace) for r in self.pure.refused if r.kind == "link"
        }
        self.by_profile: dict[int, list[Member]] = defaultdict(list)
        for m in held.members:
            if m.profile:
                self.by_profile[m.profile].append(m)
        self.one_id: dict[int, OneIdRow] = {row.n: row for row in held.one_ids}

    def _pure(self, rules: Rules) -> Resolution:
        """The pure function over the stored evidence; values are normal already, and normalising them again changes nothing."""
        held, identifier = self.held, self.identifier
        fragments = [
            Fragment(key.source, key.id, tuple(identifier[at] for at in seen.ids), seen.observed, None, seen.score)
            for key, seen in held.versions
            if seen.version not in held.unlinked
        ]
        mentioned = {at for origin, target, *_ in held.interactions for at in (origin, target)}
        mentioned |= {at for j in held.judgements for at in j.ends}
        mentioned |= {at for _, seen in held.versions if seen.version in held.unlinked for at in seen.ids}
        fragments += [Fragment("", str(at), (identifier[at],), 0) for at in sorted(mentioned)]  # no source is called ""
        judgements = [
            Judgement(w.kind, a, b, w.at, with_a=tuple(with_a), with_b=tuple(with_b))
            for w in self.words.values()
            for (a, *with_a), (b, *with_b) in [([identifier[at] for at in w.left], [identifier[at] for at in w.right])]
        ]
        return resolve(fragments, judgements, rules)

    def partition(self) -> Iterator[str]:
        stored = {frozenset(m.id for m in members) for members in self.by_profile.values()}
        pure = {frozenset(self.id[i] for i in profile) for profile in self.pure.profiles}
        for members in sorted(stored - pure, key=min):
            yield f"profile of {sorted(members)} is stored, the evidence does not make it"
        for members in sorted(pure - stored, key=min):
            yield f"the evidence makes a profile of {sorted(members)}, it is not stored"
        for name, flag, right in (("shared", SHARED, self.pure.shared), ("parked", PARKED, self.pure.parked)):
            stored_flags = {m.id for m in self.held.members if m.flags & flag and m.profile}
            for at in sorted(stored_flags ^ {self.id[i] for i in right}):
                yield f"identifier {at}: {name} is {at in stored_flags} in the store, the evidence says otherwise"
        for row in self.held.judgements:
            used = row.id in self.words and self.words[row.id] not in self.judged.refused
            if used != row.in_force:
                yield f"judgement {row.id}: in force is {row.in_force} in the store, the evidence says {used}"
        groups: dict[int, set[int]] = defaultdict(set)
        for at, root in self.judged.group.items():
            groups[root].add(at)
        right_group = {at: min(group) for group in groups.values() for at in group}
        for m in self.held.members:
            if m.group != right_group.get(m.id):
                yield f"identifier {m.id}: judged group {m.group} is stored, the judgements say {right_group.get(m.id)}"

    def links(self) -> Iterator[str]:
        counted: dict[tuple[int, int], Tally] = defaultdict(Tally)
        for seen in (seen for _, seen in self.held.versions if seen.version not in self.held.unlinked):
            wrong = contradictory(seen.ids, self.ground, self.judged.group)
            for pair in pairs_of(seen.ids):
                counted[pair].add(seen.observed, seen.score, clean=wrong.isdisjoint(pair))
        stored = {(row.a, row.b): row for row in self.held.links}
        if len(stored) != len(self.held.links):
            yield "a link is stored twice"
        for pair in sorted(stored.keys() ^ counted.keys()):
            yield f"link {pair}: {'stored without evidence' if pair in stored else 'carried by evidence, not stored'}"
        beforehand = self._refused_beforehand(counted)
        for pair in sorted(stored.keys() & counted.keys()):
            row, refused = stored[pair], self.refused.get(pair)
            if row.tally != counted[pair]:
                yield f"link {pair}: {row.tally} is stored, the evidence says {counted[pair]}"
            if row.refused != refused:
                yield f"link {pair}: refused is {row.refused} in the store, the evidence says {refused}"
            if row.barred != (pair in beforehand):
                yield f"link {pair}: it is kept with the {'refused beforehand' if row.barred else 'usable'} ones"

    def _refused_beforehand(self, counted: Mapping[tuple[int, int], Tally]) -> set[tuple[int, int]]:
        """Links refused before profiles are built: the ends of stars among them are told by step 5 anew, for a profile's own refusals have
        the same name."""
        found: set[tuple[int, int]] = set()
        rays: dict[tuple[int, int], dict[int, Tally]] = defaultdict(dict)
        for pair, tally in counted.items():
            refused = self.refused.get(pair)
            strong, weak = self.ground.weaker_last(*pair)
            if refused is not None and refused.rule in (Rule.CONTRADICTION, Rule.SCORE, Rule.SHARED):
                found.add(pair)
            elif self.ground.place[strong] != self.ground.place[weak]:
                rays[strong, self.ground.place[weak]][weak] = tally
        for (hub, layer), far in rays.items():
            found |= {(min(hub, end), max(hub, end)) for end in star_losers(hub, layer, far, self.ground)}
        return found

    def marks(self) -> Iterator[str]:
        """What a step relies on to know where it need not look."""
        named = {at for j in self.held.judgements for at in j.ends}
        barred = {at for row in self.held.links if row.barred for at in (row.a, row.b)}
        for flag, right, what in ((JUDGED, named, "is named by a judgement"), (BARRED, barred, "has links refused beforehand")):
            for at in sorted(right):
                if not self.member[at].flags & flag:
                    yield f"identifier {at} {what}, and is not marked so"

    def summaries(self) -> Iterator[str]:
        contested = self._contested()
        pinned = Counter(self.member[row.pin].profile for row in self.held.one_ids if row.pin is not None)
        for n, members in sorted(self.by_profile.items()):
            row = self.one_id.get(n)
            if row is None:
                yield f"OneID {n} names a profile and is not on record"
                continue
            counts = Counter(m.id >> 40 for m in {(m.id >> 40, self.judged.group.get(m.id, m.id)): m for m in members}.values())
            kind = self._kind(members)
            right = (len(members), dict(counts), kind.value, n in contested, pinned[n] - 1)
            stored = (row.size, row.counts, row.kind, row.contested, row.aliases)
            if stored != right:
                yield f"summary of OneID {n}: {stored} is stored, its members say {right}"
        for row in self.held.one_ids:
            if row.size and row.n not in self.by_profile:
                yield f"OneID {row.n}: size {row.size} is stored, nobody is in it"

    def _kind(self, members: list[Member]) -> ProfileKind:
        if len(members) == 1 and members[0].flags & SHARED:
            return ProfileKind.SHARED
        person = any(self.namespaces.person[self.ground.place[m.id]] for m in members)
        return ProfileKind.PERSON if person else ProfileKind.ANONYMOUS

    def _contested(self) -> set[int]:
        found: set[int] = set()
        links = [((row.a,), (row.b,)) for row in self.held.links if not row.barred]
        for sides in (*links, *self.judged.apart):
            left, right = ({self.member[at].profile for at in side} for side in sides)
            found |= {n for n in left if right - {n}} | {n for n in right if left - {n}}
        return found

    def names(self) -> Iterator[str]:
        texts = Counter(row.one_id for row in self.held.one_ids)
        yield from (f"OneID {text} is on record {count} times" for text, count in texts.items() if count > 1)
        pinned: dict[int, list[OneIdRow]] = defaultdict(list)
        for row in self.held.one_ids:
            if sum(one is not None for one in (row.pin, row.closed, row.asleep)) != 1:
                yield f"OneID {row.n}: a OneID has a pin, is closed or sleeps, just one of them"
            elif row.pin is not None and (profile := self.member[row.pin].profile):
                pinned[profile].append(row)
        place = self.ground.place
        for n, members in sorted(self.by_profile.items()):
            held = pinned.get(n, [])
            if not held:
                yield f"profile {n} has no OneID pinned to it"
                continue
            name = min(held, key=lambda row: (place[row.pin or 0], row.n))
            if name.n != n:
                yield f"profile {n} should be named by OneID {name.n}"
            if place[name.pin or 0] != min(place[m.id] for m in members):
                yield f"OneID {n} is not pinned to the strongest namespace of its profile"
            if any(place[row.pin or 0] > place[name.pin or 0] for row in held):
                yield f"profile {n} holds a OneID with a weaker pin that is not closed"
            for row in held:
                if row.n != n and row.leads != n:
                    yield f"OneID {row.n} leads to {row.leads}, its pin is in {n}"
        for row in self.held.one_ids:
            if row.size and row.leads is not None:
                yield f"OneID {row.n} names a profile and leads elsewhere"
            if row.closed is not None and row.leads != row.closed:
                yield f"OneID {row.n} is closed into {row.closed} and leads to {row.leads}"
            asleep = row.asleep is not None or (row.pin is not None and not self.member[row.pin].profile)
            if asleep and (row.leads is not None or row.size):
                yield f"OneID {row.n} follows an identifier that nothing mentions, and is not asleep"

    def feed(self) -> Iterator[str]:
        replayed: dict[int, set[int]] = defaultdict(set)
        leads: dict[int, int | None] = {}
        for seq, change in enumerate(self.held.changes, 1):
            if not replayed[change.n].issuperset(change.lost) or not replayed[change.n].isdisjoint(change.gained):
                yield f"entry {seq} of the feed, of OneID {change.n}, does not go on from those before it"
            replayed[change.n] -= set(change.lost)
            replayed[change.n] |= set(change.gained)
            leads[change.n] = change.leads
        stored = {n: {m.id for m in members} for n, members in self.by_profile.items()}
        for n in sorted({n for n, ids in replayed.items() if ids} | stored.keys()):
            if replayed.get(n, set()) != stored.get(n, set()):
                yield f"OneID {n}: replaying the feed gives {sorted(replayed.get(n, ()))}, stored are {sorted(stored.get(n, ()))}"
        for row in self.held.one_ids:
            to = row.n if row.size else row.leads
            if leads.get(row.n) != to:
                yield f"OneID {row.n}: the feed says it leads to {leads.get(row.n)}, stored is {to}"

    def facts(self) -> Iterator[str]:
        carried = {(at, seen.observed, seen.version) for _, seen in self.held.versions for at in seen.ids}
        for at, _, version in sorted(carried ^ self.held.carried):
            yield f"version {version}: its sighting of identifier {at} is {'missing' if (at, _, version) in carried else 'left over'}"
        keys = Counter(key for key, seen in self.held.versions if seen.version not in self.held.unlinked)
        yield from (f"a record has {count} versions that count" for count in keys.values() if count > 1)
        summed: dict[tuple[int, int, str], tuple[int, float, int, int]] = {}
        for origin, target, type_, weight, at in self.held.interactions:
            n, w, first, last = summed.get((origin, target, type_), (0, 0.0, at, at))
            summed[origin, target, type_] = (n + 1, w + weight, min(first, at), max(last, at))
        for tie in sorted(summed.keys() | self.held.ties.keys()):
            if not _same_tie(summed.get(tie), self.held.ties.get(tie)):
                yield f"tie {tie[:2]}: {self.held.ties.get(tie)} is stored, the interactions say {summed.get(tie)}"

    def erased(self) -> Iterator[str]:
        """Nothing but a number is left of who was erased, and every tombstone is of a receipt."""
        stubs = {m.id: m for m in self.held.members if not m.value}
        named = {at for _, seen in self.held.versions for at in seen.ids} | {at for at, _, _ in self.held.carried}
        named |= {at for j in self.held.judgements for at in j.ends} | {at for row in self.held.links for at in (row.a, row.b)}
        named |= {at for origin, target, *_ in self.held.interactions for at in (origin, target)}
        named |= {at for origin, target, _ in self.held.ties for at in (origin, target)}
        for at, m in sorted(stubs.items()):
            if m.profile or m.flags or m.group is not None or at in named:
                yield f"identifier {at} was erased, and something is left of it"
        for erasure, at in sorted(set(self.held.buried)):
            if erasure not in self.held.erasures:
                yield f"a tombstone of identifier {at} is of erasure {erasure}, which has no receipt"
            if at not in stubs:
                yield f"identifier {at} has a tombstone and was not erased"


def _same_tie(a: tuple[int, float, int, int] | None, b: tuple[int, float, int, int] | None) -> bool:
    return (
        a is not None
        and b is not None
        and (a[0], a[2], a[3]) == (b[0], b[2], b[3])
        and math.isclose(a[1], b[1], rel_tol=1e-9, abs_tol=1e-9)
    )
