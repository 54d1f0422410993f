"""Counts of the whole store, and the rules it resolves by."""

from __future__ import annotations

import sqlite3

from graph.resolve.rules import Rules
from graph.views import RuleSetView, StatsView

__all__ = ["rules", "stats"]

_STATS = """
SELECT
    (SELECT count(*) FROM identifier WHERE profile IS NOT NULL),
    (SELECT count(*) FROM link WHERE refused IS NULL),
    (SELECT count(*) FROM link WHERE refused IS NOT NULL) + (SELECT count(*) FROM barred),
    (SELECT count(*) FROM one_id WHERE size > 0),
    (SELECT count(*) FROM version WHERE state = 0),
    (SELECT coalesce(max(size), 0) FROM one_id),
    (SELECT count(*) FROM identifier WHERE flags & 1 AND profile IS NOT NULL),
    (SELECT count(*) FROM one_id WHERE contested AND size > 0),
    'sqlite',
    (SELECT coalesce(max(version), 0) FROM rules)
"""


def stats(conn: sqlite3.Connection, rules: Rules) -> StatsView:
    """Exact counts of what is live now: `links` are the accepted ones, `refused_links` all others."""
    return StatsView(*conn.execute(_STATS).fetchone())


def rules(conn: sqlite3.Connection, in_force: Rules, version: int | None = None) -> RuleSetView | None:
    """A version of the rules, the last one where none is named; None where there is no such version."""
    row = conn.execute(
        "SELECT r.version, r.toml, c.at, r.by FROM rules r JOIN commits c ON c.n = r.made"
        " WHERE r.version = coalesce(?, (SELECT max(version) FROM rules))",
        (version,),
    ).fetchone()
    return RuleSetView(*row) if row else None
