"""`oneid serve --sample`: the README's first command, from nothing to answers."""

from __future__ import annotations

import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.sample import EXAMPLES


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A service that has said where it listens, and all it said."""
    command = [sys.executable, "-m", "service", "serve", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        told: list[str] = []
        for line in process.stderr:
            told.append(line.rstrip("\n"))
            if told[-1].startswith("GraphQL and GraphiQL: "):
                break
        try:
            yield process, told
        finally:
            process.kill()


def url_of(told: list[str]) -> str:
    return told[-1].split()[3]


def ask(url: str, query: str) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.post(url, json={"query": query}, timeout=20).json()
    return answer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serve")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    for name in ("ONEID_STORE", "ONEID_RULES", "ONEID_HOST", "ONEID_KEYS", "ONEID_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(folder)


def test_the_sample_is_loaded_told_and_served() -> None:
    with serving("--sample") as (process, told):
        found = {line[2:17].strip(): line[18:] for line in told if line.startswith("  ")}
        assert found["sources"] == "6"
        assert found["fragments"] == "6,761"
        assert found["people"] == "2,773"
        assert found["refused links"] == "1"
        assert found["largest person"] == "8 identifiers"
        assert found["merges"].startswith("3,988 ")

        answers = [ask(url_of(told), query) for query in EXAMPLES.values()]
        assert [answer.get("errors") for answer in answers] == [None] * len(EXAMPLES)
        carol, found_by_name, member = (answer["data"] for answer in answers)
        refused = [edge["node"] for edge in carol["profile"]["links"]["edges"] if edge["node"]["refusedBy"]]
        assert [node["refusedBy"]["namespace"] for node in refused] == ["user_id"]
        assert len(found_by_name["search"]["edges"]) == 3
        assert member["profile"]["related"]["edges"]

        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_the_examples_that_are_printed_can_be_pasted_into_a_shell() -> None:
    with serving("--sample") as (process, _):
        assert process.stderr is not None
        printed = [next(process.stderr) for _ in range(1 + 2 * len(EXAMPLES))][2::2]

    bodies = [shlex.split(line)[-1] for line in printed]
    assert [httpx.Response(200, text=body).json()["query"] for body in bodies] == list(EXAMPLES.values())


def test_the_sample_keeps_out_of_the_usual_store(folder: Path) -> None:
    with serving("--sample"):
        pass

    assert (folder / "oneid-sample.db").exists()
    assert not (folder / "oneid.db").exists()


def test_a_port_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, "-m", "service", "serve", "--store", "sqlite://:memory:", "--port", str(taken.getsockname()[1])]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert done.returncode == 1
    assert re.search("address already in use", done.stderr)
    assert "Traceback" not in done.stderr
