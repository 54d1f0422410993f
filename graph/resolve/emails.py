"""E-mail addresses as identifiers, by email-validator's rules without network."""

from __future__ import annotations

import re
from unicodedata import normalize

import email_validator
from email_validator import EmailNotValidError, validate_email

__all__ = ["email_form"]

_PLAIN = re.compile(
    r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:(?![^.]*--)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}",
)
_PLAIN_LENGTH = 64
"""So short that no part can be too long."""
_FULL_STOPS = str.maketrans("。", ".")


def email_form(value: str) -> str | None:
    """The address in lower case with its domain in ASCII, or None for what is no address of one mailbox.

    Quoted local parts and domain literals are None. Special-use domains (`.test`, `.local` …) are like others: inside a
    company they do name somebody.
    """
    lower = value.lower()
    if len(lower) <= _PLAIN_LENGTH and _PLAIN.fullmatch(lower):
        return lower  # most addresses; a test compares with the way below
    return _validated(lower if lower.isascii() else normalize("NFKC", lower).translate(_FULL_STOPS))


def _validated(lower: str) -> str | None:
    local, at, domain = lower.rpartition("@")
    if not at:
        return None
    special = next((name for name in email_validator.SPECIAL_USE_DOMAIN_NAMES if domain.endswith("." + name)), None)
    if special:
        # email-validator refuses these by a list that the whole process shares; an ordinary name as long stands in
        domain = domain.removesuffix(special) + "a" * len(special)
    try:
        # every option is said, since their defaults too belong to the process
        address = validate_email(
            f"{local}@{domain}",
            allow_smtputf8=True,
            allow_empty_local=False,
            allow_quoted_local=False,
            allow_domain_literal=False,
            allow_display_name=False,
            strict=False,
            globally_deliverable=True,
            check_deliverability=False,
            test_environment=True,
        )
    except EmailNotValidError:
        return None
    ascii_domain = address.ascii_domain
    if special:
        ascii_domain = ascii_domain[: -len(special)] + special
    return f"{address.local_part.lower()}@{ascii_domain}"
