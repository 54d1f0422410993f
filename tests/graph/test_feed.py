"""The feed: whoever replays it holds exactly the map from OneIDs to identifiers, and where each OneID leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from graph.curate import judge, withdraw
from graph.ingest import ingest
from graph.model import ChangeKind, Identifier, RecordKey
from graph.resolve.rules import Rules
from graph.store.ports import Everything, Store
from graph.views import ByOneId, ChangeView, Page, Want
from tests.build import distinct, fragment, ids, same
from tests.histories import Case, Told, cases, names_of, numbered, over, play, prove
from tests.stores import OpenWith, Run

GAINED = Want("gained", (("after", None), ("first", 100)))
LOST = Want("lost", (("after", None), ("first", 100)))


@dataclass
class Consumer:
    """Follows a feed page by page and keeps a map; `cursor` is all it remembers of where it is."""

    page: int
    cursor: tuple[int, ...] | None = None
    members: dict[str, set[Identifier]] = field(default_factory=dict)
    leads: dict[str, str | None] = field(default_factory=dict)
    heard: list[tuple[object, ...]] = field(default_factory=list)

    async def follow(self, store: Store) -> None:
        """Read on to the end of the feed."""
        more = True
        while more:
            page = await store.changes(Page(self.page, self.cursor), (GAINED, LOST))
            for edge in page.edges:
                self.hear(edge.node)
            self.cursor, more = page.end or self.cursor, page.has_next

    def hear(self, change: ChangeView) -> None:
        gained, lost = ({edge.node.identifier for edge in change.parts[want.key].edges} for want in (GAINED, LOST))
        held = self.members.setdefault(change.one_id, set())
        assert lost <= held
        assert not gained & held
        held -= lost
        held |= gained
        self.leads[change.one_id] = change.leads_to
        self.heard.append((change.seq, change.one_id, change.kind, change.leads_to, frozenset(gained), frozenset(lost)))

    def map(self) -> dict[str, frozenset[Identifier]]:
        return {one_id: frozenset(held) for one_id, held in self.members.items() if held}

    def destinations(self) -> dict[str, str | None]:
        """Where each OneID ends that was ever heard of; None: nowhere for now."""
        return {one_id: self._end(one_id) for one_id in self.leads}

    def _end(self, one_id: str) -> str | None:
        at: str | None = one_id
        while at is not None and self.leads[at] != at:
            at = self.leads[at]
        return at


def current(everything: Everything) -> dict[str, frozenset[Identifier]]:
    """OneIDs and their identifiers as they are."""
    identifier, text = names_of(everything), {row.n: row.one_id for row in everything.one_ids}
    members: dict[str, set[Identifier]] = {}
    for member in everything.members:
        if member.profile:
            members.setdefault(text[member.profile], set()).add(identifier[member.id])
    return {one_id: frozenset(held) for one_id, held in members.items()}


async def ends(store: Store, one_ids: Sequence[str]) -> dict[str, str | None]:
    """Where the store says each OneID leads."""
    found = await store.profiles_by([ByOneId(one_id) for one_id in one_ids], ()) if one_ids else []
    return {one_id: view.one_id if view and view.size else None for one_id, view in zip(one_ids, found, strict=True)}


@over(cases())
def test_a_consumer_holds_exactly_the_current_map(open_with: OpenWith, run: Run, case: Case) -> None:
    """It looks now and then, from where it left off; another one reads all of it at the end, by other pages."""

    async def holds(case: Case) -> None:
        rules, random = Rules.parse(case.rules), Random(str(case))
        told, new_id, consumer = Told(rules), numbered(), Consumer(random.choice([1, 2, 3, 100]))
        async with open_with(rules) as store:
            for step in case.steps:
                await play(step, store, told, new_id)
                if random.random() < 0.5:
                    await consumer.follow(store)
                    everything = await store.everything()
                    assert consumer.map() == current(everything)
                    assert consumer.leads.keys() == {row.one_id for row in everything.one_ids}
                    assert consumer.destinations() == await ends(store, sorted(consumer.leads)[:100])
            await consumer.follow(store)
            late = Consumer(7)
            await late.follow(store)
            assert late.heard == consumer.heard
            assert late.map() == current(await store.everything())

    prove(run, case, holds)


@over(cases())
def test_an_entry_says_what_happened_and_nothing_happens_without_one(open_with: OpenWith, run: Run, case: Case) -> None:
    """Each step leaves one entry for every OneID whose identifiers or destination changed, and none for others; its kind fits."""

    async def holds(case: Case) -> None:
        rules = Rules.parse(case.rules)
        told, new_id = Told(rules), numbered()
        async with open_with(rules) as store:
            before = await store.everything()
            for step in case.steps:
                await play(step, store, told, new_id)
                now = await store.everything()
                assert_told(before, now)
                before = now

    prove(run, case, holds)


def assert_told(before: Everything, now: Everything) -> None:
    new = now.changes[len(before.changes) :]
    assert now.changes[: len(before.changes)] == before.changes
    assert len({change.n for change in new}) == len(new)
    was, is_ = _members(before), _members(now)
    led = {row.n: row.n if row.size else row.leads for row in before.one_ids}
    leads = {row.n: row.n if row.size else row.leads for row in now.one_ids}
    changed = {n for n in leads if n not in led or leads[n] != led[n] or was.get(n) != is_.get(n)}
    assert {change.n for change in new} == changed
    for change in new:
        n = change.n
        assert set(change.gained) == is_.get(n, set()) - was.get(n, set())
        assert set(change.lost) == was.get(n, set()) - is_.get(n, set())
        assert change.leads == leads[n]
        assert (change.kind is ChangeKind.CREATED) == (n not in led)
        assert (change.kind is ChangeKind.RETIRED) == (n in was and n not in is_)
        assert (change.kind is ChangeKind.RESTORED) == (n in led and n not in was and n in is_)
        if change.kind is ChangeKind.EXTENDED:
            assert change.gained
            assert not {at for at in change.gained if any(at in some for some in was.values())}
        if change.kind is ChangeKind.MERGED:
            assert any(other not in is_ and was[other] & set(change.gained) for other in was)
        if change.kind is ChangeKind.SPLIT:
            assert any(other not in was and is_[other] & set(change.lost) for other in is_)


def _members(everything: Everything) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for member in everything.members:
        if member.profile:
            found.setdefault(member.profile, set()).add(member.id)
    return found


# ---------------------------------------------------------------- each kind


async def told(store: Store, after: int = 0) -> list[ChangeView]:
    page = await store.changes(Page(100, (after,) if after else None), (GAINED, LOST))
    return [edge.node for edge in page.edges]


async def latest(store: Store) -> list[tuple[str, str]]:
    """The last step's entries: OneID and kind."""
    changes = await told(store)
    return [(change.one_id, change.kind.value) for change in changes if change.at == changes[-1].at]


