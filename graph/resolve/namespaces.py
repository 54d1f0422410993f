"""The `[[namespace]]` tables of the rules: types of identifiers, strongest first."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from phonenumbers import SUPPORTED_REGIONS

from graph.errors import BadRules
from graph.resolve.document import Table, came
from graph.resolve.normalise import Blocked, Normalise, normal_form

__all__ = ["Blocklist", "Conflict", "Namespace", "read_namespaces", "undeclared"]

_PERSONS = frozenset({"user_id", "account", "crm_id", "phone", "email", "wechat_unionid"})
_KEYS = ("name", "normalise", "region", "limit", "unique", "shared_above", "conflict", "blocked", "min_score", "person")
_RESERVED = ("expires", "window", "hash_of", "sources")


class Conflict(StrEnum):
    """Which link wins when joining would break a rule."""

    NEWEST = "newest"
    OLDEST = "oldest"
    PARK = "park"


@dataclass(frozen=True, slots=True)
class Blocklist:
    """Normalised values that identify nobody: some by their text, some by what is found in them."""

    literals: frozenset[str] = frozenset()
    patterns: tuple[re.Pattern[str], ...] = ()

    def holds(self, value: str) -> bool:
        if value in self.literals:
            return True
        return bool(self.patterns) and any(pattern.search(value) for pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class Namespace:
    """What the rules say of one namespace; the smaller `rank`, the stronger. None means: no bound."""

    name: str
    rank: tuple[int, str]
    limit: int | None = None
    shared_above: int | None = None
    conflict: Conflict = Conflict.NEWEST
    normalise: Normalise = Normalise.TRIM
    region: str | None = None
    blocked: Blocklist = Blocklist()
    person: bool = False
    min_score: float | None = None


def reads_alike(one: Namespace, other: Namespace) -> bool:
    """Whether both make the same of whatever is sent."""
    return (one.normalise, one.region, one.blocked) == (other.normalise, other.region, other.blocked)


def undeclared(name: str, weakest: int) -> Namespace:
    """What holds for a namespace that no rule declares; `weakest` counts the declared ones."""
    return Namespace(name, (weakest, name), person=name in _PERSONS)


def read_namespaces(tables: list[object]) -> tuple[Namespace, ...]:
    """The declared namespaces in their order, each name once."""
    found: dict[str, Namespace] = {}
    for place, content in enumerate(tables):
        table = Table(f"[[namespace]] {place + 1}", content)
        namespace = _read(table, place)
        if namespace.name in found:
            raise BadRules(f"{table.place} name: {came(namespace.name)} came twice, each name is allowed once")
        found[namespace.name] = namespace
    return tuple(found.values())


def _read(table: Table, place: int) -> Namespace:
    table.allow(_KEYS, reserved=_RESERVED)
    name = table.text("name")
    if not name or ":" in name:
        raise table.refusal("name", "nothing" if name is None else came(name), "a text that is not empty, without colon,")
    table.place = f"{table.place} ({name})"
    normalise = table.choice("normalise", Normalise) or Normalise.TRIM
    region = _region(table, normalise)
    person = table.flag("person")
    return Namespace(
        name=name,
        rank=(place, ""),
        limit=_limit(table),
        shared_above=table.count("shared_above"),
        conflict=table.choice("conflict", Conflict) or Conflict.NEWEST,
        normalise=normalise,
        region=region,
        blocked=_blocklist(table, normalise, region),
        person=name in _PERSONS if person is None else person,
        min_score=table.share("min_score"),
    )


def _limit(table: Table) -> int | None:
    limit, unique = table.count("limit"), table.flag("unique")
    if unique and limit not in (None, 1):
        raise table.refusal("unique", f"true beside limit = {limit}", "one of the two (unique = true is limit = 1)")
    return 1 if unique else limit


def _region(table: Table, normalise: Normalise) -> str | None:
    region = table.text("region")
    if region is None:
        return None
    if normalise is not Normalise.E164:
        raise table.refusal("region", f'one with normalise = "{normalise}"', 'a region with normalise = "e164" only')
    if region not in SUPPORTED_REGIONS:
        raise table.refusal("region", came(region), "a region of two capital letters that has phone numbers, as CN,")
    return region


def _blocklist(table: Table, normalise: Normalise, region: str | None) -> Blocklist:
    entries = table.texts("blocked") or ()
    patterns = [_pattern(table, place, entry[1:-1]) for place, entry in enumerate(entries, 1) if _is_pattern(entry)]
    return Blocklist(frozenset(_literals(entries, normalise, region)), tuple(patterns))


def _is_pattern(entry: str) -> bool:
    return len(entry) > 1 and entry.startswith("/") and entry.endswith("/")


def _literals(entries: Iterable[str], normalise: Normalise, region: str | None) -> Iterable[str]:
    """The literals in normal form. One that has none needs no entry: whoever sends it is blocked for having none."""
    forms = (normal_form(entry, normalise, region) for entry in entries if not _is_pattern(entry))
    return (form for form in forms if not isinstance(form, Blocked))


def _pattern(table: Table, place: int, expression: str) -> re.Pattern[str]:
    try:
        with warnings.catch_warnings():
            # what only warns today (`[[`) is an error of a later Python
            warnings.simplefilter("error", FutureWarning)
            pattern = re.compile(expression)
    except (re.error, OverflowError, RecursionError, FutureWarning) as trouble:
        # the expression itself may hold somebody's number, so only what is wrong with it is said
        raise table.refusal(f"blocked, entry {place}", f"/…/ that cannot be read ({trouble})", "a regular expression") from None
    if not expression:
        raise table.refusal(f"blocked, entry {place}", "//, which every value fits,", "a regular expression")
    return pattern
