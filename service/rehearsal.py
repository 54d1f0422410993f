"""A simulation in a process of its own, so that neither requests nor writers wait for it: `python -m service.rehearsal`.

On stdin one JSON line, `{"url": …, "toml": …}`; its end, which comes with the end of whoever asked, ends this process too. On stdout JSON
lines: `{"progress": 0.5}`, and last `{"result": …}` or `{"error": [code, message]}`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from typing import Any

import orjson

from graph.errors import OneIDError
from graph.jobs import kept
from graph.rehearse import rehearse
from graph.resolve.rules import Rules
from graph.store import open_store

__all__ = ["main", "say"]

_STEP = 0.01
_NICE = 5
"""Whoever serves requests goes first."""


def main() -> None:
    """Do what stdin says."""
    asked = orjson.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_asker, daemon=True).start()
    os.nice(_NICE)
    try:
        say(asyncio.run(_done(asked["url"], asked["toml"])))
    except OneIDError as error:
        say({"error": [error.code, str(error)]})


def say(line: dict[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


async def _done(url: str, toml: str) -> dict[str, Any]:
    said = 0.0

    def told(part: float) -> None:
        nonlocal said
        if part >= said + _STEP:
            said = part
            say({"progress": part})

    async with open_store(url, Rules.builtin()) as store:
        return {"result": await kept(store, await rehearse(store, Rules.parse(toml), told))}


def _end_with_asker() -> None:
    while sys.stdin.buffer.read(1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
