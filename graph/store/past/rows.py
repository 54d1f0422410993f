"""Rows as of a commit: what is asked for is fetched from the history, and the rows of an embedded store then answer as they would have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

from graph.errors import TooMuchPast
from graph.model import Identifier, Instant, ProfileKind
from graph.resolve.explain import RefusedLink
from graph.resolve.links import Tally
from graph.resolve.rules import Rules
from graph.store.past.history import History, Lived, Named, Opened, Said, Was
from graph.store.past.links import ground_of, tallies
from graph.store.past.memory import Memory
from graph.store.ports import Pair
from graph.store.reading.rows import Face, Judged, Newest, Row, Rows, Seen, TieAsk, Version
from graph.store.sqlite.reads import SqliteRows
from graph.views import ProfileView

__all__ = ["MOST", "Aside", "PastRows"]

MOST: Final = 100_000
"""Versions, judgements and interactions that one read of the past looks at, those that had ended by then among them."""
_LEADING: Final = 10_000
_MANY: Final = 1_000
Aside: TypeAlias = Callable[[Callable[[], None]], Awaitable[None]]


class PastRows(SqliteRows):
    """graph.store.reading.rows.Rows as of a commit, but for lists over the whole store, which are not asked of the past.

    Each method first fetches what it is about, with all evidence of the people it names, and remembers it; then the tables answer. Cost is
    linear in that evidence. `live` gives what never changes, the feed; `aside` does long work in memory where it keeps nobody waiting.
    """

    def __init__(
        self, history: History, live: Rows, rules: Rules, commit: int, opened: Opened, memory: Memory, aside: Aside | None = None
    ) -> None:
        super().__init__(memory.connection, rules)
        self._history = history
        self._live = live
        self._commit = commit
        self._position = opened.position
        self._ground = ground_of(opened.namespaces, rules)
        self._memory = memory
        self._aside = aside
        self._left = MOST
        self._was: dict[int, Was | None] = {}
        self._named: dict[int, Named | None] = {}
        self._members: dict[int, list[int]] = {}
        self._dated: set[int] = set()
        self._touched: dict[int, int] = {}
        self._lived: dict[int, Lived] = {}
        self._carried: dict[int, set[int]] = {}  # versions by identifier, of those of which all are here
        self._linked: set[int] = set()
        self._tied: set[int] = set()
        self._said: dict[int, Said] = {}

    # ------------------------------------------------------------ fetching

    def _spend(self, rows: Collection[Any]) -> None:
        self._left -= len(rows)
        if self._left < 0:
            raise TooMuchPast(MOST)

    async def _work(self, work: Callable[[], None], rows: int) -> None:
        """Work on so many rows."""
        if self._aside is None or rows < _MANY:
            work()
        else:
            await self._aside(work)

    async def _meet(self, ids: Iterable[int]) -> None:
        """Know these identifiers."""
        if missing := set(ids).difference(self._was):
            self._met(await self._history.identifiers(missing, self._commit))
            self._was.update((id, None) for id in missing.difference(self._was))

    def _met(self, found: Iterable[Was]) -> None:
        new = [was for was in found if self._was.get(was.id) is None]
        self._was.update((was.id, was) for was in new)
        self._memory.identifiers(new)

    async def _people(self, ns: Iterable[int], texts: Sequence[str] = ()) -> None:
        """Know these OneIDs and their members."""
        missing = set(ns).difference(self._named)
        found = {o.n: o for o in await self._history.one_ids(missing, texts, self._position) if self._named.get(o.n) is None}
        self._named.update((n, found.get(n)) for n in missing | found.keys())
        members = list(await self._history.members(found, self._commit)) if found else []
        self._met(members)
        of: dict[int, list[Was]] = defaultdict(list)
        for was in members:
            if was.profile is not None:
                of[was.profile].append(was)
        self._members.update((n, [was.id for was in of[n]]) for n in found)
        self._memory.one_ids((o, len(of[n]), self._kind(of[n])) for n, o in found.items())

    def _kind(self, members: Sequence[Was]) -> ProfileKind | None:
        if not members:
            return None
        if len(members) == 1 and members[0].shared:
            return ProfileKind.SHARED
        person = any(self.rules.namespace(was.identifier.namespace).person for was in members)
        return ProfileKind.PERSON if person else ProfileKind.ANONYMOUS

    async def _members_of(self, ns: Iterable[int]) -> list[int]:
        ns = list(ns)
        await self._people(ns)
        return [id for n in ns for id in self._members.get(n, ())]

    async def _evidence(self, ids: Iterable[int]) -> None:
        """Know all versions that carry these, and all judgements about them."""
        missing = set(ids).difference(self._carried)
        if not missing:
            return
        self._carried.update((id, set()) for id in missing)
        found = list(await self._history.carrying(missing, self._commit, self._left + 1))
        self._spend(found)
        for version in (one.at_commit(self._commit) for one in found):
            for id in missing.intersection(version.ids):
                self._carried[id].add(version.id)
                self._touch(id, version.touched(self._commit))
            for id, commit in version.left(self._commit):
                if id in missing:
                    self._touch(id, commit)
        await self._put_versions(found)
        said = list(await self._history.said(missing, self._commit, self._left + 1))
        self._spend(said)
        for one in (one.at_commit(self._commit) for one in said):
            for id in missing.intersection(one.ends):
                self._touch(id, one.touched(self._commit))
            for id, commit in one.left(self._commit):
                if id in missing:
                    self._touch(id, commit)
        await self._put_judgements(said)

    def _touch(self, id: int, commit: int) -> None:
        self._touched[id] = max(commit, self._touched.get(id, 0))

    async def _put_versions(self, found: Iterable[Lived]) -> None:
        new = [version.at_commit(self._commit) for version in found if version.id not in self._lived]
        self._lived.update((version.id, version) for version in new)
        await self._work(partial(self._memory.versions, new, self._commit), len(new))

    async def _put_judgements(self, found: Iterable[Said]) -> None:
        """Judgements; what is erased of their ends is left out, and with one of the two first ends they are."""
        new = [one.at_commit(self._commit) for one in found if one.id not in self._said]
        await self._meet(end for one in new for end in one.ends)
        kept = [
            one._replace(with_a=self._known(one.with_a), with_b=self._known(one.with_b))
            for one in new
            if all(self._was[end] is not None for end in (one.a, one.b) if end is not None)
        ]
        self._said.update((one.id, one) for one in new)
        self._memory.judgements(kept, self._commit)

    def _known(self, ids: Iterable[int]) -> tuple[int, ...]:
        return tuple(id for id in ids if self._was[id] is not None)

    async def _links_at(self, ids: Iterable[int]) -> None:
        """Know all links at these."""
        missing = set(ids) - self._linked
        if missing:
            await self._evidence(missing)
            self._linked |= missing
            await self._count({version for id in missing for version in self._carried[id]}, missing)

    async def _count(self, versions: Iterable[int], ends: Collection[int], pairs: Collection[Pair] | None = None) -> None:
        """Put the links at these ends, of some pairs only where these are named, that versions carry."""
        linking = [self._lived[id] for id in sorted(versions)]
        linking = [version for version in linking if version.counts(self._commit) and version.links(self._commit)]
        await self._meet(id for version in linking for id in version.ids)
        groups = {id: was.group for version in linking for id in version.ids if (was := self._was[id]) and was.group is not None}
        found: dict[Pair, Tally] = {}
        await self._work(lambda: found.update(tallies(linking, ends, self._ground, groups)), len(linking))
        counted = [pair for pair in found if self._was[pair[0]] and self._was[pair[1]] and (pairs is None or pair in pairs)]
        stood = {(one.a, one.b): one for one in await self._history.stood(counted, self._commit)} if counted else {}
        rows = []
        for pair in counted:
            tally, how = found[pair], stood.get(pair)
            state = (how.barred, how.refused, how.namespace) if how else (False, None, None)
            rows.append((*pair, tally.clean, tally.bare, tally.dirty, tally.first, tally.last, tally.top, *state))
        await self._work(partial(self._memory.links, rows), len(rows))

    async def _pairs(self, pairs: Iterable[Pair]) -> None:
        """Know these links, and the versions that carry them."""
        missing = [pair for pair in set(pairs) if not self._linked.intersection(pair)]
        if missing:
            found = list(await self._history.carrying_both(missing, self._commit, self._left + 1))
            self._spend(found)
            await self._put_versions(found)
            await self._count([version.id for version in found], {a for a, _ in missing}, set(missing))

    async def _interactions(self, ids: Iterable[int]) -> None:
        """Know all interactions from or to these."""
        missing = set(ids) - self._tied
        if missing:
            self._tied |= missing
            found = list(await self._history.acted(missing, self._commit, self._left + 1))
            self._spend(found)
            await self._meet(end for one in found for end in (one.origin, one.target))
            self._memory.interactions([one for one in found if self._was[one.origin] and self._was[one.target]])

    async def _date(self, ns: Iterable[int]) -> None:
        """Know when each of these profiles was last updated: by its last change, or by what came or went at a member."""
        new = {n: named for n in set(ns) - self._dated if (named := self._named[n]) is not None}
        ids = await self._members_of(new)
        await self._evidence(ids)
        for id, commit in await self._history.interacted(ids, self._commit) if ids else ():
            self._touch(id, commit)
        updated = {n: max([o.changed, *(self._touched.get(id, 0) for id in self._members[n])]) for n, o in new.items()}
        self._dated |= new.keys()
        self._memory.dated(updated.items())
        told = {o.made for o in new.values()} | {o.retired for o in new.values() if o.retired is not None} | set(updated.values())
        self._memory.commits(await self._history.times(told))

    # ------------------------------------------------------------ identifiers

    async def faces(self, ids: Iterable[int]) -> list[Face]:
        asked = list(ids)
        await self._meet(asked)
        return await super().faces(asked)

    async def faces_by(self, identifiers: Sequence[Identifier]) -> list[Face]:
        await self._meet(await self._history.named(identifiers))
        return await super().faces_by(identifiers)

    async def spans(self, ids: Collection[int]) -> list[Row]:
        await self._around(ids)
        made = {was.made for id in ids if (was := self._was[id]) is not None}
        self._memory.commits(await self._history.times(made))
        return await super().spans(ids)

    async def sources(self, ids: Collection[int], sightings: int) -> list[tuple[int, str]]:
        await self._around(ids)
        return await super().sources(ids, sightings)

    async def _around(self, ids: Collection[int]) -> None:
        await self._meet(ids)
        await self._evidence(ids)
        await self._interactions(ids)

    async def by_identifier(self, identifiers: Sequence[Identifier]) -> list[tuple[Identifier, int]]:
        await self._meet(await self._history.named(identifiers))
        return await super().by_identifier(identifiers)

    # ------------------------------------------------------------ OneIDs

    async def by_one_id(self, one_ids: Sequence[str]) -> list[tuple[str, int, int]]:
        await self._people((), one_ids)
        return await super().by_one_id(one_ids)

    async def by_number(self, ns: Sequence[int]) -> list[tuple[int, int]]:
        await self._people(ns)
        return await super().by_number(ns)

    async def leads(self, ns: Collection[int]) -> list[tuple[int, int]]:
        ahead, met = set(ns), set[int]()
        while ahead:
            await self._people(ahead)
            met |= ahead
            ahead = {to for n in ahead if (o := self._named[n]) and (to := o.leads) is not None} - met
        return await super().leads(ns)

    async def leading_here(self, ns: Collection[int], most: int) -> list[tuple[int, int, str]]:
        ahead, met = set(ns), set(ns)
        while ahead and len(met) < _LEADING + len(ns):
            led = set(await self._history.led(ahead, self._position, _LEADING)) - met
            await self._people(led)
            ahead = {n for n in led if (o := self._named[n]) and o.leads != n and o.leads in met}
            met |= ahead
        return await super().leading_here(ns, most)

    async def views(self, ns: Collection[int]) -> list[Row]:
        await self._people(ns)
        await self._date(ns)
        return await super().views(ns)

    # ------------------------------------------------------------ fragments

    async def versions(self, ids: Collection[int]) -> list[Version]:
        missing = set(ids).difference(self._lived)
        if missing:
            await self._put_versions(await self._history.versions(missing, self._commit))
        return await super().versions(ids)

    async def newest(self, views: Sequence[ProfileView], most: int, after: tuple[Instant, int]) -> dict[int, Newest]:
        await self._evidence(await self._members_of(view.n for view in views))
        return await super().newest(views, most, after)

    async def newest_told(self, views: Sequence[ProfileView], most: int) -> tuple[dict[int, list[int]], dict[int, Version]]:
        await self._evidence(await self._members_of(view.n for view in views))
        return await super().newest_told(views, most)

    # ------------------------------------------------------------ links

    async def links(self, pairs: Collection[Pair]) -> list[Seen]:
        await self._pairs(pairs)
        return await super().links(pairs)

    async def judged(self, ids: Collection[int]) -> list[Judged]:
        await self._judgements(ids)
        return await super().judged(ids)

    async def links_of(self, views: Sequence[ProfileView], after: tuple[int, int], most: int, *, refused: bool) -> list[tuple[int, Seen]]:
        await self._links_at(await self._members_of(view.n for view in views))
        return await super().links_of(views, after, most, refused=refused)

    async def judged_of(self, views: Sequence[ProfileView], after: int, most: int) -> list[tuple[int, Judged]]:
        await self._evidence(await self._members_of(view.n for view in views))
        return await super().judged_of(views, after, most)

    async def count_links(self, views: Sequence[ProfileView], most: int, *, refused: bool) -> list[tuple[int, int]]:
        await self._links_at(await self._members_of(view.n for view in views))
        return await super().count_links(views, most, refused=refused)

    async def times_of(self, pairs: Collection[Pair]) -> list[tuple[int, int, Instant, Instant]]:
        await self._pairs(pairs)
        return await super().times_of(pairs)

    async def common(self, pairs: Collection[Pair], before: tuple[Instant, int], most: int) -> list[tuple[int, int, Instant, int]]:
        await self._pairs(pairs)
        return await super().common(pairs, before, most)

    async def joined(self, ns: Collection[int], most: int) -> list[Pair] | None:
        await self._links_at(await self._members_of(ns))
        return await super().joined(ns, most)

    async def refused_at(self, ns: Collection[int], most: int) -> list[RefusedLink]:
        await self._links_at(await self._members_of(ns))
        return await super().refused_at(ns, most)

    async def judged_at(self, ns: Collection[int], most: int) -> list[Judged]:
        await self._evidence(await self._members_of(ns))
        return await super().judged_at(ns, most)

    # ------------------------------------------------------------ judgements and changes

    async def _judgements(self, ids: Collection[int]) -> None:
        if missing := set(ids).difference(self._said):
            await self._put_judgements(await self._history.judgements(missing, self._commit))

    async def judgements(self, ids: Collection[int]) -> list[Row]:
        await self._judgements(ids)
        return await super().judgements(ids)

    async def judgements_of(self, views: Sequence[ProfileView], before: int, most: int) -> list[tuple[int, int]]:
        await self._evidence(await self._members_of(view.n for view in views))
        return await super().judgements_of(views, before, most)

    async def changes(self, seqs: Collection[int]) -> list[Row]:
        until = [seq for seq in seqs if seq <= self._position]
        return list(await self._live.changes(until)) if until else []

    async def moved(self, seqs: Collection[int], gained: bool) -> list[tuple[int, list[int]]]:
        return [(seq, list(ids)) for seq, ids in await self._live.moved(seqs, gained)]

    async def newest_changes(self, followed: Collection[tuple[int, int]], before: int, most: int) -> list[tuple[int, int]]:
        return list(await self._live.newest_changes(followed, min(before, self._position + 1), most))

    # ------------------------------------------------------------ ties

    async def every_tie(self, ask: TieAsk, most: int) -> list[Row]:
        await self._interactions(await self._members_of(ask.people))
        return await super().every_tie(ask, most)

    async def strongest_ties(self, ask: TieAsk, most: int) -> list[Row]:
        await self._interactions(await self._members_of(ask.people))
        return await super().strongest_ties(ask, most)

    async def cut_ties(self, ask: TieAsk, most: int) -> list[int]:
        await self._interactions(await self._members_of(ask.people))
        return await super().cut_ties(ask, most)


def _refuse(name: str) -> Callable[..., Awaitable[Any]]:
    async def refuse(*_: Any, **__: Any) -> Any:
        raise NotImplementedError(f"{name} is not asked of the past")

    return refuse


for _name in (
    *("shared", "count_shared", "everyone", "updated", "count_profiles", "version_of", "feed", "feed_of"),
    *("audited", "audited_since", "newest_audited", "namespaces", "last_commit_until"),
    *("conflicting", "between", "postponed", "beginning", "equal", "count_names", "named"),
):
    setattr(PastRows, _name, _refuse(_name))
