"""Random histories of a store, what they leave as evidence, and how one is played into a store.

`Told` keeps the evidence as the words of the project have it, apart from any store: what counts after a history is read
from it and handed to the reference resolver. `held` and `kept` read the same out of a store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, product
from random import Random
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from graph import interactions as flows
from graph.curate import Curated, judge, withdraw
from graph.errors import BadRules, NotFound
from graph.ingest import Ingested, ingest
from graph.interactions import Recorded
from graph.model import Fragment, FragmentStatus, Identifier, Interaction, Judgement, JudgementKind, Key, RecordKey
from graph.resolve.rules import Blocked, Rules
from graph.store.ports import NAMESPACE_SHIFT, PARKED, SHARED, Everything, Store
from tests.build import minute
from tests.reference import Reference, Refused, reference_resolve
from tests.stores import Run
from tests.strategies import AWKWARD

__all__ = [
    "Add",
    "Again",
    "Answer",
    "Case",
    "Interact",
    "Judge",
    "Step",
    "TakeBack",
    "Told",
    "Withdraw",
    "cases",
    "held",
    "kept",
    "names_of",
    "numbered",
    "over",
    "play",
    "prove",
    "send",
]

F = TypeVar("F", bound=Callable[..., Any])
Answer: TypeAlias = Ingested | Curated | Recorded | NotFound


@dataclass(frozen=True)
class Add:
    """One request of fragments."""

    fragments: tuple[Fragment, ...]


@dataclass(frozen=True)
class Again:
    """An earlier request of fragments comes once more, word by word: the n-th, counted round."""

    nth: int


@dataclass(frozen=True)
class Withdraw:
    record: RecordKey


@dataclass(frozen=True)
class Judge:
    judgements: tuple[Judgement, ...]


@dataclass(frozen=True)
class Interact:
    interactions: tuple[Interaction, ...]


@dataclass(frozen=True)
class TakeBack:
    """Interactions are withdrawn."""

    records: tuple[RecordKey, ...]


Step: TypeAlias = Add | Again | Withdraw | Judge | Interact | TakeBack


@dataclass(frozen=True)
class Case:
    """Rules as TOML text, and a history under them; `others`: rules that may take their place."""

    rules: str
    steps: tuple[Step, ...]
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join([self.rules, *(f"  {step}" for step in self.steps), *self.others])


def cases(most: int = 12, *, rules: bool = True, judging: bool = True, ends: bool = True, others: int = 0) -> st.SearchStrategy[Case]:
    """Random rules and steps in order; most add fragments. Without `rules` there are none, without `judging` nobody judges, without `ends`
    nothing is replaced or taken back. `others`: how many other rules there are.

    Each case is made from one drawn number: drawn piece by piece, nearly all are variants of a few (hypothesis mutates what it drew), and a
    case with rivals, stars and parked identifiers is three times as rare. `prove` makes a failing one small.
    """
    return st.integers(0, 2**64 - 1).map(lambda seed: _case(Random(seed), most, rules, judging, ends, others))


class _Shape(NamedTuple):
    """What identifiers there are: namespaces, and values of the first and of each other one; how many a fragment carries, how many
    fragments a history begins with, and what its rules are like: any, every namespace `parks`, `hubs` under a low `max_identifiers`, or
    `chains` of people who share devices. Fragments of hubs and chains carry one of the first namespace and one other.
    """

    namespaces: tuple[str, ...]
    first: int
    others: int
    carried: tuple[int, ...] = (1, 2, 2, 2, 3, 3, 4)
    crowd: tuple[int, ...] = (0, 0, 3, 6, 10)
    like: str = "any"


_SHAPES = (
    _Shape(("user", "mail", "phone", "device"), 3, 3),
    _Shape(("user", "mail", "device"), 4, 4),
    _Shape(("user", "device"), 6, 6),
    _Shape(("user", "device", "cookie"), 2, 7),
    _Shape(("user", "mail", "phone", "device", "cookie"), 4, 6),
    _Shape(("user", "phone", "device"), 6, 3, (2, 2, 2, 3), (6, 10, 14), "parks"),
    _Shape(("user", "cookie"), 3, 8, crowd=(3, 6, 10), like="hubs"),
    _Shape(("user", "device"), 7, 7, crowd=(6, 10, 14), like="chains"),
    _Shape(("user", "phone", "device"), 7, 5, crowd=(6, 10, 14), like="chains"),
)
"""Few identifiers, so that nearly every step meets what is there; few namespaces make equal pins. Park groups that reach beyond the
profiles at hand, stars, and rivals of rivals are made on purpose: they hardly come about by chance."""


def _case(random: Random, most: int, rules: bool, judging: bool, ends: bool, others: int = 0) -> Case:
    shape = random.choice(_SHAPES)
    document = _document(random, shape) if rules else ""
    draw = _Draw(random, shape, ends)
    kinds: dict[Callable[[], Step], int] = {draw.add: 10, draw.again: 1, draw.interact: random.choice([0, 1])}
    if judging:
        kinds[draw.judge] = random.choice([0, 2, 6])
    if ends:
        kinds |= {draw.withdraw: random.choice([2, 5]), draw.take_back: 1}
    makers = random.choices([*kinds], [*kinds.values()], k=random.randint(1, most))
    crowd = Add(draw.some(random.choice(shape.crowd)))
    return Case(document, (crowd, *(maker() for maker in makers)), tuple(_document(random, shape) for _ in range(others)))


def _document(random: Random, shape: _Shape) -> str:
    """Some of the namespaces in any order, each with some rules."""
    names = list(shape.namespaces)
    if shape.like == "any":
        names = random.sample(names, random.choice([*[len(names)] * 3, *range(len(names))]))
    lines = ["declared_only = true"] if names and random.random() < 0.05 else []
    for name in names:
        lines += ["[[namespace]]", f'name = "{name}"', *_keys(random, shape, name)]
    bounds, chance = {"parks": ([2, 3, 4], 0.2), "hubs": ([2, 3], 0.9), "chains": ([3, 4, 5], 0.3)}.get(shape.like, (_BOUNDS, 0.45))
    if random.random() < chance:
        lines += ["[profile]", f"max_identifiers = {random.choice(bounds)}"]
    return "\n".join(lines) + "\n"


_BOUNDS = [1, 2, 2, 3, 3, 4, 5, 6, 8]


def _keys(random: Random, shape: _Shape, name: str) -> list[str]:
    """Rules of one namespace."""
    first = name == shape.namespaces[0]
    either = f'conflict = "{random.choice(["newest", "oldest", "park"])}"'
    chances = {
        f"limit = {random.choice([1, 1, 2, 3])}": 0.5,
        f"shared_above = {random.choice([1, 2, 2, 3])}": 0.35,
        f'conflict = "{random.choice(["newest", "oldest", "oldest", "park", "park"])}"': 0.6,
        f"min_score = {random.choice([0.5, 0.8])}": 0.2,
        random.choice(['blocked = ["2"]', 'blocked = ["/^[3a]/", "1"]']): 0.05,
        random.choice(['normalise = "lowercase"', 'normalise = "none"']): 0.1,
        random.choice(["person = true", "person = false"]): 0.3,
    }
    if shape.like == "parks":
        chances = {'conflict = "park"': 1.0, "limit = 1": 1.0 if first else 0.2}
    elif shape.like == "hubs":
        chances = {either: 0.8, "min_score = 0.5": 0.3}
    elif shape.like == "chains":
        chances = {either: 0.7, f"limit = {random.choice([1, 1, 2])}": 1.0 if first else 0.2, "shared_above = 4": 0.0 if first else 0.2}
    return [line for line, chance in chances.items() if random.random() < chance]


class _Draw:
    """Makes steps."""

    def __init__(self, random: Random, shape: _Shape, ends: bool) -> None:
        self.random = random
        self.ends = ends
        self.records = [RecordKey("crm" if n % 2 else "web", str(n)) for n in range(12)]
        self.fresh = count()
        self.identifiers = [
            Identifier(name, value)
            for place, name in enumerate(shape.namespaces)
            for value in ["a", *map(str, range(1, shape.others if place else shape.first))]
        ]
        first, second = shape.namespaces[:2]
        self.shape = shape
        self.few = [Identifier(first, "1"), Identifier(first, "a"), Identifier(second, "1")]

    def identifier(self) -> Identifier:
        found = self.random.choice(self.identifiers)
        if self.random.random() < 0.06:
            return Identifier(found.namespace, self.random.choice(AWKWARD))
        return found

    def some(self, number: int) -> tuple[Fragment, ...]:
        return tuple(self.fragment() for _ in range(number))

    def fragment(self) -> Fragment:
        random = self.random
        new = not self.ends or random.random() < 0.4
        record = RecordKey("new", str(next(self.fresh))) if new else random.choice(self.records)
        carried = tuple(self.identifier() for _ in range(random.choice(self.shape.carried)))
        if self.shape.like in ("hubs", "chains"):
            first = [one for one in self.identifiers if one.namespace == self.shape.namespaces[0]]
            carried = (random.choice(first), random.choice(self.identifiers[len(first) :]))
        at = random.randrange(12)
        return Fragment(*record, carried, minute(at), {"at": at} if at % 3 == 0 else None, random.choice([*[None] * 5, 0.3, 0.6, 0.9]))

    def add(self) -> Step:
        return Add(self.some(self.random.choice([1, 1, 1, 2, 4])))

    def again(self) -> Step:
        return Again(self.random.randrange(6))

    def withdraw(self) -> Step:
        return Withdraw(self.random.choice([*self.records, RecordKey("new", str(self.random.randrange(6)))]))

    def judge(self) -> Step:
        return Judge(tuple(self._judgement() for _ in range(self.random.choice([1, 1, 2, 3]))))

    def _judgement(self) -> Judgement:
        a, b = (self.random.choice(self.few) if self.random.random() < 0.6 else self.identifier() for _ in "ab")
        kind, at = self.random.choice([*JudgementKind]), minute(self.random.randrange(12))
        if kind is JudgementKind.SAME or self.random.random() < 0.6:
            return Judgement(kind, a, b, at)
        with_a, with_b = (tuple(self.identifier() for _ in range(self.random.randrange(3))) for _ in "ab")
        return Judgement(kind, a, b, at, with_a=with_a, with_b=with_b)

    def interact(self) -> Step:
        return Interact(tuple(self._interaction() for _ in range(self.random.choice([1, 2]))))

    def _interaction(self) -> Interaction:
        at = self.random.randrange(6)
        return Interaction("app", str(self.random.randrange(4)), "like", self.identifier(), self.identifier(), minute(at), 1.0 + at % 2)

    def take_back(self) -> Step:
        return TakeBack(tuple(RecordKey("app", str(self.random.randrange(4))) for _ in range(self.random.choice([1, 2]))))


# ---------------------------------------------------------------- claims about cases


def over(drawn: st.SearchStrategy[Case], *, share: float = 1.0) -> Callable[[F], F]:
    """A test of `case` over these; `prove` does the shrinking. `share`: of the profile's examples, for cases that do much each."""
    examples = int(settings().max_examples * share)
    chosen = settings(phases=(Phase.explicit, Phase.reuse, Phase.generate), max_examples=examples)

    def decorate(test: F) -> F:
        return cast(F, chosen(given(case=drawn)(test)))

    return decorate


