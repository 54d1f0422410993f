"""Ids, cursors and tokens: surrogate numbers in an opaque text.

A text is a check of three bytes and the numbers as varints, in base64url without padding. The check covers what the text is for
(`profile`, `identifiers`, …), so that one made up, or taken from another list, is told apart from one given out here; it is no
secret, and nothing depends on its being one. Numbers are counters of the store, never made from a value.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Final
from zlib import crc32

from graph.errors import BadCursor

__all__ = ["commit_of", "decode", "encode", "node_id", "node_key"]

_TEXT: Final = re.compile(r"[A-Za-z0-9_-]{5,160}")
_INT64: Final = 1 << 63
_KINDS: Final = ("profile", "identifier", "link", "fragment", "judgement", "change", "cause", "conflict", "job", "audit", "receipt")
"""Types of nodes by their number in an id: only ever add at the end."""
_NUMBERS: Final = {kind: place for place, kind in enumerate(_KINDS)}


def encode(purpose: str, numbers: Sequence[int]) -> str:
    """The text for some numbers, of 64 bits with sign each."""
    body = bytearray()
    for number in numbers:
        rest = (number << 1) if number >= 0 else ~(number << 1)
        while rest > 0x7F:
            body.append(rest & 0x7F | 0x80)
            rest >>= 7
        body.append(rest)
    return urlsafe_b64encode(_check(purpose, body) + body).rstrip(b"=").decode()


def decode(purpose: str, text: str, path: tuple[str, ...]) -> tuple[int, ...]:
    """The numbers of a text that `encode` gave for this purpose; BadCursor, which names `path`, for any other text."""
    numbers = _numbers(purpose, text)
    if numbers is None:
        raise BadCursor(f"not one that this service gave out for `{purpose}`; take it from an answer, as it is", path)
    return numbers


def node_id(kind: str, *numbers: int, as_of: int | None = None) -> str:
    """The id of a node: opaque, and the same for ever. With `as_of` that of the node as of a commit, which is another one."""
    key = (_NUMBERS[kind], *numbers)
    return encode("node", key) if as_of is None else encode("past node", (as_of, *key))


def node_key(text: str, path: tuple[str, ...]) -> tuple[str, tuple[int, ...]]:
    """The kind and numbers behind an id, as of whenever it is; BadCursor for a text that is no id of this service."""
    numbers = _numbers("node", text) or (_numbers("past node", text) or ())[1:]
    if not numbers or not 0 <= numbers[0] < len(_KINDS) or len(numbers) < 2:
        raise BadCursor("not an id that this service gave out; ids are opaque, take them from an answer", path)
    return _KINDS[numbers[0]], numbers[1:]


def commit_of(text: str) -> int | None:
    """The commit that an id of an `asOf` answer carries; None for any other id."""
    numbers = _numbers("past node", text)
    return numbers[0] if numbers else None


def _check(purpose: str, body: bytes | bytearray) -> bytes:
    return (crc32(body, crc32(purpose.encode())) & 0xFFFFFF).to_bytes(3, "big")


def _numbers(purpose: str, text: str) -> tuple[int, ...] | None:
    if not _TEXT.fullmatch(text):
        return None
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    body = raw[3:]
    if _check(purpose, body) != raw[:3] or not body or body[-1] & 0x80:
        return None
    numbers: list[int] = []
    number = shift = 0
    for byte in body:
        number |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            numbers.append((number >> 1) ^ -(number & 1))
            number = shift = 0
    if not all(-_INT64 <= one < _INT64 for one in numbers):
        return None
    return tuple(numbers) if encode(purpose, numbers) == text else None  # one text only for the same numbers
