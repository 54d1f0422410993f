"""Answers in JSON for what goes wrong before there is a GraphQL operation; clients read them as they read GraphQL errors."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from starlette.responses import Response

__all__ = ["trouble"]


def trouble(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error answer in the shape of a GraphQL one."""
    body = {"errors": [{"message": message, "extensions": {"code": code}}]}
    return Response(orjson.dumps(body), status, headers, media_type="application/json")
