"""Tests on a real Neo4j server are collected only where ONEID_TEST_STORES names it: `ONEID_TEST_STORES=sqlite,neo4j`."""

from __future__ import annotations

import os

collect_ignore = [] if "neo4j" in os.environ.get("ONEID_TEST_STORES", "") else ["neo4j"]
