"""Peers, neighbourhoods and paths over ties, beside what networkx makes of the same interactions."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from itertools import pairwise
from typing import TypeVar

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.social.neighbourhood import Found, neighbourhood
from graph.social.paths import shortest_path
from graph.social.peers import Peer, peers
from graph.social.ties import Ask, Direction, Pair, Sum, Tie, Ties, contract, merge

R = TypeVar("R")


def interaction(origin: int, target: int, type: str = "like", weight: float = 1.0, at: int = 0, times: int = 1) -> Sum:
    return Sum(origin, target, type, times, weight, at, at)


def ties(*interactions: Sum | tuple[int, int] | tuple[int, int, float]) -> dict[Pair, Tie]:
    """Ties between people who are their own identifiers."""
    sums = [one if isinstance(one, Sum) else interaction(one[0], one[1], weight=one[2] if len(one) > 2 else 1.0) for one in interactions]
    people = {n: n for one in sums for n in (one.origin, one.target)}
    return contract(sums, people)


def run(search: Generator[Ask, Ties, R], whole: Mapping[Pair, Tie]) -> R:
    """Answer a search with just what it asks for."""
    try:
        ask = next(search)
        while True:
            ask = search.send(answer(ask, whole))
    except StopIteration as end:
        result: R = end.value
        return result


def answer(ask: Ask, whole: Mapping[Pair, Tie]) -> Ties:
    found = {}
    for (origin, target), tie in whole.items():
        out = ask.direction is not Direction.IN and origin in ask.people and (ask.among is None or target in ask.among)
        into = ask.direction is not Direction.OUT and target in ask.people and (ask.among is None or origin in ask.among)
        if out or into:
            found[origin, target] = tie
    return Ties(found, set())


def around(whole: Mapping[Pair, Tie], **limits: object) -> Found:
    return run(neighbourhood(0, **limits), whole)  # type: ignore[arg-type]  # told by name


def shown(found: Found) -> list[tuple[int, int, float]]:
    return [(node.n, node.depth, node.strength) for node in found.nodes]


# ---------------------------------------------------------------- ties and peers


def test_interactions_are_contracted_by_person_and_those_inside_one_vanish() -> None:
    sums = [interaction(1, 3, "like", 2, at=5), interaction(2, 3, "like", 1, at=9), interaction(2, 4, "share", 1, at=1), interaction(1, 2)]

    found = contract([*sums, interaction(1, 99)], {1: 10, 2: 10, 3: 30, 4: 30})

    assert found == {(10, 30): Tie(4.0, {"like": 2, "share": 1}, 1, 9)}


def test_peers_are_strongest_first_with_both_directions_together() -> None:
    whole = ties(
        interaction(0, 1, "like", 2, at=4),
        interaction(1, 0, "share", 3, at=2),
        (2, 0, 5),
        (0, 3, 5),
        (0, 4, 9),
        (1, 2, 99),
    )

    found = peers(0, whole)

    assert [(peer.n, peer.weight, peer.direction) for peer in found] == [
        (4, 9.0, Direction.OUT),
        (1, 5.0, Direction.BOTH),
        (2, 5.0, Direction.IN),
        (3, 5.0, Direction.OUT),
    ]
    assert found[1] == Peer(1, 5.0, (("like", 1), ("share", 1)), 2, 4, Direction.BOTH)


def test_of_two_sights_of_a_tie_the_fuller_one_stays() -> None:
    full, part = Tie(3.0, {"like": 2, "share": 1}, 1, 9), Tie(2.0, {"like": 2}, 1, 8)
    known = {(1, 2): part, (3, 4): full}

    merge(known, {(1, 2): full, (3, 4): part})

    assert known == {(1, 2): full, (3, 4): full}


# ---------------------------------------------------------------- neighbourhoods


def test_people_come_by_hop_then_by_the_ties_with_the_hop_before() -> None:
    whole = ties((0, 1, 5), (2, 0, 1), (0, 2, 1), (1, 3, 2), (2, 3, 1), (4, 2, 9), (3, 5, 1))

    found = around(whole, depth=2)

    assert shown(found) == [(0, 0, 0.0), (1, 1, 5.0), (2, 1, 2.0), (4, 2, 9.0), (3, 2, 3.0)]
    assert [pair for pair, _ in found.edges] == [(4, 2), (0, 1), (1, 3), (0, 2), (2, 0), (2, 3)]
    assert not found.truncated


@pytest.mark.parametrize(
    ("direction", "people"), [(Direction.OUT, [0, 1, 3]), (Direction.IN, [0, 2, 4]), (Direction.BOTH, [0, 1, 2, 3, 4, 5])]
)
def test_a_direction_leads_from_hop_to_hop(direction: Direction, people: list[int]) -> None:
    whole = ties((0, 1), (2, 0), (1, 3), (4, 2), (5, 1))

    assert sorted(node.n for node in around(whole, depth=2, direction=direction).nodes) == people


def test_ties_among_the_outermost_are_shown() -> None:
    whole = ties((0, 1), (0, 2), (1, 2), (2, 1))

    assert len(around(whole, depth=1).edges) == 4
    assert len(around(whole, depth=1, direction=Direction.OUT).edges) == 4


def test_light_ties_lead_nowhere() -> None:
    whole = ties((0, 1, 1), (1, 0, 1), (0, 2, 3), (2, 3, 2))

    found = around(whole, depth=3, min_weight=2)

    assert shown(found) == [(0, 0, 0.0), (2, 1, 3.0), (3, 2, 2.0)]
    assert len(found.edges) == 2


def test_where_there_is_no_room_the_strongest_stay_and_it_is_said() -> None:
    whole = ties((0, 1, 1), (0, 2, 3), (0, 3, 2), (3, 4, 9))

    found = around(whole, depth=2, max_nodes=3)

    assert shown(found) == [(0, 0, 0.0), (2, 1, 3.0), (3, 1, 2.0)]
    assert found.truncated
    assert not around(whole, depth=1, max_nodes=4).truncated
    assert around(whole, depth=2, max_nodes=4).truncated
    assert not around(whole, depth=2, max_nodes=5).truncated


def test_edges_are_bounded_too() -> None:
    whole = ties(*((a, b, a + b + 1.0) for a in range(30) for b in range(30) if a != b))

    found = around(whole, depth=1, max_nodes=25)

    assert (len(found.nodes), len(found.edges), found.truncated) == (25, 250, True)
    assert found.edges[0][1].weight == max(tie.weight for (a, b), tie in whole.items() if {a, b} <= {node.n for node in found.nodes})


def test_what_a_store_could_not_read_in_full_is_truncated() -> None:
    search = neighbourhood(0)
    next(search)
    search.send(Ties(ties((0, 1)), {0}))
    with pytest.raises(StopIteration) as end:
        search.send(Ties({}, set()))

    assert end.value.value.truncated


def test_somebody_without_ties_is_alone() -> None:
    assert shown(around({})) == [(0, 0, 0.0)]


_people = st.integers(0, 7)
_interactions = st.lists(
    st.builds(
        interaction,
        st.integers(0, 11),
        st.integers(0, 11),
        st.sampled_from(["like", "share"]),
        st.sampled_from([0.0, 1.0, 2.0, 3.0]),
        st.integers(0, 50),
    ),
    max_size=30,
)
_partitions = st.lists(_people, min_size=12, max_size=12).map(lambda people: dict(enumerate(people)))


def contracted(sums: Sequence[Sum], person_of: Mapping[int, int]) -> nx.DiGraph[int]:
    """The graph of interactions with every person's identifiers merged into one node, by networkx."""
    raw: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    raw.add_nodes_from(person_of)
    for one in sums:
        raw.add_edge(one.origin, one.target, weight=one.weight)
    blocks = [{id for id in person_of if person_of[id] == person} for person in sorted(set(person_of.values()))]
    quotient = nx.quotient_graph(raw, blocks, relabel=False, create_using=nx.MultiDiGraph)
    whole: nx.DiGraph[int] = nx.DiGraph()
    whole.add_nodes_from(set(person_of.values()))
    for a, b in {(a, b) for a, b in quotient.edges() if a != b}:
        weight = sum(one.weight for one in sums if one.origin in a and one.target in b)
        whole.add_edge(person_of[min(a)], person_of[min(b)], weight=weight)
    return whole


