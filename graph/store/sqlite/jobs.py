"""Jobs on record in the embedded store."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from typing import Any

import orjson

from graph.model import Instant
from graph.resolve.rules import Rules
from graph.store.ports import KEPT_JOBS, JobRow

__all__ = ["new_job", "read_jobs", "write_jobs"]

_READ = "SELECT id, kind, by, started, input, state, progress, beat, finished, result, error FROM job WHERE id = ?"
_WRITE = """
UPDATE job SET state = ?, progress = ?, beat = ?, finished = ?, result = ?, error = ?
WHERE id = ? AND state IN ('waiting', 'running') AND (? IS NULL OR beat <= ?)
"""
_FORGET = """
DELETE FROM job WHERE state NOT IN ('waiting', 'running') AND id <= (
    SELECT id FROM job WHERE state NOT IN ('waiting', 'running') ORDER BY id DESC LIMIT 1 OFFSET ?
)
"""


def new_job(conn: sqlite3.Connection, kind: str, by: str | None, at: Instant, input: dict[str, Any]) -> int:
    conn.execute(_FORGET, (KEPT_JOBS,))
    cursor = conn.execute(
        "INSERT INTO job (kind, by, started, input, state, progress, beat) VALUES (?, ?, ?, ?, 'waiting', 0, ?)",
        (kind, by, at, orjson.dumps(input).decode(), at),
    )
    return int(cursor.lastrowid or 0)


def read_jobs(conn: sqlite3.Connection, rules: Rules, ids: Collection[int]) -> dict[int, JobRow]:
    found = {}
    for id in ids:
        for row in conn.execute(_READ, (id,)):
            n, kind, by, started, input, state, progress, beat, finished, result, error = row
            said = (None if result is None else orjson.loads(result), None if error is None else tuple(orjson.loads(error)))
            found[n] = JobRow(n, kind, by, started, orjson.loads(input), state, progress, beat, finished, *said)
    return found


def write_jobs(conn: sqlite3.Connection, rows: Sequence[JobRow], beat: Instant | None) -> set[int]:
    written = set()
    for row in rows:
        said = [None if one is None else orjson.dumps(one).decode() for one in (row.result, row.error)]
        done = conn.execute(_WRITE, (row.state, row.progress, row.beat, row.finished, *said, row.id, beat, beat))
        if done.rowcount:
            written.add(row.id)
    return written
