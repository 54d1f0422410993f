"""The promises every store keeps; the flows know nothing else of a store.

Two doors. `Store.writing` is the write gate: one writer at a time over all processes, everything read under it is current, leaving it
commits all or nothing. `Reads` is everything outside the gate: never waits for a writer, every read bounded.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from graph.model import (
    ChangeKind,
    Fragment,
    FragmentStatus,
    Identifier,
    Instant,
    Interaction,
    Judgement,
    JudgementKind,
    Key,
    ProfileKind,
    RecordKey,
    Refusal,
)
from graph.resolve.judged import Word
from graph.resolve.links import Tally
from graph.resolve.rules import Rules
from graph.store.keys import ErasureKey
from graph.views import (
    AuditView,
    ChangeView,
    ConflictView,
    Connection,
    ExplanationView,
    FragmentView,
    IdentifierView,
    JudgementView,
    LinkView,
    LookUp,
    NeighbourhoodView,
    Page,
    ProfileView,
    RuleSetView,
    StatsView,
    Want,
)

__all__ = [
    "BARRED",
    "JUDGED",
    "KEPT_JOBS",
    "NAMESPACE_SHIFT",
    "PARKED",
    "SHARED",
    "AsSent",
    "Burial",
    "ChangeRow",
    "Content",
    "Deed",
    "Delta",
    "Erasing",
    "Everything",
    "ExportKind",
    "Head",
    "InteractionHead",
    "JobRow",
    "JudgementRow",
    "Known",
    "Left",
    "LeftJudgement",
    "LinkRow",
    "Member",
    "Moment",
    "NewInteraction",
    "NewVersion",
    "OneIdRow",
    "Pin",
    "ProfileRow",
    "Reads",
    "ReceiptRow",
    "Reread",
    "RereadInteraction",
    "RereadJudgement",
    "RereadVersion",
    "SentInteraction",
    "SentJudgement",
    "SentKind",
    "SentVersion",
    "Sighting",
    "Store",
    "Summary",
    "Writing",
]

NAMESPACE_SHIFT = 40
"""An identifier's id is the number of its namespace shifted by this, plus its place there: neighbours of one namespace are one range."""

SHARED, PARKED, JUDGED, BARRED = 1, 2, 4, 8
"""Flags of an identifier: it is shared; it is parked; a judgement in the store names it; it has (or had) links refused beforehand."""

KEPT_JOBS = 200
"""Jobs that ended and are kept."""

Pair: TypeAlias = tuple[int, int]
SentKind: TypeAlias = Literal["fragments", "judgements", "interactions"]
ExportKind: TypeAlias = Literal["identifiers", "profiles", "fragments", "judgements", "interactions", "one_ids", "sightings", "rules"]


class Moment(NamedTuple):
    """A commit as that as of which the past is read, and the rules that were in force then."""

    commit: int
    rules: Rules


class Content(NamedTuple):
    """What a record is asked for by: its key and the digest of the content that came."""

    key: RecordKey
    digest: bytes


class Head(NamedTuple):
    """The version of a record that counts (`version` None: none does), and what became of content equal to the digest asked with.

    `unlinked`: it was reverted, so that only its facts count. Earlier versions count `beside` it then, newest first, each with whether it
    links; only the last may.
    """

    version: int | None
    observed: Instant
    ids: tuple[int, ...]
    score: float | None
    equal: FragmentStatus | None
    unlinked: bool = False
    beside: tuple[tuple[Sighting, bool], ...] = ()


class NewVersion(NamedTuple):
    """A version to be written. `ids` are normalised and without repeats; those in `replaces` are superseded by it."""

    id: int
    fragment: Fragment
    digest: bytes
    state: FragmentStatus
    observed: Instant
    ids: tuple[int, ...]
    blocked: tuple[Identifier, ...]
    tokens: frozenset[str]
    replaces: tuple[int, ...]
    head: bool = True  # False: an active one that is earlier than another that counts


class VersionRow(NamedTuple):
    """A version of a record as stored. `ended`: commit since which it does not count; `unlinked`: commit that marked it as not linking;
    `alone`: commit that withdrew it and no other version of its record."""

    id: int
    record: RecordKey
    state: FragmentStatus
    observed: Instant
    score: float | None
    ids: tuple[int, ...]
    made: int
    ended: int | None
    unlinked: int | None
    alone: int | None = None


class Standing(NamedTuple):
    """How a version stands from now on; `head`: it stands for its record, as its active version or the one withdrawn last."""

    state: FragmentStatus
    ended: int | None
    unlinked: int | None
    head: bool
    alone: int | None = None


class Known(NamedTuple):
    """An identifier in the store; `profile` None while nothing mentions it; `group` names its judged group."""

    id: int
    profile: int | None
    flags: int
    group: int | None


