"""The queries, over a store that has seen a few people."""

from __future__ import annotations

from typing import Any

import pytest

from graph.resolve.rules import Rules
from service.gql.ids import encode, node_id
from tests.service.asking import Asking, asking, fragment
from tests.stores import OpenWith

ADA = {"identifier": {"namespace": "email", "value": " ADA@example.com"}}


@pytest.fixture
async def seen(ask: Asking) -> Asking:
    """Ada, known by three records, and Bo, who knows her; a guest's device."""
    await ask.ingest(
        fragment("email:ada@example.com", "phone:139 1234 5678", id="1", traits={"name": "Ada Lovelace", "city": "London"}),
        fragment("email:ada@example.com", "device:d-1", id="2", source="app", at="2026-02-02T00:00:00Z", traits={"name": "Ada King"}),
        fragment("user_id:bo", "email:bo@example.com", id="3", traits={"name": "李雷"}),
        fragment("device:d-2", id="4", source="app"),
    )
    await ask.data(RECORD, input={"interactions": [interaction("i1", "email:bo@example.com", "email:ada@example.com")]})
    return ask


RECORD = "mutation ($input: RecordInteractionsInput!) { recordInteractions(input: $input) { accepted userErrors { code message path } } }"


def interaction(id: str, origin: str, target: str, **more: Any) -> dict[str, Any]:
    ends = [dict(zip(("namespace", "value"), text.split(":"), strict=True)) for text in (origin, target)]
    return {"id": id, "source": "forum", "type": "like", "from": ends[0], "to": ends[1], "at": "2026-01-05T00:00:00Z", **more}


def nodes(connection: dict[str, Any], *names: str) -> list[Any]:
    """What the edges hold: of each node the named fields, the value alone where one is named."""
    found = [tuple(edge["node"][name] for name in names) for edge in connection["edges"]]
    return [one[0] for one in found] if len(names) == 1 else found


async def profile(ask: Asking, selection: str, by: Any = ADA, **variables: Any) -> Any:
    answer = await ask.data(f"query ($by: ProfileBy!) {{ profile(by: $by) {{ {selection} }} }}", by=by, **variables)
    return answer["profile"]


async def test_somebody_is_found_by_any_identifier_however_it_is_written(seen: Asking) -> None:
    by_mail = await profile(seen, "oneId kind")
    by_phone = await profile(seen, "oneId kind", by={"identifier": {"namespace": "phone", "value": "0086 (139) 1234-5678"}})

    assert by_mail == by_phone
    assert by_mail["kind"] == "PERSON"


async def test_somebody_is_found_by_one_id_and_by_id(seen: Asking) -> None:
    ada = await profile(seen, "id oneId")

    assert await profile(seen, "id oneId", by={"oneId": ada["oneId"]}) == ada
    assert await profile(seen, "id oneId", by={"id": ada["id"]}) == ada


@pytest.mark.parametrize(
    "by",
    [
        {"oneId": "01890000-0000-7000-8000-000000000000"},
        {"identifier": {"namespace": "email", "value": "nobody@example.com"}},
        {"identifier": {"namespace": "email", "value": "null"}},
        {"identifier": {"namespace": "nowhere", "value": "1"}},
        {"id": node_id("profile", 10_000)},
    ],
)
async def test_nobody_is_null(seen: Asking, by: Any) -> None:
    assert await profile(seen, "oneId", by=by) is None


