"""Whatever was erased: no byte of it is left in any file of an embedded store, whoever looks at it, and whatever is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from pathlib import Path

import pytest

from graph.check import check
from graph.curate import judge, perform
from graph.ingest import ingest
from graph.interactions import record, withdraw
from graph.model import Interaction, RecordKey
from graph.operations import Erase, Withdraw
from graph.resolve.rules import Rules
from graph.store import open_store
from graph.store.ports import Store
from graph.store.sqlite.store import open_sqlite
from tests.build import distinct, fragment, ids, minute, same

ROOT = Path(__file__).parents[3]
VALUES = (b"secret.person@example.com", b"Secret.Person@Example.com", b"139 1234 5678", b"+8613912345678", b"Secretname", "李雷雷".encode())
SOME = ("email:secret.person@example.com", "phone:13912345678")


async def fill(store: Store, of: int = 300) -> None:
    """Somebody in the middle of others, with history of every kind."""
    for n in range(of):
        await ingest(store, [fragment(f"email:u{n}@example.com", f"device:d{n % 40}", traits={"name": f"Number {n}"})], reading=False)
        if n % (of // 5) == 0:
            traits = {"name": "Secretname 李雷雷", "note": "Secret.Person@Example.com called"}
            sent = ("email:Secret.Person@Example.com", "phone:139 1234 5678")
            await ingest(store, [fragment(*sent, id="crm-7", at=n, traits=traits)], reading=False)
            await ingest(store, [fragment(sent[0], f"device:d{n % 40}", id="crm-8", at=n, traits={"note": "139 1234 5678"})])
            await ingest(store, [fragment(sent[0], "user_id:friend", id=f"secret.person@example.com-{n}", traits={"x": "139 1234 5678"})])
            await judge(store, [same(sent[0], f"device:d{n % 40}", at=n, reason="Secretname has it")])
            await judge(store, [distinct(sent[1], f"email:u{n}@example.com", at=n, reason="not Secretname")])
            await record(store, [Interaction("app", f"i{n}", "like", *ids(sent[0], "user_id:friend"), at=minute(n))])
    await withdraw(store, [RecordKey("app", "i0")])
    await perform(store, Withdraw(RecordKey("web", "crm-7"), "Secretname wants it"))


def found(path: Path) -> dict[str, list[bytes]]:
    """What is left, by file."""
    held = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    return {name: left for name, body in held.items() if (left := [value for value in VALUES if value in body])}


async def test_a_store_closes_while_it_waits_for_a_reader_and_somebody_else_is_erased(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with open_sqlite(str(path), Rules.builtin()) as store:
        await ingest(store, [fragment("user_id:1", "user_id:2")])
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM version").fetchone()
        await perform(store, Erase(None, ids("user_id:1"), "asked to"))
        purging = store._purging
        for _ in range(100_000):
            if purging._again._waiters:  # type: ignore[attr-defined]  # it tries again after a pause
                break
            await asyncio.sleep(0)
        purging.wake()
        async with asyncio.timeout(20) as patience:
            await purging.close()
        reader.close()

    assert not patience.expired()


async def test_no_byte_is_left_once_the_receipt_says_so(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with open_store(f"sqlite:///{path}", Rules.builtin()) as store:
        await fill(store)
        assert found(path)
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM version").fetchone()
        done = await perform(store, Erase(None, ids(*SOME), "asked to"))

        assert not await store.purged(done.token, 0.5)
        assert found(path)  # a reader still looks at what was
        reader.execute("ROLLBACK")
        reader.close()
        assert await store.purged(done.token, 30)
        assert found(path) == {}
        assert (await check(store)).differences == ()
    assert found(path) == {}


async def test_who_opens_the_store_next_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with open_store(f"sqlite:///{path}", Rules.builtin()) as store:
        await fill(store)
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM version").fetchone()
        done = await perform(store, Erase(None, ids(*SOME), "asked to"))
    assert found(path)
    reader.close()

    async with open_store(f"sqlite:///{path}", Rules.builtin()) as store:
        assert await store.purged(done.token, 30)
        assert found(path) == {}


KILLED = """
import asyncio, os, signal, sys
from graph.curate import perform
from graph.operations import Erase
from graph.resolve.rules import Rules
from graph.store import open_store
from graph.store.sqlite import erasing, purging
from tests.build import ids
from tests.graph.store.test_erased_bytes import SOME

def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[2] == "erasing":
    erasing.Erasures.bury = killed
else:
    setattr(purging.Purging, sys.argv[2], killed)

async def main():
    async with open_store(f"sqlite:///{sys.argv[1]}", Rules.builtin()) as store:
        done = await perform(store, Erase(None, ids(*SOME), "asked to"))
        await store.purged(done.token, 30)

asyncio.run(main())
"""


@pytest.mark.parametrize("moment", ["erasing", "_write_anew", "_cut_log"])
async def test_killed_at_any_moment_it_is_all_or_nothing_and_goes_on(tmp_path: Path, moment: str) -> None:
    path = tmp_path / "store.db"
    async with open_store(f"sqlite:///{path}", Rules.builtin()) as store:
        await fill(store)
        before = await store.everything()
    command = [sys.executable, "-c", KILLED, str(path), moment]
    ended = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert await ended.wait() == -signal.SIGKILL

    async with open_store(f"sqlite:///{path}", Rules.builtin()) as store:
        if moment == "erasing":
            assert await store.everything() == before
        else:
            assert await store.purged((await store.head())[0], 30)
            assert found(path) == {}
        assert (await check(store)).differences == ()


async def test_a_key_is_made_for_its_owner_alone_beside_the_store(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with open_store(f"sqlite:///{path}", Rules.builtin()) as store:
        await ingest(store, [fragment("email:a@example.com")])
        assert not (tmp_path / "store.db.erasure-key").exists()
        await perform(store, Erase(None, ids("email:a@example.com"), "asked to"))
    key = tmp_path / "store.db.erasure-key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert len(bytes.fromhex(key.read_text().strip())) == 32