def prove(run: Run, case: Case, claim: Callable[[Case], Awaitable[None]]) -> None:
    """What is claimed holds for this case; where it does not, a case as small as it gets fails in its place."""
    trouble = _trouble(run, case, claim)
    if trouble is None:
        return
    ahead = _smaller(case)
    while (candidate := next(ahead, None)) is not None:
        other = _trouble(run, candidate, claim)
        if other is not None and type(other) is type(trouble):
            case, trouble, ahead = candidate, other, _smaller(candidate)
    trouble.add_note(f"in this history:\n{case}")
    raise trouble


def _trouble(run: Run, case: Case, claim: Callable[[Case], Awaitable[None]]) -> Exception | None:
    async def claimed() -> None:
        await claim(case)

    try:
        run(claimed())
    except BadRules:  # of a document that lost a line too many
        return None
    except Exception as trouble:  # noqa: BLE001 - whatever fails the claim
        return trouble
    return None


def _smaller(case: Case) -> Iterator[Case]:
    """The case without one step, rule, or part of a step."""
    for n in range(len(case.steps)):
        yield replace(case, steps=case.steps[:n] + case.steps[n + 1 :])
    lines = case.rules.splitlines(keepends=True)
    for width in (2, 1):
        for n in range(len(lines)):
            yield replace(case, rules="".join(lines[:n] + lines[n + width :]))
    for place, document in enumerate(case.others):
        lines = document.splitlines(keepends=True)
        for width, n in product((2, 1), range(len(lines))):
            less = "".join(lines[:n] + lines[n + width :])
            yield replace(case, others=(*case.others[:place], less, *case.others[place + 1 :]))
    for n, step in enumerate(case.steps):
        for less in _less(step):
            yield replace(case, steps=(*case.steps[:n], less, *case.steps[n + 1 :]))


