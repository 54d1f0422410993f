"""How much one operation may ask for: depth, aliases, and a cost estimated before anything is read.

Fragments are counted wherever they are spread, each worked out once, so that fragments nested in fragments cost no more to measure
than to write. Introspection has limits of its own in graphql-core and counts for nothing here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
)

from graph.errors import OneIDError

__all__ = ["Limits", "OverLimit", "Shape", "TooCostly", "cost_of", "shape_of"]


class OverLimit(OneIDError):
    """An operation is larger than a limit of the service."""

    code = "LIMIT_EXCEEDED"


class TooCostly(OneIDError):
    """An operation may make more objects than the service is willing to make."""

    code = "TOO_COSTLY"


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one operation; `cost` counts the objects that it may make."""

    depth: int = 12
    aliases: int = 30
    tokens: int = 5_000
    cost: int = 50_000


@dataclass(frozen=True, slots=True)
class Shape:
    """How deep an operation nests (`edges` and `node` of a connection count) and how many aliases it has.

    `pairs`: how many pairs of fields have one name; validation compares such pairs where they meet.
    """

    depth: int
    aliases: int
    pairs: int = 0

    def check(self, limits: Limits) -> None:
        """Raise OverLimit, which says both numbers."""
        if self.depth > limits.depth:
            raise OverLimit(f"the operation is {self.depth} levels deep, at most {limits.depth} are allowed")
        if self.aliases > limits.aliases:
            raise OverLimit(f"the operation has {self.aliases} aliases, at most {limits.aliases} are allowed")
        if self.pairs > _PAIRS:
            raise OverLimit("the document repeats fields too often; write each field once")


def shape_of(document: DocumentNode) -> Shape:
    """The deepest depth of the document's operations and the most aliases of one; fragments that spread themselves count once."""
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    known: dict[str, Shape] = {}
    names: Counter[str] = Counter()

    def of(selections: SelectionSetNode | None, inside: frozenset[str]) -> Shape:
        depth = aliases = 0
        for node in selections.selections if selections else ():
            if isinstance(node, FieldNode):
                if node.name.value.startswith("__"):
                    continue
                names[node.name.value] += 1
                below = of(node.selection_set, inside)
                below = Shape(below.depth + 1, below.aliases + (node.alias is not None))
            elif isinstance(node, InlineFragmentNode):
                below = of(node.selection_set, inside)
            else:
                below = spread(node, inside)
            depth, aliases = max(depth, below.depth), aliases + below.aliases
        return Shape(depth, aliases)

    def spread(node: Any, inside: frozenset[str]) -> Shape:
        name = node.name.value
        if name in inside or name not in fragments:
            return Shape(0, 0)
        if name not in known:
            known[name] = of(fragments[name].selection_set, inside | {name})
        return known[name]

    shapes = [of(one.selection_set, frozenset()) for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    pairs = sum(count * (count - 1) // 2 for count in names.values())
    return Shape(max((one.depth for one in shapes), default=0), max((one.aliases for one in shapes), default=0), pairs)


_PAIRS: Final = 20_000
"""Some 200 fields of one name, which validation compares in a few tenths of a second."""
_PAGED: Final = 20
_LENGTHS: Final[Mapping[str, tuple[str, int]]] = {
    "identifiers": ("first", _PAGED),
    "links": ("first", _PAGED),
    "fragments": ("first", _PAGED),
    "related": ("first", _PAGED),
    "changes": ("first", _PAGED),
    "judgements": ("first", _PAGED),
    "gained": ("first", _PAGED),
    "lost": ("first", _PAGED),
    "profiles": ("first", _PAGED),
    "search": ("first", _PAGED),
    "sharedIdentifiers": ("first", _PAGED),
    "conflicts": ("first", _PAGED),
    "audit": ("first", _PAGED),
    "alternatives": ("first", 10),
    "neighbourhood": ("maxNodes", 200),
    "socialPath": ("maxHops", 4),
    "nodes": ("ids", 1),  # of a neighbourhood too, whose own length counts
    "profilesBy": ("by", 100),
    "traits": ("keys", 20),
    "traitConflicts": ("", 20),
    "path": ("", 20),
    "refused": ("", 20),
    "bridges": ("", 20),
    "examples": ("first", 10),
    "before": ("", 3),
    "after": ("", 3),
}
"""By field: the argument that says how many objects come at most, and how many are reckoned with without it."""
_MOST: Final = 1_000
"""What a length counts for at most: beyond that the argument is refused anyway."""
_WRAPPING: Final = frozenset({"edges", "node", "pageInfo"})


def cost_of(document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> int:
    """About how many objects an operation may make: those of each list times those below each."""
    defaults = {one.variable.name.value: _plain(one.default_value) for one in operation.variable_definitions or ()}
    given = defaults | dict(variables)
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    known: dict[str, int] = {}

    def of(selections: SelectionSetNode | None) -> int:
        cost = 0
        for node in selections.selections if selections else ():
            if isinstance(node, FieldNode):
                cost += field(node)
            elif isinstance(node, InlineFragmentNode):
                cost += of(node.selection_set)
            else:
                cost += spread(node)
        return cost

    def spread(node: Any) -> int:
        name = node.name.value
        if name not in known:
            known[name] = 0
            known[name] = of(fragments[name].selection_set) if name in fragments else 0
        return known[name]

    def field(node: FieldNode) -> int:
        if node.selection_set is None or node.name.value.startswith("__"):
            return 0
        own = 0 if node.name.value in _WRAPPING else 1
        return _length(node, given) * (own + of(node.selection_set))

    return of(operation.selection_set)


def _length(node: FieldNode, given: Mapping[str, Any]) -> int:
    argument, default = _LENGTHS.get(node.name.value, ("", 1))
    for one in node.arguments or ():
        if one.name.value == argument:
            value = given.get(one.value.name.value) if isinstance(one.value, VariableNode) else _plain(one.value)
            length = len(value) if isinstance(value, list | tuple) else value
            return min(max(length, 1), _MOST) if isinstance(length, int) else default
    return default


def _plain(value: ValueNode | None) -> Any:
    """What a literal says about a length: a number, or a list by its places."""
    if isinstance(value, IntValueNode):
        return int(value.value)
    return value.values if isinstance(value, ListValueNode) else None
