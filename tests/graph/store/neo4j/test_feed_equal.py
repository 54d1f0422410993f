"""The same history in a SQLite store and in a Neo4j store: the feeds tell the same, in the same order."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from graph.curate import perform
from graph.errors import BadInput
from graph.operations import Erase, Operation, Revert, WithdrawSource
from graph.resolve.rules import Rules
from graph.store.ports import Everything, Store
from graph.views import Page
from tests import neo4j_server
from tests.graph.store.neo4j.test_reads_equal import both
from tests.graph.test_feed import GAINED, LOST
from tests.graph.test_operations import some_operation
from tests.histories import Case, Step, Told, cases, names_of, numbered, over, prove, send
from tests.stores import Run

WHY = "asked to"


class Named:
    """Numbers in order of first appearance: the stores may count otherwise."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}

    def __call__(self, one: Any) -> int:
        return self._numbers.setdefault(one, len(self._numbers))


async def feed(store: Store) -> list[tuple[Any, ...]]:
    """All entries; identifiers, of whom an erasure leaves numbers only, by the first entry in which they are."""
    identifier, cause, told, after = Named(), Named(), list[tuple[Any, ...]](), None
    while True:
        page = await store.changes(Page(100, after), (GAINED, LOST))
        for change in (edge.node for edge in page.edges):
            parts = [
                sorted((one.identifier, identifier(one.id)) for one in (edge.node for edge in change.parts[want.key].edges))
                for want in (GAINED, LOST)
            ]
            told.append(
                (
                    change.seq,
                    change.one_id,
                    change.kind,
                    change.leads_to,
                    *parts,
                    change.cause_kind,
                    cause((change.cause_kind, change.cause)),
                    change.by,
                )
            )
        if not page.has_next:
            return told
        after = page.end


def asked(random: Random, everything: Everything) -> Operation | None:
    """Any operation, erasures, reverts and whole sources among them."""
    known = sorted(one for one in names_of(everything).values() if one.value)
    chance = random.random()
    if chance < 0.3 and known:
        return Erase(None, tuple(random.sample(known, min(len(known), 2))), WHY)
    if chance < 0.4:
        return WithdrawSource(random.choice(["web", "crm", "new"]), 0, WHY)
    if chance < 0.6 and everything.changes:
        cause = random.choice(everything.changes)
        return Revert(cause.cause_kind, cause.cause, WHY)
    return some_operation(random, everything)


async def done(store: Store, step: Step | Operation, told: Told, new_id: Callable[[], str]) -> str:
    try:
        if isinstance(step, Step):
            await send(step, store, told, new_id)
        else:
            await perform(store, step, new_id=new_id, by="ops")
    except BadInput as refused:
        return f"{refused.code} {refused}"
    return "done"


@over(cases(most=12), share=0.3)
def test_the_same_history_makes_the_same_feed(server: neo4j_server.Server, run: Run, case: Case) -> None:
    async def holds(case: Case) -> None:
        rules, random = Rules.parse(case.rules), Random(str(case))
        async with both(server, rules) as stores:
            sqlite, neo4j = [(store, Told(rules), numbered()) for store in (stores.sqlite, stores.neo4j)]
            for step in case.steps:
                operation = asked(random, await stores.sqlite.everything()) if random.random() < 0.5 else None
                for one in (step, operation):
                    if one is not None:
                        assert await done(sqlite[0], one, *sqlite[1:]) == await done(neo4j[0], one, *neo4j[1:])
            expected = await feed(stores.sqlite)
            assert await feed(stores.neo4j) == expected

    prove(run, case, holds)
