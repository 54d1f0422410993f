"""What tests ask of reads: every part of everything, and where two answers differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from random import Random
from typing import Any

from graph.views import Want
from tests.build import minute

__all__ = ["BRIEF", "ENDS", "LISTS", "NODES", "SPAN", "TOTAL", "differences", "want", "wants"]


def differences(one: Any, other: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where two answers differ, and how."""
    if is_dataclass(one) and type(one) is type(other):
        one, other = ({each.name: getattr(some, each.name) for each in fields(one)} for some in (one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in [*one, *(key for key in other if key not in one)]:
            yield from differences(one.get(key), other.get(key), (*path, key))
    elif isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        for place, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from differences(left, right, (*path, place))
    elif one != other:
        yield (*path, one, other)


def want(field: str, *inner: Want, **args: Any) -> Want:
    return Want(field, tuple(sorted(args.items())), inner)


TOTAL, SPAN = want("total_count"), want("span")
BRIEF = want("profile", want("identifiers", first=2))
ENDS = (SPAN, want("sources"), BRIEF)


def wants(random: Random) -> list[Want]:
    """Every part of a profile, with arguments as they come."""
    first = random.choice([0, 1, 2, 3, 20, 100])
    types = random.choice([None, ("like",), ("share", "like")])
    return [
        want("successor", want("identifiers")),
        want("retired_one_ids", first=first),
        want("identifiers", *ENDS, TOTAL, first=first),
        want("identifiers", TOTAL, first=first, namespaces=tuple(random.sample(["user", "mail", "device", "phone", "no"], 2))),
        want("traits", want("identifier", SPAN), want("alternatives", want("identifier", SPAN), first=first)),
        want("traits", keys=("at",)),
        want("links", want("a", SPAN), want("b", BRIEF), want("bridge"), want("fragments", TOTAL, first=first), TOTAL, first=first),
        want("links", want("bridge"), TOTAL, first=first, refused=True),
        want("fragments", want("identifiers", SPAN), BRIEF, TOTAL, first=first),
        want("fragments", TOTAL, first=first, sources=("crm",)),
        want("judgements", want("a", SPAN), want("b"), first=first),
        want("changes", want("gained", TOTAL, first=first), want("lost", SPAN), BRIEF, first=first),
        want("related", BRIEF, TOTAL, first=first, types=types),
        want(
            "neighbourhood",
            BRIEF,
            depth=random.choice([1, 2, 3]),
            direction=random.choice(["in", "out", "both"]),
            types=types,
            since=random.choice([None, minute(2)]),
            min_weight=random.choice([0.0, 1.5]),
            max_nodes=random.choice([1, 3, 200]),
        ),
    ]


LISTS = ("identifiers", "links", "fragments", "judgements", "changes", "related")
NODES = {
    "profile": [want("identifiers"), want("successor")],
    "identifier": [*ENDS],
    "link": [want("fragments", first=2), want("bridge"), want("a", SPAN)],
    "fragment": [want("identifiers", SPAN), BRIEF],
    "change": [want("gained"), BRIEF],
    "judgement": [want("a", BRIEF)],
}
"""What is wanted of objects by their kind."""
