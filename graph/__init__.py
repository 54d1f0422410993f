"""OneID, the library: identity fragments in, people with stable OneIDs out. No web framework inside.

Its front door are the modules in `FRONT_DOOR`; the service, and anybody else, uses what these have in `__all__` and nothing behind them.

>>> async with open_store("sqlite:///oneid.db", Rules.builtin()) as store:
...     await ingest(store, [fragment_of({"source": "crm", "id": "1", "identifiers": ["phone:13912345678"]}, need_time=False)])
...     [profile] = await store.profiles_by([ByIdentifier(Identifier("phone", "+8613912345678"))], [Want("identifiers")])
"""

from __future__ import annotations

__all__ = ["FRONT_DOOR"]

FRONT_DOOR = (
    "graph.applying",
    "graph.audit",
    "graph.check",
    "graph.conflicts",
    "graph.curate",
    "graph.errors",
    "graph.forget",
    "graph.explain",
    "graph.ingest",
    "graph.interactions",
    "graph.jobs",
    "graph.lines",
    "graph.model",
    "graph.operations",
    "graph.previews",
    "graph.profiles",
    "graph.rehearse",
    "graph.resolve.rules",
    "graph.resolve.whole",
    "graph.ruled",
    "graph.simulate",
    "graph.store",
    "graph.store.keys",
    "graph.store.ports",
    "graph.views",
    "graph.withdrawing",
)
"""Imported one by one, so that a command loads only what it needs."""
