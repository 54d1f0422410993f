"""Fixtures of the service's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.service.asking import Asking, asking
from tests.stores import KINDS

collect_ignore = [] if any(kind.startswith("neo4j") for kind in KINDS) else ["neo4j"]


@pytest.fixture
async def ask(url: str) -> AsyncIterator[Asking]:
    """A client of an open service over an empty store."""
    async with asking(url=url) as client:
        yield client
