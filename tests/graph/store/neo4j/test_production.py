"""What the README's page on production says is tried on a server of its own: the compose file's settings, dump, restore and replay."""

from __future__ import annotations

import os
import random
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence

import pytest
from neo4j import GraphDatabase

from graph.check import check
from graph.ingest import ingest
from graph.model import Fragment, Identifier
from graph.resolve.rules import Rules
from graph.store.neo4j.connect import target_of
from graph.store.neo4j.store import open_neo4j
from tests import neo4j_server
from tests.docker import neo4j_settings
from tests.neo4j_server import Missing, Server

SMALLER = {"server.memory.pagecache.size"}
"""What tests give less of."""
AT_DUMP = 2
"""How many requests the dump holds."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that a test may stop, with the settings of the compose file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neo4j_server, "_CONF", configured(neo4j_server._CONF))
        try:
            own = neo4j_server.start(os.environ.get("ONEID_TEST_NEO4J_VERSION") or "5.26.30")
        except Missing as missing:
            if os.environ.get("CI"):
                pytest.fail(f"no Neo4j: {missing}", pytrace=False)
            pytest.skip(f"no Neo4j: {missing}")
    yield own
    own.stop()


def configured(conf: str) -> str:
    """Put the settings of the compose file into a neo4j.conf, as the image does: in place of lines of the same name, else at the end."""
    kept = dict(line.split("=", 1) for line in conf.splitlines())
    said = {name: default(value) for name, value in neo4j_settings().items() if name not in SMALLER}
    return "".join(f"{name}={value}\n" for name, value in (kept | said).items())


def default(value: str) -> str:
    """What stands for a variable of the environment that nobody set: of `${NAME:-1G}` the 1G."""
    return value.partition(":-")[2].rstrip("}") if value.startswith("${") else value


def admin(server: Server, *words: str, given: bytes = b"") -> bytes:
    """neo4j-admin, on a server that is stopped."""
    assert server.home is not None
    java, paths = server.command[0], server.command[server.command.index("-cp") + 1]
    environment = os.environ | {"NEO4J_HOME": str(server.home), "NEO4J_CONF": str(server.home / "conf")}
    command = [java, "-Xmx256m", "-cp", paths, "org.neo4j.cli.AdminTool", *words]
    done = subprocess.run(command, env=environment, input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-1000:]
    return done.stdout


def stop(server: Server) -> None:
    """As `docker compose stop` does."""
    assert server.process is not None
    server.process.terminate()
    server.process.wait()


# ------------------------------------------------------------------------------------------------ settings
def test_the_server_takes_the_settings_of_the_compose_file(server: Server) -> None:
    target = target_of(server.uri)
    with GraphDatabase.driver(target.address, auth=(target.user, target.password)) as driver, driver.session() as session:
        rows = session.run("SHOW SETTINGS YIELD name, isExplicitlySet WHERE isExplicitlySet RETURN name").value()

    assert neo4j_settings().keys() <= set(rows)


def test_it_routes_to_the_name_that_it_was_asked_by(server: Server) -> None:
    target = target_of(server.uri)
    with GraphDatabase.driver(target.address, auth=(target.user, target.password)) as driver, driver.session() as session:
        table = session.run('CALL dbms.routing.getRoutingTable({address: "neo4j:7687"}, "neo4j")').single(strict=True)

    assert {address for role in table["servers"] for address in role["addresses"]} == {"neo4j:7687"}


# ------------------------------------------------------------------------------------------------ restore
def history() -> list[list[Fragment]]:
    """Requests of a busy source: people known by several identifiers, devices that move on, records that come in new versions."""
    draw = random.Random(11)
    spaces = ("user_id", "phone", "device", "cookie")
    requests = []
    for batch in range(4):
        rows = []
        for n in range(30):
            ids = tuple(Identifier(space, f"+86139{draw.randrange(60):08}") for space in draw.sample(spaces, draw.choice((1, 2, 2, 3))))
            rows.append(Fragment("shop", str(draw.randrange(90)), ids, batch * 1000 + n, {"n": n}))
        requests.append(rows)
    return requests


async def send(server: Server, requests: Sequence[list[Fragment]]) -> None:
    async with open_neo4j(server.uri, Rules.builtin()) as store:
        for rows in requests:
            await ingest(store, rows, reading=False)


async def people(server: Server) -> dict[str, frozenset[str]]:
    """OneID by OneID the identifiers of its person."""
    held = defaultdict(set)
    async with open_neo4j(server.uri, Rules.builtin()) as store:
        async for row in store.export("identifiers"):
            held[row["one_id"]].add(f"{row['namespace']}:{row['value']}")
    return {one_id: frozenset(ids) for one_id, ids in held.items()}


async def test_a_dump_and_a_replay_of_what_came_after_it_give_the_same_people(server: Server) -> None:
    requests = history()
    await send(server, requests[:AT_DUMP])
    at_dump = await people(server)
    stop(server)
    dump = admin(server, "database", "dump", "neo4j", "--to-stdout")
    server.start_again()
    await send(server, requests[AT_DUMP:])
    before = await people(server)

    stop(server)
    admin(server, "database", "load", "neo4j", "--from-stdin", "--overwrite-destination=true", given=dump)
    server.start_again()
    restored = await people(server)
    await send(server, requests[AT_DUMP - 1 :])  # from a time before the dump on
    after = await people(server)
    async with open_neo4j(server.uri, Rules.builtin()) as store:
        report = await check(store)

    assert restored == at_dump
    assert set(after.values()) == set(before.values()) != set(at_dump.values())
    assert {one_id: after.get(one_id) for one_id in at_dump} == {one_id: before.get(one_id) for one_id in at_dump}
    assert before.keys() != after.keys()  # who was first seen after the dump has another OneID
    assert report.differences == ()
