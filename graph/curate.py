"""What people decide: judgements, and records taken back. Never an edit of a profile: evidence, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import orjson

from graph.errors import KeyReused, NotFound
from graph.evidence import Evidence, Field, Piece, field_of
from graph.ids import new_one_id
from graph.model import Identifier, Judgement, JudgementKind, Key, RecordKey
from graph.resolve.judged import Judged, Word
from graph.resolve.judged import judge as decide
from graph.resolve.rules import Blocked, Rules
from graph.settle import settle_step
from graph.store.ports import JUDGED, Delta, JudgementRow, Store, Writing

__all__ = ["Curated", "judge", "withdraw"]


@dataclass(frozen=True, slots=True)
class Curated:
    """`changes` are feed positions, `profiles` the numbers of the profiles left; `unchanged` counts what was on record before."""

    changes: tuple[int, ...]
    profiles: tuple[int, ...]
    token: int
    unchanged: int = 0
    replayed: bool = False


async def judge(
    store: Store,
    judgements: Sequence[Judgement],
    *,
    key: Key | None = None,
    by: str | None = None,
    new_id: Callable[[], str] = new_one_id,
) -> Curated:
    """Record judgements, as one step. One equal to a judgement on record changes nothing; one with a blocked end is kept, and void."""
    rules = store.in_force
    digests = [_content(judgement) for judgement in judgements]
    async with store.writing("judgement", by=by) as writing:
        digest = blake2b(b"".join(digests), digest_size=16).digest()
        if (earlier := await _answered(writing, key, digest)) is not None:
            return earlier
        known = await writing.judgement_digests(digests)
        new = {d: j for d, j in zip(digests, judgements, strict=True) if d not in known}
        done = Curated((), (), writing.commit - 1, len(judgements))
        if new:
            delta, positions = await _judge(writing, new, rules, new_id)
            done = _curated(delta, positions, writing, len(judgements) - len(new))
        await _answer(writing, key, digest, done)
        return done


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
    digest = blake2b(orjson.dumps([*record, reason]), digest_size=16).digest()
    async with store.writing("withdrawal", by=by, reason=reason) as writing:
        if (earlier := await _answered(writing, key, digest)) is not None:
            return earlier
        sighting = await writing.active_version(record)
        if sighting is None:
            raise NotFound("no version of this record counts: it is unknown, or withdrawn already", ("record",))
        await writing.withdraw_version(sighting.version)
        field, _ = await field_of(writing, store.in_force, ())
        piece = Piece(sighting.version, sighting.ids, sighting.observed, sighting.score)
        evidence = Evidence("withdrawal", ended=[piece], causes=[(writing.commit, sighting.ids)])
        delta, positions = await settle_step(writing, field, evidence, sighting.ids, new_id)
        done = _curated(delta, positions, writing, 0)
        await _answer(writing, key, digest, done)
        return done


def _content(judgement: Judgement) -> bytes:
    j = judgement
    said: list[Any] = [j.kind, list(j.a), list(j.b), j.at, j.by, j.reason]
    if j.with_a or j.with_b:
        said += [[list(one) for one in side] for side in (j.with_a, j.with_b)]
    return blake2b(orjson.dumps(said), digest_size=16).digest()


def _usable(rules: Rules, *raw: Identifier) -> list[Identifier]:
    return [end for end in map(rules.normalise, raw) if not isinstance(end, Blocked)]


def _curated(delta: Delta, positions: Sequence[int], writing: Writing, unchanged: int) -> Curated:
    naming = sorted({change.n for change in delta.changes if change.leads == change.n})
    return Curated(tuple(positions), tuple(naming), writing.commit, unchanged)


async def _answered(writing: Writing, key: Key | None, digest: bytes) -> Curated | None:
    if key is None or (answer := await writing.answered(key)) is None:
        return None
    if answer[0] != digest:
        raise KeyReused
    kept = answer[1]
    return Curated(tuple(kept["changes"]), tuple(kept["profiles"]), kept["token"], kept["unchanged"], replayed=True)


async def _answer(writing: Writing, key: Key | None, digest: bytes, done: Curated) -> None:
    if key is not None:
        result: dict[str, Any] = {"changes": done.changes, "profiles": done.profiles, "token": done.token, "unchanged": done.unchanged}
        await writing.answer(key, digest, result)


async def _judge(writing: Writing, judgements: dict[bytes, Judgement], rules: Rules, new_id: Callable[[], str]) -> tuple[Delta, list[int]]:
    sides = {digest: (_usable(rules, j.a, *j.with_a), _usable(rules, j.b, *j.with_b)) for digest, j in judgements.items()}
    field, ids = await field_of(writing, rules, (end for both in sides.values() for side in both for end in side))
    evidence = Evidence("judgement", mentioned=set(ids.values()))
    for digest, judgement in judgements.items():
        left, right = (tuple(dict.fromkeys(ids[end] for end in side)) for side in sides[digest])
        timed = judgement if judgement.at is not None else replace(judgement, at=writing.at)
        number = await writing.write_judgement(timed, digest, left, right)
        evidence.causes.append((number, (*left, *right)))
    for at in ids.values():
        field.flags[at] |= JUDGED
    await _rejudge(writing, field, evidence)
    await field.settle_groups(writing)
    return await settle_step(writing, field, evidence, tuple(ids.values()), new_id)


async def _rejudge(writing: Writing, field: Field, evidence: Evidence) -> None:
    """Step 2 anew, over all judgements that `same` ones connect with those of this step."""
    rows: dict[int, JudgementRow] = {}
    done: set[int] = set()
    ahead = set(evidence.mentioned)
    while ahead:
        found = await writing.judgements(ahead)
        done |= ahead
        rows.update((row.id, row) for row in found)
        ahead = {at for row in found if row.kind is JudgementKind.SAME for at in row.ends} - done
    far = {at for row in rows.values() for at in row.ends if at not in field.flags}
    if far:
        field.meet(m for m in (await writing.faces(far)).values() if m is not None)
    words = {n: word for n, row in rows.items() if (word := row.word) is not None}
    # a distinct that leads out of these holds as it did: its far end is in none of these groups
    judged = decide(words.values(), field.text)
    await _enforce(writing, rows, words, judged, evidence)
    _regroup(field, judged, done, evidence)


async def _enforce(writing: Writing, rows: dict[int, JudgementRow], words: dict[int, Word], judged: Judged, evidence: Evidence) -> None:
    new = {number for number, _ in evidence.causes}
    changed = [(n, word not in judged.refused) for n, word in words.items() if rows[n].in_force != (word not in judged.refused)]
    await writing.set_in_force(changed)
    for n in {n for n, _ in changed} | (new & words.keys()):
        if words[n].kind is JudgementKind.DISTINCT:
            evidence.parted.update(rows[n].ends)


def _regroup(field: Field, judged: Judged, members: set[int], evidence: Evidence) -> None:
    """Name groups by their smallest member, and note the members of every group that is not what it was."""
    by_root: dict[int, set[int]] = {}
    for at, root in judged.group.items():
        by_root.setdefault(root, set()).add(at)
    now = {at: min(group) for group in by_root.values() for at in group}
    before = {at: field.group[at] for at in members if at in field.group}
    composition = {min(group): frozenset(group) for group in by_root.values()}
    earlier: dict[int, set[int]] = {}
    for at, name in before.items():
        earlier.setdefault(name, set()).add(at)
    for at in members:
        old, new = before.get(at), now.get(at)
        if (earlier.get(old) if old is not None else None) != (composition.get(new) if new is not None else None):
            evidence.regrouped[at] = old
            if new is None:
                field.group.pop(at, None)
            else:
                field.group[at] = new
