"""Readers beside a step that puts other rules in force: they see all of before or all of after, whatever becomes of it.

ONEID_TEST_SWITCHES says how often rules are switched beside readers, 6 times by default.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from neo4j import AsyncDriver, AsyncTransaction
from neo4j.exceptions import ServiceUnavailable

from graph.applying import Bounds, put_in_force, try_rules
from graph.errors import StoreBusy, StoreTrouble
from graph.ingest import ingest
from graph.resolve.rules import Rules
from graph.store.neo4j import cypher
from graph.store.neo4j import store as stores
from graph.store.neo4j.connect import target_of
from graph.store.neo4j.reads import Run
from graph.store.neo4j.store import Neo4jStore, open_neo4j
from graph.store.neo4j.transaction import Neo4jTransaction
from graph.store.ports import Writing
from graph.views import ByIdentifier
from tests import neo4j_server
from tests.build import fragment, ids
from tests.graph.store.neo4j.switcher import TOML

SWITCHES = int(os.environ.get("ONEID_TEST_SWITCHES") or 6)
PEOPLE = 2_000
ROOT = Path(__file__).parents[4]
OTHER = Rules.parse(TOML)


@pytest.fixture
def mark(driver: AsyncDriver, server: neo4j_server.Server) -> Callable[..., Any]:
    """What readers go by, after a statement that changes it."""

    async def asked(*statements: str, **values: Any) -> list[Any]:
        async with driver.session(database=target_of(server.uri).database) as session:
            for statement in statements:
                await (await session.run(statement, values)).consume()
            record = await (await session.run("MATCH (f:InForce {id: 0}) RETURN f.version, f.switching")).single(strict=True)
            return list(record)

    return asked


LEFT = "MATCH (f:InForce {id: 0}) SET f.version = -2, f.switching = 'of somebody who was killed'"


async def put(store: Neo4jStore, rules: Rules) -> int:
    async with store.writing("rules") as writing:
        return await writing.write_rules(rules)


# ---------------------------------------------------------------- beside it


async def switch(store: Neo4jStore, rules: Rules) -> None:
    """Rules in force, and with them something on every profile that a reader can compare with them."""
    async with store.writing("rules") as writing:
        await writing.write_rules(rules)
        await writing.ask("MATCH (p:Profile) SET p.pinned_by = $toml", toml=rules.toml)


async def look(run: Run, rules: Rules, ns: list[int]) -> tuple[str, list[str]]:
    """By which rules this read goes, and those that profiles are of, by two statements."""
    found = [await run("UNWIND $ns AS n MATCH (p:Profile {n: n}) RETURN collect(DISTINCT p.pinned_by)", ns=some) for some in (ns, ns[::-1])]
    return rules.toml, sorted({toml for each in found for toml in each})


async def read(store: Neo4jStore, done: asyncio.Event) -> Counter[tuple[str, tuple[str, ...]]]:
    seen: Counter[tuple[str, tuple[str, ...]]] = Counter()
    while not done.is_set():
        by, of = await store.read(look, None, list(range(1, PEOPLE + 1, 7)))
        seen[by, tuple(of)] += 1
    return seen


async def test_readers_see_all_of_before_or_all_of_after(store: Neo4jStore, server: neo4j_server.Server) -> None:
    await ingest(store, [fragment(f"user_id:{n}") for n in range(PEOPLE)], reading=False)
    versions = [Rules.parse(f"# {n}\n") for n in range(SWITCHES + 1)]
    await switch(store, versions[0])
    done = asyncio.Event()
    async with open_neo4j(server.uri, Rules.builtin()) as elsewhere, asyncio.TaskGroup() as group:
        readers = [group.create_task(read(each, done)) for each in (store, store, elsewhere, elsewhere)]
        for rules in versions[1:]:
            await asyncio.sleep(0.1)
            await switch(store, rules)
        await asyncio.sleep(0.1)
        done.set()

    seen = sum((reader.result() for reader in readers), Counter())
    assert [one for one in seen if one != (one[0], (one[0],))] == []
    assert {by for by, _ in seen} >= {versions[0].toml, versions[-1].toml}
    assert elsewhere.in_force.toml == store.in_force.toml == versions[-1].toml


# ---------------------------------------------------------------- what is left of one


async def test_a_mark_that_was_left_is_set_right_by_who_takes_the_gate_next(store: Neo4jStore, mark: Any) -> None:
    assert await mark(LEFT) == [-2, "of somebody who was killed"]

    await ingest(store, [fragment("user_id:1")])

    assert await mark() == [1, None]


async def test_a_mark_that_was_left_is_set_right_by_readers_alone(store: Neo4jStore, mark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await ingest(store, [fragment("user_id:1")])
    monkeypatch.setattr(stores, "_KILLED_SECONDS", 0)
    await mark(LEFT)

    found = await asyncio.gather(*(store.profiles_by([ByIdentifier(ids("user_id:1")[0])], ()) for _ in range(5)))

    assert all(view is not None for (view,) in found)
    assert await mark() == [1, None]


async def test_a_mark_that_is_not_there_is_set_by_readers(store: Neo4jStore, mark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "_KILLED_SECONDS", 0)
    await mark("MATCH (f:InForce) SET f.id = 1", "CREATE (:InForce {id: 0})", "MATCH (f:InForce) DELETE f", "CREATE (:InForce {id: 0})")

    assert (await store.stats()).rules_version == 1
    assert await mark() == [1, None]


async def test_a_read_waits_for_other_rules_only_so_long(store: Neo4jStore, mark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "_SWITCH_SECONDS", 0.1)
    await mark(LEFT)

    with pytest.raises(StoreBusy, match="send the request again"):
        await store.stats()


async def test_a_read_does_not_wait_longer_because_a_step_holds_the_gate(
    store: Neo4jStore, mark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "_KILLED_SECONDS", 0)
    monkeypatch.setattr(stores, "_SWITCH_SECONDS", 0.2)
    async with store.writing("fragment") as writing:
        await writing.one_ids([])
        await mark(LEFT)
        with pytest.raises(StoreBusy, match="send the request again"):
            await asyncio.wait_for(store.stats(), 5)

    assert (await ingest(store, [fragment("user_id:1")])).accepted == 1
    assert (await store.stats()).rules_version == 1


async def test_a_read_goes_on_when_the_rules_are_in_force(store: Neo4jStore, mark: Any) -> None:
    """It hears of them, and reads by them."""
    await put(store, OTHER)
    await mark("MATCH (f:InForce {id: 0}) SET f.version = -3, f.switching = 'mine'")
    reading = asyncio.create_task(store.stats())
    await asyncio.sleep(0.05)
    assert not reading.done()
    await mark("CREATE (:Rules {version: 3, toml: '# 3', made: 1})")
    await mark("MATCH (f:InForce {id: 0}) SET f.version = 3 REMOVE f.switching")

    assert (await reading).rules_version == 3
    assert store.in_force.toml == "# 3"


async def test_a_long_step_may_take_longer_than_others(store: Neo4jStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graph.store.neo4j.transaction.TRANSACTION_SECONDS", 1.0)
    tried = await try_rules(store, OTHER, 1, Bounds())

    async def slowly(writing: Writing, applied: object) -> None:
        await asyncio.sleep(4)  # the server looks for those that take too long every two seconds

    async def usual() -> None:
        async with store.writing("rules") as writing:
            await slowly(writing, None)
            await writing.write_rules(OTHER)

    done = await put_in_force(store, tried, Bounds(), finish=slowly)
    with pytest.raises(StoreTrouble):
        await usual()
    rules = await store.rules()
    assert rules is not None
    assert rules.version == done.version


@pytest.mark.kill
@pytest.mark.parametrize(("when", "version"), [("before", 1), ("after", 2)])
async def test_whoever_is_killed_while_putting_rules_in_force_keeps_nobody_waiting(
    store: Neo4jStore, server: neo4j_server.Server, mark: Any, when: str, version: int
) -> None:
    await ingest(store, [fragment("user:1", "device:1")])
    command = [sys.executable, "-m", "tests.graph.store.neo4j.switcher", server.uri, when]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"stopped\n"
    assert (await mark())[0] == -2
    process.send_signal(signal.SIGKILL)
    await process.communicate()

    assert (await store.stats()).rules_version == version
    assert await mark() == [version, None]
    done = await ingest(store, [fragment("user:2", "device:1")])
    assert len(set(done.results[0].one_ids)) == version  # a limit of one user holds the two apart


# ---------------------------------------------------------------- what fails


async def test_a_switch_that_cannot_be_announced_is_none(store: Neo4jStore, mark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its word came to the server, and the answer was lost."""
    said = Neo4jTransaction._mark

    async def lost(self: Neo4jTransaction, statement: str, seconds: float, **values: Any) -> None:
        await said(self, statement, seconds, **values)
        if statement == cypher.BEGIN_SWITCH:
            raise StoreTrouble("the link went down")

    monkeypatch.setattr(Neo4jTransaction, "_mark", lost)
    with pytest.raises(StoreTrouble):
        await put(store, OTHER)

    assert await mark() == [1, None]
    assert store.in_force is Rules.builtin()
    assert (await store.stats()).rules_version == 1


