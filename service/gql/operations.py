"""From what a client asks for to the operation that `graph` performs or previews."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from graph import model
from graph.errors import BadInput
from graph.lines import identifier_of, instant_of
from graph.operations import Erase, Judge, Merge, Operation, Revert, Split, Withdraw, WithdrawSource
from service.gql.feed import CAUSES
from service.gql.ids import node_key
from service.gql.inputs import (
    EraseInput,
    JudgeInput,
    MergeProfilesInput,
    OperationInput,
    RevertInput,
    SplitProfileInput,
    WithdrawInput,
    said,
)
from service.gql.look_up import asked_by
from service.gql.refusals import bounded, reason_of

__all__ = ["Asked", "operation_in", "operation_of"]

Asked = JudgeInput | MergeProfilesInput | SplitProfileInput | WithdrawInput | RevertInput | EraseInput
_PROFILES: Final = 100
_DETACHED: Final = 1_000


def operation_in(sent: OperationInput) -> tuple[str, Asked]:
    """The operation to preview, and the name of its field."""
    named: Sequence[tuple[str, Asked | None]] = [
        ("judge", said(sent.judge)),
        ("merge", said(sent.merge)),
        ("split", said(sent.split)),
        ("withdraw", said(sent.withdraw)),
        ("revert", said(sent.revert)),
        ("erase", said(sent.erase)),
    ]
    for name, one in named:
        if one is not None:
            return name, one
    raise BadInput("exactly one of judge, merge, split, withdraw, revert and erase is wanted", ("operation",))


def operation_of(sent: Asked) -> Operation:
    """The operation, checked as far as the store need not be asked; BadInput names the field below `input`."""
    reason = reason_of(sent.reason)
    if isinstance(sent, JudgeInput):
        a, b = (identifier_of(one.mapping(), (name,)) for name, one in (("a", sent.a), ("b", sent.b)))
        return Judge(model.JudgementKind(sent.kind.value), a, b, reason)
    if isinstance(sent, MergeProfilesInput):
        bounded(len(sent.profiles), _PROFILES, "profiles")
        return Merge(tuple(asked_by(one, ("profiles", str(place))) for place, one in enumerate(sent.profiles)), reason)
    if isinstance(sent, SplitProfileInput):
        bounded(len(sent.detach), _DETACHED, "detach")
        detach = tuple(identifier_of(one.mapping(), ("detach", str(place))) for place, one in enumerate(sent.detach))
        return Split(asked_by(sent.profile, ("profile",)), detach, reason, bool(said(sent.together)))
    if isinstance(sent, RevertInput):
        return Revert(*_cause(sent.cause), reason)
    if isinstance(sent, EraseInput):
        return _erase(sent, reason)
    return _withdrawal(sent, reason)


def _withdrawal(sent: WithdrawInput, reason: str) -> Operation:
    record, source, since = said(sent.record), said(sent.source), said(sent.since)
    if (record is None) == (source is None):
        raise BadInput("just one of record and source is wanted", ("record",))
    if record is not None:
        if since is not None:
            raise BadInput("goes with a source; a record is withdrawn over all its versions", ("since",))
        return Withdraw(record.key(), reason)
    return WithdrawSource(str(source), None if since is None else instant_of(since, ("since",)), reason)


def _erase(sent: EraseInput, reason: str) -> Erase:
    profile, listed = said(sent.profile), said(sent.identifiers)
    if (profile is None) == (not listed):
        raise BadInput(
            "either a profile or identifiers are wanted, just one of both", ("profile",) if profile is not None else ("identifiers",)
        )
    bounded(len(listed or ()), _DETACHED, "identifiers")
    named = tuple(identifier_of(one.mapping(), ("identifiers", str(place))) for place, one in enumerate(listed or ()))
    return Erase(None if profile is None else asked_by(profile, ("profile",)), named, reason)


def _cause(sent: str) -> tuple[str, int]:
    kind, numbers = node_key(sent, ("cause",))
    if kind == "change":
        return kind, numbers[0]
    if kind != "cause" or not 0 <= numbers[0] < len(CAUSES):
        raise BadInput(f"the id of a Change or of its Cause is wanted, that of a {kind} came", ("cause",))
    return CAUSES[numbers[0]], numbers[1]
