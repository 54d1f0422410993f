"""The rules document: what it may say, what it refuses, and what it makes of an identifier."""

from __future__ import annotations

import json
import pickle
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import BadRules
from graph.model import Identifier
from graph.resolve.rules import Blocked, Conflict, Namespace, Normalise, Rules, Strategy, TraitRules, TraitStrategy

DATA = Path(__file__).parents[2] / "data"
FULL = """
declared_only = true
[[namespace]]
name = "user_id"
unique = true
conflict = "park"
[[namespace]]
name = "phone"
normalise = "e164"
region = "CN"
limit = 3
shared_above = 5
blocked = ["13800138000", "/^\\\\+1555/"]
[[namespace]]
name = "match"
min_score = 0.8
person = true
conflict = "oldest"
[profile]
max_identifiers = 50
[traits]
default = "most_frequent"
names = ["title", "姓名"]
[traits.city]
strategy = "source_priority"
priority = ["crm", "billing"]
[traits.tags]
strategy = "union"
"""


def one(rule: str, name: str = "x") -> str:
    """A document of one namespace with one more line."""
    return f'[[namespace]]\nname = "{name}"\n{rule}\n'


def normal(rules: Rules, text: str) -> Identifier | Blocked:
    return rules.normalise(Identifier(*text.split(":", 1)))


# ---------------------------------------------------------------- what a document says


def test_an_empty_document_has_no_rules() -> None:
    rules = Rules.parse("")

    assert (rules.max_identifiers, rules.declared_only, rules.namespaces) == (None, False, ())
    assert rules.namespace("x") == Namespace("x", (0, "x"))
    assert rules.traits == TraitRules()


def test_every_key_is_read() -> None:
    rules = Rules.parse(FULL)
    user, phone, match = rules.namespaces

    assert (user.limit, user.conflict, user.person) == (1, Conflict.PARK, True)
    assert (phone.normalise, phone.region, phone.limit, phone.shared_above) == (Normalise.E164, "CN", 3, 5)
    assert (match.min_score, match.person, match.conflict) == (0.8, True, Conflict.OLDEST)
    assert (rules.declared_only, rules.max_identifiers, rules.toml) == (True, 50, FULL)


def test_what_is_not_said_has_its_default() -> None:
    (namespace,) = Rules.parse(one("")).namespaces

    assert namespace == Namespace("x", (0, ""))
    assert (namespace.normalise, namespace.conflict, namespace.person) == (Normalise.TRIM, Conflict.NEWEST, False)
    assert (namespace.limit, namespace.shared_above, namespace.min_score, namespace.region) == (None, None, None, None)


def test_declared_namespaces_are_stronger_in_their_order_and_others_weaker_by_name() -> None:
    rules = Rules.parse(one("", "z") + one("", "b"))
    ranked = sorted(["a", "b", "c", "z", ""], key=lambda name: rules.namespace(name).rank)

    assert ranked == ["z", "b", "", "a", "c"]
    assert rules.namespace("a").rank == (2, "a")


@pytest.mark.parametrize("name", ["user_id", "account", "crm_id", "phone", "email", "wechat_unionid"])
def test_these_make_a_person_declared_or_not_unless_the_rules_say_otherwise(name: str) -> None:
    assert Rules.parse("").namespace(name).person
    assert Rules.parse(one("", name)).namespace(name).person
    assert not Rules.parse(one("person = false", name)).namespace(name).person


@pytest.mark.parametrize(
    ("rule", "limit"), [("unique = true", 1), ("unique = true\nlimit = 1", 1), ("unique = false\nlimit = 2", 2), ("unique = false", None)]
)
def test_unique_is_another_word_for_limit_one(rule: str, limit: int | None) -> None:
    assert Rules.parse(one(rule)).namespace("x").limit == limit


def test_a_document_saved_with_a_byte_order_mark_is_read() -> None:
    assert Rules.parse("\ufeff" + one("limit = 2")).namespace("x").limit == 2


@pytest.mark.parametrize("score", ["0", "0.0", "1", "1.0"])
def test_the_ends_of_the_scores_are_scores(score: str) -> None:
    assert Rules.parse(one(f"min_score = {score}")).namespace("x").min_score == float(score)


def test_rules_cannot_be_changed() -> None:
    rules = Rules.parse("")

    with pytest.raises(FrozenInstanceError):
        rules.max_identifiers = 3  # type: ignore[misc]


