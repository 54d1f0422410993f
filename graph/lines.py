"""Evidence lines: text from a file or a mapping from a request becomes checked values, and values become lines again.

One JSON object a line. A fragment has `source`, `id` and `identifiers`; a judgement begins with the key `judgement`, an
interaction with `interaction`. Everything is checked here, once: what this module returns holds every limit that the
rest of the project relies on. Messages name fields that this project knows, types and lengths, never what came: neither
values nor unknown keys nor trait names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, Final, NoReturn

import orjson

from graph.errors import BadInput, TooManyIdentifiers, ValueTooLong
from graph.model import (
    MAX_IDENTIFIERS,
    MAX_VALUE,
    Fragment,
    Identifier,
    Instant,
    Interaction,
    Judgement,
    JudgementKind,
    instant,
    rfc3339,
)

__all__ = [
    "MAX_LINE",
    "format_fragment",
    "format_interaction",
    "format_judgement",
    "format_line",
    "fragment_of",
    "identifier_of",
    "instant_of",
    "interaction_of",
    "judgement_of",
    "parse_evidence",
    "parse_line",
]

MAX_LINE: Final = 1 << 20
"""Bytes of one line (of a str: characters)."""
MAX_NAMESPACE: Final = 64
MAX_SOURCE: Final = 256
MAX_RECORD: Final = 1024
MAX_BY: Final = 256
MAX_REASON: Final = 1024
MAX_TYPE: Final = 64
MAX_WEIGHT: Final = 1e9
MAX_ENDS: Final = 10_000
"""Identifiers on one side of a judgement."""
MAX_TRAITS: Final = 500
"""Keys of a fragment's traits; inner objects are bounded by the line."""
MAX_TRAIT_KEY: Final = 256
MAX_TRAIT_TEXT: Final = 65_536
MAX_TRAIT_DEPTH: Final = 12
"""Objects and lists inside each other, the traits object itself counted."""

_FRAGMENT_KEYS: Final = frozenset({"source", "id", "observedAt", "identifiers", "traits", "score"})
_JUDGEMENT_KEYS: Final = frozenset({"judgement", "a", "b", "at", "by", "reason"})
_INTERACTION_KEYS: Final = frozenset({"source", "id", "type", "from", "to", "at", "weight"})
_IDENTIFIER_KEYS: Final = frozenset({"namespace", "value"})

_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?"
)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FIRST_INSTANT: Final = instant(datetime.min.replace(tzinfo=UTC))
_LAST_INSTANT: Final = instant(datetime.max.replace(tzinfo=UTC))


# ------------------------------------------------------------------------------------------------ lines
def parse_line(line: str | bytes) -> Fragment | Judgement | Interaction:
    """The value of one line of a file; BadInput where it is not a whole and allowed one. Times are required."""
    obj = _object(line)
    if "judgement" in obj:
        return judgement_of(obj, need_time=True)
    if "interaction" in obj:
        return interaction_of(obj, need_time=True, type_key="interaction")
    return fragment_of(obj, need_time=True)


def parse_evidence(line: str | bytes) -> Fragment | Judgement:
    """As `parse_line`, where only evidence about identity is wanted: an interaction is refused."""
    value = parse_line(line)
    if isinstance(value, Interaction):
        raise BadInput("an interaction says nothing about who is who; only fragments and judgements are allowed here")
    return value


def format_line(value: Fragment | Judgement | Interaction) -> bytes:
    """The value as one line, newline included; `parse_line` gives it back where it has a time."""
    if isinstance(value, Fragment):
        obj = format_fragment(value)
    elif isinstance(value, Judgement):
        obj = format_judgement(value)
    else:
        obj = format_interaction(value)
    return orjson.dumps(obj, option=orjson.OPT_APPEND_NEWLINE)


def _object(line: str | bytes) -> dict[str, Any]:
    if len(line) > MAX_LINE:
        raise ValueTooLong(len(line), MAX_LINE, ("line",))
    try:
        obj = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        trouble = _json_trouble(line, error)
    else:
        if type(obj) is dict:
            return obj
        trouble = f"an object is wanted, {_type_name(obj)} came"
    raise BadInput(trouble)


