"""Interactions in and out: what people do to each other, kept between identifiers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeAlias

import orjson

from graph.erased import erased_among
from graph.errors import AnswerErased, Erased, KeyReused
from graph.evidence import Evidence, field_of
from graph.ids import new_one_id
from graph.ingest import effective
from graph.model import FragmentStatus, Identifier, Instant, Interaction, Key, RecordKey
from graph.resolve.rules import Blocked, Rules
from graph.settle import settle_step
from graph.store.ports import Content, NewInteraction, Store, Writing

__all__ = ["Recorded", "Rejected", "record", "withdraw"]

_Usable: TypeAlias = tuple[Interaction, Content, Identifier, Identifier]
"""What came, with its ends normalised."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """What was not recorded and why; `path` leads to the field inside it."""

    index: int
    code: str
    message: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recorded:
    """`unchanged` counts what was on record before; `token` makes a later read wait for this write."""

    accepted: int
    unchanged: int
    rejected: tuple[Rejected, ...]
    token: int
    replayed: bool = False


async def record(
    store: Store,
    interactions: Sequence[Interaction],
    *,
    key: Key | None = None,
    by: str | None = None,
    new_id: Callable[[], str] = new_one_id,
) -> Recorded:
    """Record interactions as one step; each makes both its identifiers known. One whose end is blocked is rejected, the rest land.

    Of an interaction's versions the one with the latest time counts, among equals the last recorded; equal content changes nothing.
    """
    rules = store.in_force
    contents = [Content(i.key, _content(i)) for i in interactions]
    rejected, usable = _prepared(interactions, contents, rules)
    digest = blake2b(b"".join(c.digest for c in contents), digest_size=16).digest()
    async with store.writing("interactions", by=by) as writing:
        if (earlier := await _answered(writing, key, digest)) is not None:
            return earlier
        if writing.rules is not rules:  # others came into force meanwhile
            rejected, usable = _prepared(interactions, contents, writing.rules)
        gone = await erased_among(writing, store, (end for i in interactions for end in (i.origin, i.target)))
        if gone:
            rejected, usable = _spared(interactions, rejected, usable, gone, writing.rules)
        accepted = await _record(writing, usable, new_id)
        token = writing.commit if accepted else writing.commit - 1  # a step that writes nothing has no commit
        done = Recorded(accepted, len(usable) - accepted, tuple(rejected), token)
        await _answer(writing, key, digest, done)
        return done


def _prepared(interactions: Sequence[Interaction], contents: Sequence[Content], rules: Rules) -> tuple[list[Rejected], list[_Usable]]:
    """What the rules reject, and what is left, normalised."""
    rejected: list[Rejected] = []
    usable: list[_Usable] = []
    for index, (interaction, content) in enumerate(zip(interactions, contents, strict=True)):
        ends = rules.normalise(interaction.origin), rules.normalise(interaction.target)
        wrong = [(field, end) for field, end in zip(("from", "to"), ends, strict=True) if isinstance(end, Blocked)]
        if wrong:
            field, end = wrong[0]
            rejected.append(Rejected(index, "BLOCKED", f"this identifier can belong to nobody: {end.reason}", (field,)))
        else:
            usable.append((interaction, content, Identifier(*ends[0]), Identifier(*ends[1])))
    return rejected, usable


def _spared(
    came: Sequence[Interaction], rejected: Sequence[Rejected], usable: Sequence[_Usable], gone: set[Identifier], rules: Rules
) -> tuple[list[Rejected], list[_Usable]]:
    """What is rejected, and what is left, where some were erased; one that a blocked end is a trace of says so."""
    found = {one.index: one for one in rejected}
    for index, i in enumerate(came):
        wrong = [field for field, end in (("from", i.origin), ("to", i.target)) if end in gone or rules.normalise(end) in gone]
        if wrong:
            found[index] = Rejected(index, Erased.code, Erased(()).message, (wrong[0],))
    return [found[index] for index in sorted(found)], [one for one in usable if one[2] not in gone and one[3] not in gone]


async def _record(writing: Writing, usable: Sequence[_Usable], new_id: Callable[[], str]) -> int:
    heads = await writing.interaction_heads([content for _, content, _, _ in usable])
    field, ids = await field_of(writing, writing.rules, (end for _, _, a, b in usable for end in (a, b)))
    written: dict[RecordKey, NewInteraction] = {}
    history: list[NewInteraction] = []
    seen: set[Content] = set()
    evidence = Evidence("interactions")
    for interaction, content, origin, target in usable:
        head = heads.get(content)
        if content in seen or (head is not None and head.equal is not None):
            continue
        seen.add(content)
        at = effective(interaction.at, writing.at)
        before = written.get(interaction.key)
        stands: tuple[int | None, Instant] = (head.version, head.at) if head is not None and head.version is not None else (None, 0)
        counts = at >= before.at if before is not None else stands[0] is None or at >= stands[1]
        state = FragmentStatus.ACTIVE if counts else FragmentStatus.SUPERSEDED
        new = NewInteraction(interaction, content.digest, state, at, ids[origin], ids[target], None)
        if not counts:
            history.append(new)
            continue
        if before is not None:
            history.append(before._replace(state=FragmentStatus.SUPERSEDED, replaces=None))
            new = new._replace(replaces=before.replaces)
        elif head is not None and head.version is not None:
            new = new._replace(replaces=head.version)
            evidence.dropped |= {head.origin, head.target}
        written[interaction.key] = new
    if not seen:
        return 0
    await writing.write_interactions([*history, *written.values()])
    evidence.mentioned = {at for new in written.values() for at in (new.origin, new.target)}
    evidence.causes = [(writing.commit, tuple(evidence.mentioned | evidence.dropped))]
    await settle_step(writing, field, evidence, evidence.mentioned | evidence.dropped, new_id)
    return len(seen)


async def withdraw(
    store: Store,
    keys: Sequence[RecordKey],
    *,
    key: Key | None = None,
    by: str | None = None,
    new_id: Callable[[], str] = new_one_id,
) -> Recorded:
    """Take interactions back, as one step; one that is unknown or withdrawn already is rejected, the rest go."""
    digest = blake2b(orjson.dumps([list(k) for k in keys]), digest_size=16).digest()
    async with store.writing("interactions", by=by) as writing:
        if (earlier := await _answered(writing, key, digest)) is not None:
            return earlier
        heads = await writing.interaction_heads([Content(k, b"") for k in dict.fromkeys(keys)])
        active = {content.key: head for content, head in heads.items() if head.version is not None}
        rejected = tuple(
            Rejected(
                index, "NOT_FOUND", "no version of this interaction counts: it is unknown, or withdrawn already", ("records", str(index))
            )
            for index, k in enumerate(keys)
            if k not in active
        )
        if active:
            await writing.withdraw_interactions([head.version for head in active.values() if head.version is not None])
            dropped = {at for head in active.values() for at in (head.origin, head.target)}
            field, _ = await field_of(writing, writing.rules, ())
            evidence = Evidence("interactions", dropped=dropped, causes=[(writing.commit, tuple(dropped))])
            await settle_step(writing, field, evidence, dropped, new_id)
        repeats = len(keys) - len(rejected) - len(active)
        done = Recorded(len(active), repeats, rejected, writing.commit if active else writing.commit - 1)
        await _answer(writing, key, digest, done)
        return done


def _content(i: Interaction) -> bytes:
    sent = [i.type, list(i.origin), list(i.target), i.at, i.weight]
    return blake2b(orjson.dumps(sent), digest_size=16).digest()


async def _answered(writing: Writing, key: Key | None, digest: bytes) -> Recorded | None:
    if key is None or (answer := await writing.answered(key)) is None:
        return None
    if answer[0] != digest:
        raise KeyReused
    kept = answer[1]
    if "erased" in kept:
        raise AnswerErased
    rejected = tuple(Rejected(r[0], r[1], r[2], tuple(r[3])) for r in kept["rejected"])
    return Recorded(kept["accepted"], kept["unchanged"], rejected, kept["token"], replayed=True)


async def _answer(writing: Writing, key: Key | None, digest: bytes, done: Recorded) -> None:
    if key is not None:
        rejected = [[r.index, r.code, r.message, list(r.path)] for r in done.rejected]
        result: dict[str, Any] = {"accepted": done.accepted, "unchanged": done.unchanged, "rejected": rejected, "token": done.token}
        await writing.answer(key, digest, result)
