"""The Node interface of Relay."""

from __future__ import annotations

import strawberry

__all__ = ["Node"]


@strawberry.interface(description="Whatever has an id that `node` finds again.")
class Node:
    id: strawberry.ID = strawberry.field(
        description="Opaque, never made from a value, and the same for ever; that of an `asOf` answer carries its instant."
    )
