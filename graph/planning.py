"""From an operation to the judgements that say it, decided on what is read under the gate.

Judgements of one operation are newer than any that stands on the identifiers they name, so that they are the last word.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from graph.errors import BadInput, NotFound
from graph.evidence import Field, field_of
from graph.model import Identifier, Instant, Judgement, JudgementKind
from graph.operations import Judge, Merge, Split
from graph.resolve.rules import Blocked, Rules
from graph.store.ports import NAMESPACE_SHIFT, JudgementRow, Member, Writing
from graph.views import ByIdentifier, ByNumber, LookUp

__all__ = ["judgement_of", "merge_of", "profile_at", "split_of"]


async def judgement_of(writing: Writing, operation: Judge, rules: Rules, by: str | None) -> list[Judgement]:
    """The judgement as asked for. BadInput where an end is blocked, or both are one identifier."""
    ends = []
    for name, raw in (("a", operation.a), ("b", operation.b)):
        end = rules.normalise(raw)
        if isinstance(end, Blocked):
            raise BadInput(f"the rules block this identifier: {end.reason}", (name,))
        ends.append(end)
    if ends[0] == ends[1]:
        raise BadInput("a and b are the same identifier once normalised", ("b",))
    known = await writing.identifiers(ends)
    at = await _after_all(writing, [there.id for there in known.values()])
    return [Judgement(operation.judgement, operation.a, operation.b, at, by, operation.reason)]


async def merge_of(writing: Writing, operation: Merge, rules: Rules, by: str | None) -> tuple[list[Judgement], frozenset[int]]:
    """`same` between the strongest identifiers of the profiles; between those of every namespace whose limit their union would break; and
    between the ends of every `distinct` that stands between them. With it the ids of all their members, to be found in one profile."""
    numbers = [await profile_at(writing, by_, ("profiles", str(place))) for place, by_ in enumerate(operation.profiles)]
    if len(set(numbers)) < 2:
        raise BadInput("two profiles at least are wanted; those that came are one already", ("profiles",))
    field, _ = await field_of(writing, rules, ())
    members = await writing.members(sorted(set(numbers)))
    field.meet(members)
    standing = await writing.judgements([m.id for m in members])
    joined: dict[int, list[int]] = defaultdict(list)  # by any key: identifiers to be judged one
    for m in members:
        joined[-m.profile].append(m.id)
    strongest = [min(ids, key=lambda at: (field.ground.place[at], field.text[at])) for ids in joined.values()]
    groups = [strongest, *_over_limit(field, members), *_held_apart(field, members, standing)]
    at = await _after_all(writing, [m.id for m in members], standing)
    identifier = {m.id: Identifier(field.names[(m.id >> NAMESPACE_SHIFT) - 1], m.value) for m in members}
    pairs = dict.fromkeys(pair for group in groups for pair in _chain(field, group))
    judgements = [Judgement(JudgementKind.SAME, identifier[a], identifier[b], at, by, operation.reason) for a, b in pairs]
    return judgements, frozenset(identifier)


def _over_limit(field: Field, members: Sequence[Member]) -> Iterable[list[int]]:
    by_number: dict[int, list[Member]] = defaultdict(list)
    for m in members:
        by_number[m.id >> NAMESPACE_SHIFT].append(m)
    for number, some in sorted(by_number.items()):
        limit = field.ground.namespaces.limit[field.position[number]]
        if limit is not None and len({m.group or m.id for m in some}) > limit:
            yield [m.id for m in some]


def _held_apart(field: Field, members: Sequence[Member], standing: Iterable[JudgementRow]) -> Iterable[list[int]]:
    profile = {m.id: m.profile for m in members}
    for row in sorted(standing, key=lambda row: row.id):
        if row.kind is JudgementKind.DISTINCT and row.in_force and (word := row.word) is not None:
            left, right = ([at for at in side if at in profile] for side in (word.left, word.right))
            if any(profile[a] != profile[b] for a in left for b in right):
                yield [*left, *right]


def _chain(field: Field, group: Collection[int]) -> Iterable[tuple[int, int]]:
    ordered = sorted(set(group), key=lambda at: (field.ground.place[at], field.text[at]))
    return ((ordered[0], other) for other in ordered[1:])


async def split_of(writing: Writing, operation: Split, rules: Rules, by: str | None) -> list[Judgement]:
    """`distinct` between every detached and every remaining identifier; with `together` also `same` among the detached."""
    n = await profile_at(writing, operation.profile, ("profile",))
    field, _ = await field_of(writing, rules, ())
    members = await writing.members([n])
    field.meet(members)
    here = {Identifier(field.names[(m.id >> NAMESPACE_SHIFT) - 1], m.value): m.id for m in members}
    detached: dict[Identifier, None] = {}
    for place, raw in enumerate(operation.detach):
        normal = rules.normalise(raw)
        if isinstance(normal, Blocked) or normal not in here:
            raise NotFound("this identifier is not in the profile", ("detach", str(place)))
        detached[normal] = None
    if not detached or len(detached) == len(here):
        raise BadInput(
            f"between 1 and {len(here) - 1} of the profile's {len(here)} identifiers can be detached, {len(detached)} came", ("detach",)
        )

    def by_strength(identifiers: Iterable[Identifier]) -> list[Identifier]:
        return sorted(identifiers, key=lambda i: (field.ground.place[here[i]], i.text))

    first, *more = by_strength(detached)
    second, *others = by_strength(i for i in here if i not in detached)
    at = await _after_all(writing, [here[i] for i in here])
    apart = Judgement(JudgementKind.DISTINCT, first, second, at, by, operation.reason, tuple(more), tuple(others))
    one = [Judgement(JudgementKind.SAME, first, other, at, by, operation.reason) for other in more] if operation.together else []
    return [apart, *one]


async def profile_at(writing: Writing, by: LookUp | None, path: tuple[str, ...]) -> int:
    """The profile that a look-up leads to, an identifier raw as sent, as of this step; NotFound where nobody is there."""
    n: int | None = None
    if isinstance(by, ByIdentifier):
        normal = writing.rules.normalise(by.identifier)
        known = None if isinstance(normal, Blocked) else (await writing.identifiers([normal])).get(normal)
        n = known.profile if known is not None else None
    elif by is not None:
        rows = await writing.one_id_rows([by.n]) if isinstance(by, ByNumber) else await writing.one_id_rows(texts=[by.one_id])
        while rows and not rows[0].size and rows[0].leads is not None:
            rows = await writing.one_id_rows([rows[0].leads])
        n = rows[0].n if rows and rows[0].size else None
    if n is None:
        raise NotFound("nobody is known by this", path)
    return n


async def _after_all(writing: Writing, ids: Sequence[int], standing: Iterable[JudgementRow] | None = None) -> Instant:
    rows = (await writing.judgements(ids) if ids else ()) if standing is None else standing
    return max((writing.at, *(row.at + 1 for row in rows)))
