"""NDJSON and CSV files as rows: what is bad is that row's trouble, and the rest goes on."""

from __future__ import annotations

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import BadInput, ValueTooLong
from graph.lines import MAX_LINE
from graph.model import Fragment, Identifier, Interaction
from service.files.mapping import Mapping
from service.files.ndjson import NdjsonRows
from service.files.parts import parts_of
from service.files.row import Row

GOOD = b'{"source": "s", "id": "%d", "observedAt": "2026-01-01T00:00:00Z", "identifiers": ["a:%d"]}\n'

MAPPING = """
[[fragments]]
path = "people*.csv"
source = "crm"
id = "id"
observed_at = ["seen", "made"]
identifiers = [
    { namespace = "email", column = "emails", split = ";" },
    { namespace = "phone", column = "phone", region = "US" },
]
traits = { name = ["first", "last"], vip = { column = "vip", type = "boolean" } }
constants = { segment = "b2b" }
"""
HEAD = "id,seen,made,emails,phone,first,last,vip\n"


def ndjson(path: Path, content: bytes, after: int = 0) -> list[Row]:
    path.write_bytes(content)
    rows = NdjsonRows(str(path))
    try:
        return list(rows.after(after))
    finally:
        rows.close()


def csv_rows(folder: Path, content: str | bytes, mapping: str = MAPPING, name: str = "people.csv") -> list[Row]:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    rows = parts_of([str(path)], Mapping.parse(mapping))[0].open()
    try:
        return list(rows.after(0))
    finally:
        rows.close()


def places(rows: list[Row]) -> dict[int, bool]:
    """Whether the row of each place is good."""
    return {row.place: row.trouble is None for row in rows}


# ------------------------------------------------------------------------------------------------ NDJSON
def test_a_bad_line_leaves_the_others_alone(tmp_path: Path) -> None:
    rows = ndjson(tmp_path / "x", GOOD % (1, 1) + b"\n  \nnonsense\n" + b'{"\xff"}\n' + GOOD % (2, 2))

    assert places(rows) == {1: True, 4: False, 5: False, 6: True}
    assert rows[1].text == "nonsense"


def test_a_line_of_ten_megabytes_is_passed_over(tmp_path: Path) -> None:
    rows = ndjson(tmp_path / "x", b"x" * 10_000_000 + b"\n" + GOOD % (1, 1))

    assert places(rows) == {1: False, 2: True}
    assert isinstance(rows[0].trouble, ValueTooLong)
    assert rows[0].trouble.length == 10_000_001


def test_a_last_line_without_newline_and_a_byte_order_mark_are_fine(tmp_path: Path) -> None:
    rows = ndjson(tmp_path / "x", b"\xef\xbb\xbf" + (GOOD % (1, 1)).rstrip())

    assert places(rows) == {1: True}


def test_windows_line_ends_are_fine(tmp_path: Path) -> None:
    rows = ndjson(tmp_path / "x", (GOOD % (1, 1)).replace(b"\n", b"\r\n") * 2)

    assert places(rows) == {1: True, 2: True}


def test_gzip_is_known_by_its_content(tmp_path: Path) -> None:
    rows = ndjson(tmp_path / "plain-name", gzip.compress(GOOD % (1, 1)))

    assert places(rows) == {1: True}


