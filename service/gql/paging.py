"""Relay connections, paged forwards by key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Self, TypeVar

import strawberry

from graph import views
from graph.views import Key
from service.gql import ids
from service.gql.scalars import Long

__all__ = ["Connection", "CountedConnection", "Edge", "PageInfo"]

T = TypeVar("T")
V = TypeVar("V")


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follows.")
    has_previous_page: bool = strawberry.field(
        description="Whether the page was asked for with `after`, so that something may stand before it."
    )
    start_cursor: str | None = strawberry.field(description="The cursor of the first edge; null on an empty page.")
    end_cursor: str | None = strawberry.field(
        description="Give it as `after` for the next page. It passes what a filter hid; an empty page repeats `after`, "
        "and it is null on an empty page asked for without `after`."
    )


@strawberry.type(description="One place in a list.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="This place; opaque, good as `after` of the same kind of list.")
    node: T = strawberry.field(description="What stands there.")


@strawberry.type(description="One page of a list, at most 100 edges (`first`, 20 by default).")
class Connection(Generic[T]):
    edges: list[Edge[T]] = strawberry.field(description="The page, in the order of the list.")
    page_info: PageInfo = strawberry.field(description="Where this page stands in its list.")

    @classmethod
    def of(cls, page: views.Connection[V], node: Callable[[V], T], purpose: str, after: Key | None) -> Self:
        """Map a page of views; `purpose` names the kind of list its cursors are good for."""
        edges = [Edge(cursor=ids.encode(purpose, edge.key), node=node(edge.node)) for edge in page.edges]
        return cls(edges=edges, page_info=_page_info(page, edges, purpose, after))


@strawberry.type(name="Connection", description="One page of a list, at most 100 edges (`first`, 20 by default).")
class CountedConnection(Generic[T]):
    edges: list[Edge[T]] = strawberry.field(description="The page, in the order of the list.")
    page_info: PageInfo = strawberry.field(description="Where this page stands in its list.")
    total_count: Long | None = strawberry.field(description="How many the whole list holds; null where counting would be costly.")

    @classmethod
    def of(cls, page: views.Connection[V], node: Callable[[V], T], purpose: str, after: Key | None) -> Self:
        """Map a page of views; `purpose` names the kind of list its cursors are good for."""
        edges = [Edge(cursor=ids.encode(purpose, edge.key), node=node(edge.node)) for edge in page.edges]
        count = None if page.total_count is None else Long(page.total_count)
        return cls(edges=edges, page_info=_page_info(page, edges, purpose, after), total_count=count)


def _page_info(page: views.Connection[V], edges: list[Edge[T]], purpose: str, after: Key | None) -> PageInfo:
    end = page.end or (page.edges[-1].key if page.edges else after)
    return PageInfo(
        has_next_page=page.has_next,
        has_previous_page=after is not None,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=None if end is None else ids.encode(purpose, end),
    )
