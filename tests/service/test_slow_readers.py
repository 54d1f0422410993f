"""Subscribers that do not read: what waits for them is bounded, they are told where to go on, and in the end they are let go."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

import pytest
from websockets.asyncio.client import connect

from tests.service.asking import fragment
from tests.service.running import PROTOCOLS, Running, running
from tests.service.test_app_streams import START

WIDE = "gained(first: 20) { edges { node { namespace value } } }"
FEED = f"subscription ($after: String) {{ changes(after: $after) {{ cursor {' '.join(f'g{n}: {WIDE}' for n in range(29))} }} }}"
"""Events of some 500 KB, so that a few dozen are more than all buffers on the way hold."""
EVENTS = 60

Answers: TypeAlias = AsyncIterator[dict[str, Any]]
Follow: TypeAlias = Callable[..., AbstractAsyncContextManager[Answers]]


@asynccontextmanager
async def over_a_socket(run: Running, query: str, **variables: Any) -> AsyncIterator[Answers]:
    """What a subscription answers; nothing is taken from the connection until it is asked for."""
    async with connect(run.url, subprotocols=PROTOCOLS, compression=None, max_queue=1, max_size=None, close_timeout=0.1) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": {}}))
        await socket.recv()
        await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": query, "variables": variables}}))

        async def answers() -> Answers:
            async for text in socket:
                message = json.loads(text)
                if message["type"] == "complete":
                    return
                yield message["payload"]

        yield answers()


@asynccontextmanager
async def over_http(run: Running, query: str, **variables: Any) -> AsyncIterator[Answers]:
    """The same as server-sent events."""
    async with run.events(query, **variables) as events:

        async def answers() -> Answers:
            async for event, data in events:
                if event == "complete":
                    return
                yield data

        yield answers()


transports = pytest.mark.parametrize("follow", [over_a_socket, over_http])


async def wide_people(run: Running, first: int, last: int) -> None:
    """People of 20 identifiers of 850 characters each, one change a person; the same ones for the same numbers."""
    for start in range(first, last, 30):
        some = [
            fragment(*(f"cookie:{n}-{i}-{random.Random(n * 20 + i).randbytes(420).hex()}" for i in range(20)), id=str(n))
            for n in range(start, min(start + 30, last))
        ]
        await run.ask.ingest(*some)


async def metric(run: Running, name: str, field: str) -> float:
    text = (await run.ask.http.get("/metrics")).text
    return next((float(line.split()[-1]) for line in text.splitlines() if line.startswith(f'{name}{{field="{field}"}}')), 0.0)


async def until(run: Running, name: str, field: str, holds: Callable[[float], bool]) -> None:
    for _ in range(2000):
        if holds(await metric(run, name, field)):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(name)


async def cursors(answers: Answers, most: int) -> AsyncIterator[str]:
    """The cursors of events, until the reader was slow."""
    async for answer in answers:
        if answer["data"] is None:
            return
        yield answer["data"]["changes"]["cursor"]
        most -= 1
        if most == 0:
            return


async def whole_feed(run: Running) -> list[str]:
    edges = (await run.ask.data("{ changes(first: 100) { edges { cursor } } }"))["changes"]["edges"]
    return [edge["cursor"] for edge in edges]


@transports
async def test_a_follower_that_does_not_read_is_told_where_to_go_on(url: str, follow: Follow) -> None:
    met: list[str] = []
    async with running(store=url, slow_seconds=0.2, stuck_seconds=600) as run:
        await wide_people(run, 0, EVENTS)
        async with follow(run, FEED, after=START) as answers:
            await until(run, "oneid_slow_subscribers_total", "changes", lambda slow: slow == 1)
            waiting = await metric(run, "oneid_subscription_events_total", "changes")
            await wide_people(run, EVENTS, EVENTS + 30)
            still_waiting = await metric(run, "oneid_subscription_events_total", "changes")
            first = [answer async for answer in answers]
        told = first.pop()
        met += [answer["data"]["changes"]["cursor"] for answer in first]
        while len(met) < EVENTS + 30:
            async with follow(run, FEED, after=met[-1]) as answers:
                met += [cursor async for cursor in cursors(answers, EVENTS + 30 - len(met))]
        whole = await whole_feed(run)

    assert waiting == still_waiting < EVENTS
    assert told["data"] is None
    assert told["errors"][0]["extensions"] == {"code": "SLOW_READER", "cursor": met[len(first) - 1]}
    assert met == whole


@transports
async def test_a_connection_that_takes_nothing_is_let_go(url: str, follow: Follow) -> None:
    async with running(store=url, stuck_seconds=0.2) as run:
        await wide_people(run, 0, EVENTS)
        async with follow(run, FEED, after=START):
            await until(run, "oneid_subscription_events_total", "changes", lambda events: events > 0)
            await until(run, "oneid_subscriptions", "changes", lambda following: following == 0)
            handed_on = await metric(run, "oneid_subscription_events_total", "changes")

    assert 0 < handed_on < EVENTS