def _json_trouble(line: str | bytes, error: orjson.JSONDecodeError) -> str:
    try:
        if isinstance(line, bytes):
            line.decode()
        else:
            line.encode()
    except UnicodeError as bad:
        return f"not valid UTF-8 at place {bad.start if isinstance(bad, UnicodeDecodeError | UnicodeEncodeError) else 0}"
    if not line.strip():
        return "the line is empty"
    if "depth" in error.msg or "ecursion" in error.msg:
        return f"JSON nested too deep; traits may be nested {MAX_TRAIT_DEPTH} deep"
    return f"not valid JSON at character {error.pos + 1}"


# ------------------------------------------------------------------------------------------------ mappings
def fragment_of(obj: Mapping[str, Any], *, need_time: bool) -> Fragment:
    """The fragment that a mapping of a line or a request holds; `need_time` refuses one without `observedAt`."""
    if not (obj.keys() <= _FRAGMENT_KEYS):
        _unknown(obj, _FRAGMENT_KEYS)
    score = obj.get("score")
    traits = obj.get("traits")
    return Fragment(
        source=_text(obj.get("source"), MAX_SOURCE, ("source",)),
        id=_text(obj.get("id"), MAX_RECORD, ("id",)),
        identifiers=_identifiers(obj.get("identifiers")),
        observed_at=_time(obj.get("observedAt"), ("observedAt",), needed=need_time),
        traits=None if traits is None else _traits(traits),
        score=None if score is None else _number(score, 1.0, ("score",)),
    )


def judgement_of(obj: Mapping[str, Any], *, need_time: bool) -> Judgement:
    """The judgement that a mapping holds; its kind stands under `judgement`.

    `distinct` may name several identifiers on a side, as a list.
    """
    if not (obj.keys() <= _JUDGEMENT_KEYS):
        _unknown(obj, _JUDGEMENT_KEYS)
    kind = obj.get("judgement")
    if kind not in ("same", "distinct"):
        raise BadInput(f'"same" or "distinct" is allowed, {_what_came(kind)} came', ("judgement",))
    (a, *with_a), (b, *with_b) = _side(obj.get("a"), "a", kind), _side(obj.get("b"), "b", kind)
    if a == b:
        raise BadInput("an identifier cannot be judged with itself; `a` and `b` must differ", ("b",))
    by, reason = obj.get("by"), obj.get("reason")
    return Judgement(
        kind=JudgementKind(kind),
        a=a,
        b=b,
        at=_time(obj.get("at"), ("at",), needed=need_time),
        by=None if by is None else _text(by, MAX_BY, ("by",), empty=True),
        reason="" if reason is None else _text(reason, MAX_REASON, ("reason",), empty=True),
        with_a=tuple(with_a),
        with_b=tuple(with_b),
    )


def _side(sent: Any, name: str, kind: str) -> list[Identifier]:
    """The identifiers of one side of a judgement: one, or a list of them."""
    if not isinstance(sent, list | tuple):
        return [identifier_of(sent, (name,))]
    most = MAX_ENDS if kind == "distinct" else 1
    if not 1 <= len(sent) <= most:
        raise BadInput(f"a list of 1 to {most:,} identifiers is allowed, {len(sent):,} came", (name,))
    return [identifier_of(one, (name, str(place))) for place, one in enumerate(sent)]


def interaction_of(obj: Mapping[str, Any], *, need_time: bool, type_key: str = "type") -> Interaction:
    """The interaction that a mapping holds; its type stands under `type_key` (`interaction` in lines)."""
    keys = _INTERACTION_KEYS if type_key == "type" else _INTERACTION_KEYS - {"type"} | {type_key}
    if not (obj.keys() <= keys):
        _unknown(obj, keys)
    weight = obj.get("weight")
    return Interaction(
        source=_text(obj.get("source"), MAX_SOURCE, ("source",)),
        id=_text(obj.get("id"), MAX_RECORD, ("id",)),
        type=_text(obj.get(type_key), MAX_TYPE, (type_key,)),
        origin=identifier_of(obj.get("from"), ("from",)),
        target=identifier_of(obj.get("to"), ("to",)),
        at=_time(obj.get("at"), ("at",), needed=need_time),
        weight=1.0 if weight is None else _number(weight, MAX_WEIGHT, ("weight",)),
    )


