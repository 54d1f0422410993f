"""Whom a fragment's facts belong to, decided when they are read: merges, splits and new rules rewrite no facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from graph.model import Identifier
from graph.resolve.rules import Rules

__all__ = ["Carried", "holders"]


class Carried(Protocol):
    """An identifier of a fragment: whether it is shared, and its judged group (any value that no other group has)."""

    @property
    def identifier(self) -> Identifier: ...
    @property
    def shared(self) -> bool: ...
    @property
    def group(self) -> int: ...


C = TypeVar("C", bound=Carried)


def holders(carried: Sequence[C], rules: Rules) -> tuple[C, ...]:
    """The identifiers that a fragment's facts hang on, of all that it carries.

    One as a rule: the strongest (namespace, then text) that is neither shared nor contradictory in this fragment. Where those that
    contradict nothing are all shared, each of them, strongest first: such facts show with the shared identifiers only. None where the
    fragment contradicts itself in all that it carries.
    """
    if len(carried) == 1:
        return tuple(carried)
    usable = _uncontradicted(carried, rules)
    own = [one for one in usable if not one.shared]
    if own:
        return (own[0] if len(own) == 1 else min(own, key=lambda one: _strength(one, rules)),)
    return tuple(sorted(usable, key=lambda one: _strength(one, rules)))


def _uncontradicted(carried: Sequence[C], rules: Rules) -> list[C]:
    """Those of namespaces that the fragment carries no more judged groups of than their limit allows."""
    if len({one.identifier.namespace for one in carried}) == len(carried):
        return list(carried)
    groups: dict[str, set[int]] = {}
    for one in carried:
        groups.setdefault(one.identifier.namespace, set()).add(one.group)
    broken = {name for name, held in groups.items() if not _allowed(name, len(held), rules)}
    return [one for one in carried if one.identifier.namespace not in broken]


def _allowed(namespace: str, groups: int, rules: Rules) -> bool:
    limit = rules.namespace(namespace).limit
    return limit is None or groups <= limit


def _strength(one: Carried, rules: Rules) -> tuple[tuple[int, str], str]:
    return rules.namespace(one.identifier.namespace).rank, one.identifier.value
