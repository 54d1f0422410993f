"""What a resolver finds in `info.context`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import strawberry

from graph.store.ports import Store
from service.auth import Caller, Scope
from service.gql.arguments import Bounds
from service.gql.sight import Sight
from service.gql.wants import Selection
from service.jobs import Jobs
from service.metrics import Metrics
from service.settings import Settings

__all__ = ["Context", "Info", "Service"]


@dataclass(frozen=True, slots=True)
class Service:
    """What all requests of one process share. `closing` is set when the process is about to end: followers then stop."""

    settings: Settings
    store: Store
    metrics: Metrics
    closing: asyncio.Event
    jobs: Jobs

    @property
    def bounds(self) -> Bounds:
        return Bounds(page=self.settings.max_page, nodes=self.settings.max_neighbourhood)


@dataclass(slots=True)
class Context:
    """One operation: who asks, and which write its reads wait for (`after`); `token` is the last write it made.

    `streams`: the transport can carry one answer after another.
    """

    service: Service
    request_id: str
    caller: Caller
    streams: bool = False
    after: int | None = None
    token: int | None = None
    connection_params: dict[str, Any] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        return self.service.store

    @property
    def sight(self) -> Sight:
        return Sight(pii=Scope.PII in self.caller.scopes, bounds=self.service.bounds)

    def sight_as_of(self, commit: int | None) -> Sight:
        """As `sight`, of what is shown as of a commit; None: now."""
        return replace(self.sight, as_of=commit)

    @property
    def by(self) -> str | None:
        """Whom the history names; nobody where the service is open."""
        return None if self.service.settings.keys is None else self.caller.name

    @property
    def key_id(self) -> str | None:
        """The id of the API key that the audit names; none where the service is open."""
        return None if self.service.settings.keys is None else self.caller.id

    def for_operation(self) -> Context:
        """A context of its own for one of the operations that share a connection."""
        return replace(self, token=None)

    def selection(self, info: Info) -> Selection:
        return Selection(info, self.service.bounds)

    def wrote(self, token: int) -> None:
        """Remember a write, which the answer's `extensions.token` then names."""
        self.token = token if self.token is None else max(token, self.token)


Info: TypeAlias = strawberry.Info[Context, None]
