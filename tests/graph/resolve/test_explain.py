"""Chains, bridges and searches against slow searches of the same graphs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from random import Random

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import BadRules
from graph.model import Identifier, JudgementKind, Rule
from graph.resolve.explain import Pair, RefusedLink, RefusedSearch, bridges, parting, substitutes, ways
from graph.resolve.rules import Conflict, Rules
from graph.resolve.whole import Refused, Resolution, resolve
from tests.build import fragment, ids
from tests.histories import Add, Case, Judge, cases, over

SEEDS = st.integers(0, 2**64 - 1).map(Random)


def drawn(random: Random) -> list[Pair]:
    """A small multigraph in one piece, ends of a pair in order."""
    size = random.randint(2, 9)
    tree = [tuple(sorted((n, random.randrange(n)))) for n in range(1, size)]
    more = [tuple(sorted(random.sample(range(size), 2))) for _ in range(random.choice([0, 0, 1, 2, 4, 8]))]
    return [(a, b) for a, b in [*tree, *more]]


def places(random: Random, pairs: Iterable[Pair]) -> dict[int, int]:
    return {one: random.randrange(3) for pair in pairs for one in pair}


def joined(pairs: Iterable[Pair], a: int, b: int) -> bool:
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from([a, b])
    graph.add_edges_from(pairs)
    return nx.has_path(graph, a, b)


def without(pairs: Sequence[Pair], gone: Pair) -> list[Pair]:
    """One of what joins a pair is lost."""
    left = list(pairs)
    left.remove(gone)
    return left


@given(SEEDS)
def test_the_chain_is_the_widest_then_the_shortest_then_the_first_by_text(random: Random) -> None:
    pairs = drawn(random)
    place = places(random, pairs)
    text = {one: random.choice("ab") + str(one) for one in place}
    a, b = random.sample(sorted(place), 2)

    def layer(pair: Pair) -> int:
        return max(place[pair[0]], place[pair[1]])

    found = ways(a, b, set(pairs), place)
    whole: nx.Graph[int] = nx.Graph(pairs)
    chains = list(nx.all_simple_paths(whole, a, b))
    ranked = [(max(layer((x, y)) for x, y in pairwise(chain)), len(chain), [text[one] for one in chain]) for chain in chains]

    assert found is not None
    assert [text[one] for one in found.first(text)] == min(ranked)[2]
    assert found.ends == {one for chain, rank in zip(chains, ranked, strict=True) if rank[:2] == min(ranked)[:2] for one in chain}


def test_what_no_link_joins_has_no_chain() -> None:
    assert ways(1, 3, [(1, 2), (3, 4)], [0] * 5) is None


@given(SEEDS)
def test_a_pair_is_a_bridge_where_its_loss_parts_what_it_joins(random: Random) -> None:
    pairs = drawn(random)

    assert bridges(pairs) == {pair for pair in pairs if not joined(without(pairs, pair), *pair)}


@given(SEEDS)
def test_the_bridges_between_two_are_those_whose_loss_parts_them_in_their_order(random: Random) -> None:
    pairs = drawn(random)
    known = sorted({one for pair in pairs for one in pair})
    a, b = random.sample(known, 2)

    found = parting(a, b, pairs)

    assert set(found.bridges) == {pair for pair in pairs if not joined(without(pairs, pair), a, b)}
    assert found.all == bridges(pairs)
    for one in known:
        assert found.side[one] == sum(not joined(without(pairs, pair), a, one) for pair in found.bridges)
    order = [min(found.side[x], found.side[y]) for x, y in found.bridges]
    assert order == list(range(len(found.bridges)))


def test_a_chain_of_a_hundred_thousand_needs_no_stack() -> None:
    pairs = [(n, n + 1) for n in range(100_000)]

    assert len(parting(0, 100_000, pairs).bridges) == len(bridges(pairs)) == 100_000


@given(SEEDS)
def test_whatever_joins_the_sides_of_a_lost_bridge_again_uses_a_link_named_for_it(random: Random) -> None:
    """Profile 0 holds the pairs, 1 to 3 are others; refused links of all of these may come to hold."""
    pairs = drawn(random)
    known = sorted({one for pair in pairs for one in pair})
    a, b = random.sample(known, 2)
    outside = {100 + n: 1 + n % 3 for n in range(6)}
    inner = [(a, b) for a, b in combinations([*outside], 2) if outside[a] == outside[b]]
    possible = [pair for pair in combinations([*known, *outside], 2) if pair not in pairs and pair not in inner]
    refused = random.sample(possible, min(len(possible), random.choice([0, 1, 2, 3, 6])))
    of_it = [
        RefusedLink(0, far, pair)
        for pair in refused
        for near, far in ((outside.get(pair[0], 0), outside.get(pair[1], 0)), (outside.get(pair[1], 0), outside.get(pair[0], 0)))
        if near == 0
    ]
    parted = parting(a, b, pairs)

    near = substitutes(0, of_it, parted.side)

    for bridge in parted.bridges:
        left = [*without(pairs, bridge), *inner]
        assert not joined([*left, *(pair for pair in refused if pair not in near)], a, b)
        for pair, how_near in near.items():
            if how_near == 0 and len(parted.bridges) == 1:
                assert joined([*left, pair], a, b)


@given(SEEDS)
def test_the_search_finds_a_shortest_chain_over_profiles_or_knows_that_there_is_none(random: Random) -> None:
    profiles = random.randint(2, 9)
    members = {one: random.randrange(profiles) for one in range(3 * profiles)}
    pairs = [pair for pair in combinations(members, 2) if random.random() < random.choice([0.02, 0.05, 0.1])]
    of: dict[int, list[RefusedLink]] = {n: [] for n in range(profiles)}
    for x, y in pairs:
        of[members[x]].append(RefusedLink(members[x], members[y], (x, y)))
        of[members[y]].append(RefusedLink(members[y], members[x], (x, y)))
    whole: nx.Graph[int] = nx.Graph()
    whole.add_nodes_from(of)
    whole.add_edges_from((members[x], members[y]) for x, y in pairs)
    most = random.choice([2, 3, 6])

    search = RefusedSearch(0, 1, most)
    while wanted := search.wanted:
        assert len(set(wanted)) == len(wanted)
        search.learn(link for n in wanted for link in of[n])

    length = nx.shortest_path_length(whole, 0, 1) if nx.has_path(whole, 0, 1) else None
    if length is None or length > most:
        assert not search.found
        assert length is None or search.cut
        return
    chain = search.chain(lambda pair: (pair,))
    chains = [*nx.all_shortest_paths(whole, 0, 1)]
    steps = [{(n, far) for n, far in pairwise(one)} for one in chains]
    on_chains = {end for one in steps for n, far in one for link in of[n] if link.far == far for end in link.pair}
    assert len(chain) == length
    assert [chain[0].near, *(link.far for link in chain)] in chains
    assert all(link in of[link.near] for link in chain)
    assert search.ends() == on_chains
    assert not search.cut


def test_a_search_that_ran_dry_is_not_cut() -> None:
    search = RefusedSearch(1, 2, 6)
    search.learn([])

    assert (search.wanted, search.found, search.cut, search.looked_at) == ([], False, False, 2)


def test_a_search_told_of_some_links_only_is_cut() -> None:
    search = RefusedSearch(1, 2, 6)
    search.learn([], cut=True)

    assert (search.found, search.cut) == (False, True)


# ---------------------------------------------------------------- refusals


def lifted(rules: Rules, one: Refused) -> Rules:
    """The rules without the one that a refusal names, for the identifiers of this link."""
    ends = (one.a.namespace, one.b.namespace)
    changes: dict[Rule, tuple[dict[str, object], Sequence[str]]] = {
        Rule.CONTRADICTION: ({"limit": None}, ends),
        Rule.SCORE: ({"min_score": None}, ends),
        Rule.SHARED: ({"shared_above": None}, ends),
        Rule.PARK: ({"conflict": Conflict.NEWEST}, [space.name for space in rules.namespaces]),
        Rule.LIMIT: ({"limit": None}, [one.namespace or ""]),
    }
    change, names = changes.get(one.rule, ({}, ()))
    spaces = tuple(replace(space, **change) if space.name in names else space for space in rules.namespaces)  # type: ignore[arg-type]
    unbound = one.rule in (Rule.MAX_IDENTIFIERS, Rule.SHARED)
    return Rules(
        rules.toml,
        declared_only=rules.declared_only,
        max_identifiers=None if unbound else rules.max_identifiers,
        traits=rules.traits,
        namespaces=spaces,
    )


def together(made: Resolution, a: Identifier, b: Identifier) -> bool:
    return any(a in profile and b in profile for profile in made.profiles)


@over(cases(8))
def test_without_the_rule_that_a_refusal_names_the_link_joins_other_rules_aside(case: Case) -> None:
    """Each link is followed until it joins: the rule that is named goes, and is not named again."""
    try:
        rules = Rules.parse(case.rules)
    except BadRules:
        return
    fragments = [one for step in case.steps if isinstance(step, Add) for one in step.fragments]
    judgements = [one for step in case.steps if isinstance(step, Judge) for one in step.judgements]
    made = resolve(fragments, judgements, rules)
    for refused in [one for one in made.refused if one.kind == "link"][:6]:
        one, under, said, now = refused, rules, judgements, made
        named: list[tuple[Rule, str | None]] = []
        while True:
            assert (one.rule, one.namespace) not in named
            named.append((one.rule, one.namespace))
            if one.rule is Rule.DISTINCT:
                said = [each for each in said if each.kind is not JudgementKind.DISTINCT]
            under = lifted(under, one)
            now = resolve(fragments, said, under)
            left = [each for each in now.refused if each.kind == "link" and (each.a, each.b) == (refused.a, refused.b)]
            if not left:
                break
            one = left[0]
        assert together(now, refused.a, refused.b)


@pytest.mark.parametrize("limit", [1, None])
def test_a_link_refused_by_a_limit_joins_without_it(limit: int | None) -> None:
    toml = '[[namespace]]\nname = "user"\n' + ("" if limit is None else f"limit = {limit}\n")
    made = resolve([fragment("user:1", "d:1", at=1), fragment("user:2", "d:1", at=2)], [], Rules.parse(toml))

    assert together(made, *ids("user:1", "user:2")) == (limit is None)
