"""Phone numbers in E.164, as phonenumbers reads them."""

from __future__ import annotations

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

__all__ = ["e164_form"]

_PASSES = 4


def e164_form(value: str, region: str | None) -> str | None:
    """The number as `+` and digits, or None for what phonenumbers does not call possible.

    `region` is where a number written nationally is from; without one only international numbers are read. A number
    with an extension is None too: people behind one switchboard share the number in front of it.
    """
    # reading may drop a trunk prefix and leave a number that begins with one again; the form is what stays as it is
    for _ in range(_PASSES):
        form = _read(value, region)
        if form is None or form == value:
            return form
        value = form
    return None


def _read(value: str, region: str | None) -> str | None:
    try:
        number = phonenumbers.parse(value, region)
    except NumberParseException:
        return None
    if number.extension or not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)
