"""Jobs on record in a Neo4j store: made under the gate, then written by whoever does them, each a statement of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

import orjson

from graph.model import Instant
from graph.store.neo4j.writes import Writes, kept
from graph.store.ports import KEPT_JOBS, JobRow

__all__ = ["READ", "WRITE", "Jobs", "job_row", "job_rows"]

_LAST: Final = "MATCH (j:Job) RETURN max(j.id)"
_NEW: Final = """
CREATE (:Job {id: $id, kind: $kind, by: $by, started: $at, input: $input, state: 'waiting', progress: 0.0, beat: $at})
WITH 1 AS one
MATCH (j:Job) WHERE NOT j.state IN ['waiting', 'running']
WITH j ORDER BY j.id DESC SKIP $most
DETACH DELETE j
"""
READ: Final = """
UNWIND $ids AS id
MATCH (j:Job {id: id})
RETURN collect([j.id, j.kind, j.by, j.started, j.input, j.state, j.progress, j.beat, j.finished, j.result, j.error])
"""
WRITE: Final = """
UNWIND $rows AS r
MATCH (j:Job {id: r[0]})
SET j.hold = $token
WITH j, r WHERE j.state IN ['waiting', 'running'] AND ($beat IS NULL OR j.beat <= $beat)
SET j.state = r[1], j.progress = r[2], j.beat = r[3], j.finished = r[4], j.result = r[5], j.error = r[6]
RETURN collect(j.id)
"""


class Jobs(Writes):
    """The writes of jobs that are part of a step."""

    by: str | None
    written_jobs: set[int]
    """Of the jobs that this step wrote last, those that had not ended."""

    async def new_job(self, kind: str, input: dict[str, Any]) -> int:
        number = (await self.ask(_LAST) or 0) + 1
        await self._new_job(number, kind, self.by, self.counters.at, orjson.dumps(input).decode())
        return number

    @kept
    async def _new_job(self, number: int, kind: str, by: str | None, at: Instant, input: str) -> None:
        await self.ask(_NEW, id=number, kind=kind, by=by, at=at, input=input, most=KEPT_JOBS)

    async def write_jobs(self, rows: Sequence[JobRow]) -> set[int]:
        await self._write_jobs(rows)
        return self.written_jobs

    @kept
    async def _write_jobs(self, rows: Sequence[JobRow]) -> None:
        self.written_jobs = set(await self.ask(WRITE, **job_rows(rows), token=uuid4().hex, beat=None) or ())


def job_row(row: Sequence[Any]) -> JobRow:
    """A job as READ gives it."""
    n, kind, by, started, input, state, progress, beat, finished, result, error = row
    said = (None if result is None else orjson.loads(result), None if error is None else tuple(orjson.loads(error)))
    return JobRow(n, kind, by, started, orjson.loads(input), state, progress, beat, finished, *said)


def job_rows(rows: Collection[JobRow]) -> Mapping[str, Any]:
    """Jobs as WRITE takes them."""

    def text(one: Any) -> str | None:
        return None if one is None else orjson.dumps(one).decode()

    return {"rows": [[r.id, r.state, r.progress, r.beat, r.finished, text(r.result), text(r.error)] for r in rows]}
