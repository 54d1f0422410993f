"""What can go wrong, as one tree.

    OneIDError                 code, retryable, facts as attributes
    ├── BadInput               INVALID: a field holds what is not allowed; `path` names it
    │   ├── TooManyIdentifiers LIMIT_EXCEEDED
    │   ├── ValueTooLong       LIMIT_EXCEEDED
    │   ├── TooMuchPast        LIMIT_EXCEEDED: a read as of an earlier time would have to look at too much
    │   ├── TooManyRecords     LIMIT_EXCEEDED: more than one step takes back
    │   ├── TooManyChanged     LIMIT_EXCEEDED: rules merge or split more people than they may
    │   ├── RulesUndone        INVALID: a change of rules is undone by a job, and was asked for otherwise
    │   ├── BadCursor          INVALID: a cursor or id this service never gave out
    │   ├── NotFound           NOT_FOUND: what the request names is not on record
    │   └── Erased             ERASED: what the request names was erased
    ├── Stale                  STALE: the outcome is no longer what the preview showed
    ├── RulesChanged           STALE: the rules in force are not those that the request was written for
    ├── BadRules               INVALID: a rules document that cannot be applied
    ├── KeyReused              CONFLICT: an idempotency key came back with other content
    ├── Expired                EXPIRED: asked for what the retention horizon has dropped
    ├── AnswerErased           ERASED: an idempotency key whose answer went with what was erased
    ├── KeyTrouble             UNAVAILABLE: the erasure key is not here, or is another one
    └── StoreTrouble           UNAVAILABLE, retryable: the store did not answer; nothing is known to be written
        └── StoreBusy          BUSY, retryable: the write gate was not free in time

Messages name the field, what came (its type or size, never a personal value) and what is allowed.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "AnswerErased",
    "BadCursor",
    "BadInput",
    "BadRules",
    "Erased",
    "Expired",
    "KeyReused",
    "KeyTrouble",
    "NotFound",
    "OneIDError",
    "RulesChanged",
    "RulesUndone",
    "Stale",
    "StoreBusy",
    "StoreTrouble",
    "TooManyChanged",
    "TooManyIdentifiers",
    "TooManyRecords",
    "TooMuchPast",
    "ValueTooLong",
]


class OneIDError(Exception):
    """The root: every error this project raises on purpose."""

    code: ClassVar[str] = "INTERNAL"
    retryable: ClassVar[bool] = False


class BadInput(OneIDError):
    """A field holds what is not allowed; `path` leads to it from the top of the input."""

    code = "INVALID"

    def __init__(self, message: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = path

    def __str__(self) -> str:
        return f"{'.'.join(self.path)}: {self.message}" if self.path else self.message


class TooManyIdentifiers(BadInput):
    """A fragment carries more identifiers than one record may."""

    code = "LIMIT_EXCEEDED"

    def __init__(self, count: int, limit: int) -> None:
        super().__init__(f"{count} identifiers came, at most {limit} are allowed", ("identifiers",))
        self.count, self.limit = count, limit


class ValueTooLong(BadInput):
    """A text is longer than the limit for its field."""

    code = "LIMIT_EXCEEDED"

    def __init__(self, length: int, limit: int, path: tuple[str, ...]) -> None:
        super().__init__(f"{length} characters came, at most {limit} are allowed", path)
        self.length, self.limit = length, limit


class TooMuchPast(BadInput):
    """A read as of an earlier time would have to look at more evidence than it may."""

    code = "LIMIT_EXCEEDED"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"more than {limit:,} records, judgements and interactions would have to be looked at for this; ask for fewer people at once,"
            " or for less about them",
            ("asOf",),
        )
        self.limit = limit


class TooManyRecords(BadInput):
    """A source has more records to take back than one step may."""

    code = "LIMIT_EXCEEDED"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"more than {limit:,} versions of records came since then; at most {limit:,} are taken back at once. Take them back in parts, "
            "the last ones first: name a later `since`, then an earlier one, each part a cause of its own",
            ("since",),
        )
        self.limit = limit


class TooManyChanged(BadInput):
    """Rules merge or split more profiles than whoever applies them allows."""

    code = "LIMIT_EXCEEDED"

    def __init__(self, what: str, count: int, limit: int) -> None:
        verb, field = ("merge", "maxMerged") if what == "merged" else ("split", "maxSplit")
        super().__init__(f"the rules {verb} {count:,} profiles, at most {limit:,} are allowed; nothing was changed", (field,))
        self.count, self.limit = count, limit


class RulesUndone(BadInput):
    """What shall be undone is a change of rules: that is done by applying the rules before it, which takes long. `version`: theirs;
    `in_force`: of those that the cause put in force, and that still are; `cause_kind` and `cause` name it itself."""

    def __init__(self, cause_kind: str, cause: int, version: int, in_force: int) -> None:
        super().__init__("this undoes a change of rules, which is a job and has no preview; `simulateRules` with the rules before it tells")
        self.cause_kind, self.cause = cause_kind, cause
        self.version, self.in_force = version, in_force


class BadCursor(BadInput):
    """A cursor or id that this service never gave out."""


class NotFound(BadInput):
    """What the request names is not on record, or no longer counts."""

    code = "NOT_FOUND"


class Erased(BadInput):
    """What the request names was erased; `allowAgain` lifts that for a person who returns."""

    code = "ERASED"

    def __init__(self, path: tuple[str, ...]) -> None:
        super().__init__("this was erased, and is refused until it is allowed again", path)


class BadRules(OneIDError):
    """A rules document that cannot be applied; the message names the key."""

    code = "INVALID"


class KeyReused(OneIDError):
    """An idempotency key came back with other content."""

    code = "CONFLICT"

    def __init__(self) -> None:
        super().__init__("this clientMutationId was used before with other content; use a new one")


class AnswerErased(OneIDError):
    """An idempotency key came back whose answer was about somebody who has been erased since."""

    code = "ERASED"

    def __init__(self) -> None:
        super().__init__("this request was done, and what it was about has been erased since")


class Stale(OneIDError):
    """An operation came with the token of a preview that showed another outcome than it would have now."""

    code = "STALE"

    def __init__(self) -> None:
        super().__init__("the outcome is no longer what the preview showed; look at a new preview")


class RulesChanged(OneIDError):
    """Rules came for a store whose rules in force are not those they were written for."""

    code = "STALE"

    def __init__(self, expected: int, version: int) -> None:
        super().__init__(f"rules version {version} is in force, not {expected}; look at what it says, and try yours again")


class Expired(OneIDError):
    """Asked for what the retention horizon has dropped."""

    code = "EXPIRED"


class KeyTrouble(OneIDError):
    """The erasure key is not here, or is not the one that this store's tombstones were made with."""

    code = "UNAVAILABLE"


class StoreTrouble(OneIDError):
    """The store did not answer; the same request may be sent again."""

    code = "UNAVAILABLE"
    retryable = True


class StoreBusy(StoreTrouble):
    """The write gate was not free in time; the same request may be sent again."""

    code = "BUSY"
