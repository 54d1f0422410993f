"""Why two identifiers are in one profile or in two: the strongest chain of accepted links, the links that it hangs on, and the shortest
chain of refused ones.

As in the resolver, identifiers are whole numbers and links pairs of them, the smaller number first; so are profiles. Nothing here
recurses, and the cost of each function is linear in the links that it is given.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from graph.resolve.ground import Ground, Lookup
from graph.resolve.links import Tally, precedence

__all__ = ["Pair", "Parting", "RefusedLink", "RefusedSearch", "Ways", "bridges", "parting", "strength", "substitutes", "ways"]

Pair: TypeAlias = tuple[int, int]


class RefusedLink(NamedTuple):
    """A refused link of a profile (`near`), and the profile of its other end; that may be the same one."""

    near: int
    far: int
    pair: Pair


# ---------------------------------------------------------------- the strongest chain


@dataclass(frozen=True, slots=True)
class Ways:
    """All strongest chains from `a` to `b` at once: from each identifier on one of them those that come next."""

    a: int
    b: int
    onward: Mapping[int, Sequence[int]]

    @property
    def ends(self) -> set[int]:
        """The identifiers on any of them."""
        return {self.b, *self.onward}

    def first(self, text: Lookup[str]) -> list[int]:
        """The identifiers of the chain whose texts come first."""
        chain = [self.a]
        while chain[-1] != self.b:
            chain.append(min(self.onward[chain[-1]], key=text.__getitem__))
        return chain


def ways(a: int, b: int, pairs: Collection[Pair], place: Lookup[int]) -> Ways | None:
    """The chains from `a` to `b` whose weakest link is of the strongest possible layer, and of these the shortest; None: there is none.

    A link is of the layer of its weaker end. Links are let in layer by layer until the two are joined; a search in breadth over these
    gives the shortest. A link between the two themselves is always it: no chain that begins and ends there is of a stronger layer.
    """
    if _pair(a, b) in pairs:
        return Ways(a, b, {a: [b]})
    layers: dict[int, list[Pair]] = defaultdict(list)
    for pair in pairs:
        layers[max(place[pair[0]], place[pair[1]])].append(pair)
    roots: dict[int, int] = {}
    near: dict[int, list[int]] = defaultdict(list)
    for one in sorted(layers):
        for x, y in layers[one]:
            near[x].append(y)
            near[y].append(x)
            roots[_root(x, roots)] = _root(y, roots)
        if _root(a, roots) == _root(b, roots):
            return Ways(a, b, _onward(a, b, near))
    return None


def _root(one: int, roots: dict[int, int]) -> int:
    while (above := roots.setdefault(one, one)) != one:
        roots[one] = one = roots[above]
    return one


def _onward(a: int, b: int, near: Mapping[int, Sequence[int]]) -> dict[int, list[int]]:
    """On all shortest chains, what comes after each identifier."""
    left = {b: 0}
    edge = [b]
    while edge and a not in left:
        ahead: list[int] = []
        for one in edge:
            for other in near[one]:
                if other not in left:
                    left[other] = left[one] + 1
                    ahead.append(other)
        edge = ahead
    onward: dict[int, list[int]] = {}
    edge = [a]
    while edge:
        one = edge.pop()
        if one != b and one not in onward:
            onward[one] = list(dict.fromkeys(other for other in near[one] if left.get(other) == left[one] - 1))
            edge += onward[one]
    return onward


# ---------------------------------------------------------------- what a profile hangs on


class _Dive(NamedTuple):
    """A search in depth from one identifier: when each was met and from where, and the earliest met that is reached from below it."""

    met: dict[int, int]
    above: dict[int, int]
    low: dict[int, int]

    def bridges(self, times: Mapping[Pair, int]) -> frozenset[Pair]:
        """The pairs, met once, over which alone all that was met below one leads back."""
        hanging = (_pair(above, one) for one, above in self.above.items() if self.low[one] > self.met[above])
        return frozenset(pair for pair in hanging if times[pair] == 1)


def _dive(root: int, near: Mapping[int, Sequence[int]]) -> _Dive:
    """After Tarjan, A note on finding the bridges of a graph (1974); time and memory are those of the links."""
    met, above, low = {root: 0}, {root: root}, {root: 0}
    path: list[tuple[int, Iterator[int]]] = [(root, iter(near[root]))]
    while path:
        one, others = path[-1]
        for other in others:
            if other not in met:
                met[other] = low[other] = len(met)
                above[other] = one
                path.append((other, iter(near[other])))
                break
            if other != above[one] and met[other] < low[one]:
                low[one] = met[other]
        else:
            path.pop()
            if low[one] < low[above[one]]:
                low[above[one]] = low[one]
    return _Dive(met, above, low)


def _neighbours(pairs: Iterable[Pair]) -> dict[int, list[int]]:
    near: dict[int, list[int]] = defaultdict(list)
    for x, y in pairs:
        near[x].append(y)
        near[y].append(x)
    return near


def _pair(x: int, y: int) -> Pair:
    return (x, y) if x < y else (y, x)


def bridges(pairs: Iterable[Pair]) -> set[Pair]:
    """The pairs whose loss parts what they join; one that comes twice is none."""
    times = Counter(pairs)
    near = _neighbours(times)
    found: set[Pair] = set()
    met: set[int] = set()
    for one in near:
        if one not in met:
            dive = _dive(one, near)
            met.update(dive.met)
            found |= dive.bridges(times)
    return found


class Parting(NamedTuple):
    """The bridges between two identifiers, in order, and on which side of them each identifier is: how many of them lie before it.

    `all`: every bridge of what these two are in.
    """

    bridges: tuple[Pair, ...]
    side: Mapping[int, int]
    all: frozenset[Pair]


def parting(a: int, b: int, pairs: Iterable[Pair]) -> Parting:
    """The single pairs whose loss parts `a` from `b`; one that comes twice is none. The two are joined by these pairs."""
    times = Counter(pairs)
    dive = _dive(a, _neighbours(times))
    every = dive.bridges(times)
    found: dict[int, Pair] = {}
    one = b
    while one != a:
        pair = _pair(dive.above[one], one)
        if pair in every:
            found[one] = pair
        one = dive.above[one]
    side = {a: 0}
    for one in dive.met:  # above before below
        side[one] = side[dive.above[one]] + (one in found)
    return Parting(tuple(reversed(found.values())), side, every)


def substitutes(profile: int, refused: Iterable[RefusedLink], side: Mapping[int, int]) -> dict[Pair, int]:
    """Of a profile's refused links those that may take the place of a bridge, each with how near that is; 0 is nearest.

    0: it spans a bridge itself. 1: together with another one it does so through one other profile. 2: it leads away, and others from
    another side do, so that there may be a longer way round. Whatever joins the sides again uses one of these.
    """
    spanning: dict[Pair, int] = {}
    leaving: dict[Pair, tuple[int, int]] = {}
    for link in refused:
        x, y = link.pair
        if link.far == profile:
            if side[x] != side[y]:
                spanning[link.pair] = 0
        else:
            leaving[link.pair] = (link.far, side[x] if x in side else side[y])
    sides: dict[int, set[int]] = defaultdict(set)
    for far, at in leaving.values():
        sides[far].add(at)
    if len({at for _, at in leaving.values()}) > 1:
        spanning.update((pair, 1 if len(sides[far]) > 1 else 2) for pair, (far, _) in leaving.items())
    return spanning


# ---------------------------------------------------------------- refused links


def strength(ground: Ground) -> Callable[[Pair, Tally], tuple[object, ...]]:
    """The order in which the resolver takes links, as a sort key: by layer, and inside it by the layer's own order."""
    keys: dict[int, Callable[[int, int, Tally], tuple[object, ...]]] = {}

    def key(pair: Pair, tally: Tally) -> tuple[object, ...]:
        strong, weak = ground.weaker_last(*pair)
        layer = ground.place[weak]
        if layer not in keys:
            keys[layer] = precedence(layer, ground)
        return (layer, *keys[layer](strong, weak, tally))

    return key


