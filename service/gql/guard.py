"""What happens around every operation: its own context, the prepared document, its cost, its token, its count in the metrics."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

from graphql import DocumentNode, FieldNode, GraphQLError, OperationDefinitionNode, OperationType, get_operation_ast
from strawberry.extensions import SchemaExtension

from service.gql import ids
from service.gql.context import Context
from service.gql.documents import Documents, Prepared
from service.gql.limits import TooCostly, cost_of

__all__ = ["TOKEN", "Guard"]

TOKEN: Final = "token"
"""What the tokens in `extensions.token` and `ONEID-After` are encoded for."""


_INVALID: Final = {"code": "INVALID"}
_NO_STREAM: Final = "subscriptions come over graphql-transport-ws, or over HTTP as server-sent events (`Accept: text/event-stream`)"


class Guard(SchemaExtension):
    """Made anew for every operation."""

    def __init__(self, documents: Documents, cost: int) -> None:
        self._documents, self._cost = documents, cost
        self._prepared: Prepared | None = None

    @property
    def _context(self) -> Context:
        context: Context = self.execution_context.context
        return context

    def on_operation(self) -> Iterator[None]:
        execution = self.execution_context
        execution.context = self._context.for_operation()
        execution.parse_options["max_tokens"] = self._documents.tokens
        begun = time.perf_counter()
        yield
        operation = self._operation()
        kind, field = ("invalid", "") if operation is None else (operation.operation.value, _first_field(operation))
        errors = execution.pre_execution_errors or getattr(execution.result, "errors", None) or []
        self._context.service.metrics.operation(kind, field, errors, time.perf_counter() - begun)

    def on_parse(self) -> Iterator[None]:
        execution = self.execution_context
        if execution.query:
            try:
                self._prepared = self._documents.prepare(execution.query)
            except GraphQLError:
                self._prepared = None  # strawberry parses again, and reports it where its transports expect it
            else:
                execution.graphql_document = self._prepared.document
        yield

    def on_validate(self) -> Iterator[None]:
        if self._prepared is not None:
            self.execution_context.pre_execution_errors = list(self._prepared.errors) or self._unfit(self._prepared.document)
        yield

    def get_results(self) -> dict[str, Any]:
        token = self._context.token
        return {} if token is None else {"token": ids.encode(TOKEN, (token,))}

    def _unfit(self, document: DocumentNode) -> list[GraphQLError]:
        """Why a valid document cannot run here."""
        operation = self._operation()
        if operation is None:
            return [GraphQLError("the document holds several operations; say which one in `operationName`", extensions=_INVALID)]
        if operation.operation is OperationType.SUBSCRIPTION and not self._context.streams:
            return [GraphQLError(_NO_STREAM, operation, extensions=_INVALID)]
        cost = cost_of(document, operation, self.execution_context.variables or {})
        if cost <= self._cost:
            return []
        error = TooCostly(
            f"the operation may make about {cost:,} objects, at most {self._cost:,} are allowed; "
            "ask for shorter lists (`first`) or for less in them"
        )
        return [GraphQLError(str(error), operation, original_error=error)]

    def _operation(self) -> OperationDefinitionNode | None:
        """The operation that is meant; None where that is not clear."""
        if self._prepared is None or self._prepared.errors:
            return None
        return get_operation_ast(self._prepared.document, self.execution_context._provided_operation_name)


def _first_field(operation: OperationDefinitionNode) -> str:
    first = operation.selection_set.selections[0]
    return first.name.value if isinstance(first, FieldNode) else "fragment"
