"""A TCP proxy between driver and server that does to a connection what networks do.

Bolt messages are told apart as far as needed: a message begins with the byte of its kind after a chunk's header, which is enough to find
`BEGIN`, `RUN` and `COMMIT` in what a client sends. Faults are armed once and strike the next connection that comes to their place:

    BEFORE_BEGIN    the connection is cut when a transaction is about to begin
    BETWEEN         it is cut after a statement of a transaction, before the next
    BEFORE_COMMIT   it is cut when COMMIT is sent; the server never sees it
    AFTER_COMMIT    COMMIT reaches the server, its answer does not come back
    RESET           as BETWEEN, but with RST on both sides instead of an end
    SWALLOWED       COMMIT and all that follows is swallowed, nothing is ever said: half-open, with the transaction open at the server
    UNHEARD         COMMIT reaches the server, and from then on nothing comes back or goes there: half-open as well
    STUCK           as SWALLOWED, from a statement on
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from enum import Enum
from typing import Final

from graph.store.neo4j.connect import target_of
from tests.neo4j_server import Server

__all__ = ["Fault", "Proxy", "before"]


class Fault(Enum):
    """Where a connection breaks, and how."""

    BEFORE_BEGIN = "before BEGIN"
    BETWEEN = "between statements"
    BEFORE_COMMIT = "before COMMIT reaches the server"
    AFTER_COMMIT = "after COMMIT, before its answer"
    RESET = "reset between statements"
    SWALLOWED = "COMMIT is swallowed"
    UNHEARD = "the answer of COMMIT is swallowed"
    STUCK = "a statement is swallowed"


_BEGIN: Final = 0x11
_RUN: Final = 0x10
_COMMIT: Final = 0x12
_COMMITS: Final = frozenset({Fault.BEFORE_COMMIT, Fault.AFTER_COMMIT, Fault.SWALLOWED, Fault.UNHEARD})
_HALF_OPEN: Final = frozenset({Fault.SWALLOWED, Fault.UNHEARD, Fault.STUCK})
_HANDSHAKE: Final = 20
_MANIFEST: Final = b"\x00\x00\x01\xff"
_CHOICE: Final = 5
"""A client that is given a list of versions answers with one of them and a byte of capabilities."""
_PEEK: Final = 65_536


class _Messages:
    """The kinds of the Bolt messages in a stream of chunks (2 bytes of length, then so many; length 0 ends a message)."""

    def __init__(self) -> None:
        self._skip = _HANDSHAKE
        self._header = b""
        self._fresh = True  # the next chunk begins a message
        self._lead = 0  # bytes of a message's head still to come: its structure marker, then its kind

    def negotiated(self, more: int) -> None:
        """So many bytes about the version still come before the first message."""
        self._skip += more

    def kinds(self, data: bytes) -> Iterator[int]:
        at = 0
        while at < len(data):
            if self._lead and self._skip:
                self._lead -= 1
                self._skip -= 1
                if not self._lead:
                    yield data[at]
                at += 1
            elif self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
                at += step
            else:
                self._header += data[at : at + 1]
                at += 1
                if len(self._header) == 2:
                    self._skip = int.from_bytes(self._header, "big")
                    self._header = b""
                    if self._skip and self._fresh:
                        self._lead = 2
                    self._fresh = not self._skip


class _Link:
    """One connection of a client, and the one to the server that stands for it."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client, self.server = client, server
        self.messages = _Messages()
        self.statements = 0  # in the transaction that is open
        self.in_transaction = False
        self.deaf = False  # nothing goes on from here, either way
        self.mute = False  # nothing comes back any more

    def cut(self, *, reset: bool = False) -> None:
        for writer in (self.client, self.server):
            if reset and (inner := writer.get_extra_info("socket")) is not None:
                with contextlib.suppress(OSError):
                    inner.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if writer.transport is not None:
                writer.transport.abort() if reset else writer.close()


