"""The rows of fragments: versions of records, and the newest of profiles."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Final

from graph.model import Instant, RecordKey
from graph.store.reading.rows import Newest, Version
from graph.store.sqlite.reads import newest
from graph.store.sqlite.reads.asking import Asking
from graph.views import ProfileView

__all__ = ["FragmentRows"]

_OF_RECORD: Final = """
SELECT v.id FROM (SELECT json_extract(?1, '$[0]') AS name, json_extract(?1, '$[1]') AS record) k
JOIN source s ON s.name = k.name JOIN version v ON v.source = s.no AND v.record = k.record
ORDER BY v.state = 0 DESC, v.state = 2 DESC, v.id DESC LIMIT 1
"""


class FragmentRows(Asking):
    async def versions(self, ids: Collection[int]) -> list[Version]:
        return newest.versions(self, ids)

    async def version_of(self, key: RecordKey) -> int | None:
        rows = self.rows(_OF_RECORD, json.dumps(key))
        return int(rows[0][0]) if rows else None

    async def newest(self, views: Sequence[ProfileView], most: int, after: tuple[Instant, int]) -> dict[int, Newest]:
        return newest.newest(self, views, most, after)

    async def newest_told(self, views: Sequence[ProfileView], most: int) -> tuple[dict[int, list[int]], dict[int, Version]]:
        return newest.newest_told(self, views, most)
