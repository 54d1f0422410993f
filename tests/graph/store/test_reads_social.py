"""The social graph as the store reads it: peers, neighbourhoods and paths of people, whatever profiles their identifiers are in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.store.reading import ties as reading
from graph.store.sqlite import reads
from graph.views import ByNumber, NeighbourhoodView, PeerView, TieCount, Want
from tests.build import minute
from tests.graph.store.tables import Tables


@pytest.fixture
def tables() -> Iterator[Tables]:
    tables = Tables()
    yield tables
    tables.conn.close()


def want(field: str, *inner: Want, **args: Any) -> Want:
    return Want(field, tuple(sorted(args.items())), inner)


def part(tables: Tables, n: int, one: Want) -> Any:
    [view] = reads.profiles_by(tables.conn, tables.rules, [ByNumber(n)], [one])
    assert view is not None
    return view.parts[one.key]


def peers(tables: Tables, n: int, **args: Any) -> list[PeerView]:
    return [edge.node for edge in part(tables, n, want("related", **args)).edges]


def around(tables: Tables, n: int, **args: Any) -> NeighbourhoodView:
    found = part(tables, n, want("neighbourhood", **args))
    assert isinstance(found, NeighbourhoodView)
    return found


def path(tables: Tables, a: int, b: int, hops: int = 4, *wants: Want) -> NeighbourhoodView | None:
    return reads.path(tables.conn, tables.rules, ByNumber(a), ByNumber(b), hops, wants)


def people(found: NeighbourhoodView | None) -> list[int]:
    return [] if found is None else [node.profile.n for node in found.nodes]


# ---------------------------------------------------------------- peers


@pytest.fixture
def friends(tables: Tables) -> Tables:
    """Ada (1) with two identifiers, Bob (2) with two, Eve (3), a shared device (4)."""
    tables.person("user_id:ada", "phone:+1")
    tables.person("user_id:bob", "phone:+2")
    tables.person("user_id:eve")
    tables.person("device:d", kind="shared")
    tables.interact("user_id:ada", "user_id:bob", "like", at=1, weight=2)
    tables.interact("phone:+2", "phone:+1", "share", at=5)
    tables.interact("user_id:ada", "phone:+1", "like", at=6, weight=50)  # with herself
    tables.interact("user_id:eve", "phone:+1", "like", at=3, weight=4)
    tables.interact("user_id:ada", "device:d", "like", at=7)
    return tables


def test_peers_are_people_strongest_first(friends: Tables) -> None:
    eve, bob, device = peers(friends, 1)

    assert (eve.profile.n, eve.weight, eve.direction) == (3, 4.0, "in")
    assert (bob.profile.n, bob.weight, bob.direction) == (2, 3.0, "both")
    assert (bob.counts, bob.first_at, bob.last_at) == ((TieCount("like", 1), TieCount("share", 1)), minute(1), minute(5))
    assert (device.profile.n, device.direction) == (4, "out")
    assert [peer.profile.n for peer in peers(friends, 4)] == [1]


def test_peers_of_some_types_only(friends: Tables) -> None:
    [bob] = peers(friends, 1, types=("share", "follow"))

    assert (bob.profile.n, bob.weight, bob.direction) == (2, 1.0, "in")


def test_peers_are_paged_by_strength_and_counted(friends: Tables) -> None:
    found: list[int] = []
    after = None
    more = True
    while more:
        page = part(friends, 1, want("related", want("total_count"), want("profile", want("identifiers")), first=1, after=after))
        assert page.total_count == 3
        found += [edge.node.profile.n for edge in page.edges]
        assert all(("identifiers", ()) in edge.node.profile.parts for edge in page.edges)
        after, more = page.end, page.has_next

    assert found == [3, 2, 4]


def test_merging_two_people_makes_their_ties_one_and_those_between_them_none(friends: Tables) -> None:
    friends.move("user_id:eve", 2)

    assert [(peer.profile.n, peer.weight) for peer in peers(friends, 1)] == [(2, 7.0), (4, 1.0)]
    friends.move("user_id:bob", 1)
    friends.move("phone:+2", 1)
    assert [(peer.profile.n, peer.weight) for peer in peers(friends, 1)] == [(2, 4.0), (4, 1.0)]


def test_of_somebody_with_too_many_ties_the_strongest_count(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ALL_TIES", 4)
    monkeypatch.setattr("graph.store.reading.social.MOST_TIES", 3)
    star = tables.person("user_id:star")
    fans = [tables.person(f"user_id:{number}") for number in range(5)]
    for number in range(5):
        tables.interact(f"user_id:{number}", "user_id:star", weight=number + 1)
    total = want("related", want("total_count"))

    assert [peer.profile.n for peer in peers(tables, star)] == [fans[4], fans[3], fans[2]]
    assert part(tables, star, total).total_count is None
    assert part(tables, fans[0], total).total_count == 1


# ---------------------------------------------------------------- neighbourhoods and paths


def test_interactions_since_an_instant_are_counted_one_by_one(friends: Tables) -> None:
    found = around(friends, 1, since=minute(4))

    assert people(found) == [1, 2, 4]
    assert [(edge.origin, edge.target, edge.weight, edge.last_at) for edge in found.edges] == [
        (1, 4, 1.0, minute(7)),
        (2, 1, 1.0, minute(5)),
    ]
    assert people(around(friends, 1, since=minute(4), types=("share",))) == [1, 2]
    assert people(around(friends, 1, since=minute(8))) == [1]


def test_a_withdrawn_interaction_does_not_count_since_any_instant(friends: Tables) -> None:
    friends.conn.execute("UPDATE interaction SET state = 2 WHERE at = ?", (minute(7),))

    assert people(around(friends, 1, since=minute(4))) == [1, 2]


def test_nodes_come_with_the_parts_wanted(friends: Tables) -> None:
    shown = want("profile", want("identifiers"))

    neighbourhood = part(friends, 3, want("neighbourhood", shown))
    found = path(friends, 3, 2, 4, shown)

    assert found is not None
    assert all(("identifiers", ()) in node.profile.parts for node in [*neighbourhood.nodes, *found.nodes])


def test_a_hop_that_could_not_be_read_in_full_is_truncated(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ALL_TIES", 4)
    monkeypatch.setattr(reading, "LEAST_TIES", 1)
    monkeypatch.setattr(reading, "MOST_TIES", 3)
    star = tables.person("user_id:star", "phone:+1")
    for number in range(4):
        tables.person(f"user_id:{number}")
        tables.interact(f"user_id:{number}", "user_id:star", weight=4 - number)
    tables.interact("user_id:star", "phone:+1", weight=9)

    found = around(tables, star)

    assert (people(found), found.truncated) == ([star, 2, 3, 4], True)
    assert around(tables, star, since=0).truncated
    assert not around(tables, star, direction="out").truncated
    assert not around(tables, 2).truncated


def test_a_path_is_found_over_people_in_either_direction(friends: Tables) -> None:
    found = path(friends, 3, 4)

    assert people(found) == [3, 1, 4]
    assert found is not None
    assert [(node.depth, node.strength) for node in found.nodes] == [(0, 0.0), (1, 4.0), (2, 1.0)]
    assert [(edge.origin, edge.target) for edge in found.edges] == [(3, 1), (1, 4)]
    assert path(friends, 3, 4, 1) is None
    assert people(path(friends, 2, 2, 0)) == [2]
    assert path(friends, 3, 99) is None


def test_statements_grow_with_hops_and_not_with_people(tables: Tables) -> None:
    for number in range(400):
        tables.person(f"user_id:{number}", f"phone:+{number}")
    for number in range(399):
        tables.interact(f"user_id:{number // 8}", f"phone:+{number + 1}")

    with tables.statements() as shallow:
        around(tables, 1, depth=1, max_nodes=1000)
    with tables.statements() as deep:
        around(tables, 1, depth=3, max_nodes=1000)
    with tables.statements() as many:
        reads.profiles_by(tables.conn, tables.rules, [ByNumber(n) for n in range(1, 101)], [want("neighbourhood", depth=3, max_nodes=1000)])

    assert len(shallow) < len(deep) <= 2 * 3 + 4
    assert len(many) <= 2 * len(deep)


# ---------------------------------------------------------------- beside networkx

IDENTIFIERS = [f"{namespace}:{number}" for namespace in ("user_id", "device") for number in range(5)]
_interactions = st.lists(
    st.tuples(
        st.sampled_from(IDENTIFIERS),
        st.sampled_from(IDENTIFIERS),
        st.sampled_from(["like", "share"]),
        st.integers(0, 3),
        st.integers(0, 9),
    ),
    max_size=25,
)
_partition = st.lists(st.integers(1, 6), min_size=len(IDENTIFIERS), max_size=len(IDENTIFIERS))


def settle(tables: Tables, partition: list[int]) -> None:
    """Put each identifier into its profile; profiles left without any are retired."""
    for text, n in zip(IDENTIFIERS, partition, strict=True):
        tables.move(text, n)
    tables.conn.execute("UPDATE one_id SET size = (SELECT count(*) FROM identifier WHERE profile = n)")


def contracted(interactions: list[Any], partition: list[int], types: tuple[str, ...] | None, since: int) -> nx.DiGraph[int]:
    """The people's graph: the graph of interactions between identifiers, contracted by networkx person by person."""
    raw: nx.DiGraph[str] = nx.DiGraph()
    raw.add_nodes_from(IDENTIFIERS)
    for origin, target, type, weight, at in interactions:
        if at >= since and (types is None or type in types):
            before = raw.get_edge_data(origin, target, {"weight": 0})["weight"]
            raw.add_edge(origin, target, weight=before + weight)
    blocks = [{text for text, n in zip(IDENTIFIERS, partition, strict=True) if n == person} for person in sorted(set(partition))]
    whole = nx.quotient_graph(
        raw, blocks, edge_data=lambda a, b: {"weight": sum(raw[x][y]["weight"] for x in a for y in b if raw.has_edge(x, y))}
    )
    names = {block: partition[IDENTIFIERS.index(next(iter(block)))] for block in whole}
    named: nx.DiGraph[int] = nx.relabel_nodes(nx.DiGraph(whole), names)
    return named


