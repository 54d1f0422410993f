"""Connections to the one file of an embedded store, and its schema brought up to date."""

from __future__ import annotations

import sqlite3

from graph.errors import StoreBusy, StoreTrouble
from graph.store.sqlite.schema import STEPS

__all__ = ["NO_STORE", "connect", "migrate", "trouble_of"]

NO_STORE = "the store's file is not a OneID store (or is damaged); name another in ONEID_STORE"

_WRITER_CACHE_KIB = 128 * 1024
_READER_CACHE_KIB = 32 * 1024


def connect(path: str, *, read_only: bool = False, busy_seconds: float = 30.0) -> sqlite3.Connection:
    """A connection in autocommit mode; transactions are begun by hand. A writer is durable at every commit (WAL, synchronous FULL)."""
    connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, check_same_thread=False, cached_statements=256)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{_READER_CACHE_KIB if read_only else _WRITER_CACHE_KIB}")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA trusted_schema = OFF")
    if read_only:
        connection.execute("PRAGMA query_only = ON")
    return connection


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema to the newest numbered step; safe when several processes start at once."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        at = connection.execute("PRAGMA user_version").fetchone()[0]
        if at > len(STEPS):
            raise StoreTrouble(f"this store is at schema step {at}, this version of oneid knows {len(STEPS)}; run a newer oneid")
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if ("one_id" in tables) != bool(at) or (tables and not at):
            raise StoreTrouble(NO_STORE)  # a database of somebody else
        for number, step in enumerate(STEPS[at:], at + 1):
            for statement in _statements(step):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> list[str]:
    found, pending = [], ""
    for line in script.splitlines():
        pending += line + "\n"
        if sqlite3.complete_statement(pending):
            found.append(pending.strip())
            pending = ""
    return found


def trouble_of(error: sqlite3.Error) -> StoreTrouble:
    """What a database error means to a caller, without any value in it."""
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreBusy("another writer held the store for too long; send the request again")
    return StoreTrouble(f"the store did not take the request ({name or type(error).__name__}); nothing of it was written")
