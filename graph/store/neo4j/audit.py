"""What people decided, on record in a Neo4j store."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import orjson

from graph.store.neo4j import cypher_audit as cypher
from graph.store.neo4j.writes import Writes, kept
from graph.store.ports import Deed

__all__ = ["Audit"]


class Audit(Writes):
    """The writes of the audit; the reason of a step goes with its entry."""

    by: str | None
    reason: str | None

    async def write_deed(self, deed: Deed) -> None:
        await self._meet_announced()
        reason, self.reason = self.reason, None
        await self._write_deed(deed, self.by, reason)

    @kept
    async def _write_deed(self, deed: Deed, by: str | None, reason: str | None) -> None:
        element = await self.elements_of(deed.subjects)
        kind, cause = deed.cause or (None, None)
        await self.post(
            cypher.NEW_DEED,
            ids=[element[id] for id in sorted(set(deed.subjects))],
            at=self.counters.at,
            by=by,
            key=deed.key,
            operation=deed.operation,
            reason=reason,
            cause_kind=kind,
            cause=cause,
            figures=orjson.dumps(dict(deed.figures)).decode(),
            asked=deed.asked,
            commit=self.commit,
        )

    async def forget_reasons(self, ids: Collection[int]) -> int:
        found = await self.ask(cypher.CONCERNED, ids=sorted(ids))
        if found:
            await self._forget_reasons(sorted({n for row in found for n in row if n is not None}), sorted(ids))
        return len(found)

    @kept
    async def _forget_reasons(self, ns: Sequence[int], ids: Sequence[int]) -> None:
        await self.post(cypher.FORGET_REASONS, ns=list(ns), ids=list(ids))
