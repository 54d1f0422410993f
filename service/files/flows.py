"""The ways into a store that a load takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from graph.curate import judge
from graph.errors import Erased
from graph.ingest import ingest
from graph.interactions import record
from graph.model import Fragment, Identifier, Interaction, Judgement
from graph.resolve.rules import Blocked
from graph.store.ports import Store
from service.files.load import Refused, Written

__all__ = ["StoreFlows"]

_KINDS = 1000


class StoreFlows:
    """Records go through the same flows as those of a request. Blocked identifiers of evidence are counted by namespace and reason."""

    def __init__(self, store: Store, by: str = "load") -> None:
        self._store = store
        self._by = by
        self.blocked: Counter[tuple[str, str]] = Counter()

    async def fragments(self, batch: Sequence[Fragment]) -> Written:
        done = await ingest(self._store, batch, by=self._by, reading=False)
        for fragment in batch:
            self._count(fragment.identifiers)
        return Written(done.accepted, done.unchanged, done.token, _erased(done.erased))

    async def judgements(self, batch: Sequence[Judgement]) -> Written:
        done = await judge(self._store, batch, by=self._by)
        for judgement in batch:
            self._count((judgement.a, judgement.b))
        return Written(len(batch) - done.unchanged - len(done.erased), done.unchanged, done.token, _erased(done.erased))

    async def interactions(self, batch: Sequence[Interaction]) -> Written:
        done = await record(self._store, batch, by=self._by)
        refused = tuple(Refused(one.index, one.code, one.message, one.path) for one in done.rejected)
        return Written(done.accepted, done.unchanged, done.token, refused)

    def _count(self, identifiers: Sequence[Identifier]) -> None:
        for identifier in identifiers:
            normalised = self._store.in_force.normalise(identifier)
            if isinstance(normalised, Blocked):
                kind = (identifier.namespace, normalised.reason)
                if kind in self.blocked or len(self.blocked) < _KINDS:
                    self.blocked[kind] += 1


def _erased(places: Sequence[int]) -> tuple[Refused, ...]:
    """Rows of which nothing is kept; their text is not, either."""
    return tuple(Refused(at, Erased.code, "everybody in this row was erased; nothing of it is kept", ()) for at in places)
