"""Versions of records: which one counts, and when two say the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import NamedTuple

import orjson

from graph.model import Fragment, Instant, RecordKey

__all__ = ["Counted", "content", "counting", "latest", "taken_back"]


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


class Counted(NamedTuple):
    """A version among those of its record: `made` and `withdrawn` are numbers of commits, `withdrawn` None: not, or the withdrawal was
    reverted; `links` False: it is marked as not linking; `alone`: its withdrawal takes back no other version."""

    id: int
    observed: Instant
    made: int
    withdrawn: int | None
    links: bool
    alone: bool = False


def taken_back(versions: Iterable[Counted]) -> int:
    """The last commit that withdrew all versions made before it; 0: none did."""
    return max((v.withdrawn for v in versions if v.withdrawn is not None and not v.alone), default=0)


def counting(versions: Sequence[Counted]) -> frozenset[int]:
    """The versions of one record that count.

    A withdrawal takes back all versions made before it, one of a version alone only that. Of those left the latest `observed` counts, among
    equals the last recorded; where it is marked as not linking the one before it counts beside it, and so on to the first that links.
    """
    since = taken_back(versions)
    left = sorted((v for v in versions if v.made > since and v.withdrawn is None), key=lambda v: (v.observed, v.id))
    first = max((place for place, v in enumerate(left) if v.links), default=0)
    return frozenset(v.id for v in left[first:])
