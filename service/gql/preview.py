"""What an operation would do, for somebody who decides whether to do it."""

from __future__ import annotations

from typing import Annotated, Self

import strawberry

from graph.previews import SHOWN_IDENTIFIERS, ShownPreview, ShownProfile
from service.gql.arguments import whole
from service.gql.described import resolved
from service.gql.enums import ErrorCode
from service.gql.identifiers import Identifier
from service.gql.sight import Sight
from service.gql.traits import Trait
from service.gql.user_error import UserError

__all__ = ["Preview", "PreviewProfile"]


@strawberry.type(description="A profile as the operation would leave it.")
class PreviewProfile:
    view: strawberry.Private[ShownProfile]
    sight: strawberry.Private[Sight]
    one_id: str | None = strawberry.field(description="Its OneID; null: it would get a new one.")
    identifier_count: int = strawberry.field(description="How many identifiers it would have.")

    @resolved("Its identifiers, strongest first. One that is not on record yet shows with the id of none.")
    def identifiers(
        self,
        first: Annotated[int | None, strawberry.argument(description="At most so many, 1 to 100; null: 100.")] = SHOWN_IDENTIFIERS,
    ) -> list[Identifier]:
        most = whole({"first": first}, "first", SHOWN_IDENTIFIERS, SHOWN_IDENTIFIERS)
        return [Identifier.of(one, self.sight) for one in self.view.identifiers[:most]]


@strawberry.type(description="What an operation would do if it were done now. Nothing is written.")
class Preview:
    token: str = strawberry.field(
        description="Send it with the operation as `previewToken`: it then does exactly what is shown here, or answers STALE. Facts that "
        "arrive for these people do not make it stale. Empty where the operation is not allowed."
    )
    allowed: bool = strawberry.field(description="Whether the operation can be done.")
    blockers: list[UserError] = strawberry.field(
        description="Not allowed: why. Allowed: the rules by which something stays apart that the operation would join."
    )
    profiles: list[PreviewProfile] = strawberry.field(description="Every profile that would change, as it would be; the first 100.")
    profile_count: int = strawberry.field(description="How many profiles would change.")
    trait_conflicts: list[Trait] = strawberry.field(
        description="Traits of which profiles that become one have different values: what would win by the rules, the others as "
        "`alternatives`. Judged by the value that each profile shows now; at most 500 a profile."
    )

    @classmethod
    def of(cls, view: ShownPreview, sight: Sight) -> Self:
        return cls(
            token=view.token,
            allowed=view.allowed,
            blockers=[UserError(code=ErrorCode.__members__[b.code], message=b.message, path=["input", *b.path]) for b in view.blockers],
            profiles=[PreviewProfile(view=one, sight=sight, one_id=one.one_id, identifier_count=one.count) for one in view.profiles],
            profile_count=view.profile_count,
            trait_conflicts=[Trait.of(one, sight) for one in view.conflicts],
        )
