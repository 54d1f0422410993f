"""One event at a time, and an end for those who do not take it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry, Counter

from service.gql.pace import SlowReader, at_their_pace


@pytest.fixture
def slow() -> Counter:
    return Counter("slow", "Slow readers.", registry=CollectorRegistry())


async def numbers(last: int) -> AsyncIterator[int]:
    for number in range(last):
        yield number


async def a_while() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_who_takes_events_in_time_gets_them_all(slow: Counter) -> None:
    assert [number async for number in at_their_pace(numbers(5), 60, slow, str)] == [0, 1, 2, 3, 4]


async def test_who_takes_an_event_late_is_told_where_to_go_on(slow: Counter) -> None:
    events = at_their_pace(numbers(5), 0.0, slow, str)
    assert await anext(events) == 0
    await a_while()
    with pytest.raises(SlowReader) as told:
        await anext(events)

    assert told.value.cursor == "0"
    assert slow.collect()[0].samples[0].value == 1


async def test_a_reader_is_counted_as_slow_while_it_is(slow: Counter) -> None:
    events = at_their_pace(numbers(5), 0.0, slow, str)
    await anext(events)
    await a_while()

    assert slow.collect()[0].samples[0].value == 1


async def test_a_source_that_is_slow_makes_no_slow_reader(slow: Counter) -> None:
    async def late() -> AsyncIterator[int]:
        for number in range(3):
            await a_while()
            yield number

    assert [number async for number in at_their_pace(late(), 0.0, slow, str)] == [0, 1, 2]
