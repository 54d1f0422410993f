"""Fixtures of the service's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.service.asking import Asking, asking


@pytest.fixture
async def ask(url: str) -> AsyncIterator[Asking]:
    """A client of an open service over an empty store."""
    async with asking(url=url) as client:
        yield client
