"""What mutations answer: what was done, and refusals of the business as `userErrors`."""

from __future__ import annotations

import strawberry

from service.gql.conflicts import Conflict
from service.gql.enums import ErrorCode, FragmentStatus
from service.gql.feed import Change
from service.gql.jobs import Job
from service.gql.profile import Profile
from service.gql.user_error import UserError

__all__ = ["ConflictPayload", "IdentityPayload", "IngestFragmentsPayload", "IngestResult", "RecordPayload", "Rejection"]

_ERRORS = "Why it was not done; empty where it was."
_ECHO = "The clientMutationId that came; null where none came."


@strawberry.type(description="Why one item of a list was not taken; the others were.")
class Rejection:
    index: int = strawberry.field(description="The item's place in the list that came, from 0.")
    code: ErrorCode = strawberry.field(description="The kind of reason.")
    message: str = strawberry.field(description="One sentence: what came and what is allowed. It holds no personal data.")
    path: list[str] = strawberry.field(description="From the item to the field that it is about.")


@strawberry.type(description="What became of one fragment.")
class IngestResult:
    index: int = strawberry.field(description="Its place in the list that came, from 0.")
    status: FragmentStatus = strawberry.field(description="ACTIVE: it counts; SUPERSEDED: a later version of the record was there already.")
    one_id: str | None = strawberry.field(description="OneID of its strongest usable identifier; null where none is usable.")
    one_ids: list[str] = strawberry.field(description="OneIDs of all its identifiers, each once; at most 20.")
    blocked: list[str] = strawberry.field(
        description="Identifiers that the rules block, as `namespace:value` in the form that came (masked without scope `pii`), and those "
        "that were erased, as `ERASED namespace:value`, masked whoever asks."
    )


@strawberry.type(description="What became of the fragments.")
class IngestFragmentsPayload:
    accepted: int = strawberry.field(description="How many were new or changed, and landed.")
    unchanged: int = strawberry.field(description="How many were known with the same content.")
    rejected: list[Rejection] = strawberry.field(description="Those that were not taken; at most as many as came.")
    results: list[IngestResult] = strawberry.field(
        description="What became of each that was taken, in the order that came; empty for a retry with the same clientMutationId."
    )
    user_errors: list[UserError] = strawberry.field(description=_ERRORS)
    client_mutation_id: str | None = strawberry.field(description=_ECHO)


@strawberry.type(description="What became of interactions.")
class RecordPayload:
    accepted: int = strawberry.field(description="How many were new or changed, and landed.")
    unchanged: int = strawberry.field(description="How many were known with the same content.")
    rejected: list[Rejection] = strawberry.field(description="Those that were not taken; at most as many as came.")
    user_errors: list[UserError] = strawberry.field(description=_ERRORS)
    client_mutation_id: str | None = strawberry.field(description=_ECHO)


@strawberry.type(description="What became of who is who.")
class IdentityPayload:
    changes: list[Change] = strawberry.field(description="The entries of the feed that it made; the first 100.")
    profiles: list[Profile] = strawberry.field(description="The profiles as they are now; the first 100.")
    job: Job | None = strawberry.field(description="The job that does it, where that takes long; null where it is done, or not done.")
    user_errors: list[UserError] = strawberry.field(description=_ERRORS)
    client_mutation_id: str | None = strawberry.field(description=_ECHO)


@strawberry.type(description="What became of a conflict.")
class ConflictPayload:
    conflict: Conflict | None = strawberry.field(description="As it is now; null where there was none, or there is none any more.")
    user_errors: list[UserError] = strawberry.field(description=_ERRORS)
    client_mutation_id: str | None = strawberry.field(description=_ECHO)
