"""People found by what somebody typed: the beginning of an identifier, however it is written, or words of a name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final
from unicodedata import normalize

import phonenumbers

from graph.model import Identifier
from graph.resolve.normalise import INVISIBLE, Normalise, normal_form
from graph.resolve.rules import Namespace, Rules
from graph.ruled import by_rules
from graph.store.ports import Store
from graph.traits.names import query_tokens
from graph.views import Connection, Page, ProfileView, Want

__all__ = ["UNDECLARED", "beginnings", "search", "whole_values"]

UNDECLARED: Final = ""
"""The namespace that stands for all that the rules do not declare."""


async def search(
    store: Store, text: str, page: Page, want: Sequence[Want], *, whole: bool = False, token: int | None = None
) -> Connection[ProfileView]:
    """Profiles with an identifier that begins with the text, or a name whose words begin with those of the text.

    `whole`: the text is the value, or all of the name. See the store's `search` for what a very common beginning shows.
    """

    async def by(rules: Rules) -> Connection[ProfileView]:
        prefixes = whole_values(text, rules) if whole else beginnings(text, rules)
        return await store.search(prefixes, query_tokens(text), page, want, whole=whole, token=token)

    return await by_rules(store, by)


def whole_values(text: str, rules: Rules) -> list[Identifier]:
    """The identifiers that a text may be as a whole, once in each namespace, normalised."""
    found = (rules.normalise(Identifier(name, value)) for name, value in _places(text, rules))
    return list(dict.fromkeys(one for one in found if isinstance(one, Identifier)))


def beginnings(text: str, rules: Rules) -> list[Identifier]:
    """What normalised identifiers begin with when somebody writes the text, by namespace; `139 1234` is `+861391234`."""
    found = dict.fromkeys(whole_values(text, rules))
    for name, value in _places(text, rules):
        namespace = rules.namespace(name)
        if rules.declared_only and namespace not in rules.namespaces:
            continue
        found.update((Identifier(name, begin), None) for begin in _BEGINNINGS[namespace.normalise](value, namespace) if begin)
    return list(found)


def _places(text: str, rules: Rules) -> Iterator[tuple[str, str]]:
    """Where a text may stand: in every namespace, and as `namespace:value` in that one."""
    for namespace in rules.namespaces:
        yield namespace.name, text
    yield UNDECLARED, text
    name, colon, value = text.partition(":")
    if colon and (name := name.strip()) and value.strip():
        yield name, value


def _as_normalised(value: str, namespace: Namespace) -> Iterator[str]:
    form = normal_form(value, namespace.normalise)
    if isinstance(form, str):
        yield form


def _plain(value: str) -> str:
    return normalize("NFKC", value).strip(INVISIBLE).lower()


def _email(value: str, _namespace: Namespace) -> Iterator[str]:
    if not re.search(r"\s", plain := _plain(value)):
        yield plain


def _uuid(value: str, _namespace: Namespace) -> Iterator[str]:
    digits = _plain(value).removeprefix("urn:uuid:").removeprefix("{").removesuffix("}").replace("-", "")
    if re.fullmatch(r"[0-9a-f]{1,32}", digits):
        groups = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
        yield "-".join(group for group in groups if group)


def _hex(value: str, _namespace: Namespace) -> Iterator[str]:
    digits = _plain(value).removeprefix("0x")
    if re.fullmatch(r"[0-9a-f]+", digits):
        yield digits


def _phone(value: str, namespace: Namespace) -> Iterator[str]:
    """With `+` or `00` as it stands; else written nationally, or with the country's code but no sign."""
    plain = _plain(value)
    digits = re.sub(r"\D", "", plain)
    if not digits or not re.fullmatch(r"[+\d\s().-]+", plain):
        return
    if plain.startswith("+"):
        yield f"+{digits}"
        return
    if digits.startswith("00"):
        yield f"+{digits[2:]}"
    if namespace.region is not None:
        code = phonenumbers.country_code_for_region(namespace.region)
        trunk = phonenumbers.ndd_prefix_for_region(namespace.region, strip_non_digits=True) or ""
        yield f"+{code}{digits}"
        if trunk and digits.startswith(trunk):
            yield f"+{code}{digits.removeprefix(trunk)}"
    yield f"+{digits}"


_BEGINNINGS: Final[Mapping[Normalise, Callable[[str, Namespace], Iterator[str]]]] = {
    Normalise.NONE: _as_normalised,
    Normalise.TRIM: _as_normalised,
    Normalise.LOWERCASE: _as_normalised,
    Normalise.EMAIL: _email,
    Normalise.E164: _phone,
    Normalise.UUID: _uuid,
    Normalise.HEX: _hex,
}
