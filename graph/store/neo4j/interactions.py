"""Interactions under the gate: versions like those of fragments, and ties, their sums by pair and type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graph.model import FragmentStatus, RecordKey
from graph.store.neo4j import cypher
from graph.store.neo4j.rows import ACTIVE, STATES, SUPERSEDED, WITHDRAWN
from graph.store.neo4j.writes import Writes, kept
from graph.store.ports import Content, InteractionHead, NewInteraction

__all__ = ["Interactions"]


class Interactions(Writes):
    """Reads and writes of interactions."""

    async def interaction_heads(self, asked: Sequence[Content]) -> dict[Content, InteractionHead]:
        if not asked:
            return {}
        found: dict[Content, InteractionHead] = {}
        rows = await self.ask(cypher.INTERACTION_HEADS, rows=[[*c.key, c.digest.hex()] for c in asked])
        for source, record, digest, version, live, at, origin, target, equal in rows:
            status = None
            if equal is not None:
                status = STATES[equal] if live else FragmentStatus.WITHDRAWN
            content = Content(RecordKey(source, record), bytes.fromhex(digest))
            found[content] = InteractionHead(version if live else None, at, origin, target, status)
        return found

    async def write_interactions(self, versions: Sequence[NewInteraction]) -> None:
        await self._meet_announced()
        first = self.counters.interaction + 1
        self.counters.interaction += len(versions)
        await self._write_interactions(list(enumerate(versions, first)))

    @kept
    async def _write_interactions(self, versions: Sequence[tuple[int, NewInteraction]]) -> None:
        await self._end([v.replaces for _, v in versions if v.replaces is not None], SUPERSEDED)
        for place, state in enumerate(STATES):
            rows = [_interaction(number, v) for number, v in versions if v.state is state]
            if place == ACTIVE:
                await self._rows(cypher.NEW_INTERACTIONS, rows, commit=self.commit)
            else:
                await self._rows(cypher.NEW_ENDED_INTERACTIONS, rows, commit=self.commit, state=place)
        active = [v for _, v in versions if v.state is FragmentStatus.ACTIVE]
        await self._rows(cypher.ADD_TO_TIES, ((v.origin, v.target, v.interaction.type, v.interaction.weight, v.at) for v in active))

    @kept
    async def withdraw_interactions(self, versions: Sequence[int]) -> None:
        await self._end(versions, WITHDRAWN)

    async def _end(self, versions: Sequence[int], state: int) -> None:
        """These active versions no longer count; the ties that they were part of are summed anew."""
        if versions:
            ties = await self.ask(cypher.END_INTERACTIONS, ids=list(versions), state=state, commit=self.commit)
            await self._rows(cypher.SUM_TIES, ties)


def _interaction(number: int, v: NewInteraction) -> tuple[Any, ...]:
    i = v.interaction
    raw = [i.origin.text, i.target.text]
    return (v.origin, v.target, number, i.source, i.id, v.digest.hex(), i.type, v.at, i.at, float(i.weight), raw)
