"""Random rules and random evidence, small and crowded, so that collisions, rivals, stars and parking are common.

One alphabet of namespaces and values for all: any rules go with any evidence. Versions of one record never have equal times unless
their content is equal, so any order of the same evidence must give the same result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from hypothesis import strategies as st

from graph.model import Fragment, Identifier, Instant, Judgement, JudgementKind
from tests.build import minute

__all__ = ["BIG", "DISPUTED", "SMALL", "STARS", "Evidence", "Size", "evidence", "fragments", "identifiers", "judgements", "rules_documents"]

T = TypeVar("T")

NAMESPACES = ("user", "mail", "phone", "device", "cookie", "tag")
"""Rules declare some of these, in any order; the others stay undeclared."""
AWKWARD = ("null", "0", "A", " 1", "a ", "-1", "2 ")
"""Values that are blocked or equal another value, always or under some rules."""


@dataclass(frozen=True)
class Size:
    """How much evidence one example holds at most."""

    values: int = 3
    fragments: int = 14
    judgements: int = 6
    identifiers: int = 5
    instants: int = 12
    records: int | None = None
    """Records that the fragments are versions of; None: mostly one each."""
    namespaces: tuple[str, ...] = field(default=NAMESPACES)


SMALL = Size()
DISPUTED = Size(fragments=5, judgements=14, instants=4, namespaces=NAMESPACES[:3])
STARS = Size(values=6, fragments=24, judgements=8, identifiers=2, namespaces=("device", "user"))
"""One person with many devices, more than small bounds allow, and judgements that leave gaps in a star."""
BIG = Size(values=8, fragments=32, judgements=10, identifiers=6, instants=36)


@dataclass(frozen=True)
class Evidence:
    """Fragments in recorded order, and judgements."""

    fragments: tuple[Fragment, ...]
    judgements: tuple[Judgement, ...]


def rules_documents(bounds: Sequence[int | None] = (*[None] * 4, 1, 2, 3, 4, 5, 6, 8, 12)) -> st.SearchStrategy[str]:
    """Rules as TOML text, every feature of the resolver in some of them; `bounds` are what `max_identifiers` may be."""
    return _documents(bounds)


@st.composite
def _documents(draw: st.DrawFn, bounds: Sequence[int | None]) -> str:
    names = draw(st.permutations(NAMESPACES))[: draw(st.sampled_from([0, 2, 3, 4, 4, 5, 6]))]
    lines = ["declared_only = true"] if draw(_rarely) and names else []
    for name in names:
        lines += ["[[namespace]]", f'name = "{name}"', *draw(_namespace_keys)]
    bound = draw(st.sampled_from(bounds))
    if bound is not None:
        lines += ["[profile]", f"max_identifiers = {bound}"]
    return "\n".join(lines) + "\n"


_rarely = st.sampled_from([False] * 7 + [True])


def _one_of(*lines: str) -> st.SearchStrategy[str | None]:
    return st.sampled_from([None, *lines])


_namespace_keys = st.tuples(
    _one_of("limit = 1", "unique = true", "limit = 2", "limit = 3"),
    st.sampled_from([None] * 4 + ["shared_above = 1", "shared_above = 2", "shared_above = 3", "shared_above = 4"]),
    _one_of('conflict = "newest"', 'conflict = "oldest"', 'conflict = "park"', 'conflict = "park"'),
    st.sampled_from([None, None, "min_score = 0.5", "min_score = 0.8"]),
    st.sampled_from([None] * 4 + ['blocked = ["2"]', 'blocked = ["/^[3a]/", "1"]']),
    st.sampled_from([None] * 4 + ['normalise = "lowercase"', 'normalise = "none"', 'normalise = "trim"']),
    _one_of("person = true", "person = false"),
).map(lambda keys: [key for key in keys if key is not None])


def identifiers(size: Size = SMALL) -> st.SearchStrategy[Identifier]:
    """Raw identifiers, one in eight with an awkward value."""
    plain = [*(str(number + 1) for number in range(size.values - 1)), "a"]
    values = plain * len(AWKWARD) * 7 + list(AWKWARD) * len(plain)
    return st.sampled_from([Identifier(name, value) for value in values for name in size.namespaces])


def instants(size: Size = SMALL) -> st.SearchStrategy[Instant]:
    return st.integers(0, size.instants - 1).map(minute)


_traits: list[dict[str, Any] | None] = [None, None, {"name": "Ada"}, {"name": "李雷", "age": 3}]
_scores = (None, None, None, 0.2, 0.5, 0.7, 0.8, 1.0)
_rest = st.sampled_from([(source, traits, score) for traits in _traits for score in _scores for source in ("web", "crm")])
"""Source, traits and score in one draw: Hypothesis remembers every draw of a run, so each one saved is memory."""


def fragments(size: Size = SMALL, *, ties: bool = False) -> st.SearchStrategy[tuple[Fragment, ...]]:
    """Fragments in recorded order; some are versions of one record, some come twice, some contradict themselves.

    With `ties` versions of a record may differ at one time, and then their order matters.
    """
    carried = _up_to(size.identifiers, identifiers(size), least=1)
    record = st.integers(1, size.records or 2 * size.fragments)
    one = st.builds(_fragment, record, carried, instants(size), _rest)
    drawn = _up_to(size.fragments, one)
    return (drawn.map(_in_order) if ties else drawn.map(_told_apart)).flatmap(_with_repeats)


def _fragment(record: int, carried: list[Identifier], at: Instant, rest: tuple[str, dict[str, Any] | None, float | None]) -> Fragment:
    source, traits, score = rest
    return Fragment(source, str(record), tuple(carried), observed_at=at, traits=traits, score=score)


def _in_order(drawn: list[Fragment]) -> tuple[Fragment, ...]:
    return tuple(drawn)


def _told_apart(drawn: list[Fragment]) -> tuple[Fragment, ...]:
    """Leaves out a version with the time of another one of its record but other content."""
    first = {(each.key, each.observed_at): each for each in reversed(drawn)}
    return tuple(each for each in drawn if first[each.key, each.observed_at] == each)


def _with_repeats(drawn: tuple[Fragment, ...]) -> st.SearchStrategy[tuple[Fragment, ...]]:
    if not drawn:
        return st.just(drawn)
    return st.lists(st.sampled_from(drawn), max_size=2).map(lambda again: (*drawn, *again))


def judgements(size: Size = SMALL) -> st.SearchStrategy[tuple[Judgement, ...]]:
    """Judgements, `same` and `distinct`, mostly among a few identifiers, so that they speak against each other; some hold many apart."""
    few = st.sampled_from([Identifier(name, value) for name in size.namespaces[:3] for value in "12"])
    end = st.one_of(few, few, identifiers(size))
    one = st.builds(
        Judgement,
        kind=st.sampled_from(JudgementKind),
        a=end,
        b=end,
        at=instants(size),
        by=st.sampled_from([None, "steward"]),
    )
    beside = st.lists(end, max_size=2).map(tuple)
    several = st.builds(replace, one, kind=st.just(JudgementKind.DISTINCT), with_a=beside, with_b=beside)
    return _up_to(size.judgements, st.one_of(one, one, several)).map(tuple)


@st.composite
def _up_to(draw: st.DrawFn, most: int, one: st.SearchStrategy[T], *, least: int = 0) -> list[T]:
    """Lists of every size alike; `st.lists` prefers short ones and draws once more for each element."""
    return [draw(one) for _ in range(draw(st.integers(least, most)))]


def evidence(size: Size = SMALL) -> st.SearchStrategy[Evidence]:
    return st.builds(Evidence, fragments(size), judgements(size))
