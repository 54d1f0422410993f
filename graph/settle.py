"""Local re-resolution over any store: changed links and evidence in, people with their OneIDs out.

S are the profiles that the step touches, N those held apart from them; both are resolved together, and every
profile of N that does not come out as it went in joins S, until none does. A cluster of uncontested profiles that fits together within all
limits is joined without loading a link.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from graph.evidence import Evidence, Field
from graph.model import JudgementKind, ProfileKind
from graph.relink import Relinked, relink
from graph.rename import Part, Renaming
from graph.resolve.judged import Judged, Sides
from graph.resolve.partition import Outcome, partition
from graph.resolve.rules import Conflict
from graph.store.ports import JUDGED, NAMESPACE_SHIFT, PARKED, SHARED, Delta, LinkRow, OneIdRow, Pair, PinState, Summary, Writing

__all__ = ["settle", "settle_step"]


async def settle_step(
    writing: Writing, field: Field, evidence: Evidence, facts: Collection[int], new_id: Callable[[], str]
) -> tuple[Delta, list[int]]:
    """Bring links and people up to evidence that is already written; `facts` are the identifiers whose facts changed.

    The delta and the feed positions of its changes come back.
    """
    if writing.sleepers and evidence.cause_kind not in ("revert", "erasure"):  # one says itself whom it wakes, the other shows nothing anew
        await _wake(writing, evidence)
    unknown = [at for at in facts if at not in field.flags]
    if unknown:
        field.meet(m for m in (await writing.faces(unknown)).values() if m is not None)
    summaries = await writing.summaries({n for n in field.profile.values() if n})
    links = await relink(writing, field, evidence, summaries)
    delta = await settle(writing, field, evidence, links, summaries, new_id)
    delta.fresh.extend(field.unplaced(delta.fresh))
    changed = {change.n for change in delta.changes}
    delta.touched = [n for n in dict.fromkeys(field.profile[at] for at in facts) if n and n not in changed]
    return delta, await writing.apply(delta)


async def _wake(writing: Writing, evidence: Evidence) -> None:
    """OneIDs that sleep by a revert wake when their identifier is seen again."""
    seen = {at for piece in evidence.added for at in piece.ids} | evidence.mentioned
    for n, at in (await writing.wakes(seen)).items():
        evidence.repinned.setdefault(n, PinState(pin=at))


async def settle(
    writing: Writing, field: Field, evidence: Evidence, links: Relinked, summaries: Mapping[int, Summary], new_id: Callable[[], str]
) -> Delta:
    """What the step does to identity, ready to be applied. `summaries`: of the profiles of all identifiers in the evidence."""
    clusters = _Clusters(field, summaries)
    candidates = {at for piece in evidence.ended for at in piece.ids} | evidence.dropped
    vanished = await writing.unmentioned(candidates) if candidates else set()
    vanished = {at for at in vanished if field.profile[at]}
    stored, repinned = await _repinned(writing, field, evidence, vanished)
    _gather(clusters, evidence, links, vanished, repinned)
    await clusters.know(writing, links)
    local = _Local(writing, field, vanished)
    renaming = Renaming(writing, field, evidence, vanished, new_id, stored, repinned)
    start: set[int] = set()
    loose: set[int] = set()
    for cluster in clusters.all():
        part = None if cluster.slow else _joined(cluster, field, clusters.summaries)
        if part is None:
            start |= cluster.profiles
            loose |= cluster.loose
        elif part.loose or len(part.profiles) > 1:
            renaming.join(part, clusters.summaries)
    if start or loose:
        await local.resolve(start, loose)
        await local.report(renaming, clusters.summaries)
    return await renaming.delta()


async def _repinned(writing: Writing, field: Field, evidence: Evidence, vanished: Collection[int]) -> tuple[dict[int, OneIdRow], set[int]]:
    """OneIDs that the step pins otherwise, and the identifiers in profiles that they follow, or will.

    One that shall sleep again just keeps its pin where that disappears, or is gone.
    """
    wanted = evidence.repinned.keys() | evidence.unmade
    stored = {row.n: row for row in await writing.one_id_rows(sorted(wanted))} if wanted else {}
    ids = {row.pin for row in stored.values()} | {at for state in evidence.repinned.values() for at in (state.pin, state.asleep)}
    follow = {at for at in ids if at is not None}
    unknown = [at for at in follow if at not in field.flags]
    if unknown:
        field.meet(m for m in (await writing.faces(unknown)).values() if m is not None)
    known = {at for at in follow if field.profile[at] or at in evidence.mentioned}
    known |= {at for piece in evidence.added for at in piece.ids} & follow
    if evidence.renamed:
        known |= evidence.rethought
    for n, state in evidence.repinned.items():
        if state.asleep is not None and (state.asleep not in known or state.asleep in vanished):
            evidence.repinned[n] = PinState(pin=state.asleep)
    return stored, known


@dataclass(slots=True)
class _Cluster:
    """What the step connects: profiles, and identifiers that have none. Slow: only resolving it anew can tell."""

    profiles: set[int] = field(default_factory=set)
    loose: set[int] = field(default_factory=set)
    slow: bool = False


class _Clusters:
    """Union of profiles (by their numbers) and loose identifiers (by minus their ids)."""

    def __init__(self, field: Field, summaries: Mapping[int, Summary]) -> None:
        self.field = field
        self.summaries = dict(summaries)
        self.leader: dict[int, int] = {}
        self.slow: set[int] = set()

    def key(self, at: int) -> int:
        return self.field.profile[at] or -at

    def find(self, key: int) -> int:
        leader = self.leader
        root = leader.setdefault(key, key)
        if leader[root] == root:
            return root
        while leader[root] != root:
            root = leader[root]
        while leader[key] != root:
            leader[key], key = root, leader[key]
        return root

    def unite(self, a: int, b: int) -> None:
        one, other = self.find(self.key(a)), self.find(self.key(b))
        if one != other:
            self.leader[one] = other

    def mark(self, at: int) -> None:
        """This identifier's cluster is slow."""
        self.slow.add(self.key(at))
        self.find(self.key(at))

    async def know(self, writing: Writing, links: Relinked) -> None:
        """Read the summaries of profiles that only a link led to."""
        unknown = [key for key in self.leader if key > 0 and key not in self.summaries]
        if unknown:
            self.summaries.update(await writing.summaries(unknown))

    def all(self) -> Iterable[_Cluster]:
        found: dict[int, _Cluster] = defaultdict(_Cluster)
        for key in self.leader:
            cluster = found[self.find(key)]
            if key > 0:
                cluster.profiles.add(key)
                summary = self.summaries[key]
                if summary.contested or summary.kind is ProfileKind.SHARED or summary.aliases:
                    cluster.slow = True
            else:
                cluster.loose.add(-key)
            if key in self.slow:
                cluster.slow = True
        return found.values()


