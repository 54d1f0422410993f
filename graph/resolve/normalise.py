"""One form for every way of writing an identifier, so that equal means the same.

What each way of normalising does to a value:

- `none`: nothing; the value counts byte for byte as it was sent
- `trim`: Unicode NFC (the same text in its one spelling), without what is invisible at both ends: spaces of every
  width, line ends, controls, zero-width and direction marks. Case, width and everything inside stay: two values that a
  reader can tell apart stay two
- `lowercase`: `trim`, then lower case
- `e164`, `email`, `uuid`, `hex`: Unicode NFKC first, so that full-width letters and digits are plain ones, then `trim`,
  then the one form of what the value names; a value that names no such thing is `Blocked`. `uuid` is canonical (lower
  case, dashes; braces and `urn:uuid:` are read), `hex` is lower case without a leading `0x`

Normalising what is normalised changes nothing. No reason holds a value: reasons may be logged.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple
from unicodedata import normalize

from graph.model import MAX_VALUE
from graph.resolve.emails import email_form
from graph.resolve.phones import e164_form

__all__ = ["Blocked", "Normalise", "identifies_nobody", "normal_form"]


class Normalise(StrEnum):
    """The ways of normalising that rules may name."""

    NONE = "none"
    TRIM = "trim"
    LOWERCASE = "lowercase"
    EMAIL = "email"
    E164 = "e164"
    UUID = "uuid"
    HEX = "hex"


class Blocked(NamedTuple):
    """Why a value becomes no identifier."""

    reason: str


INVISIBLE = (
    "".join(map(chr, range(0x21)))  # C0 controls and the space
    + "".join(map(chr, range(0x7F, 0xA1)))  # DEL, C1 controls, no-break space
    + "\u00ad\u1680\u180e\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    + "\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u202f\u205f"
    + "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\u3000\ufeff"
)
"""What `trim` takes off both ends. Tag characters are not here: a flag emoji ends in them and is told apart by them."""

_NOBODY = frozenset({"", "null", "none", "undefined", "anonymous", "guest", "[object object]", "-1"})
_HEX = re.compile(r"[0-9a-f]+")
_HEX_32 = re.compile(r"[0-9a-f]{32}")

_NOT_EMAIL = Blocked("not an e-mail address")
_NOT_E164 = Blocked("not a possible phone number")
_NOT_UUID = Blocked("not a UUID")
_NOT_HEX = Blocked("not hexadecimal")
_TOO_LONG = Blocked(f"longer than {MAX_VALUE:,} characters once normalised")


def identifies_nobody(value: str) -> bool:
    """Whether the value is on the built-in list of what identifies nobody, whatever its case, width and outer space."""
    plain = _plain(value).lower()
    return plain in _NOBODY or not plain.strip("0-")


def normal_form(value: str, how: Normalise, region: str | None = None) -> str | Blocked:
    """The one form of a value; `region` is where an `e164` number written nationally is from."""
    form = _FORMS[how](value, region)
    return _TOO_LONG if isinstance(form, str) and len(form) > MAX_VALUE else form


def _none(value: str, _region: str | None) -> str:
    return value


def _trim(value: str, _region: str | None = None) -> str:
    return (value if value.isascii() else normalize("NFC", value)).strip(INVISIBLE)


def _lowercase(value: str, _region: str | None) -> str:
    lower = _trim(value).lower()
    return lower if lower.isascii() else normalize("NFC", lower)


def _plain(value: str) -> str:
    """Trimmed, with wide, narrow and other styled characters as plain ones."""
    return (value if value.isascii() else normalize("NFKC", value)).strip(INVISIBLE)


def _email(value: str, _region: str | None) -> str | Blocked:
    return email_form(_plain(value)) or _NOT_EMAIL


def _e164(value: str, region: str | None) -> str | Blocked:
    return e164_form(_plain(value), region) or _NOT_E164


def _uuid(value: str, _region: str | None) -> str | Blocked:
    # uuid.UUID reads the same shapes, but lets int() accept digits with signs and underscores among them
    digits = _plain(value).lower().removeprefix("urn:uuid:").removeprefix("{").removesuffix("}").replace("-", "")
    if not _HEX_32.fullmatch(digits):
        return _NOT_UUID
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _hex(value: str, _region: str | None) -> str | Blocked:
    digits = _plain(value).lower().removeprefix("0x")
    return digits if _HEX.fullmatch(digits) else _NOT_HEX


_FORMS: dict[Normalise, Callable[[str, str | None], str | Blocked]] = {
    Normalise.NONE: _none,
    Normalise.TRIM: _trim,
    Normalise.LOWERCASE: _lowercase,
    Normalise.EMAIL: _email,
    Normalise.E164: _e164,
    Normalise.UUID: _uuid,
    Normalise.HEX: _hex,
}
