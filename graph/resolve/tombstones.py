"""What is remembered of an identifier that was erased: keyed hashes, which say nothing without the key.

A tombstone is HMAC-SHA-256 (RFC 2104) under a key kept outside the store, of the namespace, a way of normalising and the value in the form
that this way gives it. There is one for every way, so that an erased identifier is known again also under rules that normalise otherwise
than those it was erased under.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import Final

from graph.model import Identifier, RecordKey
from graph.resolve.normalise import Blocked, Normalise, normal_form
from graph.resolve.rules import Rules

__all__ = ["KEY_BYTES", "forms_of", "key_mark", "mark_of", "marks_of", "record_mark", "surrogate"]

KEY_BYTES: Final = 32


def _mark(key: bytes, *parts: str) -> bytes:
    """The parts cannot run into each other: all but the last are without the character between them."""
    return hmac.digest(key, "\x00".join(parts).encode("utf-8", "surrogatepass"), "sha256")


def key_mark(key: bytes) -> bytes:
    """What tells one key from another."""
    return _mark(key, "key")


def mark_of(key: bytes, identifier: Identifier, rules: Rules) -> bytes:
    """The tombstone that an identifier, normalised by these rules, has if it was erased."""
    how = rules.namespace(identifier.namespace).normalise
    return _mark(key, "identifier", how.value, *_named(identifier.namespace, identifier.value))


def marks_of(key: bytes, namespace: str, values: Iterable[str], rules: Rules) -> set[bytes]:
    """Every tombstone of an identifier that was written in all these ways."""
    return {_mark(key, "identifier", how.value, *_named(namespace, form)) for how, form in _forms(namespace, values, rules)}


def forms_of(namespace: str, values: Iterable[str], rules: Rules) -> set[Identifier]:
    """Every identifier that some way of normalising makes of what was written."""
    return {Identifier(namespace, form) for _, form in _forms(namespace, values, rules)}


def _forms(namespace: str, values: Iterable[str], rules: Rules) -> set[tuple[Normalise, str]]:
    region = rules.namespace(namespace).region
    written = sorted(set(values))
    return {(how, form) for how in Normalise for value in written if not isinstance(form := normal_form(value, how, region), Blocked)}


def record_mark(key: bytes, record: RecordKey) -> bytes:
    """The tombstone of a record whose own id held what was erased."""
    return _mark(key, "record", str(len(record.source)), record.source, record.id)


def surrogate(key: bytes, record: RecordKey) -> RecordKey:
    """The name that such a record has from then on: the same whenever it comes again."""
    return RecordKey(record.source, f"erased-{record_mark(key, record).hex()[:32]}")


def _named(namespace: str, value: str) -> tuple[str, str, str]:
    return str(len(namespace)), namespace, value