class Member(NamedTuple):
    id: int
    value: str
    profile: int
    flags: int
    group: int | None


class Summary(NamedTuple):
    """A profile: `counts` gives by namespace number how many judged groups and loose identifiers it holds.

    `pin` is its OneID's; `aliases` counts the other OneIDs, not closed, that are pinned to its members.
    """

    n: int
    pin: int
    size: int
    counts: dict[int, int]
    kind: ProfileKind
    contested: bool
    aliases: int


class LinkRow(NamedTuple):
    """A link, a < b. `barred`: refused beforehand (contradiction, score, shared, star); `refused` None: accepted."""

    a: int
    b: int
    tally: Tally
    barred: bool
    refused: Refusal | None


class Sighting(NamedTuple):
    """An active version as evidence: its effective time, its score, its identifiers."""

    version: int
    observed: Instant
    score: float | None
    ids: tuple[int, ...]


class JudgementRow(NamedTuple):
    """A judgement on record; `a` or `b` None: that side is blocked and the judgement void. `with_a`, `with_b`: further ends of a side."""

    id: int
    kind: JudgementKind
    a: int | None
    b: int | None
    at: Instant
    in_force: bool
    with_a: tuple[int, ...] = ()
    with_b: tuple[int, ...] = ()

    @property
    def ends(self) -> tuple[int, ...]:
        """Every identifier that it names and that is not blocked."""
        return (*(at for at in (self.a, self.b) if at is not None), *self.with_a, *self.with_b)

    @property
    def word(self) -> Word | None:
        """What it says to the resolver; None: it is void."""
        if self.a is None or self.b is None:
            return None
        return Word(self.kind, (self.a, *self.with_a), (self.b, *self.with_b), self.at)


class Pin(NamedTuple):
    """A OneID that is not closed, the identifier it follows, and where it leads while it names nobody."""

    n: int
    at: int
    size: int
    leads: int | None


class PinState(NamedTuple):
    """What a OneID follows: a pin, or nothing since it is closed into another, or nothing while it sleeps until an identifier is seen
    again. Just one of them is not None."""

    pin: int | None = None
    closed: int | None = None
    asleep: int | None = None


class PinMove(NamedTuple):
    """A pin that a cause moved: what the OneID followed before; `again`: it has moved since, and is not back where the cause put it."""

    n: int
    before: PinState
    again: bool


class ProfileRow(NamedTuple):
    """The summary of a profile to be written."""

    n: int
    size: int
    counts: dict[int, int]
    kind: ProfileKind
    contested: bool
    aliases: int


class ChangeRow(NamedTuple):
    """An entry of the feed to be written; `leads` None: nowhere for now."""

    n: int
    kind: ChangeKind
    gained: tuple[int, ...]
    lost: tuple[int, ...]
    leads: int | None
    cause_kind: str
    cause: int


@dataclass(slots=True)
class Delta:
    """What one step does to identity. Every list is in the order in which it is to be written."""

    fresh: list[Member] = field(default_factory=list)  # identifiers to be made, with their first membership
    moved: list[tuple[int, int | None]] = field(default_factory=list)  # identifier → its profile from now on, None: nothing mentions it
    flags: list[tuple[int, int, int | None]] = field(default_factory=list)  # identifier, flags, judged group
    made: list[tuple[int, str, int]] = field(default_factory=list)  # new OneIDs: number, text, pin
    pins: list[tuple[int, int]] = field(default_factory=list)  # OneID → its pin from now on
    closed: list[tuple[int, int]] = field(default_factory=list)  # OneID → the one it is closed into
    asleep: list[tuple[int, int]] = field(default_factory=list)  # OneID → the identifier that wakes it when it is seen again
    pin_causes: dict[int, int] = field(default_factory=dict)  # of all whose pin moves: the cause
    leads: list[tuple[int, int | None]] = field(default_factory=list)  # OneIDs that name nobody from now on → where they lead
    profiles: list[ProfileRow] = field(default_factory=list)
    refusals: list[tuple[int, int, Refusal | None]] = field(default_factory=list)  # usable links whose refusal changed
    changes: list[ChangeRow] = field(default_factory=list)
    touched: list[int] = field(default_factory=list)  # profiles whose facts changed and nothing else
    causes: list[tuple[int, int]] = field(default_factory=list)  # version → the version that stands for those it acted with
    decisions: list[tuple[int, int]] = field(default_factory=list)  # likewise of judgements


class InteractionHead(NamedTuple):
    """As Head, of an interaction: the version that counts, its ends, and what became of content equal to the digest asked with."""

    version: int | None
    at: Instant
    origin: int
    target: int
    equal: FragmentStatus | None


class NewInteraction(NamedTuple):
    """A version of an interaction to be written; `replaces` is superseded by it."""

    interaction: Interaction
    digest: bytes
    state: FragmentStatus
    at: Instant
    origin: int
    target: int
    replaces: int | None


