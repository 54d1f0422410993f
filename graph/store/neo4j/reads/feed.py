"""The rows of the feed, and what is told of the whole store."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection
from typing import Any, Final

from graph.resolve.rules import Rules
from graph.store.neo4j.reads import cypher_conflicts, cypher_identity
from graph.store.neo4j.reads import cypher_evidence as cypher
from graph.store.neo4j.reads.asking import Asking, Run
from graph.store.neo4j.reads.watch import Torn
from graph.store.reading.contradictions import MOST_PAIRS, contradictions
from graph.store.reading.rows import Bounds, Row
from graph.views import RuleSetView, StatsView

__all__ = ["FeedRows", "head", "rules", "stats"]

_TRIES: Final = 8
_PAUSE: Final = 0.001
_TAIL: Final = 200
"""Entries at the end of the feed that must be visible before its last commit is told."""


class FeedRows(Asking):
    async def changes(self, seqs: Collection[int]) -> list[Row]:
        found = []
        for *row, leads in await self.ask(cypher.CHANGES, seqs=sorted(seqs)):
            if row[1] is None or row[4] is None or (leads is not None and row[5] is None):
                raise Torn
            found.append(row)
        return found

    async def moved(self, seqs: Collection[int], gained: bool) -> list[tuple[int, list[int]]]:
        rows = await self.ask(cypher.GAINED if gained else cypher.LOST, seqs=sorted(seqs))
        return [(seq, ids) for seq, ids in rows]

    async def feed(self, bounds: Bounds) -> list[tuple[int, str]]:
        """Without a gap: an entry that is missing is not visible yet, and those behind it wait for it."""
        whole: list[tuple[int, str]] = []
        for tried in range(_TRIES):
            if tried:
                await asyncio.sleep(_PAUSE * tried)
            last, rows = await self.ask(cypher.FEED, after=bounds.after, most=bounds.most)
            whole = [(seq, kind) for place, (seq, kind) in enumerate(rows, 1) if seq == bounds.after + place]
            if len(whole) == len(rows) and (len(rows) == bounds.most or bounds.after + len(rows) >= last):
                break
        return whole

    async def feed_of(self, ns: Collection[int], bounds: Bounds) -> list[tuple[int, str]]:
        rows = await self.ask(cypher.FEED_OF, ns=sorted(ns), after=bounds.after, most=bounds.most)
        return [(seq, kind) for seq, kind in rows]

    async def newest_changes(self, followed: Collection[tuple[int, int]], before: int, most: int) -> list[tuple[int, int]]:
        rows = await self.ask(cypher.NEWEST_CHANGES, followed=[list(row) for row in followed], before=before, most=most)
        return [(n, seq) for n, seq in rows]


# ---------------------------------------------------------------- of the whole store


async def head(run: Run) -> tuple[int, int]:
    """The last commit that is visible with its entries in the feed, and the last position of the feed."""
    commit = seq = 0
    for tried in range(_TRIES):
        if tried:
            await asyncio.sleep(_PAUSE * tried)
        commit, seq, known, tail = await run(cypher.HEAD, tail=_TAIL)
        if tail == min(seq, _TAIL) and (known or not commit):
            return commit, seq
    return commit - 1, seq


async def rules(run: Run, version: int | None = None) -> RuleSetView | None:
    """A version of the rules, the last one where none is named; None where there is no such version."""
    least, most = (0, 1 << 62) if version is None else (version, version)
    rows = await run(cypher.RULES, least=least, most=most)
    return RuleSetView(*rows[0]) if rows else None


async def stats(run: Run, in_force: Rules) -> StatsView:
    """Exact counts of what is live now: `links` are the accepted ones, `refused_links` all others. Reads every link and profile."""
    refused: Counter[str] = Counter()
    usable: int = await run(cypher.COUNT_USABLE)
    for sort, rule, times in await run(cypher.COUNT_REFUSED):
        refused[rule] += times
        usable -= times if sort == "LINK" else 0
    profiles, largest, contested = await run(cypher.SIZES)
    last: Any = await rules(run)
    return StatsView(
        identifiers=await run(cypher.COUNT_MEMBERSHIPS),
        links=usable,
        refused_links=refused.total(),
        profiles=profiles,
        fragments=await run(cypher.COUNT_ACTIVE),
        largest_profile=largest,
        shared_identifiers=await run(cypher_identity.COUNT_SHARED),
        contested_profiles=contested,
        store="neo4j",
        rules_version=0 if last is None else last.version,
        refused_by=dict(refused),
        contradictions=await _contradictions(run, in_force),
    )


async def _contradictions(run: Run, in_force: Rules) -> dict[str, int]:
    statements = (cypher.CONTRADICTING, cypher.BARRED_CONTRADICTING)
    said = [(id, source, ids) for statement in statements for id, source, ids in await run(statement, most=MOST_PAIRS)]
    if not said:
        return {}
    groups = await run(cypher.GROUPS, ids=sorted({id for _, _, ids in said for id in ids}))
    return contradictions(said, dict(groups), dict(await run(cypher_conflicts.NAMESPACES)), in_force)
