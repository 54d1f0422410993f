"""The audit: who decided what, when and why, on record with what was decided, and without values of anybody."""

from __future__ import annotations

import asyncio

import pytest

from graph.audit import summary
from graph.conflicts import postpone
from graph.curate import judge, perform, preview
from graph.errors import BadInput, Stale
from graph.ingest import ingest
from graph.jobs import SIMULATE, ask_for, cancel
from graph.model import JudgementKind, Key, RecordKey
from graph.operations import Judge, Merge, Revert, Split, Withdraw
from graph.store.ports import Store
from graph.views import AuditView, ByIdentifier, Page
from tests.build import fragment, ids, same
from tests.stores import OpenWith

WHY = "Ada asked for it"
ADA, BOB = (ByIdentifier(one) for one in ids("user_id:ada", "user_id:bob"))


async def entries(store: Store, first: int = 100, **filters: object) -> list[AuditView]:
    return [edge.node for edge in (await store.audit(Page(first), **filters)).edges]  # type: ignore[arg-type]  # by name


async def last(store: Store) -> AuditView:
    (entry,) = await entries(store, 1)
    return entry


def told(entry: AuditView) -> str:
    return summary(entry.operation, entry.figures)


async def two(store: Store) -> None:
    await ingest(store, [fragment("user_id:ada", "device:1", id="a"), fragment("user_id:bob", "device:2", "device:3", id="b")])


async def values_of(store: Store, entry: AuditView) -> list[str]:
    everything = await store.everything()
    return sorted(member.value for member in everything.members if member.id in entry.subjects)


async def test_each_operation_is_on_record_with_who_when_why_and_its_figures(store: Store) -> None:
    await two(store)
    asked = {"by": "ops", "key_id": "k1"}

    done = await perform(store, Merge((ADA, BOB), WHY), **asked)
    merge = await last(store)

    assert (merge.operation, merge.by, merge.key, merge.reason) == ("mergeProfiles", "ops", "k1", WHY)
    assert merge.n == done.token
    assert told(merge) == "Merged 2 profiles; 2 profiles before, 1 after, 3 identifiers moved."
    assert await values_of(store, merge) == ["1", "2", "3", "ada", "bob"]
    [change] = [edge.node for edge in (await store.changes(Page(1, (done.changes[0] - 1,)), ())).edges]
    assert (merge.cause, merge.at) == ((change.cause_kind, change.cause), change.at)

    await perform(store, Revert("change", done.changes[0], "no"), **asked)
    assert told(await last(store)) == "Undid a decision; 1 profile before, 2 after, 3 identifiers moved."
    await perform(store, Split(BOB, ids("device:3"), "not his"), **asked)
    split = await last(store)
    assert told(split) == "Took 1 identifier out of a profile; 1 profile before, 2 after, 1 identifier moved."
    await perform(store, Withdraw(RecordKey("web", "b"), "wrong"), **asked)
    withdrawn = await last(store)
    assert told(withdrawn) == "Withdrew a record of source web; 1 profile before, 2 after, 1 identifier moved."
    assert withdrawn.cause == ("withdrawal", withdrawn.n)
    await perform(store, Judge(JudgementKind.SAME, *ids("user_id:ada", "device:9"), "saw it"), **asked)
    assert told(await last(store)) == "Judged two identifiers to be one person's; 1 profile before, 1 after, 0 identifiers moved."
    await judge(store, [same("user_id:ada", "device:8"), same("user_id:ada", "device:7")], by="load")
    loaded = await last(store)
    assert (loaded.reason, loaded.by, loaded.cause) == (None, "load", None)
    assert told(loaded).startswith("Recorded 2 judgements; ")
    assert [entry.n for entry in await entries(store)] == sorted((entry.n for entry in await entries(store)), reverse=True)


async def test_a_decision_that_changes_nobody_can_be_undone_by_its_entry(store: Store) -> None:
    await two(store)
    await perform(store, Judge(JudgementKind.DISTINCT, *ids("user_id:ada", "user_id:bob"), WHY))
    entry = await last(store)
    assert entry.cause is not None
    assert entry.figures == {"kind": "distinct", "before": 0, "after": 0, "moved": 0}

    await perform(store, Revert(*entry.cause, "changed my mind"))

    assert not (await store.everything()).judgements


