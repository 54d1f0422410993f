"""The golden record: one value a trait, by the strategy that the rules name, with what it won against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.resolve.rules import Rules, TraitRules
from graph.traits.fold import MAX_KEYS, MAX_UNION, Golden, Told, fold


def told(source: str, at: int, record: str = "1", **traits: Any) -> Told[str]:
    return Told(source, record, at, f"{source}-{record}", traits)


def rules(strategy: str, priority: Sequence[str] = ()) -> TraitRules:
    names = f"priority = {list(priority)}" if priority else ""
    return Rules.parse(f'[traits.city]\nstrategy = "{strategy}"\n{names}').traits


def golden(fragments: Sequence[Told[str]], strategy: str, priority: Sequence[str] = ()) -> Golden[str]:
    [one] = fold(fragments, rules(strategy, priority))
    return one


CITIES = [
    told("web", 1, city="Rome"),
    told("crm", 2, city="Oslo"),
    told("app", 3, city="Rome"),
    told("web", 4, "2", city="Wien"),
    told("crm", 5, "2", city="Bern"),
]


@pytest.mark.parametrize(
    ("strategy", "priority", "order"),
    [
        ("most_recent", (), ["Bern", "Wien", "Rome", "Oslo"]),
        ("earliest", (), ["Rome", "Oslo", "Wien", "Bern"]),
        ("most_frequent", (), ["Rome", "Bern", "Wien", "Oslo"]),
        ("source_priority", ("web", "crm"), ["Wien", "Rome", "Bern", "Oslo"]),
        ("source_priority", ("gone", "app"), ["Rome", "Bern", "Wien", "Oslo"]),
    ],
)
def test_a_strategy_orders_the_values(strategy: str, priority: tuple[str, ...], order: list[str]) -> None:
    one = golden(CITIES, strategy, priority)

    assert [one.value, *(other.value for other in one.alternatives)] == order


def test_a_value_shows_with_its_best_witness() -> None:
    one = golden(CITIES, "most_frequent")

    assert (one.witness.source, one.witness.observed, one.witness.holder) == ("app", 3, "app-1")


def test_a_union_shows_every_value_once_and_no_alternatives() -> None:
    fragments = [told("web", 1, city=["Rome", "Oslo", None]), told("crm", 2, city="Rome"), told("app", 3, city=["Wien", "Wien"])]

    one = golden(fragments, "union")

    assert one.value == ["Wien", "Rome", "Oslo"]
    assert (one.witness.source, one.alternatives) == ("app", ())


def test_a_union_keeps_the_order_in_which_one_source_tells_its_values() -> None:
    assert golden([told("web", 1, city=["b", "c", "a"]), told("crm", 2, city=["z", "c"])], "union").value == ["z", "c", "b", "a"]


def test_a_union_of_nothing_is_empty_and_still_has_its_witness() -> None:
    one = golden([told("web", 1, city=[]), told("crm", 2, city=[None, " "])], "union")

    assert (one.value, one.witness.source) == ([], "crm")


def test_a_union_of_one_value_is_a_list_too() -> None:
    assert golden([told("web", 1, city="Rome")], "union").value == ["Rome"]


def test_equal_values_are_no_alternatives_but_values_of_other_types_are() -> None:
    fragments = [
        told("web", at, str(at), age=age) for at, age in enumerate([1, 1.0, True, "1", 1, [1], {"a": 1, "b": 2}, {"b": 2, "a": 1}])
    ]

    [one] = fold(fragments, TraitRules())

    assert one.value == {"a": 1, "b": 2}
    assert [repr(other.value) for other in one.alternatives] == ["[1]", "1", "'1'", "True", "1.0"]


def test_null_and_blank_say_nothing() -> None:
    fragments = [told("web", 1, city="Rome"), told("web", 2, "2", city=None), told("web", 3, "3", city=" ")]

    assert golden(fragments, "most_recent").value == "Rome"
    assert fold(fragments[1:], TraitRules()) == []


def test_values_that_mean_no_or_zero_count() -> None:
    assert [one.value for one in fold([told("web", 1, a=0, b=False, c=[], d={})], TraitRules())] == [0, False, [], {}]


def test_at_one_instant_the_source_then_the_record_decides() -> None:
    fragments = [told("web", 1, city="a"), told("app", 1, "2", city="c"), told("app", 1, "1", city="b")]

    assert golden(fragments, "most_recent").value == golden(fragments, "earliest").value == "b"


def test_a_record_has_its_traits_by_name_and_a_bounded_number_of_them() -> None:
    many = Told("web", "1", 1, "x", {f"trait{number:04}": number for number in range(MAX_KEYS + 50)})

    keys = [one.key for one in fold([many], TraitRules())]

    assert keys == [f"trait{number:04}" for number in range(MAX_KEYS)]
    assert [one.key for one in fold([many], TraitRules(), {"trait0549", "trait0002", "other"})] == ["trait0002", "trait0549"]


def test_a_union_is_bounded() -> None:
    assert len(golden([told("web", 1, city=list(range(MAX_UNION * 2)))], "union").value) == MAX_UNION


_traits = st.dictionaries(
    st.sampled_from(["city", "plan"]), st.sampled_from(["a", "b", 1, 1.0, True, None, "", ["a", "c"], {"k": 1}]), max_size=2
)
_fragments = st.lists(
    st.tuples(st.sampled_from(["web", "crm"]), st.integers(0, 9), st.integers(0, 3), _traits), unique_by=lambda one: one[:2], max_size=8
).map(lambda rows: [Told(source, str(record), at, f"{source}{record}", traits) for source, record, at, traits in rows])
_STRATEGIES = [
    rules("most_recent"),
    rules("earliest"),
    rules("most_frequent"),
    rules("union"),
    rules("source_priority", ["crm"]),
]


@given(_fragments.flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))), st.sampled_from(_STRATEGIES))
def test_the_record_does_not_depend_on_the_order_of_fragments(orders: tuple[list[Told[str]], list[Told[str]]], by: TraitRules) -> None:
    one, other = (fold(some, by) for some in orders)

    assert repr(one) == repr(other)


@given(_fragments, st.sampled_from(_STRATEGIES))
def test_every_value_is_vouched_for_by_a_fragment_that_says_it(fragments: list[Told[str]], by: TraitRules) -> None:
    for one in fold(fragments, by):
        for witness in (one.witness, *one.alternatives):
            [said] = [each for each in fragments if each.holder == witness.holder and each.observed == witness.observed]
            value = said.traits[one.key]
            assert repr(witness.value) == repr(value) or (isinstance(value, list) and witness.value in value) or witness.value == value
