"""`oneid withdraw`: a record or a source taken back, after a look at what it would do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from service.cli import app

TIME = "2026-01-01T00:00:00Z"
WHY = ("--reason", "sent by mistake")


@pytest.fixture(autouse=True)
def _store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ONEID_STORE", "ONEID_RULES", "ONEID_HOST", "ONEID_KEYS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    seen = [("w", ["user:1", "d:1"]), ("w", ["user:2", "d:2"]), ("crm", ["d:1", "d:2"])]
    lines = [json.dumps({"source": s, "id": str(n), "observedAt": TIME, "identifiers": each}) for n, (s, each) in enumerate(seen)]
    Path("e.ndjson").write_text("\n".join(lines) + "\n")
    assert oneid("load", "e.ndjson").exit_code == 0


def oneid(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def identifiers() -> dict[str, str]:
    lines = oneid("export", "identifiers").stdout.splitlines()
    return {f"{row['namespace']}:{row['value']}": row["one_id"] for row in map(json.loads, lines)}


def test_it_works_with_the_erasure_key_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEID_ERASURE_KEY", "5a" * 32)
    assert oneid("erase", "user:2", "--reason", "she asked", "--yes").exit_code == 0

    done = oneid("withdraw", "--record", "w", "0", *WHY, "--yes")

    assert (done.exit_code, done.exception) == (0, None)


def test_a_preview_says_what_it_would_do_and_does_nothing() -> None:
    before = identifiers()
    done = oneid("withdraw", "--source", "crm", *WHY, "--preview", "--json")

    assert done.exit_code == 0
    assert json.loads(done.stdout) == {"done": False, "records": 1, "profilesBefore": 1, "profilesAfter": 2, "moved": 2}
    assert "it would take back 1 records" in done.stderr
    assert identifiers() == before


def test_a_source_is_taken_back() -> None:
    done = oneid("withdraw", "--source", "crm", "--since", "2020-01-01T00:00:00Z", *WHY, "--yes")

    assert done.exit_code == 0, done.output
    assert "took back 1 records: of 1 profiles 2 are left, 2 identifiers change profile" in done.stderr
    found = identifiers()
    assert found["user:1"] == found["d:1"] != found["user:2"] == found["d:2"]
    assert oneid("check").exit_code == 0


def test_a_record_is_taken_back_once() -> None:
    assert oneid("withdraw", "--record", "crm", "2", *WHY, "--yes").exit_code == 0
    again = oneid("withdraw", "--record", "crm", "2", *WHY, "--yes")

    assert again.exit_code == 1
    assert "withdrawn already" in again.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        (*WHY, "--yes"),
        ("--source", "crm", "--yes"),
        ("--source", "crm", *WHY),
        ("--source", "crm", "--record", "crm", "2", *WHY, "--yes"),
        ("--record", "crm", "2", "--since", TIME, *WHY, "--yes"),
    ],
)
def test_wrong_usage_is_told_and_nothing_done(arguments: tuple[str, ...]) -> None:
    before = identifiers()

    assert oneid("withdraw", *arguments).exit_code == 2
    assert identifiers() == before


def test_more_than_a_step_takes_back_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEID_MAX_WITHDRAWN", "1")
    done = oneid("withdraw", "--source", "w", *WHY, "--yes")

    assert done.exit_code == 1
    assert "more than 1 versions" in done.stderr