async def test_a_profile_shows_what_it_is_made_of(seen: Asking) -> None:
    ada = await profile(
        seen,
        "version createdAt updatedAt asOf retiredAt successor { oneId } retiredOneIds "
        "identifiers { totalCount edges { node { namespace value masked status firstSeenAt lastSeenAt sources } } } "
        "links { edges { node { a { value } b { value } kind accepted refusedBy { rule } fragmentCount bridge score } } } "
        "fragments { edges { node { source recordId status traits identifiers { value } profile { oneId } } } } oneId "
        "changes { edges { node { kind cause { kind } reversible } } } judgements { edges { node { kind } } }",
    )

    assert sorted(nodes(ada["identifiers"], "namespace", "value", "masked")) == [
        ("device", "d-1", "****"),
        ("email", "ada@example.com", "a***@e…"),
        ("phone", "+8613912345678", "+86139****5678"),
    ]
    assert ada["identifiers"]["totalCount"] == 3
    (mail,) = [edge["node"] for edge in ada["identifiers"]["edges"] if edge["node"]["namespace"] == "email"]
    assert (mail["sources"], mail["status"]) == (["app", "crm", "forum"], "ACTIVE")
    assert (mail["firstSeenAt"], mail["lastSeenAt"]) == ("2026-01-02T03:04:05Z", "2026-02-02T00:00:00Z")
    assert (
        nodes(ada["links"], "kind", "accepted", "refusedBy", "fragmentCount", "bridge", "score")
        == [("OBSERVED", True, None, 1, True, None)] * 2
    )
    assert nodes(ada["fragments"], "source", "recordId", "status", "traits") == [
        ("app", "2", "ACTIVE", {"name": "Ada King"}),
        ("crm", "1", "ACTIVE", {"name": "Ada Lovelace", "city": "London"}),
    ]
    assert nodes(ada["fragments"], "profile") == [{"oneId": ada["oneId"]}] * 2
    assert nodes(ada["changes"], "kind", "cause", "reversible")[-1] == ("CREATED", {"kind": "FRAGMENT"}, False)
    assert (ada["retiredAt"], ada["successor"], ada["retiredOneIds"], ada["judgements"]["edges"]) == (None, None, [], [])


async def test_traits_come_with_their_provenance_and_those_that_lost(seen: Asking) -> None:
    ada = await profile(
        seen,
        "traits { key value source observedAt identifier { namespace } alternatives { value source } "
        "one: alternatives(first: 1) { value } }",
    )

    assert [(one["key"], one["value"], one["source"]) for one in ada["traits"]] == [("city", "London", "crm"), ("name", "Ada King", "app")]
    assert ada["traits"][1]["alternatives"] == [{"value": "Ada Lovelace", "source": "crm"}]


async def test_people_who_interact_are_related_and_near(seen: Asking) -> None:
    ada = await profile(
        seen,
        "id related { totalCount edges { node { weight direction counts { type count } firstAt lastAt "
        "profile { id traits { value } } } } } "
        "neighbourhood { truncated nodes { depth strength profile { id } } edges { from to weight counts { type count } lastAt } }",
    )

    bo = ada["related"]["edges"][0]["node"]
    assert (bo["weight"], bo["direction"], bo["counts"], bo["profile"]["traits"]) == (
        1,
        "IN",
        [{"type": "like", "count": 1}],
        [{"value": "李雷"}],
    )
    assert [(one["depth"], one["profile"]["id"]) for one in ada["neighbourhood"]["nodes"]] == [(0, ada["id"]), (1, bo["profile"]["id"])]
    assert [(one["from"], one["to"]) for one in ada["neighbourhood"]["edges"]] == [(bo["profile"]["id"], ada["id"])]
    assert ada["neighbourhood"]["truncated"] is False


async def test_a_social_path_leads_from_one_to_another(seen: Asking) -> None:
    query = """query ($from: ProfileBy!, $to: ProfileBy!) { socialPath(from: $from, to: $to) {
        nodes { depth profile { kind traits(keys: ["name"]) { value } } } edges { weight } } }"""
    path = await seen.data(query, **{"from": ADA, "to": {"identifier": {"namespace": "user_id", "value": "bo"}}})
    none = await seen.data(query, **{"from": ADA, "to": {"identifier": {"namespace": "device", "value": "d-2"}}})

    assert [one["profile"]["traits"][0]["value"] for one in path["socialPath"]["nodes"]] == ["Ada King", "李雷"]
    assert none["socialPath"] is None


async def test_many_are_looked_up_in_their_order(seen: Asking) -> None:
    query = "query ($by: [ProfileBy!]!) { profilesBy(by: $by) { kind } }"
    by = [
        {"identifier": {"namespace": "device", "value": "d-2"}},
        {"identifier": {"namespace": "email", "value": "none"}},
        {"oneId": "x"},
        ADA,
    ]

    assert (await seen.data(query, by=by))["profilesBy"] == [{"kind": "ANONYMOUS"}, None, None, {"kind": "PERSON"}]


@pytest.mark.parametrize("text", ["ada@ex", "+86 139", "1391234", "Lovelace", "ada ki", "d-1"])
async def test_search_finds_beginnings_of_identifiers_and_names(seen: Asking, text: str) -> None:
    found = await seen.data("query ($text: String!) { search(text: $text) { edges { node { oneId } } } }", text=text)

    assert nodes(found["search"], "oneId") == [(await profile(seen, "oneId"))["oneId"]]


