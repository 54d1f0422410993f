"""What a statement gives back, as values of the protocol; and values as statements take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from graph.model import FragmentStatus, Identifier, JudgementKind, ProfileKind, Refusal, Rule
from graph.resolve.links import Tally
from graph.store.ports import JudgementRow, LinkRow, OneIdRow, ProfileRow, Summary

__all__ = [
    "ACTIVE",
    "STATES",
    "SUPERSEDED",
    "WITHDRAWN",
    "counts_of",
    "identifier_of",
    "judgement_row",
    "link",
    "link_columns",
    "link_of",
    "one_id_row",
    "summary",
    "summary_columns",
]

ACTIVE, SUPERSEDED, WITHDRAWN = 0, 1, 2
STATES: Final = (FragmentStatus.ACTIVE, FragmentStatus.SUPERSEDED, FragmentStatus.WITHDRAWN)


def identifier_of(text: str) -> Identifier:
    """An identifier from the text that `raw` and `blocked` keep: a namespace has no colon."""
    namespace, _, value = text.partition(":")
    return Identifier(namespace, value)


def counts_of(counts: Sequence[int] | None) -> dict[int, int]:
    """Counts by namespace number from the list that a profile keeps."""
    return dict(zip(counts[::2], counts[1::2], strict=True)) if counts else {}


def judgement_row(row: Sequence[Any]) -> JudgementRow:
    """A judgement as steps read it."""
    n, kind, a, b, at, used, with_a, with_b = row
    return JudgementRow(n, JudgementKind(kind), a, b, at, used, tuple(with_a or ()), tuple(with_b or ()))


def one_id_row(row: Sequence[Any]) -> OneIdRow:
    """A OneID as steps and audits read it."""
    n, one_id, pin, closed, leads, size, counts, kind, contested, aliases, asleep = row
    return OneIdRow(n, one_id, pin, closed, leads, size, None if counts is None else counts_of(counts), kind, contested, aliases, asleep)


def summary(row: Sequence[Any]) -> Summary:
    """From the columns that follow a profile's element id."""
    n, pin, size, counts, kind, contested, aliases = row
    return Summary(n, pin, size, counts_of(counts), ProfileKind(kind), contested, aliases)


def summary_columns(row: ProfileRow) -> tuple[int, list[int], str, bool, int]:
    """Size, counts, kind, contested and aliases, as a profile keeps them."""
    return (row.size, _flat(row.counts), row.kind.value, row.contested, row.aliases)


def _flat(counts: Mapping[int, int]) -> list[int]:
    return [each for pair in sorted(counts.items()) for each in pair]


def link(a: int, b: int, columns: Sequence[Any]) -> LinkRow:
    """A link between these two, met from either end."""
    n, bare, dirty, first, last, score, refused, namespace, barred = columns
    refusal = None if refused is None else Refusal(Rule(refused), namespace)
    return LinkRow(min(a, b), max(a, b), Tally(n, bare, dirty, first, last, score), barred, refusal)


def link_of(a: int, b: int, properties: Mapping[str, Any], *, barred: bool) -> LinkRow:
    """A link between these two, met from either end, from all of its properties."""
    told = properties.get
    rule = told("refused")
    tally = Tally(properties["n"], properties["bare"], told("dirty", 0), told("first"), told("last"), told("score"))
    refusal = None if rule is None else Refusal(Rule(rule), told("namespace"))
    return LinkRow(a, b, tally, barred, refusal) if a < b else LinkRow(b, a, tally, barred, refusal)


def link_columns(row: LinkRow) -> tuple[Any, ...]:
    """n, bare, dirty, first, last, score, refused and namespace; None is not kept."""
    tally, refused = row.tally, row.refused
    rule, namespace = (None, None) if refused is None else (refused.rule.value, refused.namespace)
    return (tally.clean, tally.bare, tally.dirty or None, tally.first, tally.last, tally.top, rule, namespace)
