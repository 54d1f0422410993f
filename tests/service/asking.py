"""A client of the application, without a network between them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from graph.store.ports import Store
from service.app import create_app
from service.settings import Settings

__all__ = ["Asking", "asking", "fragment"]


class Asking:
    """Asks GraphQL and gives the whole answer; `headers` go with every request."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.headers: dict[str, str] = {}

    async def __call__(self, query: str, /, *, headers: Mapping[str, str] | None = None, **variables: Any) -> dict[str, Any]:
        response = await self.http.post(
            "/graphql", json={"query": query, "variables": variables}, headers={**self.headers, **(headers or {})}
        )
        answer: dict[str, Any] = response.json()
        return answer

    async def data(self, query: str, /, **variables: Any) -> dict[str, Any]:
        """The data of an answer that has no errors."""
        answer = await self(query, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    async def refusal(self, query: str, /, **variables: Any) -> tuple[str, str]:
        """Code and message of the one error of an answer."""
        answer = await self(query, **variables)
        (error,) = answer["errors"]
        return error["extensions"]["code"], error["message"]

    async def ingest(self, *sent: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """Take in fragments; the payload."""
        done = await self.data(_INGEST, input={"fragments": list(sent), **more})
        payload: dict[str, Any] = done["ingestFragments"]
        return payload


@asynccontextmanager
async def asking(store: Store | None = None, *, url: str = "sqlite://:memory:", **settings: Any) -> AsyncIterator[Asking]:
    """The application over a store (a new one in memory by default) under some settings, and a client of it."""
    app = create_app(Settings(store=url, **settings), store)
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        yield Asking(http)


def fragment(
    *identifiers: str, id: str = "r1", source: str = "crm", at: str | None = "2026-01-02T03:04:05Z", **more: Any
) -> dict[str, Any]:
    """A FragmentInput from `namespace:value` texts."""
    split = [text.partition(":") for text in identifiers]
    sent = [{"namespace": namespace, "value": value} for namespace, _, value in split]
    return {"source": source, "id": id, "observedAt": at, "identifiers": sent, **more}


_INGEST = """
mutation ($input: IngestFragmentsInput!) { ingestFragments(input: $input) {
    accepted unchanged rejected { index code message path } results { index status oneId oneIds blocked }
    userErrors { code message path } clientMutationId } }
"""