@given(_interactions, _partitions, st.integers(1, 3), st.sampled_from(list(Direction)))
def test_a_neighbourhood_is_what_networkx_finds_in_the_contracted_graph(
    sums: list[Sum], person_of: dict[int, int], depth: int, direction: Direction
) -> None:
    whole = contracted(sums, person_of)
    whole.add_node(0)
    seen = whole.to_undirected() if direction is Direction.BOTH else whole.reverse() if direction is Direction.IN else whole
    hops = nx.single_source_shortest_path_length(seen, 0, depth)

    found = around(contract(sums, person_of), depth=depth, direction=direction)

    assert {node.n: node.depth for node in found.nodes} == dict(hops)
    among = whole.subgraph(hops)
    assert {pair: tie.weight for pair, tie in found.edges} == {(a, b): data["weight"] for a, b, data in among.edges(data=True)}
    assert not found.truncated


@given(_interactions, _partitions, st.integers(1, 3), st.integers(1, 6), st.sampled_from([0.0, 1.0, 2.0]))
def test_a_bounded_neighbourhood_is_the_strongest_of_each_hop(
    sums: list[Sum], person_of: dict[int, int], depth: int, most: int, least: float
) -> None:
    whole = {pair: tie for pair, tie in contract(sums, person_of).items() if tie.weight >= least}
    kept, frontier, dropped = {0: (0, 0.0)}, {0}, False
    for hop in range(1, depth + 1):
        strengths: dict[int, float] = {}
        for (a, b), tie in whole.items():
            for here, there in ((a, b), (b, a)):
                if here in frontier and there not in kept:
                    strengths[there] = strengths.get(there, 0.0) + tie.weight
        best = sorted(strengths, key=lambda n: (-strengths[n], n))
        dropped |= len(best) > most - len(kept)
        frontier = set(best[: most - len(kept)])
        kept |= {n: (hop, strengths[n]) for n in best if n in frontier}

    found = around(contract(sums, person_of), depth=depth, max_nodes=most, min_weight=least)

    assert {node.n: (node.depth, node.strength) for node in found.nodes} == kept
    assert found.truncated == dropped


