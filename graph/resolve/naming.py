"""Which OneID names which profile: rules 1 to 3 of the OneID contract.

Every OneID that is not closed has a pin, the identifier it follows. Merges and splits move no pin; a pin moves when a strictly stronger
identifier joins the profile it names, and passes on when its identifier disappears.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from graph.resolve.ground import Ground

__all__ = ["Names", "name_profiles"]


@dataclass(frozen=True, slots=True)
class Names:
    """`names[i]` names the i-th part, `others[i]` are the OneIDs pinned there besides, closed ones among them; `made`: new ones, in order;
    `pins`: where a pin moved (new OneIDs with theirs); `closed`: OneID → the name it closed into."""

    names: tuple[int, ...]
    others: tuple[tuple[int, ...], ...]
    made: tuple[int, ...] = ()
    pins: dict[int, int] = field(default_factory=dict)
    closed: dict[int, int] = field(default_factory=dict)


def name_profiles(
    parts: Sequence[Sequence[int]],
    pins: Mapping[int, int],
    ground: Ground,
    new: Callable[[], int],
    left_behind: Mapping[int, Sequence[int]] = {},
    unmade: Collection[int] = (),
) -> Names:
    """Name these profiles.

    `pins`: every OneID, by number, that is not closed and pinned to a member of a part or to an identifier that disappeared;
    `left_behind`: for each identifier that disappeared what is left of the profile it was in. `unmade`: OneIDs that are closed
    into the name wherever a profile holds another one (rule 4). `new` gives the next number; numbers grow
    with creation, so the smallest is the oldest.
    """
    part_of = {member: i for i, part in enumerate(parts) for member in part}
    held: list[list[int]] = [[] for _ in parts]
    pin = dict(pins)
    for n, at in pin.items():
        if at in part_of:
            held[part_of[at]].append(n)
    moved = _pass_on(pin, part_of, held, ground, left_behind)

    def strength(member: int) -> tuple[int, str]:
        return (ground.place[member], ground.text[member])

    strongest = [min(part, key=strength) if len(part) > 1 else part[0] for part in parts]
    names: list[int] = [0] * len(parts)
    made: list[int] = []
    closed: dict[int, int] = {}
    for i in sorted(range(len(parts)), key=lambda i: strength(strongest[i])):
        best = strongest[i]
        if not held[i]:
            names[i] = new()
            made.append(names[i])
            moved[names[i]] = best
            continue
        kept = [n for n in held[i] if n not in unmade]
        name = names[i] = min(kept or held[i], key=lambda n: (ground.place[pin[n]], n))
        if ground.place[best] < ground.place[pin[name]]:
            pin[name] = moved[name] = best
        for n in held[i]:
            if n != name and (n in unmade or ground.place[pin[n]] > ground.place[pin[name]]):
                closed[n] = name
                moved.pop(n, None)
    others = tuple(tuple(n for n in sorted(here) if n != name) for here, name in zip(held, names, strict=True))
    return Names(tuple(names), others, tuple(made), moved, closed)


def _pass_on(
    pin: dict[int, int],
    part_of: Mapping[int, int],
    held: list[list[int]],
    ground: Ground,
    left_behind: Mapping[int, Sequence[int]],
) -> dict[int, int]:
    """Rule 3: a pin that disappeared goes to the strongest member left of its profile, first of a part without a OneID; oldest first."""
    moved: dict[int, int] = {}
    for n in sorted(n for n, at in pin.items() if at in left_behind):
        left = [member for member in left_behind[pin[n]] if member in part_of]
        nameless = [member for member in left if not held[part_of[member]]]
        if not left:
            continue
        heir = min(nameless or left, key=lambda m: (ground.place[m], ground.text[m]))
        pin[n] = moved[n] = heir
        held[part_of[heir]].append(n)
    return moved
