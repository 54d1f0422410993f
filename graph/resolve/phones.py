"""Phone numbers in E.164, as phonenumbers reads them."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, NumberParseException, PhoneMetadata, PhoneNumberFormat

__all__ = ["e164_form"]

_PLAIN = re.compile(r"\(?\+?[0-9][0-9 ().-]*")
_SEPARATORS = str.maketrans("", "", " ().-")
_PLAIN_LENGTH = 40
"""Far below the length from which phonenumbers refuses to look."""
_PASSES = 4


def e164_form(value: str, region: str | None) -> str | None:
    """The number as `+` and digits, or None for what phonenumbers does not call possible.

    `region` is where a number written nationally is from; without one only international numbers are read. A number
    with an extension is None too: people behind one switchboard share the number in front of it.
    """
    # reading may drop a trunk prefix and leave a number that begins with one again; the form is what stays as it is
    for _ in range(_PASSES):
        form = _read_plain(value, region) or _read(value, region)
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


class _Plan(NamedTuple):
    """What decides how plain digits of one country calling code are read, out of phonenumbers' metadata."""

    code: str
    region: str
    trunk: re.Pattern[str] | None
    abroad: re.Pattern[str] | None
    lengths: frozenset[int]


def _read_plain(value: str, region: str | None) -> str | None:
    """What `_read` answers, ten times faster, for digits in which nothing is to be dropped; None where that is not sure.

    Sure are digits that begin with no trunk prefix, carrier or international prefix and have a length of their country:
    of those phonenumbers changes nothing. A test compares the two over the numbers of all regions.
    """
    if len(value) > _PLAIN_LENGTH or not _PLAIN.fullmatch(value):
        return None
    digits = value.translate(_SEPARATORS)
    if digits[0] == "+":
        plan = _plan_of_code(digits[1:4])
        national = digits[1 + len(plan.code) :] if plan else ""
    else:
        plan = _plan_of_region(region) if region else None
        national = digits
        if plan and (digits.startswith(plan.code) or (plan.abroad and plan.abroad.match(digits))):
            return None
    if plan is None or len(national) not in plan.lengths or (plan.trunk and plan.trunk.match(national)):
        return None
    return f"+{plan.code}{national}"


@cache
def _plan_of_region(region: str) -> _Plan | None:
    """The plan for a number written nationally, None where the region reads its numbers by another one's rules."""
    plan = _plan_of_code(str(phonenumbers.country_code_for_region(region)))
    return plan if plan and plan.region == region else None


@cache
def _plan_of_code(begin: str) -> _Plan | None:
    """The plan of the calling code that three digits begin with; the codes are such that one at most fits."""
    code = next((begin[:n] for n in (1, 2, 3) if int(begin[:n]) in COUNTRY_CODE_TO_REGION_CODE), None)
    if code is None or begin.startswith("0"):
        return None
    region = phonenumbers.region_code_for_country_code(int(code))
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(int(code), region)
    if metadata is None or metadata.general_desc is None:
        return None
    return _Plan(
        code,
        region,
        _pattern(metadata.national_prefix_for_parsing),
        _pattern(metadata.international_prefix),
        frozenset(metadata.general_desc.possible_length) | frozenset(metadata.general_desc.possible_length_local_only),
    )


def _pattern(expression: str | None) -> re.Pattern[str] | None:
    return re.compile(expression) if expression else None
