"""The same history in a SQLite store and in a Neo4j store: every read of one answers as that of the other, in every detail.

ONEID_TEST_HISTORIES says how many histories, 6 by default.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from random import Random
from typing import Any

import pytest

from graph.errors import BadRules
from graph.model import ChangeKind, Fragment, Identifier, Interaction, ProfileKind, RecordKey
from graph.resolve.rules import Rules
from graph.store.keys import ErasureKey
from graph.store.neo4j.store import Neo4jStore, open_neo4j
from graph.store.ports import Store
from graph.store.sqlite.store import open_sqlite
from graph.traits.names import query_tokens
from graph.views import ByIdentifier, ByNumber, ByOneId, Page, StatsView
from tests import neo4j_server
from tests.answers import BRIEF, LISTS, NODES, SPAN, TOTAL, differences, want, wants
from tests.build import minute
from tests.histories import Add, Case, Interact, Told, _case, numbered, send

HISTORIES = int(os.environ.get("ONEID_TEST_HISTORIES") or 6)


class Both:
    """The two stores, and reads asked of each; the second value is Neo4j's."""

    def __init__(self, sqlite: Store, neo4j: Neo4jStore) -> None:
        self.sqlite, self.neo4j = sqlite, neo4j

    async def __call__(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        return await getattr(self.sqlite, name)(*args, **kwargs), await getattr(self.neo4j, name)(*args, **kwargs)

    async def agree(self, name: str, *args: Any, **kwargs: Any) -> Any:
        expected, answer = await self(name, *args, **kwargs)
        assert answer == expected, (name, kwargs, [*differences(expected, answer)][:3])
        return expected


def clock() -> Callable[[], int]:
    """A clock that is the same for both stores: a minute goes by with each look."""
    minutes = count(10_000)
    return lambda: minute(next(minutes))


@asynccontextmanager
async def both(server: neo4j_server.Server, rules: Rules) -> AsyncIterator[Both]:
    await neo4j_server.wipe(server)
    key = ErasureKey("7e" * 32)
    async with open_sqlite(":memory:", rules, clock(), key) as sqlite, open_neo4j(server.uri, rules, clock(), key) as neo4j:
        yield Both(sqlite, neo4j)


def told(random: Random, case: Case) -> list[Add | Interact]:
    """Names and ties on top of a history, between the identifiers that it speaks of."""
    known = sorted({each for step in case.steps if isinstance(step, Add) for one in step.fragments for each in one.identifiers})
    names = ("Ada An", "An 李雷", "李", "anna", "ann b", "雷 a")
    return [
        Add(tuple(Fragment("crm", f"n{n}", (random.choice(known),), minute(n % 4), {"name": random.choice(names)}) for n in range(8))),
        Interact(tuple(_interaction(random, known, n) for n in range(25))),
    ]


def _interaction(random: Random, known: list[Identifier], n: int) -> Interaction:
    origin, target = random.choices(known, k=2)
    return Interaction("app", f"i{n}", random.choice(["like", "share"]), origin, target, at=minute(n % 5), weight=1.0 + n % 3)


async def play(stores: Both, case: Case) -> None:
    kept: tuple[Any, ...] = (stores.sqlite, stores.neo4j)
    for store in kept:
        new_id, told = numbered(), Told(store.in_force)
        for step in case.steps:
            await send(step, store, told, new_id)


async def compare(stores: Both, random: Random) -> None:
    """Every read of everything there is, with random wants; the lists of every profile page by page."""
    everything = await stores.sqlite.everything()
    parts = wants(random)
    ns = [row.n for row in everything.one_ids]
    await stores.agree("head")
    await stores.agree("rules")
    await stores.agree("rules", 2)
    expected, answer = await stores("stats")
    assert answer == replace(expected, store="neo4j")
    assert answer.refused_by == expected.refused_by
    assert isinstance(answer, StatsView)
    names = [Identifier(everything.namespaces[(m.id >> 40) - 1], m.value) for m in everything.members]
    by = [
        *(ByNumber(n, follow=random.random() < 0.5) for n in ns),
        *map(ByIdentifier, names),
        *(ByOneId(row.one_id) for row in everything.one_ids),
        ByIdentifier(Identifier("no", "such")),
        ByIdentifier(Identifier("user", "\ud800")),
        ByOneId("none"),
        ByNumber(10**9),
    ]
    random.shuffle(by)
    views = await stores.agree("profiles_by", by[:100], parts)
    await stores.agree("profiles_by", by[:20], [])
    for field in LISTS:
        await walk(stores, [view.n for view in views if view][:20], field, random)
    await listed(stores, random)
    await found_again(stores, random, names)


async def walk(stores: Both, ns: list[int], field: str, random: Random) -> None:
    """A list of some profiles to its end, two by two."""
    args = {"refused": True} if field == "links" else {}
    for n in ns[:5]:
        after, more = None, True
        while more:
            one = want(field, first=random.choice([1, 2]), after=after, **args)
            [view] = await stores.agree("profiles_by", [ByNumber(n, follow=False)], [one])
            page = view.parts[one.key]
            after, more = page.end, page.has_next


async def pages(stores: Both, name: str, first: int, *args: Any, **kwargs: Any) -> None:
    after, more = None, True
    while more:
        page = await stores.agree(name, Page(first, after), *args, **kwargs)
        after, more = page.end, page.has_next


async def listed(stores: Both, random: Random) -> None:
    first = random.choice([1, 3, 100])
    at = minute(10_000 + random.randrange(15))
    await pages(stores, "profiles", first, [TOTAL, want("identifiers")])
    await pages(stores, "profiles", first, [], kind=random.choice([*ProfileKind]))
    await pages(stores, "profiles", first, [TOTAL], updated_after=at)
    await pages(stores, "profiles", first, [], updated_after=at, kind=ProfileKind.PERSON)
    await pages(stores, "shared_identifiers", first, [TOTAL, SPAN, BRIEF])
    await pages(stores, "shared_identifiers", first, [], namespaces=["device", "user", "no"])
    await pages(stores, "changes", first, [want("gained"), want("lost", TOTAL), BRIEF])
    await pages(stores, "changes", first, [], kinds=[random.choice([*ChangeKind]).value])
    await pages(stores, "changes", first, [], n=random.randrange(1, 6))


async def found_again(stores: Both, random: Random, names: list[Identifier]) -> None:
    everything = await stores.sqlite.everything()
    ids: list[tuple[str, Any]] = [
        *(("profile", row.n) for row in everything.one_ids),
        *(("identifier", member.id) for member in everything.members),
        *(("link", (link.a, link.b)) for link in everything.links),
        *(("link", (judgement.id,)) for judgement in everything.judgements),
        *(("fragment", seen.version + off) for _, seen in everything.versions for off in (-1, 0)),
        *(("judgement", judgement.id) for judgement in everything.judgements),
        *(("change", 1 + place) for place in range(len(everything.changes) + 1)),
        *((kind, 10**9) for kind in ("profile", "identifier", "fragment", "judgement", "change")),
        ("link", (1, 2)),
    ]
    random.shuffle(ids)
    await stores.agree("nodes", ids[:100], NODES)
    for key, _ in everything.versions[:5]:
        await stores.agree("fragment", key, [want("identifiers"), BRIEF])
    for record in ("0", "1", "2", "gone"):
        await stores.agree("fragment", RecordKey("crm", record), [BRIEF])
    for text in (names[0].value[:1], "a", "1", "雷", "\ud800"):
        prefixes = [Identifier(space, text) for space in ("", *{name.namespace for name in names})]
        for whole in (False, True):
            await stores.agree("search", prefixes, [], Page(2), [TOTAL], whole=whole)
            await stores.agree("search", prefixes[:1], query_tokens(f"an {text}"), Page(2), [TOTAL, want("traits")], whole=whole)
            await stores.agree("search", [], query_tokens(text), Page(2), [TOTAL], whole=whole)
    for _ in range(5):
        ends = [ByIdentifier(random.choice(names)) for _ in range(2)]
        await stores.agree("path", *ends, random.randrange(5), [BRIEF])
    links = (want("fragments", first=2), want("bridge"), want("a", SPAN))
    for _ in range(20):
        a, b = random.choices([*names, Identifier("no", "such"), Identifier("user", "\ud800")], k=2)
        await stores.agree("explain", a, b, [want(field, *links) for field in ("path", "refused", "bridges")])


@pytest.mark.parametrize("seed", range(HISTORIES))
async def test_after_any_history_every_read_answers_as_sqlite_does(server: neo4j_server.Server, seed: int) -> None:
    random = Random(seed)
    case = _case(random, 12, True, True, True)
    try:
        rules = Rules.parse(case.rules)
    except BadRules:
        pytest.skip("drew no rules")
    async with both(server, rules) as stores:
        await play(stores, replace(case, steps=(*case.steps, *told(random, case))))
        await compare(stores, random)