def test_rules_are_equal_only_to_themselves() -> None:
    rules = Rules.parse("")

    assert rules == rules
    assert rules != Rules.parse("")
    assert len({rules, Rules.parse("")}) == 2


def test_rules_travel_to_another_process() -> None:
    there = pickle.loads(pickle.dumps(Rules.parse(FULL)))

    assert there.toml == FULL
    assert normal(there, "phone:139 1234 5678") == Identifier("phone", "+8613912345678")


def test_the_worked_scenarios_are_read() -> None:
    scenarios = json.loads((DATA / "scenarios" / "scenarios.json").read_text(encoding="utf-8"))

    assert len([Rules.parse(scenario["rules"]) for scenario in scenarios]) == 34


# ---------------------------------------------------------------- what a document may not say

COUNT = "a whole number of 1 or more is allowed"
STRATEGIES = "one of most_recent, source_priority, most_frequent, earliest, union is allowed"
REFUSED = {
    "limits = 1": "limits: unknown key; allowed are declared_only, namespace, profile, traits",
    '"' + "k" * 50 + '" = 1': "k" * 40 + "… (50 characters): unknown key; allowed are declared_only, namespace, profile, traits",
    "declared_only = 1": "declared_only: 1 came, true or false is allowed",
    'declared_only = "yes"': 'declared_only: "yes" came, true or false is allowed',
    "namespace = 1": "namespace: 1 came, an array of tables, each begun with [[namespace]], is allowed",
    "[namespace]": "namespace: a table came, an array of tables, each begun with [[namespace]], is allowed",
    "namespace = [1]": "[[namespace]] 1: 1 came, a table is allowed",
    "profile = 1": "[profile]: 1 came, a table is allowed",
    "[profile]\nmax = 1": "[profile] max: unknown key; allowed are max_identifiers",
    "[profile]\nmax_identifiers = 0": f"[profile] max_identifiers: 0 came, {COUNT}",
    "[profile]\nmax_identifiers = true": f"[profile] max_identifiers: true came, {COUNT}",
    "[profile]\nmax_identifiers = 2026-01-02": f"[profile] max_identifiers: a date or time came, {COUNT}",
    "traits = []": "[traits]: an array came, a table is allowed",
    # namespaces
    "[[namespace]]": "[[namespace]] 1 name: nothing came, a text that is not empty, without colon, is allowed",
    one("", ""): '[[namespace]] 1 name: "" came, a text that is not empty, without colon, is allowed',
    one("", "a:b"): '[[namespace]] 1 name: "a:b" came, a text that is not empty, without colon, is allowed',
    "[[namespace]]\nname = 1": "[[namespace]] 1 name: 1 came, a text is allowed",
    one("") + one(""): '[[namespace]] 2 (x) name: "x" came twice, each name is allowed once',
    one("limits = 1"): "[[namespace]] 1 limits: unknown key; allowed are name, normalise, region, limit, unique, shared_above, conflict, "
    "blocked, min_score, person",
    one("limit = 0"): f"[[namespace]] 1 (x) limit: 0 came, {COUNT}",
    one("limit = -3"): f"[[namespace]] 1 (x) limit: -3 came, {COUNT}",
    one("limit = 1.5"): f"[[namespace]] 1 (x) limit: 1.5 came, {COUNT}",
    one("limit = true"): f"[[namespace]] 1 (x) limit: true came, {COUNT}",
    one('limit = "1"'): f'[[namespace]] 1 (x) limit: "1" came, {COUNT}',
    one("shared_above = 0"): f"[[namespace]] 1 (x) shared_above: 0 came, {COUNT}",
    one("shared_above = []"): f"[[namespace]] 1 (x) shared_above: an array came, {COUNT}",
    one("unique = 1"): "[[namespace]] 1 (x) unique: 1 came, true or false is allowed",
    one("unique = true\nlimit = 2"): "[[namespace]] 1 (x) unique: true beside limit = 2 came, one of the two (unique = true is limit = 1) "
    "is allowed",
    one(
        'normalise = "upper"'
    ): '[[namespace]] 1 (x) normalise: "upper" came, one of none, trim, lowercase, email, e164, uuid, hex is allowed',
    one("normalise = []"): "[[namespace]] 1 (x) normalise: an array came, one of none, trim, lowercase, email, e164, uuid, hex is allowed",
    one('conflict = "first"'): '[[namespace]] 1 (x) conflict: "first" came, one of newest, oldest, park is allowed',
    one('normalise = "e164"\nregion = "XX"'): '[[namespace]] 1 (x) region: "XX" came, a region of two capital letters that has phone '
    "numbers, as CN, is allowed",
    one('normalise = "e164"\nregion = "cn"'): '[[namespace]] 1 (x) region: "cn" came, a region of two capital letters that has phone '
    "numbers, as CN, is allowed",
    one('region = "CN"'): '[[namespace]] 1 (x) region: one with normalise = "trim" came, a region with normalise = "e164" only is allowed',
    one("region = 86"): "[[namespace]] 1 (x) region: 86 came, a text is allowed",
    one('blocked = "x"'): '[[namespace]] 1 (x) blocked: "x" came, an array of texts is allowed',
    one("blocked = ['y', 13800138000]"): "[[namespace]] 1 (x) blocked, entry 2: a number came, a text is allowed",
    one("blocked = ['/(/']"): "[[namespace]] 1 (x) blocked, entry 1: /…/ that cannot be read (missing ), unterminated subpattern at "
    "position 0) came, a regular expression is allowed",
    one("blocked = ['/x{99999999999}/']"): "[[namespace]] 1 (x) blocked, entry 1: /…/ that cannot be read (the repetition number is too "
    "large) came, a regular expression is allowed",
    one("blocked = ['/[[a]/']"): "[[namespace]] 1 (x) blocked, entry 1: /…/ that cannot be read (Possible nested set at position 1) came, "
    "a regular expression is allowed",
    one("blocked = ['//']"): "[[namespace]] 1 (x) blocked, entry 1: //, which every value fits, came, a regular expression is allowed",
    one("min_score = 1.1"): "[[namespace]] 1 (x) min_score: 1.1 came, a number from 0 to 1 is allowed",
    one("min_score = nan"): "[[namespace]] 1 (x) min_score: nan came, a number from 0 to 1 is allowed",
    one("min_score = true"): "[[namespace]] 1 (x) min_score: true came, a number from 0 to 1 is allowed",
    one('min_score = "1"'): '[[namespace]] 1 (x) min_score: "1" came, a number from 0 to 1 is allowed',
    one("person = 1"): "[[namespace]] 1 (x) person: 1 came, true or false is allowed",
    **{
        one(f"{key} = 1"): f"[[namespace]] 1 {key}: this key is reserved for a later version; leave it out"
        for key in ("expires", "window", "hash_of", "sources")
    },
    # traits
    "[traits]\ncity = 'union'": '[traits.city]: "union" came, a table is allowed',
    "[traits]\ndefault = 'latest'": f'[traits] default: "latest" came, {STRATEGIES}',
    "[traits]\ndefault = 1": f"[traits] default: 1 came, {STRATEGIES}",
    "[traits]\ndefault = 'source_priority'": '[traits] default: "source_priority" alone came, { strategy = "source_priority", priority = '
    '["crm"] } is allowed',
    "[traits]\nnames = 'name'": '[traits] names: "name" came, an array of texts is allowed',
    "[traits]\nnames = [[]]": "[traits] names, entry 1: an array came, a text is allowed",
    "[traits.names]\nstrategy = 'union'": "[traits] names: a table came, an array of texts is allowed",
    "[traits.city]\nkind = 'union'": "[traits.city] kind: unknown key; allowed are strategy, priority",
    "[traits.city]": f"[traits.city] strategy: nothing came, {STRATEGIES}",
    "[traits.city]\nstrategy = 'last'": f'[traits.city] strategy: "last" came, {STRATEGIES}',
    "[traits.city]\nstrategy = 'source_priority'": '[traits.city] priority: stands with strategy = "source_priority", and only there',
    "[traits.city]\nstrategy = 'union'\npriority = ['crm']": '[traits.city] priority: stands with strategy = "source_priority", and only '
    "there",
    "[traits.city]\nstrategy = 'source_priority'\npriority = []": "[traits.city] priority: 0 texts came, at least one source, each once, "
    "is allowed",
    "[traits.city]\nstrategy = 'source_priority'\npriority = ['a', 'a']": "[traits.city] priority: 2 texts came, at least one source, each "
    "once, is allowed",
    # not TOML
    "limit = ": "the rules are not TOML: Invalid value (at end of document)",
    "\n\n[x": "the rules are not TOML: Expected ']' at the end of a table declaration (at end of document)",
    "a = " + "[" * 5000: "the rules are not TOML that can be read: brackets are nested too deep",
}


