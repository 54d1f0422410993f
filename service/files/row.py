"""What every reader of files yields: one row at a time, good or bad."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from graph.errors import BadInput
from graph.model import Fragment, Interaction, Judgement

__all__ = ["Evidence", "Row", "Rows"]

Evidence: TypeAlias = Fragment | Judgement | Interaction


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file: what it says, or the trouble with it.

    `place` is the line a row begins on in a text file, the row itself in a Parquet file; both count from 1. `text` is a bad row as
    it came, where there is one to show.
    """

    place: int
    value: Evidence | None = None
    trouble: BadInput | None = None
    text: str | None = None


class Rows(Protocol):
    """A file being read, in its order, in bounded memory. A bad row is yielded as such and reading goes on.

    BadInput out of the iteration means that the rest of the file cannot be read.
    """

    size: int | None
    """How much there is: bytes of the file as it lies there, rows of a Parquet file; None where nobody knows (a pipe)."""

    def after(self, place: int) -> Iterator[Row]:
        """The rows that begin after a place; 0 gives all."""
        ...

    def done(self) -> int:
        """How much is read so far, in the measure of `size`."""
        ...

    def close(self) -> None: ...
