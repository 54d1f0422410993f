"""Counts of the whole store, and the rules it resolves by."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import Final

import orjson

from graph.resolve.rules import Rules
from graph.store.reading.contradictions import MOST_PAIRS, contradictions
from graph.store.sqlite.reads.asking import numbers
from graph.views import RuleSetView, StatsView

__all__ = ["rules", "stats"]

_STATS: Final = """
WITH named AS (
    SELECT count(*) AS profiles, coalesce(max(size), 0) AS largest, total(contested) AS contested FROM one_id NOT INDEXED WHERE size > 0
)
SELECT
    (SELECT count(*) FROM identifier WHERE profile IS NOT NULL),
    (SELECT count(*) FROM link),
    (SELECT count(*) FROM barred),
    profiles,
    (SELECT count(*) FROM version WHERE state = 0),
    largest,
    (SELECT count(*) FROM identifier INDEXED BY identifier_shared WHERE flags & 1 AND profile IS NOT NULL),
    CAST(contested AS INTEGER),
    (SELECT coalesce(max(version), 0) FROM rules)
FROM named
"""
_REFUSED: Final = """
SELECT refused, count(*) FROM link WHERE refused IS NOT NULL GROUP BY 1 UNION ALL SELECT refused, count(*) FROM barred GROUP BY 1
"""

_SAID: Final = """
SELECT DISTINCT v.id, s.name, v.ids FROM (
    SELECT a, b FROM link INDEXED BY link_dirty WHERE dirty > 0 AND a >> 40 = b >> 40
    UNION ALL
    SELECT a, b FROM barred INDEXED BY barred_dirty WHERE dirty > 0 AND a >> 40 = b >> 40
    LIMIT ?
) d CROSS JOIN carries x ON x.identifier = d.a
CROSS JOIN carries y ON y.identifier = d.b AND y.observed = x.observed AND y.version = x.version
CROSS JOIN version v ON v.id = x.version CROSS JOIN source s ON s.no = v.source
"""
_GROUPS: Final = "SELECT i.id, i.grp FROM json_each(?) j CROSS JOIN identifier i ON i.id = j.value WHERE i.grp IS NOT NULL"


def stats(conn: sqlite3.Connection, rules: Rules) -> StatsView:
    """Exact counts of what is live now, by a pass or two over each table: `links` are the accepted ones, `refused_links` all others."""
    identifiers, usable, barred, profiles, fragments, largest, shared, contested, version = conn.execute(_STATS).fetchone()
    refused: Counter[str] = Counter()
    for rule, count in conn.execute(_REFUSED):
        refused[rule] += count
    return StatsView(
        identifiers=identifiers,
        links=usable + barred - refused.total(),
        refused_links=refused.total(),
        profiles=profiles,
        fragments=fragments,
        largest_profile=largest,
        shared_identifiers=shared,
        contested_profiles=contested,
        store="sqlite",
        rules_version=version,
        refused_by=dict(sorted(refused.items())),
        contradictions=_contradictions(conn, rules),
    )


def _contradictions(conn: sqlite3.Connection, rules: Rules) -> dict[str, int]:
    said = [(id, source, orjson.loads(ids)) for id, source, ids in conn.execute(_SAID, (MOST_PAIRS,))]
    if not said:
        return {}
    groups = dict(conn.execute(_GROUPS, (numbers({id for _, _, ids in said for id in ids}),)))
    return contradictions(said, groups, dict(conn.execute("SELECT no, name FROM namespace")), rules)


def rules(conn: sqlite3.Connection, in_force: Rules, version: int | None = None) -> RuleSetView | None:
    """A version of the rules, the last one where none is named; None where there is no such version."""
    row = conn.execute(
        "SELECT r.version, r.toml, c.at, r.by FROM rules r JOIN commits c ON c.n = r.made"
        " WHERE r.version = coalesce(?, (SELECT max(version) FROM rules))",
        (version,),
    ).fetchone()
    return RuleSetView(*row) if row else None
