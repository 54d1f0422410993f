"""Erasing people: what the store knows of some identifiers is gone, in the past too, and they are refused when they come again.

A record keeps what it says of others: the identifiers that are left of it, and the traits that hold none of the values. One with nobody
left goes whole. People follow from the evidence that is left, as in every other step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import NamedTuple

from graph.audit import subjects
from graph.erased import erased_among, marks, same_key, with_versions
from graph.errors import BadInput, KeyReused, KeyTrouble, NotFound, Stale
from graph.evidence import Evidence, Field, Piece, field_of
from graph.judging import content as said
from graph.judging import settle_ended
from graph.model import FragmentStatus, Identifier, Key, RecordKey
from graph.operations import Erase
from graph.planning import profile_at
from graph.resolve.records import content
from graph.resolve.rules import Blocked, Rules
from graph.resolve.scrub import Traces, less_ends, without
from graph.resolve.tombstones import forms_of, key_mark, marks_of, record_mark, surrogate
from graph.settle import settle_step
from graph.store.ports import (
    NAMESPACE_SHIFT,
    Burial,
    Deed,
    Delta,
    Erasing,
    Left,
    LeftJudgement,
    SentJudgement,
    SentVersion,
    Store,
    Writing,
)

__all__ = ["Allowed", "Buried", "Forgotten", "allow_again", "buried", "carry_over", "erase", "forget_erasures"]


class Forgotten(NamedTuple):
    """What an erasure did; `ids` are the stubs that it left, `named` the identifiers that they were."""

    delta: Delta
    positions: list[int]
    ids: tuple[int, ...]
    records: int
    named: tuple[Identifier, ...]


async def erase(writing: Writing, operation: Erase, store: Store, key: bytes, new_id: Callable[[], str]) -> Forgotten:
    """Erase, as one step. NotFound where nothing of it is on record; those that are not, beside others, are refused from now on all the
    same. `key`: of the tombstones."""
    rules = writing.rules
    named = await _with_former_forms(writing, await _named(writing, operation, store))
    field, ids = await field_of(writing, rules, named)
    if not ids.keys() - field.fresh_identifiers():
        raise NotFound("nothing of this is on record", ("identifiers",))
    work = _Erasure(ids, operation, rules, key)
    versions = await writing.sent_versions(work.ids)
    judgements = await writing.sent_judgements(work.ids)
    interactions = await writing.sent_interactions(work.ids)
    work.learn(one for v in versions for one in v.fragment.identifiers)
    work.learn(one for j in judgements for one in j.judgement.ends)
    work.learn(one for i in interactions for one in i.sent)
    work.trace()
    work.records(versions)
    work.decisions(judgements)
    work.erasing.interactions_gone = [i.id for i in interactions]
    work.commits.update(n for i in interactions for n in i.commits)
    work.evidence.dropped |= {end for i in interactions if i.active for end in (i.origin, i.target)}
    await work.tell_apart(writing)
    await _unlike_former_names(writing, work)
    await writing.erase_evidence(work.erasing)
    delta, positions = await _settled(writing, work, field, judgements, new_id)
    await writing.bury(work.burial(operation.reason))
    await writing.forget_reasons(work.ids)
    return Forgotten(delta, positions, tuple(sorted(work.ids)), len(work.touched), tuple(ids))


async def _named(writing: Writing, operation: Erase, store: Store) -> list[Identifier]:
    """Who is to be erased, normalised; those that were before are left out."""
    if operation.profile is not None or not operation.identifiers:
        n = await profile_at(writing, operation.profile, ("profile",))
        names = writing.namespaces()
        return [Identifier(names[(m.id >> NAMESPACE_SHIFT) - 1], m.value) for m in await writing.members([n])]
    found: dict[Identifier, None] = {}
    for place, raw in enumerate(operation.identifiers):
        normal = writing.rules.normalise(raw)
        if isinstance(normal, Blocked):
            raise BadInput(f"the rules block this identifier, so that it is nobody's: {normal.reason}", ("identifiers", str(place)))
        found[normal] = None
    gone = await erased_among(writing, store, found)
    return [one for one in found if one not in gone]


async def _with_former_forms(writing: Writing, named: list[Identifier]) -> list[Identifier]:
    """Who is to be erased, and what other rules made of the same texts before these came into force, where nothing mentions it any more."""
    if writing.rules_version == 1:
        return named
    ids = [known.id for known in (await writing.identifiers(named)).values()]
    sent = [one for v in await writing.sent_versions(ids) for one in v.fragment.identifiers]
    sent += [one for j in await writing.sent_judgements(ids) for one in j.judgement.ends]
    sent += [one for i in await writing.sent_interactions(ids) for one in i.sent]
    rules, now = writing.rules, set(named)
    texts: dict[str, set[str]] = defaultdict(set)
    for one in (*named, *(raw for raw in sent if rules.normalise(raw) in now)):
        texts[one.namespace].add(one.value)
    forms = {form for namespace, values in texts.items() for form in forms_of(namespace, values, rules)} - now
    known = {found.id: one for one, found in (await writing.identifiers(forms)).items()}
    return [*named, *(known[at] for at in sorted(await writing.unmentioned(known) if known else ()))]


async def _unlike_former_names(writing: Writing, work: _Erasure) -> None:
    """KeyTrouble where a record would get a name that it had before the tombstones were dropped: two records would be one."""
    named = {left.fragment.key for left in work.erasing.versions_left}.difference(work.touched)
    if named and await with_versions(writing, named):
        raise KeyTrouble("records are still named by this erasure key, whose tombstones were dropped; set another one")


async def _settled(
    writing: Writing, work: _Erasure, field: Field, judgements: Sequence[SentJudgement], new_id: Callable[[], str]
) -> tuple[Delta, list[int]]:
    evidence = work.evidence
    less = {one.id for one in work.erasing.judgements_left}
    gone = less.union(work.erasing.judgements_gone)
    ended = [one.row for one in judgements if one.live and one.row.id in gone and one.row.word is not None]
    void = {end for one in judgements if one.live and one.row.id in gone for end in one.row.ends}
    evidence.dropped |= void
    known = [at for at in (*work.concerned, *evidence.dropped) if at not in field.flags]
    field.meet(m for m in (await writing.faces(known)).values() if m is not None)
    await settle_ended(writing, field, evidence, ended, {row.id for row in ended} & less)
    concerned = tuple(sorted({*work.ids, *work.concerned, *evidence.dropped}))
    evidence.causes = [(writing.commit, concerned)]
    return await settle_step(writing, field, evidence, concerned, new_id)


@dataclass(slots=True)
class _Written:
    """An identifier to be erased, and every way in which it was written."""

    identifier: Identifier
    texts: set[str]


class _Erasure:
    """Decides what goes and what is left; it reads nothing."""

    def __init__(self, ids: Mapping[Identifier, int], operation: Erase, rules: Rules, key: bytes) -> None:
        self.erased = ids
        self.ids = frozenset(ids.values())
        self.rules = rules
        self.key = key
        self.reason = operation.reason
        self.erasing = Erasing(tuple(sorted(self.ids)))
        self.evidence = Evidence("erasure", erased=self.ids)
        self.commits: set[int] = set()
        self.concerned: set[int] = set()
        self.touched: list[RecordKey] = []
        self.renamed: dict[bytes, int] = {}
        self.written = {at: _Written(one, {one.value}) for one, at in ids.items()}
        self.traces = Traces((), (), rules)
        self.learn(operation.identifiers)

    def learn(self, sent: Iterable[Identifier]) -> None:
        """How identifiers were written."""
        for raw in sent:
            normal = self.rules.normalise(raw)
            if not isinstance(normal, Blocked) and normal in self.erased:
                self.written[self.erased[normal]].texts.add(raw.value)

    def trace(self) -> None:
        """All that was written is known. BadInput where the reason holds any of it."""
        self.traces = Traces(self.erased, {text for one in self.written.values() for text in one.texts}, self.rules)
        if self.traces.in_text(self.reason):
            raise BadInput("the reason holds a value that is to be erased; say it without", ("reason",))

    # ---------------------------------------------------------------- records

    def records(self, versions: Sequence[SentVersion]) -> None:
        by_record: dict[RecordKey, list[SentVersion]] = defaultdict(list)
        for version in versions:
            by_record[version.row.record].append(version)
        for record, some in by_record.items():
            self.touched.append(record)
            stays = any(self._left(v) for v in some)
            if (of := self._held_by(record.id)) is not None:
                self.renamed[record_mark(self.key, record)] = 0 if stays else of  # what is left keeps its name for ever
            if stays:
                self._lessen(record, some, surrogate(self.key, record) if of is not None else record)
            else:
                self.erasing.versions_gone += some
                for v in some:
                    self._note(v, ())

    def _held_by(self, text: str) -> int | None:
        """An identifier whose value the text holds."""
        if not self.traces.in_text(text):
            return None
        holding = (at for at, one in self.written.items() if Traces([one.identifier], one.texts, self.rules).in_text(text))
        return next(holding, min(self.ids))

    def _left(self, version: SentVersion) -> tuple[int, ...]:
        return tuple(at for at in version.row.ids if at not in self.ids)

    def _lessen(self, record: RecordKey, versions: Sequence[SentVersion], now: RecordKey) -> None:
        """What is left of each version. It gets the digest that it would have if it came again now, the first of those that are equal."""
        less = [(v, self._left(v), without(v.fragment, self.erased, self.rules, self.traces)) for v in versions]
        changed = [(v, ids, kept) for v, ids, kept in less if now != record or ids != v.row.ids or kept != v.fragment]
        same = {v.row.id for v in versions}.difference(v.row.id for v, _, _ in changed)
        seen = {content(v.fragment) for v in versions if v.row.id in same}
        for v, ids, kept in changed:
            digest = content(without(v.fragment, self.erased, self.rules))
            if digest in seen or (v.row.ids and not ids):
                digest = blake2b(b"erased %d" % v.row.id, digest_size=16).digest()
            seen.add(digest)
            blocked = tuple(one for one in v.blocked if one in kept.identifiers)
            active = v.row.state is FragmentStatus.ACTIVE
            fragment = replace(kept, id=now.id)
            self.erasing.versions_left.append(Left(v.row.id, fragment, digest, ids, v.row.ids, blocked, active, v.fragment.traits))
            self._note(v, ids)

    def _note(self, version: SentVersion, left: tuple[int, ...]) -> None:
        """What it changes as evidence."""
        row = version.row
        self.commits.update(version.commits)
        if row.state is not FragmentStatus.ACTIVE:
            return
        self.concerned.update(row.ids)
        piece = Piece(row.id, row.ids, row.observed, row.score, links=row.unlinked is None)
        if left != row.ids:
            self.evidence.ended.append(piece)
            if left:
                self.evidence.added.append(piece._replace(ids=left))

    # ---------------------------------------------------------------- decisions

    def decisions(self, judgements: Sequence[SentJudgement]) -> None:
        erasing = self.erasing
        for one in judgements:
            self.commits.update(one.commits)
            row = one.row
            if self.ids.isdisjoint(row.ends):
                erasing.silenced.append(row.id)
                continue
            sides = [
                tuple(at for at in ends if at is not None and at not in self.ids) for ends in ((row.a, *row.with_a), (row.b, *row.with_b))
            ]
            less = less_ends(one.judgement, self.erased, self.rules)
            if less is None or not all(sides):
                erasing.judgements_gone.append(row.id)
                erasing.judgement_rows.append(row)
            else:
                less = replace(less, reason="")
                erasing.judgements_left.append(LeftJudgement(row.id, less, said(less), sides[0], sides[1], frozenset(row.ends) & self.ids))

    async def tell_apart(self, writing: Writing) -> None:
        """Judgements that are less now may say what others say: each keeps a digest of its own."""
        left = self.erasing.judgements_left
        seen = await writing.judgement_digests([one.digest for one in left]) if left else set()
        for place, one in enumerate(left):
            if one.digest in seen:
                left[place] = one._replace(digest=blake2b(b"erased %d" % one.id, digest_size=16).digest())
            seen.add(one.digest)

    def burial(self, reason: str) -> Burial:
        marked = {
            mark: at for at, one in self.written.items() for mark in marks_of(self.key, one.identifier.namespace, one.texts, self.rules)
        }
        ids = tuple(sorted(self.ids))
        return Burial(ids, {**self.renamed, **marked}, key_mark(self.key), reason, len(self.touched), frozenset(self.commits))


# ---------------------------------------------------------------- for those who return


@dataclass(frozen=True, slots=True)
class Allowed:
    """`identifiers`: those that may come again, as asked for."""

    identifiers: tuple[Identifier, ...] = field(default=())
    token: int = 0
    replayed: bool = False


async def allow_again(
    store: Store,
    receipt: int,
    identifiers: Sequence[Identifier],
    *,
    reason: str,
    by: str | None = None,
    key_id: str | None = None,
    key: Key | None = None,
) -> Allowed:
    """Identifiers, raw as sent, that the erasure with this number erased may come again; they come in as new. NotFound names the first that
    it did not erase, or that was allowed before."""
    digest = blake2b(repr((receipt, [list(one) for one in identifiers], reason)).encode(), digest_size=16).digest()
    async with store.writing("allowance", by=by, reason=reason) as writing:
        if key is not None and (answer := await writing.answered(key)) is not None:
            if answer[0] != digest:
                raise KeyReused
            return Allowed(tuple(identifiers), answer[1]["token"], replayed=True)
        if await writing.receipt(receipt) is None:
            raise NotFound("there is no such receipt", ("receipt",))
        stubs = await _stubs(writing, store, receipt, identifiers)
        await writing.unbury(stubs)
        await writing.write_deed(
            Deed("allowAgain", await subjects(writing, sorted(at for at in stubs if at > 0)), {"identifiers": len(stubs)}, key=key_id)
        )
        if key is not None:
            await writing.answer(key, digest, {"token": writing.commit})
        return Allowed(tuple(identifiers), writing.commit)


async def _stubs(writing: Writing, store: Store, receipt: int, identifiers: Collection[Identifier]) -> set[int]:
    """What is left of these identifiers."""
    secret = store.erasure_key.read() if writing.buried else b""
    asked = [marks(secret, [one], writing.rules) for one in identifiers]
    found = await writing.tombstones([key_mark(secret), *(mark for some in asked for mark in some)]) if writing.buried else {}
    if writing.buried:
        same_key(secret, found)
    stubs: set[int] = set()
    for place, some in enumerate(asked):
        of = {found[mark][1] for mark in some if mark in found and found[mark][0] == receipt}
        if not of:
            raise NotFound("this was not erased with this receipt, or is allowed again already", ("identifiers", str(place)))
        stubs |= of
    return stubs


# ---------------------------------------------------------------- for a store that takes another one's place


async def carry_over(former: Store, store: Store, *, reason: str, by: str | None = None, key_id: str | None = None) -> int | None:
    """Who was erased from `former` is refused by `store`, too; the number of the receipt, None where there is nothing to carry over.
    KeyTrouble where `store` does not have the key. What `store` holds already of them stays: to be done before it is filled."""
    rows = await former.tombstones()
    if not rows:
        return None
    key = store.erasure_key.read()
    same_key(key, [mark for mark, _, _ in rows])
    async with store.writing("erasure", by=by, reason=reason) as writing:
        await erased_among(writing, store, ())
        marks = {mark: -abs(at) for mark, erasure, at in rows if erasure}
        known = await writing.tombstones(marks)
        new = {mark: of for mark, of in marks.items() if mark not in known}
        if not new:
            return None
        await writing.carry_over(new, key_mark(key), reason)
        await writing.write_deed(Deed("erase", (), {"identifiers": len({*new.values()} - {0}), "records": 0}, key=key_id))
        return writing.commit


# ---------------------------------------------------------------- for a store whose key is lost


class Buried(NamedTuple):
    """The tombstones of a store: how many, of how many identifiers, which so many erasures erased."""

    tombstones: int
    identifiers: int
    erasures: int


async def buried(store: Store) -> Buried:
    """The tombstones that there are; the key is not needed."""
    rows = [(erasure, at) for _, erasure, at in await store.tombstones() if erasure]
    return Buried(len(rows), len({row for row in rows if row[1]}), len({erasure for erasure, _ in rows}))


async def forget_erasures(store: Store, tombstones: int, *, reason: str, by: str | None = None, key_id: str | None = None) -> Buried:
    """Drop all tombstones, whatever key they were made with: nobody is refused as erased any more, and the next erasure may have another.
    Receipts stay, and so does what the erasures did. Stale where there are not just so many tombstones; what was dropped otherwise."""
    found = await buried(store)
    async with store.writing("allowance", by=by, reason=reason) as writing:
        if found.tombstones != tombstones or await writing.count_tombstones() != tombstones:
            raise Stale
        await writing.drop_tombstones()
        await writing.write_deed(Deed("forgetErasures", (), found._asdict(), key=key_id))
    return found
