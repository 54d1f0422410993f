"""Rules changed in a full store: it is as if they had been there from the start, whatever came meanwhile; a revert brings all back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random

import pytest

from graph.applying import Applied, Bounds, put_in_force, try_rules
from graph.check import check, differences
from graph.curate import judge, perform
from graph.errors import NotFound, RulesChanged, RulesUndone, TooManyChanged
from graph.ids import new_one_id
from graph.ingest import ingest
from graph.model import Fragment, Identifier, Judgement, JudgementKind, RecordKey, Refusal, Rule
from graph.operations import Erase, Revert, Withdraw
from graph.resolve.rules import Rules
from graph.store.ports import Everything, Store
from graph.views import ByIdentifier, Want
from tests.build import fragment, identifier, ids, same
from tests.graph.test_operations import people
from tests.graph.test_reverts import Seen
from tests.histories import Case, Step, Told, cases, numbered, over, prove, send
from tests.stores import OpenWith, Run

FREE = '[[namespace]]\nname = "user"\n[[namespace]]\nname = "device"\n'
ONE_USER = '[[namespace]]\nname = "user"\nlimit = 1\n[[namespace]]\nname = "device"\n'
NONE = Bounds()


async def version_of(store: Store) -> int:
    rules = await store.rules()
    assert rules is not None
    return rules.version


async def change(store: Store, toml: str, bounds: Bounds = NONE) -> Applied:
    return await put_in_force(store, await try_rules(store, Rules.parse(toml), await version_of(store), bounds), bounds)


async def revert(store: Store, kind: str, cause: int) -> Applied:
    asked = Revert(kind, cause, "asked to")
    with pytest.raises(RulesUndone) as undone:
        await perform(store, asked)
    return await undo(store, asked, undone.value)


async def undo(store: Store, asked: Revert, undone: RulesUndone, new_id: Callable[[], str] = new_one_id) -> Applied:
    """Undo a change of rules, as the job that is asked for it does."""
    rules = await store.rules(undone.version)
    assert rules is not None
    tried = await try_rules(store, Rules.parse(rules.toml), undone.in_force, NONE)
    return await put_in_force(store, tried, NONE, revert=asked, new_id=new_id)


class History:
    """A store and what is played into it."""

    def __init__(self, store: Store, rules: Rules) -> None:
        self.store, self.told, self.new_id = store, Told(rules), numbered()

    async def play(self, steps: Sequence[Step]) -> None:
        for step in steps:
            await send(step, self.store, self.told, self.new_id)

    async def apply(self, rules: Rules, meanwhile: Sequence[Step]) -> Applied:
        """Change the rules, with these steps between the trial and the change."""
        tried = await try_rules(self.store, rules, await version_of(self.store), NONE)
        await self.play(meanwhile)
        return await put_in_force(self.store, tried, NONE, new_id=self.new_id)


# ---------------------------------------------------------------- as if they had been there from the start


@over(cases(others=2), share=0.5)
def test_a_store_equals_what_the_new_rules_make_of_its_evidence(open_with: OpenWith, run: Run, case: Case) -> None:
    async def claim(case: Case) -> None:
        random = Random(str(case))
        rules, *others = (Rules.parse(text) for text in (case.rules, *case.others))
        cuts = sorted(random.randint(0, len(case.steps)) for _ in range(4))
        async with open_with(rules) as store:
            history = History(store, rules)
            await history.play(case.steps[: cuts[0]])
            await history.apply(others[0], case.steps[cuts[0] : cuts[1]])
            assert [*differences(await store.everything(), others[0])] == []
            await history.play(case.steps[cuts[1] : cuts[2]])
            await history.apply(others[1], case.steps[cuts[2] : cuts[3]])
            await history.play(case.steps[cuts[3] :])
            assert store.in_force.toml == case.others[1]
            assert (await check(store)).differences == ()

    prove(run, case, claim)


@over(cases(others=1), share=0.1)
def test_a_store_equals_one_that_had_the_rules_from_the_start(open_with: OpenWith, run: Run, case: Case) -> None:
    async def claim(case: Case) -> None:
        rules, other = Rules.parse(case.rules), Rules.parse(case.others[0])
        async with open_with(rules) as store, open_with(other) as fresh:
            history = History(store, rules)
            await history.play(case.steps)
            await history.apply(other, ())
            await rebuild(store, fresh)
            assert known(await store.everything()) == known(await fresh.everything())

    prove(run, case, claim)


async def rebuild(store: Store, fresh: Store) -> None:
    """Everything that counts in a store, exported and told to a fresh one."""
    for n, row in enumerate([row async for row in store.export("sightings")]):
        sent = tuple(Identifier(*one) for one in row["identifiers"])
        await ingest(fresh, [Fragment("s", str(n), sent, row["observed"], None, row["score"])])
    async for row in store.export("judgements"):
        (a, *with_a), (b, *with_b) = (ids(*row[side]) for side in ("a", "b"))
        kind = JudgementKind(row["judgement"])
        await judge(fresh, [Judgement(kind, a, b, row["at"], row["by"], row["reason"], tuple(with_a), tuple(with_b))])
    async for row in store.export("interactions"):
        await ingest(fresh, [Fragment("i", f"{row['id']} {end}", ids(row[end]), 0) for end in ("from", "to")])


def known(everything: Everything) -> tuple[set[frozenset[Identifier]], dict[frozenset[Identifier], Refusal | None]]:
    """People, and how each link stands."""
    of = {m.id: Identifier(everything.namespaces[(m.id >> 40) - 1], m.value) for m in everything.members}
    return {*people(everything).values()}, {frozenset((of[row.a], of[row.b])): row.refused for row in everything.links}


@over(cases(others=1), share=0.2)
def test_a_revert_brings_back_people_names_and_redirects(open_with: OpenWith, run: Run, case: Case) -> None:
    async def claim(case: Case) -> None:
        rules, other = Rules.parse(case.rules), Rules.parse(case.others[0])
        async with open_with(rules) as store:
            history = History(store, rules)
            await history.play(case.steps)
            seen = [Seen.of(await store.everything())]
            done = await history.apply(other, ())
            seen.append(Seen.of(await store.everything()))
            kind = "rules"
            for depth in range(4):
                done = await revert(store, kind, done.commit)
                kind = "revert"
                seen[depth % 2].assert_holds(Seen.of(await store.everything()))
                assert (await check(store)).differences == ()

    prove(run, case, claim)


async def test_a_record_may_cease_to_contradict_itself_where_nothing_else_changes(open_with: OpenWith) -> None:
    """All its links are carried cleanly by others, so that only their counts change."""
    limits = [f'[[namespace]]\nname = "user"\nlimit = {n}\n[[namespace]]\nname = "device"\n' for n in (2, 3)]
    pairs = [("user:1", "user:2"), ("user:1", "user:3"), ("user:2", "user:3")]
    async with open_with(limits[0]) as store:
        await ingest(store, [fragment("user:1", "user:2", "user:3", at=9), *(fragment(*pair, at=n) for n, pair in enumerate(pairs))])
        await judge(store, [same("user:1", "user:2"), same("user:2", "user:3")])
        await change(store, limits[1])

        assert (await check(store)).differences == ()


# ---------------------------------------------------------------- what is asked, and what is said of it


async def test_bounds_hold_before_and_under_the_gate(open_with: OpenWith) -> None:
    async with open_with(FREE) as store:
        await ingest(store, [fragment(f"user:u{n}", f"device:d{n // 2}", at=n) for n in range(8)])
        before = await store.everything()
        with pytest.raises(TooManyChanged, match=r"split 4 profiles, at most 3 are allowed"):
            await change(store, ONE_USER, Bounds(split=3))
        tried = await try_rules(store, Rules.parse(ONE_USER), 1, Bounds(split=4))
        assert await store.everything() == before

        await ingest(store, [fragment(f"user:late {n}", "device:late", at=n) for n in range(2)])
        before = await store.everything()
        with pytest.raises(TooManyChanged, match=r"split 5 profiles, at most 4 are allowed"):
            await put_in_force(store, tried, Bounds(split=4))
        assert await store.everything() == before
        assert await version_of(store) == 1
        done = await change(store, ONE_USER, Bounds(merged=0, split=5))
        assert (done.merged, done.split, done.version) == (0, 5, 2)
        with pytest.raises(TooManyChanged, match=r"merge 5 profiles, at most 4 are allowed"):
            await change(store, FREE, Bounds(merged=4))
        assert (await change(store, FREE, Bounds(merged=5))).merged == 5


async def test_rules_are_for_the_version_that_they_were_written_for(open_with: OpenWith) -> None:
    async with open_with(FREE) as store:
        first, second = [await try_rules(store, Rules.parse(ONE_USER), 1, NONE) for _ in range(2)]
        await put_in_force(store, first, NONE)
        with pytest.raises(RulesChanged, match="rules version 2 is in force, not 1"):
            await put_in_force(store, second, NONE)
        with pytest.raises(RulesChanged):
            await try_rules(store, Rules.parse(FREE), 1, NONE)


async def test_the_feed_the_audit_and_the_past_know_of_it(open_with: OpenWith) -> None:
    async with open_with(FREE) as store:
        await ingest(store, [fragment("user:1", "device:1", at=1), fragment("user:2", "device:1", at=2)])
        (was,) = await store.profiles_by([ByIdentifier(identifier("user:1"))], [Want("identifiers")])
        before, _ = await store.head()
        done = await change(store, ONE_USER)
        everything = await store.everything()

        assert {change.cause_kind for change in everything.changes if change.cause == done.commit} == {"rules"}
        assert sorted(map(len, people(everything).values())) == [1, 2]
        (link,) = [row for row in everything.links if row.refused is not None]
        assert link.refused == Refusal(Rule.LIMIT, "user")
        (then,) = await store.profiles_by([ByIdentifier(identifier("user:1"))], [Want("identifiers")], as_of=before)
        assert then == was
        found = await store.rules()
        assert found is not None
        assert (found.version, found.toml) == (2, ONE_USER)
        earlier = await store.rules(1)
        assert earlier is not None
        assert earlier.toml == FREE


async def test_only_the_last_change_of_rules_can_be_undone(open_with: OpenWith) -> None:
    async with open_with(FREE) as store:
        first = await change(store, ONE_USER)
        second = await change(store, FREE)
        with pytest.raises(NotFound, match="undo what came after it first"):
            await perform(store, Revert("rules", first.commit, "asked to"))
        back = await revert(store, "rules", second.commit)
        assert store.in_force.toml == ONE_USER
        with pytest.raises(NotFound, match="undo what came after it first"):
            await perform(store, Revert("rules", second.commit, "asked to"))
        again = await revert(store, "revert", back.commit)
        assert (again.version, store.in_force.toml) == (5, FREE)


async def test_an_erasure_takes_along_what_earlier_rules_made_of_the_same(open_with: OpenWith) -> None:
    rules = [f'[[namespace]]\nname = "mail"\nnormalise = "{how}"\n' for how in ("none", "lowercase")]
    async with open_with(rules[0]) as store:
        await ingest(store, [fragment("mail:Ada", "user:1"), fragment("mail:ADA", "user:2"), fragment("mail:ada", "user:3")])
        [a, b, beside] = ids("user:4", "user:5", "mail:aDA")
        await judge(store, [Judgement(JudgementKind.DISTINCT, a, b, with_a=(beside,))])
        await change(store, rules[1])
        before = await store.everything()
        await perform(store, Erase(None, ids("mail:ada"), "she asked"))

        users = {"1", "2", "3", "4", "5"}
        assert frozenset(ids("mail:ada", "user:1", "user:2", "user:3")) in people(before).values()
        assert {m.value for m in before.members} == {"Ada", "ADA", "ada", "aDA", *users}
        assert {m.value for m in (await store.everything()).members} == {"", *users}
        again = await ingest(store, [fragment("mail:ADA", "user:1", at=5)])
        assert again.results[0].erased == (Identifier("mail", "ADA"),)
        await change(store, rules[0])
        assert (await check(store)).differences == ()
        assert {m.value for m in (await store.everything()).members} == {"", *users}


@pytest.mark.parametrize("mentioned", [True, False])
async def test_a_one_id_that_sleeps_follows_its_identifier_to_the_form_it_has(open_with: OpenWith, mentioned: bool) -> None:
    rules = [f'[[namespace]]\nname = "mail"\nnormalise = "{how}"\n' for how in ("none", "lowercase")]
    async with open_with(rules[0]) as store:
        first = await ingest(store, [fragment("mail:Ada", id="1")])
        await perform(store, Withdraw(RecordKey("web", "1"), "asked to"))
        await ingest(store, [fragment("mail:Ada", id="2", at=1)])
        woke = (await store.everything()).changes[-1]
        await perform(store, Revert(woke.cause_kind, woke.cause, "asked to"))
        if not mentioned:
            await perform(store, Withdraw(RecordKey("web", "2"), "asked to"))
        assert [row.asleep is not None for row in (await store.everything()).one_ids].count(True) == 1

        await change(store, rules[1])
        assert (await check(store)).differences == ()
        again = await ingest(store, [fragment("mail:ADA", id="3", at=2)])

        assert again.results[0].one_id == first.results[0].one_id
        assert (await check(store)).differences == ()


# ---------------------------------------------------------------- meanwhile


async def test_writers_and_readers_go_on_while_rules_are_tried(open_with: OpenWith) -> None:
    async with open_with(FREE) as store:
        await ingest(store, [fragment(f"user:u{n}", f"device:d{n // 2}", at=n) for n in range(200)])
        stop = asyncio.Event()
        written, torn = 0, 0

        async def write() -> None:
            nonlocal written
            while not stop.is_set():
                written += 1
                await ingest(store, [fragment(f"user:new {written}", f"device:d{written % 100}", at=written)])

        async def read() -> None:
            """Two people of one device are together under the old rules and apart under the new: never half of it."""
            nonlocal torn
            look = [ByIdentifier(identifier(f"user:u{n}")) for n in range(100)]
            while not stop.is_set():
                found = await store.profiles_by(look, [])
                apart = {one.n != other.n for one, other in zip(found[::2], found[1::2], strict=True) if one and other}
                torn += len(apart) > 1

        tasks = [asyncio.create_task(write()), asyncio.create_task(read())]
        tried = await try_rules(store, Rules.parse(ONE_USER), 1, NONE)
        await put_in_force(store, tried, NONE)
        stop.set()
        await asyncio.gather(*tasks)

        assert written
        assert torn == 0
        assert (await check(store)).differences == ()


async def test_whoever_is_stopped_before_the_end_has_changed_nothing(open_with: OpenWith) -> None:
    async with open_with(FREE) as store:
        await ingest(store, [fragment(f"user:u{n}", f"device:d{n // 2}", at=n) for n in range(20)])
        before = await store.everything()
        tried = await try_rules(store, Rules.parse(ONE_USER), 1, NONE)

        async def fails(writing: object, applied: Applied) -> None:
            raise RuntimeError("the last thing written failed")

        with pytest.raises(RuntimeError):
            await put_in_force(store, tried, NONE, finish=fails)

        assert await store.everything() == before
        assert store.in_force.toml == FREE
        await ingest(store, [fragment("user:a", "device:a"), fragment("user:b", "device:a")])
        assert (await check(store)).differences == ()