class OneIdRow(NamedTuple):
    """A OneID as stored. `size` 0: it names nobody; the summary fields are None then."""

    n: int
    one_id: str
    pin: int | None
    closed: int | None
    leads: int | None
    size: int
    counts: dict[int, int] | None
    kind: str | None
    contested: bool
    aliases: int
    asleep: int | None = None


class JobRow(NamedTuple):
    """Long work, asked for by `by`. `state`: waiting | running | done | failed | cancelled; `progress` from 0 to 1; `beat`: when whoever
    does it last said so; `error`: code and message."""

    id: int
    kind: str
    by: str | None
    started: Instant
    input: dict[str, Any]
    state: str
    progress: float
    beat: Instant
    finished: Instant | None = None
    result: dict[str, Any] | None = None
    error: tuple[str, str] | None = None


class Deed(NamedTuple):
    """What somebody decided, as the audit keeps it beside time, name and reason of its step: `operation` by its name in the API; `subjects`
    are the identifiers that it concerns. `figures`: what it came to, in numbers, and names that say nothing of a person. `cause`: as the
    feed names it, None: no cause is of it. `key`: the id of the API key. `asked`: the entry that asked for the job that did it."""

    operation: str
    subjects: Collection[int] = ()
    figures: Mapping[str, Any] = {}
    cause: tuple[str, int] | None = None
    key: str | None = None
    asked: int | None = None


class SentVersion(NamedTuple):
    """A version as stored, with what was sent, without its blocked identifiers in `row.ids`, and the commits that changed how it stands."""

    row: VersionRow
    fragment: Fragment
    blocked: tuple[Identifier, ...]
    commits: tuple[int, ...]


class SentJudgement(NamedTuple):
    """A judgement as stored, with what was sent. `decision`: the first of those it was made with."""

    row: JudgementRow
    judgement: Judgement
    decision: int
    live: bool
    commits: tuple[int, ...]


class SentInteraction(NamedTuple):
    """An interaction as stored: its ends, how these were sent, whether it counts."""

    id: int
    record: RecordKey
    origin: int
    target: int
    sent: tuple[Identifier, Identifier]
    active: bool
    commits: tuple[int, ...]


class AsSent(NamedTuple):
    """A version of a record, a judgement or an interaction, by number: the identifiers as they were sent, and the traits of an active
    version."""

    id: int
    identifiers: tuple[Identifier, ...]
    traits: Mapping[str, Any] | None


class RereadVersion(NamedTuple):
    """A version that carries other identifiers from now on, and those it carried; tokens of names that come and go."""

    id: int
    was: tuple[int, ...]
    ids: tuple[int, ...]
    blocked: tuple[Identifier, ...]
    observed: Instant
    active: bool
    tokens_gone: frozenset[str]
    tokens_new: frozenset[str]


class RereadJudgement(NamedTuple):
    """A judgement that names others from now on: `row` as it was, and the ends of its sides that are not blocked, the one to show first."""

    row: JudgementRow
    left: tuple[int, ...]
    right: tuple[int, ...]
    live: bool


class RereadInteraction(NamedTuple):
    """The ends of an interaction from now on; with one that is blocked (None) it counts no more, until that is blocked no longer."""

    id: int
    origin: int | None
    target: int | None


@dataclass(slots=True)
class Reread:
    """Evidence that names others from now on, by other rules."""

    versions: Sequence[RereadVersion] = ()
    judgements: Sequence[RereadJudgement] = ()
    interactions: Sequence[RereadInteraction] = ()


class Left(NamedTuple):
    """What is left of a version: its record may have another name from now on; `was`: the identifiers it carried before."""

    id: int
    fragment: Fragment
    digest: bytes
    ids: tuple[int, ...]
    was: tuple[int, ...]
    blocked: tuple[Identifier, ...]
    active: bool
    traits_before: Mapping[str, Any] | None


class LeftJudgement(NamedTuple):
    """What is left of a judgement: the ends of its sides, the one to show first, and what it says of itself."""

    id: int
    judgement: Judgement
    digest: bytes
    left: tuple[int, ...]
    right: tuple[int, ...]
    gone: frozenset[int]  # the ends it named and names no more


@dataclass(slots=True)
class Erasing:
    """What the erasure of these identifiers does to evidence. `silenced`: judgements that stay, without their reasons."""

    ids: tuple[int, ...] = ()
    versions_gone: list[SentVersion] = field(default_factory=list)
    versions_left: list[Left] = field(default_factory=list)
    judgement_rows: list[JudgementRow] = field(default_factory=list)  # those that are gone, as they were
    judgements_gone: list[int] = field(default_factory=list)
    judgements_left: list[LeftJudgement] = field(default_factory=list)
    silenced: list[int] = field(default_factory=list)
    interactions_gone: list[int] = field(default_factory=list)


