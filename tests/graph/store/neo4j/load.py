"""Requests that are sent until an answer comes, whatever happens meanwhile, and what must be true of the store at the end."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable
from itertools import count

from neo4j import AsyncDriver

from graph.check import check
from graph.errors import StoreTrouble
from graph.ingest import Ingested, ingest
from graph.model import Fragment, Identifier, Key
from graph.resolve.rules import Rules
from graph.resolve.whole import resolve
from graph.store.neo4j.store import Neo4jStore
from tests.graph.store.neo4j.writer import RULES, SPACES

__all__ = ["Load", "assert_partition"]

PEOPLE = 150
ANSWER_SECONDS = 120
CANCELLED = 0.4
"""How many of the tries are cancelled, where tries are cancelled at all."""


class Load:
    """Requests by their keys, what was answered, and how often each was tried. `cancels`: some tries are cancelled at random moments."""

    def __init__(self, seed: int = 0, *, cancels: bool = False) -> None:
        self.sent: dict[Key, list[Fragment]] = {}
        self.answered: dict[Key, Ingested] = {}
        self.tries: Counter[Key] = Counter()
        self.troubles: Counter[str] = Counter()
        self.cancelled = 0
        self._seed = seed
        self._answer = asyncio.Condition()
        self._cancels = cancels

    async def write(self, store: Neo4jStore, writer: str, done: asyncio.Event, *, most: int = 1_000_000) -> None:
        """One request after another, each until it is answered; identifiers overlap with those of all other writers."""
        draw = random.Random(f"{self._seed}-{writer}")
        for n in range(most):
            if done.is_set():
                return
            key = Key(writer, str(n))
            self.sent[key] = [self._fragment(draw, writer, n, place) for place in range(draw.randrange(1, 6))]
            await self._until_answered(store, key, draw)

    async def more_answers(self, number: int) -> None:
        """Wait until so many more requests are answered."""
        wanted = len(self.answered) + number
        async with asyncio.timeout(ANSWER_SECONDS), self._answer:
            await self._answer.wait_for(lambda: len(self.answered) >= wanted)

    async def _until_answered(self, store: Neo4jStore, key: Key, draw: random.Random) -> None:
        async with asyncio.timeout(ANSWER_SECONDS):
            for tried in count(1):
                self.tries[key] = tried
                sending = asyncio.create_task(ingest(store, self.sent[key], key=key, reading=False))
                if self._cancels and draw.random() < CANCELLED:
                    asyncio.get_running_loop().call_later(draw.random() ** 2 * 0.15, sending.cancel)
                try:
                    self.answered[key] = await sending
                except StoreTrouble as trouble:
                    self.troubles[f"{trouble.code}: {trouble}"] += 1
                except asyncio.CancelledError:
                    if not sending.cancelled():
                        raise  # not the request, we are
                    self.cancelled += 1
                else:
                    async with self._answer:
                        self._answer.notify_all()
                    return
                await asyncio.sleep(draw.random() * 0.05)

    @staticmethod
    def _fragment(draw: random.Random, writer: str, n: int, place: int) -> Fragment:
        """Mostly a record of its own, sometimes a newer version of an earlier one; no two are the same."""
        record = f"{writer}-{n}-{place}" if draw.random() < 0.8 else f"{writer}-{draw.randrange(20)}"
        carried = tuple(Identifier(space, str(draw.randrange(PEOPLE))) for space in draw.sample(SPACES, draw.choice((2, 3))))
        return Fragment(writer, record, carried, n * 10 + place)

    async def prove(self, store: Neo4jStore, driver: AsyncDriver) -> None:
        """Every request that was sent is answered and stands there exactly once; the store is sound, and what the pure function makes
        of what was sent."""
        assert self.answered.keys() == self.sent.keys()
        assert {(done.accepted, done.unchanged) for key, done in self.answered.items()} <= {(n, 0) for n in range(1, 6)}
        assert [key for key, done in self.answered.items() if done.accepted != len(self.sent[key])] == []

        async with driver.session() as session:
            keys = await (await session.run("MATCH (r:Request) RETURN r.scope, r.key")).values()
            (versions,) = await (await session.run("MATCH (f:Fragment) RETURN count(*)")).value()
            commits = await (await session.run("MATCH (c:Commit {kind: 'fragment'}) RETURN count(*), max(c.n)")).values()
        assert sorted(map(tuple, keys)) == sorted(self.sent)
        assert versions == sum(map(len, self.sent.values()))
        assert commits == [[len(self.sent), len(self.sent) + 1]]  # one each, after that of the first rules
        await assert_partition(store, [fragment for fragments in self.sent.values() for fragment in fragments])


async def assert_partition(store: Neo4jStore, fragments: Iterable[Fragment]) -> None:
    """`check` finds nothing, and the people of the store are those of the pure function over what was sent."""
    assert (await check(store)).differences == ()
    held = await store.everything()
    people: dict[int, set[Identifier]] = {}
    for member in held.members:
        if member.profile:
            people.setdefault(member.profile, set()).add(Identifier(held.namespaces[(member.id >> 40) - 1], member.value))
    pure = resolve(fragments, [], Rules.parse(RULES)).profiles
    assert {frozenset(one) for one in people.values()} == {frozenset(one) for one in pure}
