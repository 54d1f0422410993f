"""`oneid simulate --store`: what other rules would change for everybody in a store."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.cli_talk import bar, need_store, put, rules_of, settings_of

if TYPE_CHECKING:
    from graph.rehearse import Compared, Side
    from graph.resolve.rules import Rules

__all__ = ["document", "rehearse_store", "table"]

_EXAMPLES = 10
_IDENTIFIERS = 5
"""Of a profile, in the table; --json gives more of both."""


def rehearse_store(url: str, rules: Path | None, *, as_json: bool) -> None:
    """Try the rules and print what they would change."""
    settings = settings_of(store=url, rules=rules)
    need_store(settings.store)
    done = asyncio.run(_rehearsed(settings.store, rules_of(settings)))
    if as_json:
        put(document(done))
    else:
        table(done)


async def _rehearsed(url: str, rules: Rules) -> Compared:
    from graph.rehearse import rehearse
    from graph.resolve.rules import Rules
    from graph.store import open_store

    async with open_store(url, Rules.builtin()) as store:
        with bar("trying the rules") as hear:
            return await rehearse(store, rules, hear)


def document(done: Compared) -> dict[str, Any]:
    """As the GraphQL type Simulation."""
    from graph.rehearse import because

    return {
        "profilesBefore": done.profiles_before,
        "profilesAfter": done.profiles_after,
        "merges": done.merges,
        "splits": done.splits,
        "oneIdsChanged": done.one_ids_changed,
        "largestBefore": done.largest_before,
        "largestAfter": done.largest_after,
        "examples": [
            {
                "before": [_side(side) for side in example.before],
                "after": [_side(side) for side in example.after],
                "because": because(example.because, lambda one: f"{one.namespace} {one.value}"),
            }
            for example in done.examples
        ],
    }


def _side(side: Side) -> dict[str, Any]:
    return {"oneId": side.one_id, "identifierCount": side.count, "identifiers": [one.text for one in side.identifiers]}


def table(done: Compared) -> None:
    """What would change, to stdout."""
    from rich.console import Console
    from rich.table import Table

    out = Console(highlight=False)
    counts = Table("", "now", "under these rules")
    counts.add_row("profiles", f"{done.profiles_before:,}", f"{done.profiles_after:,}")
    counts.add_row("largest profile", f"{done.largest_before:,}", f"{done.largest_after:,}")
    out.print(counts)
    changes: Mapping[str, int] = {"merges": done.merges, "splits": done.splits, "OneIDs that would change": done.one_ids_changed}
    for name, number in changes.items():
        out.print(f"{name}: {number:,}", markup=False)
    if done.examples:
        _examples(out, done)


def _examples(out: Any, done: Compared) -> None:
    from rich.table import Table
    from rich.text import Text

    from graph.rehearse import because

    table = Table("now", "under these rules", "because", show_lines=True)
    for example in done.examples[:_EXAMPLES]:
        sides = [
            "\n".join([*(_people(side) for side in some), *([f"and {more:,} profiles more"] if more else [])])
            for some, more in zip((example.before, example.after), example.more, strict=True)
        ]
        table.add_row(*(Text(cell) for cell in (*sides, because(example.because, lambda one: f"{one.namespace} {one.value}"))))
    out.print(table)


def _people(side: Side) -> str:
    names = [one.text for one in side.identifiers[:_IDENTIFIERS]]
    more = side.count - len(names)
    return f"{side.one_id or 'a new OneID'}: {', '.join(names)}{f' and {more:,} more' if more > 0 else ''}"
