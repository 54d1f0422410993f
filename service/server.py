"""The application behind uvicorn: one process, stopped politely."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette

from service.app import create_app
from service.patience import PatientConfig
from service.settings import Settings

__all__ = ["Server"]

_GRACE = 10
"""Seconds that requests under way have to end when the server stops."""


class Server(uvicorn.Server):
    """Serves the application of some settings; `started` is called with the port once it listens.

    Stopping it (SIGINT, SIGTERM) ends subscriptions first: a stream of events would never end by itself. Requests are not
    logged, since a query may hold personal data; the metrics count them.
    """

    def __init__(self, settings: Settings, *, announce: Callable[[int], None] | None = None, app: Starlette | None = None) -> None:
        self._app = app or create_app(settings)
        self._announce = announce
        super().__init__(
            PatientConfig(
                self._app,
                patience=settings.stuck_seconds,
                host=settings.host,
                port=settings.port,
                log_level="warning",
                access_log=False,
                server_header=False,
                ws_max_size=settings.max_request_bytes,
                timeout_graceful_shutdown=_GRACE,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self._announce is not None:
            self._announce(self.port)

    @property
    def port(self) -> int:
        """The port it listens on; with port 0 the one that was free."""
        port: int = self.servers[0].sockets[0].getsockname()[1]
        return port

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.closing.set()
        await super().shutdown(sockets)
