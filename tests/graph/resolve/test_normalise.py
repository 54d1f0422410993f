"""Normalising: one form for every way of writing an identifier, and none for what names nobody."""

from __future__ import annotations

import csv
import sys
import unicodedata
import uuid
import xml.etree.ElementTree as ET
from pathlib import Path

import phonenumbers
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from graph.resolve.emails import email_form
from graph.resolve.normalise import INVISIBLE, Blocked, Normalise, identifies_nobody, normal_form
from graph.resolve.phones import e164_form

DATA = Path(__file__).parents[2] / "data"
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
with (DATA / "phone_examples" / "phone_examples.csv").open(encoding="utf-8") as rows:
    PHONES = list(csv.DictReader(rows))
FORMS = ("national", "international", "rfc3966", "e164")


def wide(text: str) -> str:
    """Printable ASCII as an input method for Chinese types it."""
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


# ---------------------------------------------------------------- phone numbers


@pytest.mark.parametrize("form", FORMS)
def test_every_region_s_numbers_become_e164_however_they_are_written(form: str) -> None:
    wrong = [row[form] for row in PHONES if normal_form(row[form], Normalise.E164, row["region"]) != row["e164"]]

    assert wrong == []  # 673 numbers of 245 regions, without exception


@pytest.mark.parametrize("form", FORMS)
def test_full_width_digits_are_digits(form: str) -> None:
    wrong = [row[form] for row in PHONES if normal_form(wide(row[form]), Normalise.E164, row["region"]) != row["e164"]]

    assert wrong == []


def read_by_phonenumbers(value: str, region: str | None) -> str | None:
    """What the library alone answers, without plans and short cuts."""
    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@st.composite
def typed_numbers(draw: st.DrawFn) -> tuple[str, str | None]:
    """A region's example number with a few slips of the finger, and the region it is read in."""
    row = draw(st.sampled_from(PHONES))
    region = draw(st.sampled_from([row["region"]] * 8 + [*REGIONS, None]))
    typed = list(draw(st.sampled_from(["", "", "", "0", "00", "+", "1", "+0", "+" + row["e164"][1:3]])) + row[draw(st.sampled_from(FORMS))])
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(typed)))
        typed[place : place + draw(st.integers(0, 1))] = draw(st.text("0123456789 +-().0x#", max_size=2))
    return "".join(typed), region


@given(typed_numbers())
@example(("+390236618300", "CN"))  # a leading zero that belongs to the number
@example(("0236618300", "IT"))
@example(("+54 9 11 2345-6789", "AR"))
@example(("011 15-2345-6789", "AR"))  # rewritten, not only stripped
@example(("+17912345678", "CN"))
@example(("17911123456789", "CN"))  # a carrier prefix
@example(("00" + " " * 300 + "4930123456", "CN"))
def test_the_short_way_to_e164_is_the_library_s(typed: tuple[str, str | None]) -> None:
    value, region = typed
    form = read_by_phonenumbers(value, region)
    # where reading the form again drops yet another trunk prefix, the form is what is left in the end
    for _ in range(3):
        form = form and read_by_phonenumbers(form, region)

    assert e164_form(value, region) == form


def test_a_number_written_nationally_needs_a_region() -> None:
    assert normal_form("139 1234 5678", Normalise.E164) == Blocked("not a possible phone number")


@pytest.mark.parametrize("value", ["+86 10 6552 9988 ext. 12", "tel:+86-10-65529988;ext=12", "010-65529988转12"])
def test_an_extension_is_another_line(value: str) -> None:
    assert isinstance(normal_form(value, Normalise.E164, "CN"), Blocked)


@pytest.mark.parametrize("value", ["12", "abc", "139123456789012345", "+999 123456", "1" * 1000])
def test_what_is_too_short_or_long_or_of_no_country_is_no_number(value: str) -> None:
    assert isinstance(normal_form(value, Normalise.E164, "CN"), Blocked)


# ---------------------------------------------------------------- e-mail addresses


def email_cases() -> list[tuple[str, str, str]]:
    """Address, category and number of each syntax case, with control characters as themselves."""
    controls = {0x2400 + code: code for code in range(0x20)}
    cases = ET.parse(DATA / "email_syntax" / "tests.xml").getroot().iter("test")
    return [((case.findtext("address") or "").translate(controls), case.findtext("category") or "", case.get("id") or "") for case in cases]


EMAILS = email_cases()
TAKEN = {"ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN"}
"""Categories of addresses; RFC5321 is quoted local parts, literals and odd top-level domains, CFWS and DEPREC are comments and
folding, RFC5322 is what no mailbox may have, ERR is no address."""
NO_DOT = "5"  # test@io: a domain needs a dot here
LONG_LOCAL_PART = "26"  # 65 characters before the @, which email-validator lets pass unless it is told to be strict


def test_the_syntax_cases_are_all_there() -> None:
    assert len(EMAILS) == 164
    assert {number for _, _, number in EMAILS} >= {NO_DOT, LONG_LOCAL_PART}


