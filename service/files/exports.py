"""What a store holds, written as NDJSON, CSV or Parquet a thousand rows at a time.

Texts of times are RFC 3339 in UTC; in Parquet they are timestamps. A list or an object in a CSV cell is JSON. Fragments,
judgements and interactions as NDJSON are evidence lines: `oneid load` reads them again, and `oneid simulate` the first two.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, BinaryIO, Literal, Protocol, TypeAlias

import orjson

from graph.model import rfc3339
from graph.store.ports import ExportKind
from service.files.parquet import pyarrow

__all__ = ["Format", "write_export"]

Format: TypeAlias = Literal["ndjson", "csv", "parquet"]
RowDict: TypeAlias = Mapping[str, Any]

_ROWS = 1000
_COLUMNS: Mapping[ExportKind, Mapping[str, str]] = {
    "identifiers": {
        "namespace": "text",
        "value": "text",
        "one_id": "text",
        "shared": "bool",
        "first_seen": "time",
        "last_seen": "time",
        "id": "text",
    },
    "profiles": {
        "one_id": "text",
        "kind": "text",
        "size": "int",
        "created_at": "time",
        "updated_at": "time",
        "identifiers": "texts",
        "traits": "json",
    },
    "fragments": {
        "source": "text",
        "id": "text",
        "observedAt": "time",
        "identifiers": "pairs",
        "traits": "json",
        "score": "number",
    },
    "judgements": {"judgement": "text", "a": "ends", "b": "ends", "at": "time", "by": "text", "reason": "text"},
    "interactions": {
        "interaction": "text",
        "source": "text",
        "id": "text",
        "from": "text",
        "to": "text",
        "at": "time",
        "weight": "number",
    },
    "one_ids": {"order": "int", "one_id": "text", "pin": "text", "closed_into": "text", "leads_to": "text"},
}


class _Writer(Protocol):
    def write(self, rows: Sequence[RowDict]) -> None: ...

    def close(self) -> None: ...


async def write_export(rows: AsyncIterator[RowDict], kind: ExportKind, form: Format, out: BinaryIO, told: Callable[[int], None]) -> int:
    """Write all rows of a kind and give their number; `told` hears of every thousand. `out` stays open."""
    writer = _writer(kind, form, out)
    count = 0
    batch: list[RowDict] = []
    async for row in rows:
        batch.append(row)
        if len(batch) == _ROWS:
            writer.write(batch)
            count += len(batch)
            told(count)
            batch = []
    writer.write(batch)
    writer.close()
    told(count + len(batch))
    return count + len(batch)


def _writer(kind: ExportKind, form: Format, out: BinaryIO) -> _Writer:
    writers: dict[Format, Callable[[Mapping[str, str], BinaryIO], _Writer]] = {
        "ndjson": _Ndjson,
        "csv": _Csv,
        "parquet": _Parquet,
    }
    return writers[form](_COLUMNS[kind], out)


def _time(value: int | None) -> str | None:
    return None if value is None else rfc3339(value)


class _Ndjson:
    """One object a row; empty fields of an evidence line are left out, and a side of one identifier is that one."""

    def __init__(self, columns: Mapping[str, str], out: BinaryIO) -> None:
        self._times = [name for name, kind in columns.items() if kind == "time"]
        self._names = list(columns)
        self._ends = [name for name, kind in columns.items() if kind == "ends"]
        self._sparse = bool(self._ends) or "pairs" in columns.values()
        self._out = out

    def write(self, rows: Sequence[RowDict]) -> None:
        for row in rows:
            obj = {name: row[name] for name in self._names if not self._sparse or row[name] is not None}
            for name in self._times:
                if name in obj:
                    obj[name] = _time(obj[name])
            for name in self._ends:
                obj[name] = obj[name][0] if len(obj[name]) == 1 else obj[name]
            self._out.write(orjson.dumps(obj, option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        self._out.flush()


class _Csv:
    """UTF-8, a first line with the names of the columns."""

    def __init__(self, columns: Mapping[str, str], out: BinaryIO) -> None:
        self._columns = columns
        self._out = out
        self._text = io.StringIO()
        self._csv = csv.writer(self._text, lineterminator="\n")
        self._csv.writerow(columns)

    def write(self, rows: Sequence[RowDict]) -> None:
        for row in rows:
            self._csv.writerow([self._cell(row[name], kind) for name, kind in self._columns.items()])
        self._out.write(self._text.getvalue().encode())
        self._text.seek(0)
        self._text.truncate()

    def _cell(self, value: Any, kind: str) -> Any:
        if value is None:
            return ""
        if kind == "time":
            return rfc3339(value)
        return value if kind in ("text", "int", "number") else orjson.dumps(value).decode()

    def close(self) -> None:
        self._out.flush()


class _Parquet:
    """Zstandard, a row group for at most 50,000 rows."""

    _GROUP = 50

    def __init__(self, columns: Mapping[str, str], out: BinaryIO) -> None:
        self._pa = pa = pyarrow()
        types = {
            "text": pa.string(),
            "bool": pa.bool_(),
            "int": pa.int64(),
            "number": pa.float64(),
            "time": pa.timestamp("us", "UTC"),
            "json": pa.string(),
            "texts": pa.list_(pa.string()),
            "ends": pa.list_(pa.string()),
            "pairs": pa.list_(pa.struct([("namespace", pa.string()), ("value", pa.string())])),
        }
        self._columns = columns
        self._schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
        self._out = out
        self._writer = pa.parquet.ParquetWriter(pa.PythonFile(out, mode="w"), self._schema, compression="zstd")
        self._waiting: list[Any] = []

    def write(self, rows: Sequence[RowDict]) -> None:
        columns = [[self._cell(row[name], kind) for row in rows] for name, kind in self._columns.items()]
        arrays = [self._pa.array(cells, field.type) for cells, field in zip(columns, self._schema, strict=True)]
        self._waiting.append(self._pa.record_batch(arrays, schema=self._schema))
        if len(self._waiting) == self._GROUP:
            self._group()

    def _cell(self, value: Any, kind: str) -> Any:
        return orjson.dumps(value).decode() if kind == "json" and value is not None else value

    def _group(self) -> None:
        self._writer.write_table(self._pa.Table.from_batches(self._waiting, self._schema))
        self._waiting = []

    def close(self) -> None:
        self._group()
        self._writer.close()
        self._out.flush()
