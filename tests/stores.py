"""The kinds of stores that tests run on, all opened in one way, and a loop for tests that open thousands of them.

A kind joins by a name in `KINDS` and a branch in `open_with`, `empty` and `place_of`; every contract and property test, and those of the
service that take a store, then run on it too.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar, TypeVarTuple, Unpack

from graph.model import Instant
from graph.resolve.rules import Rules
from graph.store import open_store
from graph.store.keys import ErasureKey
from graph.store.neo4j.store import open_neo4j
from graph.store.neo4j.transaction import now
from graph.store.ports import Store
from graph.store.sqlite.store import open_sqlite
from tests import neo4j_server

__all__ = ["KINDS", "InlineLoop", "OpenWith", "Run", "empty", "folders_of", "kinds_for", "open_with", "place_of", "version_of"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
NEWEST = "neo4j-2026"


def _kinds() -> tuple[str, ...]:
    if chosen := os.environ.get("ONEID_TEST_STORES"):
        return tuple(chosen.split(","))
    newest = version_of(NEWEST)
    both = os.environ.get("CI") and neo4j_server.given() is None and newest in neo4j_server.versions() and newest != neo4j_server.usual()
    return ("sqlite", "neo4j", NEWEST) if both else ("sqlite", "neo4j")


def version_of(kind: str) -> str:
    """The version of the server behind a kind of store."""
    return [*neo4j_server.LINES][-1] if kind == NEWEST else neo4j_server.usual()


def folders_of(path: Path) -> tuple[str, ...]:
    """The folders below `tests` that lead to a file."""
    return path.relative_to(Path(__file__).parent).parts[:-1]


KINDS = _kinds()
"""ONEID_TEST_STORES says which: `sqlite,neo4j` by default. Where CI is set, and the machine has Java for it, `neo4j-2026` comes along for
the tests of stores themselves: `neo4j` is the line with long support then, and that the newest one."""


def kinds_for(path: Path) -> tuple[str, ...]:
    """The kinds that a test in this file runs on."""
    folders = folders_of(path)
    servers_only = "neo4j" in folders
    return tuple(kind for kind in KINDS if (kind != NEWEST or "store" in folders) and (kind.startswith("neo4j") or not servers_only))


class OpenWith(Protocol):
    """Opens a store of its own that ends with the block, or with `place` the one that is kept there.

    `rules` are a document or its text, the built-in ones by default; `clock` stands in for the machine's.
    """

    def __call__(
        self, rules: Rules | str | None = None, *, place: str | None = None, clock: Callable[[], Instant] | None = None
    ) -> AbstractAsyncContextManager[Store]: ...


class Run(Protocol):
    """Runs a coroutine to its end, for tests that are not coroutines themselves (those of hypothesis)."""

    def __call__(self, work: Coroutine[Any, Any, T], /) -> T: ...


def open_with(kind: str) -> OpenWith:
    """How a kind of store is opened."""
    if kind.startswith("neo4j"):
        return _Neo4j(neo4j_server.wanted(version_of(kind)))
    assert kind == "sqlite"
    return _open_sqlite


async def empty(kind: str) -> str:
    """The URL of an empty store, to be opened once."""
    if kind == "sqlite":
        return "sqlite://:memory:"
    server = neo4j_server.wanted(version_of(kind))
    await neo4j_server.wipe(server)
    return server.uri


def place_of(kind: str, folder: Path) -> str:
    """A place that keeps a store over several openings."""
    return str(folder / "store.db")  # the server has one place: the first to open this one empties it


class _Neo4j:
    """The one database of a server, emptied for every store but one that is at its place already."""

    def __init__(self, server: neo4j_server.Server) -> None:
        self._server = server
        self._place: str | None = None

    @asynccontextmanager
    async def __call__(
        self, rules: Rules | str | None = None, *, place: str | None = None, clock: Callable[[], Instant] | None = None
    ) -> AsyncIterator[Store]:
        if place is None or place != self._place:
            await neo4j_server.wipe(self._server)
        self._place = place
        async with open_neo4j(self._server.uri, _read(rules), clock or now, ErasureKey("7e" * 32)) as store:
            yield store


def _read(rules: Rules | str | None) -> Rules:
    return Rules.parse(rules) if isinstance(rules, str) else rules or Rules.builtin()


def _open_sqlite(
    rules: Rules | str | None = None, *, place: str | None = None, clock: Callable[[], Instant] | None = None
) -> AbstractAsyncContextManager[Store]:
    read = _read(rules)
    if clock is not None:
        return open_sqlite(place or ":memory:", read, clock)
    return open_store(f"sqlite:///{place}" if place else "sqlite://:memory:", read)


class InlineLoop(asyncio.SelectorEventLoop):
    """An event loop that does at once what is meant for a thread: half the time of a step in memory, and the same order every time.

    Nothing happens side by side on it; tests of concurrency run on a usual loop.
    """

    def run_in_executor(self, executor: Any, func: Callable[[Unpack[Ts]], T], *args: *Ts) -> asyncio.Future[T]:
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except BaseException as trouble:  # noqa: BLE001 - whoever awaits it hears of it, as of a thread's
            done.set_exception(trouble)
        return done
