"""Who begins with an export goes on in the feed where its cursor says, and holds what one holds who read all of the feed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graph.curate import perform
from graph.errors import BadInput
from graph.ingest import ingest
from graph.operations import Erase, WithdrawSource
from graph.resolve.rules import Rules
from graph.store.ports import Everything, Store
from graph.views import ByIdentifier, ChangeView, Page
from tests.build import fragment, ids
from tests.graph.test_feed import GAINED, LOST, ends
from tests.graph.test_operations import some_operation
from tests.histories import Case, Step, Told, cases, names_of, numbered, over, prove, send
from tests.stores import OpenWith, Run

WHY = "asked to"


@dataclass
class Copy:
    """Who belongs to which OneID, and where OneIDs lead, by the numbers of identifiers, which stay when a value is erased."""

    cursor: tuple[int, ...] | None = None
    members: dict[str, set[int]] = field(default_factory=dict)
    leads: dict[str, str | None] = field(default_factory=dict)

    def take(self, identifiers: list[dict[str, Any]], one_ids: list[dict[str, Any]]) -> None:
        """Begin with exports."""
        for row in identifiers:
            self.members.setdefault(row["one_id"], set()).add(row["id"])
        self.leads = {row["one_id"]: row["leads_to"] for row in one_ids}

    async def follow(self, store: Store) -> None:
        """Read on to the end of the feed. An entry that is known already, or of before an export, does no harm."""
        more = True
        while more:
            page = await store.changes(Page(7, self.cursor), (GAINED, LOST))
            for edge in page.edges:
                self.hear(edge.node)
            self.cursor, more = page.end or self.cursor, page.has_next

    def hear(self, change: ChangeView) -> None:
        gained, lost = ({edge.node.id for edge in change.parts[want.key].edges} for want in (GAINED, LOST))
        self.members[change.one_id] = (self.members.get(change.one_id, set()) - lost) | gained
        self.leads[change.one_id] = change.leads_to

    async def assert_holds(self, store: Store) -> None:
        """All that there is, and nothing else."""
        everything = await store.everything()
        assert {one_id: held for one_id, held in self.members.items() if held} == current(everything)
        assert self.leads.keys() == {row.one_id for row in everything.one_ids}
        names = sorted(self.leads)
        for first in range(0, len(names), 100):
            some = names[first : first + 100]
            assert {name: self.end(name) for name in some} == await ends(store, some)

    def end(self, one_id: str) -> str | None:
        at: str | None = one_id
        while at is not None and self.leads[at] != at:
            at = self.leads[at]
        return at


def current(everything: Everything) -> dict[str, set[int]]:
    text = {row.n: row.one_id for row in everything.one_ids}
    members: dict[str, set[int]] = {}
    for member in everything.members:
        if member.profile:
            members.setdefault(text[member.profile], set()).add(member.id)
    return members


@dataclass
class Writer:
    """Anything that may happen to a store, one thing after another."""

    store: Store
    random: Random
    told: Told
    steps: list[Step]

    def __post_init__(self) -> None:
        self.new_id = numbered()

    async def go_on(self) -> None:
        chance, asked = self.random.random(), None
        if self.steps and chance < 0.7:
            await send(self.steps.pop(0), self.store, self.told, self.new_id)
            return
        everything = await self.store.everything()
        known = sorted(one for one in names_of(everything).values() if one.value)
        if chance < 0.8 and known:
            asked = Erase(None, tuple(self.random.sample(known, min(len(known), self.random.choice([1, 1, 2])))), WHY)
        elif chance < 0.85:
            asked = WithdrawSource(self.random.choice(["web", "crm", "new"]), 0, WHY)
        else:
            asked = some_operation(self.random, everything)
        if asked is not None:
            try:
                await perform(self.store, asked, new_id=self.new_id)
            except BadInput:  # that is not there, or was erased
                return


async def exported(store: Store, kind: Any, writer: Writer) -> tuple[int, list[dict[str, Any]]]:
    """All rows of a kind, while somebody writes, and the position of the feed that they are as of."""
    position: list[int] = []
    rows: list[dict[str, Any]] = []
    export: AsyncIterator[dict[str, Any]] = store.export(kind, position=position.append)
    async for row in export:
        rows.append(row)
        if writer.random.random() < 0.2:
            await writer.go_on()
    [last] = position
    return last, rows


@over(cases(most=12), share=0.3)
def test_a_copy_from_an_export_and_its_cursor_holds_all_there_is(open_with: OpenWith, run: Run, case: Case) -> None:
    """So does one that read everything from the start. Erasures and whole sources taken back are among what happens."""

    async def holds(case: Case) -> None:
        rules, random = Rules.parse(case.rules), Random(str(case))
        async with open_with(rules) as store:
            writer = Writer(store, random, Told(rules), list(case.steps))
            for _ in range(random.randrange(len(case.steps) + 1)):
                await writer.go_on()
            early, begun = Copy(), Copy()
            await early.follow(store)
            position, identifiers = await exported(store, "identifiers", writer)
            later, one_ids = await exported(store, "one_ids", writer)
            assert later >= position
            begun.take(identifiers, one_ids)
            begun.cursor = (position,)
            while writer.steps:
                await writer.go_on()
                if random.random() < 0.3:
                    await begun.follow(store)
                    await begun.assert_holds(store)
            for copy in (early, begun, Copy()):
                await copy.follow(store)
                await copy.assert_holds(store)

    prove(run, case, holds)


async def test_every_kind_of_export_tells_where_the_feed_was(store: Store) -> None:
    await ingest(store, [fragment("user_id:1", "device:1"), fragment("user_id:2")])
    _, last = await store.head()
    for kind in ("identifiers", "profiles", "fragments", "judgements", "interactions", "one_ids", "sightings", "rules"):
        position: list[int] = []
        assert len([row async for row in store.export(kind, position=position.append)]) >= 0
        assert position == [last]


async def test_a_cursor_is_good_for_a_store_that_was_opened_again(open_with: OpenWith, place: str) -> None:
    rules = Rules.builtin()
    async with open_with(rules, place=place) as store:
        await ingest(store, [fragment("user_id:1", "device:1"), fragment("email:a@b.co", id="2")])
        copy, position = Copy(), list[int]()
        identifiers = [row async for row in store.export("identifiers", position=position.append)]
        copy.take(identifiers, [row async for row in store.export("one_ids")])
        copy.cursor = (position[0],)
        await ingest(store, [fragment("user_id:1", "email:a@b.co", id="3")])
    async with open_with(rules, place=place) as store:
        await perform(store, Erase(ByIdentifier(*ids("device:1")), (), WHY))
        await ingest(store, [fragment("user_id:3", id="4")])
        await copy.follow(store)

        await copy.assert_holds(store)
        assert len(current(await store.everything())) == 1
