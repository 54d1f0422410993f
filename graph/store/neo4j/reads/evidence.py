"""The rows of fragments, links, judgements and names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from graph.model import Identifier, Instant, JudgementKind, RecordKey
from graph.resolve.explain import RefusedLink
from graph.store.neo4j.reads import cypher_evidence as cypher
from graph.store.neo4j.reads.asking import Asking, pairs_of, sayable
from graph.store.neo4j.reads.watch import Torn
from graph.store.neo4j.rows import identifier_of
from graph.store.reading.rows import STATES, Judged, Newest, Row, Seen, Version
from graph.views import ProfileView

__all__ = ["EvidenceRows"]

_NAMESPACES: Final = 100


class EvidenceRows(Asking):
    # ------------------------------------------------------------ fragments

    async def versions(self, ids: Collection[int]) -> list[Version]:
        return [_version(row) for row in await self.ask(cypher.VERSIONS, ids=sorted(ids))]

    async def version_of(self, key: RecordKey) -> int | None:
        if len(sayable(key)) < len(key):
            return None
        found: list[int] = await self.ask(cypher.VERSION_OF, source=key.source, record=key.id)
        return found[0] if found else None

    async def newest(self, views: Sequence[ProfileView], most: int, after: tuple[Instant, int]) -> dict[int, Newest]:
        rows = await self.ask(cypher.NEWEST, ns=self.of(views), most=most, observed=after[0], version=after[1])
        found = {view.n: Newest([], more=False) for view in views}
        for n, keys in rows:
            found[n] = Newest([(observed, id) for observed, id in keys], len(keys) >= most)
        return found

    async def newest_told(self, views: Sequence[ProfileView], most: int) -> tuple[dict[int, list[int]], dict[int, Version]]:
        met: dict[int, list[tuple[Instant, int]]] = {view.n: [] for view in views}
        found: dict[int, Version] = {}
        for n, row, carried in await self.ask(cypher.NEWEST_TOLD, ns=self.of(views), most=most):
            version = _version(row)
            if version.id not in found:
                found[version.id] = version
                self.met(carried)
            met[n].append((version.observed, version.id))
        return {n: [id for _, id in sorted(some, reverse=True)] for n, some in met.items()}, found

    # ------------------------------------------------------------ links

    async def links(self, pairs: Collection[tuple[int, int]]) -> list[Seen]:
        return [Seen(*row) for row in await self.ask(cypher.LINKS, pairs=_pairs(pairs))]

    async def judged(self, ids: Collection[int]) -> list[Judged]:
        return [_judged(row) for row in await self.ask(cypher.JUDGED, ids=sorted(ids))]

    async def links_of(self, views: Sequence[ProfileView], after: tuple[int, int], most: int, *, refused: bool) -> list[tuple[int, Seen]]:
        statement = cypher.ALL_OF if refused else cypher.ACCEPTED_OF
        rows = await self.ask(statement, ns=self.of(views), a=after[0], b=after[1], most=most)
        return [(n, Seen(*row)) for n, *row in rows]

    async def judged_of(self, views: Sequence[ProfileView], after: int, most: int) -> list[tuple[int, Judged]]:
        rows = await self.ask(cypher.JUDGED_OF, ns=self.of(views), after=after, most=most)
        return [(n, _judged(row)) for n, *row in rows]

    async def count_links(self, views: Sequence[ProfileView], most: int, *, refused: bool) -> list[tuple[int, int]]:
        statements = (cypher.COUNT_ALL if refused else cypher.COUNT_ACCEPTED, cypher.COUNT_JUDGED)
        rows = [row for statement in statements for row in await self.ask(statement, ns=self.of(views), most=most + 1)]
        return [(n, count) for n, *counts in rows for count in counts]

    async def times_of(self, pairs: Collection[tuple[int, int]]) -> list[tuple[int, int, Instant, Instant]]:
        rows = await self.ask(cypher.TIMES_OF, pairs=_pairs(pairs))
        return [(a, b, first, last) for a, b, first, last in rows if first is not None]

    async def common(
        self, pairs: Collection[tuple[int, int]], before: tuple[Instant, int], most: int
    ) -> list[tuple[int, int, Instant, int]]:
        rows = await self.ask(cypher.COMMON, pairs=_pairs(pairs), observed=before[0], version=before[1], most=most)
        return [(a, b, observed, id) for a, b, observed, id in rows]

    async def joined(self, ns: Collection[int], most: int) -> list[tuple[int, int]] | None:
        self.watch.parted(ns)
        links, same = await self.ask(cypher.JOINED, ns=sorted(ns), most=most + 1)
        return None if len(links) > most else [(a, b) for a, b in links + same]

    async def refused_at(self, ns: Collection[int], most: int) -> list[RefusedLink]:
        self.watch.parted(ns)
        found = []
        for near, far, a, b, inner in await self.ask(cypher.REFUSED_AT, ns=sorted(ns), most=most):
            self.watch.owned(inner, near)
            self.watch.owned(b if inner == a else a, far)
            found.append(RefusedLink(near, far, (a, b)))
        return found

    async def judged_at(self, ns: Collection[int], most: int) -> list[Judged]:
        self.watch.parted(ns)
        found = []
        for *row, with_a, with_b in await self.ask(cypher.JUDGED_AT, ns=sorted(ns), most=most):
            sides = ((row[0], *(with_a or ())), (row[1], *(with_b or ())))
            found.append(_judged(row)._replace(sides=sides))
        return found

    # ------------------------------------------------------------ judgements

    async def judgements(self, ids: Collection[int]) -> list[Row]:
        rows = await self.ask(cypher.JUDGEMENTS, ids=sorted(ids))
        return [(*row[:4], tuple(identifier_of(text) for text in row[4]), *row[5:]) for row in rows]

    async def judgements_of(self, views: Sequence[ProfileView], before: int, most: int) -> list[tuple[int, int]]:
        rows = await self.ask(cypher.JUDGEMENTS_OF, ns=self.of(views), before=before, most=most)
        return [(n, id) for n, id in rows]

    # ------------------------------------------------------------ search

    async def beginning(self, prefixes: Sequence[Identifier], most: int) -> list[tuple[int, str]]:
        rows = await self.ask(cypher.BEGINNING, rows=await self._spaces(prefixes), most=most)
        return [(n, value) for n, value in rows]

    async def equal(self, values: Sequence[Identifier], most: int) -> list[tuple[int, str]]:
        rows = await self.ask(cypher.EQUAL, rows=await self._spaces(values), most=most)
        return [(n, value) for n, value in rows]

    async def _spaces(self, asked: Sequence[Identifier]) -> list[list[str]]:
        """Namespace and value of what is looked for, each once."""
        pairs = pairs_of(asked)
        undeclared: list[str] = []
        if any(not namespace for namespace, _ in pairs):
            declared = [namespace.name for namespace in self.rules.namespaces]
            undeclared = await self.ask(cypher.UNDECLARED, declared=declared, most=_NAMESPACES)
        spaces = [(name, value) for namespace, value in pairs for name in ([namespace] if namespace else undeclared)]
        return [list(space) for space in dict.fromkeys(spaces)]

    async def count_names(self, words: Sequence[str], most: int) -> list[tuple[str, int]]:
        counts: dict[str, int] = dict.fromkeys(words, 0)
        counts.update(await self.ask(cypher.COUNT_NAMES, words=sayable(words), most=most))
        return list(counts.items())

    async def named(self, word: str, most: int, *, whole: bool) -> list[int]:
        if not sayable([word]):
            return []
        found: list[int] = await self.ask(cypher.NAMED_WHOLE if whole else cypher.NAMED, word=word, most=most)
        return found


def _version(row: Row) -> Version:
    id, source, record, observed, recorded, state, ids, traits = row
    if recorded is None:
        raise Torn
    return Version(id, RecordKey(source, record), observed, recorded, STATES[state], tuple(ids), traits)


def _judged(row: Row) -> Judged:
    a, b, id, kind, at, in_force = row
    return Judged(min(a, b), max(a, b), id, JudgementKind(kind), at, in_force)


def _pairs(pairs: Iterable[tuple[int, int]]) -> list[list[Any]]:
    return [list(pair) for pair in pairs]
