"""The function everything follows from: all evidence in, people out. Live work is the same, on a part of the store (graph.settle)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from graph.model import Fragment, Identifier, Instant, Judgement, JudgementKind, LinkKind, Refusal, Rule
from graph.resolve.ground import Ground, Namespaces
from graph.resolve.judged import Judged, Word, judge
from graph.resolve.links import Tally, contradictory, pairs_of, refused_alone, shared_by, star_losers
from graph.resolve.partition import partition
from graph.resolve.records import latest
from graph.resolve.rules import Blocked, Rules

__all__ = ["Numbered", "Refused", "Resolution", "resolve", "resolve_numbers"]

_SHARED = Refusal(Rule.SHARED)
_STAR = Refusal(Rule.MAX_IDENTIFIERS)


@dataclass(frozen=True, slots=True)
class Refused:
    """A link or judgement that is not used, and the rule that says so; `a` before `b` by text."""

    kind: LinkKind
    a: Identifier
    b: Identifier
    rule: Rule
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Resolution:
    """Profiles and their members sorted; `blocked` are raw identifiers; `refused` by kind, a, b."""

    profiles: tuple[tuple[Identifier, ...], ...]
    refused: tuple[Refused, ...]
    shared: frozenset[Identifier]
    parked: frozenset[Identifier]
    blocked: frozenset[Identifier]


@dataclass(frozen=True, slots=True)
class Numbered:
    """A resolution of numbered identifiers; `refused` by link, the smaller number first; `starred`: those refused as ends of a star, whose
    refusal has the name of a profile's own."""

    profiles: tuple[tuple[int, ...], ...]
    refused: Mapping[tuple[int, int], Refusal]
    judged: Judged
    shared: Set[int]
    parked: Set[int]
    starred: Set[tuple[int, int]]


def resolve(fragments: Iterable[Fragment], judgements: Iterable[Judgement], rules: Rules) -> Resolution:
    """Steps 1 to 8 over all versions of all records, in the order recorded, and all judgements; every one of them with a time."""
    evidence = _Evidence(rules)
    kept = [(evidence.numbers(f.identifiers), f.observed_at or 0, f.score) for f in latest(fragments)]
    words = [word for judgement in judgements if (word := evidence.word(judgement)) is not None]
    known = evidence.known
    done = resolve_numbers(kept, words, evidence.ground(), len(known))
    return Resolution(
        profiles=tuple(
            sorted(
                (tuple(sorted((known[i] for i in p), key=_text)) for p in done.profiles),
                key=lambda p: [i.text for i in p],
            )
        ),
        refused=_named(done.refused, done.judged, known),
        shared=frozenset(known[i] for i in done.shared),
        parked=frozenset(known[i] for i in done.parked),
        blocked=frozenset(evidence.blocked),
    )


def resolve_numbers(
    kept: Sequence[tuple[tuple[int, ...], Instant, float | None]], words: Sequence[Word], ground: Ground, count: int
) -> Numbered:
    """Steps 2 to 8 over identifiers numbered from 0: `kept` are the fragments that count, each with its usable identifiers without repeats,
    its time and its score."""
    judged = judge(words, ground.text)
    links = _links(kept, ground, judged.group)
    refused, shared = _refused_beforehand(links, ground, judged.group)
    starred = {pair for pair, refusal in refused.items() if refusal == _STAR}
    usable = {pair: tally for pair, tally in links.items() if pair not in refused}
    outcome = partition(range(count), usable, judged, ground)
    refused.update(outcome.refused)
    return Numbered(outcome.profiles, refused, judged, shared, outcome.parked, starred)


def _text(identifier: Identifier) -> str:
    return identifier.text


