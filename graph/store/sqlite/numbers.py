"""Numbers of rows that an erasure may delete. One that was given is never given again: causes, withdrawals and ids name rows by it."""

from __future__ import annotations

import sqlite3
from typing import Final

__all__ = ["keep_numbers", "last_number"]

_TABLES: Final = ("version", "judgement", "interaction")


def last_number(table: str) -> str:
    """SQL for the last number that was given in one of these tables; 0 where none was."""
    kept = f"SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'last_{table}'"
    return f"max(coalesce((SELECT max(id) FROM {table}), 0), coalesce(({kept}), 0))"


def keep_numbers(connection: sqlite3.Connection) -> None:
    """Remember the last numbers, before rows are deleted."""
    for table in _TABLES:
        connection.execute(f"INSERT OR REPLACE INTO meta (key, value) SELECT 'last_{table}', {last_number(table)}")
