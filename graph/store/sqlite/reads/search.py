"""Search: people by the beginning of an identifier or by their names.

Work is bounded by what is looked at: 5,000 identifiers for each prefix, in order of value, and 2,000 versions for the rarest word of a
name, whole words first. What is found there is listed by profile number, so nobody comes twice and a key says nothing about a value.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, Final

import orjson

from graph.model import Identifier
from graph.resolve.rules import Rules
from graph.store.sqlite.reads.fragments import holders_of, versions
from graph.store.sqlite.reads.profiles import profile_views
from graph.store.sqlite.reads.trip import Trip, bounded, total_wanted
from graph.traits.names import tokens, whole_name
from graph.views import Connection, Edge, Page, ProfileView, Want

__all__ = ["search"]

_IDENTIFIERS: Final = 5_000
_VERSIONS: Final = 2_000
_NAMESPACES: Final = 100
"""Namespaces that no rule declares and that a prefix without namespace is looked for in."""


def search(
    conn: sqlite3.Connection,
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
    trip, page = Trip(conn, rules), bounded(page)
    by_value, all_values = _by_value(trip, prefixes, whole) if prefixes else (set(), True)
    by_name, all_names = _by_name(trip, names, whole) if names else (set(), True)
    after = page.after[0] if page.after else 0
    found = sorted(by_value | by_name)
    ns = [n for n in found if n > after][: page.first + 1]
    views = profile_views(trip, ns[: page.first], [one for one in want if one.field != "total_count"])
    edges = tuple(Edge((n,), views[n]) for n in ns[: page.first])
    total = len(found) if total_wanted(want) and all_values and all_names else None
    return Connection(edges, len(ns) > page.first, edges[-1].key if edges else page.after, total)


# ---------------------------------------------------------------- by value

_SPACES: Final = """
WITH asked (namespace, value) AS (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?1)),
space (no, value) AS (
    SELECT n.no, a.value FROM asked a JOIN namespace n ON n.name = a.namespace
    UNION
    SELECT n.no, a.value FROM asked a
    JOIN (SELECT no FROM namespace WHERE name NOT IN (SELECT value FROM json_each(?2)) ORDER BY no LIMIT ?3) n ON a.namespace = ''
)
"""
_BEGINNING: Final = f"""{_SPACES}
SELECT i.profile, i.value FROM space s CROSS JOIN identifier i ON i.id IN (
    SELECT id FROM identifier
    WHERE namespace = s.no AND value >= s.value AND value < s.value || char(1114111) AND profile IS NOT NULL ORDER BY value LIMIT ?4
)
"""
_EQUAL: Final = f"""{_SPACES}
SELECT i.profile, i.value FROM space s CROSS JOIN identifier i ON i.namespace = s.no AND i.value = s.value AND i.profile IS NOT NULL
LIMIT ?4
"""


def _by_value(trip: Trip, prefixes: Sequence[Identifier], whole: bool) -> tuple[set[int], bool]:
    """Profiles of identifiers that match, and whether all of them were looked at."""
    declared = json.dumps([namespace.name for namespace in trip.rules.namespaces])
    rows = trip.rows(_EQUAL if whole else _BEGINNING, json.dumps(prefixes), declared, _NAMESPACES, _IDENTIFIERS)
    asked = tuple(prefix.value for prefix in prefixes)
    found = {n for n, value in rows if (value in asked if whole else value.startswith(asked))}
    return found, len(rows) < _IDENTIFIERS


# ---------------------------------------------------------------- by name

_RANGE: Final = "token >= ?1 AND token < ?1 || char(1114111)"
_COUNTS: Final = """
SELECT j.key, (SELECT count(*) FROM (
    SELECT 1 FROM name_token WHERE token >= j.value AND token < j.value || char(1114111) LIMIT ?2
)) FROM json_each(?1) j
"""


def _by_name(trip: Trip, words: Sequence[str], whole: bool) -> tuple[set[int], bool]:
    """Profiles that hold the facts of active versions whose names match, and whether all of them were looked at.

    Versions are met by the rarest word; the other words are looked for in the traits of these.
    """
    words = list(dict.fromkeys(words))
    counts = {words[place]: count for place, count in trip.rows(_COUNTS, json.dumps(words), _VERSIONS + 1)}
    rarest = min(words, key=lambda word: (counts[word], -len(word), word))
    condition = "token = ?1" if whole else _RANGE
    rows: list[Any] = trip.rows(f"SELECT version FROM name_token WHERE {condition} ORDER BY token, version LIMIT ?2", rarest, _VERSIONS)
    found = versions(trip, {version for (version,) in rows})
    if whole or len(words) > 1:
        names = trip.rules.traits.names
        for version in list(found.values()):
            traits = orjson.loads(version.traits or "null")
            held = tokens(traits, names)
            fits = whole_name(traits, names, words) if whole else all(any(one.startswith(word) for one in held) for word in words)
            if not fits:
                del found[version.id]
    holders = holders_of(trip, found.values())
    return {face.profile for some in holders.values() for face in some if face.profile is not None}, len(rows) < _VERSIONS
