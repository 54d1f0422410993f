"""Steps 3 to 5 for one step: changed evidence becomes changed links, and which of them may be used is decided anew around them.

A `Relink` reads and writes links only; people follow in graph.settle. Cost: the links of the changed evidence, and around identifiers that
become shared or stars, or cease to be, up to their limits.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TypeAlias

from graph.evidence import Evidence, Field, Piece, parts
from graph.model import Refusal, Rule
from graph.resolve.links import Tally, contradictory, pairs_of, refused_alone, star_losers
from graph.store.ports import BARRED, NAMESPACE_SHIFT, SHARED, LinkRow, Pair, Summary, Writing

__all__ = ["Relinked", "relink"]

_SHARED = Refusal(Rule.SHARED)
_STAR = Refusal(Rule.MAX_IDENTIFIERS)
Sighted: TypeAlias = tuple[Piece, bool]  # and whether it carries the link cleanly
_ALONE = frozenset({Rule.CONTRADICTION, Rule.SCORE})


@dataclass(slots=True)
class Relinked:
    """What became of links: `joined` are usable ones that are new or whose times changed; `ceased` were usable and are not; `flipped`
    identifiers became shared or ceased to be."""

    joined: dict[Pair, Refusal | None] = field(default_factory=dict)
    ceased: set[Pair] = field(default_factory=set)
    flipped: set[int] = field(default_factory=set)


async def relink(writing: Writing, field: Field, evidence: Evidence, summaries: Mapping[int, Summary]) -> Relinked:
    """Bring the links up to the evidence, which is already written. `summaries`: of the profiles that the evidence touches."""
    work = _Relink(writing, field, summaries)
    await work.count(evidence)
    if evidence.rethought:
        await work.rethink(evidence)
    work.classify()
    await work.flush()
    await work.share(evidence)
    await work.stars()
    await work.flush()
    return work.outcome()


def _earlier(evidence: Evidence, after: Mapping[int, int], ids: Iterable[int]) -> dict[int, int]:
    """The judged groups of these before this step."""
    changed = evidence.regrouped
    return {at: group for at in ids if (group := changed[at] if at in changed else after.get(at)) is not None}


class _Relink:
    """`before`: links as they were; `stored`: as the store has them now; `now`: as they shall be (None: no more)."""

    def __init__(self, writing: Writing, field: Field, summaries: Mapping[int, Summary]) -> None:
        self.writing = writing
        self.field = field
        self.ground = field.ground
        self.most = field.ground.namespaces.max_identifiers
        self.summaries = summaries
        self.before: dict[Pair, LinkRow] = {}
        self.stored: dict[Pair, LinkRow] = {}
        self.now: dict[Pair, LinkRow | None] = {}
        self.plus: dict[Pair, list[Sighted]] = {}
        self.minus: dict[Pair, list[Sighted]] = {}
        self.appeared: list[Pair] = []
        self.vanished: list[Pair] = []
        self.worse: set[Pair] = set()  # stars that may have a free place: (hub, namespace number)
        self.flipped: set[int] = set()
        self.rethought: frozenset[int] = frozenset()

    async def flush(self) -> None:
        """Write what differs; the store counts the links as they are from here on."""
        rows = [row for pair, row in self.now.items() if row is not None and self.stored.get(pair) != row]
        gone = [pair for pair, row in self.now.items() if row is None and pair in self.stored]
        if not rows and not gone:
            return
        flags = self.field.flags
        for row in rows:
            if row.barred:
                flags[row.a] |= BARRED
                flags[row.b] |= BARRED
        await self.writing.write_links(rows, gone, self.stored)
        for pair in gone:
            del self.stored[pair]
        self.stored.update(((row.a, row.b), row) for row in rows)

    def outcome(self) -> Relinked:
        result = Relinked(flipped=self.flipped)
        for pair, row in self.now.items():
            before = self.before.get(pair)
            was = before if before is not None and not before.barred else None
            if row is None or row.barred:
                if was is not None:
                    result.ceased.add(pair)
            elif was is None:
                result.joined[pair] = None
            elif was.tally is not row.tally and _order(was.tally) != _order(row.tally):
                result.joined[pair] = was.refused
        return result

    def _take(self, rows: Iterable[LinkRow]) -> list[LinkRow]:
        """Links read from the store, as they shall be where this step already changed them."""
        taken = []
        for row in rows:
            pair = (row.a, row.b)
            if pair not in self.now:
                self.before[pair] = self.stored[pair] = self.now[pair] = row
            current = self.now[pair]
            if current is not None:
                taken.append(current)
        return taken

    # -- step 3: count

    async def count(self, evidence: Evidence) -> None:
        for piece in (*evidence.added, *evidence.linked):
            self._note(piece, self.plus, self.field.group)
        for piece in (*evidence.ended, *evidence.unlinked):  # counted as it was when its identifiers were grouped as they were
            self._note(piece, self.minus, _earlier(evidence, self.field.group, piece.ids) if evidence.regrouped else self.field.group)
        if evidence.regrouped:
            await self._regroup(evidence)
        fresh = self.field.fresh
        pairs = {**self.plus, **self.minus} if self.minus else self.plus
        known = [p for p in pairs if p[0] not in fresh and p[1] not in fresh] if len(fresh) < len(self.field.text) else []
        if known:
            self.before = await self.writing.links(known)
            self.stored = dict(self.before)
        again = evidence.recounted  # what ended was counted by other limits
        await self._count_again([pair for pair in pairs if again or not self._counted(pair)])

    async def _count_again(self, pairs: Sequence[Pair]) -> None:
        """Count links by the versions that carry them now."""
        for part in parts(pairs):
            found = await self.writing.sightings(part)
            await self._meet({at for sightings in found.values() for seen in sightings for at in seen.ids})
            for pair in part:
                tally = Tally()
                for seen in found.get(pair, ()):
                    wrong = contradictory(seen.ids, self.ground, self.field.group)
                    tally.add(seen.observed, seen.score, clean=wrong.isdisjoint(pair))
                self._set(pair, tally)

    async def rethink(self, evidence: Evidence) -> None:
        """Take up all links of identifiers around which other rules decide otherwise; what this step counted of them already stays."""
        self.rethought = evidence.rethought
        rows: list[LinkRow] = []
        for part in parts(sorted(evidence.rethought)):
            rows += self._take([*await self.writing.usable_links(part), *await self.writing.barred_links(part)])
        await self._meet({at for row in rows for at in (row.a, row.b)})
        if evidence.recounted:
            pairs = {
                (row.a, row.b) for row in rows if not evidence.recounted.isdisjoint((row.a >> NAMESPACE_SHIFT, row.b >> NAMESPACE_SHIFT))
            }
            await self._count_again(sorted(pairs))
        if self.most is None:  # then nothing is a star
            stars = [row for pair, row in self.now.items() if row is not None and row.barred and row.refused == _STAR]
            self.now.update(((row.a, row.b), row._replace(barred=False, refused=None)) for row in stars)

    def _note(self, piece: Piece, into: dict[Pair, list[Sighted]], group: Mapping[int, int]) -> None:
        ids = piece.ids
        if len(ids) < 2 or not piece.links:
            return
        alone = len({at >> NAMESPACE_SHIFT for at in ids}) == len(ids)  # one of each namespace contradicts nothing
        wrong = frozenset() if alone else contradictory(ids, self.ground, group)
        for pair in pairs_of(ids):
            sighted = (piece, not wrong or wrong.isdisjoint(pair))
            if (there := into.get(pair)) is None:
                into[pair] = [sighted]
            else:
                there.append(sighted)

    async def _regroup(self, evidence: Evidence) -> None:
        """Versions that carry several regrouped identifiers may begin or cease to contradict themselves."""
        new = {piece.version for piece in (*evidence.added, *evidence.linked)}  # counted already
        carrying = [seen for seen in await self.writing.carrying_several(evidence.regrouped) if seen.version not in new]
        await self._meet({at for seen in carrying for at in seen.ids})
        for seen in carrying:
            after = self.field.group
            earlier = _earlier(evidence, after, seen.ids)
            was, now = contradictory(seen.ids, self.ground, earlier), contradictory(seen.ids, self.ground, after)
            piece = Piece(seen.version, seen.ids, seen.observed, seen.score)
            for pair in pairs_of(seen.ids) if was != now else ():
                if was.isdisjoint(pair) != now.isdisjoint(pair):
                    self.minus.setdefault(pair, []).append((piece, was.isdisjoint(pair)))
                    self.plus.setdefault(pair, []).append((piece, now.isdisjoint(pair)))

    async def _meet(self, ids: Iterable[int]) -> None:
        unknown = [at for at in ids if at not in self.field.flags]
        if unknown:
            self.field.meet(m for m in (await self.writing.faces(unknown)).values() if m is not None)

    def _counted(self, pair: Pair) -> bool:
        """Count on from the tally there was; False where its sightings must be read again, because an edge of it goes."""
        row = self.before.get(pair)
        plus = self.plus.get(pair, ())
        if row is None and len(plus) == 1 and plus[0][1]:  # most links are new, and seen once
            piece = plus[0][0]
            score = piece.score
            tally = Tally(1, 1 if score is None else 0, 0, piece.observed, piece.observed, score)
            self.now[pair] = LinkRow(pair[0], pair[1], tally, False, None)
            return True
        tally = Tally() if row is None else replace(row.tally)
        if self.minus and (minus := self.minus.get(pair)) is not None:
            clean = [piece for piece, ok in minus if ok]
            tally.dirty -= len(minus) - len(clean)
            if clean and len(clean) == tally.clean:
                tally = Tally(dirty=tally.dirty)
            elif clean:
                if any(p.observed in (tally.first, tally.last) or (p.score is not None and p.score == tally.top) for p in clean):
                    return False
                tally.clean -= len(clean)
                tally.bare -= sum(p.score is None for p in clean)
        for piece, ok in plus:
            tally.add(piece.observed, piece.score, clean=ok)
        self._set(pair, tally)
        return True

    def _set(self, pair: Pair, tally: Tally) -> None:
        row = self.before.get(pair)
        if not tally.clean and not tally.dirty:
            if row is not None:
                self.now[pair] = None
        elif row is None:
            self.now[pair] = LinkRow(pair[0], pair[1], tally, False, None)
        else:
            self.now[pair] = LinkRow(row.a, row.b, tally, row.barred, row.refused)

    # -- which links count at all

    def classify(self) -> None:
        flags, before, weaker_last = self.field.flags, self.before, self.ground.weaker_last
        scored = any(self.ground.namespaces.min_score)
        for pair, row in self.now.items():
            counted = _counts(before.get(pair)) if before else False
            strong, weak = weaker_last(*pair)
            rule = None
            if row is not None and (scored or not row.tally.clean):
                rule = refused_alone(row.tally, weak, self.ground)
            if row is None or rule is not None:
                if row is not None and rule is not None:
                    self.now[pair] = row._replace(barred=True, refused=Refusal(rule))
                if counted:
                    self.vanished.append(pair)
            elif not counted:
                self.appeared.append(pair)
                if (flags[strong] | flags[weak]) & SHARED:
                    self.now[pair] = row._replace(barred=True, refused=_SHARED)
                elif row.barred:
                    self.now[pair] = row._replace(barred=False, refused=None)
            if counted and (pair in self.minus or (rule is not None and self.rethought)):
                self.worse.add((strong, self.field.number_of(weak)))

    # -- step 4: shared

    async def share(self, evidence: Evidence) -> None:
        flags = self.field.flags
        new = Counter(chain.from_iterable(self.appeared))
        wholly = {at for pair in self.vanished for at in pair if flags[at] & SHARED}
        if evidence.regrouped:
            wholly |= await self._around(evidence.regrouped)
        wholly |= {at for at in self.rethought if flags[at] & SHARED or not self._surely_loose(at, new[at])}
        asked: dict[int, set[int]] = {at: self._stronger(at) for at in wholly}
        unsure = {at for at, n in new.items() if at not in asked and not flags[at] & SHARED and not self._surely_loose(at, n)}
        if unsure:
            asked.update(self._unsure(unsure))
        if not asked:
            return
        shared = await self._shared(asked)
        self.flipped = {at for at in asked if (at in shared) != bool(flags[at] & SHARED)}
        for at in self.flipped:
            flags[at] ^= SHARED
        if self.flipped:
            await self._flip()

    def _unsure(self, unsure: Collection[int]) -> dict[int, set[int]]:
        """Of each identifier the numbers of the stronger namespaces in which it has a new neighbour."""
        found: dict[int, set[int]] = {at: set() for at in unsure}
        for a, b in self.appeared:
            for at, far in ((a, b), (b, a)):
                if at in found:
                    found[at].add(self.field.number_of(far))
        return {at: self._stronger(at) & numbers for at, numbers in found.items()}

    def _stronger(self, at: int) -> set[int]:
        place, position = self.ground.place[at], self.field.position
        return {no for no in range(1, len(position)) if position[no] < place}

    def _surely_loose(self, at: int, new: int) -> bool:
        """Whether so many new neighbours cannot make an identifier shared, told from its profile alone: an uncontested one holds all
        neighbours that its members have, if none of their links is refused beforehand."""
        size = self._neighbours_at_most(at)
        if size is None or (self.most is not None and size + new > self.most):
            return False
        above = self.ground.namespaces.shared_above[self.ground.place[at]]
        return above is None or size + new <= above

    def _neighbours_at_most(self, at: int) -> int | None:
        """A bound on an identifier's neighbours before this step, None where its profile does not tell one."""
        if at in self.field.fresh or not (profile := self.field.profile[at]):
            return 0
        summary = self.summaries.get(profile)
        return None if summary is None or summary.contested or self.field.flags[at] & BARRED else summary.size - 1

    async def _around(self, regrouped: Iterable[int]) -> set[int]:
        """Neighbours of regrouped identifiers that count them towards `shared_above`."""
        rows = self._take([*await self.writing.usable_links(list(regrouped)), *await self.writing.barred_links(list(regrouped))])
        await self._meet(at for row in rows for at in (row.a, row.b))
        changed, found = set(regrouped), set()
        for row in rows:
            strong, weak = self.ground.weaker_last(row.a, row.b)
            if strong in changed and self.ground.namespaces.shared_above[self.ground.place[weak]] is not None:
                found.add(weak)
        return found

    async def _shared(self, asked: Mapping[int, set[int]]) -> set[int]:
        """Which of these are shared, by their links to the namespaces named (numbers) and by all their links to same-or-stronger ones."""
        above, place, position = self.ground.namespaces.shared_above, self.ground.place, self.field.position
        by_bound: dict[int, list[Pair]] = defaultdict(list)
        for at, numbers in asked.items():
            if (bound := above[place[at]]) is not None:
                by_bound[bound] += [(at, no) for no in sorted(numbers)]
        shared: set[int] = set()
        for bound, pairs in by_bound.items():
            shared |= {at for (at, _), (groups, _) in (await self.writing.degrees(pairs, bound)).items() if groups > bound}
        if self.most is not None:
            totals = await self.writing.total_degrees([at for at in asked if at not in shared], self.most)
            many = [at for at, total in totals.items() if total > self.most]
            pairs = [(at, no) for at in many for no in range(1, len(position)) if position[no] <= place[at]]
            members: Counter[int] = Counter()
            for (at, _), (_, single) in (await self.writing.degrees(pairs, self.most)).items() if pairs else ():
                members[at] += single
            shared |= {at for at in many if members[at] > self.most}
        return shared

    async def _flip(self) -> None:
        """Links of identifiers that became shared are refused; those of identifiers that ceased to be are usable again."""
        flags, flipped = self.field.flags, sorted(self.flipped)
        rows = self._take([*await self.writing.usable_links(flipped), *await self.writing.barred_links(flipped)])
        await self._meet(at for row in rows for at in (row.a, row.b))
        for row in rows:
            if row.refused is not None and row.refused.rule in _ALONE:
                continue
            strong, weak = self.ground.weaker_last(row.a, row.b)
            if (flags[strong] | flags[weak]) & SHARED:
                self.now[row.a, row.b] = row._replace(barred=True, refused=_SHARED)
                self.worse.add((strong, self.field.number_of(weak)))
            elif row.refused == _SHARED:
                self.now[row.a, row.b] = row._replace(barred=False, refused=None)

    # -- step 5: stars

    async def stars(self) -> None:
        if self.most is None:
            return
        changed = [
            pair
            for pair, row in self.now.items()
            if row is not None and (not row.barred or row.refused == _STAR) and row is not self.before.get(pair)
        ]
        new = Counter(chain.from_iterable(changed))
        unsure = {at for at, n in new.items() if (size := self._neighbours_at_most(at)) is None or size + n > self.most}
        self.worse |= self._hubs()
        hubs = set(self.worse)
        for pair in changed if unsure else ():
            strong, weak = self.ground.weaker_last(*pair)
            if strong in unsure:
                hubs.add((strong, self.field.number_of(weak)))
        hubs = {(hub, no) for hub, no in hubs if self.field.position[no] != self.ground.place[hub]}
        if not hubs:
            return
        totals = await self.writing.total_degrees({at for at, _ in hubs}, self.most)
        await self.flush()
        full = [hub for hub in sorted(hubs) if totals[hub[0]] > self.most or hub in self.worse]
        usable = await self.writing.rays(full, barred=False)
        waiting = await self.writing.rays([hub for hub in full if hub in self.worse], barred=True)
        for hub in full:
            await self._star(hub, usable[hub], waiting.get(hub))

    def _hubs(self) -> set[Pair]:
        """Of the identifiers whose rules changed those that are stars now, or may be one."""
        rays: Counter[Pair] = Counter()
        stars: set[Pair] = set()
        for row in self.now.values() if self.rethought else ():
            if row is None or (row.barred and row.refused != _STAR):
                continue
            strong, weak = self.ground.weaker_last(row.a, row.b)
            hub = (strong, self.field.number_of(weak))
            rays[hub] += 1
            if row.barred:
                stars.add(hub)
        return stars | {hub for hub, n in rays.items() if n > (self.most or 0)}

    async def _star(self, hub: Pair, usable: list[LinkRow], waiting: list[LinkRow] | None) -> None:
        if waiting is None:  # nothing got worse: only links of this step can displace one
            waiting = [
                row
                for pair, row in self.now.items()
                if row is not None and row.refused == _STAR and hub[0] in pair and self.field.number_of(_far(row, hub[0])) == hub[1]
            ]
        rows = self._take([*usable, *waiting])
        await self._meet(at for row in rows for at in (row.a, row.b))
        rays = {_far(row, hub[0]): row.tally for row in rows}
        lost = set(star_losers(hub[0], self.field.position[hub[1]], rays, self.ground))
        for row in rows:
            if (_far(row, hub[0]) in lost) != row.barred:
                out = not row.barred
                self.now[row.a, row.b] = row._replace(barred=out, refused=_STAR if out else None)


def _far(row: LinkRow, near: int) -> int:
    return row.b if row.a == near else row.a


def _order(tally: Tally) -> tuple[object, ...]:
    """What the order of links looks at."""
    return (tally.first, tally.last, tally.score)


def _counts(row: LinkRow | None) -> bool:
    """Whether a link counts towards steps 4 to 7: it is neither contradictory nor below its minimum score."""
    return row is not None and not (row.barred and row.refused is not None and row.refused.rule in _ALONE)
