"""The rules in force may change while stores are open, in this process or another (graph.store.ports: Writing.rules, Store.in_force)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from graph import interactions
from graph.curate import judge, perform
from graph.errors import BadInput, NotFound
from graph.explain import explain
from graph.ingest import ingest
from graph.model import Interaction, Judgement, JudgementKind, Key
from graph.operations import Erase, Judge, Merge, Split
from graph.profiles import search
from graph.rehearse import rehearse
from graph.resolve.rules import Rules
from graph.store.ports import Store
from graph.views import ByIdentifier, Page, Standing
from tests.build import fragment, ids, minute
from tests.stores import OpenWith

OLD = '[[namespace]]\nname = "user"\n[[namespace]]\nname = "phone"\nnormalise = "e164"\nregion = "CN"\n[[namespace]]\nname = "device"\n'
ONE_USER = Rules.parse(OLD.replace('"user"\n', '"user"\nlimit = 1\n'))
BLOCKED = Rules.parse(OLD.replace('"device"\n', '"device"\nblocked = ["kiosk"]\n'))
AMERICAN = Rules.parse(OLD.replace('"CN"', '"US"'))


class Boom(Exception):
    """Something goes wrong in the middle of a step."""


async def put(store: Store, rules: Rules) -> int:
    """These rules in force, as a step of their own."""
    async with store.writing("rules") as writing:
        return await writing.write_rules(rules)


async def seen(store: Store) -> tuple[int, str]:
    """The rules that the next step finds."""
    async with store.writing("rules") as writing:
        return writing.rules_version, writing.rules.toml


@pytest.fixture
async def old(open_with: OpenWith) -> AsyncIterator[Store]:
    async with open_with(OLD) as store:
        yield store


@asynccontextmanager
async def two(open_with: OpenWith, place: str) -> AsyncIterator[tuple[Store, Store]]:
    """One store, opened twice, as by two processes."""
    async with open_with(OLD, place=place) as here, open_with(OLD, place=place) as elsewhere:
        yield here, elsewhere


# ---------------------------------------------------------------- steps


async def test_a_step_decides_by_what_another_process_put_in_force(open_with: OpenWith, place: str) -> None:
    async with two(open_with, place) as (here, elsewhere):
        await ingest(here, [fragment("user:1", "device:1")])
        assert await put(elsewhere, ONE_USER) == 2
        assert elsewhere.in_force is ONE_USER

        done = await ingest(here, [fragment("user:2", "device:1")])

        assert len(set(done.results[0].one_ids)) == 2
        assert here.in_force.toml == ONE_USER.toml


async def test_rules_are_one_object_for_each_version(open_with: OpenWith, place: str) -> None:
    async with two(open_with, place) as (here, elsewhere):
        await put(elsewhere, ONE_USER)
        async with here.writing("rules") as writing:
            found = writing.rules
        async with here.writing("rules") as writing:
            assert writing.rules is found
            assert writing.rules is not ONE_USER
        assert here.in_force is found


async def held(store: Store, rules: Rules, flow: Callable[[], Awaitable[Any]]) -> Any:
    """What a flow answers that has prepared by the rules of before, and gets the gate from a step that wrote others."""
    async with store.writing("rules") as writing:
        waiting = asyncio.ensure_future(flow())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await writing.write_rules(rules)
    return await waiting


KIOSK = ids("device:kiosk")[0]
USER = ids("user:1")[0]


async def test_a_fragment_prepared_before_is_blocked_by_the_new_rules(old: Store) -> None:
    done = await held(old, BLOCKED, lambda: ingest(old, [fragment("user:1", "device:kiosk")]))

    assert done.results[0].blocked == (KIOSK,)
    async with old.writing("look") as writing:
        assert await writing.identifiers([KIOSK]) == {}


async def test_an_interaction_prepared_before_is_blocked_by_the_new_rules(old: Store) -> None:
    like = Interaction("app", "1", "like", USER, KIOSK, at=minute(1))
    done = await held(old, BLOCKED, lambda: interactions.record(old, [like]))

    assert [(one.code, one.path) for one in done.rejected] == [("BLOCKED", ("to",))]
    assert done.accepted == 0


async def test_a_judgement_asked_for_before_is_void_by_the_new_rules(old: Store) -> None:
    said = Judgement(JudgementKind.SAME, USER, KIOSK, minute(1), "li", "told")
    await held(old, BLOCKED, lambda: judge(old, [said]))

    everything = await old.everything()
    assert [None in (row.a, row.b) for row in everything.judgements] == [True]


async def test_an_operation_normalises_by_the_new_rules(old: Store) -> None:
    """A look-up too: the number is American now, and so nobody's."""
    await ingest(old, [fragment("user:1", "phone:139 1234 5678"), fragment("user:2", "device:2")])
    number = ByIdentifier(ids("phone:139 1234 5678")[0])
    merge = Merge((number, ByIdentifier(ids("user:2")[0])), "told")

    with pytest.raises(NotFound) as refused:
        await held(old, AMERICAN, lambda: perform(old, merge))

    assert refused.value.path == ("profiles", "0")


