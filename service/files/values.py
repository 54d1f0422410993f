"""What the text of a cell means: numbers, booleans, times and telephone numbers."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any

import orjson

from graph.errors import BadInput
from graph.lines import instant_of

__all__ = ["international", "number", "time_of", "typed"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DECIMAL = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?")
_ZONED = re.compile(r".*(?:[Zz]|[+-][0-9]{2}:[0-9]{2})")


@lru_cache(maxsize=4096)
def international(value: str, region: str) -> str:
    """The phone number in E.164 where it is a possible one of the region, else as it came: the rules judge it then."""
    import phonenumbers

    try:
        parsed = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return value
    if not phonenumbers.is_possible_number(parsed):
        return value
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def typed(text: str, kind: str, key: str) -> Any:
    """The value of a trait's text: `text`, `integer`, `number`, `boolean` or `json`."""
    if kind == "text":
        return text
    if kind == "boolean":
        return _boolean(text, key)
    if kind == "json":
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            raise BadInput(f"JSON is wanted, a text of {len(text)} characters came", ("traits", key)) from None
    value = number(text, f"traits.{key}")
    if kind == "integer" and not isinstance(value, int):
        raise BadInput("a whole number is wanted", ("traits", key))
    return value


def _boolean(text: str, key: str) -> bool:
    word = text.lower()
    if word in ("true", "t", "yes", "y", "1"):
        return True
    if word in ("false", "f", "no", "n", "0"):
        return False
    raise BadInput("true or false (yes, no, 1, 0) is wanted", ("traits", key))


def number(text: str, field: str) -> int | float:
    """A number written plainly: digits, a minus, a point."""
    text = text.strip()
    if not _DECIMAL.fullmatch(text):
        raise BadInput(f"a number is wanted, a text of {len(text)} characters came", (field,))
    return float(text) if "." in text else int(text)


def time_of(text: str, time_format: str, zone: tzinfo, field: str) -> str | datetime:
    """A time: RFC 3339 text as it is, or a datetime with its zone, which is `zone` where none is written."""
    if time_format == "rfc3339":
        return text if zone is UTC or _ZONED.fullmatch(text) else _local(text, zone, field)
    if time_format in ("epoch_s", "epoch_ms"):
        return _epoch(text, 1 if time_format == "epoch_s" else 1000, field)
    try:
        moment = datetime.strptime(text, time_format)
    except ValueError:
        raise BadInput(f"a text of {len(text)} characters came that is not as {time_format}", (field,)) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _local(text: str, zone: tzinfo, field: str) -> datetime:
    instant_of(text, (field,))
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def _epoch(text: str, ticks: int, field: str) -> datetime:
    if not _DECIMAL.fullmatch(text):
        raise BadInput(f"a number since 1970 is wanted, a text of {len(text)} characters came", (field,))
    try:
        return _EPOCH + timedelta(microseconds=int(Decimal(text) * 1_000_000 / ticks))
    except OverflowError:
        raise BadInput("outside of the years 0001 to 9999; is the unit (epoch_s, epoch_ms) right?", (field,)) from None
