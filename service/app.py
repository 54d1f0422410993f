"""The application, wired: settings and a store in, an ASGI application out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute

from graph.errors import BadRules
from graph.resolve.rules import Rules
from graph.store import open_store
from graph.store.ports import Store
from service.auth import KeyFile
from service.doors import BoundedBody, LoopbackOnly
from service.endpoint import AFTER, Endpoint
from service.gql.context import Service
from service.gql.limits import Limits
from service.gql.schema import make_schema
from service.health import Holdings, healthz, metrics, readyz
from service.jobs import Jobs
from service.metrics import CountedAnswers, Metrics
from service.settings import Settings
from service.trouble import trouble

__all__ = ["create_app"]

PATH: Final = "/graphql"


def create_app(settings: Settings | None = None, store: Store | None = None) -> Starlette:
    """The application. It opens the settings' store when it starts and closes it when it ends; a store handed in stays open.

    Raises what is wrong with the key file at once, and what is wrong with the rules or the store when it starts.
    """
    settings = settings or Settings.of_environment()
    keys = KeyFile(settings.keys) if settings.keys else None
    counts, closing = Metrics(), asyncio.Event()
    limits = Limits(depth=settings.max_depth, aliases=settings.max_aliases, tokens=settings.max_tokens, cost=settings.max_cost)
    endpoint = Endpoint(make_schema(limits, introspection=settings.introspection), settings, keys)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            opened = store
            if opened is None:
                opened = await stack.enter_async_context(
                    open_store(settings.store, _rules(settings.rules), erasure_key=settings.erasing_with())
                )
            jobs = Jobs(opened)
            app.state.service = endpoint.service = Service(settings, opened, counts, closing, jobs)
            app.state.holdings = Holdings()
            try:
                yield
            finally:
                closing.set()
                await app.state.holdings.close()
                await jobs.close()

    app = Starlette(
        routes=[
            Route("/", _to_graphql),
            Route(PATH, endpoint, methods=["GET", "POST"]),
            WebSocketRoute(PATH, endpoint),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
        ],
        middleware=_middleware(settings, counts),
        exception_handlers={404: _not_found, 405: _not_so},
        lifespan=lifespan,
    )
    app.state.closing = closing
    return app


def _middleware(settings: Settings, counts: Metrics) -> list[Middleware]:
    stack = [Middleware(CountedAnswers, metrics=counts)]
    if settings.keys is None:
        stack.append(Middleware(LoopbackOnly))
    if settings.cors_origins:
        stack.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.cors_origins,
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type", "X-API-Key", "X-Request-ID", AFTER],
                expose_headers=["X-Request-ID"],
            )
        )
    return [*stack, Middleware(BoundedBody, most=settings.max_request_bytes)]


def _rules(path: Path | None) -> Rules:
    if path is None:
        return Rules.builtin()
    try:
        return Rules.parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadRules(f"ONEID_RULES: {path}: {error.strerror or 'cannot be read'}") from None
    except UnicodeDecodeError:
        raise BadRules(f"ONEID_RULES: {path}: not valid UTF-8") from None


async def _to_graphql(_request: Request) -> Response:
    return RedirectResponse(PATH)


async def _not_found(_request: Request, _error: Exception) -> Response:
    return trouble(404, "NOT_FOUND", "there is nothing here; GraphQL is at /graphql")


async def _not_so(_request: Request, _error: Exception) -> Response:
    return trouble(405, "INVALID", "this path does not take such requests; GraphQL takes GET and POST")
