"""Explanations while a writer joins and parts people without pause: no answer shows half of a commit."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise
from random import Random

from graph.errors import StoreBusy
from graph.model import Identifier
from graph.store.neo4j.store import Neo4jStore
from graph.views import ExplanationView, Standing
from tests.graph.store.neo4j.test_reads_moving import GROUPS, HELD, READS, fill, move


def wrong(view: ExplanationView) -> str | None:
    """What in an answer no moment of the store has: cookies hang on their group's tag, and tags are judged."""
    groups = {view.a.value.split("-")[0], view.b.value.split("-")[0]}
    if view.standing is Standing.TOGETHER:
        steps = [{link.a.identifier, link.b.identifier} for link in view.path]
        if steps != [set(step) for step in pairwise(view.chain)] or (view.chain[0], view.chain[-1]) != (view.a, view.b):
            return "the chain does not lead from one to the other"
        if any(link.refused or link.kind == "distinct" for link in (*view.path, *view.bridges)):
            return "what is refused joins"
        return None if len(view.path) - 2 >= len(groups) - 1 else "the chain is too short"
    if view.standing is Standing.REFUSED:
        return None if view.refused and all(link.kind != "observed" for link in view.refused) else "a record is refused"
    return None if len(groups) == 2 and view.standing in (Standing.NOTHING, Standing.CHAIN) else f"{view.standing} in {len(groups)} groups"


async def ask(store: Neo4jStore, random: Random, times: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for _ in range(times):
        a, b = (Identifier("cookie", f"{random.choice(GROUPS)}-{random.randrange(HELD)}") for _ in "ab")
        if a == b:
            continue
        try:
            view = await store.explain(a, b, [])
        except StoreBusy:
            found["busy"] += 1
        else:
            found[wrong(view) or view.standing] += 1
    return found


async def test_a_writer_that_joins_and_parts_without_pause_makes_no_wrong_explanation(store: Neo4jStore) -> None:
    await fill(store)
    done = asyncio.Event()
    moving = asyncio.create_task(move(store, done))
    try:
        found = sum(await asyncio.gather(*(ask(store, Random(seed), READS // 4) for seed in range(4))), Counter[str]())
    finally:
        done.set()
        await moving

    assert found.keys() <= {Standing.TOGETHER, Standing.REFUSED, Standing.CHAIN, Standing.NOTHING}
    assert min(found[Standing.TOGETHER], found[Standing.REFUSED]) > READS // 50
