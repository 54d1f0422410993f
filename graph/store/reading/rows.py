"""What reading asks of a store: rows. Each store implements `Rows` in its own query language and nothing else of reading.

Every method is one or two statements, whatever it is asked for, and bounded. Times are Instants, ids and numbers those of
graph.store.ports. Rows that stand for objects that are not there are left out; in any order unless an order is told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from graph.model import FragmentStatus, Identifier, Instant, JudgementKind, RecordKey
from graph.resolve.explain import RefusedLink
from graph.social.ties import Direction
from graph.views import Key, ProfileView

__all__ = ["STATES", "Bounds", "Face", "Held", "Judged", "Newest", "Row", "Rows", "Seen", "Space", "TieAsk", "Version", "day_of"]

Row: TypeAlias = Sequence[Any]
STATES = (FragmentStatus.ACTIVE, FragmentStatus.SUPERSEDED, FragmentStatus.WITHDRAWN, FragmentStatus.UNLINKED)
"""What became of a version, by the number stored for it."""


class Bounds(NamedTuple):
    """A page of a list that runs by id: those after an id, at most so many."""

    after: int
    most: int


class Face(NamedTuple):
    """An identifier as the store has it; `profile` None while nothing mentions it; `group` names its judged group, else itself."""

    id: int
    identifier: Identifier
    shared: bool
    group: int
    profile: int | None


class Version(NamedTuple):
    """A version of a record; `ids` in the order sent, `traits` as JSON."""

    id: int
    key: RecordKey
    observed: Instant
    recorded: Instant
    status: FragmentStatus
    ids: tuple[int, ...]
    traits: str | None


class Newest(NamedTuple):
    """Versions that members of a profile carry as (observed, version), newest first; `more`: older ones follow."""

    keys: list[tuple[Instant, int]]
    more: bool


class Seen(NamedTuple):
    """A link that fragments carry, a < b; `first` None where none carries it cleanly; `namespace`: whose limit refused it."""

    a: int
    b: int
    n: int
    bare: int
    dirty: int
    first: Instant | None
    last: Instant | None
    score: float | None
    refused: str | None
    namespace: str | None

    @property
    def key(self) -> Key:
        return (self.a, self.b)

    @property
    def accepted(self) -> bool:
        return self.refused is None

    @property
    def judgement(self) -> int | None:
        return None


class Judged(NamedTuple):
    """A judgement as a link, a < b; one not in force is refused. `sides`: every end of either side, from `judged_at` only."""

    a: int
    b: int
    judgement: int
    kind: JudgementKind
    at: Instant
    in_force: bool = True
    sides: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())

    @property
    def key(self) -> Key:
        return (self.judgement,)

    @property
    def accepted(self) -> bool:
        return self.kind is JudgementKind.SAME and self.in_force


Space: TypeAlias = tuple[int, int]
"""The numbers of the namespaces of a link's ends, the smaller first."""
_DAY: Final = 86_400_000_000


def day_of(at: Instant) -> int:
    """Whole days from 1970 to an instant, counted towards 1970."""
    return at // _DAY if at >= 0 else -(-at // _DAY)


class Held(NamedTuple):
    """A link that was refused while profiles were built, and the profiles that hold its ends."""

    p: int
    q: int
    link: Seen

    @property
    def pair(self) -> tuple[int, int]:
        return (self.p, self.q) if self.p < self.q else (self.q, self.p)

    @property
    def key(self) -> Key:
        """Its place among conflicts: the day it was last seen, how many fragments carry it, its ends."""
        link = self.link
        return (day_of(link.last or 0), link.n, link.a, link.b)


class TieAsk(NamedTuple):
    """Ties of these people, from (OUT) or to (IN) them; of some types, since an instant, with some others (None: whatever they are)."""

    people: tuple[int, ...]
    way: Direction
    types: tuple[str, ...] | None
    since: Instant | None
    among: frozenset[int] | None


