"""What a revert reads and writes under the gate, on the writer's connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from typing import Any

import orjson

from graph.model import ChangeKind, FragmentStatus, Instant, RecordKey
from graph.resolve.rules import Rules
from graph.store.ports import ChangeRow, JudgementRow, PinMove, PinState, Standing, VersionRow
from graph.store.sqlite.under_gate import ACTIVE, JUDGEMENT, STATES, Names, judgement_row, listed
from graph.traits.names import tokens

__all__ = ["Undoing"]

_VERSION = "v.id, v.source, v.record, v.state, v.observed, v.score, v.ids, v.made, v.ended, v.unlinked, v.alone"


class Undoing:
    """For the step with this commit number."""

    def __init__(self, connection: sqlite3.Connection, sources: Names, rules: Rules, commit: int) -> None:
        self.connection = connection
        self.sources = sources
        self.rules = rules
        self.commit = commit

    # ---------------------------------------------------------------- reading

    def wakes(self, ids: Collection[int]) -> dict[int, int]:
        rows = self.connection.execute(
            "SELECT o.n, o.asleep FROM json_each(?) j CROSS JOIN one_id o INDEXED BY one_id_asleep ON o.asleep = j.value", (listed(ids),)
        )
        return dict(rows.fetchall())

    def versions(self, ids: Collection[int], records: Collection[RecordKey]) -> list[VersionRow]:
        run = self.connection.execute
        rows = run(f"SELECT {_VERSION} FROM json_each(?) j CROSS JOIN version v ON v.id = j.value", (listed(ids),)).fetchall()
        for key in records:
            source = self.sources.number.get(key.source)
            rows += run(f"SELECT {_VERSION} FROM version v WHERE v.source = ? AND v.record = ?", (source, key.id)).fetchall()
        return sorted(self._version(row) for row in rows)

    def _version(self, row: tuple[Any, ...]) -> VersionRow:
        id, source, record, state, observed, score, ids, *commits = row
        key = RecordKey(self.sources.names[source - 1], record)
        return VersionRow(id, key, STATES[state], observed, score, tuple(orjson.loads(ids)), *commits)

    def source_versions(self, source: str, since: Instant | None, most: int) -> list[int]:
        number = self.sources.number.get(source)
        if number is None:
            return []
        kept, least = ("state = 0", 0) if since is None else ("state <> 2", self._recorded_since(since))
        rows = self.connection.execute(
            f"SELECT id FROM version INDEXED BY version_record WHERE source = ? AND {kept} AND id >= ? ORDER BY id LIMIT ?",
            (number, least, most),
        )
        return [id for (id,) in rows]

    def _recorded_since(self, at: Instant) -> int:
        """The number of the first version recorded at an instant or later: numbers and times grow together."""
        run = self.connection.execute
        low, high = 1, run("SELECT coalesce(max(id), 0) + 1 FROM version").fetchone()[0]
        while low < high:
            middle = (low + high) // 2
            row = run(
                "SELECT v.id, c.at FROM version v JOIN commits c ON c.n = v.made WHERE v.id >= ? ORDER BY v.id LIMIT 1", (middle,)
            ).fetchone()
            if row[1] < at:
                low = row[0] + 1
            else:
                high = middle
        return int(low)

    def acted_together(self, cause_kind: str, cause: int) -> list[int]:
        table, column = ("version", "cause") if cause_kind == "fragment" else ("judgement", "decision")
        rows = self.connection.execute(  # those of one commit have numbers in a row, the cause's the smallest
            f"SELECT o.id FROM {table} c CROSS JOIN {table} o ON o.id >= c.id AND o.id < coalesce((SELECT min(id) FROM {table}"
            f" WHERE id > c.id AND made > c.made), 1 << 62) WHERE c.id = ? AND (o.id = c.id OR o.{column} = c.id)",
            (cause,),
        )
        return [id for (id,) in rows]

    def changes_by(self, commit: int, cause_kind: str, cause: int) -> list[tuple[int, ChangeRow]]:
        first, last = self._first_of(commit), self._first_of(commit + 1)
        rows = self.connection.execute(
            "SELECT seq, n, kind, gained, lost, leads, cause_kind, cause FROM change"
            " WHERE seq >= ? AND seq < ? AND cause_kind = ? AND cause = ? ORDER BY seq",
            (first, last, cause_kind, cause),
        )
        return [
            (seq, ChangeRow(n, ChangeKind(kind), tuple(orjson.loads(gained)), tuple(orjson.loads(lost)), *rest))
            for seq, n, kind, gained, lost, *rest in rows
        ]

    def cause_at(self, seq: int) -> tuple[str, int] | None:
        row: tuple[str, int] | None = self.connection.execute("SELECT cause_kind, cause FROM change WHERE seq = ?", (seq,)).fetchone()
        return row

    def _first_of(self, commit: int) -> int:
        """The first position of the feed that this commit or a later one wrote: positions and commits grow together."""
        run = self.connection.execute
        low, high = 1, run("SELECT coalesce(max(seq), 0) + 1 FROM change").fetchone()[0]
        while low < high:
            middle = (low + high) // 2
            if run("SELECT made FROM change WHERE seq = ?", (middle,)).fetchone()[0] < commit:
                low = middle + 1
            else:
                high = middle
        return int(low)

    def asleep_before(self, changes: Mapping[int, int]) -> set[int]:
        found = set()
        for n, seq in changes.items():
            row = self.connection.execute("SELECT leads FROM change WHERE n = ? AND seq < ? ORDER BY seq DESC LIMIT 1", (n, seq)).fetchone()
            if row is not None and row[0] is None:
                found.add(n)
        return found

    def pins_moved(self, commit: int, cause: int) -> list[PinMove]:
        rows = self.connection.execute(
            "SELECT p.n, p.pin, p.closed, p.asleep,"
            " o.since != p.ended AND (q.pin IS NOT o.pin OR q.closed IS NOT o.closed OR q.asleep IS NOT o.asleep)"
            " FROM pin_ended p CROSS JOIN one_id o ON o.n = p.n LEFT JOIN pin_ended q ON q.n = p.n AND q.since = p.ended"
            " WHERE p.ended = ? AND p.cause = ?",
            (commit, cause),
        )
        return [PinMove(n, PinState(pin, closed, asleep), bool(again)) for n, pin, closed, asleep, again in rows]

    def judged(self, numbers: Collection[int]) -> list[tuple[JudgementRow, int, bool]]:
        rows = self.connection.execute(
            f"SELECT {JUDGEMENT}, g.made, g.ended IS NULL FROM json_each(?) j CROSS JOIN judgement g ON g.id = j.value", (listed(numbers),)
        )
        return [(judgement_row(row[:-2]), row[-2], bool(row[-1])) for row in rows]

    def undone_by(self, commit: int) -> dict[str, Any] | None:
        row = self.connection.execute("SELECT undone FROM commits WHERE n = ?", (commit,)).fetchone()
        return orjson.loads(row[0]) if row and row[0] else None

    # ---------------------------------------------------------------- writing

    def restate_versions(self, rows: Mapping[int, Standing]) -> None:
        before = {row.id: row for row in self.versions(list(rows), ())}
        for id, now in rows.items():
            was = before[id]
            if (was.state is FragmentStatus.ACTIVE) != (now.state is FragmentStatus.ACTIVE):
                self._move_carried(was, active=now.state is FragmentStatus.ACTIVE)
            elif was.ended is not None and now.ended != was.ended:  # a withdrawal that is done again brings its own time along
                since = self.connection.execute("SELECT since FROM version WHERE id = ?", (id,)).fetchone()[0]
                self._span("version", id, since, was.ended)
            if was.unlinked is not None and now.unlinked is None:
                self._span("mark", id, was.unlinked, self.commit)
            state = STATES.index(now.state)
            self.connection.execute(
                "UPDATE version SET state = ?, ended = ?, unlinked = ?, alone = ?, since = CASE WHEN ? THEN ? ELSE since END WHERE id = ?",
                (state, now.ended, now.unlinked, now.alone, was.state is not now.state and state == ACTIVE, self.commit, id),
            )

    def _move_carried(self, was: VersionRow, *, active: bool) -> None:
        """What a version carries, and the names it is found by, go to the history or come back from it."""
        run = self.connection.executemany
        traits, since = self.connection.execute("SELECT traits, since FROM version WHERE id = ?", (was.id,)).fetchone()
        named = [(token, was.id) for token in tokens(orjson.loads(traits), self.rules.traits.names)] if traits else []
        if active:
            self._span("version", was.id, since, was.ended or self.commit)  # there already where a revert ended it
            run("DELETE FROM carries_ended WHERE identifier = ? AND version = ?", [(at, was.id) for at in was.ids])
            run("INSERT INTO carries (identifier, observed, version) VALUES (?, ?, ?)", [(at, was.observed, was.id) for at in was.ids])
            run("INSERT OR IGNORE INTO name_token (token, version) VALUES (?, ?)", named)
        else:
            self._span("version", was.id, since, self.commit)
            rows = [(at, was.observed, was.id) for at in was.ids]
            run("DELETE FROM carries WHERE identifier = ? AND observed = ? AND version = ?", rows)
            run("INSERT OR IGNORE INTO carries_ended VALUES (?, ?, ?)", [(at, was.id, self.commit) for at in was.ids])
            run("DELETE FROM name_token WHERE token = ? AND version = ?", named)

    def _span(self, kind: str, id: int, since: int | None, ended: int) -> None:
        self.connection.execute(
            "INSERT INTO span (kind, id, since, ended) SELECT ?1, ?2, ?3, ?4"
            " WHERE NOT EXISTS (SELECT 1 FROM span WHERE kind = ?1 AND id = ?2 AND since IS ?3)",
            (kind, id, since, ended),
        )

    def end_judgements(self, numbers: Collection[int], back: bool) -> None:
        run = self.connection.execute
        for row, _, _ in self.judged(numbers):
            further = [(at, row.id) for at in sorted({*row.with_a, *row.with_b})]
            ends = [(at, row.id) for at in row.ends]
            if back:
                since, ended = run("SELECT since, ended FROM judgement WHERE id = ?", (row.id,)).fetchone()
                self._span("judgement", row.id, since, ended)
                run("UPDATE judgement SET ended = NULL, since = ? WHERE id = ?", (self.commit, row.id))
                self.connection.executemany("INSERT OR IGNORE INTO judgement_end (identifier, judgement) VALUES (?, ?)", further)
            else:
                run("INSERT OR IGNORE INTO force_ended (judgement, ended, in_force) VALUES (?, ?, ?)", (row.id, self.commit, row.in_force))
                run("UPDATE judgement SET ended = ?, in_force = 0 WHERE id = ?", (self.commit, row.id))
                self.connection.executemany("INSERT OR IGNORE INTO judgement_end_ended (identifier, judgement) VALUES (?, ?)", ends)
                self.connection.executemany("DELETE FROM judgement_end WHERE identifier = ? AND judgement = ?", further)
