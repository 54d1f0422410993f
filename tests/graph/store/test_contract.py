"""What every store promises at its write gate and about a store as a whole (graph.store.ports: Writing, Store).

Reads outside the gate have their own contract in test_reads_contract.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from graph import interactions
from graph.check import check
from graph.curate import judge, withdraw
from graph.errors import NotFound
from graph.ingest import ingest
from graph.model import (
    Fragment,
    FragmentStatus,
    Instant,
    Interaction,
    Judgement,
    JudgementKind,
    Key,
    ProfileKind,
    RecordKey,
    Refusal,
    Rule,
)
from graph.resolve.records import content
from graph.store.ports import JUDGED, NAMESPACE_SHIFT, SHARED, Content, Delta, Everything, Known, Member, Store, Writing
from graph.views import ByIdentifier
from tests.build import distinct, fragment, ids, minute, same
from tests.histories import names_of
from tests.stores import OpenWith

RULES = """
[[namespace]]
name = "user"
limit = 1
[[namespace]]
name = "phone"
min_score = 0.5
[[namespace]]
name = "device"
shared_above = 2
[profile]
max_identifiers = 6
"""


class Boom(Exception):
    """Something goes wrong in the middle of a request."""


def boom() -> str:
    raise Boom


async def number(writing: Writing, *texts: str) -> list[int]:
    """The store's numbers of these identifiers."""
    known = await writing.identifiers(ids(*texts))
    return [known[one].id for one in ids(*texts)]


async def one_id_of(store: Store, text: str) -> str | None:
    [found] = await store.profiles_by([ByIdentifier(ids(text)[0])], ())
    return found.one_id if found else None


def like(origin: str, target: str, *, id: str, at: float = 0) -> Interaction:
    return Interaction("app", id, "like", *ids(origin, target), at=minute(at))


@pytest.fixture
async def ruled(open_with: OpenWith) -> AsyncIterator[Store]:
    """An empty store under the rules above."""
    async with open_with(RULES) as store:
        yield store


# ---------------------------------------------------------------- a step


class Failing:
    """A store whose step raises at the n-th call of its writing."""

    def __init__(self, store: Store, at: int) -> None:
        self.in_force = store.in_force
        self.calls = 0
        self._store, self._at = store, at

    @asynccontextmanager
    async def writing(self, kind: str, **options: Any) -> AsyncIterator[Any]:
        async with self._store.writing(kind, **options) as inner:
            yield _FailingWriting(inner, self)

    def call(self) -> None:
        self.calls += 1
        if self.calls > self._at:
            raise Boom


class _FailingWriting:
    def __init__(self, inner: Writing, owner: Failing) -> None:
        self._inner, self._owner = inner, owner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not asyncio.iscoroutinefunction(found):
            return found

        async def called(*args: Any, **kwargs: Any) -> Any:
            result = await found(*args, **kwargs)
            self._owner.call()
            return result

        return called


REQUESTS: dict[str, Callable[[Any], Any]] = {
    "fragments": lambda store: ingest(
        store,
        [
            fragment("user:1", "device:9", "wholly:new", id="r1", source="unheard of", at=5, traits={"name": "Ada"}),
            fragment("phone:1", "device:1", id="r2", at=6),
        ],
        key=Key("scope", "one"),
    ),
    "judgements": lambda store: judge(store, [same("user:1", "phone:new"), distinct("user:1", "user:2")], key=Key("scope", "two")),
    "withdrawal": lambda store: withdraw(store, RecordKey("web", "old"), reason="asked to", key=Key("scope", "three")),
    "interactions": lambda store: interactions.record(store, [like("user:1", "user:new", id="i1")], key=Key("scope", "four")),
    "interactions taken back": lambda store: interactions.withdraw(store, [RecordKey("app", "i0")], key=Key("scope", "five")),
}


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_step_that_raises_anywhere_leaves_nothing(ruled: Store, name: str) -> None:
    """Not a row, not a number: after a failure at every single call the request goes through as on a store that never saw it."""
    await ingest(ruled, [fragment("user:1", "device:1", id="old", traits={"name": "Bo"}), fragment("user:2", "device:1")])
    await interactions.record(ruled, [like("user:1", "user:2", id="i0")])
    before, head = await ruled.everything(), await ruled.head()
    at = 0
    while True:
        failing = Failing(ruled, at)
        try:
            done = await REQUESTS[name](failing)
            break
        except Boom:
            assert await ruled.everything() == before
            assert await ruled.head() == head
        at += 1

    assert at > 5
    assert not done.replayed
    assert (await ruled.head())[0] == head[0] + 1
    assert (await check(ruled)).differences == ()


