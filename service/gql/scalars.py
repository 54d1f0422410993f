"""The scalars: instants in RFC 3339, whole numbers above 2³¹, JSON.

`DateTime` is lenient on the way in: whatever came is handed to the field's own reader (`graph.lines.instant_of`), so that a
date that does not exist is refused with the name of its field, and inside a list refuses only its own item.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from graph.model import rfc3339

__all__ = ["JSON", "SCALARS", "DateTime", "Long", "Sent"]

DateTime = NewType("DateTime", int)
"""An instant on its way out."""
Sent = NewType("Sent", str)
"""A `DateTime` as it came: not looked at yet."""
Long = NewType("Long", int)
JSON = NewType("JSON", object)

_INT64: Final = 1 << 63


def _as_sent(value: Any) -> Any:
    return value


def _long(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -_INT64 <= value < _INT64:
        raise GraphQLError("a whole number of 64 bits is wanted")
    return value


_DATE_TIME: Final = strawberry.scalar(
    name="DateTime",
    description="An instant in RFC 3339, always UTC on output: `2026-01-02T03:04:05Z`, with a fraction (microseconds) only "
    "where there is one. On input any offset is taken, none means UTC.",
    specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
    serialize=rfc3339,
    parse_value=_as_sent,
)

SCALARS: Final[Mapping[object, ScalarDefinition]] = {
    DateTime: _DATE_TIME,
    Sent: _DATE_TIME,
    Long: strawberry.scalar(
        name="Long",
        description="A whole number of up to 64 bits, as a JSON number; JavaScript reads it exactly up to 2⁵³.",
        serialize=_long,
        parse_value=_long,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value.",
        serialize=_as_sent,
        parse_value=_as_sent,
    ),
}
