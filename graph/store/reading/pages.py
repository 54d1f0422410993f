"""What a want asks for, and pages of lists: what all reads share before they know of any object."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, Final, TypeVar

from graph.errors import BadCursor
from graph.views import Connection, Edge, Key, Page, Want

__all__ = [
    "LAST",
    "argument",
    "bounded",
    "connection",
    "inner_of",
    "merged",
    "page_of",
    "total_wanted",
    "without_rows",
    "without_total",
]

T = TypeVar("T")

LAST: Final = (1 << 63) - 1
"""Greater than or equal to every number in the store: where a list that runs backwards begins."""

_MOST: Final = 100


def argument(want: Want, name: str, default: Any = None) -> Any:
    """One argument of a wanted part; None counts as not given."""
    for key, value in want.args:
        if key == name:
            return default if value is None else value
    return default


def page_of(want: Want, *widths: int) -> Page:
    """The page that is wanted; `first` is held between 0 and 100, `after` has one of the widths that keys of this list have."""
    return bounded(Page(argument(want, "first", 20), argument(want, "after")), *widths)


def bounded(page: Page, *widths: int) -> Page:
    if page.after is not None and len(page.after) not in (widths or (1,)):
        raise BadCursor("not a cursor of this list; take it from an answer to the same field", ("after",))
    return Page(max(0, min(page.first, _MOST)), page.after)


def merged(want: Iterable[Want]) -> list[Want]:
    """The wants with each part once; what is wanted of its objects is what any of them wants."""
    found: dict[tuple[str, Any], Want] = {}
    for one in want:
        before = found.get(one.key)
        found[one.key] = one if before is None else Want(one.field, one.args, before.inner + one.inner)
    return list(found.values())


def inner_of(want: Iterable[Want], field: str) -> tuple[Want, ...]:
    """What is wanted of the objects in `field`, over all wants of it."""
    return tuple(chain.from_iterable(one.inner for one in want if one.field == field))


def total_wanted(want: Iterable[Want]) -> bool:
    return any(one.field == "total_count" for one in want)


def without_total(want: Iterable[Want]) -> list[Want]:
    return [one for one in want if one.field != "total_count"]


def connection(
    page: Page, edges: Sequence[Edge[T]], *, total: int | None = None, passed: Key | None = None, more: bool = False
) -> Connection[T]:
    """A page of edges read one beyond it. Where a filter hid some, `passed` is the last key looked at, `more`: others follow it."""
    kept = tuple(edges[: page.first])
    if len(edges) > page.first:
        return Connection(kept, True, kept[-1].key if kept else page.after, total)
    return Connection(kept, more, passed or (kept[-1].key if kept else page.after), total)


def without_rows(want: Want) -> Connection[Any]:
    """The empty page of a list that has nothing."""
    return Connection((), False, argument(want, "after"), 0 if total_wanted(want.inner) else None)