@pytest.mark.parametrize(("address", "category", "number"), EMAILS, ids=[number for _, _, number in EMAILS])
def test_addresses_of_one_mailbox_are_taken_and_nothing_else(address: str, category: str, number: str) -> None:
    taken = (category in TAKEN or number == LONG_LOCAL_PART) and number != NO_DOT

    assert email_form(address) == (address.lower() if taken else None)


@pytest.mark.parametrize(("address", "category", "number"), EMAILS, ids=[number for _, _, number in EMAILS])
def test_around_an_address_only_what_is_invisible_is_dropped(address: str, category: str, number: str) -> None:
    form = normal_form(address, Normalise.EMAIL)

    assert form == (email_form(address.strip()) or Blocked("not an e-mail address"))


@pytest.mark.parametrize(
    ("written", "form"),
    [
        (" Ada.Lovelace@Example.COM\u200b", "ada.lovelace@example.com"),
        ("\ufeffada@example.com\r\n", "ada@example.com"),
        ("Ａｄａ＠ｅｘａｍｐｌｅ．ｃｏｍ", "ada@example.com"),
        ("ada@Bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@XN--BCHER-KVA.example", "ada@xn--bcher-kva.example"),
        ("李雷@例子。中国", "李雷@xn--fsqu00a.xn--fiqs8s"),
        ("JOSE\u0301@example.com", "josé@example.com"),
        ("ada@shop.local", "ada@shop.local"),
        ("ada@sub.example.TEST", "ada@sub.example.test"),
        ("ada@bücher.local", "ada@xn--bcher-kva.local"),
        ("ada@test", "ada@test"),
        ("first+tag@example.com", "first+tag@example.com"),
    ],
)
def test_an_address_has_one_form(written: str, form: str) -> None:
    assert normal_form(written, Normalise.EMAIL) == form


@pytest.mark.parametrize(
    "value",
    [
        *("ada", "@", "ada@", "@example.com", "ada@localhost", "ada@local", "Ada <ada@example.com>", "mailto:ada@example.com"),
        *('"a b"@example.com', "a@[127.0.0.1]", "a b@example.com", "a@b@example.com", "a..b@example.com", "a@b@c.local"),
        *("a@-b.com", "a@b-.com", "a@example.com.", "a@b.c1", "a@ab--c.com", "a@" + "b" * 64 + ".com", "a@" + "b." * 130 + "com"),
    ],
)
def test_what_is_no_address_is_blocked(value: str) -> None:
    assert normal_form(value, Normalise.EMAIL) == Blocked("not an e-mail address")


def read_by_email_validator(address: str) -> str | None:
    try:
        found = validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return f"{found.local_part}@{found.ascii_domain}"


@given(st.from_regex(r"[a-zA-Z0-9._+'-]{1,12}@(?:[a-z0-9-]{0,6}\.){0,3}(?:[a-z]{0,3}|xn--[a-z]{1,3}|c0m|com)", fullmatch=True))
@example("a@xn--a.com")
@example("a@ab--c.com")
@example("a@b--c.com")
@example("a" * 70 + "@example.com")
def test_the_short_way_to_an_address_is_email_validator_s(address: str) -> None:
    assert email_form(address) == read_by_email_validator(address.lower())


# ---------------------------------------------------------------- the other ways


@pytest.mark.parametrize("value", ["  A b\t", "Ｗ", "e\u0301", "\u200bx", "x" * 1024])
def test_none_leaves_the_value_as_sent(value: str) -> None:
    assert normal_form(value, Normalise.NONE) == value


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("  A b ", "A b"),
        ("\u3000李 雷\u00a0\r\n", "李 雷"),
        ("\ufeff\u200bx\u2060\x00", "x"),
        ("\u202d139\u202c", "139"),
        ("Jose\u0301", "José"),
        ("ＡＢ１", "ＡＢ１"),
        (
            "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
            "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        ),
    ],
)
def test_trim_takes_off_what_is_invisible_and_leaves_the_rest(value: str, form: str) -> None:
    assert normal_form(value, Normalise.TRIM) == form


def test_every_space_and_control_is_invisible() -> None:
    controls = {char for char in map(chr, range(sys.maxunicode + 1)) if char.isspace() or unicodedata.category(char) == "Cc"}

    assert controls - set(INVISIBLE) == set()


@given(st.text())
def test_trim_merges_only_what_unicode_calls_the_same_text(value: str) -> None:
    form = normal_form(value, Normalise.TRIM)

    assert isinstance(form, str)
    assert form in unicodedata.normalize("NFC", value)
    assert set(unicodedata.normalize("NFC", value).replace(form, "", 1) if form else value) <= set(INVISIBLE)


@pytest.mark.parametrize(("value", "form"), [(" ABC", "abc"), ("Élan ", "élan"), ("ΟΔΟΣ", "οδος"), ("İx", "i\u0307x")])
def test_lowercase_trims_first(value: str, form: str) -> None:
    assert normal_form(value, Normalise.LOWERCASE) == form


UUID = "ea7583cd-a667-48bc-b806-42ecb2b27606"


