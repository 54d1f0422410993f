"""`oneid erase`: forget somebody, and wait until no byte is left."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli_talk import FAILED, AsJson, RulesFile, StoreUrl, need_store, operator, put, rules_of, say, settings_of, told

if TYPE_CHECKING:
    from graph.curate import Preview
    from graph.operations import Erase
    from graph.store.ports import ReceiptRow
    from service.settings import Settings

__all__ = ["erase"]


@told
def erase(
    *,
    named: Annotated[
        list[str] | None,
        typer.Argument(metavar="WHO…", help="Identifiers, as namespace:value; or one OneID: the person with all identifiers."),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the receipt; without the values that are erased.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    wait: Annotated[
        float, typer.Option("--wait", min=0, metavar="SECONDS", help="How long to wait for the receipt to be COMPLETE.")
    ] = 60.0,
    former: Annotated[
        str | None,
        typer.Option("--carry-over", metavar="URL", help="Nobody new: refuse whom this store erased, before this one takes its place."),
    ] = None,
    store: StoreUrl = None,
    rules: RulesFile = None,
    as_json: AsJson = False,
) -> None:
    """Forget identifiers, or a person: what the store knows of them is gone, and they are refused when they come again.

    The exit code is 1 where the receipt is not complete in time; whoever has the store open goes on with it.
    """
    settings = settings_of(store=store, rules=rules)
    if bool(named) == bool(former):
        raise typer.BadParameter("name who is to be erased, or a store to carry over from; just one of both", param_hint="WHO")
    if former:
        need_store(former)
        row = asyncio.run(_carried(settings, former, reason))
    else:
        need_store(settings.store)
        row = asyncio.run(_erased(settings, _asked(named or [], reason), wait, yes=yes))
    if row is None:
        raise typer.Exit(FAILED)
    _print(row, as_json=as_json)
    if row.purged is None:
        say.print(f"not complete within {wait:g} seconds: something still reads an earlier state; the next that opens the store goes on")
        raise typer.Exit(FAILED)


def _asked(named: list[str], reason: str) -> Erase:
    from graph.errors import BadInput
    from graph.lines import identifier_of
    from graph.operations import Erase
    from graph.views import ByOneId

    if not reason.strip() or len(reason) > 1024:
        raise typer.BadParameter("say why, in 1 to 1,024 characters", param_hint="--reason")
    if len(named) == 1 and ":" not in named[0]:
        return Erase(ByOneId(named[0]), (), reason)
    try:
        return Erase(None, tuple(identifier_of(one, ()) for one in named), reason)
    except BadInput as error:
        raise typer.BadParameter(error.message, param_hint="WHO") from None


async def _erased(settings: Settings, asked: Erase, wait: float, *, yes: bool) -> ReceiptRow | None:
    from graph.curate import perform, preview
    from graph.store import open_store

    async with open_store(settings.store, rules_of(settings), erasure_key=settings.erasing_with()) as store:
        seen = await preview(store, asked)
        if not yes and not _confirmed(seen):
            return None
        done = await perform(store, asked, token=seen.token, by=operator())
        await store.purged(done.token, wait)
        return (await store.receipts([done.token]))[done.token]


async def _carried(settings: Settings, former: str, reason: str) -> ReceiptRow | None:
    from graph.forget import carry_over
    from graph.store import open_store

    rules, key = rules_of(settings), settings.erasing_with()
    async with open_store(former, rules) as source, open_store(settings.store, rules, erasure_key=key) as store:
        number = await carry_over(source, store, reason=reason, by=operator())
        return None if number is None else (await store.receipts([number]))[number]


def _confirmed(seen: Preview) -> bool:
    left = len(seen.outcome.profiles)
    say.print(f"this cannot be undone; {left:,} {'profile is' if left == 1 else 'profiles are'} left with others in them", markup=False)
    return typer.confirm("erase?", default=False, err=True)


def _print(row: ReceiptRow, *, as_json: bool) -> None:
    from graph.model import rfc3339

    told: dict[str, Any] = {
        "receipt": row.n,
        "at": rfc3339(row.at),
        "by": row.by,
        "reason": row.reason,
        "identifiers": row.identifiers,
        "records": row.records,
        "state": "PURGING" if row.purged is None else "COMPLETE",
        "purgedAt": None if row.purged is None else rfc3339(row.purged),
    }
    if as_json:
        put(told)
    else:
        sys.stdout.writelines(f"{name}: {value}\n" for name, value in told.items() if value is not None)
