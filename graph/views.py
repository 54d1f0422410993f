"""What reads are asked for and what they answer with; the same values from every store.

A caller says with `Want`s which parts of each object it needs, once for the whole answer, and the store fetches them together.
Each view carries what always comes as attributes, and the wanted parts in `parts`, keyed by `Want.key`.
Positions (`Key`) are tuples of surrogate numbers, never made from a value; the service turns them into opaque cursors.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeAlias, TypeVar

from graph.model import ChangeKind, FragmentStatus, Identifier, Instant, JudgementKind, ProfileKind, RecordKey, Refusal, Rule

__all__ = [
    "Args",
    "AuditView",
    "ByIdentifier",
    "ByNumber",
    "ByOneId",
    "ChangeView",
    "ConflictView",
    "Connection",
    "Edge",
    "ExplanationView",
    "FragmentView",
    "IdentifierView",
    "JudgementView",
    "Key",
    "LinkView",
    "LookUp",
    "NeighbourhoodView",
    "Page",
    "PeerView",
    "ProfileView",
    "RuleSetView",
    "SocialEdgeView",
    "SocialNodeView",
    "Standing",
    "StatsView",
    "TieCount",
    "TraitCandidateView",
    "TraitView",
    "Want",
]

Key: TypeAlias = tuple[int, ...]
Args: TypeAlias = tuple[tuple[str, Hashable], ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Want:
    """One wanted part: its field, its arguments sorted by name, and what is wanted of the objects in it.

    The parts, by the object they belong to (arguments in brackets; page arguments are `first`: int, `after`: Key | None):

    - profile: `successor`, `retired_one_ids`(first), `identifiers`(namespaces, first, after), `traits`(keys),
      `links`(first, after, refused), `fragments`(sources, first, after), `related`(types, first, after),
      `neighbourhood`(depth, types, since, direction, min_weight, max_nodes), `changes`(first, after), `judgements`(first, after);
      in `identifiers`, `links`, `fragments` and `related`, inner `total_count` asks for it
    - identifier: `sources`(first), `profile`, `span` (first_seen, last_seen)
    - link: `fragments`(first, after), `bridge`; its ends `a` and `b` (inner: identifier parts)
    - fragment: `identifiers` (inner: identifier parts), `profile`
    - trait: `identifier`, `alternatives`(first); candidate: `identifier`
    - change: `gained`(first, after), `lost`(first, after), `profile`
    - peer and social node: `profile`; judgement: `a`, `b`
    - conflict: `a`, `b` (inner: profile parts), which are always there; `links`(first)
    - explanation: `path`, `refused`, `bridges` (inner: link parts); they are always there
    """

    field: str
    args: Args = ()
    inner: tuple[Want, ...] = ()

    @property
    def key(self) -> tuple[str, Args]:
        return (self.field, self.args)


Parts: TypeAlias = Mapping[tuple[str, Args], Any]


@dataclass(frozen=True, slots=True)
class ByOneId:
    one_id: str


@dataclass(frozen=True, slots=True)
class ByIdentifier:
    """An identifier: normalised where a store is asked, raw as sent in an operation."""

    identifier: Identifier


@dataclass(frozen=True, slots=True)
class ByNumber:
    """The number of a OneID, behind a profile's `id`; follow=False answers for a retired one itself."""

    n: int
    follow: bool = True


LookUp: TypeAlias = ByOneId | ByIdentifier | ByNumber


@dataclass(frozen=True, slots=True)
class Page:
    first: int = 20
    after: Key | None = None


@dataclass(frozen=True, slots=True)
class Edge(Generic[T]):
    key: Key
    node: T


@dataclass(frozen=True, slots=True)
class Connection(Generic[T]):
    """One page; `end` passes what a filter hid (None on an empty first page); total_count only where it was asked for."""

    edges: tuple[Edge[T], ...]
    has_next: bool
    end: Key | None = None
    total_count: int | None = None


@dataclass(frozen=True, slots=True)
class ProfileView:
    """A profile, or with size 0 a OneID that names nobody now. `version` is the commit that last changed identity or facts."""

    n: int
    one_id: str
    kind: ProfileKind
    size: int
    version: int
    as_of: Instant
    created_at: Instant
    updated_at: Instant
    retired_at: Instant | None
    parts: Parts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IdentifierView:
    """`first_seen` and `last_seen` are None unless `span` was wanted."""

    id: int
    identifier: Identifier
    shared: bool
    first_seen: Instant | None = None
    last_seen: Instant | None = None
    parts: Parts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LinkView:
    """kind: observed | same | distinct. `refused` None = accepted. A judgement shows with count 0 and its time;
    `judgement` is its number."""

    a: IdentifierView
    b: IdentifierView
    kind: str
    first_seen: Instant
    last_seen: Instant
    fragment_count: int
    score: float | None
    refused: Refusal | None
    parts: Parts = field(default_factory=dict)
    judgement: int | None = None