def identifier_of(sent: Any, path: tuple[str, ...]) -> Identifier:
    """An identifier sent as an object or as `namespace:value`, split at the first colon.

    An empty value is allowed here: the rules block it.
    """
    if isinstance(sent, str):
        namespace, colon, value = sent.partition(":")
        if not colon:
            raise BadInput(f"`namespace:value` is wanted, a text of {len(sent)} characters without colon came", path)
        return Identifier(_text(namespace, MAX_NAMESPACE, path), _text(value, MAX_VALUE, path, empty=True))
    if not isinstance(sent, Mapping):
        raise BadInput(f"an object or a text `namespace:value` is wanted, {_what_came(sent)} came", path)
    if not (sent.keys() <= _IDENTIFIER_KEYS):
        _unknown(sent, _IDENTIFIER_KEYS, path)
    namespace = _text(sent.get("namespace"), MAX_NAMESPACE, (*path, "namespace"))
    if ":" in namespace:
        raise BadInput("a namespace may not hold a colon", (*path, "namespace"))
    return Identifier(namespace, _text(sent.get("value"), MAX_VALUE, (*path, "value"), empty=True))


def instant_of(sent: str | datetime, path: tuple[str, ...]) -> Instant:
    """The instant of a date and time; without zone it is UTC, and digits beyond microseconds are cut off."""
    if isinstance(sent, str):
        if not _RFC3339.fullmatch(sent):
            came = "a date without a time" if _DATE.fullmatch(sent) else f"a text of {len(sent)} characters"
            raise BadInput(f"a date and time as 2026-01-02T03:04:05Z (RFC 3339; no zone means UTC) is wanted, {came} came", path)
        try:
            at = instant(datetime.fromisoformat(sent.upper()))
        except ValueError:
            raise BadInput("there is no such date; years 0001 to 9999 and real days are allowed", path) from None
    elif isinstance(sent, datetime):
        at = instant(sent)
    else:
        raise BadInput(f"a date and time as text is wanted, {_what_came(sent)} came", path)
    if not _FIRST_INSTANT <= at <= _LAST_INSTANT:
        raise BadInput("outside of the years 0001 to 9999 in UTC", path)
    return at


# ------------------------------------------------------------------------------------------------ fields
def _identifiers(sent: Any) -> tuple[Identifier, ...]:
    if isinstance(sent, str | bytes) or not isinstance(sent, Sequence):
        raise BadInput(f"a list of identifiers is wanted, {_what_came(sent)} came", ("identifiers",))
    if len(sent) > MAX_IDENTIFIERS:
        raise TooManyIdentifiers(len(sent), MAX_IDENTIFIERS)
    if not sent:
        raise BadInput("at least one identifier is wanted, an empty list came", ("identifiers",))
    return tuple([identifier_of(one, ("identifiers", str(place))) for place, one in enumerate(sent)])


def _time(sent: Any, path: tuple[str, ...], *, needed: bool) -> Instant | None:
    if sent is not None:
        return instant_of(sent, path)
    if needed:
        raise BadInput("missing; files say when, as 2026-01-02T03:04:05Z", path)
    return None


def _text(sent: Any, limit: int, path: tuple[str, ...], *, empty: bool = False) -> str:
    if not isinstance(sent, str):
        raise BadInput(f"a text is wanted, {_what_came(sent)} came", path)
    if not sent and not empty:
        raise BadInput("empty; at least one character is wanted", path)
    if len(sent) > limit:
        raise ValueTooLong(len(sent), limit, path)
    if "\0" in sent:
        raise BadInput("holds a NUL character (U+0000)", path)
    if not sent.isascii():
        _no_surrogates(sent, path)
    return sent


def _no_surrogates(sent: str, path: tuple[str, ...]) -> None:
    try:
        sent.encode()
    except UnicodeEncodeError:
        raise BadInput("holds half a surrogate pair, which is no character", path) from None


def _number(sent: Any, most: float, path: tuple[str, ...]) -> float:
    if isinstance(sent, bool) or not isinstance(sent, int | float):
        raise BadInput(f"a number is wanted, {_what_came(sent)} came", path)
    if not 0 <= sent <= most:
        raise BadInput(f"a number from 0 to {most:.15g} is wanted, one outside came", path)
    return float(sent) + 0.0  # turns -0.0 into 0.0: equal content has one form


