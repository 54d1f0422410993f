"""Connections whose other side takes nothing: they are cut, so that what waits for them is not kept for ever.

A transport holds back what is written once 64 KiB wait to be sent, so such a connection costs little; but it would keep its subscriptions,
and the other side may be a machine that will never read again and still answers on the network.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

__all__ = ["PatientConfig"]

_LEAST: Final = 20.0
"""Seconds that an answer to a ping may take, at least."""


class PatientConfig(uvicorn.Config):
    """Settings of a server that cuts a connection which has been full for `patience` seconds.

    Pings of WebSockets are waited for as long: whoever does not read does not answer them either.
    """

    def __init__(self, app: Any, *, patience: float, **settings: Any) -> None:
        super().__init__(app, http=_Http, ws=_WebSocket, ws_ping_timeout=max(patience, _LEAST), **settings)
        self.patience = patience


class _Cut:
    """When a connection is cut; a protocol has one, and tells it when it is full and when it no longer is."""

    def __init__(self, config: uvicorn.Config) -> None:
        self._patience = config.patience if isinstance(config, PatientConfig) else None
        self._clock: asyncio.TimerHandle | None = None

    def full(self, transport: asyncio.Transport) -> None:
        if self._patience is not None and self._clock is None:
            self._clock = asyncio.get_running_loop().call_later(self._patience, transport.abort)

    def free(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None


class _Patient(asyncio.Protocol):
    """What both protocols do: a connection that is full is cut, unless it can be written to again or ends before."""

    transport: asyncio.Transport

    def __init__(self, config: uvicorn.Config, *rest: Any, **more: Any) -> None:
        super().__init__(config, *rest, **more)  # type: ignore[call-arg]  # of the protocol that this is mixed into
        self._cut = _Cut(config)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._cut.full(self.transport)

    def resume_writing(self) -> None:
        self._cut.free()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cut.free()
        super().connection_lost(exc)


class _Http(_Patient, HttpToolsProtocol):
    pass


class _WebSocket(_Patient, WebSocketsSansIOProtocol):
    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.transport.abort()  # closing would wait until all is sent
