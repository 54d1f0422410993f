"""The inputs of the schema, and how they become the mappings and look-ups that `graph` reads.

Fields are checked by `graph.lines`, so that a bad record gets the same words here and on the command line.
"""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry import UNSET

from graph.model import RecordKey as Key
from service.gql.enums import JudgementKind
from service.gql.scalars import JSON, Long, Sent

__all__ = [
    "AllowAgainInput",
    "ApplyRulesInput",
    "CancelJobInput",
    "EraseInput",
    "FragmentInput",
    "IdentifierInput",
    "IngestFragmentsInput",
    "InteractionInput",
    "JudgeInput",
    "MergeProfilesInput",
    "OperationInput",
    "PostponeConflictInput",
    "ProfileBy",
    "RecordInteractionsInput",
    "RecordKey",
    "RevertInput",
    "SimulateRulesInput",
    "SplitProfileInput",
    "WithdrawInput",
    "WithdrawInteractionsInput",
    "said",
]

_MUTATION_ID = (
    "Idempotency key, 1 to 256 characters, kept 7 days: a retry with the same key and content gets the first answer and changes nothing; "
    "the same key with other content is a CONFLICT. Null: none."
)


def said(value: Any) -> Any:
    """What came, or None for nothing."""
    return None if value is UNSET else value


@strawberry.input(description="An identifier as it comes from a source; the server normalises it.")
class IdentifierInput:
    namespace: str = strawberry.field(description="Such as `phone`; 1 to 64 characters without colon.")
    value: str = strawberry.field(description="At most 1,024 characters; `139 1234 5678` finds +8613912345678.")

    def mapping(self) -> dict[str, Any]:
        return {"namespace": self.namespace, "value": self.value}


@strawberry.input(one_of=True, description="Names a person: exactly one of the fields.")
class ProfileBy:
    one_id: str | None = strawberry.field(default=UNSET, description="A OneID; a retired one leads to the person's present one.")
    identifier: IdentifierInput | None = strawberry.field(default=UNSET, description="Any identifier of the person.")
    id: strawberry.ID | None = strawberry.field(default=UNSET, description="The `id` of a Profile; it leads on as a OneID does.")


@strawberry.input(description="Names a record of a source system.")
class RecordKey:
    source: str = strawberry.field(description="The source system.")
    id: str = strawberry.field(description="The record's id there.")

    def key(self) -> Key:
        return Key(self.source, self.id)


@strawberry.input(description="One version of one source record: identifiers seen together, and what was said about them.")
class FragmentInput:
    source: str = strawberry.field(description="The source system, 1 to 256 characters.")
    id: str = strawberry.field(description="The record's id there, 1 to 1,024 characters; a later version replaces an earlier one.")
    observed_at: Sent | None = strawberry.field(
        default=UNSET, description="When it was true at the source; the latest version counts. Null: when it is recorded."
    )
    identifiers: list[IdentifierInput] = strawberry.field(description="1 to 20 identifiers.")
    traits: JSON | None = strawberry.field(
        default=UNSET, description='An object of at most 500 keys, nested at most 12 deep, such as `{name: "李雷"}`. Null: none.'
    )
    score: float | None = strawberry.field(
        default=UNSET, description="How probable it is that these belong together, 0 to 1. Null: they were observed together."
    )

    def mapping(self) -> dict[str, Any]:
        """The shape of a fragment line."""
        return {
            "source": self.source,
            "id": self.id,
            "observedAt": said(self.observed_at),
            "identifiers": [one.mapping() for one in self.identifiers],
            "traits": said(self.traits),
            "score": said(self.score),
        }


