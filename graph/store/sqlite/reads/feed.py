"""The rows of the feed of changes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from typing import Final

import orjson

from graph.resolve.rules import Rules
from graph.store.reading.rows import Bounds, Row
from graph.store.sqlite.reads.asking import Asking, numbers

__all__ = ["FeedRows", "head"]

_VIEWS: Final = """
SELECT x.seq, c.at, x.kind, x.n, o.one_id, l.one_id, x.cause_kind, x.cause, c.by
FROM json_each(?) j CROSS JOIN change x ON x.seq = j.value
JOIN commits c ON c.n = x.made JOIN one_id o ON o.n = x.n LEFT JOIN one_id l ON l.n = x.leads
"""
_GAINED: Final = "SELECT seq, gained FROM change WHERE seq IN (SELECT value FROM json_each(?))"
_LOST: Final = "SELECT seq, lost FROM change WHERE seq IN (SELECT value FROM json_each(?))"
_FEED: Final = "SELECT seq, kind FROM change WHERE seq > ? ORDER BY seq LIMIT ?"
_OF_ONE_IDS: Final = """
SELECT x.seq, x.kind FROM json_each(?1) j CROSS JOIN change x ON x.seq IN (
    SELECT seq FROM change WHERE n = j.value AND seq > ?2 ORDER BY seq LIMIT ?3
) ORDER BY x.seq LIMIT ?3
"""
_NEWEST_FIRST: Final = """
SELECT json_extract(j.value, '$[0]'), x.seq FROM json_each(?1) j CROSS JOIN change x ON x.seq IN (
    SELECT seq FROM change WHERE n = json_extract(j.value, '$[1]') AND seq < ?2 ORDER BY seq DESC LIMIT ?3
)
"""


class FeedRows(Asking):
    async def changes(self, seqs: Collection[int]) -> list[Row]:
        return self.rows(_VIEWS, numbers(seqs))

    async def moved(self, seqs: Collection[int], gained: bool) -> list[tuple[int, list[int]]]:
        return [(seq, orjson.loads(ids)) for seq, ids in self.rows(_GAINED if gained else _LOST, numbers(seqs))]

    async def feed(self, bounds: Bounds) -> list[tuple[int, str]]:
        return self.rows(_FEED, *bounds)

    async def feed_of(self, ns: Collection[int], bounds: Bounds) -> list[tuple[int, str]]:
        return self.rows(_OF_ONE_IDS, numbers(ns), *bounds)

    async def newest_changes(self, followed: Collection[tuple[int, int]], before: int, most: int) -> list[tuple[int, int]]:
        return self.rows(_NEWEST_FIRST, json.dumps(list(followed)), before, most)


def head(conn: sqlite3.Connection, rules: Rules) -> tuple[int, int]:
    """The last commit and the last position of the feed; 0 where there is none."""
    commit, seq = conn.execute("SELECT (SELECT max(n) FROM commits), (SELECT max(seq) FROM change)").fetchone()
    return commit or 0, seq or 0
