"""The OneID contract (DESIGN section 5, rules 1 to 3): a slow model that names whole stores by the rules as written, and an example for
each of their sentences."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable
from dataclasses import dataclass, field

import pytest

from graph.curate import judge, withdraw
from graph.ingest import ingest
from graph.model import Identifier, RecordKey
from graph.resolve.rules import Rules
from graph.store.ports import Everything, Store
from graph.views import ByIdentifier, ByOneId, ChangeView, Page, ProfileView
from tests.build import distinct, fragment, ids, same
from tests.histories import Case, Told, cases, names_of, numbered, over, play, prove
from tests.stores import OpenWith, Run

Profile = frozenset[Identifier]


@dataclass
class Contract:
    """Every OneID ever given, by its number: numbers count in order of creation. `pins` of those that are not closed, `closed` into which,
    and the profiles that are named."""

    rules: Rules
    pins: dict[int, Identifier] = field(default_factory=dict)
    closed: dict[int, int] = field(default_factory=dict)
    named: dict[int, Profile] = field(default_factory=dict)

    def place(self, identifier: Identifier) -> tuple[int, str]:
        """How strong its namespace is; the smaller, the stronger."""
        return self.rules.namespace(identifier.namespace).rank

    def strongest(self, members: Iterable[Identifier]) -> Identifier:
        """ "Strongest" of several in one namespace: the smallest text."""
        return min(members, key=lambda one: (self.place(one), one.text))

    def step(self, profiles: Collection[Profile], made: Callable[[Profile], int]) -> None:
        """Name the profiles that there are now; `made` tells the number of the OneID that a profile without any was given."""
        self._pass_on(profiles)
        named: dict[int, Profile] = {}
        for profile in profiles:
            here = [n for n, pin in self.pins.items() if pin in profile]
            if here:
                name = min(here, key=lambda n: (self.place(self.pins[n]), n))
            else:
                name = made(profile)
                assert name not in self.pins.keys() | self.closed.keys()
                self.pins[name] = self.strongest(profile)
            if self.place(self.strongest(profile)) < self.place(self.pins[name]):
                self.pins[name] = self.strongest(profile)
            for n in here:
                if self.place(self.pins[n]) > self.place(self.pins[name]):
                    self.closed[n] = name
                    del self.pins[n]
            assert name not in named
            named[name] = profile
        self.named = named

    def _pass_on(self, profiles: Collection[Profile]) -> None:
        known = frozenset[Identifier]().union(*profiles)
        profile_of = {member: profile for profile in profiles for member in profile}
        for n, pin in sorted(self.pins.items()):
            before = next((profile for profile in self.named.values() if pin in profile), None)
            if before is None or pin in known:
                continue
            left = before & known
            without = {member for member in left if not profile_of[member] & set(self.pins.values())}
            if left:
                self.pins[n] = self.strongest(without or left)

    def destination(self, n: int) -> int | None:
        """Which profile a OneID leads to, by the name of it; None: it sleeps."""
        if n in self.closed:
            return self.destination(self.closed[n])
        return next((name for name, profile in self.named.items() if self.pins[n] in profile), None)


@dataclass
class Stored:
    """The same as a store has it."""

    everything: Everything

    def __post_init__(self) -> None:
        rows = self.everything.one_ids
        identifier = names_of(self.everything)
        self.text = {row.n: row.one_id for row in rows}
        self.pins = {row.n: identifier[row.pin] for row in rows if row.pin is not None}
        self.closed = {row.n: row.closed for row in rows if row.closed is not None}
        self._leads = {row.n: row.leads for row in rows}
        members: dict[int, set[Identifier]] = {}
        for member in self.everything.members:
            if member.profile:
                members.setdefault(member.profile, set()).add(identifier[member.id])
        self.named = {n: frozenset(profile) for n, profile in members.items()}

    def destination(self, n: int) -> int | None:
        at: int | None = n
        for _ in self.text:
            if at is None or at in self.named:
                return at
            at = self._leads[at]
        return at

    def name_of(self, profile: Profile) -> int:
        return next(n for n, members in self.named.items() if members == profile)


@over(cases(most=14))
def test_one_ids_keep_their_contract(open_with: OpenWith, run: Run, case: Case) -> None:
    """After every step each profile has the name, and each OneID ever given the pin, the closure and the destination of the model."""

    async def holds(case: Case) -> None:
        rules = Rules.parse(case.rules)
        told, new_id, contract = Told(rules), numbered(), Contract(rules)
        before, texts = Stored(_nothing), dict[int, str]()
        async with open_with(rules) as store:
            for step in case.steps:
                await play(step, store, told, new_id)
                now = Stored(await store.everything())
                profiles = [frozenset(profile) for profile in told.makes().profiles]
                contract.step(profiles, now.name_of)

                assert now.named == contract.named
                assert now.pins == contract.pins
                assert now.closed == contract.closed
                assert {n: now.destination(n) for n in now.text} == {n: contract.destination(n) for n in now.text}
                assert now.text.items() >= texts.items()
                assert len(set(now.text.values())) == len(now.text)
                assert_untouched(before, now)
                before, texts = now, now.text

    prove(run, case, holds)


_nothing = Everything(0, "", (), [], [], set(), [], [], [], [], [], {})


def assert_untouched(before: Stored, now: Stored) -> None:
    """A profile of the same members keeps its OneID, with no entry in the feed."""
    new = now.everything.changes[len(before.everything.changes) :]
    told = {change.n for change in new}
    for n, members in before.named.items():
        if members in now.named.values():
            assert now.named.get(n) == members
            assert n not in told
    assert len(told) == len(new)


@over(cases(most=14))
def test_rebuilding_from_evidence_rules_and_pins_gives_the_same_names(open_with: OpenWith, run: Run, case: Case) -> None:
    """What a store holds of OneIDs is their pins, closures and order: names follow anew from these and from the people resolved anew."""

    async def holds(case: Case) -> None:
        rules = Rules.parse(case.rules)
        told, new_id = Told(rules), numbered()
        async with open_with(rules) as store:
            for step in case.steps:
                await play(step, store, told, new_id)
            stored = Stored(await store.everything())
        rebuilt = Contract(rules, dict(stored.pins), dict(stored.closed))
        rebuilt.step([frozenset(profile) for profile in told.makes().profiles], _nobody_is_made)

        assert rebuilt.named == stored.named
        assert (rebuilt.pins, rebuilt.closed) == (stored.pins, stored.closed)

    prove(run, case, holds)


def _nobody_is_made(profile: Profile) -> int:
    raise AssertionError(f"nobody is pinned to a member of {sorted(profile)}")


# ---------------------------------------------------------------- sentence by sentence

RULES = """
[[namespace]]
name = "user"
limit = 1
[[namespace]]
name = "mail"
[[namespace]]
name = "device"
[[namespace]]
name = "cookie"
"""


class People:
    """A store in few words. `see` adds a record, `forget` withdraws it; `one` is the OneID of an identifier, `leads` where one leads."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def see(self, *texts: str, id: str | None = None, at: float = 0) -> str:
        done = await ingest(self.store, [fragment(*texts, id=id, at=at)])
        assert done.results[0].one_id is not None
        return done.results[0].one_id

    async def forget(self, *records: str) -> None:
        for record in records:
            await withdraw(self.store, RecordKey("web", record), reason="asked to")

    async def one(self, text: str) -> str | None:
        found = await self._found(ByIdentifier(ids(text)[0]))
        return found.one_id if found else None

    async def leads(self, one_id: str) -> str | None:
        """The OneID of the profile that this one leads to."""
        found = await self._found(ByOneId(one_id))
        return found.one_id if found and found.size else None

    async def _found(self, by: ByIdentifier | ByOneId) -> ProfileView | None:
        [found] = await self.store.profiles_by([by], ())
        return found


