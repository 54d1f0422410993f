"""A process that writes to a store until it is killed or done, telling each request before it is sent and after it was acknowledged.

    python -m tests.graph.store.writer_process URL SEED REQUESTS TASKS

Each line on stdout is JSON: {"sent": n, "kind": …, "records": […]} and {"acknowledged": n, "token": commit}; of an operation `records` is
its idempotency key, and a token of 0 says that it was refused. Requests of all writers name overlapping identifiers.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, TypeAlias

from graph import curate, interactions
from graph.errors import BadInput, Stale, StoreTrouble
from graph.ingest import Ingested, ingest
from graph.model import Fragment, Identifier, Interaction, Judgement, JudgementKind, Key, RecordKey
from graph.operations import Erase, Merge, Operation, Revert, Split
from graph.resolve.rules import Rules
from graph.store import open_store
from graph.store.keys import ErasureKey
from graph.store.ports import Store
from graph.views import ByIdentifier

__all__ = ["KEY", "RULES", "SCOPE"]

KEY = ErasureKey("7e" * 32)
SCOPE = "writer/operation"

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
_Send: TypeAlias = Callable[[], Awaitable[int]]


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


async def _perform(store: Store, operation: Operation, key: Key, *, look: bool) -> int:
    token = (await curate.preview(store, operation)).token if look else None
    return (await curate.perform(store, operation, token=token, key=key)).token


def _request(
    store: Store, task: str, n: int, draw: random.Random, numbers: count[int]
) -> tuple[str, list[Any], Callable[[], Awaitable[int]]]:
    """What kind of request it is, what is told of it, and how it is sent; the commit comes back."""
    what, at = draw.random(), draw.randrange(10_000) * _MINUTE
    key = Key(SCOPE, f"{task}-{n}")
    if what < 0.03:
        mail, beside = Identifier("mail", f"{task}-{n}@example.com"), _identifier(draw)
        fragment = Fragment("writer", f"{task}-m{n}", (mail, beside), at, {"mail": mail.value})

        async def forget() -> int:
            await ingest(store, [fragment])
            return await _perform(store, Erase(None, (mail,), "test"), key, look=False)

        return "erasure", [key.key, mail.text], forget
    if what < 0.5:
        fragments = _fragments(draw, task, numbers)
        told = [[f.id, [i.text for i in f.identifiers], f.observed_at] for f in fragments]
        return "fragments", told, lambda: _token(ingest(store, fragments, key=key))
    if what < 0.7:
        kind, one, other = draw.choice(("revert", "revert", "merge", "split")), _identifier(draw), _identifier(draw)
        back, look = draw.randrange(20), draw.random() < 0.3

        async def operate() -> int:
            last = (await store.head())[1]
            operation: Operation = Revert("change", max(1, last - back), "test")
            if kind == "merge":
                operation = Merge((ByIdentifier(one), ByIdentifier(other)), "test")
            elif kind == "split":
                operation = Split(ByIdentifier(one), (one,), "test")
            return await _perform(store, operation, key, look=look)

        return "operation", [key.key], operate
    if what < 0.8:
        record = RecordKey("writer", f"{task}-{draw.randrange(100, 120)}")
        return "withdrawal", [record.id], lambda: _token(curate.withdraw(store, record, reason="test", key=key))
    if what < 0.9:
        judgement = Judgement(draw.choice(list(JudgementKind)), _identifier(draw), _identifier(draw), at, reason=f"{task}-{n}")
        return "judgement", [judgement.a.text, judgement.b.text], lambda: _token(curate.judge(store, [judgement], key=key))
    like = Interaction("writer", f"{task}-{n}", "like", _identifier(draw), _identifier(draw), at)
    return "interaction", [like.id], lambda: _token(interactions.record(store, [like], key=key))


async def _token(done: Awaitable[Ingested | curate.Curated | interactions.Recorded]) -> int:
    return (await done).token


async def _answered(send: _Send) -> int:
    """The answer to a request, which is sent until there is one; 0 where it is refused."""
    while True:
        try:
            return await send()
        except (BadInput, Stale):
            return 0
        except StoreTrouble:
            await asyncio.sleep(0.01)


async def _write(store: Store, task: str, draw: random.Random, requests: int, sent: count[int]) -> None:
    numbers = count(100)
    for _ in range(requests):
        n = next(sent)
        kind, records, send = _request(store, task, n, draw, numbers)
        _tell({"sent": n, "kind": kind, "records": records})
        _tell({"acknowledged": n, "token": await _answered(send)})


async def _run(url: str, seed: int, requests: int, tasks: int) -> None:
    sent = count()
    async with open_store(url, Rules.parse(RULES), erasure_key=KEY) as store:
        await asyncio.gather(*(_write(store, f"{seed}-{task}", random.Random(f"{seed}-{task}"), requests, sent) for task in range(tasks)))


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1], *(int(argument) for argument in sys.argv[2:5])))
