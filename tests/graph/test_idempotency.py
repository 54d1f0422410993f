"""Requests with a key: whoever does not know what became of a request sends it again and gets its first answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random

import pytest

from graph import interactions
from graph.curate import judge, withdraw
from graph.errors import KeyReused, NotFound
from graph.ingest import Ingested, ingest
from graph.model import Interaction, Key, RecordKey
from graph.resolve.rules import Rules
from graph.store.ports import Store
from tests.build import distinct, fragment, ids, minute, same
from tests.histories import Answer, Case, Told, cases, numbered, over, prove, send
from tests.stores import OpenWith, Run

DAY = 24 * 3600 * 1_000_000


def counts(answer: Answer) -> Answer:
    """An answer as it is kept: results of single fragments are not."""
    if isinstance(answer, Ingested):
        return replace(answer, results=(), token=0, replayed=True)
    return answer if isinstance(answer, NotFound) else replace(answer, replayed=True)


@over(cases())
def test_sending_again_with_the_same_key_changes_nothing(open_with: OpenWith, run: Run, case: Case) -> None:
    """Every request may come again at any later time: the store ends the same, row by row, and each copy gets the first answer."""

    async def holds(case: Case) -> None:
        rules, random = Rules.parse(case.rules), Random(str(case))
        told = Told(rules, requests=[step.fragments for step in case.steps if hasattr(step, "fragments")])
        new_id = numbered()
        async with open_with(rules) as store:
            for n, step in enumerate(case.steps):
                await send(step, store, told, new_id, Key("scope", str(n)))
            expected = await store.everything()
        new_id = numbered()
        answers: list[Answer] = []
        async with open_with(rules) as store:
            for n, step in enumerate(case.steps):
                answers.append(await send(step, store, told, new_id, Key("scope", str(n))))
                earlier = random.randint(0, n)
                if not isinstance(answers[earlier], NotFound):
                    again = await send(case.steps[earlier], store, told, new_id, Key("scope", str(earlier)))
                    assert counts(again) == counts(answers[earlier])
                    assert not isinstance(again, NotFound)
                    assert again.replayed
            assert await store.everything() == expected

    prove(run, case, holds)


def like(*, at: float = 0) -> Interaction:
    origin, target = ids("user_id:1", "user_id:2")
    return Interaction("app", "i", "like", origin, target, at=minute(at))


KEY = Key("api key, mutation", "chosen by the client")
REQUESTS: dict[str, tuple[Callable[[Store], Awaitable[Answer]], Callable[[Store], Awaitable[Answer]]]] = {
    "fragments": (
        lambda store: ingest(store, [fragment("user_id:1", id="r", at=1)], key=KEY),
        lambda store: ingest(store, [fragment("user_id:1", id="r", at=2)], key=KEY),
    ),
    "judgements": (
        lambda store: judge(store, [same("user_id:1", "email:a@b.co")], key=KEY),
        lambda store: judge(store, [distinct("user_id:1", "email:a@b.co")], key=KEY),
    ),
    "withdrawal": (
        lambda store: withdraw(store, RecordKey("web", "first"), reason="one", key=KEY),
        lambda store: withdraw(store, RecordKey("web", "first"), reason="two", key=KEY),
    ),
    "interactions": (
        lambda store: interactions.record(store, [like()], key=KEY),
        lambda store: interactions.record(store, [like(at=1)], key=KEY),
    ),
    "interactions taken back": (
        lambda store: interactions.withdraw(store, [RecordKey("app", "first")], key=KEY),
        lambda store: interactions.withdraw(store, [RecordKey("app", "second")], key=KEY),
    ),
}


async def prepared(store: Store) -> None:
    await ingest(store, [fragment("user_id:9", id="first")])
    await interactions.record(store, [replace(like(), id="first"), replace(like(), id="second")])


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_key_stands_for_its_content(store: Store, name: str) -> None:
    this, other = REQUESTS[name]
    await prepared(store)
    first = await this(store)
    before = await store.everything()

    with pytest.raises(KeyReused):
        await other(store)
    again = await this(store)
    assert counts(again) == counts(first)
    assert not isinstance(again, NotFound)
    assert again.replayed
    assert await store.everything() == before


@pytest.mark.parametrize("name", REQUESTS)
async def test_of_two_at_once_one_is_done_and_the_other_hears_of_it(store: Store, name: str) -> None:
    this, other = REQUESTS[name]
    await prepared(store)
    done = await asyncio.gather(this(store), this(store), other(store), return_exceptions=True)

    assert [getattr(one, "replayed", None) for one in done[:2]] == [False, True]
    assert isinstance(done[2], KeyReused)


async def test_a_key_holds_within_its_scope(store: Store) -> None:
    await ingest(store, [fragment("user_id:1", id="a")], key=Key("one", "k"))
    done = await ingest(store, [fragment("user_id:2", id="b")], key=Key("two", "k"))

    assert (done.accepted, done.replayed) == (1, False)


async def test_a_request_that_failed_leaves_its_key_free(store: Store) -> None:
    with pytest.raises(NotFound):
        await withdraw(store, RecordKey("web", "late"), reason="", key=KEY)
    await ingest(store, [fragment("user_id:1", id="late")])

    assert not (await withdraw(store, RecordKey("web", "late"), reason="", key=KEY)).replayed


async def test_an_answer_is_kept_over_reopening_and_for_seven_days(open_with: OpenWith, place: str) -> None:
    now = minute(0)
    async with open_with(place=place, clock=lambda: now) as store:
        first = await ingest(store, [fragment("user_id:1", id="r")], key=KEY)
    now = minute(0) + 7 * DAY - 1_000_000
    async with open_with(place=place, clock=lambda: now) as store:
        await ingest(store, [fragment("user_id:2")])
        again = await ingest(store, [fragment("user_id:1", id="r")], key=KEY)
        assert (again.accepted, again.replayed) == (first.accepted, True)
        with pytest.raises(KeyReused):
            await ingest(store, [fragment("user_id:3", id="r")], key=KEY)

        now = minute(0) + 7 * DAY + 60_000_000
        await ingest(store, [fragment("user_id:4")])
        later = await ingest(store, [fragment("user_id:3", id="r3")], key=KEY)
        assert (later.accepted, later.replayed) == (1, False)
