"""The profile: what everything else is about."""

from __future__ import annotations

from typing import Annotated, Self, TypeAlias

import strawberry
from strawberry import UNSET

from graph.views import ProfileView
from service.gql.described import After, First, Namespaces, Sources, Types, resolved
from service.gql.enums import Direction, ProfileKind
from service.gql.evidence import (
    Fragment,
    FragmentConnection,
    Judgement,
    JudgementConnection,
    Link,
    LinkConnection,
)
from service.gql.feed import Change, ChangeConnection
from service.gql.identifiers import Identifier, IdentifierConnection
from service.gql.node import Node
from service.gql.paging import CountedConnection
from service.gql.scalars import DateTime, Long, Sent
from service.gql.sight import Sight
from service.gql.social import InteractionPeer, InteractionPeerConnection, Neighbourhood
from service.gql.traits import Trait

__all__ = ["Profile", "ProfileConnection"]


@strawberry.type(
    description="Who the service takes somebody for: identifiers that belong together, and the facts that hang on them; [统一客户画像]. "
    "Folded from those facts; stores nothing of its own."
)
class Profile(Node):
    view: strawberry.Private[ProfileView]
    sight: strawberry.Private[Sight]
    one_id: str = strawberry.field(description="The stable, random name of the profile; never reused, and a retired one leads here.")
    kind: ProfileKind = strawberry.field(description="A person, somebody anonymous, or an identifier that many share.")
    version: Long = strawberry.field(description="Grows with every change of this profile's identity or facts.")
    as_of: DateTime = strawberry.field(
        description="The instant that this answer shows: that of the last write it knows of; given as `asOf`, it shows the same again."
    )
    created_at: DateTime = strawberry.field(description="When the OneID was made.")
    updated_at: DateTime = strawberry.field(description="When identity or facts last changed.")
    retired_at: DateTime | None = strawberry.field(
        description="Set: this OneID was retired; lists are empty, `successor` holds the person. Null while it names a profile."
    )

    @classmethod
    def of(cls, view: ProfileView, sight: Sight) -> Self:
        return cls(
            id=sight.id("profile", view.n),
            view=view,
            sight=sight,
            one_id=view.one_id,
            kind=ProfileKind(view.kind.value),
            version=Long(view.version),
            as_of=DateTime(view.as_of),
            created_at=DateTime(view.created_at),
            updated_at=DateTime(view.updated_at),
            retired_at=None if view.retired_at is None else DateTime(view.retired_at),
        )

    @resolved("Who a retired OneID leads to; only `node` gives retired ones, look-ups follow by themselves. Null otherwise.")
    def successor(self) -> Profile | None:
        view = self.sight.part(self.view.parts, "successor")
        return Profile.of(view, self.sight) if view else None

    @resolved("OneIDs that now lead here, newest first.")
    def retired_one_ids(
        self,
        first: Annotated[int | None, strawberry.argument(description="At most so many, 1 to 100; null: 20.")] = 20,
    ) -> list[str]:
        return list(self.sight.part(self.view.parts, "retired_one_ids", "retired_one_ids", first=first))

    @resolved("Its identifiers, namespace by namespace, in each in the order in which they became known.")
    def identifiers(self, namespaces: Namespaces = UNSET, first: First = UNSET, after: After = UNSET) -> IdentifierConnection:
        page, key = self.sight.page(self.view.parts, "identifiers", "identifiers", namespaces=namespaces, first=first, after=after)
        return IdentifierConnection.of(page, lambda one: Identifier.of(one, self.sight), "identifiers", key)

    @resolved("Its golden record: at most one value a key, 500 keys, in key order.")
    def traits(
        self,
        keys: Annotated[list[str] | None, strawberry.argument(description="Only these keys, at most 500; null: all.")] = UNSET,
    ) -> list[Trait]:
        return [Trait.of(one, self.sight) for one in self.sight.part(self.view.parts, "traits", "traits", keys=keys)]

    @resolved("The links between its identifiers; with `refused` also those that are not used, towards other profiles too.")
    def links(
        self,
        first: First = UNSET,
        after: After = UNSET,
        refused: Annotated[
            bool | None, strawberry.argument(description="True: the refused ones too. False or null: only those in use.")
        ] = False,
    ) -> LinkConnection:
        page, key = self.sight.page(self.view.parts, "links", "links", first=first, after=after, refused=refused)
        return LinkConnection.of(page, lambda one: Link.of(one, self.sight), "links", key)

    @resolved("The records that carry its identifiers and count, newest first.")
    def fragments(self, sources: Sources = UNSET, first: First = UNSET, after: After = UNSET) -> FragmentConnection:
        page, key = self.sight.page(self.view.parts, "fragments", "fragments", sources=sources, first=first, after=after)
        return FragmentConnection.of(page, lambda one: Fragment.of(one, self.sight), "fragments", key)

    @resolved("Its direct social peers, strongest first.")
    def related(self, types: Types = UNSET, first: First = UNSET, after: After = UNSET) -> InteractionPeerConnection:
        page, key = self.sight.page(self.view.parts, "related", "related", types=types, first=first, after=after)
        return InteractionPeerConnection.of(page, lambda one: InteractionPeer.of(one, self.sight), "related", key)

    @resolved("Who is around it in the social graph, itself included, strongest connections first.")
    def neighbourhood(
        self,
        depth: Annotated[int | None, strawberry.argument(description="Hops, 1 to 3; null: 1.")] = 1,
        types: Types = UNSET,
        since: Annotated[Sent | None, strawberry.argument(description="Only interactions from then on; null: all.")] = UNSET,
        direction: Annotated[
            Direction | None, strawberry.argument(description="Which way interactions are followed; null: BOTH.")
        ] = Direction.BOTH,
        min_weight: Annotated[
            float | None, strawberry.argument(description="Only connections of at least this weight, 0 or more; null: 0.")
        ] = 0,
        max_nodes: Annotated[int | None, strawberry.argument(description="At most so many nodes, 1 to 1,000; null: 200.")] = 200,
    ) -> Neighbourhood:
        view = self.sight.part(
            self.view.parts,
            "neighbourhood",
            "neighbourhood",
            depth=depth,
            types=types,
            since=since,
            direction=direction,
            minWeight=min_weight,
            maxNodes=max_nodes,
        )
        return Neighbourhood.of(view, self.sight)

    @resolved("The entries of the feed about this OneID and those that lead to it, newest first.")
    def changes(self, first: First = UNSET, after: After = UNSET) -> ChangeConnection:
        page, key = self.sight.page(self.view.parts, "changes", "changes", first=first, after=after)
        return ChangeConnection.of(page, lambda one: Change.of(one, self.sight), "profile changes", key)

    @resolved("What operators said about its identifiers, newest first.")
    def judgements(self, first: First = UNSET, after: After = UNSET) -> JudgementConnection:
        page, key = self.sight.page(self.view.parts, "judgements", "judgements", first=first, after=after)
        return JudgementConnection.of(page, lambda one: Judgement.of(one, self.sight), "judgements", key)


ProfileConnection: TypeAlias = CountedConnection[Profile]
