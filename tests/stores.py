"""The kinds of stores that tests run on, all opened in one way, and a loop for tests that open thousands of them.

A kind joins by a line in `KINDS` and a branch in `open_with` and `place_of`; every contract and property test then runs on it too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar, TypeVarTuple, Unpack

from graph.model import Instant
from graph.resolve.rules import Rules
from graph.store import open_store
from graph.store.ports import Store
from graph.store.sqlite.store import open_sqlite

__all__ = ["KINDS", "InlineLoop", "OpenWith", "Run", "open_with", "place_of"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
KINDS = ("sqlite",)


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
    assert kind == "sqlite"
    return _open_sqlite


def place_of(kind: str, folder: Path) -> str:
    """A place that keeps a store over several openings."""
    assert kind == "sqlite"
    return str(folder / "store.db")


def _open_sqlite(
    rules: Rules | str | None = None, *, place: str | None = None, clock: Callable[[], Instant] | None = None
) -> AbstractAsyncContextManager[Store]:
    read = Rules.parse(rules) if isinstance(rules, str) else rules or Rules.builtin()
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
