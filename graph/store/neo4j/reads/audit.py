"""The rows of the audit."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from graph.model import Instant
from graph.store.neo4j.reads import cypher_audit as cypher
from graph.store.neo4j.reads.asking import Asking
from graph.store.reading.rows import Row

__all__ = ["AuditRows"]

_NEWEST: Final = {
    (False, False): cypher.NEWEST_AUDITED,
    (True, False): cypher.NEWEST_OF_OPERATION,
    (False, True): cypher.NEWEST_BY,
    (True, True): cypher.NEWEST_BY_OF_OPERATION,
}


class AuditRows(Asking):
    async def audited(self, ns: Collection[int], subjects: int) -> list[Row]:
        return list(await self.ask(cypher.AUDITED, ns=sorted(ns), most=subjects))

    async def audited_since(self, at: Instant) -> int | None:
        n: int | None = await self.ask(cypher.AUDITED_SINCE, since=at)
        return n

    async def newest_audited(self, operation: str | None, by: str | None, before: int, least: int, most: int) -> list[int]:
        given = {"operation": operation, "by": by}
        wanted = {name: value for name, value in given.items() if value is not None}
        statement = _NEWEST[operation is not None, by is not None]
        return list(await self.ask(statement, **wanted, before=before, least=least, most=most))
