"""What clients are told when something goes wrong, and what is kept from them.

Refusals of the business stand in a payload (`UserError`); malformed, unauthorised and over-cost requests are GraphQL errors with
`extensions.code`; anything unexpected is masked, logged under the request's id, and shows neither a traceback nor a value.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Sequence
from typing import Final

from graphql import GraphQLError

from graph.errors import BadInput, OneIDError, StoreTrouble
from service.gql.enums import ErrorCode
from service.gql.pace import SlowReader

__all__ = ["error_code", "log_unforeseen", "told"]

_log: Final = logging.getLogger("oneid.service")

_SAID: Final = (
    # graphql-core quotes what came; these cut it off and leave the field, the type that came and what is allowed
    (re.compile(r"(?:,|\.) found: .*|\. Found: .*| value: .*", re.DOTALL), "."),
    (re.compile(r"unknown field '[^']*'(?:\. Did you mean [^?]*\?)?", re.DOTALL), "an unknown field"),
    (re.compile(r"Value '.*' does not exist in '(\w+)' enum.*", re.DOTALL), r"the value does not exist in enum \1."),
    (re.compile(r"(String|Block String|Int|Float) (?:\"|'|-?[0-9]).*", re.DOTALL), r"\1."),
)
_TOKENS: Final = re.compile(r"more than (\d+) tokens")


def told(error: GraphQLError, request_id: str) -> GraphQLError:
    """The error as the client gets it."""
    if error.extensions and "code" in error.extensions:
        return error
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if isinstance(cause, OneIDError):
        return _expected(error, cause)
    if cause is None or type(cause).__module__.startswith("strawberry."):
        return _malformed(error)
    return _masked(error, cause, request_id)


def log_unforeseen(error: BaseException, request_id: str, where: str) -> None:
    """Log what and where it was, not what it says: that may hold anybody's data."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    _log.error("request %s: %s at %s\n%s", request_id, type(error).__qualname__, where, frames)


def error_code(error: OneIDError) -> ErrorCode | None:
    """The code under which a payload tells of it; None where it is no refusal of the business."""
    if isinstance(error, StoreTrouble):
        return None
    return ErrorCode.__members__.get(error.code)


def _expected(error: GraphQLError, cause: OneIDError) -> GraphQLError:
    extensions: dict[str, object] = {"code": "UNAVAILABLE" if isinstance(cause, StoreTrouble) else cause.code}
    if cause.retryable:
        extensions["retryable"] = True
    if isinstance(cause, BadInput) and cause.path:
        extensions["path"] = list(cause.path)
    if isinstance(cause, SlowReader) and cause.cursor is not None:
        extensions["cursor"] = cause.cursor
    return _again(error, str(cause), extensions)


def _malformed(error: GraphQLError) -> GraphQLError:
    if tokens := _TOKENS.search(error.message):
        return _again(error, f"the document has more than {tokens[1]} tokens, which is the most allowed", {"code": "LIMIT_EXCEEDED"})
    message = error.message
    for pattern, said in _SAID:
        message = pattern.sub(said, message)
    return _again(error, message, {"code": "INVALID"})


def _masked(error: GraphQLError, cause: BaseException, request_id: str) -> GraphQLError:
    log_unforeseen(cause, request_id, _dotted(error.path))
    return _again(error, f"internal error; request {request_id}", {"code": "INTERNAL", "requestId": request_id})


def _again(error: GraphQLError, message: str, extensions: dict[str, object]) -> GraphQLError:
    return GraphQLError(message, error.nodes, error.source, error.positions, error.path, None, extensions)


def _dotted(path: Sequence[str | int] | None) -> str:
    return ".".join(str(part) for part in path or ())
