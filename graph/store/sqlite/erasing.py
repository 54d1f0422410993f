"""What an erasure reads and writes under the gate of the embedded store."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from graph.model import Fragment, Instant, Judgement, JudgementKind, RecordKey
from graph.resolve.rules import Rules
from graph.store.ports import (
    Burial,
    Erasing,
    Left,
    LeftJudgement,
    ReceiptRow,
    SentInteraction,
    SentJudgement,
    SentVersion,
    VersionRow,
)
from graph.store.sqlite.interactions import Interactions
from graph.store.sqlite.numbers import keep_numbers
from graph.store.sqlite.rereading import further_ends, further_text, identifiers_of
from graph.store.sqlite.under_gate import ACTIVE, JUDGEMENT, STATES, Names, judgement_row, listed
from graph.traits.names import tokens

__all__ = ["Erasures", "read_receipts"]

_RECORDS: Final = """
SELECT v.source, v.record FROM json_each(?1) j CROSS JOIN carries c ON c.identifier = j.value CROSS JOIN version v ON v.id = c.version
UNION
SELECT v.source, v.record FROM json_each(?1) j CROSS JOIN carries_ended c ON c.identifier = j.value CROSS JOIN version v ON v.id = c.version
"""
_VERSION: Final = """
SELECT id, source, record, state, observed, score, ids, made, ended, unlinked, sent, raw, blocked, traits, since
FROM version WHERE id = ?
"""
_VERSIONS: Final = _VERSION.replace("id = ?", "source = ? AND record = ?")
_NAMING: Final = """
SELECT g.id, coalesce(g.decision, g.id), g.made FROM (
    SELECT k.id AS judgement FROM json_each(?1) j CROSS JOIN judgement k ON k.a = j.value AND k.ended IS NULL
    UNION SELECT k.id FROM json_each(?1) j CROSS JOIN judgement k ON k.b = j.value AND k.ended IS NULL
    UNION SELECT k.judgement FROM json_each(?1) j CROSS JOIN judgement_end k ON k.identifier = j.value
    UNION SELECT k.judgement FROM json_each(?1) j CROSS JOIN judgement_end_ended k ON k.identifier = j.value
) x CROSS JOIN judgement g ON g.id = x.judgement
"""
# those of one decision have numbers in a row
_DECIDED: Final = """
SELECT id FROM judgement WHERE id >= ?1 AND id < coalesce((SELECT min(id) FROM judgement WHERE id > ?1 AND made > ?2), 1 << 62)
AND (id = ?1 OR decision = ?1)
"""
_JUDGEMENTS: Final = f"""
SELECT g.decision, g.ended, g.since, g.made, g.raw, g.by, g.reason, g.further, {JUDGEMENT}
FROM json_each(?) j CROSS JOIN judgement g ON g.id = j.value
"""
_INTERACTIONS: Final = """
SELECT id, source, record, origin, target, raw, state, made, ended FROM interaction WHERE id IN (
    SELECT x.id FROM json_each(?1) j CROSS JOIN interaction x ON x.origin = j.value AND x.state = 0
    UNION ALL SELECT x.id FROM json_each(?1) j CROSS JOIN interaction x ON x.target = j.value AND x.state = 0
    UNION ALL SELECT x.id FROM json_each(?1) j CROSS JOIN interaction x ON x.origin = j.value AND x.state <> 0
    UNION ALL SELECT x.id FROM json_each(?1) j CROSS JOIN interaction x ON x.target = j.value AND x.state <> 0
) ORDER BY id
"""
_INTERACTIONS_AS: Final = """
SELECT x.id, x.source, x.record, x.origin, x.target, x.raw, x.state, x.made, x.ended
FROM json_each(?1) j CROSS JOIN interaction x ON x.id = j.value ORDER BY x.id
"""
_MARK: Final = "INSERT OR REPLACE INTO tombstone (mark, erasure, identifier) VALUES (?, ?, ?)"
_RECEIPTS: Final = """
SELECT e.n, e.at, e.by, e.reason, e.identifiers, e.records, e.purged FROM json_each(?) j CROSS JOIN erasure e ON e.n = j.value
"""


def read_receipts(conn: sqlite3.Connection, rules: Rules, ns: Collection[int]) -> dict[int, ReceiptRow]:
    """Erasures by number."""
    return {row[0]: ReceiptRow(*row) for row in conn.execute(_RECEIPTS, (listed(ns),))}


class Erasures:
    """For the step with this commit number."""

    def __init__(self, connection: sqlite3.Connection, sources: Names, rules: Rules, commit: int, at: Instant) -> None:
        self.connection = connection
        self.sources = sources
        self.rules = rules
        self.commit = commit
        self.at = at

    # ---------------------------------------------------------------- reading

    def tombstones(self, marks: Collection[bytes]) -> dict[bytes, tuple[int, int]]:
        run = self.connection.execute
        found = ((mark, run("SELECT erasure, identifier FROM tombstone WHERE mark = ?", (mark,)).fetchone()) for mark in marks)
        return {mark: row for mark, row in found if row is not None}

    def sent_versions(self, ids: Collection[int], numbers: Collection[int]) -> list[SentVersion]:
        run = self.connection.execute
        if numbers:
            return [self._version(row) for n in sorted(numbers) for row in run(_VERSION, (n,))]
        records = run(_RECORDS, (listed(ids),)).fetchall()
        return sorted((self._version(row) for key in records for row in run(_VERSIONS, key)), key=lambda v: v.row.id)

    def _version(self, row: tuple[Any, ...]) -> SentVersion:
        id, source, record, state, observed, score, ids, made, ended, unlinked, sent, raw, blocked, traits, since = row
        key = RecordKey(self.sources.names[source - 1], record)
        fragment = Fragment(*key, identifiers_of(raw), sent, None if traits is None else orjson.loads(traits), score)
        version = VersionRow(id, key, STATES[state], observed, score, tuple(orjson.loads(ids)), made, ended, unlinked)
        commits = (made, ended, unlinked, since, *self._spans("version", id), *self._spans("mark", id))
        return SentVersion(version, fragment, identifiers_of(blocked or "[]"), tuple(n for n in commits if n is not None))

    def _spans(self, kind: str, id: int) -> Iterable[int | None]:
        rows = self.connection.execute("SELECT since, ended FROM span WHERE kind = ? AND id = ?", (kind, id))
        return (n for row in rows for n in row)

    def sent_judgements(self, ids: Collection[int], numbers: Collection[int]) -> list[SentJudgement]:
        run = self.connection.execute
        naming = run(_NAMING, (listed(ids),)).fetchall() if ids else []
        found = {*numbers, *(id for id, _, _ in naming)}
        for decision, made in {(decision, made) for _, decision, made in naming}:
            found.update(id for (id,) in run(_DECIDED, (decision, made)))
        rows = run(_JUDGEMENTS, (listed(sorted(found)),)).fetchall()
        return [self._judgement(row) for row in rows]

    def _judgement(self, row: tuple[Any, ...]) -> SentJudgement:
        decision, ended, since, made, raw, by, reason, further, *columns = row
        said = judgement_row(tuple(columns))
        a, b = identifiers_of(raw)
        judgement = Judgement(JudgementKind(said.kind), a, b, said.at, by, reason, *further_ends(further))
        commits = (made, ended, since, *self._spans("judgement", said.id))
        return SentJudgement(said, judgement, decision or said.id, ended is None, tuple(n for n in commits if n is not None))

    def sent_interactions(self, ids: Collection[int], numbers: Collection[int]) -> list[SentInteraction]:
        found = []
        rows = self.connection.execute(_INTERACTIONS_AS if numbers else _INTERACTIONS, (listed(numbers or ids),))
        for id, source, record, origin, target, raw, state, made, ended in rows:
            a, b = identifiers_of(raw)
            commits = (made,) if ended is None else (made, ended)
            key = RecordKey(self.sources.names[source - 1], record)
            found.append(SentInteraction(id, key, origin, target, (a, b), state == ACTIVE, commits))
        return found

    # ---------------------------------------------------------------- writing

    def erase_evidence(self, erasing: Erasing, interactions: Interactions) -> None:
        run, many = self.connection.execute, self.connection.executemany
        keep_numbers(self.connection)
        for version in erasing.versions_gone:
            self._forget_carried(version.row.id, version.row.ids, version.row.observed)
            self._forget_tokens(version.row.id, version.fragment)
            run("DELETE FROM span WHERE kind IN ('version', 'mark') AND id = ?", (version.row.id,))
            run("DELETE FROM ids_ended WHERE version = ?", (version.row.id,))
            run("DELETE FROM version WHERE id = ?", (version.row.id,))
        for left in erasing.versions_left:
            self._lessen(left)
        gone = [(id,) for id in erasing.judgements_gone]
        ends = ((end, row) for row in erasing.judgement_rows for end in row.ends)
        many("DELETE FROM judgement_end_ended WHERE identifier = ? AND judgement = ?", [(end, row.id) for end, row in ends])
        many("DELETE FROM judgement_end WHERE judgement = ?", gone)
        many("DELETE FROM span WHERE kind = 'judgement' AND id = ?", gone)
        many("DELETE FROM force_ended WHERE judgement = ?", gone)
        many("DELETE FROM ends_ended WHERE judgement = ?", gone)
        many("DELETE FROM judgement WHERE id = ?", gone)
        for less in erasing.judgements_left:
            self._say_less(less)
        many("UPDATE judgement SET reason = '' WHERE id = ?", [(id,) for id in erasing.silenced])
        interactions.erase(erasing.interactions_gone)

    def _forget_carried(self, version: int, ids: Sequence[int], observed: Instant) -> None:
        many = self.connection.executemany
        many("DELETE FROM carries WHERE identifier = ? AND observed = ? AND version = ?", [(at, observed, version) for at in ids])
        many("DELETE FROM carries_ended WHERE identifier = ? AND version = ?", [(at, version) for at in ids])

    def _forget_tokens(self, version: int, fragment: Fragment) -> None:
        gone = tokens(fragment.traits, self.rules.traits.names)
        self.connection.executemany("DELETE FROM name_token WHERE token = ? AND version = ?", [(token, version) for token in gone])

    def _lessen(self, left: Left) -> None:
        observed = self.connection.execute("SELECT observed FROM version WHERE id = ?", (left.id,)).fetchone()[0]
        self._forget_carried(left.id, [at for at in left.was if at not in left.ids], observed)
        fragment = left.fragment
        if left.active:
            names = self.rules.traits.names
            before, now = tokens(left.traits_before, names), tokens(fragment.traits, names)
            many = self.connection.executemany
            many("DELETE FROM name_token WHERE token = ? AND version = ?", [(token, left.id) for token in before - now])
            many("INSERT OR IGNORE INTO name_token (token, version) VALUES (?, ?)", [(token, left.id) for token in now - before])
        dumps = orjson.dumps
        self.connection.execute(
            "UPDATE version SET record = ?, hash = ?, ids = ?, raw = ?, blocked = ?, traits = ? WHERE id = ?",
            (
                fragment.id,
                left.digest,
                str(list(left.ids)),
                dumps([list(i) for i in fragment.identifiers]).decode(),
                dumps([list(i) for i in left.blocked]).decode() if left.blocked else None,
                None if fragment.traits is None else dumps(fragment.traits).decode(),
                left.id,
            ),
        )

    def _say_less(self, left: LeftJudgement) -> None:
        said = left.judgement
        beside = [str(list(side[1:])) if len(side) > 1 else None for side in (left.left, left.right)]
        raw = orjson.dumps([list(said.a), list(said.b)]).decode()
        self.connection.execute(
            "UPDATE judgement SET a = ?, b = ?, with_a = ?, with_b = ?, raw = ?, reason = ?, hash = ?, further = ? WHERE id = ?",
            (left.left[0], left.right[0], *beside, raw, said.reason, left.digest, further_text(said.with_a, said.with_b), left.id),
        )
        further = {*left.left[1:], *left.right[1:]}
        rows = self.connection.execute("DELETE FROM judgement_end WHERE judgement = ? RETURNING identifier", (left.id,)).fetchall()
        if rows:  # it is live
            self.connection.executemany(
                "INSERT INTO judgement_end (identifier, judgement) VALUES (?, ?)", [(at, left.id) for at in sorted(further)]
            )

    def bury(self, burial: Burial, by: str | None) -> None:
        run, many = self.connection.execute, self.connection.executemany
        ids, stubs = listed(burial.ids), [(at,) for at in burial.ids]
        many("UPDATE identifier SET namespace = -id, value = '', profile = NULL, flags = 0, grp = NULL WHERE id = ?", stubs)
        many("DELETE FROM membership_ended WHERE identifier = ?", stubs)
        for table in ("carries_ended", "flags_ended", "judgement_end_ended"):
            many(f"DELETE FROM {table} WHERE identifier = ?", stubs)
        for end in ("a", "b"):
            for table in ("postponed", "link_ended"):
                run(f"DELETE FROM {table} WHERE {end} IN (SELECT value FROM json_each(?))", (ids,))
        commits = listed(sorted(burial.commits))
        run("UPDATE commits SET reason = NULL WHERE n IN (SELECT value FROM json_each(?))", (commits,))
        run(
            "UPDATE request SET result = '{\"erased\":true}' WHERE at IN"
            " (SELECT c.at FROM json_each(?) j CROSS JOIN commits c ON c.n = j.value)",
            (commits,),
        )
        said = (self.commit, self.at, by, burial.reason, len(burial.ids), burial.records)
        run("INSERT INTO erasure (n, at, by, reason, identifiers, records) VALUES (?, ?, ?, ?, ?, ?)", said)
        self._mark(burial.marks, burial.key_mark)

    def _mark(self, marks: Mapping[bytes, int], key_mark: bytes) -> None:
        self.connection.executemany(_MARK, [*((mark, self.commit, at) for mark, at in marks.items()), (key_mark, 0, 0)])

    def hide_records(self, marks: Mapping[bytes, int], names: Mapping[RecordKey, RecordKey]) -> None:
        many = self.connection.executemany
        many(_MARK, [(mark, erasure, 0) for mark, erasure in marks.items()])
        renamed = [(now.id, self.sources.number[record.source], record.id) for record, now in names.items()]
        many("UPDATE version SET record = ? WHERE source = ? AND record = ?", renamed)

    def carry_over(self, marks: Mapping[bytes, int], key_mark: bytes, reason: str, by: str | None) -> None:
        said = (self.commit, self.at, by, reason, len({*marks.values()} - {0}), self.at)
        self.connection.execute("INSERT INTO erasure (n, at, by, reason, identifiers, records, purged) VALUES (?, ?, ?, ?, ?, 0, ?)", said)
        self._mark(marks, key_mark)

    def unbury(self, identifiers: Collection[int]) -> None:
        self.connection.executemany("DELETE FROM tombstone WHERE identifier = ?", [(at,) for at in sorted(identifiers) if at])

    def count_tombstones(self) -> int:
        return int(self.connection.execute("SELECT count(*) FROM tombstone WHERE erasure > 0").fetchone()[0])

    def drop_tombstones(self) -> None:
        self.connection.execute("DELETE FROM tombstone")
