"""Identifiers as clients see them: masked unless the caller has scope `pii`."""

from __future__ import annotations

from typing import Annotated, Self, TypeAlias, cast

import strawberry

from graph.views import IdentifierView
from service.gql.described import resolved
from service.gql.enums import IdentifierStatus
from service.gql.node import Node
from service.gql.paging import CountedConnection
from service.gql.scalars import DateTime
from service.gql.sight import Sight
from service.gql.towards import AProfile, profile_of
from service.masking import masked

__all__ = ["Identifier", "IdentifierConnection"]


@strawberry.type(description="A namespace and a normalised value, such as `phone` and `+8613912345678`; [标识].")
class Identifier(Node):
    view: strawberry.Private[IdentifierView]
    sight: strawberry.Private[Sight]
    namespace: str = strawberry.field(description="The type of identifier, as the rules name it.")
    value: str | None = strawberry.field(description="The normalised value; null without scope `pii`, and of one that was erased.")
    masked: str = strawberry.field(
        description="The value with its middle hidden, such as `+86139****5678`; `erased` of one that was erased."
    )
    status: IdentifierStatus = strawberry.field(description="Whether it can join records.")
    first_seen_at: DateTime = strawberry.field(description="Event time of the earliest record that carries it and counts.")
    last_seen_at: DateTime = strawberry.field(description="Event time of the latest record that carries it and counts.")

    @classmethod
    def of(cls, view: IdentifierView, sight: Sight) -> Self:
        namespace, value = view.identifier
        return cls(
            id=sight.id("identifier", view.id),
            view=view,
            sight=sight,
            namespace=namespace,
            value=value if sight.pii and value else None,
            masked=masked(value) if value else "erased",
            status=IdentifierStatus.SHARED if view.shared else IdentifierStatus.ACTIVE,
            first_seen_at=cast(DateTime, view.first_seen),
            last_seen_at=cast(DateTime, view.last_seen),
        )

    @resolved("Source systems of the records that carry it, in name order.")
    def sources(
        self,
        first: Annotated[int | None, strawberry.argument(description="At most so many, 1 to 100; null: 20.")] = 20,
    ) -> list[str]:
        return list(self.sight.part(self.view.parts, "sources", "sources", first=first))

    @resolved("The profile that holds it now; null while no record mentions it.")
    def profile(self) -> AProfile | None:
        view = self.sight.part(self.view.parts, "profile")
        return profile_of(view, self.sight) if view else None


IdentifierConnection: TypeAlias = CountedConnection[Identifier]
