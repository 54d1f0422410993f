"""`oneid load`: files of evidence into a store."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli_talk import FAILED, INTERRUPTED, AsJson, RulesFile, StoreUrl, operator, put, rules_of, say, settings_of, store_file, told

if TYPE_CHECKING:
    from graph.store.ports import Store
    from service.files.load import Loaded
    from service.files.mapping import Mapping
    from service.files.marks import Marks
    from service.files.parts import Part
    from service.settings import Settings

__all__ = ["load", "load_parts", "stopping"]

_SHOWN = 10


@told
def load(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE",
            help="NDJSON, Parquet, or CSV that the mapping has an entry for; .gz is fine, - is NDJSON from standard input.",
            show_default=False,
        ),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(
            metavar="TOML", help="How CSV files are read. Without FILE everything it names is loaded, from the folder it lies in."
        ),
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write bad lines there as NDJSON: file, line, code, message, path, text.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=10_000, help="Records that become durable together.")] = 1000,
    store: StoreUrl = None,
    rules: RulesFile = None,
    as_json: AsJson = False,
) -> None:
    """Load fragments, judgements and interactions into a store.

    A bad line is told with its number and left out, and the rest goes on. Loading something twice changes nothing, so a load that was
    interrupted or killed is simply started again: it goes on where the store had last acknowledged it.

    Exit codes: 0 all of it is in the store; 1 some lines were rejected, or a file or the store could not be used; 2 wrong usage, mapping
    or rules; 130 interrupted, with what was loaded so far kept.
    """
    from service.files.parts import check_readable, parts_of

    settings = settings_of(store=store, rules=rules)
    paths, plan = _paths(files or [], mapping)
    check_readable(paths)
    loaded = asyncio.run(_load(settings, parts_of(paths, plan), rejects, batch))
    if as_json:
        put(asdict(loaded))
    _summary(loaded)
    if not loaded.finished:
        raise typer.Exit(INTERRUPTED)
    if loaded.rejected:
        raise typer.Exit(FAILED)


def _paths(files: list[str], mapping: Path | None) -> tuple[list[str], Mapping | None]:
    from service.files.mapping import BadMapping, Mapping

    if mapping is None:
        if not files:
            raise BadMapping("nothing to load; give FILEs, or --mapping with files beside it")
        return files, None
    try:
        plan = Mapping.parse(mapping.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise BadMapping(f"{mapping} is not UTF-8") from None
    return files or [str(path) for path in plan.paths(mapping.parent)], plan


async def _load(settings: Settings, parts: list[Part], rejects: Path | None, batch: int) -> Loaded:
    from graph.store import open_store

    async with open_store(settings.store, rules_of(settings), erasure_key=settings.erasing_with()) as store:
        with stopping() as stopped:
            return await load_parts(store, settings.store, parts, rejects=rejects, batch=batch, stopped=stopped)


async def load_parts(store: Store, url: str, parts: list[Part], *, rejects: Path | None, batch: int, stopped: asyncio.Event) -> Loaded:
    """Load the parts with a progress bar on stderr; `stopped` ends it after the batch under way."""
    from service.cli_watch import Watch
    from service.files.flows import StoreFlows
    from service.files.load import load as loading

    marks = await _marks(store, url)
    resumed = any(marks.get(part.fingerprint()) for part in parts)
    flows = StoreFlows(store, operator())
    with Watch(rejects, resumed=resumed) as watch:
        loaded = await loading(parts, flows, marks, watch, batch=batch, stop=stopped.is_set)
    for (namespace, reason), times in flows.blocked.most_common(_SHOWN):
        say.print(f"blocked {times:,} of {namespace}: {reason}", markup=False)
    return loaded


async def _marks(store: Store, url: str) -> Marks:
    from service.files.marks import Marks

    beside = store_file(url)
    first = await store.rules(1)
    head, _ = await store.head()
    if beside is None or first is None:
        return Marks(None, "", head)
    return Marks(beside.with_name(beside.name + ".loads"), str(first.applied_at), head)


@contextmanager
def stopping() -> Iterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set; the second signal interrupts at once."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        loop.remove_signal_handler(number)
        signal.signal(number, signal.default_int_handler)
        say.print("stopping after the batch under way; once more stops at once")
        stopped.set()

    signals = (signal.SIGINT, signal.SIGTERM)
    with suppress(NotImplementedError):  # Windows: Ctrl-C interrupts at once; what was acknowledged is kept all the same
        for number in signals:
            loop.add_signal_handler(number, stop, number)
    try:
        yield stopped
    finally:
        for number in signals:
            with suppress(NotImplementedError, ValueError):
                loop.remove_signal_handler(number)


def _summary(loaded: Loaded) -> None:
    parts = [
        f"{loaded.fragments:,} fragments",
        f"{loaded.judgements:,} judgements",
        f"{loaded.interactions:,} interactions",
        f"{loaded.unchanged:,} unchanged",
        f"{loaded.rejected:,} rejected",
    ]
    end = "loaded" if loaded.finished else "interrupted; start the same command again to go on. So far"
    say.print(f"{end}: {', '.join(parts)}", markup=False)
