"""What a step under the gate has done, as a preview shows it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, NamedTuple

import orjson

from graph.evidence import field_of
from graph.model import Identifier, Instant, Refusal, Rule
from graph.resolve.rules import Rules
from graph.store.ports import NAMESPACE_SHIFT, Delta, Member, Writing

__all__ = ["Blocker", "LeftProfile", "Outcome", "outcome_of"]

_REASONS: Final = {
    Rule.DISTINCT: ("DISTINCT", "a judgement holds some of their identifiers apart from somebody else's"),
    Rule.LIMIT: ("LIMIT_EXCEEDED", "one profile would have more identifiers of {namespace} than its limit"),
    Rule.MAX_IDENTIFIERS: ("LIMIT_EXCEEDED", "one profile would have more than max_identifiers"),
    Rule.PARK: ("BLOCKED", "an identifier of theirs is parked"),
}


class Blocker(NamedTuple):
    """Why something stays apart that an operation would join: an error code, one sentence without personal data, and the input field."""

    code: str
    message: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeftProfile:
    """A profile that an operation leaves. `n` and `one_id` None: it gets a new OneID. `came_from`: profiles whose identifiers it holds."""

    n: int | None
    one_id: str | None
    identifiers: tuple[Identifier, ...]  # strongest first
    ids: tuple[int, ...]  # theirs; a number that the store does not know yet is given back
    came_from: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`at` is when it is done. `profiles` are all that the operation changes, as it leaves them, by OneID number, new ones last. `moved`
    counts identifiers that change profile; `gone` are those that are nobody's then."""

    at: Instant
    profiles: tuple[LeftProfile, ...]
    moved: int
    blockers: tuple[Blocker, ...]
    gone: tuple[int, ...] = ()

    def token(self, asked: bytes) -> str:
        """Equal for the same operation with the same outcome; facts are no part of it."""
        shown = [[p.n, [i.text for i in p.identifiers]] for p in self.profiles]
        said = orjson.dumps([asked.hex(), shown, [[*b] for b in self.blockers], self.gone])
        return blake2b(said, digest_size=16).hexdigest()


async def outcome_of(writing: Writing, delta: Delta, rules: Rules, *, together: frozenset[int] = frozenset()) -> Outcome:
    """Read back what the delta made of the profiles it touched. `together`: identifiers that shall be in one profile now."""
    made = {n for n, _, _ in delta.made}
    naming = sorted({change.n for change in delta.changes if change.leads == change.n})
    members = await writing.members(naming)
    field, _ = await field_of(writing, rules, ())
    field.meet(members)
    now: dict[int, list[Member]] = defaultdict(list)
    for m in members:
        now[m.profile].append(m)
    before = {at: change.n for change in delta.changes for at in change.lost}
    text = {row.n: row.one_id for row in await writing.one_id_rows([n for n in naming if n not in made])}
    profiles = []
    for n in sorted(naming, key=lambda n: (n in made, n)):
        ordered = sorted(now[n], key=lambda m: (field.ground.place[m.id], m.value))
        identifiers = tuple(Identifier(field.names[(m.id >> NAMESPACE_SHIFT) - 1], m.value) for m in ordered)
        came = tuple(sorted({before.get(m.id, n) for m in ordered} - made))
        profiles.append(LeftProfile(None if n in made else n, text.get(n), identifiers, tuple(m.id for m in ordered), came))
    gained = [at for change in delta.changes for at in change.gained]
    gone = tuple(sorted(before.keys() - set(gained)))
    blockers = await _blockers(writing, together) if together else ()
    return Outcome(writing.at, tuple(profiles), sum(at in before for at in gained), blockers, gone)


async def _blockers(writing: Writing, together: frozenset[int]) -> tuple[Blocker, ...]:
    """The rules that keep these identifiers from being one profile; none where they are."""
    faces = await writing.faces(together)
    profile = {at: face.profile for at, face in faces.items() if face is not None}
    if len(set(profile.values())) == 1:
        return ()
    refusals: dict[Refusal, None] = {}
    for row in sorted(await writing.usable_links(sorted(together)), key=lambda row: (row.a, row.b)):
        if row.refused is not None and profile.get(row.a) != profile.get(row.b):
            refusals[row.refused] = None
    found = [Blocker(_REASONS[r.rule][0], _REASONS[r.rule][1].format(namespace=r.namespace), ("profiles",)) for r in refusals]
    return tuple(found) or (Blocker("BLOCKED", "what joined some of their identifiers is refused by the rules", ("profiles",)),)
