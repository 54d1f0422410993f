"""The rows of identifiers and OneIDs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from graph.model import Identifier, Instant
from graph.store.neo4j.reads import cypher_identity as cypher
from graph.store.neo4j.reads.asking import Asking, pairs_of, sayable
from graph.store.neo4j.reads.watch import Torn
from graph.store.ports import NAMESPACE_SHIFT
from graph.store.reading.rows import Bounds, Face, Row
from graph.views import ProfileView

__all__ = ["IdentityRows"]

_EARLIEST: Final = -(1 << 62)


class IdentityRows(Asking):
    # ------------------------------------------------------------ identifiers

    async def faces(self, ids: Iterable[int]) -> list[Face]:
        asked = set(ids)
        if missing := sorted(asked.difference(self._known)):
            self.met(await self.ask(cypher.FACES, ids=missing))
        return [self._known[id] for id in asked if id in self._known]

    async def faces_by(self, identifiers: Sequence[Identifier]) -> list[Face]:
        found = []
        for row in await self.ask(cypher.BY_IDENTIFIER, identifiers=pairs_of(identifiers)):
            found += self.met([row[:6]])
            if row[5] is not None:
                self.view(row[5:])
        return found

    async def spans(self, ids: Collection[int]) -> list[Row]:
        rows = await self.ask(cypher.SPANS, ids=sorted(ids), earliest=_EARLIEST)
        return [(id, first, last, *(at for times in lists for at in times), made) for id, first, last, *lists, made in rows]

    async def sources(self, ids: Collection[int], sightings: int) -> list[tuple[int, str]]:
        rows = await self.ask(cypher.SOURCES, ids=sorted(ids), sightings=sightings, earliest=_EARLIEST)
        return [(id, source) for id, source in rows]

    async def members(self, views: Sequence[ProfileView], bounds: Bounds) -> list[Face]:
        faces = self.met(await self.ask(cypher.MEMBERS, ns=self.of(views), after=bounds.after, most=bounds.most))
        if not bounds.after and len(faces) != sum(min(view.size, bounds.most) for view in views):
            raise Torn
        return faces

    async def members_of(self, views: Sequence[ProfileView], namespaces: Sequence[str], bounds: Bounds) -> list[Face]:
        names = sayable(namespaces)
        return self.met(await self.ask(cypher.MEMBERS_OF, ns=self.of(views), namespaces=names, after=bounds.after, most=bounds.most))

    async def count_members_of(self, views: Sequence[ProfileView], namespaces: Sequence[str]) -> list[tuple[int, int]]:
        rows = await self.ask(cypher.COUNT_MEMBERS_OF, ns=self.of(views), namespaces=sayable(namespaces))
        return [(n, count) for n, count in rows]

    async def shared(self, namespaces: Sequence[str] | None, bounds: Bounds) -> list[int]:
        if namespaces is None:
            found: list[int] = await self.ask(cypher.SHARED, after=bounds.after, most=bounds.most)
        else:
            span = 1 << NAMESPACE_SHIFT
            names = sayable(namespaces)
            found = await self.ask(cypher.SHARED_OF, namespaces=names, after=bounds.after, most=bounds.most, span=span)
        return found

    async def count_shared(self) -> int:
        count: int = await self.ask(cypher.COUNT_SHARED)
        return count

    # ------------------------------------------------------------ OneIDs

    async def by_one_id(self, one_ids: Sequence[str]) -> list[tuple[str, int, int]]:
        rows = [self.view(row) for row in await self.ask(cypher.BY_ONE_ID, one_ids=sayable(one_ids))]
        return [(one_id, n, size) for n, one_id, _, size, *_ in rows]

    async def by_number(self, ns: Sequence[int]) -> list[tuple[int, int]]:
        rows = [self.view(row) for row in await self.ask(cypher.BY_NUMBER, ns=list(ns))]
        return [(n, size) for n, _, _, size, *_ in rows]

    async def by_identifier(self, identifiers: Sequence[Identifier]) -> list[tuple[Identifier, int]]:
        found = []
        for row in await self.ask(cypher.BY_IDENTIFIER, identifiers=pairs_of(identifiers)):
            [face] = self.met([row[:6]])
            if face.profile is not None:
                self.view(row[5:])
                found.append((face.identifier, face.profile))
        return found

    async def leads(self, ns: Collection[int]) -> list[tuple[int, int]]:
        found = []
        for start, n, size, leads in await self.ask(cypher.LEADS, ns=sorted(ns)):
            if size:
                found.append((start, n))
            elif leads is not None:  # its way on is not visible yet
                raise Torn
        return found

    async def leading_here(self, ns: Collection[int], most: int) -> list[tuple[int, int, str]]:
        self.watch.parted(ns)
        rows = await self.ask(cypher.LEADING_HERE, ns=sorted(ns), most=most)
        rows.sort(key=lambda row: (-row[3], -row[1]))
        return [(root, n, one_id) for root, n, one_id, _ in rows]

    async def views(self, ns: Collection[int]) -> list[Row]:
        if missing := sorted(set(ns).difference(self._views)):
            for row in await self.ask(cypher.BY_NUMBER, ns=missing):
                self.view(row)
        return [self._views[n] for n in ns if n in self._views]

    async def everyone(self, bounds: Bounds) -> list[tuple[int, int, str | None]]:
        rows = await self.ask(cypher.EVERYONE, after=bounds.after, most=bounds.most)
        return [(n, size, kind) for n, size, kind in rows]

    async def updated(self, after: tuple[int, int], most: int) -> list[tuple[int, int, str]]:
        rows = await self.ask(cypher.UPDATED, commit=after[0], n=after[1], most=most)
        return [(commit, n, kind) for commit, n, kind in rows]

    async def count_profiles(self) -> int:
        count: int = await self.ask(cypher.COUNT_PROFILES)
        return count

    async def last_commit_until(self, at: Instant) -> int:
        return next(iter(await self.ask(cypher.LAST_COMMIT_UNTIL, at=at)), 0)
