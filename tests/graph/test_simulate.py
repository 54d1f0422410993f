"""simulate: lines in, the document of the command line out, written by hand here."""

from __future__ import annotations

import json
from random import Random

import orjson

from graph.resolve.rules import Rules
from graph.simulate import simulate

RULES = Rules.parse(
    """
    [[namespace]]
    name = "user_id"
    limit = 1
    [[namespace]]
    name = "phone"
    normalise = "e164"
    region = "CN"
    shared_above = 2
    blocked = ["13800138000"]
    [[namespace]]
    name = "device"
    min_score = 0.5
    """
)

LINES = [
    # u1 and u2 with one device: the newer one keeps it
    '{"source": "web", "id": "1", "observedAt": "2026-01-01T00:01:00Z", "identifiers": ["user_id:u1", "device:d"]}',
    '{"source": "web", "id": "2", "observedAt": "2026-01-01T00:02:00Z", "identifiers": ["user_id:u2", "device: d "]}',
    # a phone of three people is shared; it stays with the shop that an operator says it is of
    '{"source": "crm", "id": "1", "observedAt": "2026-01-01T00:01:00Z",'
    ' "identifiers": [{"namespace": "user_id", "value": "u1"}, {"namespace": "phone", "value": "139 1234 5678"}]}',
    '{"source": "crm", "id": "2", "observedAt": "2026-01-01T00:01:00Z", "identifiers": ["user_id:u2", "phone:+8613912345678"]}',
    '{"source": "crm", "id": "3", "observedAt": "2026-01-01T00:01:00Z", "identifiers": ["user_id:u3", "phone:13912345678"]}',
    '{"judgement": "same", "a": "shop:7", "b": "phone:13912345678", "at": "2026-01-01T00:03:00Z", "by": "steward"}',
    # a test number and a value that is no number
    '{"source": "crm", "id": "4", "observedAt": "2026-01-01T00:01:00Z", "identifiers": ["user_id:u4", "phone:138 0013 8000"]}',
    '{"source": "crm", "id": "5", "observedAt": "2026-01-01T00:01:00Z", "identifiers": ["user_id:u4", "phone:none"]}',
    # too weak
    '{"source": "model", "id": "1", "observedAt": "2026-01-01T00:01:00Z", "identifiers": ["user_id:u4", "device:e"], "score": 0.25}',
    # the newer word wins, both ways
    '{"judgement": "distinct", "a": "user_id:u5", "b": "mail:x", "at": "2026-01-01T00:01:00Z"}',
    '{"judgement": "same", "a": "user_id:u5", "b": "mail:x", "at": "2026-01-01T00:02:00Z"}',
    '{"judgement": "same", "a": "user_id:u6", "b": "mail:y", "at": "2026-01-01T00:01:00Z"}',
    '{"judgement": "distinct", "a": "user_id:u6", "b": "mail:y", "at": "2026-01-01T00:02:00Z", "reason": "father and son"}',
    # the older version of a record is history
    '{"source": "web", "id": "1", "observedAt": "2025-01-01T00:01:00Z", "identifiers": ["user_id:u9", "device:null"]}',
]

DOCUMENT = {
    "profiles": [
        ["device:d", "user_id:u2"],
        ["device:e"],
        ["mail:x", "user_id:u5"],
        ["mail:y"],
        ["phone:+8613912345678", "shop:7"],
        ["user_id:u1"],
        ["user_id:u3"],
        ["user_id:u4"],
        ["user_id:u6"],
    ],
    "refused": [
        {"kind": "distinct", "a": "mail:x", "b": "user_id:u5", "rule": "same"},
        {"kind": "link", "a": "device:d", "b": "user_id:u1", "rule": "limit"},
        {"kind": "link", "a": "device:e", "b": "user_id:u4", "rule": "score"},
        {"kind": "link", "a": "phone:+8613912345678", "b": "user_id:u1", "rule": "shared"},
        {"kind": "link", "a": "phone:+8613912345678", "b": "user_id:u2", "rule": "shared"},
        {"kind": "link", "a": "phone:+8613912345678", "b": "user_id:u3", "rule": "shared"},
        {"kind": "same", "a": "mail:y", "b": "user_id:u6", "rule": "distinct"},
    ],
    "blocked": ["phone:138 0013 8000", "phone:none"],
    "shared": ["phone:+8613912345678"],
}


