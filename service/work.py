"""A job in a process of its own, so that neither requests nor writers wait for it: `python -m service.work`.

On stdin one JSON line, `{"url": …, "erasure_key": [text, path]}` with the fields of `Asked`; its end, which comes with the end of whoever
asked, ends this process too. On stdout JSON lines: `{"progress": 0.5}`, and last `{"result": …}` or `{"error": [code, message]}`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import orjson

from graph.errors import OneIDError
from graph.jobs import APPLY, SIMULATE, WITHDRAW, apply_as_job, kept, withdraw_as_job
from graph.rehearse import rehearse
from graph.resolve.rules import Rules
from graph.store import open_store
from graph.store.keys import ErasureKey
from graph.store.ports import Store

__all__ = ["Asked", "main", "say"]

_STEP = 0.01
_NICE = 5
"""Whoever serves requests goes first."""


class Asked(NamedTuple):
    """A job to be done: its kind and number on record, who asked for it and with which API key, and what for."""

    kind: str
    job: int
    by: str | None
    key_id: str | None
    input: Mapping[str, Any]


Work: TypeAlias = Callable[[Store, Asked, Callable[[float], None]], Awaitable[dict[str, Any]]]
"""What a kind of job does; its result, as the job keeps it, comes back. The function handed in hears how far it is, from 0 to 1."""


async def _simulate(store: Store, asked: Asked, told: Callable[[float], None]) -> dict[str, Any]:
    return await kept(store, await rehearse(store, Rules.parse(asked.input["toml"]), told))


async def _withdraw(store: Store, asked: Asked, told: Callable[[float], None]) -> dict[str, Any]:
    return await withdraw_as_job(store, asked.job, asked.input, by=asked.by, key_id=asked.key_id, told=told)


async def _apply(store: Store, asked: Asked, told: Callable[[float], None]) -> dict[str, Any]:
    return await apply_as_job(store, asked.job, asked.input, by=asked.by, key_id=asked.key_id, told=told)


_WORK: Final[Mapping[str, Work]] = {SIMULATE: _simulate, APPLY: _apply, WITHDRAW: _withdraw}


def main() -> None:
    """Do what stdin says."""
    asked = orjson.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_asker, daemon=True).start()
    os.nice(_NICE)
    try:
        say({"result": asyncio.run(_done(asked.pop("url"), asked.pop("erasure_key"), Asked(**asked)))})
    except OneIDError as error:
        say({"error": [error.code, str(error)]})


def say(line: dict[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


async def _done(url: str, secret: tuple[str | None, str | None], asked: Asked) -> dict[str, Any]:
    said = 0.0

    def told(part: float) -> None:
        nonlocal said
        if part >= said + _STEP:
            said = part
            say({"progress": part})

    text, path = secret
    key = ErasureKey(text, None if path is None else Path(path))
    async with open_store(url, Rules.builtin(), erasure_key=key) as store:
        return await _WORK[asked.kind](store, asked, told)


def _end_with_asker() -> None:
    while sys.stdin.buffer.read(1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
