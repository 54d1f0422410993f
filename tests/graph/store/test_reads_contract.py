"""What every store answers outside the gate, after writes through the flows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.curate import judge, withdraw
from graph.errors import BadCursor
from graph.ingest import ingest
from graph.interactions import record
from graph.interactions import withdraw as withdraw_interactions
from graph.model import ChangeKind, Fragment, FragmentStatus, Interaction, Judgement, ProfileKind, RecordKey, Refusal, Rule
from graph.profiles import search
from graph.store.ports import Store
from graph.views import ByIdentifier, ByNumber, ByOneId, Connection, LookUp, Page, ProfileView, Want
from tests.build import distinct, fragment, ids, minute, same
from tests.stores import OpenWith, Run


def want(field: str, *inner: Want, **args: Any) -> Want:
    return Want(field, tuple(sorted(args.items())), inner)


def by(text: str) -> ByIdentifier:
    return ByIdentifier(ids(text)[0])


def like(origin: str, target: str, *, id: str, type: str = "like", weight: float = 1.0, at: float = 0) -> Interaction:
    return Interaction("app", id, type, ids(origin)[0], ids(target)[0], at=minute(at), weight=weight)


async def profile(store: Store, look_up: LookUp | str, *wants: Want) -> ProfileView:
    [found] = await store.profiles_by([by(look_up) if isinstance(look_up, str) else look_up], wants)
    assert found is not None
    return found


async def part(store: Store, look_up: LookUp | str, one: Want) -> Any:
    return (await profile(store, look_up, one)).parts[one.key]


def nodes(page: Connection[Any]) -> list[Any]:
    return [edge.node for edge in page.edges]


def texts(page: Connection[Any] | Iterable[Any]) -> set[str]:
    return {one.identifier.text for one in (nodes(page) if isinstance(page, Connection) else page)}


async def pages(read: Callable[[Page], Any], first: int) -> list[Any]:
    """Every edge of a list, page by page."""
    found: list[Any] = []
    after = None
    while True:
        page = await read(Page(first, after))
        assert len(page.edges) <= first
        found += page.edges
        if not page.has_next:
            return found
        assert page.end != after
        after = page.end


async def walk(store: Store, look_up: LookUp | str, field: str, *inner: Want, first: int = 2, **args: Any) -> list[Any]:
    """Every node of a list of one profile, page by page."""

    async def read(page: Page) -> Any:
        return await part(store, look_up, want(field, *inner, first=page.first, after=page.after, **args))

    edges = await pages(read, first)
    assert len({edge.key for edge in edges}) == len(edges)
    return [edge.node for edge in edges]


# ---------------------------------------------------------------- look-ups


async def test_a_person_is_found_by_every_identifier_and_by_the_one_id(store: Store) -> None:
    done = await ingest(store, [fragment("user_id:ada", "phone:+8613900000001"), fragment("phone:+8613900000001", "email:a@x.org")])
    one_id = done.results[0].one_id
    assert one_id is not None

    asked = [by("user_id:ada"), by("phone:+8613900000001"), by("email:a@x.org"), ByOneId(one_id), by("user_id:bob"), ByOneId("x")]
    found = await store.profiles_by(asked, [want("identifiers", want("total_count"))], token=done.token)

    assert found[4:] == [None, None]
    assert [view and view.one_id for view in found[:4]] == [one_id] * 4
    assert found[0] is not None
    assert (found[0].kind, found[0].size, found[0].retired_at) == (ProfileKind.PERSON, 3, None)
    identifiers = found[0].parts[("identifiers", ())]
    assert texts(identifiers) == {"user_id:ada", "phone:+8613900000001", "email:a@x.org"}
    assert (identifiers.total_count, identifiers.has_next) == (3, False)


async def test_who_was_merged_leads_to_who_is_left_and_shows_itself_as_a_node(store: Store) -> None:
    await ingest(store, [fragment("device:d1")])
    await ingest(store, [fragment("user_id:ada")])
    device, ada = await profile(store, "device:d1"), await profile(store, "user_id:ada")
    assert device.kind is ProfileKind.ANONYMOUS
    await ingest(store, [fragment("user_id:ada", "device:d1")])

    found = await store.profiles_by([ByOneId(device.one_id), ByNumber(device.n)], [want("retired_one_ids"), want("changes")])
    [node] = await store.nodes([("profile", device.n)], {"profile": [want("successor"), want("identifiers")]})

    assert [view and view.n for view in found] == [ada.n, ada.n]
    assert found[0] is not None
    assert found[0].parts[("retired_one_ids", ())] == (device.one_id,)
    kinds = [change.kind for change in nodes(found[0].parts[("changes", ())])]
    assert set(kinds) >= {ChangeKind.CREATED, ChangeKind.MERGED}
    assert isinstance(node, ProfileView)
    assert (node.n, node.size, node.parts[("identifiers", ())].edges) == (device.n, 0, ())
    assert node.retired_at is not None
    assert node.parts[("successor", ())].n == ada.n


async def test_what_was_withdrawn_is_unknown_and_its_one_id_sleeps(store: Store) -> None:
    await ingest(store, [fragment("user_id:ada", source="crm", id="1")])
    ada = await profile(store, "user_id:ada")
    await withdraw(store, RecordKey("crm", "1"), reason="test")

    found = await store.profiles_by([by("user_id:ada"), ByOneId(ada.one_id), ByNumber(ada.n, follow=False)], [want("successor")])
    view = await store.fragment(RecordKey("crm", "1"), [want("identifiers", want("profile"))])

    assert found[:2] == [None, None]
    assert found[2] is not None
    assert (found[2].size, found[2].parts[("successor", ())]) == (0, None)
    assert view is not None
    assert view.status is FragmentStatus.WITHDRAWN
    [identifier] = view.parts[("identifiers", ())]
    assert identifier.parts[("profile", ())] is None


async def test_times_and_versions_move_with_what_changes(store: Store) -> None:
    await ingest(store, [fragment("user_id:ada")])
    first = await profile(store, "user_id:ada")
    await ingest(store, [fragment("user_id:bob")])
    same_still = await profile(store, "user_id:ada")
    await ingest(store, [fragment("user_id:ada", traits={"plan": "gold"})])
    changed = await profile(store, "user_id:ada")

    assert same_still.version == first.version < changed.version
    assert first.created_at == changed.created_at <= changed.updated_at <= changed.as_of


# ---------------------------------------------------------------- parts


async def test_traits_show_the_newest_with_its_provenance_and_what_it_won_against(store: Store) -> None:
    await ingest(
        store,
        [
            fragment("user_id:ada", "email:a@x.org", at=1, source="crm", traits={"name": "Ada", "city": "Rome"}),
            fragment("email:a@x.org", at=2, source="web", traits={"name": "Ada L."}),
        ],
    )

    city, name = await part(store, "user_id:ada", want("traits", want("alternatives")))

    assert (city.key, city.value, city.source, city.identifier.identifier) == ("city", "Rome", "crm", ids("user_id:ada")[0])
    assert (name.value, name.source, name.identifier.identifier) == ("Ada L.", "web", ids("email:a@x.org")[0])
    assert [(other.value, other.source, other.observed_at) for other in name.alternatives] == [("Ada", "crm", minute(1))]


async def test_facts_follow_their_identifier_through_a_judgement_and_back(store: Store) -> None:
    await ingest(store, [fragment("user_id:ada", "cookie:c"), fragment("cookie:c", at=5, traits={"plan": "gold"})])
    assert [one.value for one in await part(store, "user_id:ada", want("traits"))] == ["gold"]

    await judge(store, [distinct("user_id:ada", "cookie:c", at=9)])

    assert await part(store, "user_id:ada", want("traits")) == ()
    assert [one.value for one in await part(store, "cookie:c", want("traits"))] == ["gold"]
    await judge(store, [same("user_id:ada", "cookie:c", at=10)])
    assert [one.value for one in await part(store, "user_id:ada", want("traits"))] == ["gold"]


async def test_links_show_what_joins_and_what_was_refused_and_why(store: Store) -> None:
    await ingest(
        store,
        [
            fragment("user_id:ada", "phone:+8613900000001", at=1),
            fragment("user_id:ada", "phone:+8613900000001", at=3),
            fragment("user_id:ada", "device:d", at=4),
            fragment("user_id:bob", "device:d", at=2),
        ],
    )

    accepted = await walk(store, "user_id:ada", "links", want("bridge"), first=1)
    refused = [one for one in await walk(store, "user_id:ada", "links", first=1, refused=True) if one.refused]

    seen = {frozenset(texts([one.a, one.b])): (one.fragment_count, one.first_seen, one.last_seen) for one in accepted}
    assert seen == {
        frozenset({"user_id:ada", "phone:+8613900000001"}): (2, minute(1), minute(3)),
        frozenset({"user_id:ada", "device:d"}): (1, minute(4), minute(4)),
    }
    assert all(one.parts[("bridge", ())] for one in accepted)
    [one] = refused
    assert {one.a.identifier.text, one.b.identifier.text} == {"user_id:bob", "device:d"}
    assert one.refused == Refusal(Rule.LIMIT, "user_id")
    assert [other.refused for other in await walk(store, "user_id:bob", "links", refused=True)] == [one.refused]


async def test_links_lead_to_the_fragments_that_carry_them(store: Store) -> None:
    for number in range(3):
        await ingest(store, [fragment("user_id:ada", "device:d", at=number, source="web", id=f"{number}")])
    await ingest(store, [fragment("user_id:ada", at=9), fragment("device:d", at=9)])

    [link] = await walk(store, "user_id:ada", "links", want("fragments", want("total_count"), first=2))
    page = link.parts[("fragments", (("first", 2),))]

    assert [one.key.id for one in nodes(page)] == ["2", "1"]
    assert (page.has_next, page.total_count) == (True, 3)


async def test_fragments_come_newest_first_and_only_to_whom_their_facts_belong(store: Store) -> None:
    await ingest(store, [fragment("user_id:ada", "device:d", at=number, source="web", id=f"a{number}") for number in range(5)])
    await ingest(store, [fragment("user_id:bob", "device:d", at=0, source="crm", id="b")])
    await ingest(store, [fragment("device:d", at=3.5, source="web", id="d")])

    ada = await walk(store, "user_id:ada", "fragments", want("profile"), want("identifiers"))
    bob = await walk(store, "user_id:bob", "fragments")

    assert [one.key.id for one in ada] == ["a4", "d", "a3", "a2", "a1", "a0"]
    assert len({one.parts[("profile", ())].n for one in ada}) == 1
    assert texts(ada[0].parts[("identifiers", ())]) == {"user_id:ada", "device:d"}
    assert [one.key.id for one in bob] == ["b"]
    assert [one.key.id for one in await walk(store, "user_id:ada", "fragments", sources=("crm",))] == []


async def test_a_fragment_that_was_superseded_is_history(store: Store) -> None:
    await ingest(store, [fragment("user_id:ada", at=1, source="crm", id="1", traits={"plan": "silver"})])
    await ingest(store, [fragment("user_id:ada", at=2, source="crm", id="1", traits={"plan": "gold"})])

    [current] = await walk(store, "user_id:ada", "fragments")
    [old] = await store.nodes([("fragment", current.id - 1)], {})
    view = await store.fragment(RecordKey("crm", "1"), [])

    assert (current.traits, current.status) == ({"plan": "gold"}, FragmentStatus.ACTIVE)
    assert view is not None
    assert view.id == current.id
    assert old is not None
    assert (old.traits, old.status) == ({"plan": "silver"}, FragmentStatus.SUPERSEDED)  # type: ignore[union-attr]
    assert [one.value for one in await part(store, "user_id:ada", want("traits"))] == ["gold"]


async def test_a_shared_identifier_is_a_profile_of_its_own_with_its_own_facts(store: Store) -> None:
    crowd = [fragment(f"user_id:u{number}", "device:lobby", at=number) for number in range(25)]
    await ingest(
        store, [*crowd, fragment("device:lobby", at=99, traits={"place": "lobby"}), fragment("user_id:u3", traits={"plan": "gold"})]
    )

    lobby = await profile(store, "device:lobby", want("traits"), want("fragments", want("total_count")))
    listed = await store.shared_identifiers(Page(10), [want("profile"), want("span")])

    assert lobby.kind is ProfileKind.SHARED
    assert [one.value for one in lobby.parts[("traits", ())]] == ["lobby"]
    assert len(lobby.parts[("fragments", ())].edges) == 1
    assert texts(listed) == {"device:lobby"}
    [one] = nodes(listed)
    assert (one.shared, one.first_seen, one.last_seen) == (True, minute(0), minute(99))
    assert (await store.shared_identifiers(Page(10), [], namespaces=["user_id"])).edges == ()
    refused = await walk(store, "device:lobby", "links", first=10, refused=True)
    assert len(refused) == 25
    assert {one.refused for one in refused} == {Refusal(Rule.SHARED)}


async def test_judgements_are_listed_in_force_or_not_and_join_as_links(store: Store) -> None:
    await ingest(store, [fragment("user_id:ada"), fragment("phone:+8613900000001")])
    await judge(store, [same("user_id:ada", "phone:+8613900000001", at=1, by="eve", reason="called")])
    await judge(store, [distinct("phone:+8613900000001", "user_id:ada", at=2, by="bob")])
    await judge(store, [same("user_id:ada", "user_id:null", at=3)])

    judgements = await walk(store, "user_id:ada", "judgements", first=1)

    assert [(one.kind.value, one.in_force) for one in judgements] == [("same", False), ("distinct", True), ("same", False)]
    void, _, told = judgements
    assert {void.a.identifier.text, void.b.identifier.text} == {"user_id:ada", "user_id:null"}
    assert (told.by, told.reason, told.at) == ("eve", "called", minute(1))
    [link] = await walk(store, "user_id:ada", "links")
    assert (link.kind, link.judgement, link.first_seen, link.fragment_count) == ("distinct", judgements[1].id, minute(2), 0)
    [node] = await store.nodes([("link", (link.judgement,))], {})
    assert node == link


async def test_nodes_of_every_kind_are_found_again(store: Store) -> None:
    await ingest(store, [fragment("user_id:ada", "device:d")])
    await judge(store, [same("user_id:ada", "device:d")])
    wants = [want(field) for field in ("identifiers", "links", "fragments", "judgements", "changes")]
    ada = await profile(store, "user_id:ada", *wants)
    identifiers, links, fragments, judgements, changes = (nodes(ada.parts[one.key]) for one in wants)
    asked: list[tuple[str, Any]] = [
        ("profile", ada.n),
        ("identifier", identifiers[0].id),
        ("link", (links[0].a.id, links[0].b.id)),
        ("fragment", fragments[0].id),
        ("judgement", judgements[0].id),
        ("change", changes[0].seq),
        ("profile", 10**6),
        ("identifier", 7),
        ("link", (1, 2)),
        ("fragment", 10**6),
        ("judgement", 10**6),
        ("change", 10**6),
    ]

    found = await store.nodes(asked, {})

    assert isinstance(found[0], ProfileView)
    assert found[0].n == ada.n
    assert found[1:6] == [identifiers[0], links[0], fragments[0], judgements[0], changes[0]]
    assert found[6:] == [None] * 6


async def test_a_cursor_of_another_list_is_refused(store: Store) -> None:
    await ingest(store, [fragment("user_id:ada")])

    with pytest.raises(BadCursor):
        await part(store, "user_id:ada", want("fragments", after=(1,)))


# ---------------------------------------------------------------- lists of the whole store


async def test_everyone_is_listed_once_and_by_update(store: Store) -> None:
    await ingest(store, [fragment(f"user_id:u{number}") for number in range(7)])
    await ingest(store, [fragment("device:d")])
    before = (await profile(store, "device:d")).as_of
    await ingest(store, [fragment("user_id:u3", at=1, traits={"plan": "gold"})])

    everyone = [edge.node.n for edge in await pages(lambda page: store.profiles(page, []), 3)]
    people = [edge.node for edge in await pages(lambda page: store.profiles(page, [], kind=ProfileKind.PERSON), 3)]
    updated = [edge.node for edge in await pages(lambda page: store.profiles(page, [], updated_after=before), 3)]

    assert (len(everyone), everyone) == (8, sorted(set(everyone)))
    assert len(people) == 7
    assert [one.n for one in updated] == [(await profile(store, "user_id:u3")).n]
    assert (await store.profiles(Page(2), [want("total_count")])).total_count in (8, None)


async def test_search_finds_beginnings_and_names_in_any_script(store: Store) -> None:
    await ingest(
        store,
        [
            fragment("user_id:1", "phone:+8613912345678", traits={"name": "李雷"}),
            fragment("user_id:2", "phone:+8613912349999", "email:han@x.org", traits={"name": "Mei Han"}),
            fragment("cookie:139", traits={"plan": "李"}),
        ],
    )
    one, two, cookie = [(await profile(store, text)).n for text in ("user_id:1", "user_id:2", "cookie:139")]

    async def found(text: str, *, whole: bool = False) -> list[int]:
        edges = await pages(lambda page: search(store, text, page, [], whole=whole), 1)
        return [edge.node.n for edge in edges]

    assert await found("139 1234") == sorted([one, two])
    assert await found("139") == sorted([one, two, cookie])
    assert await found("雷") == await found("李雷") == await found("李") == [one]
    assert await found("han") == await found("HAN m") == [two]
    assert await found("139 1234 5678", whole=True) == await found("李雷", whole=True) == [one]
    assert await found("139 1234", whole=True) == await found("雷", whole=True) == await found("") == []


async def test_search_forgets_names_that_no_active_version_says(store: Store) -> None:
    await ingest(store, [fragment("user_id:1", at=1, source="crm", id="1", traits={"name": "Old"})])
    await ingest(store, [fragment("user_id:1", at=2, source="crm", id="1", traits={"name": "New"})])

    assert (await search(store, "old", Page(5), [])).edges == ()
    assert len((await search(store, "new", Page(5), [])).edges) == 1


async def test_replaying_the_feed_gives_the_current_map(store: Store) -> None:
    await ingest(store, [fragment("user_id:ada", "device:d", at=1), fragment("user_id:bob", "device:e")])
    await ingest(store, [fragment("user_id:bob", "device:d", at=5)])
    await judge(store, [same("user_id:ada", "device:e", at=9)])
    await ingest(store, [fragment("cookie:c", at=2)])
    await ingest(store, [fragment("cookie:c", "device:d", at=3)])

    wants = [want("gained", first=100), want("lost", first=100)]
    holds: dict[str, set[str]] = {}
    leads: dict[str, str | None] = {}
    edges = await pages(lambda page: store.changes(page, wants), 2)
    for change in (edge.node for edge in edges):
        held = holds.setdefault(change.one_id, set())
        held -= texts(change.parts[wants[1].key])
        held |= texts(change.parts[wants[0].key])
        leads[change.one_id] = change.leads_to

    assert [edge.key for edge in edges] == sorted(edge.key for edge in edges)
    for one_id, held in holds.items():
        [view] = await store.profiles_by([ByOneId(one_id)], [want("identifiers", first=100)])
        assert view is not None
        assert (view.one_id == one_id) == bool(held)
        if held:
            assert texts(view.parts[want("identifiers", first=100).key]) == held
        else:
            assert leads[one_id] == view.one_id
    commit, seq = await store.head()
    assert edges[-1].key == (seq,)
    assert commit > 0
    retired = [edge.node for edge in await pages(lambda page: store.changes(page, [], kinds=["merged", "retired"]), 1)]
    assert {change.kind.value for change in retired} <= {"merged", "retired"}


async def test_changes_of_one_profile_include_who_leads_to_it(store: Store) -> None:
    await ingest(store, [fragment("device:d")])
    device = await profile(store, "device:d")
    await ingest(store, [fragment("user_id:ada")])
    await ingest(store, [fragment("user_id:ada", "device:d")])
    ada = await profile(store, "user_id:ada")

    seqs = [change.seq for change in await walk(store, "user_id:ada", "changes", first=1)]
    forwards = await pages(lambda page: store.changes(page, [want("profile")], n=ada.n), 1)

    assert seqs == sorted(seqs, reverse=True)
    assert [edge.node.seq for edge in forwards] == sorted(seqs)
    assert {edge.node.n for edge in forwards} == {ada.n, device.n}
    assert {edge.node.parts[("profile", ())].n for edge in forwards} == {ada.n}


async def test_counts_are_exact(store: Store) -> None:
    crowd = [fragment(f"user_id:u{number}", "device:lobby") for number in range(25)]
    await ingest(store, [*crowd, fragment("user_id:ada", "phone:+8613900000001", "device:d"), fragment("user_id:bob", "device:d", at=9)])
    await ingest(store, [fragment("user_id:gone", source="crm", id="1")])
    await withdraw(store, RecordKey("crm", "1"), reason="test")

    stats = await store.stats()

    assert (stats.identifiers, stats.profiles, stats.fragments, stats.largest_profile) == (30, 28, 27, 2)
    assert (stats.links, stats.refused_links, stats.shared_identifiers, stats.contested_profiles) == (2, 27, 1, 2)
    assert stats.rules_version == 1


async def test_the_rules_in_force_are_told(store: Store) -> None:
    found = await store.rules()

    assert found is not None
    assert (found.version, found.toml) == (1, store.in_force.toml)
    assert await store.rules(1) == found
    assert await store.rules(2) is None


# ---------------------------------------------------------------- social


async def test_interactions_make_peers_of_people_and_vanish_inside_one(store: Store) -> None:
    await ingest(store, [fragment("user_id:ada", "phone:+8613900000001"), fragment("user_id:bob")])
    await record(
        store,
        [
            like("user_id:ada", "user_id:bob", id="1", weight=2, at=1),
            like("user_id:bob", "phone:+8613900000001", id="2", type="share", at=2),
            like("user_id:ada", "phone:+8613900000001", id="3", at=3),
            like("user_id:eve", "user_id:bob", id="4", at=4),
        ],
    )

    [bob] = await walk(store, "user_id:ada", "related", want("profile", want("identifiers")))
    eve = await profile(store, "user_id:eve")

    assert (bob.weight, bob.direction, bob.first_at, bob.last_at) == (3.0, "both", minute(1), minute(2))
    assert [(one.type, one.count) for one in bob.counts] == [("like", 1), ("share", 1)]
    assert texts(bob.profile.parts[("identifiers", ())]) == {"user_id:bob"}
    assert eve.size == 1
    found = await store.path(by("user_id:ada"), by("user_id:eve"), 4, [])
    assert found is not None
    assert [node.profile.n for node in found.nodes] == [
        (await profile(store, text)).n for text in ("user_id:ada", "user_id:bob", "user_id:eve")
    ]
    assert await store.path(by("user_id:ada"), by("user_id:eve"), 1, []) is None
    assert await store.path(by("user_id:ada"), by("user_id:zoe"), 4, []) is None


async def test_a_withdrawn_interaction_is_no_tie(store: Store) -> None:
    await ingest(store, [fragment("user_id:ada"), fragment("user_id:bob")])
    await record(store, [like("user_id:ada", "user_id:bob", id="1", weight=2), like("user_id:ada", "user_id:bob", id="2", weight=3)])
    await withdraw_interactions(store, [RecordKey("app", "2")])

    [bob] = await walk(store, "user_id:ada", "related")
    assert bob.weight == 2.0

    await withdraw_interactions(store, [RecordKey("app", "1")])
    assert await walk(store, "user_id:ada", "related") == []


PEOPLE = [f"{namespace}:u{number}" for namespace in ("user_id", "phone", "device") for number in range(4)]
PEOPLE = [text.replace("phone:u", "phone:+861391234567") for text in PEOPLE]
_pair = st.lists(st.sampled_from(PEOPLE), min_size=2, max_size=2, unique=True)
_step = st.one_of(
    _pair.map(lambda pair: ("together", *pair)),
    _pair.map(lambda pair: ("same", *pair)),
    _pair.map(lambda pair: ("distinct", *pair)),
    st.just(("withdraw", "", "")),
)
_interactions = st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE), st.integers(0, 3)), min_size=1, max_size=14)


@given(_interactions, st.lists(_step, min_size=1, max_size=6), st.integers(1, 3), st.sampled_from(["in", "out", "both"]))
def test_after_any_merge_or_split_a_neighbourhood_is_what_networkx_contracts(
    open_with: OpenWith, run: Run, interactions: list[Any], steps: list[tuple[str, str, str]], depth: int, direction: str
) -> None:
    run(_histories(open_with, interactions, steps, depth, direction))


async def _histories(open_with: OpenWith, interactions: list[Any], steps: list[tuple[str, str, str]], depth: int, direction: str) -> None:
    async with open_with() as store:
        await ingest(store, [fragment(text, source="start", id=text) for text in PEOPLE])
        await record(store, [like(a, b, id=f"{place}", weight=weight) for place, (a, b, weight) in enumerate(interactions)])
        for at, (what, a, b) in enumerate(steps):
            await _take(store, what, a, b, at, f"{at - 1}")
            await _compare(store, interactions, depth, direction)


async def _take(store: Store, what: str, a: str, b: str, at: int, before: str) -> None:
    judgements: dict[str, Callable[..., Judgement]] = {"same": same, "distinct": distinct}
    if what == "together":
        one: Fragment = fragment(a, b, at=at, source="step", id=f"{at}")
        await ingest(store, [one])
    elif what == "withdraw":
        if await store.fragment(RecordKey("step", before), []):
            await withdraw(store, RecordKey("step", before), reason="test")
    else:
        await judge(store, [judgements[what](a, b, at=at)])


async def _compare(store: Store, interactions: Sequence[tuple[str, str, int]], depth: int, direction: str) -> None:
    neighbourhood = want("neighbourhood", depth=depth, direction=direction)
    views = await store.profiles_by([by(text) for text in PEOPLE], [neighbourhood])
    person = {text: view.n for text, view in zip(PEOPLE, views, strict=True) if view is not None}
    raw: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    raw.add_nodes_from(PEOPLE)
    raw.add_weighted_edges_from(interactions)
    whole: nx.DiGraph[int] = nx.DiGraph()
    whole.add_nodes_from(person.values())
    merged: Any = raw
    for first, *others in ([text for text in PEOPLE if person[text] == n] for n in set(person.values())):
        for other in others:
            merged = nx.contracted_nodes(merged, first, other, self_loops=False)
    for a, b, weight in merged.edges(data="weight"):
        if a != b:
            before = whole.get_edge_data(person[a], person[b], {"weight": 0})["weight"]
            whole.add_edge(person[a], person[b], weight=before + weight)
    seen = whole.to_undirected() if direction == "both" else whole.reverse() if direction == "in" else whole
    for view in views:
        assert view is not None
        found = view.parts[neighbourhood.key]
        hops = nx.single_source_shortest_path_length(seen, view.n, depth)
        assert {node.profile.n: node.depth for node in found.nodes} == dict(hops)
        assert {(edge.origin, edge.target, edge.weight) for edge in found.edges} == set(whole.subgraph(hops).edges(data="weight"))