def _traits(sent: Any) -> Mapping[str, Any]:
    if not isinstance(sent, Mapping):
        raise BadInput(f"an object is wanted, {_what_came(sent)} came", ("traits",))
    if len(sent) > MAX_TRAITS:
        raise BadInput(f"{len(sent)} keys came, at most {MAX_TRAITS} are allowed", ("traits",))
    _json(sent, 1)
    return sent


def _json(value: Any, depth: int) -> None:
    """Check one JSON value of the traits; `depth` counts the objects and lists it stands in."""
    if isinstance(value, str):
        _text(value, MAX_TRAIT_TEXT, ("traits",), empty=True)
    elif value is None or isinstance(value, bool):
        return
    elif isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 64:
            raise BadInput("holds a whole number of more than 64 bits; send it as text", ("traits",))
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise BadInput("holds a number that is not finite", ("traits",))
    elif not isinstance(value, Mapping | list | tuple):
        raise BadInput(f"holds a {type(value).__name__}; JSON values are allowed", ("traits",))
    elif depth > MAX_TRAIT_DEPTH:
        raise BadInput(f"nested deeper than {MAX_TRAIT_DEPTH}", ("traits",))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            _text(key, MAX_TRAIT_KEY, ("traits",))
            _json(inner, depth + 1)
    else:
        for inner in value:
            _json(inner, depth + 1)


def _unknown(obj: Mapping[Any, Any], known: frozenset[str], path: tuple[str, ...] = ()) -> NoReturn:
    """Refuse keys that nobody knows; a misspelt one is answered with the known key it resembles, never with itself."""
    unknown = [key for key in obj if key not in known]
    meant = {near for key in unknown if isinstance(key, str) for near in get_close_matches(key[:40], sorted(known), 1)}
    hint = f" (was {', '.join(sorted(meant))} meant?)" if meant else ""
    keys = "1 unknown key" if len(unknown) == 1 else f"{len(unknown)} unknown keys"
    raise BadInput(f"{keys} came{hint}; allowed are {', '.join(sorted(known))}", path)


def _what_came(value: Any) -> str:
    return "nothing" if value is None else _type_name(value)


def _type_name(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return f"a text of {len(value)} characters"
    if isinstance(value, Mapping):
        return "an object"
    return f"a list of {len(value)}" if isinstance(value, Sequence) else f"a {type(value).__name__}"


# ------------------------------------------------------------------------------------------------ values to mappings
def format_fragment(fragment: Fragment) -> dict[str, Any]:
    """The fragment as the object of its line; `fragment_of` gives it back."""
    obj: dict[str, Any] = {"source": fragment.source, "id": fragment.id}
    if fragment.observed_at is not None:
        obj["observedAt"] = rfc3339(fragment.observed_at)
    obj["identifiers"] = [{"namespace": one.namespace, "value": one.value} for one in fragment.identifiers]
    if fragment.traits is not None:
        obj["traits"] = dict(fragment.traits)
    if fragment.score is not None:
        obj["score"] = fragment.score
    return obj


def format_judgement(judgement: Judgement) -> dict[str, Any]:
    """The judgement as the object of its line; `judgement_of` gives it back."""
    a, b = (side[0].text if len(side) == 1 else [one.text for one in side] for side in judgement.sides)
    obj: dict[str, Any] = {"judgement": judgement.kind.value, "a": a, "b": b}
    if judgement.at is not None:
        obj["at"] = rfc3339(judgement.at)
    if judgement.by is not None:
        obj["by"] = judgement.by
    if judgement.reason:
        obj["reason"] = judgement.reason
    return obj


def format_interaction(interaction: Interaction) -> dict[str, Any]:
    """The interaction as the object of its line."""
    obj: dict[str, Any] = {
        "interaction": interaction.type,
        "source": interaction.source,
        "id": interaction.id,
        "from": interaction.origin.text,
        "to": interaction.target.text,
    }
    if interaction.at is not None:
        obj["at"] = rfc3339(interaction.at)
    if interaction.weight != 1.0:
        obj["weight"] = interaction.weight
    return obj
