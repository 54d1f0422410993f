"""From one row of a CSV file to the object of a line: columns are found once for a file, then read for every row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, tzinfo
from operator import itemgetter
from typing import Any, Protocol, TypeAlias
from zoneinfo import ZoneInfo

from graph.errors import BadInput
from service.files.mapping import FragmentFile, IdentifierCell, InteractionFile, TraitCell
from service.files.values import international, number, time_of, typed

__all__ = ["Columns", "Tables", "fragment_reader", "interaction_reader"]

Tables: TypeAlias = Mapping[str, Mapping[str, str]]
Cells: TypeAlias = Sequence[str]
Reader: TypeAlias = Callable[[Cells], dict[str, Any]]


class _Cell(Protocol):
    column: Any
    lookup: str | None


class Columns:
    """The columns of one file and the lookup tables beside it. `header` None: columns are known by number only."""

    def __init__(self, header: Cells | None, tables: Tables) -> None:
        self._header = header
        self._tables = tables

    def place(self, column: str | int) -> int:
        """Where a column stands, from 0; BadInput where the file does not have it just once."""
        if isinstance(column, int):
            if self._header is not None and column > len(self._header):
                raise BadInput(f"the mapping names column {column}, the file has {len(self._header)}", ("header",))
            return column - 1
        if self._header is None:
            raise BadInput(f"the file has no header; the mapping must name column {column} by its number", ("header",))
        times = self._header.count(column)
        if times != 1:
            came = "the file does not have it" if not times else f"the file has it {times} times: use its number"
            raise BadInput(f"the mapping names column {column}; {came}", ("header",))
        return self._header.index(column)

    def reader(self, cell: _Cell) -> Callable[[Cells], str]:
        """A function from a row to the text of a cell, by the lookup where it has one; an empty cell stays empty."""
        read = self._plain(self.place(cell.column), cell.column)
        if cell.lookup is None:
            return read
        table, name = self._tables[cell.lookup], cell.lookup

        def looked_up(row: Cells) -> str:
            key = read(row)
            try:
                return table[key] if key else ""
            except KeyError:
                raise BadInput(f"what stands in column {cell.column} is not in lookup {name}") from None

        return looked_up

    def _plain(self, place: int, column: str | int) -> Callable[[Cells], str]:
        if self._header is not None:
            return itemgetter(place)

        def within(row: Cells) -> str:
            if place >= len(row):
                raise BadInput(f"the mapping names column {column}, the row has {len(row)}")
            return row[place]

        return within

    def readers(self, cells: Sequence[_Cell]) -> list[Callable[[Cells], str]]:
        return [self.reader(cell) for cell in cells]


def fragment_reader(entry: FragmentFile, columns: Columns) -> Reader:
    """A function from a row to the object of its fragment line; what the object may hold is not checked here."""
    record_id = _record_id(entry, columns)
    at = _time(entry, columns.readers(entry.observed_at), "observedAt")
    identifiers = [_identifier(cell, columns) for cell in entry.identifiers]
    traits = [(key, _trait(cell, columns, key)) for key, cell in entry.traits.items()]
    score = columns.reader(entry.score) if entry.score else None

    def read(row: Cells) -> dict[str, Any]:
        found = dict(entry.constants)
        for key, trait in traits:
            if (value := trait(row)) is not None:
                found[key] = value
        obj: dict[str, Any] = {
            "source": entry.source,
            "id": record_id(row),
            "observedAt": at(row),
            "identifiers": [one for identifier in identifiers for one in identifier(row)],
            "traits": found or None,
        }
        if score is not None and (text := score(row)):
            obj["score"] = number(text, "score")
        return obj

    return read


def interaction_reader(entry: InteractionFile, columns: Columns) -> Reader:
    """A function from a row to an interaction as an object with its type under `type`."""
    record_id = _record_id(entry, columns)
    at = _time(entry, columns.readers(entry.at), "at")
    origin, target = _identifier(entry.origin, columns), _identifier(entry.target, columns)
    kind = columns.reader(entry.type) if entry.type.column is not None else None
    weight = columns.reader(entry.weight) if entry.weight.column is not None else None

    def read(row: Cells) -> dict[str, Any]:
        obj: dict[str, Any] = {
            "source": entry.source,
            "id": record_id(row),
            "type": entry.type.constant if kind is None else kind(row),
            "from": _only(origin(row), "from"),
            "to": _only(target(row), "to"),
            "at": at(row),
            "weight": entry.weight.constant,
        }
        if weight is not None:
            obj["weight"] = number(text, "weight") if (text := weight(row)) else None
        return obj

    return read


def _time(entry: FragmentFile | InteractionFile, readers: list[Callable[[Cells], str]], field: str) -> Callable[[Cells], Any]:
    """A function from a row to its time: that of the first filled column, None where all are empty."""
    zone: tzinfo = UTC if entry.zone == "UTC" else ZoneInfo(entry.zone)

    def read(row: Cells) -> Any:
        text = next((text for reader in readers if (text := reader(row).strip())), None)
        return None if text is None else time_of(text, entry.time_format, zone, field)

    return read


def _record_id(entry: FragmentFile | InteractionFile, columns: Columns) -> Callable[[Cells], str]:
    readers = columns.readers(entry.id)

    def read(row: Cells) -> str:
        parts = [reader(row) for reader in readers]
        if not all(parts):
            raise BadInput("the column is empty; every record needs an id", ("id",))
        return entry.id_prefix + ":".join(parts)

    return read


def _identifier(cell: IdentifierCell, columns: Columns) -> Callable[[Cells], list[dict[str, str]]]:
    reader, namespace, split, region = columns.reader(cell), cell.namespace, cell.split, cell.region

    def read(row: Cells) -> list[dict[str, str]]:
        text = reader(row)
        values = text.split(split) if split else (text,)
        return [
            {"namespace": namespace, "value": international(value, region) if region else value}
            for value in values
            if value and not value.isspace()
        ]

    return read


def _only(identifiers: list[dict[str, str]], field: str) -> dict[str, str]:
    if len(identifiers) != 1:
        raise BadInput(f"one identifier is wanted, {len(identifiers)} came", (field,))
    return identifiers[0]


def _trait(cell: TraitCell, columns: Columns, key: str) -> Callable[[Cells], Any]:
    readers, kind, split, join = columns.readers(cell.columns), cell.type, cell.split, cell.join

    def read(row: Cells) -> Any:
        text = join.join([part for part in (reader(row).strip() for reader in readers) if part])
        if not text:
            return None
        if split:
            return [typed(part, kind, key) for part in text.split(split) if part]
        return typed(text, kind, key)

    return read
