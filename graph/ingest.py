"""Fragments in: one request is one step, its fragments resolved together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, NamedTuple

from graph.erased import marks, recognised, same_key, with_versions
from graph.errors import AnswerErased, KeyReused
from graph.evidence import Evidence, Piece, field_of
from graph.ids import new_one_id
from graph.model import Fragment, FragmentStatus, Identifier, Instant, Key, RecordKey
from graph.resolve.records import content
from graph.resolve.rules import Blocked, Rules
from graph.resolve.scrub import erased_in, own_traces, without
from graph.resolve.tombstones import key_mark, record_mark, surrogate
from graph.settle import settle_step
from graph.store.ports import Content, Head, NewVersion, Store, Writing
from graph.traits.names import tokens

__all__ = ["FUTURE", "Ingested", "IngestedOne", "effective", "ingest"]

FUTURE = 5 * 60 * 1_000_000
"""How far past its recording a fragment's time may lie and still count: five minutes, in microseconds."""


@dataclass(frozen=True, slots=True)
class IngestedOne:
    """What became of one fragment. `one_id` is that of its strongest usable identifier, `one_ids` those of all, `blocked` as sent, and so
    is `erased`: who was, and is left out."""

    index: int
    status: FragmentStatus
    one_id: str | None
    one_ids: tuple[str, ...]
    blocked: tuple[Identifier, ...]
    erased: tuple[Identifier, ...] = ()


@dataclass(frozen=True, slots=True)
class Ingested:
    """`unchanged` counts fragments whose content was on record before. `token` makes a later read wait for this write. `erased`: the places
    of fragments of which nothing landed, since all who are in them were erased; they have no result.

    `replayed`: an answer kept with its idempotency key, counts only.
    """

    accepted: int
    unchanged: int
    results: tuple[IngestedOne, ...]
    token: int
    replayed: bool = False
    erased: tuple[int, ...] = ()


class _Prepared(NamedTuple):
    """A fragment before it is known what the store has of it, with its place in the request."""

    place: int
    fragment: Fragment
    asked: Content
    usable: tuple[Identifier, ...]
    blocked: tuple[Identifier, ...]
    erased: tuple[Identifier, ...] = ()


async def ingest(
    store: Store,
    fragments: Sequence[Fragment],
    *,
    key: Key | None = None,
    by: str | None = None,
    new_id: Callable[[], str] = new_one_id,
    reading: bool = True,
) -> Ingested:
    """Record fragments and settle who they make. `reading=False` leaves `one_id` and `one_ids` out of the results, for loads.

    The same `key` with the same fragments gives the first answer again (its counts); with others, KeyReused.
    """
    rules = store.in_force
    prepared = [_prepare(index, fragment, rules) for index, fragment in enumerate(fragments)]
    digest = blake2b(b"".join(p.asked.digest for p in prepared), digest_size=16).digest()
    async with store.writing("fragment", by=by) as writing:
        if key is not None and (answer := await writing.answered(key)) is not None:
            if answer[0] != digest:
                raise KeyReused
            if "erased" in answer[1]:
                raise AnswerErased
            left_out = tuple(answer[1].get("left_out", ()))
            return Ingested(answer[1]["accepted"], answer[1]["unchanged"], (), writing.commit - 1, replayed=True, erased=left_out)
        if writing.rules is not rules:  # others came into force meanwhile
            prepared = [_prepare(index, fragment, writing.rules) for index, fragment in enumerate(fragments)]
        done = await _step(writing, store, prepared, new_id, reading=reading)
        if key is not None:
            counts: dict[str, Any] = {"accepted": done.accepted, "unchanged": done.unchanged}
            await writing.answer(key, digest, counts | ({"left_out": done.erased} if done.erased else {}))
        return done


def _prepare(index: int, fragment: Fragment, rules: Rules) -> _Prepared:
    usable: dict[Identifier, None] = {}
    blocked: list[Identifier] = []
    for identifier in fragment.identifiers:
        normalised = rules.normalise(identifier)
        if isinstance(normalised, Blocked):
            blocked.append(identifier)
        else:
            usable[normalised] = None
    return _Prepared(index, fragment, Content(fragment.key, content(fragment)), tuple(usable), tuple(blocked))


