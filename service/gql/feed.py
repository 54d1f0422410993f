"""The feed: what each step did to each OneID."""

from __future__ import annotations

from typing import Final, Self, TypeAlias

import strawberry
from strawberry import UNSET

from graph import model
from graph.views import ChangeView
from service.gql import ids
from service.gql.described import After, First, resolved
from service.gql.enums import CauseKind, ChangeKind, cause_kind
from service.gql.identifiers import Identifier, IdentifierConnection
from service.gql.ids import node_id
from service.gql.node import Node
from service.gql.paging import Connection
from service.gql.scalars import DateTime
from service.gql.sight import Sight
from service.gql.towards import AProfile, profile_of

__all__ = ["CAUSES", "Cause", "Change", "ChangeConnection"]

CAUSES: Final = ("fragment", "withdrawal", "judgement", "revert", "rules", "erasure", "interactions", "interaction")
"""Kinds of causes as the store names them, by their number in an id: only ever add at the end."""
_REVERTED: Final = frozenset({"fragment", "withdrawal", "judgement", "revert", "rules"})


@strawberry.type(description="What made a change; one cause may make several changes and is reverted as a whole.")
class Cause:
    id: strawberry.ID = strawberry.field(description="Opaque; the same for all changes of one cause.")
    kind: CauseKind = strawberry.field(description="What was done.")


@strawberry.type(
    description="One entry per OneID touched. Replaying gained, lost and leadsTo from the start gives the current OneID → identifiers map "
    "and every redirect. Changes of traits and interactions are not in the feed."
)
class Change(Node):
    view: strawberry.Private[ChangeView]
    sight: strawberry.Private[Sight]
    cursor: str = strawberry.field(description="Its place in the feed; `after` of `changes` goes on from here.")
    at: DateTime = strawberry.field(description="When it happened here; never goes backwards along the feed.")
    kind: ChangeKind = strawberry.field(description="What happened to the OneID.")
    one_id: str = strawberry.field(description="The OneID that it happened to.")
    leads_to: str | None = strawberry.field(
        description="The OneID that it leads to from now on: itself while it names a profile; null while it leads nowhere."
    )
    cause: Cause = strawberry.field(description="What made the change.")
    by: str | None = strawberry.field(description="Who did it, by the name of the API key; null where nobody is named.")
    reversible: bool = strawberry.field(
        description="Whether `revert` takes its cause back. False of what only came into being, and of what interactions or an erasure did."
    )

    @classmethod
    def of(cls, view: ChangeView, sight: Sight) -> Self:
        kind = cause_kind(view.cause_kind)
        return cls(
            id=sight.id("change", view.seq),
            view=view,
            sight=sight,
            cursor=ids.encode("changes", (view.seq,)),
            at=DateTime(view.at),
            kind=ChangeKind(view.kind.value),
            one_id=view.one_id,
            leads_to=view.leads_to,
            cause=Cause(id=strawberry.ID(node_id("cause", CAUSES.index(view.cause_kind), view.cause)), kind=kind),
            by=view.by,
            reversible=view.cause_kind in _REVERTED and view.kind not in (model.ChangeKind.CREATED, model.ChangeKind.ERASED),
        )

    @resolved("Identifiers that the OneID's profile gained.")
    def gained(self, first: First = UNSET, after: After = UNSET) -> IdentifierConnection:
        page, key = self.sight.page(self.view.parts, "gained", "gained", first=first, after=after)
        return IdentifierConnection.of(page, lambda one: Identifier.of(one, self.sight), "identifiers", key)

    @resolved("Identifiers that it lost.")
    def lost(self, first: First = UNSET, after: After = UNSET) -> IdentifierConnection:
        page, key = self.sight.page(self.view.parts, "lost", "lost", first=first, after=after)
        return IdentifierConnection.of(page, lambda one: Identifier.of(one, self.sight), "identifiers", key)

    @resolved(
        "The profile that the OneID leads to now, or at the instant asked for, not right after the change; null where it leads nowhere."
    )
    def profile(self) -> AProfile | None:
        view = self.sight.part(self.view.parts, "profile")
        return profile_of(view, self.sight) if view else None


ChangeConnection: TypeAlias = Connection[Change]