@pytest.mark.parametrize(
    ("operation", "error", "path"),
    [
        (Judge(JudgementKind.SAME, USER, KIOSK, "told"), BadInput, ("b",)),
        (Split(ByIdentifier(USER), (KIOSK,), "told"), NotFound, ("detach", "0")),
        (Erase(None, (KIOSK,), "told"), BadInput, ("identifiers", "0")),
    ],
)
async def test_an_operation_is_refused_by_the_new_rules(old: Store, operation: Any, error: type[BadInput], path: tuple[str, ...]) -> None:
    await ingest(old, [fragment("user:1", "device:kiosk")])

    with pytest.raises(error) as refused:
        await held(old, BLOCKED, lambda: perform(old, operation))

    assert refused.value.path == path


async def test_the_gate_of_another_process_is_waited_for_and_then_heard(open_with: OpenWith, place: str) -> None:
    """What was prepared by the rules of before waits for the gate of who changes them."""
    async with two(open_with, place) as (here, elsewhere):
        async with elsewhere.writing("rules") as writing:
            waiting = asyncio.ensure_future(ingest(here, [fragment("user:1", "device:kiosk")]))
            await asyncio.sleep(0.1)
            await writing.write_rules(BLOCKED)

        assert (await waiting).results[0].blocked == (KIOSK,)


# ---------------------------------------------------------------- what is dropped, and groups


async def test_a_step_sees_what_it_wrote_and_numbers_go_on(old: Store) -> None:
    async with old.writing("rules") as writing:
        assert (writing.rules_version, writing.rules.toml) == (1, OLD)
        assert await writing.write_rules(ONE_USER) == 2
        assert writing.rules is ONE_USER
        assert await writing.write_rules(BLOCKED) == 3
        assert (writing.rules_version, writing.rules) == (3, BLOCKED)
        assert old.in_force.toml == OLD

    assert old.in_force is BLOCKED
    view = await old.rules()
    assert view is not None
    assert (view.version, view.toml) == (3, BLOCKED.toml)


async def test_who_put_rules_in_force_is_told(old: Store) -> None:
    async with old.writing("rules", by="li") as writing:
        await writing.write_rules(ONE_USER)

    view = await old.rules(2)
    assert view is not None
    assert view.by == "li"


async def test_a_step_that_fails_leaves_the_rules_as_they_were(old: Store) -> None:
    before = old.in_force

    async def fails() -> None:
        async with old.writing("rules") as writing:
            await writing.write_rules(ONE_USER)
            raise Boom

    with pytest.raises(Boom):
        await fails()

    assert old.in_force is before
    assert await seen(old) == (1, OLD)
    assert await put(old, BLOCKED) == 2
    assert await seen(old) == (2, BLOCKED.toml)
    assert old.in_force is BLOCKED


async def test_steps_of_one_group_see_the_rules_of_those_before(old: Store) -> None:
    """One of them fails after it wrote yet others: those of before hold for the rest."""
    found: list[tuple[str, int]] = []

    async def step(name: str, rules: Rules | None, *, fails: bool = False) -> None:
        async with old.writing("fragment") as writing:
            found.append((name, writing.rules_version))
            await writing.answer(Key("test", name), b"", {})
            if rules is not None:
                await writing.write_rules(rules)
                found.append((f"{name}, then", writing.rules_version))
            if fails:
                raise Boom

    async with old.writing("fragment") as first:
        rest = asyncio.gather(
            step("before", None),
            step("switches", ONE_USER),
            step("after", None),
            step("fails", BLOCKED, fails=True),
            step("last", None),
            return_exceptions=True,
        )
        await asyncio.sleep(0.05)
        await first.answer(Key("test", "first"), b"", {})
    raised = await rest

    assert [type(one) for one in raised] == [type(None), type(None), type(None), Boom, type(None)]
    assert found == [("before", 1), ("switches", 1), ("switches, then", 2), ("after", 2), ("fails", 2), ("fails, then", 3), ("last", 2)]
    assert old.in_force is ONE_USER
    assert await seen(old) == (2, ONE_USER.toml)


