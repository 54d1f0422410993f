"""What people decided, as the audit keeps it and tells it: in numbers, never in values of a person.

An entry is written in the step that it is of, so there is neither without the other. What is refused writes nothing, and has no entry.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from graph.model import ChangeKind, rfc3339
from graph.store.ports import Delta, Writing

__all__ = ["moves", "subjects", "summary"]

_NEW: Final = frozenset({ChangeKind.CREATED, ChangeKind.RESTORED})
_PROFILES: Final = 100
"""Profiles whose other identifiers an entry concerns, besides those it names."""
_UNDONE: Final = {
    "fragment": "what a record joined",
    "judgement": "a decision",
    "withdrawal": "a withdrawal",
    "revert": "a revert",
    "rules": "a change of rules",
}


def moves(delta: Delta) -> dict[str, int]:
    """What a step did to people: profiles it changed, as many as there were `before` and are `after`, and identifiers that `moved` from one
    profile to another."""
    held = {at for change in delta.changes for at in change.lost}
    before = sum(change.kind not in _NEW and (change.leads == change.n or bool(change.lost)) for change in delta.changes)
    after = len({change.n for change in delta.changes if change.leads == change.n})
    return {"before": before, "after": after, "moved": sum(at in held for change in delta.changes for at in change.gained)}


async def subjects(writing: Writing, named: Collection[int], delta: Delta | None = None) -> set[int]:
    """The identifiers that a decision concerns: those it names, those it moved, and the others of the profiles that hold the former. To be
    asked for once all is written."""
    moved = {at for change in delta.changes for at in (*change.gained, *change.lost)} if delta else set()
    faces = await writing.faces(sorted(set(named)))
    profiles = sorted({face.profile for face in faces.values() if face is not None and face.profile})
    beside = await writing.members(profiles) if 0 < len(profiles) <= _PROFILES else ()
    return {*named, *moved, *(member.id for member in beside)}


def summary(operation: str, figures: Mapping[str, Any]) -> str:
    """An entry as one sentence."""
    told = _TOLD[operation](figures) if operation in _TOLD else operation
    if "before" in figures:
        told += f"; {_many(figures['before'], 'profile')} before, {figures['after']:,} after, {_many(figures['moved'], 'identifier')} moved"
    return f"{told}."


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _judge(figures: Mapping[str, Any]) -> str:
    if "kind" not in figures:
        return f"Recorded {_many(figures['judgements'], 'judgement')}"
    same = figures["kind"] == "same"
    return "Judged two identifiers to be one person's" if same else "Judged two identifiers to be of different people"


def _withdraw(figures: Mapping[str, Any]) -> str:
    of = f"source {figures['source']}"
    if "since" not in figures:
        return f"Withdrew a record of {of}"
    since = "" if figures["since"] is None else f" recorded since {rfc3339(figures['since'])}"
    if "records" not in figures:
        return f"Asked for a job that withdraws all records of {of}{since}"
    return f"Withdrew {_many(figures['records'], 'record')} of {of}{since}"


def _rules(figures: Mapping[str, Any]) -> str:
    if "version" not in figures:
        return "Asked for a job that makes rules those in force"
    return f"Put rules version {figures['version']} in force"


_TOLD: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "judge": _judge,
    "mergeProfiles": lambda figures: f"Merged {_many(figures['profiles'], 'profile')}",
    "splitProfile": lambda figures: f"Took {_many(figures['detached'], 'identifier')} out of a profile",
    "withdraw": _withdraw,
    "revert": lambda figures: f"Undid {_UNDONE[figures['undone']]}",
    "postponeConflict": lambda figures: f"Put off a conflict of {_many(figures['links'], 'refused link')}",
    "simulateRules": lambda figures: "Asked for a job that tries rules",
    "applyRules": _rules,
    "cancelJob": lambda figures: f"Cancelled a job ({figures['kind']})",
    "erase": lambda figures: f"Erased {_many(figures['identifiers'], 'identifier')} and {_many(figures['records'], 'record')} with them",
    "forgetErasures": lambda figures: f"Dropped all tombstones, of {_many(figures['identifiers'], 'identifier')}",
    "allowAgain": lambda figures: f"Allowed {_many(figures['identifiers'], 'erased identifier')} again",
}
"""How each operation is told, by its name in the API."""
