"""Properties of the whole resolution, over random rules and random evidence."""

from __future__ import annotations

from random import Random

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from graph.model import Fragment, Identifier, Judgement, JudgementKind
from graph.resolve.rules import Rules
from graph.resolve.whole import resolve
from tests.build import minute
from tests.reference import Reference, as_reference, reference_resolve
from tests.strategies import BIG, DISPUTED, NAMESPACES, STARS, Evidence, Size, evidence, fragments, judgements, rules_documents

NO_RULES = Rules.parse("")
LATER = minute(10_000)


def resolved(seen: Evidence, rules: Rules) -> Reference:
    return as_reference(resolve(seen.fragments, seen.judgements, rules))


def shuffled(seen: Evidence, seed: int) -> Evidence:
    random = Random(seed)
    return Evidence(
        tuple(random.sample(seen.fragments, len(seen.fragments))),
        tuple(random.sample(seen.judgements, len(seen.judgements))),
    )


@given(rules_documents(), evidence())
def test_the_fast_resolver_equals_the_reference(document: str, seen: Evidence) -> None:
    rules = Rules.parse(document)

    assert resolved(seen, rules) == reference_resolve(seen.fragments, seen.judgements, rules)


@given(rules_documents(), evidence(BIG))
def test_the_fast_resolver_equals_the_reference_in_a_crowd(document: str, seen: Evidence) -> None:
    rules = Rules.parse(document)

    assert resolved(seen, rules) == reference_resolve(seen.fragments, seen.judgements, rules)


@given(rules_documents(), evidence(DISPUTED))
def test_the_fast_resolver_equals_the_reference_where_operators_disagree(document: str, seen: Evidence) -> None:
    rules = Rules.parse(document)

    assert resolved(seen, rules) == reference_resolve(seen.fragments, seen.judgements, rules)


@given(rules_documents(bounds=[1, 2, 3]), evidence(STARS))
def test_the_fast_resolver_equals_the_reference_where_stars_are_cut(document: str, seen: Evidence) -> None:
    rules = Rules.parse(document)

    assert resolved(seen, rules) == reference_resolve(seen.fragments, seen.judgements, rules)


@given(rules_documents(), fragments(Size(records=3, instants=2), ties=True))
def test_the_fast_resolver_equals_the_reference_where_versions_tie(document: str, seen: tuple[Fragment, ...]) -> None:
    rules = Rules.parse(document)

    assert resolved(Evidence(seen, ()), rules) == reference_resolve(seen, (), rules)


@given(rules_documents(), evidence(), st.integers(0, 2**32))
def test_any_order_gives_the_same(document: str, seen: Evidence, seed: int) -> None:
    rules = Rules.parse(document)

    assert resolved(shuffled(seen, seed), rules) == resolved(seen, rules)


@given(rules_documents(), evidence(BIG), st.integers(0, 2**32))
def test_any_order_gives_the_same_in_a_crowd(document: str, seen: Evidence, seed: int) -> None:
    rules = Rules.parse(document)

    assert resolved(shuffled(seen, seed), rules) == resolved(seen, rules)


@given(fragments(BIG))
def test_without_rules_profiles_are_connected_components(seen: tuple[Fragment, ...]) -> None:
    found = resolve(seen, (), NO_RULES)

    graph: nx.Graph[Identifier] = nx.Graph()
    latest = {fragment.key: fragment for fragment in sorted(seen, key=lambda fragment: fragment.observed_at or 0)}
    for fragment in latest.values():
        kept = [value for value in map(NO_RULES.normalise, fragment.identifiers) if isinstance(value, Identifier)]
        graph.add_nodes_from(kept)
        graph.add_edges_from((kept[0], other) for other in kept[1:] if other != kept[0])
    assert {frozenset(profile) for profile in found.profiles} == set(map(frozenset, nx.connected_components(graph)))
    assert (found.refused, found.shared, found.parked) == ((), frozenset(), frozenset())


@given(rules_documents(), evidence(), evidence())
def test_evidence_withdrawn_is_as_if_it_had_never_come(document: str, seen: Evidence, withdrawn: Evidence) -> None:
    rules = Rules.parse(document)
    before = resolved(seen, rules)
    resolved(Evidence(seen.fragments + withdrawn.fragments, seen.judgements + withdrawn.judgements), rules)

    assert resolved(seen, rules) == before
    assert resolved(seen, Rules.parse(document)) == before


@given(rules_documents(), evidence(), st.data())
def test_a_record_whose_newest_version_names_nobody_is_as_if_it_had_never_come(document: str, seen: Evidence, data: st.DataObject) -> None:
    rules = Rules.parse(document)
    keys = sorted({fragment.key for fragment in seen.fragments})
    emptied = data.draw(st.sets(st.sampled_from(keys))) if keys else set()
    nobody = tuple(Fragment(*key, (Identifier("user", "null"),), observed_at=LATER) for key in sorted(emptied))
    others = tuple(fragment for fragment in seen.fragments if fragment.key not in emptied)

    found = resolve(seen.fragments + nobody, seen.judgements, rules)

    expected = resolve(others, seen.judgements, rules)
    assert (found.profiles, set(found.refused), found.shared) == (
        expected.profiles,
        set(expected.refused),
        expected.shared,
    )


@given(rules_documents(), evidence())
def test_every_identifier_is_in_one_profile_and_no_profile_breaks_a_rule(document: str, seen: Evidence) -> None:
    """Bounds hold where nothing is judged `same`; groups count as one, which the reference covers."""
    rules = Rules.parse(document)
    apart = tuple(each for each in seen.judgements if each.kind is JudgementKind.DISTINCT)
    found = resolve(seen.fragments, apart, rules)

    members = [identifier for profile in found.profiles for identifier in profile]
    assert len(members) == len(set(members))
    assert all(profile == tuple(sorted(profile)) for profile in found.profiles)
    assert found.profiles == tuple(sorted(found.profiles))
    for profile in found.profiles:
        assert rules.max_identifiers is None or len(profile) <= rules.max_identifiers
        assert len(profile) == 1 or not found.shared & set(profile)
        for name in NAMESPACES:
            limit = rules.namespace(name).limit
            assert limit is None or sum(member.namespace == name for member in profile) <= limit
        for judgement in apart:
            ends = {rules.normalise(judgement.a), rules.normalise(judgement.b)}
            assert len(ends) == 1 or not ends <= set(profile)


@given(rules_documents(), fragments(), judgements())
def test_repeating_evidence_changes_nothing(document: str, seen: tuple[Fragment, ...], judged: tuple[Judgement, ...]) -> None:
    rules = Rules.parse(document)
    again = tuple(Fragment(f.source, f"{f.id}-again", f.identifiers, f.observed_at, f.traits, f.score) for f in seen)

    assert resolved(Evidence(seen + again, judged + judged), rules) == resolved(Evidence(seen, judged), rules)