@strawberry.input(description="Something one identifier did to another: a like, a comment, an invitation.")
class InteractionInput:
    id: str = strawberry.field(description="The record's id at the source, 1 to 1,024 characters.")
    source: str = strawberry.field(description="The source system, 1 to 256 characters.")
    type: str = strawberry.field(description="Such as `like` or `comment`, 1 to 64 characters.")
    from_: IdentifierInput = strawberry.field(name="from", description="Who acts.")
    to: IdentifierInput = strawberry.field(description="Whom it is done to.")
    at: Sent | None = strawberry.field(default=UNSET, description="When it happened. Null: when it is recorded.")
    weight: float | None = strawberry.field(default=1, description="How much it counts, 0 to 1,000,000,000; null: 1.")

    def mapping(self) -> dict[str, Any]:
        """The shape of an interaction in a request."""
        return {
            "source": self.source,
            "id": self.id,
            "type": self.type,
            "from": self.from_.mapping(),
            "to": self.to.mapping(),
            "at": said(self.at),
            "weight": said(self.weight),
        }


@strawberry.input(description="Records to take in.")
class IngestFragmentsInput:
    fragments: list[FragmentInput] = strawberry.field(
        description="At most 1,000; bad ones are rejected one by one, the rest land together."
    )
    client_mutation_id: str | None = strawberry.field(default=UNSET, description=_MUTATION_ID)


@strawberry.input(description="Rules to try on all evidence.")
class SimulateRulesInput:
    toml: str = strawberry.field(description="The whole document, as `rules` gives it.")
    client_mutation_id: str | None = strawberry.field(default=UNSET, description=_MUTATION_ID)


@strawberry.input(description="Rules to make those in force.")
class ApplyRulesInput:
    toml: str = strawberry.field(description="The whole document, as `rules` gives it.")
    expected_version: int = strawberry.field(
        description="The version of the rules in force that they replace; with another the answer is STALE."
    )
    max_merged: Long | None = strawberry.field(
        default=UNSET, description="Do nothing where more profiles than this would hold what two or more hold now; null: any number may."
    )
    max_split: Long | None = strawberry.field(
        default=UNSET, description="Do nothing where more profiles than this would be divided; null: any number may."
    )
    client_mutation_id: str | None = strawberry.field(default=UNSET, description=_MUTATION_ID)


@strawberry.input(description="A job to end.")
class CancelJobInput:
    id: strawberry.ID = strawberry.field(description="The `id` of a Job.")
    client_mutation_id: str | None = strawberry.field(default=UNSET, description=_MUTATION_ID)


_REASON = "Why, for the history; 1 to 1,024 characters."
_TOKEN = "The token of a preview of this operation: where the outcome is no longer what it showed, nothing is done and the answer is STALE."


@strawberry.input(description="What to take back.")
class WithdrawInput:
    record: RecordKey | None = strawberry.field(default=UNSET, description="One record, over all its versions.")
    source: str | None = strawberry.field(
        default=UNSET,
        description="Instead of a record: all records (fragments, not interactions) of this source, by a job; at most ONEID_MAX_WITHDRAWN "
        "versions of them, 10,000 by default.",
    )
    since: Sent | None = strawberry.field(
        default=UNSET,
        description="Of a source: only versions that were recorded then or later, whatever times stand in them, so that earlier versions "
        "of their records count again; null: all.",
    )
    reason: str = strawberry.field(description=_REASON)
    preview_token: str | None = strawberry.field(default=UNSET, description=_TOKEN)
    client_mutation_id: str | None = strawberry.field(default=UNSET, description=_MUTATION_ID)


@strawberry.input(description="An operator's word on two identifiers; the newer word wins.")
class JudgeInput:
    kind: JudgementKind = strawberry.field(description="What is said of them.")
    a: IdentifierInput = strawberry.field(description="The one; it becomes known if it was not.")
    b: IdentifierInput = strawberry.field(description="The other.")
    reason: str = strawberry.field(description=_REASON)
    preview_token: str | None = strawberry.field(default=UNSET, description=_TOKEN)
    client_mutation_id: str | None = strawberry.field(default=UNSET, description=_MUTATION_ID)


@strawberry.input(description="People that are one.")
class MergeProfilesInput:
    profiles: list[ProfileBy] = strawberry.field(description="2 to 100 profiles.")
    reason: str = strawberry.field(description=_REASON)
    preview_token: str | None = strawberry.field(default=UNSET, description=_TOKEN)
    client_mutation_id: str | None = strawberry.field(default=UNSET, description=_MUTATION_ID)


