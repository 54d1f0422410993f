"""Where the graph is kept: promises in `ports`, one folder for each store that keeps them."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from graph.errors import BadInput
from graph.resolve.rules import Rules
from graph.store.keys import ErasureKey
from graph.store.ports import Store

__all__ = ["open_store"]

_FILE = "sqlite:///"
_MEMORY = "sqlite://:memory:"


def open_store(url: str, rules: Rules, *, erasure_key: ErasureKey | None = None) -> AbstractAsyncContextManager[Store]:
    """The store behind a URL.

    - `sqlite:///relative.db`, `sqlite:////absolute.db`; `sqlite://:memory:` for one that ends with the block
    - `neo4j://user:password@host:7687/database`, and `neo4j+s://`, `neo4j+ssc://`, `bolt://`, `bolt+s://`, `bolt+ssc://` likewise

    `rules` come into force where the store has none yet. `erasure_key`: by default, for SQLite, in a file beside the store's.
    """
    scheme = url.partition("://")[0]  # a store is loaded when it is asked for
    if scheme.partition("+")[0] in ("neo4j", "bolt"):
        from graph.store.neo4j.store import open_neo4j

        return open_neo4j(url, rules, erasure_key=erasure_key)
    from graph.store.sqlite.store import open_sqlite

    if url == _MEMORY:
        return open_sqlite(":memory:", rules, erasure_key=erasure_key)
    if url.startswith(_FILE) and len(url) > len(_FILE):
        return open_sqlite(url.removeprefix(_FILE), rules, erasure_key=erasure_key)
    allowed = "sqlite:///path, sqlite://:memory: and neo4j://user:password@host:7687/database"
    raise BadInput(f"this store is not known; allowed are {allowed}", ("ONEID_STORE",))
