"""Everything that is read outside the gate of the embedded store: the methods of `Reads` as plain functions.

Each takes a connection inside one read transaction, so that its answer is of one moment, and the rules in force, which decide whom
facts belong to; then what the method of the same name takes, but no token. What is not SQL stands in graph.store.reading.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from graph.resolve.rules import Rules
from graph.store import reading
from graph.store.reading.rows import Rows
from graph.store.sqlite.reads.audit import AuditRows
from graph.store.sqlite.reads.conflicts import ConflictRows
from graph.store.sqlite.reads.feed import FeedRows, head
from graph.store.sqlite.reads.fragments import FragmentRows
from graph.store.sqlite.reads.identifiers import IdentifierRows
from graph.store.sqlite.reads.judgements import JudgementRows
from graph.store.sqlite.reads.links import LinkRows
from graph.store.sqlite.reads.profiles import OneIdRows
from graph.store.sqlite.reads.search import SearchRows
from graph.store.sqlite.reads.stats import rules, stats
from graph.store.sqlite.reads.ties import TieRows

__all__ = [
    "SqliteRows",
    "audit",
    "changes",
    "conflicts",
    "explain",
    "fragment",
    "head",
    "nodes",
    "path",
    "profiles",
    "profiles_by",
    "rules",
    "search",
    "shared_identifiers",
    "stats",
]

P = ParamSpec("P")
T = TypeVar("T")


class SqliteRows(IdentifierRows, OneIdRows, FragmentRows, LinkRows, JudgementRows, FeedRows, SearchRows, TieRows, ConflictRows, AuditRows):
    """graph.store.reading.rows.Rows, of one moment: those of a connection inside one read transaction."""


def _here(
    read: Callable[Concatenate[Rows, Rules, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[sqlite3.Connection, Rules, P], T]:
    """A read over the rows of a connection, which are there without waiting."""

    @wraps(read)
    def here(conn: sqlite3.Connection, rules: Rules, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return reading.at_once(read(SqliteRows(conn, rules), rules, *args, **kwargs))

    return here


audit = _here(reading.audit)
changes = _here(reading.changes)
conflicts = _here(reading.conflicts)
explain = _here(reading.explain)
fragment = _here(reading.fragment)
nodes = _here(reading.nodes)
path = _here(reading.path)
profiles = _here(reading.profiles)
profiles_by = _here(reading.profiles_by)
search = _here(reading.search)
shared_identifiers = _here(reading.shared_identifiers)
