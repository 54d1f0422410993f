"""The schema, put together; `schema.graphql` is printed from here."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import strawberry
from graphql import GraphQLError, build_schema, lexicographic_sort_schema, print_schema
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from service.gql.audit import AuditEntry
from service.gql.conflicts import Conflict
from service.gql.context import Context
from service.gql.documents import Documents
from service.gql.erasure import Receipt
from service.gql.errors import told
from service.gql.evidence import Fragment, Judgement, Link
from service.gql.feed import Change
from service.gql.guard import Guard
from service.gql.identifiers import Identifier
from service.gql.jobs import Job
from service.gql.limits import Limits
from service.gql.mutation import Mutation
from service.gql.profile import Profile
from service.gql.query import Query
from service.gql.scalars import SCALARS
from service.gql.subscription import Subscription

__all__ = ["OneIDSchema", "make_schema", "print_sorted"]


class OneIDSchema(strawberry.Schema):
    """The schema under limits; errors leave it as clients may see them."""

    def __init__(self, limits: Limits, *, introspection: bool = True) -> None:
        super().__init__(
            Query,
            Mutation,
            Subscription,
            types=(Profile, Identifier, Link, Fragment, Judgement, Change, Conflict, Job, AuditEntry, Receipt),
            config=StrawberryConfig(scalar_map=SCALARS),
            extensions=[lambda: Guard(self._documents, limits.cost)],
        )
        self._documents = Documents(self._schema, limits, introspection=introspection)

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Replace each error by what the client is told; strawberry passes every list of errors through here, on every transport."""
        context: Any = execution_context.context if execution_context else None
        request_id = context.request_id if isinstance(context, Context) else "-"
        errors[:] = [told(error, request_id) for error in errors]


@lru_cache(8)
def make_schema(limits: Limits | None = None, *, introspection: bool = True) -> OneIDSchema:
    """The schema of the service; one for the same limits, since it holds nothing of the service that it is used in."""
    return OneIDSchema(limits or Limits(), introspection=introspection)


def print_sorted(schema: OneIDSchema | None = None) -> str:
    """The schema in the definition language, everything in it by name, as `schema.graphql` holds it."""
    return print_schema(lexicographic_sort_schema(build_schema((schema or make_schema()).as_str()))) + "\n"