def _less(step: Step) -> Iterator[Step]:
    if isinstance(step, Add):
        for n, fragment in enumerate(step.fragments):
            before, after = step.fragments[:n], step.fragments[n + 1 :]
            yield Add(before + after)
            for at in range(len(fragment.identifiers)):
                carried = fragment.identifiers[:at] + fragment.identifiers[at + 1 :]
                if carried:
                    yield Add((*before, replace(fragment, identifiers=carried), *after))
            if fragment.score is not None:
                yield Add((*before, replace(fragment, score=None), *after))
    elif isinstance(step, Judge):
        for n in range(len(step.judgements)):
            yield Judge(step.judgements[:n] + step.judgements[n + 1 :])


# ---------------------------------------------------------------- what a history leaves


@dataclass
class _Version:
    fragment: Fragment
    status: FragmentStatus


@dataclass
class _Heard:
    interaction: Interaction
    status: FragmentStatus


@dataclass
class Told:
    """The evidence so far. Every method says what the store must answer."""

    rules: Rules
    versions: dict[RecordKey, list[_Version]] = field(default_factory=dict)
    heard: dict[RecordKey, list[_Heard]] = field(default_factory=dict)
    judgements: list[Judgement] = field(default_factory=list)
    requests: list[tuple[Fragment, ...]] = field(default_factory=list)

    def add(self, fragments: Sequence[Fragment]) -> tuple[list[FragmentStatus], int]:
        """What becomes of each fragment when it comes, and how many change nothing."""
        self.requests.append(tuple(fragments))
        found = [self._add(fragment) for fragment in fragments]
        return [status for status, _ in found], sum(known for _, known in found)

    def _add(self, fragment: Fragment) -> tuple[FragmentStatus, bool]:
        versions = self.versions.setdefault(fragment.key, [])
        counting = self.counting(fragment.key)
        equal = next((version for version in versions if version.fragment == fragment), None)
        if equal is not None:
            return (equal.status if counting else FragmentStatus.WITHDRAWN), True
        new = _Version(fragment, FragmentStatus.ACTIVE)
        versions.append(new)
        if counting and (fragment.observed_at or 0) < (counting.fragment.observed_at or 0):
            new.status = FragmentStatus.SUPERSEDED
        elif counting:
            counting.status = FragmentStatus.SUPERSEDED
        return new.status, False

    def counting(self, record: RecordKey) -> _Version | None:
        """The version that counts."""
        return next((each for each in self.versions.get(record, ()) if each.status is FragmentStatus.ACTIVE), None)

    def withdraw(self, record: RecordKey) -> bool:
        """Whether there was a version that counted."""
        counting = self.counting(record)
        if counting:
            counting.status = FragmentStatus.WITHDRAWN
        return counting is not None

    def judge(self, judgements: Iterable[Judgement]) -> int:
        """How many are new."""
        before = len(self.judgements)
        for judgement in judgements:
            if judgement not in self.judgements:
                self.judgements.append(judgement)
        return len(self.judgements) - before

    def interact(self, interactions: Iterable[Interaction]) -> tuple[int, int, int]:
        """How many are new, known, rejected."""
        new = known = rejected = 0
        for each in interactions:
            if any(isinstance(self.rules.normalise(end), Blocked) for end in (each.origin, each.target)):
                rejected += 1
            elif any(one.interaction == each for one in self.heard.setdefault(each.key, [])):
                known += 1
            else:
                new += 1
                self._hear(each)
        return new, known, rejected

    def _hear(self, interaction: Interaction) -> None:
        versions = self.heard[interaction.key]
        counting = next((one for one in versions if one.status is FragmentStatus.ACTIVE), None)
        status = FragmentStatus.ACTIVE
        if counting and (interaction.at or 0) < (counting.interaction.at or 0):
            status = FragmentStatus.SUPERSEDED
        elif counting:
            counting.status = FragmentStatus.SUPERSEDED
        versions.append(_Heard(interaction, status))

    def take_back(self, records: Iterable[RecordKey]) -> int:
        """How many counted."""
        counting = [one for record in set(records) for one in self.heard.get(record, ()) if one.status is FragmentStatus.ACTIVE]
        for one in counting:
            one.status = FragmentStatus.WITHDRAWN
        return len(counting)

    def active(self) -> list[Fragment]:
        """The versions that count."""
        return [each.fragment for versions in self.versions.values() for each in versions if each.status is FragmentStatus.ACTIVE]

    def interactions(self) -> list[Interaction]:
        """The interactions that count."""
        return [each.interaction for some in self.heard.values() for each in some if each.status is FragmentStatus.ACTIVE]

    def kept(self) -> tuple[frozenset[Any], frozenset[Any], list[Any]]:
        """What counts, normalised: versions, judgements without void ones, interactions."""
        versions = frozenset((f.key, f.observed_at, f.score, frozenset(self._usable(f.identifiers))) for f in self.active())
        said = [(j.kind, self._side(j.a, j.with_a), self._side(j.b, j.with_b), j.at) for j in self.judgements]
        judgements = frozenset(one for one in said if one[1] and one[2])
        heard = sorted((*self._usable((each.origin, each.target)), each.weight, each.at) for each in self.interactions())
        return versions, judgements, heard

    def _side(self, end: Identifier, beside: Sequence[Identifier]) -> tuple[Identifier, ...]:
        return tuple(dict.fromkeys(self._usable((end, *beside))))

    def _usable(self, raw: Iterable[Identifier]) -> list[Identifier]:
        values = (self.rules.normalise(one) for one in raw)
        return [value for value in values if not isinstance(value, Blocked)]

    def makes(self) -> Reference:
        """What the specification makes of it. An interaction makes both its identifiers known, as a fragment of one would."""
        known = [end for each in self.interactions() for end in (each.origin, each.target)]
        mentions = [Fragment("an interaction", str(n), (end,), 0) for n, end in enumerate(known)]
        return reference_resolve([*self.active(), *mentions], self.judgements, self.rules)


