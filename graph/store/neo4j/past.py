"""What is read of a Neo4j store as of an earlier commit; as in graph.store.neo4j.reads, but for the commit that each takes first.

None as a whole: there is no such commit. The past does not change, but rows move to the history while it is read, so that one of them may
be met twice or not at all: where a commit came meanwhile, it is read until two answers are equal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from graph.errors import StoreBusy
from graph.model import Identifier, Instant
from graph.resolve.rules import Rules
from graph.store import past, reading
from graph.store.neo4j import reads
from graph.store.neo4j.history import Neo4jHistory
from graph.store.neo4j.reads import Neo4jRows, Run
from graph.store.neo4j.reads.asking import again
from graph.store.ports import Moment
from graph.store.reading.nodes import Node
from graph.store.reading.rows import Rows
from graph.views import ExplanationView, LookUp, ProfileView, Want

__all__ = ["explain", "moment", "nodes", "profiles_by"]

T = TypeVar("T")
_TRIES: Final = 8


async def moment(run: Run, rules: Rules, at: Instant) -> Moment | None:
    return await again(partial(Neo4jRows, run, rules), lambda live: past.moment(Neo4jHistory(run, rules), live, at))


async def _as_of(run: Run, rules: Rules, commit: int, read: Callable[[Rows, Rules], Coroutine[Any, Any, T]]) -> T | None:
    head, _ = await reads.head(run, rules)
    answers: list[T | None] = []
    for _ in range(_TRIES):
        answer = await again(
            partial(Neo4jRows, run, rules),
            lambda live: past.as_of(Neo4jHistory(run, rules), live, commit, read, _aside),
        )
        before, (head, _) = head, await reads.head(run, rules)
        if head == before or (answers and answers[-1] == answer):
            return answer
        answers.append(answer)
    raise StoreBusy("what was asked for changes faster than it can be read; send the request again")


async def _aside(work: Callable[[], None]) -> None:
    """Work in a thread, so that other requests go on; it has ended when this does, also where the caller is cancelled."""
    working = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        raise


async def profiles_by(run: Run, rules: Rules, commit: int, by: Sequence[LookUp], want: Sequence[Want]) -> list[ProfileView | None] | None:
    return await _as_of(run, rules, commit, lambda rows, rules: reading.profiles_by(rows, rules, by, want))


async def nodes(
    run: Run, rules: Rules, commit: int, ids: Sequence[tuple[str, Any]], want: Mapping[str, Sequence[Want]]
) -> list[Node | None] | None:
    return await _as_of(run, rules, commit, lambda rows, rules: reading.nodes(rows, rules, ids, want))


async def explain(run: Run, rules: Rules, commit: int, a: Identifier, b: Identifier, want: Sequence[Want]) -> ExplanationView | None:
    return await _as_of(run, rules, commit, lambda rows, rules: reading.explain(rows, rules, a, b, want))
