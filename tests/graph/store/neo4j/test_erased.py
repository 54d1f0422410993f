"""What was erased from a Neo4j store: no query finds it, whatever it looks at."""

from __future__ import annotations

from neo4j import AsyncDriver

from graph.curate import perform
from graph.operations import Erase
from graph.resolve.rules import Rules
from graph.store.keys import ErasureKey
from graph.store.neo4j.connect import target_of
from graph.store.neo4j.store import open_neo4j
from tests import neo4j_server
from tests.build import ids
from tests.graph.store.test_erased_bytes import SOME, VALUES, fill

_TEXTS = """
CALL () { MATCH (n) RETURN properties(n) AS held UNION ALL MATCH ()-[r]->() RETURN properties(r) AS held }
UNWIND keys(held) AS key
UNWIND CASE WHEN held[key] IS :: LIST<ANY> THEN held[key] ELSE [held[key]] END AS one
WITH key, toStringOrNull(one) AS text WHERE any(value IN $values WHERE text CONTAINS value)
RETURN collect(DISTINCT key)
"""


async def test_no_property_of_anything_holds_it(driver: AsyncDriver, server: neo4j_server.Server) -> None:
    values = [value.decode() for value in VALUES]

    async def holding() -> list[str]:
        async with driver.session(database=target_of(server.uri).database) as session:
            record = await (await session.run(_TEXTS, values=values)).single(strict=True)
            return list(record[0])

    async with open_neo4j(server.uri, Rules.builtin(), erasure_key=ErasureKey("6b" * 32)) as store:
        await fill(store, of=60)
        assert {"value", "raw", "traits", "reason", "record", "token"} >= set(await holding()) >= {"value", "raw", "traits", "reason"}
        done = await perform(store, Erase(None, ids(*SOME), "asked to"))

        assert await holding() == []
        assert await store.purged(done.token, 0)
