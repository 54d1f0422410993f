"""`oneid explain`: why two identifiers are together, or apart."""

from __future__ import annotations

import asyncio
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli_talk import FAILED, AsJson, RulesFile, StoreUrl, need_store, put, rules_of, settings_of, told

if TYPE_CHECKING:
    from graph.model import Identifier
    from graph.views import ExplanationView, LinkView
    from service.settings import Settings

__all__ = ["explain"]

_RECORDS = 20
_NAMED = 3
_LISTS = ("path", "refused", "bridges")


@told
def explain(
    a: Annotated[str, typer.Argument(metavar="A", help="An identifier, as namespace:value.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    store: StoreUrl = None,
    rules: RulesFile = None,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="What was believed then: a time such as 2026-01-31T12:00:00Z; without zone it is UTC."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say why two identifiers are one person, or two, and by which records.

    The exit code is 1 where one of them is unknown or blocked. Values are not masked: who can read the store can read the answer.
    """
    from graph.explain import sentence
    from graph.views import Standing

    one, other = _identifier(a, "A"), _identifier(b, "B")
    at = None if as_of is None else _instant(as_of)
    settings = settings_of(store=store, rules=rules)
    need_store(settings.store)
    view = asyncio.run(_explained(settings, one, other, at))
    message = sentence(view, lambda one: f"{one.namespace} {one.value}")
    if as_json:
        lists = {name: [_link(link) for link in getattr(view, name)] for name in _LISTS}
        put({"together": view.together, "message": message, **lists})
    else:
        sys.stdout.write(f"{message}\n")
        _show(view)
    if view.standing in (Standing.UNKNOWN, Standing.BLOCKED):
        raise typer.Exit(FAILED)


def _identifier(text: str, name: str) -> Identifier:
    from graph.errors import BadInput
    from graph.lines import identifier_of

    try:
        return identifier_of(text, ())
    except BadInput as error:
        raise typer.BadParameter(error.message, param_hint=name) from None


def _instant(text: str) -> int:
    from graph.errors import BadInput
    from graph.lines import instant_of

    try:
        return instant_of(text, ())
    except BadInput as error:
        raise typer.BadParameter(error.message, param_hint="--as-of") from None


async def _explained(settings: Settings, a: Identifier, b: Identifier, at: int | None) -> ExplanationView:
    from graph.explain import explain as explained
    from graph.explain import unknown
    from graph.store import open_store
    from graph.views import Want

    link = (Want("fragments", (("first", _RECORDS),)), Want("bridge"))
    async with open_store(settings.store, rules_of(settings), erasure_key=settings.erasing_with()) as store:
        then = None if at is None else await store.moment(at)
        if at is not None and then is None:
            return unknown(a, b)
        return await explained(store, a, b, [Want(name, inner=link) for name in _LISTS], then=then)


def _records(link: LinkView) -> list[Any]:
    return [edge.node for edge in link.parts[("fragments", (("first", _RECORDS),))].edges]


def _link(link: LinkView) -> dict[str, Any]:
    from graph.model import rfc3339

    refused, (a, b) = link.refused, _ends(link)
    return {
        "a": a,
        "b": b,
        "kind": str(link.kind),
        "firstSeenAt": rfc3339(link.first_seen),
        "lastSeenAt": rfc3339(link.last_seen),
        "fragmentCount": link.fragment_count,
        "score": link.score,
        "accepted": refused is None,
        "refusedBy": None if refused is None else {"rule": refused.rule.value, "namespace": refused.namespace},
        "bridge": link.parts[("bridge", ())],
        "fragments": [{"source": one.key.source, "id": one.key.id, "observedAt": rfc3339(one.observed_at)} for one in _records(link)],
    }


def _show(view: ExplanationView) -> None:
    """The links line by line: the chain with its bridges marked, and what is refused."""
    along = [(one.text, other.text) for one, other in pairwise(view.chain)]
    for title, links, ends in (("chain", view.path, along), ("refused", view.refused, map(_ends, view.refused))):
        if links:
            sys.stdout.write(f"\n{title}\n")
            sys.stdout.writelines(f"  {_line(link, *pair)}\n" for link, pair in zip(links, ends, strict=False))


def _ends(link: LinkView) -> tuple[str, str]:
    """The ends by text."""
    a, b = link.a.identifier.text, link.b.identifier.text
    return (a, b) if a < b else (b, a)


def _line(link: LinkView, a: str, b: str) -> str:
    from graph.model import rfc3339

    said = [f"{a} – {b}"]
    if link.judgement is not None:
        said.append(f"judged {link.kind} {rfc3339(link.first_seen)[:10]}")
    else:
        records = [f"{one.key.source}/{one.key.id}" for one in _records(link)[:_NAMED]]
        more = [f"{link.fragment_count - len(records):,} more"] if link.fragment_count > len(records) else []
        said.append(f"{', '.join(records + more)}, last {rfc3339(link.last_seen)[:10]}")
    if link.refused is not None:
        said.append(f"refused by {link.refused.rule.value}{f' of {link.refused.namespace}' if link.refused.namespace else ''}")
    elif link.parts[("bridge", ())]:
        said.append("bridge")
    return "  ".join(said)
