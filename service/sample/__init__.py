"""The bundled sample: customers of one company in five systems, a small social network, and the mapping that reads both."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.files.mapping import Mapping

__all__ = ["EXAMPLES", "FOLDER", "mapping"]

FOLDER = Path(__file__).parent

EXAMPLES: AnyMapping[str, str] = {
    "one customer by e-mail: who it is, in which systems, and the one link that a rule refused": (
        '{ profile(by: {identifier: {namespace: "email", value: "Carol.Morris@vertex.co"}}) { oneId kind '
        "identifiers(first: 20) { edges { node { namespace value } } } traits { key value source } "
        "links(first: 20, refused: true) { edges { node { a { value } b { value } refusedBy { rule namespace } } } } } }"
    ),
    "people by the beginning of a name": (
        '{ search(text: "Carol Mor", first: 5) { edges { node { oneId traits(keys: ["name", "company"]) { key value } } } } }'
    ),
    "whom a member of the social network deals with most": (
        '{ profile(by: {identifier: {namespace: "social_id", value: "8796093022220"}}) { oneId traits(keys: ["name"]) { value } '
        'related(first: 5) { edges { node { weight direction counts { type count } profile { traits(keys: ["name"]) { value } } } } } '
        'neighbourhood(depth: 2, maxNodes: 8) { truncated nodes { depth strength profile { traits(keys: ["name"]) { value } } } } } }'
    ),
}
"""Queries that show something on the sample, by what they show."""


def mapping() -> Mapping:
    """The mapping that reads the sample."""
    from service.files.mapping import Mapping

    return Mapping.parse((FOLDER / "sample.toml").read_text(encoding="utf-8"))
