"""The words a name can be found by: what ingest keeps of a version, and what a query looks for.

A query finds a version when each of its words is the beginning of a token of that version. Scripts written
without spaces (Chinese, Japanese, Korean, Thai, Lao, Khmer, Burmese) give every suffix of a run, so that any part
of a name is the beginning of a token: 李雷 is found by 李, by 雷 and by 李雷. Other scripts give words. Both sides
are compared as NFKC without case, so that width and capitals make no difference.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

__all__ = ["MAX_RUN", "MAX_TEXT", "MAX_TOKENS", "MAX_WORD", "query_tokens", "tokens", "whole_name"]

MAX_TEXT = 200
"""Characters of one name that are looked at."""
MAX_RUN = 16
"""Characters of a token in a script without spaces."""
MAX_WORD = 40
"""Characters of any other token."""
MAX_TOKENS = 200
"""Tokens kept of one version: those of its first names, in order of the trait's key."""

_ASCII_WORD = re.compile(r"[0-9a-z]+")

# scripts written without spaces between words, as ranges of code points
_DENSE = (
    (0x0E01, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1100, 0x11FF),  # Korean jamo
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FDF),  # Chinese radicals
    (0x3005, 0x3007),
    (0x3021, 0x3029),
    (0x3038, 0x303C),
    (0x3041, 0x309F),  # Japanese
    (0x30A1, 0x30FA),
    (0x30FC, 0x30FF),
    (0x3105, 0x31FF),  # bopomofo, compatibility jamo, more kana
    (0x3400, 0x4DBF),  # Chinese
    (0x4E00, 0x9FFF),
    (0xA960, 0xA97F),  # Korean
    (0xAC00, 0xD7FF),
    (0xF900, 0xFAFF),
    (0x1B000, 0x1B16F),
    (0x20000, 0x3FFFF),
)


def tokens(traits: Mapping[str, Any] | None, names: Collection[str]) -> set[str]:
    """What the traits in `names` can be found by, at most MAX_TOKENS; a trait may be a text or hold texts."""
    if not traits:
        return set()
    found: dict[str, None] = {}
    for key in sorted(names & traits.keys()):
        for text in _texts(traits[key]):
            found.update(dict.fromkeys(_tokens(text[:MAX_TEXT])))
            if len(found) >= MAX_TOKENS:
                return set(islice(found, MAX_TOKENS))
    return set(found)


def query_tokens(text: str) -> list[str]:
    """The words of a query, in order and without repeats; empty where the text holds no letter or digit."""
    return list(dict.fromkeys(_cut(word, dense) for word, dense in _words(text[:MAX_TEXT])))


def whole_name(traits: Mapping[str, Any] | None, names: Collection[str], words: Collection[str]) -> bool:
    """Whether the query's words are all the words of one name, or of all names of the version together."""
    if not traits or not words:
        return False
    asked, together = set(words), set[str]()
    for key in names & traits.keys():
        for text in _texts(traits[key]):
            held = set(query_tokens(text))
            if held == asked:
                return True
            together |= held
    return together == asked


def _texts(value: Any) -> Iterator[str]:
    """The texts in a trait: itself, or those directly in its list or object."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for inner in value.values() if isinstance(value, Mapping) else value:
            if isinstance(inner, str):
                yield inner


@lru_cache(maxsize=65_536)
def _tokens(text: str) -> tuple[str, ...]:
    found: list[str] = []
    for word, dense in _words(text):
        if dense:
            starts = (i for i in range(len(word)) if not unicodedata.category(word[i]).startswith("M"))
            found.extend(word[i : i + MAX_RUN] for i in starts)
        else:
            found.append(word[:MAX_WORD])
    return tuple(found)


def _cut(word: str, dense: bool) -> str:
    return word[: MAX_RUN if dense else MAX_WORD]


def _words(text: str) -> list[tuple[str, bool]]:
    """The runs of letters and digits, each with whether its script is written without spaces."""
    if text.isascii():
        return [(word, False) for word in _ASCII_WORD.findall(text.lower())]
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    words: list[tuple[str, bool]] = []
    run, kind = "", 0
    for character in folded:
        now = _kind(character)
        if now == _JOINS:
            if _category(character) == "M" and run:  # a mark belongs to the letter before it; joiners are dropped
                run += character
            continue
        if now != kind and run:
            words.append((run, kind == _DENSE_LETTER))
            run = ""
        kind = now
        if now != _BREAK:
            run += character
    if run:
        words.append((run, kind == _DENSE_LETTER))
    return words


_BREAK, _LETTER, _DENSE_LETTER, _JOINS = 0, 1, 2, 3


@lru_cache(maxsize=16_384)
def _kind(character: str) -> int:
    category = _category(character)
    if category == "M" or unicodedata.category(character) == "Cf":
        return _JOINS
    if category not in "LN":
        return _BREAK
    code = ord(character)
    return _DENSE_LETTER if any(low <= code <= high for low, high in _DENSE) else _LETTER


def _category(character: str) -> str:
    return unicodedata.category(character)[0]
