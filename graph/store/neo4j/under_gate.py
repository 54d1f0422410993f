"""What a step reads under the gate."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

import orjson

from graph.model import FragmentStatus, Identifier, Key, RecordKey
from graph.store.neo4j import cypher
from graph.store.neo4j import cypher_undoing as undoing
from graph.store.neo4j.rows import ACTIVE, STATES, judgement_row, link_of, one_id_row, summary
from graph.store.ports import NAMESPACE_SHIFT, Content, Head, JudgementRow, Known, LinkRow, Member, OneIdRow, Pair, Pin, Sighting, Summary

__all__ = ["Ask", "Post", "UnderGate"]


class Ask(Protocol):
    """Runs one statement of this step and gives its one value."""

    async def __call__(self, statement: str, /, **values: Any) -> Any: ...


class Post(Protocol):
    """Sends one statement of this step that gives nothing, and goes on before it is done."""

    async def __call__(self, statement: str, /, **values: Any) -> None: ...


class UnderGate:
    """The reads of `Writing`; one statement each, whatever is asked for."""

    ask: Ask
    post: Post
    post_evidence: Callable[..., None]
    """As `post`, for new versions: when the server has nothing else to do."""
    withdrawn: set[RecordKey]
    """Records met by `heads` that a withdrawn version stands for."""
    elements: dict[int, str]
    """Element ids as this transaction has met them: of identifiers by id, of profiles by number, which is smaller than any id."""
    link_elements: dict[Pair, str]
    """Those of links that evidence was read for."""
    met: Mapping[bytes, tuple[int, int]]
    """Tombstones among the marks that `heads` was last asked with."""
    summed: dict[int, Summary]
    """Summaries that this step has read and not changed since."""

    async def answered(self, key: Key) -> tuple[bytes, dict[str, Any]] | None:
        row = await self.ask(cypher.ANSWERED, scope=key.scope, key=key.key)
        return (bytes.fromhex(row[0]), orjson.loads(row[1])) if row else None

    async def heads(self, asked: Sequence[Content], marks: Collection[bytes] = ()) -> dict[Content, Head]:
        if not asked:
            return {}
        listed = [[*c.key, c.digest.hex(), place] for place, c in enumerate(asked)]
        if marks:
            rows, met = await self.ask(cypher.HEADS_AND_TOMBSTONES, rows=listed, marks=[mark.hex() for mark in marks])
            self.met = {bytes.fromhex(mark): (erasure, at) for mark, erasure, at in met}
        else:
            rows, self.met = await self.ask(cypher.HEADS, rows=listed), {}
        found: dict[Content, Head] = {}
        marked = [[*asked[row[0]].key, row[0]] for row in rows if row[2] == ACTIVE and row[7]]
        beside = await self._beside(marked) if marked else {}
        for place, version, state, observed, ids, score, equal, unlinked, equal_unlinked in rows:
            live = state == ACTIVE
            status = None
            if equal is not None:
                status = STATES[equal] if live else FragmentStatus.WITHDRAWN
                if live and equal == ACTIVE and equal_unlinked:
                    status = FragmentStatus.UNLINKED
            content = asked[place]
            if not live:
                self.withdrawn.add(content.key)
            found[content] = Head(version if live else None, observed, tuple(ids), score, status, live and unlinked, beside.get(place, ()))
        return found

    async def _beside(self, marked: Sequence[Sequence[Any]]) -> dict[int, tuple[tuple[Sighting, bool], ...]]:
        """The earlier versions that count beside one that was reverted, newest first, by the place of what was asked for."""
        found: dict[int, list[tuple[Sighting, bool]]] = {}
        for place, *seen, links in await self.ask(undoing.BESIDE, rows=marked):
            found.setdefault(place, []).append((_sighting((seen[0], seen[1], seen[2], seen[3])), links))
        return {place: tuple(sorted(some, key=lambda one: (-one[0].observed, -one[0].version))) for place, some in found.items()}

    async def active_version(self, key: RecordKey) -> Sighting | None:
        row = await self.ask(cypher.ACTIVE_VERSION, source=key.source, record=key.id)
        return None if row is None else _sighting(row)

    async def identifiers(self, asked: Collection[Identifier]) -> dict[Identifier, Known]:
        if not asked:
            return {}
        listed = list(asked)
        found, profiles = await self.ask(cypher.IDENTIFIERS, rows=[[*identifier, place] for place, identifier in enumerate(listed)])
        self._sum_up(profiles)
        known = {}
        for place, element, *columns in found:
            known[listed[place]] = Known(*columns)
            self.elements[columns[0]] = element
        return known

    async def faces(self, ids: Collection[int]) -> dict[int, Member | None]:
        found: dict[int, Member | None] = {}
        for element, of_profile, *columns in await self._of(cypher.FACES, ids):
            member = found[columns[0]] = Member(*columns)
            self.elements[member.id] = element
            if member.profile:
                self.elements[member.profile] = of_profile
        return found

    async def members(self, profiles: Collection[int]) -> list[Member]:
        if not profiles:
            return []
        element = await self.profile_elements_of(profiles)
        found = []
        for of_identifier, *columns in await self.ask(cypher.MEMBERS, rows=[[element[n], n] for n in profiles]):
            found.append(Member(*columns))
            self.elements[columns[0]] = of_identifier
        return found

    async def summaries(self, profiles: Collection[int]) -> dict[int, Summary]:
        unknown = [n for n in profiles if n not in self.summed]
        if unknown:
            self._sum_up(await self.ask(cypher.SUMMARIES, ns=unknown))
        return {n: self.summed[n] for n in profiles if n in self.summed}

    def _sum_up(self, rows: Iterable[Sequence[Any]]) -> None:
        for element, *columns in rows:
            self.elements[columns[0]] = element
            self.summed[columns[0]] = summary(columns)

    async def links(self, pairs: Collection[Pair]) -> dict[Pair, LinkRow]:
        if not pairs:
            return {}
        element = await self.elements_of(at for pair in pairs for at in pair)
        listed = list(pairs)
        rows = [[element[a], element[b], place] for place, (a, b) in enumerate(listed) if a in element and b in element]
        found = {}
        for place, of_link, barred, properties in await self.ask(cypher.LINKS, rows=rows):
            pair = listed[place]
            found[pair] = link_of(pair[0], pair[1], properties, barred=barred)
            self.link_elements[pair] = of_link
        return found

    async def usable_links(self, ids: Collection[int]) -> list[LinkRow]:
        return await self._links_at(cypher.USABLE_LINKS, ids, barred=False)

    async def barred_links(self, ids: Collection[int]) -> list[LinkRow]:
        return await self._links_at(cypher.BARRED_LINKS, ids, barred=True)

    async def _links_at(self, statement: str, ids: Collection[int], *, barred: bool) -> list[LinkRow]:
        """Links with an end among these, each once: the statement leaves out what it meets from the greater end of two."""
        if not ids:
            return []
        element = await self.elements_of(ids)
        once = list(dict.fromkeys(ids))
        rows = await self.ask(statement, rows=[element[at] for at in once if at in element], ids=once)
        return [link_of(at, far, properties, barred=barred) for at, far, properties in rows]

    async def degrees(self, asked: Collection[Pair], bound: int) -> dict[Pair, tuple[int, int]]:
        found: dict[Pair, tuple[int, int]] = {}
        ahead, limit = list(asked), bound + 1
        while ahead:
            rows = await self.ask(cypher.DEGREES, rows=await self._ranges(ahead), limit=limit)
            ahead = []
            for at, low, groups, single in rows:
                pair = (at, low >> NAMESPACE_SHIFT)
                found[pair] = (groups, single)
                if groups <= bound and single == limit:  # one group may have many members: look further
                    ahead.append(pair)
            limit *= 2
        return {pair: found.get(pair, (0, 0)) for pair in asked}

    async def total_degrees(self, ids: Collection[int], bound: int) -> dict[int, int]:
        if not ids:
            return {}
        element = await self.elements_of(ids)
        rows = await self.ask(cypher.TOTAL_DEGREES, rows=[[element[at], at] for at in ids if at in element])
        return {**dict.fromkeys(ids, 0), **dict(rows)}

    async def rays(self, hubs: Collection[Pair], *, barred: bool) -> dict[Pair, list[LinkRow]]:
        found: dict[Pair, list[LinkRow]] = {hub: [] for hub in hubs}
        if hubs:
            rows = await self.ask(cypher.BARRED_RAYS if barred else cypher.RAYS, rows=await self._ranges(hubs))
            for at, low, far, properties in rows:
                found[at, low >> NAMESPACE_SHIFT].append(link_of(at, far, properties, barred=barred))
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
        found = []
        for element, *columns in await self._of(cypher.PINS, ids):
            self.elements[columns[0]] = element
            found.append(Pin(*columns))
        return found

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

    async def profile_elements_of(self, ns: Iterable[int]) -> dict[int, str]:
        """Element ids, among them those of these profiles."""
        unknown = set(ns).difference(self.elements)
        if unknown:
            self.elements.update(await self.ask(cypher.PROFILE_ELEMENTS, ns=list(unknown)))
        return self.elements

    async def _ranges(self, hubs: Collection[Pair]) -> list[list[Any]]:
        """Identifier, the range of ids of one namespace, and the identifier's element id."""
        element = await self.elements_of(at for at, _ in hubs)
        return [
            [at, namespace << NAMESPACE_SHIFT, (namespace + 1) << NAMESPACE_SHIFT, element[at]] for at, namespace in hubs if at in element
        ]

    async def _of(self, statement: str, ids: Collection[int]) -> Sequence[Any]:
        """Rows about these identifiers, each asked for once."""
        if not ids:
            return ()
        rows: Sequence[Any] = await self.ask(statement, ids=list(dict.fromkeys(ids)))
        return rows


def _sighting(row: Sequence[Any]) -> Sighting:
    version, observed, score, ids = row
    return Sighting(version, observed, score, tuple(ids))
