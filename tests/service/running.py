"""The service on a free port of this machine, and clients of it: HTTP, graphql-transport-ws, server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from service.server import Server
from service.settings import Settings
from tests.service.asking import Asking

__all__ = ["PATIENCE", "PROTOCOLS", "Running", "running"]

PATIENCE = 20.0
PROTOCOLS = [Subprotocol("graphql-transport-ws")]


class Running:
    """A server on a free port of this machine, and clients of it."""

    def __init__(self, server: Server, http: httpx.AsyncClient) -> None:
        self.server, self.ask = server, Asking(http)
        self.url = f"ws://127.0.0.1:{server.port}/graphql"

    @asynccontextmanager
    async def socket(self, *, headers: dict[str, str] | None = None, **params: str) -> AsyncIterator[ClientConnection]:
        """A connection that the server has acknowledged."""
        async with connect(self.url, subprotocols=PROTOCOLS, additional_headers=headers) as socket:
            await socket.send(json.dumps({"type": "connection_init", "payload": params}))
            assert json.loads(await socket.recv()) == {"type": "connection_ack"}
            yield socket

    @asynccontextmanager
    async def events(self, query: str, **variables: Any) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
        """Server-sent events, as (event, data)."""
        body = {"query": query, "variables": variables}
        async with self.ask.http.stream("POST", "/graphql", json=body, headers={"Accept": "text/event-stream"}) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            yield _events(response)


async def _events(response: httpx.Response) -> AsyncIterator[tuple[str, Any]]:
    event = ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            event = line.removeprefix("event: ")
        elif line.startswith("data:"):
            yield event, json.loads(line.removeprefix("data:").strip() or "null")


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[Running]:
    listening = asyncio.Event()
    server = Server(Settings(port=0, poll_seconds=0.05, **{"store": "sqlite://:memory:"} | settings), announce=lambda _: listening.set())
    serving = asyncio.create_task(server.serve())
    await asyncio.wait_for(listening.wait(), PATIENCE)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=PATIENCE) as http:
            yield Running(server, http)
    finally:
        server.should_exit = True
        await asyncio.wait_for(serving, PATIENCE)
