"""Evidence lines: what is allowed comes through unchanged, what is not is told without repeating it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import BadInput, TooManyIdentifiers, ValueTooLong
from graph.lines import (
    MAX_LINE,
    format_interaction,
    format_line,
    fragment_of,
    identifier_of,
    instant_of,
    interaction_of,
    judgement_of,
    parse_evidence,
    parse_line,
)
from graph.model import Fragment, Identifier, Interaction, Judgement, JudgementKind, instant

TIME = "2026-01-02T03:04:05Z"
AT = instant(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


def line(**changes: Any) -> bytes:
    """A good fragment line with some keys changed; a key set to `...` is left out."""
    obj = {"source": "crm", "id": "r1", "observedAt": TIME, "identifiers": ["phone:139"], **changes}
    return json.dumps({key: value for key, value in obj.items() if value is not ...}).encode()


def trouble(raw: bytes | str) -> BadInput:
    with pytest.raises(BadInput) as caught:
        parse_line(raw)
    return caught.value


# ------------------------------------------------------------------------------------------------ good lines
def test_a_fragment_line_becomes_the_fragment_it_says() -> None:
    raw = """{"source": "crm", "id": "rec-1", "observedAt": "2026-01-02T03:04:05Z", "score": 0.5,
        "identifiers": [{"namespace": "phone", "value": "139 1234 5678"}, "email:Ada@x.org"], "traits": {"name": "李雷"}}"""

    assert parse_line(raw) == Fragment(
        source="crm",
        id="rec-1",
        identifiers=(Identifier("phone", "139 1234 5678"), Identifier("email", "Ada@x.org")),
        observed_at=AT,
        traits={"name": "李雷"},
        score=0.5,
    )


def test_a_judgement_line_becomes_the_judgement_it_says() -> None:
    raw = '{"judgement": "distinct", "a": "user:1", "b": {"namespace": "user", "value": "2"}, "at": "2026-01-02T03:04:05Z", "by": "li"}'

    expected = Judgement(JudgementKind.DISTINCT, Identifier("user", "1"), Identifier("user", "2"), AT, "li", "")
    assert parse_line(raw) == expected


def test_an_interaction_line_becomes_the_interaction_it_says() -> None:
    raw = '{"interaction": "like", "source": "app", "id": "7", "from": "u:1", "to": "u:2", "at": "2026-01-02T03:04:05Z", "weight": 2}'

    assert parse_line(raw) == Interaction("app", "7", "like", Identifier("u", "1"), Identifier("u", "2"), AT, 2.0)


def test_an_identifier_as_text_is_split_at_the_first_colon() -> None:
    assert identifier_of("url:https://x.org/a:b", ()) == Identifier("url", "https://x.org/a:b")


def test_an_empty_value_is_let_through_for_the_rules_to_block() -> None:
    assert identifier_of("phone:", ()) == Identifier("phone", "")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02t03:04:05z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02 03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05+08:00", datetime(2026, 1, 1, 19, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05.5Z", datetime(2026, 1, 2, 3, 4, 5, 500_000, tzinfo=UTC)),
        ("2026-01-02T03:04:05.123456999Z", datetime(2026, 1, 2, 3, 4, 5, 123_456, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999999Z", datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_as_rfc_3339(text: str, moment: datetime) -> None:
    assert instant_of(text, ()) == instant(moment)


def test_a_datetime_counts_as_the_moment_it_is() -> None:
    east = datetime(2026, 1, 2, 11, 4, 5, tzinfo=timezone(timedelta(hours=8)))

    assert instant_of(east, ()) == AT


def test_a_request_may_leave_the_time_out() -> None:
    fragment = fragment_of({"source": "s", "id": "1", "identifiers": ["a:b"], "observedAt": None}, need_time=False)

    assert fragment.observed_at is None


def test_a_request_names_the_type_of_an_interaction_as_type() -> None:
    obj = {"source": "s", "id": "1", "type": "like", "from": "a:1", "to": "a:2", "at": TIME}

    assert interaction_of(obj, need_time=True).type == "like"


def test_an_interaction_is_no_evidence() -> None:
    raw = '{"interaction": "like", "source": "s", "id": "7", "from": "u:1", "to": "u:2", "at": "2026-01-02T03:04:05Z"}'

    with pytest.raises(BadInput, match="only fragments and judgements"):
        parse_evidence(raw)


# ------------------------------------------------------------------------------------------------ limits
def test_twenty_identifiers_are_allowed() -> None:
    fragment = parse_line(line(identifiers=[f"a:{n}" for n in range(20)]))

    assert isinstance(fragment, Fragment)
    assert len(fragment.identifiers) == 20


def test_twenty_one_identifiers_are_not() -> None:
    error = trouble(line(identifiers=["a:1"] * 21))

    assert isinstance(error, TooManyIdentifiers)
    assert (error.code, error.path) == ("LIMIT_EXCEEDED", ("identifiers",))


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"source": "s" * 257}, ("source",)),
        ({"id": "i" * 1025}, ("id",)),
        ({"identifiers": ["a:" + "v" * 1025]}, ("identifiers", "0")),
        ({"identifiers": [{"namespace": "a", "value": "v" * 1025}]}, ("identifiers", "0", "value")),
        ({"identifiers": [{"namespace": "n" * 65, "value": "v"}]}, ("identifiers", "0", "namespace")),
        ({"traits": {"bio": "x" * 65_537}}, ("traits",)),
        ({"traits": {"k" * 257: 1}}, ("traits",)),
    ],
)
def test_a_text_longer_than_its_limit_is_told_with_both_lengths(changes: dict[str, Any], path: tuple[str, ...]) -> None:
    error = trouble(line(**changes))

    assert isinstance(error, ValueTooLong)
    assert error.path == path
    assert error.length == error.limit + 1


def test_texts_at_their_limits_are_allowed() -> None:
    raw = line(source="s" * 256, id="i" * 1024, identifiers=["n" * 64 + ":" + "v" * 1024], traits={"k" * 256: "x" * 65_536})

    assert parse_line(raw).source == "s" * 256


def nested(depth: int) -> dict[str, Any]:
    """Traits of this depth, the traits object itself counted."""
    value: Any = 1
    for _ in range(depth - 1):
        value = [value]
    return {"k": value}


def test_traits_may_be_nested_twelve_deep() -> None:
    assert parse_line(line(traits=nested(12))).traits == nested(12)


def test_traits_nested_thirteen_deep_are_refused() -> None:
    assert trouble(line(traits=nested(13))).path == ("traits",)


def test_five_hundred_traits_are_allowed_and_one_more_is_not() -> None:
    parse_line(line(traits={str(n): n for n in range(500)}))

    assert "501" in trouble(line(traits={str(n): n for n in range(501)})).message


def test_a_line_of_ten_megabytes_is_refused_unread() -> None:
    error = trouble(b'{"source": "' + b"x" * 10_000_000)

    assert isinstance(error, ValueTooLong)
    assert (error.length, error.limit) == (10_000_012, MAX_LINE)


# ------------------------------------------------------------------------------------------------ bad lines
@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"source": ...}, "source"),
        ({"source": ""}, "source"),
        ({"source": 7}, "source"),
        ({"id": None}, "id"),
        ({"id": ["x"]}, "id"),
        ({"id": "a\0b"}, "id"),
        ({"observedAt": ...}, "observedAt"),
        ({"observedAt": 1767323045}, "observedAt"),
        ({"observedAt": "2026-01-02"}, "observedAt"),
        ({"observedAt": "2026-02-30T00:00:00Z"}, "observedAt"),
        ({"observedAt": "2023-02-29T00:00:00Z"}, "observedAt"),
        ({"observedAt": "2026-13-01T00:00:00Z"}, "observedAt"),
        ({"observedAt": "2026-01-01T24:00:00Z"}, "observedAt"),
        ({"observedAt": "2026-01-01T23:59:60Z"}, "observedAt"),
        ({"observedAt": "0000-01-01T00:00:00Z"}, "observedAt"),
        ({"observedAt": "10000-01-01T00:00:00Z"}, "observedAt"),
        ({"observedAt": "0001-01-01T00:00:00+01:00"}, "observedAt"),
        ({"observedAt": "9999-12-31T23:59:59-01:00"}, "observedAt"),
        ({"observedAt": "2026-W01-1T00:00:00Z"}, "observedAt"),
        ({"observedAt": "20260102T030405Z"}, "observedAt"),
        ({"observedAt": "２０26-01-02T03:04:05Z"}, "observedAt"),
        ({"observedAt": "2026-01-02T03:04:05+99:00"}, "observedAt"),
        ({"observedAt": " 2026-01-02T03:04:05Z"}, "observedAt"),
        ({"identifiers": ...}, "identifiers"),
        ({"identifiers": []}, "identifiers"),
        ({"identifiers": "a:b"}, "identifiers"),
        ({"identifiers": {"namespace": "a", "value": "b"}}, "identifiers"),
        ({"identifiers": ["no colon"]}, "identifiers.0"),
        ({"identifiers": [":v"]}, "identifiers.0"),
        ({"identifiers": ["a:b", 7]}, "identifiers.1"),
        ({"identifiers": ["a:b", None]}, "identifiers.1"),
        ({"identifiers": [{"namespace": "a:b", "value": "c"}]}, "identifiers.0.namespace"),
        ({"identifiers": [{"namespace": "", "value": "c"}]}, "identifiers.0.namespace"),
        ({"identifiers": [{"namespace": "a"}]}, "identifiers.0.value"),
        ({"identifiers": [{"namespace": "a", "value": 139}]}, "identifiers.0.value"),
        ({"identifiers": [{"namespace": "a", "value": "b", "type": "c"}]}, "identifiers.0"),
        ({"identifiers": ["a:b\0"]}, "identifiers.0"),
        ({"score": "1"}, "score"),
        ({"score": True}, "score"),
        ({"score": 1.01}, "score"),
        ({"score": -0.01}, "score"),
        ({"traits": []}, "traits"),
        ({"traits": "name"}, "traits"),
        ({"traits": {"": 1}}, "traits"),
        ({"traits": {"a": "\0"}}, "traits"),
        ({"colour": "red"}, ""),
    ],
)
def test_what_is_not_allowed_is_refused_at_its_path(changes: dict[str, Any], path: str) -> None:
    assert ".".join(trouble(line(**changes)).path) == path


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "empty"),
        (b"   ", "empty"),
        (b"{", "not valid JSON"),
        (b"[]", "an object is wanted"),
        (b"null", "an object is wanted"),
        (b'"crm"', "an object is wanted"),
        (b'{"source": "a\xff"}', "not valid UTF-8"),
        ('{"source": "a\ud800"}', "not valid UTF-8"),
        (b'{"source": "\\ud800"}', "not valid JSON"),
        (b'{"score": NaN}', "not valid JSON"),
        (b'{"score": 1e999}', "not valid JSON"),
        (b'{"traits": ' + b"[" * 100_000, "nested too deep"),
        (b'{"traits": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001, "nested too deep"),
    ],
)
def test_what_is_no_json_object_is_told_as_what_it_is(raw: bytes | str, says: str) -> None:
    assert says in trouble(raw).message


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"judgement": "maybe"}, "judgement"),
        ({"judgement": None}, "judgement"),
        ({"judgement": ["same"]}, "judgement"),
        ({"judgement": "same", "a": ["u:3", "u:4"]}, "a"),
        ({"judgement": "distinct", "b": []}, "b"),
        ({"judgement": "distinct", "b": ["u:3", "u"]}, "b.1"),
        ({"b": "u:1"}, "b"),
        ({"b": {"namespace": "u", "value": "1"}}, "b"),
        ({"a": ...}, "a"),
        ({"at": ...}, "at"),
        ({"at": "yesterday"}, "at"),
        ({"by": 7}, "by"),
        ({"reason": "r" * 1025}, "reason"),
        ({"why": "typo"}, ""),
    ],
)
def test_a_judgement_that_is_not_whole_is_refused(changes: dict[str, Any], path: str) -> None:
    obj = {"judgement": "same", "a": "u:1", "b": "u:2", "at": TIME, **changes}

    assert ".".join(trouble(json.dumps({k: v for k, v in obj.items() if v is not ...})).path) == path


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"interaction": ""}, "interaction"),
        ({"interaction": "x" * 65}, "interaction"),
        ({"from": ...}, "from"),
        ({"to": "nobody"}, "to"),
        ({"at": ...}, "at"),
        ({"weight": -1}, "weight"),
        ({"weight": 1e10}, "weight"),
        ({"weight": "1"}, "weight"),
        ({"identifiers": ["a:b"]}, ""),
    ],
)
def test_an_interaction_that_is_not_whole_is_refused(changes: dict[str, Any], path: str) -> None:
    obj = {"interaction": "like", "source": "s", "id": "1", "from": "u:1", "to": "u:2", "at": TIME, **changes}

    assert ".".join(trouble(json.dumps({k: v for k, v in obj.items() if v is not ...})).path) == path


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1 << 64, -(1 << 63) - 1, {1: 2}, {1, 2}, b"x", "\ud800"])
def test_traits_of_a_request_that_json_cannot_hold_are_refused(value: Any) -> None:
    obj = {"source": "s", "id": "1", "identifiers": ["a:b"], "traits": {"k": value}}

    with pytest.raises(BadInput) as caught:
        fragment_of(obj, need_time=False)

    assert caught.value.path == ("traits",)


def test_a_misspelt_key_is_answered_with_the_one_that_was_meant() -> None:
    assert "was observedAt meant?" in trouble(line(observedAt=..., observed_at=TIME)).message


SECRET = "Zq7secretZq7"


@pytest.mark.parametrize(
    "raw",
    [
        line(**{SECRET: SECRET}),
        line(source=SECRET * 100),
        line(observedAt=SECRET),
        line(identifiers=[SECRET]),
        line(identifiers=[SECRET + ":" + SECRET * 100]),
        line(identifiers=[{"namespace": SECRET + ":", "value": SECRET}]),
        line(identifiers=[{"namespace": "a", "value": "b", SECRET: SECRET}]),
        line(score=SECRET),
        line(traits={SECRET: {SECRET: SECRET + "\0"}}),
        line(traits=[SECRET]),
        SECRET,
        json.dumps({"judgement": SECRET, "a": "u:1", "b": "u:2"}),
        json.dumps({"judgement": "same", "a": SECRET + ":1", "b": SECRET + ":1", "at": TIME}),
    ],
)
def test_no_message_repeats_what_came(raw: bytes | str) -> None:
    error = trouble(raw)

    assert SECRET not in str(error)
    assert error.__cause__ is None


# ------------------------------------------------------------------------------------------------ there and back
texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)
names = texts.filter(bool)
identifiers = st.builds(Identifier, names.filter(lambda name: ":" not in name), texts)
instants = st.integers(instant(datetime(1, 1, 1)), instant(datetime(9999, 12, 31, 23, 59, 59, 999_999)))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
fragments = st.builds(
    Fragment,
    source=names,
    id=names,
    identifiers=st.lists(identifiers, min_size=1, max_size=20).map(tuple),
    observed_at=instants,
    traits=st.none() | st.dictionaries(names, json_values, max_size=5),
    score=st.none() | st.floats(0, 1),
)
judgements = (
    st.tuples(identifiers, identifiers)
    .filter(lambda pair: pair[0] != pair[1])
    .flatmap(
        lambda pair: st.builds(
            Judgement, st.sampled_from(JudgementKind), st.just(pair[0]), st.just(pair[1]), instants, st.none() | texts, texts
        )
    )
)
decisions = st.builds(
    Judgement,
    st.just(JudgementKind.DISTINCT),
    st.just(Identifier("u", "1")),
    st.just(Identifier("u", "2")),
    instants,
    st.none() | texts,
    texts,
    *[st.lists(identifiers, max_size=3).map(tuple)] * 2,
)
interactions = st.builds(Interaction, names, names, names, identifiers, identifiers, instants, st.floats(0, 1e9))


@given(fragments | judgements | decisions | interactions)
def test_a_value_written_as_a_line_comes_back_as_it_was(value: Fragment | Judgement | Interaction) -> None:
    raw = format_line(value)

    assert raw.endswith(b"\n")
    assert raw.count(b"\n") == 1
    assert parse_line(raw) == value


@given(fragments)
def test_a_line_is_the_same_as_bytes_and_as_text(fragment: Fragment) -> None:
    raw = format_line(fragment)

    assert parse_line(raw.decode()) == parse_line(raw)


def test_a_value_without_time_is_written_without_one() -> None:
    judgement = Judgement(JudgementKind.SAME, Identifier("u", "1"), Identifier("u", "2"))
    interaction = Interaction("s", "1", "like", Identifier("u", "1"), Identifier("u", "2"))

    assert judgement_of(json.loads(format_line(judgement)), need_time=False) == judgement
    assert interaction_of(format_interaction(interaction), need_time=False, type_key="interaction") == interaction


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_bytes_are_a_value_or_bad_input(raw: bytes | str) -> None:
    try:
        value = parse_line(raw)
    except BadInput as error:
        value = error

    assert isinstance(value, Fragment | Judgement | Interaction | BadInput)


@given(st.dictionaries(st.sampled_from(["source", "id", "observedAt", "identifiers", "traits", "score", "x"]), json_values))
def test_any_mapping_is_a_fragment_or_bad_input(obj: dict[str, Any]) -> None:
    try:
        value: object = fragment_of(obj, need_time=True)
    except BadInput as error:
        value = error

    assert isinstance(value, Fragment | BadInput)