class Rows(Protocol):
    # ------------------------------------------------------------ identifiers

    async def faces(self, ids: Iterable[int]) -> Iterable[Face]: ...

    async def faces_by(self, identifiers: Sequence[Identifier]) -> Iterable[Face]:
        """Identifiers by namespace and value."""
        ...

    async def spans(self, ids: Collection[int]) -> Iterable[Row]:
        """(id, time, time, …): all times between which an identifier was seen in active versions and interactions, either way, None
        among them; last when it became known."""
        ...

    async def sources(self, ids: Collection[int], sightings: int) -> Iterable[tuple[int, str]]:
        """(id, source): those of its `sightings` newest active versions, and interactions either way."""
        ...

    async def members(self, views: Sequence[ProfileView], bounds: Bounds) -> Sequence[Face]:
        """Of each profile the first members after an id, by id; perhaps some beyond `most`."""
        ...

    async def members_of(self, views: Sequence[ProfileView], namespaces: Sequence[str], bounds: Bounds) -> Sequence[Face]:
        """As `members`, of some namespaces; perhaps `most` of each of these."""
        ...

    async def count_members_of(self, views: Sequence[ProfileView], namespaces: Sequence[str]) -> Iterable[tuple[int, int]]:
        """(profile, how many members of these namespaces it has), profiles without perhaps left out."""
        ...

    async def shared(self, namespaces: Sequence[str] | None, bounds: Bounds) -> Sequence[int]:
        """Shared identifiers that something mentions, by id; perhaps `most` of each namespace."""
        ...

    async def count_shared(self) -> int: ...

    # ------------------------------------------------------------ OneIDs

    async def by_one_id(self, one_ids: Sequence[str]) -> Iterable[tuple[str, int, int]]:
        """(text, number, size)."""
        ...

    async def by_number(self, ns: Sequence[int]) -> Iterable[tuple[int, int]]:
        """(number, size)."""
        ...

    async def by_identifier(self, identifiers: Sequence[Identifier]) -> Iterable[tuple[Identifier, int]]:
        """(identifier, its profile), of those that something mentions."""
        ...

    async def leads(self, ns: Collection[int]) -> Iterable[tuple[int, int]]:
        """(OneID, the profile it leads to now over any number of others, itself while it names one)."""
        ...

    async def leading_here(self, ns: Collection[int], most: int) -> Iterable[tuple[int, int, str]]:
        """(profile, number, text) of the OneIDs that lead to it over any number of others, the last retired first, at least the first
        `most` of each profile. At most 10,000 are looked at for all of them."""
        ...

    async def views(self, ns: Collection[int]) -> Iterable[Row]:
        """(number, text, kind, size, commit of its last update, time of the store's last commit, times when it was made, updated and
        retired)."""
        ...

    async def everyone(self, bounds: Bounds) -> Sequence[tuple[int, int, str | None]]:
        """(number, size, kind) of all OneIDs, by number."""
        ...

    async def updated(self, after: tuple[int, int], most: int) -> Sequence[tuple[int, int, str]]:
        """(commit of its last update, number, kind) of profiles, by both."""
        ...

    async def count_profiles(self) -> int: ...

    async def last_commit_until(self, at: Instant) -> int:
        """The last commit at or before an instant, 0 where there is none."""
        ...

    # ------------------------------------------------------------ fragments

    async def versions(self, ids: Collection[int]) -> Iterable[Version]: ...

    async def version_of(self, key: RecordKey) -> int | None:
        """The active version of a record, else the withdrawn one, else the last recorded."""
        ...

    async def newest(self, views: Sequence[ProfileView], most: int, after: tuple[Instant, int]) -> dict[int, Newest]:
        """By profile the newest `most` active versions that any member carries, of those before `after`."""
        ...

    async def newest_told(self, views: Sequence[ProfileView], most: int) -> tuple[dict[int, list[int]], dict[int, Version]]:
        """By profile the newest `most` active versions with traits that any member carries, newest first; and these versions."""
        ...

    # ------------------------------------------------------------ links

    async def links(self, pairs: Collection[tuple[int, int]]) -> Iterable[Seen]:
        """Links by their ends, a < b."""
        ...

    async def judged(self, ids: Collection[int]) -> Iterable[Judged]:
        """Live judgements by number, void ones left out."""
        ...

    async def links_of(
        self, views: Sequence[ProfileView], after: tuple[int, int], most: int, *, refused: bool
    ) -> Iterable[tuple[int, Seen]]:
        """(profile, link): accepted links of which a member is the first end, with `refused` also those refused at any member; by (a, b)
        at least the first `most` after a key for each profile, links perhaps more than once."""
        ...

    async def judged_of(self, views: Sequence[ProfileView], after: int, most: int) -> Iterable[tuple[int, Judged]]:
        """(profile, judgement in force at a member), void ones left out; by number at least the first `most` after a number for each
        profile, perhaps more than once."""
        ...

    async def count_links(self, views: Sequence[ProfileView], most: int, *, refused: bool) -> Iterable[tuple[int, int]]:
        """(profile, count) for each sort of what `links_of` and `judged_of` list; where there are more than `most`, `most` + 1."""
        ...

    async def times_of(self, pairs: Collection[tuple[int, int]]) -> Iterable[tuple[int, int, Instant, Instant]]:
        """(a, b, first, last) of the active versions that carry both."""
        ...

    async def common(
        self, pairs: Collection[tuple[int, int]], before: tuple[Instant, int], most: int
    ) -> Iterable[tuple[int, int, Instant, int]]:
        """(a, b, observed, version) of the newest `most` active versions before a key that carry both."""
        ...

    async def joined(self, ns: Collection[int], most: int) -> Iterable[tuple[int, int]] | None:
        """The ends of what joins the members of profiles, accepted links and judgements `same` in force; None where links are more than
        `most`."""
        ...

    async def refused_at(self, ns: Collection[int], most: int) -> Iterable[RefusedLink]:
        """Refused links at the members of profiles, from each side that is asked for; `most` in all."""
        ...

    async def judged_at(self, ns: Collection[int], most: int) -> Iterable[Judged]:
        """Live judgements that name a member of profiles, in force or not, void ones left out; perhaps more than once, `most` in all."""
        ...

    # ------------------------------------------------------------ conflicts

    async def namespaces(self) -> Iterable[tuple[int, str]]:
        """(number, name) of every namespace that an identifier was ever of."""
        ...

    async def conflicting(self, spaces: Sequence[Space], after: Key, most: int) -> Iterable[Held]:
        """Links refused while profiles were built, but for those that a judgement keeps apart; of each space the first `most` after a key
        (day, fragments, a, b), by day and fragments downwards, then by ids."""
        ...

    async def between(self, pairs: Collection[tuple[int, int]], most: int) -> Iterable[tuple[tuple[int, int], Seen]]:
        """(pair, link), of such links between the profiles of each pair: those found among `most` links of the smaller one's members, at
        either end of these."""
        ...

    async def postponed(self, pairs: Collection[tuple[int, int]]) -> Iterable[tuple[int, int, int]]:
        """(a, b, fragments that carried it then) of links that were put off, as it was done last."""
        ...

    # ------------------------------------------------------------ judgements and changes

    async def judgements(self, ids: Collection[int]) -> Sequence[Row]:
        """(number, kind, a, b, (a, b) as sent, at, by, reason, whether it is live and in force); a or b None where it is blocked."""
        ...

    async def judgements_of(self, views: Sequence[ProfileView], before: int, most: int) -> Iterable[tuple[int, int]]:
        """(profile, number) of live judgements at its members, the last `most` before a number of each, perhaps more."""
        ...

    async def changes(self, seqs: Collection[int]) -> Sequence[Row]:
        """(seq, time, kind, OneID number, its text, text of where it leads, cause kind, cause, by)."""
        ...

    async def moved(self, seqs: Collection[int], gained: bool) -> Iterable[tuple[int, Sequence[int]]]:
        """(seq, ids gained, or lost)."""
        ...

    async def feed(self, bounds: Bounds) -> Sequence[tuple[int, str]]:
        """(seq, kind) in order."""
        ...

    async def feed_of(self, ns: Collection[int], bounds: Bounds) -> Sequence[tuple[int, str]]:
        """(seq, kind) of these OneIDs, in order."""
        ...

    async def newest_changes(self, followed: Collection[tuple[int, int]], before: int, most: int) -> Iterable[tuple[int, int]]:
        """For each (profile, OneID) the (profile, seq) of the last `most` changes of the OneID before a position."""
        ...

    # ------------------------------------------------------------ the audit

    async def audited(self, ns: Collection[int], subjects: int) -> Sequence[Row]:
        """(n, time, by, key, operation, reason, cause kind, cause, figures as JSON, ids it concerns: the first so many)."""
        ...

    async def audited_since(self, at: Instant) -> int | None:
        """The number of the first entry not before an instant; None: there is none."""
        ...

    async def newest_audited(self, operation: str | None, by: str | None, before: int, least: int, most: int) -> Sequence[int]:
        """Numbers of entries of an operation and by a name (None: any), before a number and not below another, the last first."""
        ...

    # ------------------------------------------------------------ search

    async def beginning(self, prefixes: Sequence[Identifier], most: int) -> Sequence[tuple[int, str]]:
        """(profile, value) of identifiers whose value begins with one of these, the first `most` by value in each namespace; an empty
        namespace stands for those that the rules do not declare, the first 100 of them."""
        ...

    async def equal(self, values: Sequence[Identifier], most: int) -> Sequence[tuple[int, str]]:
        """As `beginning`, of identifiers with one of these values, at most `most` in all."""
        ...

    async def count_names(self, words: Sequence[str], most: int) -> Iterable[tuple[str, int]]:
        """(word, how many active versions have a name token that begins with it, at most `most`)."""
        ...

    async def named(self, word: str, most: int, *, whole: bool) -> Sequence[int]:
        """The first `most` versions by (token, version) that have a name token beginning with a word, `whole`: equal to it."""
        ...

    # ------------------------------------------------------------ ties

    async def every_tie(self, ask: TieAsk, most: int) -> Sequence[Row]:
        """(who acts, who is acted upon, type, times, weight, first, last, how many ties were summed): profiles; `most` ties at most."""
        ...

    async def strongest_ties(self, ask: TieAsk, most: int) -> Sequence[Row]:
        """As `every_tie`, of each identifier the `most` strongest, or with `since` the newest."""
        ...

    async def cut_ties(self, ask: TieAsk, most: int) -> Iterable[int]:
        """The people an identifier of whom has more than `most` ties."""
        ...
