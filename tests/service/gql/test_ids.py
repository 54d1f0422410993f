"""Ids and cursors: opaque, typed, and refused where this service never gave them out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import BadCursor
from service.gql.ids import decode, encode, node_id, node_key

INT64 = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(INT64, min_size=1, max_size=6))
def test_numbers_come_back_as_they_went(numbers: list[int]) -> None:
    assert decode("links", encode("links", numbers), ()) == tuple(numbers)


@given(st.lists(INT64, min_size=1, max_size=6))
def test_a_cursor_of_another_list_is_refused_by_name(numbers: list[int]) -> None:
    with pytest.raises(BadCursor, match=r"^after: not one that this service gave out for `links`") as refusal:
        decode("links", encode("fragments", numbers), ("after",))

    assert refusal.value.path == ("after",)


@given(st.text(max_size=80) | st.text("ABCDEFGabcdefg01234-_", min_size=5, max_size=40))
def test_a_made_up_text_is_refused_or_is_exactly_one_we_give_out(text: str) -> None:
    try:
        numbers = decode("links", text, ("after",))
    except BadCursor:
        return
    assert encode("links", numbers) == text


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        ("profile", (1,)),
        ("identifier", (3 << 40 | 7,)),
        ("link", (1 << 40, 2 << 40)),
        ("link", (5,)),
        ("fragment", (9,)),
        ("change", (2**40,)),
    ],
)
def test_an_id_gives_back_its_kind_and_numbers(kind: str, numbers: tuple[int, ...]) -> None:
    assert node_key(node_id(kind, *numbers), ("id",)) == (kind, numbers)


def test_ids_of_different_kinds_differ() -> None:
    assert len({node_id(kind, 1) for kind in ("profile", "identifier", "fragment", "judgement", "change", "cause")}) == 6


def test_ids_stay_the_same_for_ever() -> None:
    assert [node_id("profile", 1), node_id("identifier", 1 << 40), node_id("change", 12345)] == ["CCemAAI", "t-xbAoCAgICAQA", "CkSfCvLAAQ"]


@pytest.mark.parametrize(
    "text", ["", "x", "profile:1", "cHJvZmlsZTox", "é" * 8, "A" * 5, "A" * 1000, encode("links", (1,)), encode("node", (99, 1))]
)
def test_what_is_no_id_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadCursor, match=r"^id: not an id that this service gave out"):
        node_key(text, ("id",))
