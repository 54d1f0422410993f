"""Whether the process lives, whether it can answer, and its metrics."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from graph.errors import OneIDError
from service.gql.context import Service
from service.metrics import CONTENT_TYPE_LATEST

__all__ = ["Holdings", "healthz", "metrics", "readyz"]

_PATIENCE: Final = 1.5
"""Seconds that the store has to answer in; what asks is told within two."""
_MINUTE: Final = 60.0


class Holdings:
    """Counts the store for the metrics: no more often than once a minute, and for no more than a twentieth of the time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due = 0.0
        self._counting: asyncio.Task[None] | None = None

    async def refresh(self, service: Service) -> None:
        """Begin a count where one is due, and wait for it as long as a scrape can; what comes later shows next time."""
        if self._counting is None and self._clock() >= self._due:
            self._counting = asyncio.create_task(self._count(service))
        if self._counting is not None:
            await asyncio.wait({self._counting}, timeout=_PATIENCE)

    async def _count(self, service: Service) -> None:
        begun = self._clock()
        try:
            service.metrics.holding(await service.store.stats())
        except OneIDError:
            return  # /readyz tells of it
        finally:
            now = self._clock()
            self._due = now + max(_MINUTE, 20 * (now - begun))
            self._counting = None

    async def close(self) -> None:
        """Wait for a count that is under way, so that the store can be closed."""
        if self._counting is not None:
            await asyncio.wait({self._counting})


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
    """Everything counted, for Prometheus; the store's counts may be those of a minute ago, or of longer where counting takes long."""
    service: Service = request.app.state.service
    await request.app.state.holdings.refresh(service)
    return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)


def _json(status: int, body: dict[str, object]) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json", headers={"Cache-Control": "no-store"})
