"""All rows of one kind as of one commit, page by page.

Identifiers and fragments are read as of the commit that was the last one at the start: memberships, marks and versions know since when and
until when they count. A page of identifiers is read under the gate, since outside it half of a move may show; writers go on between pages.
What is read from the properties of single nodes (sightings, judgements) needs no gate: they say since when and until when they count.
The golden record of a profile has no past: profiles are read in one go while writers wait, into a file that is handed out afterwards.
"""

from __future__ import annotations

import tempfile
from bisect import bisect_left
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, NamedTuple

import orjson

from graph.model import ProfileKind
from graph.store.in_force import Ruled
from graph.store.neo4j import cypher, cypher_export, reads
from graph.store.neo4j.rows import identifier_of
from graph.store.neo4j.writing import Neo4jWriting
from graph.views import Page, ProfileView, Want

__all__ = [
    "Ask",
    "Gate",
    "Start",
    "fragments",
    "identifiers",
    "interactions",
    "judgements",
    "one_ids",
    "profiles",
    "rules",
    "sightings",
    "start",
]

Gate = Callable[[], AbstractAsyncContextManager[Neo4jWriting]]
"""Opens a step that writes nothing."""
Ask = Callable[..., Awaitable[Any]]
"""Asks one statement outside the gate."""

_PAGE: Final = 500
_LEAN: Final = 5_000
_NO_END: Final = 1 << 62
_ONE_ID: Final = ("order", "one_id", "pin", "closed_into", "leads_to")
_PROFILES: Final = 100
_IN_MEMORY: Final = 8 << 20
_IDENTIFIER: Final = ("namespace", "value", "one_id", "shared", "first_seen", "last_seen", "id")


class Start(NamedTuple):
    """The commit as of which rows are read, the rules in force then, and the last entry of the feed."""

    commit: int
    ruled: Ruled
    position: int


async def start(gate: Gate) -> Start:
    """The last commit, all of which is visible since it was seen under the gate."""
    async with gate() as step:
        return Start(step.commit - 1, step.ruled, step.counters.seq)


async def rules(ruled: Ruled) -> AsyncGenerator[dict[str, Any], None]:
    yield {"version": ruled.version, "toml": ruled.rules.toml}


async def identifiers(gate: Gate, commit: int) -> AsyncGenerator[dict[str, Any], None]:
    after = 0
    while after is not None:
        async with gate() as step:
            after, rows = await step.ask(cypher.IDENTIFIERS_AS_OF, after=after, most=_PAGE, commit=commit)
        for row in rows:
            yield dict(zip(_IDENTIFIER, row, strict=True))


async def fragments(gate: Gate, commit: int) -> AsyncGenerator[dict[str, Any], None]:
    after = 0
    while after is not None:
        async with gate() as step:
            after, rows = await step.ask(cypher.FRAGMENTS_AS_OF, after=after, most=_PAGE, commit=commit)
        for source, record, observed, raw, traits, score in rows:
            yield {
                "source": source,
                "id": record,
                "observedAt": observed,
                "identifiers": [identifier_of(text)._asdict() for text in raw],
                "traits": None if traits is None else orjson.loads(traits),
                "score": score,
            }


async def sightings(ask: Ask, commit: int) -> AsyncGenerator[dict[str, Any], None]:
    after = 0
    while after is not None:
        after, rows = await ask(cypher_export.SIGHTINGS_AS_OF, after=after, most=_LEAN, commit=commit)
        for observed, score, raw, unlinked in rows:
            sent = [text.split(":", 1) for text in raw]
            for one in [[end] for end in sent] if unlinked else [sent]:
                yield {"observed": observed, "score": score, "identifiers": one}


async def judgements(ask: Ask, commit: int) -> AsyncGenerator[dict[str, Any], None]:
    after = 0
    while after is not None:
        after, rows = await ask(cypher_export.JUDGEMENTS_AS_OF, after=after, most=_PAGE, commit=commit)
        for kind, raw, at, by, reason, *further in rows:
            a, b = ([sent, *more] for sent, more in zip(raw, further, strict=True))
            yield {"judgement": kind, "a": a, "b": b, "at": at, "by": by, "reason": reason}


async def interactions(gate: Gate, commit: int) -> AsyncGenerator[dict[str, Any], None]:
    """One that ends after `commit` is either still there when its page is read, or among those that ended since, which come last."""
    pages: list[tuple[int, int]] = []  # up to which number, and the last commit that its page could see
    after = 0
    while after is not None:
        async with gate() as step:
            seen = step.commit - 1
            after, rows = await step.ask(cypher_export.INTERACTIONS_AS_OF, after=after, most=_PAGE, commit=commit)
        pages.append((_NO_END if after is None else after, seen))
        for row in rows:
            yield _interaction(row)
    after = 0
    while after is not None:
        async with gate() as step:
            after, rows = await step.ask(cypher_export.INTERACTIONS_ENDED_SINCE, after=after, most=_PAGE, commit=commit)
        for number, ended, row in rows:
            if pages[bisect_left(pages, (number, 0))][1] >= ended:
                yield _interaction(row)


async def one_ids(gate: Gate, commit: int, position: int) -> AsyncGenerator[dict[str, Any], None]:
    after = 0
    while after is not None:
        async with gate() as step:
            after, rows = await step.ask(cypher_export.ONE_IDS_AS_OF, after=after, most=_PAGE, commit=commit, position=position)
        for row in rows:
            yield dict(zip(_ONE_ID, row, strict=True))


def _interaction(row: list[Any]) -> dict[str, Any]:
    kind, source, record, (origin, target), at, weight = row
    return {"interaction": kind, "source": source, "id": record, "from": origin, "to": target, "at": at, "weight": weight}


async def profiles(gate: Gate, position: Callable[[int], None] | None) -> AsyncGenerator[dict[str, Any], None]:
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        async with gate() as step:
            if position is not None:
                position(step.counters.seq)
            async for row in _profiles(step):
                file.write(orjson.dumps(row) + b"\n")
        file.seek(0)
        for line in file:
            yield orjson.loads(line)


async def _profiles(step: Neo4jWriting) -> AsyncGenerator[dict[str, Any], None]:
    traits, after = Want("traits"), None
    more = True
    while more:
        page = await reads.profiles(step.ask, step.rules, Page(_PROFILES, after), (traits,))
        views = [edge.node for edge in page.edges]
        members: dict[int, list[str]] = defaultdict(list)
        for n, text in await step.ask(cypher.TEXTS, ns=[view.n for view in views]):
            members[n].append(text)
        for view in views:
            yield _profile(view, members[view.n], view.parts[traits.key])
        after, more = page.end, page.has_next


def _profile(view: ProfileView, members: list[str], traits: Any) -> dict[str, Any]:
    return {
        "one_id": view.one_id,
        "kind": ProfileKind(view.kind).value,
        "size": view.size,
        "created_at": view.created_at,
        "updated_at": view.updated_at,
        "identifiers": sorted(members),
        "traits": {trait.key: trait.value for trait in traits},
    }
