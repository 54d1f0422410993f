"""The resolver read straight from the specification: sets and loops, one function per step, nothing clever, nothing fast.

`reference_resolve` is what `graph.resolve.whole.resolve` is measured against; it shares only the reading of rules and values with it.

Readings: where the text leaves room, this is what is taken here.
- Versions: content equal to an earlier version of the record is dropped first, then the latest `observed_at` counts, among equals the
  last left. Identifiers that only a superseded version carries are not known, and its blocked values are not listed.
- An identifier that comes twice in a fragment, perhaps only after normalising, is there once.
- A judged group may span namespaces; it counts once in each namespace that it has members in. Own group included.
- A void pair joins and parts nobody and is not refused. Its judgement still makes the other end known, and its blocked value is listed.
- One identifier judged with itself: `same` is in force, `distinct` is refused with `same`.
- A `distinct` between several identifiers is the judgement of each pair; it is refused where none of its pairs holds.
- Step 3 counts by judged groups too: two identifiers judged `same` do not contradict each other.
- A link's first and last sighting and its score come from the fragments that carry it cleanly; one that none carries cleanly is refused
  with `contradiction`. A score is compared with the `min_score` of the weaker end's namespace; equal is enough.
- Links refused with `contradiction` or `score` count nowhere, so neither towards `shared_above`.
- `shared_above` counts judged groups, per stronger namespace; `max_identifiers` counts single identifiers, over all namespaces as strong
  or stronger together, whatever the text of those of the same namespace.
- Links of a shared identifier are refused; other members of its judged group keep theirs.
- A star is one identifier's links to one strictly weaker namespace, not its group's; links inside a namespace are never a star's. Scores
  order it as they order the layer (not where the namespace parks). A star of a park layer is newest first, then by text.
- A judged group larger than `max_identifiers` stands; only links add nothing to it. Links inside it are accepted.
- Of the rules that a link would break, `limit` names the strongest namespace.
- A park group whose every other end is in one profile with the parking end is accepted, even beyond `max_identifiers`. With no end left
  (all parked before) the identifier is not parked.
- A parked identifier stays in its judged group, whose other members go on linking.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import NamedTuple

from graph.model import Fragment, Identifier, Judgement, JudgementKind, RecordKey
from graph.resolve.rules import Blocked, Conflict, Rules
from graph.resolve.whole import Resolution

__all__ = ["Reference", "Refused", "as_reference", "reference_resolve"]

Group = frozenset[Identifier]
Pair = tuple[Identifier, Identifier]


class Refused(NamedTuple):
    """A link or judgement that is not used: its ends as text, `a` before `b`, and the rule; a namespace only with `limit`."""

    kind: str
    a: str
    b: str
    rule: str
    namespace: str | None = None


@dataclass(frozen=True)
class Reference:
    """What the specification makes of the evidence."""

    profiles: tuple[tuple[Identifier, ...], ...]
    refused: frozenset[Refused]
    shared: frozenset[Identifier]
    parked: frozenset[Identifier]
    blocked: frozenset[str]


def as_reference(resolution: Resolution) -> Reference:
    """What the fast resolver found, in the reference's form; profiles in their own order, each refusal once."""
    refused = []
    for one in resolution.refused:
        a, b = sorted((one.a.text, one.b.text))
        refused.append(Refused(one.kind, a, b, one.rule.value, one.namespace))
    assert len(refused) == len(set(refused))
    return Reference(
        profiles=resolution.profiles,
        refused=frozenset(refused),
        shared=resolution.shared,
        parked=resolution.parked,
        blocked=frozenset(each.text for each in resolution.blocked),
    )


class Seen(NamedTuple):
    """A fragment after step 1."""

    identifiers: frozenset[Identifier]
    at: int
    score: float | None


class Link(NamedTuple):
    """Two identifiers seen together: the stronger end, the weaker end, and over its clean sightings the times and the score."""

    strong: Identifier
    weak: Identifier
    first: int
    last: int
    score: float | None