class ReceiptRow(NamedTuple):
    """An erasure, by the commit that made it. `purged`: since when no byte of the values is left in the store's own files."""

    n: int
    at: Instant
    by: str | None
    reason: str
    identifiers: int
    records: int
    purged: Instant | None


class Burial(NamedTuple):
    """The end of an erasure: `ids` become stubs; `marks` say by tombstone which of them it is of, 0: none; `commits` are those that made or
    changed what is gone: their reasons and the answers kept of them go, too."""

    ids: tuple[int, ...]
    marks: Mapping[bytes, int]
    key_mark: bytes
    reason: str
    records: int
    commits: frozenset[int]


class Everything(NamedTuple):
    """A whole store at one commit, for audits. Memory: all of it."""

    commit: int
    rules: str  # the document in force then
    namespaces: tuple[str, ...]
    members: list[Member]  # profile 0: nothing mentions it
    versions: list[tuple[RecordKey, Sighting]]  # the active ones
    carried: set[tuple[int, Instant, int]]  # identifier, time, version
    judgements: list[JudgementRow]  # live ones, void ones among them
    links: list[LinkRow]
    one_ids: list[OneIdRow]
    changes: list[ChangeRow]  # the feed in its order
    interactions: list[tuple[int, int, str, float, Instant]]  # active: origin, target, type, weight, time
    ties: dict[tuple[int, int, str], tuple[int, float, Instant, Instant]]  # count, weight, first, last
    unlinked: frozenset[int] = frozenset()  # active versions whose links do not count
    buried: tuple[tuple[int, int], ...] = ()  # of every tombstone of an identifier: erasure, identifier
    erasures: frozenset[int] = frozenset()  # those with a receipt


