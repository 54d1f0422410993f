"""Evidence in a few words, for tests: `fragment("email:ada", "phone:1", at=3)`; `at` counts minutes from `START`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any

from graph.model import Fragment, Identifier, Instant, Judgement, JudgementKind, instant

__all__ = ["START", "distinct", "fragment", "ids", "minute", "same"]

START: Instant = instant(datetime(2024, 1, 1, tzinfo=UTC))

_records = count(1)


def minute(at: float) -> Instant:
    """The instant so many minutes after `START`."""
    return START + round(at * 60_000_000)


def identifier(text: str) -> Identifier:
    namespace, _, value = text.partition(":")
    return Identifier(namespace, value)


def ids(*texts: str) -> tuple[Identifier, ...]:
    """Identifiers from `namespace:value` texts; the value may hold colons."""
    return tuple(identifier(text) for text in texts)


def fragment(
    *identifiers: str,
    at: float = 0,
    source: str = "web",
    id: str | None = None,
    traits: Mapping[str, Any] | None = None,
    score: float | None = None,
) -> Fragment:
    """A record's version; without `id` a record of its own, however often it is called."""
    record = f"record-{next(_records)}" if id is None else id
    return Fragment(source, record, ids(*identifiers), observed_at=minute(at), traits=traits, score=score)


def same(a: str, b: str, *, at: float = 0, by: str | None = None, reason: str = "") -> Judgement:
    return Judgement(JudgementKind.SAME, identifier(a), identifier(b), at=minute(at), by=by, reason=reason)


def distinct(a: str, b: str, *, at: float = 0, by: str | None = None, reason: str = "") -> Judgement:
    return Judgement(JudgementKind.DISTINCT, identifier(a), identifier(b), at=minute(at), by=by, reason=reason)
