"""Names are found by any beginning of a word, and in scripts without spaces by any part."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.traits.names import MAX_RUN, MAX_TEXT, MAX_TOKENS, MAX_WORD, query_tokens, tokens, whole_name

NAMES = frozenset({"name", "nickname"})


def found(name: object, query: str) -> bool:
    held = tokens({"name": name}, NAMES)
    asked = query_tokens(query)
    return bool(asked) and all(any(token.startswith(word) for token in held) for word in asked)


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("李雷", "李雷"),
        ("李雷", "李"),
        ("李雷", "雷"),
        ("欧阳娜娜", "娜娜"),
        ("卡尔·马克思", "马克"),
        ("卡尔·马克思", "卡尔·马"),
        ("Ada Lovelace", "love"),
        ("Ada Lovelace", "LOVELACE ada"),
        ("ＡＤＡ Lovelace", "ada"),
        ("O'Brien", "o'br"),
        ("Jean-Luc", "luc"),
        ("ﾀﾅｶ", "タナカ"),
        ("田中 太郎", "太郎"),
        ("タナカー", "ナカー"),
        ("김철수", "철수"),
        ("김철수", "수"),
        ("สมชาย ใจดี", "ชาย"),
        ("สมชาย ใจดี", "ใจดี"),
        ("Straße", "STRASSE"),
        ("İpek", "i̇pek"),
        ("Иван Петров", "петр"),
        ("محمد علي", "علي"),
        ("राम कुमार", "कुम"),
        ("李雷Leo", "leo"),
        ("李雷Leo", "李雷leo"),
        (["Bob", "Robert"], "rob"),
        ({"given": "Lei", "family": "Li"}, "li lei"),
        ("e\u0301mile", "émile"),
    ],
)
def test_a_name_is_found_by(name: object, query: str) -> None:
    assert found(name, query)


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("李雷", "王"),
        ("李雷", "雷李"),
        ("Ada Lovelace", "lace"),
        ("Ada", "ada lovelace"),
        ("Ada", "  ·-"),
        (7, "7"),
        (None, "none"),
        ([["Ada"]], "ada"),
    ],
)
def test_a_name_is_not_found_by(name: object, query: str) -> None:
    assert not found(name, query)


def test_traits_that_are_no_names_give_nothing() -> None:
    assert tokens({"city": "Paris"}, NAMES) == set()
    assert tokens(None, NAMES) == set()


def test_a_very_long_name_gives_a_bounded_number_of_bounded_tokens() -> None:
    long = {"name": "李" * 50 + "雷王" * 5000, "nickname": [f"word{i}" * 50 for i in range(1000)]}

    held = tokens(long, NAMES)

    assert len(held) <= MAX_TOKENS
    assert max(map(len, held)) <= max(MAX_RUN, MAX_WORD)


def test_a_whole_name_is_all_of_its_words_and_no_part() -> None:
    traits = {"name": "李雷", "nickname": "Lei Li"}

    assert whole_name(traits, NAMES, query_tokens("李雷"))
    assert whole_name(traits, NAMES, query_tokens("li lei"))
    assert whole_name(traits, NAMES, query_tokens("李雷 Lei LI"))
    assert not whole_name(traits, NAMES, query_tokens("雷"))
    assert not whole_name(traits, NAMES, query_tokens("Lei"))
    assert not whole_name(traits, NAMES, [])
    assert not whole_name(None, NAMES, ["ada"])


@given(st.text(max_size=40))
def test_every_name_with_a_letter_is_found_by_itself_and_by_each_of_its_words(name: str) -> None:
    asked = query_tokens(name)
    held = tokens({"name": name}, NAMES)

    assert all(any(token.startswith(word) for token in held) for word in asked)
    assert bool(asked) == bool(held)


@given(st.text(alphabet="李雷韩梅张王田中ひらカタ김철수", min_size=1, max_size=MAX_RUN), st.data())
def test_every_part_of_a_name_without_spaces_finds_it(name: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(name) - 1))
    end = data.draw(st.integers(start + 1, len(name)))

    assert found(name, name[start:end])


@given(st.text(alphabet=[chr(code) for code in range(0x21, 0x7F)], max_size=MAX_TEXT))
def test_width_and_capitals_make_no_difference(name: str) -> None:
    wide = "".join(chr(ord(character) + 0xFEE0) for character in name)

    assert tokens({"name": wide}, NAMES) == tokens({"name": name.upper()}, NAMES) == tokens({"name": name}, NAMES)


@given(st.text(max_size=MAX_TEXT * 2), st.text(max_size=MAX_TEXT * 2))
def test_no_name_gives_more_than_its_bound(name: str, nickname: str) -> None:
    assert len(tokens({"name": name, "nickname": nickname}, NAMES)) <= MAX_TOKENS
