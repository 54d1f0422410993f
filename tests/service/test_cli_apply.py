"""`oneid apply`: rules put in force from the command line, or looked at within bounds, as CI does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from service.cli import app

TIME = "2026-01-01T00:00:00Z"
ONE_DEVICE = '[[namespace]]\nname = "user"\n[[namespace]]\nname = "d"\nlimit = 1\n'


@pytest.fixture(autouse=True)
def _store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ONEID_STORE", "ONEID_RULES", "ONEID_HOST", "ONEID_KEYS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    lines = [{"source": "w", "id": str(n), "observedAt": TIME, "identifiers": ["user:1", f"d:{n}"]} for n in range(1, 3)]
    Path("e.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    Path("rules.toml").write_text(ONE_DEVICE)
    assert oneid("load", "e.ndjson").exit_code == 0


def oneid(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def people() -> int:
    return len({json.loads(line)["one_id"] for line in oneid("export", "identifiers").stdout.splitlines()})


def test_a_preview_stands_guard_over_a_rules_file() -> None:
    done = oneid("apply", "--rules", "rules.toml", "--preview", "--max-split", "1", "--json")
    assert done.exit_code == 0, done.output
    assert (json.loads(done.stdout)["version"], json.loads(done.stdout)["splits"]) == (None, 1)
    assert people() == 1

    refused = oneid("apply", "--rules", "rules.toml", "--preview", "--max-split", "0")
    assert (refused.exit_code, people()) == (1, 1)
    assert "the rules split 1 profiles, at most 0 are allowed; nothing was changed" in refused.stderr


def test_rules_are_put_in_force() -> None:
    done = oneid("apply", "--rules", "rules.toml", "--yes", "--json")

    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["version"] == 2
    assert people() == 2
    assert oneid("check").exit_code == 0
    again = oneid("apply", "--rules", "rules.toml", "--yes", "--expected-version", "1")
    assert again.exit_code == 1
    assert "rules version 2 is in force, not 1" in again.stderr


def test_who_cannot_be_asked_must_say_yes() -> None:
    done = oneid("apply", "--rules", "rules.toml")

    assert done.exit_code == 2
    assert people() == 1
