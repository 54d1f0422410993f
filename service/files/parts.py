"""What there is to load: each file given, by each entry of the mapping that reads it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from service.files.mapping import BadMapping, Mapping
from service.files.ndjson import NdjsonRows
from service.files.parquet import ParquetRows
from service.files.row import Rows
from service.files.table import CsvRows
from service.files.text import STDIN

__all__ = ["Part", "check_readable", "parts_of"]

_FIRST_BLOCK = 1 << 16
_TABLES = (".csv", ".tsv", ".psv", ".csv.gz", ".tsv.gz", ".psv.gz")
_PARQUET = (".parquet", ".pq")


@dataclass(frozen=True, slots=True)
class Part:
    """One reading of one file. `reading` tells it from other readings of the same file."""

    path: str
    reading: str
    open: Callable[[], Rows]

    @property
    def name(self) -> str:
        return "standard input" if self.path == STDIN else Path(self.path).name

    def fingerprint(self) -> str | None:
        """Equal only while file and reading are the same; None where the file cannot be read twice."""
        path = Path(self.path)
        if self.path == STDIN or not path.is_file():
            return None
        stat = path.stat()
        with path.open("rb") as file:
            first = file.read(_FIRST_BLOCK)
        seen = f"{path.resolve()}\0{stat.st_size}\0{stat.st_mtime_ns}\0{self.reading}\0".encode()
        return sha256(seen + first).hexdigest()


def parts_of(paths: Sequence[str], mapping: Mapping | None) -> list[Part]:
    """The parts of the files in the order given; BadMapping where nobody says how a table is to be read."""
    return [part for path in paths for part in _parts(path, mapping)]


def _parts(path: str, mapping: Mapping | None) -> list[Part]:
    name = path.lower()
    if name.endswith(_PARQUET):
        return [Part(path, "parquet", lambda: ParquetRows(path))]
    entries = mapping.entries_for(path) if mapping and path != STDIN else []
    if mapping and entries:
        return [Part(path, repr(entry), lambda entry=entry: CsvRows(path, entry, mapping)) for entry in entries]  # type: ignore[misc]
    if name.endswith(_TABLES):
        if mapping is None:
            raise BadMapping(f"{Path(path).name}: a table needs a mapping that says how to read it; give --mapping")
        raise BadMapping(f"{Path(path).name}: no entry of the mapping is for a file of this name")
    return [Part(path, "ndjson", lambda: NdjsonRows(path))]


def check_readable(paths: Sequence[str]) -> None:
    """Every file can be opened now; OSError says which cannot, before anything is loaded."""
    for path in paths:
        if path != STDIN:
            with open(path, "rb") as file:
                file.read(1)
