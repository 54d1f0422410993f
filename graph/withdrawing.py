"""What a source sent, taken back: as one step, one cause.

By when it was recorded, since that is when the source said it: a file with wrong dates, or one sent twice, is told by the day on which it
came, whatever times stand in it. Without a time all records of the source are taken back, as withdrawing each of them would; with one only
versions recorded then or later, each alone, so that the version before them counts again. What was withdrawn already stays so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from graph.errors import NotFound, TooManyRecords
from graph.evidence import Evidence, field_of
from graph.model import FragmentStatus, RecordKey
from graph.operations import WithdrawSource
from graph.resolve.records import Counted, taken_back
from graph.resolve.rules import Rules
from graph.settle import settle_step
from graph.store.ports import Delta, VersionRow, Writing
from graph.undo import counted, restate

__all__ = ["MOST_WITHDRAWN", "Told", "Withdrawn", "versions_of", "withdraw_source"]

MOST_WITHDRAWN: Final = 10_000
"""Versions of records that one step takes back, unless another bound is given."""
_AT_ONCE: Final = 2_000
"""Records that are decided anew together."""
_READING: Final = 0.4
"""Part of the work after which people are settled."""

Told = Callable[[float], None]
"""Hears how far it is, from 0 to 1."""


class Withdrawn(NamedTuple):
    """What was done to identity, at which positions of the feed, with the evidence of which identifiers, and to how many records."""

    delta: Delta
    positions: list[int]
    named: list[int]
    records: int


async def versions_of(writing: Writing, operation: WithdrawSource, most: int) -> list[int]:
    """The versions that shall be taken back; NotFound where there are none, TooManyRecords where there are more than `most`."""
    found = await writing.source_versions(operation.source, operation.since, most + 1)
    if not found:
        since = "" if operation.since is None else " since then"
        raise NotFound(f"no record of this source counts that was recorded{since}: unknown, or withdrawn already", ("source",))
    if len(found) > most:
        raise TooManyRecords(most)
    return found


async def withdraw_source(
    writing: Writing, operation: WithdrawSource, rules: Rules, new_id: Callable[[], str], most: int, told: Told
) -> Withdrawn:
    """Take back what a source sent. The gate is held until it is done."""
    ids = await versions_of(writing, operation, most)
    field, _ = await field_of(writing, rules, ())
    evidence = Evidence("withdrawal")
    wanted: list[VersionRow] = []
    for first in range(0, len(ids), _AT_ONCE):
        wanted += await writing.versions(ids[first : first + _AT_ONCE])
    by_record: dict[RecordKey, list[VersionRow]] = {}
    for row in wanted:
        by_record.setdefault(row.record, []).append(row)
    undone: list[list[Any]] = []
    records = sorted(by_record)
    for first in range(0, len(records), _AT_ONCE):
        part = records[first : first + _AT_ONCE]
        undone += await _take_back(writing, evidence, {key: by_record[key] for key in part}, alone=operation.since is not None)
        told(_READING * (first + len(part)) / len(records))
    if not undone:
        raise NotFound("every record of this source that was recorded since then is withdrawn already", ("source",))
    named = sorted({at for piece in (*evidence.ended, *evidence.added) for at in piece.ids})
    evidence.causes.append((writing.commit, tuple(named)))
    await writing.write_undone({"withdrawn": undone})
    delta, positions = await settle_step(writing, field, evidence, named, new_id)
    told(1.0)
    return Withdrawn(delta, positions, named, len(records))


async def _take_back(
    writing: Writing, evidence: Evidence, records: dict[RecordKey, Sequence[VersionRow]], *, alone: bool
) -> list[list[Any]]:
    """Take versions of records back; which, in the words of graph.undo."""
    before: dict[RecordKey, int] = {}
    if alone:  # what an earlier withdrawal took back without a mark stays with it
        every: dict[RecordKey, list[Counted]] = {}
        for row in await writing.versions(records=list(records)):
            every.setdefault(row.record, []).append(counted(row))
        before = {key: taken_back(versions) for key, versions in every.items()}
    rows = [row for key, some in records.items() for row in some if row.made > before.get(key, 0)]
    now = writing.commit
    how = FragmentStatus.WITHDRAWN
    changed = {row.id: row._replace(state=how, ended=row.ended or now, alone=now if alone else None) for row in rows}
    await restate(writing, evidence, changed)
    return [[id, row.ended, *([now] if alone else [])] for id, row in sorted(changed.items())]
