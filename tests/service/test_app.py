"""The application over HTTP: what stands before GraphQL, and beside it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from graph.errors import BadRules, StoreTrouble
from graph.resolve.rules import Rules
from graph.views import StatsView
from service.app import create_app
from service.auth import add_key
from service.doors import LoopbackOnly
from service.gql.context import Service
from service.health import Holdings
from service.jobs import Jobs
from service.metrics import Metrics
from service.settings import Settings
from tests.service.asking import Asking, asking, fragment
from tests.stores import OpenWith

QUERY = {"query": "{ stats { store } }"}


async def post(ask: Asking, content: bytes | AsyncIterator[bytes], **headers: str) -> tuple[int, str]:
    """Status, and the message of the first error."""
    response = await ask.http.post("/graphql", content=content, headers={"Content-Type": "application/json", **headers})
    return response.status_code, response.json().get("errors", [{"message": ""}])[0]["message"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not valid JSON at character 1"),
        (b"{", "not valid JSON at character 2"),
        (b"\xff\xfe", "not valid JSON at character 1"),
        (b"[" * 5000, "not valid JSON at character"),
        (b'"text"', "a JSON object is wanted, with the operation under `query`"),
        (b"{}", "query: the text of an operation is wanted, nothing came"),
        (b'{"query": 5}', "query: a text or null is wanted"),
        (b'{"query": "{a}", "variables": []}', "variables: an object or null is wanted"),
        (b'{"query": "{a}", "operationName": 1}', "operationName: a text or null is wanted"),
        (b'{"query": "{a}", "extensions": 1}', "extensions: an object or null is wanted"),
    ],
)
async def test_what_is_no_operation_is_refused_in_json(ask: Asking, body: bytes, message: str) -> None:
    status, told = await post(ask, body)

    assert status == 400
    assert told.startswith(message)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""])
async def test_only_json_is_taken_so_that_no_form_elsewhere_can_post(ask: Asking, kind: str) -> None:
    response = await ask.http.post("/graphql", content=json.dumps(QUERY), headers={"Content-Type": kind})

    assert response.status_code == 415


async def test_a_query_may_come_by_get_but_a_mutation_may_not(ask: Asking) -> None:
    query = await ask.http.get("/graphql", params={"query": "query ($n: Int) { rules(version: $n) { version } }", "variables": '{"n": 1}'})
    mutation = await ask.http.get("/graphql", params={"query": "mutation { ingestFragments(input: {fragments: []}) { accepted } }"})

    assert query.json() == {"data": {"rules": {"version": 1}}}
    assert (mutation.status_code, mutation.json()["errors"][0]["message"]) == (400, "mutations are not allowed when using GET")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods_are_refused_in_json(ask: Asking, method: str) -> None:
    response = await ask.http.request(method, "/graphql")

    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (405, "INVALID")


async def test_a_request_larger_than_allowed_is_refused_before_it_is_read() -> None:
    async with asking(max_request_bytes=2000) as ask:
        status, message = await post(ask, json.dumps({**QUERY, "variables": {"x": "y" * 2000}}).encode())

    assert (status, message) == (413, "the request is larger than 2,000 bytes, which is the most allowed; send it in parts")


async def test_a_stream_that_grows_larger_than_allowed_is_cut_off() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 500
            yield b" " * 500

    async with asking(max_request_bytes=2000) as ask:
        status, _ = await post(ask, endless())

    assert status == 413
    assert sent == 2500


async def test_a_value_of_ten_megabytes_is_refused(ask: Asking) -> None:
    status, message = await post(ask, json.dumps({**QUERY, "variables": {"x": "y" * 10_000_000}}).encode())

    assert (status, message[:49]) == (413, "the request is larger than 1,048,576 bytes, which")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "evil.example:8000", "10.0.0.1:8000", "[::2]:8000"])
async def test_an_open_service_answers_to_names_of_this_machine_only(ask: Asking, host: str) -> None:
    response = await ask.http.post("/graphql", json=QUERY, headers={"Host": host})

    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (421, "FORBIDDEN")


async def test_an_open_service_opens_no_socket_under_another_name() -> None:
    sent: list[Any] = []

    async def inside(*_: object) -> None:
        raise AssertionError("the socket reached the application")

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "headers": [(b"host", b"evil.example")]}
    await LoopbackOnly(inside)(scope, inside, send)  # type: ignore[arg-type]  # nothing is received

    assert [message["type"] for message in sent] == ["websocket.close"]


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST:1"])
async def test_every_name_of_this_machine_is_answered(ask: Asking, host: str) -> None:
    response = await ask.http.post("/graphql", json=QUERY, headers={"Host": host})

    assert response.status_code == 200


async def test_with_keys_any_host_name_is_answered(tmp_path: Path) -> None:
    _, key = add_key(tmp_path / "keys.json", "crm", ["read"])
    async with asking(keys=tmp_path / "keys.json") as ask:
        response = await ask.http.post("/graphql", json=QUERY, headers={"Host": "oneid.example.com", "X-API-Key": key})

    assert response.status_code == 200


async def test_pages_of_allowed_origins_may_ask() -> None:
    async with asking(cors_origins=("https://app.example",)) as ask:
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type,oneid-after"}
        allowed = await ask.http.options("/graphql", headers={"Origin": "https://app.example", **asked})
        refused = await ask.http.options("/graphql", headers={"Origin": "https://evil.example", **asked})

    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, "https://app.example")
    assert refused.status_code == 400


async def test_without_the_setting_no_other_origin_may_read(ask: Asking) -> None:
    response = await ask.http.post("/graphql", json=QUERY, headers={"Origin": "https://evil.example"})

    assert "access-control-allow-origin" not in response.headers


async def test_every_answer_names_its_request(ask: Asking) -> None:
    given = await ask.http.post("/graphql", json=QUERY, headers={"X-Request-ID": "abc-1"})
    odd = await ask.http.post("/graphql", json=QUERY, headers={"X-Request-ID": "<script>"})

    assert given.headers["x-request-id"] == "abc-1"
    assert re.fullmatch("[0-9a-f]{32}", odd.headers["x-request-id"])


async def test_what_is_not_there_is_told_in_json(ask: Asking) -> None:
    response = await ask.http.get("/nothing")

    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (404, "NOT_FOUND")


async def test_the_root_leads_to_graphql(ask: Asking) -> None:
    response = await ask.http.get("/")

    assert (response.status_code, response.headers["location"]) == (307, "/graphql")


# ---------------------------------------------------------------- health and metrics


class Ailing:
    """A store that answers late, or not at all."""

    def __init__(self, error: Exception | None) -> None:
        self.in_force = Rules.builtin()
        self._error = error

    async def head(self) -> tuple[int, int]:
        if self._error is not None:
            raise self._error
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_service_whose_store_answers_is_ready(ask: Asking) -> None:
    response = await ask.http.get("/readyz")

    assert (response.status_code, response.json()) == (200, {"status": "ready", "commit": 1})


@pytest.mark.parametrize(
    ("error", "store"),
    [(StoreTrouble("the disk is full"), "UNAVAILABLE"), (RuntimeError("boom"), "RuntimeError"), (None, "no answer within 0.01 seconds")],
)
async def test_a_service_whose_store_does_not_answer_lives_but_is_not_ready(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None, store: str
) -> None:
    monkeypatch.setattr("service.health._PATIENCE", 0.01)
    async with asking(Ailing(error)) as ask:  # type: ignore[arg-type]  # as much of a store as health asks
        ready, alive = await ask.http.get("/readyz"), await ask.http.get("/healthz")

    assert (ready.status_code, ready.json()) == (503, {"status": "unready", "store": store})
    assert (alive.status_code, alive.json()) == (200, {"status": "alive"})


async def test_metrics_count_without_naming_anybody(ask: Asking) -> None:
    await ask.ingest(fragment("email:ada@example.com"), fragment("device:d", id=""))
    await ask('{ profile(by: {identifier: {namespace: "email", value: "ada@example.com"}}) { oneId } }')
    await ask("{ nothing }")
    await ask.http.get("/somewhere/ada@example.com")
    text = (await ask.http.get("/metrics")).text

    assert 'oneid_graphql_operations_total{field="profile",kind="query",outcome="ok"} 1.0' in text
    assert 'oneid_graphql_operations_total{field="",kind="invalid",outcome="refused"} 1.0' in text
    assert 'oneid_graphql_operation_seconds_count{field="ingestFragments",kind="mutation"} 1.0' in text
    assert 'oneid_ingested_total{outcome="accepted",what="fragments"} 1.0' in text
    assert 'oneid_ingested_total{outcome="rejected",what="fragments"} 1.0' in text
    assert 'oneid_http_responses_total{path="other",status="404"} 1.0' in text
    assert "ada" not in text


async def test_metrics_tell_refused_links_by_rule(open_with: OpenWith) -> None:
    rules = Rules.parse('[[namespace]]\nname = "user_id"\n[[namespace]]\nname = "device"\nshared_above = 2\n')
    async with open_with(rules) as store, asking(store) as ask:
        await ask.ingest(*(fragment(f"user_id:u{n}", "device:kiosk", id=f"r{n}") for n in range(4)))
        text = (await ask.http.get("/metrics")).text

    assert 'oneid_refused_links{rule="shared"} 4.0' in text
    assert 'oneid_store{what="profiles"} 5.0' in text


class Counted:
    """A store that is counted, as slowly as it takes on a clock of its own."""

    def __init__(self, clock: list[float], takes: float) -> None:
        self.in_force = Rules.builtin()
        self.clock, self.takes, self.counts = clock, takes, 0

    async def stats(self) -> StatsView:
        self.counts += 1
        self.clock[0] += self.takes
        if self.takes > 100:
            raise StoreTrouble("too large")
        return StatsView(0, 0, 0, self.counts, 0, 0, 0, 0, "sqlite", 1)


@pytest.mark.parametrize(("takes", "pause"), [(0.0, 60.0), (1.0, 60.0), (10.0, 200.0), (101.0, 2020.0)])
async def test_the_store_is_counted_seldom_enough(takes: float, pause: float) -> None:
    clock = [0.0]
    store = Counted(clock, takes)
    held: Any = store  # as much of a store as is asked
    service = Service(Settings(), held, Metrics(), asyncio.Event(), Jobs(held))
    holdings = Holdings(lambda: clock[0])
    await holdings.refresh(service)
    clock[0] += pause - 0.1
    await holdings.refresh(service)
    assert store.counts == 1
    clock[0] += 0.2
    await holdings.refresh(service)
    await holdings.close()

    assert store.counts == 2


# ---------------------------------------------------------------- start


@pytest.mark.parametrize(("text", "message"), [(None, "No such file"), ("\x00\xff", "not valid UTF-8"), ("[[namespace]]\n", "name")])
async def test_rules_that_cannot_be_used_stop_the_start(tmp_path: Path, text: str | None, message: str) -> None:
    rules = tmp_path / "rules.toml"
    if text is not None:
        rules.write_bytes(text.encode("latin-1"))
    app = create_app(Settings(store="sqlite://:memory:", rules=rules))

    with pytest.raises(BadRules, match=message):
        async with app.router.lifespan_context(app):
            pass


async def test_two_applications_count_apart() -> None:
    async with asking() as one, asking() as other:
        await one("{ stats { store } }")
        text = (await other.http.get("/metrics")).text

    assert "oneid_graphql_operations_total{" not in text


# ---------------------------------------------------------------- the page


async def page(ask: Asking) -> tuple[str, Any]:
    response = await ask.http.get("/graphql", headers={"Accept": "text/html,*/*"})
    assert response.status_code == 200
    return response.text, response.headers


async def test_browsers_get_a_page_that_runs_only_its_own_scripts(ask: Asking) -> None:
    text, headers = await page(ask)
    nonce = re.search(r"script-src 'nonce-([^']+)'", headers["content-security-policy"])

    assert nonce is not None
    assert text.count(f'<script nonce="{nonce[1]}">') == 1
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "{{" not in re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)


async def test_the_page_needs_no_key_but_asks_for_one(tmp_path: Path) -> None:
    add_key(tmp_path / "keys.json", "crm", ["read"])
    async with asking(keys=tmp_path / "keys.json") as ask:
        text, _ = await page(ask)

    assert data_of(text)["keys"] is True


async def test_the_page_can_be_closed() -> None:
    async with asking(graphiql=False) as ask:
        response = await ask.http.get("/graphql", headers={"Accept": "text/html"})

    assert response.status_code == 404


async def test_every_example_of_the_page_runs(ask: Asking) -> None:
    text, _ = await page(ask)
    for example in data_of(text)["examples"]:
        if not example["query"].startswith("subscription"):
            answer = await ask(example["query"])
            assert "errors" not in answer, example["title"]


def data_of(text: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])
