"""All rows of one kind, chunk by chunk, out of one snapshot."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import orjson

from graph.model import ProfileKind
from graph.resolve.rules import Rules
from graph.store.ports import ExportKind
from graph.store.reading.profiles import profile_views
from graph.store.reading.trip import Trip, at_once
from graph.store.sqlite.reads import SqliteRows
from graph.store.sqlite.reads.asking import numbers
from graph.views import Want

__all__ = ["export_chunks"]

_CHUNK = 500
_IDENTIFIERS = """
SELECT i.id, n.name, i.value, o.one_id, i.flags & 1,
    (SELECT min(observed) FROM carries WHERE identifier = i.id), (SELECT max(observed) FROM carries WHERE identifier = i.id)
FROM identifier i JOIN namespace n ON n.no = i.namespace JOIN one_id o ON o.n = i.profile WHERE i.id > ? ORDER BY i.id LIMIT ?
"""
_FRAGMENTS = """
SELECT v.id, s.name, v.record, v.observed, v.raw, v.traits, v.score
FROM version v JOIN source s ON s.no = v.source WHERE v.id > ? AND v.state = 0 ORDER BY v.id LIMIT ?
"""
_MEMBERS = """
SELECT i.profile, n.name || ':' || i.value
FROM json_each(?) j CROSS JOIN identifier i ON i.profile = j.value JOIN namespace n ON n.no = i.namespace
"""


def export_chunks(conn: sqlite3.Connection, rules: Rules, kind: ExportKind) -> Iterator[list[dict[str, Any]]]:
    """Rows as graph.store.ports.Store.export says, in chunks; all of one moment as long as the connection's transaction lasts."""
    chunk = {"identifiers": _identifiers, "profiles": _profiles, "fragments": _fragments}[kind]
    after = 0
    while True:
        rows, after = chunk(conn, rules, after)
        if not rows:
            return
        yield rows


def _identifiers(conn: sqlite3.Connection, rules: Rules, after: int) -> tuple[list[dict[str, Any]], int]:
    names = ("namespace", "value", "one_id", "shared", "first_seen", "last_seen")
    found = conn.execute(_IDENTIFIERS, (after, _CHUNK)).fetchall()
    rows = [dict(zip(names, row[1:], strict=True)) for row in found]
    for row in rows:
        row["shared"] = bool(row["shared"])
    return rows, found[-1][0] if found else after


def _fragments(conn: sqlite3.Connection, rules: Rules, after: int) -> tuple[list[dict[str, Any]], int]:
    found = conn.execute(_FRAGMENTS, (after, _CHUNK)).fetchall()
    rows = [
        {
            "source": source,
            "id": record,
            "observedAt": observed,
            "identifiers": [{"namespace": namespace, "value": value} for namespace, value in orjson.loads(raw)],
            "traits": None if traits is None else orjson.loads(traits),
            "score": score,
        }
        for _, source, record, observed, raw, traits, score in found
    ]
    return rows, found[-1][0] if found else after


def _profiles(conn: sqlite3.Connection, rules: Rules, after: int) -> tuple[list[dict[str, Any]], int]:
    ns = [n for (n,) in conn.execute("SELECT n FROM one_id WHERE n > ? AND size > 0 ORDER BY n LIMIT ?", (after, _CHUNK))]
    traits = Want("traits")
    views = at_once(profile_views(Trip(SqliteRows(conn, rules), rules), ns, (traits,)))
    members: dict[int, list[str]] = defaultdict(list)
    for n, text in conn.execute(_MEMBERS, (numbers(ns),)):
        members[n].append(text)
    rows = [
        {
            "one_id": view.one_id,
            "kind": ProfileKind(view.kind).value,
            "size": view.size,
            "created_at": view.created_at,
            "updated_at": view.updated_at,
            "identifiers": sorted(members[n]),
            "traits": {trait.key: trait.value for trait in view.parts[traits.key]},
        }
        for n in ns
        if (view := views[n])
    ]
    return rows, ns[-1] if ns else after