@pytest.mark.parametrize(("document", "message"), REFUSED.items(), ids=range(len(REFUSED)))
def test_a_refusal_names_the_key_what_came_and_what_is_allowed(document: str, message: str) -> None:
    with pytest.raises(BadRules) as refusal:
        Rules.parse(document)

    assert str(refusal.value) == message


@given(st.text(st.sampled_from("\n=[]{}\"'.,#tfnamespcil1 \ufeff\x00"), max_size=60))
def test_any_text_is_read_or_refused(document: str) -> None:
    try:
        rules = Rules.parse(document)
    except BadRules:
        return
    assert rules.toml == document


# ---------------------------------------------------------------- what becomes of an identifier

PHONES = one('normalise = "e164"\nregion = "CN"\nblocked = ["138 0013 8000", "/^\\\\+1555/", "hotline"]', "phone")


def test_an_identifier_takes_the_form_of_its_namespace() -> None:
    rules = Rules.parse(PHONES + one('normalise = "email"', "email") + one('normalise = "none"', "raw"))

    assert normal(rules, "phone:139 1234 5678") == Identifier("phone", "+8613912345678")
    assert normal(rules, "email:Ada@Example.COM") == Identifier("email", "ada@example.com")
    assert normal(rules, "raw: Ada ") == Identifier("raw", " Ada ")
    assert normal(rules, "other: Ada ") == Identifier("other", "Ada")


