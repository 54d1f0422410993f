"""A real server for what only Neo4j promises."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from neo4j import AsyncDriver

from graph.resolve.rules import Rules
from graph.store.neo4j.connect import connected, target_of
from graph.store.neo4j.store import Neo4jStore, open_neo4j
from tests import neo4j_server
from tests.stores import version_of


@pytest.fixture(scope="session")
def server(kind: str) -> neo4j_server.Server:
    return neo4j_server.wanted(version_of(kind))


@pytest.fixture(scope="session")
def mortal(server: neo4j_server.Server) -> neo4j_server.Server:
    """A server that may be killed: ours."""
    if server.process is None:
        pytest.skip("ONEID_TEST_NEO4J is set: the server of somebody else is not killed")
    return server


@pytest.fixture
async def driver(server: neo4j_server.Server) -> AsyncIterator[AsyncDriver]:
    """A driver of our own, to look at what the store does; the database is empty."""
    await neo4j_server.wipe(server)
    async with connected(target_of(server.uri)) as opened:
        yield opened


@pytest.fixture
async def store(server: neo4j_server.Server, driver: AsyncDriver) -> AsyncIterator[Neo4jStore]:
    """An empty store under the built-in rules."""
    async with open_neo4j(server.uri, Rules.builtin()) as opened:
        yield opened