async def _step(writing: Writing, store: Store, came: Sequence[_Prepared], new_id: Callable[[], str], *, reading: bool) -> Ingested:
    rules = writing.rules
    prepared, heads = await _heads(writing, store, came)
    plan = _Plan(writing, heads)
    field, ids = await field_of(writing, rules, (i for p in prepared for i in p.usable))
    names = rules.traits.names
    for p in prepared:
        plan.add(p, tuple(ids[i] for i in p.usable), names)
    if plan.versions:
        await writing.write_versions(plan.versions)
        facts = {at for v in plan.versions for at in v.ids} | {at for piece in plan.evidence.ended for at in piece.ids}
        await settle_step(writing, field, plan.evidence, facts, new_id)
    results = await _results(writing, prepared, plan, ids, rules) if reading else ()
    token = writing.commit if plan.versions else writing.commit - 1  # a step that writes nothing has no commit
    left_out = tuple(sorted({p.place for p in came} - {p.place for p in prepared})) if len(prepared) < len(came) else ()
    return Ingested(plan.accepted, len(prepared) - plan.accepted, results, token, erased=left_out)


async def _heads(writing: Writing, store: Store, came: Sequence[_Prepared]) -> tuple[Sequence[_Prepared], dict[Content, Head]]:
    """The fragments as they may land, and what the store has of their records. Whether anybody in them was erased is asked along, and only
    where anybody ever was."""
    if not writing.buried or not came:
        return came, await writing.heads([p.asked for p in came])
    key, rules = store.erasure_key.read(), writing.rules
    named = marks(key, (one for p in came for one in (*p.usable, *p.blocked)), rules)
    records = {p.fragment.key: record_mark(key, p.fragment.key) for p in came}
    heads = await writing.heads([p.asked for p in came], [*named, *records.values(), key_mark(key)])
    met = writing.met
    same_key(key, met)
    gone = recognised(named, met)
    if not gone and met.keys().isdisjoint(records.values()):
        return came, heads
    spared = (_spared(p, gone, rules) for p in came)
    left = [(p, telling) for p, telling in spared if p is not None]
    named_so = {p.fragment.key: records[p.fragment.key] for p, telling in left if telling or records[p.fragment.key] in met}
    hidden = await _hide(writing, key, named_so, {asked.key for asked in heads})
    prepared = [_named(p, hidden[p.fragment.key]) if p.fragment.key in hidden else p for p, _ in left]
    return prepared, await writing.heads([p.asked for p in prepared])


def _spared(p: _Prepared, gone: set[Identifier], rules: Rules) -> tuple[_Prepared | None, bool]:
    """What may land of a fragment, and whether the id of its record holds who was erased. None: nothing, since all who are in it were."""
    erased = erased_in(p.fragment, gone, rules)
    traces = own_traces(erased, gone, rules)
    left = _prepare(p.place, without(p.fragment, gone, rules, traces), rules)._replace(erased=erased)
    return None if erased and not left.usable else left, traces is not None and traces.in_text(p.fragment.id)


async def _hide(writing: Writing, key: bytes, hidden: Mapping[RecordKey, bytes], known: set[RecordKey]) -> dict[RecordKey, RecordKey]:
    """Name records otherwise from now on, by their marks: also what comes of them without who was erased, so that it is the same record,
    and what was `known` of them before. One of which there is something under both names keeps its own. The names."""
    met = writing.met
    names = {record: surrogate(key, record) for record in hidden}
    both = await with_versions(writing, [name for record, name in names.items() if record in known])
    names = {record: name for record, name in names.items() if name not in both}
    new = [mark for record, mark in hidden.items() if record in names and (mark not in met or met[mark][1])]
    if new:
        erasure = min(n for n, _ in met.values() if n)
        await writing.hide_records(dict.fromkeys(new, erasure), {record: name for record, name in names.items() if record in known})
    return names


def _named(p: _Prepared, record: RecordKey) -> _Prepared:
    return p._replace(fragment=replace(p.fragment, id=record.id), asked=p.asked._replace(key=record))


class _Counting(NamedTuple):
    """The versions of a record that count, newest first; only the last may link."""

    pieces: tuple[Piece, ...] = ()

    @classmethod
    def of(cls, head: Head) -> _Counting:
        if head.version is None:
            return cls()
        newest = Piece(head.version, head.ids, head.observed, head.score, links=not head.unlinked)
        return cls((newest, *(Piece(seen.version, seen.ids, seen.observed, seen.score, links) for seen, links in head.beside)))

    def takes(self, observed: Instant) -> bool:
        """Whether a new version of this time counts."""
        return not self.pieces or not self.pieces[-1].links or observed >= self.pieces[-1].observed