class RefusedSearch:
    """Looks from two profiles for the shortest chain of refused links between them, at most `most` links long.

    The refused links of the profiles in `wanted` are to be told by `learn` until none is wanted. It goes on from the side that has fewer
    profiles to go on from, of equal ones from the one that has gone less far.
    """

    def __init__(self, origin: int, target: int, most: int) -> None:
        self._most = most
        self._met: tuple[dict[int, int], dict[int, int]] = ({origin: 0}, {target: 0})
        self._edge: list[list[int]] = [[origin], [target]]
        self._depth = [0, 0]
        self._links: tuple[dict[int, set[RefusedLink]], dict[int, set[RefusedLink]]] = (defaultdict(set), defaultdict(set))
        self._middle: set[int] = set()
        self.cut = False
        """Whether anything was left out, so that there may be a chain, or a shorter one, that was not found."""

    @property
    def found(self) -> bool:
        return bool(self._middle)

    @property
    def looked_at(self) -> int:
        """How many profiles were met."""
        return len(self._met[0].keys() | self._met[1].keys())

    @property
    def wanted(self) -> list[int]:
        """The profiles whose refused links are wanted next; none: the search is over."""
        if self._middle or not all(self._edge):
            return []
        return [] if sum(self._depth) >= self._most else self._edge[self._way]

    @property
    def _way(self) -> int:
        return min((0, 1), key=lambda way: (len(self._edge[way]), self._depth[way]))

    def learn(self, links: Iterable[RefusedLink], *, cut: bool = False) -> None:
        """The refused links of the profiles in `wanted`; `cut`: not all of them."""
        way = self._way
        met, others = self._met[way], self._met[1 - way]
        depth = self._depth[way] = self._depth[way] + 1
        ahead: list[int] = []
        for link in links:
            if met.setdefault(link.far, depth) != depth:
                continue
            if link.far not in self._links[way]:
                ahead.append(link.far)
            self._links[way][link.far].add(link)
        self._edge[way] = ahead
        self._middle = {n for n in ahead if n in others}
        self.cut = self.cut or cut
        if not self._middle and sum(self._depth) >= self._most and all(self._edge):
            self.cut = True

    def ends(self) -> set[int]:
        """The identifiers on any of the chains found."""
        steps = self._steps()
        return {one for links in steps.values() for link in links for one in link.pair}

    def chain(self, key: Callable[[Pair], tuple[object, ...]]) -> list[RefusedLink]:
        """The chain found, from the origin on, whose links come first by `key`."""
        steps = self._steps()
        (at,) = (n for n, depth in self._met[0].items() if not depth)
        (end,) = (n for n, depth in self._met[1].items() if not depth)
        chain: list[RefusedLink] = []
        while at != end:
            chain.append(min(steps[at], key=lambda link: key(link.pair)))
            at = chain[-1].far
        return chain

    def _steps(self) -> dict[int, list[RefusedLink]]:
        """On all shortest chains, the links that lead on from each profile towards the target."""
        steps: dict[int, list[RefusedLink]] = defaultdict(list)
        for way in (0, 1):
            edge, seen = list(self._middle), set(self._middle)
            while edge:
                one = edge.pop()
                for link in self._links[way].get(one, ()):
                    back = link if way == 0 else RefusedLink(link.far, link.near, link.pair)
                    steps[back.near].append(back)
                    if link.near not in seen:
                        seen.add(link.near)
                        edge.append(link.near)
        return steps
