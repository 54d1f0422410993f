"""Evidence of a Neo4j store read anew by other rules: what was sent, page by page, and what it names from now on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from graph.store.neo4j import cypher
from graph.store.neo4j import cypher_rereading as rereading
from graph.store.neo4j.erasing import Erasures
from graph.store.neo4j.rows import identifier_of
from graph.store.neo4j.writes import kept
from graph.store.ports import AsSent, Reread, RereadInteraction, RereadJudgement, RereadVersion, SentKind

__all__ = ["Rereadings"]

_AS_SENT: Final[dict[SentKind, str]] = {
    "fragments": rereading.FRAGMENTS_AS_SENT,
    "judgements": rereading.JUDGEMENTS_AS_SENT,
    "interactions": rereading.INTERACTIONS_AS_SENT,
}


class Rereadings(Erasures):
    """The part of `Writing` that other rules need."""

    _turned: set[int]
    """The ends of interactions that count, of the last that were read anew."""

    async def changed_since(self, commit: int) -> list[int]:
        found: list[int] = await self.ask(rereading.CHANGED_SINCE, commit=commit)
        return sorted(found)

    async def as_sent(self, kind: SentKind, after: int, most: int) -> list[AsSent]:
        rows = await self.ask(_AS_SENT[kind], after=after, most=most)
        return [AsSent(id, tuple(map(identifier_of, raw)), None if traits is None else orjson.loads(traits)) for id, raw, traits in rows]

    async def reread(self, reread: Reread) -> set[int]:
        await self._meet_announced()
        await self._reread_versions(reread.versions)
        await self._reread_judgements(reread.judgements)
        if not reread.interactions:
            return set()
        first = self.counters.interaction + 1
        self.counters.interaction += len(reread.interactions)
        await self._reread_interactions(reread.interactions, first)
        return self._turned

    @kept
    async def _reread_versions(self, versions: Sequence[RereadVersion]) -> None:
        rows: list[tuple[Any, ...]] = []
        gone: list[tuple[int, list[int]]] = []
        carries: list[tuple[int, list[int]]] = []
        carried: list[tuple[int, list[int]]] = []
        for row in versions:
            was = [self.commit, len(row.was), *row.was] if row.ids != row.was else None
            rows.append((row.id, list(row.ids), [one.text for one in row.blocked] or None, was))
            left, new = sorted({*row.was} - {*row.ids}), sorted({*row.ids} - {*row.was})
            if row.active and left:
                gone.append((row.id, left))
            if new:
                (carries if row.active else carried).append((row.id, new))
        await self._rows(rereading.REREAD_VERSIONS, rows)
        await self._rows(rereading.REREAD_NO_LONGER, gone, commit=self.commit)
        await self._rows(rereading.REREAD_CARRIES, carries)
        await self._rows(rereading.REREAD_CARRIED, carried, commit=self.commit)
        await self._rows(cypher.END_TOKENS, [(token, row.id) for row in versions for token in sorted(row.tokens_gone)])
        await self._rows(cypher.NEW_TOKENS, [(token, row.id) for row in versions for token in sorted(row.tokens_new)])

    @kept
    async def _reread_judgements(self, judgements: Sequence[RereadJudgement]) -> None:
        rows, ends = [], []
        for said in judgements:
            was, now = said.row, sorted({*said.left, *said.right})
            before = orjson.dumps([self.commit, was.a, was.b, was.with_a, was.with_b]).decode()
            first = [side[0] if side else None for side in (said.left, said.right)]
            further = [list(side[1:]) or None for side in (said.left, said.right)]
            rows.append((was.id, *first, *further, None not in first, [before], now))
            ends.append((was.id, now))
        await self._rows(rereading.REREAD_JUDGEMENTS, rows, commit=self.commit)
        await self._rows(rereading.REREAD_ENDS, ends)

    @kept
    async def _reread_interactions(self, interactions: Sequence[RereadInteraction], first: int) -> None:
        numbered = [[row.id, number, row.origin, row.target] for number, row in enumerate(interactions, first)]
        blocked = [id for id, _, *ends in numbered if None in ends]
        turned = [row for row in numbered if None not in row]
        ties: list[Any] = await self.ask(rereading.BLOCK_INTERACTIONS, ids=blocked, commit=self.commit) if blocked else []
        come: list[Any] = []
        for statement in (rereading.TURN_INTERACTIONS, rereading.TURN_BLOCKED) if turned else ():
            gone, new = await self.ask(statement, rows=turned, commit=self.commit)
            ties += gone
            come += new
        await self._rows(rereading.TIES, _once(come))
        await self._rows(cypher.SUM_TIES, _once([*ties, *come]))
        self._turned = {end for origin, target, _ in come for end in (origin, target)}


def _once(ties: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    return [*dict.fromkeys(tuple(tie) for tie in ties)]
