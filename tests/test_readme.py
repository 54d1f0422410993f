"""The README is run: its examples against a served sample, its commands, its files, its tables against the code.

Blocks are told by their fences: `graphql` is asked, with `json variables` after it, and answers as the `json` after it; `sh` commands of
`oneid` and `curl` are run and print the `text` after them, as `python` does; `toml` and `ndjson` with a name are written to that file for
the commands that follow. `cypher` and the `json rows` after it are for tests/graph/store/neo4j/test_readme_queries.py. In what is expected
`…` stands for anything, and as the last of a list for more.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import graphql
import httpx
import pytest
import typer.main
from pydantic import BaseModel
from typer.testing import CliRunner

from graph import errors
from graph.lines import MAX_TRAIT_DEPTH, MAX_TRAITS
from graph.model import MAX_IDENTIFIERS, MAX_VALUE
from graph.resolve import namespaces
from graph.resolve.rules import Conflict, Normalise, Rules, Strategy
from service.auth import Scope
from service.cli import app as cli
from service.files.mapping import FragmentFile, InteractionFile, Lookup, Mapping
from service.gql.enums import RefusalRule
from service.metrics import Metrics
from service.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
HERE = "127.0.0.1:8000"
OTHER_TOOLS = {"uv", "python3", ".venv/bin/pip", ".venv/bin/pytest", ".ci/run", "pre-commit", "docker", "install", "printf", "chmod"}


class Block(NamedTuple):
    """A fenced block: the line of its fence, its language, the rest of the info string, its text."""

    line: int
    language: str
    label: str
    text: str


def blocks() -> list[Block]:
    fences = re.finditer(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [Block(README[: fence.start()].count("\n") + 1, fence[1], fence[2] or "", fence[3]) for fence in fences]


def commands(block: Block) -> Iterator[tuple[list[str], int]]:
    """The commands of a block as their words, and the exit code each is to have."""
    for line in block.text.replace("\\\n", " ").splitlines():
        code = re.search(r"# exit code (\d+)$", line)
        for command in line.split(" && "):
            if words := shlex.split(command, comments=True):
                yield words, int(code[1]) if code else 0


def section(title: str) -> str:
    """What stands under a heading, up to the next one as high."""
    level, _, _ = title.partition(" ")
    return README.split(f"\n{title}\n", 1)[1].split(f"\n{level} ", 1)[0].split("\n## ", 1)[0]


def first_cells(text: str) -> list[str]:
    """What stands in code style in the first cells of the tables of a text."""
    rows = re.findall(r"^\| (.*?) \|", text, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


# ------------------------------------------------------------------------------------------------ what is as expected
def same(expected: Any, came: Any) -> bool:
    """Whether an answer is as written, but for `…` and for keys that are not shown."""
    if isinstance(expected, str):
        return isinstance(came, str) and re.fullmatch(".*".join(map(re.escape, expected.split("…"))), came, re.DOTALL) is not None
    if isinstance(expected, dict):
        return isinstance(came, dict) and all(key in came and same(value, came[key]) for key, value in expected.items())
    if isinstance(expected, list):
        if not isinstance(came, list):
            return False
        if expected and expected[-1] == "…":
            expected, came = expected[:-1], came[: len(expected) - 1]
        return len(expected) == len(came) and all(map(same, expected, came))
    return type(expected) is type(came) and bool(expected == came)


def test_what_is_expected_is_compared() -> None:
    assert same({"a": ["x…", "…"]}, {"a": ["xyz", 1], "b": 2})
    assert not same({"a": ["x…"]}, {"a": ["xyz", 1]})
    assert not same({"a": 1}, {"a": 2})
    assert not same({"a": 1}, {})
    assert not same(True, 1)


# ------------------------------------------------------------------------------------------------ running it
@dataclass
class Reading:
    """A reader of the README at a shell: the served sample, the folder they are in, what the examples have defined so far."""

    host: str
    folder: Path
    names: dict[str, Any]
    http: httpx.Client

    def local(self, text: str) -> str:
        return text.replace(HERE, self.host)

    def post(self, body: dict[str, Any]) -> Any:
        return self.http.post(f"http://{self.host}/graphql", json=body).json()

    def python(self, block: Block) -> str:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(self.local(block.text), f"README.md:{block.line}", "exec"), self.names)
        return out.getvalue()

    def shell(self, block: Block) -> str:
        return "".join(self.command(words, code) for words, code in commands(block))

    def command(self, words: list[str], code: int) -> str:
        settings = [words.pop(0) for _ in range(len(words)) if "=" in words[0]]
        if words[0] == "curl":
            return self.curl(words)
        if words[:2] == ["uv", "run"]:
            words = words[2:]
        if Path(words[0]).name != "oneid" or "serve" in words:
            return ""
        into = words[words.index(">") + 1] if ">" in words else None
        done = CliRunner().invoke(cli, words[1 : words.index(">") if into else None], env=dict(one.split("=", 1) for one in settings))
        assert done.exit_code == code, f"{shlex.join(words)} ended with {done.exit_code}: {done.output}"
        if into is None:
            return done.output
        Path(into).write_text(done.stdout, encoding="utf-8")
        return done.stderr

    def curl(self, words: list[str]) -> str:
        """As curl does it, up to the end of the answer or of the first event."""
        given = list(pairwise(words))
        headers = dict(value.split(": ", 1) for option, value in given if option == "-H")
        url = self.local(next(word for word in words if word.startswith("http")))
        with self.http.stream("POST", url, headers=headers, content=dict(given)["-d"]) as answer:
            if "event-stream" not in answer.headers["content-type"]:
                return answer.read().decode()
            text = ""
            for chunk in answer.iter_text():
                text += chunk
                if "\r\n\r\n" in text:
                    break
            return text.replace("\r\n", "\n")


@pytest.fixture(scope="module")
def said_and_read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Reading]]:
    """The README's first command, run in an empty folder, with a free port."""
    folder = tmp_path_factory.mktemp("reader")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ONEID_")} | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "service", "serve", "--sample", "--port", "0"]
    server = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True, encoding="utf-8")
    assert server.stderr is not None
    try:
        said = ""
        for line in server.stderr:
            said += line
            if line.startswith("try:"):
                said += server.stderr.readline()
                break
        host = re.search(r"http://(127\.0\.0\.1:\d+)/graphql", said)
        assert host is not None, said
        with httpx.Client(timeout=30) as http:
            yield said, Reading(host[1], folder, {"__name__": "__main__"}, http)
    finally:
        server.send_signal(signal.SIGINT)
        server.stderr.read()
        server.stderr.close()
        server.wait(30)


