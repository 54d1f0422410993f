"""What people decided, on record in the embedded store."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

import orjson

from graph.model import Instant
from graph.store.ports import Deed
from graph.store.sqlite.under_gate import listed

__all__ = ["forget_reasons", "write_deed"]

_CONCERNED = "SELECT s.n FROM json_each(?1) j CROSS JOIN audit_subject s ON s.identifier = j.value"
_ASKED = f"SELECT a.asked FROM audit a WHERE a.n IN ({_CONCERNED}) AND a.asked IS NOT NULL"


def write_deed(conn: sqlite3.Connection, commit: int, at: Instant, by: str | None, reason: str | None, deed: Deed) -> None:
    said = (deed.key, deed.operation, reason, *(deed.cause or (None, None)), orjson.dumps(dict(deed.figures)).decode(), deed.asked)
    conn.execute(
        "INSERT INTO audit (n, at, by, key, operation, reason, cause_kind, cause, figures, asked) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (commit, at, by, *said),
    )
    conn.executemany("INSERT INTO audit_subject (identifier, n) VALUES (?, ?)", [(id, commit) for id in sorted(set(deed.subjects))])


def forget_reasons(conn: sqlite3.Connection, ids: Collection[int]) -> int:
    named = (listed(ids),)
    count = conn.execute(f"SELECT count(DISTINCT n) FROM ({_CONCERNED})", named).fetchone()[0]
    conn.execute(f"UPDATE audit SET reason = NULL WHERE n IN ({_CONCERNED} UNION {_ASKED})", named)
    conn.execute("DELETE FROM audit_subject WHERE identifier IN (SELECT value FROM json_each(?))", named)
    return int(count)
