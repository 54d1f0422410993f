"""The rows of ties between people."""

from __future__ import annotations

from typing import Any

from graph.store.neo4j.reads.asking import Asking, sayable
from graph.store.neo4j.reads.cypher_ties import TieStatements, statements_of
from graph.store.reading.rows import Row, TieAsk

__all__ = ["TieRows"]


class TieRows(Asking):
    async def every_tie(self, ask: TieAsk, most: int) -> list[Row]:
        found: list[Row] = await self.ask(_statements(ask).every, most=most, **_values(ask))
        return found

    async def strongest_ties(self, ask: TieAsk, most: int) -> list[Row]:
        found: list[Row] = await self.ask(_statements(ask).strongest, most=most, **_values(ask))
        return found

    async def cut_ties(self, ask: TieAsk, most: int) -> list[int]:
        found: list[int] = await self.ask(_statements(ask).cut, most=most, **_values(ask))
        return found


def _statements(ask: TieAsk) -> TieStatements:
    return statements_of(ask.way, since=ask.since is not None)


def _values(ask: TieAsk) -> dict[str, Any]:
    return {
        "people": list(ask.people),
        "types": None if ask.types is None else sayable(ask.types),
        "among": None if ask.among is None else sorted(ask.among),
        "since": ask.since,
    }
