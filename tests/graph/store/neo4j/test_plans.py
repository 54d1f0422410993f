"""Every statement under the gate is explained by a real server: index seeks only, on an empty store and on a filled one."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from neo4j import AsyncDriver

from graph import interactions
from graph.curate import judge
from graph.ingest import ingest
from graph.model import Fragment, Identifier, Interaction, Judgement, JudgementKind
from graph.store.neo4j import cypher, cypher_audit, cypher_erasing, cypher_rereading, cypher_undoing
from graph.store.neo4j.connect import target_of
from graph.store.neo4j.store import Neo4jStore
from tests import neo4j_server

STATEMENTS = {
    name: text
    for module in (cypher, cypher_undoing, cypher_audit, cypher_erasing, cypher_rereading)
    for name, text in vars(module).items()
    if isinstance(text, str) and name.isupper() and name[0] != "_" and name != "AWAIT_INDEXES"
}
SCANS = re.compile(r"AllNodesScan|ByLabelScan|LabelScan|TypeScan|IndexScan|AllRelationships|CartesianProduct.*Scan")
LISTS = ("ended", "made", "unled", "retired", "changed", "restored", "joined", "touched", "refused", "causes", "changes")
VALUES: dict[str, Any] = {
    "rows": [],
    "ids": [],
    "ns": [],
    "hashes": [],
    "ends": [],
    "marks": [],
    "commits": [],
    "columns": {},
    **{name: [] for name in LISTS},
    "places": [],
    "raw": [],
    "tokens": [],
    "limit": 3,
    "most": 3,
}


def operators(plan: dict[str, Any]) -> Iterator[str]:
    yield plan["operatorType"]
    for child in plan.get("children", ()):
        yield from operators(child)


async def explained(driver: AsyncDriver, server: neo4j_server.Server, statement: str) -> list[str]:
    values = {name: VALUES.get(name, 1) for name in re.findall(r"\$(\w+)", statement)}
    async with driver.session(database=target_of(server.uri).database) as session:
        result = await session.run(f"EXPLAIN {statement}", values)
        plan = (await result.consume()).plan
    assert plan is not None
    return list(operators(plan))


async def fill(store: Neo4jStore) -> None:
    draw = random.Random(7)
    spaces = ("user_id", "phone", "device", "cookie")
    for batch in range(4):
        fragments = [
            Fragment("s", f"{batch}-{n}", tuple(Identifier(s, str(draw.randrange(10**6, 10**6 + 500))) for s in draw.sample(spaces, 3)), n)
            for n in range(500)
        ]
        await ingest(store, fragments, reading=False)
    ends = [Identifier("device", str(10**6 + n)) for n in range(200)]
    await judge(store, [Judgement(JudgementKind.SAME, a, b, 1) for a, b in zip(ends[:20], ends[20:40], strict=True)])
    await interactions.record(store, [Interaction("i", str(n), "like", draw.choice(ends), draw.choice(ends), n) for n in range(300)])


@pytest.mark.parametrize("filled", [False, True], ids=["empty", "filled"])
async def test_every_statement_is_a_matter_of_index_seeks(
    store: Neo4jStore, driver: AsyncDriver, server: neo4j_server.Server, filled: bool
) -> None:
    if filled:
        await fill(store)
        async with driver.session(database=target_of(server.uri).database) as session:
            await (await session.run("CALL db.resampleOutdatedIndexes()")).consume()
            await (await session.run("CALL db.clearQueryCaches()")).consume()

    scans = {
        name: found for name, text in STATEMENTS.items() if (found := [o for o in await explained(driver, server, text) if SCANS.search(o)])
    }

    assert scans == {}


@pytest.mark.parametrize("name", sorted(name for name, text in STATEMENTS.items() if text in cypher.BESIDE_EVIDENCE))
def test_what_new_evidence_does_not_wait_for_meets_none(name: str) -> None:
    assert not re.search(r"Fragment|CARRIE[SD]|NameToken", STATEMENTS[name])
