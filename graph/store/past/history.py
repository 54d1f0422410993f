"""What the past is read from: the history that each store keeps, as `History` gives it, and how its rows tell what was so at a commit.

Kept by identifier, so that whoever erases one finds all of it (SQLite: tables, Neo4j: relationships and properties):

- memberships that ended: `membership_ended`; WAS_OF
- versions of records that carried it: `carries_ended`, `span`; CARRIED, `spans` and `marks` of Fragment
- how its links stood: `link_ended`; WAS_LINK
- whether it was shared, and its judged group: `flags_ended`; `flips` and `groups` of Identifier
- judgements about it that ended, and which were in force: `judgement_end_ended`, `force_ended`; JUDGED, `forced` of Judgement
- interactions that ended: `interaction` with a state; INTERACTION_ENDED
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias, TypeVar

from graph.model import Identifier, Instant, RecordKey
from graph.store.ports import LinkRow, Pair

__all__ = ["Acted", "Ends", "History", "Lived", "Named", "Opened", "Said", "Span", "Stood", "Was", "links_ended", "standing_at"]

T = TypeVar("T")
Span: TypeAlias = tuple[int, int | None]
"""Commits from which and until which something was so; None: it still is."""


class Opened(NamedTuple):
    """The store at a commit: since which commit the past is kept, when the commit happened, the last position of the feed that it or an
    earlier one wrote (0: none), the rules in force (None: before the first), and all namespaces of now by number."""

    kept_from: int
    at: Instant
    position: int
    rules: str | None
    namespaces: tuple[tuple[int, str], ...]


class Was(NamedTuple):
    """An identifier as it was at a commit; `made`: the commit that made it known."""

    id: int
    identifier: Identifier
    made: int
    profile: int | None
    shared: bool
    group: int | None


class Named(NamedTuple):
    """A OneID at a commit: `changed` is the commit of its last entry in the feed, `leads` what that entry says; `retired`: since when it
    names nobody, None while it names a profile."""

    n: int
    one_id: str
    made: int
    changed: int
    leads: int | None
    retired: int | None


class Lived(NamedTuple):
    """A version of a record over time. `spans`: when it counted, none where it never did; `marks`: when it was marked as not linking;
    `withdrawn`: whether it ended so, the last time it did; `alone`: only since this commit, whenever it ended. `reread`: the identifiers
    that it carried until a commit at which other rules read it otherwise."""

    id: int
    key: RecordKey
    observed: Instant
    recorded: Instant
    score: float | None
    ids: tuple[int, ...]
    traits: str | None
    made: int
    spans: tuple[Span, ...]
    marks: tuple[Span, ...]
    withdrawn: bool
    alone: int | None = None
    reread: tuple[tuple[int, tuple[int, ...]], ...] = ()

    def touched(self, commit: int) -> int:
        """The last commit until then at which it changed what is known of its identifiers."""
        marked = (at for span in self.marks for at in span if at is not None and self.counts(at) and self.counts(at - 1))
        ends = (at for span in self.spans for at in span if at is not None)
        read = (at for at, _ in self.reread if self.counts(at))
        return max(at for at in (self.made, *marked, *ends, *read) if at <= commit)

    def left(self, commit: int) -> Iterator[tuple[int, int]]:
        """Identifiers that it carried until other rules read it otherwise, until then, and the commit of each."""
        return ((id, at) for at, ids in self.reread if at <= commit and self.counts(at) for id in ids)

    def at_commit(self, commit: int) -> Lived:
        """With the identifiers that it carried at a commit."""
        return self if not self.reread else self._replace(ids=_until(self.reread, commit, self.ids))

    def counts(self, commit: int) -> bool:
        return standing_at(self.spans, commit)

    def links(self, commit: int) -> bool:
        return not standing_at(self.marks, commit)


class Ends(NamedTuple):
    """The ends of a judgement, as in Said."""

    a: int | None
    b: int | None
    with_a: tuple[int, ...]
    with_b: tuple[int, ...]


class Said(NamedTuple):
    """A judgement over time; `spans`: when it was live; `in_force`: whether it was at the commit asked for. `reread`: the ends that it had
    until a commit at which other rules read it otherwise."""

    id: int
    kind: str
    a: int | None
    b: int | None
    raw: tuple[Identifier, ...]
    at: Instant
    by: str | None
    reason: str
    with_a: tuple[int, ...]
    with_b: tuple[int, ...]
    made: int
    spans: tuple[Span, ...]
    in_force: bool
    reread: tuple[tuple[int, Ends], ...] = ()

    @property
    def ends(self) -> tuple[int, ...]:
        return (*(end for end in (self.a, self.b) if end is not None), *self.with_a, *self.with_b)

    def live(self, commit: int) -> bool:
        return standing_at(self.spans, commit)

    def touched(self, commit: int) -> int:
        """The last commit until then at which it came or went."""
        ends = (at for span in self.spans for at in span if at is not None)
        read = (at for at, _ in self.reread if self.live(at))
        return max((at for at in (*ends, *read) if at <= commit), default=self.made)

    def left(self, commit: int) -> Iterator[tuple[int, int]]:
        """Ends that it had until other rules read it otherwise, until then, and the commit of each."""
        named = ((at, (ends.a, ends.b, *ends.with_a, *ends.with_b)) for at, ends in self.reread if at <= commit and self.live(at))
        return ((id, at) for at, ids in named for id in ids if id is not None)

    def at_commit(self, commit: int) -> Said:
        """With the ends that it had at a commit."""
        if not self.reread:
            return self
        return self._replace(**_until(self.reread, commit, Ends(self.a, self.b, self.with_a, self.with_b))._asdict())


class Stood(NamedTuple):
    """How a link stood at a commit: `barred` as in graph.store.ports.LinkRow, `refused` by which rule, and of which namespace."""

    a: int
    b: int
    barred: bool
    refused: str | None
    namespace: str | None


class Acted(NamedTuple):
    """An interaction that counted at a commit."""

    id: int
    source: str
    type: str
    origin: int
    target: int
    at: Instant
    weight: float


class History(Protocol):
    """The past of a store. Every method is one or two statements, whatever it is asked for, and bounded; `commit` is as of when, `most` how
    many rows at most. What came later, and what is erased, is left out; in any order unless one is told."""

    async def opened(self, commit: int) -> Opened | None:
        """The store at a commit; None where there is no such commit."""
        ...

    async def times(self, commits: Collection[int]) -> Iterable[tuple[int, Instant]]:
        """(commit, when it happened)."""
        ...

    # ------------------------------------------------------------ identity

    async def named(self, identifiers: Sequence[Identifier]) -> Iterable[int]:
        """The ids of identifiers by namespace and value."""
        ...

    async def identifiers(self, ids: Collection[int], commit: int) -> Iterable[Was]: ...

    async def members(self, ns: Collection[int], commit: int) -> Iterable[Was]:
        """The members of profiles."""
        ...

    async def one_ids(self, ns: Collection[int], texts: Sequence[str], position: int) -> Iterable[Named]:
        """OneIDs by number or text, as of a position of the feed."""
        ...

    async def led(self, ns: Collection[int], position: int, most: int) -> Iterable[int]:
        """The numbers of OneIDs that some time until then led to one of these, `most` for each."""
        ...

    # ------------------------------------------------------------ evidence

    async def carrying(self, ids: Collection[int], commit: int, most: int) -> Iterable[Lived]:
        """Versions that ever carried one of these identifiers, each once."""
        ...

    async def carrying_both(self, pairs: Collection[Pair], commit: int, most: int) -> Iterable[Lived]:
        """Versions that ever carried both ends of one of these pairs, each once."""
        ...

    async def versions(self, ids: Collection[int], commit: int) -> Iterable[Lived]: ...

    async def stood(self, pairs: Collection[Pair], commit: int) -> Iterable[Stood]:
        """How links stood then, of those that there were; others may come along."""
        ...

    async def said(self, ids: Collection[int], commit: int, most: int) -> Iterable[Said]:
        """Judgements that name one of these identifiers, each once."""
        ...

    async def judgements(self, ids: Collection[int], commit: int) -> Iterable[Said]: ...

    async def acted(self, ids: Collection[int], commit: int, most: int) -> Iterable[Acted]:
        """Interactions from or to one of these identifiers that counted then, each once."""
        ...

    async def interacted(self, ids: Collection[int], commit: int) -> Iterable[tuple[int, int]]:
        """(identifier, the last commit at which an interaction from or to it came to count or ceased to), perhaps more than once."""
        ...


def _until(changes: Iterable[tuple[int, T]], commit: int, now: T) -> T:
    """What was so at a commit, by what was so until others."""
    return min(((at, was) for at, was in changes if at > commit), key=lambda one: one[0], default=(0, now))[1]


def standing_at(spans: Iterable[Span], commit: int) -> bool:
    """Whether something was so at a commit."""
    return any(since <= commit and (ended is None or ended > commit) for since, ended in spans)


def links_ended(rows: Sequence[LinkRow], gone: Sequence[Pair], before: Mapping[Pair, LinkRow], told: set[Pair]) -> list[LinkRow]:
    """What a write of links must put on record: those that go or come to stand otherwise, as they were. `told`: links that are new in the
    step, or on record for it already; more are added."""
    ended = []
    for pair in gone:
        if pair not in told:
            told.add(pair)
            ended.append(before[pair])
    for row in rows:
        pair = (row.a, row.b)
        earlier = before.get(pair)
        if earlier is None:
            told.add(pair)
        elif (earlier.barred, earlier.refused) != (row.barred, row.refused) and pair not in told:
            told.add(pair)
            ended.append(earlier)
    return ended
