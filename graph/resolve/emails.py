"""E-mail addresses as identifiers, by email-validator's rules without network."""

from __future__ import annotations

from unicodedata import normalize

import email_validator
from email_validator import EmailNotValidError, validate_email

__all__ = ["email_form"]

_DOTS = str.maketrans("。", ".")


def email_form(value: str) -> str | None:
    """The address in lower case with its domain in ASCII, or None for what is no address of one mailbox.

    Quoted local parts and domain literals are None. Special-use domains (`.test`, `.local` …) are like others: inside a
    company they do name somebody.
    """
    lower = normalize("NFKC", value.lower()).translate(_DOTS)
    local, at, domain = lower.rpartition("@")
    if not at:
        return None
    special = next((name for name in email_validator.SPECIAL_USE_DOMAIN_NAMES if domain.endswith("." + name)), None)
    if special:
        # email-validator refuses these by a list that the whole process shares; an ordinary name as long stands in
        domain = domain[: -len(special)] + "a" * len(special)
    try:
        found = validate_email(f"{local}@{domain}", check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    ascii_domain = found.ascii_domain
    if special:
        ascii_domain = ascii_domain[: -len(special)] + special
    return f"{found.local_part.lower()}@{ascii_domain}"
