"""The whole of a Neo4j store in memory, for audits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from graph.model import ChangeKind, RecordKey
from graph.store.neo4j import cypher
from graph.store.neo4j.rows import judgement_row, link, one_id_row
from graph.store.neo4j.writing import Neo4jWriting
from graph.store.ports import ChangeRow, Everything, LinkRow, Member, Sighting

__all__ = ["everything"]

_PAGE: Final = 2_000


async def everything(step: Neo4jWriting) -> Everything:
    """All that an audit compares, read under the gate: no other way shows a single commit, and writers wait meanwhile."""
    versions: list[tuple[RecordKey, Sighting]] = []
    carried: set[tuple[int, int, int]] = set()
    unlinked: set[int] = set()
    async for source, record, version, observed, score, ids, seen, marked in _pages(step, cypher.EVERY_VERSION):
        versions.append((RecordKey(source, record), Sighting(version, observed, score, tuple(ids))))
        carried.update((at, when, version) for at, when in seen)
        if marked:
            unlinked.add(version)
    return Everything(
        commit=step.commit - 1,
        rules=step.rules.toml,
        namespaces=tuple(step.namespaces()),
        members=[Member(*row) async for row in _pages(step, cypher.EVERY_IDENTIFIER)],
        versions=versions,
        carried=carried,
        unlinked=frozenset(unlinked),
        judgements=[judgement_row(row) async for row in _pages(step, cypher.EVERY_JUDGEMENT)],
        links=sorted([_link(row) async for row in _pages(step, cypher.EVERY_LINK)], key=lambda row: (row.a, row.b)),
        one_ids=[one_id_row(row) async for row in _pages(step, cypher.EVERY_ONE_ID)],
        changes=[
            ChangeRow(n, ChangeKind(kind), tuple(gained), tuple(lost), leads, cause_kind, cause)
            async for n, kind, gained, lost, leads, cause_kind, cause in _pages(step, cypher.EVERY_CHANGE)
        ],
        interactions=sorted([(a, b, kind, weight, at) async for a, b, kind, weight, at in _pages(step, cypher.EVERY_INTERACTION)]),
        buried=tuple([(erasure, at) async for erasure, at in _pages(step, cypher.EVERY_TOMBSTONE)]),
        erasures=frozenset([n async for n in _pages(step, cypher.EVERY_RECEIPT)]),
        ties={(a, b, kind): (n, weight, first, last) async for a, b, kind, n, weight, first, last in _pages(step, cypher.EVERY_TIE)},
    )


async def _pages(step: Neo4jWriting, statement: str) -> AsyncIterator[Any]:
    """Every row of a statement that reads a page by key."""
    after: int | None = 0
    while after is not None:
        last, rows = await step.ask(statement, after=after, most=_PAGE)
        for row in rows:
            yield row
        after = last


def _link(row: list[Any]) -> LinkRow:
    a, b, *columns = row
    found = link(a, b, columns)
    return found._replace(a=a, b=b)  # as it stands, even if it stands the wrong way round
