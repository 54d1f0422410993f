"""How reads ask a Neo4j server: one statement, one record with one value back; and a read that is done again where it met half a commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any, Final, Protocol, TypeVar

from neo4j.exceptions import Neo4jError

from graph.errors import StoreBusy, StoreTrouble
from graph.model import Identifier
from graph.resolve.rules import Rules
from graph.store.neo4j.reads import cypher_identity as cypher
from graph.store.neo4j.reads.watch import Torn, Watch
from graph.store.ports import SHARED
from graph.store.reading.rows import Face, Row
from graph.views import ProfileView

__all__ = ["Asking", "Run", "again", "face_of", "sayable"]

T = TypeVar("T")
A = TypeVar("A", bound="Asking")

_TRIES: Final = 8
_STRICT: Final = 4
"""Tries in which even facts may not have changed meanwhile; a profile that is written without pause is answered after these, too."""
_PAUSE: Final = 0.001
_VANISHED: Final = frozenset({"Neo.TransientError.Transaction.Outdated", "Neo.ClientError.Statement.EntityNotFound"})


class Run(Protocol):
    """Runs one statement in a read transaction; the one value of its one record."""

    async def __call__(self, statement: str, /, **values: Any) -> Any: ...


class Asking:
    """What the rows of all subjects share: the way to the server, and what was met on it."""

    def __init__(self, run: Run, rules: Rules) -> None:
        self.rules = rules
        self.watch = Watch()
        self._run = run
        self._known: dict[int, Face] = {}
        self._views: dict[int, Row] = {}

    async def ask(self, statement: str, /, **values: Any) -> Any:
        self.watch.statements += 1
        return await self._run(statement, **values)

    def of(self, views: Iterable[ProfileView]) -> list[int]:
        """The numbers of profiles of which a part is read."""
        ns = [view.n for view in views]
        self.watch.parted(ns)
        return ns

    def met(self, rows: Iterable[Row]) -> list[Face]:
        """Faces, each compared with what was met of it before."""
        found = []
        for row in rows:
            face = face_of(row)
            self.watch.belongs(face)
            self._known[face.id] = face
            found.append(face)
        return found

    def view(self, row: Row) -> Row:
        """A view, its size compared with its members; kept for who asks for it next."""
        *view, members = row
        n, _, _, size, updated, now, made_at, updated_at, *_ = view
        if made_at is None or updated_at is None or now is None:
            raise Torn
        self.watch.profile(n, size, updated, members)
        self._views[n] = view
        return view

    async def settled(self, *, strict: bool) -> bool:
        """Whether the profiles whose parts were read are still as they were met first."""
        ns = self.watch.open
        return not ns or self.watch.fits(await self._run(cypher.SETTLED, ns=ns), strict=strict)


async def again(rows_of: Callable[[], A], read: Callable[[A], Awaitable[T]]) -> T:
    """The answer of a read that met no half of a commit; it is tried a few times, then StoreBusy. What seems to belong to nobody is
    believed when it is met twice."""
    doubts: Collection[Any] = ()
    for tried in range(_TRIES):
        if tried:
            await asyncio.sleep(_PAUSE * tried)
        rows = rows_of()
        try:
            answer = await read(rows)
        except Torn:
            continue
        except StoreTrouble as trouble:
            if not _vanished(trouble.__cause__) or tried == _TRIES - 1:
                raise
            continue
        except KeyError:  # an object named by another is not there, which half a commit may be the reason for
            if tried == _TRIES - 1:
                raise
            continue
        if rows.watch.doubts == set(doubts) and await rows.settled(strict=tried < _STRICT):
            return answer
        doubts = rows.watch.doubts
    raise StoreBusy("what was asked for changes faster than it can be read; send the request again")


def _vanished(error: BaseException | None) -> bool:
    """Whether a statement failed since what it stood on was deleted meanwhile."""
    return isinstance(error, Neo4jError) and error.code in _VANISHED


def face_of(row: Row) -> Face:
    id, namespace, value, flags, group, profile = row
    return Face(id, Identifier(namespace, value), bool(flags & SHARED), id if group is None else group, profile)


def sayable(texts: Iterable[str]) -> list[str]:
    """Of these texts those that the store could hold: lone surrogates are no UTF-8."""
    return [text for text in texts if _encodes(text)]


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def pairs_of(identifiers: Sequence[Identifier]) -> list[list[str]]:
    """Identifiers as statements take them."""
    return [list(one) for one in identifiers if _encodes(one.namespace) and _encodes(one.value)]
