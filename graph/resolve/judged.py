"""Step 2: judgements, the newer word first, make judged groups and sides that stay apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from graph.model import Instant, JudgementKind
from graph.resolve.ground import Lookup

__all__ = ["Judged", "Sides", "Stances", "Word", "clash", "judge"]

Sides: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]
"""Every identifier of the one stays apart from every one of the other."""

Stances: TypeAlias = dict[int, int]
"""What a group says to decisions that hold apart: by decision 1 for members on its left side, 2 on its right, 3 for both."""


class Word(NamedTuple):
    """One judgement whose ends are not blocked; `distinct` may name several identifiers on a side, `same` one."""

    kind: JudgementKind
    left: tuple[int, ...]
    right: tuple[int, ...]
    at: Instant


@dataclass(frozen=True, slots=True)
class Judged:
    """`group` holds the members of groups of two and more by one of them; `apart` are the sides of each `distinct` that holds between
    some of its pairs, those of identifiers in one group excepted. `refused`: words that hold between none of theirs."""

    group: dict[int, int] = field(default_factory=dict)
    apart: tuple[Sides, ...] = ()
    refused: frozenset[Word] = frozenset()


def clash(one: Mapping[int, int], other: Mapping[int, int]) -> bool:
    """Whether some decision holds two groups apart, by their stances."""
    if len(one) > len(other):
        one, other = other, one
    return any((stance & 1 and there & 2) or (stance & 2 and there & 1) for d, stance in one.items() if (there := other.get(d)))


def judge(words: Iterable[Word], text: Lookup[str]) -> Judged:
    """Take judgement pairs newest first, at one instant `distinct` before `same`, then by text.

    `same` joins unless that would join an accepted `distinct` pair; `distinct` holds unless the two are already joined. Cost: sorting, and
    for each join what the smaller group has of members and stances.
    """
    groups = _Groups()
    apart: list[Sides] = []
    refused: set[Word] = set()

    def order(word: Word) -> tuple[int, bool, str, str]:
        a, b = sorted((text[word.left[0]], text[word.right[0]]))
        return (-word.at, word.kind is JudgementKind.SAME, a, b)

    for word in sorted(words, key=order):
        if word.kind is JudgementKind.DISTINCT:
            if groups.oppose(len(apart), word.left, word.right):
                apart.append((word.left, word.right))
            else:
                refused.add(word)
        elif not groups.join(word.left[0], word.right[0]):
            refused.add(word)
    group = {member: leader for leader, joined in groups.members.items() for member in joined}
    return Judged(group, tuple(apart), frozenset(refused))


class _Groups:
    """Union of judged identifiers, with the stances of each group."""

    def __init__(self) -> None:
        self.root: dict[int, int] = {}
        self.members: dict[int, list[int]] = {}
        self.stances: dict[int, Stances] = {}

    def oppose(self, decision: int, left: Iterable[int], right: Iterable[int]) -> bool:
        """Hold two sides apart; whether there is a pair of them that is not in one group."""
        leaders = [{self.root.setdefault(at, at) for at in side} for side in (left, right)]
        if len(leaders[0] | leaders[1]) == 1:
            return False
        for stance, side in zip((1, 2), leaders, strict=True):
            for leader in side:
                stances = self.stances.setdefault(leader, {})
                stances[decision] = stances.get(decision, 0) | stance
        return True

    def join(self, one: int, other: int) -> bool:
        """Make the groups of two identifiers one, unless something holds them apart."""
        a, b = self.root.setdefault(one, one), self.root.setdefault(other, other)
        if a == b:
            return True
        if clash(self.stances.get(a, {}), self.stances.get(b, {})):
            return False
        of_a, of_b = self.members.pop(a, [a]), self.members.pop(b, [b])
        if len(of_a) < len(of_b):
            a, b, of_a, of_b = b, a, of_b, of_a
        for member in of_b:
            self.root[member] = a
        self.members[a] = of_a + of_b
        if (of_other := self.stances.pop(b, None)) is not None:
            mine = self.stances.setdefault(a, {})
            for decision, stance in of_other.items():
                mine[decision] = mine.get(decision, 0) | stance
        return True
