"""Long work as clients see it: how far it is, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Self, cast

import strawberry

from graph import jobs
from graph.jobs import Simulated
from graph.rehearse import because
from graph.store.ports import JobRow
from graph.views import Want
from service.gql.arguments import whole
from service.gql.context import Context
from service.gql.described import resolved
from service.gql.enums import ErrorCode, JobKind, JobState
from service.gql.ids import node_id, node_key
from service.gql.node import Node
from service.gql.preview import PreviewProfile
from service.gql.scalars import DateTime, Long
from service.gql.sight import Sight
from service.gql.user_error import UserError
from service.masking import masked

__all__ = ["Job", "JobPayload", "SimulatedChange", "Simulation", "job_number", "shown"]

_EXAMPLES = 50


@strawberry.type(description="Profiles that the rules would change, with the evidence that makes the difference.")
class SimulatedChange:
    before: list[PreviewProfile] = strawberry.field(description="The profiles as they are; at most 10, the largest first.")
    after: list[PreviewProfile] = strawberry.field(
        description="The profiles as they would be; at most 10, the largest first. Identifiers that are blocked now count, but do not show."
    )
    because: str = strawberry.field(
        description="One sentence: the link, judgement or identifier that makes the difference, and the rule. Values in it are masked "
        "without scope `pii`."
    )


@strawberry.type(
    description="What rules would make of all evidence, as of one commit. Profiles are compared by identifiers as they were sent, so that "
    "rules that normalise otherwise can be compared; a blocked identifier is in no profile."
)
class Simulation:
    view: strawberry.Private[Simulated]
    sight: strawberry.Private[Sight]
    profiles_before: Long = strawberry.field(description="Profiles there are.")
    profiles_after: Long = strawberry.field(description="Profiles there would be.")
    merges: Long = strawberry.field(description="Profiles that would hold identifiers of two or more of those there are.")
    splits: Long = strawberry.field(description="Profiles there are whose identifiers would be in two or more.")
    one_ids_changed: Long = strawberry.field(
        description="OneIDs that name a profile and would no longer be the OneID of all of its identifiers."
    )
    largest_before: int = strawberry.field(description="Identifiers of the largest profile.")
    largest_after: int = strawberry.field(description="Identifiers of the largest profile there would be.")

    @resolved("What would change: one example for each reason first, then a second for each, and so on; at most 50 are kept.")
    def examples(
        self, first: Annotated[int | None, strawberry.argument(description="At most so many, 1 to 50; null: 10.")] = 10
    ) -> list[SimulatedChange]:
        most = whole({"first": first}, "first", 10, _EXAMPLES)
        return [
            SimulatedChange(
                before=[self._profile(one) for one in change.before],
                after=[self._profile(one) for one in change.after],
                because=because(change.because, lambda one: f"{one.namespace} {one.value if self.sight.pii else masked(one.value)}"),
            )
            for change in self.view.examples[:most]
        ]

    def _profile(self, one: jobs.ShownProfile) -> PreviewProfile:
        return PreviewProfile(view=one, sight=self.sight, one_id=one.one_id, identifier_count=one.count)

    @classmethod
    def of(cls, view: Simulated, sight: Sight) -> Self:
        return cls(view=view, sight=sight, **view.counts)  # type: ignore[arg-type]  # the names are those of the counts


@strawberry.type(description="Long work: ask for it again by its id, or subscribe to `jobChanged`.")
class Job(Node):
    kind: JobKind = strawberry.field(description="What it does.")
    state: JobState = strawberry.field(description="How far it is; DONE, FAILED and CANCELLED are for good.")
    progress: float = strawberry.field(description="From 0 to 1.")
    started_at: DateTime = strawberry.field(description="When it was asked for.")
    finished_at: DateTime | None = strawberry.field(description="When it ended; null: it has not.")
    simulation: Simulation | None = strawberry.field(
        description="What SIMULATE_RULES found, or APPLY_RULES changed; null before it is DONE, and for other kinds."
    )
    user_errors: list[UserError] = strawberry.field(description="Why it failed; empty otherwise.")

    @classmethod
    def of(cls, row: JobRow, simulation: Simulated | None, sight: Sight) -> Self:
        errors = [] if row.error is None else [UserError(code=_code(row.error[0]), message=row.error[1], path=[])]
        return cls(
            id=strawberry.ID(node_id("job", row.id)),
            kind=JobKind(row.kind),
            state=JobState(row.state),
            progress=row.progress,
            started_at=cast(DateTime, row.started),
            finished_at=cast(DateTime, row.finished) if row.finished is not None else None,
            simulation=Simulation.of(simulation, sight) if simulation else None,
            user_errors=errors,
        )


@strawberry.type(description="What became of a job that was asked for or cancelled.")
class JobPayload:
    job: Job | None = strawberry.field(description="The job as it is now; null where there is none.")
    user_errors: list[UserError] = strawberry.field(description="Why it was not done; empty where it was.")
    client_mutation_id: str | None = strawberry.field(description="The clientMutationId that came; null where none came.")


def job_number(sent: str, path: tuple[str, ...]) -> int | None:
    """The number of a job by its id; None where the id is that of something else."""
    kind, numbers = node_key(sent, path)
    return numbers[0] if kind == "job" else None


async def shown(context: Context, row: JobRow, want: Sequence[Want]) -> Job:
    """A job with what came of it; `want`: of the identifiers in its examples."""
    found = None
    if row.kind in (jobs.SIMULATE, jobs.APPLY) and row.result is not None:
        found = await jobs.simulated(context.store, row.result, _EXAMPLES, want)
    return Job.of(row, found, context.sight)


def _code(code: str) -> ErrorCode:
    return ErrorCode.__members__.get(code, ErrorCode.UNAVAILABLE)
