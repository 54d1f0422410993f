"""Exports of a Neo4j store: the rows of the embedded store, and those of one commit whatever is written meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any, get_args

import pytest

from graph.curate import judge, withdraw
from graph.ingest import ingest
from graph.interactions import record
from graph.interactions import withdraw as take_back
from graph.model import Interaction, RecordKey
from graph.resolve.rules import Rules
from graph.store.neo4j import export
from graph.store.neo4j.store import Neo4jStore
from graph.store.ports import ExportKind, Store
from graph.store.sqlite.store import open_sqlite
from tests.build import distinct, fragment, ids, minute, same


async def rows(store: Store, kind: ExportKind) -> list[dict[str, Any]]:
    return [row async for row in store.export(kind)]


def told_apart(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what differs from store to store: the text of OneIDs, and the machine's clock."""
    hidden = {"one_id", "closed_into", "leads_to", "created_at", "updated_at"}
    return sorted(({key: value for key, value in row.items() if key not in hidden} for row in found), key=str)


def history() -> Iterator[Any]:
    number = count()
    for user in range(8):
        for seen in range(2):
            texts = (f"user_id:{user}", f"device:{user * 2 + seen}", "device:all")
            yield ingest, [fragment(*texts, at=user + seen, id=f"r{next(number)}", traits={"name": f"User {user}", "seen": seen})]
    yield ingest, [fragment("user_id:0", "phone:+8613912345678", at=90, id="r1", score=0.5)]
    apart = replace(distinct("device:4", "phone:guest", at=2), with_a=ids("user_id:5"), with_b=ids("user_id:3", "user_id:4"))
    yield judge, [same("user_id:1", "user_id:2", at=1), apart, same("phone:139 1234 5678", "email:A@b.co", at=3), same("a:1", "a:2")]
    yield record, [Interaction("app", str(n), "like", *ids(f"user_id:{n}", "forum: Li"), minute(n), 1.0 + n) for n in range(6)]


async def play(store: Store) -> None:
    for flow, given in history():
        await flow(store, given)
    await withdraw(store, RecordKey("web", "r5"), reason="asked")
    await take_back(store, [RecordKey("app", "3")])


KINDS = [kind for kind in get_args(ExportKind) if kind != "rules"]


@pytest.mark.parametrize("what", KINDS)
async def test_an_export_is_that_of_the_embedded_store(store: Neo4jStore, what: ExportKind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "_PAGE", 3)
    monkeypatch.setattr(export, "_PROFILES", 3)
    await play(store)
    async with open_sqlite(":memory:", Rules.builtin()) as other:
        await play(other)
        expected = told_apart(await rows(other, what))

    assert told_apart(await rows(store, what)) == expected
    assert len(expected) > 3


@pytest.mark.parametrize("what", KINDS)
async def test_what_is_written_during_an_export_does_not_show(store: Neo4jStore, what: ExportKind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "_PAGE", 3)
    monkeypatch.setattr(export, "_PROFILES", 3)
    await play(store)
    expected = await rows(store, what)

    found: list[dict[str, Any]] = []
    async for row in store.export(what):
        if not found:
            await judge(store, [same("user_id:0", "user_id:7", at=5)])
            await record(store, [Interaction("app", "5", "like", *ids("user_id:1", "forum:new"), minute(9))])
            await take_back(store, [RecordKey("app", "0"), RecordKey("app", "4")])
            await withdraw(store, RecordKey("web", "r1"), reason="asked")
            await ingest(store, [fragment(f"user_id:{n}", "phone:+8613912345678", "device:all", at=100) for n in range(30)])
        found.append(row)

    assert told_apart(found) == told_apart(expected)
    assert await rows(store, what) != expected
