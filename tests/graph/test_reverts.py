"""Reverts: whatever was done is undone whole, nested as deep as one likes: the people, their names, and where every earlier OneID leads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random

import pytest

from graph.check import check
from graph.curate import judge, perform, preview, withdraw
from graph.errors import BadInput, NotFound
from graph.ingest import Ingested, ingest
from graph.interactions import record
from graph.model import FragmentStatus, Identifier, Interaction, RecordKey
from graph.operations import Merge, Revert, Split
from graph.resolve.rules import Rules
from graph.store.ports import Everything, Store
from graph.views import ByIdentifier, ByOneId, Want
from tests.build import distinct, fragment, identifier, ids, minute, same
from tests.graph.test_operations import people, some_operation, times_of
from tests.histories import Add, Case, Told, cases, numbered, over, prove, send
from tests.stores import OpenWith, Run

WHY = "asked to"


@dataclass(frozen=True)
class Seen:
    """A store as somebody knows it by OneIDs: who is who, and where each OneID leads (None: nowhere for now)."""

    people: dict[str, frozenset[Identifier]]
    leads: dict[str, str | None]

    @classmethod
    def of(cls, everything: Everything) -> Seen:
        rows = {row.n: row for row in everything.one_ids}
        leads: dict[str, str | None] = {}
        for row in everything.one_ids:
            at = row
            while not at.size and at.leads is not None:
                at = rows[at.leads]
            leads[row.one_id] = at.one_id if at.size else None
        return cls({rows[n].one_id: members for n, members in people(everything).items()}, leads)

    def assert_holds(self, later: Seen) -> None:
        """What was known then is known so again: by the identifiers and OneIDs of then."""
        known = frozenset[Identifier]().union(*self.people.values())
        again = {one_id: members & known for one_id, members in later.people.items()}
        assert {one_id: members for one_id, members in again.items() if members} == self.people
        assert {one_id: later.leads[one_id] for one_id in self.leads} == self.leads


class Player:
    """Does random things to a store and undoes them."""

    def __init__(self, store: Store, case: Case, told: Told, new_id: Callable[[], str]) -> None:
        self.store, self.told, self.new_id = store, told, new_id
        self.random = Random(str(case))
        self.identifiers = [one for step in case.steps if isinstance(step, Add) for f in step.fragments for one in f.identifiers]

    async def done(self) -> list[tuple[str, int]] | None:
        """Do something; the causes of what it changed, None where it went to no feed and cannot be named."""
        before = await self.store.everything()
        landed = 0
        if self.identifiers and self.random.random() < 0.45:
            carried = tuple(self.random.choice(self.identifiers).text for _ in range(self.random.choice([1, 2, 3])))
            record_id = self.random.choice(["a", "b", "c", f"new {self.random.random()}"])
            answer = await ingest(self.store, [fragment(*carried, id=record_id, at=self.random.randrange(12))], new_id=self.new_id)
            landed = answer.accepted
        elif (operation := some_operation(self.random, before, await times_of(self.store))) is not None:
            with suppress(NotFound):  # of a source nothing came since then
                await perform(self.store, operation, new_id=self.new_id)
        after = await self.store.everything()
        causes = list(dict.fromkeys((c.cause_kind, c.cause) for c in after.changes[len(before.changes) :]))
        return None if len(causes) > 1 or (not causes and (landed or after._replace(commit=0) != before._replace(commit=0))) else causes

    async def revert(self, kind: str, cause: int) -> int:
        """Undo a cause; the commit of the revert."""
        done = await perform(self.store, Revert(kind, cause, WHY), new_id=self.new_id)
        assert (await check(self.store)).differences == ()
        return done.token

    async def nested(self, depth: int) -> bool:
        """Do something, more things within it, undo it: then all is as before. False: something within could not be undone."""
        before = Seen.of(await self.store.everything())
        causes = await self.done()
        whole = causes is not None and (depth == 1 or await self.nested(depth - 1))
        for kind, cause in causes or ():
            commit = await self.revert(kind, cause)
            if self.random.random() < 0.3:
                commit = await self.revert("revert", await self.revert("revert", commit))
        if whole:
            before.assert_holds(Seen.of(await self.store.everything()))
        return whole


@over(cases(most=6), share=0.2)
def test_what_is_done_and_undone_leaves_people_names_and_redirects_as_they_were(open_with: OpenWith, run: Run, case: Case) -> None:
    async def holds(case: Case) -> None:
        rules, new_id = Rules.parse(case.rules), numbered()
        told = Told(rules)
        async with open_with(rules) as store:
            for step in case.steps:
                await send(step, store, told, new_id)
            player = Player(store, case, told, new_id)
            for _ in range(3):
                await player.nested(player.random.choice([1, 1, 2, 3]))

    prove(run, case, holds)


# ---------------------------------------------------------------- one by one

RULES = """
[[namespace]]
name = "user"
limit = 1
[[namespace]]
name = "phone"
[[namespace]]
name = "device"
"""


@pytest.fixture
async def ruled(open_with: OpenWith) -> AsyncIterator[Store]:
    async with open_with(RULES) as store:
        yield store


def at(*texts: str) -> tuple[ByIdentifier, ...]:
    return tuple(ByIdentifier(i) for i in ids(*texts))


async def names(store: Store, *texts: str) -> list[str | None]:
    return [view and view.one_id for view in await store.profiles_by(at(*texts), ())]


async def last_cause(store: Store) -> Revert:
    last = (await store.everything()).changes[-1]
    return Revert(last.cause_kind, last.cause, WHY)


async def test_a_merge_taken_back_leaves_two_people_each_with_their_one_id(ruled: Store) -> None:
    await ingest(ruled, [fragment("user:1", "phone:1"), fragment("user:2", "device:1")])
    before = await names(ruled, "user:1", "user:2", "device:1")
    await perform(ruled, Merge(at("user:1", "user:2"), WHY))

    await perform(ruled, await last_cause(ruled))

    assert await names(ruled, "user:1", "user:2", "device:1") == before


async def test_a_split_taken_back_leaves_one_person_and_the_new_one_id_leads_there(ruled: Store) -> None:
    await ingest(ruled, [fragment("user:1", "device:1", "device:2")])
    [before] = await names(ruled, "user:1")
    await perform(ruled, Split(at("user:1")[0], ids("device:1"), WHY))
    [split] = await names(ruled, "device:1")
    assert split not in (None, before)

    await perform(ruled, await last_cause(ruled))

    assert await names(ruled, "user:1", "device:1") == [before, before]
    [led] = await ruled.profiles_by([ByOneId(split or "")], ())
    assert led is not None
    assert led.one_id == before


async def test_a_device_that_logged_in_is_told_apart_again_and_its_one_id_follows_it(ruled: Store) -> None:
    await ingest(ruled, [fragment("device:1", id="visit"), fragment("user:1", id="sign-up")])
    before = await names(ruled, "device:1", "user:1")
    await ingest(ruled, [fragment("user:1", "device:1", id="login", at=5, traits={"city": "Turin"})])
    assert len(set(await names(ruled, "device:1", "user:1"))) == 1

    await perform(ruled, await last_cause(ruled))

    assert await names(ruled, "device:1", "user:1") == before
    login = await ruled.fragment(RecordKey("web", "login"), ())
    assert login is not None
    assert login.status is FragmentStatus.UNLINKED
    [person] = await ruled.profiles_by(at("user:1"), (Want("traits", (("keys", None),)),))
    assert person is not None
    [trait] = person.parts["traits", (("keys", None),)]
    assert trait.value == "Turin"


async def test_the_mark_of_a_reverted_record_survives_replay_and_newer_content_links(ruled: Store) -> None:
    await ingest(ruled, [fragment("user:1"), fragment("device:1")])
    login = fragment("user:1", "device:1", id="login", at=5)
    await ingest(ruled, [login])
    await perform(ruled, await last_cause(ruled))

    replayed = await ingest(ruled, [login])

    assert isinstance(replayed, Ingested)
    assert (replayed.unchanged, replayed.results[0].status) == (1, FragmentStatus.UNLINKED)
    assert len(set(await names(ruled, "device:1", "user:1"))) == 2
    await ingest(ruled, [fragment("user:1", "device:1", id="login", at=6)])
    assert len(set(await names(ruled, "device:1", "user:1"))) == 1


async def test_a_record_that_replaced_another_gives_way_to_it(ruled: Store) -> None:
    await ingest(ruled, [fragment("user:1", "phone:1", id="crm")])
    before = await names(ruled, "user:1", "phone:1")
    await ingest(ruled, [fragment("user:1", "phone:2", id="crm", at=1)])
    assert await names(ruled, "phone:1") == [None]

    await perform(ruled, await last_cause(ruled))

    assert await names(ruled, "user:1", "phone:1") == before


async def test_a_withdrawal_taken_back_counts_again_beside_what_came_meanwhile(ruled: Store) -> None:
    await ingest(ruled, [fragment("user:1", "phone:1", id="crm", at=5)])
    await withdraw(ruled, RecordKey("web", "crm"), reason=WHY)
    cause = await last_cause(ruled)
    await ingest(ruled, [fragment("user:1", "phone:2", id="crm", at=1)])
    assert await names(ruled, "phone:1") == [None]

    await perform(ruled, cause)

    assert len(set(await names(ruled, "user:1", "phone:1"))) == 1
    assert await names(ruled, "phone:2") == [None]
    assert (await check(ruled)).differences == ()


async def test_a_judgement_taken_back_is_not_recorded_anew_when_it_is_sent_again(ruled: Store) -> None:
    await ingest(ruled, [fragment("user:1"), fragment("phone:1")])
    word = same("user:1", "phone:1", at=1)
    await judge(ruled, [word])
    await perform(ruled, await last_cause(ruled))

    assert (await judge(ruled, [word])).unchanged == 1
    assert len(set(await names(ruled, "user:1", "phone:1"))) == 2
    await perform(ruled, await last_cause(ruled))
    assert len(set(await names(ruled, "user:1", "phone:1"))) == 1


async def test_judgements_that_acted_together_are_one_cause(ruled: Store) -> None:
    await ingest(ruled, [fragment("user:1"), fragment("phone:1"), fragment("device:1"), fragment("phone:9")])
    before = await names(ruled, "user:1", "phone:1", "device:1", "phone:9")
    await judge(ruled, [same("user:1", "phone:1", at=1), same("phone:1", "device:1", at=2), distinct("user:1", "phone:9", at=3)])

    await perform(ruled, await last_cause(ruled))

    assert await names(ruled, "user:1", "phone:1", "device:1", "phone:9") == before


async def test_a_preview_of_a_revert_shows_it_and_writes_nothing(ruled: Store) -> None:
    await ingest(ruled, [fragment("user:1", "phone:1"), fragment("user:2", "device:1")])
    await perform(ruled, Merge(at("user:1", "user:2"), WHY))
    operation, before = await last_cause(ruled), await ruled.everything()

    seen = await preview(ruled, operation)

    assert await ruled.everything() == before
    assert sorted(len(left.identifiers) for left in seen.outcome.profiles) == [2, 2]
    await perform(ruled, operation, token=seen.token)


async def test_what_cannot_be_reverted_says_so(ruled: Store) -> None:
    await ingest(ruled, [fragment("user:1"), fragment("phone:1")])
    await judge(ruled, [same("user:1", "phone:1", at=1)])
    taken_back = await last_cause(ruled)
    await perform(ruled, taken_back)
    ends = (identifier("user:1"), identifier("user:7"))
    await record(ruled, [Interaction("app", "1", "like", *ends, minute(1))])
    for operation, error in [
        (taken_back, NotFound),
        (await last_cause(ruled), BadInput),
        (Revert("fragment", 99, WHY), NotFound),
        (Revert("judgement", 99, WHY), NotFound),
        (Revert("withdrawal", 99, WHY), NotFound),
        (Revert("revert", 1, WHY), NotFound),
        (Revert("change", 999, WHY), NotFound),
    ]:
        with pytest.raises(BadInput) as refused:
            await perform(ruled, operation)
        assert (type(refused.value), refused.value.path) == (error, ("cause",))


async def test_a_closure_goes_back_although_nobody_comes_together_or_apart(ruled: Store) -> None:
    """The device's OneID was closed into the first person's; a revert closed it into the second's, and both are one since."""
    await ingest(ruled, [fragment("phone:1"), fragment("device:1"), fragment("phone:2")])
    first, device, _ = (view.n if view else 0 for view in await ruled.profiles_by(at("phone:1", "device:1", "phone:2"), ()))
    await judge(ruled, [same("phone:1", "device:1")])
    login = (await perform(ruled, await last_cause(ruled))).token
    await perform(ruled, Merge(at("phone:1", "phone:2", "device:1"), WHY))
    await ingest(ruled, [fragment("phone:2", "device:1", at=5)])
    apart = (await perform(ruled, await last_cause(ruled))).token
    await perform(ruled, Revert("revert", login, WHY))
    assert len(set(await names(ruled, "phone:1", "phone:2", "device:1"))) == 1

    await perform(ruled, Revert("revert", apart, WHY))

    [row] = [row for row in (await ruled.everything()).one_ids if row.n == device]
    assert row.closed == first