@pytest.mark.parametrize(
    "value",
    [UUID, UUID.upper(), f"{{{UUID}}}", f"urn:uuid:{UUID}", f"URN:UUID:{UUID.upper()}", UUID.replace("-", ""), wide(UUID), f" {UUID}\n"],
)
def test_a_uuid_has_one_form(value: str) -> None:
    assert normal_form(value, Normalise.UUID) == UUID


@pytest.mark.parametrize(
    "value", ["", "x", UUID[:-1], UUID + "0", UUID.replace("e", "g"), "+" + UUID[1:], "1_" + UUID[2:], "0x" + UUID[2:]]
)
def test_what_is_no_uuid_is_blocked(value: str) -> None:
    assert normal_form(value, Normalise.UUID) == Blocked("not a UUID")


@given(st.uuids())
def test_uuids_are_written_as_the_standard_library_writes_them(value: uuid.UUID) -> None:
    assert normal_form(value.hex.upper(), Normalise.UUID) == str(value)


@pytest.mark.parametrize(("value", "form"), [("0xAB", "ab"), (" 00fF ", "00ff"), ("0XA", "a"), (wide("AB12"), "ab12")])
def test_hex_is_lower_case_without_a_prefix(value: str, form: str) -> None:
    assert normal_form(value, Normalise.HEX) == form


@pytest.mark.parametrize("value", ["", "0x", "0x0x1", "aa:bb", "xyz", "a b", "-1", "٣"])
def test_what_is_no_hex_is_blocked(value: str) -> None:
    assert normal_form(value, Normalise.HEX) == Blocked("not hexadecimal")


def test_a_value_that_grows_past_the_limit_is_blocked() -> None:
    assert normal_form("İ" * 1024, Normalise.TRIM) == "İ" * 1024
    assert normal_form("İ" * 1024, Normalise.LOWERCASE) == Blocked("longer than 1,024 characters once normalised")


# ---------------------------------------------------------------- what holds for all of them

VALUES = st.one_of(
    st.text(max_size=40),
    st.text(" \u3000\u200bAaÉe\u0301İΣσßﬀ①Ａ０0-xX@.+。{}", max_size=30),
    typed_numbers().map(lambda typed: typed[0]),
    st.from_regex(r"\s?[\w.+-]{1,10}@([\w-]{1,8}\.){1,3}\w{2,5}\s?", fullmatch=True),
    st.uuids().map(str),
    st.binary(min_size=1, max_size=20).map(lambda raw: "0x" + raw.hex()),
)
HOW = st.sampled_from(Normalise)


@given(VALUES, HOW, st.sampled_from(["CN", "US", "IT", "AR", "GG", None]))
def test_normalising_twice_changes_nothing(value: str, how: Normalise, region: str | None) -> None:
    form = normal_form(value, how, region)

    if isinstance(form, str):
        assert normal_form(form, how, region) == form


@pytest.mark.parametrize("how", [Normalise.TRIM, Normalise.LOWERCASE])
def test_no_character_changes_at_the_second_time(how: Normalise) -> None:
    letters = [f"a{chr(code)}a" for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    once = [normal_form(letter, how) for letter in letters]

    assert once == [normal_form(form, how) for form in once if isinstance(form, str)]


@given(VALUES, st.sampled_from([Normalise.EMAIL, Normalise.E164, Normalise.UUID, Normalise.HEX]))
def test_width_does_not_matter_where_a_value_has_a_meaning(value: str, how: Normalise) -> None:
    plain = unicodedata.normalize("NFKC", value)

    assert normal_form(wide(plain), how, "CN") == normal_form(plain, how, "CN")


@given(
    st.text(st.characters(max_codepoint=0x7F), max_size=30),
    st.sampled_from([Normalise.LOWERCASE, Normalise.EMAIL, Normalise.UUID, Normalise.HEX]),
)
def test_case_does_not_matter_where_it_means_nothing(value: str, how: Normalise) -> None:
    assert normal_form(value.upper(), how) == normal_form(value.lower(), how)


@given(VALUES, HOW)
def test_a_reason_holds_no_value(value: str, how: Normalise) -> None:
    form = normal_form(value, how, "CN")

    if isinstance(form, Blocked):
        assert form == normal_form("@@", how, "CN")  # the same words whatever came


NOBODY = ["", "null", "none", "undefined", "anonymous", "guest", "[object Object]", "-1"]


@pytest.mark.parametrize("value", [*NOBODY, "0", "-", "0000", "0-0", "--", "00000000-0000-0000-0000-000000000000"])
def test_the_built_in_list_knows_what_identifies_nobody(value: str) -> None:
    written = [value, value.upper(), value.lower(), value.title(), f" {value}\u3000", wide(value)]

    assert [way for way in written if not identifies_nobody(way)] == []


@pytest.mark.parametrize("value", ["n/a", "unknown", "test", "1", "-2", "00a", "nulls", "the guest", "+0", "0.0", "nobody", "李雷"])
def test_the_built_in_list_is_just_this(value: str) -> None:
    assert not identifies_nobody(value)
