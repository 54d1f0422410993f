"""What a revert reads and writes under the gate of a Neo4j store."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import orjson

from graph.model import ChangeKind, FragmentStatus, Instant, RecordKey
from graph.store.neo4j import cypher
from graph.store.neo4j import cypher_undoing as undoing
from graph.store.neo4j.rereading import Rereadings
from graph.store.neo4j.rows import STATES, judgement_row
from graph.store.neo4j.writes import kept
from graph.store.ports import ChangeRow, JudgementRow, PinMove, PinState, Standing, VersionRow
from graph.traits.names import tokens

__all__ = ["Undoing"]


_PAGE: Final = 5_000
"""Versions of a source looked at by one statement."""


class Undoing(Rereadings):
    """The part of `Writing` that reverts need."""

    undone: Mapping[str, Any] | None
    """What this step, a withdrawal or a revert, does to evidence."""

    # ---------------------------------------------------------------- reading

    async def wakes(self, ids: Collection[int]) -> dict[int, int]:
        return dict(await self.ask(undoing.WAKES, ids=sorted(ids))) if ids else {}

    async def versions(self, ids: Collection[int] = (), records: Collection[RecordKey] = ()) -> list[VersionRow]:
        rows: list[Any] = []
        if ids:
            rows += await self.ask(undoing.VERSIONS, ids=sorted(ids))
        if records:
            rows += await self.ask(undoing.VERSIONS_OF, rows=[list(key) for key in sorted(set(records))])
        found = [VersionRow(row[0], RecordKey(row[1], row[2]), STATES[row[3]], row[4], row[5], tuple(row[6]), *row[7:]) for row in rows]
        return sorted(found, key=lambda row: row.id)

    async def source_versions(self, source: str, since: Instant | None, most: int) -> list[int]:
        below, after = (1, 0) if since is None else (2, await self._recorded_since(since) - 1)
        found: list[int] = []
        while len(found) < most:
            last, some = await self.ask(undoing.OF_SOURCE, source=source, after=after, below=below, page=_PAGE)
            found += some
            if last is None:
                break
            after = last
        return found[:most]

    async def _recorded_since(self, at: Instant) -> int:
        """The number of the first version recorded at an instant or later: numbers and commits grow together."""
        commit = await self.ask(undoing.COMMIT_SINCE, since=at)
        low, high = 1, self.counters.version + 1
        while low < high:
            middle = (low + high) // 2
            id, made = await self.ask(undoing.VERSION_FROM, id=middle) or (high, commit)
            if commit is None or made < commit:
                low = id + 1
            else:
                high = middle
        return low

    async def acted_together(self, cause_kind: str, cause: int) -> list[int]:
        statement = undoing.ACTED_TOGETHER if cause_kind == "fragment" else undoing.DECIDED_TOGETHER
        found: list[int] = []
        after, last = cause, cause
        while last is not None and last >= after:  # those of one commit have numbers in a row
            last, some = await self.ask(statement, cause=cause, after=after)
            found += some
            after += 1_000
            if last is None or last < after - 1:
                break
        return sorted(found)

    async def cause_at(self, seq: int) -> tuple[str, int] | None:
        row = await self.ask(undoing.CAUSE_AT, seq=seq)
        return None if row is None else (row[0], row[1])

    async def changes_by(self, commit: int, cause_kind: str, cause: int) -> list[tuple[int, ChangeRow]]:
        first, last = await self._first_of(commit), await self._first_of(commit + 1)
        rows = await self.ask(undoing.CHANGES_BETWEEN, first=first, last=last, kind=cause_kind, cause=cause)
        return [(seq, ChangeRow(n, ChangeKind(kind), tuple(gained), tuple(lost), *rest)) for seq, n, kind, gained, lost, *rest in rows]

    async def _first_of(self, commit: int) -> int:
        """The first position of the feed that this commit or a later one wrote: positions and commits grow together."""
        low, high = 1, self.counters.seq + 1
        while low < high:
            middle = (low + high) // 2
            if await self.ask(undoing.CHANGE_MADE, seq=middle) < commit:
                low = middle + 1
            else:
                high = middle
        return low

    async def asleep_before(self, changes: Mapping[int, int]) -> set[int]:
        return set(await self.ask(undoing.ASLEEP_BEFORE, rows=[list(pair) for pair in sorted(changes.items())])) if changes else set()

    async def pins_moved(self, commit: int, cause: int) -> list[PinMove]:
        rows = await self.ask(undoing.PINS_MOVED, commit=commit, cause=cause)
        return [PinMove(n, PinState(pin, closed, asleep), again) for n, pin, closed, asleep, again in rows]

    async def judged(self, numbers: Collection[int]) -> list[tuple[JudgementRow, int, bool]]:
        rows = await self.ask(undoing.JUDGED, ids=sorted(numbers)) if numbers else ()
        return [(judgement_row(row[:-2]), row[-2], row[-1]) for row in rows]

    async def undone_by(self, commit: int) -> dict[str, Any] | None:
        text = await self.ask(undoing.UNDONE_BY, commit=commit)
        return None if text is None else dict(orjson.loads(text))

    # ---------------------------------------------------------------- writing

    async def restate_versions(self, rows: Mapping[int, Standing]) -> None:
        before = {row.id: row for row in await self.versions(list(rows))}
        active = {id for id, now in rows.items() if now.state is FragmentStatus.ACTIVE}
        was = {id for id, row in before.items() if row.state is FragmentStatus.ACTIVE}
        told = await self.ask(cypher.TRAITS, ids=sorted(active ^ was)) if active != was else ()
        names = self.rules.traits.names
        found = {id: [[token, id] for token in sorted(tokens(orjson.loads(traits), names))] for id, traits in told if traits is not None}
        standing = [[id, STATES.index(now.state), now.ended, now.unlinked, now.head or None, now.alone] for id, now in sorted(rows.items())]
        come = [pair for id in sorted(active - was) for pair in found.get(id, ())]
        gone = [pair for id in sorted(was - active) for pair in found.get(id, ())]
        await self._restate(standing, sorted(active - was), sorted(was - active), come, gone)

    @kept
    async def _restate(
        self, standing: list[list[Any]], back: list[int], aside: list[int], come: list[list[Any]], gone: list[list[Any]]
    ) -> None:
        if back:
            await self.post(undoing.BRING_BACK, ids=back, commit=self.commit)
        if aside:
            await self.post(undoing.SET_ASIDE, ids=aside, commit=self.commit)
        await self.post(undoing.UNHEAD, ids=[row[0] for row in standing])
        await self._rows(undoing.RESTATE, standing, commit=self.commit)
        await self._rows(cypher.NEW_TOKENS, come)
        await self._rows(cypher.END_TOKENS, gone)

    @kept
    async def end_judgements(self, numbers: Collection[int], *, back: bool = False) -> None:
        statement = undoing.BACK_JUDGEMENTS if back else undoing.END_JUDGEMENTS
        await self.post(statement, ids=sorted(numbers), commit=self.commit)

    async def write_undone(self, undone: Mapping[str, Any]) -> None:
        self.undone = undone
