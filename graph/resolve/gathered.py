"""All evidence of a store in memory, packed: what a comparison of rules reads (graph.resolve.compare).

Identifiers are kept as sent, each once, by number in the order met; fragments are runs of numbers in one array. Evidence that is not
connected, not even by two identifiers that become one under some rules, is resolved apart, so `portions` gives it out in portions of whole
components: the resolver's own working memory is that of a portion, or of the largest component.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from graph.model import Identifier, Instant, JudgementKind
from graph.resolve.namespaces import reads_alike
from graph.resolve.rules import Blocked, Rules

__all__ = ["Forms", "Gathered", "Portion", "Said", "Seen"]

_PORTION: Final = 20_000
"""Identifiers of a portion, at least; a component is never divided."""
_NO_SCORE: Final = math.nan


class Seen(NamedTuple):
    """A fragment as evidence; identifiers by number."""

    ids: Sequence[int]
    at: Instant
    score: float | None


class Said(NamedTuple):
    """A judgement, blocked ends among its own; identifiers by number."""

    kind: JudgementKind
    left: tuple[int, ...]
    right: tuple[int, ...]
    at: Instant


class Forms(NamedTuple):
    """What rules make of each identifier as sent: the first number with the same normal form, -1 where it is blocked; and the normal
    values of those first ones that differ from what was sent."""

    first: array[int]
    value: dict[int, str]


@dataclass(slots=True)
class Portion:
    """Evidence connected with no other: `ids` that something mentions, `unmentioned` ones that only a pin stands at."""

    ids: list[int] = field(default_factory=list)
    unmentioned: list[int] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    pins: list[tuple[int, int]] = field(default_factory=list)  # number of a OneID, number of the identifier it is pinned to


class Gathered:
    """Filled by `see`, `judge`, `mention` and `pin`."""

    def __init__(self) -> None:
        self.spaces: list[str] = []
        self.values: list[str] = []
        self.one_ids: dict[int, str] = {}
        """OneIDs that are not closed, by number: the smaller the older."""
        self._space = array("H")
        self._numbers: dict[str, tuple[int, dict[str, int]]] = {}
        self._mentioned = bytearray()
        self._ids = array("I")
        self._ends = array("Q")
        self._at = array("q")
        self._score = array("d")
        self._said: list[Said] = []
        self._pins: list[tuple[int, int]] = []

    def see(self, identifiers: Iterable[Sequence[str]], at: Instant, score: float | None) -> None:
        """A fragment that counts; identifiers as sent, (namespace, value)."""
        self._ids.extend([self._number(namespace, value) for namespace, value in identifiers])
        self._ends.append(len(self._ids))
        self._at.append(at)
        self._score.append(_NO_SCORE if score is None else score)

    def judge(self, kind: JudgementKind, left: Iterable[Identifier], right: Iterable[Identifier], at: Instant) -> None:
        """A judgement that nobody took back, with the ends of each side."""
        a, b = (tuple(self._number(*one) for one in side) for side in (left, right))
        self._said.append(Said(kind, a, b, at))

    def mention(self, identifier: Identifier) -> None:
        """An identifier that an interaction makes known."""
        self._number(*identifier)

    def pin(self, n: int, one_id: str, at: Identifier) -> None:
        """A OneID that is not closed and the identifier it follows, which need not be mentioned."""
        self.one_ids[n] = one_id
        self._pins.append((n, self._number(*at, mentioned=False)))

    def identifier(self, n: int) -> Identifier:
        """An identifier as sent."""
        return Identifier(self.spaces[self._space[n]], self.values[n])

    def normal(self, n: int, forms: Forms) -> Identifier:
        """The identifier that a first number stands for."""
        return Identifier(self.spaces[self._space[n]], forms.value.get(n, self.values[n]))

    def forms(self, before: Rules, after: Rules) -> tuple[Forms, Forms]:
        """What each of two rules makes of all identifiers; asked once where both normalise alike."""
        self._numbers.clear()  # nothing comes any more
        alike = [_alike(before, after, name) for name in self.spaces]
        one = self._forms(before)
        return one, one if all(alike) else self._forms(after)

    def portions(self, forms: Sequence[Forms]) -> Iterator[Portion]:
        """All evidence, each piece once."""
        root = self._components(forms)
        place = array("I", bytes(4 * len(root)))
        sizes = array("I", bytes(4 * len(root)))
        for n in root:
            sizes[n] += 1
        count, filled = 0, 0
        for n, size in enumerate(sizes):
            if size:
                place[n] = count
                filled += size
                if filled >= _PORTION:
                    count, filled = count + 1, 0
        count += bool(filled)
        mine = [[array("I") for _ in range(count)] for _ in range(2)]
        for n, at in enumerate(root):
            mine[0][place[at]].append(n)
        for n, end in enumerate(self._ends):
            if (start := self._ends[n - 1] if n else 0) < end:
                mine[1][place[root[self._ids[start]]]].append(n)
        said: dict[int, list[Said]] = {}
        for one in self._said:
            said.setdefault(place[root[one.left[0]]], []).append(one)
        pins: dict[int, list[tuple[int, int]]] = {}
        for pin in self._pins:
            pins.setdefault(place[root[pin[1]]], []).append(pin)
        for k in range(count):
            yield self._portion(mine[0][k], mine[1][k], said.get(k, []), pins.get(k, []))

    def _portion(self, ids: array[int], seen: array[int], said: list[Said], pins: list[tuple[int, int]]) -> Portion:
        portion = Portion(said=said, pins=pins)
        for n in ids:
            (portion.ids if self._mentioned[n] else portion.unmentioned).append(n)
        for n in seen:
            score = self._score[n]
            run = self._ids[self._ends[n - 1] if n else 0 : self._ends[n]]
            portion.seen.append(Seen(run, self._at[n], None if math.isnan(score) else score))
        return portion

    def _number(self, namespace: str, value: str, *, mentioned: bool = True) -> int:
        known = self._numbers.get(namespace)
        if known is None:
            known = self._numbers[namespace] = (len(self.spaces), {})
            self.spaces.append(namespace)
        n = known[1].setdefault(value, len(self.values))
        if n == len(self.values):
            self.values.append(value)
            self._space.append(known[0])
            self._mentioned.append(mentioned)
        elif mentioned:
            self._mentioned[n] = True
        return n

    def _forms(self, rules: Rules) -> Forms:
        first = array("l", bytes(array("l").itemsize * len(self.values)))
        changed: dict[int, str] = {}
        met: list[dict[str, int]] = [{} for _ in self.spaces]
        for n, value in enumerate(self.values):
            space = self._space[n]
            normal = rules.normalise(Identifier(self.spaces[space], value))
            if isinstance(normal, Blocked):
                first[n] = -1
                continue
            at = first[n] = met[space].setdefault(value if normal.value == value else normal.value, n)
            if at == n and normal.value != value:
                changed[n] = normal.value
        return Forms(first, changed)

    def _components(self, forms: Sequence[Forms]) -> array[int]:
        """By number the one that stands for all that is connected with it. Union by halved paths (Tarjan, van Leeuwen 1984)."""
        root = array("I", range(len(self.values)))

        def find(n: int) -> int:
            while root[n] != n:
                root[n] = root[root[n]]
                n = root[n]
            return n

        def join(a: int, b: int) -> None:
            a, b = find(a), find(b)
            if a != b:
                root[max(a, b)] = min(a, b)

        start = 0
        for end in self._ends:
            for place in range(start + 1, end):
                join(self._ids[start], self._ids[place])
            start = end
        for one in self._said:
            for other in (*one.left, *one.right):
                join(one.left[0], other)
        for form in {id(one): one for one in forms}.values():
            for n, first in enumerate(form.first):
                if first >= 0 and first != n:
                    join(first, n)
        for n in range(len(root)):
            root[n] = find(n)
        return root


def _alike(before: Rules, after: Rules, name: str) -> bool:
    """Whether two rules normalise and block alike in a namespace."""
    declared = [any(each.name == name for each in rules.namespaces) or not rules.declared_only for rules in (before, after)]
    return declared[0] == declared[1] and reads_alike(before.namespace(name), after.namespace(name))
