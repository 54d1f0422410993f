"""A service whose Neo4j is stopped, hangs, or is behind a half-open connection: it lives, says so within two seconds, and recovers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests import neo4j_server
from tests.graph.store.neo4j.proxy import Proxy, before
from tests.service.asking import fragment
from tests.service.running import Running, running

SECONDS = 2.0
"""Within these trouble is told."""
RECOVERY = 30.0
STATS = "{ stats { store } }"


@pytest.fixture
async def service(mortal: neo4j_server.Server, driver: Any) -> AsyncIterator[Running]:
    """The real application on a server that is ours."""
    async with running(store=mortal.uri) as run:
        yield run


async def timed(asked: Awaitable[httpx.Response]) -> tuple[httpx.Response, float]:
    begun = time.monotonic()
    return await asked, time.monotonic() - begun


async def told(run: Running, *stores: str) -> None:
    """Trouble is told in time, again and again; the process lives and answers at once; requests hear what to do."""
    for _ in range(3):
        ready, took = await timed(run.ask.http.get("/readyz"))
        assert (ready.status_code, ready.json()["status"]) == (503, "unready")
        assert ready.json()["store"] in stores
        assert took < SECONDS
        alive, took = await timed(run.ask.http.get("/healthz"))
        assert (alive.status_code, alive.json()) == (200, {"status": "alive"})
        assert took < 0.5


async def recovered(run: Running) -> None:
    """Without anybody's help the service is ready again, reads and writes."""
    async with asyncio.timeout(RECOVERY):
        while (await run.ask.http.get("/readyz")).status_code != 200:  # noqa: ASYNC110 - as a balancer looks again and again
            await asyncio.sleep(0.1)
    done = await run.ask.ingest(fragment("email:ada@example.com", id=f"{time.monotonic()}"))
    assert (done["accepted"], done["userErrors"]) == (1, [])


async def test_a_server_that_is_killed_is_told_and_its_return_noticed(service: Running, mortal: neo4j_server.Server) -> None:
    await recovered(service)
    mortal.kill()
    try:
        await told(service, "UNAVAILABLE")
        (error,) = (await service.ask(STATS))["errors"]
        assert (error["extensions"]["code"], error["extensions"]["retryable"]) == ("UNAVAILABLE", True)
    finally:
        mortal.launch()
        await asyncio.to_thread(mortal.await_answer)

    await recovered(service)


async def test_a_server_that_hangs_is_told_and_its_return_noticed(service: Running, mortal: neo4j_server.Server) -> None:
    await recovered(service)
    mortal.hang()
    try:
        await told(service, "no answer within 1.5 seconds")
    finally:
        mortal.go_on()

    await recovered(service)


@asynccontextmanager
async def through(server: neo4j_server.Server) -> AsyncIterator[tuple[Proxy, Running]]:
    async with before(server) as (proxy, uri), running(store=uri) as run:
        yield proxy, run


@pytest.mark.parametrize(("trouble", "store"), [(Proxy.hang, "no answer within 1.5 seconds"), (Proxy.refuse, "UNAVAILABLE")])
async def test_a_network_that_fails_is_told_and_its_return_noticed(
    server: neo4j_server.Server, driver: Any, trouble: Callable[[Proxy], None], store: str
) -> None:
    async with through(server) as (proxy, run):
        await recovered(run)
        trouble(proxy)
        await told(run, store)
        proxy.calm()
        await recovered(run)


async def test_a_service_ends_politely_while_its_server_hangs(mortal: neo4j_server.Server, driver: Any) -> None:
    begun = time.monotonic()
    try:
        async with running(store=mortal.uri) as run:
            await recovered(run)
            mortal.hang()
            await run.ask.http.get("/readyz")
            begun = time.monotonic()
        took = time.monotonic() - begun
    finally:
        mortal.go_on()

    assert took < 10