@pytest.fixture
async def people(open_with: OpenWith) -> AsyncIterator[People]:
    async with open_with(RULES) as store:
        yield People(store)


async def test_a_profile_without_a_one_id_is_given_a_new_one(people: People) -> None:
    one, two = await people.see("user:1"), await people.see("user:2")

    assert one != two
    assert await people.leads(one) == one


async def test_a_new_one_is_pinned_to_the_strongest_member_the_smallest_text_of_several(people: People) -> None:
    first = await people.see("cookie:1", "mail:b", "mail:a", id="r")
    assert first == await people.one("mail:b")
    await people.forget("r")
    await people.see("mail:b")
    assert await people.one("mail:b") != first

    assert await people.see("mail:a") == first


async def test_the_strongest_pin_names_not_the_oldest(people: People) -> None:
    cookie, mail = await people.see("cookie:1"), await people.see("mail:a")

    assert await people.see("cookie:1", "mail:a") == mail
    assert await people.leads(cookie) == mail


async def test_among_equal_pins_the_oldest_names(people: People) -> None:
    older, newer = await people.see("mail:z"), await people.see("mail:a")

    assert await people.see("mail:a", "mail:z") == older
    assert await people.leads(newer) == older


async def test_a_one_id_of_equal_strength_comes_back_to_life_when_its_part_comes_free(people: People) -> None:
    older, newer = await people.see("mail:a"), await people.see("mail:b")
    await people.see("mail:a", "mail:b", id="link")
    assert await people.leads(newer) == older
    await people.forget("link")

    assert (await people.one("mail:a"), await people.one("mail:b")) == (older, newer)


async def test_one_with_a_strictly_weaker_pin_is_closed_and_leads_there_for_ever(people: People) -> None:
    mail = await people.see("mail:a")
    cookie = await people.see("cookie:1")
    await people.see("mail:a", "cookie:1", id="link")
    await people.forget("link")

    assert await people.leads(cookie) == mail
    assert await people.one("cookie:1") not in (cookie, mail)


async def test_a_closed_one_leads_where_its_closer_leads(people: People) -> None:
    cookie, older, newer = await people.see("cookie:1"), await people.see("mail:a"), await people.see("mail:b")
    await people.see("cookie:1", "mail:b", id="login")
    await people.see("mail:a", "mail:b", id="link")
    assert await people.leads(cookie) == older
    await people.forget("login", "link")

    assert await people.leads(cookie) == newer


