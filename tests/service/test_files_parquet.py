"""Parquet in, exports out."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from graph.errors import BadInput
from graph.lines import parse_line
from graph.model import Fragment, Identifier
from graph.store.ports import ExportKind
from service.files.exports import Format, write_export
from service.files.parquet import NoParquet, ParquetRows
from service.files.row import Row

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

NOON = datetime(2026, 1, 2, 12, 0, 0, 5)
AT = 1_767_355_200_000_005


def read(path: Path, after: int = 0, **columns: Any) -> list[Row]:
    pq.write_table(pa.table(columns), path / "x.parquet")
    rows = ParquetRows(str(path / "x.parquet"))
    try:
        return list(rows.after(after))
    finally:
        rows.close()


def columns(**changed: Any) -> dict[str, Any]:
    return {"source": ["s"], "id": ["1"], "observedAt": ["2026-01-02T12:00:00.000005Z"], "identifiers": [["a:b"]], **changed}


# ------------------------------------------------------------------------------------------------ in
@pytest.mark.parametrize(
    "observed",
    [
        ["2026-01-02T12:00:00.000005Z"],
        pa.array([NOON], pa.timestamp("us")),
        pa.array([NOON], pa.timestamp("ns")),
        pa.array([NOON.replace(tzinfo=UTC)], pa.timestamp("us", "Asia/Shanghai")),
    ],
)
def test_a_time_is_text_or_a_timestamp(tmp_path: Path, observed: Any) -> None:
    (row,) = read(tmp_path, **columns(observedAt=observed))

    assert row.value == Fragment("s", "1", (Identifier("a", "b"),), AT)


@pytest.mark.parametrize(
    "identifiers",
    [
        [["a:b", "c:d"]],
        [[{"namespace": "a", "value": "b"}, {"namespace": "c", "value": "d"}]],
        ['["a:b", {"namespace": "c", "value": "d"}]'],
    ],
)
def test_identifiers_come_in_three_shapes(tmp_path: Path, identifiers: Any) -> None:
    (row,) = read(tmp_path, **columns(identifiers=identifiers))

    assert isinstance(row.value, Fragment)
    assert row.value.identifiers == (Identifier("a", "b"), Identifier("c", "d"))


@pytest.mark.parametrize(
    "traits", [['{"k": "v"}'], [{"k": "v", "none": None}], pa.array([[("k", "v")]], pa.map_(pa.string(), pa.string()))]
)
def test_traits_come_in_three_shapes(tmp_path: Path, traits: Any) -> None:
    (row,) = read(tmp_path, **columns(traits=traits, score=[1]))

    assert isinstance(row.value, Fragment)
    assert (row.value.traits, row.value.score) == ({"k": "v"}, 1.0)


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"source": [None]}, ("source",)),
        ({"id": [1]}, ("id",)),
        ({"observedAt": pa.array([None], pa.timestamp("us"))}, ("observedAt",)),
        ({"observedAt": [date(2026, 1, 1)]}, ("observedAt",)),
        ({"observedAt": pa.array([1 << 62], pa.int64()).cast(pa.timestamp("us"))}, ("observedAt",)),
        ({"identifiers": [[]]}, ("identifiers",)),
        ({"identifiers": ["[1"]}, ("identifiers",)),
        ({"identifiers": [["a:b"] * 21]}, ("identifiers",)),
        ({"traits": ["x"]}, ("traits",)),
        ({"traits": [{"k": date(2026, 1, 1)}]}, ("traits",)),
        ({"score": [2.0]}, ("score",)),
        ({"source": pa.array([b"\xff"], pa.binary()).view(pa.string())}, ("source",)),
        ({"traits": pa.array([[("k", "v"), ("k", "w")]], pa.map_(pa.string(), pa.string()))}, ("traits",)),
    ],
)
def test_a_bad_row_is_told_with_its_field(tmp_path: Path, changed: dict[str, Any], path: tuple[str, ...]) -> None:
    (row,) = read(tmp_path, **columns(**changed))

    assert row.trouble is not None
    assert row.trouble.path == path


def test_a_bad_row_leaves_the_others_alone(tmp_path: Path) -> None:
    table = {"source": ["s", None, "s"], "id": ["1", "2", "3"], "observedAt": ["2026-01-02T12:00:00Z"] * 3, "identifiers": [["a:b"]] * 3}

    assert [(row.place, row.trouble is None) for row in read(tmp_path, **table)] == [(1, True), (2, False), (3, True)]
    assert [row.place for row in read(tmp_path, after=2, **table)] == [3]


@pytest.mark.parametrize("changed", [{"colour": ["red"]}, {"source": None}])
def test_columns_that_are_unknown_or_missing_are_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    table = {name: cells for name, cells in columns(**changed).items() if cells is not None}

    with pytest.raises(BadInput, match="the columns are source, id, observedAt, identifiers"):
        read(tmp_path, **table)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"nonsense" * 100, b"PAR1" + b"\0" * 100 + b"PAR1"])
def test_what_is_no_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.parquet").write_bytes(content)

    with pytest.raises(BadInput, match="not a Parquet file"):
        ParquetRows(str(tmp_path / "x.parquet"))


def test_without_pyarrow_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(NoParquet, match=r"oneid\[batch\]"):
        ParquetRows("x.parquet")


# ------------------------------------------------------------------------------------------------ out
FRAGMENTS: list[dict[str, Any]] = [
    {
        "source": "s",
        "id": str(n),
        "observedAt": AT + n,
        "identifiers": [{"namespace": "phone", "value": f'"{n},\n'}],
        "traits": {"name": "李雷", "n": n} if n % 2 else None,
        "score": 0.5 if n % 3 else None,
    }
    for n in range(2_500)
]
PROFILES: list[dict[str, Any]] = [
    {
        "one_id": "o1",
        "kind": "person",
        "size": 2,
        "created_at": AT,
        "updated_at": AT + 1,
        "identifiers": ["email:a@x.org", "phone:+8613912345678"],
        "traits": {"name": "李雷"},
    }
]
IDENTIFIERS: list[dict[str, Any]] = [
    {"namespace": "phone", "value": "+86139", "one_id": "o1", "shared": True, "first_seen": AT, "last_seen": AT, "id": "I1"}
]
STAMP = "2026-01-02T12:00:00.000005Z"


async def written(rows: list[dict[str, Any]], kind: ExportKind, form: Format) -> bytes:
    async def stream() -> AsyncIterator[dict[str, Any]]:
        for row in rows:
            yield row

    out = io.BytesIO()
    out.close = lambda: None  # type: ignore[method-assign]  # so that what was written can still be read
    told: list[int] = []
    assert await write_export(stream(), kind, form, out, told.append) == len(rows)
    assert told[-1] == len(rows)
    return out.getvalue()


def expected() -> list[Fragment]:
    return [
        Fragment(row["source"], row["id"], (Identifier(**row["identifiers"][0]),), row["observedAt"], row["traits"], row["score"])
        for row in FRAGMENTS
    ]


async def test_exported_fragments_are_evidence_lines() -> None:
    raw = await written(FRAGMENTS, "fragments", "ndjson")

    assert [parse_line(line) for line in raw.splitlines()] == expected()


async def test_exported_fragments_are_read_again_from_parquet(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(await written(FRAGMENTS, "fragments", "parquet"))

    rows = ParquetRows(str(tmp_path / "x.parquet"))
    values = [row.value for row in rows.after(0)]
    rows.close()

    assert values == expected()


async def test_a_csv_cell_holds_lists_and_objects_as_json() -> None:
    raw = await written(PROFILES, "profiles", "csv")

    (row,) = csv.DictReader(io.StringIO(raw.decode()))
    assert row["created_at"] == STAMP
    assert orjson.loads(row["identifiers"]) == PROFILES[0]["identifiers"]
    assert orjson.loads(row["traits"]) == PROFILES[0]["traits"]


async def test_a_csv_of_identifiers_has_one_line_each() -> None:
    raw = await written(IDENTIFIERS, "identifiers", "csv")

    assert raw.decode() == f"namespace,value,one_id,shared,first_seen,last_seen,id\nphone,+86139,o1,true,{STAMP},{STAMP},I1\n"


async def test_an_identifier_as_ndjson() -> None:
    raw = await written(IDENTIFIERS, "identifiers", "ndjson")

    assert orjson.loads(raw) == {**IDENTIFIERS[0], "first_seen": STAMP, "last_seen": STAMP}


async def test_parquet_keeps_types() -> None:
    table = pq.read_table(io.BytesIO(await written(PROFILES, "profiles", "parquet")))

    assert table.schema.field("created_at").type == pa.timestamp("us", "UTC")
    assert table.column("identifiers").to_pylist() == [PROFILES[0]["identifiers"]]


@pytest.mark.parametrize("form", ["ndjson", "csv", "parquet"])
async def test_nothing_to_export_is_a_whole_file(form: Format) -> None:
    raw = await written([], "identifiers", form)

    rows = {
        "ndjson": lambda: raw.splitlines(),
        "csv": lambda: raw.splitlines()[1:],
        "parquet": lambda: pq.read_table(io.BytesIO(raw)).to_pylist(),
    }
    assert rows[form]() == []
