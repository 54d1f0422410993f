"""Undoing a cause, whole: its evidence goes back, and with it the pins it moved (rule 4 of the OneID contract).

What a cause did to evidence is a mapping: judgements that it put `on` or took `off`, versions that `arrived`, that it `marked` as not
linking or `unmarked`, that it has `withdrawn` or whose withdrawal it `lifted` (each with the commit since which it does not count, and that
of the withdrawal where this took back the version alone). A revert does the opposite of each, and says so in the same words, so that it
can be reverted itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from graph.errors import BadInput, NotFound, RulesUndone
from graph.evidence import Evidence, Field, Piece, field_of
from graph.judging import take_back
from graph.model import ChangeKind, FragmentStatus, RecordKey
from graph.operations import Revert
from graph.resolve.records import Counted, counting
from graph.resolve.rules import Rules
from graph.settle import settle_step
from graph.store.ports import Delta, PinState, Standing, VersionRow, Writing

__all__ = ["Undone", "counted", "put_back_pins", "restate", "undo"]

Done: TypeAlias = Mapping[str, Sequence[Any]]
_OPPOSITE: Final = {
    "on": "off",
    "off": "on",
    "arrived": "marked",
    "marked": "unmarked",
    "unmarked": "marked",
    "withdrawn": "lifted",
    "lifted": "withdrawn",
}


class Undone(NamedTuple):
    """What a revert did: to identity, at which positions of the feed, with the evidence of which identifiers; `kind`: of the cause."""

    delta: Delta
    positions: list[int]
    concerned: list[int]
    kind: str


async def undo(writing: Writing, operation: Revert, rules: Rules, new_id: Callable[[], str]) -> Undone:
    """Undo what a cause did, as a cause of its own. NotFound where there is no such cause, or all of it is undone already."""
    if operation.cause_kind == "change":
        named = await writing.cause_at(operation.cause)
        if named is None:
            raise NotFound("there is no such change", ("cause",))
        operation = Revert(*named, operation.reason)
    commit, done = await _done_by(writing, operation)
    if "rules" in done:
        raise await _rules_undone(writing, operation, done["rules"][0])
    field, _ = await field_of(writing, rules, ())
    evidence = Evidence("revert")
    undone = await _apply(writing, field, evidence, {_OPPOSITE[what]: whom for what, whom in done.items()})
    if not any(undone.values()):
        raise NotFound("this is undone already; to have it again, revert the revert", ("cause",))
    await put_back_pins(writing, evidence, commit, operation)
    pieces = (*evidence.added, *evidence.ended, *evidence.linked, *evidence.unlinked)
    concerned = sorted({at for piece in pieces for at in piece.ids} | evidence.mentioned | evidence.dropped)
    evidence.causes.append((writing.commit, tuple(concerned)))
    await writing.write_undone({what: whom for what, whom in undone.items() if whom})
    delta, positions = await settle_step(writing, field, evidence, concerned, new_id)
    return Undone(delta, positions, concerned, operation.cause_kind)


async def _done_by(writing: Writing, operation: Revert) -> tuple[int, Done]:
    """The commit of a cause, and what it did to evidence."""
    kind, cause = operation.cause_kind, operation.cause
    if kind in ("withdrawal", "revert", "rules"):
        done = await writing.undone_by(cause)
        if done is None:
            raise NotFound("there is no such cause", ("cause",))
        return cause, done
    if kind not in ("fragment", "judgement"):
        raise BadInput("what records, judgements, withdrawals, rules and reverts did can be reverted, this cannot", ("cause",))
    numbers = await writing.acted_together(kind, cause)
    if not numbers:
        raise NotFound("there is no such cause", ("cause",))
    if kind == "judgement":
        judged = await writing.judged(numbers)
        return judged[0][1], {"on": numbers}
    return (await writing.versions(numbers))[0].made, {"arrived": numbers}


async def _rules_undone(writing: Writing, operation: Revert, done: Sequence[int]) -> RulesUndone:
    """NotFound where others came into force since."""
    before, after = done
    if writing.rules_version != after:
        raise NotFound(
            f"rules version {writing.rules_version} is in force, not {after}, which this put in force; undo what came after it first",
            ("cause",),
        )
    return RulesUndone(operation.cause_kind, operation.cause, before, after)


async def _apply(writing: Writing, field: Field, evidence: Evidence, wanted: Done) -> dict[str, list[Any]]:
    """Change evidence as wanted, as far as it is not so already; what was changed comes back."""
    changed: dict[str, list[Any]] = {}
    for what in ("off", "on"):
        rows = [row for row, _, live in await writing.judged(wanted.get(what, ())) if live == (what == "off")] if wanted.get(what) else []
        changed[what] = sorted(row.id for row in rows)
        await take_back(writing, field, evidence, rows, back=what == "on")
    named = [
        *wanted.get("marked", ()),
        *wanted.get("unmarked", ()),
        *(id for what in ("withdrawn", "lifted") for id, *_ in wanted.get(what, ())),
    ]
    if not named:
        return changed
    found = {row.id: row for row in await writing.versions(named)}
    here = found.keys()  # others were erased since
    wanted = {
        **{what: [id for id in wanted.get(what, ()) if id in here] for what in ("marked", "unmarked")},
        **{what: [pair for pair in wanted.get(what, ()) if pair[0] in here] for what in ("withdrawn", "lifted")},
    }
    now = dict(found)
    for id in wanted.get("marked", ()):
        now[id] = now[id]._replace(unlinked=now[id].unlinked or writing.commit)
    for id in wanted.get("unmarked", ()):
        now[id] = now[id]._replace(unlinked=None)
    for id, *_ in wanted.get("lifted", ()):
        if now[id].state is FragmentStatus.WITHDRAWN:
            now[id] = now[id]._replace(state=FragmentStatus.SUPERSEDED, alone=None)
    for id, at, *alone in wanted.get("withdrawn", ()):
        now[id] = now[id]._replace(state=FragmentStatus.WITHDRAWN, ended=at, alone=alone[0] if alone else None)
    for what in ("marked", "unmarked"):
        changed[what] = [id for id in wanted.get(what, ()) if now[id].unlinked != found[id].unlinked]
    for what in ("withdrawn", "lifted"):
        changed[what] = [[id, *how] for id, *how in wanted.get(what, ()) if now[id].state is not found[id].state]
    await restate(writing, evidence, now)
    return changed


async def restate(writing: Writing, evidence: Evidence, changed: Mapping[int, VersionRow]) -> None:
    """Decide anew which versions of the records count, write how they stand, and note what that changes as evidence."""
    records: dict[RecordKey, list[VersionRow]] = defaultdict(list)
    for row in await writing.versions(records=sorted({row.record for row in changed.values()})):
        records[row.record].append(row)
    standing: dict[int, Standing] = {}
    for rows in records.values():
        wanted = [changed.get(row.id, row) for row in rows]
        active = counting([counted(v) for v in wanted])
        facts = max((v for v in wanted if v.id in active), key=lambda v: (v.observed, v.id), default=None)
        last = facts or max((v for v in wanted if _withdrawn(v)), key=lambda v: (v.ended or 0, v.id))
        for before, v in zip(rows, wanted, strict=True):
            now = _standing(before, v, writing.commit, active=v.id in active, head=v.id == last.id)
            standing[v.id] = now
            _note(evidence, before, now)
    await writing.restate_versions(standing)


def counted(row: VersionRow) -> Counted:
    """A version as what decides which of its record's count."""
    return Counted(row.id, row.observed, row.made, _withdrawn(row), row.unlinked is None, row.alone is not None)