def reference_resolve(fragments: Sequence[Fragment], judgements: Sequence[Judgement], rules: Rules) -> Reference:
    """The partition and everything refused; `fragments` are all versions of all records in the order they were recorded."""
    refused: set[Refused] = set()
    seen, pairs, named, blocked = normalised(counting(fragments), judgements, rules)
    groups, distinct = judge(pairs, refused)
    links = linked(seen, groups, rules, refused)
    shared = shared_among(links, groups, rules)
    usable = without_shared(links, shared, refused)
    usable = without_star_ends(usable, rules, refused)
    known = named.union(*(fragment.identifiers for fragment in seen))
    profiles: list[Group] = []
    parked: set[Identifier] = set()
    for component in components(known, usable, groups):
        bounds = Bounds(groups, distinct, rules)
        if bounds.broken_by(component) is None:
            profiles.append(component)
        else:
            built = Union(bounds, component, refused)
            built.link([link for link in usable if link.strong in component])
            profiles += built.profiles
            parked |= built.parked
    return Reference(
        profiles=tuple(sorted(tuple(sorted(profile)) for profile in profiles)),
        refused=frozenset(refused),
        shared=frozenset(shared),
        parked=frozenset(parked),
        blocked=frozenset(blocked),
    )


# Records


def counting(fragments: Sequence[Fragment]) -> list[Fragment]:
    """ "Of its versions the one with the latest `observed_at` counts, among equals the last recorded. … Content equal to any earlier
    version of the record changes nothing." """
    versions: dict[RecordKey, list[Fragment]] = {}
    for fragment in fragments:
        earlier = versions.setdefault(fragment.key, [])
        if fragment not in earlier:
            earlier.append(fragment)
    return [max(enumerate(each), key=lambda one: (moment(one[1].observed_at), one[0]))[1] for each in versions.values()]


def moment(at: int | None) -> int:
    """The resolver reads no clock: whoever calls it has given every piece of evidence its time."""
    if at is None:
        raise ValueError("evidence without a time")
    return at


# Step 1


class JudgedPair(NamedTuple):
    """One pair of the judgement with this number."""

    kind: JudgementKind
    at: int
    a: Identifier
    b: Identifier
    judgement: int


def normalised(
    fragments: Iterable[Fragment], judgements: Iterable[Judgement], rules: Rules
) -> tuple[list[Seen], list[JudgedPair], set[Identifier], set[str]]:
    """ "Normalise; drop blocked values (they never become identifiers; the fragment keeps its other ones)." Step 2: "A pair with a
    blocked end is void." Section 3: "A judgement makes its identifiers known" — the third answer."""
    blocked: set[str] = set()

    def kept(raw: Iterable[Identifier]) -> list[Identifier]:
        values = [(each, rules.normalise(each)) for each in raw]
        blocked.update(each.text for each, value in values if isinstance(value, Blocked))
        return [value for _, value in values if not isinstance(value, Blocked)]

    seen = [Seen(frozenset(kept(each.identifiers)), moment(each.observed_at), each.score) for each in fragments]
    pairs = []
    named: set[Identifier] = set()
    for number, judgement in enumerate(judgements):
        sides = [kept((judgement.a, *judgement.with_a)), kept((judgement.b, *judgement.with_b))]
        named.update(*sides)
        for ends in product(*sides):
            a, b = sorted(ends, key=text)
            pairs.append(JudgedPair(judgement.kind, moment(judgement.at), a, b, number))
    return seen, pairs, named, blocked


def text(identifier: Identifier) -> str:
    return identifier.text


# Step 2


def judge(pairs: Iterable[JudgedPair], refused: set[Refused]) -> tuple[list[Group], set[Pair]]:
    """ "Take judgement pairs newest first; at one instant `distinct` before `same`, then by text. `same` joins unless that would join
    an accepted `distinct` pair; `distinct` holds unless the two are already joined." """
    groups: list[Group] = []
    distinct: set[Pair] = set()
    idle: list[JudgedPair] = []
    held: set[int] = set()
    for pair in sorted(pairs, key=lambda pair: (-pair.at, pair.kind != JudgementKind.DISTINCT, pair.a.text, pair.b.text)):
        a, b = group_of(pair.a, groups), group_of(pair.b, groups)
        if pair.kind == JudgementKind.DISTINCT and a == b:
            idle.append(pair)
        elif pair.kind == JudgementKind.DISTINCT:
            distinct.add((pair.a, pair.b))
            held.add(pair.judgement)
        elif any(one in a | b and other in a | b for one, other in distinct):
            refused.add(Refused("same", pair.a.text, pair.b.text, "distinct"))
        else:
            groups = [group for group in groups if group not in (a, b)] + [a | b]
    refused.update(Refused("distinct", pair.a.text, pair.b.text, "same") for pair in idle if pair.judgement not in held)
    return groups, distinct


def group_of(identifier: Identifier, groups: Iterable[Group]) -> Group:
    """The judged group of an identifier, or it alone."""
    return next((group for group in groups if identifier in group), frozenset({identifier}))


def count(identifiers: Iterable[Identifier], groups: Sequence[Group]) -> int:
    """ "A group counts as one identifier of its namespace towards every number below"; all given are of one namespace."""
    return len({group_of(identifier, groups) for identifier in identifiers})


