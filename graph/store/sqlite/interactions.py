"""Interactions under the gate: versions like those of fragments, and ties, their sums by pair and type."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

import orjson

from graph.model import FragmentStatus
from graph.store.ports import Content, InteractionHead, NewInteraction
from graph.store.sqlite.numbers import last_number
from graph.store.sqlite.under_gate import ACTIVE, BLOCKED, STATES, SUPERSEDED, WITHDRAWN, Names

__all__ = ["Interactions"]


class Interactions:
    """Reads and writes of interactions for the step with this commit number."""

    def __init__(self, connection: sqlite3.Connection, sources: Names, commit: int) -> None:
        self.connection = connection
        self.sources = sources
        self.commit = commit

    def heads(self, asked: Sequence[Content]) -> dict[Content, InteractionHead]:
        run = self.connection.execute
        found: dict[Content, InteractionHead] = {}
        for content in asked:
            if (source := self.sources.number.get(content.key.source)) is None:
                continue
            row = run(
                "SELECT id, state, at, origin, target FROM interaction WHERE source = ? AND record = ? ORDER BY state LIMIT 1",
                (source, content.key.id),
            ).fetchone()
            if row is None:
                continue
            equal = run(
                "SELECT state FROM interaction WHERE source = ? AND record = ? AND state IN (0, 1, 2) AND hash = ? LIMIT 1",
                (source, content.key.id, content.digest),
            ).fetchone()
            version, state, at, origin, target = row
            status = None
            if equal:
                status = STATES[equal[0]] if state == ACTIVE else FragmentStatus.WITHDRAWN
            found[content] = InteractionHead(version if state == ACTIVE else None, at, origin, target, status)
        return found

    def write(self, versions: Sequence[NewInteraction]) -> None:
        numbers = self.sources.numbers(self.connection, {v.interaction.source for v in versions})
        self._end((v.replaces for v in versions if v.replaces is not None), SUPERSEDED)
        self.connection.executemany(
            "INSERT INTO interaction (id, source, record, state, hash, type, origin, target, at, sent, weight, raw, made, ended)"
            f" VALUES ({last_number('interaction')} + 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    numbers[v.interaction.source],
                    v.interaction.id,
                    STATES.index(v.state),
                    v.digest,
                    v.interaction.type,
                    v.origin,
                    v.target,
                    v.at,
                    v.interaction.at,
                    v.interaction.weight,
                    orjson.dumps([list(v.interaction.origin), list(v.interaction.target)]).decode(),
                    self.commit,
                    None if v.state is FragmentStatus.ACTIVE else self.commit,
                )
                for v in versions
            ],
        )
        self.connection.executemany(
            "INSERT INTO tie (origin, target, type, n, weight, first, last) VALUES (?, ?, ?, 1, ?, ?, ?)"
            " ON CONFLICT (origin, target, type) DO UPDATE SET n = n + 1, weight = weight + excluded.weight,"
            " first = min(first, excluded.first), last = max(last, excluded.last)",
            [
                (v.origin, v.target, v.interaction.type, v.interaction.weight, v.at, v.at)
                for v in versions
                if v.state is FragmentStatus.ACTIVE
            ],
        )

    def withdraw(self, versions: Iterable[int]) -> None:
        self._end(versions, WITHDRAWN)

    def _end(self, versions: Iterable[int], state: int) -> None:
        """These active versions no longer count; the ties that they were part of are summed anew."""
        run = self.connection.execute
        ties: set[tuple[int, int, str]] = set()
        for version in versions:
            ties.add(run("SELECT origin, target, type FROM interaction WHERE id = ?", (version,)).fetchone())
            run("UPDATE interaction SET state = ?, ended = ? WHERE id = ?", (state, self.commit, version))
        self._sum(ties)

    def block(self, version: int) -> None:
        """An active one counts no more, since one of its ends is blocked."""
        if self.connection.execute("SELECT 1 FROM interaction WHERE id = ? AND state = 0", (version,)).fetchone():
            self._end([version], BLOCKED)

    def turn(self, version: int, origin: int, target: int) -> bool:
        """One that counts, or would but for a blocked end, is between these from now on: what it was becomes history under a digest of its
        own. False where another of its record has taken its place."""
        run = self.connection.execute
        source, record, state = run("SELECT source, record, state FROM interaction WHERE id = ?", (version,)).fetchone()
        other = run("SELECT 1 FROM interaction WHERE source = ? AND record = ? AND state = 0 AND id <> ?", (source, record, version))
        if state == ACTIVE:
            self._end([version], SUPERSEDED)
        elif other.fetchone():
            run("UPDATE interaction SET state = ? WHERE id = ?", (SUPERSEDED, version))
            return False
        (tie,) = run(
            "INSERT INTO interaction (id, source, record, state, hash, type, origin, target, at, sent, weight, raw, made)"
            f" SELECT {last_number('interaction')} + 1, source, record, 0, hash, type, ?2, ?3, at, sent, weight, raw, ?4"
            " FROM interaction WHERE id = ?1"
            " RETURNING origin, target, type",
            (version, origin, target, self.commit),
        ).fetchall()
        run("UPDATE interaction SET state = ?, hash = hash || ? WHERE id = ?", (SUPERSEDED, b"%d" % self.commit, version))
        self._sum([tie])
        return True

    def erase(self, versions: Iterable[int]) -> None:
        """These are gone, as if they never had been."""
        run = self.connection.execute
        self._sum(
            {run("DELETE FROM interaction WHERE id = ? RETURNING origin, target, type", (version,)).fetchall()[0] for version in versions}
        )

    def _sum(self, ties: Iterable[tuple[int, int, str]]) -> None:
        run = self.connection.execute
        for tie in ties:
            n, weight, first, last = run(
                "SELECT count(*), sum(weight), min(at), max(at) FROM interaction INDEXED BY interaction_origin"
                " WHERE origin = ? AND target = ? AND type = ? AND state = 0",
                tie,
            ).fetchone()
            if n:
                run(
                    "INSERT OR REPLACE INTO tie (n, weight, first, last, origin, target, type) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (n, weight, first, last, *tie),
                )
            else:
                run("DELETE FROM tie WHERE origin = ? AND target = ? AND type = ?", tie)