@settings(max_examples=settings.default.max_examples // 2 if settings.default else 100)
@given(
    _interactions,
    st.lists(_partition, min_size=2, max_size=3),
    st.integers(1, 3),
    st.sampled_from(["in", "out", "both"]),
    st.sampled_from([None, ("like",)]),
    st.sampled_from([None, 0, 5]),
)
def test_after_any_merge_or_split_the_social_graph_is_what_networkx_contracts(
    interactions: list[Any], partitions: list[list[int]], depth: int, direction: str, types: tuple[str, ...] | None, since: int | None
) -> None:
    tables = Tables()
    for _ in range(6):
        tables.person()
    for text in IDENTIFIERS:
        tables.id(text)
    for origin, target, type, weight, at in interactions:
        tables.interact(origin, target, type, at=at, weight=weight)
    for partition in partitions:
        settle(tables, partition)
        whole = contracted(interactions, partition, types, since or 0)
        seen = whole.to_undirected() if direction == "both" else whole.reverse() if direction == "in" else whole
        person = partition[0]

        instant = None if since is None else minute(since)
        found = around(tables, person, depth=depth, direction=direction, types=types, since=instant, max_nodes=1000)

        hops = nx.single_source_shortest_path_length(seen, person, depth)
        assert {node.profile.n: node.depth for node in found.nodes} == dict(hops)
        edges = whole.subgraph(hops).edges(data="weight")
        assert {(edge.origin, edge.target): edge.weight for edge in found.edges} == {(a, b): weight for a, b, weight in edges}
        assert not found.truncated
        if since is None:
            weights = {n: sum(whole.get_edge_data(*pair, {"weight": 0})["weight"] for pair in ((person, n), (n, person))) for n in whole}
            direct = {n: weights[n] for n in {*whole.predecessors(person), *whole.successors(person)}}
            order = sorted(direct, key=lambda n: (-direct[n], n))
            assert [(peer.profile.n, peer.weight) for peer in peers(tables, person, types=types)] == [(n, direct[n]) for n in order]
        if since is None and types is None:
            both, other = whole.to_undirected(), partition[-1]
            length = nx.shortest_path_length(both, person, other) if nx.has_path(both, person, other) else 99
            assert len(people(path(tables, person, other, 3))) == (length + 1 if length <= 3 else 0)
    tables.conn.close()
