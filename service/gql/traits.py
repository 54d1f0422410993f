"""The golden record: one value a key, with where it comes from."""

from __future__ import annotations

from typing import Annotated, Any, Self

import strawberry

from graph.views import TraitCandidateView, TraitView
from service.gql.arguments import whole
from service.gql.described import resolved
from service.gql.identifiers import Identifier
from service.gql.scalars import JSON, DateTime
from service.gql.sight import Sight

__all__ = ["Trait", "TraitCandidate"]


@strawberry.type(description="A value that another source or time gave and that did not win.")
class TraitCandidate:
    value: JSON | None = strawberry.field(description="The value; null without scope `pii`.")
    source: str = strawberry.field(description="The system that sent it.")
    identifier: Identifier = strawberry.field(description="The identifier that the fact hangs on.")
    observed_at: DateTime = strawberry.field(description="When it was true there.")

    @classmethod
    def of(cls, view: TraitCandidateView, sight: Sight) -> Self:
        return cls(
            value=_shown(view.value, sight),
            source=view.source,
            identifier=Identifier.of(view.identifier, sight),
            observed_at=DateTime(view.observed_at),
        )


@strawberry.type(description="Golden-record value with its provenance; `alternatives` are the losing candidates, best first.")
class Trait:
    view: strawberry.Private[TraitView]
    sight: strawberry.Private[Sight]
    key: str = strawberry.field(description="What the value is about, as the sources call it, such as `name`.")
    value: JSON | None = strawberry.field(
        description="The value that won by the rules (the newest, if they say nothing); null without scope `pii`."
    )
    source: str = strawberry.field(description="The system that sent it.")
    identifier: Identifier = strawberry.field(description="The identifier that the fact hangs on; merges and splits move it along.")
    observed_at: DateTime = strawberry.field(description="When it was true there.")

    @classmethod
    def of(cls, view: TraitView, sight: Sight) -> Self:
        return cls(
            view=view,
            sight=sight,
            key=view.key,
            value=_shown(view.value, sight),
            source=view.source,
            identifier=Identifier.of(view.identifier, sight),
            observed_at=DateTime(view.observed_at),
        )

    @resolved("The values that lost, best first.")
    def alternatives(
        self,
        first: Annotated[int | None, strawberry.argument(description="At most so many, 1 to 100; null: 10.")] = 10,
    ) -> list[TraitCandidate]:
        most = whole({"first": first}, "first", 10, self.sight.bounds.page)
        return [TraitCandidate.of(one, self.sight) for one in self.view.alternatives[:most]]


def _shown(value: Any, sight: Sight) -> JSON | None:
    return JSON(value) if sight.pii and value is not None else None
