"""Links as they were: counted anew from the versions that counted then, since a store counts only those of now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from graph.resolve.ground import Ground, Namespaces
from graph.resolve.links import Tally, contradictory, pairs_of
from graph.resolve.rules import Rules
from graph.store.past.history import Lived
from graph.store.ports import NAMESPACE_SHIFT, Pair

__all__ = ["ground_of", "tallies"]


class _Places:
    """Position of an identifier's namespace, from the number in its id."""

    def __init__(self, by_number: Mapping[int, int]) -> None:
        self._by_number = by_number

    def __getitem__(self, id: int) -> int:
        return self._by_number[id >> NAMESPACE_SHIFT]


def ground_of(namespaces: Iterable[tuple[int, str]], rules: Rules) -> Ground:
    """What decides whether a version contradicts itself; without texts, which only order links."""
    known = dict(namespaces)
    ranked = Namespaces(known.values(), rules)
    return Ground(ranked, _Places({no: ranked.position[name] for no, name in known.items()}), {})


def tallies(versions: Iterable[Lived], ends: Collection[int], ground: Ground, groups: Mapping[int, int]) -> dict[Pair, Tally]:
    """The links at these ends that versions carry; all those that carry such an end must come. Linear in the pairs of the versions."""
    found: dict[Pair, Tally] = {}
    for version in versions:
        wrong = contradictory(version.ids, ground, groups)
        for pair in pairs_of(version.ids):
            if pair[0] in ends or pair[1] in ends:
                found.setdefault(pair, Tally()).add(version.observed, version.score, clean=wrong.isdisjoint(pair))
    return found
