"""Refusals of the business: errors of `graph` as `userErrors` and rejections, and items checked one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from graph.errors import BadInput, BadRules, KeyReused, OneIDError, ValueTooLong
from graph.model import Key
from service.gql.context import Context
from service.gql.enums import ErrorCode
from service.gql.errors import error_code
from service.gql.payloads import Rejection
from service.gql.user_error import UserError

__all__ = ["Sorted", "bounded", "idempotency_key", "reason_of", "refused", "sorted_out"]

T = TypeVar("T")

_MAX_KEY = 256
_MAX_REASON = 1_024


@dataclass(slots=True)
class Sorted(Generic[T]):
    """Items that came: the good ones with their places in the list, and why the others are not taken."""

    values: list[T] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)


def sorted_out(items: Sequence[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], T], *, name: str, most: int) -> Sorted[T]:
    """Read each item; BadInput where more came than are allowed."""
    bounded(len(items), most, name)
    found = Sorted[T]()
    for place, item in enumerate(items):
        try:
            found.values.append(read(item))
            found.places.append(place)
        except BadInput as error:
            found.rejected.append(
                Rejection(index=place, code=error_code(error) or ErrorCode.INVALID, message=error.message, path=list(error.path))
            )
    return found


class TooMany(BadInput):
    """More items came in one call than are allowed."""

    code = "LIMIT_EXCEEDED"

    def __init__(self, count: int, limit: int, name: str) -> None:
        super().__init__(f"{count:,} came, at most {limit:,} are allowed in one call", (name,))
        self.count, self.limit = count, limit


def bounded(count: int, most: int, name: str) -> None:
    """Raise TooMany where a list holds more than `most`."""
    if count > most:
        raise TooMany(count, most, name)


def reason_of(sent: str) -> str:
    """Why something is done, as the history keeps it."""
    if not sent.strip():
        raise BadInput("say why; the history keeps it", ("reason",))
    if len(sent) > _MAX_REASON:
        raise ValueTooLong(len(sent), _MAX_REASON, ("reason",))
    return sent


def refused(error: OneIDError, *rules: str) -> list[UserError]:
    """An error as the payload tells of it; raises it again where it is none of the business. `rules`: where they stand in the input."""
    code = error_code(error)
    if code is None:
        raise error
    if isinstance(error, KeyReused):
        return [UserError(code=code, message=str(error), path=["input", "clientMutationId"])]
    if isinstance(error, BadInput):
        return [UserError(code=code, message=error.message, path=["input", *error.path])]
    return [UserError(code=code, message=str(error), path=["input", *(rules if isinstance(error, BadRules) else ())])]


def idempotency_key(context: Context, mutation: str, sent: str | None) -> Key | None:
    """The key of a request: what the client chose, apart from other API keys and other mutations."""
    if sent is None:
        return None
    if not 1 <= len(sent) <= _MAX_KEY:
        raise BadInput(f"1 to {_MAX_KEY} characters are allowed, {len(sent)} came", ("clientMutationId",))
    return Key(f"{context.caller.id}/{mutation}", sent)
