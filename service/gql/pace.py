"""Readers that do not keep up: a subscription hands on one event at a time, and ends where nobody takes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from prometheus_client import Counter

from graph.errors import OneIDError

__all__ = ["SlowReader", "at_their_pace"]

Event = TypeVar("Event")


class SlowReader(OneIDError):
    """A subscriber took nothing for too long; `cursor` is where to go on, where the subscription has such."""

    code = "SLOW_READER"

    def __init__(self, seconds: float, cursor: str | None) -> None:
        on = "subscribe again" if cursor is None else "subscribe again, with `after` as `extensions.cursor` says"
        super().__init__(f"nothing was taken of this subscription for {seconds:g} seconds; {on}")
        self.cursor = cursor


async def at_their_pace(
    events: AsyncIterator[Event], seconds: float, slow: Counter, cursor: Callable[[Event], str | None]
) -> AsyncIterator[Event]:
    """What comes, as fast as it is taken; SlowReader, where to go on, after an event that was waiting for longer than `seconds`.

    What is not taken waits in no queue: the next event is made when this one is on its way. `slow` counts a reader as soon as it is late,
    which it may never be told of.
    """
    loop = asyncio.get_running_loop()
    async for event in events:
        late = asyncio.Event()
        clock = loop.call_later(seconds, _noticed, late, slow)
        try:
            yield event
        finally:
            clock.cancel()
        if late.is_set():
            raise SlowReader(seconds, cursor(event))


def _noticed(late: asyncio.Event, slow: Counter) -> None:
    late.set()
    slow.inc()