def _gather(clusters: _Clusters, evidence: Evidence, links: Relinked, vanished: Collection[int], repinned: Collection[int]) -> None:
    profile, find = clusters.field.profile, clusters.find
    for piece in evidence.added:
        for at in piece.ids:
            if not profile[at]:
                find(-at)
    for at in evidence.mentioned:
        if not profile[at]:
            find(-at)
    for (a, b), refused in links.joined.items():
        clusters.unite(a, b)
        if refused is not None:
            clusters.mark(a)
    for a, b in links.ceased:
        clusters.mark(a)
        clusters.mark(b)
    for at in (*links.flipped, *evidence.regrouped, *evidence.parted, *evidence.rethought, *vanished, *repinned):
        clusters.mark(at)


def _joined(cluster: _Cluster, field: Field, summaries: Mapping[int, Summary]) -> Part | None:
    """The cluster as one profile, if it is sure to be one."""
    namespaces, position = field.ground.namespaces, field.position
    counts: dict[int, int] = {}
    size = len(cluster.loose)
    for at in cluster.loose:
        if field.flags[at] & (SHARED | PARKED) or at in field.group:
            return None
        number = at >> NAMESPACE_SHIFT
        counts[number] = counts.get(number, 0) + 1
    for n in cluster.profiles:
        summary = summaries[n]
        size += summary.size
        for number, count in summary.counts.items():
            counts[number] = counts.get(number, 0) + count
    if namespaces.max_identifiers is not None and size > namespaces.max_identifiers:
        return None
    limit = namespaces.limit
    for number, count in counts.items():
        if count > 1 and (most := limit[position[number]]) is not None and count > most:
            return None
    return Part(cluster.profiles, cluster.loose, size, counts)


