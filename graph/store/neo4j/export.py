"""All rows of one kind as of one commit, page by page.

Identifiers and fragments are read as of the commit that was the last one at the start: memberships, marks and versions know since when and
until when they count. A page of identifiers is read under the gate, since outside it half of a move may show; writers go on between pages.
The golden record of a profile has no past: profiles are read in one go while writers wait, into a file that is handed out afterwards.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import orjson

from graph.model import ProfileKind
from graph.resolve.rules import Rules
from graph.store.neo4j import cypher, reads
from graph.store.neo4j.rows import identifier_of
from graph.store.neo4j.writing import Neo4jWriting
from graph.views import Page, ProfileView, Want

__all__ = ["Gate", "fragments", "identifiers", "profiles"]

Gate = Callable[[], AbstractAsyncContextManager[Neo4jWriting]]
"""Opens a step that writes nothing."""

_PAGE: Final = 500
_PROFILES: Final = 100
_IN_MEMORY: Final = 8 << 20
_IDENTIFIER: Final = ("namespace", "value", "one_id", "shared", "first_seen", "last_seen")


async def identifiers(gate: Gate) -> AsyncGenerator[dict[str, Any], None]:
    commit, after = None, 0
    while after is not None:
        async with gate() as step:
            commit = step.commit - 1 if commit is None else commit
            after, rows = await step.ask(cypher.IDENTIFIERS_AS_OF, after=after, most=_PAGE, commit=commit)
        for row in rows:
            yield dict(zip(_IDENTIFIER, row, strict=True))


async def fragments(gate: Gate) -> AsyncGenerator[dict[str, Any], None]:
    commit, after = None, 0
    while after is not None:
        async with gate() as step:
            commit = step.commit - 1 if commit is None else commit
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


async def profiles(gate: Gate, rules: Rules) -> AsyncGenerator[dict[str, Any], None]:
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        async with gate() as step:
            async for row in _profiles(step, rules):
                file.write(orjson.dumps(row) + b"\n")
        file.seek(0)
        for line in file:
            yield orjson.loads(line)


async def _profiles(step: Neo4jWriting, rules: Rules) -> AsyncGenerator[dict[str, Any], None]:
    traits, after = Want("traits"), None
    more = True
    while more:
        page = await reads.profiles(step.ask, rules, Page(_PROFILES, after), (traits,))
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
