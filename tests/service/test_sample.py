"""The bundled sample: unchanged files, read whole by the mapping, with the numbers that are known of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest

from graph.model import Fragment, Identifier, Interaction
from graph.resolve.rules import Rules
from graph.resolve.whole import Resolution, resolve
from service.files.parts import parts_of
from service.files.row import Row
from service.sample import FOLDER, mapping

FIVE = {"crm": 1839, "billing": 1200, "support": 1400, "app": 1300, "partner": 800}


def rows() -> Iterator[Row]:
    plan = mapping()
    for part in parts_of([str(path) for path in plan.paths(FOLDER)], plan):
        reading = part.open()
        yield from reading.after(0)
        reading.close()


@pytest.fixture(scope="module")
def values() -> list[Fragment | Interaction]:
    return [row.value for row in rows() if isinstance(row.value, Fragment | Interaction)]


@pytest.fixture(scope="module")
def customers(values: list[Fragment | Interaction]) -> list[Fragment]:
    return [value for value in values if isinstance(value, Fragment) and value.source in FIVE]


@pytest.fixture(scope="module")
def interactions(values: list[Fragment | Interaction]) -> list[Interaction]:
    return [value for value in values if isinstance(value, Interaction)]


def records_of_largest(resolution: Resolution) -> int:
    """Records of the person with most of them; the record's own id is one of its identifiers."""
    return max(sum(identifier.namespace not in ("email", "phone") for identifier in profile) for profile in resolution.profiles)


def test_every_row_is_read() -> None:
    assert [row for row in rows() if row.trouble is not None] == []


def test_the_five_systems_have_their_records(customers: list[Fragment]) -> None:
    assert Counter(fragment.source for fragment in customers) == FIVE
    assert len({fragment.key for fragment in customers}) == 6_539


def test_every_phone_is_written_internationally(customers: list[Fragment]) -> None:
    phones = {one.value for fragment in customers for one in fragment.identifiers if one.namespace == "phone"}

    assert len(phones) == 1_682
    assert all(phone.startswith("+1") and len(phone) == 12 for phone in phones)


def test_without_rules_the_five_systems_are_2550_people(customers: list[Fragment]) -> None:
    resolution = resolve(customers, [], Rules.parse(""))

    assert len(resolution.profiles) == 2_550
    assert records_of_largest(resolution) == 6
    assert resolution.refused == ()


def test_networkx_finds_the_same_people(customers: list[Fragment]) -> None:
    graph: nx.Graph[Identifier] = nx.Graph()
    for fragment in customers:
        identifiers = [Identifier(one.namespace, one.value.lower()) for one in fragment.identifiers]
        nx.add_star(graph, identifiers)

    assert nx.number_connected_components(graph) == 2_550


def test_the_built_in_rules_hold_one_pair_of_app_accounts_apart(customers: list[Fragment]) -> None:
    resolution = resolve(customers, [], Rules.builtin())

    assert len(resolution.profiles) == 2_551
    assert [(one.a.text, one.b.text, one.rule, one.namespace) for one in resolution.refused] == [
        ("email:carol.morris@vertex.co", "user_id:APP_001008", "limit", "user_id")
    ]
    assert resolution.blocked == frozenset()


def test_the_social_network_has_its_interactions(interactions: list[Interaction]) -> None:
    assert Counter(one.type for one in interactions) == {"reply": 2_218, "like": 1_383, "knows": 825}
    assert len({one.key for one in interactions}) == len(interactions)


def test_likes_and_replies_run_between_the_known_pairs(interactions: list[Interaction]) -> None:
    pairs = {kind: {(one.origin, one.target) for one in interactions if one.type == kind} for kind in ("like", "reply")}
    graph: nx.Graph[Identifier] = nx.Graph(list(pairs["like"] | pairs["reply"]))

    assert (len(pairs["like"]), len(pairs["reply"])) == (1_031, 1_388)
    assert max(map(len, nx.connected_components(graph))) == 204


def test_every_end_of_an_interaction_is_a_person_of_the_network(values: list[Fragment | Interaction]) -> None:
    members = {value.identifiers[0] for value in values if isinstance(value, Fragment) and value.source == "social"}
    ends = {end for value in values if isinstance(value, Interaction) for end in (value.origin, value.target)}

    assert len(members) == 222
    assert ends <= members


@pytest.mark.parametrize("folder", ["customers", "social"])
def test_each_part_comes_with_its_licence_and_origin(folder: str) -> None:
    assert "Apache License" in Path(FOLDER / folder / "LICENSE").read_text()
    assert "Apache-2.0" in Path(FOLDER / folder / "SOURCE.md").read_text()
