"""The social graph between people; [社交互动]."""

from __future__ import annotations

from typing import Self, TypeAlias

import strawberry

from graph.views import NeighbourhoodView, PeerView, SocialEdgeView, SocialNodeView, TieCount
from service.gql.described import resolved
from service.gql.enums import Direction
from service.gql.paging import CountedConnection
from service.gql.scalars import DateTime, Long
from service.gql.sight import Sight
from service.gql.towards import AProfile, profile_of

__all__ = ["InteractionCount", "InteractionPeer", "InteractionPeerConnection", "Neighbourhood", "SocialEdge", "SocialNode"]


@strawberry.type(description="How many interactions there are of one type.")
class InteractionCount:
    type: str = strawberry.field(description="Such as `like` or `comment`, as the sources call it.")
    count: Long = strawberry.field(description="How many.")

    @classmethod
    def of(cls, view: TieCount) -> Self:
        return cls(type=view.type, count=Long(view.count))


@strawberry.type(description="Somebody whom the profile interacts with.")
class InteractionPeer:
    view: strawberry.Private[PeerView]
    sight: strawberry.Private[Sight]
    weight: float = strawberry.field(description="The weights of all their interactions added up, in the unit that the sources send.")
    counts: list[InteractionCount] = strawberry.field(description="How many by type, in type order; at most 100 types.")
    first_at: DateTime = strawberry.field(description="The earliest interaction.")
    last_at: DateTime = strawberry.field(description="The latest interaction.")
    direction: Direction = strawberry.field(description="IN: the peer began all of them; OUT: the profile asked for did; BOTH: either.")

    @classmethod
    def of(cls, view: PeerView, sight: Sight) -> Self:
        return cls(
            view=view,
            sight=sight,
            weight=view.weight,
            counts=[InteractionCount.of(one) for one in view.counts],
            first_at=DateTime(view.first_at),
            last_at=DateTime(view.last_at),
            direction=Direction(view.direction),
        )

    @resolved("The peer.")
    def profile(self) -> AProfile:
        return profile_of(self.view.profile, self.sight)


InteractionPeerConnection: TypeAlias = CountedConnection[InteractionPeer]


@strawberry.type(description="A profile in a neighbourhood.")
class SocialNode:
    view: strawberry.Private[SocialNodeView]
    sight: strawberry.Private[Sight]
    depth: int = strawberry.field(description="Hops from the profile asked for, which itself has 0.")
    strength: float = strawberry.field(description="The weights of its connections with the hop before, added up; 0 for the centre.")

    @classmethod
    def of(cls, view: SocialNodeView, sight: Sight) -> Self:
        return cls(view=view, sight=sight, depth=view.depth, strength=view.strength)

    @resolved("Who it is.")
    def profile(self) -> AProfile:
        return profile_of(self.view.profile, self.sight)


@strawberry.type(description="All interactions from one profile to another.")
class SocialEdge:
    from_: strawberry.ID = strawberry.field(name="from", description="Id of the profile that acts.")
    to: strawberry.ID = strawberry.field(description="Id of the profile that it acts upon.")
    weight: float = strawberry.field(description="Their weights added up.")
    counts: list[InteractionCount] = strawberry.field(description="How many by type, in type order; at most 100 types.")
    last_at: DateTime = strawberry.field(description="The latest of them.")

    @classmethod
    def of(cls, view: SocialEdgeView, sight: Sight) -> Self:
        return cls(
            from_=sight.id("profile", view.origin),
            to=sight.id("profile", view.target),
            weight=view.weight,
            counts=[InteractionCount.of(one) for one in view.counts],
            last_at=DateTime(view.last_at),
        )


@strawberry.type(description="At most maxNodes nodes (1,000) and 10 × as many edges, strongest first; truncated says that more exist.")
class Neighbourhood:
    nodes: list[SocialNode] = strawberry.field(description="The centre first, then by depth and strength; of a path: in its order.")
    edges: list[SocialEdge] = strawberry.field(description="The edges between these nodes, strongest first.")
    truncated: bool = strawberry.field(description="Whether there is more than is shown.")

    @classmethod
    def of(cls, view: NeighbourhoodView, sight: Sight) -> Self:
        return cls(
            nodes=[SocialNode.of(one, sight) for one in view.nodes],
            edges=[SocialEdge.of(one, sight) for one in view.edges],
            truncated=view.truncated,
        )
