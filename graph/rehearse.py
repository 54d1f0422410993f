"""Rules tried on all evidence of a store, as of one commit. Nothing is written, and writers go on.

Memory: all identifiers as sent and the fragments as packed numbers, and the resolver's working memory for the largest component.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any, Final, cast

from graph.explain import REASONS
from graph.model import Identifier, JudgementKind, Refusal, Rule
from graph.resolve.compare import Because, Beside, Compared, Example, Reason, Side, compare
from graph.resolve.gathered import Gathered
from graph.resolve.rules import Rules
from graph.store.ports import ExportKind, Store

__all__ = ["Because", "Compared", "Example", "Reason", "Side", "because", "rehearse"]

_KINDS: Final[tuple[ExportKind, ...]] = ("rules", "sightings", "judgements", "interactions", "one_ids")
_READING: Final = 0.4
"""The part of the work that reading is, about."""


async def rehearse(store: Store, rules: Rules, told: Callable[[float], None] = lambda _: None, beside: Beside | None = None) -> Compared:
    """What these rules would make of all that the store holds. Once everything is read it computes without a pause; `told` hears how far it
    is, from 0 to 1, and `beside` each portion of it (graph.resolve.compare)."""
    stats = await store.stats()
    whole = max(1, stats.fragments + stats.profiles)
    gathered, rows, in_force = Gathered(), 0, store.in_force
    async with aclosing(cast(Any, store.export_pages(_KINDS))) as pages:
        async for kind, page in pages:
            if kind == "rules":
                in_force = Rules.parse(page[0]["toml"])
                continue
            for row in page:
                _GATHER[kind](gathered, row)
            rows += len(page)
            told(min(1.0, rows / whole) * _READING)
    done = compare(gathered, in_force, rules, lambda part: told(_READING + part * (1 - _READING)), beside)
    told(1.0)
    return done


def _sighting(gathered: Gathered, row: Mapping[str, Any]) -> None:
    gathered.see(row["identifiers"], row["observed"], row["score"])


def _judgement(gathered: Gathered, row: Mapping[str, Any]) -> None:
    a, b = ([Identifier(*text.split(":", 1)) for text in row[name]] for name in ("a", "b"))
    gathered.judge(JudgementKind(row["judgement"]), a, b, row["at"])


def _interaction(gathered: Gathered, row: Mapping[str, Any]) -> None:
    for end in ("from", "to"):
        gathered.mention(Identifier(*row[end].split(":", 1)))


def _one_id(gathered: Gathered, row: Mapping[str, Any]) -> None:
    if row["pin"] is not None:
        gathered.pin(row["order"], row["one_id"], Identifier(*row["pin"].split(":", 1)))


_GATHER: Final[Mapping[str, Callable[[Gathered, Mapping[str, Any]], None]]] = {
    "sightings": _sighting,
    "judgements": _judgement,
    "interactions": _interaction,
    "one_ids": _one_id,
}


def because(one: Because, show: Callable[[Identifier], str]) -> str:
    """What makes the difference, as a sentence; `show` says an identifier as the reader may see it."""
    a, b = (show(end) if end is not None else "an identifier that is blocked now" for end in (one.a, one.b))
    why = _why(one.refusal)
    match one.reason:
        case Reason.ACCEPTED:
            return f"The link {a} – {b} would be used; now it is refused, since {why}."
        case Reason.REFUSED:
            return f"The link {a} – {b} would be refused, since {why}."
        case Reason.TOGETHER:
            return f"{a} and {b} would come together over others; their own link is refused now, since {why}."
        case Reason.APART:
            return f"{a} and {b} would come apart, and their own link be refused, since {why}."
        case Reason.SAME_HOLDS:
            return f"The judgement that {a} and {b} are the same would hold; now one of `distinct` stands against it."
        case Reason.SAME_FALLS:
            return f"The judgement that {a} and {b} are the same would fall, since one of `distinct` would stand against it."
        case Reason.ONE:
            return f"{a} and {b} would be one identifier, by how the rules normalise them."
        case Reason.TWO:
            return f"What was sent as {a} would be more than one identifier, by how the rules normalise it."
        case Reason.BLOCKED:
            return f"{a} would be blocked, so that it joins nobody."
        case Reason.FREE:
            return "An identifier that is blocked now would count."
        case Reason.NAMED:
            return "The same identifiers would have another OneID, since the rules order namespaces otherwise."


def _why(refusal: Refusal | None) -> str:
    if refusal is None:
        return REASONS[Rule.DISTINCT]
    where = f" (namespace {refusal.namespace})" if refusal.namespace else ""
    return f"{REASONS[refusal.rule]}{where}"
