"""`oneid forget-erasures`: a store whose erasure key is lost takes records in again, and no longer knows whom it erased."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli_talk import FAILED, AsJson, StoreUrl, need_store, operator, put, say, settings_of, told

if TYPE_CHECKING:
    from graph.forget import Buried
    from service.settings import Settings

__all__ = ["forget_erasures"]


@told
def forget_erasures(
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; the audit keeps it.")],
    confirm: Annotated[
        int | None,
        typer.Option("--confirm", min=1, metavar="TOMBSTONES", help="That it is meant: how many there are, as told without it."),
    ] = None,
    store: StoreUrl = None,
    as_json: AsJson = False,
) -> None:
    """Drop the tombstones of all erasures, for a store whose erasure key is lost for good: nothing is refused as erased any more.

    Whoever was erased comes in again, as new, when a source sends them again. Without --confirm it says how many there are, and does
    nothing. What was erased stays gone, and receipts stay.
    """
    settings = settings_of(store=store)
    need_store(settings.store)
    if not reason.strip() or len(reason) > 1024:
        raise typer.BadParameter("say why, in 1 to 1,024 characters", param_hint="--reason")
    found, done = asyncio.run(_forgotten(settings, reason, confirm))
    if as_json:
        put({**found._asdict(), "dropped": done})
    many = f"{found.tombstones:,} tombstones, of {found.identifiers:,} identifiers in {found.erasures:,} erasures"
    if done:
        say.print(f"dropped {many}; nothing is refused as erased any more", markup=False)
        return
    if found.tombstones:
        say.print(f"there are {many}; whoever was erased could come in again. To drop them: --confirm {found.tombstones}", markup=False)
    else:
        say.print("there are no tombstones: nobody was erased, or all are allowed again", markup=False)
    raise typer.Exit(FAILED)


async def _forgotten(settings: Settings, reason: str, confirm: int | None) -> tuple[Buried, bool]:
    """The tombstones that there are, or were, and whether they are dropped."""
    from graph.forget import buried, forget_erasures
    from graph.resolve.rules import Rules
    from graph.store import open_store

    async with open_store(settings.store, Rules.builtin(), erasure_key=settings.erasing_with()) as store:
        found = await buried(store)
        if confirm is None or not found.tombstones:
            return found, False
        return await forget_erasures(store, confirm, reason=reason, by=operator()), True
