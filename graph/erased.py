"""Whether what a request names was erased: asked under the gate, and only where anybody ever was."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from graph.errors import Erased, KeyTrouble
from graph.model import Identifier, RecordKey
from graph.operations import Erase, Judge, Merge, Operation, Revert, Split, Withdraw
from graph.resolve.rules import Blocked, Rules
from graph.resolve.tombstones import key_mark, mark_of, marks_of, record_mark, surrogate
from graph.store.ports import Content, Store, Writing
from graph.views import ByIdentifier, LookUp

__all__ = ["erased_among", "marks", "recognised", "same_key", "with_versions", "without_erased"]


def marks(key: bytes, identifiers: Iterable[Identifier], rules: Rules) -> dict[bytes, Identifier]:
    """The tombstones that these would have, with whom each is of: normalised, or as sent where the rules block it (which they may not have
    done when it was erased, so every form of it is looked for)."""
    found: dict[bytes, Identifier] = {}
    for identifier in identifiers:
        normal = rules.normalise(identifier)
        if isinstance(normal, Blocked):
            found.update(dict.fromkeys(marks_of(key, identifier.namespace, (identifier.value,), rules), identifier))
        else:
            found[mark_of(key, normal, rules)] = normal
    return found


def same_key(key: bytes, met: Collection[bytes]) -> None:
    """KeyTrouble where the tombstones of the store were made with another key: `met` are those found among what was asked for, the mark of
    the key with it."""
    if key_mark(key) not in met:
        raise KeyTrouble("the erasure key is not the one that this store's tombstones were made with; set the right one")


def recognised(asked: Mapping[bytes, Identifier], met: Collection[bytes]) -> set[Identifier]:
    """Who of those asked for was erased."""
    return {identifier for mark, identifier in asked.items() if mark in met}


async def erased_among(writing: Writing, store: Store, identifiers: Iterable[Identifier]) -> set[Identifier]:
    """Who of these was erased: normalised, or as sent where blocked. One read, and none where nobody ever was."""
    if not writing.buried:
        return set()
    key = store.erasure_key.read()
    asked = marks(key, identifiers, writing.rules)
    met = await writing.tombstones([*asked, key_mark(key)])
    same_key(key, met)
    return recognised(asked, met)


async def with_versions(writing: Writing, records: Iterable[RecordKey]) -> set[RecordKey]:
    """Those of these names that records have."""
    return {asked.key for asked in await writing.heads([Content(record, b"") for record in records])}


async def without_erased(writing: Writing, store: Store, operation: Operation) -> Operation:
    """The operation as it may be done: Erased where it names who was; a record by the name that it has now."""
    if not writing.buried or isinstance(operation, Revert):
        return operation
    if isinstance(operation, Withdraw):
        key = store.erasure_key.read()
        met = await writing.tombstones([record_mark(key, operation.record), key_mark(key)])
        same_key(key, met)
        return Withdraw(surrogate(key, operation.record), operation.reason) if record_mark(key, operation.record) in met else operation
    named = _named(operation)
    gone = await erased_among(writing, store, named.values())
    wrong = [path for path, one in named.items() if one in gone or writing.rules.normalise(one) in gone]
    if wrong and not (isinstance(operation, Erase) and len(wrong) < len(named)):  # of a list, those erased before may be named again
        raise Erased(wrong[0])
    return operation


def _named(operation: Operation) -> dict[tuple[str, ...], Identifier]:
    """The identifiers that an operation names, by the path of each."""
    if isinstance(operation, Judge):
        return {("a",): operation.a, ("b",): operation.b}
    if isinstance(operation, Merge):
        return _looked_up({("profiles", str(place)): one for place, one in enumerate(operation.profiles)})
    if isinstance(operation, Split):
        detached = {("detach", str(place)): one for place, one in enumerate(operation.detach)}
        return _looked_up({("profile",): operation.profile}) | detached
    if isinstance(operation, Erase):
        listed = {("identifiers", str(place)): one for place, one in enumerate(operation.identifiers)}
        return _looked_up({("profile",): operation.profile}) | listed
    return {}


def _looked_up(by: Mapping[tuple[str, ...], LookUp | None]) -> dict[tuple[str, ...], Identifier]:
    return {path: one.identifier for path, one in by.items() if isinstance(one, ByIdentifier)}
