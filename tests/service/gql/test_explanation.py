"""Why two are together or apart, over GraphQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from service.auth import add_key
from tests.service.asking import Asking, asking, fragment

EXPLAIN = """query ($a: IdentifierInput!, $b: IdentifierInput!) { explain(a: $a, b: $b) { together message
    path { id kind a { value masked sources } b { value } fragmentCount firstSeenAt lastSeenAt bridge accepted
        fragments { edges { node { source recordId } } } }
    refused { a { value } b { value } accepted refusedBy { rule namespace message } bridge }
    bridges { id a { value } b { value } } } }"""


def named(text: str) -> dict[str, str]:
    namespace, _, value = text.partition(":")
    return {"namespace": namespace, "value": value}


async def explained(ask: Asking, a: str, b: str, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = (await ask(EXPLAIN, a=named(a), b=named(b), **more))["data"]["explain"]
    return answer


async def fill(ask: Asking) -> None:
    await ask.ingest(
        fragment("user_id:u1", "phone:139 1234 5678", id="1", at="2026-01-01T00:00:00Z"),
        fragment("phone:13912345678", "email:ada@example.com", id="2", source="web", at="2026-02-02T00:00:00Z"),
        fragment("email:ada@example.com", "user_id:u2", id="3", at="2025-01-01T00:00:00Z"),
    )


@pytest.fixture
async def filled() -> AsyncIterator[Asking]:
    async with asking() as opened:
        await fill(opened)
        yield opened


async def test_together_with_sources_times_and_fragments(filled: Asking) -> None:
    found = await explained(filled, "user_id:u1", "email:Ada@Example.com")
    first, second = found["path"]
    node = (await filled.data("query ($id: ID!) { node(id: $id) { ... on Link { fragmentCount bridge } } }", id=first["id"]))["node"]

    assert found["together"]
    assert found["message"] == (
        "user_id u1 and email ada@example.com belong together: the strongest chain between them has 2 links, "
        "user_id u1 – phone +8613912345678 – email ada@example.com; losing any one of 2 links would part them."
    )
    assert (first["kind"], first["fragmentCount"], first["bridge"], first["accepted"]) == ("OBSERVED", 1, True, True)
    assert (first["firstSeenAt"], second["lastSeenAt"]) == ("2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z")
    assert [edge["node"] for edge in second["fragments"]["edges"]] == [{"source": "web", "recordId": "2"}]
    assert {first["a"]["value"], first["b"]["value"]} == {"u1", "+8613912345678"}
    assert first["a"]["sources"] in (["crm"], ["crm", "web"])
    assert [one["id"] for one in found["bridges"]] == [first["id"], second["id"]]
    assert found["refused"] == []
    assert node == {"fragmentCount": 1, "bridge": True}


async def test_apart_with_the_rule_that_refuses(filled: Asking) -> None:
    found = await explained(filled, "user_id:u1", "user_id:u2")

    assert (found["together"], found["path"], found["bridges"]) == (False, [], [])
    [link] = found["refused"]
    assert {link["a"]["value"], link["b"]["value"]} == {"u2", "ada@example.com"}
    assert (link["accepted"], link["bridge"], link["refusedBy"]["rule"], link["refusedBy"]["namespace"]) == (
        False,
        False,
        "LIMIT",
        "user_id",
    )
    assert found["message"] == (
        "user_id u1 and user_id u2 are apart: 1 link between their profiles is not used, email ada@example.com – user_id u2, "
        "since the profile would hold more identifiers of one namespace than its limit (namespace user_id)."
    )


async def test_unknown_and_blocked_are_answers_and_a_bad_input_is_an_error(filled: Asking) -> None:
    unknown = await explained(filled, "user_id:u1", "user_id:nobody")
    blocked = await explained(filled, "user_id:null", "user_id:u1")
    code, message = await filled.refusal(EXPLAIN, a=named("user_id:u1"), b={"namespace": "a:b", "value": "1"})

    assert unknown == {
        "together": False,
        "message": "user_id nobody is not known: no record, interaction or judgement that counts mentions it.",
        "path": [],
        "refused": [],
        "bridges": [],
    }
    assert (blocked["together"], blocked["message"]) == (False, "user_id null is blocked by the rules, so that nobody can be known by it.")
    assert (code, "namespace" in message) == ("INVALID", True)


async def test_the_message_is_masked_as_values_are(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    headers = {}
    for scopes in (("read", "write"), ("read", "pii")):
        headers[scopes] = {"Authorization": f"Bearer {add_key(path, '-'.join(scopes), scopes)[1]}"}
    async with asking(keys=path) as ask:
        ask.headers = headers["read", "write"]
        await fill(ask)
        answers = [
            await explained(ask, *pair)
            for pair in (
                ("user_id:u1", "email:ada@example.com"),
                ("user_id:u1", "user_id:u2"),
                ("phone:13900000000", "email:x@example.com"),
            )
        ]
        ask.headers = headers["read", "pii"]
        seen = await explained(ask, "user_id:u1", "email:ada@example.com")

    texts = [answer["message"] for answer in answers]
    assert texts[0] == (
        "user_id **** and email a***@e… belong together: the strongest chain between them has 2 links, "
        "user_id **** – phone +86139****5678 – email a***@e…; losing any one of 2 links would part them."
    )
    assert not [secret for secret in ("ada", "12345", "u1", "u2", "13900000000", "x@") if any(secret in text for text in texts)]
    assert [link["a"]["value"] for link in answers[0]["path"]] == [None, None]
    assert "ada@example.com" in seen["message"]


async def test_it_waits_for_the_write_that_a_token_names(filled: Asking) -> None:
    done = await filled(
        "mutation ($input: IngestFragmentsInput!) { ingestFragments(input: $input) { accepted } }",
        input={"fragments": [fragment("user_id:u1", "device:d1", id="9")]},
    )

    found = await explained(filled, "user_id:u1", "device:d1", headers={"ONEID-After": done["extensions"]["token"]})

    assert found["together"]
