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

__all__ = ["asked_by", "node_ref", "normal"]

_MAX_ONE_ID = 64


def asked_by(by: ProfileBy, path: tuple[str, ...]) -> LookUp:
    """The look-up that an input stands for, an identifier as sent."""
    sent_id, identifier, one_id = said(by.id), said(by.identifier), said(by.one_id)
    if sent_id is not None:
        kind, numbers = node_key(sent_id, (*path, "id"))
        if kind != "profile":
            raise BadInput(f"the id of a Profile is wanted, that of a {kind} came", (*path, "id"))
        return ByNumber(numbers[0])
    if identifier is not None:
        return ByIdentifier(identifier_of(identifier.mapping(), (*path, "identifier")))
    if not one_id:
        raise BadInput("exactly one of oneId, identifier and id is wanted", path)
    if len(one_id) > _MAX_ONE_ID:
        raise ValueTooLong(len(one_id), _MAX_ONE_ID, (*path, "oneId"))
    return ByOneId(one_id)


def normal(asked: LookUp, rules: Rules) -> LookUp | None:
    """A look-up as the store knows it; None where the rules block its identifier, so that nobody can have it."""
    if not isinstance(asked, ByIdentifier):
        return asked
    form = rules.normalise(asked.identifier)
    return ByIdentifier(form) if isinstance(form, Identifier) else None


def node_ref(text: str, path: tuple[str, ...]) -> tuple[str, Any] | None:
    """The kind and number by which the store knows a node; None for the id of something that is no node."""
    kind, numbers = node_key(text, path)
    if kind == "cause":
        return None
    if kind in ("link", "conflict"):
        return kind, numbers
    return kind, numbers[0]
