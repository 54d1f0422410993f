"""`oneid apply`: other rules for a store that is full."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli_rehearse import document, table
from service.cli_talk import FAILED, AsJson, RulesFile, StoreUrl, bar, need_store, operator, put, rules_of, say, settings_of, told

if TYPE_CHECKING:
    from graph.applying import Bounds, Tried
    from graph.resolve.rules import Rules
    from service.settings import Settings

__all__ = ["apply"]


@told
def apply(
    rules: RulesFile = None,
    expected: Annotated[
        int | None,
        typer.Option("--expected-version", min=1, help="The version of the rules that these replace; by default whatever is in force."),
    ] = None,
    max_merged: Annotated[
        int | None, typer.Option("--max-merged", min=0, help="Do nothing where more profiles would hold what two or more hold now.")
    ] = None,
    max_split: Annotated[int | None, typer.Option("--max-split", min=0, help="Do nothing where more profiles would be divided.")] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Say what it would do, within the bounds, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    store: StoreUrl = None,
    as_json: AsJson = False,
) -> None:
    """Make rules those in force in a store: people are then as if these had been there from the start.

    They are tried on all evidence first, while the service goes on, and it says what they change; within the bounds they are then made true
    in one step, one cause that `revert` undoes. Beyond the bounds nothing is done and the exit code is 1, so that with --preview it can
    stand guard over a rules file in CI.
    """
    from graph.applying import Bounds

    if not (yes or preview or sys.stdin.isatty()):
        raise typer.BadParameter("is needed where nobody can be asked", param_hint="'--yes'")
    settings = settings_of(store=store, rules=rules)
    need_store(settings.store)
    wanted, bounds = rules_of(settings), Bounds(max_merged, max_split)
    tried, version = asyncio.run(_work(settings, wanted, expected, bounds, preview=preview, ask=not yes, shown=not as_json))
    if as_json:
        put({"version": version, **document(tried.compared)})
    elif version is not None:
        say.print(f"rules version {version} is in force")
    if version is None and not preview:
        say.print("nothing was changed")
        raise typer.Exit(FAILED)


async def _work(
    settings: Settings, rules: Rules, expected: int | None, bounds: Bounds, *, preview: bool, ask: bool, shown: bool
) -> tuple[Tried, int | None]:
    """What the rules change, and the version that they have now; None: they are not in force."""
    from graph.applying import put_in_force, try_rules
    from graph.resolve.rules import Rules
    from graph.store import open_store

    async with open_store(settings.store, Rules.builtin(), erasure_key=settings.erasing_with()) as store:
        if expected is None:
            in_force: Any = await store.rules()
            expected = in_force.version
        with bar("trying the rules") as hear:
            tried = await try_rules(store, rules, expected, bounds, hear)
        if shown:
            table(tried.compared)
        if preview or (ask and not typer.confirm(f"put them in force instead of version {expected}?", err=True)):
            return tried, None
        done = await put_in_force(store, tried, bounds, by=operator())
        return tried, done.version
