"""What is left of a value for those who may not see it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.masking import masked


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("+8613912345678", "+86139****5678"),
        ("+4915112345678", "+49151****5678"),
        ("+12025550143", "+120****0143"),
        ("+123456789", "+1****89"),
        ("ada@example.com", "a***@e…"),
        ("李雷@例子.cn", "李***@例…"),
        ("@ada_lovelace", "@a****ce"),
        ("a@b@example.com", "a***@e…"),
        ("5f1c7a88-77aa", "5f****aa"),
        ("0@0", "****"),
        ("a@b.cn", "****"),
        ("ab@cd.ef", "a***@c…"),
        ("12345678", "12****78"),
        ("1234567", "****"),
        ("x", "****"),
        ("", "****"),
    ],
)
def test_a_value_shows_its_shape_only(value: str, shown: str) -> None:
    assert masked(value) == shown


@given(st.text(min_size=1, max_size=60) | st.from_regex(r"\A[^@]{1,4}@[^@]{1,4}\Z"))
def test_at_least_half_of_a_value_is_hidden(value: str) -> None:
    assert len(shown_of(value)) <= len(value) / 2
    assert masked(value) != value or "****" in value


@given(st.from_regex(r"\A\+[0-9]{1,15}\Z"))
def test_of_a_phone_number_four_digits_or_half_of_it_are_hidden(value: str) -> None:
    assert len(shown_of(value)) <= max(len(value) / 2, len(value) - 4)


def shown_of(value: str) -> str:
    """What of a value its masked form shows, without the marks for what is hidden."""
    return masked(value).replace("***@", "").replace("****", "").replace("…", "")
