"""Reading a store as of an earlier commit, once for all stores: over `History`, which each gives in its own query language.

What is read then is what the store would have answered right after that commit: identity and evidence as they were, judged by the rules of
then. What was erased since is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import lru_cache
from typing import Any, TypeVar

from graph.errors import Expired
from graph.model import Instant
from graph.resolve.rules import Rules
from graph.store.past.history import History, Opened
from graph.store.past.memory import Memory
from graph.store.past.rows import Aside, PastRows
from graph.store.ports import Moment
from graph.store.reading.rows import Rows

__all__ = ["as_of", "moment"]

T = TypeVar("T")
_parsed = lru_cache(maxsize=16)(Rules.parse)


async def moment(history: History, live: Rows, at: Instant) -> Moment | None:
    """The last commit at or before an instant and the rules in force then; None before the first. Expired where the past is not kept."""
    commit = await live.last_commit_until(at)
    found = await _opened(history, commit) if commit else None
    return None if found is None else Moment(commit, found[1])


async def as_of(
    history: History, live: Rows, commit: int, read: Callable[[Rows, Rules], Coroutine[Any, Any, T]], aside: Aside | None = None
) -> T | None:
    """The answer of a read as of a commit; None where there is no such commit. Expired where the past is not kept, TooMuchPast where it
    would take too much of it. `aside`: does long work in memory where it keeps nobody waiting."""
    found = await _opened(history, commit)
    if found is None:
        return None
    opened, rules = found
    memory = Memory(opened.namespaces)
    try:
        memory.commits([(commit, opened.at)])
        return await read(PastRows(history, live, rules, commit, opened, memory, aside), rules)
    finally:
        memory.close()


async def _opened(history: History, commit: int) -> tuple[Opened, Rules] | None:
    """The store at a commit, and the rules in force then."""
    opened = await history.opened(commit)
    if opened is None or opened.rules is None:
        return None
    if commit < opened.kept_from:
        raise Expired("what was believed at that time is not kept: the store holds its past from a later time on")
    return opened, _parsed(opened.rules)
