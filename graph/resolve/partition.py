"""Steps 6 to 8: usable links and judged groups become profiles, and every link not used gets its reason.

A component that fits is one profile. Any other is built by constrained union: links in one fixed total order, each accepted unless the
profile it would make breaks a rule; an identifier of a `park` namespace is joined to all that it links, or to nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from graph.model import Refusal, Rule
from graph.resolve.ground import Ground
from graph.resolve.judged import Judged, Stances, clash
from graph.resolve.links import Tally, precedence
from graph.resolve.rules import Conflict

__all__ = ["Outcome", "partition"]

Pair = tuple[int, int]
_PARKED = Refusal(Rule.PARK)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Profiles as tuples of identifiers, the refused ones of the given links, and the parked identifiers."""

    profiles: tuple[tuple[int, ...], ...]
    refused: Mapping[Pair, Refusal]
    parked: frozenset[int]


def partition(
    identifiers: Iterable[int],
    links: Mapping[Pair, Tally],
    judged: Judged,
    ground: Ground,
    *,
    keep_parked: Collection[int] = (),
) -> Outcome:
    """Profiles of these identifiers, given all usable links between them.

    `keep_parked`: identifiers whose park group reaches beyond these identifiers and is known to be refused.
    Cost: sorting the links of the components that do not fit, linear otherwise.
    """
    union = _Union(identifiers, judged, ground)
    whole = _Union(union.leader, judged, ground)
    for a, b in links:
        whole.join(a, b)
    misfits = {leader for leader in whole.members if not whole.fits(leader)}
    refused: dict[Pair, Refusal] = {}
    parked: set[int] = set(keep_parked)
    if not misfits and not parked:
        return Outcome(tuple(tuple(m) for m in whole.members.values()), refused, frozenset())
    contested: dict[Pair, Tally] = {}
    for pair, tally in links.items():
        if whole.leader[pair[0]] in misfits or parked:
            contested[pair] = tally
        else:
            union.join(*pair)
    _build(contested, union, ground, parked, refused)
    return Outcome(tuple(tuple(m) for m in union.members.values()), refused, frozenset(parked))


def _build(links: Mapping[Pair, Tally], union: _Union, ground: Ground, parked: set[int], refused: dict[Pair, Refusal]) -> None:
    layers: dict[int, list[tuple[int, int, Pair]]] = defaultdict(list)
    for pair in links:
        strong, weak = ground.weaker_last(*pair)
        layers[ground.place[weak]].append((strong, weak, pair))
    keep = frozenset(parked)
    for layer in sorted(layers):
        if ground.namespaces.conflict[layer] is Conflict.PARK:
            _park_layer(layers[layer], union, ground, keep, parked, refused)
            continue
        key = precedence(layer, ground)
        for strong, weak, pair in sorted(layers[layer], key=lambda link: key(link[0], link[1], links[link[2]])):
            if strong in parked or weak in parked:
                refused[pair] = _PARKED
                continue
            reason = union.objection({union.leader[strong], union.leader[weak]})
            if reason is None:
                union.join(strong, weak)
            else:
                refused[pair] = reason


def _park_layer(
    layer: list[tuple[int, int, Pair]],
    union: _Union,
    ground: Ground,
    keep: Collection[int],
    parked: set[int],
    refused: dict[Pair, Refusal],
) -> None:
    groups: dict[int, list[tuple[int, Pair]]] = defaultdict(list)
    for strong, weak, pair in layer:
        groups[weak].append((strong, pair))
    for weak in sorted(groups, key=lambda end: ground.text[end]):
        group = [(strong, pair) for strong, pair in groups[weak] if strong not in parked]
        for strong, pair in groups[weak]:
            if strong in parked:
                refused[pair] = _PARKED
        if not group:
            continue
        if weak not in keep and union.objection({union.leader[weak], *(union.leader[strong] for strong, _ in group)}) is None:
            for strong, _ in group:
                union.join(strong, weak)
        else:
            parked.add(weak)
            refused.update((pair, _PARKED) for _, pair in group)


