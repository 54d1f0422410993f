"""Judgements inside a step: put on record, and step 2 decided anew over all that `same` ones connect with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import orjson

from graph.evidence import Evidence, Field, field_of
from graph.model import Identifier, Judgement, JudgementKind
from graph.resolve.judged import Judged, Word
from graph.resolve.judged import judge as decide
from graph.resolve.rules import Blocked, Rules
from graph.store.ports import JUDGED, JudgementRow, Writing

__all__ = ["content", "record_judgements", "settle_ended", "settle_reread", "take_back"]


def content(judgement: Judgement) -> bytes:
    """16 bytes that are equal for equal judgements, as sent."""
    j = judgement
    said: list[Any] = [j.kind, list(j.a), list(j.b), j.at, j.by, j.reason]
    if j.with_a or j.with_b:
        said += [[list(one) for one in side] for side in (j.with_a, j.with_b)]
    return blake2b(orjson.dumps(said), digest_size=16).digest()


async def record_judgements(
    writing: Writing, judgements: Sequence[Judgement], rules: Rules, *, one_decision: bool
) -> tuple[Field, Evidence, tuple[int, ...]]:
    """Record judgements that are new, each with its time, and settle judged groups by them.

    What comes back goes on to `settle_step`: the field, the evidence, and the identifiers named. `one_decision`: they are one cause.
    """
    sides = [[_usable(rules, *side) for side in j.sides] for j in judgements]
    field, ids = await field_of(writing, rules, (end for both in sides for side in both for end in side))
    evidence = Evidence("judgement", mentioned=set(ids.values()))
    new: set[int] = set()
    first: int | None = None
    for judgement, both in zip(judgements, sides, strict=True):
        left, right = (tuple(dict.fromkeys(ids[end] for end in side)) for side in both)
        timed = judgement if judgement.at is not None else replace(judgement, at=writing.at)
        number = await writing.write_judgement(timed, content(timed), left, right, first)
        new.add(number)
        evidence.causes.append((first or number, (*left, *right)))
        if one_decision and first is None:
            first = number
    for at in ids.values():
        field.flags[at] |= JUDGED
    await _judge_again(writing, field, evidence, evidence.mentioned, new)
    await field.settle_groups(writing)
    return field, evidence, tuple(ids.values())


async def take_back(writing: Writing, field: Field, evidence: Evidence, rows: Sequence[JudgementRow], *, back: bool) -> None:
    """Judgements count no more, or with `back` again; judged groups are settled, and `evidence` says what follows."""
    if not rows:
        return
    await writing.end_judgements([row.id for row in rows], back=back)
    ends = {at for row in rows for at in row.ends}
    field.meet(m for m in (await writing.faces([at for at in ends if at not in field.flags])).values() if m is not None)
    evidence.parted.update(at for row in rows if row.kind is JudgementKind.DISTINCT for at in row.ends)
    if back:
        evidence.mentioned |= ends
        for at in ends:
            field.flags[at] |= JUDGED
    else:
        evidence.dropped |= ends
    await _judge_again(writing, field, evidence, ends, {row.id for row in rows} if back else set())
    await field.settle_groups(writing)


async def settle_ended(writing: Writing, field: Field, evidence: Evidence, rows: Sequence[JudgementRow], less: set[int]) -> None:
    """Judgements that counted are gone from the store, or say less there (`less`, by number); `rows` as they were. Judged groups are
    settled, and `evidence` says what follows."""
    if not rows:
        return
    ends = {at for row in rows for at in row.ends}
    evidence.parted.update(at for row in rows if row.kind is JudgementKind.DISTINCT for at in row.ends)
    evidence.dropped |= ends
    await settle_reread(writing, field, evidence, ends, less)


async def settle_reread(writing: Writing, field: Field, evidence: Evidence, ends: set[int], said: set[int]) -> None:
    """Judgements on record name others from now on (`said`, by number); `ends` are those of then and of now. Judged groups are settled."""
    field.meet(m for m in (await writing.faces([at for at in ends if at not in field.flags])).values() if m is not None)
    await _judge_again(writing, field, evidence, ends, said)
    await field.settle_groups(writing)


def _usable(rules: Rules, *raw: Identifier) -> list[Identifier]:
    return [end for end in map(rules.normalise, raw) if not isinstance(end, Blocked)]


async def _judge_again(writing: Writing, field: Field, evidence: Evidence, named: set[int], new: set[int]) -> None:
    """Step 2 anew, over all judgements that `same` ones connect with the identifiers named."""
    rows: dict[int, JudgementRow] = {}
    done: set[int] = set()
    ahead = set(named)
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
    await _enforce(writing, rows, words, judged, evidence, new)
    _regroup(field, judged, done, evidence)


async def _enforce(
    writing: Writing, rows: dict[int, JudgementRow], words: dict[int, Word], judged: Judged, evidence: Evidence, new: set[int]
) -> None:
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
