"""`oneid export`: everything of a kind out of a store."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from service.cli_talk import RulesFile, StoreUrl, need_store, rules_of, say, settings_of, told

if TYPE_CHECKING:
    from service.settings import Settings

__all__ = ["export"]


class What(StrEnum):
    IDENTIFIERS = "identifiers"
    PROFILES = "profiles"
    FRAGMENTS = "fragments"
    JUDGEMENTS = "judgements"
    INTERACTIONS = "interactions"
    ONE_IDS = "one_ids"


class Form(StrEnum):
    NDJSON = "ndjson"
    CSV = "csv"
    PARQUET = "parquet"


@told
def export(
    kind: Annotated[
        What,
        typer.Argument(
            metavar="identifiers|profiles|fragments|judgements|interactions|one_ids",
            show_choices=False,
            help="Who belongs to which OneID; people with their golden record; the evidence, as `oneid load` takes it; or every OneID "
            "with the identifier it follows.",
        ),
    ],
    form: Annotated[
        Form | None, typer.Option("--format", help="What to write; by the ending of --out otherwise, else NDJSON.", show_default=False)
    ] = None,
    out: Annotated[str, typer.Option(metavar="FILE", help="Where to; - is standard output.")] = "-",
    cursor: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write the cursor of the feed as well.", show_default=False)
    ] = None,
    store: StoreUrl = None,
    rules: RulesFile = None,
) -> None:
    """Write all of one kind, as of one moment, however long it takes and whatever is written meanwhile.

    It tells the cursor of the feed as of that moment: `changes(after: …)` goes on from there. The file appears when it is
    whole. Values are not masked: who can read the store can read the export.
    """
    settings = settings_of(store=store, rules=rules)
    need_store(settings.store)
    chosen = form or _form_of(out)
    with _written(out) as file:
        count, position = asyncio.run(_export(settings, kind, chosen, file))
    say.print(f"{count:,} {kind} written as {chosen}{'' if out == '-' else f' to {out}'}", markup=False)
    say.print(f"as of feed cursor {position}; changes(after: …) goes on from it", markup=False, soft_wrap=True)
    if cursor is not None:
        with _written(str(cursor)) as file:
            file.write(f"{position}\n".encode())


def _form_of(out: str) -> Form:
    ending = Path(out).suffix.lstrip(".").lower()
    return Form(ending) if ending in list(Form) else Form.NDJSON


async def _export(settings: Settings, kind: What, form: Form, file: BinaryIO) -> tuple[int, str]:
    """The number of rows, and the cursor of the feed that they are as of."""
    from graph.store import open_store
    from service.files.exports import write_export
    from service.gql.ids import encode, node_id

    columns = (SpinnerColumn(), TextColumn("{task.completed:,} rows"), TimeElapsedColumn())
    async with open_store(settings.store, rules_of(settings), erasure_key=settings.erasing_with()) as store:
        last: list[int] = []
        with Progress(*columns, console=say, disable=not say.is_terminal, transient=True) as bar:
            task = bar.add_task(kind.value, total=None)
            found = store.export(kind.value, position=last.append)
            rows = ({**row, "id": node_id("identifier", row["id"])} async for row in found) if kind is What.IDENTIFIERS else found
            count = await write_export(rows, kind.value, form.value, file, lambda n: bar.update(task, completed=n))
        return count, encode("changes", last)


@contextmanager
def _written(out: str) -> Iterator[BinaryIO]:
    """The file to write, which gets its name when all of it is on disk; or standard output."""
    if out == "-":
        yield sys.stdout.buffer
        return
    path = Path(out)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
