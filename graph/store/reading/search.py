"""Search: people by the beginning of an identifier or by their names.

Work is bounded by what is looked at: 5,000 identifiers for each prefix, in order of value, and 2,000 versions for the rarest word of a
name, whole words first. What is found there is listed by profile number, so nobody comes twice and a key says nothing about a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import orjson

from graph.model import Identifier
from graph.resolve.rules import Rules
from graph.store.reading.fragments import holders_of, versions_of
from graph.store.reading.pages import bounded, total_wanted, without_total
from graph.store.reading.profiles import profile_views
from graph.store.reading.rows import Rows
from graph.store.reading.trip import Trip
from graph.traits.names import tokens, whole_name
from graph.views import Connection, Edge, Page, ProfileView, Want

__all__ = ["search"]

_IDENTIFIERS: Final = 5_000
_VERSIONS: Final = 2_000


async def search(
    rows: Rows,
    rules: Rules,
    prefixes: Sequence[Identifier],
    names: Sequence[str],
    page: Page,
    want: Sequence[Want],
    *,
    whole: bool = False,
) -> Connection[ProfileView]:
    """Profiles that hold an identifier beginning with a prefix, or the facts of a fragment with a name all of whose words begin with
    `names`; keys (n,). With `whole` the value is the prefix and the words are all of the name. An empty namespace stands for all that
    the rules do not declare. `total_count` may stand among the wants: it is given where all that matches was looked at.
    """
    trip, page = Trip(rows, rules), bounded(page)
    by_value, all_values = await _by_value(trip, prefixes, whole) if prefixes else (set(), True)
    by_name, all_names = await _by_name(trip, names, whole) if names else (set(), True)
    after = page.after[0] if page.after else 0
    found = sorted(by_value | by_name)
    ns = [n for n in found if n > after][: page.first + 1]
    views = await profile_views(trip, ns[: page.first], without_total(want))
    edges = tuple(Edge((n,), views[n]) for n in ns[: page.first])
    total = len(found) if total_wanted(want) and all_values and all_names else None
    return Connection(edges, len(ns) > page.first, edges[-1].key if edges else page.after, total)


async def _by_value(trip: Trip, prefixes: Sequence[Identifier], whole: bool) -> tuple[set[int], bool]:
    """Profiles of identifiers that match, and whether all of them were looked at."""
    asked = tuple(prefix.value for prefix in prefixes)
    if whole:
        rows = await trip.rows.equal(prefixes, _IDENTIFIERS)
    else:
        rows = await trip.rows.beginning(prefixes, _IDENTIFIERS)
    found = {n for n, value in rows if (value in asked if whole else value.startswith(asked))}
    return found, len(rows) < _IDENTIFIERS


async def _by_name(trip: Trip, words: Sequence[str], whole: bool) -> tuple[set[int], bool]:
    """Profiles that hold the facts of active versions whose names match, and whether all of them were looked at.

    Versions are met by the rarest word; the other words are looked for in the traits of these.
    """
    words = list(dict.fromkeys(words))
    counts = dict(await trip.rows.count_names(words, _VERSIONS + 1))
    rarest = min(words, key=lambda word: (counts[word], -len(word), word))
    met = await trip.rows.named(rarest, _VERSIONS, whole=whole)
    found = await versions_of(trip, set(met))
    if whole or len(words) > 1:
        names = trip.rules.traits.names
        for version in list(found.values()):
            traits = orjson.loads(version.traits or "null")
            held = tokens(traits, names)
            fits = whole_name(traits, names, words) if whole else all(any(one.startswith(word) for one in held) for word in words)
            if not fits:
                del found[version.id]
    holders = await holders_of(trip, found.values())
    return {face.profile for some in holders.values() for face in some if face.profile is not None}, len(met) < _VERSIONS