class _Union:
    """Profiles in the making, with what the rules count of each; judged groups are whole from the start."""

    __slots__ = ("clashing", "count", "ground", "leader", "members", "stances")

    def __init__(self, identifiers: Iterable[int], judged: Judged, ground: Ground) -> None:
        self.ground = ground
        self.leader: dict[int, int] = {i: i for i in identifiers}
        self.members: dict[int, list[int]] = {i: [i] for i in self.leader}
        self.count: dict[int, dict[int, int]] = {}
        self.stances: dict[int, Stances] = {}
        self.clashing: set[int] = set()  # leaders that hold what stays apart
        limited = set(ground.namespaces.limited)
        if limited:
            for i in self.leader:
                if (place := ground.place[i]) in limited:
                    self.count[i] = {place: 1}
        for member, group in judged.group.items():
            if member in self.leader and group in self.leader:
                self._merge(self.leader[group], self.leader[member], judged_group=True)
        for decision, sides in enumerate(judged.apart):
            for stance, side in zip((1, 2), sides, strict=True):
                for i in side:
                    if (leader := self.leader.get(i)) is not None:
                        stances = self.stances.setdefault(leader, {})
                        stances[decision] = stances.get(decision, 0) | stance

    def join(self, a: int, b: int) -> None:
        self._merge(self.leader[a], self.leader[b])

    def _merge(self, a: int, b: int, *, judged_group: bool = False) -> None:
        if a == b:
            return
        if len(self.members[a]) < len(self.members[b]):
            a, b = b, a
        joined = self.members.pop(b)
        for member in joined:
            self.leader[member] = a
        self.members[a] += joined
        if (of_b := self.count.pop(b, None)) is not None:
            of_a = self.count.setdefault(a, {})
            for place, n in of_b.items():
                of_a[place] = max(n, of_a.get(place, 0)) if judged_group else n + of_a.get(place, 0)
        if b in self.clashing:
            self.clashing.discard(b)
            self.clashing.add(a)
        if (of_other := self.stances.pop(b, None)) is not None:
            mine = self.stances.setdefault(a, {})
            if clash(mine, of_other):
                self.clashing.add(a)
            for decision, stance in of_other.items():
                mine[decision] = mine.get(decision, 0) | stance

    def fits(self, leader: int) -> bool:
        """Whether a whole component breaks no limit, not `max_identifiers` and holds no pair that stays apart."""
        namespaces = self.ground.namespaces
        if namespaces.max_identifiers is not None and len(self.members[leader]) > namespaces.max_identifiers:
            return False
        if leader in self.clashing:
            return False
        return all(n <= (namespaces.limit[place] or n) for place, n in self.count.get(leader, {}).items())

    def objection(self, leaders: Collection[int]) -> Refusal | None:
        """Why these profiles may not all be one: the first of `distinct`, `limit`, `max_identifiers`; None: they may, or they are."""
        if len(leaders) == 1:
            return None
        namespaces = self.ground.namespaces
        if self._held_apart(leaders):
            return Refusal(Rule.DISTINCT)
        counts = [self.count[one] for one in leaders if one in self.count]
        if len(counts) > 1:
            for place in namespaces.limited:
                if sum(count.get(place, 0) for count in counts) > (namespaces.limit[place] or 0):
                    return Refusal(Rule.LIMIT, namespaces.names[place])
        if namespaces.max_identifiers is not None and sum(len(self.members[one]) for one in leaders) > namespaces.max_identifiers:
            return Refusal(Rule.MAX_IDENTIFIERS)
        return None

    def _held_apart(self, leaders: Collection[int]) -> bool:
        seen: Stances = {}
        for one in leaders:
            if (stances := self.stances.get(one)) is not None:
                if clash(stances, seen):
                    return True
                for decision, stance in stances.items():
                    seen[decision] = seen.get(decision, 0) | stance
        return False