class _Plan:
    """Which versions to write, and what changes as evidence, fragment by fragment in the order they came."""

    def __init__(self, writing: Writing, heads: dict[Content, Head]) -> None:
        self.writing = writing
        self.heads = heads
        self.versions: list[NewVersion] = []
        self.evidence = Evidence("fragment")
        self.status: list[FragmentStatus] = []
        self.accepted = 0
        self._now: dict[RecordKey, _Counting] = {}  # as of this step so far
        self._seen: dict[Content, int] = {}  # content of this step: its version
        self._place: dict[int, int] = {}  # version: its place in `versions`

    def add(self, p: _Prepared, ids: tuple[int, ...], names: frozenset[str]) -> None:
        head = self.heads.get(p.asked)
        now = self._now.get(p.fragment.key)
        if now is None:
            now = _Counting() if head is None else _Counting.of(head)
        if (head is not None and head.equal is not None) or p.asked in self._seen:
            self.status.append(self._status_of_known(p, head, now))
            return
        version = self.writing.new_version()
        self._seen[p.asked] = version
        observed = effective(p.fragment.observed_at, self.writing.at)
        piece = Piece(version, ids, observed, p.fragment.score)
        counts = now.takes(observed)
        newest = not now.pieces or now.pieces[0].observed <= observed
        replaced = [one for one in now.pieces if counts and one.observed <= observed]
        replaces = tuple(old for one in replaced for old in self._supersede(one, version))
        state = FragmentStatus.ACTIVE if counts else FragmentStatus.SUPERSEDED
        found = frozenset(tokens(p.fragment.traits, names)) if p.fragment.traits and counts else frozenset()
        self._place[version] = len(self.versions)
        self.versions.append(NewVersion(version, p.fragment, p.asked.digest, state, observed, ids, p.blocked, found, replaces, newest))
        self.status.append(state)
        self.accepted += 1
        if counts:
            self._now[p.fragment.key] = _Counting((*now.pieces[: len(now.pieces) - len(replaced)], piece))
            self.evidence.added.append(piece)
            self.evidence.causes.append((version, ids))

    def _status_of_known(self, p: _Prepared, head: Head | None, now: _Counting) -> FragmentStatus:
        if not now.pieces:
            return FragmentStatus.WITHDRAWN
        same = self._seen.get(p.asked)
        if same is not None:
            return FragmentStatus.ACTIVE if any(same == one.version for one in now.pieces) else FragmentStatus.SUPERSEDED
        if head is not None and head.version == now.pieces[0].version and head.equal is not None:
            return head.equal
        return FragmentStatus.SUPERSEDED

    def _supersede(self, old: Piece, version: int) -> tuple[int, ...]:
        """A version that counted so far counts no more; one of this very step becomes history at once."""
        place = self._place.get(old.version)
        if place is None:
            self.evidence.ended.append(old)
            self.evidence.causes.append((version, old.ids))
            return (old.version,)
        row = self.versions[place]
        self.versions[place] = row._replace(state=FragmentStatus.SUPERSEDED, tokens=frozenset(), replaces=())
        evidence = self.evidence
        evidence.added = [piece for piece in evidence.added if piece.version != old.version]
        evidence.causes = [(version if cause == old.version else cause, named) for cause, named in evidence.causes]
        return row.replaces


def effective(sent: Instant | None, recorded: Instant) -> Instant:
    """The time that counts: as sent, at most five minutes after it was recorded; none sent: when it was recorded."""
    return recorded if sent is None else min(sent, recorded + FUTURE)


async def _results(
    writing: Writing, prepared: Sequence[_Prepared], plan: _Plan, ids: dict[Identifier, int], rules: Rules
) -> tuple[IngestedOne, ...]:
    names = await writing.one_ids(ids.values())
    results = []
    for p, status in zip(prepared, plan.status, strict=True):
        usable = sorted(p.usable, key=lambda i: (rules.namespace(i.namespace).rank, i.value))
        found = list(dict.fromkeys(name for i in usable if (name := names.get(ids[i])) is not None))
        results.append(IngestedOne(p.place, status, found[0] if found else None, tuple(found), p.blocked, p.erased))
    return tuple(results)
