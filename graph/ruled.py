"""Reads that name identifiers as people write them: normalised by the rules of what is read, although these may change meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from graph.errors import StoreBusy
from graph.resolve.rules import Rules
from graph.store.ports import Store

__all__ = ["by_rules"]

T = TypeVar("T")
_TRIES: Final = 5


async def by_rules(store: Store, read: Callable[[Rules], Awaitable[T]]) -> T:
    """What `read` answers, which normalises by the rules that it gets and then asks the store, even where these block all it would ask for:
    so it hears of others, and is done again by those. StoreBusy where others came into force each time."""
    for _ in range(_TRIES):
        rules = store.in_force
        answer = await read(rules)
        if store.in_force is rules:
            return answer
    raise StoreBusy("the rules in force change faster than anything can be read by them; send the request again")
