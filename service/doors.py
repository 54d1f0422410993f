"""What stands before every path: the most bytes of a request, and, while the service is open to all, its being asked by this machine."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from graph.errors import OneIDError
from service.settings import is_loopback
from service.trouble import trouble

__all__ = ["BoundedBody", "LoopbackOnly", "TooLarge"]


class TooLarge(OneIDError):
    """More bytes came than are allowed; `BoundedBody` answers it."""

    code = "LIMIT_EXCEEDED"


class BoundedBody:
    """Answers 413 to a request of more than `most` bytes, whatever its headers say."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app, self.most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > self.most:
            await self._refuse(scope, receive, send)
            return
        came, begun = 0, False

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > self.most:
                raise TooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, counted, noted)
        except TooLarge:
            if begun:
                raise
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = f"the request is larger than {self.most:,} bytes, which is the most allowed; send it in parts"
        await trouble(413, "LIMIT_EXCEEDED", message, {"Connection": "close"})(scope, receive, send)


class LoopbackOnly:
    """Refuses requests for another host name: a page elsewhere whose name was made to lead here would be such a one."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and not is_loopback(_name(Headers(scope=scope).get("host", ""))):
            if scope["type"] == "websocket":
                await WebSocketClose(1008)(scope, receive, send)
                return
            message = "without API keys this service answers to the names of this machine only, such as localhost or 127.0.0.1"
            await trouble(421, "FORBIDDEN", message)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _name(host: str) -> str:
    """The name of a Host header without its port."""
    if host.startswith("["):
        return host[: host.find("]") + 1]
    return host.rpartition(":")[0] if host.count(":") == 1 else host
