"""Everything that is read outside the gate: the methods of `Reads` as plain functions.

Each takes a connection inside one read transaction, so that its answer is of one moment, and the rules in force, which decide whom
facts belong to; then what the method of the same name takes, but no token.
"""

from __future__ import annotations

from graph.store.sqlite.reads import holdings, judgements, profile_links, social, traits
from graph.store.sqlite.reads.feed import changes, head
from graph.store.sqlite.reads.fragments import fragment
from graph.store.sqlite.reads.identifiers import shared_identifiers
from graph.store.sqlite.reads.nodes import nodes
from graph.store.sqlite.reads.profiles import profiles, profiles_by
from graph.store.sqlite.reads.search import search
from graph.store.sqlite.reads.social import path
from graph.store.sqlite.reads.stats import rules, stats

__all__ = [
    "changes",
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

_PARTS = (holdings, judgements, profile_links, social, traits)
"""Modules that only enter parts of profiles."""
