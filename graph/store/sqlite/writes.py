"""What a step writes under the gate, on the writer's connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson

from graph.model import FragmentStatus, Instant, Judgement, Key, Refusal
from graph.resolve.rules import Rules
from graph.store.past.history import links_ended
from graph.store.ports import NAMESPACE_SHIFT, Delta, LinkRow, Member, NewVersion, Pair, ProfileRow
from graph.store.sqlite.numbers import last_number
from graph.store.sqlite.rereading import further_text
from graph.store.sqlite.under_gate import STATES, SUPERSEDED, WITHDRAWN, Names, counts_json, listed
from graph.traits.names import tokens

__all__ = ["Writes"]


class Writes:
    """The writes of `Writing`, without the waiting, for the step with this commit number."""

    def __init__(self, connection: sqlite3.Connection, namespaces: Names, sources: Names, rules: Rules, commit: int, at: Instant) -> None:
        self.connection = connection
        self.namespaces = namespaces
        self.sources = sources
        self.rules = rules
        self.commit = commit
        self.at = at
        self._told: set[Pair] = set()  # links that are new in this step, or whose state before it is on record

    def answer(self, key: Key, digest: bytes, result: dict[str, Any]) -> None:
        row = (*key, digest, orjson.dumps(result).decode(), self.at)
        self.connection.execute("INSERT INTO request (scope, key, hash, result, at) VALUES (?, ?, ?, ?, ?)", row)

    def write_rules(self, version: int, toml: str, by: str | None) -> None:
        self.connection.execute("INSERT INTO rules (version, toml, made, by) VALUES (?, ?, ?, ?)", (version, toml, self.commit, by))

    def write_versions(self, versions: Sequence[NewVersion]) -> None:
        source = self.sources.numbers(self.connection, {v.fragment.source for v in versions})
        self.end_versions([old for v in versions for old in v.replaces], SUPERSEDED)
        dumps, commit = orjson.dumps, self.commit
        self.connection.executemany(
            "INSERT INTO version (id, source, record, state, hash, observed, sent, score, ids, raw, blocked, traits, made, ended)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    v.id,
                    source[v.fragment.source],
                    v.fragment.id,
                    STATES.index(v.state),
                    v.digest,
                    v.observed,
                    v.fragment.observed_at,
                    v.fragment.score,
                    str(list(v.ids)),
                    dumps([list(i) for i in v.fragment.identifiers]).decode(),
                    dumps([list(i) for i in v.blocked]).decode() if v.blocked else None,
                    None if v.fragment.traits is None else dumps(v.fragment.traits).decode(),
                    commit,
                    None if v.state is FragmentStatus.ACTIVE else commit,
                )
                for v in versions
            ],
        )
        active = [v for v in versions if v.state is FragmentStatus.ACTIVE]
        self.connection.executemany(
            "INSERT INTO carries (identifier, observed, version) VALUES (?, ?, ?)", [(i, v.observed, v.id) for v in active for i in v.ids]
        )
        never = [(i, v.id, commit) for v in versions if v.state is not FragmentStatus.ACTIVE for i in v.ids]
        if never:
            self.connection.executemany("INSERT INTO carries_ended (identifier, version, ended) VALUES (?, ?, ?)", never)
        named = [(token, v.id) for v in active for token in v.tokens]
        if named:
            self.connection.executemany("INSERT OR IGNORE INTO name_token (token, version) VALUES (?, ?)", named)

    def end_versions(self, versions: Sequence[int], state: int) -> None:
        """These active versions no longer count; what they carried moves to the history."""
        for version in versions:
            row = self.connection.execute("SELECT observed, ids, traits FROM version WHERE id = ?", (version,)).fetchone()
            observed, ids, traits = row[0], orjson.loads(row[1]), row[2]
            self.connection.execute("UPDATE version SET state = ?, ended = ? WHERE id = ?", (state, self.commit, version))
            self.connection.executemany(
                "DELETE FROM carries WHERE identifier = ? AND observed = ? AND version = ?", [(i, observed, version) for i in ids]
            )
            self.connection.executemany("INSERT OR IGNORE INTO carries_ended VALUES (?, ?, ?)", [(i, version, self.commit) for i in ids])
            if traits is not None:
                gone = tokens(orjson.loads(traits), self.rules.traits.names)
                self.connection.executemany("DELETE FROM name_token WHERE token = ? AND version = ?", [(token, version) for token in gone])

    def withdraw_versions(self, versions: Sequence[int]) -> None:
        self.end_versions(versions, WITHDRAWN)

    def write_judgement(
        self, judgement: Judgement, digest: bytes, left: Sequence[int], right: Sequence[int], decision: int | None = None
    ) -> int:
        raw = orjson.dumps([list(judgement.a), list(judgement.b)]).decode()
        ends = [side[0] if side else None for side in (left, right)]
        beside = [str(list(side[1:])) if len(side) > 1 else None for side in (left, right)]
        said = (judgement.at, judgement.by, judgement.reason, digest, None not in ends)
        cursor = self.connection.execute(
            "INSERT INTO judgement (id, kind, a, b, raw, at, by, reason, hash, in_force, made, decision, with_a, with_b, further)"
            f" VALUES ({last_number('judgement')} + 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (judgement.kind, *ends, raw, *said, self.commit, decision, *beside, further_text(judgement.with_a, judgement.with_b)),
        )
        number = int(cursor.lastrowid or 0)
        further = sorted({*left[1:], *right[1:]})
        if further:
            self.connection.executemany("INSERT INTO judgement_end (identifier, judgement) VALUES (?, ?)", [(at, number) for at in further])
        return number

    def set_in_force(self, changed: Sequence[tuple[int, bool]]) -> None:
        self.connection.executemany(
            "INSERT OR IGNORE INTO force_ended (judgement, ended, in_force)"
            " SELECT id, ?1, in_force FROM judgement WHERE id = ?2 AND made < ?1",
            [(self.commit, n) for n, _ in changed],
        )
        self.connection.executemany("UPDATE judgement SET in_force = ? WHERE id = ?", [(used, n) for n, used in changed])

    def write_links(self, rows: Sequence[LinkRow], gone: Sequence[Pair], before: Mapping[Pair, LinkRow]) -> None:
        new: dict[bool, list[tuple[Any, ...]]] = {False: [], True: []}
        kept: dict[bool, list[tuple[Any, ...]]] = {False: [], True: []}
        left: dict[bool, list[Pair]] = {False: [], True: []}
        self._write_links_ended(rows, gone, before)
        for row in rows:
            pair = (row.a, row.b)
            earlier = before.get(pair)
            if earlier is not None and earlier.barred == row.barred:
                kept[row.barred].append((*self._columns(row), *pair))
                continue
            if earlier is not None:
                left[earlier.barred].append(pair)
            new[row.barred].append((*pair, *self._columns(row)))
        for pair in gone:
            left[before[pair].barred].append(pair)
        for barred, table in ((False, "link"), (True, "barred")):
            run = self.connection.executemany
            if left[barred]:
                run(f"DELETE FROM {table} WHERE a = ? AND b = ?", left[barred])
            if new[barred]:
                run(
                    f"INSERT INTO {table} (a, b, n, bare, dirty, first, last, score, refused, namespace) VALUES (?,?,?,?,?,?,?,?,?,?)",
                    new[barred],
                )
            if kept[barred]:
                run(
                    f"UPDATE {table} SET n = ?, bare = ?, dirty = ?, first = ?, last = ?, score = ?, refused = ?, namespace = ?"
                    " WHERE a = ? AND b = ?",
                    kept[barred],
                )

    def _columns(self, row: LinkRow) -> tuple[Any, ...]:
        tally = row.tally
        return (tally.clean, tally.bare, tally.dirty, tally.first, tally.last, tally.top, *self._refusal(row.refused))

    def _refusal(self, refused: Refusal | None) -> tuple[str | None, int | None]:
        if refused is None:
            return None, None
        return refused.rule.value, None if refused.namespace is None else self.namespaces.number[refused.namespace]

    def _write_links_ended(self, rows: Sequence[LinkRow], gone: Sequence[Pair], before: Mapping[Pair, LinkRow]) -> None:
        ended = links_ended(rows, gone, before, self._told)
        if ended:
            self.connection.executemany(
                "INSERT INTO link_ended (a, b, ended, barred, refused, namespace) VALUES (?, ?, ?, ?, ?, ?)",
                [(row.a, row.b, self.commit, row.barred, *self._refusal(row.refused)) for row in ended],
            )

    def postpone(self, links: Sequence[tuple[int, int, int]]) -> None:
        self.connection.executemany("INSERT INTO postponed (a, b, n, made) VALUES (?, ?, ?, ?)", [(*link, self.commit) for link in links])

    def apply(self, delta: Delta) -> list[int]:
        self.write_identifiers(delta.fresh, delta.flags)
        self._write_memberships(delta)
        self._write_one_ids(delta)
        run = self.connection.executemany
        if delta.refusals:
            before = [(self.commit, a, b) for a, b, _ in delta.refusals if (a, b) not in self._told]
            if before:
                run(
                    "INSERT INTO link_ended (a, b, ended, barred, refused, namespace)"
                    " SELECT a, b, ?, 0, refused, namespace FROM link WHERE a = ? AND b = ?",
                    before,
                )
            run(
                "UPDATE link SET refused = ?, namespace = ? WHERE a = ? AND b = ?",
                [(*self._refusal(refused), a, b) for a, b, refused in delta.refusals],
            )
        if delta.causes:
            run("UPDATE version SET cause = ? WHERE id = ?", [(cause, version) for version, cause in delta.causes])
        if delta.decisions:
            rows = [(first, number, number) for number, first in delta.decisions]
            run("UPDATE judgement SET decision = ? WHERE id = ? OR decision = ?", rows)
        return self._write_changes(delta)

    def write_identifiers(self, fresh: Sequence[Member], flags: Sequence[tuple[int, int, int | None]]) -> None:
        run, commit = self.connection.executemany, self.commit
        if fresh:
            run(
                "INSERT INTO identifier (id, namespace, value, profile, since, flags, grp, made) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [(m.id, m.id >> NAMESPACE_SHIFT, m.value, m.profile or None, commit, m.flags, m.group, commit) for m in fresh],
            )
        if flags:
            self.connection.execute(
                "INSERT OR IGNORE INTO flags_ended (identifier, ended, shared, grp)"
                " SELECT i.id, ?1, i.flags & 1, i.grp FROM json_each(?2) j CROSS JOIN identifier i ON i.id = json_extract(j.value, '$[0]')"
                " WHERE i.made < ?1"
                " AND (i.flags & 1, i.grp) IS NOT (json_extract(j.value, '$[1]') & 1, json_extract(j.value, '$[2]'))",
                (commit, listed(flags)),
            )
            run("UPDATE identifier SET flags = ?, grp = ? WHERE id = ?", [(bits, group, i) for i, bits, group in flags])

    def _write_memberships(self, delta: Delta) -> None:
        run, commit = self.connection.executemany, self.commit
        if delta.moved:
            self.connection.execute(  # one statement: each that copies rows keeps a journal of its own
                "INSERT INTO membership_ended (identifier, since, ended, profile)"
                " SELECT i.id, i.since, ?, i.profile FROM json_each(?) j CROSS JOIN identifier i ON i.id = j.value"
                " WHERE i.profile IS NOT NULL",
                (commit, listed(identifier for identifier, _ in delta.moved)),
            )
            run("UPDATE identifier SET profile = ?, since = ? WHERE id = ?", [(profile, commit, i) for i, profile in delta.moved])

    def _write_one_ids(self, delta: Delta) -> None:
        run, commit = self.connection.executemany, self.commit
        rows = {row.n: row for row in delta.profiles}
        if delta.made:
            run(
                "INSERT INTO one_id (n, one_id, pin, made, since, updated, size, counts, kind, contested, aliases)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(n, one_id, pin, commit, commit, commit, *_summary(rows.pop(n))) for n, one_id, pin in delta.made],
            )
        moved = [(n, delta.pin_causes[n]) for n, _ in (*delta.pins, *delta.closed, *delta.asleep)]
        if moved:
            self.connection.execute(
                "INSERT INTO pin_ended (n, since, ended, pin, closed, asleep, cause)"
                " SELECT o.n, o.since, ?, o.pin, o.closed, o.asleep, json_extract(j.value, '$[1]')"
                " FROM json_each(?) j CROSS JOIN one_id o ON o.n = json_extract(j.value, '$[0]')",
                (commit, listed(moved)),
            )
            states: list[tuple[int | None, int | None, int | None, int]] = [(pin, None, None, n) for n, pin in delta.pins]
            states += [(None, into, None, n) for n, into in delta.closed]
            states += [(None, None, at, n) for n, at in delta.asleep]
            run(f"UPDATE one_id SET pin = ?, closed = ?, asleep = ?, since = {commit} WHERE n = ?", states)
        if delta.leads:
            run(
                "UPDATE one_id SET size = 0, counts = NULL, kind = NULL, contested = 0, aliases = 0, leads = ?,"
                " retired = coalesce(retired, ?) WHERE n = ?",
                [(leads, commit, n) for n, leads in delta.leads],
            )
        if rows:
            run(
                "UPDATE one_id SET size = ?, counts = ?, kind = ?, contested = ?, aliases = ?, leads = NULL, retired = NULL WHERE n = ?",
                [(*_summary(row), n) for n, row in rows.items()],
            )
        made = {n for n, _, _ in delta.made}
        self.touch({*delta.touched, *(change.n for change in delta.changes)} - made)

    def touch(self, profiles: Collection[int]) -> None:
        """Facts or identity of these changed in this commit."""
        if profiles:
            self.connection.executemany("UPDATE one_id SET updated = ? WHERE n = ?", [(self.commit, n) for n in sorted(profiles)])

    def _write_changes(self, delta: Delta) -> list[int]:
        if not delta.changes:
            return []
        first = self.connection.execute("SELECT coalesce(max(seq), 0) + 1 FROM change").fetchone()[0]
        self.connection.executemany(
            "INSERT INTO change (seq, made, n, kind, gained, lost, leads, cause_kind, cause) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (seq, self.commit, c.n, c.kind, str(list(c.gained)), str(list(c.lost)), c.leads, c.cause_kind, c.cause)
                for seq, c in enumerate(delta.changes, first)
            ],
        )
        return list(range(first, first + len(delta.changes)))

    def close(self, kind: str, by: str | None, reason: str | None, undone: Mapping[str, Any] | None) -> None:
        """Put the step on record."""
        told = None if undone is None else orjson.dumps(undone).decode()
        self.connection.execute(
            "INSERT INTO commits (n, at, kind, by, reason, undone) VALUES (?, ?, ?, ?, ?, ?)",
            (self.commit, self.at, kind, by, reason, told),
        )


def _summary(row: ProfileRow) -> tuple[int, str, str, bool, int]:
    return (row.size, counts_json(row.counts), row.kind, row.contested, row.aliases)
