"""Search over tables filled by hand, and what a typed text may be the beginning of."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from graph.model import Identifier
from graph.profiles import beginnings, whole_values
from graph.resolve.rules import Rules
from graph.store.sqlite import reads
from graph.traits.names import query_tokens
from graph.views import Connection, Page, ProfileView, Want
from tests.build import ids
from tests.graph.store.tables import Tables

RULES = Rules.parse(
    """
    [[namespace]]
    name = "user"
    [[namespace]]
    name = "phone"
    normalise = "e164"
    region = "CN"
    shared_above = 3
    [[namespace]]
    name = "gb"
    normalise = "e164"
    region = "GB"
    [[namespace]]
    name = "email"
    normalise = "email"
    [[namespace]]
    name = "idfa"
    normalise = "uuid"
    [[namespace]]
    name = "hash"
    normalise = "hex"
    """
)


@pytest.fixture
def tables() -> Iterator[Tables]:
    tables = Tables(RULES)
    yield tables
    tables.conn.close()


def find(tables: Tables, text: str, page: Page | None = None, *wants: Want, whole: bool = False) -> Connection[ProfileView]:
    prefixes = whole_values(text, RULES) if whole else beginnings(text, RULES)
    return reads.search(tables.conn, RULES, prefixes, query_tokens(text), page or Page(100), wants, whole=whole)


def found(tables: Tables, text: str, *, whole: bool = False) -> list[int]:
    return [edge.node.n for edge in find(tables, text, whole=whole).edges]


# ---------------------------------------------------------------- beginnings


@pytest.mark.parametrize(
    ("text", "namespace", "beginning"),
    [
        ("139 1234", "phone", "+861391234"),
        ("+86 139-1", "phone", "+861391"),
        ("0086139", "phone", "+86139"),
        ("86139", "phone", "+86139"),
        ("１３９", "phone", "+86139"),
        ("139 1234 5678", "phone", "+8613912345678"),
        ("(010) 6552", "phone", "+86106552"),
        ("020 7946", "gb", "+44207946"),
        ("Ada@", "email", "ada@"),
        ("ADA@Example.org", "email", "ada@example.org"),
        ("{6D92078A-8246-4B", "idfa", "6d92078a-8246-4b"),
        ("6d92078a82464ba4ae5b76104861e7dc", "idfa", "6d92078a-8246-4ba4-ae5b-76104861e7dc"),
        ("0xDEAD", "hash", "dead"),
        (" Ada ", "user", "Ada"),
        (" Ada ", "", "Ada"),
        ("phone: 139", "phone", "+86139"),
        ("mac:AA:BB", "mac", "AA:BB"),
        ("AA:BB", "user", "AA:BB"),
    ],
)
def test_a_text_is_the_beginning_of(text: str, namespace: str, beginning: str) -> None:
    assert Identifier(namespace, beginning) in beginnings(text, RULES)


@pytest.mark.parametrize(
    ("text", "namespace"), [("ada", "phone"), ("xyz", "hash"), ("zz", "idfa"), ("a b", "email"), ("+", "phone"), ("", "user")]
)
def test_a_text_is_no_beginning_in(text: str, namespace: str) -> None:
    assert [one for one in beginnings(text, RULES) if one.namespace == namespace] == []


def test_where_only_declared_namespaces_count_no_others_are_searched() -> None:
    only = Rules.parse('declared_only = true\n[[namespace]]\nname = "user"\n')

    assert beginnings("mac:ada", only) == [Identifier("user", "mac:ada")]


def test_a_whole_value_is_normalised_and_never_a_part() -> None:
    values = whole_values("139 1234 5678", RULES)

    assert Identifier("phone", "+8613912345678") in values
    assert [one for one in whole_values("139 1234", RULES) if one.namespace in ("email", "idfa")] == []


# ---------------------------------------------------------------- by value


def test_people_are_found_by_the_beginning_of_any_identifier_once_each(tables: Tables) -> None:
    ada = tables.person("user:ada", "phone:+8613912345678", "phone:+8613912349999", "mac:139")
    bob = tables.person("user:bob", "phone:+8613912340000")
    tables.person("user:eve", "phone:+8618800000000")

    assert found(tables, "139 1234") == [ada, bob]
    assert found(tables, "139") == [ada, bob]
    assert found(tables, "mac:13") == [ada]
    assert found(tables, "139 1234 5678") == [ada]
    assert found(tables, "777") == found(tables, "") == found(tables, "·") == []


def test_characters_with_a_meaning_in_patterns_have_none_here(tables: Tables) -> None:
    ada = tables.person("user:50%_off*")
    tables.person("user:500off")

    assert found(tables, "50%") == [ada]
    assert found(tables, "50%_") == [ada]
    assert found(tables, "%") == found(tables, "*") == found(tables, "ada\0") == found(tables, "ada\ud800") == []


def test_without_pii_only_whole_values_are_found(tables: Tables) -> None:
    ada = tables.person("user:ada", "phone:+8613912345678")

    assert found(tables, "139 1234 5678", whole=True) == found(tables, "ada", whole=True) == [ada]
    assert found(tables, "139 1234", whole=True) == found(tables, "ad", whole=True) == []


def test_an_identifier_that_nothing_mentions_is_not_found(tables: Tables) -> None:
    tables.person("user:ada")
    tables.id("user:adam")

    assert found(tables, "ad") == [1]


def test_pages_hold_everybody_once(tables: Tables) -> None:
    ns = [tables.person(f"user:ada{number}", f"email:ada{number}@x.org") for number in range(23)]
    tables.fragment("crm", "1", "user:ada3", traits={"name": "Ada"})
    pages = []
    after = None
    while True:
        page = find(tables, "ada", Page(5, after), Want("total_count"))
        pages += [edge.node.n for edge in page.edges]
        if not page.has_next:
            break
        after = page.end

    assert pages == ns
    assert page.total_count == 23
    assert find(tables, "ada", Page(5, (ns[-1],))) == Connection((), False, (ns[-1],), None)


# ---------------------------------------------------------------- by name


def test_people_are_found_by_names_in_any_script(tables: Tables) -> None:
    li = tables.person("user:1")
    ada = tables.person("user:2", "email:x@y.org")
    tables.fragment("crm", "1", "user:1", traits={"name": "李雷", "city": "王府"})
    tables.fragment("crm", "2", "email:x@y.org", "user:2", traits={"name": "Ada Lovelace"})
    tables.fragment("web", "3", "user:2", traits={"first_name": "Augusta"})

    assert found(tables, "李雷") == found(tables, "雷") == found(tables, "李") == [li]
    assert found(tables, "love ada") == found(tables, "LOVELACE") == found(tables, "aug") == [ada]
    assert found(tables, "王") == found(tables, "lace") == found(tables, "augusta lovelace") == []


def test_only_active_versions_name_people_and_only_whose_facts_they_are(tables: Tables) -> None:
    tables.person("user:1", "phone:+8613900000001")
    bob = tables.person("user:2")
    tables.fragment("crm", "1", "user:1", traits={"name": "Old Name"}, state=1)
    tables.fragment("crm", "2", "phone:+8613900000001", "user:2", traits={"name": "Bobby"})

    assert found(tables, "old") == []
    assert found(tables, "bobby") == [bob]


def test_a_name_said_of_shared_identifiers_only_finds_these(tables: Tables) -> None:
    shop = tables.person("phone:+8613900000001", kind="shared")
    tables.fragment("crm", "1", "phone:+8613900000001", traits={"name": "Shop"})

    assert found(tables, "shop") == [shop]


def test_a_whole_name_finds_and_its_parts_do_not_where_only_whole_values_may(tables: Tables) -> None:
    li = tables.person("user:1")
    tables.fragment("crm", "1", "user:1", traits={"name": "李雷"})
    ada = tables.person("user:2")
    tables.fragment("crm", "2", "user:2", traits={"first_name": "Ada", "last_name": "Lovelace"})

    assert found(tables, "李雷", whole=True) == [li]
    assert found(tables, "lovelace ada", whole=True) == [ada]
    assert found(tables, "雷", whole=True) == found(tables, "Ada L", whole=True) == found(tables, "lov", whole=True) == []


def test_a_very_common_beginning_looks_at_a_bounded_number_and_gives_no_total(tables: Tables) -> None:
    namespace = tables.id("user:x0") >> 40
    rows = [(number, f"x{number}", number) for number in range(2, 8_000)]
    tables.conn.executemany(
        f"INSERT INTO identifier (id, namespace, value, profile, since, made) VALUES (({namespace} << 40) + ?, {namespace}, ?, ?, 1, 1)",
        rows,
    )
    tables.person("user:first")
    tables.conn.executemany(
        "INSERT INTO one_id (n, one_id, made, since, size, kind, updated) VALUES (?, ?, 1, 1, 1, 'person', 1)",
        [(number, f"o{number}") for number in range(2, 8_000)],
    )

    with tables.statements() as statements:
        page = find(tables, "x", Page(100), Want("total_count"))

    assert (len(page.edges), page.has_next, page.total_count) == (100, True, None)
    assert len(statements) < 8


def test_people_found_come_with_the_parts_wanted(tables: Tables) -> None:
    tables.person("user:ada")

    [edge] = find(tables, "ada", Page(5), Want("identifiers")).edges

    assert [one.node.identifier for one in edge.node.parts[("identifiers", ())].edges] == [*ids("user:ada")]
