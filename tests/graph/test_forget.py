"""Erasures: what is erased is gone, in the past too, comes back by no way, and the rest is as if it had never been."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from graph.audit import summary
from graph.check import check
from graph.curate import judge, perform, preview
from graph.errors import AnswerErased, BadInput, Erased, KeyTrouble, NotFound, Stale
from graph.forget import allow_again, buried, carry_over, forget_erasures
from graph.ingest import ingest
from graph.interactions import record
from graph.model import ChangeKind, FragmentStatus, Identifier, Interaction, Judgement, JudgementKind, Key, RecordKey
from graph.operations import Erase, Judge, Merge, Revert, Split, Withdraw
from graph.resolve.rules import Rules
from graph.resolve.scrub import without, without_ends
from graph.store.keys import ErasureKey
from graph.store.ports import Everything, ExportKind, Store
from graph.store.sqlite.store import open_sqlite
from graph.views import ByIdentifier, ByOneId, Page, Want
from tests.build import distinct, fragment, identifier, ids, minute, same
from tests.graph.test_operations import people, some_operation
from tests.histories import Add, Again, Case, Interact, TakeBack, Told, cases, held, names_of, numbered, over, prove, send
from tests.histories import Judge as Judged
from tests.histories import Withdraw as Withdrawn
from tests.stores import OpenWith, Run

WHY = "she asked for it"


def erase(*texts: str) -> Erase:
    return Erase(None, ids(*texts), WHY)


def less(told: Told, gone: set[Identifier]) -> Told:
    """The evidence of somebody who never had these identifiers."""
    rules = told.rules
    left = Told(rules)
    for key, versions in told.versions.items():
        left.versions[key] = [replace(v, fragment=without(v.fragment, gone, rules)) for v in versions]
    left.judgements = [one for j in told.judgements if (one := without_ends(j, gone, rules)) is not None]
    for key, heard in told.heard.items():
        left.heard[key] = [h for h in heard if not {rules.normalise(h.interaction.origin), rules.normalise(h.interaction.target)} & gone]
    return left


def assert_less(store_holds: object, told: Told) -> None:
    made = told.makes()
    stored = held(store_holds)  # type: ignore[arg-type]
    assert stored.profiles == made.profiles
    assert stored.refused == made.refused
    assert (stored.shared, stored.parked) == (made.shared, made.parked)


@over(cases(most=8), share=0.3)
def test_a_store_is_as_if_it_never_had_what_was_erased(open_with: OpenWith, run: Run, case: Case) -> None:
    async def holds(case: Case) -> None:
        rules, new_id, random = Rules.parse(case.rules), numbered(), Random(str(case))
        told = Told(rules)
        async with open_with(rules) as store:
            for step in case.steps:
                await send(step, store, told, new_id)
                tell(step, told)
            everything = await store.everything()
            for _ in range(random.choice([1, 1, 2])):
                known = sorted(one for one in names_of(await store.everything()).values() if one.value)
                if not known:
                    return
                some = random.sample(known, min(len(known), random.choice([1, 1, 2, 3])))
                await perform(store, Erase(None, tuple(some), WHY), new_id=new_id)
                told = less(told, set(some))
                everything = await store.everything()
                assert (await check(store)).differences == ()
                assert not set(some) & set(names_of(everything).values())
                assert_less(everything, told)
            for step in case.steps:
                if isinstance(step, Add | Judged | Interact):
                    await send(step, store, Told(rules), new_id)
            again = await store.everything()
            assert (await check(store)).differences == ()
            assert again.members == everything.members
            assert held(again) == held(everything)

    prove(run, case, holds)


def tell(step: object, told: Told) -> None:
    """What a step says, without asking for answers."""
    if isinstance(step, Again):
        step = Add(told.requests[step.nth % len(told.requests)]) if told.requests else Add(())
    if isinstance(step, Add):
        told.add(step.fragments)
    elif isinstance(step, Judged):
        told.judge(step.judgements)
    elif isinstance(step, Interact):
        told.interact(step.interactions)
    elif isinstance(step, TakeBack):
        told.take_back(step.records)
    elif isinstance(step, Withdrawn):
        told.withdraw(step.record)


# ---------------------------------------------------------------- one by one

ADA = ("email:ada@example.com", "phone:13912345678")


@pytest.fixture
async def known(store: Store) -> Store:
    """Ada in records of her own and beside others, in history, decisions and interactions."""
    fragments = [
        fragment("phone:139 1234 5678", "email:Ada@Example.com", id="own", traits={"name": "Ada Lovelace"}),
        fragment("email:ada@example.com", "user_id:bob", id="ada@example.com", traits={"city": "Ulm", "note": "ADA@example.com wrote"}),
        fragment("user_id:bob", "device:d-1", id="moved", at=1, traits={"name": "Bob", "tel": "+86 139 1234 5678", "n": 13912345678}),
        fragment("user_id:bob", "phone:13912345678", id="moved", at=0),
    ]
    await ingest(store, fragments, key=Key("k/ingestFragments", "1"))
    await judge(store, [distinct(ADA[0], "email:eve@example.com", reason="Ada is not Eve")])
    await perform(store, Split(ByIdentifier(identifier("user_id:bob")), ids("device:d-1"), "Ada's brother has it"))
    await record(store, [Interaction("app", "i1", "like", *ids(ADA[0], "user_id:bob"), at=minute(0))])
    return store


async def all_texts(store: Store) -> str:
    """Everything that readers can see, as one text."""
    kinds: tuple[ExportKind, ...] = ("identifiers", "fragments", "judgements", "interactions", "one_ids", "profiles")
    told = []
    for kind in kinds:
        told += [row async for row in store.export(kind)]
    audit = (await store.audit(Page(100))).edges
    return repr((told, audit, (await store.everything()))).casefold()


async def test_no_reader_finds_what_was_erased(known: Store) -> None:
    done = await perform(known, erase(*ADA))

    text = await all_texts(known)
    assert [value for value in ("ada@", "13912345678", "139 1234 5678", "lovelace", "not eve", "brother") if value in text] == []
    assert "ulm" in text  # what the record says of Bob stays
    assert (await check(known)).differences == ()
    row = (await known.receipts([done.token]))[done.token]
    assert (row.reason, row.identifiers, row.records) == (WHY, 2, 3)


async def test_records_with_others_in_them_stay_without_what_holds_a_value(known: Store) -> None:
    await perform(known, erase(*ADA))

    rows = {row["id"]: row async for row in known.export("fragments")}
    assert "own" not in rows
    assert rows["moved"]["traits"] == {"name": "Bob"}
    [renamed] = [row for name, row in rows.items() if name.startswith("erased-")]
    assert renamed["traits"] == {"city": "Ulm"}


async def test_the_feed_says_who_lost_what_by_numbers_alone(known: Store) -> None:
    before = await known.head()
    done = await perform(known, erase(*ADA))

    want = (Want("lost", (("first", 10), ("after", None)), (Want("span"),)),)
    changes = [edge.node for edge in (await known.changes(Page(100, (before[1],)), want)).edges]
    assert {(change.cause_kind, change.cause) for change in changes} == {("erasure", done.token)}
    stubs = [edge.node for change in changes if change.kind is ChangeKind.ERASED for edge in change.parts[want[0].key].edges]
    assert sorted(stub.identifier for stub in stubs if not stub.identifier.value) == [("email", ""), ("phone", "")]


async def test_what_comes_again_is_refused_and_the_rest_lands(known: Store) -> None:
    await perform(known, erase(*ADA))
    done = await ingest(
        known,
        [
            fragment("phone:+86 139-1234-5678", id="late"),
            fragment("email:ADA@example.com", "user_id:bob", id="ada@example.com", traits={"city": "Ulm", "note": "ADA@example.com wrote"}),
            fragment("email:ada@example.com", "device:d-9", id="new", traits={"mail": "ada@example.com", "os": "x"}),
        ],
    )

    assert done.erased == (0,)
    assert [(one.index, one.status, len(one.erased)) for one in done.results] == [
        (1, FragmentStatus.ACTIVE, 1),
        (2, FragmentStatus.ACTIVE, 1),
    ]
    assert (done.accepted, done.unchanged) == (1, 1)
    assert "ada@" not in await all_texts(known)


async def test_no_other_way_leads_back(known: Store) -> None:
    await perform(known, erase(*ADA))
    bob = ByIdentifier(identifier("user_id:bob"))
    judged = await judge(known, [same(ADA[0], "user_id:bob"), same("user_id:bob", "user_id:carl")])
    told = await record(known, [Interaction("app", "i2", "like", *ids("user_id:bob", "phone:139 1234 5678"), at=minute(0))])

    assert judged.erased == (0,)
    assert [(one.index, one.code, one.path) for one in told.rejected] == [(0, "ERASED", ("to",))]
    for operation, path in (
        (Judge(same("a:1", "b:1").kind, *ids("user_id:bob", ADA[0]), WHY), ("b",)),
        (Merge((bob, ByIdentifier(Identifier("email", "ada@example.com"))), WHY), ("profiles", "1")),
        (Split(bob, ids(ADA[1]), WHY), ("detach", "0")),
        (erase(*ADA), ("identifiers", "0")),
    ):
        with pytest.raises(Erased) as refused:
            await perform(known, operation)
        assert refused.value.path == path


async def test_a_person_who_returns_comes_in_as_new(known: Store) -> None:
    before = [view and view.one_id for view in await known.profiles_by([ByIdentifier(Identifier("email", "ada@example.com"))], ())]
    done = await perform(known, erase(*ADA))
    with pytest.raises(NotFound) as unknown:
        await allow_again(known, done.token, ids("email:somebody@example.com"), reason=WHY)
    assert unknown.value.path == ("identifiers", "0")
    await allow_again(known, done.token, ids("email:ADA@example.com"), reason=WHY)

    again = await ingest(known, [fragment(*ADA, id="back")])
    assert again.results[0].erased == ids("phone:13912345678")
    assert again.results[0].one_id not in before
    assert (await check(known)).differences == ()


async def test_a_kept_answer_is_gone_and_its_key_stays_used(known: Store) -> None:
    await perform(known, erase(*ADA))
    with pytest.raises(AnswerErased):
        await ingest(
            known,
            [
                fragment("phone:139 1234 5678", "email:Ada@Example.com", id="own", traits={"name": "Ada Lovelace"}),
                fragment("email:ada@example.com", "user_id:bob", id="x", traits={"city": "Ulm", "note": "ADA@example.com wrote"}),
                fragment("user_id:bob", "device:d-1", id="x", at=1, traits={"name": "Bob", "tel": "+86 139 1234 5678", "n": 13912345678}),
                fragment("user_id:bob", "phone:13912345678", id="x", at=0),
            ],
            key=Key("k/ingestFragments", "1"),
        )


async def test_a_preview_shows_it_and_its_token_holds_it_to_that(known: Store) -> None:
    before = await known.everything()
    seen = await preview(known, erase(*ADA))
    assert await known.everything() == before
    await ingest(known, [fragment("email:ada@example.com", "device:d-7", id="new")])

    with pytest.raises(Stale):
        await perform(known, erase(*ADA), token=seen.token)
    seen = await preview(known, erase(*ADA))
    done = await perform(known, erase(*ADA), token=seen.token)
    assert len(done.changes) > 0


async def test_somebody_is_erased_by_any_look_up(known: Store) -> None:
    [eve] = await known.profiles_by([ByIdentifier(Identifier("email", "eve@example.com"))], ())
    assert eve is not None
    await perform(known, Erase(ByOneId(eve.one_id), (), WHY))

    assert await known.profiles_by([ByOneId(eve.one_id), ByIdentifier(Identifier("email", "eve@example.com"))], ()) == [None, None]
    assert "eve@" not in await all_texts(known)


async def test_bad_requests_change_nothing(known: Store) -> None:
    before = await known.everything()
    for operation, error, path in (
        (erase("email:nobody@example.com"), NotFound, ("identifiers",)),
        (Erase(ByOneId("none"), (), WHY), NotFound, ("profile",)),
        (erase("email:guest"), BadInput, ("identifiers", "0")),
        (Erase(None, ids(*ADA), "by mail of ada@example.com"), BadInput, ("reason",)),
    ):
        with pytest.raises(error) as refused:
            await perform(known, operation)
        assert refused.value.path == path
    assert await known.everything() == before


async def test_a_record_whose_own_id_was_erased_is_withdrawn_by_it(known: Store) -> None:
    await perform(known, erase(*ADA))
    done = await perform(known, Withdraw(RecordKey("web", "ada@example.com"), WHY))

    assert done.token > 0
    assert not [row async for row in known.export("fragments") if row["id"].startswith("erased-")]


LATE = (
    fragment("email:ada@example.com", "device:d-9", id="of ada@example.com", at=1),
    fragment("device:d-9", "device:d-8", id="of ada@example.com", at=2),
)
"""Two versions of a record that the store did not have when Ada was erased; only the first says whose address its id is."""


@pytest.mark.parametrize("requests", [(LATE,), LATE, LATE[::-1], (LATE[1], LATE)], ids=["at once", "in order", "late", "both"])
async def test_a_new_record_whose_own_id_was_erased_is_one_record_in_any_order(known: Store, requests: tuple[Any, ...]) -> None:
    await perform(known, erase(*ADA))
    for some in requests:
        await ingest(known, some if isinstance(some, tuple) else [some])

    names = [row["id"] async for row in known.export("fragments") if row["id"].startswith("erased-")]
    assert len(names) == 2  # the other one was there before
    assert "ada@example" not in await all_texts(known)
    assert_only_the_last_counts(await known.everything())
    done = await perform(known, Withdraw(LATE[0].key, WHY))
    assert done.token > 0
    assert (await check(known)).differences == ()


def assert_only_the_last_counts(now: Everything) -> None:
    named = names_of(now)
    assert {frozenset(named[at] for at in seen.ids) for _, seen in now.versions} >= {frozenset(ids("device:d-9", "device:d-8"))}
    assert not any(seen.observed == minute(1) and Identifier("device", "d-9") in {named[at] for at in seen.ids} for _, seen in now.versions)


async def test_a_record_keeps_its_other_name_when_who_its_id_names_may_come_again(known: Store) -> None:
    done = await perform(known, erase(*ADA))
    await ingest(known, [LATE[0]])
    await allow_again(known, done.token, ids(ADA[0]), reason=WHY)
    await ingest(known, [LATE[1]])

    assert_only_the_last_counts(await known.everything())
    assert "ada@example" not in await all_texts(known)


async def test_names_made_with_a_key_are_not_made_again_after_its_tombstones_were_dropped(known: Store) -> None:
    await perform(known, erase(*ADA))
    await forget_erasures(known, (await buried(known)).tombstones, reason=WHY)
    await ingest(known, [fragment("email:ada@example.com", "device:d-9", id="ada@example.com")])
    before = await known.everything()
    with pytest.raises(KeyTrouble, match="set another one"):
        await perform(known, erase(ADA[0]))
    assert await known.everything() == before


async def test_another_key_is_told_from_the_right_one(known: Store) -> None:
    await perform(known, erase(*ADA))
    right, known.erasure_key = known.erasure_key, ErasureKey("11" * 32)
    with pytest.raises(KeyTrouble):
        await ingest(known, [fragment("email:x@example.com")])
    known.erasure_key = ErasureKey()
    with pytest.raises(KeyTrouble):
        await ingest(known, [fragment("email:x@example.com")])
    known.erasure_key = right
    assert (await ingest(known, [fragment("email:x@example.com")])).accepted == 1


async def test_what_comes_later_is_not_taken_for_what_was_erased(store: Store) -> None:
    """Withdrawals and causes name records and judgements by numbers, which are not given a second time."""
    await ingest(store, [fragment("email:ada@example.com", id="a")])
    withdrawn = await perform(store, Withdraw(RecordKey("web", "a"), WHY))
    judged = await perform(store, Judge(JudgementKind.DISTINCT, *ids("email:ada@example.com", "user_id:bob"), WHY))
    await perform(store, erase("email:ada@example.com"))
    await ingest(store, [fragment("user_id:bob", "device:1", id="b")])
    await perform(store, Withdraw(RecordKey("web", "b"), WHY))
    again = await perform(store, Judge(JudgementKind.SAME, *ids("user_id:bob", "user_id:carl"), WHY))

    with pytest.raises(NotFound):
        await perform(store, Revert("withdrawal", withdrawn.token, WHY))
    assert await store.profiles_by([ByIdentifier(identifier("device:1"))], ()) == [None]
    causes = [(change.cause_kind, change.cause) for change in (await store.everything()).changes]
    assert len({cause for cause in causes if cause[0] == "judgement"}) == 2, (judged, again)


@pytest.mark.parametrize("left", [("email:guest", "phone:13912345678"), ("phone:13912345678", "email:guest")])
async def test_a_judgement_left_with_blocked_ends_is_gone_and_does_not_come_again(store: Store, left: tuple[str, ...]) -> None:
    (a, *with_a), (b, *with_b) = ids(*left), ids("user_id:1", "user_id:2")
    said = Judgement(JudgementKind.DISTINCT, a, b, minute(1), with_a=tuple(with_a), with_b=tuple(with_b))
    await judge(store, [said])
    await perform(store, erase("phone:13912345678"))
    after = await store.everything()
    again = await judge(store, [said])

    assert people(after) == {}
    assert again.erased == (0,)
    assert people(await store.everything()) == {}
    assert (await check(store)).differences == ()


async def test_erasures_are_forgotten_where_the_key_is_lost(known: Store) -> None:
    await perform(known, erase(*ADA))
    known.erasure_key = ErasureKey("11" * 32)
    before = await buried(known)
    with pytest.raises(Stale):
        await forget_erasures(known, before.tombstones - 1, reason="the key is lost")
    with pytest.raises(KeyTrouble):
        await ingest(known, [fragment(*ADA, id="back")])
    await forget_erasures(known, before.tombstones, reason="the key is lost", by="ops")

    again = await ingest(known, [fragment(*ADA, id="back")])
    assert (before.identifiers, before.erasures) == (2, 1)
    assert again.accepted == 1
    assert (await buried(known)).tombstones == 0
    [entry] = [edge.node for edge in (await known.audit(Page(10), operation="forgetErasures")).edges]
    assert (entry.by, entry.reason) == ("ops", "the key is lost")
    assert summary(entry.operation, entry.figures) == "Dropped all tombstones, of 2 identifiers."
    assert (await check(known)).differences == ()
    await perform(known, erase(*ADA))  # under the key that there is now
    with pytest.raises(Erased):
        await perform(known, erase(*ADA))


@over(cases(most=6), share=0.15)
def test_reverts_bring_nothing_back(open_with: OpenWith, run: Run, case: Case) -> None:
    async def holds(case: Case) -> None:
        rules, new_id, random = Rules.parse(case.rules), numbered(), Random(str(case))
        told = Told(rules)
        async with open_with(rules) as store:
            for step in case.steps:
                await send(step, store, told, new_id)
                tell(step, told)
                if random.random() < 0.3 and (operation := some_operation(random, await store.everything())) is not None:
                    await perform(store, operation, new_id=new_id)
            causes = {(change.cause_kind, change.cause) for change in (await store.everything()).changes}
            known = sorted(one for one in names_of(await store.everything()).values() if one.value)
            if not known:
                return
            gone = random.sample(known, min(len(known), 2))
            await perform(store, Erase(None, tuple(gone), WHY), new_id=new_id)
            assert (await check(store)).differences == ()
            causes |= {(change.cause_kind, change.cause) for change in (await store.everything()).changes}
            for kind, cause in random.sample(sorted(causes), min(len(causes), 6)):
                try:
                    await perform(store, Revert(kind, cause, WHY), new_id=new_id)
                except BadInput:
                    continue
                assert (await check(store)).differences == ()
                assert not set(gone) & set(names_of(await store.everything()).values())

    prove(run, case, holds)


async def test_an_answer_about_the_past_leaves_them_out(known: Store) -> None:
    last = (await known.head())[0]
    want = Want("identifiers", (("first", 100), ("after", None), ("namespaces", None)))
    [before] = await known.profiles_by([ByIdentifier(identifier("user_id:bob"))], [want], as_of=last)
    await perform(known, erase(*ADA))

    ada, bob = await known.profiles_by(
        [ByIdentifier(Identifier("email", "ada@example.com")), ByIdentifier(identifier("user_id:bob"))], [want], as_of=last
    )
    assert ada is None
    assert before is not None
    assert bob is not None
    values = [{edge.node.identifier.value for edge in view.parts[want.key].edges} for view in (before, bob)]
    assert values[1] == values[0] - {"ada@example.com", "+8613912345678"}


async def test_a_store_that_takes_the_place_of_another_refuses_them_too(store: Store) -> None:
    key, other = ErasureKey("2c" * 32), store
    async with open_sqlite(":memory:", Rules.builtin(), erasure_key=key) as former:
        await ingest(former, [fragment(*ADA, id="1")])
        exported = [row async for row in former.export("fragments")]
        await perform(former, erase(*ADA))
        with pytest.raises(KeyTrouble):
            await carry_over(former, other, reason=WHY)
        other.erasure_key = key
        receipt = await carry_over(former, other, reason=WHY)
        assert receipt is not None
        assert await carry_over(former, other, reason=WHY) is None

        restored = [fragment(*(f"{one['namespace']}:{one['value']}" for one in row["identifiers"]), id=row["id"]) for row in exported]
        assert (await ingest(other, restored)).erased == (0,)
        assert (await other.receipts([receipt]))[receipt].identifiers == 2
        await allow_again(other, receipt, ids(ADA[0]), reason=WHY)
        assert (await ingest(other, restored)).accepted == 1
        assert (await check(other)).differences == ()
