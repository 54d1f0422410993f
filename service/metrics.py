"""Counts and durations for Prometheus; labels name fields, rules and outcomes, never anybody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from graphql import GraphQLError
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graph.views import StatsView

__all__ = ["CONTENT_TYPE_LATEST", "CountedAnswers", "Metrics"]

_PATHS: Final = frozenset({"/", "/graphql", "/healthz", "/readyz", "/metrics"})
_HELD: Final = (
    "identifiers",
    "links",
    "refused_links",
    "profiles",
    "fragments",
    "largest_profile",
    "shared_identifiers",
    "contested_profiles",
)
_OURS: Final = frozenset({"INTERNAL", "UNAVAILABLE"})
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The metrics of one application, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.operations = Counter(
            "oneid_graphql_operations",
            "GraphQL operations, by kind, first root field and outcome (ok, refused: a GraphQL error the client can act on, failed: ours).",
            ["kind", "field", "outcome"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "oneid_graphql_operation_seconds",
            "Seconds from a query's or mutation's text to its answer.",
            ["kind", "field"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.following = Gauge("oneid_subscriptions", "Subscriptions that are open.", ["field"], registry=self.registry)
        self.events = Counter("oneid_subscription_events", "Events sent to subscribers.", ["field"], registry=self.registry)
        self.slow = Counter(
            "oneid_slow_subscribers",
            "Times that a subscriber took nothing for ONEID_SLOW_SECONDS.",
            ["field"],
            registry=self.registry,
        )
        self.ingested = Counter(
            "oneid_ingested",
            "Fragments and interactions sent, by what became of them (accepted, unchanged, rejected).",
            ["what", "outcome"],
            registry=self.registry,
        )
        self.http = Counter("oneid_http_responses", "HTTP answers, by path and status.", ["path", "status"], registry=self.registry)
        self.held = Gauge("oneid_store", "What the store holds, as last counted.", ["what"], registry=self.registry)
        self.refused = Gauge(
            "oneid_refused_links", "Links that a rule refuses, by rule, as last counted.", ["rule"], registry=self.registry
        )

    def operation(self, kind: str, field: str, errors: Sequence[GraphQLError], seconds: float) -> None:
        """Count an operation that has ended; a subscription's seconds say nothing and are left out."""
        failed = any((error.extensions or {}).get("code") in _OURS for error in errors)
        self.operations.labels(kind, field, "failed" if failed else "refused" if errors else "ok").inc()
        if kind != "subscription":
            self.seconds.labels(kind, field).observe(seconds)

    @contextmanager
    def open_subscription(self, field: str) -> Iterator[Counter]:
        """Count a subscription while it is open; what comes counts its events."""
        following = self.following.labels(field)
        following.inc()
        try:
            yield self.events.labels(field)
        finally:
            following.dec()

    def holding(self, stats: StatsView) -> None:
        """Show a count of the store."""
        for what in _HELD:
            self.held.labels(what).set(getattr(stats, what))
        self.refused.clear()
        for rule, links in stats.refused_by.items():
            self.refused.labels(rule).set(links)

    def text(self) -> bytes:
        """All of it in Prometheus' text form."""
        return generate_latest(self.registry)


class CountedAnswers:
    """Counts every HTTP answer by path and status; paths that are not ours count as one."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"] if scope["path"] in _PATHS else "other"

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.metrics.http.labels(path, message["status"]).inc()
            await send(message)

        await self.app(scope, receive, counted)