# ---------------------------------------------------------------- into a store and out of it


def numbered() -> Callable[[], str]:
    """OneIDs that are the same in every run."""
    numbers = count(1)
    return lambda: f"one-{next(numbers)}"


async def send(step: Step, store: Store, told: Told, new_id: Callable[[], str], key: Key | None = None) -> Answer:
    """The store's answer to one step. `told` is not asked but for what is sent again."""
    if isinstance(step, Again):
        step = Add(told.requests[step.nth % len(told.requests)]) if told.requests else Add(())
    if isinstance(step, Add):
        return await ingest(store, step.fragments, key=key, new_id=new_id)
    if isinstance(step, Judge):
        return await judge(store, step.judgements, key=key, new_id=new_id)
    if isinstance(step, Interact):
        return await flows.record(store, step.interactions, key=key, new_id=new_id)
    if isinstance(step, TakeBack):
        return await flows.withdraw(store, step.records, key=key, new_id=new_id)
    try:
        return await withdraw(store, step.record, reason="asked to", key=key, new_id=new_id)
    except NotFound as trouble:
        return trouble


async def play(step: Step, store: Store, told: Told, new_id: Callable[[], str]) -> None:
    """Send one step, tell it too, and compare what the store answers."""
    answer = await send(step, store, told, new_id)
    if isinstance(step, Again):
        step = Add(told.requests[step.nth % len(told.requests)]) if told.requests else Add(())
    if isinstance(step, Add):
        statuses, unchanged = told.add(step.fragments)
        assert isinstance(answer, Ingested)
        assert [result.status for result in answer.results] == statuses
        assert (answer.accepted, answer.unchanged) == (len(statuses) - unchanged, unchanged)
    elif isinstance(step, Withdraw):
        assert isinstance(answer, Curated) == told.withdraw(step.record)
    elif isinstance(step, Judge):
        new = told.judge(step.judgements)
        assert isinstance(answer, Curated)
        assert answer.unchanged == len(step.judgements) - new
    elif isinstance(step, Interact):
        assert isinstance(answer, Recorded)
        assert (answer.accepted, answer.unchanged, len(answer.rejected)) == told.interact(step.interactions)
    else:
        assert isinstance(answer, Recorded)
        assert answer.accepted == told.take_back(step.records)


