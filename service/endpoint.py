"""The GraphQL endpoint: who asks, which transport, and plain errors in JSON for what never becomes an operation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

import orjson
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.unset import UNSET

from graph.errors import BadInput, OneIDError
from service.auth import NOBODY, OPEN, Caller, KeyFile, Unauthenticated
from service.doors import TooLarge
from service.gql import ids
from service.gql.context import Context, Service
from service.gql.errors import log_unforeseen
from service.gql.guard import TOKEN
from service.gql.schema import OneIDSchema
from service.page import page_for
from service.settings import Settings
from service.trouble import trouble

__all__ = ["AFTER", "Endpoint"]

AFTER: Final = "ONEID-After"
"""Header that makes reads wait for a write: the `extensions.token` of its answer."""

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_OBJECTS: Final = (("variables", dict, "an object"), ("extensions", dict, "an object"))
_CODES: Final[Mapping[int, str]] = {400: "INVALID", 404: "NOT_FOUND", 405: "INVALID", 415: "INVALID"}


class Endpoint(GraphQL[Context, None]):
    """Serves the schema over HTTP (GET for queries, POST), server-sent events and graphql-transport-ws; GraphiQL for browsers.

    `service` is set while the application runs.
    """

    service: Service

    def __init__(self, schema: OneIDSchema, settings: Settings, keys: KeyFile | None) -> None:
        super().__init__(
            schema,
            graphql_ide="graphiql" if settings.graphiql else None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL),
            connection_init_wait_timeout=timedelta(seconds=10),
            max_subscriptions_per_connection=settings.max_subscriptions,
            allowed_origins=settings.cors_origins,
        )
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        request = Request(scope, receive)
        request.state.request_id = _request_id(request)
        try:
            response = await self.run(request)
        except HTTPException as error:
            response = trouble(error.status_code, _CODES.get(error.status_code, "INVALID"), error.reason)
        except Unauthenticated as error:
            response = trouble(401, error.code, str(error), {"WWW-Authenticate": "Bearer"})
        except TooLarge:
            raise
        except OneIDError as error:
            response = trouble(400, error.code, str(error))
        except Exception as error:  # noqa: BLE001  # told to nobody but the log
            log_unforeseen(error, request.state.request_id, "the request")
            response = trouble(500, "INTERNAL", f"internal error; request {request.state.request_id}")
        response.headers["X-Request-ID"] = request.state.request_id
        await response(scope, receive, send)

    async def render_graphql_ide(self, request: Request) -> Response:
        text, headers = page_for(keys=self._keys is not None)
        return HTMLResponse(text, headers=headers)

    def should_render_graphql_ide(self, request: Any) -> bool:
        return bool(
            request.method == "GET" and request.query_params.get("query") is None and "text/html" in request.headers.get("accept", "")
        )

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        if isinstance(request, WebSocket):
            return Context(self.service, _request_id(request), self._early(request), streams=True, after=_after(request.headers))
        if self.should_render_graphql_ide(request):
            return Context(self.service, request.state.request_id, NOBODY)
        headers = request.headers
        return Context(self.service, request.state.request_id, self._caller(headers), streams=_streams(headers), after=_after(headers))

    async def on_ws_connect(self, context: Context) -> Any:
        said = {name.lower(): value for name, value in context.connection_params.items() if isinstance(value, str)}
        try:
            if context.caller is NOBODY:
                context.caller = self._caller(said)
            if context.after is None:
                context.after = _after(said)
        except OneIDError as error:
            raise ConnectionRejectionError({"code": error.code}) from None
        return UNSET

    def _early(self, request: WebSocket) -> Caller:
        """Who opens a socket, as far as the headers say; browsers say it later, in connectionParams."""
        try:
            return self._caller(request.headers)
        except Unauthenticated:
            return NOBODY

    def _caller(self, headers: Mapping[str, str]) -> Caller:
        if self._keys is None:
            return OPEN
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        return self._keys.caller(bearer.strip() if scheme.lower() == "bearer" else headers.get("x-api-key"))

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData:
        if request.method == "GET":
            sent: Any = dict(request.query_params)
            for name in ("variables", "extensions"):
                if sent.get(name):
                    sent[name] = self.parse_json(sent[name])
        else:
            kind = (request.content_type or "").partition(";")[0].strip().lower()
            if kind != "application/json":
                raise HTTPException(415, "send JSON, with `Content-Type: application/json`")
            sent = self.parse_json(await request.get_body())
        return self._operation(sent, request.headers)

    def _operation(self, sent: Any, headers: Mapping[str, str]) -> GraphQLRequestData:
        if isinstance(sent, list):
            raise HTTPException(400, "one operation a request: a JSON object is wanted, a list came")
        if not isinstance(sent, dict):
            raise HTTPException(400, "a JSON object is wanted, with the operation under `query`")
        for name, kind, word in (("query", str, "a text"), ("operationName", str, "a text"), *_OBJECTS):
            if not isinstance(sent.get(name), kind | None):
                raise HTTPException(400, f"{name}: {word} or null is wanted")
        if not sent.get("query"):
            raise HTTPException(400, "query: the text of an operation is wanted, nothing came")
        return GraphQLRequestData(
            query=sent["query"],
            variables=sent.get("variables"),
            operation_name=sent.get("operationName") or None,
            extensions=sent.get("extensions"),
            protocol="sse" if _streams(headers) else "http",
        )

    def parse_json(self, data: str | bytes) -> Any:
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise HTTPException(400, f"not valid JSON at character {error.pos + 1}") from None

    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)

    def encode_json(self, data: object) -> str:
        return orjson.dumps(data).decode()

    def create_response(self, response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse], sub_response: Response) -> Response:
        return Response(orjson.dumps(response_data), sub_response.status_code or 200, media_type="application/json")


def _streams(headers: Mapping[str, str]) -> bool:
    """Whether the client takes server-sent events."""
    return any(one.partition(";")[0].strip().lower() == "text/event-stream" for one in headers.get("accept", "").split(","))


def _request_id(request: HTTPConnection) -> str:
    """The id that the caller gave the request, or a new one."""
    given = request.headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid4().hex


def _after(headers: Mapping[str, str]) -> int | None:
    """The write that reads are to wait for."""
    sent = headers.get(AFTER.lower())
    if not sent:
        return None
    (commit,) = ids.decode(TOKEN, sent, (AFTER,))
    if commit < 0:
        raise BadInput("not a token of this service", (AFTER,))
    return commit
