"""Tests of what only Neo4j promises are left out where ONEID_TEST_STORES names no such store."""

from __future__ import annotations

from tests.stores import KINDS

collect_ignore = [] if any(kind.startswith("neo4j") for kind in KINDS) else ["neo4j"]