async def test_each_kind_of_change_is_told_as_such(open_with: OpenWith) -> None:
    rules = '[[namespace]]\nname = "user"\nlimit = 1\n[[namespace]]\nname = "mail"\n[[namespace]]\nname = "device"\n'
    async with open_with(rules) as store:
        new_id = numbered()
        await ingest(store, [fragment("mail:a")], new_id=new_id)
        assert await latest(store) == [("one-1", "created")]
        await ingest(store, [fragment("mail:a", "device:1")], new_id=new_id)
        assert await latest(store) == [("one-1", "extended")]
        await ingest(store, [fragment("mail:b")], new_id=new_id)
        await ingest(store, [fragment("mail:a", "mail:b", id="link")], new_id=new_id)
        assert await latest(store) == [("one-1", "merged"), ("one-2", "retired")]
        await withdraw(store, RecordKey("web", "link"), reason="", new_id=new_id)
        assert await latest(store) == [("one-1", "split"), ("one-2", "restored")]
        await ingest(store, [fragment("user:1", "mail:b"), fragment("user:2", "mail:a")], new_id=new_id)
        await ingest(store, [fragment("user:1", "device:1", at=9)], new_id=new_id)
        assert await latest(store) == [("one-1", "moved"), ("one-2", "moved")]


async def test_an_entry_tells_its_cause_and_who_did_it(store: Store) -> None:
    """Fragments of one request that have nothing to do with each other are causes of their own; those that act together are one."""
    await ingest(store, [fragment("user_id:1"), fragment("user_id:2"), fragment("user_id:2", "device:2")], by="loader")
    await judge(store, [same("user_id:1", "email:a@b.co")], by="ops")
    await judge(store, [distinct("user_id:1", "email:a@b.co", at=1)], by="ops")
    changes = await told(store)

    assert [(change.cause_kind, change.by) for change in changes] == [("fragment", "loader")] * 2 + [("judgement", "ops")] * 3
    assert len({change.cause for change in changes[:2]}) == 2
    assert changes[2].cause < changes[3].cause == changes[4].cause


async def test_the_feed_is_in_one_order_over_all_one_ids(store: Store) -> None:
    for n in range(5):
        await ingest(store, [fragment(f"user_id:{n + 1}"), fragment(f"user_id:{n + 1}", f"device:{n + 1}", "device:9")])
    changes = await told(store)

    assert [change.seq for change in changes] == [*range(1, len(changes) + 1)]
    assert [change.at for change in changes] == sorted(change.at for change in changes)
    assert (await store.head())[1] == len(changes)
    assert [change.seq for change in await told(store, after=3)] == [change.seq for change in changes[3:]]


async def test_fact_updates_are_not_told(store: Store) -> None:
    await ingest(store, [fragment("user_id:1", "device:1", traits={"name": "Ada"})])
    _, seq = await store.head()
    await ingest(store, [fragment("user_id:1", "device:1", at=1, traits={"name": "Ada L."})])

    assert (await store.head())[1] == seq
    assert ids("user_id:1")[0] in current(await store.everything())[(await told(store))[0].one_id]
