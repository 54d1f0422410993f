"""`oneid withdraw`: a record, or what a source sent, taken back."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli_talk import FAILED, AsJson, StoreUrl, bar, need_store, operator, put, say, settings_of, told

if TYPE_CHECKING:
    from graph.operations import Operation
    from service.settings import Settings

__all__ = ["withdraw"]


@told
def withdraw(
    record: Annotated[
        tuple[str, str] | None, typer.Option("--record", metavar="SOURCE ID", help="One record, over all its versions.")
    ] = None,
    source: Annotated[str | None, typer.Option("--source", metavar="SOURCE", help="All records of a source.")] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Of the source only what was recorded then or later, as 2026-05-01T00:00:00Z."),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; the audit keeps it.")] = "",
    preview: Annotated[bool, typer.Option("--preview", help="Say what it would do, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    store: StoreUrl = None,
    as_json: AsJson = False,
) -> None:
    """Take back a record, or what a source sent, as one cause that `revert` undoes.

    Afterwards people are as if it had not come. Without --yes it says first what it would do, and asks. Writers wait while it works.
    """
    operation = _operation(record, source, since, reason)
    if not (yes or preview or sys.stdin.isatty()):
        raise typer.BadParameter("is needed where nobody can be asked", param_hint="'--yes'")
    settings = settings_of(store=store)
    need_store(settings.store)
    figures, done = asyncio.run(_work(settings, operation, preview=preview, ask=not yes))
    if as_json:
        put({"done": done, **figures})
    elif done:
        say.print(f"took back {_sentence(figures)}", markup=False)
    if not done and not preview:
        say.print("nothing was withdrawn")
        raise typer.Exit(FAILED)


def _operation(record: tuple[str, str] | None, source: str | None, since: str | None, reason: str) -> Operation:
    from graph.lines import instant_of
    from graph.model import RecordKey
    from graph.operations import Withdraw, WithdrawSource

    if (record is None) == (source is None):
        raise typer.BadParameter("either a record or a source is wanted", param_hint="'--record' / '--source'")
    if record is not None and since is not None:
        raise typer.BadParameter("goes with --source; a record is withdrawn over all its versions", param_hint="'--since'")
    if not reason.strip():
        raise typer.BadParameter("say why; the audit keeps it", param_hint="'--reason'")
    if record is not None:
        return Withdraw(RecordKey(*record), reason)
    return WithdrawSource(str(source), None if since is None else instant_of(since, ("--since",)), reason)


async def _work(settings: Settings, operation: Operation, *, preview: bool, ask: bool) -> tuple[dict[str, Any], bool]:
    """What it came to, or would, and whether it was done."""
    from graph.curate import Long, perform
    from graph.curate import preview as previewed
    from graph.resolve.rules import Rules
    from graph.store import open_store

    async with open_store(settings.store, Rules.builtin(), erasure_key=settings.erasing_with()) as store:
        token: str | None = None
        if preview or ask:
            with bar("looking what it would do") as hear:
                seen = await previewed(store, operation, by=operator(), long=Long(settings.max_withdrawn, hear))
            token, figures = seen.token, _named(seen.figures)
            say.print(f"it would take back {_sentence(figures)}", markup=False)
            if preview or not typer.confirm("withdraw?", err=True):
                return figures, False
        with bar("withdrawing") as hear:
            long = Long(settings.max_withdrawn, hear)
            done = await perform(store, operation, token=token, by=operator(), long=long)
    return _named(done.figures), True


def _named(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Figures under the names that GraphQL has for them."""
    records, before, after, moved = (figures.get(name) for name in ("records", "before", "after", "moved"))
    return {"records": records or 1, "profilesBefore": before, "profilesAfter": after, "moved": moved}


def _sentence(figures: Mapping[str, Any]) -> str:
    return (
        f"{figures['records']:,} records: of {figures['profilesBefore']:,} profiles {figures['profilesAfter']:,} are left, "
        f"{figures['moved']:,} identifiers change profile"
    )
