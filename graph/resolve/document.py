"""The tables of a rules document, every key checked; `BadRules` names the key, what came and what is allowed."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from graph.errors import BadRules

__all__ = ["Table", "read_document"]

Choice = TypeVar("Choice", bound=StrEnum)
Kind = TypeVar("Kind")

_SHOWN = 40
_KINDS = {bool: "true or false", int: "a number", float: "a number", dict: "a table", list: "an array"}
_MOMENT = "a date or time"


def read_document(toml: str) -> dict[str, Any]:
    """The document's content; what is no TOML is refused with its line."""
    try:
        return tomllib.loads(toml.removeprefix("\ufeff"))
    except ValueError as trouble:
        raise BadRules(f"the rules are not TOML: {trouble}") from None
    except RecursionError:
        raise BadRules("the rules are not TOML that can be read: brackets are nested too deep") from None


class Table:
    """One table and the words that lead to it; a getter answers None for a key that is absent."""

    __slots__ = ("_content", "place")

    def __init__(self, place: str, content: object) -> None:
        if not isinstance(content, dict):
            raise BadRules(f"{place}: {came(content)} came, a table is allowed")
        self.place = place
        self._content: Mapping[str, Any] = content

    def __contains__(self, key: str) -> bool:
        return key in self._content

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def refusal(self, key: str, what_came: str, allowed: str) -> BadRules:
        """The error for what stands under `key`."""
        return BadRules(f"{self.place} {key}: {what_came} came, {allowed} is allowed".lstrip())

    def allow(self, keys: Collection[str], *, reserved: Collection[str] = ()) -> None:
        """Refuse every key that is not one of `keys`."""
        for key in self:
            if key in reserved:
                raise BadRules(f"{self.place} {key}: this key is reserved for a later version; leave it out".lstrip())
            if key not in keys:
                raise BadRules(f"{self.place} {_short(key)}: unknown key; allowed are {', '.join(keys)}".lstrip())

    def value(self, key: str) -> Any:
        """Whatever stands there, unchecked."""
        return self._content.get(key)

    def text(self, key: str) -> str | None:
        return self._typed(key, str, "a text")

    def flag(self, key: str) -> bool | None:
        return self._typed(key, bool, "true or false")

    def count(self, key: str) -> int | None:
        """A whole number of 1 or more."""
        number = self._typed(key, int, "a whole number of 1 or more")
        if number is not None and number < 1:
            raise self.refusal(key, str(number), "a whole number of 1 or more")
        return number

    def share(self, key: str) -> float | None:
        """A number from 0 to 1."""
        number = self.value(key)
        if number is None:
            return None
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= 1:
            raise self.refusal(key, came(number), "a number from 0 to 1")
        return float(number)

    def choice(self, key: str, choices: type[Choice]) -> Choice | None:
        word = self.value(key)
        if word is None:
            return None
        if word not in list(choices):
            raise self.refusal(key, came(word), f"one of {', '.join(choices)}")
        return choices(word)

    def texts(self, key: str) -> tuple[str, ...] | None:
        """An array of texts."""
        array = self._typed(key, list, "an array of texts")
        if array is None:
            return None
        for place, item in enumerate(array, 1):
            if not isinstance(item, str):
                # by its kind alone: the entries of `blocked` are people's identifiers
                raise self.refusal(f"{key}, entry {place}", _KINDS.get(type(item), _MOMENT), "a text")
        return tuple(array)

    def tables(self, key: str) -> list[Any]:
        """An array of tables, empty where there is none."""
        return self._typed(key, list, f"an array of tables, each begun with [[{key}]],") or []

    def _typed(self, key: str, kind: type[Kind], allowed: str) -> Kind | None:
        value = self.value(key)
        if value is None:
            return None
        # a boolean is an int to Python, never to a reader
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.refusal(key, came(value), allowed)
        return value


def came(value: object) -> str:
    """What came, as a message may say it: numbers and short words as they are, the rest by its kind."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{_short(value)}"'
    if isinstance(value, int | float):
        return _short(str(value))
    return _KINDS.get(type(value), _MOMENT)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"