@pytest.mark.parametrize("value", ["13800138000", "+86 138-0013-8000", "１３８００１３８０００"])
def test_a_blocked_value_is_blocked_however_it_is_written(value: str) -> None:
    assert normal(Rules.parse(PHONES), f"phone:{value}") == Blocked("blocked by the rules")


def test_an_expression_searches_the_normal_form() -> None:
    rules = Rules.parse(PHONES)

    assert normal(rules, "phone:+1 555-123-4567") == Blocked("blocked by the rules")
    assert normal(rules, "phone:+1 650-555-1234") == Identifier("phone", "+16505551234")


def test_a_blocked_value_without_a_form_stays_blocked_for_having_none() -> None:
    assert normal(Rules.parse(PHONES), "phone:hotline") == Blocked("not a possible phone number")


@pytest.mark.parametrize("literal", ["/", "/x", "x/", "/x/i"])
def test_only_what_stands_between_slashes_is_an_expression(literal: str) -> None:
    rules = Rules.parse(one(f"blocked = ['{literal}']"))

    assert normal(rules, f"x:{literal}") == Blocked("blocked by the rules")
    assert normal(rules, "x:x") == Identifier("x", "x")


@pytest.mark.parametrize("how", list(Normalise))
@pytest.mark.parametrize(
    "value", ["", "NULL", "none", "Undefined", " anonymous ", "GUEST", "[object Object]", "-1", "0", "0000-0000", "－１"]
)
def test_what_identifies_nobody_is_blocked_in_every_namespace(how: Normalise, value: str) -> None:
    assert normal(Rules.parse(one(f'normalise = "{how}"')), f"x:{value}") == Blocked("identifies nobody")


@pytest.mark.parametrize(
    ("how", "value"), [("hex", "0x0000"), ("uuid", "{00000000-0000-0000-0000-000000000000}"), ("uuid", "urn:uuid:" + "0" * 32)]
)
def test_what_identifies_nobody_once_normalised_is_blocked_too(how: str, value: str) -> None:
    assert normal(Rules.parse(one(f'normalise = "{how}"')), f"x:{value}") == Blocked("identifies nobody")


def test_undeclared_namespaces_are_blocked_where_only_declared_ones_are_taken() -> None:
    rules = Rules.parse("declared_only = true\n" + one(""))

    assert normal(rules, "x:1") == Identifier("x", "1")
    assert normal(rules, "y:1") == Blocked("namespace is not declared")


@given(
    st.sampled_from(["phone", "email", "user_id", "gaid", "imei", "cookie", "else"]),
    st.one_of(st.text(max_size=20), st.sampled_from(["13912345678", "138 0000 0000", "Ada@Example.com", "No-Reply@example.com", "1" * 15])),
)
def test_what_is_normalised_is_normalised_to_itself_and_never_blocked(name: str, value: str) -> None:
    rules = Rules.builtin()
    identifier = rules.normalise(Identifier(name, value))

    if not isinstance(identifier, Blocked):
        assert rules.normalise(identifier) == identifier


