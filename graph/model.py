"""The words of the project as frozen values.

Instants are whole microseconds since 1970-01-01T00:00:00Z (`Instant`); `instant` and `rfc3339` convert.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, NamedTuple, TypeAlias

__all__ = [
    "MAX_IDENTIFIERS",
    "MAX_VALUE",
    "ChangeKind",
    "Fragment",
    "FragmentStatus",
    "Identifier",
    "Instant",
    "Interaction",
    "Judgement",
    "JudgementKind",
    "Key",
    "ProfileKind",
    "RecordKey",
    "Refusal",
    "Rule",
    "instant",
    "rfc3339",
]

Instant: TypeAlias = int

MAX_IDENTIFIERS = 20
"""Identifiers of one fragment, as sent."""
MAX_VALUE = 1024
"""Characters of one identifier value, as sent."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def instant(moment: datetime) -> Instant:
    """The instant of a datetime; one without zone is UTC."""
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND


def rfc3339(at: Instant) -> str:
    """The instant in RFC 3339, UTC, as `2026-01-02T03:04:05Z` with the fraction only where there is one."""
    return (_EPOCH + timedelta(microseconds=at)).isoformat().replace("+00:00", "Z")


class Identifier(NamedTuple):
    """A namespace and a value; a NamedTuple since the resolver hashes millions of them."""

    namespace: str
    value: str

    @property
    def text(self) -> str:
        """`namespace:value`, the form that ties are broken by and files use."""
        return f"{self.namespace}:{self.value}"


class RecordKey(NamedTuple):
    """What names one record of a source system, over all of its versions."""

    source: str
    id: str


class Key(NamedTuple):
    """An idempotency key: `scope` is who asks and for what (API key and mutation), `key` what they chose."""

    scope: str
    key: str


@dataclass(frozen=True, slots=True)
class Fragment:
    """One version of one source record, as sent: identifiers raw and in order, before any normalising.

    `observed_at` is None where the source gave no time; `score` (0 to 1) is None for an observed fragment.
    """

    source: str
    id: str
    identifiers: tuple[Identifier, ...]
    observed_at: Instant | None = None
    traits: Mapping[str, Any] | None = None
    score: float | None = None

    @property
    def key(self) -> RecordKey:
        return RecordKey(self.source, self.id)


class JudgementKind(StrEnum):
    SAME = "same"
    DISTINCT = "distinct"


@dataclass(frozen=True, slots=True)
class Judgement:
    """An operator's link between two identifiers, raw as sent; `at` None means: when it is recorded.

    `distinct` may name more on either side: a and each of `with_a` are apart from b and from each of `with_b`.
    """

    kind: JudgementKind
    a: Identifier
    b: Identifier
    at: Instant | None = None
    by: str | None = None
    reason: str = ""
    with_a: tuple[Identifier, ...] = ()
    with_b: tuple[Identifier, ...] = ()

    @property
    def sides(self) -> tuple[tuple[Identifier, ...], tuple[Identifier, ...]]:
        return (self.a, *self.with_a), (self.b, *self.with_b)

    @property
    def ends(self) -> tuple[Identifier, ...]:
        return (*self.sides[0], *self.sides[1])


@dataclass(frozen=True, slots=True)
class Interaction:
    """Something one identifier did to another: a like, a reply, an invitation. `weight` is 0 or more."""

    source: str
    id: str
    type: str
    origin: Identifier
    target: Identifier
    at: Instant | None = None
    weight: float = 1.0

    @property
    def key(self) -> RecordKey:
        return RecordKey(self.source, self.id)


class Rule(StrEnum):
    """Why a link or judgement is not used, in the order in which the first that applies is named."""

    CONTRADICTION = "contradiction"
    SCORE = "score"
    SHARED = "shared"
    PARK = "park"
    DISTINCT = "distinct"
    LIMIT = "limit"
    MAX_IDENTIFIERS = "max_identifiers"
    SAME = "same"


class Refusal(NamedTuple):
    """A rule, and for `limit` the first namespace whose limit the link would break."""

    rule: Rule
    namespace: str | None = None


LinkKind: TypeAlias = Literal["link", "same", "distinct"]


class ProfileKind(StrEnum):
    PERSON = "person"
    ANONYMOUS = "anonymous"
    SHARED = "shared"


class FragmentStatus(StrEnum):
    ACTIVE = "active"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"
    UNLINKED = "unlinked"


class ChangeKind(StrEnum):
    """What a step did to one OneID."""

    CREATED = "created"
    EXTENDED = "extended"
    MERGED = "merged"
    SPLIT = "split"
    MOVED = "moved"
    RETIRED = "retired"
    RESTORED = "restored"
    ERASED = "erased"