def test_every_example_does_what_is_written(said_and_read: tuple[str, Reading], monkeypatch: pytest.MonkeyPatch) -> None:
    said, reading = said_and_read
    monkeypatch.chdir(reading.folder)
    run: dict[str, Callable[[Block], str]] = {"python": reading.python, "sh": reading.shell}
    wrong, printed, asked, answer = [], "", None, None
    for block in blocks():
        if block.language == "cypher" or block.label == "rows":
            continue
        if block.language == "graphql":
            asked, answer = {"query": block.text}, None
        elif block.label == "variables":
            assert asked is not None
            asked["variables"] = json.loads(block.text)
        elif block.language == "json":
            assert asked is not None
            answer, asked = reading.post(asked), None
            if not same(json.loads(block.text), answer):
                wrong.append(f"line {block.line} answers {json.dumps(answer, ensure_ascii=False)}")
        elif block.language in run:
            printed = run[block.language](block)
        elif block.language == "text":
            printed = said if block.label == "served" else printed
            if not same(reading.local(block.text).strip(), printed.strip()):
                wrong.append(f"line {block.line} prints {printed}")
        elif block.language in ("toml", "ndjson"):
            Path(block.label).write_text(block.text, encoding="utf-8")
        else:
            assert block.language in ("js", "ts"), f"line {block.line}: nobody runs {block.language}"
        assert asked is None or block.language in ("graphql", "json"), f"line {block.line}: the query before it has no answer"

    assert not wrong, "\n".join(wrong)


# ------------------------------------------------------------------------------------------------ without running it
def in_language(*languages: str) -> list[Block]:
    return [block for block in blocks() if block.language in languages]


@pytest.mark.parametrize("block", in_language("sh"), ids=lambda block: f"line{block.line}")
def test_every_command_exists_with_its_options(block: Block) -> None:
    for words, _ in commands(block):
        words = [word for word in words if not re.match(r"[A-Z_]+=", word)]
        if words[:3] == ["uv", "run", "oneid"]:
            words = words[2:]
        if Path(words[0]).name == "oneid":
            parse(words[1 : words.index(">") if ">" in words else None])
        else:
            assert words[0] == "curl" or words[0] in OTHER_TOOLS


def parse(words: list[str]) -> None:
    """Read a command as the command line would, without running it."""
    command: Any = typer.main.get_command(cli)
    context = command.make_context("oneid", words, resilient_parsing=True)
    while hasattr(command, "resolve_command"):
        name, command, words = command.resolve_command(context, words)
        context = command.make_context(name, list(words), parent=context, resilient_parsing=hasattr(command, "resolve_command"))


