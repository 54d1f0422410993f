"""What people decide: judgements, merges, splits, and records taken back. Never an edit of a profile: evidence, and what follows from it.

Every operation can be previewed: it is done under the gate, looked at, and undone. The preview's token stands for what it showed; the
operation sent with it does exactly that, or answers STALE.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, NamedTuple

from graph.audit import moves, subjects
from graph.erased import erased_among, without_erased
from graph.errors import AnswerErased, KeyReused, NotFound, Stale
from graph.evidence import Evidence, Piece, field_of
from graph.forget import erase
from graph.ids import new_one_id
from graph.judging import content, record_judgements
from graph.model import FragmentStatus, Identifier, Judgement, Key, RecordKey
from graph.operations import Erase, Judge, Merge, Operation, Revert, Withdraw, WithdrawSource
from graph.outcome import Outcome, outcome_of
from graph.planning import judgement_of, merge_of, split_of
from graph.resolve.rules import Rules
from graph.resolve.scrub import without_ends
from graph.settle import settle_step
from graph.store.ports import Deed, Delta, Store, Writing
from graph.undo import undo
from graph.withdrawing import MOST_WITHDRAWN, Told, withdraw_source

__all__ = ["Curated", "Long", "Preview", "judge", "perform", "preview", "withdraw"]


@dataclass(frozen=True, slots=True)
class Curated:
    """`changes` are feed positions, `profiles` the numbers of the profiles left; `unchanged` counts what was on record before;
    `erased` are the places of what was left out since it names who was erased. `forgotten`: whom an erasure was about, and `figures` as the
    audit keeps them, in the first answer only."""

    changes: tuple[int, ...]
    profiles: tuple[int, ...]
    token: int
    unchanged: int = 0
    replayed: bool = False
    erased: tuple[int, ...] = ()
    forgotten: tuple[Identifier, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Preview:
    """What an operation would do; `token` stands for it."""

    token: str
    outcome: Outcome
    figures: Mapping[str, Any]  # as the audit would keep them


@dataclass(frozen=True, slots=True)
class Long:
    """How an operation that takes long is done: at most so many records, `told` hears how far it is; `finish` is the last that is written
    with it, `job` the job that it is done as, and `asked` the entry of the audit that asked for that."""

    most: int = MOST_WITHDRAWN
    told: Told = lambda part: None
    finish: Callable[[Writing, Curated], Awaitable[None]] | None = None
    job: int | None = None
    asked: int | None = None


async def judge(
    store: Store,
    judgements: Sequence[Judgement],
    *,
    key: Key | None = None,
    by: str | None = None,
    key_id: str | None = None,
    new_id: Callable[[], str] = new_one_id,
) -> Curated:
    """Record judgements, as one step. One equal to a judgement on record changes nothing; one with a blocked end is kept, and void."""
    digests = [content(judgement) for judgement in judgements]
    async with store.writing("judgement", by=by) as writing:
        digest = blake2b(b"".join(digests), digest_size=16).digest()
        if (earlier := await _answered(writing, key, digest)) is not None:
            return earlier
        usable, erased = await _allowed(writing, store, judgements)
        digests = [content(judgement) for judgement in usable]
        known = await writing.judgement_digests(digests)
        new = {d: j for d, j in zip(digests, usable, strict=True) if d not in known}
        done = Curated((), (), writing.commit - 1, len(usable), erased=erased)
        if new:
            field, evidence, named = await record_judgements(writing, list(new.values()), writing.rules, one_decision=False)
            delta, positions = await settle_step(writing, field, evidence, named, new_id)
            done = replace(_curated(delta, positions, writing, len(usable) - len(new)), erased=erased)
            figures = {"judgements": len(new), **moves(delta)}
            await writing.write_deed(Deed(Judge.name, await subjects(writing, named, delta), figures, key=key_id))
        await _answer(writing, key, digest, done)
        return done


async def _allowed(writing: Writing, store: Store, judgements: Sequence[Judgement]) -> tuple[list[Judgement], tuple[int, ...]]:
    """The judgements without those who were erased, and the places of those of which nothing is left."""
    gone = await erased_among(writing, store, (end for j in judgements for end in j.ends))
    left = [without_ends(one, gone, writing.rules) for one in judgements] if gone else list(judgements)
    return [one for one in left if one is not None], tuple(place for place, one in enumerate(left) if one is None)


async def withdraw(
    store: Store,
    record: RecordKey,
    *,
    reason: str,
    by: str | None = None,
    key: Key | None = None,
    new_id: Callable[[], str] = new_one_id,
) -> Curated:
    """Take a record back: the state is as if none of its versions so far had come. NotFound where none counts."""
    return await perform(store, Withdraw(record, reason), by=by, key=key, new_id=new_id)


async def perform(
    store: Store,
    operation: Operation,
    *,
    token: str | None = None,
    key: Key | None = None,
    by: str | None = None,
    key_id: str | None = None,
    new_id: Callable[[], str] = new_one_id,
    long: Long | None = None,
) -> Curated:
    """Do what was decided, as one step and one cause, and one entry of the audit: `by` whom, with which API key. `token`: of a preview of
    this operation; Stale where the outcome is no longer what it showed; nothing is written then."""
    digest, long = operation.digest(), long or Long()
    whole = isinstance(operation, WithdrawSource)
    async with store.writing(operation.kind, by=by, reason=operation.reason, apart=token is not None, long=whole) as writing:
        if (earlier := await _answered(writing, key, digest)) is not None:
            return earlier
        allowed = await without_erased(writing, store, operation)
        key_of = store.erasure_key.made() if isinstance(operation, Erase) else b""
        worked = await _work(writing, allowed, store, by, new_id, key_of, long)
        if token is not None and token != (await _outcome(writing, worked)).token(digest):
            raise Stale
        concerned = await subjects(writing, worked.named, worked.delta)
        figures = {**_figures(worked), **({} if long.job is None else {"job": long.job})}
        await writing.write_deed(Deed(operation.name, concerned, figures, worked.cause, key_id, long.asked))
        done = replace(_curated(worked.delta, worked.positions, writing, 0), figures=figures)
        await _answer(writing, key, digest, done)
        if long.finish is not None:
            await long.finish(writing, done)
        return replace(done, forgotten=worked.forgotten)


async def preview(store: Store, operation: Operation, *, by: str | None = None, long: Long | None = None) -> Preview:
    """What `perform` would do now; nothing is written. It takes the gate for as long as the operation would."""
    try:
        async with store.writing(operation.kind, by=by, reason=operation.reason, apart=True) as writing:
            allowed = await without_erased(writing, store, operation)
            worked = await _work(writing, allowed, store, by, new_one_id, b"", long or Long())
            raise _Shown(await _outcome(writing, worked), _figures(worked))
    except _Shown as shown:
        return Preview(shown.outcome.token(operation.digest()), shown.outcome, shown.figures)


class _Shown(Exception):
    """Leaves the gate without writing."""

    def __init__(self, outcome: Outcome, figures: Mapping[str, Any]) -> None:
        self.outcome, self.figures = outcome, figures


class _Worked(NamedTuple):
    """What an operation did: `named` are the identifiers it is about, `together` those that it wants in one profile."""

    delta: Delta
    positions: Sequence[int]
    cause: tuple[str, int]
    named: Sequence[int]
    figures: dict[str, Any]
    together: frozenset[int] = frozenset()
    forgotten: tuple[Identifier, ...] = ()


async def _work(
    writing: Writing, operation: Operation, store: Store, by: str | None, new_id: Callable[[], str], erasure_key: bytes, long: Long
) -> _Worked:
    rules = writing.rules
    figures: dict[str, Any]
    if isinstance(operation, Erase):
        gone = await erase(writing, operation, store, erasure_key, new_id)
        figures = {"identifiers": len(gone.ids), "records": gone.records}
        return _Worked(gone.delta, gone.positions, ("erasure", writing.commit), gone.ids, figures, forgotten=gone.named)
    if isinstance(operation, Withdraw):
        return await _withdraw(writing, operation, rules, new_id)
    if isinstance(operation, WithdrawSource):
        done = await withdraw_source(writing, operation, rules, new_id, long.most, long.told)
        figures = {"source": operation.source, "since": operation.since, "records": done.records}
        return _Worked(done.delta, done.positions, ("withdrawal", writing.commit), done.named, figures)
    if isinstance(operation, Revert):
        undone = await undo(writing, operation, rules, new_id)
        return _Worked(undone.delta, undone.positions, ("revert", writing.commit), undone.concerned, {"undone": undone.kind})
    asked: frozenset[int] = frozenset()
    if isinstance(operation, Judge):
        judgements = await judgement_of(writing, operation, rules, by)
        figures = {"kind": operation.judgement.value}
    elif isinstance(operation, Merge):
        judgements, asked = await merge_of(writing, operation, rules, by)
        figures = {"profiles": len(operation.profiles)}
    else:
        judgements = await split_of(writing, operation, rules, by)
        figures = {"detached": len(operation.detach)}
    field, evidence, named = await record_judgements(writing, judgements, rules, one_decision=True)
    cause = ("judgement", evidence.causes[0][0])
    return _Worked(*await settle_step(writing, field, evidence, named, new_id), cause, named, figures, asked)


def _figures(worked: _Worked) -> dict[str, Any]:
    return {**worked.figures, **moves(worked.delta)}


async def _outcome(writing: Writing, worked: _Worked) -> Outcome:
    return await outcome_of(writing, worked.delta, writing.rules, together=worked.together)


async def _withdraw(writing: Writing, operation: Withdraw, rules: Rules, new_id: Callable[[], str]) -> _Worked:
    counting = [row for row in await writing.versions(records=[operation.record]) if row.state is FragmentStatus.ACTIVE]
    if not counting:
        raise NotFound("no version of this record counts: it is unknown, or withdrawn already", ("record",))
    counting.sort(key=lambda row: (-row.observed, -row.id))
    await writing.withdraw_versions([row.id for row in counting])
    await writing.write_undone({"withdrawn": [[row.id, writing.commit] for row in counting]})
    field, _ = await field_of(writing, rules, ())
    pieces = [Piece(row.id, row.ids, row.observed, row.score, links=row.unlinked is None) for row in counting]
    named = tuple({at for row in counting for at in row.ids})
    evidence = Evidence("withdrawal", ended=pieces, causes=[(writing.commit, named)])
    settled = await settle_step(writing, field, evidence, named, new_id)
    return _Worked(*settled, ("withdrawal", writing.commit), named, {"source": operation.record.source})


def _curated(delta: Delta, positions: Sequence[int], writing: Writing, unchanged: int) -> Curated:
    naming = sorted({change.n for change in delta.changes if change.leads == change.n})
    return Curated(tuple(positions), tuple(naming), writing.commit, unchanged)


async def _answered(writing: Writing, key: Key | None, digest: bytes) -> Curated | None:
    if key is None or (answer := await writing.answered(key)) is None:
        return None
    if answer[0] != digest:
        raise KeyReused
    kept = answer[1]
    if "erased" in kept:
        raise AnswerErased
    return Curated(tuple(kept["changes"]), tuple(kept["profiles"]), kept["token"], kept["unchanged"], True, tuple(kept.get("left_out", ())))


async def _answer(writing: Writing, key: Key | None, digest: bytes, done: Curated) -> None:
    if key is not None:
        result: dict[str, Any] = {"changes": done.changes, "profiles": done.profiles, "token": done.token, "unchanged": done.unchanged}
        result |= {"left_out": done.erased} if done.erased else {}
        await writing.answer(key, digest, result)
