"""What an erasure reads and writes under the gate of a Neo4j store: in portions, since a person may have many records."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import orjson

from graph.model import Fragment, Judgement, JudgementKind, RecordKey
from graph.store.neo4j import cypher
from graph.store.neo4j import cypher_erasing as erasing_
from graph.store.neo4j.interactions import Interactions
from graph.store.neo4j.rows import STATES, identifier_of, judgement_row
from graph.store.neo4j.writes import kept
from graph.store.ports import (
    Burial,
    Erasing,
    Left,
    LeftJudgement,
    ReceiptRow,
    SentInteraction,
    SentJudgement,
    SentVersion,
    VersionRow,
)
from graph.traits.names import tokens

__all__ = ["Erasures"]

T = TypeVar("T")
_PORTION: Final = 1_000


class Erasures(Interactions):
    """The part of `Writing` that erasures need."""

    by: str | None
    erased: bool
    """Whether this step erased somebody."""

    # ---------------------------------------------------------------- reading

    async def tombstones(self, marks: Collection[bytes]) -> dict[bytes, tuple[int, int]]:
        rows = await self.ask(erasing_.TOMBSTONES, marks=[mark.hex() for mark in marks]) if marks else ()
        return {bytes.fromhex(mark): (erasure, identifier) for mark, erasure, identifier in rows}

    async def receipt(self, n: int) -> ReceiptRow | None:
        rows = await self.ask(erasing_.RECEIPTS, ns=[n])
        return ReceiptRow(*rows[0]) if rows else None

    async def sent_versions(self, ids: Collection[int] = (), numbers: Collection[int] = ()) -> list[SentVersion]:
        found = [_sent_version(row) for some in _portions(sorted(numbers)) for row in await self.ask(erasing_.SENT_VERSIONS_AS, ids=some)]
        if not ids:
            return found
        for records in _portions(sorted(await self.ask(erasing_.RECORDS_CARRYING, ids=sorted(ids)))):
            found += [_sent_version(row) for row in await self.ask(erasing_.SENT_VERSIONS, rows=records)]
        return sorted(found, key=lambda v: v.row.id)

    async def sent_judgements(self, ids: Collection[int] = (), numbers: Collection[int] = ()) -> list[SentJudgement]:
        naming = await self.ask(erasing_.JUDGEMENTS_NAMING, ids=sorted(ids)) if ids else []
        found = {*numbers, *(id for id, _, _ in naming)}
        for decisions in _portions(sorted({(decision, made) for _, decision, made in naming})):
            found.update(await self.ask(erasing_.DECIDED, rows=[list(one) for one in decisions]))
        rows = [row for some in _portions(sorted(found)) for row in await self.ask(erasing_.SENT_JUDGEMENTS, ids=some)]
        return [_sent_judgement(row) for row in rows]

    async def sent_interactions(self, ids: Collection[int] = (), numbers: Collection[int] = ()) -> list[SentInteraction]:
        rows = await self.ask(erasing_.SENT_INTERACTIONS, ids=sorted(ids)) if ids else []
        for some in _portions(sorted(numbers)):
            rows += await self.ask(erasing_.SENT_INTERACTIONS_AS, ids=some)
        found = []
        for id, source, record, origin, target, raw, active, *commits in sorted(rows):
            a, b = map(identifier_of, raw)
            found.append(SentInteraction(id, RecordKey(source, record), origin, target, (a, b), active, _given(commits)))
        return found

    # ---------------------------------------------------------------- writing

    async def erase_evidence(self, erasing: Erasing) -> None:
        await self._meet_announced()
        await self._erase_evidence(erasing)

    @kept
    async def _erase_evidence(self, erasing: Erasing) -> None:
        names = self.rules.traits.names
        gone = [[token, v.row.id] for v in erasing.versions_gone for token in sorted(tokens(v.fragment.traits, names))]
        come = []
        for left in erasing.versions_left:
            before, now = tokens(left.traits_before, names), tokens(left.fragment.traits, names)
            gone += [[token, left.id] for token in sorted(before - now)]
            come += [[token, left.id] for token in sorted(now - before)] if left.active else []
        await self._portioned(cypher.END_TOKENS, gone)
        for ids in _portions([left.id for left in erasing.versions_left]):  # one may get the digest that another has so far
            await self.post(erasing_.UNNAME, ids=ids)
        await self._portioned(erasing_.LESSEN, [_less(left) for left in erasing.versions_left])
        await self._portioned(cypher.NEW_TOKENS, come)
        for ids in _portions([v.row.id for v in erasing.versions_gone]):
            await self.post(erasing_.GONE_VERSIONS, ids=ids)
        for ids in _portions(erasing.judgements_gone):
            await self.post(erasing_.GONE_JUDGEMENTS, ids=ids)
        await self._portioned(erasing_.SAY_LESS, [_says(left) for left in erasing.judgements_left])
        for ids in _portions(erasing.silenced):
            await self.post(erasing_.SILENCE, ids=ids)
        if erasing.interactions_gone:
            ties = await self.ask(erasing_.GONE_INTERACTIONS, ids=erasing.ids)
            await self._portioned(cypher.SUM_TIES, ties)

    async def _portioned(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        for some in _portions(rows):
            await self._rows(statement, some)

    async def bury(self, burial: Burial) -> None:
        await self._meet_announced()
        self.erased = True
        await self._bury(burial, self.by)

    @kept
    async def _bury(self, burial: Burial, by: str | None) -> None:
        marks = [[mark.hex(), self.commit, at] for mark, at in burial.marks.items()]
        await self.post(
            erasing_.BURY,
            ids=list(burial.ids),
            commits=sorted(burial.commits),
            marks=[*marks, [burial.key_mark.hex(), 0, 0]],
        )
        for commits in _portions(sorted(burial.commits)):
            await self.post(erasing_.FORGET_ANSWERS, commits=commits, result='{"erased":true}')
        await self.post(
            erasing_.RECEIPT,
            commit=self.commit,
            at=self.counters.at,
            by=by,
            reason=burial.reason,
            identifiers=len(burial.ids),
            records=burial.records,
        )

    @kept
    async def hide_records(self, marks: Mapping[bytes, int], names: Mapping[RecordKey, RecordKey]) -> None:
        await self._portioned(erasing_.MARK, [[mark.hex(), erasure, 0] for mark, erasure in marks.items()])
        await self._portioned(erasing_.HIDE_RECORDS, [[*record, now.id] for record, now in names.items()])

    async def carry_over(self, marks: Mapping[bytes, int], key_mark: bytes, reason: str) -> None:
        self.erased = True
        await self._carry_over(marks, key_mark, reason, self.by)

    @kept
    async def _carry_over(self, marks: Mapping[bytes, int], key_mark: bytes, reason: str, by: str | None) -> None:
        rows = [*([mark.hex(), self.commit, at] for mark, at in marks.items()), [key_mark.hex(), 0, 0]]
        await self._portioned(erasing_.MARK, rows)
        count = len({*marks.values()} - {0})
        at = self.counters.at
        await self.post(erasing_.RECEIPT, commit=self.commit, at=at, by=by, reason=reason, identifiers=count, records=0)

    @kept
    async def unbury(self, identifiers: Collection[int]) -> None:
        await self.post(erasing_.UNBURY, ids=[at for at in sorted(identifiers) if at])

    async def count_tombstones(self) -> int:
        return int(await self.ask(erasing_.COUNT_TOMBSTONES))

    @kept
    async def drop_tombstones(self) -> None:
        await self.post(erasing_.DROP_TOMBSTONES)


def _portions(values: Sequence[T]) -> Iterator[Sequence[T]]:
    return (values[first : first + _PORTION] for first in range(0, len(values), _PORTION))


def _given(commits: Sequence[int | None]) -> tuple[int, ...]:
    return tuple(n for n in commits if n is not None)


def _sent_version(row: Sequence[Any]) -> SentVersion:
    (id, source, record, state, observed, score, ids, *times), sent, raw, blocked, traits, commits = row
    key = RecordKey(source, record)
    named = tuple(map(identifier_of, raw))
    fragment = Fragment(*key, named, sent, None if traits is None else orjson.loads(traits), score)
    version = VersionRow(id, key, STATES[state], observed, score, tuple(ids), *times)
    return SentVersion(version, fragment, tuple(map(identifier_of, blocked or ())), _given(commits))


def _sent_judgement(row: Sequence[Any]) -> SentJudgement:
    columns, decision, live, (a, b), by, reason, commits, *further = row
    said = judgement_row(columns)
    sides = (tuple(map(identifier_of, side or ())) for side in further)
    judgement = Judgement(JudgementKind(said.kind), identifier_of(a), identifier_of(b), said.at, by, reason, *sides)
    return SentJudgement(said, judgement, decision or said.id, live, _given(commits))


def _less(left: Left) -> list[Any]:
    fragment = left.fragment
    return [
        left.id,
        fragment.id,
        left.digest.hex(),
        list(left.ids),
        [one.text for one in fragment.identifiers],
        [one.text for one in left.blocked] or None,
        None if fragment.traits is None else orjson.dumps(fragment.traits).decode(),
        [at for at in left.was if at not in left.ids],
    ]


def _says(left: LeftJudgement) -> list[Any]:
    said = left.judgement
    ends = [left.left[0], left.right[0], list(left.left[1:]) or None, list(left.right[1:]) or None]
    further = [[one.text for one in side] or None for side in (said.with_a, said.with_b)]
    return [left.id, *ends, [said.a.text, said.b.text], said.reason, left.digest.hex(), sorted(left.gone), *further]
