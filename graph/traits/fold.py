"""Many fragments' traits become one golden record: for each trait one value, where it comes from, and what it won against.

Equal values are one candidate, shown with its best witness. The order of candidates comes from their content (event time, source,
record, value), never from arrival. `null` and blank text say nothing: a source that takes a value back sends a newer version of
its record without it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar

from graph.model import Instant
from graph.resolve.rules import Strategy, TraitRules, TraitStrategy

__all__ = ["MAX_KEYS", "MAX_UNION", "Golden", "Told", "Witness", "fold"]

MAX_KEYS: Final = 500
"""Traits of a golden record: the first of them by name."""
MAX_UNION: Final = 1_000
"""Values of a union: the best of them."""

H = TypeVar("H")


class Told(NamedTuple, Generic[H]):
    """The traits of one fragment; `holder` is whatever stands for the identifier that they hang on."""

    source: str
    record: str
    observed: Instant
    holder: H
    traits: Mapping[str, Any]


class Witness(NamedTuple, Generic[H]):
    """A value and the fragment that vouches for it."""

    value: Any
    source: str
    holder: H
    observed: Instant


class Golden(NamedTuple, Generic[H]):
    """The value of one trait with its witness; `alternatives` are the other values, best first, none for a union, which shows all."""

    key: str
    value: Any
    witness: Witness[H]
    alternatives: tuple[Witness[H], ...]


_Said: TypeAlias = tuple[Any, Told[H], int]
"""A value, the fragment that says it, and its place where the fragment says several."""
_Order: TypeAlias = tuple[Any, ...]
_ByStrategy: TypeAlias = Callable[[Told[Any]], _Order]


def fold(told: Iterable[Told[H]], rules: TraitRules, keys: Collection[str] | None = None) -> list[Golden[H]]:
    """The golden record by trait name, of some traits only where `keys` names them."""
    by_key: dict[str, list[_Said[H]]] = {}
    for one in told:
        for key, value in one.traits.items():
            if (keys is None or key in keys) and not _says_nothing(value):
                by_key.setdefault(key, []).append((value, one, 0))
    return [_golden(key, by_key[key], rules.strategy_of(key)) for key in sorted(by_key)[:MAX_KEYS]]


def _golden(key: str, said: list[_Said[H]], strategy: TraitStrategy) -> Golden[H]:
    if strategy.kind is Strategy.UNION:
        ranked = _ranked([(part, one, place) for value, one, _ in said for place, part in enumerate(_parts(value))], strategy)
        value = [one.value for one in ranked[:MAX_UNION]]
        return Golden(key, value, ranked[0] if ranked else _ranked(said, strategy)[0], ())
    if len(said) == 1:
        value, one, _ = said[0]
        return Golden(key, value, _witness(value, one), ())
    ranked = _ranked(said, strategy)
    return Golden(key, ranked[0].value, ranked[0], tuple(ranked[1:]))


def _ranked(said: list[_Said[H]], strategy: TraitStrategy) -> list[Witness[H]]:
    """Each different value once, with its best witness, best first."""
    order = _order(strategy)
    best: dict[Hashable, tuple[_Order, Any, Told[H]]] = {}
    times: dict[Hashable, int] = {}
    for value, one, position in said:
        same, place = _identity(value), (*order(one), position)
        times[same] = times.get(same, 0) + 1
        if same not in best or place < best[same][0]:
            best[same] = (place, value, one)
    if strategy.kind is Strategy.MOST_FREQUENT:
        ranking = sorted(best, key=lambda same: (-times[same], best[same][0]))
    else:
        ranking = sorted(best, key=lambda same: best[same][0])
    return [_witness(best[same][1], best[same][2]) for same in ranking]


def _order(strategy: TraitStrategy) -> _ByStrategy:
    """How a strategy orders fragments, the best first; no two fragments tie, since (source, record) names one."""
    if strategy.kind is Strategy.EARLIEST:
        return lambda one: (one.observed, one.source, one.record)
    if strategy.kind is Strategy.SOURCE_PRIORITY:
        places = {source: place for place, source in enumerate(strategy.priority)}
        return lambda one: (places.get(one.source, len(places)), -one.observed, one.source, one.record)
    return lambda one: (-one.observed, one.source, one.record)


def _witness(value: Any, one: Told[H]) -> Witness[H]:
    return Witness(value, one.source, one.holder, one.observed)


def _says_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _parts(value: Any) -> list[Any]:
    """What a value adds to a union: the items of a list, else itself."""
    return [part for part in value if not _says_nothing(part)] if isinstance(value, list | tuple) else [value]


def _identity(value: Any) -> Hashable:
    """What equal values have in common; texts stand for themselves, all else for its JSON, so that 1, 1.0, true and "1" differ."""
    return value if isinstance(value, str) else (json.dumps(value, sort_keys=True),)
