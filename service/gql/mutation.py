"""The mutations. Items are checked one by one, one flow is called; refusals of the business become part of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Final

import strawberry

from graph import conflicts, curate, interactions, jobs
from graph.applying import Bounds
from graph.errors import BadInput, NotFound, OneIDError, RulesUndone
from graph.forget import allow_again
from graph.ingest import Ingested, ingest
from graph.interactions import Recorded
from graph.lines import fragment_of, identifier_of, interaction_of
from graph.model import Fragment, Identifier
from graph.operations import Revert, WithdrawSource
from graph.resolve.rules import Rules
from graph.store.ports import JobRow
from graph.views import ChangeView, ConflictView, ProfileView
from service.auth import Scope
from service.gql.conflicts import Conflict
from service.gql.context import Context, Info
from service.gql.described import mutation
from service.gql.enums import ErrorCode, FragmentStatus
from service.gql.erasure import ErasePayload, Receipt, receipt_number
from service.gql.feed import Change
from service.gql.inputs import (
    AllowAgainInput,
    ApplyRulesInput,
    CancelJobInput,
    EraseInput,
    IdentifierInput,
    IngestFragmentsInput,
    JudgeInput,
    MergeProfilesInput,
    PostponeConflictInput,
    RecordInteractionsInput,
    RevertInput,
    SimulateRulesInput,
    SplitProfileInput,
    WithdrawInput,
    WithdrawInteractionsInput,
    said,
)
from service.gql.jobs import JobPayload, job_number, shown
from service.gql.look_up import node_ref
from service.gql.operations import Asked, operation_of
from service.gql.payloads import ConflictPayload, IdentityPayload, IngestFragmentsPayload, IngestResult, RecordPayload, Rejection
from service.gql.profile import Profile
from service.gql.refusals import Sorted, bounded, idempotency_key, reason_of, refused, sorted_out
from service.masking import masked

__all__ = ["Mutation"]

_MOST: Final = 100
"""Changes, profiles and identifiers that a payload shows."""
_MOST_NAMED: Final = 1_000
_ALL_ERASED: Final = "everybody in this record was erased; nothing of it is kept"
_UNDOING: Final = "revert of rules"
"""The name under which such jobs keep the keys of their requests, apart from other reverts."""
_INPUT: Final = strawberry.argument(description="What to do.")


def writing(info: Info) -> Context:
    """The context, of a caller who may write."""
    info.context.caller.need(Scope.WRITE)
    return info.context


@strawberry.type(
    description="What can be done. Evidence needs scope `write`, decisions on who is who need `curate`. A mutation does all of what it is "
    "asked, or nothing."
)
class Mutation:
    @mutation("Take in records of source systems. A record known with the same content changes nothing, so repeating is safe.")
    async def ingest_fragments(self, info: Info, input: Annotated[IngestFragmentsInput, _INPUT]) -> IngestFragmentsPayload:
        context, sent_id = writing(info), said(input.client_mutation_id)
        try:
            key = idempotency_key(context, "ingestFragments", sent_id)
            read = partial(fragment_of, need_time=False)
            came = sorted_out(
                [one.mapping() for one in input.fragments], read, name="fragments", most=context.service.settings.max_fragments
            )
            done = await ingest(context.store, came.values, key=key, by=context.by)
        except OneIDError as error:
            return IngestFragmentsPayload(
                accepted=0, unchanged=0, rejected=[], results=[], user_errors=refused(error), client_mutation_id=sent_id
            )
        context.wrote(done.token)
        gone = [Rejection(index=came.places[at], code=ErrorCode.ERASED, message=_ALL_ERASED, path=["identifiers"]) for at in done.erased]
        rejected = sorted([*came.rejected, *gone], key=lambda one: one.index)
        _count(context, "fragments", done.accepted, done.unchanged, len(rejected))
        return IngestFragmentsPayload(
            accepted=done.accepted,
            unchanged=done.unchanged,
            rejected=rejected,
            results=_results(done, came, pii=context.sight.pii),
            user_errors=[],
            client_mutation_id=sent_id,
        )

    @mutation(
        "Take back a record: what it said counts no more, and its people part where nothing else joins them. Or all that a source sent, "
        "since a time or ever: a job, one cause, after which all is as if it had not come; interactions of the source stay. More than "
        "one step takes back is LIMIT_EXCEEDED; a withdrawn source comes back whole with `revert`."
    )
    async def withdraw(self, info: Info, input: Annotated[WithdrawInput, _INPUT]) -> IdentityPayload:
        if said(input.source) is None or said(input.record) is not None:
            return await _performed(info, "withdraw", input, Scope.WRITE)
        return await _withdrawing(info, input)

    @mutation("Say that two identifiers belong together, or that they never do. The newer word wins; what it overrules stays on record.")
    async def judge(self, info: Info, input: Annotated[JudgeInput, _INPUT]) -> IdentityPayload:
        return await _performed(info, "judge", input, Scope.CURATE)

    @mutation(
        "Make profiles one, as one decision: `same` between their strongest identifiers, between those of a namespace whose limit they "
        "would break together, and between the ends of what was judged distinct. The preview shows what stays apart all the same, and why."
    )
    async def merge_profiles(self, info: Info, input: Annotated[MergeProfilesInput, _INPUT]) -> IdentityPayload:
        return await _performed(info, "mergeProfiles", input, Scope.CURATE)

    @mutation(
        "Take identifiers out of a profile, as one decision: each of them is distinct from each that remains, whatever evidence comes "
        "later. Detached identifiers that only hung together through the rest fall apart, unless `together` is true."
    )
    async def split_profile(self, info: Info, input: Annotated[SplitProfileInput, _INPUT]) -> IdentityPayload:
        return await _performed(info, "splitProfile", input, Scope.CURATE)

    @mutation(
        "Undo a cause, whole: a judgement is taken back, a withdrawn record counts again, a record that merged, moved or split people is "
        "marked as not linking (its facts count on), a revert is undone; after a change of rules those before it are applied, as a job "
        "that needs scope `admin`. People, OneIDs and redirects are then as they were before it, as far as nothing else has changed them "
        "since. To keep people apart whatever comes later, use `splitProfile`."
    )
    async def revert(self, info: Info, input: Annotated[RevertInput, _INPUT]) -> IdentityPayload:
        return await _undoing_before(info, input) or await _performed(info, "revert", input, Scope.CURATE)

    @mutation(
        "Forget somebody: all identifiers of a profile, or identifiers. Their values, links, facts, interactions and history are gone, in "
        "the past too; records of nobody else go whole, others lose what they say of them. They are refused when they come again, until "
        "`allowAgain`. It cannot be reverted. Needs scope `privacy`."
    )
    async def erase(self, info: Info, input: Annotated[EraseInput, _INPUT]) -> ErasePayload:
        context, sent_id = info.context, said(input.client_mutation_id)
        context.caller.need(Scope.PRIVACY)
        try:
            key = idempotency_key(context, "erase", sent_id)
            operation = operation_of(input)
            done = await curate.perform(
                context.store, operation, token=said(input.preview_token), key=key, by=context.by, key_id=context.key_id
            )
        except OneIDError as error:
            return ErasePayload(receipt=None, erased=[], user_errors=refused(error), client_mutation_id=sent_id)
        context.wrote(done.token)
        return await _receipt(context, done.token, done.forgotten, sent_id)

    @mutation("Let identifiers come again that were erased, for a person who returns. They come in as new. Needs scope `privacy`.")
    async def allow_again(self, info: Info, input: Annotated[AllowAgainInput, _INPUT]) -> ErasePayload:
        context, sent_id = info.context, said(input.client_mutation_id)
        context.caller.need(Scope.PRIVACY)
        try:
            key = idempotency_key(context, "allowAgain", sent_id)
            number = receipt_number(input.receipt, ("receipt",))
            if number is None:
                raise BadInput("the id of a Receipt is wanted", ("receipt",))
            bounded(len(input.identifiers), _MOST_NAMED, "identifiers")
            if not input.identifiers:
                raise BadInput("at least one identifier is wanted, none came", ("identifiers",))
            named = [identifier_of(one.mapping(), ("identifiers", str(place))) for place, one in enumerate(input.identifiers)]
            done = await allow_again(
                context.store, number, named, reason=reason_of(input.reason), by=context.by, key_id=context.key_id, key=key
            )
        except OneIDError as error:
            return ErasePayload(receipt=None, erased=[], user_errors=refused(error), client_mutation_id=sent_id)
        context.wrote(done.token)
        return await _receipt(context, number, () if done.replayed else input.identifiers, sent_id)

    @mutation(
        "Put a conflict off: it leaves the list until there is new evidence between the two, a refused link more, or one seen more often."
    )
    async def postpone_conflict(self, info: Info, input: Annotated[PostponeConflictInput, _INPUT]) -> ConflictPayload:
        context, sent_id = info.context, said(input.client_mutation_id)
        context.caller.need(Scope.CURATE)
        looked_at = context.selection(info).asks_for("conflict")
        if looked_at:
            context.caller.need(Scope.READ)
        try:
            key = idempotency_key(context, "postponeConflict", sent_id)
            ends = _conflict(input.id)
            done = await conflicts.postpone(
                context.store, ends, reason=reason_of(input.reason), by=context.by, key_id=context.key_id, key=key
            )
        except OneIDError as error:
            return ConflictPayload(conflict=None, user_errors=refused(error), client_mutation_id=sent_id)
        context.wrote(done.token)
        want = {"conflict": context.selection(info).wants(below="conflict")} if looked_at else {}
        found = await context.store.nodes([("conflict", ends)], want, token=done.token) if looked_at else []
        one = next((Conflict.of(view, context.sight) for view in found if isinstance(view, ConflictView)), None)
        return ConflictPayload(conflict=one, user_errors=[], client_mutation_id=sent_id)

    @mutation(
        "Try rules on all evidence, as of one commit. Changes nothing. It is a job, done in a process of its own, one at a time; its "
        "`simulation` says what would change. Needs scope `admin`."
    )
    async def simulate_rules(self, info: Info, input: Annotated[SimulateRulesInput, _INPUT]) -> JobPayload:
        context, sent_id = info.context, said(input.client_mutation_id)
        context.caller.need(Scope.ADMIN)
        try:
            key = idempotency_key(context, "simulateRules", sent_id)
            Rules.parse(input.toml)
            row = await context.service.jobs.begin(jobs.SIMULATE, {"toml": input.toml}, key=key, by=context.by, key_id=context.key_id)
        except OneIDError as error:
            return JobPayload(job=None, user_errors=refused(error, "toml"), client_mutation_id=sent_id)
        job = await shown(context, row, context.selection(info).wants(below="job"))
        return JobPayload(job=job, user_errors=[], client_mutation_id=sent_id)

    @mutation(
        "Make rules those in force, for all evidence: people are then as if these rules had been there from the start. It is a job, done "
        "in a process of its own: it tries the rules as `simulateRules` does and, within the bounds, makes them true in one step, which "
        "`revert` undoes; readers see all of the state before or all of that after. Killed or cancelled before its end it has changed "
        "nothing. Needs scope `admin`."
    )
    async def apply_rules(self, info: Info, input: Annotated[ApplyRulesInput, _INPUT]) -> JobPayload:
        context, sent_id = info.context, said(input.client_mutation_id)
        context.caller.need(Scope.ADMIN)
        try:
            key = idempotency_key(context, "applyRules", sent_id)
            bounds = Bounds(_most(input.max_merged, "maxMerged"), _most(input.max_split, "maxSplit"))
            asked = jobs.ask_to_apply(input.toml, input.expected_version, bounds)
            row = await context.service.jobs.begin(jobs.APPLY, **asked, key=key, by=context.by, key_id=context.key_id)
        except OneIDError as error:
            return JobPayload(job=None, user_errors=refused(error, "toml"), client_mutation_id=sent_id)
        job = await shown(context, row, context.selection(info).wants(below="job"))
        return JobPayload(job=job, user_errors=[], client_mutation_id=sent_id)

    @mutation("End a job. One that has ended stays as it is. Needs scope `admin`.")
    async def cancel_job(self, info: Info, input: Annotated[CancelJobInput, _INPUT]) -> JobPayload:
        context, sent_id = info.context, said(input.client_mutation_id)
        context.caller.need(Scope.ADMIN)
        try:
            key = idempotency_key(context, "cancelJob", sent_id)
            number = job_number(input.id, ("id",))
            if number is None:
                raise BadInput("the id of a Job is wanted", ("id",))
            row = await jobs.cancel(context.store, number, key=key, by=context.by, key_id=context.key_id)
        except OneIDError as error:
            return JobPayload(job=None, user_errors=refused(error), client_mutation_id=sent_id)
        context.service.jobs.stop(number)
        job = await shown(context, row, context.selection(info).wants(below="job"))
        return JobPayload(job=job, user_errors=[], client_mutation_id=sent_id)

    @mutation("Take in what people did to each other. Repeating is safe, as with fragments.")
    async def record_interactions(self, info: Info, input: Annotated[RecordInteractionsInput, _INPUT]) -> RecordPayload:
        context, sent_id = writing(info), said(input.client_mutation_id)
        try:
            key = idempotency_key(context, "recordInteractions", sent_id)
            read = partial(interaction_of, need_time=False)
            came = sorted_out(
                [one.mapping() for one in input.interactions], read, name="interactions", most=context.service.settings.max_fragments
            )
            done = await interactions.record(context.store, came.values, key=key, by=context.by)
        except OneIDError as error:
            return _nothing(error, sent_id)
        return _recorded(context, done, came.places, came.rejected, sent_id)

    @mutation("Take back interactions.")
    async def withdraw_interactions(self, info: Info, input: Annotated[WithdrawInteractionsInput, _INPUT]) -> RecordPayload:
        context, sent_id = writing(info), said(input.client_mutation_id)
        try:
            key = idempotency_key(context, "withdrawInteractions", sent_id)
            records = [one.key() for one in input.records]
            bounded(len(records), context.service.settings.max_fragments, "records")
            done = await interactions.withdraw(context.store, records, key=key, by=context.by)
        except OneIDError as error:
            return _nothing(error, sent_id)
        return _recorded(context, done, range(len(records)), [], sent_id)


async def _receipt(context: Context, number: int, named: Sequence[IdentifierInput | Identifier], sent_id: str | None) -> ErasePayload:
    row = (await context.store.receipts([number])).get(number)
    return ErasePayload(
        receipt=None if row is None else Receipt.of(row),
        erased=[f"{one.namespace}:{masked(one.value)}" for one in named[:_MOST]],
        user_errors=[],
        client_mutation_id=sent_id,
    )


async def _performed(info: Info, name: str, input: Asked, scope: Scope) -> IdentityPayload:
    """Do an operation, and show what it made."""
    context, sent_id = info.context, said(input.client_mutation_id)
    context.caller.need(scope)
    if context.selection(info).asks_for("changes", "profiles"):
        context.caller.need(Scope.READ)
    try:
        key = idempotency_key(context, name, sent_id)
        operation = operation_of(input)
        done = await curate.perform(
            context.store, operation, token=said(input.preview_token), key=key, by=context.by, key_id=context.key_id
        )
    except RulesUndone as undone:
        assert isinstance(input, RevertInput)
        return await _undoing_rules(info, input, undone)
    except OneIDError as error:
        return _refused(error, sent_id)
    context.wrote(done.token)
    changes, profiles = await _outcome(info, done)
    return IdentityPayload(changes=changes, profiles=profiles, job=None, user_errors=[], client_mutation_id=sent_id)


async def _withdrawing(info: Info, input: WithdrawInput) -> IdentityPayload:
    """Begin the job that withdraws a source."""
    context, sent_id = writing(info), said(input.client_mutation_id)
    try:
        key = idempotency_key(context, "withdraw", sent_id)
        operation = operation_of(input)
        assert isinstance(operation, WithdrawSource)
        asked = jobs.ask_to_withdraw(operation, said(input.preview_token), context.service.settings.max_withdrawn)
        row = await context.service.jobs.begin(jobs.WITHDRAW, **asked, key=key, by=context.by, key_id=context.key_id)
    except OneIDError as error:
        return _refused(error, sent_id)
    return await _begun(context, row, sent_id)


def _most(sent: int | None, name: str) -> int | None:
    """A bound as it came; None: any number."""
    most: int | None = said(sent)
    if most is not None and most < 0:
        raise BadInput(f"0 or more is wanted, {most} came", (name,))
    return most


async def _undoing_before(info: Info, input: RevertInput) -> IdentityPayload | None:
    """The job that the same request began before, which undoes a change of rules; None if none."""
    context, sent_id = info.context, said(input.client_mutation_id)
    if sent_id is None:
        return None
    context.caller.need(Scope.CURATE)
    try:
        key = idempotency_key(context, _UNDOING, sent_id)
        assert key is not None
        row = await jobs.asked_before(context.store, key, operation_of(input).digest())
    except OneIDError as error:
        return _refused(error, sent_id)
    return None if row is None else await _begun(context, row, sent_id)


async def _undoing_rules(info: Info, input: RevertInput, undone: RulesUndone) -> IdentityPayload:
    """Begin the job that undoes a change of rules; it has no preview."""
    context, sent_id = info.context, said(input.client_mutation_id)
    context.caller.need(Scope.ADMIN)
    if said(input.preview_token) is not None:
        return _refused(undone, sent_id)
    try:
        key = idempotency_key(context, _UNDOING, sent_id)
        operation = operation_of(input)
        assert isinstance(operation, Revert)
        asked = await jobs.ask_to_undo_rules(context.store, operation, undone)
        row = await context.service.jobs.begin(jobs.APPLY, **asked, key=key, by=context.by, key_id=context.key_id)
    except OneIDError as error:
        return _refused(error, sent_id)
    return await _begun(context, row, sent_id)


async def _begun(context: Context, row: JobRow, sent_id: str | None) -> IdentityPayload:
    """A job of which nothing is shown yet but itself."""
    job = await shown(context, row, ())
    return IdentityPayload(changes=[], profiles=[], job=job, user_errors=[], client_mutation_id=sent_id)


def _refused(error: OneIDError, sent_id: str | None) -> IdentityPayload:
    return IdentityPayload(changes=[], profiles=[], job=None, user_errors=refused(error), client_mutation_id=sent_id)


async def _outcome(info: Info, done: curate.Curated) -> tuple[list[Change], list[Profile]]:
    """The changes and profiles of a payload, as far as they are selected: one call for both."""
    context, selection = info.context, info.context.selection(info)
    asked: list[tuple[str, Any]] = []
    if selection.asks_for("changes"):
        asked += [("change", seq) for seq in done.changes[:_MOST]]
    if selection.asks_for("profiles"):
        asked += [("profile", n) for n in done.profiles[:_MOST]]
    if not asked:
        return [], []
    want = {"change": selection.wants(below="changes"), "profile": selection.wants(below="profiles")}
    found = await context.store.nodes(asked, want, token=done.token)
    return (
        [Change.of(view, context.sight) for view in found if isinstance(view, ChangeView)],
        [Profile.of(view, context.sight) for view in found if isinstance(view, ProfileView)],
    )


def _conflict(sent: str) -> tuple[int, int]:
    """The ends of the link behind the id of a conflict."""
    ref = node_ref(sent, ("id",))
    if ref is None or ref[0] != "conflict":
        raise NotFound("the id of a Conflict is wanted, that of something else came", ("id",))
    a, b = ref[1]
    return a, b


def _results(done: Ingested, came: Sorted[Fragment], *, pii: bool) -> list[IngestResult]:
    return [
        IngestResult(
            index=came.places[one.index],
            status=FragmentStatus(one.status.value),
            one_id=one.one_id,
            one_ids=list(one.one_ids),
            blocked=[
                *(f"{name}:{value if pii else masked(value)}" for name, value in one.blocked if (name, value) not in one.erased),
                *(f"ERASED {name}:{masked(value)}" for name, value in one.erased),
            ],
        )
        for one in done.results
    ]


def _recorded(context: Context, done: Recorded, places: Sequence[int], rejected: list[Rejection], sent_id: str | None) -> RecordPayload:
    context.wrote(done.token)
    late = [
        Rejection(index=places[one.index], code=ErrorCode.__members__[one.code], message=one.message, path=list(one.path))
        for one in done.rejected
    ]
    every = sorted([*rejected, *late], key=lambda one: one.index)
    _count(context, "interactions", done.accepted, done.unchanged, len(every))
    return RecordPayload(accepted=done.accepted, unchanged=done.unchanged, rejected=every, user_errors=[], client_mutation_id=sent_id)


def _nothing(error: OneIDError, sent_id: str | None) -> RecordPayload:
    return RecordPayload(accepted=0, unchanged=0, rejected=[], user_errors=refused(error), client_mutation_id=sent_id)


def _count(context: Context, what: str, accepted: int, unchanged: int, rejected: int) -> None:
    for outcome, number in (("accepted", accepted), ("unchanged", unchanged), ("rejected", rejected)):
        context.service.metrics.ingested.labels(what, outcome).inc(number)
