"""Writers killed at random moments, and writers at once: nothing acknowledged is lost, nothing is half there, the store is sound.

ONEID_KILLS says how often a writer is killed: 50 by default, 1,000 by hand.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from graph.check import check
from graph.ingest import ingest
from graph.model import Fragment, Identifier, Key, RecordKey
from graph.resolve.rules import Rules
from graph.store import open_store
from graph.store.ports import Store
from graph.views import ByIdentifier, Want
from tests.graph.store.writer_process import KEY, RULES, SCOPE

KILLS = int(os.environ.get("ONEID_KILLS", "50"))
ROOT = Path(__file__).parents[3]


@dataclass
class Told:
    """What one writer said: its requests by number, and which of them were acknowledged."""

    sent: dict[int, dict[str, Any]] = field(default_factory=dict)
    acknowledged: set[int] = field(default_factory=set)
    tokens: dict[int, int] = field(default_factory=dict)

    def hear(self, output: bytes) -> None:
        for line in output.split(b"\n")[:-1]:  # a last line without its end was cut off
            said = json.loads(line)
            if "sent" in said:
                self.sent[said["sent"]] = said
            else:
                self.acknowledged.add(said["acknowledged"])
                self.tokens[said["acknowledged"]] = said["token"]

    @property
    def token(self) -> int:
        """The last commit that was acknowledged."""
        return max(self.tokens.values(), default=0)

    def operations(self) -> list[Key]:
        """The keys of the operations that were acknowledged as done."""
        return [Key(SCOPE, said["records"][0]) for n, said in self.sent.items() if said["kind"] == "operation" and self.tokens.get(n)]

    def erased(self) -> dict[int, Identifier]:
        """Who was erased, by the receipts that were acknowledged."""
        told = [(self.tokens.get(n, 0), said["records"][1]) for n, said in self.sent.items() if said["kind"] == "erasure"]
        return {token: Identifier(*text.split(":", 1)) for token, text in told if token}

    def fragments(self, *, acknowledged: bool) -> list[list[str]]:
        """The record ids of each request of fragments."""
        return [
            [record for record, *_ in said["records"]]
            for n, said in self.sent.items()
            if said["kind"] == "fragments" and (n in self.acknowledged) is acknowledged
        ]


def writer(url: str, seed: int, requests: int, tasks: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.graph.store.writer_process", url, str(seed), str(requests), str(tasks)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def killed(url: str, seed: int, draw: random.Random) -> Told:
    """A writer killed some time after some acknowledgements: how many it has had does not hang on how fast the machine is."""
    told, acknowledgements = Told(), draw.randint(1, 20)
    with writer(url, seed, 100_000, draw.choice((1, 4))) as process:
        assert process.stdout is not None
        heard = b""
        while heard.count(b"acknowledged") < acknowledgements:
            more = os.read(process.stdout.fileno(), 65_536)
            assert more, process.stderr.read().decode() if process.stderr else ""
            heard += more
        time.sleep(draw.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        told.hear(heard + process.stdout.read())
    return told


async def unanswered(store: Store, keys: list[Key]) -> list[Key]:
    """The keys that the store has no answer for."""
    async with store.writing("test") as writing:
        return [key for key in keys if await writing.answered(key) is None]


async def left_of(store: Store, erased: dict[int, Identifier]) -> list[object]:
    """What is wrong with erasures that were acknowledged: a receipt that is not there, somebody who is known still, or comes in again."""
    receipts = await store.receipts(list(erased))
    known = [view for one in erased.values() for view in await store.profiles_by([ByIdentifier(one)], ()) if view is not None]
    again = await ingest(store, [Fragment("again", one.text, (one,), 1) for one in erased.values()]) if erased else None
    came = list(again.results) if again else []
    texts = [m.value for m in (await store.everything()).members if Identifier("mail", m.value) in erased.values()]
    return [*(erased.keys() - receipts.keys()), *known, *came, *texts]


async def on_record(store: Store, record: str) -> bool:
    return await store.fragment(RecordKey("writer", record), (Want("identifiers"),)) is not None


@pytest.mark.kill
async def test_a_writer_killed_at_any_moment_loses_nothing_acknowledged_and_leaves_nothing_half(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    draw = random.Random(20_261_122)
    acknowledged = in_flight = operations = erasures = 0
    for seed in range(KILLS):
        told = killed(url, seed, draw)
        async with open_store(url, Rules.parse(RULES), erasure_key=KEY) as store:
            assert (await store.head())[0] >= told.token
            for records in told.fragments(acknowledged=True):
                acknowledged += 1
                assert [record for record in records if not await on_record(store, record)] == []
            assert await unanswered(store, told.operations()) == []
            assert await left_of(store, told.erased()) == []
            erasures += len(told.erased())
            operations += len(told.operations())
            for records in told.fragments(acknowledged=False):
                in_flight += 1
                fresh = [record for record in records if int(record.rsplit("-", 1)[1]) >= 100]
                assert len({await on_record(store, record) for record in fresh}) <= 1
            if seed % 10 == 9 or seed == KILLS - 1:
                assert (await check(store)).differences == ()
    assert acknowledged > KILLS
    assert operations > KILLS
    assert erasures > KILLS // 10
    assert in_flight > KILLS // 4  # killed in the middle of something, not in between


@pytest.mark.kill
async def test_two_processes_of_four_tasks_on_the_same_people_leave_a_sound_store(kind: str, url: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}" if kind == "sqlite" else url
    requests = 40 if kind == "sqlite" else 10
    both = [writer(url, seed, requests, 4) for seed in (1, 2)]
    told = [Told(), Told()]
    for process, heard in zip(both, told, strict=True):
        output, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors.decode()
        heard.hear(output)

    assert [len(heard.sent) for heard in told] == [4 * requests] * 2
    assert all(heard.sent.keys() == heard.acknowledged for heard in told)
    assert all(heard.operations() for heard in told)
    async with open_store(url, Rules.parse(RULES), erasure_key=KEY) as store:
        for heard in told:
            assert await unanswered(store, heard.operations()) == []
            assert heard.erased()
            assert await left_of(store, heard.erased()) == []
            for records in heard.fragments(acknowledged=True):
                assert all([await on_record(store, record) for record in records])
        report = await check(store)
    assert report.differences == ()
    assert report.counted["fragments"] > 4 * requests
