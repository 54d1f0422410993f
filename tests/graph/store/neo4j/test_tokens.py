"""Reading one's own writes: where reads go, and how long those that carry a token wait. On one server, which leads and follows."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from neo4j import READ_ACCESS, WRITE_ACCESS, AsyncDriver

from graph.errors import StoreBusy
from graph.ingest import ingest
from graph.model import Fragment, Identifier
from graph.store.neo4j.store import Neo4jStore
from graph.views import ByIdentifier

ADA = Identifier("user_id", "ada")


async def look(store: Neo4jStore, token: int | None) -> bool:
    (found,) = await store.profiles_by([ByIdentifier(ADA)], (), token=token)
    return found is not None


@pytest.fixture
def modes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The access mode of every session from now on: whom the driver asks for."""
    seen: list[str] = []
    session = AsyncDriver.session

    def opened(self: AsyncDriver, **config: Any) -> Any:
        seen.append(config["default_access_mode"])
        return session(self, **config)

    monkeypatch.setattr(AsyncDriver, "session", opened)
    return seen


async def test_a_read_goes_to_any_member_unless_it_carries_a_token(store: Neo4jStore, modes: list[str]) -> None:
    done = await ingest(store, [Fragment("crm", "1", (ADA,), 1)])
    assert modes == [WRITE_ACCESS]
    modes.clear()

    assert await look(store, None)
    assert await look(store, done.token)
    assert modes == [READ_ACCESS, WRITE_ACCESS]


async def test_a_read_waits_for_the_commit_that_its_token_names(store: Neo4jStore) -> None:
    commit, _ = await store.head()
    reading = asyncio.create_task(look(store, commit + 1))
    done, _ = await asyncio.wait([reading], timeout=0.3)
    assert not done

    await ingest(store, [Fragment("crm", "1", (ADA,), 1)])
    assert await asyncio.wait_for(reading, 10)


async def test_a_commit_that_does_not_show_is_busy_in_time(store: Neo4jStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graph.store.neo4j.store._TOKEN_SECONDS", 0.2)
    async with asyncio.timeout(10):
        with pytest.raises(StoreBusy, match="not visible yet"):
            await look(store, 99)