def line(*identifiers: str, id: str = "1") -> str:
    return json.dumps({"source": "s", "id": id, "observedAt": "2026-01-01T00:00:00Z", "identifiers": identifiers})


def test_the_document_is_exactly_this() -> None:
    found = simulate(LINES, RULES)

    assert found.document == DOCUMENT
    assert list(found.document) == list(DOCUMENT)
    assert [list(each) for each in found.document["refused"]] == [["kind", "a", "b", "rule"]] * 7
    assert found.errors == ()


def test_the_order_of_the_lines_is_no_matter() -> None:
    random = Random(7)
    for _ in range(20):
        assert simulate(random.sample(LINES, len(LINES)), RULES).document == DOCUMENT


def test_the_document_is_plain_json() -> None:
    document = simulate(LINES, RULES).document

    assert orjson.loads(orjson.dumps(document)) == document
    assert {type(each["rule"]) for each in document["refused"]} == {str}


def test_bytes_and_line_ends_are_read_and_empty_lines_are_nothing() -> None:
    found = simulate([f"{each}\r\n".encode() for each in LINES] + [b"\n", b"", b"  \r\n"], RULES)

    assert (found.document, found.errors) == (DOCUMENT, ())


def test_no_evidence_is_nobody() -> None:
    assert simulate([], RULES).document == {"profiles": [], "refused": [], "blocked": [], "shared": []}


def test_a_bad_line_is_named_by_its_number_and_the_rest_counts() -> None:
    found = simulate(
        [
            line("user_id:1", "device:d"),
            "",
            '{"source": "s", "id": "2"',
            '{"source": "s", "id": "2", "identifiers": ["user_id:2"]}',
            line("user_id:3", id=""),
            line(*(f"device:{n}" for n in range(21)), id="3"),
            b'{"source": "\xff"}',
            '{"judgement": "perhaps", "a": "user_id:1", "b": "user_id:2", "at": "2026-01-01T00:00:00Z"}',
            '{"source": "s", "id": "4", "observedAt": "2026-01-01T00:00:00Z", "identifiers": ["user_id:4"], "colour": 1}',
            line("user_id:5", id="5"),
        ],
        RULES,
    )

    assert [number for number, _ in found.errors] == [3, 4, 5, 6, 7, 8, 9]
    messages = [message for _, message in found.errors]
    assert messages[1].startswith("observedAt: ")
    assert messages[2].startswith("id: ")
    assert "21" in messages[3]
    assert "20" in messages[3]
    assert messages[5].startswith("judgement: ")
    assert found.document["profiles"] == [["device:d", "user_id:1"], ["user_id:5"]]


def test_a_message_shows_no_value() -> None:
    found = simulate(['{"source": "s", "id": "1", "identifiers": ["user_id:secret"], "secret": "secret"}'], RULES)

    assert len(found.errors) == 1
    assert "secret" not in found.errors[0][1]


def test_an_interaction_is_no_evidence() -> None:
    found = simulate(
        ['{"interaction": "like", "source": "s", "id": "1", "from": "user_id:1", "to": "user_id:2", "at": "2026-01-01T00:00:00Z"}'],
        RULES,
    )

    assert [number for number, _ in found.errors] == [1]
    assert found.document["profiles"] == []


def test_lists_are_sorted_by_text() -> None:
    """Texts are not in the order of (namespace, value): `a-b:…` comes before `a:…`, by code point."""
    found = simulate([line("a:2", "a-b:2"), line("a-b:1", id="2"), line("a:1", id="3")], Rules.parse(""))

    assert found.document["profiles"] == [["a-b:1"], ["a-b:2", "a:2"], ["a:1"]]


def test_blocked_values_are_listed_once_as_they_came() -> None:
    found = simulate([line("mail:NULL", "mail: null", "mail:NULL"), line("mail:NULL", id="2")], Rules.parse(""))

    assert found.document["blocked"] == ["mail: null", "mail:NULL"]
    assert found.document["profiles"] == []


def test_of_equal_versions_the_later_line_counts() -> None:
    first, second = line("user_id:1", "mail:a"), line("user_id:1", "mail:b")

    assert simulate([first, second], RULES).document["profiles"] == [["mail:b", "user_id:1"]]
    assert simulate([second, first], RULES).document["profiles"] == [["mail:a", "user_id:1"]]
