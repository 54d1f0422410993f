"""One step under the gate of a Neo4j store: graph.store.ports.Writing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from graph.errors import StoreTrouble
from graph.model import Instant
from graph.store.neo4j.audit import Audit
from graph.store.neo4j.counters import Counters
from graph.store.neo4j.jobs import Jobs
from graph.store.neo4j.undoing import Undoing
from graph.store.ports import NAMESPACE_SHIFT, Delta

if TYPE_CHECKING:
    from graph.store.neo4j.transaction import Neo4jTransaction

__all__ = ["Neo4jWriting"]


class Neo4jWriting(Undoing, Jobs, Audit):
    """One step: its counters are what it has given so far, `named` how many namespaces there were before it.

    `failed`: a statement failed, and the transaction with it.
    """

    def __init__(self, transaction: Neo4jTransaction, counters: Counters, named: int) -> None:
        super().__init__()
        self.kind = ""
        self.by: str | None = None
        self.reason: str | None = None
        self.failed = False
        self.named = named
        self.counters = counters
        self.withdrawn = set()
        self.erased = False
        self.met = {}
        self.names = transaction.names
        self.ruled = transaction.ruled
        self.elements = transaction.elements
        self.link_elements = transaction.link_elements
        self.summed = {}
        self.undone = None
        self._transaction = transaction

    @property
    def at(self) -> Instant:
        return self.counters.at

    @property
    def sleepers(self) -> bool:
        return self._transaction.sleepers

    @property
    def buried(self) -> bool:
        return self._transaction.buried

    async def ask(self, statement: str, /, **values: Any) -> Any:
        try:
            return await self._transaction.ask(statement, **values)
        except StoreTrouble:
            self.failed = True
            raise

    async def post(self, statement: str, /, **values: Any) -> None:
        try:
            await self._transaction.post(statement, **values)
        except StoreTrouble:
            self.failed = True
            raise

    def post_evidence(self, statement: str, /, **values: Any) -> None:
        self._transaction.post_evidence(statement, **values)

    async def apply(self, delta: Delta) -> list[int]:
        self._transaction.sleepers |= bool(delta.asleep)
        return await super().apply(delta)

    def namespaces(self) -> Sequence[str]:
        return self.names.names

    def new_version(self) -> int:
        self.counters.version += 1
        return self.counters.version

    def new_one_id(self) -> int:
        self.counters.one_id += 1
        return self.counters.one_id

    async def namespace_numbers(self, names: Iterable[str]) -> dict[str, int]:
        new = sorted(name for name in set(names) if name not in self.names.number)
        if new:
            await self.new_namespaces(new)
        return self.names.number

    async def new_identifiers(self, namespaces: Sequence[int], values: Sequence[str]) -> list[int]:
        places = [*self.counters.places, *(0 for _ in range(len(self.counters.places), max(namespaces, default=0)))]
        made = []
        for namespace, value in zip(namespaces, values, strict=True):
            places[namespace - 1] += 1
            at = (namespace << NAMESPACE_SHIFT) + places[namespace - 1]
            self.announced[at] = value
            made.append(at)
        self.counters.places = tuple(places)
        return made
