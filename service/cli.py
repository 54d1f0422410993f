"""The command line `oneid`. Commands import what they need when they run, so that asking for help is quick."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli_apply import apply
from service.cli_erase import erase
from service.cli_explain import explain
from service.cli_export import export
from service.cli_forget_erasures import forget_erasures
from service.cli_load import load
from service.cli_serve import serve
from service.cli_simulate import simulate
from service.cli_store import check, keys, schema
from service.cli_withdraw import withdraw

__all__ = ["app", "main"]

app = typer.Typer(
    name="oneid",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Fragments of identity in, people with stable OneIDs out. Settings come from ONEID_… variables; options override them.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("oneid"))
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    pass


app.command()(serve)
app.command()(load)
app.command()(simulate)
app.command()(apply)
app.command()(explain)
app.command()(export)
app.command()(withdraw)
app.command()(erase)
app.command()(forget_erasures)
app.command()(check)
app.command()(schema)
app.add_typer(keys, name="keys")


def main() -> None:
    """The console script."""
    from service.collector import collect_rarely  # help starts without it

    collect_rarely()
    app()
