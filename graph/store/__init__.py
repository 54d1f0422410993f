"""Where the graph is kept: promises in `ports`, one folder for each store that keeps them."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from graph.errors import BadInput
from graph.resolve.rules import Rules
from graph.store.ports import Store

__all__ = ["open_store"]

_FILE = "sqlite:///"
_MEMORY = "sqlite://:memory:"


def open_store(url: str, rules: Rules) -> AbstractAsyncContextManager[Store]:
    """The store behind a URL: `sqlite:///relative.db`, `sqlite:////absolute.db`, or `sqlite://:memory:` for one that ends with the block.

    `rules` come into force where the store has none yet.
    """
    from graph.store.sqlite.store import open_sqlite  # a store is loaded when it is asked for

    if url == _MEMORY:
        return open_sqlite(":memory:", rules)
    if url.startswith(_FILE) and len(url) > len(_FILE):
        return open_sqlite(url.removeprefix(_FILE), rules)
    raise BadInput("this store is not known; allowed are sqlite:///path and sqlite://:memory:", ("ONEID_STORE",))