async def test_a_failed_step_gives_its_numbers_back(ruled: Store) -> None:
    async def numbers() -> tuple[object, ...]:
        async with ruled.writing("fragment") as writing:
            spaces = await writing.namespace_numbers(["user", "phone"])
            made = await writing.new_identifiers([spaces["user"], spaces["user"], spaces["phone"]], ["1", "2", "1"])
            raise Taken((dict(spaces), made, writing.new_version(), writing.new_one_id(), writing.commit, list(writing.namespaces())))

    class Taken(Exception):
        pass

    seen = []
    for _ in range(2):
        with pytest.raises(Taken) as taken:
            await numbers()
        seen.append(taken.value.args[0])

    assert seen[0] == seen[1]
    assert (await ruled.everything()).namespaces == ()


async def test_steps_in_one_transaction_see_the_former(store: Store) -> None:
    done = await asyncio.gather(
        ingest(store, [fragment("user_id:1", "device:1")]),
        ingest(store, [fragment("device:1", "email:a@b.co")]),
        judge(store, [same("email:a@b.co", "email:c@d.co")]),
        ingest(store, [fragment("email:c@d.co", "device:2")]),
    )

    assert done[1].results[0].one_id == done[0].results[0].one_id
    assert done[3].results[0].one_id == done[0].results[0].one_id
    assert [one.token for one in done] == [done[0].token + n for n in range(4)]


async def test_a_failed_step_does_not_harm_those_grouped_with_it(store: Store) -> None:
    done = await asyncio.gather(
        ingest(store, [fragment("user_id:1", "device:1")]),
        ingest(store, [fragment("user_id:2", "namespace of its own:2")], new_id=boom),
        withdraw(store, RecordKey("web", "unknown"), reason=""),
        ingest(store, [fragment("email:a@b.co", "device:1")]),
        return_exceptions=True,
    )

    assert [type(one) for one in done[1:3]] == [Boom, NotFound]
    assert await one_id_of(store, "user_id:2") is None
    assert await one_id_of(store, "email:a@b.co") == await one_id_of(store, "user_id:1") is not None
    assert "namespace of its own" not in (await store.everything()).namespaces
    assert (await check(store)).differences == ()


async def test_where_the_first_of_a_group_fails_the_others_land(store: Store) -> None:
    done = await asyncio.gather(
        ingest(store, [fragment("user_id:1", "namespace of its own:1")], new_id=boom),
        ingest(store, [fragment("user_id:2", "device:2")]),
        ingest(store, [fragment("user_id:3", "device:2")], new_id=boom),
        ingest(store, [fragment("email:a@b.co", "device:2")]),
        return_exceptions=True,
    )

    assert [type(one) for one in done[::2]] == [Boom, Boom]
    assert [await one_id_of(store, gone) for gone in ("user_id:1", "user_id:3")] == [None, None]
    assert await one_id_of(store, "email:a@b.co") == await one_id_of(store, "user_id:2") is not None
    assert "namespace of its own" not in (await store.everything()).namespaces
    assert (await check(store)).differences == ()


async def test_commits_count_by_one_and_time_never_goes_back(open_with: OpenWith) -> None:
    """Over a clock that jumps, and over a step that failed or wrote nothing."""
    clock = iter([minute(at) for at in (0, 10, 10, 5, -100, 20, 20, 7, 30)])
    last = minute(30)
    async with open_with(clock=lambda: next(clock, last)) as store:
        seen: list[tuple[int, Instant]] = [(1, 0)]
        for n in range(6):
            with pytest.raises(Boom):
                await ingest(store, [fragment("user_id:gone")], new_id=boom)
            async with store.writing("fragment") as writing:
                pass
            seen.append((writing.commit, writing.at))
            done = await ingest(store, [fragment(f"user_id:{n}", at=n)])
            assert done.token == writing.commit
            assert (await store.head())[0] == writing.commit

    assert [commit for commit, _ in seen] == [1, 2, 3, 4, 5, 6, 7]
    assert [at for _, at in seen] == sorted({at for _, at in seen})