def _withdrawn(row: VersionRow) -> int | None:
    return row.ended if row.state is FragmentStatus.WITHDRAWN else None


def _standing(before: VersionRow, wanted: VersionRow, commit: int, *, active: bool, head: bool) -> Standing:
    if active:
        return Standing(FragmentStatus.ACTIVE, None, wanted.unlinked, head)
    if wanted.state is FragmentStatus.WITHDRAWN:
        return Standing(FragmentStatus.WITHDRAWN, wanted.ended, wanted.unlinked, head, wanted.alone)
    ended = commit if before.state is FragmentStatus.ACTIVE else before.ended
    return Standing(FragmentStatus.SUPERSEDED, ended, wanted.unlinked, head)


def _note(evidence: Evidence, before: VersionRow, now: Standing) -> None:
    was, is_ = before.state is FragmentStatus.ACTIVE, now.state is FragmentStatus.ACTIVE
    linked, links = before.unlinked is None, now.unlinked is None
    piece = Piece(before.id, before.ids, before.observed, before.score)
    if was and not is_:
        evidence.ended.append(piece._replace(links=linked))
    elif is_ and not was:
        evidence.added.append(piece._replace(links=links))
    elif was and linked and not links:
        evidence.unlinked.append(piece)
    elif was and links and not linked:
        evidence.linked.append(piece)


async def put_back_pins(writing: Writing, evidence: Evidence, commit: int, operation: Revert) -> None:
    """Pins that the cause moved and nothing has moved since go back; OneIDs it made name nobody where there is another; those it woke
    sleep again, and those it put to sleep wake."""
    moves = await writing.pins_moved(commit, operation.cause)
    evidence.repinned.update((move.n, move.before) for move in moves if not move.again)
    moved_on = {move.n for move in moves if move.again}
    changes = await writing.changes_by(commit, operation.cause_kind, operation.cause)
    evidence.unmade |= {change.n for _, change in changes if change.kind is ChangeKind.CREATED}
    woken = await writing.asleep_before({change.n: seq for seq, change in changes if change.kind is not ChangeKind.CREATED})
    slept = {change.n for _, change in changes if change.leads is None}
    for row in await writing.one_id_rows(sorted(slept)):
        if row.asleep is not None:
            evidence.repinned.setdefault(row.n, PinState(pin=row.asleep))
    for row in await writing.one_id_rows(sorted(woken - moved_on - slept)):
        before = evidence.repinned.get(row.n, PinState(pin=row.pin))
        if before.pin is not None:
            evidence.repinned[row.n] = PinState(asleep=before.pin)
    if writing.buried:
        await _leave_the_erased(writing, evidence)


async def _leave_the_erased(writing: Writing, evidence: Evidence) -> None:
    """No OneID goes back to an identifier that is gone for good."""
    ends = {n: state.pin if state.pin is not None else state.asleep for n, state in evidence.repinned.items()}
    faces = await writing.faces({at for at in ends.values() if at is not None})
    for n, at in ends.items():
        if at is not None and (face := faces.get(at)) is not None and not face.value:
            del evidence.repinned[n]
