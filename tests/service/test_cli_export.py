"""`oneid export`: everything out, in three formats, fit to be read again."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from service.cli import app
from tests.service.asking import asking

pq = pytest.importorskip("pyarrow.parquet")

TIME = "2026-01-01T00:00:00Z"


@pytest.fixture(autouse=True)
def _store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ONEID_STORE", "ONEID_RULES", "ONEID_HOST", "ONEID_KEYS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    people = [
        {"source": "w", "id": str(n), "observedAt": TIME, "identifiers": [f"user:{n % 400}", f" d:{n % 300}"], "traits": {"name": f"李{n}"}}
        for n in range(1_200)
    ]
    Path("e.ndjson").write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in people))
    Path("r.toml").write_text('[[namespace]]\nname = "user"\nlimit = 1\n')
    assert oneid("load", "--rules", "r.toml", "e.ndjson").exit_code == 0


def oneid(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def people(lines: str) -> set[frozenset[str]]:
    """The partition that exported identifiers tell."""
    groups: dict[str, set[str]] = {}
    for line in lines.splitlines():
        row = json.loads(line)
        groups.setdefault(row["one_id"], set()).add(f"{row['namespace']}:{row['value']}")
    return {frozenset(group) for group in groups.values()}


def test_exported_evidence_simulated_gives_the_people_of_the_store() -> None:
    oneid("export", "fragments", "--out", "f.ndjson")

    simulated = json.loads(oneid("simulate", "--rules", "r.toml", "f.ndjson").stdout)

    assert {frozenset(profile) for profile in simulated["profiles"]} == people(oneid("export", "identifiers").stdout)


@pytest.mark.parametrize("form", ["ndjson", "parquet"])
def test_exported_fragments_loaded_elsewhere_are_the_same_people(form: str) -> None:
    before = people(oneid("export", "identifiers").stdout)
    oneid("export", "fragments", "--out", f"f.{form}")

    loaded = oneid("load", "--store", "sqlite:///other.db", "--rules", "r.toml", f"f.{form}")

    assert loaded.exit_code == 0
    assert people(oneid("export", "identifiers", "--store", "sqlite:///other.db").stdout) == before


def test_the_three_formats_hold_the_same_rows() -> None:
    for form in ("ndjson", "csv", "parquet"):
        assert oneid("export", "identifiers", "--format", form, "--out", f"x-{form}").exit_code == 0

    lines = [json.loads(line) for line in Path("x-ndjson").read_text().splitlines()]
    cells = list(csv.DictReader(io.StringIO(Path("x-csv").read_text())))
    rows = pq.read_table("x-parquet").to_pylist()
    told = [(one["namespace"], one["value"], one["one_id"]) for one in lines]
    assert [(one["namespace"], one["value"], one["one_id"]) for one in cells] == told
    assert [(one["namespace"], one["value"], one["one_id"]) for one in rows] == told
    assert lines[0]["first_seen"] == cells[0]["first_seen"] == TIME


def test_profiles_come_with_their_identifiers_and_golden_record() -> None:
    rows = [json.loads(line) for line in oneid("export", "profiles").stdout.splitlines()]

    assert {frozenset(row["identifiers"]) for row in rows} == people(oneid("export", "identifiers").stdout)
    assert all(len(row["identifiers"]) == row["size"] for row in rows)
    assert any(row["traits"].get("name", "").startswith("李") for row in rows)


def test_an_export_tells_the_cursor_from_which_the_feed_goes_on() -> None:
    done = oneid("export", "identifiers", "--out", "x.ndjson", "--cursor", "cursor.txt")
    cursor = Path("cursor.txt").read_text().strip()
    held = {row["id"] for row in map(json.loads, Path("x.ndjson").read_text().splitlines())}
    Path("more.ndjson").write_text(json.dumps({"source": "w", "id": "new", "observedAt": TIME, "identifiers": ["user:1", "d:new"]}))
    oneid("load", "--rules", "r.toml", "more.ndjson")

    changes = asyncio.run(feed(cursor))
    assert f"as of feed cursor {cursor};" in done.stderr
    [change] = changes
    [gained] = [edge["node"] for edge in change["gained"]["edges"]]
    assert (change["kind"], gained["value"]) == ("EXTENDED", "new")
    assert gained["id"] not in held
    assert {edge["node"]["id"] for edge in change["profile"]["identifiers"]["edges"]} & held


async def feed(after: str) -> list[dict[str, Any]]:
    query = """query ($after: String) { changes(after: $after) { edges { node { kind gained { edges { node { id value } } }
        profile { identifiers { edges { node { id } } } } } } } }"""
    async with asking(url="sqlite:///oneid.db") as ask:
        return [edge["node"] for edge in (await ask.data(query, after=after))["changes"]["edges"]]


def test_a_file_that_cannot_be_written_is_told_and_nothing_is_left() -> None:
    done = oneid("export", "identifiers", "--out", "no/such/folder/x.csv")

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_an_export_that_fails_leaves_the_former_file_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("x.ndjson").write_text("former\n")
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    done = oneid("export", "identifiers", "--format", "parquet", "--out", "x.ndjson")

    assert done.exit_code == 1
    assert "oneid[batch]" in done.stderr
    assert sorted(path.name for path in Path().glob("*x.ndjson*")) == ["x.ndjson"]
    assert Path("x.ndjson").read_text() == "former\n"


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    command = f"{sys.executable} -m service export fragments | head -n 1"

    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)

    assert len(done.stdout.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
