"""Fragments in Parquet, read a few rows at a time; needs pyarrow (the extra `batch`).

Columns: `source`, `id`: text. `observedAt`: a timestamp (without zone UTC) or RFC 3339 text. `identifiers`: a list of texts
`namespace:value`, a list of structs with `namespace` and `value`, or either as JSON text. `traits`: JSON text of an object, or a struct
or map. `score`: a number. The last two may be missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from graph.errors import BadInput
from graph.lines import MAX_LINE, fragment_of
from service.files.row import Row

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["NoParquet", "ParquetRows", "pyarrow"]

_NEEDED = ("source", "id", "observedAt", "identifiers")
_OPTIONAL = ("traits", "score")
_ROWS = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NoParquet(BadInput):
    """Parquet was asked for where pyarrow is not installed."""

    def __init__(self) -> None:
        super().__init__("Parquet needs pyarrow; install it with: pip install 'oneid[batch]'")


def pyarrow() -> Any:
    """The module pyarrow with its Parquet part; NoParquet says how to install it."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError:
        raise NoParquet from None
    return pyarrow


class ParquetRows:
    """The rows of a Parquet file."""

    def __init__(self, path: str) -> None:
        self._pa = pyarrow()
        self._raw = open(path, "rb")  # noqa: SIM115 -- close() closes it
        try:
            self._file = self._open()
            self._check_columns()
        except BaseException:
            self._raw.close()
            raise
        self.size: int | None = self._file.metadata.num_rows
        self._done = 0

    def _open(self) -> Any:
        try:
            return self._pa.parquet.ParquetFile(self._raw, buffer_size=1 << 20)
        except (self._pa.ArrowException, OSError):
            raise BadInput("not a Parquet file, or a damaged one") from None

    def _check_columns(self) -> None:
        names = list(self._file.schema_arrow.names)
        missing = [name for name in _NEEDED if name not in names]
        unknown = len(set(names) - {*_NEEDED, *_OPTIONAL})
        if missing or unknown or len(set(names)) < len(names):
            came = f"missing: {', '.join(missing)}" if missing else f"{unknown} unknown or repeated"
            raise BadInput(f"{came}; the columns are {', '.join(_NEEDED)} and, if wanted, {', '.join(_OPTIONAL)}", ("columns",))

    def after(self, place: int) -> Iterator[Row]:
        try:
            for batch in self._file.iter_batches(_ROWS):
                yield from self._rows(batch, place)
        except (self._pa.ArrowException, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise BadInput(f"row {self._done + 1} and what follows cannot be read: the file is damaged") from None

    def _rows(self, batch: pa.RecordBatch, place: int) -> Iterator[Row]:
        columns = {name: _reader(self._pa, name, batch.column(name)) for name in batch.schema.names}
        for at in range(batch.num_rows):
            self._done += 1
            if self._done <= place:
                continue
            try:
                yield Row(self._done, fragment_of({name: read(at) for name, read in columns.items()}, need_time=True))
            except BadInput as trouble:
                yield Row(self._done, trouble=trouble)

    def done(self) -> int:
        return self._done

    def close(self) -> None:
        self._file.close()
        self._raw.close()


def _reader(pa: Any, name: str, column: Any) -> Callable[[int], Any]:
    """A function from the place in a batch to what the line's object has there."""
    if name == "observedAt" and pa.types.is_timestamp(column.type):
        micros = column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(pa.int64()).to_pylist()
        return lambda at: _moment(micros[at])
    reads: dict[str, Callable[[Any, str], Any]] = {"identifiers": _parsed, "traits": _traits}
    read = reads.get(name, _as_it_is)

    def field(at: int) -> Any:
        try:
            return read(column[at].as_py(maps_as_pydicts="strict"), name)
        except (ValueError, KeyError, pa.ArrowException):  # bytes that are no text, a key twice in a map
            raise BadInput("the file holds something here that cannot be read", (name,)) from None

    return field


def _as_it_is(value: Any, _name: str) -> Any:
    return value


def _traits(value: Any, name: str) -> Any:
    """Every row of a struct column has all keys: those without a value are not there."""
    if isinstance(value, dict):
        return {key: inner for key, inner in value.items() if inner is not None}
    return _parsed(value, name)


def _moment(micros: int | None) -> datetime | None:
    try:
        return None if micros is None else _EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        raise BadInput("outside of the years 0001 to 9999", ("observedAt",)) from None


def _parsed(value: Any, name: str) -> Any:
    if not isinstance(value, str):
        return value
    if len(value) > MAX_LINE:
        raise BadInput(f"{len(value)} characters of JSON came, at most {MAX_LINE} are allowed", (name,))
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        raise BadInput(f"JSON is wanted, a text of {len(value)} characters came", (name,)) from None
