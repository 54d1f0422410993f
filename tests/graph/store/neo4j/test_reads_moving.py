"""Reads while a writer moves identifiers without pause: no answer shows half of a commit.

ONEID_TEST_READS says how many reads are made, 1,000 by default.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from itertools import count, pairwise
from random import Random

from graph.curate import judge
from graph.errors import StoreBusy
from graph.ingest import ingest
from graph.model import Fragment, Identifier
from graph.store.neo4j.store import Neo4jStore
from graph.views import ByIdentifier, ByNumber, LookUp, ProfileView, Want
from tests.build import distinct, same

READS = int(os.environ.get("ONEID_TEST_READS") or 1_000)
GROUPS = [f"g{n}" for n in range(5)]
HELD = 20
MEMBERS = Want("identifiers", (("first", 100),))
PARTS = (MEMBERS, Want("traits"), Want("links", (("first", 5),)), Want("fragments", (("first", 5),)))


async def fill(store: Neo4jStore) -> None:
    """A few people with some identifiers each."""
    rows = [(group, n) for group in GROUPS for n in range(HELD)]
    await ingest(
        store,
        [
            Fragment("s", f"{group}-{n}", (Identifier("tag", group), Identifier("cookie", f"{group}-{n}")), 1, {"name": group})
            for group, n in rows
        ],
    )


async def move(store: Neo4jStore, done: asyncio.Event) -> int:
    """Join and part people as fast as the gate lets us; how often."""
    random, moved = Random(1), 0
    for at in count(1):
        if done.is_set():
            break
        a, b = random.sample(GROUPS, 2)
        await judge(store, [random.choice([same, distinct])(f"tag:{a}", f"tag:{b}", at=at)])
        moved += 1
    return moved


def wrong(asked: list[LookUp], views: list[ProfileView | None]) -> str | None:
    """What in an answer no moment of the store has."""
    seen: dict[int, int] = {}
    for look_up, view in zip(asked, views, strict=True):
        if view is None:
            return "somebody known is unknown"
        members = {edge.node.identifier: edge.node.id for edge in view.parts[MEMBERS.key].edges}
        if isinstance(look_up, ByIdentifier) and view.size <= 100 and look_up.identifier not in members:
            return "the identifier asked for is not among the members"
        if len(members) != min(view.size, 100):
            return "the size does not fit"
        if any(seen.setdefault(id, view.n) != view.n for id in members.values()):
            return "an identifier is in two profiles"
        if view.size % (HELD + 1):
            return "a group is torn apart"
    return None


async def read(store: Neo4jStore, random: Random, times: int) -> list[str]:
    found = []
    numbers = [view.n for view in await store.profiles_by([ByIdentifier(Identifier("tag", group)) for group in GROUPS], []) if view]
    for _ in range(times):
        asked: list[LookUp] = [ByIdentifier(Identifier("cookie", f"{random.choice(GROUPS)}-{random.randrange(HELD)}")) for _ in range(3)]
        asked += [ByIdentifier(Identifier("tag", group)) for group in GROUPS] if random.random() < 0.3 else []
        asked += [ByNumber(random.choice(numbers))] if random.random() < 0.3 else []
        try:
            views = await store.profiles_by(asked, PARTS if random.random() < 0.3 else [MEMBERS])
        except StoreBusy:
            found.append("busy")
        else:
            found += [trouble] if (trouble := wrong(asked, views)) else []
    return found


async def test_a_writer_that_moves_identifiers_without_pause_makes_no_wrong_answer(store: Neo4jStore) -> None:
    await fill(store)
    done = asyncio.Event()
    moving = asyncio.create_task(move(store, done))
    try:
        found = await asyncio.gather(*(read(store, Random(seed), READS // 4) for seed in range(4)))
    finally:
        done.set()
        moved = await moving

    assert Counter(trouble for some in found for trouble in some) == {}
    assert moved > READS // 100


async def test_reads_as_of_a_commit_are_the_same_while_a_writer_moves_identifiers(store: Neo4jStore) -> None:
    await fill(store)
    for at, (a, b) in enumerate(pairwise(GROUPS), 1):
        await judge(store, [[same, distinct][at % 2](f"tag:{a}", f"tag:{b}", at=-at)])
    last, _ = await store.head()
    everybody = [ByIdentifier(Identifier("tag", group)) for group in GROUPS] + [ByIdentifier(Identifier("cookie", f"{GROUPS[0]}-0"))]
    remembered = {commit: await store.profiles_by(everybody, PARTS, as_of=commit) for commit in range(last - len(GROUPS) + 1, last + 1)}
    done = asyncio.Event()
    moving = asyncio.create_task(move(store, done))
    try:
        answers = await asyncio.gather(*(as_of(store, Random(seed), everybody, sorted(remembered)) for seed in range(4)))
    finally:
        done.set()
        moved = await moving

    assert len({str(views) for views in remembered.values()}) > 2
    assert [commit for some in answers for commit, views in some if views != remembered[commit]] == []
    assert moved >= 12


async def as_of(store: Neo4jStore, random: Random, asked: list[LookUp], commits: list[int]) -> list[tuple[int, list[ProfileView | None]]]:
    """Answers as of these commits, until the writer has moved people a dozen times."""
    found: list[tuple[int, list[ProfileView | None]]] = []
    while len(found) < READS // 200 or (await store.head())[0] < commits[-1] + 12:
        commit = random.choice(commits)
        found.append((commit, await store.profiles_by(asked, PARTS, as_of=commit)))
    return found
