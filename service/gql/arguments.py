"""Arguments as the store's `Want`s name them, checked and bounded.

Each function here reads the arguments of one field, under their GraphQL names. Both who plans the store call (`wants`) and who later
looks a part up (the resolvers of `types`) go through the same function, so that both come to the same key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeAlias

from graph.errors import BadInput, ValueTooLong
from graph.lines import instant_of
from graph.views import Args, Key, Page
from service.gql import ids

__all__ = ["DEFAULT_PAGE", "Bounds", "Reader", "page", "part_args", "texts", "whole"]

DEFAULT_PAGE: Final = 20
MAX_TEXTS: Final = 100
"""Namespaces, sources, types or keys of one filter."""
MAX_TRAIT_KEYS: Final = 500
MAX_TEXT: Final = 256
MAX_DEPTH: Final = 3
"""Hops of a neighbourhood."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most a page and a neighbourhood may hold."""

    page: int = 100
    nodes: int = 1_000


Given: TypeAlias = Mapping[str, Any]
Reader: TypeAlias = Callable[[Given, Bounds], dict[str, Any]]


def whole(given: Given, name: str, default: int, most: int, least: int = 1) -> int:
    """A whole number from `least` to `most`; the default where none or null came."""
    value = given.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or not least <= value <= most:
        raise BadInput(f"{value} came, {least} to {most} are allowed", (name,))
    return value


def texts(given: Given, name: str, most: int = MAX_TEXTS) -> tuple[str, ...] | None:
    """A list of texts without repeats, in order; None for no filter."""
    value: Sequence[str] | None = given.get(name)
    if value is None:
        return None
    if len(value) > most:
        raise BadInput(f"{len(value)} came, at most {most} are allowed", (name,))
    for text in value:
        if len(text) > MAX_TEXT:
            raise ValueTooLong(len(text), MAX_TEXT, (name,))
    return tuple(sorted(set(value)))


def page(given: Given, bounds: Bounds, purpose: str) -> Page:
    """One page of a list; its cursors are those given out for the same kind of list."""
    return Page(first=whole(given, "first", min(DEFAULT_PAGE, bounds.page), bounds.page), after=_after(given, purpose))


def _after(given: Given, purpose: str) -> Key | None:
    after = given.get("after")
    return None if after is None else ids.decode(purpose, after, ("after",))


def _paged(purpose: str, *filters: str) -> Reader:
    def read(given: Given, bounds: Bounds) -> dict[str, Any]:
        one = page(given, bounds, purpose)
        return {"first": one.first, "after": one.after} | {name: texts(given, name) for name in filters}

    return read


def _links(given: Given, bounds: Bounds) -> dict[str, Any]:
    return _paged("links")(given, bounds) | {"refused": bool(given.get("refused"))}


def _first(default: int) -> Reader:
    return lambda given, bounds: {"first": whole(given, "first", min(default, bounds.page), bounds.page)}


def _traits(given: Given, _bounds: Bounds) -> dict[str, Any]:
    return {"keys": texts(given, "keys", MAX_TRAIT_KEYS)}


def _neighbourhood(given: Given, bounds: Bounds) -> dict[str, Any]:
    direction, since, least = given.get("direction"), given.get("since"), given.get("minWeight")
    if least is not None and not least >= 0:
        raise BadInput("a number of 0 or more is wanted", ("minWeight",))
    return {
        "depth": whole(given, "depth", 1, MAX_DEPTH),
        "types": texts(given, "types"),
        "since": None if since is None else instant_of(since, ("since",)),
        "direction": direction.value if isinstance(direction, Enum) else "both",
        "min_weight": float(least or 0),
        "max_nodes": whole(given, "maxNodes", min(200, bounds.nodes), bounds.nodes),
    }


def _none(_given: Given, _bounds: Bounds) -> dict[str, Any]:
    return {}


_READERS: Final[Mapping[str, Reader]] = {
    "retired_one_ids": _first(20),
    "identifiers": _paged("identifiers", "namespaces"),
    "traits": _traits,
    "links": _links,
    "conflict_links": _first(20),
    "fragments": _paged("fragments", "sources"),
    "link_fragments": _paged("fragments"),
    "related": _paged("related", "types"),
    "neighbourhood": _neighbourhood,
    "changes": _paged("profile changes"),
    "judgements": _paged("judgements"),
    "sources": _first(20),
    "gained": _paged("identifiers"),
    "lost": _paged("identifiers"),
    "alternatives": _first(10),
}


def part_args(reader: str, given: Given, bounds: Bounds) -> Args:
    """The arguments of one part in the form of `Want.args`; `reader` names how they are read."""
    return tuple(sorted(_READERS.get(reader, _none)(given, bounds).items()))
