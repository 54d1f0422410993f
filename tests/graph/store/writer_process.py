"""A process that writes to a store until it is killed or done, telling each request before it is sent and after it was acknowledged.

    python -m tests.graph.store.writer_process URL SEED REQUESTS TASKS

Each line on stdout is JSON: {"sent": n, "kind": …, "records": […]} and {"acknowledged": n, "token": commit}. Requests of all writers name
overlapping identifiers.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from itertools import count

from graph import curate, interactions
from graph.errors import NotFound
from graph.ingest import ingest
from graph.model import Fragment, Identifier, Interaction, Judgement, JudgementKind, RecordKey
from graph.resolve.rules import Rules
from graph.store import open_store
from graph.store.ports import Store

__all__ = ["RULES"]

RULES = """
[[namespace]]
name = "user"
limit = 1
[[namespace]]
name = "phone"
limit = 2
shared_above = 4
[[namespace]]
name = "cookie"
conflict = "park"
[[namespace]]
name = "device"
shared_above = 6
[profile]
max_identifiers = 12
"""
_MINUTE = 60_000_000


def _tell(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _identifier(draw: random.Random) -> Identifier:
    namespace = draw.choice(("user", "phone", "cookie", "device", "device"))
    return Identifier(namespace, str(draw.randrange(1, 40)))


def _fragments(draw: random.Random, task: str, numbers: count[int]) -> list[Fragment]:
    made = []
    for _ in range(draw.randrange(1, 6)):
        record = f"{task}-{next(numbers) if draw.random() < 0.8 else draw.randrange(20)}"
        carried = tuple(_identifier(draw) for _ in range(draw.randrange(1, 4)))
        made.append(Fragment("writer", record, carried, draw.randrange(10_000) * _MINUTE, {"n": draw.randrange(9)}))
    return made


async def _write(store: Store, task: str, draw: random.Random, requests: int, sent: count[int]) -> None:
    numbers = count(100)
    for _ in range(requests):
        n, what = next(sent), draw.random()
        if what < 0.7:
            fragments = _fragments(draw, task, numbers)
            told = [[f.id, [i.text for i in f.identifiers], f.observed_at] for f in fragments]
            _tell({"sent": n, "kind": "fragments", "records": told})
            token = (await ingest(store, fragments)).token
        elif what < 0.8:
            record = f"{task}-{draw.randrange(100, 120)}"
            _tell({"sent": n, "kind": "withdrawal", "records": [record]})
            try:
                token = (await curate.withdraw(store, RecordKey("writer", record), reason="test")).token
            except NotFound:
                token = 0
        elif what < 0.9:
            a, b = _identifier(draw), _identifier(draw)
            _tell({"sent": n, "kind": "judgement", "records": [a.text, b.text]})
            judgement = Judgement(draw.choice(list(JudgementKind)), a, b, draw.randrange(10_000) * _MINUTE, reason=f"{task}-{n}")
            token = (await curate.judge(store, [judgement])).token
        else:
            record = f"{task}-{n}"
            _tell({"sent": n, "kind": "interaction", "records": [record]})
            likes = Interaction("writer", record, "like", _identifier(draw), _identifier(draw), draw.randrange(10_000) * _MINUTE)
            token = (await interactions.record(store, [likes])).token
        _tell({"acknowledged": n, "token": token})


async def _run(url: str, seed: int, requests: int, tasks: int) -> None:
    sent = count()
    async with open_store(url, Rules.parse(RULES)) as store:
        await asyncio.gather(*(_write(store, f"{seed}-{task}", random.Random(f"{seed}-{task}"), requests, sent) for task in range(tasks)))


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1], *(int(argument) for argument in sys.argv[2:5])))
