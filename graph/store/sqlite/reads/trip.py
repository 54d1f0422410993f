"""One trip: a connection inside one read transaction, the rules in force, and what this trip has already seen.

Everything is read for all asked objects at once: ids go in as one JSON array, so the number of statements depends on what is
wanted, never on how many objects there are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple, TypeVar

from graph.errors import BadCursor
from graph.model import Identifier
from graph.resolve.rules import Rules
from graph.store.ports import SHARED
from graph.views import Connection, Edge, IdentifierView, Key, Page, Want

__all__ = [
    "LAST",
    "Face",
    "Trip",
    "argument",
    "bounded",
    "connection",
    "inner_of",
    "merged",
    "numbers",
    "page_of",
    "total_wanted",
    "without_rows",
]

T = TypeVar("T")

LAST: Final = (1 << 63) - 1
"""Greater than or equal to every number in the store: where a list that runs backwards begins."""

_MOST: Final = 100
_FACES: Final = """
SELECT i.id, n.name, i.value, i.flags, i.grp, i.profile
FROM json_each(?) j CROSS JOIN identifier i ON i.id = j.value JOIN namespace n ON n.no = i.namespace
"""


class Face(NamedTuple):
    """An identifier as the store has it; `profile` None while nothing mentions it; `group` names its judged group, else itself."""

    id: int
    identifier: Identifier
    shared: bool
    group: int
    profile: int | None


class Trip:
    """The connection and rules of one read; identifiers are fetched once however many parts show them."""

    __slots__ = ("_faces", "conn", "plain", "rules")

    def __init__(self, conn: sqlite3.Connection, rules: Rules) -> None:
        self.conn = conn
        self.rules = rules
        self._faces: dict[int, Face] = {}
        self.plain: dict[int, IdentifierView] = {}
        """Identifiers as they show where none of their parts are wanted."""

    def rows(self, sql: str, *args: Any) -> list[Any]:
        """All rows of one statement."""
        return self.conn.execute(sql, args).fetchall()

    def few(self, sql: str, most: int, *args: Any) -> list[Any] | None:
        """All rows of a statement whose last parameter is its limit, if they are no more than `most`."""
        rows = self.rows(sql, *args, most + 1)
        return rows if len(rows) <= most else None

    def faces(self, ids: Iterable[int]) -> Mapping[int, Face]:
        """Identifiers by id, among them at least these; one that the store has never known is not there."""
        missing = set(ids).difference(self._faces)
        if missing:
            self.met(self.rows(_FACES, numbers(missing)))
        return self._faces

    def met(self, rows: Iterable[Sequence[Any]]) -> None:
        """Remember identifiers that another statement brought along, in the columns of a face."""
        for id, namespace, value, flags, group, profile in rows:
            self._faces[id] = Face(id, Identifier(namespace, value), bool(flags & SHARED), id if group is None else group, profile)


def numbers(ids: Iterable[int]) -> str:
    """Numbers as a JSON array."""
    return f"[{','.join(map(str, ids))}]"


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