class Writing(Protocol):
    """The inside of the gate, for one step. What it reads is current, its own writes included; nothing counts before the step is left.

    Collections may hold thousands of entries: a store answers each call with a bounded number of statements.
    """

    @property
    def commit(self) -> int:
        """The number of this step."""
        ...

    @property
    def at(self) -> Instant:
        """When this step happens: never before the step before it."""
        ...

    @property
    def rules(self) -> Rules:
        """The rules in force for this step, as read under the gate; those that it wrote, once it did. Whatever it decides, it decides by
        these: they may be others than those by which something was prepared before the gate was taken."""
        ...

    @property
    def rules_version(self) -> int:
        """The version of `rules`."""
        ...

    async def write_rules(self, rules: Rules) -> int:
        """These rules are in force from this step on, for the rest of it, too; their version, the last one and 1. Who people are by them,
        and the tokens by which names are found, are the caller's to write. A step that is left by raising leaves the rules as they were."""
        ...

    def namespaces(self) -> Sequence[str]:
        """Names by number; grows by `namespace_number`."""
        ...

    def new_version(self) -> int: ...

    def new_one_id(self) -> int: ...

    async def namespace_numbers(self, names: Iterable[str]) -> dict[str, int]:
        """Numbers of namespaces, new ones for new names."""
        ...

    async def new_identifiers(self, namespaces: Sequence[int], values: Sequence[str]) -> list[int]:
        """Ids never given before, one for each namespace number and value. A store whose rows lean on each other may put these identifiers
        on record with the step's first write."""
        ...

    async def answered(self, key: Key) -> tuple[bytes, dict[str, Any]] | None:
        """The content digest and result stored with an idempotency key."""
        ...

    async def answer(self, key: Key, digest: bytes, result: dict[str, Any]) -> None: ...

    async def heads(self, asked: Sequence[Content], marks: Collection[bytes] = ()) -> dict[Content, Head]:
        """Records that have versions; those without are left out. Of `marks`, those that are tombstones are in `met` then."""
        ...

    @property
    def buried(self) -> bool:
        """Whether there is any tombstone."""
        ...

    @property
    def met(self) -> Mapping[bytes, tuple[int, int]]:
        """The tombstones among the marks that `heads` was last asked with, as `tombstones` gives them."""
        ...

    async def tombstones(self, marks: Collection[bytes]) -> dict[bytes, tuple[int, int]]:
        """Those of these that are tombstones: the erasure that made each, and the identifier that it is of (0: none, as of the key, or of a
        record that has another name for ever)."""
        ...

    async def receipt(self, n: int) -> ReceiptRow | None:
        """An erasure by its number."""
        ...

    async def identifiers(self, asked: Collection[Identifier]) -> dict[Identifier, Known]:
        """Those the store has ever known."""
        ...

    async def faces(self, ids: Collection[int]) -> dict[int, Member | None]:
        """Identifiers by id; a Member with profile 0 is one that nothing mentions."""
        ...

    async def summaries(self, profiles: Collection[int]) -> dict[int, Summary]: ...

    async def changed_since(self, commit: int) -> list[int]:
        """The profiles whose identity or facts a later commit changed, of those there are."""
        ...

    async def members(self, profiles: Collection[int]) -> list[Member]: ...

    async def links(self, pairs: Collection[Pair]) -> dict[Pair, LinkRow]:
        """The links there are between these pairs (the smaller id first)."""
        ...

    async def usable_links(self, ids: Collection[int]) -> list[LinkRow]:
        """Every usable link with an end among `ids`, once."""
        ...

    async def barred_links(self, ids: Collection[int]) -> list[LinkRow]:
        """Every link refused beforehand with an end among `ids`, once."""
        ...

    async def degrees(self, asked: Collection[tuple[int, int]], bound: int) -> dict[tuple[int, int], tuple[int, int]]:
        """By (identifier, namespace number): (judged groups, single members) there that a link not refused for contradiction or score
        connects with it, each counted up to `bound` + 1 at least."""
        ...

    async def total_degrees(self, ids: Collection[int], bound: int) -> dict[int, int]:
        """All links of each identifier, counted up to `bound` + 1 at least."""
        ...

    async def rays(self, hubs: Collection[tuple[int, int]], *, barred: bool) -> dict[tuple[int, int], list[LinkRow]]:
        """By (identifier, namespace number) its usable links there; `barred`: those refused as `max_identifiers` of a star."""
        ...

    async def sightings(self, pairs: Collection[Pair]) -> dict[Pair, list[Sighting]]:
        """Active versions that carry both."""
        ...

    async def carrying_several(self, ids: Collection[int]) -> list[Sighting]:
        """Active versions that carry two or more of `ids`."""
        ...

    async def judgements(self, ids: Collection[int]) -> list[JudgementRow]:
        """Live judgements that are not void with an end among `ids`, once."""
        ...

    async def judgement_digests(self, digests: Collection[bytes]) -> set[bytes]:
        """Which of these are digests of judgements on record, those taken back among them."""
        ...

    async def pins(self, ids: Collection[int]) -> list[Pin]:
        """OneIDs that are not closed and pinned to one of `ids`."""
        ...

    async def unmentioned(self, ids: Collection[int]) -> set[int]:
        """Those that no active version, live judgement or active interaction mentions."""
        ...

    async def active_version(self, key: RecordKey) -> Sighting | None:
        """The version of a record that counts."""
        ...

    async def one_ids(self, ids: Collection[int]) -> dict[int, str]:
        """The OneIDs of the profiles that hold these identifiers, what this step applied included."""
        ...

    async def one_id_rows(self, numbers: Collection[int] = (), texts: Collection[str] = ()) -> list[OneIdRow]:
        """OneIDs by number or by text, what this step applied included; those never given are left out."""
        ...

    @property
    def sleepers(self) -> bool:
        """Whether some OneID may sleep by a revert."""
        ...

    async def wakes(self, ids: Collection[int]) -> dict[int, int]:
        """OneIDs that sleep by a revert until one of these identifiers is seen again, by number: that identifier."""
        ...

    async def versions(self, ids: Collection[int] = (), records: Collection[RecordKey] = ()) -> list[VersionRow]:
        """Versions by number, or all of records, by number."""
        ...

    async def source_versions(self, source: str, since: Instant | None, most: int) -> list[int]:
        """The first `most` versions of a source by number: those that count; with `since` those recorded since then, counting or not, that
        were not withdrawn."""
        ...

    async def acted_together(self, cause_kind: str, cause: int) -> list[int]:
        """The versions (`fragment`) or judgements (`judgement`) that a cause stands for; empty where there is no such cause."""
        ...

    async def cause_at(self, seq: int) -> tuple[str, int] | None:
        """The cause of the change at a position of the feed: kind and number."""
        ...

    async def changes_by(self, commit: int, cause_kind: str, cause: int) -> list[tuple[int, ChangeRow]]:
        """What a cause changed in its commit, with positions in the feed."""
        ...

    async def asleep_before(self, changes: Mapping[int, int]) -> set[int]:
        """Of these OneIDs (number → position of a change) those that an earlier change left leading nowhere."""
        ...

    async def pins_moved(self, commit: int, cause: int) -> list[PinMove]:
        """The pins that a cause moved in its commit."""
        ...

    async def judged(self, numbers: Collection[int]) -> list[tuple[JudgementRow, int, bool]]:
        """Judgements by number, the commit that made each, and whether it is live."""
        ...

    async def undone_by(self, commit: int) -> dict[str, Any] | None:
        """What a withdrawal or a revert did to evidence, as that step wrote it; None where it wrote nothing."""
        ...

    async def restate_versions(self, rows: Mapping[int, Standing]) -> None:
        """These versions stand otherwise from now on."""
        ...

    async def end_judgements(self, numbers: Collection[int], *, back: bool = False) -> None:
        """Judgements are taken back, or with `back` are live again."""
        ...

    async def write_undone(self, undone: Mapping[str, Any]) -> None:
        """What this step, a withdrawal or a revert, does to evidence."""
        ...

    async def interaction_heads(self, asked: Sequence[Content]) -> dict[Content, InteractionHead]:
        """Interactions that have versions; those without are left out."""
        ...

    async def write_interactions(self, versions: Sequence[NewInteraction]) -> None: ...

    async def withdraw_interactions(self, versions: Sequence[int]) -> None:
        """These active versions no longer count."""
        ...

    async def write_versions(self, versions: Sequence[NewVersion]) -> None: ...

    async def withdraw_versions(self, versions: Sequence[int]) -> None:
        """The active versions of one record, newest first, no longer count."""
        ...

    async def sent_versions(self, ids: Collection[int] = (), numbers: Collection[int] = ()) -> list[SentVersion]:
        """All versions, history among them, of every record that carries or ever carried one of these identifiers, or versions by number;
        in order of their numbers."""
        ...

    async def sent_judgements(self, ids: Collection[int] = (), numbers: Collection[int] = ()) -> list[SentJudgement]:
        """All judgements that name one of these identifiers, void ones and those taken back among them, and the others of their decisions;
        or judgements by number."""
        ...

    async def sent_interactions(self, ids: Collection[int] = (), numbers: Collection[int] = ()) -> list[SentInteraction]:
        """All interactions with one of these identifiers at an end, history among them, or interactions by number; in order of their
        numbers."""
        ...

    async def as_sent(self, kind: SentKind, after: int, most: int) -> list[AsSent]:
        """All versions of records, all judgements, or all interactions that count or would but for a blocked end: the first `most` with a
        greater number, in order."""
        ...

    async def reread(self, reread: Reread) -> set[int]:
        """Evidence names others from now on; what it named stays on record for the past. The ends of interactions that count come back."""
        ...

    async def erase_evidence(self, erasing: Erasing) -> None:
        """Evidence is gone, or is less, from now on, in the past too. Links and people follow by `settle_step`."""
        ...

    async def bury(self, burial: Burial) -> None:
        """Identifiers that nothing mentions any more become stubs without value and history; tombstones and receipt are on record."""
        ...

    async def hide_records(self, marks: Mapping[bytes, int], names: Mapping[RecordKey, RecordKey]) -> None:
        """Marks of records, by erasure, are tombstones that are of nobody; records have other `names` from now on, in the past too, under
        which there is nothing yet."""
        ...

    async def carry_over(self, marks: Mapping[bytes, int], key_mark: bytes, reason: str) -> None:
        """Tombstones of another store, by whom each is of there, are this one's, too, with a receipt of their own."""
        ...

    async def unbury(self, identifiers: Collection[int]) -> None:
        """The tombstones of these stubs are gone."""
        ...

    async def count_tombstones(self) -> int:
        """How many there are, without the mark of the key."""
        ...

    async def drop_tombstones(self) -> None:
        """All tombstones are gone, and the mark of the key with them."""
        ...

    async def new_job(self, kind: str, input: dict[str, Any]) -> int:
        """Put a job on record, waiting, asked for now by whoever does this step; its number. Of those that ended the oldest are forgotten
        where there are many."""
        ...

    async def write_jobs(self, rows: Sequence[JobRow]) -> set[int]:
        """As `Store.write_jobs`, as part of this step."""
        ...

    async def write_deed(self, deed: Deed) -> None:
        """Put this step, with its reason, on record as what somebody decided; once a step."""
        ...

    async def forget_reasons(self, ids: Collection[int]) -> int:
        """The reasons of all entries of the audit that concern one of these identifiers are gone, with those of the entries that asked for
        them, and they no longer concern these; how many entries did. What judgements keep as their reasons stays."""
        ...

    async def write_judgement(
        self, judgement: Judgement, digest: bytes, left: Sequence[int], right: Sequence[int], decision: int | None = None
    ) -> int:
        """A judgement with its time; its number comes back. In force until said otherwise.

        `left`, `right`: the ends of each side that are not blocked, the one to show first. `decision`: the number of the first judgement
        of the decision that it is part of (None: itself).
        """
        ...

    async def write_identifiers(self, fresh: Sequence[Member], flags: Sequence[tuple[int, int, int | None]]) -> None:
        """New identifiers (profile 0: nothing mentions them yet), and flags and judged group of stored ones; for what must be on record
        before the rest of a step is decided."""
        ...

    async def set_in_force(self, changed: Sequence[tuple[int, bool]]) -> None: ...

    async def write_links(self, rows: Sequence[LinkRow], gone: Sequence[Pair], before: Mapping[Pair, LinkRow]) -> None:
        """Links as they are from now on, and those that are no more; `before` holds those there were."""
        ...

    async def postpone(self, links: Sequence[tuple[int, int, int]]) -> None:
        """Put off the conflict that these refused links (a, b, versions that carry it) make: it shows as such until there are more."""
        ...

    async def apply(self, delta: Delta) -> list[int]:
        """Write identity; the feed positions of its changes come back."""
        ...