async def test_a_conflict_put_off_and_jobs_asked_for_and_cancelled_are_on_record(open_with: OpenWith) -> None:
    rules = '[[namespace]]\nname = "user"\nlimit = 1\nperson = true\n[[namespace]]\nname = "phone"\nperson = true\n'
    async with open_with(rules) as store:
        await ingest(store, [fragment("user:1", "phone:1"), fragment("user:2", "phone:1", at=1)])
        (conflict,) = (edge.node for edge in (await store.conflicts(Page(5), ())).edges)
        await postpone(store, conflict.id, reason=WHY, by="ops", key_id="k1")
        put_off = await last(store)
        assert (put_off.operation, put_off.reason, told(put_off)) == ("postponeConflict", WHY, "Put off a conflict of 1 refused link.")
        assert await values_of(store, put_off) == ["1", "1", "2"]

        row, _ = await ask_for(store, SIMULATE, {"toml": rules}, by="ops", key=Key("ops", "1"))
        assert (await last(store)).figures == {"job": row.id}
        await ask_for(store, SIMULATE, {"toml": rules}, by="ops", key=Key("ops", "1"))
        assert [entry.operation for entry in await entries(store)] == ["simulateRules", "postponeConflict"]
        await cancel(store, row.id, by="ops", key=Key("ops/cancel", "1"))
        await cancel(store, row.id, by="ops", key=Key("ops/cancel", "1"))
        await cancel(store, row.id, by="ops")
        assert [told(entry) for entry in await entries(store, operation="cancelJob")] == ["Cancelled a job (simulate_rules)."]


async def test_what_is_refused_or_repeated_has_no_entry(store: Store) -> None:
    await two(store)
    with pytest.raises(Stale):
        await perform(store, Merge((ADA, BOB), WHY), token="0" * 32)
    with pytest.raises(BadInput):
        await perform(store, Merge((ADA, ADA), WHY))
    await preview(store, Merge((ADA, BOB), WHY))
    assert await entries(store) == []

    for _ in range(2):
        await perform(store, Merge((ADA, BOB), WHY), key=Key("ops", "1"))

    assert len(await entries(store)) == 1


async def test_entries_are_found_by_operation_name_and_time_a_page_at_a_time(store: Store) -> None:
    await two(store)
    for n in range(6):
        by, kind = ("ops" if n % 2 else "crm"), (JudgementKind.SAME if n % 3 else JudgementKind.DISTINCT)
        await perform(store, Judge(kind, *ids("user_id:ada", f"device:{n + 10}"), WHY), by=by)
        await perform(store, Withdraw(RecordKey("web", "a"), WHY), by=by) if n == 3 else None
    every = await entries(store)

    paged: list[AuditView] = []
    after: tuple[int, ...] | None = None
    while not paged or after:
        page = await store.audit(Page(2, after))
        paged += [edge.node for edge in page.edges]
        after = page.end if page.has_next else None
    assert paged == every
    assert len(every) == 7
    assert await entries(store, by="ops") == [entry for entry in every if entry.by == "ops"]
    assert await entries(store, operation="withdraw") == [entry for entry in every if entry.operation == "withdraw"]
    assert await entries(store, operation="judge", by="ops") == [e for e in every if (e.operation, e.by) == ("judge", "ops")]
    assert await entries(store, since=every[3].at) == every[:4]
    assert await entries(store, since=every[0].at + 1) == []
    assert await store.nodes([("audit", every[2].n), ("audit", 1 << 40)], {}) == [every[2], None]


async def test_a_reason_goes_with_any_identifier_that_its_decision_concerns(store: Store) -> None:
    await two(store)
    await perform(store, Merge((ADA, BOB), WHY), by="ops")
    await perform(store, Judge(JudgementKind.SAME, *ids("user_id:eve", "device:7"), "Eve told us"))
    everything = await store.everything()
    of_bob = [member.id for member in everything.members if member.value == "3"]

    async with store.writing("erasure") as writing:
        assert await writing.forget_reasons(of_bob) == 1
        assert await writing.forget_reasons(of_bob) == 0

    eve, merge = await entries(store)
    assert (eve.reason, merge.reason) == ("Eve told us", None)
    assert await values_of(store, merge) == ["1", "2", "ada", "bob"]
    assert told(merge) == "Merged 2 profiles; 2 profiles before, 1 after, 3 identifiers moved."


async def test_a_reason_goes_also_while_its_step_is_not_committed_yet(store: Store) -> None:
    """Steps that wait for each other share a transaction."""
    await two(store)
    concerned = [member.id for member in (await store.everything()).members]

    async def forget() -> None:
        async with store.writing("erasure") as writing:
            await writing.forget_reasons(concerned)

    await asyncio.gather(perform(store, Merge((ADA, BOB), WHY)), forget())

    assert [entry.reason for entry in await entries(store)] == [None]
