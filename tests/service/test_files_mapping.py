"""The mapping document: what it may hold, and a clear word for everything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.files.mapping import BadMapping, Mapping
from service.files.parts import parts_of

FRAGMENTS = """
[[fragments]]
path = "a.csv"
source = "s"
id = "id"
observed_at = "at"
identifiers = [{ namespace = "n", column = "c" }]
"""


def refused(toml: str) -> str:
    with pytest.raises(BadMapping) as caught:
        Mapping.parse(toml)
    return str(caught.value)


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("x", "not valid TOML"),
        ("", "no \\[\\[fragments\\]\\] and no"),
        (FRAGMENTS + "colour = 1", "fragments.1.colour: unknown key"),
        (FRAGMENTS.replace('source = "s"', ""), "fragments.1.source: missing"),
        (FRAGMENTS.replace('column = "c"', 'column = "c", size = 1'), "fragments.1.identifiers.1.size: unknown key"),
        (FRAGMENTS.replace('namespace = "n"', 'namespace = "a:b"'), "fragments.1.identifiers.1.namespace"),
        (FRAGMENTS.replace('id = "id"', "id = 0"), "a column is wanted"),
        (FRAGMENTS.replace('id = "id"', "id = []"), "fragments.1.id"),
        (FRAGMENTS.replace('id = "id"', "id = true"), "a column is wanted"),
        (FRAGMENTS + 'zone = "Mars/Base"', "fragments.1.zone"),
        (FRAGMENTS + 'time_format = "%H:%M"', "whole date"),
        (FRAGMENTS + 'time_format = "%Q"', "whole date"),
        (FRAGMENTS + 'time_format = "iso"', "whole date"),
        (FRAGMENTS + 'encoding = "klingon"', "fragments.1.encoding"),
        (FRAGMENTS + 'encoding = "base64"', "fragments.1.encoding"),
        (FRAGMENTS + 'delimiter = "||"', "fragments.1.delimiter"),
        (FRAGMENTS + "constants = { day = 2026-01-01 }", "write a date as text"),
        (FRAGMENTS.replace('column = "c"', 'column = "c", region = "XX"'), "two capital letters"),
        (FRAGMENTS + 'traits = { t = { column = "c", type = "date" } }', "fragments.1.traits.t.type"),
        (FRAGMENTS + 'traits = { t = { column = "c", lookup = "gone" } }', "no \\[lookup.gone\\]"),
        (FRAGMENTS + "[[fragments]]\npath = 7", "fragments.2.path"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(toml: str, says: str) -> None:
    with pytest.raises(BadMapping, match=says):
        Mapping.parse(toml)


@pytest.mark.parametrize(
    "how",
    ['type = "like"', 'type = { column = "kind" }', 'type = { column = 3, lookup = "kinds" }', "weight = 2", 'weight = { column = "w" }'],
)
def test_a_type_and_a_weight_are_one_for_all_or_a_column(how: str) -> None:
    kind = "" if how.startswith("type") else 'type = "like"\n'
    toml = (
        '[[interactions]]\npath = "a.csv"\nsource = "s"\nid = 1\nat = 2\nfrom = { namespace = "n", column = 1 }\n'
        f'to = {{ namespace = "n", column = 2 }}\n{kind}{how}\n[lookup.kinds]\npath = "k.csv"\nkey = 1\nvalue = 2\n'
    )

    assert len(Mapping.parse(toml).interactions) == 1


def test_a_type_that_is_both_is_refused() -> None:
    toml = '[[interactions]]\npath = "a"\nsource = "s"\nid = 1\nat = 2\ntype = { column = 1, constant = "x" }\n'

    assert "interactions.1.type: either one value or a column" in refused(toml)


def test_constants_may_be_named_as_anything() -> None:
    assert Mapping.parse(FRAGMENTS + 'constants = { lookup = "x", column = "y" }').fragments[0].constants["lookup"] == "x"


def test_a_file_is_known_by_its_name_compressed_or_not() -> None:
    mapping = Mapping.parse(FRAGMENTS.replace("a.csv", "folder/a_*.csv"))

    assert [bool(mapping.entries_for(name)) for name in ("x/a_1.csv", "a_1.csv.gz", "b_1.csv")] == [True, True, False]


def test_the_files_of_a_mapping_lie_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").touch()

    assert Mapping.parse(FRAGMENTS).paths(tmp_path) == [tmp_path / "a.csv.gz"]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadMapping, match=r"no file a\.csv"):
        Mapping.parse(FRAGMENTS).paths(tmp_path)


def test_a_table_without_mapping_is_refused() -> None:
    with pytest.raises(BadMapping, match="needs a mapping"):
        parts_of(["x.csv"], None)


def test_a_table_that_the_mapping_does_not_know_is_refused() -> None:
    with pytest.raises(BadMapping, match="no entry"):
        parts_of(["x.csv"], Mapping.parse(FRAGMENTS))


def test_lines_need_no_mapping_even_where_there_is_one() -> None:
    assert [part.reading for part in parts_of(["x.ndjson", "-"], Mapping.parse(FRAGMENTS))] == ["ndjson", "ndjson"]


def test_a_file_is_another_one_once_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "x.ndjson"
    path.write_bytes(b"one\n")
    before = parts_of([str(path)], None)[0].fingerprint()

    path.write_bytes(b"two\n")

    assert parts_of([str(path)], None)[0].fingerprint() != before