async def test_search_finds_chinese_names(seen: Asking) -> None:
    found = await seen.data('{ search(text: "李雷") { edges { node { identifiers { edges { node { value } } } } } } }')

    assert sorted(nodes(nodes(found["search"], "identifiers")[0], "value")) == ["bo", "bo@example.com"]


async def test_a_record_is_found_by_its_key(seen: Asking) -> None:
    query = "query ($by: RecordKey!) { fragment(by: $by) { source recordId observedAt recordedAt identifiers { value } } }"
    found = (await seen.data(query, by={"source": "crm", "id": "1"}))["fragment"]

    assert [one["value"] for one in found["identifiers"]] == ["ada@example.com", "+8613912345678"]
    assert found["observedAt"] == "2026-01-02T03:04:05Z"
    assert (await seen.data(query, by={"source": "crm", "id": "none"}))["fragment"] is None


async def test_everyone_is_listed_page_by_page(seen: Asking) -> None:
    query = """query ($after: String) { profiles(first: 1, after: $after) {
        edges { node { id } } pageInfo { hasNextPage hasPreviousPage endCursor } } }"""
    met: list[str] = []
    after, pages = None, 0
    while pages < 10:
        page = (await seen.data(query, after=after))["profiles"]
        pages += 1
        met += nodes(page, "id")
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert len(met) == len(set(met)) == 3


async def test_an_empty_page_repeats_after(seen: Asking) -> None:
    last = (await seen.data("{ profiles { pageInfo { endCursor } } }"))["profiles"]["pageInfo"]["endCursor"]
    empty = await seen.data(f'{{ profiles(after: "{last}") {{ edges {{ cursor }} pageInfo {{ hasNextPage startCursor endCursor }} }} }}')

    assert empty["profiles"] == {"edges": [], "pageInfo": {"hasNextPage": False, "startCursor": None, "endCursor": last}}


async def test_everyone_who_changed_since_is_listed_by_update(seen: Asking) -> None:
    query = "query ($since: DateTime!) { profiles(updatedAfter: $since, kind: PERSON) { totalCount edges { cursor node { updatedAt } } } }"
    all_of_them = (await seen.data(query, since="2020-01-01T00:00:00+08:00"))["profiles"]
    none = (await seen.data(query, since="2200-01-01T00:00:00Z"))["profiles"]

    assert len(all_of_them["edges"]) == 2
    assert none["edges"] == []


async def test_a_cursor_of_everyone_is_refused_among_those_who_changed(seen: Asking) -> None:
    cursor = encode("profiles", (1,))
    code, message = await seen.refusal(f'{{ profiles(updatedAfter: "2020-01-01T00:00:00Z", after: "{cursor}") {{ edges {{ cursor }} }} }}')

    assert (code, message.split(":")[0]) == ("INVALID", "after")


async def test_the_feed_goes_on_after_a_change(seen: Asking) -> None:
    first = (
        await seen.data("{ changes(first: 2) { edges { cursor node { cursor kind oneId leadsTo } } pageInfo { hasNextPage endCursor } } }")
    )["changes"]
    rest = await seen.data(f'{{ changes(after: "{first["edges"][1]["node"]["cursor"]}") {{ edges {{ node {{ oneId kind }} }} }} }}')

    assert first["pageInfo"]["hasNextPage"] is True
    assert first["edges"][1]["cursor"] == first["edges"][1]["node"]["cursor"] == first["pageInfo"]["endCursor"]
    assert len(rest["changes"]["edges"]) == 1
    assert (await seen.data("{ changes(kinds: [ERASED]) { edges { cursor } } }"))["changes"]["edges"] == []


async def test_every_node_is_found_again_by_its_id(seen: Asking) -> None:
    ada = await profile(
        seen,
        "id identifiers { edges { node { id } } } links { edges { node { id } } } "
        "fragments { edges { node { id } } } changes { edges { node { id } } }",
    )
    every = [ada["id"]] + [id for name in ("identifiers", "links", "fragments", "changes") for id in nodes(ada[name], "id")]
    found = (await seen.data("query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", ids=every))["nodes"]

    assert [one["id"] for one in found] == every
    assert {one["__typename"] for one in found} == {"Profile", "Identifier", "Link", "Fragment", "Change"}
    for id in every:
        assert (await seen.data("query ($id: ID!) { node(id: $id) { id } }", id=id))["node"] == {"id": id}


