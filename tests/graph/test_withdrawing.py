"""A whole source taken back: the store is as one that never had what it sent, and a revert brings all of it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from random import Random

import pytest

from graph.audit import summary
from graph.check import check
from graph.curate import Long, perform, preview, withdraw
from graph.errors import NotFound, Stale, TooManyRecords
from graph.ingest import ingest
from graph.model import FragmentStatus, Instant, RecordKey
from graph.operations import Revert, WithdrawSource
from graph.resolve.rules import Rules
from graph.store.ports import Store
from graph.views import ByIdentifier, Page
from tests.build import START, fragment, ids
from tests.graph.test_operations import people
from tests.graph.test_reverts import Seen
from tests.histories import (
    Add,
    Again,
    Case,
    Interact,
    Judge,
    Step,
    TakeBack,
    Told,
    Withdraw,
    cases,
    held,
    kept,
    numbered,
    over,
    play,
    prove,
)
from tests.stores import OpenWith, Run

WHY = "sent by mistake"


def ticking() -> Callable[[], Instant]:
    """A clock that goes on by a second each time somebody looks."""
    ticks = count(START + 86_400_000_000, 1_000_000)
    return lambda: next(ticks)


def of_sources(case: Case) -> Case:
    """The same history, of two sources."""

    def source(id: str) -> str:
        return f"s {sum(map(ord, id)) % 2}"

    def spread(step: Step) -> Step:
        if isinstance(step, Add):
            return Add(tuple(replace(f, source=source(f.id)) for f in step.fragments))
        return Withdraw(RecordKey(source(step.record.id), step.record.id)) if isinstance(step, Withdraw) else step

    return Case(case.rules, tuple(map(spread, case.steps)))


def without(step: Step, source: str, told: Told) -> Step:
    """What is left of a step where a source sends nothing."""
    if isinstance(step, Again):
        step = Add(told.requests[step.nth % len(told.requests)]) if told.requests else Add(())
    return Add(tuple(f for f in step.fragments if f.source != source)) if isinstance(step, Add) else step


@over(cases(most=6), share=0.2)
def test_the_state_equals_one_that_never_had_it_and_a_revert_brings_it_back(open_with: OpenWith, run: Run, case: Case) -> None:
    async def holds(case: Case) -> None:
        case, random, clock = of_sources(case), Random(str(case)), ticking()
        rules, new_id = Rules.parse(case.rules), numbered()
        told, never = Told(rules), Told(rules)
        source, kept_steps = random.choice(["s 0", "s 1"]), random.randrange(len(case.steps) + 1)
        since: Instant | None = None
        async with open_with(rules, clock=clock) as store:
            for place, step in enumerate(case.steps):
                if place == kept_steps:
                    since = clock()
                tell(never, without(step, source, told) if place >= kept_steps else step, told)
                await play(step, store, told, new_id)
            before = await store.everything()
            operation = WithdrawSource(source, since if since is not None else clock(), WHY)
            try:
                done = await perform(store, operation, new_id=new_id)
            except NotFound:
                assert kept(before) == never.kept()
                return
            after = await store.everything()
            assert kept(after) == never.kept()
            assert held(after) == replace(never.makes(), blocked=frozenset())
            again = await perform(store, Revert("withdrawal", done.token, "it was right"), new_id=new_id)
            once = await store.everything()
            Seen.of(before).assert_holds(Seen.of(once))
            assert kept(once) == kept(before)
            await perform(store, Revert("revert", again.token, WHY), new_id=new_id)
            twice = await store.everything()
            Seen.of(after).assert_holds(Seen.of(twice))
            assert kept(twice) == kept(after)
            assert (await check(store)).differences == ()

    prove(run, case, holds)


def tell(never: Told, step: Step, told: Told) -> None:
    """What a store would know of a step."""
    if isinstance(step, Again):
        step = Add(told.requests[step.nth % len(told.requests)]) if told.requests else Add(())
    match step:
        case Add():
            never.add(step.fragments)
        case Withdraw():
            never.withdraw(step.record)
        case Judge():
            never.judge(step.judgements)
        case Interact():
            never.interact(step.interactions)
        case TakeBack():
            never.take_back(step.records)


# ---------------------------------------------------------------- one by one


async def names(store: Store, text: str) -> str | None:
    (view,) = await store.profiles_by([ByIdentifier(*ids(text))], ())
    return view and view.one_id


async def test_earlier_versions_count_again_and_what_others_sent_stays(open_with: OpenWith) -> None:
    clock = ticking()
    async with open_with(clock=clock) as store:
        await ingest(store, [fragment("user_id:1", "email:a@x.co", source="crm", id="r")])
        await ingest(store, [fragment("user_id:2", "device:2", source="shop", id="r")])
        first = await names(store, "user_id:1")
        since = clock()
        await ingest(store, [fragment("user_id:1", "user_id:3", source="crm", id="r", at=5)])
        await ingest(store, [fragment("email:a@x.co", "device:2", source="crm", id="s", at=5)])

        done = await perform(store, WithdrawSource("crm", since, WHY), by="ops")

        assert await names(store, "email:a@x.co") == await names(store, "user_id:1") == first
        assert await names(store, "user_id:3") is None
        assert await names(store, "device:2") == await names(store, "user_id:2") != first
        [entry] = [edge.node for edge in (await store.audit(Page(1))).edges]
        assert summary(entry.operation, entry.figures).startswith("Withdrew 2 records of source crm recorded since 2024-01-02T00:00:")
        assert entry.cause == ("withdrawal", done.token)
        found = await store.fragment(RecordKey("crm", "r"), ())
        assert found is not None
        assert found.status is FragmentStatus.ACTIVE
        again = await ingest(store, [fragment("email:a@x.co", "device:2", source="crm", id="s", at=5)])
        assert (again.accepted, [one.status for one in again.results]) == (0, [FragmentStatus.WITHDRAWN])


async def test_without_a_time_all_records_of_the_source_are_taken_back(store: Store) -> None:
    for at in (1, 2):
        await ingest(store, [fragment("user_id:1", f"email:{at}@x.co", source="crm", id="r", at=at)])
    await ingest(store, [fragment("user_id:1", source="shop", id="r")])

    done = await perform(store, WithdrawSource("crm", None, WHY))

    assert sorted(map(len, people(await store.everything()).values())) == [1]
    await perform(store, Revert("withdrawal", done.token, WHY))
    assert sorted(map(len, people(await store.everything()).values())) == [2]


async def test_more_than_a_step_takes_back_is_refused_before_anything_is_written(store: Store) -> None:
    await ingest(store, [fragment(f"user_id:{n}", source="crm") for n in range(4)])
    before = await store.everything()

    with pytest.raises(TooManyRecords, match="more than 3 versions of records"):
        await perform(store, WithdrawSource("crm", None, WHY), long=Long(most=3))
    with pytest.raises(NotFound):
        await perform(store, WithdrawSource("cms", None, WHY))

    assert await store.everything() == before
    await perform(store, WithdrawSource("crm", None, WHY), long=Long(most=4))
    with pytest.raises(NotFound):
        await perform(store, WithdrawSource("crm", START, WHY))


async def test_it_says_how_far_it_is_and_does_what_its_preview_showed(store: Store) -> None:
    await ingest(store, [fragment(f"user_id:{n}", "device:1", source="crm") for n in range(4)])
    seen = await preview(store, WithdrawSource("crm", None, WHY))
    await ingest(store, [fragment("user_id:9", "device:2", source="crm")])
    heard: list[float] = []

    with pytest.raises(Stale):
        await perform(store, WithdrawSource("crm", None, WHY), token=seen.token)
    await perform(store, WithdrawSource("crm", None, WHY), long=Long(told=heard.append))

    assert heard == sorted(heard)
    assert heard[-1] == 1.0


async def test_what_was_withdrawn_before_comes_back_with_its_own_revert(store: Store) -> None:
    await ingest(store, [fragment("user_id:1", source="crm", id="a"), fragment("user_id:2", source="crm", id="b")])
    one = await withdraw(store, RecordKey("crm", "a"), reason=WHY)
    every = await perform(store, WithdrawSource("crm", START, WHY))

    await perform(store, Revert("withdrawal", every.token, WHY))
    assert [await names(store, f"user_id:{n}") is not None for n in (1, 2)] == [False, True]
    await perform(store, Revert("withdrawal", one.token, WHY))
    assert [await names(store, f"user_id:{n}") is not None for n in (1, 2)] == [True, True]