# ---------------------------------------------------------------- paths


def way(whole: Mapping[Pair, Tie], origin: int, target: int, hops: int = 4) -> list[int] | None:
    found = run(shortest_path(origin, target, hops), whole)
    return None if found is None else [node.n for node in found.nodes]


def test_a_path_has_the_fewest_hops_then_the_heaviest_steps() -> None:
    whole = ties((0, 1, 1), (1, 9, 1), (2, 0, 2), (9, 2, 2), (0, 3, 9), (3, 4, 9), (4, 9, 9))

    found = run(shortest_path(0, 9, 4), whole)

    assert found is not None
    assert shown(found) == [(0, 0, 0.0), (2, 1, 2.0), (9, 2, 2.0)]
    assert [pair for pair, _ in found.edges] == [(2, 0), (9, 2)]


def test_a_step_shows_both_directions() -> None:
    found = run(shortest_path(0, 1, 1), ties((0, 1, 1), (1, 0, 4)))

    assert found is not None
    assert shown(found)[1] == (1, 1, 5.0)
    assert [pair for pair, _ in found.edges] == [(1, 0), (0, 1)]


def test_there_is_no_path_beyond_the_hops_allowed_or_to_strangers() -> None:
    chain = ties((0, 1), (1, 2), (2, 3))

    assert way(chain, 0, 3, 3) == [0, 1, 2, 3]
    assert way(chain, 3, 0, 3) == [3, 2, 1, 0]
    assert way(chain, 0, 3, 2) is None
    assert way(chain, 0, 8) is None
    assert way(chain, 2, 2, 0) == [2]


def test_a_search_that_meets_too_many_people_gives_up() -> None:
    crowd = {(0, n): Tie(1.0, {"like": 1}) for n in range(2, 20_010)} | {(1, n): Tie(1.0, {"like": 1}) for n in range(30_000, 50_010)}

    assert way(crowd | {(20_009, 30_000): Tie(1.0, {"like": 1})}, 0, 1) is None


@given(_interactions, _partitions, _people, _people, st.integers(0, 5))
def test_a_path_is_the_heaviest_of_the_shortest_that_networkx_finds(
    sums: list[Sum], person_of: dict[int, int], origin: int, target: int, hops: int
) -> None:
    directed = contracted(sums, person_of)
    directed.add_nodes_from([origin, target])
    whole = nx.Graph()
    whole.add_nodes_from(directed)
    for a, b, weight in directed.edges(data="weight"):
        whole.add_edge(a, b, weight=whole.get_edge_data(a, b, {"weight": 0.0})["weight"] + weight)
    paths = list(nx.all_shortest_paths(whole, origin, target)) if nx.has_path(whole, origin, target) else []
    paths = [path for path in paths if len(path) - 1 <= hops]

    found = run(shortest_path(origin, target, hops), contract(sums, person_of))

    assert (found is None) == (not paths)
    if found is not None:
        assert [node.n for node in found.nodes] in paths
        weights = [sum(whole[a][b]["weight"] for a, b in pairwise(path)) for path in paths]
        assert sum(node.strength for node in found.nodes) == max(weights)
