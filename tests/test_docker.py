"""The image and the compose file are read, and compared with the code: versions, ports, names of settings, files, secrets.

Nothing here runs a container. What Neo4j makes of its settings is asked of a real server in tests/graph/store/neo4j/test_production.py.
"""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer.main

from graph.store.neo4j.connect import STATEMENT_SECONDS, TRANSACTION_SECONDS, target_of
from service.app import create_app
from service.cli import app as cli
from service.server import _GRACE
from service.settings import Settings
from tests.docker import FOLDER, ROOT, SECRET, compose, neo4j_settings, seconds
from tests.neo4j_server import LINES
from tests.test_readme import blocks, commands, section

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


class Line(NamedTuple):
    """An instruction of the Dockerfile."""

    word: str
    rest: str


def dockerfile() -> list[Line]:
    text = re.sub(r"^#.*\n", "", (FOLDER / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    return [Line(*line.split(None, 1)) for line in text.splitlines() if line.strip()]


def rest(word: str, lines: list[Line] | None = None) -> list[str]:
    return [line.rest for line in (dockerfile() if lines is None else lines) if line.word == word]


def stages() -> list[list[Line]]:
    """The instructions of each stage, its FROM first."""
    lines = dockerfile()
    starts = [n for n, line in enumerate(lines) if line.word == "FROM"]
    return [lines[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)]


def environment() -> dict[str, str]:
    """What the final stage sets."""
    return dict(pair.split("=", 1) for line in rest("ENV", stages()[-1]) for pair in shlex.split(line))


def service() -> Any:
    return compose()["services"]["oneid"]


# ------------------------------------------------------------------------------------------------ the image
def test_the_python_is_the_one_that_tests_run_on() -> None:
    [version] = [rest.split("=")[1] for rest in rest("ARG") if rest.startswith("PYTHON=")]

    assert PROJECT["project"]["requires-python"] == f">={version}"
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{version.replace('.', '')}"
    assert [stage[0].rest.split()[0] for stage in stages()[1:]] == ["python:${PYTHON}-slim-trixie"] * 2


def test_dependencies_are_locked_wheels_and_no_compiler_is_there() -> None:
    first, second = (line for line in rest("RUN", stages()[1]) if "uv sync" in line)

    assert "--locked" in first
    assert "--no-build" in first.split()
    assert "--no-install-project" in first
    assert "--no-dev" in first
    assert "--locked" in second
    assert "--no-editable" in second
    assert "--no-dev" in second
    assert not re.search(r"apt|gcc|build-essential", " ".join(rest("RUN")))
    assert [line.split()[0] for line in rest("COPY", stages()[-1])] == ["--from=build"]


def test_every_file_that_is_copied_is_there_and_not_ignored() -> None:
    copied = [word for line in rest("COPY") if "--from" not in line for word in line.split()[:-1]]
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]

    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert sorted(copied) == sorted(allowed)
    assert "*" in (ROOT / ".dockerignore").read_text().splitlines()
    assert {PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]} <= set(copied)
    assert set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) <= set(copied)


def test_it_runs_as_a_user_who_owns_nothing_but_the_data() -> None:
    [user] = rest("USER", stages()[-1])
    made = " ".join(rest("RUN", stages()[-1]))

    assert user.split(":")[0] in re.findall(r"useradd .*--uid (\d+)", made)
    assert user.split(":")[1] in re.findall(r"groupadd .*--gid (\d+)", made)
    assert int(user.split(":")[0]) > 0
    assert rest("WORKDIR", stages()[-1]) == ["/data"]
    assert "--owner=oneid" in made
    words = [line.word for line in stages()[-1]]
    assert max(n for n, word in enumerate(words) if word in ("RUN", "COPY")) < words.index("USER") < words.index("ENTRYPOINT")


def test_its_environment_is_of_settings_that_exist() -> None:
    names = {name.removeprefix("ONEID_").lower() for name in environment() if name.startswith("ONEID_")}

    assert names == {"host", "port", "keys"}
    assert names <= Settings.model_fields.keys()
    assert environment()["PYTHONUNBUFFERED"] == "1"
    assert environment()["ONEID_KEYS"].startswith("/data/")


def test_the_port_is_the_one_of_the_settings() -> None:
    port = str(Settings.model_fields["port"].default)

    assert rest("EXPOSE") == [port]
    assert environment()["ONEID_PORT"] == port
    assert [one.rpartition(":")[2] for one in service()["ports"]] == [port]


def test_its_health_is_a_path_that_asks_no_store(tmp_path: Path) -> None:
    [check] = rest("HEALTHCHECK")
    keys = tmp_path / "keys.json"
    keys.write_text('{"keys": []}')
    routes = {getattr(route, "path", "") for route in create_app(Settings(keys=keys)).routes}
    program = ast.literal_eval(check.split("CMD ", 1)[1])

    assert program[:2] == ["python", "-c"]
    compile(program[2], "HEALTHCHECK", "exec")
    assert set(re.findall(r"'(/\w+)'", program[2])) == {"/healthz"}
    assert "/healthz" in routes
    assert "ONEID_PORT" in program[2]


def test_it_starts_a_command_that_exists_and_ends_by_the_signal_that_the_server_takes() -> None:
    [entry], [command] = ast.literal_eval(rest("ENTRYPOINT")[0]), ast.literal_eval(rest("CMD")[0])

    assert entry in PROJECT["project"]["scripts"]
    assert command in typer.main.get_command(cli).commands  # type: ignore[attr-defined]
    assert rest("STOPSIGNAL") == ["SIGTERM"]
    assert seconds(service()["stop_grace_period"]) > _GRACE


