"""The embedded store alone: what can be wrong with its file, or become wrong while it is written to, and how it waits."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from graph.check import check
from graph.errors import StoreBusy, StoreTrouble
from graph.ingest import ingest
from graph.model import RecordKey
from graph.resolve.rules import Rules
from graph.store import open_store
from graph.store.ports import Store
from graph.store.sqlite import store as storing
from graph.store.sqlite.schema import STEPS
from graph.views import ByIdentifier
from tests.build import fragment, ids

BUILTIN = Rules.builtin()
ROOT = Path(__file__).parents[3]


async def opened(path: Path) -> None:
    async with open_store(f"sqlite:///{path}", BUILTIN):
        pass


async def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but longer than the hundred bytes that a header takes: " * 4)
    before = path.read_bytes()

    with pytest.raises(StoreTrouble, match="not a OneID store"):
        await opened(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", [0, 1])
async def test_a_database_of_somebody_else_is_left_alone(tmp_path: Path, version: int) -> None:
    path = tmp_path / "theirs.db"
    theirs = sqlite3.connect(path)
    theirs.execute("CREATE TABLE people (name)")
    theirs.execute(f"PRAGMA user_version = {version}")
    theirs.close()

    with pytest.raises(StoreTrouble, match="not a OneID store"):
        await opened(path)
    theirs = sqlite3.connect(path)
    assert theirs.execute("SELECT name FROM sqlite_master").fetchall() == [("people",)]
    theirs.close()


async def test_a_missing_folder_is_named_as_the_trouble(tmp_path: Path) -> None:
    with pytest.raises(StoreTrouble, match="folder of the store's file does not exist"):
        await opened(tmp_path / "missing" / "store.db")


async def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreTrouble):
        await opened(tmp_path)


async def test_a_store_of_a_newer_version_says_which_it_is(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await opened(path)
    newer = sqlite3.connect(path)
    newer.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    newer.close()

    with pytest.raises(StoreTrouble, match=f"schema step {len(STEPS) + 1}.*knows {len(STEPS)}.*newer oneid"):
        await opened(path)


async def test_a_read_only_file_is_read_and_refuses_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.db"
    async with open_store(f"sqlite:///{path}", BUILTIN) as store:
        await ingest(store, [fragment("user_id:1", id="first")])
    connect = sqlite3.connect

    def read_only(file: str, **options: Any) -> sqlite3.Connection:
        opened: sqlite3.Connection = connect(f"file:{file}?mode=ro", uri=True, **options)
        return opened

    monkeypatch.setattr(sqlite3, "connect", read_only)
    async with open_store(f"sqlite:///{path}", BUILTIN) as store:
        for _ in range(2):
            with pytest.raises(StoreTrouble, match=r"SQLITE_READONLY.*nothing of it was written"):
                await ingest(store, [fragment("user_id:2")])
        assert await on_record(store, ["first"]) == {"first"}
        assert (await check(store)).differences == ()


def test_processes_that_open_a_new_file_at_once_make_one_store(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    line = (
        "import asyncio; from graph.store import open_store; from graph.resolve.rules import Rules; from graph.ingest import ingest\n"
        "from graph.model import Fragment, Identifier\n"
        "async def main():\n"
        f"    async with open_store('sqlite:///{path}', Rules.builtin()) as store:\n"
        "        await ingest(store, [Fragment('web', '%d', (Identifier('user_id', 'u%d'),), 1)])\n"
        "asyncio.run(main())"
    )
    all_at_once = [subprocess.Popen([sys.executable, "-c", line % (n, n)], cwd=ROOT, stderr=subprocess.PIPE) for n in range(3)]
    ended = [(process.communicate(timeout=120)[1], process.returncode) for process in all_at_once]

    assert ended == [(b"", 0)] * 3

    async def audit() -> tuple[int, tuple[str, ...]]:
        async with open_store(f"sqlite:///{path}", BUILTIN) as store:
            return (await store.head())[0], (await check(store)).differences

    assert asyncio.run(audit()) == (4, ())


@pytest.mark.parametrize("room", range(0, 50, 7))
async def test_a_full_disk_refuses_what_does_not_fit_and_loses_nothing(tmp_path: Path, room: int) -> None:
    """The file may grow by so many pages: what was acknowledged stays, what was refused leaves nothing, and with room again it goes on."""
    async with open_store(f"sqlite:///{tmp_path / 'store.db'}", BUILTIN) as store:
        await ingest(store, [fragment("user_id:first", "device:1", id="first")])
        pages = await limited(store, room)
        accepted, refused = ["first"], list[str]()
        for n in range(500):
            if len(refused) > 8:
                break
            record = f"r{n}"
            first = fragment(f"user_id:u{n}", "device:1", id=record, traits={"note": "x" * 600})
            sent = [first, fragment(f"namespace {n}:n", id=f"{record}b")]
            [ended] = await asyncio.gather(ingest(store, sent), return_exceptions=True)
            if isinstance(ended, BaseException):
                assert type(ended) is StoreTrouble
                assert "SQLITE_FULL" in str(ended)
                refused += [record, f"{record}b"]
            else:
                accepted += [record, f"{record}b"]
        assert refused
        assert await on_record(store, accepted) == set(accepted)
        assert await on_record(store, refused) == set()
        assert (await check(store)).differences == ()

        assert await limited(store, 10_000) > pages - 1
        await ingest(store, [fragment(f"namespace {n}:n", id=f"late{n}") for n in range(40)])
        assert (await check(store)).differences == ()


async def limited(store: Store, room: int) -> int:
    """Let the file grow by so many pages; how many it has."""
    assert isinstance(store, storing.SqliteStore)
    async with store.writing("probe"):
        pass
    pages = int(store._connection.execute("PRAGMA page_count").fetchone()[0])
    store._connection.execute(f"PRAGMA max_page_count = {pages + room}")
    return pages


async def on_record(store: Store, records: list[str]) -> set[str]:
    return {record for record in records if await store.fragment(RecordKey("web", record), ()) is not None}


async def test_where_a_full_disk_meets_a_group_only_what_fits_is_acknowledged(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path / 'store.db'}", BUILTIN) as store:
        await limited(store, 25)
        small = [fragment("user_id:small", id="small")]
        big = [fragment(f"user_id:big{n}", "device:1", id=f"big{n}", traits={"note": "x" * 900}) for n in range(200)]
        ended = await asyncio.gather(ingest(store, small), ingest(store, big), ingest(store, small), return_exceptions=True)

        assert isinstance(ended[1], StoreTrouble)
        acknowledged = [one for one in (ended[0], ended[2]) if not isinstance(one, BaseException)]
        assert bool(await on_record(store, ["small"])) == bool(acknowledged)
        assert await on_record(store, [f"big{n}" for n in range(200)]) == set()
        assert (await check(store)).differences == ()


async def test_a_gate_held_by_another_process_for_too_long_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.db"
    async with open_store(f"sqlite:///{path}", BUILTIN) as store:
        assert isinstance(store, storing.SqliteStore)
        store._connection.execute("PRAGMA busy_timeout = 50")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy) as busy:
            await ingest(store, [fragment("user_id:1")])
        other.execute("ROLLBACK")
        other.close()

        assert busy.value.retryable
        assert (await ingest(store, [fragment("user_id:1")])).accepted == 1


async def test_a_token_of_a_write_that_does_not_come_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "_TOKEN_SECONDS", 0.05)
    async with open_store("sqlite://:memory:", BUILTIN) as store:
        with pytest.raises(StoreBusy):
            await store.profiles_by([ByIdentifier(ids("user_id:1")[0])], (), token=99)


async def test_a_look_that_began_before_a_write_does_not_hide_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "_LOOK_SECONDS", 60.0)
    async with open_store("sqlite://:memory:", BUILTIN) as store:
        head, looked, written = store.head, asyncio.Event(), asyncio.Event()

        async def slow() -> tuple[int, int]:
            found = await head()
            looked.set()
            await written.wait()
            return found

        monkeypatch.setattr(store, "head", slow)
        waiting = asyncio.create_task(store.wait_for_change(1, 50))
        await looked.wait()
        await ingest(store, [fragment("user_id:1")])
        written.set()

        assert await asyncio.wait_for(waiting, 5) == 2
