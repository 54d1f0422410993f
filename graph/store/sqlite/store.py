"""The embedded store: one SQLite file, one writer thread behind the gate, a few reader threads beside it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from graph.errors import StoreBusy, StoreTrouble
from graph.model import Identifier, Instant, ProfileKind, RecordKey
from graph.resolve.rules import Rules
from graph.store.gate import Gate
from graph.store.in_force import InForce, Ruled
from graph.store.keys import ErasureKey
from graph.store.ports import Everything, ExportKind, JobRow, Moment, ReceiptRow
from graph.store.reading.explain import unknown
from graph.store.sqlite import past, reads
from graph.store.sqlite.connect import NO_STORE, connect, migrate, trouble_of
from graph.store.sqlite.erasing import read_receipts
from graph.store.sqlite.everything import everything
from graph.store.sqlite.export import export_chunks
from graph.store.sqlite.jobs import read_jobs
from graph.store.sqlite.purging import Purging, unfinished
from graph.store.sqlite.writing import SqliteTransaction, SqliteWriting, now, ruled_by
from graph.views import (
    AuditView,
    ChangeView,
    ConflictView,
    Connection,
    ExplanationView,
    FragmentView,
    IdentifierView,
    JudgementView,
    LinkView,
    LookUp,
    NeighbourhoodView,
    Page,
    ProfileView,
    RuleSetView,
    StatsView,
    Want,
)

__all__ = ["SqliteStore", "open_sqlite"]

P = ParamSpec("P")
T = TypeVar("T")
_READERS = 4
_TOKEN_SECONDS = 5.0
_LOOK_SECONDS = 0.25
_log = logging.getLogger("oneid.store")


@asynccontextmanager
async def open_sqlite(
    path: str, rules: Rules, clock: Callable[[], Instant] = now, erasure_key: ErasureKey | None = None
) -> AsyncIterator[SqliteStore]:
    """Open the store in this file, made if it is not there; `:memory:` is a store of its own that ends with the block.

    `rules` come into force where the store has none yet; otherwise those it has stay, and a difference is logged. `erasure_key`: by default
    in a file beside the store's, named as that with `.erasure-key` behind it; one that ends with the block for a store that does.
    """
    key = erasure_key or (ErasureKey.fresh() if path == ":memory:" else ErasureKey(path=Path(f"{path}.erasure-key")))
    own = _own_folder() if path == ":memory:" else None
    file = str(Path(own) / "store.db") if own else path
    writer = ThreadPoolExecutor(1, "oneid-writer")
    store: SqliteStore | None = None
    try:
        loop = asyncio.get_running_loop()
        connection, known = await loop.run_in_executor(writer, partial(_open, file, rules, clock, durable=own is None))
        store = SqliteStore(file, connection, known, writer, clock, key)
        await store.go_on_purging()
        yield store
    finally:
        if store is not None:
            await store.close()
        writer.shutdown()
        if own:
            shutil.rmtree(own, ignore_errors=True)


def _own_folder() -> str:
    """A folder in memory where the machine has such a place."""
    return tempfile.mkdtemp(prefix="oneid-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)


def _open(path: str, rules: Rules, clock: Callable[[], Instant], *, durable: bool) -> tuple[sqlite3.Connection, InForce]:
    try:
        connection = connect(path)
        try:
            if not durable:
                connection.execute("PRAGMA synchronous = OFF")
            migrate(connection)
            return connection, _rules_in_force(connection, rules, clock)
        except BaseException:
            connection.close()
            raise
    except sqlite3.OperationalError as error:
        if not Path(path).parent.is_dir():
            raise StoreTrouble("the folder of the store's file does not exist; make it, or name another in ONEID_STORE") from error
        raise trouble_of(error) from error
    except sqlite3.DatabaseError as error:
        raise StoreTrouble(NO_STORE) from error


def _rules_in_force(connection: sqlite3.Connection, rules: Rules, clock: Callable[[], Instant]) -> InForce:
    connection.execute("BEGIN IMMEDIATE")
    try:
        row = connection.execute("SELECT version, toml FROM rules ORDER BY version DESC LIMIT 1").fetchone()
        if row is None:
            commit = connection.execute("SELECT coalesce(max(n), 0) + 1 FROM commits").fetchone()[0]
            connection.execute("INSERT INTO commits (n, at, kind) VALUES (?, ?, 'rules')", (commit, clock()))
            connection.execute("INSERT INTO rules (version, toml, made) VALUES (1, ?, ?)", (rules.toml, commit))
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    if row is None or row[1] == rules.toml:
        return InForce(Ruled(1 if row is None else row[0], rules))
    if rules is not Rules.builtin():  # those nobody chose are no news
        _log.warning("the store keeps its own rules (version %d); the rules given at start differ from them and are not used", row[0])
    return InForce(Ruled(row[0], Rules.parse(row[1])))


class SqliteStore:
    """graph.store.ports.Store over one file; opened by `open_sqlite`."""

    def __init__(
        self,
        path: str,
        connection: sqlite3.Connection,
        known: InForce,
        writer: ThreadPoolExecutor,
        clock: Callable[[], Instant],
        erasure_key: ErasureKey,
    ) -> None:
        self.erasure_key = erasure_key
        self.url = f"sqlite:///{Path(path).absolute()}"
        self._path = path
        self._connection = connection
        self._known = known
        self._gate: Gate[SqliteWriting] = Gate(SqliteTransaction(connection, known, writer, clock))
        self._purging = Purging(path, self._gate, clock)
        self._readers = ThreadPoolExecutor(_READERS, "oneid-reader")
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._changed = asyncio.Event()
        self._looking = asyncio.Lock()
        self._seen = (0.0, 0)  # when the last commit was looked up, and its number

    @property
    def in_force(self) -> Rules:
        return self._known.last.rules

    @asynccontextmanager
    async def writing(
        self, kind: str, *, by: str | None = None, reason: str | None = None, apart: bool = False, long: bool = False
    ) -> AsyncIterator[SqliteWriting]:
        async with self._gate.step(apart=apart, long=long) as writing:
            writing.kind, writing.by, writing.reason = kind, by, reason
            yield writing
        if writing.erased:
            self._purging.wake()
        self._seen = (0.0, 0)
        self._changed.set()
        self._changed = asyncio.Event()

    async def close(self) -> None:
        """Close every connection; call it when nothing is under way."""
        await self._purging.close()
        await asyncio.get_running_loop().run_in_executor(None, self._readers.shutdown)
        for connection in self._open:
            connection.close()
        self._connection.close()

    async def read(self, work: Callable[Concatenate[sqlite3.Connection, Rules, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one read in a reader thread, on one snapshot of the store."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, partial(self._snapshot, work, *args, **kwargs))

    def _snapshot(self, work: Callable[Concatenate[sqlite3.Connection, Rules, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            connection = self._reader()
            connection.execute("BEGIN")
            try:
                return work(connection, self._ruled(connection), *args, **kwargs)
            finally:
                connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise trouble_of(error) from error

    def _ruled(self, connection: sqlite3.Connection) -> Rules:
        """The rules of the snapshot that a connection reads."""
        return ruled_by(connection, self._known, *connection.execute("SELECT max(version) FROM rules").fetchone()).rules

    def _reader(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = connect(self._path, read_only=True)
            with self._lock:
                self._open.append(connection)
        return connection

    async def wait_for_change(self, after_commit: int, timeout: float) -> int:
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            changed = self._changed
            commit = await self._last_commit()
            left = deadline - asyncio.get_running_loop().time()
            if commit > after_commit or left <= 0:
                return commit
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, _LOOK_SECONDS)):  # another process may write: look again now and then
                    await changed.wait()

    async def _last_commit(self) -> int:
        """The last commit, looked up once for however many wait for it."""
        async with self._looking:
            now, changed = asyncio.get_running_loop().time(), self._changed
            if now - self._seen[0] < _LOOK_SECONDS:
                return self._seen[1]
            commit, _ = await self.head()
            if changed is self._changed:  # else a write ended meanwhile, and this may be from before it
                self._seen = (now, commit)
            return commit

    async def export(self, kind: ExportKind, *, position: Callable[[int], None] | None = None) -> AsyncIterator[dict[str, Any]]:
        async with contextlib.aclosing(self._exported((kind,), position)) as pages:
            async for _, rows in pages:
                for row in rows:
                    yield row

    def export_pages(self, kinds: Sequence[ExportKind]) -> AsyncGenerator[tuple[ExportKind, list[dict[str, Any]]], None]:
        return self._exported(kinds, None)

    async def _exported(
        self, kinds: Sequence[ExportKind], position: Callable[[int], None] | None
    ) -> AsyncGenerator[tuple[ExportKind, list[dict[str, Any]]], None]:
        loop = asyncio.get_running_loop()
        thread = ThreadPoolExecutor(1, "oneid-export")  # a snapshot of its own, as long as it takes
        connection = await loop.run_in_executor(thread, partial(connect, self._path, read_only=True))
        try:
            await loop.run_in_executor(thread, connection.execute, "BEGIN")
            _, last = await loop.run_in_executor(thread, reads.head, connection, self.in_force)  # the first read makes the snapshot
            rules = await loop.run_in_executor(thread, self._ruled, connection)
            if position is not None:
                position(last)
            for kind in kinds:
                chunks = export_chunks(connection, rules, kind)
                while (rows := await loop.run_in_executor(thread, next, chunks, None)) is not None:
                    yield kind, rows
        finally:
            thread.shutdown()
            connection.close()

    async def jobs(self, ids: Collection[int]) -> dict[int, JobRow]:
        return await self.read(read_jobs, ids)

    async def write_jobs(self, rows: Sequence[JobRow], *, beat: Instant | None = None) -> set[int]:
        async with self._gate.step() as step:
            return await step.write_jobs(rows, beat)

    async def receipts(self, ns: Collection[int]) -> dict[int, ReceiptRow]:
        return await self.read(read_receipts, ns)

    async def tombstones(self) -> list[tuple[bytes, int, int]]:
        return await self.read(lambda connection, rules: connection.execute("SELECT mark, erasure, identifier FROM tombstone").fetchall())

    async def go_on_purging(self) -> None:
        """Take up what another process left of erasures."""
        if await self.read(lambda connection, rules: unfinished(connection)) is not None:
            self._purging.wake()

    async def purged(self, n: int, timeout: float) -> bool:
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            done = self._purging.done
            row = (await self.receipts([n])).get(n)
            left = deadline - asyncio.get_running_loop().time()
            if row is None or row.purged is not None or left <= 0:
                return row is not None and row.purged is not None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, _LOOK_SECONDS)):  # another process may do it
                    await done.wait()

    async def everything(self) -> Everything:
        return await self.read(everything)

    async def _reached(self, token: int | None) -> None:
        """Wait until the commit that a token names is visible."""
        if token is None:
            return
        commit = await self.wait_for_change(token - 1, _TOKEN_SECONDS)
        if commit < token:
            raise StoreBusy("the write that this read waits for is not visible yet; send the request again")

    async def moment(self, at: Instant, *, token: int | None = None) -> Moment | None:
        await self._reached(token)
        return await self.read(past.moment, at)

    async def profiles_by(
        self, by: Sequence[LookUp], want: Sequence[Want], *, token: int | None = None, as_of: int | None = None
    ) -> list[ProfileView | None]:
        await self._reached(token)
        if as_of is not None:
            return await self.read(past.profiles_by, as_of, by, want) or [None] * len(by)
        return await self.read(reads.profiles_by, by, want)

    async def nodes(
        self, ids: Sequence[tuple[str, Any]], want: Mapping[str, Sequence[Want]], *, token: int | None = None, as_of: int | None = None
    ) -> list[ProfileView | IdentifierView | LinkView | FragmentView | JudgementView | ChangeView | ConflictView | AuditView | None]:
        await self._reached(token)
        if as_of is not None:
            return await self.read(past.nodes, as_of, ids, want) or [None] * len(ids)
        return await self.read(reads.nodes, ids, want)

    async def profiles(
        self,
        page: Page,
        want: Sequence[Want],
        *,
        kind: ProfileKind | None = None,
        updated_after: Instant | None = None,
        token: int | None = None,
    ) -> Connection[ProfileView]:
        await self._reached(token)
        return await self.read(reads.profiles, page, want, kind=kind, updated_after=updated_after)

    async def search(
        self,
        prefixes: Sequence[Identifier],
        names: Sequence[str],
        page: Page,
        want: Sequence[Want],
        *,
        whole: bool = False,
        token: int | None = None,
    ) -> Connection[ProfileView]:
        await self._reached(token)
        return await self.read(reads.search, prefixes, names, page, want, whole=whole)

    async def fragment(self, key: RecordKey, want: Sequence[Want], *, token: int | None = None) -> FragmentView | None:
        await self._reached(token)
        return await self.read(reads.fragment, key, want)

    async def shared_identifiers(
        self, page: Page, want: Sequence[Want], *, namespaces: Sequence[str] | None = None, token: int | None = None
    ) -> Connection[IdentifierView]:
        await self._reached(token)
        return await self.read(reads.shared_identifiers, page, want, namespaces=namespaces)

    async def conflicts(
        self,
        page: Page,
        want: Sequence[Want],
        *,
        namespaces: Sequence[str] | None = None,
        min_links: int = 1,
        postponed: bool = False,
        token: int | None = None,
    ) -> Connection[ConflictView]:
        await self._reached(token)
        return await self.read(reads.conflicts, page, want, namespaces=namespaces, min_links=min_links, postponed=postponed)

    async def changes(
        self,
        page: Page,
        want: Sequence[Want],
        *,
        kinds: Sequence[str] | None = None,
        n: int | None = None,
        token: int | None = None,
    ) -> Connection[ChangeView]:
        await self._reached(token)
        return await self.read(reads.changes, page, want, kinds=kinds, n=n)

    async def audit(
        self,
        page: Page,
        *,
        operation: str | None = None,
        by: str | None = None,
        since: Instant | None = None,
        token: int | None = None,
    ) -> Connection[AuditView]:
        await self._reached(token)
        return await self.read(reads.audit, page, operation=operation, by=by, since=since)

    async def path(
        self, origin: LookUp, target: LookUp, max_hops: int, want: Sequence[Want], *, token: int | None = None
    ) -> NeighbourhoodView | None:
        await self._reached(token)
        return await self.read(reads.path, origin, target, max_hops, want)

    async def explain(
        self, a: Identifier, b: Identifier, want: Sequence[Want], *, token: int | None = None, as_of: int | None = None
    ) -> ExplanationView:
        await self._reached(token)
        if as_of is not None:
            return await self.read(past.explain, as_of, a, b, want) or unknown(a, b)
        return await self.read(reads.explain, a, b, want)

    async def rules(self, version: int | None = None) -> RuleSetView | None:
        return await self.read(reads.rules, version)

    async def stats(self) -> StatsView:
        return await self.read(reads.stats)

    async def head(self) -> tuple[int, int]:
        return await self.read(reads.head)
