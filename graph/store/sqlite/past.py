"""What is read of an embedded store as of an earlier commit; as in graph.store.sqlite.reads, but for the commit that each takes first.

None as a whole: there is no such commit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from graph.model import Instant
from graph.resolve.rules import Rules
from graph.store import past, reading
from graph.store.ports import Moment
from graph.store.reading.rows import Rows
from graph.store.sqlite.history import SqliteHistory
from graph.store.sqlite.reads import SqliteRows

__all__ = ["explain", "moment", "nodes", "profiles_by"]

P = ParamSpec("P")
T = TypeVar("T")


def moment(conn: sqlite3.Connection, rules: Rules, at: Instant) -> Moment | None:
    return reading.at_once(past.moment(SqliteHistory(conn, rules), SqliteRows(conn, rules), at))


def _then(
    read: Callable[Concatenate[Rows, Rules, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[sqlite3.Connection, Rules, int, P], T | None]:
    """A read over the rows of a connection as they were at a commit."""

    @wraps(read)
    def then(conn: sqlite3.Connection, rules: Rules, commit: int, /, *args: P.args, **kwargs: P.kwargs) -> T | None:
        history, live = SqliteHistory(conn, rules), SqliteRows(conn, rules)
        return reading.at_once(past.as_of(history, live, commit, lambda rows, rules: read(rows, rules, *args, **kwargs)))

    return then


explain = _then(reading.explain)
nodes = _then(reading.nodes)
profiles_by = _then(reading.profiles_by)
