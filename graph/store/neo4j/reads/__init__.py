"""Everything that is read outside the gate of a Neo4j store: the methods of `Reads` as plain functions.

Each takes `run`, which runs a statement in a read transaction, and the rules in force; then what the method of the same name takes, but no
token. A transaction here is no snapshot: each read checks whether what it met fits together, and is done again where it does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from graph.model import Identifier, Instant, ProfileKind, RecordKey
from graph.resolve.rules import Rules
from graph.store import reading
from graph.store.neo4j.reads import feed as of_the_store
from graph.store.neo4j.reads.asking import Run, again
from graph.store.neo4j.reads.audit import AuditRows
from graph.store.neo4j.reads.conflicts import ConflictRows
from graph.store.neo4j.reads.evidence import EvidenceRows
from graph.store.neo4j.reads.feed import FeedRows
from graph.store.neo4j.reads.identity import IdentityRows
from graph.store.neo4j.reads.ties import TieRows
from graph.store.reading.nodes import Node
from graph.views import (
    AuditView,
    ChangeView,
    ConflictView,
    Connection,
    ExplanationView,
    FragmentView,
    IdentifierView,
    LookUp,
    NeighbourhoodView,
    Page,
    ProfileView,
    RuleSetView,
    StatsView,
    Want,
)

__all__ = [
    "Neo4jRows",
    "Run",
    "audit",
    "changes",
    "conflicts",
    "explain",
    "fragment",
    "head",
    "nodes",
    "path",
    "profiles",
    "profiles_by",
    "rules",
    "search",
    "shared_identifiers",
    "stats",
]


class Neo4jRows(IdentityRows, EvidenceRows, FeedRows, TieRows, ConflictRows, AuditRows):
    """graph.store.reading.rows.Rows, over the statements of one read."""


async def profiles_by(run: Run, rules: Rules, by: Sequence[LookUp], want: Sequence[Want]) -> list[ProfileView | None]:
    return await again(partial(Neo4jRows, run, rules), lambda rows: reading.profiles_by(rows, rules, by, want))


async def nodes(run: Run, rules: Rules, ids: Sequence[tuple[str, Any]], want: Mapping[str, Sequence[Want]]) -> list[Node | None]:
    return await again(partial(Neo4jRows, run, rules), lambda rows: reading.nodes(rows, rules, ids, want))


async def profiles(
    run: Run,
    rules: Rules,
    page: Page,
    want: Sequence[Want],
    *,
    kind: ProfileKind | None = None,
    updated_after: Instant | None = None,
) -> Connection[ProfileView]:
    return await again(
        partial(Neo4jRows, run, rules),
        lambda rows: reading.profiles(rows, rules, page, want, kind=kind, updated_after=updated_after),
    )


async def search(
    run: Run,
    rules: Rules,
    prefixes: Sequence[Identifier],
    names: Sequence[str],
    page: Page,
    want: Sequence[Want],
    *,
    whole: bool = False,
) -> Connection[ProfileView]:
    return await again(partial(Neo4jRows, run, rules), lambda rows: reading.search(rows, rules, prefixes, names, page, want, whole=whole))


async def fragment(run: Run, rules: Rules, key: RecordKey, want: Sequence[Want]) -> FragmentView | None:
    return await again(partial(Neo4jRows, run, rules), lambda rows: reading.fragment(rows, rules, key, want))


async def shared_identifiers(
    run: Run, rules: Rules, page: Page, want: Sequence[Want], *, namespaces: Sequence[str] | None = None
) -> Connection[IdentifierView]:
    return await again(
        partial(Neo4jRows, run, rules), lambda rows: reading.shared_identifiers(rows, rules, page, want, namespaces=namespaces)
    )


async def conflicts(
    run: Run,
    rules: Rules,
    page: Page,
    want: Sequence[Want],
    *,
    namespaces: Sequence[str] | None = None,
    min_links: int = 1,
    postponed: bool = False,
) -> Connection[ConflictView]:
    return await again(
        partial(Neo4jRows, run, rules),
        lambda rows: reading.conflicts(rows, rules, page, want, namespaces=namespaces, min_links=min_links, postponed=postponed),
    )


async def changes(
    run: Run, rules: Rules, page: Page, want: Sequence[Want], *, kinds: Sequence[str] | None = None, n: int | None = None
) -> Connection[ChangeView]:
    return await again(partial(Neo4jRows, run, rules), lambda rows: reading.changes(rows, rules, page, want, kinds=kinds, n=n))


async def audit(
    run: Run, rules: Rules, page: Page, *, operation: str | None = None, by: str | None = None, since: Instant | None = None
) -> Connection[AuditView]:
    return await again(
        partial(Neo4jRows, run, rules), lambda rows: reading.audit(rows, rules, page, operation=operation, by=by, since=since)
    )


async def path(run: Run, rules: Rules, origin: LookUp, target: LookUp, max_hops: int, want: Sequence[Want]) -> NeighbourhoodView | None:
    return await again(partial(Neo4jRows, run, rules), lambda rows: reading.path(rows, rules, origin, target, max_hops, want))


async def explain(run: Run, rules: Rules, a: Identifier, b: Identifier, want: Sequence[Want]) -> ExplanationView:
    return await again(partial(Neo4jRows, run, rules), lambda rows: reading.explain(rows, rules, a, b, want))


async def rules(run: Run, in_force: Rules, version: int | None = None) -> RuleSetView | None:
    return await of_the_store.rules(run, version)


async def stats(run: Run, rules: Rules) -> StatsView:
    return await of_the_store.stats(run, rules)


async def head(run: Run, rules: Rules) -> tuple[int, int]:
    return await of_the_store.head(run)
