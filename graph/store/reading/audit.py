"""What people decided, newest first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import orjson

from graph.model import Instant
from graph.resolve.rules import Rules
from graph.store.reading.pages import LAST, bounded, connection
from graph.store.reading.rows import Rows
from graph.store.reading.trip import Trip
from graph.views import AuditView, Connection, Edge, Page, Want

__all__ = ["audit", "audit_views"]

_SUBJECTS: Final = 100
"""Identifiers that an entry shows."""


async def audit_views(trip: Trip, ns: Collection[int], want: Sequence[Want]) -> dict[int, AuditView]:
    """Entries by number."""
    rows = await trip.rows.audited(ns, _SUBJECTS) if ns else ()
    return {
        n: AuditView(
            n, at, by, key, operation, reason, None if kind is None else (kind, cause), orjson.loads(figures), tuple(sorted(subjects))
        )
        for n, at, by, key, operation, reason, kind, cause, figures, subjects in rows
    }


async def audit(
    rows: Rows, rules: Rules, page: Page, *, operation: str | None = None, by: str | None = None, since: Instant | None = None
) -> Connection[AuditView]:
    """Entries by number, the last first; keys (n,)."""
    page = bounded(page)
    least = 0 if since is None else await rows.audited_since(since)
    if least is None:
        return connection(page, [])
    before = page.after[0] if page.after else LAST
    ns = await rows.newest_audited(operation, by, before, least, page.first + 1)
    views = await audit_views(Trip(rows, rules), ns, ())
    return connection(page, [Edge((n,), views[n]) for n in ns])
