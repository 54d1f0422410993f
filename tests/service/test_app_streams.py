"""Subscriptions on a running server: graphql-transport-ws and server-sent events, slow readers, resuming, a polite end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from service.auth import add_key
from service.gql.ids import encode
from tests.service.asking import fragment
from tests.service.running import PATIENCE, PROTOCOLS, Running, running

FEED = "subscription ($after: String, $kinds: [ChangeKind!]) { changes(after: $after, kinds: $kinds) { cursor kind oneId } }"
PERSON = """subscription ($by: ProfileBy!, $after: String) { profileChanged(by: $by, after: $after) {
    cursor profile { oneId identifiers { edges { node { value } } } } change { kind } } }"""
START = encode("changes", (0,))
"""Where the feed begins; a subscription from there cannot miss what is written while it starts."""
ADA = {"identifier": {"namespace": "email", "value": "ada@example.com"}}


@pytest.fixture
async def run(url: str) -> AsyncIterator[Running]:
    async with running(store=url) as one:
        yield one


async def subscribe(socket: ClientConnection, query: str, id: str = "1", **variables: Any) -> None:
    await socket.send(json.dumps({"type": "subscribe", "id": id, "payload": {"query": query, "variables": variables}}))


async def answer(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE))
    return message


async def next_of(socket: ClientConnection, field: str) -> dict[str, Any]:
    message = await answer(socket)
    assert message["type"] == "next", message
    value: dict[str, Any] = message["payload"]["data"][field]
    return value


async def test_the_feed_arrives_over_a_socket_as_it_happens(run: Running) -> None:
    async with run.socket() as socket:
        await subscribe(socket, FEED, after=START)
        await run.ask.ingest(fragment("email:ada@example.com", id="1"))
        created = await next_of(socket, "changes")
        await run.ask.ingest(fragment("email:ada@example.com", "device:d", id="2"))
        extended = await next_of(socket, "changes")

    assert (created["kind"], extended["kind"]) == ("CREATED", "EXTENDED")
    assert created["oneId"] == extended["oneId"]


async def test_the_feed_goes_on_where_a_client_left_it(run: Running) -> None:
    await run.ask.ingest(*(fragment(f"device:d{n}", id=str(n)) for n in range(250)))
    async with run.socket() as socket:
        first = (await run.ask.data("{ changes(first: 1) { edges { cursor } } }"))["changes"]["edges"][0]["cursor"]
        await subscribe(socket, FEED, after=first)
        met = [await next_of(socket, "changes") for _ in range(249)]

    assert len({one["cursor"] for one in met}) == 249


async def test_a_filter_hides_what_is_not_asked_for(run: Running) -> None:
    async with run.socket() as socket:
        await subscribe(socket, FEED, kinds=["EXTENDED"], after=START)
        await run.ask.ingest(fragment("email:ada@example.com", id="1"))
        await run.ask.ingest(fragment("email:ada@example.com", "device:d", id="2"))

        assert (await next_of(socket, "changes"))["kind"] == "EXTENDED"


async def test_a_person_is_followed_from_now_through_every_change(run: Running) -> None:
    await run.ask.ingest(fragment("email:ada@example.com", id="1"))
    async with run.socket() as socket:
        await subscribe(socket, PERSON, by=ADA)
        now = await next_of(socket, "profileChanged")
        await run.ask.ingest(fragment("email:ada@example.com", "device:d", id="2"))
        joined = await next_of(socket, "profileChanged")
        await run.ask.ingest(fragment("email:ada@example.com", id="1", at="2027-01-01T00:00:00Z", traits={"name": "Ada"}))
        facts = await next_of(socket, "profileChanged")

    assert (now["change"], joined["change"], facts["change"]) == (None, {"kind": "EXTENDED"}, None)
    assert [len(one["profile"]["identifiers"]["edges"]) for one in (now, joined, facts)] == [1, 2, 2]


async def test_following_a_person_goes_on_only_when_something_changed(run: Running) -> None:
    await run.ask.ingest(fragment("email:ada@example.com", id="1"))
    async with run.socket() as socket:
        await subscribe(socket, PERSON, by=ADA)
        cursor = (await next_of(socket, "profileChanged"))["cursor"]
    async with run.socket() as socket:
        await subscribe(socket, PERSON, by=ADA, after=cursor)
        await run.ask.ingest(fragment("device:somebody-else", id="9"))
        await run.ask.ingest(fragment("email:ada@example.com", "phone:13912345678", id="2"))
        resumed = await next_of(socket, "profileChanged")

    assert len(resumed["profile"]["identifiers"]["edges"]) == 2
    assert resumed["change"] == {"kind": "EXTENDED"}


async def test_what_changed_while_a_client_was_away_comes_first(run: Running) -> None:
    await run.ask.ingest(fragment("email:ada@example.com", id="1"))
    async with run.socket() as socket:
        await subscribe(socket, PERSON, by=ADA)
        cursor = (await next_of(socket, "profileChanged"))["cursor"]
    await run.ask.ingest(fragment("email:ada@example.com", "phone:13912345678", id="2"))
    async with run.socket() as socket:
        await subscribe(socket, PERSON, by=ADA, after=cursor)
        missed = await next_of(socket, "profileChanged")

    assert missed["change"] == {"kind": "EXTENDED"}


async def test_somebody_unknown_is_followed_until_they_come(run: Running) -> None:
    async with run.socket() as socket:
        await subscribe(socket, PERSON, by=ADA)
        unknown = await next_of(socket, "profileChanged")
        await run.ask.ingest(fragment("email:ada@example.com", id="1"))
        known = await next_of(socket, "profileChanged")

    assert unknown["profile"] is None
    assert known["profile"]["identifiers"]["edges"] == [{"node": {"value": "ada@example.com"}}]


async def test_queries_and_mutations_work_over_a_socket_too(run: Running, kind: str) -> None:
    async with run.socket() as socket:
        await subscribe(socket, 'mutation { ingestFragments(input: {fragments: [{source: "s", id: "1", identifiers: []}]}) { accepted } }')
        wrote, ended = await answer(socket), await answer(socket)
        await subscribe(socket, "{ stats { store } }", id="2")
        read = await answer(socket)

    assert "token" in wrote["payload"]["extensions"]
    assert ended == {"type": "complete", "id": "1"}
    assert read["payload"] == {"data": {"stats": {"store": kind}}}


async def test_events_arrive_over_http(run: Running) -> None:
    async with run.events(FEED, after=START) as events:
        await run.ask.ingest(fragment("email:ada@example.com", id="1"))
        event, data = await asyncio.wait_for(anext(events), PATIENCE)

    assert (event, data["data"]["changes"]["kind"]) == ("next", "CREATED")


async def test_a_query_as_events_is_one_event_and_an_end(run: Running, kind: str) -> None:
    async with run.events("{ stats { store } }") as events:
        met = [one async for one in events]

    assert met == [("next", {"data": {"stats": {"store": kind}}}), ("complete", None)]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ('subscription { changes(after: "made-up") { at } }', "INVALID"),
        ("subscription { nothing }", "INVALID"),
        ("subscription {", "INVALID"),
        ("subscription { a: changes { at } b: changes { at } }", "INVALID"),
        ("subscription { changes { " + "profile { successor { " * 6 + "oneId" + " } }" * 6 + " } }", "LIMIT_EXCEEDED"),
    ],
)
async def test_a_bad_subscription_is_told_why_and_ends(run: Running, query: str, code: str) -> None:
    async with run.events(query) as events:
        met = [one async for one in events]

    assert met[0][1]["errors"][0]["extensions"]["code"] == code
    assert met[-1] == ("complete", None)


async def test_a_bad_subscription_over_a_socket_leaves_the_others(run: Running, kind: str) -> None:
    async with run.socket() as socket:
        await subscribe(socket, 'subscription { changes(after: "made-up") { at } }', id="bad")
        error, ended = await answer(socket), await answer(socket)
        await subscribe(socket, "subscription { nothing }", id="worse")
        worse = await answer(socket)
        await subscribe(socket, "{ stats { store } }", id="good")
        good = await answer(socket)

    assert error["payload"]["errors"][0]["extensions"] == {"code": "INVALID", "path": ["after"]}
    assert ended == {"type": "complete", "id": "bad"}
    assert (worse["type"], worse["id"], worse["payload"][0]["extensions"]["code"]) == ("error", "worse", "INVALID")
    assert good["payload"] == {"data": {"stats": {"store": kind}}}


async def test_a_reader_that_is_slow_gets_everything_later(run: Running) -> None:
    async with run.socket() as slow:
        await subscribe(slow, FEED, after=START)
        for step in range(5):
            await run.ask.ingest(*(fragment(f"device:d{step}-{n}", id=f"{step}-{n}") for n in range(200)))
        met = {(await next_of(slow, "changes"))["cursor"] for _ in range(1000)}

    assert len(met) == 1000


async def test_subscriptions_are_counted_while_they_are_open(run: Running) -> None:
    async with run.socket() as socket:
        await subscribe(socket, PERSON, by=ADA)
        await next_of(socket, "profileChanged")
        open_ones = (await run.ask.http.get("/metrics")).text
    closed = await _until(run, 'oneid_subscriptions{field="profileChanged"} 0.0')

    assert 'oneid_subscriptions{field="profileChanged"} 1.0' in open_ones
    assert 'oneid_subscription_events_total{field="profileChanged"}' in closed


async def _until(run: Running, line: str) -> str:
    for _ in range(1000):
        if line in (text := (await run.ask.http.get("/metrics")).text):
            return text
        await asyncio.sleep(0.02)
    raise AssertionError(line)


async def test_stopping_the_server_ends_subscriptions_politely() -> None:
    async with running() as run, run.socket() as socket, run.events(FEED) as events:
        await subscribe(socket, FEED)
        await _until(run, 'oneid_subscriptions{field="changes"} 2.0')
        run.server.should_exit = True
        last = await asyncio.wait_for(anext(events), PATIENCE)
        with pytest.raises(ConnectionClosed):
            await _to_the_end(socket)

    assert last == ("complete", None)


async def _to_the_end(socket: ClientConnection) -> None:
    while True:
        assert (await answer(socket))["type"] == "complete"


# ---------------------------------------------------------------- who may


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, str]:
    path = tmp_path / "keys.json"
    return path, add_key(path, "app", ["read"])[1]


@pytest.mark.parametrize("name", ["Authorization", "authorization", "X-API-Key", "x-api-key"])
async def test_a_socket_says_its_key_in_its_parameters(keys: tuple[Path, str], name: str) -> None:
    path, key = keys
    async with running(keys=path) as run, run.socket(**{name: f"Bearer {key}" if "uth" in name else key}) as socket:
        await subscribe(socket, "{ stats { store } }")

        assert (await answer(socket))["payload"] == {"data": {"stats": {"store": "sqlite"}}}


async def test_a_socket_says_its_key_in_a_header(keys: tuple[Path, str]) -> None:
    path, key = keys
    async with running(keys=path) as run, run.socket(headers={"Authorization": f"Bearer {key}"}) as socket:
        await subscribe(socket, "{ stats { store } }")

        assert (await answer(socket))["type"] == "next"


@pytest.mark.parametrize("params", [{}, {"Authorization": "Bearer wrong"}])
async def test_a_socket_without_a_key_is_closed(keys: tuple[Path, str], params: dict[str, str]) -> None:
    path, _ = keys
    async with (
        running(keys=path) as run,
        connect(f"ws://127.0.0.1:{run.server.port}/graphql", subprotocols=["graphql-transport-ws"]) as socket,
    ):  # type: ignore[list-item]
        await socket.send(json.dumps({"type": "connection_init", "payload": params}))
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), PATIENCE)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403


async def test_a_page_elsewhere_cannot_open_a_socket(run: Running) -> None:
    with pytest.raises(InvalidStatus):
        await connect(run.url, subprotocols=PROTOCOLS, origin=Origin("https://evil.example"))


async def test_a_message_larger_than_a_request_may_be_closes_the_socket(run: Running) -> None:
    async with run.socket() as socket:
        await subscribe(socket, "query ($x: String) { stats { store } }" + " " * 1_100_000)
        with pytest.raises(ConnectionClosed):
            await answer(socket)
