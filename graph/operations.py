"""What an operator may ask for, as values: one operation is one decision, one step, one cause.

Identifiers, those of look-ups among them, are raw as sent: the rules that normalise them are those in force when it is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import ClassVar, TypeAlias

from graph.model import Identifier, Instant, JudgementKind, RecordKey
from graph.views import LookUp

__all__ = ["Erase", "Judge", "Merge", "Operation", "Revert", "Split", "Withdraw", "WithdrawSource"]


class _Asked:
    """`kind` is that of the commit, `name` that in the API; `digest` is equal for equal operations."""

    __slots__ = ()
    kind: ClassVar[str] = "judgement"
    name: ClassVar[str]

    def digest(self) -> bytes:
        return blake2b(repr(self).encode(), digest_size=16).digest()  # frozen values of texts and numbers: all of it, in one order


@dataclass(frozen=True, slots=True)
class Judge(_Asked):
    """Two identifiers belong together or may never share a profile."""

    name: ClassVar[str] = "judge"
    judgement: JudgementKind
    a: Identifier
    b: Identifier
    reason: str


@dataclass(frozen=True, slots=True)
class Merge(_Asked):
    """These profiles, two at least, are one person."""

    name: ClassVar[str] = "mergeProfiles"
    profiles: tuple[LookUp, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Split(_Asked):
    """These identifiers are not the person of this profile; `together`: they are of one other person."""

    name: ClassVar[str] = "splitProfile"
    profile: LookUp
    detach: tuple[Identifier, ...]
    reason: str
    together: bool = False


@dataclass(frozen=True, slots=True)
class Withdraw(_Asked):
    """A record counts no more, over all versions so far."""

    kind: ClassVar[str] = "withdrawal"
    name: ClassVar[str] = "withdraw"
    record: RecordKey
    reason: str


@dataclass(frozen=True, slots=True)
class WithdrawSource(_Asked):
    """What a source sent counts no more: of all its records; with `since` those versions that were recorded then or later, so that earlier
    ones count again."""

    kind: ClassVar[str] = "withdrawal"
    name: ClassVar[str] = "withdraw"
    source: str
    since: Instant | None
    reason: str


@dataclass(frozen=True, slots=True)
class Revert(_Asked):
    """What a cause did is undone, whole. `cause_kind` and `cause` as the feed names it; kind `change`: the cause of the entry with that
    position."""

    kind: ClassVar[str] = "revert"
    name: ClassVar[str] = "revert"
    cause_kind: str
    cause: int
    reason: str


@dataclass(frozen=True, slots=True)
class Erase(_Asked):
    """Somebody is forgotten: all identifiers of this profile, or these."""

    kind: ClassVar[str] = "erasure"
    name: ClassVar[str] = "erase"
    profile: LookUp | None
    identifiers: tuple[Identifier, ...]
    reason: str


Operation: TypeAlias = Judge | Merge | Split | Withdraw | WithdrawSource | Revert | Erase
