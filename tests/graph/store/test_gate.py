"""The gate over a ledger: a transaction in memory that insists on being used as its protocol says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from graph.store.gate import Gate


class Trouble(Exception):
    """Something that goes wrong in a step or in the store."""


class Ledger:
    """A Transaction whose every call takes a turn of the loop. `fails` names the calls that raise, each once."""

    def __init__(self, *fails: str) -> None:
        self.written: list[str] = []
        self.calls: list[str] = []
        self.fails = list(fails)
        self.long: list[bool] = []
        self.open: list[str] | None = None
        self.step: list[str] | None = None
        self.gone = False  # a broken drop takes the transaction along, as a full disk may

    async def begin(self, *, long: bool = False) -> None:
        self.long.append(long)
        assert self.open is None
        await self._call("begin")
        self.open = []

    async def open_step(self) -> list[str]:
        assert self.open is not None
        assert self.step is None
        await self._call("open_step")
        self.step = []
        return self.step

    async def close_step(self) -> None:
        assert self.open is not None
        assert self.step is not None
        await self._call("close_step")
        self.open += self.step
        self.step = None

    async def drop_step(self) -> None:
        assert self.step is not None
        try:
            await self._call("drop_step")
        finally:
            self.step = None

    async def commit(self) -> None:
        assert self.open is not None
        assert self.step is None
        pending, self.open = self.open, None
        await self._call("commit")
        self.written += pending

    async def rollback(self) -> None:
        await self._call("rollback")
        self.open = self.step = None

    async def _call(self, name: str) -> None:
        self.calls.append(name)
        await asyncio.sleep(0)
        if name in self.fails:
            self.fails.remove(name)
            raise Trouble(name)


async def note(gate: Gate[list[str]], text: str, *, trouble: bool = False, apart: bool = False, long: bool = False) -> None:
    """A request of one step, two turns long."""
    async with gate.step(apart=apart, long=long) as step:
        step.append(f"{text}a")
        await asyncio.sleep(0)
        step.append(f"{text}b")
        if trouble:
            raise Trouble(text)


async def outcomes(*requests: asyncio.Task[None]) -> list[str]:
    """How each request ended."""
    results = await asyncio.wait_for(asyncio.gather(*requests, return_exceptions=True), 5)
    return ["done" if result is None else type(result).__name__ for result in results]


def started(gate: Gate[list[str]], texts: Iterable[str], *, trouble: str = "") -> list[asyncio.Task[None]]:
    return [asyncio.create_task(note(gate, text, trouble=text in trouble)) for text in texts]


async def test_a_step_alone_is_a_transaction() -> None:
    ledger = Ledger()
    await note(Gate(ledger), "x")

    assert ledger.written == ["xa", "xb"]
    assert ledger.calls == ["begin", "open_step", "close_step", "commit"]


async def test_who_waits_goes_on_in_the_same_transaction_in_the_order_they_came() -> None:
    ledger = Ledger()
    await outcomes(*started(Gate(ledger), "abc"))

    assert ledger.written == ["aa", "ab", "ba", "bb", "ca", "cb"]
    assert (ledger.calls.count("begin"), ledger.calls.count("commit")) == (1, 1)


@pytest.mark.parametrize("trouble", [False, True])
async def test_a_long_step_is_the_first_of_its_transaction(trouble: bool) -> None:
    ledger = Ledger()
    gate = Gate(ledger)
    before = asyncio.create_task(note(gate, "a", trouble=trouble))
    ended = await outcomes(before, asyncio.create_task(note(gate, "b", long=True)), asyncio.create_task(note(gate, "c")))

    assert ended == ["Trouble" if trouble else "done", "done", "done"]
    assert ledger.written == [*([] if trouble else ["aa", "ab"]), "ba", "bb", "ca", "cb"]
    assert ledger.long == [False, True]


async def test_nobody_returns_before_the_transaction_is_durable() -> None:
    ledger = Ledger()
    requests = started(Gate(ledger), "abc")
    seen: list[int] = []
    for request in requests:
        request.add_done_callback(lambda _: seen.append(len(ledger.written)))
    await outcomes(*requests)

    assert seen == [6, 6, 6]


async def test_a_group_is_bounded() -> None:
    ledger = Ledger()
    await outcomes(*started(Gate(ledger, group=2), "abcde"))

    assert len(ledger.written) == 10
    assert ledger.calls.count("commit") == 3


async def test_a_step_that_fails_leaves_nothing_and_does_not_touch_the_others() -> None:
    ledger = Ledger()
    ended = await outcomes(*started(Gate(ledger), "abc", trouble="b"))

    assert ended == ["done", "Trouble", "done"]
    assert ledger.written == ["aa", "ab", "ca", "cb"]
    assert ledger.calls.count("commit") == 1


async def test_the_steps_before_one_apart_are_durable_before_it_begins() -> None:
    ledger = Ledger("drop_step")  # even where undoing it goes wrong
    gate = Gate(ledger)
    requests = [*started(gate, "ab"), asyncio.create_task(note(gate, "c", trouble=True, apart=True)), *started(gate, "d")]

    assert await outcomes(*requests) == ["done", "done", "Trouble", "done"]
    assert ledger.written == ["aa", "ab", "ba", "bb", "da", "db"]
    assert ledger.calls.count("commit") == 2


async def test_where_all_steps_fail_nothing_is_committed() -> None:
    ledger = Ledger()
    ended = await outcomes(*started(Gate(ledger), "ab", trouble="ab"))

    assert ended == ["Trouble", "Trouble"]
    assert ledger.calls[-1] == "rollback"
    assert "commit" not in ledger.calls


async def test_a_commit_that_fails_fails_all_of_its_steps_and_no_later_one() -> None:
    ledger = Ledger("commit")
    gate = Gate(ledger)
    ended = await outcomes(*started(gate, "abc"))
    await note(gate, "d")

    assert ended == ["Trouble"] * 3
    assert ledger.written == ["da", "db"]


async def test_a_gate_that_is_not_free_fails_one_request_and_the_next_one_asks_again() -> None:
    ledger = Ledger("begin")
    ended = await outcomes(*started(Gate(ledger), "abc"))

    assert ended == ["Trouble", "done", "done"]
    assert ledger.written == ["ba", "bb", "ca", "cb"]


@pytest.mark.parametrize("call", ["open_step", "close_step"])
async def test_a_step_that_cannot_be_opened_or_closed_fails_alone(call: str) -> None:
    ledger = Ledger(call)
    ended = await outcomes(*started(Gate(ledger), "abc"))

    assert ended == ["Trouble", "done", "done"]
    assert ledger.written == ["ba", "bb", "ca", "cb"]


async def test_where_a_step_cannot_be_undone_its_transaction_fails_and_the_gate_goes_on() -> None:
    ledger = Ledger("drop_step")
    gate = Gate(ledger)
    ended = await outcomes(*started(gate, "abc", trouble="b"))

    assert ended == ["Trouble", "Trouble", "done"]
    assert ledger.written == ["ca", "cb"]


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("who", [0, 1, 2])
@pytest.mark.parametrize("trouble", ["", "b"])
async def test_a_request_cancelled_at_any_moment_is_whole_or_not_there(who: int, times: int, trouble: str) -> None:
    """One of three requests is cancelled after so many turns of the loop, once or twice: the others end as if nothing had been, the gate is
    free afterwards."""
    turn, late = 0, False
    while not late:
        ledger = Ledger()
        gate = Gate(ledger)
        requests = started(gate, "abc", trouble=trouble)
        for _ in range(turn):
            await asyncio.sleep(0)
        late = all(request.done() for request in requests)
        for _ in range(times):
            requests[who].cancel()
            await asyncio.sleep(0)
        ended = await outcomes(*requests)
        await asyncio.wait_for(note(gate, "d"), 5)

        for n, name in enumerate("abc"):
            here = [text for text in ledger.written if text[0] == name]
            if n != who:
                assert ended[n] == ("Trouble" if name in trouble else "done"), f"turn {turn}"
            if ended[n] != "CancelledError":
                assert here == ([f"{name}a", f"{name}b"] if ended[n] == "done" else []), f"turn {turn}"
            assert here in ([], [f"{name}a", f"{name}b"]), f"turn {turn}"
        assert ledger.written[-2:] == ["da", "db"]
        assert ledger.open is None
        turn += 1
    assert turn > 10


async def test_a_request_cancelled_while_it_waits_for_its_turn_writes_nothing() -> None:
    ledger = Ledger()
    requests = started(Gate(ledger), "abc")
    await asyncio.sleep(0)
    requests[1].cancel()

    assert await outcomes(*requests) == ["done", "CancelledError", "done"]
    assert ledger.written == ["aa", "ab", "ca", "cb"]