@strawberry.input(description="Identifiers that are not this person's, whatever evidence comes later.")
class SplitProfileInput:
    profile: ProfileBy = strawberry.field(description="The person.")
    detach: list[IdentifierInput] = strawberry.field(description="Identifiers of the profile that are somebody else's, 1 to 1,000.")
    together: bool | None = strawberry.field(
        default=False, description="Whether what is detached is one person; otherwise it holds together only by its own links."
    )
    reason: str = strawberry.field(description=_REASON)
    preview_token: str | None = strawberry.field(default=UNSET, description=_TOKEN)
    client_mutation_id: str | None = strawberry.field(default=UNSET, description=_MUTATION_ID)


@strawberry.input(description="A cause to undo, whole.")
class RevertInput:
    cause: strawberry.ID = strawberry.field(description="The `id` of a Change, or of its Cause.")
    reason: str = strawberry.field(description=_REASON)
    preview_token: str | None = strawberry.field(default=UNSET, description=_TOKEN)
    client_mutation_id: str | None = strawberry.field(default=UNSET, description=_MUTATION_ID)


@strawberry.input(description="A conflict to put off.")
class PostponeConflictInput:
    id: strawberry.ID = strawberry.field(description="The `id` of a Conflict.")
    reason: str = strawberry.field(description=_REASON)
    client_mutation_id: str | None = strawberry.field(default=UNSET, description=_MUTATION_ID)


@strawberry.input(description="Whom to forget: a profile with all its identifiers, or identifiers; just one of both.")
class EraseInput:
    profile: ProfileBy | None = strawberry.field(default=UNSET, description="The person: all identifiers of this profile.")
    identifiers: list[IdentifierInput] | None = strawberry.field(
        default=UNSET, description="1 to 1,000 identifiers; those not on record, beside one that is, are refused from now on, too."
    )
    reason: str = strawberry.field(description="Why, for the receipt, without the values; 1 to 1,024 characters.")
    preview_token: str | None = strawberry.field(default=UNSET, description=_TOKEN)
    client_mutation_id: str | None = strawberry.field(default=UNSET, description=_MUTATION_ID)


@strawberry.input(description="Erased identifiers that may come again.")
class AllowAgainInput:
    receipt: strawberry.ID = strawberry.field(description="The `id` of the Receipt that they were erased with.")
    identifiers: list[IdentifierInput] = strawberry.field(description="1 to 1,000 of its identifiers.")
    reason: str = strawberry.field(description=_REASON)
    client_mutation_id: str | None = strawberry.field(default=UNSET, description=_MUTATION_ID)


@strawberry.input(one_of=True, description="An operation to preview: exactly one of the fields.")
class OperationInput:
    judge: JudgeInput | None = strawberry.field(default=UNSET, description="As for the mutation `judge`.")
    merge: MergeProfilesInput | None = strawberry.field(default=UNSET, description="As for the mutation `mergeProfiles`.")
    split: SplitProfileInput | None = strawberry.field(default=UNSET, description="As for the mutation `splitProfile`.")
    withdraw: WithdrawInput | None = strawberry.field(default=UNSET, description="As for the mutation `withdraw`.")
    revert: RevertInput | None = strawberry.field(default=UNSET, description="As for the mutation `revert`.")
    erase: EraseInput | None = strawberry.field(default=UNSET, description="As for the mutation `erase`.")


@strawberry.input(description="Interactions to take in.")
class RecordInteractionsInput:
    interactions: list[InteractionInput] = strawberry.field(
        description="At most 1,000; bad ones are rejected one by one, the rest land together."
    )
    client_mutation_id: str | None = strawberry.field(default=UNSET, description=_MUTATION_ID)


@strawberry.input(description="Interactions to take back.")
class WithdrawInteractionsInput:
    records: list[RecordKey] = strawberry.field(description="At most 1,000; those that are unknown are rejected one by one.")
    client_mutation_id: str | None = strawberry.field(default=UNSET, description=_MUTATION_ID)