class Proxy:
    """A proxy that listens; `struck` counts the faults that came to pass."""

    def __init__(self, host: str, port: int) -> None:
        self.delay = 0.0
        """Seconds that everything takes longer, in each direction."""
        self.struck: Counter[Fault] = Counter()
        self.port = 0
        self._target = (host, port)
        self._armed: list[Fault] = []
        self._unarmed = asyncio.Event()
        self._links: set[_Link] = set()
        self._refusing = False
        self._hanging = False

    def arm(self, fault: Fault) -> None:
        """Let this strike once."""
        self._armed.append(fault)
        self._unarmed.clear()

    async def strikes(self) -> None:
        """Wait until nothing is left that is to strike."""
        await self._unarmed.wait()

    def calm(self) -> None:
        """Nothing strikes from now on, and everything new goes through; what is half-open stays so."""
        self._armed.clear()
        self._refusing = self._hanging = False
        self.delay = 0.0

    def refuse(self) -> None:
        """Cut all connections, and take no new one, as where no server is."""
        self._refusing = True
        for link in self._links:
            link.cut()

    def hang(self) -> None:
        """All connections become half-open, and so does every new one."""
        self._hanging = True
        for link in self._links:
            link.deaf = True

    async def serve(self, client_reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if self._refusing:
            client.transport.abort()
            return
        try:
            server_reader, server = await asyncio.open_connection(*self._target)
        except OSError:
            client.transport.abort()
            return
        link = _Link(client, server)
        link.deaf = self._hanging
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._forth(link, client_reader))
                both.create_task(self._back(link, server_reader))
        finally:
            self._links.discard(link)
            link.cut()

    async def _forth(self, link: _Link, reader: asyncio.StreamReader) -> None:
        while data := await _read(reader):
            await asyncio.sleep(self.delay)
            for kind in link.messages.kinds(data):
                fault = self._strikes(link, kind)
                if fault is not None and self._strike(link, fault):
                    return
            if not link.deaf:
                link.server.write(data)
                link.deaf = link.mute
        if not (link.deaf or link.mute):
            link.cut()

    async def _back(self, link: _Link, reader: asyncio.StreamReader) -> None:
        first = True
        while data := await _read(reader):
            if first and data.startswith(_MANIFEST):
                link.messages.negotiated(_CHOICE)
            first = False
            await asyncio.sleep(self.delay)
            if not (link.deaf or link.mute):
                link.client.write(data)
        if not (link.deaf or link.mute):
            link.cut()

    def _strikes(self, link: _Link, kind: int) -> Fault | None:
        """The armed fault whose place this message is."""
        places: frozenset[Fault] = frozenset()
        if kind == _BEGIN:
            link.in_transaction, link.statements = True, 0
            places = frozenset({Fault.BEFORE_BEGIN})
        elif kind == _RUN and link.in_transaction:
            link.statements += 1
            if link.statements > 1:
                places = frozenset({Fault.BETWEEN, Fault.RESET, Fault.STUCK})
        elif kind == _COMMIT:
            link.in_transaction = False
            places = _COMMITS
        for fault in self._armed:
            if fault in places:
                self._armed.remove(fault)
                self.struck[fault] += 1
                if not self._armed:
                    self._unarmed.set()
                return fault
        return None

    def _strike(self, link: _Link, fault: Fault) -> bool:
        """Whether the connection is gone."""
        if fault in (Fault.AFTER_COMMIT, Fault.UNHEARD):
            link.mute = True
            if fault is Fault.AFTER_COMMIT:
                asyncio.get_running_loop().call_later(0.05, link.cut)  # the server has it by then
            return False
        if fault in _HALF_OPEN:
            link.deaf = True
            return False
        link.cut(reset=fault is Fault.RESET)
        return True


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(_PEEK)
    except OSError:
        return b""


@asynccontextmanager
async def before(server: Server) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy before this server, and the server's URI by way of it; `bolt`, since a routing table would lead around it."""
    target = target_of(server.uri)
    host, _, port = target.address.partition("://")[2].partition(":")
    async with _proxy(host, int(port)) as proxy:
        yield proxy, f"bolt://{target.user}:{target.password}@127.0.0.1:{proxy.port}/{target.database or ''}"


@asynccontextmanager
async def _proxy(host: str, port: int) -> AsyncIterator[Proxy]:
    """A proxy on a port of its own before this address."""
    made = Proxy(host, port)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(made.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
