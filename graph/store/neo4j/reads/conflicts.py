"""The rows of conflicts: links refused while profiles were built, in the order of their index, and what was put off."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from graph.store.neo4j.reads import cypher_conflicts as cypher
from graph.store.neo4j.reads.asking import Asking
from graph.store.neo4j.reads.watch import Torn
from graph.store.neo4j.schema import held_before
from graph.store.reading.rows import Held, Seen, Space
from graph.views import Key

__all__ = ["ConflictRows"]


class ConflictRows(Asking):
    async def namespaces(self) -> list[tuple[int, str]]:
        return [(number, name) for number, name in await self.ask(cypher.NAMESPACES)]

    async def conflicting(self, spaces: Sequence[Space], after: Key, most: int) -> list[Held]:
        found = []
        for p, q, *link in await self.ask(cypher.CONFLICTING, rows=[list(held_before(space, after)) for space in spaces], most=most):
            if p is None or q is None:  # the end of a link is always somebody's
                raise Torn
            held = Held(p, q, Seen(*link))
            self.watch.owned(held.link.a, p)
            self.watch.owned(held.link.b, q)
            found.append(held)
        return found

    async def between(self, pairs: Collection[tuple[int, int]], most: int) -> list[tuple[tuple[int, int], Seen]]:
        self.watch.parted({n for pair in pairs for n in pair})
        rows = await self.ask(cypher.BETWEEN, pairs=[list(pair) for pair in sorted(pairs)], most=most)
        return [((p, q), Seen(*link)) for p, q, *link in rows]

    async def postponed(self, pairs: Collection[tuple[int, int]]) -> list[tuple[int, int, int]]:
        return [(a, b, n) for a, b, n in await self.ask(cypher.POSTPONED, pairs=[list(pair) for pair in sorted(pairs)])]