async def test_ingests_of_one_group_are_decided_by_the_rules_of_their_place(old: Store) -> None:
    """The one before the switch joins what the one after it may not."""
    await ingest(old, [fragment("user:1", "device:1")])

    async def switch() -> None:
        await put(old, ONE_USER)

    async with old.writing("fragment"):
        rest = asyncio.gather(
            ingest(old, [fragment("user:2", "device:1")]),
            switch(),
            ingest(old, [fragment("user:3", "device:3"), fragment("user:4", "device:3")]),
        )
        await asyncio.sleep(0.05)
    before, _, after = await rest

    assert len(set(before.results[0].one_ids)) == 1
    assert len({one for result in after.results for one in result.one_ids}) == 2


# ---------------------------------------------------------------- reads


async def test_a_read_hears_of_the_rules_that_another_process_put_in_force(open_with: OpenWith, place: str) -> None:
    async with two(open_with, place) as (here, elsewhere):
        before = here.in_force
        await put(elsewhere, ONE_USER)
        assert here.in_force is before

        await here.stats()

        assert here.in_force.toml == ONE_USER.toml


async def test_who_was_blocked_here_is_found_once_the_rules_of_elsewhere_let_them(open_with: OpenWith, place: str) -> None:
    """What a process knows of the rules does not keep it from asking the store."""
    async with two(open_with, place) as (here, elsewhere):
        await put(here, BLOCKED)
        assert (await explain(here, USER, KIOSK)).standing is Standing.BLOCKED
        await put(elsewhere, Rules.parse(OLD))
        await ingest(elsewhere, [fragment("user:1", "device:kiosk")])

        assert (await explain(here, USER, KIOSK)).standing is Standing.TOGETHER


async def test_what_people_write_is_normalised_by_the_rules_of_what_is_read(open_with: OpenWith, place: str) -> None:
    async with two(open_with, place) as (here, elsewhere):
        await put(elsewhere, AMERICAN)
        await ingest(elsewhere, [fragment("user:1", "phone:(201) 555-0123")])

        found = await search(here, "(201) 555-0123", Page(5), (), whole=True)

        assert len(found.edges) == 1


async def test_an_export_tells_the_rules_of_its_commit(open_with: OpenWith, place: str) -> None:
    async with two(open_with, place) as (here, elsewhere):
        said = Judgement(JudgementKind.DISTINCT, *ids("phone:139 1234 5678", "user:1"), minute(1), "li", "told", ids("device:1"))
        await judge(here, [said])
        pages = here.export_pages(["rules", "judgements"])
        rules, judgements = (await anext(pages))[1], []
        await put(elsewhere, AMERICAN)
        await here.stats()
        async for _, rows in pages:
            judgements += rows

        assert rules == [{"version": 1, "toml": OLD}]
        assert [(row["a"], row["b"]) for row in judgements] == [(["phone:139 1234 5678", "device:1"], ["user:1"])]
        assert [row async for row in here.export("rules")] == [{"version": 2, "toml": AMERICAN.toml}]


async def test_rules_are_tried_against_those_of_what_was_read(old: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others that come into force while evidence is read are none of its."""
    await ingest(old, [fragment("user:1", "device:1"), fragment("user:2", "device:1")])
    expected = await rehearse(old, ONE_USER)
    pages = old.export_pages

    async def with_a_switch(kinds: Sequence[Any]) -> AsyncIterator[Any]:
        async for page in pages(kinds):
            if page[0] == "sightings":
                await put(old, ONE_USER)
            yield page

    monkeypatch.setattr(old, "export_pages", with_a_switch)

    assert expected.splits == 1
    assert await rehearse(old, ONE_USER) == expected


async def test_everything_has_the_rules_of_its_commit(open_with: OpenWith, place: str) -> None:
    async with two(open_with, place) as (here, elsewhere):
        assert (await here.everything()).rules == OLD
        await put(elsewhere, ONE_USER)

        assert (await here.everything()).rules == ONE_USER.toml


async def test_the_past_is_read_by_the_rules_of_then(open_with: OpenWith) -> None:
    clock = iter(range(minute(0), minute(10_000), 1_000_000))
    async with open_with(OLD, clock=lambda: next(clock)) as store:
        done = await ingest(store, [fragment("user:1", "device:kiosk")])
        async with store.writing("look") as writing:
            between = writing.at
        await put(store, BLOCKED)
        assert (await explain(store, USER, KIOSK)).standing is Standing.BLOCKED

        then = await store.moment(between)

        assert then is not None
        assert (then.commit, then.rules.toml) == (done.token, OLD)
        assert (await explain(store, USER, KIOSK, then=then)).standing is Standing.TOGETHER
