"""Every statement outside the gate is explained by a real server: index seeks only, on an empty store and on a filled one."""

from __future__ import annotations

import re
from typing import Any

import pytest
from neo4j import AsyncDriver

from graph.store.neo4j import cypher_history
from graph.store.neo4j.connect import target_of
from graph.store.neo4j.marked import MARK, marked
from graph.store.neo4j.reads import cypher_audit, cypher_conflicts, cypher_evidence, cypher_identity, cypher_ties
from graph.store.neo4j.store import Neo4jStore
from tests import neo4j_server
from tests.graph.store.neo4j.test_plans import SCANS, fill, operators

STATEMENTS: dict[str, str] = {
    name: text
    for module in (cypher_identity, cypher_evidence, cypher_ties, cypher_conflicts, cypher_audit, cypher_history)
    for name, text in module.STATEMENTS.items()
}
LISTS = ("ids", "ns", "one_ids", "identifiers", "namespaces", "pairs", "seqs", "followed", "rows", "words", "people", "declared")
LISTS_OF_THE_PAST = ("commits", "texts")
TEXTS = ("source", "record", "word")


def values(statement: str) -> dict[str, Any]:
    """A value for every parameter."""
    kinds: dict[str, Any] = {name: [] for name in LISTS + LISTS_OF_THE_PAST} | dict.fromkeys(TEXTS, "a") | dict.fromkeys(("types", "among"))
    return {name: kinds.get(name, 3) for name in re.findall(r"\$(\w+)", statement)}


async def plans(driver: AsyncDriver, server: neo4j_server.Server) -> dict[str, dict[str, Any]]:
    """The plan of every statement as it is sent, with the mark that readers go by."""
    found = {}
    async with driver.session(database=target_of(server.uri).database) as session:
        for name, text in [*((name, marked(text)) for name, text in STATEMENTS.items()), ("MARK", MARK)]:
            plan = (await (await session.run(f"EXPLAIN {text}", values(text))).consume()).plan
            assert plan is not None
            found[name] = plan
    return found


def looks(plan: dict[str, Any]) -> bool:
    """Whether a part of a plan meets the mark."""
    return "InForce" in str(plan["args"].get("Details", "")) or any(looks(child) for child in plan.get("children", ()))


@pytest.mark.parametrize("filled", [False, True], ids=["empty", "filled"])
async def test_every_read_is_a_matter_of_index_seeks(
    store: Neo4jStore, driver: AsyncDriver, server: neo4j_server.Server, filled: bool
) -> None:
    if filled:
        await fill(store)
        async with driver.session(database=target_of(server.uri).database) as session:
            await (await session.run("CALL db.resampleOutdatedIndexes()")).consume()
            await (await session.run("CALL db.clearQueryCaches()")).consume()

    scans = {
        name: found for name, plan in (await plans(driver, server)).items() if (found := [o for o in operators(plan) if SCANS.search(o)])
    }

    assert scans == {}
    assert len(STATEMENTS) > 60


async def test_every_read_looks_at_the_mark_when_its_answer_is_known(driver: AsyncDriver, server: neo4j_server.Server) -> None:
    """An Apply computes its left side before its right."""
    found = await plans(driver, server)
    del found["MARK"]
    for name, plan in found.items():
        while not plan["operatorType"].startswith("Apply"):
            [plan] = plan["children"]
        answer, mark = plan["children"]
        assert "answer" in answer["identifiers"], name
        assert not looks(answer), name
        assert looks(mark), name