class Reads(Protocol):
    """Reads outside the gate. Each call is one trip, consistent in itself, whatever is wanted of its objects: all of it is of before other
    rules came into force, or all of it of after.

    `token` (a commit number of an earlier write) makes a read wait for that write, at most a few seconds, then StoreBusy.
    Look-ups follow retired OneIDs unless they say not to. Lists are paged by key; `Page.first` is at most 100.
    """

    async def moment(self, at: Instant, *, token: int | None = None) -> Moment | None:
        """The last commit at or before an instant, with the rules in force then; None before the first. One in the future is the last
        commit. Expired where the past of then is not kept."""
        ...

    async def profiles_by(
        self, by: Sequence[LookUp], want: Sequence[Want], *, token: int | None = None, as_of: int | None = None
    ) -> list[ProfileView | None]:
        """The profiles looked up, in the same order, None for unknown; at most 100.

        `as_of`, here and below: what the answer was right after this commit, whatever happened since, but without what is erased.
        TooMuchPast where that takes too much, Expired where the past of then is not kept. None where there is no such commit."""
        ...

    async def nodes(
        self, ids: Sequence[tuple[str, Any]], want: Mapping[str, Sequence[Want]], *, token: int | None = None, as_of: int | None = None
    ) -> list[ProfileView | IdentifierView | LinkView | FragmentView | JudgementView | ChangeView | ConflictView | AuditView | None]:
        """Objects by kind and number: ("profile", n), ("identifier", id), ("link", (a, b)), ("fragment", version id), ("judgement", id),
        ("change", seq), ("conflict", (a, b)), ("audit", n); `want` by kind. A retired OneID answers for itself, a conflict that is decided
        is None."""
        ...

    async def profiles(
        self,
        page: Page,
        want: Sequence[Want],
        *,
        kind: ProfileKind | None = None,
        updated_after: Instant | None = None,
        token: int | None = None,
    ) -> Connection[ProfileView]:
        """Everyone by number, or with `updated_after` by last update (commit, number). An inner total comes only where it is cheap."""
        ...

    async def search(
        self,
        prefixes: Sequence[Identifier],
        names: Sequence[str],
        page: Page,
        want: Sequence[Want],
        *,
        whole: bool = False,
        token: int | None = None,
    ) -> Connection[ProfileView]:
        """Profiles with an identifier that begins with one of `prefixes` (equals, with `whole`), or with a name whose tokens begin with all
        `names`; nobody twice over all pages."""
        ...

    async def fragment(self, key: RecordKey, want: Sequence[Want], *, token: int | None = None) -> FragmentView | None:
        """The active version of a record, else its last one."""
        ...

    async def shared_identifiers(
        self, page: Page, want: Sequence[Want], *, namespaces: Sequence[str] | None = None, token: int | None = None
    ) -> Connection[IdentifierView]: ...

    async def conflicts(
        self,
        page: Page,
        want: Sequence[Want],
        *,
        namespaces: Sequence[str] | None = None,
        min_links: int = 1,
        postponed: bool = False,
        token: int | None = None,
    ) -> Connection[ConflictView]:
        """Pairs of profiles held apart by a rule that refused links while profiles were built, with at least so many such links between
        them; where a judgement `distinct` parts them it is decided, and no conflict. `postponed`: also those put off.

        Of links whose weaker end is of one of `namespaces`, by default of those that stand for persons, the first places a pair: by day of
        the last sighting, latest first, then by fragments, most first, then by ids. Nobody comes twice over all pages while nothing
        changes. Work on a page is bounded; where much is left out it is short, and its end passes that.
        """
        ...

    async def changes(
        self,
        page: Page,
        want: Sequence[Want],
        *,
        kinds: Sequence[str] | None = None,
        n: int | None = None,
        token: int | None = None,
    ) -> Connection[ChangeView]:
        """The feed in its one order; keys are (seq,). `n`: of one OneID and those that lead to it."""
        ...

    async def audit(
        self,
        page: Page,
        *,
        operation: str | None = None,
        by: str | None = None,
        since: Instant | None = None,
        token: int | None = None,
    ) -> Connection[AuditView]:
        """What people decided, newest first; keys (n,). Only what is of this operation, by this name, done since then."""
        ...

    async def path(
        self, origin: LookUp, target: LookUp, max_hops: int, want: Sequence[Want], *, token: int | None = None
    ) -> NeighbourhoodView | None:
        """A shortest social path as its nodes in order and the edges between them; None where there is none within max_hops."""
        ...

    async def explain(
        self, a: Identifier, b: Identifier, want: Sequence[Want], *, token: int | None = None, as_of: int | None = None
    ) -> ExplanationView:
        """Why two normalised identifiers are together, or apart. Cost is linear in the links of their profiles, and bounded; where a bound
        was met, the answer says so."""
        ...

    async def rules(self, version: int | None = None) -> RuleSetView | None: ...

    async def stats(self) -> StatsView: ...

    async def head(self) -> tuple[int, int]:
        """The last commit and the last position of the feed; cheap, for followers."""
        ...


