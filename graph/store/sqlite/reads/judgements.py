"""The rows of judgements."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import orjson

from graph.model import Identifier
from graph.store.reading.rows import Row
from graph.store.sqlite.reads.asking import Asking, numbers, numbers_of
from graph.views import ProfileView

__all__ = ["JudgementRows"]

_BY_NUMBER: Final = """
SELECT id, kind, a, b, raw, at, by, reason, in_force AND ended IS NULL FROM judgement
WHERE id IN (SELECT value FROM json_each(?))
"""
_OF_PROFILES: Final = """
SELECT m.profile, g.id FROM json_each(?1) p CROSS JOIN identifier m ON m.profile = p.value
CROSS JOIN judgement g ON g.id IN (
    SELECT * FROM (SELECT id FROM judgement WHERE a = m.id AND ended IS NULL AND id < ?2 ORDER BY id DESC LIMIT ?3)
    UNION
    SELECT * FROM (SELECT id FROM judgement WHERE b = m.id AND ended IS NULL AND id < ?2 ORDER BY id DESC LIMIT ?3)
    UNION
    SELECT * FROM (SELECT judgement FROM judgement_end WHERE identifier = m.id AND judgement < ?2 ORDER BY judgement DESC LIMIT ?3)
)
"""


class JudgementRows(Asking):
    async def judgements(self, ids: Collection[int]) -> list[Row]:
        rows = self.rows(_BY_NUMBER, numbers(ids))
        return [(*row[:4], tuple(Identifier(*sent) for sent in orjson.loads(row[4])), *row[5:]) for row in rows]

    async def judgements_of(self, views: Sequence[ProfileView], before: int, most: int) -> list[tuple[int, int]]:
        return self.rows(_OF_PROFILES, numbers_of(views), before, most)
