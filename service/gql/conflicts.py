"""A steward's work-list: pairs of profiles that a rule holds apart."""

from __future__ import annotations

from typing import Annotated, Self, TypeAlias

import strawberry

from graph.views import ConflictView
from service.gql.described import resolved
from service.gql.enums import RefusalRule
from service.gql.evidence import Link
from service.gql.ids import node_id
from service.gql.node import Node
from service.gql.paging import Connection
from service.gql.profile import Profile
from service.gql.scalars import DateTime
from service.gql.sight import Sight

__all__ = ["Conflict", "ConflictConnection"]


@strawberry.type(
    description="Two profiles held apart by a rule: a steward's work item. Its id is that of one refused link between them: it finds the "
    "profiles that hold the ends of this link now, and nothing once they are one, a judgement parts them, or the evidence is gone."
)
class Conflict(Node):
    view: strawberry.Private[ConflictView]
    sight: strawberry.Private[Sight]
    a: Profile = strawberry.field(description="One of the two.")
    b: Profile = strawberry.field(description="The other one.")
    link_count: int = strawberry.field(
        description="How many links between them are refused; of a profile with more than 20,000 links only these are looked through."
    )
    rule: RefusalRule = strawberry.field(description="The rule that refuses the link at which it stands in the list.")
    namespace: str = strawberry.field(description="The namespace of that link's weaker end.")
    last_seen_at: DateTime = strawberry.field(description="Event time of the latest record that carries one of the refused links.")
    postponed: bool = strawberry.field(description="Whether it was put off, and no refused link between them came or was seen again since.")

    @classmethod
    def of(cls, view: ConflictView, sight: Sight) -> Self:
        return cls(
            id=strawberry.ID(node_id("conflict", *view.id)),
            view=view,
            sight=sight,
            a=Profile.of(view.a, sight),
            b=Profile.of(view.b, sight),
            link_count=view.link_count,
            rule=RefusalRule(view.rule.value),
            namespace=view.namespace,
            last_seen_at=DateTime(view.last_seen),
            postponed=view.postponed,
        )

    @resolved("The refused links between them: by the day they were last seen, latest first, then by how many records carry them.")
    def links(
        self, first: Annotated[int | None, strawberry.argument(description="At most so many, 1 to 100; null: 20.")] = 20
    ) -> list[Link]:
        return [Link.of(one, self.sight) for one in self.sight.part(self.view.parts, "links", "conflict_links", first=first)]


ConflictConnection: TypeAlias = Connection[Conflict]
