"""The production store: a Neo4j database behind the same promises as the embedded one."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Concatenate, Final, ParamSpec, TypeVar
from uuid import uuid4

from neo4j import READ_ACCESS, WRITE_ACCESS, AsyncDriver, AsyncSession, Query

from graph.errors import StoreBusy, StoreTrouble
from graph.model import Identifier, Instant, ProfileKind, RecordKey
from graph.resolve.rules import Rules
from graph.store.gate import Gate
from graph.store.in_force import InForce
from graph.store.keys import ErasureKey
from graph.store.neo4j import export as exporting
from graph.store.neo4j import past, reads
from graph.store.neo4j.connect import SIGN_SECONDS, STATEMENT_SECONDS, connected, target_of, tried, within
from graph.store.neo4j.cypher import RULES
from graph.store.neo4j.cypher_erasing import EVERY_MARK, RECEIPTS
from graph.store.neo4j.everything import everything
from graph.store.neo4j.jobs import READ, WRITE, job_row, job_rows
from graph.store.neo4j.marked import Marked, OtherRules, single
from graph.store.neo4j.prepare import prepare
from graph.store.neo4j.reads import Run
from graph.store.neo4j.transaction import Neo4jTransaction, now
from graph.store.neo4j.writing import Neo4jWriting
from graph.store.ports import Everything, ExportKind, JobRow, Moment, ReceiptRow
from graph.store.reading.explain import unknown
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

__all__ = ["Neo4jStore", "open_neo4j"]

P = ParamSpec("P")
T = TypeVar("T")
_LOOK_SECONDS: Final = 0.25
_TOKEN_SECONDS: Final = 5.0
_PAUSE: Final = 0.02
_PAGE: Final = 2_000
_SWITCH_SECONDS: Final = 5.0
"""How long a read waits for other rules to come into force."""
_KILLED_SECONDS: Final = 0.5
"""How long they take at most to do so, as a rule: if it takes longer, who does it may have been killed."""


@asynccontextmanager
async def open_neo4j(
    url: str, rules: Rules, clock: Callable[[], Instant] = now, erasure_key: ErasureKey | None = None
) -> AsyncIterator[Neo4jStore]:
    """Open the store behind `neo4j://user:password@host:7687/database`; an empty database is made one.

    `rules` come into force where the store has none yet; otherwise those it has stay, and a difference is logged. `erasure_key`: without
    one nobody can be erased.
    """
    target = target_of(url)
    async with connected(target) as driver:
        known = await prepare(driver, target.database, rules, clock)
        yield Neo4jStore(driver, target.database, known, clock, url, erasure_key or ErasureKey())


class Neo4jStore:
    """graph.store.ports.Store over one database; opened by `open_neo4j`.

    On a cluster (`neo4j://` and its kin: the driver asks for the routing table): every write goes to the member that leads the database,
    and is acknowledged when most members have it on record. A read without a token goes to any member, which may be a moment behind. A
    token is the number of a commit, so it means the same to every process of the service: a read that carries one goes to the member that
    leads, which has every commit that was acknowledged, and begins when that commit shows there; StoreBusy where it does not within
    `_TOKEN_SECONDS`. Subscriptions read with the token of the commit that they were told of.
    """

    def __init__(
        self,
        driver: AsyncDriver,
        database: str | None,
        known: InForce,
        clock: Callable[[], Instant],
        url: str,
        erasure_key: ErasureKey,
    ) -> None:
        self.erasure_key = erasure_key
        self.url = url
        self._driver = driver
        self._database = database
        self._known = known
        self._clock = clock
        self._gate: Gate[Neo4jWriting] = Gate(Neo4jTransaction(driver, database, known, clock))
        self._changed = asyncio.Event()
        self._clearing = asyncio.Lock()
        self._looking = asyncio.Lock()
        self._seen = (0.0, 0)  # when the last commit was looked up, and its number

    @property
    def in_force(self) -> Rules:
        return self._known.last.rules

    @asynccontextmanager
    async def writing(
        self, kind: str, *, by: str | None = None, reason: str | None = None, apart: bool = False, long: bool = False
    ) -> AsyncIterator[Neo4jWriting]:
        async with self._gate.step(apart=apart, long=long) as writing:
            writing.kind, writing.by, writing.reason = kind, by, reason
            yield writing
        self._seen = (0.0, 0)
        self._changed.set()
        self._changed = asyncio.Event()

    async def read(
        self, work: Callable[Concatenate[Run, Rules, P], Awaitable[T]], token: int | None, /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """One read, on any member of a cluster; with a token on the one that writes, once the write that it names is visible.

        A read whose connection broke begins again, as often as `tried` lets it; so does one while which other rules came into force, by
        those. While they do it waits, a few seconds at most.
        """
        mode = READ_ACCESS if token is None else WRITE_ACCESS

        async def once() -> T:
            ruled = self._known.last
            async with self._session(mode) as session:
                run = Marked(session, ruled.version)
                if token is not None:
                    await self._reached(token, run)
                answer = await work(run, ruled.rules, *args, **kwargs)
                if not run.asked:
                    await run.look()
                return answer

        began, cleared = asyncio.get_running_loop().time(), False
        while True:
            try:
                return await tried(once)
            except OtherRules as other:
                if await self._heard_of(other.version):
                    continue
            mode, waited = WRITE_ACCESS, asyncio.get_running_loop().time() - began  # another member may be behind
            if waited >= _SWITCH_SECONDS:
                raise StoreBusy("other rules come into force just now; send the request again")
            if waited >= _KILLED_SECONDS and not cleared:
                cleared = True
                with contextlib.suppress(TimeoutError, StoreBusy):
                    async with asyncio.timeout(_SWITCH_SECONDS - waited):  # a long step may hold the gate
                        await self._clear()
            await asyncio.sleep(_PAUSE * (0.5 + random.random()))

    async def _heard_of(self, version: int | None) -> bool:
        """Whether these are newer rules than this process knew; now it knows them."""
        if version is None or version <= self._known.last.version:
            return False
        if self._known.find(version) is None:
            toml = await self._bare(RULES, WRITE_ACCESS, version=version)
            self._known.read(version, toml)
        return True

    async def _clear(self) -> None:
        """Who takes the gate sets right what somebody who was killed left to readers; once for all who wait for it here."""
        another = self._clearing.locked()
        async with self._clearing:
            if not another:
                async with self._look():
                    pass

    async def ask(self, statement: str, /, **values: Any) -> Any:
        """One statement outside the gate, by itself, that no rules have to do with: the one value of its one record, None where it gives
        none."""
        return await self._bare(statement, READ_ACCESS, **values)

    async def _bare(self, statement: str, mode: str, /, **values: Any) -> Any:
        async def once() -> Any:
            async with self._session(mode) as session:
                record = await single(session, statement, values)
                return None if record is None else record[0]

        return await tried(once)

    @asynccontextmanager
    async def _session(self, mode: str) -> AsyncIterator[AsyncSession]:
        session = self._driver.session(database=self._database, default_access_mode=mode)
        try:
            yield session
        finally:
            with contextlib.suppress(StoreTrouble):  # of a connection that nobody needs any more
                async with within(SIGN_SECONDS):
                    await session.close()

    async def _reached(self, token: int, run: Run) -> None:
        deadline = asyncio.get_running_loop().time() + _TOKEN_SECONDS
        while (await reads.head(run, self.in_force))[0] < token:
            if asyncio.get_running_loop().time() >= deadline:
                raise StoreBusy("the write that this read waits for is not visible yet; send the request again")
            await asyncio.sleep(_PAUSE)

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
            at = asyncio.get_running_loop().time()
            if at - self._seen[0] >= _LOOK_SECONDS:
                self._seen = (at, (await self.head())[0])
            return self._seen[1]

    async def export(self, kind: ExportKind, *, position: Callable[[int], None] | None = None) -> AsyncIterator[dict[str, Any]]:
        if kind == "profiles":  # they have no past, and are of the moment when they are read
            told = exporting.profiles(self._long_step, position)
        else:
            start = await exporting.start(self._look)
            if position is not None:
                position(start.position)
            told = self._exported(kind, start)
        async with contextlib.aclosing(told) as rows:
            async for row in rows:
                yield row

    async def export_pages(self, kinds: Sequence[ExportKind]) -> AsyncGenerator[tuple[ExportKind, list[dict[str, Any]]], None]:
        start = await exporting.start(self._look)
        for kind in kinds:
            page: list[dict[str, Any]] = []
            async with contextlib.aclosing(self._exported(kind, start)) as rows:
                async for row in rows:
                    page.append(row)
                    if len(page) == _PAGE:
                        yield kind, page
                        page = []
            if page:
                yield kind, page

    def _exported(self, kind: ExportKind, start: exporting.Start) -> AsyncGenerator[dict[str, Any], None]:
        """All rows of a kind as of a commit; profiles, which have no past, as of now."""
        commit, ruled, position = start

        async def ask(statement: str, /, **values: Any) -> Any:
            async def asked(run: Run, rules: Rules) -> Any:
                return await run(statement, **values)

            return await self.read(asked, commit)

        match kind:
            case "profiles":
                return exporting.profiles(self._long_step, None)
            case "sightings":
                return exporting.sightings(ask, commit)
            case "judgements":
                return exporting.judgements(ask, commit)
            case "rules":
                return exporting.rules(ruled)
            case "identifiers":
                return exporting.identifiers(self._look, commit)
            case "interactions":
                return exporting.interactions(self._look, commit)
            case "one_ids":
                return exporting.one_ids(self._look, commit, position)
            case "fragments":
                return exporting.fragments(self._look, commit)

    def _look(self) -> AbstractAsyncContextManager[Neo4jWriting]:
        """The gate, for a step that writes nothing."""
        return self.writing("export")

    async def jobs(self, ids: Collection[int]) -> dict[int, JobRow]:
        return {row[0]: job_row(row) for row in await self.ask(READ, ids=list(ids))}

    async def write_jobs(self, rows: Sequence[JobRow], *, beat: Instant | None = None) -> set[int]:
        async def once() -> Any:
            async with self._session(WRITE_ACCESS) as session, within(STATEMENT_SECONDS):
                values = {**job_rows(rows), "token": uuid4().hex, "beat": beat}
                record = await (await session.run(Query(WRITE, timeout=STATEMENT_SECONDS), values)).single()
                return record[0] if record else ()

        return set(await tried(once))

    async def receipts(self, ns: Collection[int]) -> dict[int, ReceiptRow]:
        return {row[0]: ReceiptRow(*row) for row in await self.ask(RECEIPTS, ns=list(ns))}

    async def tombstones(self) -> list[tuple[bytes, int, int]]:
        found: list[tuple[bytes, int, int]] = []
        rows: Any = [("", 0, 0)]
        while rows := await self.ask(EVERY_MARK, after=rows[-1][0], most=_PAGE):
            found += [(bytes.fromhex(mark), erasure, identifier) for mark, erasure, identifier in rows]
        return found

    async def purged(self, n: int, timeout: float) -> bool:
        return n in await self.receipts([n])  # what is in the graph is all that this process can reach

    async def everything(self) -> Everything:
        async with self._long_step() as step:
            return await everything(step)

    @asynccontextmanager
    async def _long_step(self) -> AsyncIterator[Neo4jWriting]:
        """A step that reads for as long as it takes, and writes nothing; nobody writes meanwhile."""
        transaction = Neo4jTransaction(self._driver, self._database, self._known, self._clock)
        await transaction.begin(long=True)
        try:
            yield await transaction.open_step()
        finally:
            await transaction.rollback()

    async def moment(self, at: Instant, *, token: int | None = None) -> Moment | None:
        return await self.read(past.moment, token, at)

    async def profiles_by(
        self, by: Sequence[LookUp], want: Sequence[Want], *, token: int | None = None, as_of: int | None = None
    ) -> list[ProfileView | None]:
        if as_of is not None:
            return await self.read(past.profiles_by, token, as_of, by, want) or [None] * len(by)
        return await self.read(reads.profiles_by, token, by, want)

    async def nodes(
        self, ids: Sequence[tuple[str, Any]], want: Mapping[str, Sequence[Want]], *, token: int | None = None, as_of: int | None = None
    ) -> list[ProfileView | IdentifierView | LinkView | FragmentView | JudgementView | ChangeView | ConflictView | AuditView | None]:
        if as_of is not None:
            return await self.read(past.nodes, token, as_of, ids, want) or [None] * len(ids)
        return await self.read(reads.nodes, token, ids, want)

    async def profiles(
        self,
        page: Page,
        want: Sequence[Want],
        *,
        kind: ProfileKind | None = None,
        updated_after: Instant | None = None,
        token: int | None = None,
    ) -> Connection[ProfileView]:
        return await self.read(reads.profiles, token, page, want, kind=kind, updated_after=updated_after)

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
        return await self.read(reads.search, token, prefixes, names, page, want, whole=whole)

    async def fragment(self, key: RecordKey, want: Sequence[Want], *, token: int | None = None) -> FragmentView | None:
        return await self.read(reads.fragment, token, key, want)

    async def shared_identifiers(
        self, page: Page, want: Sequence[Want], *, namespaces: Sequence[str] | None = None, token: int | None = None
    ) -> Connection[IdentifierView]:
        return await self.read(reads.shared_identifiers, token, page, want, namespaces=namespaces)

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
        return await self.read(reads.conflicts, token, page, want, namespaces=namespaces, min_links=min_links, postponed=postponed)

    async def changes(
        self,
        page: Page,
        want: Sequence[Want],
        *,
        kinds: Sequence[str] | None = None,
        n: int | None = None,
        token: int | None = None,
    ) -> Connection[ChangeView]:
        return await self.read(reads.changes, token, page, want, kinds=kinds, n=n)

    async def audit(
        self,
        page: Page,
        *,
        operation: str | None = None,
        by: str | None = None,
        since: Instant | None = None,
        token: int | None = None,
    ) -> Connection[AuditView]:
        return await self.read(reads.audit, token, page, operation=operation, by=by, since=since)

    async def path(
        self, origin: LookUp, target: LookUp, max_hops: int, want: Sequence[Want], *, token: int | None = None
    ) -> NeighbourhoodView | None:
        return await self.read(reads.path, token, origin, target, max_hops, want)

    async def explain(
        self, a: Identifier, b: Identifier, want: Sequence[Want], *, token: int | None = None, as_of: int | None = None
    ) -> ExplanationView:
        if as_of is not None:
            return await self.read(past.explain, token, as_of, a, b, want) or unknown(a, b)
        return await self.read(reads.explain, token, a, b, want)

    async def rules(self, version: int | None = None) -> RuleSetView | None:
        return await self.read(reads.rules, None, version)

    async def stats(self) -> StatsView:
        return await self.read(reads.stats, None)

    async def head(self) -> tuple[int, int]:
        return await self.read(reads.head, None)
