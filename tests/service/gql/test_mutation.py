"""The mutations: the good lands, the bad is told one by one, and asking twice changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.service.asking import Asking, asking, fragment

WITHDRAW = """mutation ($input: WithdrawInput!) { withdraw(input: $input) {
    changes { kind oneId leadsTo lost { edges { node { value } } } profile { oneId } }
    profiles { oneId identifiers { edges { node { value } } } } userErrors { code message path } clientMutationId } }"""
RECORD = """mutation ($input: RecordInteractionsInput!) { recordInteractions(input: $input) {
    accepted unchanged rejected { index code message path } userErrors { code message path } clientMutationId } }"""
TAKE_BACK = """mutation ($input: WithdrawInteractionsInput!) { withdrawInteractions(input: $input) {
    accepted unchanged rejected { index code message path } userErrors { code message path } } }"""


def interaction(id: str = "i1", **more: Any) -> dict[str, Any]:
    ends = {"from": {"namespace": "user_id", "value": "a"}, "to": {"namespace": "user_id", "value": "b"}}
    return {"id": id, "source": "forum", "type": "like", **ends, **more}


async def test_fragments_land_and_say_whose_they_are(ask: Asking) -> None:
    done = await ask.ingest(
        fragment("email:ada@example.com", "phone:13912345678", id="1"),
        fragment("email:ada@example.com", id="2"),
        fragment("email:null", "device:d", id="3"),
    )

    assert (done["accepted"], done["unchanged"], done["rejected"], done["userErrors"]) == (3, 0, [], [])
    assert [(one["index"], one["status"], one["blocked"]) for one in done["results"]] == [
        (0, "ACTIVE", []),
        (1, "ACTIVE", []),
        (2, "ACTIVE", ["email:null"]),
    ]
    assert done["results"][0]["oneId"] == done["results"][1]["oneId"] != done["results"][2]["oneId"]
    assert done["results"][0]["oneIds"] == [done["results"][0]["oneId"]]


async def test_the_same_again_changes_nothing(ask: Asking) -> None:
    await ask.ingest(fragment("email:ada@example.com"))
    again = await ask.ingest(fragment("email:ada@example.com"))

    assert (again["accepted"], again["unchanged"], again["results"][0]["status"]) == (0, 1, "ACTIVE")


async def test_an_earlier_version_of_a_record_is_history(ask: Asking) -> None:
    await ask.ingest(fragment("email:new@example.com", at="2026-02-02T00:00:00Z"))
    late = await ask.ingest(fragment("email:old@example.com", at="2026-01-01T00:00:00Z"))

    assert (late["accepted"], late["results"][0]["status"], late["results"][0]["oneId"]) == (1, "SUPERSEDED", None)


BAD: list[tuple[dict[str, Any], str, list[str]]] = [
    (fragment("email:a@example.com", id=""), "INVALID", ["id"]),
    (fragment("email:a@example.com", source=""), "INVALID", ["source"]),
    (fragment("email:a@example.com", at="2026-02-30T00:00:00Z"), "INVALID", ["observedAt"]),
    (fragment("email:a@example.com", at="soon"), "INVALID", ["observedAt"]),
    (fragment("email:a@example.com", at=12), "INVALID", ["observedAt"]),  # type: ignore[arg-type]  # as clients err
    (fragment(), "INVALID", ["identifiers"]),
    (fragment(*(f"device:{n}" for n in range(21))), "LIMIT_EXCEEDED", ["identifiers"]),
    (fragment(f"device:{'x' * 1025}"), "LIMIT_EXCEEDED", ["identifiers", "0", "value"]),
    (fragment(":x"), "INVALID", ["identifiers", "0", "namespace"]),
    (fragment("device:x", score=1.5), "INVALID", ["score"]),
    (fragment("device:x", traits=["name"]), "INVALID", ["traits"]),
    (fragment("device:x", traits={"deep": [[[[[[[[[[[[[1]]]]]]]]]]]]]}), "INVALID", ["traits"]),
    (fragment("device:x", id="r\0"), "INVALID", ["id"]),
]


async def test_bad_fragments_are_rejected_one_by_one_and_the_rest_lands(ask: Asking) -> None:
    good = [fragment(f"device:good{n}", id=f"g{n}") for n in range(len(BAD) + 1)]
    mixed = [one for pair in zip(good, [*(bad for bad, _, _ in BAD), good[0]], strict=True) for one in pair]
    done = await ask.ingest(*mixed)

    assert [(one["index"], one["code"], one["path"]) for one in done["rejected"]] == [
        (2 * place + 1, code, path) for place, (_, code, path) in enumerate(BAD)
    ]
    assert (done["accepted"], done["unchanged"]) == (len(good), 1)
    assert [one["index"] for one in done["results"]] == [*range(0, 2 * len(good), 2), 2 * len(good) - 1]
    assert (await ask.data("{ stats { fragments } }"))["stats"]["fragments"] == len(good)


async def test_more_fragments_than_allowed_are_refused_whole() -> None:
    async with asking(max_fragments=2) as ask:
        done = await ask.ingest(*(fragment(f"device:{n}", id=str(n)) for n in range(3)))
        stats = (await ask.data("{ stats { fragments } }"))["stats"]

    assert done["userErrors"] == [
        {"code": "LIMIT_EXCEEDED", "message": "3 came, at most 2 are allowed in one call", "path": ["input", "fragments"]}
    ]
    assert stats == {"fragments": 0}


async def test_a_retry_with_its_key_gets_the_first_answer(ask: Asking) -> None:
    first = await ask.ingest(fragment("device:1", id="1"), fragment("device:2", id=""), clientMutationId="k")
    again = await ask.ingest(fragment("device:1", id="1"), fragment("device:2", id=""), clientMutationId="k")

    assert (first["accepted"], again["accepted"], again["unchanged"], again["results"]) == (1, 1, 0, [])
    assert first["rejected"] == again["rejected"]
    assert again["clientMutationId"] == "k"


async def test_a_key_with_other_content_is_a_conflict(ask: Asking) -> None:
    await ask.ingest(fragment("device:1", id="1"), clientMutationId="k")
    other = await ask.ingest(fragment("device:2", id="2"), clientMutationId="k")

    assert [(one["code"], one["path"]) for one in other["userErrors"]] == [("CONFLICT", ["input", "clientMutationId"])]
    assert (await ask.data("{ stats { fragments } }"))["stats"]["fragments"] == 1


@pytest.mark.parametrize("key", ["", "x" * 257])
async def test_a_key_has_a_length(ask: Asking, key: str) -> None:
    done = await ask.ingest(fragment("device:1"), clientMutationId=key)

    assert [(one["code"], one["path"]) for one in done["userErrors"]] == [("INVALID", ["input", "clientMutationId"])]


async def test_the_same_key_of_another_mutation_is_another_key(ask: Asking) -> None:
    await ask.ingest(fragment("device:1"), clientMutationId="k")
    done = await ask.data(RECORD, input={"interactions": [interaction()], "clientMutationId": "k"})

    assert (done["recordInteractions"]["accepted"], done["recordInteractions"]["userErrors"]) == (1, [])


async def test_a_write_gives_a_token_that_a_read_can_wait_for(ask: Asking) -> None:
    wrote = await ask('mutation { ingestFragments(input: {fragments: [{source: "s", id: "1", identifiers: []}]}) { accepted } }')
    query = '{ profile(by: {identifier: {namespace: "device", value: "1"}}) { kind } }'
    await ask.ingest(fragment("device:1"))
    read = await ask(query, headers={"ONEID-After": wrote["extensions"]["token"]})

    assert read == {"data": {"profile": {"kind": "ANONYMOUS"}}}


async def test_a_token_that_nobody_gave_is_refused(ask: Asking) -> None:
    response = await ask.http.post("/graphql", json={"query": "{ stats { store } }"}, headers={"ONEID-After": "soon"})

    assert response.status_code == 400
    assert response.json()["errors"][0]["message"].startswith("ONEID-After: ")


async def test_a_withdrawn_record_parts_whom_it_joined(ask: Asking) -> None:
    mail, phone = "email:ada@example.com", "phone:13912345678"
    await ask.ingest(fragment(mail, id="1"), fragment(phone, id="2"), fragment(mail, phone, id="3"))
    input = {"record": {"source": "crm", "id": "3"}, "reason": "a mistake", "clientMutationId": "w"}
    payload = (await ask.data(WITHDRAW, input=input))["withdraw"]
    again = (await ask.data(WITHDRAW, input=input))["withdraw"]
    values = sorted(edge["node"]["value"] for one in payload["profiles"] for edge in one["identifiers"]["edges"])

    assert values == ["+8613912345678", "ada@example.com"]
    assert {one["kind"] for one in payload["changes"]} <= {"SPLIT", "RESTORED", "CREATED"}
    assert (payload["userErrors"], payload["clientMutationId"]) == ([], "w")
    assert again == payload


@pytest.mark.parametrize(
    ("input", "code", "path"),
    [
        ({"record": {"source": "crm", "id": "none"}, "reason": "x"}, "NOT_FOUND", ["input", "record"]),
        ({"reason": "x"}, "INVALID", ["input", "record"]),
        ({"record": None, "reason": "x"}, "INVALID", ["input", "record"]),
        ({"record": {"source": "crm", "id": "r1"}, "reason": " "}, "INVALID", ["input", "reason"]),
        ({"record": {"source": "crm", "id": "r1"}, "reason": "x" * 1025}, "LIMIT_EXCEEDED", ["input", "reason"]),
    ],
)
async def test_what_cannot_be_withdrawn_is_told_in_the_payload(ask: Asking, input: dict[str, Any], code: str, path: list[str]) -> None:
    await ask.ingest(fragment("device:1"))
    payload = (await ask.data(WITHDRAW, input=input))["withdraw"]

    assert [(one["code"], one["path"]) for one in payload["userErrors"]] == [(code, path)]
    assert (payload["changes"], payload["profiles"]) == ([], [])


async def test_interactions_land_once_and_can_be_taken_back(ask: Asking) -> None:
    sent = {"interactions": [interaction("1"), interaction("2", weight=3)]}
    first = (await ask.data(RECORD, input=sent))["recordInteractions"]
    again = (await ask.data(RECORD, input=sent))["recordInteractions"]
    back = (await ask.data(TAKE_BACK, input={"records": [{"source": "forum", "id": "2"}, {"source": "forum", "id": "9"}]}))[
        "withdrawInteractions"
    ]

    assert (first["accepted"], first["unchanged"], again["accepted"], again["unchanged"]) == (2, 0, 0, 2)
    assert (back["accepted"], [(one["index"], one["code"]) for one in back["rejected"]]) == (1, [(1, "NOT_FOUND")])


async def test_bad_interactions_are_rejected_in_their_places(ask: Asking) -> None:
    sent = [
        interaction("1", at="2026-02-30T00:00:00Z"),
        interaction("2"),
        interaction("3", **{"from": {"namespace": "email", "value": "null"}}),
        interaction("", type="like"),
        interaction("5", weight=-1),
    ]
    payload = (await ask.data(RECORD, input={"interactions": sent}))["recordInteractions"]

    assert [(one["index"], one["code"], one["path"]) for one in payload["rejected"]] == [
        (0, "INVALID", ["at"]),
        (2, "BLOCKED", ["from"]),
        (3, "INVALID", ["id"]),
        (4, "INVALID", ["weight"]),
    ]
    assert payload["accepted"] == 1