# Step 3


def linked(seen: Iterable[Seen], groups: Sequence[Group], rules: Rules, refused: set[Refused]) -> list[Link]:
    """ "Those identifiers link nothing in this fragment; its others do (a link that another fragment carries cleanly counts from
    there). Then every fragment links its identifiers pairwise; a link knows its first and last sighting. Its score is the highest of
    its fragments', none if any has none; below `min_score` it is refused and counts for nothing." """
    carried: dict[Pair, list[Seen]] = {}
    for fragment in seen:
        contradictory = contradicting(fragment.identifiers, groups, rules)
        for pair in combinations(sorted(fragment.identifiers, key=text), 2):
            clean = carried.setdefault(pair, [])
            if not contradictory & set(pair):
                clean.append(fragment)
    links = []
    for pair, clean in carried.items():
        if not clean:
            refuse(pair, "contradiction", refused)
            continue
        strong, weak = sorted(pair, key=lambda end: (rules.namespace(end.namespace).rank, end.text))
        scores = [fragment.score for fragment in clean]
        score = None if None in scores else max(score for score in scores if score is not None)
        lowest = rules.namespace(weak.namespace).min_score
        if score is not None and lowest is not None and score < lowest:
            refuse(pair, "score", refused)
        else:
            times = [fragment.at for fragment in clean]
            links.append(Link(strong, weak, min(times), max(times), score))
    return links


def contradicting(identifiers: frozenset[Identifier], groups: Sequence[Group], rules: Rules) -> set[Identifier]:
    """ "Where a fragment itself carries more identifiers of a namespace than its limit" — these."""
    found: set[Identifier] = set()
    for name in {identifier.namespace for identifier in identifiers}:
        of_it = {identifier for identifier in identifiers if identifier.namespace == name}
        limit = rules.namespace(name).limit
        if limit is not None and count(of_it, groups) > limit:
            found |= of_it
    return found


def refuse(pair: Iterable[Identifier], rule: str, refused: set[Refused], namespace: str | None = None) -> None:
    a, b = sorted(pair, key=text)
    refused.add(Refused("link", a.text, b.text, rule, namespace))


# Step 4


def shared_among(links: Sequence[Link], groups: Sequence[Group], rules: Rules) -> set[Identifier]:
    """ "One pass, all links of step 3 counted, judgements not. An identifier linked to more than `shared_above` identifiers of any one
    stronger namespace, or to more than `max_identifiers` same-or-stronger identifiers, each tested by its own links, is shared." """
    shared = set()
    for identifier in {end for link in links for end in (link.strong, link.weak)}:
        own = rules.namespace(identifier.namespace)
        others = {link.weak if link.strong == identifier else link.strong for link in links if identifier in link[:2]}
        if own.shared_above is not None:
            for name in {other.namespace for other in others}:
                of_it = {other for other in others if other.namespace == name}
                if rules.namespace(name).rank < own.rank and count(of_it, groups) > own.shared_above:
                    shared.add(identifier)
        as_strong = {other for other in others if rules.namespace(other.namespace).rank <= own.rank}
        if rules.max_identifiers is not None and len(as_strong) > rules.max_identifiers:
            shared.add(identifier)
    return shared


def without_shared(links: Iterable[Link], shared: set[Identifier], refused: set[Refused]) -> list[Link]:
    """ "Its links are refused, it is a profile of kind `SHARED` (unless judged `same` with somebody)." """
    usable = []
    for link in links:
        if link.strong in shared or link.weak in shared:
            refuse(link[:2], "shared", refused)
        else:
            usable.append(link)
    return usable


# Step 5


def without_star_ends(links: Sequence[Link], rules: Rules, refused: set[Refused]) -> list[Link]:
    """ "Of an identifier's links to one weaker namespace still usable after step 4 the first `max_identifiers` in that layer's order
    (`park`: newest) are usable, the rest refused." """
    if rules.max_identifiers is None:
        return list(links)
    stars: dict[tuple[Identifier, str], list[Link]] = {}
    for link in links:
        if link.strong.namespace != link.weak.namespace:
            stars.setdefault((link.strong, link.weak.namespace), []).append(link)
    beyond: set[Link] = set()
    for star in stars.values():
        beyond |= set(sorted(star, key=lambda link: order(link, rules))[rules.max_identifiers :])
    for link in beyond:
        refuse(link[:2], "max_identifiers", refused)
    return [link for link in links if link not in beyond]


