"""What a person sees of a load: a progress bar for each file, the first bad lines, and the rejects file."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import IO

import orjson
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from service.cli_talk import say
from service.files.load import Loaded, Reject
from service.files.parts import Part

__all__ = ["Watch"]

_SHOWN = 10


class Watch:
    """Shows a load on stderr and writes its rejects; `resumed` adds to the rejects file of the earlier run."""

    def __init__(self, rejects: Path | None, *, resumed: bool) -> None:
        self._path = rejects
        self._mode = "ab" if resumed else "wb"
        self._rejects: IO[bytes] | None = None
        self._told = 0
        self._task: TaskID | None = None
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TaskProgressColumn(),
            TextColumn("{task.fields[rows]:,} rows, {task.fields[speed]:,.0f}/s"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=say,
            disable=not say.is_terminal,
        )

    def __enter__(self) -> Watch:
        if self._path is not None:
            self._rejects = self._path.open(self._mode)
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()
        if self._rejects is not None:
            self._rejects.close()
        if self._told > _SHOWN:
            say.print(f"… and {self._told - _SHOWN:,} more bad lines{f', all in {self._path}' if self._path else ''}", markup=False)

    def opened(self, part: Part, size: int | None) -> None:
        self._task = self._bar.add_task(part.name, total=size, rows=0, speed=0.0)

    def moved(self, part: Part, done: int, loaded: Loaded) -> None:
        if self._task is not None:
            elapsed = self._bar.tasks[self._bar.task_ids.index(self._task)].elapsed or 0.0
            self._bar.update(self._task, completed=done, rows=loaded.rows, speed=loaded.rows / elapsed if elapsed else 0.0)

    def finished(self, part: Part, loaded: Loaded) -> None:
        if not say.is_terminal:
            say.print(f"{part.name}: {loaded.rows:,} rows, {loaded.rejected:,} rejected", markup=False)

    def rejected(self, reject: Reject) -> None:
        self._told += 1
        where = ".".join(reject.path)
        if self._told <= _SHOWN:
            at = f"{where}: " if where else ""
            say.print(f"{reject.part.name} line {reject.place}: {at}{reject.message}", markup=False)
        if self._rejects is not None:
            self._rejects.write(orjson.dumps(_row(reject), option=orjson.OPT_APPEND_NEWLINE))

    def settled(self) -> None:
        if self._rejects is not None:
            self._rejects.flush()
            os.fsync(self._rejects.fileno())


def _row(reject: Reject) -> dict[str, object]:
    row: dict[str, object] = {
        "file": reject.part.name,
        "line": reject.place,
        "code": reject.code,
        "message": reject.message,
        "path": list(reject.path),
    }
    if reject.text is not None:
        row["text"] = reject.text
    return row
