"""Step 2: judgements, the newer word first, make judged groups and pairs that stay apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from graph.model import Instant, JudgementKind
from graph.resolve.ground import Lookup

__all__ = ["Judged", "Pair", "judge"]


class Pair(NamedTuple):
    """One judgement between two identifiers that are not blocked."""

    kind: JudgementKind
    a: int
    b: int
    at: Instant


@dataclass(frozen=True, slots=True)
class Judged:
    """`group` holds the members of groups of two and more by one of them; a pair in neither list of refusals is in force."""

    group: dict[int, int] = field(default_factory=dict)
    apart: frozenset[tuple[int, int]] = frozenset()
    refused: frozenset[Pair] = frozenset()


def judge(pairs: Iterable[Pair], text: Lookup[str]) -> Judged:
    """Take pairs newest first, at one instant `distinct` before `same`, then by text.

    `same` joins unless that would join an accepted `distinct` pair; `distinct` holds unless the two are already joined.
    """
    root: dict[int, int] = {}
    members: dict[int, list[int]] = {}
    enemies: dict[int, set[int]] = {}
    apart: set[tuple[int, int]] = set()
    refused: set[Pair] = set()

    def order(pair: Pair) -> tuple[int, bool, str, str]:
        a, b = sorted((text[pair.a], text[pair.b]))
        return (-pair.at, pair.kind is JudgementKind.SAME, a, b)

    for pair in sorted(pairs, key=order):
        a, b = root.setdefault(pair.a, pair.a), root.setdefault(pair.b, pair.b)
        if pair.kind is JudgementKind.DISTINCT:
            if a == b:
                refused.add(pair)
            else:
                enemies.setdefault(a, set()).add(b)
                enemies.setdefault(b, set()).add(a)
                apart.add((min(pair.a, pair.b), max(pair.a, pair.b)))
        elif a != b:
            if b in enemies.get(a, ()):
                refused.add(pair)
            else:
                _join(a, b, root, members, enemies)
    group = {member: leader for leader, joined in members.items() for member in joined}
    return Judged(group, frozenset(apart), frozenset(refused))


def _join(a: int, b: int, root: dict[int, int], members: dict[int, list[int]], enemies: dict[int, set[int]]) -> None:
    of_a, of_b = members.pop(a, [a]), members.pop(b, [b])
    if len(of_a) < len(of_b):
        a, b, of_a, of_b = b, a, of_b, of_a
    for member in of_b:
        root[member] = a
    members[a] = of_a + of_b
    for enemy in enemies.pop(b, ()):
        enemies[enemy].discard(b)
        enemies[enemy].add(a)
        enemies.setdefault(a, set()).add(enemy)
