"""One step's evidence on its way to the store's identity: what came, what ended, and what is known of the identifiers it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple, TypeVar

from graph.model import Identifier, Instant
from graph.resolve.ground import Ground, Namespaces
from graph.resolve.rules import Rules
from graph.store.ports import NAMESPACE_SHIFT, Known, Member, PinState, Writing

__all__ = ["AT_ONCE", "Evidence", "Field", "Piece", "field_of", "number", "parts"]

T = TypeVar("T")
AT_ONCE: Final = 5_000
"""How many a store is asked for together, where there may be any number."""


class Piece(NamedTuple):
    """A version of a record as evidence: its time and score, and the identifiers it carries."""

    version: int
    ids: tuple[int, ...]
    observed: Instant
    score: float | None
    links: bool = True  # False: a version marked as not linking, of which only the facts count


@dataclass(slots=True)
class Evidence:
    """What one step changes. `causes` says what caused it and which identifiers each cause names.

    `unlinked` versions go on without their links, `linked` ones have them again. `mentioned` are identifiers that something else makes
    known (a judgement, an interaction), `dropped` those that it no longer mentions. `regrouped`: members of judged groups that changed,
    with the group before; `parted`: ends of a `distinct` that took or lost force. `repinned`: OneIDs that follow something else from now
    on, whatever the evidence; `unmade`: those that shall name nobody where their profile has another. `erased`: identifiers that are gone
    for good. `rethought`: identifiers around which other rules make of the same evidence something else; `recounted`: the numbers of the
    namespaces whose limits tell otherwise what contradicts itself, `renamed`: namespaces are stronger or weaker than before.
    """

    cause_kind: str
    added: list[Piece] = field(default_factory=list)
    ended: list[Piece] = field(default_factory=list)
    unlinked: list[Piece] = field(default_factory=list)
    linked: list[Piece] = field(default_factory=list)
    mentioned: set[int] = field(default_factory=set)
    dropped: set[int] = field(default_factory=set)
    regrouped: dict[int, int | None] = field(default_factory=dict)
    parted: set[int] = field(default_factory=set)
    causes: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    repinned: dict[int, PinState] = field(default_factory=dict)
    unmade: set[int] = field(default_factory=set)
    erased: frozenset[int] = frozenset()
    rethought: frozenset[int] = frozenset()
    recounted: frozenset[int] = frozenset()
    renamed: bool = False


@lru_cache(maxsize=16)
def _namespaces(names: tuple[str, ...], rules: Rules) -> tuple[Namespaces, tuple[int, ...]]:
    known = Namespaces(names, rules)
    return known, (0, *(known.position[name] for name in names))


class _Places:
    """Position of an identifier's namespace, from the number in its id."""

    __slots__ = ("_by_number",)

    def __init__(self, by_number: tuple[int, ...]) -> None:
        self._by_number = by_number

    def __getitem__(self, identifier: int) -> int:
        return self._by_number[identifier >> NAMESPACE_SHIFT]


class Field:
    """What a step knows of identifiers: places, texts, profiles, flags and judged groups, as they are from now on."""

    __slots__ = ("flags", "fresh", "ground", "group", "names", "new", "position", "profile", "stored", "text")

    def __init__(self, names: Sequence[str], rules: Rules) -> None:
        self.names = tuple(names)
        namespaces, self.position = _namespaces(self.names, rules)
        self.text: dict[int, str] = {}
        self.ground = Ground(namespaces, _Places(self.position), self.text)
        self.fresh: dict[int, Identifier] = {}
        self.new: dict[Identifier, int] = {}
        self.profile: dict[int, int] = {}
        self.flags: dict[int, int] = {}
        self.group: dict[int, int] = {}
        self.stored: dict[int, tuple[int, int | None]] = {}

    def know(self, identifier: Identifier, known: Known) -> int:
        """An identifier that the store has known before."""
        at = known.id
        self.text[at] = identifier.text
        self._hold(at, known.profile or 0, known.flags, known.group)
        return at

    def meet(self, members: Iterable[Member]) -> None:
        """Identifiers read by id or profile; what this step already changed of them stays."""
        for m in members:
            if m.id not in self.text:
                self.text[m.id] = f"{self.names[(m.id >> NAMESPACE_SHIFT) - 1]}:{m.value}"
            if m.id not in self.stored and m.id not in self.fresh:
                self._hold(m.id, m.profile, m.flags, m.group)

    def _hold(self, at: int, profile: int, flags: int, group: int | None) -> None:
        if at in self.stored:
            return
        self.stored[at] = (flags, group)
        self.profile[at] = profile
        self.flags[at] = flags
        if group is not None:
            self.group[at] = group

    def found(self, at: int, identifier: Identifier) -> None:
        """An identifier that is new to the store."""
        self.fresh[at] = identifier
        self.new[identifier] = at
        self.text[at] = identifier.text
        self.profile[at] = 0
        self.flags[at] = 0

    def fresh_identifiers(self) -> set[Identifier]:
        """Those that are new to the store."""
        return set(self.fresh.values())

    def number_of(self, at: int) -> int:
        """The number of an identifier's namespace."""
        return at >> NAMESPACE_SHIFT

    def unplaced(self, placed: Iterable[Member]) -> list[Member]:
        """New identifiers that only history mentions, to be on record all the same."""
        done = {m.id for m in placed}
        return [Member(at, i.value, 0, self.flags[at], self.group.get(at)) for at, i in self.fresh.items() if at not in done]

    async def settle_groups(self, writing: Writing) -> None:
        """Put new identifiers and judged groups on record now, since the store counts by them."""
        await writing.write_identifiers(self.unplaced(()), self.changed_flags())
        self.fresh.clear()
        self.stored = {at: (flags, self.group.get(at)) for at, flags in self.flags.items()}

    def changed_flags(self) -> list[tuple[int, int, int | None]]:
        """Flags and group of stored identifiers that differ from the store's."""
        return [
            (at, self.flags[at], self.group.get(at)) for at, stored in self.stored.items() if stored != (self.flags[at], self.group.get(at))
        ]


async def field_of(writing: Writing, rules: Rules, named: Iterable[Identifier]) -> tuple[Field, dict[Identifier, int]]:
    """A field with these identifiers in it, new ones numbered, and the id of each."""
    wanted = list(dict.fromkeys(named))
    await writing.namespace_numbers({identifier.namespace for identifier in wanted})
    field = Field(writing.namespaces(), rules)
    return field, await number(writing, field, wanted)


async def number(writing: Writing, field: Field, named: Iterable[Identifier]) -> dict[Identifier, int]:
    """The ids of these identifiers, of namespaces that the field knows; new ones are numbered and in the field, as those known are."""
    wanted = list(dict.fromkeys(named))
    ids = {identifier: at for identifier in wanted if (at := field.new.get(identifier)) is not None}
    wanted = [identifier for identifier in wanted if identifier not in ids]
    numbers = {name: place for place, name in enumerate(field.names, start=1)}
    known = await writing.identifiers(wanted)
    ids.update((identifier, field.know(identifier, there)) for identifier, there in known.items())
    new = [identifier for identifier in wanted if identifier not in ids]
    given = await writing.new_identifiers([numbers[i.namespace] for i in new], [i.value for i in new])
    for identifier, at in zip(new, given, strict=True):
        field.found(at, identifier)
        ids[identifier] = at
    return ids


def parts(some: Iterable[T]) -> Iterator[list[T]]:
    """Lists that are not too long to be asked for at once."""
    ahead = iter(some)
    while part := list(islice(ahead, AT_ONCE)):
        yield part
