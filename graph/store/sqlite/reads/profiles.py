"""The rows of OneIDs: looked up, listed, and where they lead."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Final

from graph.model import Identifier, Instant
from graph.store.reading.rows import Bounds, Row
from graph.store.sqlite.reads.asking import Asking, numbers

__all__ = ["OneIdRows"]

_BY_ONE_ID: Final = "SELECT o.one_id, o.n, o.size FROM json_each(?) j CROSS JOIN one_id o ON o.one_id = j.value"
_BY_NUMBER: Final = "SELECT o.n, o.size FROM json_each(?) j CROSS JOIN one_id o ON o.n = j.value"
_BY_IDENTIFIER: Final = """
SELECT n.name, i.value, i.profile
FROM json_each(?) j JOIN namespace n ON n.name = json_extract(j.value, '$[0]')
CROSS JOIN identifier i ON i.namespace = n.no AND i.value = json_extract(j.value, '$[1]')
WHERE i.profile IS NOT NULL
"""
_LEADS: Final = """
WITH RECURSIVE hop (start, n) AS (
    SELECT value, value FROM json_each(?)
    UNION SELECT h.start, o.leads FROM hop h JOIN one_id o ON o.n = h.n WHERE o.size = 0 AND o.leads IS NOT NULL
)
SELECT h.start, h.n FROM hop h CROSS JOIN one_id o ON o.n = h.n WHERE o.size > 0
"""
# one that leads here by way of another was retired before that one was, so the newest of each are enough
_LEADING_HERE: Final = """
WITH RECURSIVE down (root, n, one_id, retired) AS (
    SELECT value, value, NULL, 9223372036854775807 FROM json_each(?1)
    UNION ALL
    SELECT d.root, o.n, o.one_id, coalesce(o.retired, 0) FROM down d CROSS JOIN one_id o
    ON o.n IN (SELECT n FROM one_id WHERE leads = d.n ORDER BY retired DESC, n DESC LIMIT ?2)
    ORDER BY 4 DESC LIMIT 10000
)
SELECT root, n, one_id FROM down WHERE one_id IS NOT NULL ORDER BY retired DESC, n DESC
"""
_VIEWS: Final = """
SELECT o.n, o.one_id, o.kind, o.size, o.updated, (SELECT at FROM commits ORDER BY n DESC LIMIT 1), made.at, changed.at, retired.at
FROM json_each(?) j CROSS JOIN one_id o ON o.n = j.value
JOIN commits made ON made.n = o.made JOIN commits changed ON changed.n = o.updated LEFT JOIN commits retired ON retired.n = o.retired
"""
_EVERYONE: Final = "SELECT n, size, kind FROM one_id WHERE n > ? ORDER BY n LIMIT ?"
_UPDATED: Final = """
SELECT updated, n, kind FROM one_id INDEXED BY one_id_updated WHERE size > 0 AND (updated, n) > (?, ?) ORDER BY updated, n LIMIT ?
"""
_COUNT: Final = "SELECT count(*) FROM one_id INDEXED BY one_id_updated WHERE size > 0"


class OneIdRows(Asking):
    async def by_one_id(self, one_ids: Sequence[str]) -> list[tuple[str, int, int]]:
        return self.rows(_BY_ONE_ID, json.dumps(one_ids))

    async def by_number(self, ns: Sequence[int]) -> list[tuple[int, int]]:
        return self.rows(_BY_NUMBER, numbers(ns))

    async def by_identifier(self, identifiers: Sequence[Identifier]) -> list[tuple[Identifier, int]]:
        return [(Identifier(name, value), n) for name, value, n in self.rows(_BY_IDENTIFIER, json.dumps(identifiers))]

    async def leads(self, ns: Collection[int]) -> list[tuple[int, int]]:
        return self.rows(_LEADS, numbers(ns))

    async def leading_here(self, ns: Collection[int], most: int) -> list[tuple[int, int, str]]:
        return self.rows(_LEADING_HERE, numbers(ns), most)

    async def views(self, ns: Collection[int]) -> list[Row]:
        return self.rows(_VIEWS, numbers(ns))

    async def everyone(self, bounds: Bounds) -> list[tuple[int, int, str | None]]:
        return self.rows(_EVERYONE, *bounds)

    async def updated(self, after: tuple[int, int], most: int) -> list[tuple[int, int, str]]:
        return self.rows(_UPDATED, *after, most)

    async def count_profiles(self) -> int:
        [(count,)] = self.rows(_COUNT)
        return int(count)

    async def last_commit_until(self, at: Instant) -> int:
        """Commits happen in order, so it is found by halving."""
        low, high = 0, self.rows("SELECT coalesce(max(n), 0) FROM commits")[0][0]
        while low < high:
            middle = (low + high + 1) // 2
            last = self.rows("SELECT n, at FROM commits WHERE n <= ? ORDER BY n DESC LIMIT 1", middle)
            if not last or last[0][1] <= at:
                low = middle
            else:
                high = last[0][0] - 1
        return int(low)
