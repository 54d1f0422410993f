"""The feed, traits of profiles, rules and counts, on tables filled by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from graph.model import ChangeKind
from graph.resolve.rules import Rules
from graph.store.sqlite import reads
from graph.views import ByNumber, Connection, Page, RuleSetView, StatsView, Want
from tests.build import minute
from tests.graph.store.tables import Tables


@pytest.fixture
def tables() -> Iterator[Tables]:
    tables = Tables()
    yield tables
    tables.conn.close()


def want(field: str, *inner: Want, **args: Any) -> Want:
    return Want(field, tuple(sorted(args.items())), inner)


def part(tables: Tables, n: int, one: Want) -> Any:
    [view] = reads.profiles_by(tables.conn, tables.rules, [ByNumber(n)], [one])
    assert view is not None
    return view.parts[one.key]


def feed(tables: Tables, *wants: Want, page: Page | None = None, **args: Any) -> Connection[Any]:
    return reads.changes(tables.conn, tables.rules, page or Page(100), wants, **args)


def seqs(page: Connection[Any]) -> list[int]:
    return [edge.node.seq for edge in page.edges]


# ---------------------------------------------------------------- the feed


@pytest.fixture
def history(tables: Tables) -> Tables:
    """Two people made, the second merged into the first, a third one alone. Positions 1 to 5."""
    ada, bob, eve = tables.person("user_id:ada", "phone:+1"), tables.person("phone:+2"), tables.person("user_id:eve")
    tables.change(ada, "created", gained=["user_id:ada", "phone:+1"], leads=ada, by="crm")
    tables.change(bob, "created", gained=["phone:+2"], leads=bob)
    tables.change(eve, "created", gained=["user_id:eve"], leads=eve)
    tables.change(ada, "extended", gained=["phone:+2"], leads=ada)
    tables.change(bob, "merged", lost=["phone:+2"], leads=ada)
    tables.move("phone:+2", ada)
    tables.retire(bob, ada)
    return tables


def test_the_feed_is_read_in_order_from_any_position(history: Tables) -> None:
    first = feed(history, page=Page(2))
    rest = feed(history, page=Page(10, first.end))

    assert (seqs(first), first.has_next, seqs(rest), rest.has_next) == ([1, 2], True, [3, 4, 5], False)
    assert feed(history, page=Page(2, (5,))) == Connection((), False, (5,), None)


def test_a_change_says_what_when_by_whom_and_where_it_leads(history: Tables) -> None:
    wants = (want("gained", want("total_count"), first=1), want("lost"), want("profile", want("identifiers")))

    views = [edge.node for edge in feed(history, *wants).edges]

    created, merged = views[0], views[4]
    assert (created.kind, created.one_id, created.leads_to, created.by) == (ChangeKind.CREATED, "one-1", "one-1", "crm")
    assert (created.at, created.cause_kind, created.cause) == (minute(4), "fragment", 7)
    gained = created.parts[wants[0].key]
    assert (len(gained.edges), gained.has_next, gained.total_count) == (1, True, 2)
    assert (merged.kind, merged.one_id, merged.leads_to) == (ChangeKind.MERGED, "one-2", "one-1")
    assert [edge.node.identifier.text for edge in merged.parts[("lost", ())].edges] == ["phone:+2"]
    assert merged.parts[("profile", ())].n == 1
    assert len(merged.parts[("profile", ())].parts[("identifiers", ())].edges) == 3


def test_gained_identifiers_are_paged(history: Tables) -> None:
    first = feed(history, want("gained", first=1)).edges[0].node.parts[("gained", (("first", 1),))]
    rest = want("gained", first=1, after=first.end)

    page = feed(history, rest).edges[0].node.parts[rest.key]

    assert [edge.node.identifier.text for edge in page.edges] == ["phone:+1"]
    assert not page.has_next


def test_a_lost_identifier_that_nothing_mentions_any_more_still_shows(history: Tables) -> None:
    history.move("phone:+2", None)

    [one] = feed(history, want("lost", want("profile")), page=Page(1, (4,))).edges
    [lost] = one.node.parts[("lost", ())].edges

    assert lost.node.identifier.text == "phone:+2"
    assert lost.node.parts[("profile", ())] is None


def test_some_kinds_only_and_the_end_passes_what_was_hidden(history: Tables) -> None:
    page = feed(history, kinds=["created"])

    assert (seqs(page), page.end, page.has_next) == ([1, 2, 3], (5,), False)
    two = feed(history, kinds=["created"], page=Page(2))
    assert (seqs(two), two.end, two.has_next) == ([1, 2], (2,), True)
    assert feed(history, kinds=["split"]).end == (5,)


def test_a_long_stretch_of_other_kinds_ends_a_page_and_the_next_goes_on(tables: Tables) -> None:
    n = tables.person("user_id:ada")
    tables.conn.executemany(
        "INSERT INTO change (made, n, kind, gained, lost, cause_kind, cause) VALUES (1, ?, 'extended', '[]', '[]', 'fragment', 1)",
        [(n,)] * 6_000,
    )
    last = tables.change(n, "split", leads=n)

    first = feed(tables, kinds=["split"])
    second = feed(tables, kinds=["split"], page=Page(100, first.end))

    assert (first.edges, first.has_next) == ((), True)
    assert (seqs(second), second.has_next) == ([last], False)


def test_changes_of_one_profile_are_its_own_and_those_of_one_ids_that_lead_to_it(history: Tables) -> None:
    assert seqs(feed(history, n=1)) == [1, 2, 4, 5]
    assert seqs(feed(history, n=1, page=Page(2, (1,)))) == [2, 4]
    assert seqs(part(history, 1, want("changes"))) == [5, 4, 2, 1]
    page = part(history, 1, want("changes", first=2))
    assert (seqs(page), page.has_next) == ([5, 4], True)
    assert seqs(part(history, 1, want("changes", first=2, after=page.end))) == [2, 1]
    assert seqs(part(history, 3, want("changes"))) == [3]


def test_of_many_changes_of_one_profile_a_page_has_the_newest(tables: Tables) -> None:
    n = tables.person("user_id:ada")
    every = [tables.change(n, "extended", leads=n) for _ in range(6)]

    assert seqs(part(tables, n, want("changes", first=2))) == [every[5], every[4]]
    assert seqs(part(tables, n, want("changes", first=2, after=(every[4],)))) == [every[3], every[2]]


def test_the_head_is_the_last_commit_and_position(history: Tables) -> None:
    commit = history.update(1)

    assert reads.head(history.conn, history.rules) == (commit, 5)
    empty = Tables()
    assert reads.head(empty.conn, empty.rules) == (0, 0)
    empty.conn.close()


# ---------------------------------------------------------------- traits


def test_traits_are_folded_with_source_identifier_time_and_alternatives(tables: Tables) -> None:
    n = tables.person("user_id:ada", "phone:+1")
    tables.fragment("crm", "1", "user_id:ada", "phone:+1", at=1, traits={"name": "Ada", "city": "Rome"})
    tables.fragment("web", "2", "phone:+1", at=3, traits={"name": "Ada L."})
    tables.fragment("web", "3", "phone:+1", at=9, traits={"name": "Gone"}, state=2)
    traits = want("traits", want("identifier", want("span")), want("alternatives", want("identifier", want("sources")), first=5))

    city, name = part(tables, n, traits)

    assert (city.key, city.value, city.source, city.identifier.identifier.text) == ("city", "Rome", "crm", "user_id:ada")
    assert (name.value, name.source, name.identifier.identifier.text, name.observed_at) == ("Ada L.", "web", "phone:+1", minute(3))
    assert name.identifier.first_seen == minute(1)
    [other] = name.alternatives
    assert (other.value, other.source, other.identifier.parts[("sources", ())]) == ("Ada", "crm", ("crm",))
    assert [one.key for one in part(tables, n, want("traits", keys=("name", "none")))] == ["name"]
    assert part(tables, n, want("traits"))[1].alternatives == ()


def test_facts_on_another_s_identifier_are_not_the_profile_s(tables: Tables) -> None:
    ada, bob = tables.person("user_id:ada"), tables.person("user_id:bob", "device:d")
    tables.fragment("web", "1", "device:d", "user_id:ada", at=1, traits={"name": "Ada"})

    assert [one.value for one in part(tables, ada, want("traits"))] == ["Ada"]
    assert part(tables, bob, want("traits")) == ()


def test_moving_an_identifier_moves_its_facts(tables: Tables) -> None:
    ada, bob = tables.person("user_id:ada", "phone:+1"), tables.person("user_id:bob")
    tables.fragment("web", "1", "phone:+1", traits={"plan": "gold"})
    tables.move("phone:+1", bob)

    assert part(tables, ada, want("traits")) == ()
    assert [one.value for one in part(tables, bob, want("traits"))] == ["gold"]


def test_the_strategies_of_the_rules_decide(tables: Tables) -> None:
    tables.rules = Rules.parse('[traits.tag]\nstrategy = "union"\n[traits.city]\nstrategy = "earliest"\n')
    n = tables.person("user_id:ada")
    tables.fragment("web", "1", "user_id:ada", at=1, traits={"tag": "a", "city": "Rome"})
    tables.fragment("web", "2", "user_id:ada", at=2, traits={"tag": ["b", "a"], "city": "Oslo"})

    assert {one.key: one.value for one in part(tables, n, want("traits"))} == {"city": "Rome", "tag": ["b", "a"]}


def test_fragments_without_traits_do_not_push_others_out(tables: Tables) -> None:
    n = tables.person("user_id:ada")
    tables.fragment("crm", "1", "user_id:ada", at=0, traits={"name": "Ada"})
    user, source = tables.id("user_id:ada"), 1
    tables.conn.executemany(
        "INSERT INTO version (id, source, record, state, hash, observed, ids, raw, made) VALUES (?, ?, 'r', 0, x'', ?, ?, '[]', 1)",
        [(number, source, minute(number), f"[{user}]") for number in range(10, 6_000)],
    )
    tables.conn.executemany("INSERT INTO carries VALUES (?, ?, ?)", [(user, minute(number), number) for number in range(10, 6_000)])

    assert [one.value for one in part(tables, n, want("traits"))] == ["Ada"]


# ---------------------------------------------------------------- rules and counts


def test_rules_are_read_by_version(tables: Tables) -> None:
    assert reads.rules(tables.conn, tables.rules) is None
    tables.person("user_id:ada")
    tables.conn.execute("INSERT INTO rules VALUES (1, 'a = 1', 1, 'eve'), (2, 'a = 2', 1, NULL)")

    assert reads.rules(tables.conn, tables.rules, 1) == RuleSetView(1, "a = 1", minute(1), "eve")
    assert reads.rules(tables.conn, tables.rules) == RuleSetView(2, "a = 2", minute(1), None)
    assert reads.rules(tables.conn, tables.rules, 3) is None


def test_everything_is_counted(tables: Tables) -> None:
    assert reads.stats(tables.conn, tables.rules) == StatsView(0, 0, 0, 0, 0, 0, 0, 0, "sqlite", 0)
    tables.person("user_id:ada", "phone:+1", "device:d", contested=True)
    tables.person("user_id:bob")
    tables.retire(tables.person(), 1)
    tables.person("ip:1", kind="shared")
    tables.id("user_id:gone")
    tables.fragment("crm", "1", "user_id:ada", "phone:+1", "device:d")
    tables.fragment("crm", "2", "user_id:bob", "device:d")
    tables.fragment("crm", "2", "user_id:bob", state=1)
    tables.bar("device:d", "ip:1", "shared")
    tables.conn.execute("INSERT INTO rules VALUES (4, '', 1, NULL)")

    found = reads.stats(tables.conn, tables.rules)
    assert found == StatsView(5, 3, 2, 3, 2, 3, 1, 1, "sqlite", 4)
    assert found.refused_by == {"limit": 1, "shared": 1}