@pytest.mark.parametrize("block", in_language("js", "ts"), ids=lambda block: f"line{block.line}")
def test_operations_in_scripts_are_valid(block: Block) -> None:
    schema = graphql.build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))
    for operation in re.findall(r"[`\"]((?:query|mutation|subscription)\b[^`\"]*\{.*?)[`\"](?=[,;) ])", block.text, re.DOTALL):
        assert graphql.validate(schema, graphql.parse(operation)) == []


def test_rules_and_mappings_are_read() -> None:
    for block in in_language("toml"):
        read = Rules.parse if block.label.endswith("rules.toml") else Mapping.parse
        read(block.text)

    assert len(in_language("toml")) == 4


def test_every_file_and_heading_that_is_linked_is_there() -> None:
    headings = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", README, re.MULTILINE)}
    links = re.findall(r"\]\(([^)]+)\)", README)

    assert [link for link in links if link.startswith("#") and link[1:] not in headings] == []
    assert [link for link in links if not link.startswith(("#", "http")) and not (ROOT / link).is_file()] == []


def test_the_map_of_the_code_names_what_is_there() -> None:
    names = first_cells(section("## How it works"))

    assert len(names) > 20
    assert [name for name in names if not any(list(ROOT.glob(folder + name)) for folder in ("", "graph/", "service/"))] == []


# ------------------------------------------------------------------------------------------------ tables
def test_the_settings_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| `ONEID_(\w+)` \| (.*?) \|", section("### Settings"), re.MULTILINE)
    written = {name.lower(): default.strip("`") for name, default in rows}
    defaults = {name: field.default for name, field in Settings.model_fields.items()}

    assert written.keys() == defaults.keys()
    for name, default in defaults.items():
        if isinstance(default, bool | int | float | str):
            assert written[name] == str(default).lower()


def test_the_keys_of_rules_are_those_of_the_code() -> None:
    table = section("### Rules").split("| key of `[[namespace]]`")[1].split("\n\n")[0]

    assert tuple(first_cells(table)[-len(namespaces._KEYS) :]) == namespaces._KEYS
    assert [word for word in (*Conflict, *Strategy) if f"`{word}`" not in section("### Rules")] == []
    assert [word for word in namespaces._RESERVED if f"`{word}`" not in section("### Rules")] == []
    assert [name for name in sorted(namespaces._PERSONS) if f"`{name}`" not in table] == []


def test_the_ways_of_normalising_are_those_of_the_code() -> None:
    assert first_cells(section("### Normalisation"))[1:] == list(Normalise)


def test_the_keys_of_a_mapping_are_those_of_the_code() -> None:
    known: list[type[BaseModel]] = [FragmentFile, InteractionFile, Lookup]
    keys = {field.alias or name for model in known for name, field in model.model_fields.items()}

    assert set(first_cells(section("### Mapping"))) == keys


def test_the_reasons_for_refusing_are_those_of_the_schema() -> None:
    assert set(first_cells(section("### Why are these together, or apart?"))) == {rule.name for rule in RefusalRule}


def test_the_scopes_are_those_of_the_code() -> None:
    assert set(first_cells(section("### Keys"))) == set(Scope)


def test_the_metrics_are_those_of_the_code() -> None:
    families = Metrics().registry.collect()

    assert set(first_cells(section("### Health and metrics"))) == {
        family.name + ("_total" if family.type == "counter" else "") for family in families
    }


def test_the_commands_are_those_of_the_code() -> None:
    names = [name for name in first_cells(section("### Commands and exit codes")) if name.startswith("oneid")]

    assert set(names) == {f"oneid {name}" for name in typer.main.get_command(cli).commands}  # type: ignore[attr-defined]


def test_the_fixed_limits_are_those_of_the_code() -> None:
    text = section("### Settings").split("Limits that are fixed:")[1]

    for limit in (f"{MAX_IDENTIFIERS} identifiers", f"{MAX_VALUE:,} characters", f"{MAX_TRAITS} traits", f"{MAX_TRAIT_DEPTH} deep"):
        assert limit in text


def test_the_core_codes_of_errors_are_told() -> None:
    told = set(first_cells(section("### Errors")))
    classes = [one for one in vars(errors).values() if inspect.isclass(one) and issubclass(one, errors.OneIDError)]
    codes = {
        one.code
        for one in classes
        if not issubclass(one, errors.StoreBusy | errors.KeyReused | errors.NotFound | errors.Stale | errors.RulesChanged)
    }

    assert codes <= told