async def test_merges_and_splits_move_no_pin(people: People) -> None:
    """Three merged and divided again are who they were, in whatever order."""
    names = [await people.see(f"mail:{text}") for text in "abc"]
    await people.see("mail:a", "mail:b", id="ab")
    await people.see("mail:b", "mail:c", id="bc")
    assert {await people.leads(name) for name in names} == {names[0]}
    await people.forget("ab")
    assert [await people.leads(name) for name in names] == [names[0], names[1], names[1]]
    await people.forget("bc")

    assert [await people.one(f"mail:{text}") for text in "abc"] == names


async def test_an_anonymous_one_id_becomes_the_persons_at_login(people: People) -> None:
    device = await people.see("device:1", "cookie:1")
    assert await people.see("device:1", "user:1", id="login") == device
    await people.see("user:1")
    await people.forget("login")

    assert await people.one("user:1") == device
    assert await people.one("device:1") != device


async def test_a_device_that_changes_hands_takes_nobodys_one_id_along(people: People) -> None:
    """Neither the person's nor one that was closed into it."""
    cookie = await people.see("cookie:1")
    ada = await people.see("user:ada", "device:1", at=1, id="ada")
    await people.see("device:1", "cookie:1", at=1)
    assert await people.leads(cookie) == ada
    bo = await people.see("user:bo", at=1)
    assert await people.see("user:bo", "device:1", at=5) == bo

    assert await people.one("device:1") == bo
    assert await people.one("user:ada") == ada
    assert await people.leads(ada) == ada
    assert await people.leads(cookie) == ada


async def test_a_pin_that_disappears_passes_to_the_strongest_that_is_left(people: People) -> None:
    one = await people.see("user:1", "mail:b", "device:1", id="login")
    await people.see("mail:a", "mail:b", "device:1")
    await people.forget("login")
    assert await people.one("device:1") == one
    await people.see("user:2", "mail:b", id="again")
    await people.forget("again")

    assert await people.one("mail:a") == one


async def test_a_pin_passes_first_to_a_part_without_a_one_id(people: People) -> None:
    """Mail b is stronger than the device, but has a OneID of its own."""
    older, newer, _ = await people.see("mail:a", id="r"), await people.see("mail:b"), await people.see("device:1")
    assert await people.see("mail:a", "mail:b", "device:1", id="r", at=1) == older
    await people.forget("r")

    assert (await people.one("mail:b"), await people.one("device:1")) == (newer, older)


async def test_several_pins_that_disappear_pass_on_oldest_first(people: People) -> None:
    older, newer = await people.see("mail:z", id="z"), await people.see("mail:a", id="a")
    await people.see("mail:z", "mail:a", "device:1", "cookie:1", id="all")
    await people.forget("z", "a")
    await people.see("device:1")
    await people.see("cookie:1")
    await people.forget("all")

    assert (await people.one("device:1"), await people.one("cookie:1")) == (older, newer)


async def test_a_one_id_of_nobody_sleeps_until_its_identifier_is_seen_again(people: People) -> None:
    one = await people.see("user:1", "device:1", id="r")
    await people.forget("r")
    assert await people.one("user:1") is None
    assert await people.leads(one) is None
    device = await people.see("device:1")
    assert device != one

    assert await people.see("user:1") == one
    assert await people.leads(one) == one


async def test_who_woke_is_named_before_younger_ones(people: People) -> None:
    older = await people.see("mail:a", id="r")
    await people.forget("r")
    newer = await people.see("mail:b")

    assert await people.see("mail:a", "mail:b") == older
    assert await people.leads(newer) == older


async def test_an_untouched_profile_keeps_its_one_id_and_is_not_told_of(people: People) -> None:
    other = await people.see("user:2", "device:2")
    _, seq = await people.store.head()
    await people.see("user:1", "device:1")
    await people.see("user:1", "mail:a")

    assert await people.one("device:2") == other
    assert other not in {change.one_id for change in await changes(people.store, seq)}


async def changes(store: Store, after: int) -> list[ChangeView]:
    return [edge.node for edge in (await store.changes(Page(100, (after,) if after else None), ())).edges]


async def test_judgements_merge_and_part_as_links_do(people: People) -> None:
    one, two = await people.see("mail:a"), await people.see("mail:b")
    await judge(people.store, [same("mail:a", "mail:b", at=1)])
    assert await people.leads(two) == one
    await judge(people.store, [distinct("mail:a", "mail:b", at=2)])

    assert (await people.one("mail:a"), await people.one("mail:b")) == (one, two)


async def test_order_of_creation_counts_not_the_clock_in_a_one_id(open_with: OpenWith) -> None:
    """Texts that sort the other way round."""
    names = iter(["z", "y", "x", "w"])
    async with open_with(RULES) as store:
        for text in ("mail:a", "mail:b"):
            await ingest(store, [fragment(text)], new_id=lambda: next(names))
        done = await ingest(store, [fragment("mail:a", "mail:b")], new_id=lambda: next(names))

    assert done.results[0].one_id == "z"
