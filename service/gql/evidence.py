"""The evidence: fragments, the links they make, and judgements."""

from __future__ import annotations

from typing import Self, TypeAlias

import strawberry
from strawberry import UNSET

from graph.explain import REASONS
from graph.model import Refusal as Refused
from graph.views import FragmentView, JudgementView, LinkView
from service.gql.described import After, First, resolved
from service.gql.enums import FragmentStatus, JudgementKind, LinkKind, RefusalRule
from service.gql.identifiers import Identifier
from service.gql.node import Node
from service.gql.paging import Connection, CountedConnection
from service.gql.scalars import JSON, DateTime
from service.gql.sight import Sight
from service.gql.towards import AProfile, profile_of

__all__ = [
    "Fragment",
    "FragmentConnection",
    "Judgement",
    "JudgementConnection",
    "Link",
    "LinkConnection",
    "Refusal",
]


@strawberry.type(description="One version of one source record: what one system said about one person; [身份碎片].")
class Fragment(Node):
    view: strawberry.Private[FragmentView]
    sight: strawberry.Private[Sight]
    source: str = strawberry.field(description="The system that sent it.")
    record_id: str = strawberry.field(description="The record's id in that system; source and id name the record over all its versions.")
    observed_at: DateTime = strawberry.field(
        description="When it was true there, as the source says; where the source says nothing, when it was recorded."
    )
    recorded_at: DateTime = strawberry.field(description="When this service learned it.")
    traits: JSON | None = strawberry.field(description="The traits as sent; null where none came, and without scope `pii`.")
    status: FragmentStatus = strawberry.field(description="Whether this is the version that counts.")

    @classmethod
    def of(cls, view: FragmentView, sight: Sight) -> Self:
        return cls(
            id=sight.id("fragment", view.id),
            view=view,
            sight=sight,
            source=view.key.source,
            record_id=view.key.id,
            observed_at=DateTime(view.observed_at),
            recorded_at=DateTime(view.recorded_at),
            traits=JSON(view.traits) if sight.pii and view.traits is not None else None,
            status=FragmentStatus(view.status.value),
        )

    @resolved("Its identifiers, normalised, in the order sent, without blocked ones and repeats; at most 20.")
    def identifiers(self) -> list[Identifier]:
        return [Identifier.of(one, self.sight) for one in self.sight.part(self.view.parts, "identifiers")]

    @resolved("The profile that its facts go to; null where it counts for nothing.")
    def profile(self) -> AProfile | None:
        view = self.sight.part(self.view.parts, "profile")
        return profile_of(view, self.sight) if view else None


FragmentConnection: TypeAlias = CountedConnection[Fragment]


@strawberry.type(description="Why a link is not used.")
class Refusal:
    rule: RefusalRule = strawberry.field(description="The rule that refused it; the first that applies.")
    namespace: str | None = strawberry.field(description="For LIMIT the first namespace whose limit it would break; null otherwise.")
    message: str = strawberry.field(description="The same as a sentence.")

    @classmethod
    def of(cls, refused: Refused) -> Self:
        where = f" (namespace {refused.namespace})" if refused.namespace else ""
        return cls(
            rule=RefusalRule(refused.rule.value),
            namespace=refused.namespace,
            message=f"Not used: {REASONS[refused.rule]}{where}.",
        )


@strawberry.type(description="Evidence that two identifiers belong together, or by judgement that they do not; [关联边].")
class Link(Node):
    view: strawberry.Private[LinkView]
    sight: strawberry.Private[Sight]
    a: Identifier = strawberry.field(description="One end.")
    b: Identifier = strawberry.field(description="The other end.")
    kind: LinkKind = strawberry.field(description="Observed in records, or judged.")
    first_seen_at: DateTime = strawberry.field(description="Event time of the earliest record that carries it; of a judgement, its time.")
    last_seen_at: DateTime = strawberry.field(description="Event time of the latest record that carries it; of a judgement, its time.")
    fragment_count: int = strawberry.field(description="How many records carry it; 0 for a judgement.")
    score: float | None = strawberry.field(
        description="The highest score of its records, 0 to 1; null where one of them has none: then the link is observed, not probable."
    )
    accepted: bool = strawberry.field(description="Whether it is used.")
    refused_by: Refusal | None = strawberry.field(description="The rule that keeps it from being used; null for an accepted link.")

    @classmethod
    def of(cls, view: LinkView, sight: Sight) -> Self:
        return cls(
            id=sight.id("link", *((view.a.id, view.b.id) if view.judgement is None else (view.judgement,))),
            view=view,
            sight=sight,
            a=Identifier.of(view.a, sight),
            b=Identifier.of(view.b, sight),
            kind=LinkKind(view.kind),
            first_seen_at=DateTime(view.first_seen),
            last_seen_at=DateTime(view.last_seen),
            fragment_count=view.fragment_count,
            score=view.score,
            accepted=view.refused is None,
            refused_by=Refusal.of(view.refused) if view.refused else None,
        )

    @resolved("The records that carry it, newest first; none for a judgement.")
    def fragments(self, first: First = UNSET, after: After = UNSET) -> FragmentConnection:
        page, key = self.sight.page(self.view.parts, "fragments", "link_fragments", first=first, after=after)
        return FragmentConnection.of(page, lambda one: Fragment.of(one, self.sight), "fragments", key)

    @resolved("Whether it alone holds two parts of its profile together; false for a link that is not accepted.")
    def bridge(self) -> bool:
        return bool(self.sight.part(self.view.parts, "bridge"))


LinkConnection: TypeAlias = CountedConnection[Link]


@strawberry.type(description="An operator's word about two identifiers; of two that disagree the newer one counts.")
class Judgement(Node):
    kind: JudgementKind = strawberry.field(description="Same or distinct.")
    a: Identifier = strawberry.field(description="One of the two.")
    b: Identifier = strawberry.field(description="The other one.")
    at: DateTime = strawberry.field(description="When it was said.")
    by: str | None = strawberry.field(description="Who said it; null where nobody is named.")
    reason: str = strawberry.field(description="Why; empty where no reason was given.")
    in_force: bool = strawberry.field(description="Whether it holds; false where a newer judgement overrules it.")

    @classmethod
    def of(cls, view: JudgementView, sight: Sight) -> Self:
        return cls(
            id=sight.id("judgement", view.id),
            kind=JudgementKind(view.kind.value),
            a=Identifier.of(view.a, sight),
            b=Identifier.of(view.b, sight),
            at=DateTime(view.at),
            by=view.by,
            reason=view.reason,
            in_force=view.in_force,
        )


JudgementConnection: TypeAlias = Connection[Judgement]
