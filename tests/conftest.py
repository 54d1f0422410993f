"""What all tests share: stores, a loop, and hypothesis profiles.

Profiles by ONEID_HYPOTHESIS: `dev` (200 examples, the default), `ci` (600, always the same ones; the default where CI is set) and
`by_hand` (100,000).
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from graph.store.ports import Store
from tests import stores
from tests.stores import InlineLoop, OpenWith, Run

settings.register_profile("dev", max_examples=200, deadline=None)
settings.register_profile("ci", max_examples=600, deadline=None, derandomize=True, print_blob=True)
settings.register_profile("by_hand", max_examples=100_000, deadline=None)
settings.load_profile(os.environ.get("ONEID_HYPOTHESIS") or ("ci" if os.environ.get("CI") else "dev"))


ON_A_SERVER = 12
"""Examples of a property that is tried on a server, at most: each waits for the network many times."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fewer examples on a server than in memory."""
    claim: Any = getattr(item, "obj", None)
    chosen = getattr(claim, "_hypothesis_internal_use_settings", None)
    if chosen is None or _server_of(item) is None:
        return (yield)
    fewer = settings(chosen, max_examples=min(ON_A_SERVER, chosen.max_examples))
    claim._hypothesis_internal_use_settings = fewer
    try:
        return (yield)
    finally:
        claim._hypothesis_internal_use_settings = chosen


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Under xdist what shares a server runs in one worker; a server has one database, which tests empty."""
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # xdist brings no types

    class ByServer(LoadScopeScheduling):  # type: ignore[misc]  # likewise
        def _split_scope(self, nodeid: str) -> str:
            return _group_of(nodeid)

    return ByServer(config, log)


def _group_of(nodeid: str) -> str:
    """Two groups for the usual server and one for the newest, so that there are never more than three; any other test is one by itself."""
    path = nodeid.partition("::")[0]
    kind = re.search(r"[\[-](neo4j(?:-2026)?)(?=[\]-])", nodeid.removeprefix(path))
    if kind is None and "/neo4j/" not in path:
        return nodeid
    return f"{kind[1] if kind else 'neo4j'} {'store' if '/store/' in path else 'service'}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes a store runs on each kind, unless it means something else by the word."""
    named = {str(mark.args[0]) for mark in metafunc.definition.iter_markers("parametrize")}
    if "kind" in metafunc.fixturenames and not any("kind" in names for names in named):
        metafunc.parametrize("kind", stores.kinds_for(metafunc.definition.path), indirect=True, scope="session")


def _server_of(item: pytest.Item) -> str | None:
    """The kind of store with a server that a test needs."""
    params = getattr(getattr(item, "callspec", None), "params", {})
    kind = str(params.get("kind", "neo4j" if "neo4j" in stores.folders_of(item.path) else "sqlite"))
    return kind if kind.startswith("neo4j") else None


@pytest.fixture(scope="session")
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
async def url(kind: str) -> str:
    """The URL of an empty store, to be opened once."""
    return await stores.empty(kind)


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
