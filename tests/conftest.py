"""What all tests share: stores, a loop, and hypothesis profiles.

Profiles by ONEID_HYPOTHESIS: `dev` (200 examples, the default), `ci` (2,000, always the same ones; the default where CI is set) and
`by_hand` (100,000).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import settings

from graph.store.ports import Store
from tests import stores
from tests.stores import InlineLoop, OpenWith, Run

settings.register_profile("dev", max_examples=200, deadline=None)
settings.register_profile("ci", max_examples=2_000, deadline=None, derandomize=True, print_blob=True)
settings.register_profile("by_hand", max_examples=100_000, deadline=None)
settings.load_profile(os.environ.get("ONEID_HYPOTHESIS") or ("ci" if os.environ.get("CI") else "dev"))


ON_A_SERVER = 25
"""Examples of a property that is tried on a server, at most: each waits for the network many times."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fewer examples on a server than in memory."""
    claim = getattr(item, "obj", None)
    chosen = getattr(claim, "_hypothesis_internal_use_settings", None)
    if chosen is None or "neo4j" not in getattr(item, "callspec", _Plain).params.values():
        return (yield)
    fewer = settings(chosen, max_examples=min(ON_A_SERVER, chosen.max_examples))
    claim._hypothesis_internal_use_settings = fewer
    try:
        return (yield)
    finally:
        claim._hypothesis_internal_use_settings = chosen


class _Plain:
    """A test without parameters."""

    params: ClassVar[dict[str, str]] = {}


@pytest.fixture(scope="session", params=stores.KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of store in turn."""
    chosen: str = request.param
    return chosen


@pytest.fixture(scope="session")
def open_with(kind: str) -> OpenWith:
    """Opens stores of this kind: `async with open_with(rules) as store`."""
    return stores.open_with(kind)


@pytest.fixture
def place(kind: str, tmp_path: Path) -> str:
    """Where a store is kept over several openings: `open_with(rules, place=place)`."""
    return stores.place_of(kind, tmp_path)


@pytest.fixture
async def store(open_with: OpenWith) -> AsyncIterator[Store]:
    """An empty store under the built-in rules."""
    async with open_with() as opened:
        yield opened


@pytest.fixture(scope="session")
def run() -> Iterator[Run]:
    """Runs coroutines on one loop without threads."""
    loop = InlineLoop()
    yield loop.run_until_complete
    loop.close()


@pytest.fixture
def own_loop() -> Iterator[Run]:
    """Runs coroutines on a usual loop, where requests wait for each other."""
    loop = asyncio.new_event_loop()
    yield loop.run_until_complete
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
