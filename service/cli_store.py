"""`oneid check`, `schema` and `keys`: small commands around a store and its service."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli_talk import FAILED, AsJson, RulesFile, StoreUrl, need_store, put, rules_of, say, settings_of, told

if TYPE_CHECKING:
    from graph.check import CheckReport
    from service.settings import Settings

__all__ = ["check", "keys", "schema"]

_SHOWN = 100


@told
def check(store: StoreUrl = None, rules: RulesFile = None, as_json: AsJson = False) -> None:
    """Compare everything a store has computed with what its evidence says, and name every difference.

    The exit code is 1 where there is any. All evidence is resolved in memory, so the larger the store, the longer this takes.
    """

    settings = settings_of(store=store, rules=rules)
    need_store(settings.store)
    report = asyncio.run(_checked(settings))
    if as_json:
        put({"differences": list(report.differences), "counted": dict(report.counted)})
    else:
        counted = ", ".join(f"{number:,} {what.replace('_', ' ')}" for what, number in report.counted.items())
        say.print(f"counted {counted}", markup=False)
        for difference in report.differences[:_SHOWN]:
            sys.stdout.write(f"{difference}\n")
        if len(report.differences) > _SHOWN:
            say.print(f"and {len(report.differences) - _SHOWN:,} more; --json gives all")
        say.print(f"{len(report.differences):,} differences" if report.differences else "[green]no difference[/green]")
    if report.differences:
        raise typer.Exit(FAILED)


async def _checked(settings: Settings) -> CheckReport:
    from graph.check import check as checked
    from graph.store import open_store

    async with open_store(settings.store, rules_of(settings), erasure_key=settings.erasing_with()) as store:
        return await checked(store)


@told
def schema() -> None:
    """Print the GraphQL schema, sorted."""
    from service.gql.schema import print_sorted

    sys.stdout.write(print_sorted().rstrip() + "\n")


keys = typer.Typer(no_args_is_help=True, help="API keys: who may ask, and what.")
_File = Annotated[Path | None, typer.Option("--keys", metavar="FILE", help="The key file; ONEID_KEYS otherwise.")]


@keys.command("add")
@told
def _add(
    name: Annotated[str, typer.Argument(help="Who the key is for.")],
    scope: Annotated[list[str], typer.Option("--scope", help="read, pii, write, curate, privacy or admin; once for each.")],
    file: _File = None,
) -> None:
    """Make a key and print it, this once: only its hash is kept."""
    from service.auth import add_key

    record, key = add_key(_key_file(file), name, scope)
    say.print(f"key {record.id} for {name} with scopes {', '.join(sorted(record.scopes))}; it is shown only now:", markup=False)
    sys.stdout.write(f"{key}\n")


@keys.command("list")
@told
def _list(file: _File = None, as_json: AsJson = False) -> None:
    """List the keys of the file; the keys themselves are nowhere."""
    from service.auth import list_keys

    records = list_keys(_key_file(file))
    rows = [{"id": one.id, "name": one.name, "scopes": sorted(one.scopes), "created": one.created.isoformat()} for one in records]
    if as_json:
        put(rows)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("id", "name", "scopes", "created")
    for one in records:
        table.add_row(one.id, one.name, " ".join(sorted(one.scopes)), one.created.isoformat())
    Console().print(table)


@keys.command("revoke")
@told
def _revoke(key: Annotated[str, typer.Argument(help="The id of the key, as `keys list` shows it.")], file: _File = None) -> None:
    """Take a key out of the file; a running service refuses it within a second."""
    from service.auth import revoke_key

    record = revoke_key(_key_file(file), key)
    say.print(f"key {record.id} of {record.name} is revoked", markup=False)


def _key_file(given: Path | None) -> Path:
    import os

    from service.settings import BadSettings

    path = given or (Path(os.environ["ONEID_KEYS"]) if os.environ.get("ONEID_KEYS") else None)
    if path is None:
        raise BadSettings("no key file; set ONEID_KEYS or give --keys FILE")
    return path
