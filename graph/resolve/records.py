"""Versions of records: which one counts, and when two say the same."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import orjson

from graph.model import Fragment, RecordKey

__all__ = ["content", "latest"]


def content(fragment: Fragment) -> bytes:
    """16 bytes that are equal for equal content: identifiers in order, observedAt, traits and score, as sent."""
    sent = [[list(i) for i in fragment.identifiers], fragment.observed_at, fragment.traits, fragment.score]
    return blake2b(orjson.dumps(sent, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()


def latest(fragments: Iterable[Fragment]) -> list[Fragment]:
    """Of each record the version that counts: the latest `observed_at`, among equals the last recorded.

    Fragments come in the order recorded, each with a time; content equal to an earlier version of its record changes nothing.
    """
    current: dict[RecordKey, Fragment] = {}
    seen: dict[RecordKey, set[bytes]] = {}
    for fragment in fragments:
        before = current.setdefault(fragment.key, fragment)
        if before is fragment:
            continue
        earlier = seen.setdefault(fragment.key, {content(before)})
        if (digest := content(fragment)) in earlier:
            continue
        earlier.add(digest)
        if (fragment.observed_at or 0) >= (before.observed_at or 0):
            current[fragment.key] = fragment
    return list(current.values())