def test_damaged_gzip_gives_what_is_whole_and_then_says_so(tmp_path: Path) -> None:
    content = gzip.compress(b"".join(GOOD % (n, n) for n in range(200_000)), 1)
    path = tmp_path / "x"
    path.write_bytes(content[: len(content) // 2])
    rows = NdjsonRows(str(path))
    seen: list[Row] = []

    with pytest.raises(BadInput, match="damaged"):
        seen.extend(iter(rows.after(0)))
    rows.close()

    assert places(seen[:1]) == {1: True}


def test_reading_goes_on_after_a_place(tmp_path: Path) -> None:
    rows = ndjson(tmp_path / "x", b"bad\n" + GOOD % (1, 1) + b"bad\n" + GOOD % (2, 2), after=2)

    assert places(rows) == {3: False, 4: True}


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    assert ndjson(tmp_path / "x", b"") == []


# ------------------------------------------------------------------------------------------------ CSV
def test_a_row_becomes_the_fragment_that_the_mapping_says(tmp_path: Path) -> None:
    (row,) = csv_rows(tmp_path, HEAD + "7,,2026-01-02T03:04:05,a@x.org; ;b@x.org,(650) 650-6176,Ada,,yes\n")

    assert isinstance(row.value, Fragment)
    assert row.place == 2
    assert row.value.key == ("crm", "7")
    assert row.value.identifiers == (Identifier("email", "a@x.org"), Identifier("email", "b@x.org"), Identifier("phone", "+16506506176"))
    assert row.value.traits == {"segment": "b2b", "name": "Ada", "vip": True}
    assert row.value.observed_at == 1_767_323_045_000_000


def test_a_number_that_is_none_of_the_region_is_kept_for_the_rules_to_judge(tmp_path: Path) -> None:
    (row,) = csv_rows(tmp_path, HEAD + "7,2026-01-02T03:04:05,,,ask reception,,,\n")

    assert isinstance(row.value, Fragment)
    assert row.value.identifiers == (Identifier("phone", "ask reception"),)


def test_every_bad_record_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = "{},2026-01-02T03:04:05,,a@x.org,,,,\n"
    content = (
        HEAD
        + good.format(2)
        + "3,2026-01-02T03:04:05,,,,,,\n"  # no identifier
        + "4,2026-01-02T03:04:05,,a@x.org\n"  # too few columns
        + "5,,,a@x.org,,,,\n"  # no time
        + "6,2026-02-30T03:04:05,,a@x.org,,,,\n"  # no such day
        + ",2026-01-02T03:04:05,,a@x.org,,,,\n"  # no id
        + "8,2026-01-02T03:04:05,,a@x.org,,,,maybe\n"  # no boolean
        + '9,"x"y,,a@x.org,,,,\n'  # a quotation mark astray
        + '10,2026-01-02T03:04:05,,a@x.org,,"two\nlines",,\n'
        + "\n"
        + good.format(13)
    )

    rows = csv_rows(tmp_path, content)

    assert places(rows) == {2: True, 3: False, 4: False, 5: False, 6: False, 7: False, 8: False, 9: False, 10: True, 13: True}
    assert rows[1].text == "3,2026-01-02T03:04:05,,,,,,"


def test_bytes_that_are_no_text_spoil_their_record_only(tmp_path: Path) -> None:
    good = b"1,2026-01-02T03:04:05,,a@x.org,,,,\n"

    rows = csv_rows(tmp_path, HEAD.encode() + good + b"2,2026-01-02T03:04:05,,a@x.org,,\xe9t\xe9,,\n" + good)

    assert places(rows) == {2: True, 3: False, 4: True}
    assert "encoding" in str(rows[1].trouble)


def test_another_encoding_may_be_named(tmp_path: Path) -> None:
    mapping = MAPPING + 'encoding = "gb18030"\n'
    content = (HEAD + "1,2026-01-02T03:04:05,,a@x.org,,李雷,,\n").encode("gb18030")

    (row,) = csv_rows(tmp_path, content, mapping)

    assert isinstance(row.value, Fragment)
    assert (row.value.traits or {})["name"] == "李雷"


def test_a_quotation_that_is_never_closed_does_not_take_the_file_along(tmp_path: Path) -> None:
    good = "1,2026-01-02T03:04:05,,a@x.org,,,,\n"
    lines = 20_000

    rows = csv_rows(tmp_path, HEAD + '1,"' + good[2:] + good * lines)

    bad = [row for row in rows if row.trouble]
    assert len(bad) == 1
    assert "open quotation" in str(bad[0].trouble)
    assert sum(row.trouble is None for row in rows) > lines / 2


def test_a_line_beyond_all_bounds_is_passed_over(tmp_path: Path) -> None:
    good = "1,2026-01-02T03:04:05,,a@x.org,,,,\n"

    rows = csv_rows(tmp_path, HEAD + good + "x" * (MAX_LINE + 10) + "\n" + good)

    assert places(rows) == {2: True, 3: False, 4: True}


def test_a_byte_order_mark_before_the_header_is_fine(tmp_path: Path) -> None:
    rows = csv_rows(tmp_path, b"\xef\xbb\xbf" + HEAD.encode() + b"1,2026-01-02T03:04:05,,a@x.org,,,,\n")

    assert places(rows) == {2: True}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "empty"),
        ("id,seen,made\n1,2,3\n", "does not have it"),
        (HEAD.replace("made", "id"), "2 times"),
    ],
)
def test_a_header_that_the_mapping_does_not_fit_ends_the_file(tmp_path: Path, content: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        csv_rows(tmp_path, content)


@pytest.mark.parametrize(
    ("time_format", "zone", "cell", "at"),
    [
        ("epoch_ms", "UTC", "1284474930377", 1_284_474_930_377_000),
        ("epoch_s", "UTC", "1284474930.5", 1_284_474_930_500_000),
        ("%d.%m.%Y %H:%M", "Europe/Berlin", "01.07.2026 12:00", 1_782_900_000_000_000),
        ("rfc3339", "Asia/Shanghai", "2026-01-02T11:04:05", 1_767_323_045_000_000),
        ("rfc3339", "Asia/Shanghai", "2026-01-02T03:04:05Z", 1_767_323_045_000_000),
    ],
)
def test_times_are_read_as_the_mapping_says(tmp_path: Path, time_format: str, zone: str, cell: str, at: int) -> None:
    mapping = MAPPING + f'time_format = "{time_format}"\nzone = "{zone}"\n'

    (row,) = csv_rows(tmp_path, HEAD + f"1,{cell},,a@x.org,,,,\n", mapping)

    assert isinstance(row.value, Fragment)
    assert row.value.observed_at == at


@pytest.mark.parametrize("cell", ["soon", "99999999999999999", "١٢٣", "2026-01-02"])
def test_a_time_that_is_no_number_where_one_is_wanted_is_bad(tmp_path: Path, cell: str) -> None:
    (row,) = csv_rows(tmp_path, HEAD + f"1,{cell},,a@x.org,,,,\n", MAPPING + 'time_format = "epoch_s"\n')

    assert row.trouble is not None
    assert row.trouble.path == ("observedAt",)


def test_a_file_without_header_is_read_by_numbers(tmp_path: Path) -> None:
    mapping = """
[[fragments]]
path = "people.csv"
source = "s"
id = 1
observed_at = 2
identifiers = [{ namespace = "a", column = 3 }]
header = false
"""

    rows = csv_rows(tmp_path, "1,2026-01-02T03:04:05,x\n2,2026-01-02T03:04:05\n", mapping)
    narrow = csv_rows(tmp_path, "1,2026-01-02T03:04:05\n", mapping)

    assert places(rows) == {1: True, 2: False}
    assert "names column 3, the row has 2" in str(narrow[0].trouble)


LIKES = """
[[interactions]]
path = "likes.csv"
source = "forum"
type = "like"
id = [1, 2]
id_prefix = "l:"
delimiter = "|"
from = { namespace = "member", column = "who" }
to = { namespace = "member", column = 2, lookup = "author" }
at = "when"
time_format = "epoch_ms"
weight = 2.5
[lookup.author]
path = "posts.csv"
key = "post"
value = "by"
"""


def test_an_interaction_finds_its_other_end_in_another_file(tmp_path: Path) -> None:
    (tmp_path / "posts.csv").write_text("post,by\np1,ada\n")

    rows = csv_rows(tmp_path, "who|post|when\nbob|p1|1000\nbob|p2|1000\n", LIKES, "likes.csv")

    assert rows[0].value == Interaction(
        "forum", "l:bob:p1", "like", Identifier("member", "bob"), Identifier("member", "ada"), 1_000_000, 2.5
    )
    assert "not in lookup author" in str(rows[1].trouble)


@pytest.mark.parametrize(
    ("posts", "says"),
    [(None, "no file posts.csv"), ("post,by\np1,ada\np1,eve\n", "line 3: its key came before"), ("post,by\np1\n", "line 2: 1 columns")],
)
def test_a_lookup_that_cannot_be_trusted_ends_the_file(tmp_path: Path, posts: str | None, says: str) -> None:
    if posts is not None:
        (tmp_path / "posts.csv").write_text(posts)

    with pytest.raises(BadInput, match=says):
        csv_rows(tmp_path, "who|post|when\nbob|p1|1000\n", LIKES, "likes.csv")


# ------------------------------------------------------------------------------------------------ anything at all
@given(st.binary(max_size=400), st.sampled_from(["utf-8", "gb18030", "utf-16", "shift_jis", "utf-7", "idna"]), st.booleans(), st.booleans())
def test_any_bytes_are_rows_or_one_reason(content: bytes, encoding: str, quoted: bool, zipped: bool) -> None:
    how = f'encoding = "{encoding}"\nquoted = {str(quoted).lower()}\n'
    head = HEAD.encode(encoding) if encoding != "idna" else b""
    raw = head + content
    with TemporaryDirectory() as folder:
        try:
            rows = csv_rows(Path(folder), gzip.compress(raw) if zipped else raw, MAPPING + how)
        except BadInput:
            rows = []

    assert all((row.value is None) is (row.trouble is not None) for row in rows)


@given(st.binary(max_size=400))
def test_any_bytes_after_a_gzip_head_are_rows_or_one_reason(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        try:
            rows = ndjson(Path(folder) / "x", b"\x1f\x8b" + content)
        except BadInput:
            rows = []

    assert all((row.value is None) is (row.trouble is not None) for row in rows)
