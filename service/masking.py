"""What somebody without scope `pii` sees of an identifier: enough to tell two apart by eye, too little to reach anybody."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["masked"]

_PHONE: Final = re.compile(r"\+[0-9]{10,15}")
_SHORT: Final = 8
"""Values shorter than this are masked whole, whatever their shape. Of others at least half stays hidden, of a phone number four digits."""


def masked(value: str) -> str:
    """The value with its middle hidden, by its shape: `+86139****5678`, `a***@d…`, `ab****yz`, `****`.

    The stars say nothing about how much is hidden.
    """
    if _PHONE.fullmatch(value):
        return f"{value[:-8]}****{value[-4:]}"
    if len(value) < _SHORT:
        return "****"
    local, at, domain = value.rpartition("@")
    if at and local and domain:
        return f"{local[0]}***@{domain[0]}…"
    return f"{value[:2]}****{value[-2:]}"
