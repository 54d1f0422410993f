"""Reading, written once for all stores: the methods of `Reads` over `Rows`, which each store gives in its own query language.

Each function takes the rows of one trip, and the rules in force, which decide whom facts belong to; then what the method of the same name
takes, but no token.
"""

from __future__ import annotations

from graph.store.reading import holdings, judgements, profile_links, social, traits
from graph.store.reading.audit import audit
from graph.store.reading.conflicts import conflicts
from graph.store.reading.explain import explain
from graph.store.reading.feed import changes
from graph.store.reading.fragments import fragment
from graph.store.reading.identifiers import shared_identifiers
from graph.store.reading.nodes import nodes
from graph.store.reading.profiles import profiles, profiles_by
from graph.store.reading.search import search
from graph.store.reading.social import path
from graph.store.reading.trip import at_once

__all__ = [
    "at_once",
    "audit",
    "changes",
    "conflicts",
    "explain",
    "fragment",
    "nodes",
    "path",
    "profiles",
    "profiles_by",
    "search",
    "shared_identifiers",
]

_PARTS = (holdings, judgements, profile_links, social, traits)
"""Modules that only enter parts of profiles."""
