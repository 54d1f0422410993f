"""The past of a Neo4j store: graph.store.past.history.History, over the statements of one read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import orjson

from graph.model import Identifier, Instant, RecordKey
from graph.store.neo4j import cypher_history as cypher
from graph.store.neo4j.reads.asking import Asking, pairs_of, sayable
from graph.store.neo4j.reads.watch import Torn
from graph.store.neo4j.rows import WITHDRAWN, identifier_of
from graph.store.past.history import Acted, Ends, Lived, Named, Opened, Said, Span, Stood, Was
from graph.store.ports import Pair

__all__ = ["Neo4jHistory"]


class Neo4jHistory(Asking):
    async def opened(self, commit: int) -> Opened | None:
        row = await self.ask(cypher.OPENED, commit=commit)
        if row is None:
            return None
        kept_from, at, position, toml, namespaces = row
        return Opened(kept_from or 0, at, position or 0, toml, tuple((no, name) for no, name in namespaces))

    async def times(self, commits: Collection[int]) -> list[tuple[int, Instant]]:
        return [(n, at) for n, at in await self.ask(cypher.TIMES, commits=sorted(commits))]

    # ------------------------------------------------------------ identity

    async def named(self, identifiers: Sequence[Identifier]) -> list[int]:
        found: list[int] = await self.ask(cypher.IDS_OF, identifiers=pairs_of(identifiers))
        return found

    async def identifiers(self, ids: Collection[int], commit: int) -> list[Was]:
        return [_was(row, commit) for row in await self.ask(cypher.IDENTIFIERS_THEN, ids=sorted(ids), commit=commit)]

    async def members(self, ns: Collection[int], commit: int) -> list[Was]:
        return [_was(row, commit) for row in await self.ask(cypher.MEMBERS_THEN, ns=sorted(ns), commit=commit)]

    async def one_ids(self, ns: Collection[int], texts: Sequence[str], position: int) -> list[Named]:
        rows = await self.ask(cypher.ONE_IDS_THEN, ns=sorted(ns), texts=sayable(texts), position=position)
        return [Named(*row) for row in rows]

    async def led(self, ns: Collection[int], position: int, most: int) -> list[int]:
        found: list[int] = await self.ask(cypher.LED, ns=sorted(ns), position=position, most=most)
        return found

    # ------------------------------------------------------------ evidence

    async def carrying(self, ids: Collection[int], commit: int, most: int) -> list[Lived]:
        return [_lived(row) for row in await self.ask(cypher.CARRYING, ids=sorted(ids), commit=commit, most=most)]

    async def carrying_both(self, pairs: Collection[Pair], commit: int, most: int) -> list[Lived]:
        asked = [list(pair) for pair in sorted(pairs)]
        return [_lived(row) for row in await self.ask(cypher.CARRYING_BOTH, pairs=asked, commit=commit, most=most)]

    async def versions(self, ids: Collection[int], commit: int) -> list[Lived]:
        return [_lived(row) for row in await self.ask(cypher.VERSIONS_THEN, ids=sorted(ids), commit=commit)]

    async def stood(self, pairs: Collection[Pair], commit: int) -> list[Stood]:
        asked = [list(pair) for pair in sorted(pairs)]
        return [Stood(*row) for row in await self.ask(cypher.STOOD, pairs=asked, commit=commit)]

    async def said(self, ids: Collection[int], commit: int, most: int) -> list[Said]:
        return [_said(row, commit) for row in await self.ask(cypher.SAID_OF, ids=sorted(ids), commit=commit, most=most)]

    async def judgements(self, ids: Collection[int], commit: int) -> list[Said]:
        return [_said(row, commit) for row in await self.ask(cypher.SAID_AS, ids=sorted(ids), commit=commit)]

    async def acted(self, ids: Collection[int], commit: int, most: int) -> list[Acted]:
        return [Acted(*row) for row in await self.ask(cypher.ACTED, ids=sorted(ids), commit=commit, most=most)]

    async def interacted(self, ids: Collection[int], commit: int) -> list[tuple[int, int]]:
        return [(id, last) for id, last in await self.ask(cypher.INTERACTED, ids=sorted(ids), commit=commit)]


def _was(row: Sequence[Any], commit: int) -> Was:
    id, namespace, value, made, profile, shared, groups, group = row
    told = _until(groups, commit)
    then = group if told is None else None if told < 0 else told
    return Was(id, Identifier(namespace, value), made, profile, shared, then)


def _until(told: Sequence[int] | None, commit: int) -> int | None:
    """What was so at a commit, from a list [commit that ended it, what was so until then, …] in order; None: what is so now."""
    return next((was for ended, was in _pairs(told) if ended > commit), None)


def _pairs(flat: Sequence[int] | None) -> list[tuple[int, int]]:
    return list(zip(flat[::2], flat[1::2], strict=True)) if flat else []


def _lived(row: Sequence[Any]) -> Lived:
    id, source, record, observed, recorded, score, ids, traits, made, state, since, ended, unlinked, before, marked, alone, read = row
    if recorded is None:
        raise Torn
    marks: list[Span] = [*_pairs(marked)]
    if unlinked is not None:
        marks.append((unlinked, None))
    spans = _spans(_pairs(before), since or made, ended)
    return Lived(
        id,
        RecordKey(source, record),
        observed,
        recorded,
        score,
        tuple(ids),
        traits,
        made,
        spans,
        tuple(marks),
        state == WITHDRAWN,
        alone,
        tuple(_reread(read or ())),
    )


def _reread(flat: Sequence[int]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """From [commit that ended it, how many, identifiers carried until then …, …]."""
    place = 0
    while place < len(flat):
        until, count = flat[place : place + 2]
        yield until, tuple(flat[place + 2 : place + 2 + count])
        place += 2 + count


def _said(row: Sequence[Any], commit: int) -> Said:
    id, kind, a, b, raw, at, by, reason, with_a, with_b, made, since, ended, in_force, forced, before, read = row
    told = _until(forced, commit)
    sent, spans = tuple(map(identifier_of, raw)), _spans(_pairs(before), since or made, ended)
    then = in_force if told is None else bool(told)
    ends_before = ((until, Ends(a, b, tuple(more), tuple(others))) for until, a, b, more, others in map(orjson.loads, read or ()))
    left, right = tuple(with_a or ()), tuple(with_b or ())
    return Said(id, kind, a, b, sent, at, by, reason, left, right, made, spans, then, tuple(ends_before))


def _spans(before: Iterable[tuple[int, int]], since: int, ended: int | None) -> tuple[Span, ...]:
    """When something counted: the spans on record, and the last one unless it is there."""
    spans: dict[int, Span] = {begun: (begun, until) for begun, until in before}
    spans.setdefault(since, (since, ended))
    return tuple(spans.values())