class _Evidence:
    """Step 1: identifiers normalised and numbered in the order met, and the blocked ones as sent."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.number: dict[Identifier, int] = {}
        self.known: list[Identifier] = []
        self.blocked: set[Identifier] = set()

    def numbers(self, raw: Iterable[Identifier], *, repeats: bool = False) -> tuple[int, ...]:
        found: list[int] = []
        usable: list[Identifier] = []
        for identifier in raw:
            normalised = self.rules.normalise(identifier)
            if isinstance(normalised, Blocked):
                self.blocked.add(identifier)
            else:
                usable.append(normalised)
        for identifier in usable:
            at = self.number.setdefault(identifier, len(self.known))
            if at == len(self.known):
                self.known.append(identifier)
            found.append(at)
        return tuple(found) if repeats else tuple(dict.fromkeys(found))

    def word(self, judgement: Judgement) -> Word | None:
        """A judgement on identifiers that are not blocked; None: void. Its identifiers are known either way."""
        left, right = (self.numbers(side, repeats=True) for side in judgement.sides)
        return Word(judgement.kind, left, right, judgement.at or 0) if left and right else None

    def ground(self) -> Ground:
        namespaces = Namespaces({i.namespace for i in self.known}, self.rules)
        return Ground(namespaces, [namespaces.position[i.namespace] for i in self.known], [i.text for i in self.known])


def _links(
    kept: Sequence[tuple[tuple[int, ...], Instant, float | None]], ground: Ground, group: Mapping[int, int]
) -> dict[tuple[int, int], Tally]:
    """Step 3: every fragment links its identifiers pairwise."""
    links: dict[tuple[int, int], Tally] = {}
    for members, at, score in kept:
        if len(members) < 2:
            continue
        wrong = contradictory(members, ground, group)
        for pair in pairs_of(members):
            if (tally := links.get(pair)) is None:
                tally = links[pair] = Tally()
            tally.add(at, score, clean=not wrong or (pair[0] not in wrong and pair[1] not in wrong))
    return links


def _refused_beforehand(
    links: Mapping[tuple[int, int], Tally], ground: Ground, group: Mapping[int, int]
) -> tuple[dict[tuple[int, int], Refusal], set[int]]:
    """Steps 3 to 5: contradictions, low scores, shared identifiers and stars."""
    refused: dict[tuple[int, int], Refusal] = {}
    far: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for (a, b), tally in links.items():
        rule = refused_alone(tally, ground.weaker_last(a, b)[1], ground)
        if rule is not None:
            refused[a, b] = Refusal(rule)
        else:
            far[a][ground.place[b]].append(b)
            far[b][ground.place[a]].append(a)
    shared = {
        i
        for i, by_place in far.items()
        if shared_by(
            ground.place[i],
            {at: (len({group.get(n, n) for n in ns}), len(ns)) for at, ns in by_place.items()},
            ground.namespaces,
        )
    }
    for i in shared:
        for neighbours in far[i].values():
            refused.update(((min(i, n), max(i, n)), _SHARED) for n in neighbours)
    if ground.namespaces.max_identifiers is not None:
        for hub, by_place in far.items():
            for layer, ends in by_place.items():
                if layer > ground.place[hub] and len(ends) > ground.namespaces.max_identifiers:
                    rays = {n: links[min(hub, n), max(hub, n)] for n in ends if (min(hub, n), max(hub, n)) not in refused}
                    refused.update(((min(hub, n), max(hub, n)), _STAR) for n in star_losers(hub, layer, rays, ground))
    return refused, shared


def _named(refused: Mapping[tuple[int, int], Refusal], judged: Judged, known: Sequence[Identifier]) -> tuple[Refused, ...]:
    named = {_refusal("link", known[a], known[b], refusal) for (a, b), refusal in refused.items()}
    for word in judged.refused:
        rule = Refusal(Rule.DISTINCT if word.kind is JudgementKind.SAME else Rule.SAME)
        named.update(_refusal(word.kind.value, known[a], known[b], rule) for a in word.left for b in word.right)
    return tuple(sorted(named, key=lambda r: (r.kind, r.a.text, r.b.text)))


def _refusal(kind: LinkKind, a: Identifier, b: Identifier, refusal: Refusal) -> Refused:
    if b.text < a.text:
        a, b = b, a
    return Refused(kind, a, b, refusal.rule, refusal.namespace)
