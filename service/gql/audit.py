"""The audit: what people decided, who, when and why."""

from __future__ import annotations

from typing import Self, cast

import strawberry

from graph import views
from graph.audit import summary
from graph.views import AuditView, Key
from service.gql.enums import cause_kind
from service.gql.feed import CAUSES, Cause
from service.gql.ids import node_id
from service.gql.node import Node
from service.gql.paging import Connection, PageInfo
from service.gql.scalars import DateTime, Long

__all__ = ["AuditConnection", "AuditEntry"]


@strawberry.type(
    description="One thing that somebody decided. It is written in the step that it is of; what was refused has none. It holds no "
    "values of anybody but what the operator wrote as the reason, and that goes when an identifier that it concerns is erased."
)
class AuditEntry(Node):
    at: DateTime = strawberry.field(description="When it was done here; never goes backwards.")
    by: str | None = strawberry.field(
        description="Who did it: the name of the API key, or of who ran the command `oneid`; null where the service is open to all."
    )
    key_id: str | None = strawberry.field(description="The id of the API key, as `oneid keys list` shows it; null where none was used.")
    operation: str = strawberry.field(description="The mutation, as `mergeProfiles`; what commands do has the name of its mutation, too.")
    reason: str | None = strawberry.field(
        description="Why, in the operator's words; null where none was asked for, or it went with an erased identifier."
    )
    cause: Cause | None = strawberry.field(
        description="The cause of the changes that it made, which `revert` takes; null where it changed nobody by itself, as a job that is "
        "only asked for."
    )
    summary: str = strawberry.field(description="One sentence, without values of anybody.")
    profiles_before: Long | None = strawberry.field(
        description="How many profiles there were of those that it changed; null for what changes no profile."
    )
    profiles_after: Long | None = strawberry.field(description="How many there were then; null likewise.")
    moved: Long | None = strawberry.field(description="Identifiers that went from one profile to another; null likewise.")
    subjects: list[strawberry.ID] = strawberry.field(
        description="Ids of the identifiers that it concerns, for `node`: those it named or moved, and the others of their profiles "
        "then; the first 100."
    )
    job_id: strawberry.ID | None = strawberry.field(description="The job that it asked for or cancelled; null where there is none.")

    @classmethod
    def of(cls, view: AuditView) -> Self:
        figures, cause, job = view.figures, view.cause, view.figures.get("job")
        before, after, moved = (figures.get(name) for name in ("before", "after", "moved"))
        return cls(
            id=strawberry.ID(node_id("audit", view.n)),
            at=cast(DateTime, view.at),
            by=view.by,
            key_id=view.key,
            operation=view.operation,
            reason=view.reason,
            cause=cause and Cause(id=strawberry.ID(node_id("cause", CAUSES.index(cause[0]), cause[1])), kind=cause_kind(cause[0])),
            summary=summary(view.operation, figures),
            profiles_before=cast(Long | None, before),
            profiles_after=cast(Long | None, after),
            moved=cast(Long | None, moved),
            subjects=[strawberry.ID(node_id("identifier", id)) for id in view.subjects],
            job_id=None if job is None else strawberry.ID(node_id("job", job)),
        )


@strawberry.type(description="One place in a list.")
class AuditEdge:
    cursor: str = strawberry.field(description="This place; opaque, good as `after` of the same kind of list.")
    node: AuditEntry = strawberry.field(description="What stands there.")


@strawberry.type(description="One page of a list, at most 100 edges (`first`, 20 by default).")
class AuditConnection:
    edges: list[AuditEdge] = strawberry.field(description="The page, in the order of the list.")
    page_info: PageInfo = strawberry.field(description="Where this page stands in its list.")

    @classmethod
    def of(cls, found: views.Connection[AuditView], after: Key | None) -> Self:
        page = Connection.of(found, AuditEntry.of, "audit", after)
        return cls(edges=[AuditEdge(cursor=edge.cursor, node=edge.node) for edge in page.edges], page_info=page.page_info)
