"""Statements that read the audit. One record with one list comes back."""

from __future__ import annotations

from typing import Final

AUDITED: Final = """
UNWIND $ns AS n
MATCH (a:AuditEntry {n: n})
RETURN collect([a.n, a.at, a.by, a.key, a.operation, a.reason, a.cause_kind, a.cause, a.figures,
    COLLECT { MATCH (a)-[:CONCERNS]->(i) WITH i.id AS id ORDER BY id LIMIT $most RETURN id }])
"""
AUDITED_SINCE: Final = "MATCH (a:AuditEntry) WHERE a.at >= $since WITH a.at AS at, a.n AS n ORDER BY at LIMIT 1 RETURN n"


def _newest(*filters: str) -> str:
    wanted = "".join(f"a.{name} = ${name} AND " for name in filters)
    order = ", ".join(f"a.{name} DESC" for name in (*filters, "n"))
    return f"MATCH (a:AuditEntry) WHERE {wanted}a.n >= $least AND a.n < $before WITH a ORDER BY {order} LIMIT $most RETURN collect(a.n)"


NEWEST_AUDITED: Final = _newest()
NEWEST_OF_OPERATION: Final = _newest("operation")
NEWEST_BY: Final = _newest("by")
NEWEST_BY_OF_OPERATION: Final = _newest("by", "operation")

STATEMENTS: Final = {name: text for name, text in globals().items() if name.isupper() and not name.startswith("_")}
