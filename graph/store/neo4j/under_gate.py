"""What a step reads under the gate."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Protocol

import orjson

from graph.model import FragmentStatus, Identifier, Key, RecordKey
from graph.store.neo4j import cypher
from graph.store.neo4j.rows import ACTIVE, STATES, judgement_row, link, one_id_row, summary
from graph.store.ports import NAMESPACE_SHIFT, Content, Head, JudgementRow, Known, LinkRow, Member, OneIdRow, Pair, Pin, Sighting, Summary

__all__ = ["Ask", "UnderGate"]


class Ask(Protocol):
    """Runs one statement of this step and gives its one value."""

    async def __call__(self, statement: str, /, **values: Any) -> Any: ...


class UnderGate:
    """The reads of `Writing`; one statement each, whatever is asked for."""

    ask: Ask
    withdrawn: set[RecordKey]
    """Records met by `heads` that a withdrawn version stands for."""
    elements: dict[int, str]
    """Element ids of identifiers, as this transaction has met them."""

    async def answered(self, key: Key) -> tuple[bytes, dict[str, Any]] | None:
        row = await self.ask(cypher.ANSWERED, scope=key.scope, key=key.key)
        return (bytes.fromhex(row[0]), orjson.loads(row[1])) if row else None

    async def heads(self, asked: Sequence[Content]) -> dict[Content, Head]:
        if not asked:
            return {}
        rows = await self.ask(cypher.HEADS, rows=[[*c.key, c.digest.hex()] for c in asked])
        found: dict[Content, Head] = {}
        for source, record, digest, version, state, observed, ids, score, equal in rows:
            live = state == ACTIVE
            status = None
            if equal is not None:
                status = STATES[equal] if live else FragmentStatus.WITHDRAWN
            if not live:
                self.withdrawn.add(RecordKey(source, record))
            content = Content(RecordKey(source, record), bytes.fromhex(digest))
            found[content] = Head(version if live else None, observed, tuple(ids), score, status)
        return found

    async def active_version(self, key: RecordKey) -> Sighting | None:
        row = await self.ask(cypher.ACTIVE_VERSION, source=key.source, record=key.id)
        return None if row is None else _sighting(row)

    async def identifiers(self, asked: Collection[Identifier]) -> dict[Identifier, Known]:
        if not asked:
            return {}
        rows = await self.ask(cypher.IDENTIFIERS, rows=[list(i) for i in asked])
        self.elements.update((row[3], row[2]) for row in rows)
        return {Identifier(namespace, value): Known(*known) for namespace, value, _, *known in rows}

    async def faces(self, ids: Collection[int]) -> dict[int, Member | None]:
        return {row[0]: Member(*row) for row in await self._of(cypher.FACES, ids)}

    async def members(self, profiles: Collection[int]) -> list[Member]:
        if not profiles:
            return []
        return [Member(*row) for row in await self.ask(cypher.MEMBERS, ns=list(profiles))]

    async def summaries(self, profiles: Collection[int]) -> dict[int, Summary]:
        if not profiles:
            return {}
        return {row[0]: summary(row) for row in await self.ask(cypher.SUMMARIES, ns=list(profiles))}

    async def links(self, pairs: Collection[Pair]) -> dict[Pair, LinkRow]:
        if not pairs:
            return {}
        element = await self.elements_of(at for pair in pairs for at in pair)
        rows = await self.ask(cypher.LINKS, rows=[[element[a], element[b]] for a, b in pairs if a in element and b in element])
        return {(a, b): link(a, b, columns) for a, b, *columns in rows}

    async def usable_links(self, ids: Collection[int]) -> list[LinkRow]:
        return _once(await self._of(cypher.USABLE_LINKS, ids))

    async def barred_links(self, ids: Collection[int]) -> list[LinkRow]:
        return _once(await self._of(cypher.BARRED_LINKS, ids))

    async def degrees(self, asked: Collection[Pair], bound: int) -> dict[Pair, tuple[int, int]]:
        found: dict[Pair, tuple[int, int]] = {}
        ahead, limit = list(asked), bound + 1
        while ahead:
            rows = await self.ask(cypher.DEGREES, rows=_ranges(ahead), limit=limit)
            ahead = []
            for at, low, groups, single in rows:
                pair = (at, low >> NAMESPACE_SHIFT)
                found[pair] = (groups, single)
                if groups <= bound and single == limit:  # one group may have many members: look further
                    ahead.append(pair)
            limit *= 2
        return {pair: found.get(pair, (0, 0)) for pair in asked}

    async def total_degrees(self, ids: Collection[int], bound: int) -> dict[int, int]:
        return {**dict.fromkeys(ids, 0), **dict(await self._of(cypher.TOTAL_DEGREES, ids))}

    async def rays(self, hubs: Collection[Pair], *, barred: bool) -> dict[Pair, list[LinkRow]]:
        found: dict[Pair, list[LinkRow]] = {hub: [] for hub in hubs}
        if hubs:
            for at, low, far, *columns in await self.ask(cypher.BARRED_RAYS if barred else cypher.RAYS, rows=_ranges(hubs)):
                found[at, low >> NAMESPACE_SHIFT].append(link(at, far, columns))
        return found

    async def sightings(self, pairs: Collection[Pair]) -> dict[Pair, list[Sighting]]:
        found: dict[Pair, list[Sighting]] = {pair: [] for pair in pairs}
        if pairs:
            for a, b, *row in await self.ask(cypher.SIGHTINGS, rows=[list(pair) for pair in pairs]):
                found[a, b].append(_sighting(row))
        return found

    async def carrying_several(self, ids: Collection[int]) -> list[Sighting]:
        return [_sighting(row) for row in await self._of(cypher.CARRYING_SEVERAL, ids)]

    async def judgements(self, ids: Collection[int]) -> list[JudgementRow]:
        rows = await self._of(cypher.JUDGEMENTS, ids)
        return [judgement_row(row) for row in rows]

    async def judgement_digests(self, digests: Collection[bytes]) -> set[bytes]:
        if not digests:
            return set()
        return {bytes.fromhex(text) for text in await self.ask(cypher.JUDGEMENT_DIGESTS, hashes=[d.hex() for d in digests])}

    async def pins(self, ids: Collection[int]) -> list[Pin]:
        return [Pin(*row) for row in await self._of(cypher.PINS, ids)]

    async def one_id_rows(self, numbers: Collection[int] = (), texts: Collection[str] = ()) -> list[OneIdRow]:
        if not numbers and not texts:
            return []
        return [one_id_row(row) for row in await self.ask(cypher.ONE_ID_ROWS, ns=list(numbers), texts=list(texts))]

    async def one_ids(self, ids: Collection[int]) -> dict[int, str]:
        return dict(await self._of(cypher.ONE_IDS, ids))

    async def unmentioned(self, ids: Collection[int]) -> set[int]:
        return set(ids).difference(await self._of(cypher.MENTIONED, ids))

    async def elements_of(self, ids: Iterable[int]) -> dict[int, str]:
        """Element ids, among them those of these identifiers; one that is not on record has none."""
        unknown = set(ids).difference(self.elements)
        if unknown:
            self.elements.update(await self.ask(cypher.ELEMENTS, ids=list(unknown)))
        return self.elements

    async def _of(self, statement: str, ids: Collection[int]) -> Sequence[Any]:
        """Rows about these identifiers, each asked for once."""
        if not ids:
            return ()
        rows: Sequence[Any] = await self.ask(statement, ids=list(dict.fromkeys(ids)))
        return rows


def _sighting(row: Sequence[Any]) -> Sighting:
    version, observed, score, ids = row
    return Sighting(version, observed, score, tuple(ids))


def _ranges(hubs: Iterable[Pair]) -> list[list[int]]:
    """Identifier, and the range of ids of one namespace."""
    return [[at, namespace << NAMESPACE_SHIFT, (namespace + 1) << NAMESPACE_SHIFT] for at, namespace in hubs]


def _once(rows: Iterable[Sequence[Any]]) -> list[LinkRow]:
    """Links met from one end or from both."""
    found: dict[Pair, LinkRow] = {}
    for at, far, *columns in rows:
        pair = (at, far) if at < far else (far, at)
        if pair not in found:
            found[pair] = link(at, far, columns)
    return list(found.values())