class Standing(StrEnum):
    """How two identifiers stand to each other."""

    ONE = "one"
    """They are one and the same identifier."""
    TOGETHER = "together"
    REFUSED = "refused"
    """Apart; links between their profiles are refused."""
    CHAIN = "chain"
    """Apart; a chain of refused links leads from one profile over others to the other one."""
    NOTHING = "nothing"
    """Apart; no evidence connects them."""
    UNFOUND = "unfound"
    """Apart; no chain was found within the bounds of the search."""
    UNKNOWN = "unknown"
    """One or both are not on record: nothing mentions them."""
    BLOCKED = "blocked"
    """The rules block one or both, so that they can belong to nobody."""


@dataclass(frozen=True, slots=True)
class ExplanationView:
    """Why `a` and `b` are together, or apart; of each list at most 100, `counts` says how many there are of `path`, `refused`, `bridges`.

    `chain`: the identifiers along `path`, from `a` to `b`. `refused`: apart, the links between the two profiles, strongest first, or the
    chain of them; together, those that may take the place of a bridge, likeliest first. `missing`: which of the two are unknown or blocked,
    the latter as sent. `profiles`: how many a search looked at. `cut`: a bound was reached, so there may be more than is known here.
    """

    a: Identifier
    b: Identifier
    standing: Standing
    chain: tuple[Identifier, ...] = ()
    path: tuple[LinkView, ...] = ()
    refused: tuple[LinkView, ...] = ()
    bridges: tuple[LinkView, ...] = ()
    counts: tuple[int, int, int] = (0, 0, 0)
    missing: tuple[Identifier, ...] = ()
    profiles: int = 0
    cut: bool = False

    @property
    def together(self) -> bool:
        return self.standing in (Standing.ONE, Standing.TOGETHER)


@dataclass(frozen=True, slots=True)
class FragmentView:
    id: int
    key: RecordKey
    observed_at: Instant
    recorded_at: Instant
    traits: Mapping[str, Any] | None
    status: FragmentStatus
    parts: Parts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JudgementView:
    id: int
    kind: JudgementKind
    a: IdentifierView
    b: IdentifierView
    at: Instant
    by: str | None
    reason: str
    in_force: bool


@dataclass(frozen=True, slots=True)
class TraitCandidateView:
    value: Any
    source: str
    identifier: IdentifierView
    observed_at: Instant


@dataclass(frozen=True, slots=True)
class TraitView:
    key: str
    value: Any
    source: str
    identifier: IdentifierView
    observed_at: Instant
    alternatives: tuple[TraitCandidateView, ...]


@dataclass(frozen=True, slots=True)
class TieCount:
    type: str
    count: int


@dataclass(frozen=True, slots=True)
class PeerView:
    """direction: in | out | both, seen from the profile asked for."""

    profile: ProfileView
    weight: float
    counts: tuple[TieCount, ...]
    first_at: Instant
    last_at: Instant
    direction: str


@dataclass(frozen=True, slots=True)
class SocialNodeView:
    profile: ProfileView
    depth: int
    strength: float


@dataclass(frozen=True, slots=True)
class SocialEdgeView:
    """Between profiles, by their numbers, in the direction of the interactions."""

    origin: int
    target: int
    weight: float
    counts: tuple[TieCount, ...]
    last_at: Instant


@dataclass(frozen=True, slots=True)
class NeighbourhoodView:
    nodes: tuple[SocialNodeView, ...]
    edges: tuple[SocialEdgeView, ...]
    truncated: bool


@dataclass(frozen=True, slots=True)
class ChangeView:
    """An entry of the feed; `leads_to` is the OneID it leads to, itself while it names a profile, None for nowhere."""

    seq: int
    at: Instant
    kind: ChangeKind
    n: int
    one_id: str
    leads_to: str | None
    cause_kind: str
    cause: int
    by: str | None
    parts: Parts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConflictView:
    """Two profiles that a rule holds apart; `id` are the ends of a link between them, `a` and `b` the profiles that hold these.

    `rule` refuses that link, `namespace` is that of its weaker end; `link_count` and `last_seen` are those of all that are refused between
    the two. `postponed`: a steward put it off, and none of these links was seen more often since.
    """

    id: tuple[int, int]
    a: ProfileView
    b: ProfileView
    rule: Rule
    namespace: str
    link_count: int
    last_seen: Instant
    postponed: bool
    parts: Parts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditView:
    """What somebody decided in commit `n`; as graph.store.ports.Deed. `reason` None: none was given, or it is erased; `subjects`: the first
    100 by id."""

    n: int
    at: Instant
    by: str | None
    key: str | None
    operation: str
    reason: str | None
    cause: tuple[str, int] | None
    figures: Mapping[str, Any]
    subjects: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RuleSetView:
    version: int
    toml: str
    applied_at: Instant
    by: str | None


@dataclass(frozen=True, slots=True)
class StatsView:
    """`refused_by`: refused links by the rule that refuses them. `contradictions`: records that contradict themselves by source, the 20
    sources with the most, most first."""

    identifiers: int
    links: int
    refused_links: int
    profiles: int
    fragments: int
    largest_profile: int
    shared_identifiers: int
    contested_profiles: int
    store: str
    rules_version: int
    refused_by: Mapping[str, int] = field(default_factory=dict, compare=False)
    contradictions: Mapping[str, int] = field(default_factory=dict, compare=False)
