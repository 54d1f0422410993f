"""The enums of the schema; members have the values of graph.model's words.

Members that nothing gives yet stand too: clients rely on the whole list.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

import strawberry

__all__ = [
    "CauseKind",
    "ChangeKind",
    "Direction",
    "ErasureState",
    "ErrorCode",
    "FragmentStatus",
    "IdentifierStatus",
    "JobKind",
    "JobState",
    "JudgementKind",
    "LinkKind",
    "ProfileKind",
    "RefusalRule",
    "cause_kind",
]


def _is(value: str, meaning: str) -> Any:
    """A member: its value inside, and what it means for readers of the schema."""
    return strawberry.enum_value(value, description=meaning)


@strawberry.enum(description="What became of what was asked, where it was not done.")
class ErrorCode(Enum):
    INVALID = _is("INVALID", "A field holds what is not allowed; `path` names it.")
    NOT_FOUND = _is("NOT_FOUND", "There is no such thing, or no longer.")
    CONFLICT = _is("CONFLICT", "The clientMutationId was used before with other content.")
    STALE = _is("STALE", "The outcome is no longer what the preview showed.")
    FORBIDDEN = _is("FORBIDDEN", "The API key lacks a scope.")
    DISTINCT = _is("DISTINCT", "A judgement holds the two apart.")
    LIMIT_EXCEEDED = _is("LIMIT_EXCEEDED", "More came than a limit allows; the message says both numbers.")
    BLOCKED = _is("BLOCKED", "An identifier is blocked by the rules.")
    ERASED = _is("ERASED", "An identifier was erased and is refused since.")
    WITHDRAWN = _is("WITHDRAWN", "The record was withdrawn.")
    EXPIRED = _is("EXPIRED", "Asked for what the retention horizon has dropped.")
    UNAVAILABLE = _is("UNAVAILABLE", "A job broke off for a reason that is not in the request; ask for it again.")


@strawberry.enum(description="What a profile stands for.")
class ProfileKind(Enum):
    PERSON = _is("person", "Holds an identifier of a namespace that the rules mark `person = true`.")
    ANONYMOUS = _is("anonymous", "Holds none: a device or cookie nobody has logged in on.")
    SHARED = _is("shared", "One identifier that many people use; it joins nobody.")


@strawberry.enum(description="Whether an identifier can join records.")
class IdentifierStatus(Enum):
    ACTIVE = _is("active", "Links records to each other.")
    SHARED = _is("shared", "Seen with too many others (`shared_above` of the rules); joins nobody.")


@strawberry.enum(description="What kind of evidence a link is.")
class LinkKind(Enum):
    OBSERVED = _is("observed", "Both identifiers were seen together in a fragment.")
    SAME = _is("same", "An operator said that they belong together.")
    DISTINCT = _is("distinct", "An operator said that they do not.")


@strawberry.enum(description="The rule that keeps a link from being used; the first that applies, in this order.")
class RefusalRule(Enum):
    CONTRADICTION = _is("contradiction", "The fragment itself holds more identifiers of the namespace than its limit.")
    SCORE = _is("score", "The link's score is below `min_score`.")
    SHARED = _is("shared", "One end is shared.")
    PARK = _is("park", "The namespace parks an identifier whose links cannot all hold.")
    DISTINCT = _is("distinct", "It would join what a judgement holds apart.")
    LIMIT = _is("limit", "The profile would have more identifiers of `namespace` than its limit.")
    MAX_IDENTIFIERS = _is("max_identifiers", "The profile, or what surrounds one identifier, would grow past `max_identifiers`.")
    SAME = _is("same", "A judgement `distinct` that newer `same` judgements overrule.")


@strawberry.enum(description="Which version of a record this is.")
class FragmentStatus(Enum):
    ACTIVE = _is("active", "The version that counts.")
    SUPERSEDED = _is("superseded", "A later version of the same record counts instead.")
    WITHDRAWN = _is("withdrawn", "Taken back; it counts for nothing.")
    UNLINKED = _is("unlinked", "Reverted: its facts count, its links do not.")


@strawberry.enum(description="What an operator says about two identifiers.")
class JudgementKind(Enum):
    SAME = _is("same", "They belong to one person.")
    DISTINCT = _is("distinct", "They may never share a profile.")


@strawberry.enum(description="The side on which the profile asked for stands.")
class Direction(Enum):
    IN = _is("in", "Others interact with it.")
    OUT = _is("out", "It interacts with others.")
    BOTH = _is("both", "Either.")


@strawberry.enum(description="What a step did to one OneID.")
class ChangeKind(Enum):
    CREATED = _is("created", "It is new.")
    EXTENDED = _is("extended", "Its profile gained identifiers.")
    MERGED = _is("merged", "Its profile took in another one.")
    SPLIT = _is("split", "Its profile lost a part that is a profile of its own now.")
    MOVED = _is("moved", "Identifiers went between it and other profiles, or it leads elsewhere now.")
    RETIRED = _is("retired", "It names no profile any more; `leadsTo` says where its person is.")
    RESTORED = _is("restored", "It names a profile again.")
    ERASED = _is("erased", "Its identifiers were erased.")


@strawberry.enum(description="What was done.")
class CauseKind(Enum):
    FRAGMENT = _is("fragment", "A record or an interaction came.")
    WITHDRAWAL = _is("withdrawal", "A record was withdrawn.")
    JUDGEMENT = _is("judgement", "An operator judged.")
    REVERT = _is("revert", "An earlier cause was undone.")
    RULES = _is("rules", "Other rules were applied.")
    ERASURE = _is("erasure", "Identifiers were erased.")


@strawberry.enum(description="What a job does.")
class JobKind(Enum):
    SIMULATE_RULES = _is("simulate_rules", "Tries rules on all evidence.")
    APPLY_RULES = _is("apply_rules", "Makes rules those in force.")
    WITHDRAW = _is("withdraw", "Takes back what a source said.")
    ERASE = _is("erase", "Erases identifiers.")
    REBUILD = _is("rebuild", "Computes everything anew from the evidence.")


@strawberry.enum(description="How far an erasure is. No request finds what was erased, in either state.")
class ErasureState(Enum):
    PURGING = _is("purging", "Bytes of it may be left in the store's own files; the service goes on with them by itself.")
    COMPLETE = _is(
        "complete",
        "No byte of the values is left in the store's own files. On Neo4j: no query finds them; its logs and backups are the operator's.",
    )


@strawberry.enum(description="How far a job is.")
class JobState(Enum):
    WAITING = _is("waiting", "Its turn has not come.")
    RUNNING = _is("running", "It is being done; `progress` says how far.")
    DONE = _is("done", "Its outcome is there.")
    FAILED = _is("failed", "It broke off; `userErrors` says why.")
    CANCELLED = _is("cancelled", "Somebody cancelled it.")


_EVIDENCE: Final = {"interactions": "fragment", "interaction": "fragment"}


def cause_kind(kind: str) -> CauseKind:
    """The kind under which clients know a cause of the store."""
    return CauseKind(_EVIDENCE.get(kind, kind))
