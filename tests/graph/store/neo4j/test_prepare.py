"""How a database becomes a store, and what is refused."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from neo4j import AsyncDriver

from graph.errors import BadInput, StoreTrouble
from graph.ingest import ingest
from graph.model import Fragment, Identifier
from graph.resolve.rules import Rules
from graph.store.neo4j.connect import Target, target_of
from graph.store.neo4j.schema import STEPS, label_of
from graph.store.neo4j.store import open_neo4j
from tests import neo4j_server


async def run(driver: AsyncDriver, server: neo4j_server.Server, statement: str) -> list[list[object]]:
    async with driver.session(database=target_of(server.uri).database) as session:
        return await (await session.run(statement)).values()


async def constraints(driver: AsyncDriver, server: neo4j_server.Server) -> int:
    return len(await run(driver, server, "SHOW INDEXES YIELD name, type, state WHERE type = 'RANGE' AND state = 'ONLINE' RETURN name"))


async def test_several_processes_may_set_an_empty_database_up_at_once(server: neo4j_server.Server, driver: AsyncDriver) -> None:
    for (name,) in await run(driver, server, "SHOW CONSTRAINTS YIELD name RETURN name"):
        await run(driver, server, f"DROP CONSTRAINT {name}")
    for (name,) in await run(driver, server, "SHOW INDEXES YIELD name, type WHERE type = 'RANGE' RETURN name"):
        await run(driver, server, f"DROP INDEX {name}")
    await run(driver, server, "MATCH (n) DETACH DELETE n")

    async with AsyncExitStack() as stack:
        stores = await asyncio.gather(*(stack.enter_async_context(open_neo4j(server.uri, Rules.parse(f"# {n}\n"))) for n in range(4)))
        in_force = {store.in_force.toml for store in stores}

    assert len(in_force) == 1
    assert await constraints(driver, server) == sum(statement.startswith("CREATE") for step in STEPS for statement in step)
    assert await run(driver, server, "MATCH (r:Rules) RETURN count(*)") == [[1]]
    assert await run(driver, server, "MATCH (g:Gate) RETURN g.commit") == [[1]]
    assert await run(driver, server, "MATCH (s:Schema) RETURN s.step") == [[len(STEPS)]]


async def test_a_store_keeps_its_rules(server: neo4j_server.Server, driver: AsyncDriver) -> None:
    async with open_neo4j(server.uri, Rules.parse('[[namespace]]\nname = "user"\n')) as store:
        await ingest(store, [Fragment("s", "1", (Identifier("user", "1"),), 1)])

    async with open_neo4j(server.uri, Rules.builtin()) as store:
        assert store.in_force.toml == '[[namespace]]\nname = "user"\n'
        assert (await store.head())[0] == 2


async def test_a_store_made_before_rules_could_change_gets_what_tells_of_it(server: neo4j_server.Server, driver: AsyncDriver) -> None:
    before = next(place for place, step in enumerate(STEPS) if any("g.rules" in statement for statement in step))
    async with open_neo4j(server.uri, Rules.parse("# 1\n")):
        await run(driver, server, "CREATE (:Rules {version: 2, toml: '# 2\n', made: 1})")
    await run(driver, server, "MATCH (f:InForce) DELETE f")
    await run(driver, server, "MATCH (g:Gate) REMOVE g.rules")
    await run(driver, server, f"MATCH (s:Schema) SET s.step = {before}")

    async with open_neo4j(server.uri, Rules.builtin()) as store:
        assert store.in_force.toml == "# 2\n"
        assert (await store.stats()).rules_version == 2
    assert await run(driver, server, "MATCH (g:Gate), (f:InForce) RETURN g.rules, f.version, f.switching") == [[2, 2, None]]


async def test_a_store_of_a_newer_version_is_refused(server: neo4j_server.Server, driver: AsyncDriver) -> None:
    await run(driver, server, "MERGE (s:Schema {id: 0}) SET s.step = 99")

    with pytest.raises(StoreTrouble, match="run a newer oneid"):
        async with open_neo4j(server.uri, Rules.builtin()):
            pass


async def test_a_server_that_is_not_there_is_trouble_and_a_wrong_password_says_so(server: neo4j_server.Server) -> None:
    target = target_of(server.uri)
    wrong = server.uri.replace(f":{target.password}@", ":something-else@")
    with pytest.raises(StoreTrouble, match="refused user and password"):
        async with open_neo4j(wrong, Rules.builtin()):
            pass
    with pytest.raises(StoreTrouble, match="cannot be reached"):
        async with open_neo4j("bolt://a:b@127.0.0.1:9/neo4j", Rules.builtin()):
            pass


def test_an_address_gives_user_password_and_database() -> None:
    assert target_of("neo4j+s://ann%40x:p%3Aw@db.example:7687/people?policy=eu") == Target(
        "neo4j+s://db.example:7687?policy=eu", "ann@x", "p:w", "people"
    )
    assert target_of("bolt://a:b@127.0.0.1").database is None


@pytest.mark.parametrize("url", ["http://a:b@h:1/d", "neo4j:///d", "neo4j://h:7687/d", "neo4j://a@h/d"])
def test_an_address_that_lacks_something_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(BadInput) as refused:
        target_of(url)
    assert refused.value.path == ("ONEID_STORE",)
    assert url not in str(refused.value)


@pytest.mark.parametrize(
    ("namespace", "label"),
    [
        ("user_id", "UserId"),
        ("phone", "Phone"),
        ("手机", "手机"),
        ("profile", "ProfileIdentifier"),
        ("2fa", "2faIdentifier"),
        ("--", "Unnamed"),
    ],
)
def test_a_namespace_has_a_label_to_read(namespace: str, label: str) -> None:
    assert label_of(namespace) == label
