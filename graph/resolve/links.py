"""Steps 3 to 5: what fragments say together becomes links, and which of them may be used.

A `Tally` counts one link over the fragments that carry it. Whoever keeps tallies (a whole resolution in memory, a store in its link
tables) takes these same decisions from them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from graph.model import Instant, Rule
from graph.resolve.ground import Ground, Namespaces
from graph.resolve.rules import Conflict

__all__ = ["Tally", "contradictory", "pairs_of", "precedence", "refused_alone", "shared_by", "star_losers"]

Group = Mapping[int, int]


@dataclass(slots=True)
class Tally:
    """One link: `clean` fragments carry it, `bare` of them without a score; `dirty` ones carry it but contradict themselves.

    `first`, `last` (sightings) and `score` (the highest) come from the clean ones, None where there is none.
    """

    clean: int = 0
    bare: int = 0
    dirty: int = 0
    first: Instant | None = None
    last: Instant | None = None
    top: float | None = None

    def add(self, at: Instant, score: float | None, *, clean: bool) -> None:
        if not clean:
            self.dirty += 1
            return
        self.clean += 1
        if score is None:
            self.bare += 1
        elif self.top is None or score > self.top:
            self.top = score
        if self.first is None or self.last is None:
            self.first = self.last = at
        elif at < self.first:
            self.first = at
        elif at > self.last:
            self.last = at

    @property
    def score(self) -> float | None:
        """The highest of its fragments', None if any has none."""
        return None if self.bare else self.top


def contradictory(members: Sequence[int], ground: Ground, group: Group) -> frozenset[int]:
    """Of one fragment's identifiers those whose namespace is there more often than its limit allows."""
    limit = ground.namespaces.limit
    count: Counter[int] = Counter()
    for place in {(ground.place[m], group.get(m, m)) for m in members} if group else [(ground.place[m], m) for m in members]:
        if limit[place[0]] is not None:
            count[place[0]] += 1
    over = {place for place, n in count.items() if n > (limit[place] or 0)}
    return frozenset(m for m in members if ground.place[m] in over) if over else frozenset()


def pairs_of(members: Iterable[int]) -> Iterable[tuple[int, int]]:
    """Every pair of distinct identifiers once, the smaller number first."""
    return combinations(sorted(set(members)), 2)


def refused_alone(tally: Tally, weaker: int, ground: Ground) -> Rule | None:
    """Why a link counts for nothing, if so: no fragment carries it cleanly, or its score is below its namespace's minimum."""
    if not tally.clean:
        return Rule.CONTRADICTION
    score, least = tally.score, ground.namespaces.min_score[ground.place[weaker]]
    return Rule.SCORE if score is not None and least is not None and score < least else None


def shared_by(place: int, neighbours: Mapping[int, tuple[int, int]], namespaces: Namespaces) -> bool:
    """Whether an identifier is shared, from its own links: by namespace position, (judged groups, single members) linked to it."""
    most, above = namespaces.max_identifiers, namespaces.shared_above[place]
    if above is not None and any(groups > above for at, (groups, _) in neighbours.items() if at < place):
        return True
    return most is not None and sum(members for at, (_, members) in neighbours.items() if at <= place) > most


def precedence(layer: int, ground: Ground, *, scores: bool = True) -> Callable[[int, int, Tally], tuple[object, ...]]:
    """The order of a layer's links as a sort key of (stronger end, weaker end, tally): observed before scored ones, these by score;
    then by the namespace's `conflict` (`park`: newest); then the stronger other end, its text, the weaker end's text."""
    oldest = ground.namespaces.conflict[layer] is Conflict.OLDEST
    place, text = ground.place, ground.text

    def key(strong: int, weak: int, tally: Tally) -> tuple[object, ...]:
        score = tally.score if scores else None
        at = (tally.first if oldest else -(tally.last or 0)) or 0
        return (score is not None, -(score or 0.0), at, place[strong], text[strong], text[weak])

    return key


def star_losers(hub: int, layer: int, rays: Mapping[int, Tally], ground: Ground) -> list[int]:
    """Of one identifier's usable links to one weaker namespace the far ends beyond the first `max_identifiers`."""
    most = ground.namespaces.max_identifiers
    if most is None or len(rays) <= most:
        return []
    key = precedence(layer, ground, scores=ground.namespaces.conflict[layer] is not Conflict.PARK)
    return sorted(rays, key=lambda ray: key(hub, ray, rays[ray]))[most:]
