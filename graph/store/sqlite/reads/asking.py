"""How reads ask a SQLite connection: one statement, all of its rows. Ids go in as one JSON array."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from graph.model import Identifier
from graph.resolve.rules import Rules
from graph.store.ports import SHARED
from graph.store.reading.rows import Face
from graph.views import ProfileView

__all__ = ["Asking", "faces_of", "numbers", "numbers_of", "pairs_of"]


class Asking:
    """What the rows of all subjects share: a connection inside one read transaction, and the rules in force."""

    def __init__(self, conn: sqlite3.Connection, rules: Rules) -> None:
        self.conn = conn
        self.rules = rules

    def rows(self, sql: str, *args: Any) -> list[Any]:
        """All rows of one statement."""
        return self.conn.execute(sql, args).fetchall()

    def few(self, sql: str, most: int, *args: Any) -> list[Any] | None:
        """All rows of a statement whose last parameter is its limit, if they are no more than `most`."""
        rows = self.rows(sql, *args, most + 1)
        return rows if len(rows) <= most else None


def faces_of(rows: Iterable[Sequence[Any]]) -> list[Face]:
    """Faces from rows of id, namespace, value, flags, group and profile."""
    return [
        Face(id, Identifier(namespace, value), bool(flags & SHARED), id if group is None else group, profile)
        for id, namespace, value, flags, group, profile in rows
    ]


def numbers(ids: Iterable[int]) -> str:
    """Numbers as a JSON array."""
    return f"[{','.join(map(str, ids))}]"


def numbers_of(views: Iterable[ProfileView]) -> str:
    """The numbers of profiles as a JSON array."""
    return numbers(view.n for view in views)


def pairs_of(pairs: Iterable[tuple[int, int]]) -> str:
    """Pairs of numbers as a JSON array."""
    return f"[{','.join(f'[{a},{b}]' for a, b in pairs)}]"
