"""Other rules for a store that is full: tried on all its evidence first, then made true of it in one step.

Outside the gate all evidence, as of one commit, is resolved under the rules in force and under the new ones, which tells around which
identifiers they differ. Under the gate these, and whatever changed since that commit, are decided anew by the new rules. That is local
re-resolution (graph.settle) of a larger part at once, and as exact: outside of that part everything is what the new rules make of it, as
the comparison has shown. So a store whose rules were changed equals one that had the new rules from the start, every reader sees all of
the old state or all of the new, and whoever is killed before the end has changed nothing. Writers wait for that step only; it grows
with what differs, not with the store.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from graph.audit import moves, subjects
from graph.errors import RulesChanged, TooManyChanged
from graph.evidence import Evidence, field_of, parts
from graph.ids import new_one_id
from graph.model import Identifier
from graph.operations import Revert
from graph.rehearse import Compared, rehearse
from graph.rereading import Reader, Rereading
from graph.resolve.differing import Differing
from graph.resolve.ground import Namespaces
from graph.resolve.rules import Rules
from graph.settle import settle_step
from graph.store.ports import Deed, Delta, Store, Writing
from graph.undo import put_back_pins

__all__ = ["Applied", "Bounds", "Tried", "put_in_force", "try_rules"]

_TRYING: Final = 0.9
"""The part of the work that the comparison is, about."""


class Bounds(NamedTuple):
    """At most so many profiles may hold what two or more held before, and so many be divided; None: any number."""

    merged: int | None = None
    split: int | None = None

    def hold(self, merged: int, split: int) -> None:
        """TooManyChanged where there are more."""
        for what, count, most in (("merged", merged, self.merged), ("split", split, self.split)):
            if most is not None and count > most:
                raise TooManyChanged(what, count, most)


@dataclass(frozen=True, slots=True)
class Tried:
    """Rules that were tried for a store whose rules in force have this version, on its evidence as of a commit or a little later:
    what they change, and around which identifiers."""

    rules: Rules
    version: int
    commit: int
    identifiers: Collection[Identifier]
    compared: Compared
    rereading: Rereading


class Applied(NamedTuple):
    """What was done: rules by this version are in force since this commit; identity changed as `delta` says, at these positions."""

    version: int
    commit: int
    delta: Delta
    positions: Sequence[int]
    merged: int
    split: int


async def try_rules(store: Store, rules: Rules, version: int, bounds: Bounds, told: Callable[[float], None] = lambda _: None) -> Tried:
    """Find out what the rules change. RulesChanged where other rules than this version are in force, TooManyChanged beyond the bounds."""
    commit, _ = await store.head()
    in_force = await store.rules()
    if in_force is None or in_force.version != version:
        raise RulesChanged(version, 0 if in_force is None else in_force.version)
    differing = Differing()
    compared = await rehearse(store, rules, lambda part: told(part * _TRYING), differing)
    bounds.hold(compared.merges, compared.splits)
    rereading = Rereading(store.in_force, rules)
    await rereading.look(store, lambda part: told(_TRYING + part * (1 - _TRYING)))
    return Tried(rules, version, commit, differing.identifiers, compared, rereading)


async def put_in_force(
    store: Store,
    tried: Tried,
    bounds: Bounds,
    *,
    revert: Revert | None = None,
    by: str | None = None,
    key_id: str | None = None,
    job: int | None = None,
    asked: int | None = None,
    finish: Callable[[Writing, Applied], Awaitable[None]] | None = None,
    new_id: Callable[[], str] = new_one_id,
) -> Applied:
    """Make the rules those in force, as one step and one cause; `revert`: the cause that this undoes. `finish` is the last that is written
    with it. RulesChanged where other rules came into force since they were tried, TooManyChanged where, with what came since, they merge
    or split more than the bounds allow: nothing is changed then."""
    kind = "rules" if revert is None else "revert"
    async with store.writing(kind, by=by, reason=None if revert is None else revert.reason, long=True) as writing:
        if writing.rules_version != tried.version:
            raise RulesChanged(tried.version, writing.rules_version)
        before = writing.rules
        again = await _again(writing, tried)
        await tried.rereading.look_at_the_rest(writing)
        version = await writing.write_rules(tried.rules)
        await writing.write_undone({"rules": [[tried.version, version]]})
        await writing.namespace_numbers(tried.rereading.namespaces)
        field, _ = await field_of(writing, tried.rules, ())
        evidence = Evidence(kind)
        reader = Reader(store, writing, field, evidence, tried.rereading)
        await reader.read()
        again |= reader.touched
        for some in parts(at for at in again if at not in field.flags):
            field.meet(m for m in (await writing.faces(some)).values() if m is not None)
        evidence.causes = [(writing.commit, tuple(sorted(again)))]
        evidence.rethought = frozenset(at for at in again if field.profile.get(at))
        evidence.recounted, evidence.renamed = _different(before, tried.rules, writing.namespaces())
        if revert is not None:
            await put_back_pins(writing, evidence, revert.cause, revert)
        delta, positions = await settle_step(writing, field, evidence, reader.touched, new_id)
        merged, split = _met(delta)
        bounds.hold(merged, split)
        applied = Applied(version, writing.commit, delta, positions, merged, split)
        figures = {"version": version, "merged": merged, "split": split, **moves(delta), **({} if job is None else {"job": job})}
        if revert is None:
            await writing.write_deed(Deed("applyRules", (), figures, ("rules", writing.commit), key_id, asked))
        else:
            concerned = await subjects(writing, (), delta)
            await writing.write_deed(
                Deed(Revert.name, concerned, {"undone": "rules", **figures}, ("revert", writing.commit), key_id, asked)
            )
        if finish is not None:
            await finish(writing, applied)
    return applied


async def _again(writing: Writing, tried: Tried) -> set[int]:
    """The identifiers around which is to be decided anew: those where the rules differ, and all of profiles that changed since."""
    found: set[int] = set()
    for named in parts(tried.identifiers):
        found.update(known.id for known in (await writing.identifiers(named)).values())
    for some in parts(await writing.changed_since(tried.commit)):
        found.update(m.id for m in await writing.members(some))
    return found


def _different(before: Rules, after: Rules, names: Sequence[str]) -> tuple[frozenset[int], bool]:
    """The numbers of the namespaces whose limit is another, and whether the order of strength is."""
    one, other = Namespaces(names, before), Namespaces(names, after)
    limits = [dict(zip(known.names, known.limit, strict=True)) for known in (one, other)]
    changed = frozenset(number for number, name in enumerate(names, start=1) if limits[0][name] != limits[1][name])
    return changed, one.names != other.names


def _met(delta: Delta) -> tuple[int, int]:
    """Profiles that hold what two or more held before, and profiles that were divided."""
    size = {row.n: row.size for row in delta.profiles}
    sources: dict[int, set[int]] = defaultdict(set)
    targets: dict[int, set[int]] = defaultdict(set)
    from_ = {at: change.n for change in delta.changes for at in change.lost}
    gained: dict[int, int] = defaultdict(int)
    for change in delta.changes:
        gained[change.n] += len(change.gained)
        for at in change.gained:
            if (source := from_.get(at)) is not None:
                sources[change.n].add(source)
                targets[source].add(change.n)
    for n, count in size.items():
        if count > gained[n]:  # it kept some of its own
            sources[n].add(n)
            targets[n].add(n)
    return sum(len(some) > 1 for some in sources.values()), sum(len(some) > 1 for some in targets.values())
