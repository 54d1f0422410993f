"""Whether the process lives, whether it can answer, and its metrics."""

from __future__ import annotations

import asyncio
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from graph.errors import OneIDError
from service.gql.context import Service
from service.metrics import CONTENT_TYPE_LATEST

__all__ = ["healthz", "metrics", "readyz"]

_PATIENCE: Final = 2.0
"""Seconds that the store has to answer in."""


async def healthz(_request: Request) -> Response:
    """Answers while the process lives; never asks the store."""
    return _json(200, {"status": "alive"})


async def readyz(request: Request) -> Response:
    """200 when the store answers; 503, and why, within about two seconds when it does not."""
    service: Service = request.app.state.service
    try:
        async with asyncio.timeout(_PATIENCE):
            commit, _ = await service.store.head()
    except TimeoutError:
        return _json(503, {"status": "unready", "store": f"no answer within {_PATIENCE:g} seconds"})
    except OneIDError as error:
        return _json(503, {"status": "unready", "store": error.code})
    except Exception as error:  # noqa: BLE001  # whatever a store does when it breaks, this answers
        return _json(503, {"status": "unready", "store": type(error).__name__})
    if service.closing.is_set():
        return _json(503, {"status": "unready", "store": "closing"})
    return _json(200, {"status": "ready", "commit": commit})


async def metrics(request: Request) -> Response:
    """Everything counted, for Prometheus."""
    service: Service = request.app.state.service
    return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)


def _json(status: int, body: dict[str, object]) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json", headers={"Cache-Control": "no-store"})
