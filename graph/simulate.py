"""Evidence lines in, people out, without any store: rules tried on hand-typed or exported evidence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from graph.errors import BadInput
from graph.lines import parse_evidence
from graph.model import Fragment, Identifier, Judgement
from graph.resolve.rules import Rules
from graph.resolve.whole import Resolution, resolve

__all__ = ["Simulated", "simulate"]


@dataclass(frozen=True, slots=True)
class Simulated:
    """The answer as a JSON document, and the lines that were left out: number, counted from 1, and reason."""

    document: dict[str, Any]
    errors: tuple[tuple[int, str], ...]


def simulate(lines: Iterable[str | bytes], rules: Rules) -> Simulated:
    """What the rules make of the evidence; a bad line is named and the rest counts, an empty one is nothing.

    Lines are in the order in which they were recorded, which decides between versions of a record with the same `observedAt`.
    """
    fragments: list[Fragment] = []
    judgements: list[Judgement] = []
    errors: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            evidence = parse_evidence(line)
        except BadInput as bad:
            errors.append((number, str(bad)))
            continue
        if isinstance(evidence, Fragment):
            fragments.append(evidence)
        else:
            judgements.append(evidence)
    return Simulated(_document(resolve(fragments, judgements, rules)), tuple(errors))


def _document(resolution: Resolution) -> dict[str, Any]:
    """Every list sorted by text and without repeats; the text order differs from that of identifiers (`a1:x` comes before `a:x`)."""
    refused = {(one.kind, *sorted((one.a.text, one.b.text)), one.rule.value) for one in resolution.refused}
    return {
        "profiles": sorted(_texts(profile) for profile in resolution.profiles),
        "refused": [{"kind": kind, "a": a, "b": b, "rule": rule} for kind, a, b, rule in sorted(refused)],
        "blocked": _texts(resolution.blocked),
        "shared": _texts(resolution.shared),
    }


def _texts(identifiers: Iterable[Identifier]) -> list[str]:
    return sorted({identifier.text for identifier in identifiers})
