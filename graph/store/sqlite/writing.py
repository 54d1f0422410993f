"""The embedded store's side of the gate: one connection, one thread, one transaction with a savepoint for each step but its first."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

from graph.model import Identifier, Instant, Judgement, Key, RecordKey
from graph.resolve.rules import Rules
from graph.store.in_force import InForce, Ruled
from graph.store.ports import (
    NAMESPACE_SHIFT,
    AsSent,
    Burial,
    ChangeRow,
    Content,
    Deed,
    Delta,
    Erasing,
    Head,
    InteractionHead,
    JobRow,
    JudgementRow,
    Known,
    LinkRow,
    Member,
    NewInteraction,
    NewVersion,
    OneIdRow,
    Pair,
    Pin,
    PinMove,
    ReceiptRow,
    Reread,
    SentInteraction,
    SentJudgement,
    SentKind,
    SentVersion,
    Sighting,
    Standing,
    Summary,
    VersionRow,
)
from graph.store.sqlite import audit, jobs
from graph.store.sqlite.connect import trouble_of
from graph.store.sqlite.erasing import Erasures, read_receipts
from graph.store.sqlite.interactions import Interactions
from graph.store.sqlite.numbers import last_number
from graph.store.sqlite.rereading import Rereadings
from graph.store.sqlite.under_gate import Names, UnderGate
from graph.store.sqlite.undoing import Undoing
from graph.store.sqlite.writes import Writes

__all__ = ["SqliteTransaction", "SqliteWriting", "ruled_by"]

P = ParamSpec("P")
T = TypeVar("T")
_WEEK = 7 * 24 * 3600 * 1_000_000


def now() -> Instant:
    """The clock of this machine."""
    return time.time_ns() // 1000


def ruled_by(connection: sqlite3.Connection, known: InForce, version: int) -> Ruled:
    """A version of the rules, read only where this process has not read it yet."""
    if (found := known.find(version)) is not None:
        return found
    return known.read(version, *connection.execute("SELECT toml FROM rules WHERE version = ?", (version,)).fetchone())


class SqliteTransaction:
    """A transaction of the gate (graph.store.gate.Transaction). All SQL runs in `thread`, in the order it was asked for."""

    def __init__(
        self, connection: sqlite3.Connection, known: InForce, thread: ThreadPoolExecutor, clock: Callable[[], Instant] = now
    ) -> None:
        self.connection = connection
        self.ruled = known.last
        self._known = known
        self._thread = thread
        self._clock = clock
        self._namespaces = Names("namespace")
        self._sources = Names("source")
        self._last: tuple[int, Instant] = (0, 0)
        self._counters: tuple[int, int] = (0, 0)
        self._place: dict[int, int] = {}
        self.sleepers = False  # some OneID may sleep by a revert
        self.buried = self._buried_before = False  # somebody was erased
        self._begun = False
        self._alone = False  # the step that is open is the transaction's first
        self._step: SqliteWriting | None = None
        self._before: tuple[int, int, int, tuple[int, int], Ruled] = (0, 0, 0, (0, 0), self.ruled)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run in the store's thread; a database error comes back as StoreTrouble."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, partial(work, *args, **kwargs))
        except sqlite3.Error as error:
            raise trouble_of(error) from error

    async def begin(self, *, long: bool = False) -> None:
        """Nothing yet: the first step begins, so that both take one trip to the thread. It may take as long as it likes."""

    def _begin(self) -> None:
        run = self.connection.execute
        if self.connection.in_transaction:  # what a failed begin left
            run("ROLLBACK")
        run("BEGIN IMMEDIATE")
        self._namespaces.refresh(self.connection)
        self._sources.refresh(self.connection)
        self._last = run("SELECT n, at FROM commits ORDER BY n DESC LIMIT 1").fetchone() or (0, 0)
        version, one_id, sleepers, buried, rules = run(
            f"SELECT {last_number('version')}, (SELECT coalesce(max(n), 0) FROM one_id),"
            " EXISTS (SELECT 1 FROM one_id WHERE asleep IS NOT NULL), EXISTS (SELECT 1 FROM tombstone), (SELECT max(version) FROM rules)"
        ).fetchone()
        self.ruled = ruled_by(self.connection, self._known, rules)
        self._counters, self.sleepers, self.buried = (version, one_id), bool(sleepers), bool(buried)
        self._place.clear()
        self._begun = True

    async def open_step(self) -> SqliteWriting:
        return await self.run(self._open_step)

    def _open_step(self) -> SqliteWriting:
        self._alone = not self._begun
        if self._alone:  # its savepoint is the transaction: a savepoint of its own would copy every page it changes
            self._begin()
        else:
            self.connection.execute("SAVEPOINT step")
        self._buried_before = self.buried
        self._before = (self.connection.total_changes, len(self._namespaces.names), len(self._sources.names), self._counters, self.ruled)
        commit, at = self._last[0] + 1, max(self._clock(), self._last[1] + 1)
        step = SqliteWriting(self, commit, at, self._namespaces, self._sources, self._counters, self._place)
        self._step = step
        return step

    async def close_step(self) -> None:
        await self.run(self._close_step)

    def _close_step(self) -> None:
        assert self._step is not None
        step = self._step
        if self.connection.total_changes - step.overlooked > self._before[0]:
            step.writes.close(step.kind, step.by, step.reason, step.undone)
            self._last = (step.commit, step.at)
        self._counters = (step.last_version, step.last_one_id)
        if not self._alone:
            self.connection.execute("RELEASE step")

    async def drop_step(self) -> None:
        await self.run(self._drop_step)

    def _drop_step(self) -> None:
        if self._alone:
            self._rollback()
            return
        self.connection.execute("ROLLBACK TO step")
        self.connection.execute("RELEASE step")
        _, namespaces, sources, self._counters, self.ruled = self._before
        self.buried = self._buried_before
        self._place.clear()
        self._namespaces.forget_after(namespaces)
        self._sources.forget_after(sources)

    async def commit(self) -> None:
        await self.run(self._commit)

    def _commit(self) -> None:
        self._begun = False
        try:
            self.connection.execute("DELETE FROM request WHERE at < ?", (self._last[1] - _WEEK,))
            self.connection.execute("COMMIT")
        except sqlite3.Error:
            self._rollback()
            raise
        self._known.see(self.ruled)

    async def rollback(self) -> None:
        await self.run(self._rollback)

    def _rollback(self) -> None:
        self._begun = False
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        self._namespaces.forget_after(0)
        self._sources.forget_after(0)


class SqliteWriting:
    """One step under the gate: graph.store.ports.Writing."""

    def __init__(
        self,
        transaction: SqliteTransaction,
        commit: int,
        at: Instant,
        namespaces: Names,
        sources: Names,
        counters: tuple[int, int],
        place: dict[int, int],
    ) -> None:
        self.commit = commit
        self.at = at
        self.kind = ""
        self.by: str | None = None
        self.reason: str | None = None
        self.overlooked = 0
        self.last_version, self.last_one_id = counters
        self._run = transaction.run
        self._namespaces = namespaces
        self._place = place  # the last identifier of each namespace, as this transaction has read or given them
        connection = transaction.connection
        self._connection = connection
        self._reads = UnderGate(connection, namespaces, sources)
        rules = transaction.ruled.rules
        self.writes = Writes(connection, namespaces, sources, rules, commit, at)
        self._interactions = Interactions(connection, sources, commit)
        self._undoing = Undoing(connection, sources, rules, commit)
        self._transaction = transaction
        self._erasures = Erasures(connection, sources, rules, commit, at)
        self._rereadings = Rereadings(connection, commit)
        self.undone: Mapping[str, Any] | None = None
        self.met: Mapping[bytes, tuple[int, int]] = {}
        self.erased = False

    @property
    def sleepers(self) -> bool:
        return self._transaction.sleepers

    @property
    def buried(self) -> bool:
        return self._transaction.buried

    @property
    def rules(self) -> Rules:
        return self._transaction.ruled.rules

    @property
    def rules_version(self) -> int:
        return self._transaction.ruled.version

    async def write_rules(self, rules: Rules) -> int:
        version = self.rules_version + 1
        await self._run(self.writes.write_rules, version, rules.toml, self.by)
        self._transaction.ruled = Ruled(version, rules)
        self.writes.rules = self._undoing.rules = self._erasures.rules = rules
        return version

    def namespaces(self) -> Sequence[str]:
        return self._namespaces.names

    def new_version(self) -> int:
        self.last_version += 1
        return self.last_version

    def new_one_id(self) -> int:
        self.last_one_id += 1
        return self.last_one_id

    async def namespace_numbers(self, names: Iterable[str]) -> dict[str, int]:
        wanted = sorted(set(names))
        if all(name in self._namespaces.number for name in wanted):
            return self._namespaces.number
        return await self._run(self._namespaces.numbers, self._connection, wanted)

    async def new_identifiers(self, namespaces: Sequence[int], values: Sequence[str]) -> list[int]:
        missing = sorted(set(namespaces) - self._place.keys())
        if missing:
            await self._run(self._read_places, missing)
        made = []
        for namespace in namespaces:
            self._place[namespace] += 1
            made.append(self._place[namespace])
        return made

    def _read_places(self, namespaces: list[int]) -> None:
        for namespace in namespaces:
            low = namespace << NAMESPACE_SHIFT
            row = self._connection.execute(
                "SELECT max(id) FROM identifier WHERE id BETWEEN ? AND ?", (low, low + (1 << NAMESPACE_SHIFT) - 1)
            )
            self._place[namespace] = row.fetchone()[0] or low

    async def answered(self, key: Key) -> tuple[bytes, dict[str, Any]] | None:
        return await self._run(self._reads.answered, key)

    async def answer(self, key: Key, digest: bytes, result: dict[str, Any]) -> None:
        await self._run(self.writes.answer, key, digest, result)

    async def heads(self, asked: Sequence[Content], marks: Collection[bytes] = ()) -> dict[Content, Head]:
        return await self._run(self._heads, asked, marks)

    def _heads(self, asked: Sequence[Content], marks: Collection[bytes]) -> dict[Content, Head]:
        self.met = self._erasures.tombstones(marks) if marks else {}
        return self._reads.heads(asked)

    async def tombstones(self, marks: Collection[bytes]) -> dict[bytes, tuple[int, int]]:
        return await self._run(self._erasures.tombstones, marks)

    async def receipt(self, n: int) -> ReceiptRow | None:
        return (await self._run(read_receipts, self._connection, self.rules, (n,))).get(n)

    async def sent_versions(self, ids: Collection[int] = (), numbers: Collection[int] = ()) -> list[SentVersion]:
        return await self._run(self._erasures.sent_versions, ids, numbers)

    async def sent_judgements(self, ids: Collection[int] = (), numbers: Collection[int] = ()) -> list[SentJudgement]:
        return await self._run(self._erasures.sent_judgements, ids, numbers)

    async def sent_interactions(self, ids: Collection[int] = (), numbers: Collection[int] = ()) -> list[SentInteraction]:
        return await self._run(self._erasures.sent_interactions, ids, numbers)

    async def as_sent(self, kind: SentKind, after: int, most: int) -> list[AsSent]:
        return await self._run(self._rereadings.as_sent, kind, after, most)

    async def reread(self, reread: Reread) -> set[int]:
        return await self._run(self._rereadings.reread, reread, self._interactions)

    async def erase_evidence(self, erasing: Erasing) -> None:
        await self._run(self._erasures.erase_evidence, erasing, self._interactions)

    async def bury(self, burial: Burial) -> None:
        await self._run(self._erasures.bury, burial, self.by)
        self.erased = self._transaction.buried = True

    async def hide_records(self, marks: Mapping[bytes, int], names: Mapping[RecordKey, RecordKey]) -> None:
        await self._run(self._erasures.hide_records, marks, names)

    async def carry_over(self, marks: Mapping[bytes, int], key_mark: bytes, reason: str) -> None:
        await self._run(self._erasures.carry_over, marks, key_mark, reason, self.by)
        self._transaction.buried = True

    async def unbury(self, identifiers: Collection[int]) -> None:
        await self._run(self._erasures.unbury, identifiers)

    async def count_tombstones(self) -> int:
        return await self._run(self._erasures.count_tombstones)

    async def drop_tombstones(self) -> None:
        await self._run(self._erasures.drop_tombstones)
        self._transaction.buried = False

    async def active_version(self, key: RecordKey) -> Sighting | None:
        return await self._run(self._reads.active_version, key)

    async def identifiers(self, asked: Collection[Identifier]) -> dict[Identifier, Known]:
        return await self._run(self._reads.identifiers, asked)

    async def faces(self, ids: Collection[int]) -> dict[int, Member | None]:
        return await self._run(self._reads.faces, ids)

    async def summaries(self, profiles: Collection[int]) -> dict[int, Summary]:
        return await self._run(self._reads.summaries, profiles)

    async def changed_since(self, commit: int) -> list[int]:
        return await self._run(self._reads.changed_since, commit)

    async def members(self, profiles: Collection[int]) -> list[Member]:
        return await self._run(self._reads.members, profiles)

    async def links(self, pairs: Collection[Pair]) -> dict[Pair, LinkRow]:
        return await self._run(self._reads.links, pairs)

    async def usable_links(self, ids: Collection[int]) -> list[LinkRow]:
        return await self._run(self._reads.usable_links, ids)

    async def barred_links(self, ids: Collection[int]) -> list[LinkRow]:
        return await self._run(self._reads.barred_links, ids)

    async def degrees(self, asked: Collection[Pair], bound: int) -> dict[Pair, tuple[int, int]]:
        return await self._run(self._reads.degrees, asked, bound)

    async def total_degrees(self, ids: Collection[int], bound: int) -> dict[int, int]:
        return await self._run(self._reads.total_degrees, ids, bound)

    async def rays(self, hubs: Collection[Pair], *, barred: bool) -> dict[Pair, list[LinkRow]]:
        return await self._run(self._reads.rays, hubs, barred=barred)

    async def sightings(self, pairs: Collection[Pair]) -> dict[Pair, list[Sighting]]:
        return await self._run(self._reads.sightings, pairs)

    async def carrying_several(self, ids: Collection[int]) -> list[Sighting]:
        return await self._run(self._reads.carrying_several, ids)

    async def judgements(self, ids: Collection[int]) -> list[JudgementRow]:
        return await self._run(self._reads.judgements, ids)

    async def judgement_digests(self, digests: Collection[bytes]) -> set[bytes]:
        return await self._run(self._reads.judgement_digests, digests)

    async def pins(self, ids: Collection[int]) -> list[Pin]:
        return await self._run(self._reads.pins, ids)

    async def unmentioned(self, ids: Collection[int]) -> set[int]:
        return await self._run(self._reads.unmentioned, ids)

    async def one_ids(self, ids: Collection[int]) -> dict[int, str]:
        return await self._run(self._reads.one_ids, ids)

    async def one_id_rows(self, numbers: Collection[int] = (), texts: Collection[str] = ()) -> list[OneIdRow]:
        return await self._run(self._reads.one_id_rows, numbers, texts)

    async def wakes(self, ids: Collection[int]) -> dict[int, int]:
        return await self._run(self._undoing.wakes, ids)

    async def versions(self, ids: Collection[int] = (), records: Collection[RecordKey] = ()) -> list[VersionRow]:
        return await self._run(self._undoing.versions, ids, records)

    async def source_versions(self, source: str, since: Instant | None, most: int) -> list[int]:
        return await self._run(self._undoing.source_versions, source, since, most)

    async def acted_together(self, cause_kind: str, cause: int) -> list[int]:
        return await self._run(self._undoing.acted_together, cause_kind, cause)

    async def cause_at(self, seq: int) -> tuple[str, int] | None:
        return await self._run(self._undoing.cause_at, seq)

    async def changes_by(self, commit: int, cause_kind: str, cause: int) -> list[tuple[int, ChangeRow]]:
        return await self._run(self._undoing.changes_by, commit, cause_kind, cause)

    async def asleep_before(self, changes: Mapping[int, int]) -> set[int]:
        return await self._run(self._undoing.asleep_before, changes)

    async def pins_moved(self, commit: int, cause: int) -> list[PinMove]:
        return await self._run(self._undoing.pins_moved, commit, cause)

    async def judged(self, numbers: Collection[int]) -> list[tuple[JudgementRow, int, bool]]:
        return await self._run(self._undoing.judged, numbers)

    async def undone_by(self, commit: int) -> dict[str, Any] | None:
        return await self._run(self._undoing.undone_by, commit)

    async def restate_versions(self, rows: Mapping[int, Standing]) -> None:
        await self._run(self._undoing.restate_versions, rows)

    async def end_judgements(self, numbers: Collection[int], *, back: bool = False) -> None:
        await self._run(self._undoing.end_judgements, numbers, back)

    async def write_undone(self, undone: Mapping[str, Any]) -> None:
        self.undone = undone

    async def interaction_heads(self, asked: Sequence[Content]) -> dict[Content, InteractionHead]:
        return await self._run(self._interactions.heads, asked)

    async def write_interactions(self, versions: Sequence[NewInteraction]) -> None:
        await self._run(self._interactions.write, versions)

    async def withdraw_interactions(self, versions: Sequence[int]) -> None:
        await self._run(self._interactions.withdraw, versions)

    async def write_versions(self, versions: Sequence[NewVersion]) -> None:
        await self._run(self.writes.write_versions, versions)

    async def withdraw_versions(self, versions: Sequence[int]) -> None:
        await self._run(self.writes.withdraw_versions, versions)

    async def new_job(self, kind: str, input: dict[str, Any]) -> int:
        return await self._run(jobs.new_job, self._connection, kind, self.by, self.at, input)

    async def write_jobs(self, rows: Sequence[JobRow], beat: Instant | None = None) -> set[int]:
        """As graph.store.ports.Store.write_jobs; a step that does only this is no commit of its own."""
        return await self._run(self._overlooked, partial(jobs.write_jobs, self._connection, rows, beat))

    async def write_deed(self, deed: Deed) -> None:
        reason, self.reason = self.reason, None
        await self._run(audit.write_deed, self._connection, self.commit, self.at, self.by, reason, deed)

    async def forget_reasons(self, ids: Collection[int]) -> int:
        return await self._run(audit.forget_reasons, self._connection, ids)

    def _overlooked(self, work: Callable[[], T]) -> T:
        changes = self._connection.total_changes
        done = work()
        self.overlooked += self._connection.total_changes - changes
        return done

    async def write_judgement(
        self, judgement: Judgement, digest: bytes, left: Sequence[int], right: Sequence[int], decision: int | None = None
    ) -> int:
        return await self._run(self.writes.write_judgement, judgement, digest, left, right, decision)

    async def write_identifiers(self, fresh: Sequence[Member], flags: Sequence[tuple[int, int, int | None]]) -> None:
        await self._run(self.writes.write_identifiers, fresh, flags)

    async def set_in_force(self, changed: Sequence[tuple[int, bool]]) -> None:
        await self._run(self.writes.set_in_force, changed)

    async def write_links(self, rows: Sequence[LinkRow], gone: Sequence[Pair], before: Mapping[Pair, LinkRow]) -> None:
        await self._run(self.writes.write_links, rows, gone, before)

    async def postpone(self, links: Sequence[tuple[int, int, int]]) -> None:
        await self._run(self.writes.postpone, links)

    async def apply(self, delta: Delta) -> list[int]:
        self._transaction.sleepers |= bool(delta.asleep)
        return await self._run(self.writes.apply, delta)