# ---------------------------------------------------------------- traits


def test_a_trait_follows_its_own_strategy_or_the_default() -> None:
    traits = Rules.parse(FULL).traits

    assert traits.strategy_of("city") == TraitStrategy(Strategy.SOURCE_PRIORITY, ("crm", "billing"))
    assert traits.strategy_of("tags") == TraitStrategy(Strategy.UNION)
    assert traits.strategy_of("else") == TraitStrategy(Strategy.MOST_FREQUENT)
    assert traits.names == {"title", "姓名"}


def test_without_rules_the_most_recent_value_counts_and_names_are_the_usual_ones() -> None:
    traits = Rules.parse("").traits

    assert traits.strategy_of("city") == TraitStrategy(Strategy.MOST_RECENT)
    assert traits.names >= {
        "name",
        "full_name",
        "first_name",
        "last_name",
        "firstName",
        "lastName",
        "display_name",
        "account_name",
        "nickname",
        "姓名",
    }


def test_the_default_may_trust_sources_in_order() -> None:
    traits = Rules.parse('[traits.default]\nstrategy = "source_priority"\npriority = ["crm"]').traits

    assert traits.strategy_of("city") == TraitStrategy(Strategy.SOURCE_PRIORITY, ("crm",))


def test_traits_named_like_the_words_of_the_table_follow_the_default() -> None:
    traits = Rules.parse("[traits]\ndefault = 'earliest'\nnames = []\n[traits.priority]\nstrategy = 'union'").traits

    assert traits.strategy_of("default") == traits.strategy_of("names") == TraitStrategy(Strategy.EARLIEST)
    assert traits.strategy_of("priority") == TraitStrategy(Strategy.UNION)
    assert traits.names == frozenset()


# ---------------------------------------------------------------- the built-in rules


def test_the_built_in_rules_are_one_object() -> None:
    assert Rules.builtin() is Rules.builtin()


def test_the_built_in_rules_order_people_before_what_they_use() -> None:
    rules = Rules.builtin()
    names = [namespace.name for namespace in rules.namespaces]

    assert names[:6] == ["user_id", "account", "crm_id", "wechat_unionid", "phone", "email"]
    assert [namespace.person for namespace in rules.namespaces] == [True] * 6 + [False] * (len(names) - 6)
    assert (rules.max_identifiers, rules.declared_only, rules.namespace("user_id").limit) == (1000, False, 1)


def test_every_namespace_but_the_strongest_may_turn_out_shared() -> None:
    assert [namespace.name for namespace in Rules.builtin().namespaces if namespace.shared_above is None] == ["user_id"]


def test_what_one_person_may_hold_makes_nothing_shared() -> None:
    namespaces = Rules.builtin().namespaces
    wrong = [
        (weak.name, strong.name)
        for weak in namespaces
        for strong in namespaces
        if strong.rank < weak.rank and (strong.limit or 0) > (weak.shared_above or 0)
    ]

    assert wrong == []


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("phone:139 1234 5678", Identifier("phone", "+8613912345678")),
        ("phone:+1 (650) 253-0000", Identifier("phone", "+16502530000")),
        ("phone:138 0013 8000", Blocked("blocked by the rules")),
        ("phone:130 0000 0000", Blocked("blocked by the rules")),
        ("email: Ada@Example.com", Identifier("email", "ada@example.com")),
        ("email:no-reply@example.com", Blocked("blocked by the rules")),
        ("email:DoNotReply@example.com", Blocked("blocked by the rules")),
        ("email:reply@example.com", Identifier("email", "reply@example.com")),
        ("idfa:EA7583CD-A667-48BC-B806-42ECB2B27606", Identifier("idfa", "ea7583cd-a667-48bc-b806-42ecb2b27606")),
        ("idfa:00000000-0000-0000-0000-000000000000", Blocked("identifies nobody")),
        ("imei:111111111111111", Blocked("blocked by the rules")),
        ("imei:490154203237518", Identifier("imei", "490154203237518")),
        ("android_id:9774D56D682E549C", Blocked("blocked by the rules")),
        ("user_id: A1 ", Identifier("user_id", "A1")),
        ("billing_id:BILL_000001", Identifier("billing_id", "BILL_000001")),
    ],
)
def test_the_built_in_rules_know_usual_values(text: str, outcome: Identifier | Blocked) -> None:
    assert normal(Rules.builtin(), text) == outcome
