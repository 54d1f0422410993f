"""`oneid simulate --store`: what rules would change in a store, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from service.cli import app

TIME = "2026-01-01T00:00:00Z"


@pytest.fixture(autouse=True)
def _store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ONEID_STORE", "ONEID_RULES", "ONEID_HOST", "ONEID_KEYS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    seen = [["user:1", "d:1"], ["user:2", "d:1"], ["user:3", "d:3"]]
    lines = [json.dumps({"source": "w", "id": str(n), "observedAt": TIME, "identifiers": each}) for n, each in enumerate(seen)]
    Path("e.ndjson").write_text("\n".join(lines) + "\n")
    Path("now.toml").write_text('[[namespace]]\nname = "user"\nlimit = 1\n')
    Path("new.toml").write_text('[[namespace]]\nname = "user"\n')
    assert oneid("load", "--rules", "now.toml", "e.ndjson").exit_code == 0


def oneid(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def simulated(*arguments: str) -> Result:
    return oneid("simulate", "--store", "sqlite:///oneid.db", *arguments)


def test_a_program_reads_what_would_change() -> None:
    done = simulated("--rules", "new.toml", "--json")
    document = json.loads(done.stdout)
    (example,) = document.pop("examples")

    assert done.exit_code == 0
    assert document == {
        "profilesBefore": 3,
        "profilesAfter": 2,
        "merges": 1,
        "splits": 0,
        "oneIdsChanged": 1,
        "largestBefore": 2,
        "largestAfter": 3,
    }
    assert [one["identifierCount"] for one in example["after"]] == [3]
    assert {name for one in example["before"] for name in one["identifiers"]} == {"user:1", "user:2", "d:1"}
    assert "would be used; now it is refused" in example["because"]


def test_a_person_reads_a_table() -> None:
    done = simulated("--rules", "new.toml")

    assert done.exit_code == 0
    assert "merges: 1" in done.stdout
    assert "OneIDs that would change: 1" in done.stdout
    assert "user:1" in done.stdout


def test_the_rules_in_force_would_change_nothing_and_nothing_is_written() -> None:
    before = Path("oneid.db").read_bytes()
    done = simulated("--rules", "now.toml", "--json")
    document = json.loads(done.stdout)

    assert [document[name] for name in ("merges", "splits", "oneIdsChanged", "examples")] == [0, 0, 0, []]
    assert Path("oneid.db").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--store", "sqlite:///none.db"], 1),
        (["--store", "sqlite:///oneid.db", "e.ndjson"], 2),
        (["--store", "sqlite:///oneid.db", "--rules", "e.ndjson"], 2),
        (["--store", "mysql://x"], 2),
        ([], 2),
    ],
)
def test_what_cannot_be_tried_ends_with_its_code(arguments: list[str], code: int) -> None:
    done = oneid("simulate", *arguments)

    assert (done.exit_code, done.stdout) == (code, "")
    assert done.stderr
    assert not Path("none.db").exists()
