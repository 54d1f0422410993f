"""Following the feed and single profiles.

A follower reads, hands on what it read, and then waits for the next commit: one page is all it ever holds, however slow its
reader is. It stops when the service is about to close. Each look carries the commit it was told of, as a token: a member of a cluster that
does not have it yet would show nothing new, and the next look only comes with the next commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from graph.errors import NotFound
from graph.jobs import ENDED, job
from graph.resolve.rules import Rules
from graph.ruled import by_rules
from graph.store.ports import JobRow, Store
from graph.views import ChangeView, Key, LookUp, Page, ProfileView, Want
from service.gql.context import Service
from service.gql.look_up import normal

__all__ = ["Event", "follow_feed", "follow_job", "follow_profile"]

_PAGE = 100
_PAUSE = 0.1
"""Seconds between two looks for something new: many commits at once are one look, and many followers leave room for others."""


_JOB_PAUSE = 0.5


class Event(NamedTuple):
    """A profile as it is now, with the last entry of the feed about it since the event before; `key` is where to resume."""

    key: Key
    profile: ProfileView | None
    change: ChangeView | None


async def follow_feed(service: Service, after: Key | None, want: Sequence[Want], kinds: Sequence[str] | None) -> AsyncIterator[ChangeView]:
    """Every entry after a position, or from now on; then each new one, until the service closes."""
    store = service.store
    commit, last = await store.head()
    position = (last,) if after is None else after
    while not service.closing.is_set():
        page = await store.changes(Page(_PAGE, position), want, kinds=kinds, token=commit)
        for edge in page.edges:
            yield edge.node
        position = page.end or position
        if not page.has_next:
            commit = await _next_commit(service, commit)


async def follow_profile(
    service: Service, asked: LookUp, after: Key | None, want: Sequence[Want], change_want: Sequence[Want] | None
) -> AsyncIterator[Event]:
    """The profile as it is now, or with `after` as soon as it differs from then; then each time it changed. `asked` names an identifier as
    it was sent.

    Changes that come faster than they are read become one event. `change_want` None: nobody asks what changed.
    """
    store = service.store
    commit, seq = await store.head()
    known: tuple[int, int] | None = None  # number and version last shown
    version, seq = after if after is not None and len(after) == 2 else (-1, seq)
    while not service.closing.is_set():
        view = await by_rules(store, partial(_looked_up, store, asked, want, commit))
        now = (view.n, view.version) if view else (0, 0)
        if now != known and (known is not None or now[1] != version):
            change, seq = await _last_change(service, view, seq, change_want)
            yield Event((now[1], seq), view, None if known is None and after is None else change)
        known = now
        commit = await _next_commit(service, commit)


async def _looked_up(store: Store, asked: LookUp, want: Sequence[Want], token: int, rules: Rules) -> ProfileView | None:
    known = normal(asked, rules)
    found = await store.profiles_by([] if known is None else [known], want, token=token)
    return found[0] if found else None


async def follow_job(service: Service, number: int) -> AsyncIterator[JobRow]:
    """A job as it is, then each time it changed, until it has ended; NotFound where there is none. It may be done by another process, so it
    is looked at now and then."""
    known: JobRow | None = None
    while not service.closing.is_set():
        row = await job(service.store, number)
        if row is None:
            raise NotFound("there is no such job, or no longer", ("id",))
        row = service.jobs.known(row)
        if known is None or (row.state, row.progress) != (known.state, known.progress):
            known = row
            yield row
        if row.state in ENDED:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_JOB_PAUSE):
                await service.closing.wait()


async def _next_commit(service: Service, commit: int) -> int:
    """The last commit, once there is one after `commit` or the service closes; not before a short pause."""
    await asyncio.sleep(_PAUSE)
    last = commit
    while last <= commit and not service.closing.is_set():
        last = await service.store.wait_for_change(commit, service.settings.poll_seconds)
    return last


async def _last_change(service: Service, view: ProfileView | None, seq: int, want: Sequence[Want] | None) -> tuple[ChangeView | None, int]:
    """The last entry of the feed about a profile after a position, and the position it brings us to."""
    change: ChangeView | None = None
    more = view is not None and want is not None
    while view is not None and want is not None and more:
        page = await service.store.changes(Page(_PAGE, (seq,)), want, n=view.n, token=view.version)
        if page.edges:
            change = page.edges[-1].node
        seq = page.end[0] if page.end else seq
        more = page.has_next
    return change, seq
