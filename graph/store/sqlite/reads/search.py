"""The rows that search looks at: identifiers by their beginning, and versions by the words of names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from graph.model import Identifier
from graph.store.sqlite.reads.asking import Asking

__all__ = ["SearchRows"]

_NAMESPACES: Final = 100
"""Namespaces that no rule declares and that a prefix without namespace is looked for in."""
_SPACES: Final = """
WITH asked (namespace, value) AS (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?1)),
space (no, value) AS (
    SELECT n.no, a.value FROM asked a JOIN namespace n ON n.name = a.namespace
    UNION
    SELECT n.no, a.value FROM asked a
    JOIN (SELECT no FROM namespace WHERE name NOT IN (SELECT value FROM json_each(?2)) ORDER BY no LIMIT ?3) n ON a.namespace = ''
)
"""
_BEGINNING: Final = f"""{_SPACES}
SELECT i.profile, i.value FROM space s CROSS JOIN identifier i ON i.id IN (
    SELECT id FROM identifier
    WHERE namespace = s.no AND value >= s.value AND value < s.value || char(1114111) AND profile IS NOT NULL ORDER BY value LIMIT ?4
)
"""
_EQUAL: Final = f"""{_SPACES}
SELECT i.profile, i.value FROM space s CROSS JOIN identifier i ON i.namespace = s.no AND i.value = s.value AND i.profile IS NOT NULL
LIMIT ?4
"""
_RANGE: Final = "token >= ?1 AND token < ?1 || char(1114111)"
_COUNTS: Final = """
SELECT j.key, (SELECT count(*) FROM (
    SELECT 1 FROM name_token WHERE token >= j.value AND token < j.value || char(1114111) LIMIT ?2
)) FROM json_each(?1) j
"""
_NAMED: Final = "SELECT version FROM name_token WHERE {condition} ORDER BY token, version LIMIT ?2"


class SearchRows(Asking):
    async def beginning(self, prefixes: Sequence[Identifier], most: int) -> list[tuple[int, str]]:
        return self.rows(_BEGINNING, json.dumps(prefixes), self._declared(), _NAMESPACES, most)

    async def equal(self, values: Sequence[Identifier], most: int) -> list[tuple[int, str]]:
        return self.rows(_EQUAL, json.dumps(values), self._declared(), _NAMESPACES, most)

    def _declared(self) -> str:
        return json.dumps([namespace.name for namespace in self.rules.namespaces])

    async def count_names(self, words: Sequence[str], most: int) -> list[tuple[str, int]]:
        return [(words[place], count) for place, count in self.rows(_COUNTS, json.dumps(words), most)]

    async def named(self, word: str, most: int, *, whole: bool) -> list[int]:
        statement = _NAMED.format(condition="token = ?1" if whole else _RANGE)
        return [version for (version,) in self.rows(statement, word, most)]
