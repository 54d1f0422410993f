"""Look-ups, the parts of profiles, and lists of everyone, on tables filled by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import BadCursor
from graph.model import FragmentStatus, JudgementKind, ProfileKind, RecordKey, Refusal, Rule
from graph.resolve.rules import Rules
from graph.store.reading.pages import LAST
from graph.store.sqlite import reads
from graph.store.sqlite.reads.newest import ANY, TOLD, newest_by_shares
from graph.views import ByIdentifier, ByNumber, ByOneId, Connection, LookUp, Page, ProfileView, Want
from tests.build import ids, minute
from tests.graph.store.tables import Tables

SPAN = Want("span")


@pytest.fixture
def tables() -> Iterator[Tables]:
    tables = Tables()
    yield tables
    tables.conn.close()


def want(field: str, *inner: Want, **args: Any) -> Want:
    return Want(field, tuple(sorted(args.items())), inner)


def by(text: str) -> ByIdentifier:
    return ByIdentifier(ids(text)[0])


def profile(tables: Tables, look_up: LookUp | int, *wants: Want) -> ProfileView:
    by = ByNumber(look_up) if isinstance(look_up, int) else look_up
    [found] = reads.profiles_by(tables.conn, tables.rules, [by], wants)
    assert found is not None
    return found


def part(tables: Tables, n: int, one: Want) -> Any:
    return profile(tables, n, one).parts[one.key]


def texts(views: Iterable[Any]) -> list[str]:
    return [one.identifier.text for one in views]


def nodes(page: Connection[Any]) -> list[Any]:
    return [edge.node for edge in page.edges]


def walk(tables: Tables, n: int, field: str, *inner: Want, first: int = 2, **args: Any) -> list[Any]:
    """All pages of a list of one profile."""
    found: list[Any] = []
    after = None
    while True:
        page = part(tables, n, want(field, *inner, first=first, after=after, **args))
        assert len(page.edges) <= first
        found += page.edges
        if not page.has_next:
            return found
        assert page.end != after
        after = page.end


# ---------------------------------------------------------------- look-ups


def test_a_profile_is_found_by_any_of_its_identifiers_its_one_id_and_its_number(tables: Tables) -> None:
    n = tables.person("user_id:ada", "phone:+1")
    tables.person("user_id:bob")

    found = reads.profiles_by(tables.conn, tables.rules, [by("user_id:ada"), by("phone:+1"), ByOneId(f"one-{n}"), ByNumber(n)], [])

    assert [view and view.n for view in found] == [n] * 4
    assert found[0] is not None
    assert (found[0].kind, found[0].size, found[0].retired_at) == (ProfileKind.PERSON, 2, None)


def test_what_is_unknown_is_none_in_its_place(tables: Tables) -> None:
    n = tables.person("user_id:ada")
    tables.id("user_id:gone")  # known once, mentioned by nothing

    asked: list[LookUp] = [by("user_id:gone"), by("no:such"), by("user_id:bo\ud800b"), by("user_id:ada\0"), ByOneId("none"), ByNumber(99)]
    found = reads.profiles_by(tables.conn, tables.rules, [*asked, by("user_id:ada")], [])

    assert found[:-1] == [None] * 6
    assert found[-1] is not None
    assert found[-1].n == n


def test_a_retired_one_id_leads_over_several_hops_to_who_lives(tables: Tables) -> None:
    old, middle, alive = tables.person("device:a"), tables.person("device:b"), tables.person("user_id:ada")
    tables.retire(old, middle)
    tables.retire(middle, alive)

    found = reads.profiles_by(tables.conn, tables.rules, [ByOneId(f"one-{old}"), ByNumber(middle), ByNumber(old, follow=False)], [])

    assert [view and view.n for view in found] == [alive, alive, old]


def test_a_one_id_that_sleeps_leads_nowhere_and_still_answers_for_itself(tables: Tables) -> None:
    asleep = tables.person()
    tables.retire(asleep, None)

    found = reads.profiles_by(tables.conn, tables.rules, [ByNumber(asleep), ByNumber(asleep, follow=False)], [want("successor")])

    assert found[0] is None
    assert found[1] is not None
    assert found[1].parts[("successor", ())] is None


def test_a_retired_one_id_itself_has_a_successor_and_empty_lists(tables: Tables) -> None:
    old, alive = tables.person("device:a"), tables.person("user_id:ada")
    tables.change(old, "created", gained=["device:a"], leads=old)
    tables.move("device:a", alive)
    tables.retire(old, alive)
    wants = [want(field) for field in ("identifiers", "links", "fragments", "related", "changes", "judgements", "traits", "neighbourhood")]
    successor = want("successor", want("identifiers"))

    view = profile(tables, ByNumber(old, follow=False), *wants, successor, want("retired_one_ids"))

    assert view.retired_at is not None
    assert view.size == 0
    assert all(view.parts[one.key].edges == () for one in wants[:6])
    assert view.parts[wants[6].key] == view.parts[("retired_one_ids", ())] == ()
    assert view.parts[wants[7].key].nodes == ()
    assert texts(nodes(view.parts[successor.key].parts[("identifiers", ())])) == ["device:a", "user_id:ada"]


def test_retired_one_ids_that_lead_here_come_last_retired_first(tables: Tables) -> None:
    alive = tables.person("user_id:ada")
    first, second, third, fourth = (tables.person(f"device:{letter}") for letter in "abcd")
    tables.retire(third, second)
    tables.retire(fourth, alive)
    tables.retire(second, alive)
    tables.retire(first, alive)

    in_order = (f"one-{first}", f"one-{second}", f"one-{fourth}", f"one-{third}")
    assert part(tables, alive, want("retired_one_ids", first=20)) == in_order
    assert part(tables, alive, want("retired_one_ids", first=1)) == in_order[:1]
    assert part(tables, alive, want("retired_one_ids", first=2)) == in_order[:2]


def test_times_and_version_are_those_of_the_commits(tables: Tables) -> None:
    n = tables.person("user_id:ada")
    made = profile(tables, n)
    commit = tables.update(n)
    tables.person("user_id:bob")

    view = profile(tables, n)

    assert view.created_at == made.created_at == minute(1)
    assert (view.version, view.updated_at, view.as_of) == (commit, minute(2), minute(3))


# ---------------------------------------------------------------- identifiers


def test_identifiers_are_paged_by_id_and_chosen_by_namespace(tables: Tables) -> None:
    n = tables.person("user_id:ada", "phone:+1", "phone:+2", "device:d", "phone:+3")
    tables.person("phone:+9")

    assert texts(edge.node for edge in walk(tables, n, "identifiers")) == ["user_id:ada", "phone:+1", "phone:+2", "phone:+3", "device:d"]
    phones = walk(tables, n, "identifiers", namespaces=("phone", "wechat"))
    assert texts(edge.node for edge in phones) == ["phone:+1", "phone:+2", "phone:+3"]
    total = want("identifiers", want("total_count"), first=1)
    assert part(tables, n, total).total_count == 5
    assert part(tables, n, want("identifiers", want("total_count"), first=1, namespaces=("phone",))).total_count == 3
    assert part(tables, n, want("identifiers", first=1)).total_count is None


def test_an_empty_page_repeats_where_it_began(tables: Tables) -> None:
    n = tables.person("user_id:ada")
    last = tables.id("user_id:ada")

    assert part(tables, n, want("identifiers", after=(last,))) == Connection((), False, (last,), None)
    assert part(tables, n, want("identifiers", first=0)) == Connection((), True, None, None)


def test_a_cursor_of_another_list_is_refused(tables: Tables) -> None:
    n = tables.person("user_id:ada")

    with pytest.raises(BadCursor, match="after: not a cursor"):
        part(tables, n, want("fragments", after=(1,)))


def test_an_identifier_knows_when_and_where_it_was_seen(tables: Tables) -> None:
    n = tables.person("user_id:ada", "phone:+1")
    tables.fragment("crm", "1", "user_id:ada", "phone:+1", at=5)
    tables.fragment("web", "2", "user_id:ada", at=9)
    tables.interact("user_id:ada", "user_id:bob", at=3, source="app")
    tables.interact("user_id:bob", "user_id:ada", at=20, source="forum")
    tables.interact("user_id:bob", "user_id:ada", at=30, source="forum")
    identifiers = want("identifiers", SPAN, want("sources"), want("sources", first=2))

    ada, phone = nodes(part(tables, n, identifiers))

    assert (ada.first_seen, ada.last_seen) == (minute(3), minute(30))
    assert ada.parts[("sources", ())] == ("app", "crm", "forum", "web")
    assert ada.parts[("sources", (("first", 2),))] == ("app", "crm")
    assert (phone.first_seen, phone.last_seen, phone.parts[("sources", ())]) == (minute(5), minute(5), ("crm",))


def test_an_identifier_known_by_a_judgement_was_seen_when_it_became_known(tables: Tables) -> None:
    tables.person("user_id:zoe")
    n = tables.person("user_id:ada")
    tables.judge("distinct", "user_id:ada", "user_id:bob", at=50)

    [ada] = nodes(part(tables, n, want("identifiers", SPAN)))

    assert ada.first_seen == ada.last_seen is not None


def test_identifiers_lead_back_to_their_profiles_as_deep_as_is_wanted(tables: Tables) -> None:
    n = tables.person("user_id:ada", "phone:+1")
    deep = want("identifiers", want("profile", want("identifiers", want("profile"))))

    for one in nodes(part(tables, n, deep)):
        again = one.parts[("profile", ())]
        assert again.n == n
        assert {inner.parts[("profile", ())].n for inner in nodes(again.parts[("identifiers", ())])} == {n}


def test_shared_identifiers_are_listed_over_pages_and_by_namespace(tables: Tables) -> None:
    for text in ("device:a", "device:b", "ip:1"):
        tables.person(text, kind="shared")
    tables.person("device:c")
    tables.id("device:gone")
    tables.mark("device:gone", flags=1)

    def shared(page: Page, *wants: Want, **args: Any) -> Connection[Any]:
        return reads.shared_identifiers(tables.conn, tables.rules, page, wants, **args)

    first = shared(Page(2), want("total_count"))
    second = shared(Page(2, first.end))

    assert texts([*nodes(first), *nodes(second)]) == ["device:a", "device:b", "ip:1"]
    assert (first.has_next, first.total_count, second.has_next) == (True, 3, False)
    assert texts(nodes(shared(Page(5), namespaces=["ip", "none"]))) == ["ip:1"]


# ---------------------------------------------------------------- links


@pytest.fixture
def linked(tables: Tables) -> Tables:
    """Ada: user, phone and mail in a chain, a device shared with Bob that the rules refused, a shared address, judgements."""
    tables.person("user_id:ada", "phone:+1", "email:a@x.org", "device:d")
    tables.person("user_id:bob", "phone:+2")
    tables.person("ip:1", kind="shared")
    tables.fragment("crm", "1", "user_id:ada", "phone:+1", at=1)
    tables.fragment("crm", "2", "user_id:ada", "phone:+1", at=4)
    tables.fragment("crm", "3", "phone:+1", "email:a@x.org", at=2)
    tables.fragment("web", "4", "user_id:ada", "device:d", at=3)
    tables.fragment("web", "5", "user_id:bob", "device:d", at=3)
    tables.fragment("web", "6", "user_id:bob", "phone:+2", at=3)
    tables.fragment("web", "7", "device:d", "ip:1", at=6, links=False)
    tables.bar("device:d", "ip:1", "shared")
    tables.bar("user_id:ada", "user_id:bob", "contradiction", n=0, dirty=1, at=None)
    return tables


def ends(link: Any) -> tuple[str, str]:
    return link.a.identifier.text, link.b.identifier.text


def test_links_of_a_profile_are_those_accepted(linked: Tables) -> None:
    links = [edge.node for edge in walk(linked, 1, "links")]

    assert [ends(link) for link in links] == [
        ("user_id:ada", "phone:+1"),
        ("user_id:ada", "device:d"),
        ("phone:+1", "email:a@x.org"),
    ]
    assert (links[0].fragment_count, links[0].first_seen, links[0].last_seen) == (2, minute(1), minute(4))
    assert all(link.refused is None and link.kind == "observed" for link in links)


@pytest.mark.parametrize("first", [1, 2, 3, 100])
def test_refused_links_come_with_their_rules_each_once_over_all_pages(linked: Tables, first: int) -> None:
    edges = walk(linked, 1, "links", first=first, refused=True)

    assert len({edge.key for edge in edges}) == len(edges) == 6
    assert [edge.key for edge in edges] == sorted(edge.key for edge in edges)
    refused = {ends(edge.node): edge.node.refused for edge in edges if edge.node.refused}
    assert refused == {
        ("user_id:ada", "user_id:bob"): Refusal(Rule.CONTRADICTION),
        ("user_id:bob", "device:d"): Refusal(Rule.LIMIT, "user_id"),
        ("device:d", "ip:1"): Refusal(Rule.SHARED),
    }


def test_a_refused_link_shows_from_both_sides(linked: Tables) -> None:
    assert ("user_id:bob", "device:d") in [ends(edge.node) for edge in walk(linked, 2, "links", refused=True)]
    assert ("device:d", "ip:1") in [ends(edge.node) for edge in walk(linked, 3, "links", refused=True)]
    assert walk(linked, 3, "links") == []


def test_a_link_that_only_contradictory_fragments_carry_still_has_its_times(linked: Tables) -> None:
    linked.fragment("web", "8", "user_id:ada", "user_id:bob", at=8, links=False)

    [link] = [edge.node for edge in walk(linked, 1, "links", refused=True) if ends(edge.node) == ("user_id:ada", "user_id:bob")]

    assert (link.first_seen, link.last_seen, link.fragment_count) == (minute(8), minute(8), 1)


def test_links_are_counted_where_that_is_wanted(linked: Tables) -> None:
    linked.judge("distinct", "user_id:ada", "user_id:bob")

    assert part(linked, 1, want("links", want("total_count"), first=1)).total_count == 4
    assert part(linked, 1, want("links", want("total_count"), first=1, refused=True)).total_count == 7


def test_judgements_in_force_are_links_after_those_that_fragments_carry(linked: Tables) -> None:
    same = linked.judge("same", "phone:+1", "user_id:ada", at=7)
    distinct = linked.judge("distinct", "user_id:bob", "user_id:ada", at=8)
    linked.judge("same", "user_id:bob", "phone:+1", in_force=False)
    linked.judge("same", "null:x", "user_id:ada", void=True)

    edges = walk(linked, 1, "links")[3:]

    assert [(edge.node.kind, ends(edge.node), edge.node.judgement, edge.node.first_seen) for edge in edges] == [
        ("same", ("user_id:ada", "phone:+1"), same, minute(7)),
        ("distinct", ("user_id:ada", "user_id:bob"), distinct, minute(8)),
    ]
    assert [edge.key for edge in edges] == [(same,), (distinct,)]
    assert all(edge.node.fragment_count == 0 and edge.node.score is None for edge in edges)


def test_a_link_whose_loss_parts_its_profile_is_a_bridge(linked: Tables) -> None:
    linked.fragment("crm", "9", "user_id:ada", "email:a@x.org", at=2)  # a triangle of user, phone and mail

    bridges = {ends(edge.node): edge.node.parts[("bridge", ())] for edge in walk(linked, 1, "links", want("bridge"), refused=True)}

    assert {pair for pair, bridge in bridges.items() if bridge} == {("user_id:ada", "device:d")}


def test_a_judgement_beside_a_link_leaves_neither_a_bridge(linked: Tables) -> None:
    linked.judge("same", "device:d", "user_id:ada")
    linked.judge("distinct", "user_id:bob", "user_id:ada")

    bridges = {edge.key: edge.node.parts[("bridge", ())] for edge in walk(linked, 1, "links", want("bridge"))}

    assert [ends(edge.node) for edge in walk(linked, 1, "links", want("bridge")) if bridges[edge.key]] == [
        ("user_id:ada", "phone:+1"),
        ("phone:+1", "email:a@x.org"),
    ]


def test_a_judgement_that_holds_a_profile_together_is_a_bridge(tables: Tables) -> None:
    n = tables.person("user_id:ada", "phone:+1")
    tables.judge("same", "user_id:ada", "phone:+1")

    [edge] = walk(tables, n, "links", want("bridge"))

    assert edge.node.parts[("bridge", ())] is True


def test_a_link_has_the_fragments_that_carry_both_its_ends(linked: Tables) -> None:
    linked.fragment("web", "8", "user_id:ada", at=9)
    fragments = want("fragments", want("total_count"), first=1)

    link = walk(linked, 1, "links", fragments)[0].node
    page = link.parts[fragments.key]
    rest = want("fragments", first=5, after=page.end)

    assert [node.key.id for node in nodes(page)] == ["2"]
    assert (page.has_next, page.total_count) == (True, 2)
    assert [node.key.id for node in nodes(walk(linked, 1, "links", rest)[0].node.parts[rest.key])] == ["1"]


def test_the_ends_of_links_have_parts_of_their_own(linked: Tables) -> None:
    links = want("links", want("a", SPAN), want("b", want("profile")))

    link = nodes(part(linked, 1, links))[0]

    assert link.a.first_seen == minute(1)
    assert link.b.first_seen is None
    assert link.b.parts[("profile", ())].n == 1


def test_a_scored_link_shows_its_score_unless_it_was_observed_too(tables: Tables) -> None:
    n = tables.person("user_id:ada", "phone:+1")
    tables.person("phone:+2")
    tables.person("phone:+3")
    tables.bar("user_id:ada", "phone:+2", "score", score=0.25)
    tables.bar("user_id:ada", "phone:+3", "shared", score=0.25, bare=1)

    assert [edge.node.score for edge in walk(tables, n, "links", refused=True)] == [0.25, None]


# ---------------------------------------------------------------- fragments

LIMITED = Rules.parse('[[namespace]]\nname = "user_id"\nlimit = 1\n[[namespace]]\nname = "phone"\n[[namespace]]\nname = "device"\n')


def records(edges: Iterable[Any]) -> list[str]:
    return [edge.node.key.id for edge in edges]


def test_fragments_come_newest_first_on_the_strongest_identifier_s_profile(tables: Tables) -> None:
    ada, bob = tables.person("user_id:ada", "device:d"), tables.person("user_id:bob")
    for minutes, (record, *carried) in enumerate(
        [("1", "user_id:ada"), ("2", "device:d", "user_id:ada"), ("3", "device:d", "user_id:bob"), ("4", "device:d")]
    ):
        tables.fragment("web", record, *carried, at=minutes)
    tables.fragment("web", "5", "user_id:ada", at=9, state=1)

    assert records(walk(tables, ada, "fragments", first=1)) == ["4", "2", "1"]
    assert records(walk(tables, bob, "fragments")) == ["3"]
    assert part(tables, ada, want("fragments", want("total_count"), first=1)).total_count == 3


def test_a_page_passes_what_belongs_to_others(tables: Tables) -> None:
    ada = tables.person("user_id:ada", "device:d")
    tables.person("user_id:bob")
    tables.fragment("web", "first", "user_id:ada", at=0)
    for minutes in range(1, 200):
        tables.fragment("web", f"b{minutes}", "user_id:bob", "device:d", at=minutes)

    page = part(tables, ada, want("fragments", first=5))

    assert (page.edges, page.has_next) == ((), True)
    assert records(walk(tables, ada, "fragments", first=5)) == ["first"]


def test_fragments_of_some_sources(tables: Tables) -> None:
    n = tables.person("user_id:ada")
    for minutes, source in enumerate(["crm", "web", "crm", "app"]):
        tables.fragment(source, str(minutes), "user_id:ada", at=minutes)

    assert records(walk(tables, n, "fragments", sources=("crm", "app"), first=1)) == ["3", "2", "0"]
    counted = want("fragments", want("total_count"), sources=("crm",), first=1)
    assert part(tables, n, counted).total_count == 2


def test_a_fragment_of_shared_identifiers_only_shows_with_these(tables: Tables) -> None:
    tables.rules = LIMITED
    ada, one, two = tables.person("user_id:ada"), tables.person("device:d", kind="shared"), tables.person("phone:+1", kind="shared")
    tables.fragment("web", "1", "device:d", "phone:+1")
    tables.fragment("web", "2", "device:d", "user_id:ada")

    assert records(walk(tables, ada, "fragments")) == ["2"]
    assert records(walk(tables, one, "fragments")) == records(walk(tables, two, "fragments")) == ["1"]
    [fragment] = nodes(part(tables, one, want("fragments", want("profile"), want("identifiers"))))
    assert fragment.parts[("profile", ())].n == two
    assert texts(fragment.parts[("identifiers", ())]) == ["device:d", "phone:+1"]


def test_contradictory_identifiers_hold_no_facts_unless_judged_one(tables: Tables) -> None:
    tables.rules = LIMITED
    ada, bob, phone = tables.person("user_id:ada"), tables.person("user_id:bob"), tables.person("phone:+1")
    tables.fragment("web", "1", "user_id:ada", "user_id:bob", "phone:+1")
    tables.fragment("web", "2", "user_id:ada", "user_id:bob")
    key = RecordKey("web", "2")

    assert records(walk(tables, phone, "fragments")) == ["1"]
    assert walk(tables, ada, "fragments") == walk(tables, bob, "fragments") == []
    view = reads.fragment(tables.conn, tables.rules, key, [want("profile")])
    assert view is not None
    assert view.parts[("profile", ())] is None

    for text in ("user_id:ada", "user_id:bob"):
        tables.mark(text, flags=4, group="user_id:ada")
    tables.move("user_id:bob", ada)
    assert records(walk(tables, ada, "fragments")) == ["2", "1"]


def test_a_large_profile_is_read_in_two_rounds_and_misses_nothing(tables: Tables) -> None:
    members = [f"device:{number:04}" for number in range(900)]
    n = tables.person("user_id:ada", *members)
    for number in range(300):
        tables.fragment("web", f"{number:04}", "user_id:ada", members[number], at=number)

    with tables.statements() as statements:
        page = part(tables, n, want("fragments", first=50))

    assert records(page.edges) == [f"{number:04}" for number in range(299, 249, -1)]
    assert len(statements) < 10
    assert records(walk(tables, n, "fragments", first=100)) == [f"{number:04}" for number in range(299, -1, -1)]


_carried = st.lists(st.tuples(st.integers(0, 5), st.sets(st.integers(0, 5), min_size=1, max_size=3), st.booleans()), max_size=40)


@given(_carried, st.integers(1, 12), st.sampled_from([1, 300, 2_000]), st.booleans())
def test_reading_large_profiles_by_shares_is_reading_them_whole(
    fragments: list[tuple[int, set[int], bool]], most: int, size: int, told: bool
) -> None:
    tables = Tables()
    n = tables.person(*(f"device:{number}" for number in range(6)))
    tables.conn.execute("UPDATE one_id SET size = ?", (size,))  # the larger, the smaller the share of each member
    expected = []
    for at, members, has_traits in fragments:
        carried = [f"device:{member}" for member in members]
        version = tables.fragment("web", "r", *carried, at=at, traits={"plan": 1} if has_traits else None, links=False)
        if has_traits or not told:
            expected.append((minute(at), version))
    rows, view = reads.SqliteRows(tables.conn, tables.rules), profile(tables, n)

    found = newest_by_shares(rows, [view], most, (LAST, LAST), TOLD if told else ANY)[n]

    assert found.keys == sorted(expected, reverse=True)[:most]
    assert found.more == (len(expected) >= most)
    tables.conn.close()


def test_traits_of_profiles_too_large_to_read_whole_are_the_same(monkeypatch: pytest.MonkeyPatch, tables: Tables) -> None:
    n = tables.person("user_id:ada", "phone:+1")
    for number in range(30):
        tables.fragment("web", f"{number}", "user_id:ada", "phone:+1", at=number, traits={f"t{number % 7}": number} if number % 2 else None)
    traits = want("traits", want("alternatives"))
    whole = part(tables, n, traits)

    monkeypatch.setattr("graph.store.sqlite.reads.newest.FEW", 10)

    assert part(tables, n, traits) == whole
    assert len(whole) == 7


def test_the_active_version_of_a_record_is_the_fragment_else_the_withdrawn_one(tables: Tables) -> None:
    tables.person("user_id:ada")
    tables.fragment("crm", "1", "user_id:ada", at=1, state=1)
    active = tables.fragment("crm", "1", "user_id:ada", at=2, traits={"name": "Ada"})
    tables.fragment("crm", "1", "user_id:ada", at=0, state=1)
    tables.fragment("crm", "2", "user_id:ada", at=2, state=2)
    late = tables.fragment("crm", "2", "user_id:ada", at=1, state=1)

    def fragment(source: str, record: str) -> Any:
        return reads.fragment(tables.conn, tables.rules, RecordKey(source, record), [])

    assert (fragment("crm", "1").id, fragment("crm", "1").traits) == (active, {"name": "Ada"})
    assert fragment("crm", "2").status is FragmentStatus.WITHDRAWN
    assert fragment("crm", "2").id == late - 1
    assert fragment("crm", "3") is fragment("web", "1") is fragment("crm\ud800", "1") is None


# ---------------------------------------------------------------- judgements, nodes, everyone


def test_judgements_of_a_profile_come_newest_first_in_force_or_not(tables: Tables) -> None:
    ada = tables.person("user_id:ada", "phone:+1")
    bob = tables.person("user_id:bob")
    first = tables.judge("same", "user_id:ada", "phone:+1", by="eve")
    second = tables.judge("distinct", "user_id:ada", "user_id:bob", in_force=False)
    third = tables.judge("same", "user_id:null", "phone:+1", void=True)

    edges = walk(tables, ada, "judgements", want("a", want("profile"), want("sources"), SPAN), first=1)

    assert [edge.node.id for edge in edges] == [third, second, first]
    void, distinct, same = (edge.node for edge in edges)
    assert (void.a.identifier.text, void.a.id, void.b.identifier.text) == ("user_id:null", 0, "phone:+1")
    assert (void.a.first_seen, void.a.parts) == (void.at, {("profile", ()): None, ("sources", ()): ()})
    assert (distinct.kind, distinct.in_force) == (JudgementKind.DISTINCT, False)
    assert (same.by, same.reason, same.in_force) == ("eve", "told", True)
    assert same.a.parts[("profile", ())].n == ada
    assert [edge.node.id for edge in walk(tables, bob, "judgements")] == [second]


def test_nodes_of_every_kind_are_found_by_their_numbers(linked: Tables) -> None:
    same = linked.judge("same", "user_id:ada", "phone:+1")
    seq = linked.change(1, "created", gained=["user_id:ada"], leads=1)
    user, phone, device = (linked.id(text) for text in ("user_id:ada", "phone:+1", "device:d"))
    linked.id("user_id:gone")
    asked: list[tuple[str, Any]] = [
        ("change", seq),
        ("profile", 1),
        ("identifier", user),
        ("identifier", linked.id("user_id:gone")),
        ("link", (user, phone)),
        ("link", (device, linked.id("ip:1"))),
        ("link", (same,)),
        ("link", (phone, 7)),
        ("fragment", 1),
        ("judgement", same),
        ("profile", 77),
    ]

    found: list[Any] = reads.nodes(linked.conn, linked.rules, asked, {"profile": [want("identifiers")], "link": [want("bridge")]})

    assert [found[place] for place in (3, 7, 10)] == [None] * 3
    assert (found[0].seq, found[1].n, found[2].id, found[8].id, found[9].id) == (seq, 1, user, 1, same)
    assert ("identifiers", ()) in found[1].parts
    assert (found[4].kind, found[5].refused, found[6].kind) == ("observed", Refusal(Rule.SHARED), "same")
    assert found[4].parts[("bridge", ())] is False


def test_a_retired_one_id_is_a_node_of_its_own(tables: Tables) -> None:
    old, alive = tables.person(), tables.person("user_id:ada")
    tables.retire(old, alive)

    [found] = reads.nodes(tables.conn, tables.rules, [("profile", old)], {"profile": [want("successor")]})

    assert isinstance(found, ProfileView)
    assert (found.n, found.parts[("successor", ())].n) == (old, alive)


def everyone(tables: Tables, *wants: Want, first: int = 2, **args: Any) -> list[int]:
    found: list[int] = []
    after = None
    while True:
        page = reads.profiles(tables.conn, tables.rules, Page(first, after), wants, **args)
        found += [edge.node.n for edge in page.edges]
        if not page.has_next:
            return found
        after = page.end


def test_everyone_is_listed_by_number_without_the_retired(tables: Tables) -> None:
    ns = [tables.person(f"user_id:{number}", kind="anonymous" if number % 2 else "person") for number in range(7)]
    tables.retire(ns[2], ns[0])

    assert everyone(tables) == [n for n in ns if n != ns[2]]
    assert everyone(tables, kind=ProfileKind.ANONYMOUS, first=1) == ns[1::2]
    page = reads.profiles(tables.conn, tables.rules, Page(1), [want("total_count"), want("identifiers")])
    assert page.total_count == 6
    assert ("identifiers", ()) in page.edges[0].node.parts


def test_everyone_updated_after_an_instant_is_listed_by_update(tables: Tables) -> None:
    ns = [tables.person(f"user_id:{number}") for number in range(5)]  # minutes 1 to 5
    tables.update(ns[0])

    assert everyone(tables, updated_after=minute(3), first=1) == [ns[3], ns[4], ns[0]]
    assert everyone(tables, updated_after=minute(2.5)) == [ns[2], ns[3], ns[4], ns[0]]
    assert everyone(tables, updated_after=minute(6)) == []
    assert everyone(tables, updated_after=0) == [ns[1], ns[2], ns[3], ns[4], ns[0]]


# ---------------------------------------------------------------- cost

EVERYTHING = [
    want("identifiers", want("total_count"), SPAN, want("sources"), want("profile", want("traits"))),
    want("traits", want("identifier", SPAN), want("alternatives", want("identifier"))),
    want("links", want("total_count"), want("a", SPAN), want("b"), want("bridge"), want("fragments", want("profile")), refused=True),
    want("fragments", want("total_count"), want("identifiers"), want("profile")),
    want("related", want("total_count"), want("profile", want("identifiers"))),
    want("neighbourhood", want("profile", want("traits")), depth=2),
    want("changes", want("gained"), want("lost"), want("profile")),
    want("judgements", want("a"), want("b")),
    want("retired_one_ids"),
    want("successor"),
]


def crowd(size: int) -> tuple[Tables, list[int]]:
    tables = Tables()
    ns = []
    for number in range(size):
        user, phone, device = f"user_id:{number}", f"phone:+{number}", f"device:{number}"
        ns.append(tables.person(user, phone, device))
        tables.fragment("crm", f"{number}", user, phone, traits={"name": f"N{number}"}, at=number)
        tables.fragment("web", f"{number}", user, device, traits={"name": f"M{number}", "plan": 1}, at=number)
        tables.judge("same", user, phone)
        tables.change(ns[-1], "created", gained=[user, phone], lost=[device], leads=ns[-1])
        tables.retire(tables.person(), ns[-1])
    for number in range(size):
        tables.interact(f"user_id:{number}", f"user_id:{(number + 1) % size}")
        tables.interact(f"phone:+{number}", f"device:{(number + 2) % size}")
    return tables, ns


def test_the_number_of_statements_does_not_depend_on_how_many_profiles_are_asked_for() -> None:
    counts = []
    for size in (10, 30, 100):
        tables, ns = crowd(size)
        with tables.statements() as statements:
            found = reads.profiles_by(tables.conn, tables.rules, [ByNumber(n) for n in ns], EVERYTHING)
        assert all(view is not None and len(view.parts) == len(EVERYTHING) for view in found)
        counts.append(len(statements))
        tables.conn.close()

    assert counts[0] == counts[1] == counts[2]


def test_parts_asked_for_twice_come_with_all_that_either_wants(tables: Tables) -> None:
    n = tables.person("user_id:ada")

    view = profile(tables, n, want("identifiers", SPAN), want("identifiers", want("sources")))

    [ada] = nodes(view.parts[("identifiers", ())])
    assert ada.first_seen is not None
    assert ("sources", ()) in ada.parts
