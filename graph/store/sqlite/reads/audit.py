"""The rows of the audit."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import orjson

from graph.model import Instant
from graph.store.reading.rows import Row
from graph.store.sqlite.reads.asking import Asking, numbers

__all__ = ["AuditRows"]

_ENTRIES: Final = """
SELECT a.n, a.at, a.by, a.key, a.operation, a.reason, a.cause_kind, a.cause, a.figures, (
    SELECT json_group_array(identifier) FROM (SELECT s.identifier FROM audit_subject s WHERE s.n = a.n ORDER BY s.identifier LIMIT ?2)
)
FROM json_each(?1) j CROSS JOIN audit a ON a.n = j.value
"""
_SINCE: Final = "SELECT n FROM audit WHERE at >= ? ORDER BY at LIMIT 1"
_NEWEST: Final = "SELECT n FROM audit WHERE n < ? AND n >= ?{filters} ORDER BY n DESC LIMIT ?"


class AuditRows(Asking):
    async def audited(self, ns: Collection[int], subjects: int) -> list[Row]:
        return [(*row, orjson.loads(ids)) for *row, ids in self.rows(_ENTRIES, numbers(ns), subjects)]

    async def audited_since(self, at: Instant) -> int | None:
        found = self.rows(_SINCE, at)
        return found[0][0] if found else None

    async def newest_audited(self, operation: str | None, by: str | None, before: int, least: int, most: int) -> list[int]:
        given = {"operation": operation, "by": by}
        wanted = {name: value for name, value in given.items() if value is not None}
        statement = _NEWEST.format(filters="".join(f" AND {name} = ?" for name in wanted))
        return [n for (n,) in self.rows(statement, before, least, *wanted.values(), most)]