class Store(Reads, Protocol):
    """A store, open. The rules in force may change while it is, by this process or another."""

    @property
    def in_force(self) -> Rules:
        """The rules last known to be in force, one object for each version. A read that meets newer ones refreshes them before it answers
        by those, and none answers by older ones than were known when it began. A step decides by those of its `Writing` alone."""
        ...

    url: str
    """By which another process on this machine opens the same store."""
    erasure_key: ErasureKey
    """Of its tombstones."""

    def writing(
        self, kind: str, *, by: str | None = None, reason: str | None = None, apart: bool = False, long: bool = False
    ) -> AbstractAsyncContextManager[Writing]:
        """The write gate for one step. Leaving it returns when the step is durable, or raises and nothing of it was written. `apart`: it
        may well be left by raising after it wrote, and takes no step before it along then. `long`: likewise, and it may take minutes."""
        ...

    def export(self, kind: ExportKind, *, position: Callable[[int], None] | None = None) -> AsyncIterator[dict[str, Any]]:
        """Every row of a kind as of one commit, in bounded memory, whatever is written meanwhile. Times are Instants. `position` is told,
        before the first row, the last entry of the feed as of then: what comes after it is what the rows do not know of.

        - identifiers, those that something mentions: `namespace`, `value`, `one_id`, `shared`, `first_seen`, `last_seen`, `id` (its number)
        - profiles: `one_id`, `kind`, `size`, `created_at`, `updated_at`, `identifiers` (texts `namespace:value`, sorted), `traits`
          (the golden record: an object)
        - fragments, the version of every record whose links count, so none that was reverted: `source`, `id`, `observedAt`, `identifiers`
          (as sent: objects with `namespace` and `value`), `traits`, `score`
        - judgements, those not taken back, in the order recorded: `judgement` (the kind), `a`, `b` (lists of texts: each side as sent, the
          end named first before the others), `at`, `by`, `reason`
        - interactions, the active version of every record: `interaction` (the type), `source`, `id`, `from`, `to` (texts, as sent), `at`,
          `weight`
        - one_ids, every OneID ever given, oldest first: `order` (its number), `one_id`, `pin` (text; None once closed), `closed_into`,
          `leads_to` (as the feed has it: itself while it names a profile, None while it leads nowhere)
        - sightings, the fragments as evidence alone: `observed`, `score`, `identifiers` (as sent: pairs of namespace and value); one that
          was reverted as one sighting of each of its identifiers
        - rules, those in force alone: `version`, `toml`
        """
        ...

    def export_pages(self, kinds: Sequence[ExportKind]) -> AsyncIterator[tuple[ExportKind, list[dict[str, Any]]]]:
        """As `export`, several kinds one after another as of one commit, in pages of a few thousand rows; not `profiles` among others."""
        ...

    async def jobs(self, ids: Collection[int]) -> dict[int, JobRow]:
        """Jobs on record by number."""
        ...

    async def write_jobs(self, rows: Sequence[JobRow], *, beat: Instant | None = None) -> set[int]:
        """Jobs as they are from now on; a job that has ended is left as it is. The numbers of those written. With `beat`, only jobs of
        which nobody said anything since then."""
        ...

    async def everything(self) -> Everything:
        """The whole store, of one commit."""
        ...

    async def receipts(self, ns: Collection[int]) -> dict[int, ReceiptRow]:
        """Erasures by number."""
        ...

    async def tombstones(self) -> list[tuple[bytes, int, int]]:
        """Every tombstone: its mark, the erasure that made it, and whom it is of; both 0: of the key itself."""
        ...

    async def purged(self, n: int, timeout: float) -> bool:
        """Whether nothing of an erasure is left in the store's own files; waits for it so many seconds. A store that is open goes on with
        that by itself, also with what another process left."""
        ...

    async def wait_for_change(self, after_commit: int, timeout: float) -> int:
        """The last commit, as soon as it is greater than `after_commit`, at the latest after `timeout` seconds."""
        ...
