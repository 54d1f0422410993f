"""Evidence as NDJSON: fragments, judgements and interactions mixed, one JSON object a line."""

from __future__ import annotations

from collections.abc import Iterator

from graph.errors import BadInput, ValueTooLong
from graph.lines import parse_line
from service.files.row import Row
from service.files.text import BytesFile

__all__ = ["NdjsonRows"]

_BOM = b"\xef\xbb\xbf"


class NdjsonRows:
    """The rows of an NDJSON file; blank lines are passed over."""

    def __init__(self, path: str) -> None:
        self._file = BytesFile(path)
        self.size = self._file.size

    def after(self, place: int) -> Iterator[Row]:
        for number, line in enumerate(self._file.lines(), 1):
            if number <= place:
                continue
            if isinstance(line, ValueTooLong):
                yield Row(number, trouble=line)
                continue
            if number == 1:
                line = line.removeprefix(_BOM)
            if line.strip():
                yield _row(number, line)

    def done(self) -> int:
        return self._file.done()

    def close(self) -> None:
        self._file.close()


def _row(place: int, line: bytes) -> Row:
    try:
        return Row(place, parse_line(line))
    except BadInput as trouble:
        return Row(place, trouble=trouble, text=line.decode(errors="replace").rstrip())
