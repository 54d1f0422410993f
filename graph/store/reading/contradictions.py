"""Which source systems send records that contradict themselves: that hold more identifiers of one namespace than its limit."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from graph.resolve.rules import Rules
from graph.store.ports import NAMESPACE_SHIFT

__all__ = ["MOST_PAIRS", "contradictions"]

MOST_PAIRS: Final = 100_000
"""Pairs of identifiers of one namespace that contradict each other in some record, as many as are looked at."""
_SOURCES: Final = 20


def contradictions(
    versions: Iterable[tuple[int, str, Sequence[int]]], groups: Mapping[int, int], names: Mapping[int, str], rules: Rules
) -> dict[str, int]:
    """By source how many of these records (number, source, identifiers) contradict themselves, the 20 with the most, most first.

    `groups` are the judged groups of their identifiers: those of one count as one. `names` are those of namespaces by number.
    """
    limits = {number: rules.namespace(name).limit for number, name in names.items()}
    found: dict[int, str] = {}
    for number, source, ids in versions:
        held: dict[int, set[int]] = defaultdict(set)
        for id in ids:
            held[id >> NAMESPACE_SHIFT].add(groups.get(id, id))
        if any((limit := limits[space]) is not None and len(some) > limit for space, some in held.items()):
            found[number] = source
    ordered = sorted(Counter(found.values()).items(), key=lambda one: (-one[1], one[0]))
    return dict(ordered[:_SOURCES])
