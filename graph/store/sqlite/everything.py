"""The whole of an embedded store in memory, for audits."""

from __future__ import annotations

import sqlite3

import orjson

from graph.model import ChangeKind, RecordKey
from graph.resolve.rules import Rules
from graph.store.ports import ChangeRow, Everything, Member, Sighting
from graph.store.sqlite.under_gate import JUDGEMENT, ONE_ID, Names, UnderGate, judgement_row, one_id_row

__all__ = ["everything"]


def everything(conn: sqlite3.Connection, rules: Rules) -> Everything:
    """All that an audit compares, in one snapshot."""
    namespaces, sources = Names("namespace"), Names("source")
    namespaces.refresh(conn)
    sources.refresh(conn)
    gate = UnderGate(conn, namespaces, sources)
    members = [Member(*row) for row in conn.execute("SELECT id, value, coalesce(profile, 0), flags, grp FROM identifier")]
    ids = [m.id for m in members]
    return Everything(
        commit=conn.execute("SELECT coalesce(max(n), 0) FROM commits").fetchone()[0],
        rules=rules.toml,
        namespaces=tuple(namespaces.names),
        members=members,
        versions=[
            (RecordKey(sources.names[source - 1], record), Sighting(version, observed, score, tuple(orjson.loads(carried))))
            for source, record, version, observed, score, carried in conn.execute(
                "SELECT source, record, id, observed, score, ids FROM version WHERE state = 0 ORDER BY id"
            )
        ],
        carried=set(conn.execute("SELECT identifier, observed, version FROM carries")),
        judgements=[judgement_row(row) for row in conn.execute(f"SELECT {JUDGEMENT} FROM judgement g WHERE g.ended IS NULL")],
        links=[*gate.usable_links(ids), *gate.barred_links(ids)],
        unlinked=frozenset(id for (id,) in conn.execute("SELECT id FROM version WHERE state = 0 AND unlinked IS NOT NULL")),
        one_ids=[one_id_row(row) for row in conn.execute(f"SELECT {ONE_ID} FROM one_id o ORDER BY o.n")],
        changes=[
            ChangeRow(n, ChangeKind(kind), tuple(orjson.loads(gained)), tuple(orjson.loads(lost)), leads, cause_kind, cause)
            for n, kind, gained, lost, leads, cause_kind, cause in conn.execute(
                "SELECT n, kind, gained, lost, leads, cause_kind, cause FROM change ORDER BY seq"
            )
        ],
        interactions=conn.execute("SELECT origin, target, type, weight, at FROM interaction WHERE state = 0").fetchall(),
        buried=tuple(conn.execute("SELECT erasure, identifier FROM tombstone WHERE identifier > 0")),
        erasures=frozenset(n for (n,) in conn.execute("SELECT n FROM erasure")),
        ties={(row[0], row[1], row[2]): (row[3], row[4], row[5], row[6]) for row in conn.execute("SELECT * FROM tie")},
    )