class _Local:
    """The members and usable links of S and N, and what resolving them together gives."""

    def __init__(self, writing: Writing, field: Field, vanished: set[int]) -> None:
        self.writing = writing
        self.field = field
        self.vanished = vanished
        self.members: dict[int, list[int]] = {}  # by profile, as stored
        self.links: dict[Pair, LinkRow] = {}
        self.at: dict[int, list[LinkRow]] = defaultdict(list)
        self.apart: dict[int, Sides] = {}  # by judgement
        self.facing: dict[int, list[tuple[int, ...]]] = defaultdict(list)  # by identifier: sides that it stays apart from
        self.inner: set[int] = set()
        self.rivals: set[int] = set()
        self.loose: set[int] = set()
        self.nodes: set[int] = set()
        self.outcome = Outcome((), {}, frozenset())

    async def resolve(self, start: set[int], loose: set[int]) -> None:
        self.inner, self.loose = set(start), loose
        await self._load_profiles(start)
        await self._load_links(loose)
        while True:
            self.rivals = await self._find_rivals()
            self._partition()
            changed = self._changed_rivals()
            if not changed:
                return
            self.inner |= changed

    async def _load_profiles(self, profiles: Iterable[int]) -> None:
        new = [n for n in profiles if n not in self.members]
        if not new:
            return
        self.members.update((n, []) for n in new)
        members = await self.writing.members(new)
        self.field.meet(members)
        for m in members:
            self.members[m.profile].append(m.id)
        await self._load_links([m.id for m in members])

    async def _load_links(self, ids: Collection[int]) -> None:
        if not ids:
            return
        rows = [row for row in await self.writing.usable_links(ids) if (row.a, row.b) not in self.links]
        for row in rows:
            self.links[row.a, row.b] = row
            self.at[row.a].append(row)
            self.at[row.b].append(row)
        field = self.field
        judged = [at for at in ids if field.flags[at] & JUDGED]
        ends: set[int] = set()
        for said in await self.writing.judgements(judged) if judged else ():
            if said.in_force and said.kind is JudgementKind.DISTINCT and said.id not in self.apart and (word := said.word) is not None:
                self.apart[said.id] = (word.left, word.right)
                for here, there in ((word.left, word.right), (word.right, word.left)):
                    ends.update(here)
                    for at in here:
                        self.facing[at].append(there)
        unknown = {at for row in rows for at in (row.a, row.b)} | ends
        unknown = {at for at in unknown if at not in field.flags}
        if unknown:
            field.meet(m for m in (await self.writing.faces(unknown)).values() if m is not None)

    async def _find_rivals(self) -> set[int]:
        """N: profiles that a usable link, a judgement or a park group holds apart from S."""
        near: set[int] = set(self.loose)
        for n in self.inner:
            near.update(self.members[n])
        rivals = self._beyond(near)
        await self._load_profiles(rivals)
        parked = {
            at
            for n in rivals
            for at in self.members[n]
            if self.field.flags[at] & PARKED and any(self._far(row, at) in near for row in self.at[at])
        }
        group = {self.field.profile[self._far(row, at)] for at in parked for row in self.at[at]}
        more = {n for n in group if n and n not in self.inner and n not in rivals}
        await self._load_profiles(more)
        return rivals | more

    def _beyond(self, near: Collection[int]) -> set[int]:
        profile = self.field.profile
        found: set[int] = set()
        for at in near:
            for row in self.at[at]:
                found.add(profile[row.b if row.a == at else row.a])
            for side in self.facing.get(at, ()):
                found.update(profile[far] for far in side)
        return {n for n in found if n and n not in self.inner}

    @staticmethod
    def _far(row: LinkRow, near: int) -> int:
        return row.b if row.a == near else row.a

    def _partition(self) -> None:
        nodes: set[int] = set(self.loose)
        for n in (*self.inner, *self.rivals):
            nodes.update(self.members[n])
        nodes -= self.vanished
        field = self.field
        links = {pair: row.tally for pair, row in self.links.items() if pair[0] in nodes and pair[1] in nodes}
        group = {at: field.group[at] for at in nodes if at in field.group}
        self.nodes = nodes
        keep = [at for at in nodes if field.flags[at] & PARKED and self._reaches_out(at)]
        self.outcome = partition(sorted(nodes), links, Judged(_rooted(group), tuple(self.apart.values())), field.ground, keep_parked=keep)

    def _reaches_out(self, at: int) -> bool:
        """Whether a parked identifier's group has an end that is not loaded (and not parked itself): its stored outcome stands then."""
        ground, flags = self.field.ground, self.field.flags
        if ground.namespaces.conflict[ground.place[at]] is not Conflict.PARK:
            return False
        for row in self.at[at]:
            strong, weak = ground.weaker_last(row.a, row.b)
            if weak == at and strong not in self.nodes and not flags[strong] & PARKED:
                return True
        return False

    def _changed_rivals(self) -> set[int]:
        part_of = {at: i for i, part in enumerate(self.outcome.profiles) for at in part}
        changed: set[int] = set()
        for n in self.rivals:
            members = self.members[n]
            same = len({part_of[at] for at in members}) == 1 and len(self.outcome.profiles[part_of[members[0]]]) == len(members)
            if not same or any(bool(self.field.flags[at] & PARKED) != (at in self.outcome.parked) for at in members):
                changed.add(n)
        return changed

    async def report(self, renaming: Renaming, known: Mapping[int, Summary]) -> None:
        """Hand the outcome on: refusals and parked marks that changed, and every part with its summary. `known`: summaries read before."""
        field, outcome = self.field, self.outcome
        for pair, row in self.links.items():
            if pair[0] in self.nodes and pair[1] in self.nodes:
                refused = outcome.refused.get(pair)
                if refused != row.refused:
                    renaming.refusals.append((*pair, refused))
        for at in self.nodes:
            if bool(field.flags[at] & PARKED) != (at in outcome.parked):
                field.flags[at] ^= PARKED
        loaded = (*self.inner, *self.rivals)
        unread = [n for n in loaded if n not in known]
        summaries = {**known, **(await self.writing.summaries(unread) if unread else {})}
        part_of = {at: i for i, part in enumerate(outcome.profiles) for at in part}
        parts = [self._part(members, part_of) for members in outcome.profiles]
        renaming.rebuild(parts, {n: self.members[n] for n in loaded}, summaries)

    def _part(self, members: Sequence[int], part_of: Mapping[int, int]) -> Part:
        here = part_of[members[0]]
        contested = any(part_of.get(self._far(row, at), -1) != here for at in members for row in self.at[at]) or any(
            part_of.get(far, -1) != here for at in members for side in self.facing.get(at, ()) for far in side
        )
        counts = Counter(number for number, _ in {(self.field.number_of(at), self.field.group.get(at, at)) for at in members})
        shared = len(members) == 1 and bool(self.field.flags[members[0]] & SHARED)
        return Part(set(), set(members), len(members), dict(counts), contested=contested, shared=shared)


def _rooted(group: Mapping[int, int]) -> dict[int, int]:
    """Judged groups by a member that is present: a group's own name may be an identifier that is not."""
    first: dict[int, int] = {}
    return {at: first.setdefault(name, at) for at, name in sorted(group.items())}
