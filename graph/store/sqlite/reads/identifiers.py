"""The rows of identifiers: those of profiles, shared ones, and where and when each was seen."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from graph.model import Identifier
from graph.store.ports import NAMESPACE_SHIFT
from graph.store.reading.rows import Bounds, Face, Row
from graph.store.sqlite.reads.asking import Asking, faces_of, numbers, numbers_of
from graph.views import ProfileView

__all__ = ["IdentifierRows"]

# the namespace of one that was erased is told by its id alone
_FACES: Final = """
SELECT i.id, n.name, i.value, i.flags, i.grp, i.profile
FROM json_each(?) j CROSS JOIN identifier i ON i.id = j.value CROSS JOIN namespace n ON n.no = i.id >> 40
"""
_FACES_BY: Final = """
SELECT i.id, n.name, i.value, i.flags, i.grp, i.profile FROM json_each(?) j CROSS JOIN namespace n ON n.name = json_extract(j.value, '$[0]')
CROSS JOIN identifier i ON i.namespace = n.no AND i.value = json_extract(j.value, '$[1]')
"""
# fragments, then interactions either way; an identifier without any is known by a judgement, from when it was made
_SPANS: Final = """
SELECT j.value,
    (SELECT observed FROM carries WHERE identifier = j.value ORDER BY observed LIMIT 1),
    (SELECT observed FROM carries WHERE identifier = j.value ORDER BY observed DESC LIMIT 1),
    (SELECT min(at) FROM interaction WHERE origin = j.value AND state = 0),
    (SELECT max(at) FROM interaction WHERE origin = j.value AND state = 0),
    (SELECT min(at) FROM interaction WHERE target = j.value AND state = 0),
    (SELECT max(at) FROM interaction WHERE target = j.value AND state = 0),
    (SELECT c.at FROM identifier i JOIN commits c ON c.n = i.made WHERE i.id = j.value)
FROM json_each(?) j
"""
_SOURCES: Final = """
SELECT DISTINCT j.value, s.name FROM json_each(?1) j CROSS JOIN source s ON s.no IN (
    SELECT v.source FROM version v WHERE v.id IN (
        SELECT version FROM carries WHERE identifier = j.value ORDER BY observed DESC, version DESC LIMIT ?2
    )
    UNION SELECT source FROM interaction WHERE id IN (
        SELECT id FROM interaction WHERE origin = j.value AND state = 0 ORDER BY at DESC LIMIT ?2
    )
    UNION SELECT source FROM interaction WHERE id IN (
        SELECT id FROM interaction WHERE target = j.value AND state = 0 ORDER BY at DESC LIMIT ?2
    )
) ORDER BY s.name
"""
# nearly always the members of all profiles together are fewer than the pages may hold, and one plain join reads them
_ALL_MEMBERS: Final = """
SELECT i.id, n.name, i.value, i.flags, i.grp, i.profile
FROM json_each(?1) p CROSS JOIN identifier i ON i.profile = p.value AND i.id > ?2 JOIN namespace n ON n.no = i.namespace LIMIT ?3
"""
_MEMBERS: Final = """
SELECT i.id, n.name, i.value, i.flags, i.grp, i.profile
FROM json_each(?1) p CROSS JOIN identifier i ON i.id IN (
    SELECT id FROM identifier WHERE profile = p.value AND id > ?2 ORDER BY id LIMIT ?3
) JOIN namespace n ON n.no = i.namespace
"""
_MEMBERS_OF_NAMESPACES: Final = """
SELECT i.id, n.name, i.value, i.flags, i.grp, i.profile
FROM json_each(?1) p CROSS JOIN json_each(?4) j CROSS JOIN namespace n ON n.name = j.value
CROSS JOIN identifier i ON i.id IN (
    SELECT id FROM identifier WHERE profile = p.value AND id > max(?2, (n.no << 40) - 1) AND id < (n.no + 1) << 40 ORDER BY id LIMIT ?3
)
"""
_COUNTS: Final = """
SELECT p.value, count(*) FROM json_each(?1) p CROSS JOIN json_each(?2) j CROSS JOIN namespace n ON n.name = j.value
CROSS JOIN identifier i ON i.profile = p.value AND i.id >= n.no << 40 AND i.id < (n.no + 1) << 40
GROUP BY p.value
"""
_SHARED: Final = "SELECT id FROM identifier WHERE flags & 1 AND id > ? AND profile IS NOT NULL ORDER BY id LIMIT ?"
_SHARED_OF_NAMESPACES: Final = """
SELECT i.id FROM json_each(?3) j CROSS JOIN namespace n ON n.name = j.value
CROSS JOIN identifier i ON i.id IN (
    SELECT id FROM identifier
    WHERE flags & 1 AND id > max(?1, (n.no << 40) - 1) AND id < (n.no + 1) << 40 AND profile IS NOT NULL ORDER BY id LIMIT ?2
)
"""
_COUNT_SHARED: Final = "SELECT count(*) FROM identifier WHERE flags & 1 AND profile IS NOT NULL"
assert NAMESPACE_SHIFT == 40


class IdentifierRows(Asking):
    async def faces(self, ids: Iterable[int]) -> list[Face]:
        return faces_of(self.rows(_FACES, numbers(ids)))

    async def faces_by(self, identifiers: Sequence[Identifier]) -> list[Face]:
        return faces_of(self.rows(_FACES_BY, json.dumps(identifiers)))

    async def spans(self, ids: Collection[int]) -> list[Row]:
        return self.rows(_SPANS, numbers(ids))

    async def sources(self, ids: Collection[int], sightings: int) -> list[tuple[int, str]]:
        return self.rows(_SOURCES, numbers(ids), sightings)

    async def members(self, views: Sequence[ProfileView], bounds: Bounds) -> list[Face]:
        asked = numbers_of(views)
        few = self.few(_ALL_MEMBERS, bounds.most * len(views), asked, bounds.after)
        return faces_of(self.rows(_MEMBERS, asked, *bounds) if few is None else few)

    async def members_of(self, views: Sequence[ProfileView], namespaces: Sequence[str], bounds: Bounds) -> list[Face]:
        return faces_of(self.rows(_MEMBERS_OF_NAMESPACES, numbers_of(views), *bounds, json.dumps(namespaces)))

    async def count_members_of(self, views: Sequence[ProfileView], namespaces: Sequence[str]) -> list[tuple[int, int]]:
        return self.rows(_COUNTS, numbers_of(views), json.dumps(namespaces))

    async def shared(self, namespaces: Sequence[str] | None, bounds: Bounds) -> list[int]:
        if namespaces is None:
            return [id for (id,) in self.rows(_SHARED, *bounds)]
        return [id for (id,) in self.rows(_SHARED_OF_NAMESPACES, *bounds, json.dumps(namespaces))]

    async def count_shared(self) -> int:
        [(count,)] = self.rows(_COUNT_SHARED)
        return int(count)
