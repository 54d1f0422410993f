"""As of an earlier time: what a store answered then, in every detail, whatever happened since."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from graph.check import check
from graph.curate import judge, perform, withdraw
from graph.errors import BadInput, Expired, TooMuchPast
from graph.ingest import ingest
from graph.model import Identifier, RecordKey
from graph.operations import Revert
from graph.resolve.rules import Rules
from graph.store.neo4j import schema as neo4j_schema
from graph.store.ports import Store
from graph.store.sqlite import schema as sqlite_schema
from graph.views import ByIdentifier, ByNumber, ByOneId, Standing
from tests.answers import LISTS, NODES, SPAN, differences, want, wants
from tests.build import distinct, fragment, identifier, same
from tests.graph.test_applying import change
from tests.graph.test_reverts import Player
from tests.histories import Case, Told, cases, names_of, numbered, over, prove, send
from tests.stores import OpenWith, Run

WHY = "asked to"

LINK = (want("fragments", first=2), want("bridge"), want("a", SPAN))
EXPLAINED = [want(field, *LINK) for field in ("path", "refused", "bridges")]


class Remembered:
    """What a store answered at a commit."""

    def __init__(self, commit: int) -> None:
        self.commit = commit
        self.answers: list[tuple[str, tuple[Any, ...], Any]] = []

    @classmethod
    async def of(cls, store: Store, random: Random) -> Remembered:
        """Answers about everybody, with everything that can be wanted."""
        everything = await store.everything()
        remembered = cls(everything.commit)
        names = [*names_of(everything).values(), Identifier("no", "such"), Identifier("user", "9")]
        by = [
            *(ByNumber(row.n, follow=random.random() < 0.5) for row in everything.one_ids),
            *map(ByIdentifier, names),
            *(ByOneId(row.one_id) for row in everything.one_ids),
            *(ByOneId("none"), ByNumber(10**9)),
        ]
        random.shuffle(by)
        ids: list[tuple[str, Any]] = [
            *(("profile", row.n) for row in everything.one_ids),
            *(("identifier", member.id) for member in everything.members),
            *(("link", (link.a, link.b)) for link in everything.links),
            *(("link", (judgement.id,)) for judgement in everything.judgements),
            *(("fragment", seen.version) for _, seen in everything.versions),
            *(("judgement", judgement.id) for judgement in everything.judgements),
            *(("change", 1 + place) for place in range(len(everything.changes) + 1)),
            ("link", (1, 2)),
        ]
        random.shuffle(ids)

        async def ask(name: str, *args: Any) -> Any:
            answer = await getattr(store, name)(*args)
            remembered.answers.append((name, args, answer))
            return answer

        views = await ask("profiles_by", by[:100], wants(random))
        await ask("profiles_by", by[:20], [])
        await ask("nodes", ids[:100], NODES)
        for field in random.sample(LISTS, 2):
            for view in [view for view in views if view][:2]:
                await remembered._walk(ask, field, view.n, random)
        for _ in range(6):
            await ask("explain", *random.choices(names, k=2), EXPLAINED)
        return remembered

    async def _walk(self, ask: Any, field: str, n: int, random: Random) -> None:
        """A list to its end, page by page."""
        args = {"refused": True} if field == "links" else {}
        after, more = None, True
        while more:
            one = want(field, first=random.choice([1, 2]), after=after, **args)
            [view] = await ask("profiles_by", [ByNumber(n, follow=False)], [one])
            after, more = view.parts[one.key].end, view.parts[one.key].has_next

    async def assert_answered(self, store: Store) -> None:
        """The store answers the same as of then."""
        for name, args, expected in self.answers:
            answer = await getattr(store, name)(*args, as_of=self.commit)
            assert answer == expected, (name, args[:1], [*differences(expected, answer)][:5])


async def live(store: Store, case: Case, random: Random, remembered: list[Remembered]) -> None:
    """Play a history and whatever else can be done, remembering now and then."""
    told, new_id = Told(store.in_force), numbered()
    for step in case.steps:
        await send(step, store, told, new_id)
        if random.random() < 0.3:
            remembered.append(await Remembered.of(store, random))
    player = Player(store, case, told, new_id)
    causes: list[tuple[str, int]] = []
    for _ in range(random.randrange(6)):
        with suppress(BadInput):
            if case.others and random.random() < 0.3:
                await change(store, random.choice(case.others))
            elif causes and random.random() < 0.4:
                kind, cause = random.choice(causes)
                causes.append(("revert", await player.revert(kind, cause)))
            else:
                causes += await player.done() or []
        remembered.append(await Remembered.of(store, random))


@over(cases(most=8, others=2), share=0.2)
def test_what_a_store_answered_is_what_it_answers_as_of_then(open_with: OpenWith, run: Run, case: Case) -> None:
    async def holds(case: Case) -> None:
        random, remembered = Random(str(case)), list[Remembered]()
        async with open_with(Rules.parse(case.rules)) as store:
            await live(store, case, random, remembered)
            for one in remembered:
                await one.assert_answered(store)

    prove(run, case, holds)


# ---------------------------------------------------------------- one by one

RULES = """
[[namespace]]
name = "user"
limit = 1
[[namespace]]
name = "device"
shared_above = 2
"""
WHO = want("identifiers")
LINKS = want("links", refused=True)


@pytest.fixture
async def ruled(open_with: OpenWith) -> AsyncIterator[Store]:
    async with open_with(RULES) as store:
        yield store


async def held(store: Store, text: str, commit: int | None = None) -> set[str]:
    """Who is in the profile of an identifier, as of a commit."""
    [view] = await store.profiles_by([ByIdentifier(identifier(text))], [WHO], as_of=commit)
    return set() if view is None else {edge.node.identifier.text for edge in view.parts[WHO.key].edges}


async def refusals(store: Store, text: str, commit: int | None = None) -> set[tuple[str, str, str | None]]:
    [view] = await store.profiles_by([ByIdentifier(identifier(text))], [LINKS], as_of=commit)
    links = [] if view is None else [edge.node for edge in view.parts[LINKS.key].edges]
    return {(one.a.identifier.text, one.b.identifier.text, one.refused and one.refused.rule.value) for one in links}


async def test_an_instant_is_the_last_commit_until_then(ruled: Store) -> None:
    told = await ingest(ruled, [fragment("user:1", "device:1")])
    await ingest(ruled, [fragment("user:1", "device:2")])
    [view] = await ruled.profiles_by([ByIdentifier(identifier("user:1"))], [], as_of=told.token)
    assert view is not None

    moments = [await ruled.moment(at) for at in (view.as_of - 1, view.as_of, 1 << 60)]

    assert [each and each.commit for each in moments] == [told.token - 1, told.token, told.token + 1]
    assert await ruled.moment(0) is None
    assert moments[0] is not None
    assert moments[0].rules.toml == ruled.in_force.toml


async def test_before_somebody_was_known_nobody_is_there(ruled: Store) -> None:
    first = (await ingest(ruled, [fragment("user:1")])).token
    await ingest(ruled, [fragment("user:2", "device:1")])
    user = identifier("user:2")

    assert await ruled.profiles_by([ByIdentifier(user)], [WHO], as_of=first) == [None]
    assert (await ruled.explain(user, identifier("user:1"), (), as_of=first)).missing == (user,)
    assert await ruled.profiles_by([ByIdentifier(user)], [WHO], as_of=10**9) == [None]
    assert await ruled.nodes([("profile", 1)], {}, as_of=10**9) == [None]
    assert (await ruled.explain(user, user, (), as_of=10**9)).standing is Standing.UNKNOWN


async def test_a_device_that_is_shared_since_was_somebodys_then(ruled: Store) -> None:
    before = (await ingest(ruled, [fragment("user:1", "device:1", id="1")])).token
    await ingest(ruled, [fragment("user:2", "device:1", id="2"), fragment("user:3", "device:1", id="3")])
    assert await held(ruled, "device:1") == {"device:1"}

    assert await held(ruled, "device:1", before) == {"user:1", "device:1"}
    assert await refusals(ruled, "user:1", before) == {("device:1", "user:1", None)}
    assert await refusals(ruled, "user:1") == {("device:1", "user:1", "shared")}


async def test_a_judgement_overruled_since_was_in_force_then(ruled: Store) -> None:
    await ingest(ruled, [fragment("device:1"), fragment("device:2")])
    joined = (await judge(ruled, [same("device:1", "device:2", at=1)])).token
    parted = (await judge(ruled, [distinct("device:1", "device:2", at=2)])).token
    last = (await ruled.everything()).changes[-1]
    await perform(ruled, Revert(last.cause_kind, last.cause, "a mistake"))
    told = want("judgements")

    answers = []
    for commit in (joined, parted, None):
        [view] = await ruled.profiles_by([ByIdentifier(identifier("device:1"))], [told], as_of=commit)
        assert view is not None
        judged = [edge.node for edge in view.parts[told.key].edges]
        answers.append((await held(ruled, "device:1", commit), [(one.kind.value, one.in_force) for one in judged]))

    both = {"device:1", "device:2"}
    assert answers == [
        (both, [("same", True)]),
        ({"device:1"}, [("distinct", True), ("same", False)]),
        (both, [("same", True)]),
    ]


async def test_many_rows_are_worked_on_aside(ruled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = (await ingest(ruled, [fragment("user:1", f"device:{n}", id=str(n)) for n in range(6)])).token
    now = await held(ruled, "user:1"), await refusals(ruled, "user:1")
    monkeypatch.setattr("graph.store.past.rows._MANY", 2)

    assert (await held(ruled, "user:1", commit), await refusals(ruled, "user:1", commit)) == now


async def test_too_much_evidence_is_told(ruled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    many = [fragment("user:1", f"device:{n}", id=str(n)) for n in range(6)]
    commit = (await ingest(ruled, many)).token
    monkeypatch.setattr("graph.store.past.rows.MOST", 5)

    with pytest.raises(TooMuchPast) as refused:
        await held(ruled, "user:1", commit)

    assert (refused.value.code, refused.value.limit) == ("LIMIT_EXCEEDED", 5)


async def test_a_store_of_an_earlier_version_keeps_its_past_from_its_next_opening(
    open_with: OpenWith, place: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = "sqlite.connect" if kind == "sqlite" else "neo4j.prepare"
    steps: tuple[Any, ...] = (sqlite_schema if kind == "sqlite" else neo4j_schema).STEPS
    number = next(n for n, step in enumerate(steps) if "past_from" in str(step) or "kept_from" in str(step))
    others = (*steps[:number], *steps[number + 1 :])  # what came later is needed by every store that is open
    for target in (f"graph.store.{where}.STEPS", "tests.neo4j_server.STEPS"):
        monkeypatch.setattr(target, (*others, steps[number]))
    with monkeypatch.context() as earlier:
        earlier.setattr(f"graph.store.{where}.STEPS", others)
        earlier.setattr("tests.neo4j_server.STEPS", others)
        async with open_with(RULES, place=place) as store:
            before = (await ingest(store, [fragment("user:1", id="1")])).token
            last = (await ingest(store, [fragment("user:1", "device:1", id="2"), fragment("user:2", "device:2", id="3")])).token

    async with open_with(RULES, place=place) as store:
        await ingest(store, [fragment("user:1", "device:3", id="4")])

        assert await held(store, "user:1", last) == {"user:1", "device:1"}
        with pytest.raises(Expired):
            await held(store, "user:1", before)
        [view] = await store.profiles_by([ByIdentifier(identifier("user:1"))], [], as_of=last)
        assert view is not None
        with pytest.raises(Expired):
            await store.moment(view.created_at)


async def test_when_a_version_counted_is_known_after_a_withdrawal_is_done_again(store: Store) -> None:
    """The withdrawal brings its own time along, also for a version that was brought back since, and replaced."""
    await ingest(store, [fragment("user_id:1", "device:1", id="a")])
    withdrawn = await withdraw(store, RecordKey("web", "a"), reason=WHY)
    back = await perform(store, Revert("withdrawal", withdrawn.token, WHY))
    remembered = await Remembered.of(store, Random(1))
    await ingest(store, [fragment("user_id:1", "device:2", id="a", at=1)])
    newer = (await store.everything()).changes[-1]
    again = await perform(store, Revert("revert", back.token, WHY))
    await perform(store, Revert("revert", again.token, WHY))
    await perform(store, Revert(newer.cause_kind, newer.cause, WHY))

    await remembered.assert_answered(store)
    assert (await check(store)).differences == ()
