"""Documents made ready for execution: parsed, measured and validated, and kept for the next request with the same text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    parse,
    specified_rules,
)
from strawberry.schema.schema import validate_document

from service.gql.limits import Limits, OverLimit, shape_of

__all__ = ["Documents", "Prepared"]

_KEPT: Final = 512
_SHORT: Final = 8_192
"""Characters of a text that is kept; longer ones carry their values inside and seldom come twice."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A parsed document and what is wrong with it."""

    document: DocumentNode
    errors: tuple[GraphQLError, ...]


class Documents:
    """Prepares documents for one schema under its limits."""

    def __init__(self, schema: GraphQLSchema, limits: Limits, *, introspection: bool) -> None:
        self._schema, self._limits = schema, limits
        self._rules = (*specified_rules, *(() if introspection else (NoSchemaIntrospectionCustomRule,)))
        self._kept: Any = lru_cache(_KEPT)(self._prepare)

    @property
    def tokens(self) -> int:
        """The most tokens of a document."""
        return self._limits.tokens

    def prepare(self, text: str) -> Prepared:
        """The document of a text, with what is wrong with it; GraphQLError where it is no document, or one of too many tokens."""
        prepared: Prepared = self._kept(text) if len(text) <= _SHORT else self._prepare(text)
        return prepared

    def _prepare(self, text: str) -> Prepared:
        document = parse(text, max_tokens=self._limits.tokens, allow_empty_selection_sets=False)
        try:
            shape_of(document).check(self._limits)
        except OverLimit as error:
            return Prepared(document, (GraphQLError(str(error), original_error=error),))
        except RecursionError:
            too_deep = OverLimit("the operation nests too deeply to be measured")
            return Prepared(document, (GraphQLError(str(too_deep), original_error=too_deep),))
        return Prepared(document, tuple(validate_document(self._schema, document, self._rules)))