def order(link: Link, rules: Rules) -> tuple[object, ...]:
    """Step 7's one order: "a. by layer …; b. inside a layer by that namespace's `conflict` …; c. then the stronger other end first, then
    that end's text, then the weaker end's text. … Links without a score come before scored ones of their layer, these by score,
    highest first"; "scores do not order a `park` layer"."""
    layer = rules.namespace(link.weak.namespace)
    by_score = (0, 0.0) if link.score is None or layer.conflict == Conflict.PARK else (1, -link.score)
    by_time = link.first if layer.conflict == Conflict.OLDEST else -link.last
    return (layer.rank, by_score, by_time, rules.namespace(link.strong.namespace).rank, link.strong.text, link.weak.text)


# Step 6


def components(known: set[Identifier], links: Sequence[Link], groups: Sequence[Group]) -> list[Group]:
    """ "Connected by usable links and `same`." """
    found: list[Group] = []
    left = set(known)
    while left:
        component = {min(left)}
        grown: set[Identifier] = set()
        while grown != component:
            grown = set(component)
            for group in groups:
                if group & component:
                    component |= group
            for link in links:
                if link.strong in component or link.weak in component:
                    component |= {link.strong, link.weak}
        found.append(frozenset(component))
        left -= component
    return found


class Bounds(NamedTuple):
    """What no profile may break."""

    groups: Sequence[Group]
    distinct: set[Pair]
    rules: Rules

    def broken_by(self, profile: Group) -> tuple[str, str | None] | None:
        """The first that applies of `distinct`, `limit` (with the first such namespace), `max_identifiers`; None where it may be one."""
        if any(a in profile and b in profile for a, b in self.distinct):
            return "distinct", None
        for name in sorted({each.namespace for each in profile}, key=lambda name: self.rules.namespace(name).rank):
            limit = self.rules.namespace(name).limit
            if limit is not None and count({each for each in profile if each.namespace == name}, self.groups) > limit:
                return "limit", name
        if self.rules.max_identifiers is not None and len(profile) > self.rules.max_identifiers:
            return "max_identifiers", None
        return None


# Step 7


class Union:
    """ "Build its profiles by constrained union, starting from the judged groups." """

    def __init__(self, bounds: Bounds, component: Group, refused: set[Refused]) -> None:
        self.bounds = bounds
        self.refused = refused
        self.profiles: list[Group] = list({group_of(identifier, bounds.groups) for identifier in component})
        self.parked: set[Identifier] = set()

    def link(self, links: Iterable[Link]) -> None:
        """ "Take usable links in one fixed total order", layer by layer."""
        rules = self.bounds.rules
        links = sorted(links, key=lambda link: order(link, rules))
        for name in dict.fromkeys(link.weak.namespace for link in links):
            layer = [link for link in links if link.weak.namespace == name]
            if rules.namespace(name).conflict == Conflict.PARK:
                for weak in sorted({link.weak for link in layer}, key=text):
                    self.take_whole(weak, [link for link in layer if link.weak == weak])
            else:
                for link in layer:
                    self.take(link)

    def take(self, link: Link) -> None:
        """ "Accept a link unless the resulting profile would break a limit, `max_identifiers` or a `distinct`. … A link whose ends are
        already in one profile is accepted, unless an end is parked." """
        if link.strong in self.parked or link.weak in self.parked:
            refuse(link[:2], "park", self.refused)
            return
        reached = self.holding({link.strong, link.weak})
        broken = self.bounds.broken_by(frozenset().union(*reached)) if len(reached) > 1 else None
        if broken is None:
            self.join(reached)
        else:
            refuse(link[:2], broken[0], self.refused, broken[1])

    def take_whole(self, weak: Identifier, links: Iterable[Link]) -> None:
        """ "The links of one weaker end in its layer are one group …: all joined if the profiles they reach may all be one; else all
        refused, and the identifier is *parked*. … Links to an end that is already parked are refused first and do not count in the
        group." """
        counted = []
        for link in links:
            if link.strong in self.parked:
                refuse(link[:2], "park", self.refused)
            else:
                counted.append(link)
        reached = self.holding({weak} | {link.strong for link in counted})
        if len(reached) == 1 or self.bounds.broken_by(frozenset().union(*reached)) is None:
            self.join(reached)
            return
        self.parked.add(weak)
        for link in counted:
            refuse(link[:2], "park", self.refused)

    def holding(self, identifiers: set[Identifier]) -> list[Group]:
        return [profile for profile in self.profiles if profile & identifiers]

    def join(self, reached: Sequence[Group]) -> None:
        self.profiles = [profile for profile in self.profiles if profile not in reached] + [frozenset().union(*reached)]