# ------------------------------------------------------------------------------------------------ the compose file
def test_neo4j_is_of_the_line_that_tests_run_on() -> None:
    image, _, tag = compose()["services"]["neo4j"]["image"].partition(":")
    line = tag.removesuffix("-community")

    assert (image, tag) == ("neo4j", f"{line}-community")
    assert [version for version in LINES if version.startswith(f"{line}.")]


def test_the_service_finds_neo4j_by_its_name_with_the_password_of_the_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = service()["environment"]
    secret = tmp_path / "neo4j_auth"
    secret.write_text("neo4j/0123456789abcdef\n")
    for name, value in (environment() | said).items():
        monkeypatch.setenv(name, value if value != SECRET else str(secret))
    target = target_of(Settings.of_environment().store)

    assert {name.removeprefix("ONEID_").lower() for name in said} <= Settings.model_fields.keys()
    assert said["ONEID_STORE_AUTH_FILE"] == compose()["services"]["neo4j"]["environment"]["NEO4J_AUTH_FILE"] == SECRET
    assert target == ("neo4j://neo4j:7687", "neo4j", "0123456789abcdef", "neo4j")
    assert service()["depends_on"] == {"neo4j": {"condition": "service_healthy"}}


def test_no_secret_is_a_value() -> None:
    name = Path(SECRET).name
    for one in compose()["services"].values():
        assert one["secrets"] == [name]
        for key, value in one["environment"].items():
            assert key.endswith("_FILE") or not re.search("auth|password|secret|key", f"{key} {value}", re.IGNORECASE)
    [kept] = [secret["file"] for secret in compose()["secrets"].values()]
    ignored = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text().splitlines()]

    assert list(compose()["secrets"]) == [name]
    assert any(fnmatch(str((FOLDER / kept).relative_to(ROOT).parent), pattern) for pattern in ignored)
    assert not re.search("password|auth|secret", " ".join(rest("ENV") + rest("ARG")), re.IGNORECASE)


def test_neo4j_keeps_its_data_and_is_seen_by_this_machine_only() -> None:
    neo4j = compose()["services"]["neo4j"]
    volumes = dict(volume.split(":") for volume in neo4j["volumes"] + service()["volumes"])

    assert set(volumes) == set(compose()["volumes"])
    assert {volumes["neo4j-data"], volumes["neo4j-logs"]} == {"/data", "/logs"}
    assert [port.split(":")[0] for port in neo4j["ports"]] == ["127.0.0.1", "127.0.0.1"]
    assert service()["ports"][0].startswith("${ONEID_PUBLISH:-127.0.0.1:")
    assert environment()["ONEID_KEYS"].startswith(volumes["oneid-data"] + "/")


def test_neo4j_is_healthy_when_it_answers_a_query() -> None:
    kind, command = compose()["services"]["neo4j"]["healthcheck"]["test"]

    assert kind == "CMD-SHELL"
    assert re.search(r'cypher-shell "RETURN 1"$', command)
    assert command.count('"$$NEO4J_AUTH_FILE"') == 2
    assert not re.search(r"(?<!\$)\$(?!\$)", command)


def test_lock_and_transaction_timeouts_fit_those_of_the_store() -> None:
    settings = neo4j_settings()

    assert seconds(settings["db.lock.acquisition.timeout"]) < STATEMENT_SECONDS
    assert seconds(settings["db.transaction.timeout"]) >= TRANSACTION_SECONDS
    assert settings["server.memory.heap.initial_size"] == settings["server.memory.heap.max_size"]


def test_the_service_can_write_where_it_must_and_nowhere_else() -> None:
    assert service()["read_only"] is True
    assert service()["tmpfs"] == ["/tmp"]
    assert service()["cap_drop"] == ["ALL"]
    assert (FOLDER / service()["build"]["context"]).resolve() == ROOT
    assert (ROOT / service()["build"]["dockerfile"]).is_file()


# ------------------------------------------------------------------------------------------------ the README
def test_the_page_gives_the_values_of_the_compose_file() -> None:
    table = section("### Size and settings").split("| setting of Neo4j")[1].split("\n\n")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| `")]
    told = {name: row[2].replace("`", "").strip() for row in rows for name in re.findall(r"`([^`]+)`", row[1])}
    said = {name: re.sub(r"\$\{(\w+):-(\w+)\}", r"\1, \2", value) for name, value in neo4j_settings().items()}

    assert told == {name: value for name, value in said.items() if name in told}
    assert said.keys() - told.keys() == {"dbms.usage_report.enabled"}


def test_its_commands_name_services_files_and_variables_that_are_there() -> None:
    given = [words for block in blocks() if block.language == "sh" for words, _ in commands(block) if words[0] == "docker"]

    assert len(given) > 5
    for words in given:
        assert words[:3] == ["docker", "compose", "-f"]
        assert (ROOT / words[3]).resolve() == FOLDER / "compose.yaml"
        for name in services_of(words[4:]):
            assert name in compose()["services"]
    page = section("## Production on Neo4j")
    assert set(re.findall(r"\$\{(\w+)", (FOLDER / "compose.yaml").read_text())) <= set(re.findall(r"`(\w+)`", page))


def services_of(words: list[str]) -> list[str]:
    """The services that a compose command names: of `stop` all that follow, of `run` and `exec` the first that is no option."""
    plain = [word for word in words[1:] if not word.startswith("-")]
    return plain if words[0] == "stop" else plain[:1] if words[0] in ("run", "exec") else []