def names_of(everything: Everything) -> dict[int, Identifier]:
    """Identifiers by the store's numbers."""
    spaces = everything.namespaces
    return {m.id: Identifier(spaces[(m.id >> NAMESPACE_SHIFT) - 1], m.value) for m in everything.members}


def held(everything: Everything) -> Reference:
    """What a store has made of its evidence, in the reference's form; blocked values are not asked for."""
    name = names_of(everything)
    profiles: dict[int, list[Identifier]] = {}
    for member in everything.members:
        if member.profile:
            profiles.setdefault(member.profile, []).append(name[member.id])
    refused = set()
    for row in everything.links:
        if row.refused is not None:
            a, b = sorted((name[row.a].text, name[row.b].text))
            refused.add(Refused("link", a, b, row.refused.rule.value, row.refused.namespace))
    for judgement in everything.judgements:
        if (word := judgement.word) is not None and not judgement.in_force:
            against = JudgementKind.DISTINCT if judgement.kind is JudgementKind.SAME else JudgementKind.SAME
            for pair in product(word.left, word.right):
                a, b = sorted(name[at].text for at in pair)
                refused.add(Refused(judgement.kind.value, a, b, against.value))
    marked = [(flag, {name[m.id] for m in everything.members if m.flags & flag and m.profile}) for flag in (SHARED, PARKED)]
    return Reference(
        profiles=tuple(sorted(tuple(sorted(members)) for members in profiles.values())),
        refused=frozenset(refused),
        shared=frozenset(marked[0][1]),
        parked=frozenset(marked[1][1]),
        blocked=frozenset(),
    )


def kept(everything: Everything) -> tuple[frozenset[Any], frozenset[Any], list[Any]]:
    """The evidence that counts in a store, in the form of `Told.kept`."""
    name = names_of(everything)
    versions = frozenset((key, seen.observed, seen.score, frozenset(name[at] for at in seen.ids)) for key, seen in everything.versions)
    judgements = frozenset(
        (word.kind, *(tuple(name[at] for at in side) for side in (word.left, word.right)), word.at)
        for judgement in everything.judgements
        if (word := judgement.word) is not None
    )
    heard = sorted((name[origin], name[target], weight, at) for origin, target, _, weight, at in everything.interactions)
    return versions, judgements, heard
