"""The README's Cypher queries are asked of a real server that holds the sample: their answers, their bounds, their plans."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from neo4j import Driver, GraphDatabase, Session

from graph.ingest import ingest
from graph.model import Fragment, Identifier, Rule
from graph.resolve.rules import Rules
from graph.store.neo4j import schema
from graph.store.neo4j.connect import target_of
from graph.store.neo4j.store import open_neo4j
from service.cli_load import load_parts
from service.files.parts import parts_of
from service.sample import FOLDER, mapping
from tests import neo4j_server
from tests.graph.store.neo4j.test_plans import SCANS, operators
from tests.test_readme import Block, blocks, same, section

ASKED = [(block, answer) for block, answer in pairwise(blocks()) if block.language == "cypher"]
IN_USE = ("UserId", "Phone", "Email")
"""Labels that the page shows for namespaces."""


def visitors() -> list[Fragment]:
    """25 accounts of the sample at one tablet."""
    tablet = Identifier("device", "tablet-7")
    return [Fragment("kiosk", str(n), (Identifier("user_id", f"APP_{n:06}"), tablet), n) for n in range(1, 26)]


async def fill(server: neo4j_server.Server) -> None:
    await neo4j_server.wipe(server)
    plan = mapping()
    async with open_neo4j(server.uri, Rules.builtin()) as store:
        parts = parts_of([str(path) for path in plan.paths(FOLDER)], plan)
        await load_parts(store, server.uri, parts, rejects=None, batch=1000, stopped=asyncio.Event())
        await ingest(store, visitors(), reading=False)


@pytest.fixture(scope="module")
def session(server: neo4j_server.Server) -> Iterator[Session]:
    """A session on a server that holds the sample."""
    asyncio.run(fill(server))
    target = target_of(server.uri)
    with open_driver(target.address, target.user, target.password) as driver, driver.session(database=target.database) as opened:
        opened.run("CALL db.resampleOutdatedIndexes()").consume()
        yield opened


def open_driver(address: str, user: str, password: str) -> Driver:
    return GraphDatabase.driver(address, auth=(user, password), notifications_min_severity="OFF")


@pytest.mark.parametrize(("block", "answer"), ASKED, ids=lambda block: f"line{block.line}")
def test_a_query_answers_as_is_written(session: Session, block: Block, answer: Block) -> None:
    assert (answer.language, answer.label) == ("json", "rows")

    rows = session.run(block.text).values()

    assert same(json.loads(answer.text), rows), json.dumps(rows, ensure_ascii=False)


@pytest.mark.parametrize("block", [block for block, _ in ASKED], ids=lambda block: f"line{block.line}")
def test_a_query_is_bounded_and_begins_at_an_index(session: Session, block: Block) -> None:
    plan = session.run("EXPLAIN " + block.text).consume().plan
    assert plan is not None
    used = list(operators(plan))

    _, limit, after = re.sub(r"\{[^}]*\}", "", block.text).rpartition("LIMIT ")  # outside of subqueries

    assert limit
    assert "MATCH" not in after
    assert [name for name in used if SCANS.search(name)] == []
    assert any("IndexSeek" in name for name in used)


def test_there_are_at_least_five() -> None:
    assert len(ASKED) >= 5


def test_the_table_of_the_graph_names_what_the_store_keeps(session: Session) -> None:
    table = section("### In Neo4j Browser").split("Times are microseconds")[0]
    named = {word for code in re.findall(r"`([^`]+)`", table) for word in re.findall(r"[A-Za-z_]+", code)}
    kept = set(re.findall(r"[A-Za-z_]+", schema.__doc__ or "")) | set(IN_USE) | set(Rule)

    assert len(named) > 40
    assert named <= kept
    assert set(session.run("CALL db.labels()").value()) >= set(IN_USE) <= named
