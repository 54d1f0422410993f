"""Fields and arguments with the words that describe them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeAlias, TypeVar, cast

import strawberry

from service.gql.scalars import Sent

__all__ = ["After", "AsOf", "First", "Namespaces", "Sources", "Types", "mutation", "resolved", "subscription"]

F = TypeVar("F")

AsOf: TypeAlias = Annotated[
    Sent | None,
    strawberry.argument(
        description="What was believed at this instant, by the clock of this service: the evidence, judgements, rules, OneIDs and traits "
        "as of the last write at or before it, without what was erased since. Ids in the answer carry that write, and `node` answers as "
        "of it. Before the first write nobody was known; an instant to come is the last write there is. Error EXPIRED before the time from "
        "which on the store keeps its past, LIMIT_EXCEEDED where more than 100,000 records, judgements and interactions would be looked "
        "at. Null: now."
    ),
]
First: TypeAlias = Annotated[int | None, strawberry.argument(description="Length of the page, 1 to 100; null: 20.")]
After: TypeAlias = Annotated[str | None, strawberry.argument(description="`endCursor` of the page before; null: the first page.")]
Namespaces: TypeAlias = Annotated[
    list[str] | None, strawberry.argument(description="Only identifiers of these namespaces, at most 100; null: of any.")
]
Sources: TypeAlias = Annotated[
    list[str] | None, strawberry.argument(description="Only records of these sources, at most 100; null: of any.")
]
Types: TypeAlias = Annotated[
    list[str] | None, strawberry.argument(description="Only interactions of these types, at most 100; null: of any.")
]


def resolved(description: str) -> Callable[[F], F]:
    """A field that a method answers; typed so that the method keeps its own type."""
    return cast(Callable[[F], F], strawberry.field(description=description))


def mutation(description: str) -> Callable[[F], F]:
    """As `resolved`, of a mutation."""
    return cast(Callable[[F], F], strawberry.mutation(description=description))


def subscription(description: str) -> Callable[[F], F]:
    """As `resolved`, of a subscription."""
    return cast(Callable[[F], F], strawberry.subscription(description=description))
