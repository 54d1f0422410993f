"""Facts hang on the strongest identifier of a fragment that is neither shared nor contradictory there."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.model import Identifier
from graph.resolve.rules import Rules
from graph.traits.holder import holders
from tests.build import ids

RULES = Rules.parse(
    """
    [[namespace]]
    name = "user"
    limit = 1
    [[namespace]]
    name = "phone"
    limit = 2
    [[namespace]]
    name = "device"
    """
)


@dataclass(frozen=True)
class Carried:
    identifier: Identifier
    shared: bool
    group: int


def carried(*texts: str, groups: dict[str, int] | None = None) -> list[Carried]:
    """Identifiers of a fragment; `~` in front says shared."""
    found = []
    for place, text in enumerate(texts):
        plain = text.removeprefix("~")
        found.append(Carried(ids(plain)[0], text != plain, (groups or {}).get(plain, place)))
    return found


@pytest.mark.parametrize(
    ("fragment", "holding"),
    [
        (["user:a"], ["user:a"]),
        (["device:d", "phone:1", "user:a"], ["user:a"]),
        (["phone:2", "phone:1", "device:d"], ["phone:1"]),
        (["zeta:1", "device:d"], ["device:d"]),
        (["zeta:1", "alpha:1"], ["alpha:1"]),
        (["~phone:1", "device:d"], ["device:d"]),
        (["~phone:1"], ["phone:1"]),
        (["~device:d", "~phone:1", "~phone:0"], ["phone:0", "phone:1", "device:d"]),
        (["user:a", "user:b", "phone:1"], ["phone:1"]),
        (["user:a", "user:b"], []),
        (["user:a", "user:b", "~device:d"], ["device:d"]),
        (["phone:1", "phone:2", "phone:3", "device:d"], ["device:d"]),
        (["user:a", "~user:b", "device:d"], ["device:d"]),
        ([], []),
    ],
)
def test_facts_hang_on(fragment: list[str], holding: list[str]) -> None:
    assert [one.identifier.text for one in holders(carried(*fragment), RULES)] == holding


def test_identifiers_judged_one_contradict_nothing() -> None:
    judged = carried("user:b", "user:a", groups={"user:a": 7, "user:b": 7})

    assert [one.identifier.text for one in holders(judged, RULES)] == ["user:a"]


@given(
    st.lists(st.sampled_from(["user:a", "user:b", "phone:1", "phone:2", "phone:3", "~device:d", "~phone:4", "x:1"]), unique=True).flatmap(
        lambda texts: st.tuples(st.just(texts), st.permutations(texts))
    )
)
def test_the_order_in_which_identifiers_were_sent_makes_no_difference(orders: tuple[list[str], list[str]]) -> None:
    one, other = ([held.identifier for held in holders(carried(*texts), RULES)] for texts in orders)

    assert one == other
