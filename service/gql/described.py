"""Fields and arguments with the words that describe them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeAlias, TypeVar, cast

import strawberry

__all__ = ["After", "First", "Namespaces", "Sources", "Types", "mutation", "resolved", "subscription"]

F = TypeVar("F")

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
