"""All rows of one kind, chunk by chunk, out of one snapshot."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from graph.model import ProfileKind
from graph.resolve.rules import Rules
from graph.store.ports import ExportKind
from graph.store.reading.profiles import profile_views
from graph.store.reading.trip import Trip, at_once
from graph.store.sqlite.reads import SqliteRows
from graph.store.sqlite.reads.asking import numbers
from graph.store.sqlite.rereading import further_ends, identifiers_of
from graph.views import Want

__all__ = ["export_chunks"]

_CHUNK = 500
_LEAN = 5_000
"""Rows of a chunk where each is small."""
_IDENTIFIERS = """
SELECT i.id, n.name, i.value, o.one_id, i.flags & 1,
    (SELECT min(observed) FROM carries WHERE identifier = i.id), (SELECT max(observed) FROM carries WHERE identifier = i.id), i.id
FROM identifier i JOIN namespace n ON n.no = i.namespace JOIN one_id o ON o.n = i.profile WHERE i.id > ? ORDER BY i.id LIMIT ?
"""
_FRAGMENTS = """
SELECT v.id, s.name, v.record, v.observed, v.raw, v.traits, v.score
FROM version v JOIN source s ON s.no = v.source WHERE v.id > ? AND v.state = 0 AND v.unlinked IS NULL AND v.raw <> '[]'
ORDER BY v.id LIMIT ?
"""
_SIGHTINGS = "SELECT id, observed, score, raw, unlinked FROM version WHERE id > ? AND state = 0 AND raw <> '[]' ORDER BY id LIMIT ?"
_JUDGEMENTS = """
SELECT id, kind, raw, at, by, reason, further FROM judgement WHERE id > ? AND ended IS NULL ORDER BY id LIMIT ?
"""
_INTERACTIONS = """
SELECT i.id, i.type, s.name, i.record, i.raw, i.at, i.weight
FROM interaction i JOIN source s ON s.no = i.source WHERE i.id > ? AND i.state = 0 ORDER BY i.id LIMIT ?
"""
_ONE_IDS = """
SELECT o.n, o.one_id, n.name || ':' || i.value, c.one_id, iif(o.size > 0, o.one_id, l.one_id)
FROM one_id o LEFT JOIN identifier i ON i.id = o.pin LEFT JOIN namespace n ON n.no = i.namespace LEFT JOIN one_id c ON c.n = o.closed
    LEFT JOIN one_id l ON l.n = o.leads
WHERE o.n > ? ORDER BY o.n LIMIT ?
"""
_MEMBERS = """
SELECT i.profile, n.name || ':' || i.value
FROM json_each(?) j CROSS JOIN identifier i ON i.profile = j.value JOIN namespace n ON n.no = i.namespace
"""


def export_chunks(conn: sqlite3.Connection, rules: Rules, kind: ExportKind) -> Iterator[list[dict[str, Any]]]:
    """Rows as graph.store.ports.Store.export says, in chunks; all of one moment as long as the connection's transaction lasts."""
    chunk = _CHUNKS[kind]
    after = 0
    while True:
        rows, after = chunk(conn, rules, after)
        if not rows:
            return
        yield rows


def _rules(conn: sqlite3.Connection, rules: Rules, after: int) -> tuple[list[dict[str, Any]], int]:
    found = conn.execute("SELECT version, toml FROM rules WHERE version > ? ORDER BY version DESC LIMIT 1", (after,)).fetchall()
    return [dict(zip(("version", "toml"), row, strict=True)) for row in found], found[-1][0] if found else after


def _identifiers(conn: sqlite3.Connection, rules: Rules, after: int) -> tuple[list[dict[str, Any]], int]:
    names = ("namespace", "value", "one_id", "shared", "first_seen", "last_seen", "id")
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


def _sightings(conn: sqlite3.Connection, rules: Rules, after: int) -> tuple[list[dict[str, Any]], int]:
    found = conn.execute(_SIGHTINGS, (after, _LEAN)).fetchall()
    rows = []
    for _, observed, score, raw, unlinked in found:
        sent = orjson.loads(raw)
        rows += [
            {"observed": observed, "score": score, "identifiers": one} for one in ([sent] if unlinked is None else [[end] for end in sent])
        ]
    return rows, found[-1][0] if found else after


def _judgements(conn: sqlite3.Connection, rules: Rules, after: int) -> tuple[list[dict[str, Any]], int]:
    found = conn.execute(_JUDGEMENTS, (after, _CHUNK)).fetchall()
    rows = []
    for _, kind, raw, at, by, reason, further in found:
        a, b = ([one.text for one in (sent, *more)] for sent, more in zip(identifiers_of(raw), further_ends(further), strict=True))
        rows.append({"judgement": kind, "a": a, "b": b, "at": at, "by": by, "reason": reason})
    return rows, found[-1][0] if found else after


def _interactions(conn: sqlite3.Connection, rules: Rules, after: int) -> tuple[list[dict[str, Any]], int]:
    found = conn.execute(_INTERACTIONS, (after, _LEAN)).fetchall()
    rows = []
    for _, kind, source, record, raw, at, weight in found:
        origin, target = (f"{namespace}:{value}" for namespace, value in orjson.loads(raw))
        rows.append({"interaction": kind, "source": source, "id": record, "from": origin, "to": target, "at": at, "weight": weight})
    return rows, found[-1][0] if found else after


def _one_ids(conn: sqlite3.Connection, rules: Rules, after: int) -> tuple[list[dict[str, Any]], int]:
    found = conn.execute(_ONE_IDS, (after, _LEAN)).fetchall()
    rows = [dict(zip(("order", "one_id", "pin", "closed_into", "leads_to"), row, strict=True)) for row in found]
    return rows, found[-1][0] if found else after


_CHUNKS: Mapping[ExportKind, Callable[[sqlite3.Connection, Rules, int], tuple[list[dict[str, Any]], int]]] = {
    "identifiers": _identifiers,
    "profiles": _profiles,
    "fragments": _fragments,
    "judgements": _judgements,
    "interactions": _interactions,
    "one_ids": _one_ids,
    "sightings": _sightings,
    "rules": _rules,
}