@pytest.mark.parametrize(
    "id", [node_id("profile", 99), node_id("link", 1, 99), node_id("judgement", 9), node_id("change", 9**9), node_id("cause", 0, 1)]
)
async def test_a_node_that_is_not_there_is_null(seen: Asking, id: str) -> None:
    assert await seen.data("query ($id: ID!) { node(id: $id) { id } }", id=id) == {"node": None}


async def test_a_judgement_is_a_node_and_a_link(open_with: OpenWith) -> None:
    from graph.curate import judge
    from tests.build import same

    async with open_with() as store, asking(store) as ask:
        await judge(store, [same("email:ada@example.com", "device:d-9", by="eve", reason="told us")])
        ada = await profile(
            ask,
            "judgements { edges { node { id kind by reason at inForce a { value } } } } links { edges { node { id kind fragmentCount } } }",
        )
        judgement, link = ada["judgements"]["edges"][0]["node"], ada["links"]["edges"][0]["node"]
        found = await ask.data("query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", ids=[judgement["id"], link["id"]])

    assert (judgement["kind"], judgement["by"], judgement["reason"], judgement["inForce"]) == ("SAME", "eve", "told us", True)
    assert (link["kind"], link["fragmentCount"]) == ("SAME", 0)
    assert [one["__typename"] for one in found["nodes"]] == ["Judgement", "Link"]


async def test_rules_and_counts_are_told(seen: Asking, kind: str) -> None:
    told = await seen.data(
        "{ now: rules { version toml } then: rules(version: 1) { version } never: rules(version: 9) { version } "
        "stats { store profiles fragments } }"
    )

    assert "[[namespace]]" in told["now"]["toml"]
    assert (told["then"], told["never"], told["stats"]) == ({"version": 1}, None, {"store": kind, "profiles": 3, "fragments": 4})


async def test_what_many_share_is_listed(open_with: OpenWith) -> None:
    rules = Rules.parse('[[namespace]]\nname = "user_id"\n[[namespace]]\nname = "device"\nshared_above = 2\n')
    async with open_with(rules) as store, asking(store) as ask:
        await ask.ingest(*(fragment(f"user_id:u{n}", "device:kiosk", id=f"r{n}") for n in range(4)))
        shared = await ask.data(
            "{ sharedIdentifiers { edges { node { value status profile { kind } } } } "
            'none: sharedIdentifiers(namespaces: ["x"]) { edges { cursor } } }'
        )
        refused = await profile(
            ask,
            "links(refused: true) { edges { node { accepted refusedBy { rule namespace message } } } }",
            by={"identifier": {"namespace": "user_id", "value": "u1"}},
        )

    assert nodes(shared["sharedIdentifiers"], "value", "status", "profile") == [("kiosk", "SHARED", {"kind": "SHARED"})]
    assert shared["none"]["edges"] == []
    assert nodes(refused["links"], "accepted", "refusedBy") == [
        (False, {"rule": "SHARED", "namespace": None, "message": "Not used: one of the two is shared by too many others."})
    ]


async def test_a_retired_one_id_leads_on_and_its_node_names_its_successor(ask: Asking) -> None:
    await ask.ingest(fragment("email:ada@example.com", id="1"), fragment("phone:13912345678", id="2"))
    before = [
        await profile(ask, "id oneId"),
        await profile(ask, "id oneId", by={"identifier": {"namespace": "phone", "value": "13912345678"}}),
    ]
    await ask.ingest(fragment("email:ada@example.com", "phone:13912345678", id="3"))
    now = await profile(ask, "id oneId retiredOneIds")
    (retired,) = [one for one in before if one["id"] != now["id"]]
    shown = await ask.data(
        "query ($id: ID!) { node(id: $id) { id ... on Profile { oneId retiredAt identifiers { edges { cursor } } successor { oneId } } } }",
        id=retired["id"],
    )

    assert now["retiredOneIds"] == [retired["oneId"]]
    assert (await profile(ask, "id", by={"oneId": retired["oneId"]}))["id"] == now["id"]
    assert (await profile(ask, "id", by={"id": retired["id"]}))["id"] == now["id"]
    assert shown["node"]["retiredAt"] is not None
    assert (shown["node"]["identifiers"]["edges"], shown["node"]["successor"]) == ([], {"oneId": now["oneId"]})
