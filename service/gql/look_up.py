"""From how a client names somebody to how the store does."""

from __future__ import annotations

from typing import Any

from graph.errors import BadInput, ValueTooLong
from graph.lines import identifier_of
from graph.model import Identifier
from graph.resolve.rules import Rules
from graph.views import ByIdentifier, ByNumber, ByOneId, LookUp
from service.gql.ids import node_key
from service.gql.inputs import ProfileBy, said

__all__ = ["look_up", "node_ref"]

_MAX_ONE_ID = 64


def look_up(by: ProfileBy, rules: Rules, path: tuple[str, ...]) -> LookUp | None:
    """The look-up that an input stands for; None where the rules block the identifier, so that nobody can have it."""
    sent_id, identifier, one_id = said(by.id), said(by.identifier), said(by.one_id)
    if sent_id is not None:
        kind, numbers = node_key(sent_id, (*path, "id"))
        if kind != "profile":
            raise BadInput(f"the id of a Profile is wanted, that of a {kind} came", (*path, "id"))
        return ByNumber(numbers[0])
    if identifier is not None:
        normal = rules.normalise(identifier_of(identifier.mapping(), (*path, "identifier")))
        return ByIdentifier(normal) if isinstance(normal, Identifier) else None
    if not one_id:
        raise BadInput("exactly one of oneId, identifier and id is wanted", path)
    if len(one_id) > _MAX_ONE_ID:
        raise ValueTooLong(len(one_id), _MAX_ONE_ID, (*path, "oneId"))
    return ByOneId(one_id)


def node_ref(text: str, path: tuple[str, ...]) -> tuple[str, Any] | None:
    """The kind and number by which the store knows a node; None for the id of something that is no node."""
    kind, numbers = node_key(text, path)
    if kind == "cause":
        return None
    if kind in ("link", "conflict"):
        return kind, numbers
    return kind, numbers[0]
