"""`oneid erase`, as an officer runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.cli import app
from service.cli_talk import operator

ROWS = [
    {"source": "crm", "id": "1", "observedAt": "2026-01-02T03:04:05Z", "identifiers": ["email:ada@example.com", "device:d1"]},
    {"source": "crm", "id": "2", "observedAt": "2026-01-02T03:04:05Z", "identifiers": ["device:d1", "email:bob@example.com"]},
    {"source": "crm", "id": "3", "observedAt": "2026-01-02T03:04:05Z", "identifiers": ["email:ada@example.com"]},
]


@pytest.fixture
def run(tmp_path: Path) -> CliRunner:
    file = tmp_path / "rows.ndjson"
    file.write_text("\n".join(map(json.dumps, ROWS)))
    runner = CliRunner(env={"ONEID_STORE": f"sqlite:///{tmp_path / 'store.db'}"})
    assert runner.invoke(app, ["load", str(file)]).exit_code == 0
    return runner


def test_it_prints_the_receipt_once_no_byte_is_left(run: CliRunner, tmp_path: Path) -> None:
    done = run.invoke(app, ["erase", "email:Ada@Example.com", "--reason", "she asked", "--yes", "--json"])

    assert done.exit_code == 0, done.output
    receipt = json.loads(done.stdout)
    assert (receipt["identifiers"], receipt["records"], receipt["state"], receipt["by"]) == (1, 2, "COMPLETE", operator())
    held = {path.name for path in tmp_path.iterdir() if path.name != "rows.ndjson" and b"ada@example.com" in path.read_bytes()}
    assert held == set()
    assert run.invoke(app, ["check"]).exit_code == 0


def test_a_load_says_what_it_left_out_without_keeping_it(run: CliRunner, tmp_path: Path) -> None:
    run.invoke(app, ["erase", "email:ada@example.com", "--reason", "she asked", "--yes"])
    rejects = tmp_path / "rejects.ndjson"
    done = run.invoke(app, ["load", str(tmp_path / "rows.ndjson"), "--rejects", str(rejects)])

    assert done.exit_code == 1
    [left_out] = map(json.loads, rejects.read_text().splitlines())
    assert left_out["code"] == "ERASED"
    assert "ada@" not in rejects.read_text()


def test_it_asks_first(run: CliRunner) -> None:
    assert run.invoke(app, ["erase", "email:ada@example.com", "--reason", "x"], input="n\n").exit_code == 1
    assert "ada@example.com" in run.invoke(app, ["export", "fragments"]).stdout
    assert run.invoke(app, ["erase", "email:ada@example.com", "--reason", "x"], input="y\n").exit_code == 0


def test_what_cannot_be_done_says_so(run: CliRunner) -> None:
    unknown = run.invoke(app, ["erase", "email:nobody@example.com", "--reason", "x", "--yes"])
    assert (unknown.exit_code, "nothing of this is on record" in unknown.stderr) == (1, True)
    assert run.invoke(app, ["erase", "email:ada@example.com", "--reason", " ", "--yes"]).exit_code == 2
    assert run.invoke(app, ["erase", "one", "two", "--reason", "x", "--yes"]).exit_code == 2


def test_a_new_store_refuses_whom_the_former_one_erased(run: CliRunner, tmp_path: Path) -> None:
    run.invoke(app, ["erase", "email:ada@example.com", "--reason", "she asked", "--yes"])
    new = ["--store", f"sqlite:///{tmp_path / 'new.db'}"]
    carry = ["erase", "--carry-over", f"sqlite:///{tmp_path / 'store.db'}", "--reason", "moved", *new]
    without = run.invoke(app, carry)
    assert (without.exit_code, "new.db.erasure-key" in without.stderr) == (1, True)
    shutil.copy(tmp_path / "store.db.erasure-key", tmp_path / "new.db.erasure-key")

    assert run.invoke(app, carry).exit_code == 0
    loaded = run.invoke(app, ["load", str(tmp_path / "rows.ndjson"), "--json", *new])
    assert json.loads(loaded.stdout)["rejected"] == 1
    assert "ada@example.com" not in run.invoke(app, ["export", "fragments", *new]).stdout
    assert run.invoke(app, ["erase", "--reason", "x"]).exit_code == 2


def test_a_store_whose_key_is_lost_takes_records_in_once_its_erasures_are_forgotten(run: CliRunner, tmp_path: Path) -> None:
    run.invoke(app, ["erase", "email:ada@example.com", "--reason", "she asked", "--yes"])
    (tmp_path / "store.db.erasure-key").unlink()
    forget = ["forget-erasures", "--reason", "the disk with the key burned"]
    lost = run.invoke(app, ["load", str(tmp_path / "rows.ndjson")])
    asked = run.invoke(app, [*forget, "--json"])
    told = json.loads(asked.stdout)
    wrong = run.invoke(app, [*forget, "--confirm", str(told["tombstones"] + 1)])
    still_lost = run.invoke(app, ["load", str(tmp_path / "rows.ndjson")])
    done = run.invoke(app, [*forget, "--confirm", str(told["tombstones"])])

    assert (lost.exit_code, still_lost.exit_code) == (1, 1)
    assert (asked.exit_code, told["identifiers"], told["erasures"], told["dropped"]) == (1, 1, 1, False)
    assert f"--confirm {told['tombstones']}" in asked.stderr
    assert (wrong.exit_code, done.exit_code) == (1, 0)
    assert run.invoke(app, ["load", str(tmp_path / "rows.ndjson")]).exit_code == 0
    assert "ada@example.com" in run.invoke(app, ["export", "fragments"]).stdout
    assert run.invoke(app, [*forget, "--confirm", "1"]).exit_code == 1
    assert run.invoke(app, ["check"]).exit_code == 0
    assert run.invoke(app, ["erase", "email:ada@example.com", "--reason", "she asked again", "--yes"]).exit_code == 0
