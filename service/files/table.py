"""CSV files of source systems as rows, by one entry of a mapping."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path, PurePath
from typing import Literal

from graph.errors import BadInput, ValueTooLong
from graph.lines import fragment_of, interaction_of
from service.files.cells import Columns, fragment_reader, interaction_reader
from service.files.mapping import FragmentFile, InteractionFile, Lookup, Mapping
from service.files.row import Evidence, Row
from service.files.text import BytesFile, TextLines, undecodable

__all__ = ["CsvRows", "read_lookups"]


class _Records:
    """The records of a CSV file with the line each begins on; what is wrong with one stands in its place."""

    def __init__(self, file: BytesFile, entry: FragmentFile | InteractionFile | Lookup) -> None:
        self._lines = TextLines(file, entry.encoding)
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if entry.quoted else csv.QUOTE_NONE
        self._csv = csv.reader(self._lines, delimiter=entry.delimiter, quoting=quoting, strict=True)

    def __iter__(self) -> Iterator[tuple[int, list[str] | BadInput]]:
        while True:
            place = self._lines.number + 1
            try:
                cells = next(self._csv)
            except StopIteration:
                return
            except ValueTooLong as trouble:
                yield place, trouble
            except csv.Error as error:
                yield place, self._told(error, place)
            else:
                if any(map(undecodable, cells)):
                    yield place, BadInput("holds bytes that are no text in the file's encoding")
                elif cells:
                    yield place, cells

    def _told(self, error: csv.Error, place: int) -> BadInput:
        last = self._lines.number
        where = f"lines {place} to {last} cannot be read" if last > place else "not valid CSV"
        if "field larger" in str(error):
            return BadInput(f"{where}: a field of more than {csv.field_size_limit()} characters, or an open quotation")
        return BadInput(f"{where}: a quotation mark stands where it may not or is not closed")


class CsvRows:
    """The rows of a CSV file as one entry of the mapping reads them."""

    def __init__(self, path: str, entry: FragmentFile | InteractionFile, mapping: Mapping) -> None:
        self._path = path
        self._entry = entry
        self._mapping = mapping
        self._file = BytesFile(path)
        self.size = self._file.size

    def after(self, place: int) -> Iterator[Row]:
        records = iter(_Records(self._file, self._entry))
        header = _header(records) if self._entry.header else None
        columns = Columns(header, read_lookups(self._mapping, self._entry, Path(self._path).parent))
        read = _reader(self._entry, columns)
        width = len(header) if header else None
        for number, cells in records:
            if not isinstance(cells, BadInput):
                width = width or len(cells)
            if number <= place:
                continue
            if isinstance(cells, BadInput):
                yield Row(number, trouble=cells)
                continue
            try:
                if len(cells) != width:
                    raise BadInput(f"{len(cells)} columns came, {width} are wanted")
                yield Row(number, read(cells))
            except BadInput as trouble:
                yield Row(number, trouble=trouble, text=self._line(cells))

    def _line(self, cells: list[str]) -> str:
        text = StringIO()
        csv.writer(text, delimiter=self._entry.delimiter, lineterminator="").writerow(cells)
        return text.getvalue()

    def done(self) -> int:
        return self._file.done()

    def close(self) -> None:
        self._file.close()


def read_lookups(mapping: Mapping, entry: FragmentFile | InteractionFile, folder: Path) -> dict[str, dict[str, str]]:
    """The lookup tables an entry uses, read whole from the files in `folder`; a bad or contradictory row is BadInput."""
    return {name: _lookup(name, mapping.lookup[name], folder) for name in mapping.lookups_of(entry)}


def _lookup(name: str, lookup: Lookup, folder: Path) -> dict[str, str]:
    pattern = PurePath(lookup.path).name
    paths = sorted([*folder.glob(pattern), *folder.glob(pattern + ".gz")])
    if not paths:
        raise BadInput(f"lookup {name}: no file {pattern} lies beside the file that needs it")
    table: dict[str, str] = {}
    for path in paths:
        file = BytesFile(str(path))
        try:
            for place, key, value in _pairs(file, lookup):
                if table.setdefault(key, value) != value:
                    raise BadInput(f"line {place}: its key came before with another value")
        except BadInput as trouble:
            raise BadInput(f"lookup {name}: {trouble}") from None
        finally:
            file.close()
    return table


def _pairs(file: BytesFile, lookup: Lookup) -> Iterator[tuple[int, str, str]]:
    records = iter(_Records(file, lookup))
    header = _header(records) if lookup.header else None
    columns = Columns(header, {})
    key, value = columns.place(lookup.key), columns.place(lookup.value)
    for place, cells in records:
        if isinstance(cells, BadInput):
            raise BadInput(f"line {place}: {cells}")
        if len(cells) <= max(key, value):
            raise BadInput(f"line {place}: {len(cells)} columns came, {max(key, value) + 1} are wanted")
        yield place, cells[key], cells[value]


def _header(records: Iterator[tuple[int, list[str] | BadInput]]) -> list[str]:
    for _, cells in records:
        if isinstance(cells, BadInput):
            raise BadInput(cells.message, ("header",))
        return [cell.strip() for cell in cells]
    raise BadInput("the file is empty; a first line with the names of the columns is wanted", ("header",))


def _reader(entry: FragmentFile | InteractionFile, columns: Columns) -> Callable[[list[str]], Evidence]:
    if isinstance(entry, FragmentFile):
        fragment = fragment_reader(entry, columns)
        return lambda cells: fragment_of(fragment(cells), need_time=True)
    interaction = interaction_reader(entry, columns)
    return lambda cells: interaction_of(interaction(cells), need_time=True)
