"""Long work on record: asked for once, looked at by any process, cancelled by anybody who may.

Whoever does a job says every `BEAT` microseconds that it goes on. A job of which nobody said so for `SILENT` is failed by the first who
looks: its process died.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, TypeAlias, TypeVar

import orjson

from graph.applying import Applied, Bounds, put_in_force, try_rules
from graph.curate import Curated, Long, perform
from graph.errors import KeyReused, NotFound, RulesChanged, RulesUndone, StoreBusy
from graph.model import Identifier, Instant, Key, Refusal, Rule
from graph.operations import Revert, WithdrawSource
from graph.previews import ShownProfile
from graph.rehearse import Because, Compared, Reason, Side
from graph.resolve.rules import Rules
from graph.store.ports import Deed, JobRow, Store, Writing
from graph.views import AuditView, IdentifierView, Want
from graph.withdrawing import versions_of

__all__ = [
    "APPLY",
    "BEAT",
    "ENDED",
    "SILENT",
    "SIMULATE",
    "WITHDRAW",
    "Check",
    "ShownProfile",
    "Simulated",
    "SimulatedChange",
    "apply_as_job",
    "ask_for",
    "ask_to_apply",
    "ask_to_undo_rules",
    "ask_to_withdraw",
    "asked_before",
    "cancel",
    "job",
    "kept",
    "now",
    "simulated",
    "withdraw_as_job",
]

T = TypeVar("T")
BEAT: Final = 3_000_000
SILENT: Final = 30_000_000
SIMULATE: Final = "simulate_rules"
APPLY: Final = "apply_rules"
WITHDRAW: Final = "withdraw"
ENDED: Final = frozenset({"done", "failed", "cancelled"})
_OPERATIONS: Final = {SIMULATE: "simulateRules", APPLY: "applyRules", WITHDRAW: "withdraw"}
"""What asks for each kind of job, by its name in the API."""
_NONE: Final[Mapping[str, Any]] = {}
Check: TypeAlias = Callable[[Writing], Awaitable[None]]
_TRIES: Final = 6
_DIED = ("UNAVAILABLE", "the process that did this job has gone; ask for it again")


def now() -> Instant:
    """The clock of this machine."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class SimulatedChange:
    """Profiles as they are and as they would be, and why, with the identifiers that are on record."""

    before: tuple[ShownProfile, ...]
    after: tuple[ShownProfile, ...]
    because: Because


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a simulation found; `counts` by the names of graph.rehearse.Compared."""

    counts: Mapping[str, int]
    examples: tuple[SimulatedChange, ...]


async def ask_for(
    store: Store,
    kind: str,
    input: dict[str, Any],
    *,
    key: Key | None = None,
    by: str | None = None,
    key_id: str | None = None,
    reason: str | None = None,
    figures: Mapping[str, Any] = _NONE,
    check: Check | None = None,
    digest: bytes | None = None,
) -> tuple[JobRow, bool]:
    """Put a job on record, waiting, and in the audit that it was asked for; or find the one that the same request made before. Whether it
    is new comes along. `figures`: of the audit's entry, which has the reason, too: the input has its number as `asked`. `check` refuses a
    new job by raising. `digest`: of the request, by default of kind, input and reason."""
    digest = digest or blake2b(orjson.dumps([kind, input, *([reason] if reason is not None else [])]), digest_size=16).digest()
    async with store.writing("job", by=by, reason=reason) as writing:
        answer = None if key is None else await writing.answered(key)
        if answer is not None and answer[0] != digest:
            raise KeyReused
        if answer is None and check is not None:
            await check(writing)
        number = await writing.new_job(kind, {**input, "asked": writing.commit}) if answer is None else answer[1]["job"]
        if answer is None:
            name = Revert.name if "revert" in input else _OPERATIONS[kind]
            await writing.write_deed(Deed(name, (), {**figures, "job": number}, key=key_id))
        if answer is None and key is not None:
            await writing.answer(key, digest, {"job": number})
    found = (await store.jobs([number])).get(number)
    if found is None:
        raise NotFound("the job that this request made is long over and forgotten", ("clientMutationId",))
    return found, answer is None


async def asked_before(store: Store, key: Key, digest: bytes) -> JobRow | None:
    """The job that a request made which came before, with this key and this digest."""
    async with store.writing("job") as writing:
        answer = await writing.answered(key)
    if answer is None:
        return None
    if answer[0] != digest:
        raise KeyReused
    return (await store.jobs([answer[1]["job"]])).get(answer[1]["job"])


async def job(store: Store, number: int) -> JobRow | None:
    """A job as it is; one of which nobody spoke for too long is failed by this."""
    row = (await store.jobs([number])).get(number)
    if row is None or row.state in ENDED or row.beat > now() - SILENT:
        return row
    at = now()
    await store.write_jobs([row._replace(state="failed", beat=at, finished=at, error=_DIED)], beat=row.beat)
    return (await store.jobs([number])).get(number)


async def cancel(store: Store, number: int, *, key: Key | None = None, by: str | None = None, key_id: str | None = None) -> JobRow:
    """End a job, on record in the audit; one that has ended stays as it is. Whoever does it hears of it with the next beat."""
    row = await job(store, number)
    digest = blake2b(b"cancel %d" % number, digest_size=16).digest()
    async with store.writing("job", by=by) as writing:
        answer = None if key is None else await writing.answered(key)
        if answer is not None and answer[0] != digest:
            raise KeyReused
        if answer is None and row is not None:
            at = now()
            if await writing.write_jobs([row._replace(state="cancelled", beat=at, finished=at)]):
                await writing.write_deed(Deed("cancelJob", (), {"job": number, "kind": row.kind}, key=key_id))
            if key is not None:
                await writing.answer(key, digest, {"job": number})
    row = (await store.jobs([number])).get(number)
    if row is None:
        raise NotFound("there is no such job, or no longer", ("id",))
    return row


# ---------------------------------------------------------------- withdrawing a source


def ask_to_withdraw(operation: WithdrawSource, token: str | None, most: int) -> dict[str, Any]:
    """What `ask_for` takes to have a source withdrawn: refused where there is nothing, or more than `most`. `token`: of a preview."""

    async def check(writing: Writing) -> None:
        await versions_of(writing, operation, most)

    named = {"source": operation.source, "since": operation.since}
    return {"input": {**named, "token": token, "most": most}, "reason": operation.reason, "figures": named, "check": check}


async def withdraw_as_job(
    store: Store, number: int, input: Mapping[str, Any], *, by: str | None, key_id: str | None, told: Callable[[float], None]
) -> dict[str, Any]:
    """Do the job of withdrawing a source. That it is done is on record with the very step: a job that ended otherwise meanwhile does
    nothing."""
    row = (await store.jobs([number]))[number]

    async def finish(writing: Writing, done: Curated) -> None:
        await _end(writing, row, {"changes": len(done.changes)})

    long = Long(input["most"], told, finish, number, input["asked"])
    operation = WithdrawSource(input["source"], input["since"], await _reason(store, input) or "")
    done = await _when_free(lambda: perform(store, operation, token=input["token"], by=by, key_id=key_id, long=long))
    return {"changes": len(done.changes)}


# ---------------------------------------------------------------- applying rules


def ask_to_apply(toml: str, expected: int, bounds: Bounds) -> dict[str, Any]:
    """What `ask_for` takes to have rules applied. BadRules where they cannot be read; refused where `expected` is not the version of the
    rules in force."""
    Rules.parse(toml)

    async def check(writing: Writing) -> None:
        if writing.rules_version != expected:
            raise RulesChanged(expected, writing.rules_version)

    asked = {"toml": toml, "expected": expected, "maxMerged": bounds.merged, "maxSplit": bounds.split}
    return {"input": asked, "figures": {"expected": expected}, "check": check}


async def ask_to_undo_rules(store: Store, operation: Revert, undone: RulesUndone) -> dict[str, Any]:
    """Likewise to have a change of rules undone, by an operation that turned out to be this."""
    rules = await store.rules(undone.version)
    assert rules is not None
    asked = ask_to_apply(rules.toml, undone.in_force, Bounds())
    input = {**asked["input"], "revert": [undone.cause_kind, undone.cause]}
    return {**asked, "input": input, "reason": operation.reason, "figures": {"undone": "rules"}, "digest": operation.digest()}


async def apply_as_job(
    store: Store, number: int, input: Mapping[str, Any], *, by: str | None, key_id: str | None, told: Callable[[float], None]
) -> dict[str, Any]:
    """Do the job of applying rules. That it is done is on record with the very step: a job that ended otherwise meanwhile does nothing."""
    reverted: tuple[str, int] | None = input.get("revert")
    revert = None if reverted is None else Revert(*reverted, reason=await _reason(store, input) or "")
    bounds = Bounds(input["maxMerged"], input["maxSplit"])
    row = (await store.jobs([number]))[number]
    tried = await try_rules(store, Rules.parse(input["toml"]), input["expected"], bounds, told)
    result: dict[str, Any] = await kept(store, tried.compared)

    async def finish(writing: Writing, done: Applied) -> None:
        result.update(version=done.version, commit=done.commit, changes=len(done.delta.changes))
        await _end(writing, row, result)

    named = {"by": by, "key_id": key_id, "job": number, "asked": input["asked"]}
    await _when_free(lambda: put_in_force(store, tried, bounds, revert=revert, finish=finish, **named))
    told(1.0)
    return result


async def _when_free(step: Callable[[], Awaitable[T]]) -> T:
    """The step that a job has long prepared: where the gate is busy, it is tried again, `_TRIES` times in all."""
    for _ in range(_TRIES - 1):
        with contextlib.suppress(StoreBusy):
            return await step()
    return await step()


async def _reason(store: Store, input: Mapping[str, Any]) -> str | None:
    """Why a job was asked for: the audit has it."""
    [entry] = await store.nodes([("audit", input["asked"])], {}, token=input["asked"])
    return entry.reason if isinstance(entry, AuditView) else None


async def _end(writing: Writing, row: JobRow, result: dict[str, Any]) -> None:
    """A job is done with the step that this is part of; NotFound where it ended otherwise meanwhile."""
    at = now()
    if not await writing.write_jobs([row._replace(state="done", progress=1.0, beat=at, finished=at, result=result)]):
        raise NotFound("the job ended while it was done: nothing is changed", ())


# ---------------------------------------------------------------- what a simulation found, on record
_COUNTS: Final = ("profiles_before", "profiles_after", "merges", "splits", "one_ids_changed", "largest_before", "largest_after")


async def kept(store: Store, done: Compared) -> dict[str, Any]:
    """What a simulation found as a job keeps it: identifiers by their numbers, no values. One that is blocked now has no number."""
    named = {one for example in done.examples for side in (*example.before, *example.after) for one in side.identifiers}
    named |= {one for example in done.examples for one in (example.because.a, example.because.b) if one is not None}
    known = {}
    if named:
        async with store.writing("simulation") as writing:
            known = {one: found.id for one, found in (await writing.identifiers(named)).items()}

    def side(one: Side) -> list[Any]:
        return [one.one_id, one.count, [known[each] for each in one.identifiers if each in known]]

    examples = []
    for example in done.examples:
        reason, a, b, refusal = example.because
        ends = [None if one is None else known.get(one) for one in (a, b)]
        because = [reason.value, *ends, *((refusal.rule.value, refusal.namespace) if refusal else (None, None))]
        examples.append([[side(one) for one in example.before], [side(one) for one in example.after], because])
    return {**{name: getattr(done, name) for name in _COUNTS}, "examples": examples}


async def simulated(store: Store, result: Mapping[str, Any], first: int, want: Sequence[Want]) -> Simulated:
    """What a job keeps, shown; `want`: of the identifiers in its first examples. Those that were erased since are left out."""
    examples = result["examples"][:first]
    ids = {n for before, after, _ in examples for _, _, members in (*before, *after) for n in members}
    ids |= {n for *_, because in examples for n in because[1:3] if n is not None}
    found = await store.nodes([("identifier", n) for n in sorted(ids)], {"identifier": want}) if ids else ()
    views = {view.id: view for view in found if isinstance(view, IdentifierView) and view.identifier.value}

    def side(one: Sequence[Any]) -> ShownProfile:
        return ShownProfile(one[0], tuple(views[n] for n in one[2] if n in views), one[1])

    def end(n: int | None) -> Identifier | None:
        return views[n].identifier if n in views else None

    changes = []
    for before, after, (reason, a, b, rule, namespace) in examples:
        because = Because(Reason(reason), end(a), end(b), None if rule is None else Refusal(Rule(rule), namespace))
        changes.append(SimulatedChange(tuple(map(side, before)), tuple(map(side, after)), because))
    return Simulated({name: result[name] for name in _COUNTS}, tuple(changes))
