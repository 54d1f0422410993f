"""The command line as a person meets it: what goes where, and how it ends."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from service.cli import app

TIME = "2026-01-01T00:00:00Z"
RULES = '[[namespace]]\nname = "user"\nlimit = 1\n'


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ONEID_STORE", "ONEID_RULES", "ONEID_HOST", "ONEID_KEYS", "ONEID_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def oneid(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def line(record: str, *identifiers: str, **more: Any) -> str:
    return json.dumps({"source": "w", "id": record, "observedAt": TIME, "identifiers": identifiers, **more})


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


# ------------------------------------------------------------------------------------------------ the whole
def test_help_names_every_command() -> None:
    told = oneid("--help").stdout

    assert [
        command for command in ("serve", "load", "simulate", "explain", "export", "check", "schema", "keys") if command not in told
    ] == []


def test_help_loads_nothing_heavy() -> None:
    heavy = ["pydantic", "strawberry", "uvicorn", "pyarrow", "networkx", "phonenumbers", "sqlite3", "graph.resolve", "service.files"]
    code = f"import sys, service.cli; print([name for name in {heavy!r} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_the_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "service", "--version"], capture_output=True, text=True, check=True)

    assert done.stdout == "0.1.0\n"


@pytest.mark.parametrize("arguments", [["nonsense"], ["load", "--nonsense"], ["simulate"], ["export", "people"], ["load", "--batch", "0"]])
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    assert oneid(*arguments).exit_code == 2


# ------------------------------------------------------------------------------------------------ simulate
def test_simulate_prints_the_document_and_nothing_else() -> None:
    write(
        Path("e.ndjson"),
        line("1", "user:1", "d:1"),
        line("2", "user:2", "d:1", "x:null", observedAt="2026-01-02T00:00:00Z"),
        json.dumps({"judgement": "same", "a": "user:1", "b": "user:9", "at": TIME}),
    )
    Path("r.toml").write_text(RULES)

    done = oneid("simulate", "--rules", "r.toml", "e.ndjson")

    assert (done.exit_code, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "profiles": [["d:1", "user:2"], ["user:1", "user:9"]],
        "refused": [{"kind": "link", "a": "d:1", "b": "user:1", "rule": "limit"}],
        "blocked": ["x:null"],
        "shared": [],
    }


def test_simulate_tells_each_bad_line_by_its_number_and_still_prints() -> None:
    write(Path("e.ndjson"), line("1", "a:1"), "", "nonsense", line("", "a:2"), line("3", *["a:3"] * 21), "x" * (1 << 21), line("4", "a:4"))

    done = oneid("simulate", "e.ndjson")

    assert done.exit_code == 1
    assert json.loads(done.stdout)["profiles"] == [["a:1"], ["a:4"]]
    assert [told.split(":")[0] for told in done.stderr.splitlines()] == ["line 3", "line 4", "line 5", "line 6"]


def test_simulate_reads_several_files_as_one() -> None:
    write(Path("a.ndjson"), line("1", "a:1", "b:1"))
    Path("b.ndjson.gz").write_bytes(gzip.compress(line("2", "b:1", "c:1").encode() + b"\nbad\n"))

    done = oneid("simulate", "a.ndjson", "b.ndjson.gz")

    assert json.loads(done.stdout)["profiles"] == [["a:1", "b:1", "c:1"]]
    assert done.stderr.startswith("b.ndjson.gz line 2: ")


def test_simulate_reads_standard_input() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "service", "simulate", "-"], input=line("1", "a:1"), capture_output=True, text=True, check=True
    )

    assert json.loads(done.stdout)["profiles"] == [["a:1"]]


@pytest.mark.parametrize("rules", ["colour = 1", "[[namespace]", '[[namespace]]\nname = "a:b"'])
def test_bad_rules_end_with_2(rules: str) -> None:
    write(Path("e.ndjson"), line("1", "a:1"))
    Path("r.toml").write_text(rules)

    done = oneid("simulate", "--rules", "r.toml", "e.ndjson")

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["simulate", "gone.ndjson"], 1),
        (["simulate", "."], 1),
        (["simulate", "--rules", "gone.toml", "e.ndjson"], 2),
        (["load", "gone.ndjson"], 1),
        (["load", "--mapping", "gone.toml"], 1),
        (["load"], 2),
        (["load", "people.csv"], 2),
        (["load", "--store", "bogus://", "e.ndjson"], 2),
        (["load", "--store", "sqlite:///no/such/folder/x.db", "e.ndjson"], 1),
        (["load", "--store", "sqlite:///people.csv", "e.ndjson"], 1),
        (["check"], 1),
        (["export", "identifiers"], 1),
        (["keys", "list"], 2),
        (["keys", "list", "--keys", "gone.json"], 2),
        (["serve", "--keys", "gone.json", "--port", "0"], 2),
        (["serve", "--host", "0.0.0.0"], 2),
        (["serve", "--rules", "gone.toml"], 2),
        (["serve", "--store", "sqlite:///no/such/folder/x.db"], 1),
    ],
)
def test_what_is_missing_or_wrong_is_one_sentence_and_no_traceback(arguments: list[str], code: int) -> None:
    write(Path("e.ndjson"), line("1", "a:1"))
    Path("people.csv").write_text("id\n1\n" * 1000)

    done = oneid(*arguments)

    assert done.exit_code == code
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


# ------------------------------------------------------------------------------------------------ load and check
def test_load_tells_and_keeps_bad_lines_and_loads_the_rest() -> None:
    like = {"interaction": "like", "source": "s", "id": "1", "from": "a:1", "to": "a:2", "at": TIME}
    judged = {"judgement": "same", "a": "a:1", "b": "a:2", "at": TIME}
    write(
        Path("e.ndjson"),
        line("1", "a:1"),
        "nonsense",
        json.dumps(like),
        json.dumps(judged),
        json.dumps({**like, "id": "2", "to": "a:null"}),
    )

    done = oneid("load", "--json", "--rejects", "bad.ndjson", "e.ndjson")

    assert done.exit_code == 1
    counts = json.loads(done.stdout)
    assert counts == {
        "rows": 5,
        "fragments": 1,
        "judgements": 1,
        "interactions": 1,
        "unchanged": 0,
        "rejected": 2,
        "resumed": False,
        "finished": True,
    }
    rejects = [json.loads(told) for told in Path("bad.ndjson").read_text().splitlines()]
    assert [(one["line"], one["code"], one["path"]) for one in rejects] == [(2, "INVALID", []), (5, "BLOCKED", ["to"])]
    assert rejects[0]["text"] == "nonsense"
    assert oneid("check").exit_code == 0


def test_loading_again_changes_nothing() -> None:
    write(Path("e.ndjson"), line("1", "a:1", "b:1"), line("2", "b:1", "c:1"))
    first = oneid("load", "--json", "e.ndjson")

    again = oneid("load", "--json", "e.ndjson")

    assert (first.exit_code, again.exit_code) == (0, 0)
    assert (json.loads(first.stdout)["fragments"], json.loads(again.stdout)["unchanged"]) == (2, 2)


def test_load_says_which_identifiers_the_rules_block() -> None:
    write(Path("e.ndjson"), line("1", "a:1", "b:x"), line("2", "a:2", "b:y"))
    Path("r.toml").write_text('declared_only = true\n[[namespace]]\nname = "a"\n')

    done = oneid("load", "--rules", "r.toml", "e.ndjson")

    assert done.exit_code == 0
    assert "blocked 2 of b: " in done.stderr


def test_load_reads_a_table_by_its_mapping() -> None:
    Path("people.csv").write_text(f"id,at,mail\n1,{TIME},a@x.org\n2,{TIME},\n3,{TIME},A@x.org\n")
    Path("m.toml").write_text(
        '[[fragments]]\npath = "people.csv"\nsource = "s"\nid = "id"\nobserved_at = "at"\n'
        'identifiers = [{ namespace = "email", column = "mail" }]\n'
    )

    done = oneid("load", "--json", "--mapping", "m.toml")

    assert (done.exit_code, json.loads(done.stdout)["fragments"]) == (1, 2)
    assert "people.csv line 3: identifiers: " in done.stderr


def test_check_of_a_store_that_was_tampered_with_names_the_difference() -> None:
    import sqlite3

    write(Path("e.ndjson"), line("1", "a:1", "b:1"))
    oneid("load", "e.ndjson")
    with sqlite3.connect("oneid.db") as store:
        store.execute("UPDATE one_id SET size = 7 WHERE size > 0")
    store.close()

    done = oneid("check", "--json")

    assert done.exit_code == 1
    assert json.loads(done.stdout)["differences"]


# ------------------------------------------------------------------------------------------------ killed and interrupted
RECORDS = 8_000


def half_loaded(signal_name: str) -> tuple[int, str]:
    """Start a long load, wait until it has marked how far it is, end it with the signal; its exit code and talk."""
    write(Path("e.ndjson"), *(line(str(n), f"a:{n}", f"b:{n // 3}") for n in range(RECORDS)))
    command = [sys.executable, "-m", "service", "load", "--batch", "50", "e.ndjson"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not Path("oneid.db.loads").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.kill() if signal_name == "KILL" else process.send_signal(2)
        _, talk = process.communicate()
        return process.returncode, talk


@pytest.mark.parametrize(("signal_name", "code"), [("KILL", -9), ("INT", 130)])
def test_a_load_that_was_ended_goes_on_where_it_was(signal_name: str, code: int) -> None:
    ended, talk = half_loaded(signal_name)
    done = oneid("load", "--json", "e.ndjson")

    assert ended == code
    assert "Traceback" not in talk
    counts = json.loads(done.stdout)
    assert (done.exit_code, counts["resumed"]) == (0, True)
    assert counts["rows"] < RECORDS
    assert not Path("oneid.db.loads").exists()
    checked = json.loads(oneid("check", "--json").stdout)
    assert checked["differences"] == []
    assert checked["counted"]["fragments"] == RECORDS


def test_an_interrupted_load_says_how_to_go_on() -> None:
    _, talk = half_loaded("INT")

    assert "start the same command again to go on" in talk


# ------------------------------------------------------------------------------------------------ schema and keys
def test_the_schema_is_printed_as_it_stands_in_the_repository() -> None:
    printed = oneid("schema")

    assert printed.exit_code == 0
    assert printed.stdout == (Path(__file__).parents[2] / "schema.graphql").read_text(encoding="utf-8")


def test_a_key_is_made_shown_once_and_revoked() -> None:
    made = oneid("keys", "add", "crm", "--scope", "read", "--scope", "write", "--keys", "k.json")
    listed = json.loads(oneid("keys", "list", "--json", "--keys", "k.json").stdout)
    revoked = oneid("keys", "revoke", listed[0]["id"], "--keys", "k.json")

    assert made.stdout.startswith("oneid_")
    assert [(one["name"], one["scopes"]) for one in listed] == [("crm", ["read", "write"])]
    assert made.stdout.strip() not in Path("k.json").read_text()
    assert revoked.exit_code == 0
    assert json.loads(oneid("keys", "list", "--json", "--keys", "k.json").stdout) == []


def test_a_scope_that_is_none_is_refused() -> None:
    assert oneid("keys", "add", "crm", "--scope", "everything", "--keys", "k.json").exit_code == 2


# ------------------------------------------------------------------------------------------------ explain
@pytest.fixture
def explained(tmp_path: Path) -> Path:
    """A store whose two accounts saw one device, the second of them later."""
    Path("r.toml").write_text(RULES)
    lines = [
        line("1", "user:1", "mail:a", observedAt="2026-01-02T00:00:00Z"),
        line("2", "user:1", "device:d"),
        line("3", "user:2", "device:d", observedAt="2026-01-03T00:00:00Z"),
    ]
    write(Path("e.ndjson"), *lines)
    done = oneid("load", "--store", "sqlite:///s.db", "--rules", "r.toml", "e.ndjson")
    assert done.exit_code == 0, done.stderr
    return Path("s.db")


def asked(*arguments: str) -> Result:
    return oneid("explain", "--store", "sqlite:///s.db", *arguments)


def test_explain_says_why_two_are_together(explained: Path) -> None:
    done = asked("user:1", "mail:a")

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == (
        "user 1 and mail a belong together: 1 record carries both, the last one of 2026-01-02; losing 1 link would part them.\n"
        "\nchain\n  user:1 – mail:a  w/1, last 2026-01-02  bridge\n"
    )


def test_explain_says_why_two_are_apart(explained: Path) -> None:
    done = asked("user:1", "user:2")

    assert done.exit_code == 0
    assert done.stdout.endswith("\nrefused\n  device:d – user:1  w/2, last 2026-01-01  refused by limit of user\n")


def test_explain_says_what_was_believed_then(explained: Path) -> None:
    done = asked("user:1", "mail:a", "--as-of", "2020-01-01T00:00:00")
    to_come = asked("user:1", "mail:a", "--as-of", "2100-01-01T00:00:00Z")

    assert done.exit_code == 1
    assert done.stdout.startswith("user 1 and mail a are not known")
    assert to_come.stdout == asked("user:1", "mail:a").stdout
    assert asked("user:1", "mail:a", "--as-of", "then").exit_code == 2


def test_explain_gives_one_document(explained: Path) -> None:
    done = asked("user:2", "user:1", "--json")

    told = json.loads(done.stdout)
    assert (done.exit_code, told["together"], told["path"], told["bridges"]) == (0, False, [], [])
    assert told["message"].startswith("user 2 and user 1 are apart: 1 link between their profiles is not used, device d – user 1, since")
    assert told["refused"] == [
        {
            "a": "device:d",
            "b": "user:1",
            "kind": "observed",
            "firstSeenAt": TIME,
            "lastSeenAt": TIME,
            "fragmentCount": 1,
            "score": None,
            "accepted": False,
            "refusedBy": {"rule": "limit", "namespace": "user"},
            "bridge": False,
            "fragments": [{"source": "w", "id": "2", "observedAt": TIME}],
        }
    ]


@pytest.mark.parametrize(("other", "said"), [("user:9", "user 9 is not known"), ("user:null", "user null is blocked by the rules")])
def test_explain_of_nobody_ends_with_1_and_says_so(explained: Path, other: str, said: str) -> None:
    done = asked("user:1", other)

    assert done.exit_code == 1
    assert done.stdout.startswith(said)


def test_explain_takes_identifiers_with_their_namespace_only(explained: Path) -> None:
    done = asked("user:1", "nonsense")

    assert done.exit_code == 2
    assert "nonsense" not in done.output


def test_explain_without_a_store_ends_with_1(tmp_path: Path) -> None:
    assert asked("user:1", "user:2").exit_code == 1
