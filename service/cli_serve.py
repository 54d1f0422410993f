"""`oneid serve`: the GraphQL service, with the bundled sample in it if wanted."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli_talk import FAILED, INTERRUPTED, RulesFile, StoreUrl, rules_of, say, told

if TYPE_CHECKING:
    from graph.views import StatsView
    from service.settings import Settings

__all__ = ["serve"]

_SAMPLE_STORE = "sqlite:///oneid-sample.db"


@told
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; ONEID_HOST, else 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="ONEID_PORT, else 8000; 0 takes a free one.")] = None,
    sample: Annotated[
        bool, typer.Option("--sample", help=f"Load the bundled sample first; without a store given, into {_SAMPLE_STORE}.")
    ] = False,
    store: StoreUrl = None,
    rules: RulesFile = None,
    keys: Annotated[
        Path | None, typer.Option(metavar="FILE", help="API keys; ONEID_KEYS. Without any the service answers this machine only.")
    ] = None,
) -> None:
    """Serve GraphQL at /graphql: queries and mutations over HTTP, subscriptions over WebSocket and SSE, GraphiQL for browsers."""
    from service.auth import list_keys
    from service.settings import Settings

    if sample and store is None and not os.environ.get("ONEID_STORE"):
        store = _SAMPLE_STORE
    settings = Settings.of_environment(host=host, port=port, store=store, rules=rules, keys=keys)
    if settings.keys is not None:
        list_keys(settings.keys)
    if not sample:
        asyncio.run(_reach(settings))
    elif not asyncio.run(_load_sample(settings)):
        raise typer.Exit(INTERRUPTED)
    _run(settings, sample=sample)


async def _load_sample(settings: Settings) -> bool:
    """Load what of the sample is not there yet and say what came of it; False where somebody interrupted."""
    from graph.store import open_store
    from service.cli_load import load_parts, stopping
    from service.files.parts import parts_of
    from service.sample import FOLDER, mapping

    plan = mapping()
    parts = parts_of([str(path) for path in plan.paths(FOLDER)], plan)
    say.print("loading the bundled sample: customers of five systems, and a social network", markup=False)
    async with open_store(settings.store, rules_of(settings), erasure_key=settings.erasing_with()) as store:
        with stopping() as stopped:
            loaded = await load_parts(store, settings.store, parts, rejects=None, batch=1000, stopped=stopped)
        if loaded.finished:
            if loaded.rows == loaded.unchanged:
                say.print("it was there before; nothing changed", markup=False)
            _report(len({entry.source for entry in plan.entries()}), await store.stats())
    return loaded.finished


def _report(sources: int, stats: StatsView) -> None:
    """What the store holds, as a person would ask for it."""
    rows = {
        "sources": f"{sources:,}",
        "fragments": f"{stats.fragments:,}",
        "identifiers": f"{stats.identifiers:,}",
        "people": f"{stats.profiles:,}",
        "merges": f"{max(0, stats.fragments - stats.profiles):,} fragments found to be of somebody known from another one",
        "refused links": f"{stats.refused_links:,}",
        "largest person": f"{stats.largest_profile:,} identifiers",
    }
    for name, value in rows.items():
        say.print(f"  {name:<15} {value}", markup=False)


async def _reach(settings: Settings) -> None:
    """Open the store once, so that what is wrong with it is told before anything listens."""
    from graph.store import open_store

    async with open_store(settings.store, rules_of(settings), erasure_key=settings.erasing_with()):
        pass


def _run(settings: Settings, *, sample: bool) -> None:
    from service.server import Server

    server = Server(settings, announce=lambda port: _announce(settings.host, port, sample=sample))
    with suppress(KeyboardInterrupt, SystemExit):  # Ctrl-C is how a person ends it; SystemExit: the address is taken, which it has told
        server.run()
    if not server.started:
        raise typer.Exit(FAILED)


def _announce(host: str, port: int, *, sample: bool) -> None:
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/graphql"
    say.print(f"GraphQL and GraphiQL: {url}   (Ctrl-C ends it)", markup=False)
    if sample:
        from service.sample import EXAMPLES

        say.print("try:")
        for what, query in EXAMPLES.items():
            body = json.dumps({"query": query}).replace("'", "'\\''")
            say.print(f"  # {what}\n  curl -s {url} -H 'Content-Type: application/json' -d '{body}'", markup=False)
