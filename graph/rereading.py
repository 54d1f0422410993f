"""Evidence read anew by other rules: what was sent stays, the identifiers that it names may be others, or blocked, or no longer.

Which records, judgements and interactions this is about is looked up page by page before the rules come into force, and what came since
under the gate. Then each of them carries what the new rules make of it; how it was is kept for the past.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from graph.erased import erased_among
from graph.evidence import AT_ONCE, Evidence, Field, Piece, number, parts
from graph.judging import settle_reread
from graph.model import FragmentStatus, Identifier, JudgementKind
from graph.resolve.namespaces import reads_alike
from graph.resolve.rules import Blocked, Rules
from graph.store.ports import (
    JUDGED,
    AsSent,
    PinState,
    Reread,
    RereadInteraction,
    RereadJudgement,
    RereadVersion,
    SentInteraction,
    SentJudgement,
    SentKind,
    SentVersion,
    Store,
    Writing,
)
from graph.traits.names import tokens

__all__ = ["Reader", "Rereading"]

_KINDS: Final[tuple[SentKind, ...]] = ("fragments", "judgements", "interactions")


@dataclass(slots=True)
class Rereading:
    """What two rules read differently in a store: numbers by kind, with the namespaces of what was sent there, and until which number all
    was looked at."""

    before: Rules
    after: Rules
    found: dict[SentKind, list[int]] = field(default_factory=lambda: {kind: [] for kind in _KINDS})
    namespaces: set[str] = field(default_factory=set)
    looked: dict[SentKind, int] = field(default_factory=lambda: dict.fromkeys(_KINDS, 0))

    @property
    def needless(self) -> bool:
        """Both rules read everything alike, whatever it is."""
        one, other = self.before, self.after
        if one.declared_only != other.declared_only or one.traits.names != other.traits.names:
            return False
        names = [{namespace.name for namespace in rules.namespaces} for rules in (one, other)]
        if one.declared_only and names[0] != names[1]:
            return False
        return all(reads_alike(one.namespace(name), other.namespace(name)) for name in names[0] | names[1])

    async def look(self, store: Store, told: Callable[[float], None]) -> None:
        """Look at all there is, so that nobody waits for more than a page of it; `told` hears how far it is."""
        for place, kind in enumerate(_KINDS if not self.needless else ()):
            page: Sequence[AsSent] = [AsSent(0, (), None)]
            while page:
                async with store.writing("rules") as writing:
                    page = await writing.as_sent(kind, self.looked[kind], AT_ONCE)
                self._note(kind, page)
            told((place + 1) / len(_KINDS))

    async def look_at_the_rest(self, writing: Writing) -> None:
        """Look at what came since, under the gate."""
        for kind in _KINDS if not self.needless else ():
            while page := await writing.as_sent(kind, self.looked[kind], AT_ONCE):
                self._note(kind, page)

    def _note(self, kind: SentKind, page: Sequence[AsSent]) -> None:
        one, other = self.before, self.after
        renamed = one.traits.names != other.traits.names
        for id, identifiers, traits in page:
            self.looked[kind] = id
            named = renamed and tokens(traits, one.traits.names) != tokens(traits, other.traits.names)
            if named or any(_usable(one, sent) != _usable(other, sent) for sent in identifiers):
                self.found[kind].append(id)
                self.namespaces.update(sent.namespace for sent in identifiers)


def _usable(rules: Rules, sent: Identifier) -> Identifier | None:
    normal = rules.normalise(sent)
    return None if isinstance(normal, Blocked) else normal


class Reader:
    """Reads anew, under the gate, what was found, and notes what that changes as evidence. Who was erased comes back by no rule."""

    def __init__(self, store: Store, writing: Writing, field: Field, evidence: Evidence, rereading: Rereading) -> None:
        self.store, self.writing, self.field, self.evidence = store, writing, field, evidence
        self.before, self.after = rereading.before, rereading.after
        self.found = rereading.found
        self.touched: set[int] = set()
        self._forms: dict[int, set[int]] = {}  # what was kept as one identifier before: what that is now

    async def read(self) -> None:
        """All of it; afterwards the store has it, and the evidence says what changed."""
        for numbers in parts(self.found["fragments"]):
            await self._versions(await self.writing.sent_versions(numbers=numbers))
        for numbers in parts(self.found["interactions"]):
            await self._interactions(await self.writing.sent_interactions(numbers=numbers))
        if self.found["judgements"]:
            await self._judgements(await self.writing.sent_judgements(numbers=self.found["judgements"]))
        await self._pins()

    async def _ids(self, sent: Iterable[Identifier]) -> dict[Identifier, int]:
        """By what was sent the identifiers that it is now, those blocked left out; and what was one of these before is noted."""
        once = set(sent)
        gone = await erased_among(self.writing, self.store, once)
        now = {one: normal for one in once if (normal := _usable(self.after, one)) is not None and normal not in gone}
        was = {one: normal for one in once if (normal := _usable(self.before, one)) is not None}
        ids = await number(self.writing, self.field, now.values())
        known = await self.writing.identifiers({*was.values()})
        for one, normal in was.items():
            if normal in known:
                forms = self._forms.setdefault(known[normal].id, set())
                if one in now:
                    forms.add(ids[now[one]])
        return {one: ids[normal] for one, normal in now.items()}

    async def _versions(self, versions: Sequence[SentVersion]) -> None:
        ids = await self._ids(one for version in versions for one in version.fragment.identifiers)
        rows: list[RereadVersion] = []
        names = (self.before.traits.names, self.after.traits.names)
        for row, fragment, _, _ in versions:
            sent = fragment.identifiers
            carried = tuple(dict.fromkeys(ids[one] for one in sent if one in ids))
            active = row.state is FragmentStatus.ACTIVE
            was, now = (frozenset(tokens(fragment.traits, some) if active else ()) for some in names)
            blocked = tuple(one for one in sent if one not in ids)
            rows.append(RereadVersion(row.id, row.ids, carried, blocked, row.observed, active, was - now, now - was))
            if active and carried != row.ids:
                piece = Piece(row.id, row.ids, row.observed, row.score, links=row.unlinked is None)
                self.evidence.ended.append(piece)
                if carried:
                    self.evidence.added.append(piece._replace(ids=carried))
                self.touched.update(row.ids, carried)
        await self.writing.reread(Reread(versions=rows))

    async def _interactions(self, interactions: Sequence[SentInteraction]) -> None:
        ids = await self._ids(one for interaction in interactions for one in interaction.sent)
        rows = [RereadInteraction(one.id, *(ids.get(end) for end in one.sent)) for one in interactions]
        for end in await self.writing.reread(Reread(interactions=rows)):
            self.evidence.mentioned.add(end)
            self.touched.add(end)
        ended = {end for one in interactions if one.active for end in (one.origin, one.target)}
        self.evidence.dropped |= ended
        self.touched |= ended

    async def _judgements(self, judgements: Sequence[SentJudgement]) -> None:
        said = [one.judgement for one in judgements]
        ids = await self._ids(end for one in said for end in one.ends)
        rows: list[RereadJudgement] = []
        ends: set[int] = set()
        for one, word in zip(judgements, said, strict=True):
            left, right = (tuple(dict.fromkeys(ids[end] for end in side if end in ids)) for side in word.sides)
            rows.append(RereadJudgement(one.row, left, right, one.live))
            if one.live:
                ends.update(one.row.ends, left, right)
                self.evidence.dropped.update(one.row.ends)
                self.evidence.mentioned.update((*left, *right))
                if word.kind is JudgementKind.DISTINCT:
                    self.evidence.parted.update((*one.row.ends, *left, *right))
                for at in (*left, *right):
                    self.field.flags[at] |= JUDGED
        await self.writing.reread(Reread(judgements=rows))
        self.touched |= ends
        await settle_reread(self.writing, self.field, self.evidence, ends, {one.row.id for one in judgements if one.live})

    async def _pins(self) -> None:
        """OneIDs follow what their identifier is now, where nothing mentions it any more as it was: the strongest form of it."""
        moved = {at: forms for at, forms in self._forms.items() if forms and at not in forms}
        left = await self.writing.unmentioned(moved) if moved else set()
        if not left:
            return
        place, text = self.field.ground.place, self.field.ground.text
        now = {at: min(moved[at], key=lambda form: (place[form], text[form])) for at in left}
        for pin in await self.writing.pins(sorted(left)):
            self.evidence.repinned[pin.n] = PinState(pin=now[pin.at])
        for n, at in (await self.writing.wakes(left)).items() if self.writing.sleepers else ():
            self.evidence.repinned[n] = PinState(asleep=now[at])
