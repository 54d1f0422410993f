"""The subscriptions, over graphql-transport-ws and server-sent events."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Annotated, TypeVar

import strawberry
from strawberry import UNSET

from graph.errors import BadInput
from service.auth import Scope
from service.gql import ids
from service.gql.context import Info, Service
from service.gql.described import subscription
from service.gql.enums import ChangeKind
from service.gql.feed import Change
from service.gql.follow import follow_feed, follow_job, follow_profile
from service.gql.inputs import ProfileBy, said
from service.gql.jobs import Job, job_number, shown
from service.gql.look_up import asked_by
from service.gql.pace import at_their_pace
from service.gql.profile import Profile
from service.gql.query import reading

__all__ = ["ProfileEvent", "Subscription"]

_EVENTS = "profile events"
Event = TypeVar("Event")


@strawberry.type(description="A profile that changed.")
class ProfileEvent:
    cursor: str = strawberry.field(description="Give it as `after` to go on from here.")
    profile: Profile | None = strawberry.field(description="The profile as it is now; null: unknown or erased.")
    change: Change | None = strawberry.field(
        description="The last entry of the feed about it since the event before; null in the first event without `after`, "
        "and where only traits or interactions changed."
    )


@strawberry.type(
    description="What can be followed. A follower that reads slowly gets events later. One that takes "
    "nothing for long is ended with the error SLOW_READER, whose `extensions.cursor` is the `after` to go on with."
)
class Subscription:
    @subscription("The feed: each entry after `after`, or from now on, in its one order, each at least once.")
    async def changes(
        self,
        info: Info,
        after: Annotated[
            str | None, strawberry.argument(description="`cursor` of the last change that was seen; null: from now on.")
        ] = UNSET,
        kinds: Annotated[list[ChangeKind] | None, strawberry.argument(description="Only these kinds; null: all.")] = UNSET,
    ) -> AsyncGenerator[Change, None]:
        context = reading(info)
        position = None if said(after) is None else ids.decode("changes", said(after), ("after",))
        names = None if said(kinds) is None else sorted({kind.value for kind in said(kinds)})
        want = context.selection(info).wants()
        feed = follow_feed(context.service, position, want, names)
        with context.service.metrics.open_subscription("changes") as sent:
            async for view in _paced(context.service, "changes", feed, lambda view: ids.encode("changes", (view.seq,))):
                sent.inc()
                yield Change.of(view, context.sight)

    @subscription("A job: as it is now, then each time it changed, until it has ended. Needs scope `admin`.")
    async def job_changed(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The `id` of a Job.")]
    ) -> AsyncGenerator[Job, None]:
        context = info.context
        context.caller.need(Scope.ADMIN)
        number = job_number(id, ("id",))
        if number is None:
            raise BadInput("the id of a Job is wanted", ("id",))
        want = context.selection(info).wants()
        with context.service.metrics.open_subscription("jobChanged") as sent:
            async for row in _paced(context.service, "jobChanged", follow_job(context.service, number), lambda _: None):
                sent.inc()
                yield await shown(context, row, want)

    @subscription(
        "One person: the profile as it is now (with `after`: as soon as it differs from then), then again each time it changed. "
        "Changes that come faster than they are read arrive as one event."
    )
    async def profile_changed(
        self,
        info: Info,
        by: Annotated[ProfileBy, strawberry.argument(description="Whom to follow, through merges and splits.")],
        after: Annotated[
            str | None, strawberry.argument(description="`cursor` of the last event that was seen; null: begin with the present.")
        ] = UNSET,
    ) -> AsyncGenerator[ProfileEvent, None]:
        context = reading(info)
        asked = asked_by(by, ("by",))
        position = None if said(after) is None else ids.decode(_EVENTS, said(after), ("after",))
        selection = context.selection(info)
        change_want = selection.wants(below="change") if selection.asks_for("change") else None
        events = follow_profile(context.service, asked, position, selection.wants(below="profile"), change_want)
        with context.service.metrics.open_subscription("profileChanged") as sent:
            async for event in _paced(context.service, "profileChanged", events, lambda event: ids.encode(_EVENTS, event.key)):
                sent.inc()
                yield ProfileEvent(
                    cursor=ids.encode(_EVENTS, event.key),
                    profile=Profile.of(event.profile, context.sight) if event.profile else None,
                    change=Change.of(event.change, context.sight) if event.change else None,
                )


def _paced(service: Service, field: str, events: AsyncIterator[Event], cursor: Callable[[Event], str | None]) -> AsyncIterator[Event]:
    return at_their_pace(events, service.settings.slow_seconds, service.metrics.slow.labels(field), cursor)
