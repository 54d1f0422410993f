"""The commands on a real Neo4j, as a person runs them with ONEID_STORE set: serve, load, export, explain, check, simulate."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result
from websockets.sync.client import connect

from service.cli import app
from service.sample import EXAMPLES
from tests import neo4j_server
from tests.service.running import PATIENCE, PROTOCOLS
from tests.service.test_cli_serve import ask, serving, url_of

TIME = "2026-01-01T00:00:00Z"
RULES = '[[namespace]]\nname = "user"\nlimit = 1\n'
INGEST = """mutation { ingestFragments(input: {fragments: [{source: "web", id: "1", observedAt: "2026-01-01T00:00:00Z",
    identifiers: [{namespace: "user_id", value: "APP_000001"}, {namespace: "device", value: "d-77"}]}]}) {
    accepted results { oneId } userErrors { code message } } }"""
PROFILE = '{ profile(by: {identifier: {namespace: "device", value: "d-77"}}) { oneId } stats { store fragments } }'
FOLLOW = "subscription { changes { kind oneId } }"


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: neo4j_server.Server) -> None:
    for name in ("ONEID_RULES", "ONEID_HOST", "ONEID_KEYS", "ONEID_PORT"):
        monkeypatch.delenv(name, raising=False)
    asyncio.run(neo4j_server.wipe(server))
    monkeypatch.setenv("ONEID_STORE", server.uri)
    monkeypatch.chdir(tmp_path)


def oneid(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def events(url: str) -> Generator[dict[str, Any], None, None]:
    """What a subscription to the feed gives; the first value only says that it listens."""
    with connect(url.replace("http", "ws", 1), subprotocols=PROTOCOLS) as socket:
        socket.send(json.dumps({"type": "connection_init"}))
        yield json.loads(socket.recv(PATIENCE))
        socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": FOLLOW}}))
        socket.send(json.dumps({"type": "subscribe", "id": "2", "payload": {"query": "{ stats { store } }"}}))
        yield json.loads(socket.recv(PATIENCE))  # the answer to what was asked after it
        while True:
            message = json.loads(socket.recv(PATIENCE))
            if message["id"] == "1":
                yield message["payload"]["data"]["changes"]


def test_the_service_with_its_sample() -> None:
    with serving("--sample") as (process, told):
        found = {line[2:17].strip(): line[18:] for line in told if line.startswith("  ")}
        assert (found["fragments"], found["people"], found["refused links"]) == ("6,761", "2,773", "1")
        url = url_of(told)

        answers = [ask(url, query) for query in EXAMPLES.values()]
        assert [answer.get("errors") for answer in answers] == [None] * len(EXAMPLES)
        assert len(answers[1]["data"]["search"]["edges"]) == 3

        following = events(url)
        assert next(following) == {"type": "connection_ack"}
        assert next(following)["payload"]["data"]["stats"] == {"store": "neo4j"}
        wrote = ask(url, INGEST)
        done = wrote["data"]["ingestFragments"]
        assert (done["accepted"], done["userErrors"]) == (1, [])
        assert next(following) == {"kind": "EXTENDED", "oneId": done["results"][0]["oneId"]}
        following.close()

        headers = {"ONEID-After": wrote["extensions"]["token"]}
        read = httpx.post(url, json={"query": PROFILE}, headers=headers, timeout=PATIENCE).json()["data"]
        assert read["profile"]["oneId"] == done["results"][0]["oneId"]
        assert read["stats"] == {"store": "neo4j", "fragments": 6_762}
        assert httpx.get(url.replace("/graphql", "/readyz")).json()["status"] == "ready"
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0

    checked = oneid("check", "--json")
    assert (checked.exit_code, json.loads(checked.stdout)["differences"]) == (0, [])


def test_what_is_loaded_is_exported_and_found_sound() -> None:
    Path("r.toml").write_text(RULES)
    lines = [
        {"source": "w", "id": str(n), "observedAt": TIME, "identifiers": [f"user:{n % 90}", f"d:{n % 70}"], "traits": {"name": f"李{n}"}}
        for n in range(300)
    ]
    Path("e.ndjson").write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in lines))

    loaded = oneid("load", "--rules", "r.toml", "--json", "e.ndjson")
    assert (loaded.exit_code, json.loads(loaded.stdout)["fragments"]) == (0, 300)
    again = oneid("load", "--rules", "r.toml", "--json", "e.ndjson")
    assert (again.exit_code, json.loads(again.stdout)["unchanged"]) == (0, 300)

    assert oneid("export", "fragments", "--out", "f.ndjson").exit_code == 0
    simulated = json.loads(oneid("simulate", "--rules", "r.toml", "f.ndjson").stdout)
    rows = [json.loads(line) for line in oneid("export", "identifiers").stdout.splitlines()]
    people: dict[str, set[str]] = {}
    for row in rows:
        people.setdefault(row["one_id"], set()).add(f"{row['namespace']}:{row['value']}")
    assert {frozenset(one) for one in people.values()} == {frozenset(one) for one in simulated["profiles"]}
    assert len(oneid("export", "profiles").stdout.splitlines()) == len(people)
    assert (oneid("check").exit_code, oneid("check", "--json").exit_code) == (0, 0)


def test_a_server_that_is_not_there_ends_a_command_in_one_line() -> None:
    for command in (["serve"], ["check"], ["load", "e.ndjson"]):
        Path("e.ndjson").write_text("")
        ended = oneid(*command, "--store", "neo4j://neo4j:secret-word@127.0.0.1:9/neo4j")

        assert ended.exit_code == 1
        assert "cannot be reached" in ended.stderr
        assert "secret-word" not in ended.output
        assert len(ended.stderr.strip().splitlines()) == 1