@pytest.mark.parametrize("applied", [True, False])
async def test_a_switch_whose_answer_is_lost_is_looked_up(
    store: Neo4jStore, mark: Any, monkeypatch: pytest.MonkeyPatch, applied: bool
) -> None:
    commit, said = AsyncTransaction.commit, Neo4jTransaction._mark

    async def lose(self: AsyncTransaction) -> None:
        monkeypatch.setattr(AsyncTransaction, "commit", commit)
        if applied:
            await commit(self)
        raise ServiceUnavailable("the link went down")

    async def then_lose(self: Neo4jTransaction, statement: str, seconds: float, **values: Any) -> None:
        await said(self, statement, seconds, **values)
        if statement == cypher.BEGIN_SWITCH:
            monkeypatch.setattr(AsyncTransaction, "commit", lose)

    monkeypatch.setattr(Neo4jTransaction, "_mark", then_lose)
    if applied:
        assert await put(store, OTHER) == 2
    else:
        with pytest.raises(StoreTrouble, match="nothing of it was written"):
            await put(store, OTHER)

    assert store.in_force.toml == (OTHER if applied else Rules.builtin()).toml
    assert await mark() == [2 if applied else 1, None]


async def test_a_word_that_comes_late_changes_nothing_of_another_switch(store: Neo4jStore, mark: Any) -> None:
    """Of a switch that ended, and of who set the mark right after somebody was killed."""
    await mark(cypher.BEGIN_SWITCH, version=2, token="another")

    assert await mark(cypher.END_SWITCH, version=1, token="mine") == [-2, "another"]
    assert await mark(cypher.SET_RIGHT, version=1, left="of somebody who was killed") == [-2, "another"]
    assert await mark(cypher.SET_RIGHT, version=1, left="") == [-2, "another"]
    assert await mark(cypher.END_SWITCH, version=2, token="another") == [2, None]
    assert await mark(cypher.SET_RIGHT, version=1, left="") == [2, None]
