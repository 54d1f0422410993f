"""From a selection to `Want`s: what one root field needs of the store, found out once, before the one call.

The walk follows the execution algorithm of the GraphQL specification (field collection): fragments, inline fragments with their type
conditions, `@include` and `@skip` with variables. Selections that ask for the same part with the same arguments become one want.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLObjectType,
    GraphQLSkipDirective,
    InlineFragmentNode,
    NamedTypeNode,
    SelectionNode,
    SelectionSetNode,
    get_argument_values,
    get_directive_values,
    get_named_type,
)
from graphql.execution.values import VariableValues
from strawberry import Info

from graph.errors import BadInput
from graph.views import Args, Want
from service.gql.arguments import Bounds, part_args

__all__ = ["Selection"]


class _Part(NamedTuple):
    """A field that is a part of its object in the store; `reader` says how its arguments are read."""

    name: str
    reader: str = ""


_SPAN: Final = _Part("span")
_PROFILE: Final = _Part("profile")
_PARTS: Final[Mapping[str, Mapping[str, _Part]]] = {
    "Profile": {
        "successor": _Part("successor"),
        "retiredOneIds": _Part("retired_one_ids", "retired_one_ids"),
        "identifiers": _Part("identifiers", "identifiers"),
        "traits": _Part("traits", "traits"),
        "links": _Part("links", "links"),
        "fragments": _Part("fragments", "fragments"),
        "related": _Part("related", "related"),
        "neighbourhood": _Part("neighbourhood", "neighbourhood"),
        "changes": _Part("changes", "changes"),
        "judgements": _Part("judgements", "judgements"),
    },
    "Identifier": {"sources": _Part("sources", "sources"), "profile": _PROFILE, "firstSeenAt": _SPAN, "lastSeenAt": _SPAN},
    "Link": {"a": _Part("a"), "b": _Part("b"), "fragments": _Part("fragments", "link_fragments"), "bridge": _Part("bridge")},
    "Fragment": {"identifiers": _Part("identifiers"), "profile": _PROFILE},
    "Judgement": {"a": _Part("a"), "b": _Part("b")},
    "Trait": {"identifier": _Part("identifier"), "alternatives": _Part("alternatives", "alternatives")},
    "TraitCandidate": {"identifier": _Part("identifier")},
    "Change": {"gained": _Part("gained", "gained"), "lost": _Part("lost", "lost"), "profile": _PROFILE},
    "Conflict": {"a": _Part("a"), "b": _Part("b"), "links": _Part("links", "conflict_links")},
    "InteractionPeer": {"profile": _PROFILE},
    "SocialNode": {"profile": _PROFILE},
    "Explanation": {"path": _Part("path"), "refused": _Part("refused"), "bridges": _Part("bridges")},
}
_TOTAL: Final = "totalCount"
_ALWAYS_THERE: Final = frozenset({"a", "b", "identifier"})
"""Objects that come with theirs anyway; they are wanted only for what is below them."""
_ATTRIBUTES: Final = frozenset({"alternatives"})
"""Parts that a view holds as one attribute: the longest list asked for is fetched, and each field takes its own length of it."""


@dataclass(slots=True)
class _Found:
    """One part while the walk goes on: all nodes that ask for it, which are one want in the end."""

    args: Args
    type: GraphQLObjectType | None
    where: tuple[str, ...]
    nodes: list[FieldNode] = field(default_factory=list)


class Selection:
    """What stands below one field of an operation."""

    def __init__(self, info: Info[Any, Any], bounds: Bounds) -> None:
        raw = info._raw_info
        self._schema = raw.schema
        self._fragments = raw.fragments
        self._variables = VariableValues({}, info.variable_values)
        self._nodes: Sequence[FieldNode] = raw.field_nodes
        self._type = get_named_type(raw.return_type).name
        self._bounds = bounds

    def wants(self, type_name: str | None = None, *, below: str | None = None) -> tuple[Want, ...]:
        """What is wanted of the objects that the field gives, or with `below` those of that one of its fields.

        Where the field gives an interface, `type_name` says which type's objects are meant.
        """
        type_, nodes = self._object(type_name or self._type), self._nodes
        if below is not None:
            nodes = [node for node in self._fields(type_, nodes) if node.name.value == below]
            type_ = self._object(get_named_type(type_.fields[below].type).name)
        return self._collected(type_, nodes, ())

    def asks_for(self, *names: str) -> bool:
        """Whether one of these fields is selected directly below."""
        return any(node.name.value in names for node in self._fields(self._object(self._type), self._nodes))

    def _object(self, name: str) -> GraphQLObjectType:
        type_ = self._schema.type_map[name]
        assert isinstance(type_, GraphQLObjectType), name
        return type_

    def _collected(self, type_: GraphQLObjectType, nodes: Iterable[FieldNode], where: tuple[str, ...]) -> tuple[Want, ...]:
        found: dict[tuple[str, Args], _Found] = {}
        self._collect(type_, nodes, where, found)
        wants = (Want(name, one.args, self._inner(one)) for (name, _), one in found.items())
        return tuple(want for want in wants if want.inner or want.field not in _ALWAYS_THERE)

    def _inner(self, one: _Found) -> tuple[Want, ...]:
        return () if one.type is None else self._collected(one.type, one.nodes, one.where)

    def _collect(
        self, type_: GraphQLObjectType, nodes: Iterable[FieldNode], where: tuple[str, ...], found: dict[tuple[str, Args], _Found]
    ) -> None:
        """Find the parts selected below `nodes`; objects that are no parts, such as edges, are looked through."""
        parts = _PARTS.get(type_.name, {})
        for node in self._fields(type_, nodes):
            name = node.name.value
            if name.startswith("__"):
                continue
            here = (*where, name)
            below = get_named_type(type_.fields[name].type)
            object_below = below if isinstance(below, GraphQLObjectType) else None
            if part := parts.get(name):
                args = self._args(type_, node, part, here)
                key = (part.name, () if part.name in _ATTRIBUTES else args)
                one = found.setdefault(key, _Found(args, object_below, here))
                one.args = max(one.args, args) if part.name in _ATTRIBUTES else args
                one.nodes.append(node)
            elif name == _TOTAL:
                found.setdefault(("total_count", ()), _Found((), None, here))
            elif object_below is not None:
                self._collect(object_below, [node], here, found)

    def _args(self, type_: GraphQLObjectType, node: FieldNode, part: _Part, where: tuple[str, ...]) -> Args:
        given = get_argument_values(type_.fields[node.name.value], node, self._variables)
        try:
            return part_args(part.reader, given, self._bounds)
        except BadInput as error:
            error.path = (*where, *error.path)
            raise

    def _fields(self, type_: GraphQLObjectType, nodes: Iterable[FieldNode]) -> Iterator[FieldNode]:
        """The fields selected below some nodes of which the object is of a type, each spread fragment once."""
        seen: set[str] = set()
        for node in nodes:
            if node.selection_set:
                yield from self._selected(type_, node.selection_set, seen)

    def _selected(self, type_: GraphQLObjectType, selection_set: SelectionSetNode, seen: set[str]) -> Iterator[FieldNode]:
        for node in selection_set.selections:
            if not self._included(node):
                continue
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                if self._applies(node.type_condition, type_):
                    yield from self._selected(type_, node.selection_set, seen)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                fragment = self._fragments[node.name.value]
                if self._applies(fragment.type_condition, type_):
                    yield from self._selected(type_, fragment.selection_set, seen)

    def _included(self, node: SelectionNode) -> bool:
        if not node.directives:
            return True
        skip = get_directive_values(GraphQLSkipDirective, node, self._variables)
        include = get_directive_values(GraphQLIncludeDirective, node, self._variables)
        return not (skip and skip["if"]) and (include is None or bool(include["if"]))

    def _applies(self, condition: NamedTypeNode | None, type_: GraphQLObjectType) -> bool:
        return condition is None or condition.name.value in (type_.name, *(one.name for one in type_.interfaces))
