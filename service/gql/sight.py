"""What a caller may see, handed to every type that maps a view; and how a type finds a part that was fetched for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import strawberry
from strawberry import UNSET

from graph.views import Connection, Key, Parts
from service.gql.arguments import Bounds, part_args
from service.gql.ids import node_id

__all__ = ["Sight"]


@dataclass(frozen=True, slots=True)
class Sight:
    """`pii`: identifier values and traits are shown; without it they are null and only the masked form is there. `as_of`: the commit as of
    which everything is shown, which ids carry; None: now."""

    pii: bool
    bounds: Bounds
    as_of: int | None = None

    def id(self, kind: str, *numbers: int) -> strawberry.ID:
        """The id of a node that is shown."""
        return strawberry.ID(node_id(kind, *numbers, as_of=self.as_of))

    def page(self, parts: Parts, field: str, reader: str, **given: Any) -> tuple[Connection[Any], Key | None]:
        """A paged part, and the key of `after`, which an empty page repeats."""
        args = part_args(reader, _said(given), self.bounds)
        return parts[(field, args)], cast(Key | None, dict(args)["after"])

    def part(self, parts: Parts, field: str, reader: str = "", **given: Any) -> Any:
        """The part of a view that the selection made the store fetch, for the arguments given."""
        return parts[(field, part_args(reader, _said(given), self.bounds))]


def _said(given: dict[str, Any]) -> dict[str, Any]:
    """The arguments that came."""
    return {name: value for name, value in given.items() if value is not UNSET}
