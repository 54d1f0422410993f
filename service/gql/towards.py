"""From what a profile is made of back to the profile: the one import that would go in a circle is made late, here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import strawberry

from graph.views import ProfileView
from service.gql.sight import Sight

if TYPE_CHECKING:
    from service.gql.profile import Profile

__all__ = ["AProfile", "profile_of"]

AProfile: TypeAlias = Annotated["Profile", strawberry.lazy("service.gql.profile")]


def profile_of(view: ProfileView, sight: Sight) -> Profile:
    """The profile of a view."""
    from service.gql.profile import Profile

    return Profile.of(view, sight)
