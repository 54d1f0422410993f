"""Why two identifiers belong together, or do not."""

from __future__ import annotations

from typing import Self

import strawberry

from graph.explain import sentence
from graph.views import ExplanationView
from service.gql.evidence import Link
from service.gql.sight import Sight
from service.masking import masked

__all__ = ["Explanation"]


@strawberry.type(description="Why two identifiers are in one profile, or in two, by the evidence that counts now.")
class Explanation:
    together: bool = strawberry.field(
        description="Whether one profile holds both. False also where one of them is unknown or blocked, as `message` then says."
    )
    path: list[Link] = strawberry.field(
        description="Together: the strongest chain of accepted links and judgements `same` from a to b: the one whose weakest link is of "
        "the strongest namespace, a link counting as its weaker end does; of these the one with the fewest links, then by text. "
        "The first 100; empty for apart, for one and the same identifier, and where a profile has more than 500,000 links."
    )
    refused: list[Link] = strawberry.field(
        description="Apart: what is refused between their profiles, strongest first: judgements, then links in the order in which the "
        "rules take them; with none, the shortest chain of refused links over other profiles, at most 6 long. Together: the refused "
        "links of which one may take the place of a bridge, likeliest first. At most 100."
    )
    bridges: list[Link] = strawberry.field(
        description="Together: the accepted links and judgements each of which alone parts a from b when it is lost, unless a refused one "
        "takes its place; in order from a to b, at most 100."
    )
    message: str = strawberry.field(description="The answer as one sentence for people. Values in it are masked without scope `pii`.")

    @classmethod
    def of(cls, view: ExplanationView, sight: Sight) -> Self:
        return cls(
            together=view.together,
            path=[Link.of(one, sight) for one in view.path],
            refused=[Link.of(one, sight) for one in view.refused],
            bridges=[Link.of(one, sight) for one in view.bridges],
            message=sentence(view, lambda one: f"{one.namespace} {one.value if sight.pii else masked(one.value)}"),
        )