async def test_recorded_times_are_those_of_the_steps(open_with: OpenWith) -> None:
    async with open_with(clock=lambda: minute(1_000)) as store:
        await ingest(store, [fragment("user_id:1", id="r", at=3)])
        await ingest(store, [fragment("user_id:2", id="late", at=2_000), Fragment("web", "none", ids("user_id:3"))])
        view = await store.fragment(RecordKey("web", "r"), ())
        assert view is not None
        assert (view.observed_at, view.recorded_at // 60_000_000) == (minute(3), minute(1_000) // 60_000_000)
        late = await store.fragment(RecordKey("web", "late"), ())
        none = await store.fragment(RecordKey("web", "none"), ())
        assert late is not None
        assert none is not None
        assert late.observed_at == late.recorded_at + 5 * 60_000_000
        assert none.observed_at == none.recorded_at


async def test_a_token_is_of_a_commit_that_is_there(store: Store) -> None:
    """Also that of a request which wrote nothing: a read with it waits for nobody."""
    sent = fragment("user_id:1", "device:1", id="r", at=1)
    judged, liked = same("user_id:1", "email:a@b.co"), like("user_id:1", "user_id:2", id="i")
    for _ in range(2):
        tokens = [
            (await ingest(store, [sent])).token,
            (await judge(store, [judged])).token,
            (await interactions.record(store, [liked])).token,
            (await interactions.withdraw(store, [RecordKey("app", "unknown")])).token,
        ]
        assert max(tokens) <= (await store.head())[0]
        [found] = await store.profiles_by([ByIdentifier(ids("user_id:1")[0])], (), token=tokens[0])
        assert found is not None


# ---------------------------------------------------------------- cancelled


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_request_cancelled_at_any_moment_is_whole_or_not_there(ruled: Store, name: str) -> None:
    """Cancelled after so many turns of the loop, alone and beside another request, until it comes too late. (Of the gate itself every turn
    is tried in test_gate.py.)"""
    await ingest(ruled, [fragment("user:1", "device:1", id="old"), fragment("user:2", "device:1")])
    await interactions.record(ruled, [like("user:1", "user:2", id="i0")])
    turn, others = 0, count()
    while True:
        before = (await ruled.head())[0]
        request = asyncio.ensure_future(REQUESTS[name](ruled))
        beside = asyncio.ensure_future(ingest(ruled, [fragment(f"phone:{next(others)}", "device:7")])) if turn % 2 else None
        for _ in range(turn):
            await asyncio.sleep(0)
        request.cancel()
        (ended,) = await asyncio.wait_for(asyncio.gather(request, return_exceptions=True), 10)
        if beside is not None:
            await asyncio.wait_for(beside, 10)
        commits = (await ruled.head())[0] - before - (beside is not None)
        assert commits in (0, 1)
        assert (await check(ruled)).differences == (), f"turn {turn}"
        if commits:
            break
        assert isinstance(ended, asyncio.CancelledError)
        turn += 1 + turn // 16

    again = await REQUESTS[name](ruled)
    assert again.replayed
    assert turn > 5


# ---------------------------------------------------------------- the whole store


async def filled(store: Store) -> None:
    """A bit of everything."""
    await ingest(
        store, [fragment("user_id:1", "phone:+8613912345678", "device:1", traits={"name": "Ada"}), fragment("user_id:2", "device:1")]
    )
    await judge(store, [same("user_id:1", "email:a@b.co", at=3), distinct("user_id:1", "user_id:2", at=4)])
    await interactions.record(store, [like("user_id:1", "user_id:2", id="i")])
    await ingest(store, [fragment("user_id:9", "device:9", id="gone")])
    await withdraw(store, RecordKey("web", "gone"), reason="asked to")


async def test_what_was_acknowledged_is_there_after_reopening(open_with: OpenWith, place: str) -> None:
    async with open_with(place=place) as store:
        await filled(store)
        before, head = await store.everything(), await store.head()
    async with open_with(place=place) as store:
        assert await store.everything() == before
        assert await store.head() == head
        done = await ingest(store, [fragment("user_id:1", "email:new@b.co")])

        assert done.results[0].one_id == await one_id_of(store, "email:a@b.co")
        assert (await check(store)).differences == ()


async def test_a_store_keeps_the_rules_it_began_with(open_with: OpenWith, place: str) -> None:
    async with open_with(RULES, place=place):
        pass
    async with open_with("", place=place) as store:
        assert store.in_force.toml == RULES
        view = await store.rules()
        assert view is not None
        assert (view.version, view.toml) == (1, RULES)


async def test_many_may_open_a_new_place_at_once(open_with: OpenWith, place: str) -> None:
    async with AsyncExitStack() as stack:
        stores = await asyncio.gather(*(stack.enter_async_context(open_with(place=place)) for _ in range(4)))
        await asyncio.gather(*(ingest(store, [fragment(f"user_id:{n}", "device:1")]) for n, store in enumerate(stores)))

        assert {(await store.head())[0] for store in stores} == {5}
        assert (await check(stores[0])).differences == ()


async def test_writers_of_several_openings_take_turns(open_with: OpenWith, place: str) -> None:
    """Namespaces, identifiers, versions and OneIDs that another opening made are known, and no number is given twice."""
    async with open_with(RULES, place=place) as a, open_with(RULES, place=place) as b:
        await asyncio.gather(
            *(
                ingest((a, b)[n % 2], [fragment(f"user:{n % 5}", f"device:{n % 7}", f"kind {n % 3}:{n}", source=f"source {n % 3}", at=n)])
                for n in range(40)
            )
        )

        assert await a.everything() == await b.everything()
        assert (await a.head())[0] == 41
        assert (await check(a)).differences == ()


async def test_whoever_waits_for_a_change_hears_of_it(open_with: OpenWith, place: str) -> None:
    async with open_with(place=place) as here, open_with(place=place) as elsewhere:
        last, _ = await here.head()
        waiting = [asyncio.create_task(store.wait_for_change(last, 30)) for store in (here, here, elsewhere)]
        await asyncio.sleep(0)
        await ingest(here, [fragment("user_id:1")])

        assert await asyncio.wait_for(asyncio.gather(*waiting), 10) == [last + 1] * 3
        assert await here.wait_for_change(last, 30) == last + 1
        assert await here.wait_for_change(last + 1, 0) == last + 1


async def _waited_for(event: asyncio.Event) -> None:
    for _ in range(100_000):
        if event._waiters:  # type: ignore[attr-defined]
            return
        await asyncio.sleep(0)
    raise AssertionError("nobody waits")


async def test_whoever_stops_waiting_as_a_change_comes_does_stop(store: Store) -> None:
    """`asyncio.wait_for` of Python 3.11 forgets it."""
    last, _ = await store.head()
    changed: asyncio.Event = store._changed  # type: ignore[attr-defined]  # of both; nothing else is there in the same turn of the loop
    waiting = asyncio.create_task(store.wait_for_change(last, 0.5))
    await _waited_for(changed)
    changed.set()
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_read_with_a_token_waits_for_that_write(store: Store) -> None:
    last, _ = await store.head()
    reading = asyncio.create_task(store.profiles_by([ByIdentifier(ids("user_id:1")[0])], (), token=last + 1))
    await asyncio.sleep(0)
    assert not reading.done()
    done = await ingest(store, [fragment("user_id:1")])

    [found] = await asyncio.wait_for(reading, 10)
    assert found is not None
    assert found.one_id == done.results[0].one_id


async def test_everything_is_of_one_commit_while_a_writer_writes(ruled: Store) -> None:
    async def writes() -> None:
        for n in range(60):
            await ingest(ruled, [fragment(f"user:u{n % 7}", f"device:d{n % 5}", f"phone:p{n}", at=n)])

    async def audits() -> list[Everything]:
        return [await ruled.everything() for _ in iter(writing.done, True)]

    writing = asyncio.create_task(writes())
    seen = await asyncio.gather(audits(), audits())
    await writing

    assert len({one.commit for some in seen for one in some}) > 3
    for one in (one for some in seen for one in some):
        assert len({change.n for change in one.changes}) == len(one.one_ids)
        assert len(one.versions) == one.commit - 1


@pytest.mark.parametrize("rows_of", ["identifiers", "profiles", "fragments"])
async def test_an_export_is_of_one_commit_while_a_writer_writes(ruled: Store, rows_of: Any) -> None:
    await ingest(ruled, [fragment(f"user:u{n}", id=f"r{n:04}", at=n) for n in range(1_200)])
    expected = [row async for row in ruled.export(rows_of)]
    export = ruled.export(rows_of)
    rows = [await anext(export) for _ in range(3)]
    await ingest(ruled, [fragment(f"user:u{n}", f"phone:p{n % 9}", id=f"r{n:04}", at=5_000 + n) for n in range(0, 1_200, 5)])
    await withdraw(ruled, RecordKey("web", "r1199"), reason="")
    rows += [row async for row in export]

    assert len(rows) == 1_200
    assert rows == expected
    assert [row async for row in ruled.export(rows_of)] != expected


async def test_exports_of_several_kinds_are_of_one_commit(store: Store) -> None:
    await filled(store)
    kinds: list[Any] = ["sightings", "judgements", "interactions", "one_ids", "identifiers"]
    expected = [row for kind in kinds for row in [row async for row in store.export(kind)]]
    pages = store.export_pages(kinds)
    found = [await anext(pages)]
    await ingest(store, [fragment("user_id:1", "user_id:9", "email:a@b.co", at=50)])
    await judge(store, [same("user_id:1", "user_id:2", at=9)])
    found += [page async for page in pages]

    assert [row for _, rows in found for row in rows] == expected
    assert {kind for kind, _ in found} >= {"sightings", "judgements", "one_ids", "identifiers"}


async def test_exported_evidence_is_evidence_again(store: Store) -> None:
    """A judgement tells its ends as they were sent, blocked ones among them."""
    sides = (ids("user_id:guest", "user_id:1", "user_id:2"), ids("phone:139 1234 5678", "phone:139 1234 5679", "user_id:guest"))
    (a, *with_a), (b, *with_b) = sides
    said = Judgement(JudgementKind.DISTINCT, a, b, minute(1), "li", "they said so", tuple(with_a), tuple(with_b))
    await judge(store, [said, same("user_id:3", "user_id:4", at=2)])
    liked = Interaction("app", "1", "like", *ids("phone:139 1234 5678", "forum:li"), minute(3), 2.0)
    await interactions.record(store, [liked])
    await ingest(store, [fragment("email:A@B.co ", "user_id:guest", at=4, score=0.5)])

    assert [row async for row in store.export("judgements")] == [
        {
            "judgement": "distinct",
            "a": ["user_id:guest", "user_id:1", "user_id:2"],
            "b": ["phone:139 1234 5678", "phone:139 1234 5679", "user_id:guest"],
            "at": minute(1),
            "by": "li",
            "reason": "they said so",
        },
        {"judgement": "same", "a": ["user_id:3"], "b": ["user_id:4"], "at": minute(2), "by": None, "reason": ""},
    ]
    assert [row async for row in store.export("interactions")] == [
        {
            "interaction": "like",
            "source": "app",
            "id": "1",
            "from": "phone:139 1234 5678",
            "to": "forum:li",
            "at": minute(3),
            "weight": 2.0,
        }
    ]
    (seen,) = [row async for row in store.export("sightings")]
    assert [tuple(one) for one in seen["identifiers"]] == [("email", "A@B.co "), ("user_id", "guest")]
    assert (seen["observed"], seen["score"]) == (minute(4), 0.5)
    one_ids = [row async for row in store.export("one_ids")]
    assert [row["order"] for row in one_ids] == sorted(row["order"] for row in one_ids)
    assert {row["pin"] for row in one_ids} >= {"user_id:1", "user_id:3", "forum:li", "email:a@b.co"}


async def test_an_export_left_early_holds_nobody_up(store: Store) -> None:
    await ingest(store, [fragment(f"user_id:{n}") for n in range(1_000)])
    export = store.export("identifiers")
    await anext(export)
    await export.aclose()  # type: ignore[attr-defined]

    assert (await ingest(store, [fragment("user_id:1", "device:1")])).accepted == 1


async def test_exports_hold_what_they_say(store: Store) -> None:
    await filled(store)
    one = await one_id_of(store, "user_id:1")
    identifiers = {f"{row['namespace']}:{row['value']}": row for row in [row async for row in store.export("identifiers")]}
    profiles = {row["one_id"]: row for row in [row async for row in store.export("profiles")]}
    fragments = [row async for row in store.export("fragments")]
    [number] = [at for at, name in names_of(await store.everything()).items() if name.text == "phone:+8613912345678"]

    assert identifiers.keys() == {"user_id:1", "user_id:2", "phone:+8613912345678", "email:a@b.co", "device:1"}
    assert identifiers["phone:+8613912345678"] == {
        "namespace": "phone",
        "value": "+8613912345678",
        "one_id": one,
        "shared": False,
        "first_seen": minute(0),
        "last_seen": minute(0),
        "id": number,
    }
    assert identifiers["email:a@b.co"]["first_seen"] is None
    assert one is not None
    assert profiles[one]["identifiers"] == sorted(text for text, row in identifiers.items() if row["one_id"] == one)
    assert (profiles[one]["kind"], profiles[one]["size"], profiles[one]["traits"]) == (
        "person",
        len(profiles[one]["identifiers"]),
        {"name": "Ada"},
    )
    assert [row["traits"] for row in fragments] == [{"name": "Ada"}, None]
    assert fragments[1] | {"id": "", "source": ""} == {
        "source": "",
        "id": "",
        "observedAt": minute(0),
        "identifiers": [{"namespace": "user_id", "value": "2"}, {"namespace": "device", "value": "1"}],
        "traits": None,
        "score": None,
    }


# ---------------------------------------------------------------- reads under the gate


async def test_identifiers_are_found_by_name_and_by_number_also_those_nothing_mentions(ruled: Store) -> None:
    await ingest(ruled, [fragment("user:1", "phone:1", id="gone"), fragment("user:2", "phone:2")])
    await withdraw(ruled, RecordKey("web", "gone"), reason="")
    async with ruled.writing("probe") as writing:
        known = await writing.identifiers(ids("user:1", "user:2", "user:3", "never heard of:1"))
        gone, here = known[ids("user:1")[0]], known[ids("user:2")[0]]
        faces = await writing.faces([gone.id, here.id, here.id + 1_000])

        assert known.keys() == set(ids("user:1", "user:2"))
        assert gone == Known(gone.id, None, 0, None)
        assert here.profile
        assert faces[gone.id] == Member(gone.id, "1", 0, 0, None)
        assert faces[here.id] == Member(here.id, "2", here.profile, 0, None)
        assert faces.get(here.id + 1_000) is None
        assert writing.namespaces()[(here.id >> NAMESPACE_SHIFT) - 1] == "user"


async def test_profiles_are_summed_up(ruled: Store) -> None:
    await ingest(ruled, [fragment("user:1", "device:1", "device:2"), fragment("user:2", "device:3"), fragment("user:3", "device:3")])
    await judge(ruled, [same("device:1", "device:2")])
    async with ruled.writing("probe") as writing:
        known = await writing.identifiers(ids("user:1", "device:1", "device:3", "user:2", "user:3"))
        user, device, fought = (known[one] for one in ids("user:1", "device:1", "device:3"))
        assert user.profile is not None
        assert fought.profile is not None
        summaries = await writing.summaries([user.profile, fought.profile])
        members = await writing.members([user.profile])
        spaces = await writing.namespace_numbers(["user", "device"])

        assert summaries[user.profile].counts == {spaces["user"]: 1, spaces["device"]: 1}
        assert (summaries[user.profile].size, summaries[user.profile].pin, summaries[user.profile].contested) == (3, user.id, False)
        assert summaries[user.profile].kind is ProfileKind.ANONYMOUS
        assert summaries[fought.profile].contested
        assert {m.value for m in members} == {"1", "2"}
        assert {m.group for m in members if m.id != user.id} == {device.group}
        assert all(m.flags & JUDGED for m in members if m.id != user.id)


async def test_links_are_found_by_pair_and_around_identifiers_each_once(ruled: Store) -> None:
    await ingest(
        ruled,
        [
            fragment("user:1", "device:1", at=1),
            fragment("user:1", "device:1", at=5, score=0.9),
            fragment("user:2", "device:1", at=3),
            fragment("user:1", "phone:1", score=0.2),
            fragment("user:1", "user:2", "phone:2"),
        ],
    )
    async with ruled.writing("probe") as writing:
        user, other, device, phone, phone2 = await number(writing, "user:1", "user:2", "device:1", "phone:1", "phone:2")

        def pair(a: int, b: int) -> tuple[int, int]:
            return (min(a, b), max(a, b))

        found = await writing.links([pair(user, device), pair(other, device), pair(user, phone), pair(user, other), pair(device, phone)])
        usable = await writing.usable_links([user, other, device])
        barred = await writing.barred_links([user, other, phone])
        joined = found[pair(user, device)]
        assert (joined.tally.clean, joined.tally.bare, joined.tally.first, joined.tally.last) == (2, 1, minute(1), minute(5))
        assert (joined.tally.top, joined.tally.score, joined.barred, joined.refused) == (0.9, None, False, None)
        assert found[pair(other, device)].refused == Refusal(Rule.LIMIT, "user")
        assert (found[pair(user, phone)].barred, found[pair(user, phone)].refused) == (True, Refusal(Rule.SCORE))
        assert found[pair(user, other)].refused == Refusal(Rule.CONTRADICTION)
        assert (found[pair(user, other)].tally.clean, found[pair(user, other)].tally.dirty) == (0, 1)
        assert pair(device, phone) not in found
        assert sorted((row.a, row.b) for row in usable) == sorted([pair(user, device), pair(other, device)])
        assert sorted((row.a, row.b) for row in barred) == sorted(
            [pair(user, phone), pair(user, other), pair(user, phone2), pair(other, phone2)]
        )
        assert (await writing.usable_links([]), await writing.barred_links([]), await writing.links([])) == ([], [], {})


async def test_neighbours_are_counted_by_judged_group_and_one_by_one_up_to_a_bound(ruled: Store) -> None:
    await ingest(ruled, [fragment(f"user:{n}", "device:1") for n in range(1, 6)])
    await ingest(ruled, [fragment("user:1", "phone:1"), fragment("user:1", "phone:2", score=0.2)])
    await judge(ruled, [same("user:1", "user:2")])
    async with ruled.writing("probe") as writing:
        device, user = await number(writing, "device:1", "user:1")
        spaces = await writing.namespace_numbers(["user", "phone", "device"])
        assert await writing.degrees([(device, spaces["user"])], 10) == {(device, spaces["user"]): (4, 5)}
        groups, single = (await writing.degrees([(device, spaces["user"])], 2))[device, spaces["user"]]
        assert groups > 2
        assert single > 2
        assert await writing.degrees([(user, spaces["phone"])], 10) == {(user, spaces["phone"]): (1, 1)}
        assert await writing.total_degrees([user, device], 10) == {user: 3, device: 5}
        assert (await writing.total_degrees([device], 3))[device] > 3
        [shared] = [m for m in (await writing.faces([device])).values() if m]
        assert shared.flags & SHARED


async def test_rays_are_the_links_of_a_hub_to_one_namespace(open_with: OpenWith) -> None:
    async with open_with('[[namespace]]\nname = "user"\n[[namespace]]\nname = "cookie"\n[profile]\nmax_identifiers = 2\n') as store:
        await ingest(store, [fragment("user:1", f"cookie:{n}", at=n) for n in range(1, 5)])
        async with store.writing("probe") as writing:
            hub, *cookies = await number(writing, "user:1", "cookie:1", "cookie:2", "cookie:3", "cookie:4")
            spaces = await writing.namespace_numbers(["cookie", "user"])
            near = (hub, spaces["cookie"])
            usable, cut = await writing.rays([near], barred=False), await writing.rays([near], barred=True)

            assert {row.a + row.b - hub for row in usable[near]} == set(cookies[2:])
            assert {row.a + row.b - hub for row in cut[near]} == set(cookies[:2])
            assert (await writing.rays([(hub, spaces["user"])], barred=False))[hub, spaces["user"]] == []


async def test_sightings_are_the_active_versions_that_carry_what_is_asked(ruled: Store) -> None:
    await ingest(ruled, [fragment("user:1", "phone:1", "device:1", id="a", at=1), fragment("user:1", "device:1", id="b", at=2, score=0.7)])
    await ingest(ruled, [fragment("user:1", "phone:1", id="c", at=3), fragment("user:1", id="c", at=4)])
    async with ruled.writing("probe") as writing:
        user, phone, device = await number(writing, "user:1", "phone:1", "device:1")
        found = await writing.sightings([(min(user, device), max(user, device)), (min(user, phone), max(user, phone))])
        several = await writing.carrying_several([phone, device])

        both = sorted((seen.observed, seen.score) for seen in found[min(user, device), max(user, device)])
        assert both == [(minute(1), None), (minute(2), 0.7)]
        assert [seen.observed for seen in found[min(user, phone), max(user, phone)]] == [minute(1)]
        assert [seen.ids for seen in several] == [(user, phone, device)]
        assert (await writing.active_version(RecordKey("web", "c"))) is not None
        assert (await writing.active_version(RecordKey("nobody", "c"))) is None


async def test_heads_say_which_version_counts_and_what_became_of_equal_content(ruled: Store) -> None:
    old, new, other = fragment("user:1", id="r", at=1), fragment("user:2", id="r", at=2), fragment("user:3", id="r", at=3)

    async def heads() -> list[tuple[bool, FragmentStatus | None]]:
        async with ruled.writing("probe") as writing:
            asked = [Content(each.key, content(each)) for each in (old, new, other)]
            asked.append(Content(RecordKey("web", "unknown"), b""))
            found = await writing.heads(asked)
            assert asked[3] not in found
            return [(found[one].version is not None, found[one].equal) for one in asked[:3]]

    await ingest(ruled, [old, new])
    assert await heads() == [(True, FragmentStatus.SUPERSEDED), (True, FragmentStatus.ACTIVE), (True, None)]
    await withdraw(ruled, RecordKey("web", "r"), reason="")
    assert await heads() == [(False, FragmentStatus.WITHDRAWN), (False, FragmentStatus.WITHDRAWN), (False, None)]


async def test_judgements_are_found_by_their_ends_unless_void(ruled: Store) -> None:
    await judge(ruled, [same("user:1", "phone:1", at=1), distinct("user:1", "phone:1", at=2), same("user:1", "phone:null", at=3)])
    async with ruled.writing("probe") as writing:
        user, phone = await number(writing, "user:1", "phone:1")
        rows = await writing.judgements([user, phone])

        assert [(row.kind, {row.a, row.b}, row.at, row.in_force) for row in sorted(rows, key=lambda row: row.at)] == [
            (JudgementKind.SAME, {user, phone}, minute(1), False),
            (JudgementKind.DISTINCT, {user, phone}, minute(2), True),
        ]
        assert await writing.judgement_digests([b"no such digest"]) == set()


async def test_a_judgement_between_many_is_kept_as_one_and_found_from_each_of_its_ends(ruled: Store) -> None:
    await ingest(ruled, [fragment("user:1", "device:1"), fragment("phone:3", "phone:4")])
    many = replace(distinct("user:1", "phone:3", at=1), with_a=ids("device:1", "phone:null"), with_b=ids("phone:4", "mail:only here"))
    await judge(ruled, [many])
    async with ruled.writing("probe") as writing:
        user, device, phone, other, mail = await number(writing, "user:1", "device:1", "phone:3", "phone:4", "mail:only here")
        found = [await writing.judgements([at]) for at in (user, device, phone, other, mail)]

        assert {row for rows in found for row in rows} == set(found[0])
        assert [(row.a, row.b, row.with_a, row.with_b, row.in_force) for row in found[0]] == [(user, phone, (device,), (other, mail), True)]
        assert await writing.unmentioned([mail]) == set()
    await ingest(ruled, [fragment("device:1", "phone:4", at=2)])
    assert await one_id_of(ruled, "device:1") == await one_id_of(ruled, "user:1") != await one_id_of(ruled, "phone:4")
    assert (await check(ruled)).differences == ()
    assert (await judge(ruled, [many])).unchanged == 1


async def test_pins_and_what_nothing_mentions(ruled: Store) -> None:
    await ingest(ruled, [fragment("phone:1", at=1)])
    await ingest(ruled, [fragment("phone:2", at=1)])
    await ingest(ruled, [fragment("phone:1", "phone:2", id="link", at=2)])
    await ingest(ruled, [fragment("device:1", id="gone")])
    await judge(ruled, [distinct("device:2", "device:3")])
    await interactions.record(ruled, [like("device:4", "device:5", id="i")])
    await withdraw(ruled, RecordKey("web", "gone"), reason="")
    async with ruled.writing("probe") as writing:
        one, two = await number(writing, "phone:1", "phone:2")
        devices = await number(writing, *(f"device:{n}" for n in range(1, 6)))
        first, second = sorted(await writing.pins([one, two]))

        assert (first.at, first.size, first.leads) == (one, 2, None)
        assert (second.at, second.size, second.leads) == (two, 0, first.n)
        assert await writing.unmentioned([one, *devices]) == {devices[0]}
        assert len(await writing.one_ids([one, two])) == 2
        assert len(set((await writing.one_ids([one, two])).values())) == 1


async def test_a_step_reads_what_it_wrote(ruled: Store) -> None:
    async with ruled.writing("probe") as writing:
        spaces = await writing.namespace_numbers(["user"])
        [user] = await writing.new_identifiers([spaces["user"]], ["1"])
        n = writing.new_one_id()
        await writing.write_identifiers([Member(user, "1", 0, 0, None)], [])
        await writing.answer(Key("a", "b"), b"digest", {"is": "kept"})

        assert (await writing.identifiers(ids("user:1")))[ids("user:1")[0]] == Known(user, None, 0, None)
        assert await writing.answered(Key("a", "b")) == (b"digest", {"is": "kept"})
        assert await writing.answered(Key("a", "c")) is None
        assert await writing.apply(Delta()) == []
        assert n == 1


async def test_a_step_may_be_large(ruled: Store) -> None:
    """Collections of a thousand and more in every call."""
    await ingest(ruled, [fragment(f"user:u{n}", f"device:d{n % 997}", f"phone:p{n}") for n in range(1_200)])
    await judge(ruled, [distinct(f"user:u{n}", f"user:u{n + 1}") for n in range(600)])

    assert (await check(ruled)).differences == ()
    async with ruled.writing("probe") as writing:
        known = await writing.identifiers(ids(*(f"user:u{n}" for n in range(5_000))))
        assert len(known) == 1_200
        assert len(await writing.faces([one.id for one in known.values()])) == 1_200
        assert len(await writing.one_ids([one.id for one in known.values()])) == 1_200
