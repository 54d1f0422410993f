"""Settings: defaults that work, and refusals that name the variable."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph.store.neo4j.connect import target_of
from service.settings import BadSettings, Settings, is_loopback


def test_without_any_variable_the_service_is_open_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ONEID_STORE", "ONEID_HOST", "ONEID_KEYS"):
        monkeypatch.delenv(name, raising=False)
    settings = Settings.of_environment()

    assert (settings.store, settings.host, settings.port, settings.keys) == ("sqlite:///oneid.db", "127.0.0.1", 8000, None)
    assert (settings.max_request_bytes, settings.max_fragments, settings.max_page) == (1024 * 1024, 1000, 100)


def test_the_environment_is_read_and_a_command_line_overrides_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEID_PORT", "9000")
    monkeypatch.setenv("ONEID_CORS_ORIGINS", "https://a.example, https://b.example")

    assert Settings.of_environment().port == 9000
    assert Settings.of_environment().cors_origins == ("https://a.example", "https://b.example")
    assert Settings.of_environment(port=1, store=None).port == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "oneid.example.com"])
def test_an_open_service_is_refused_beyond_this_machine(host: str) -> None:
    with pytest.raises(BadSettings, match="ONEID_KEYS is not set"):
        Settings.of_environment(host=host)


@pytest.mark.parametrize("host", ["0.0.0.0", "oneid.example.com"])
def test_with_keys_it_may_be_served_anywhere(host: str) -> None:
    assert Settings.of_environment(host=host, keys=Path("keys.json")).host == host


@pytest.mark.parametrize("text", ["neo4j/s3cret@host:1/x?", "neo4j/s3cret@host:1/x?\n", "neo4j/s3cret@host:1/x?\r\n"])
def test_user_and_password_of_the_store_may_come_from_a_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "auth"
    path.write_bytes(text.encode())

    settings = Settings.of_environment(store="neo4j+s://db.example:7687/people?policy=x", store_auth_file=path)

    assert target_of(settings.store) == ("neo4j+s://db.example:7687?policy=x", "neo4j", "s3cret@host:1/x?", "people")
    assert "s3cret" not in repr(settings)


def test_the_file_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "auth").write_text("neo4j/secret-word")
    monkeypatch.setenv("ONEID_STORE", "bolt://db:7687")
    monkeypatch.setenv("ONEID_STORE_AUTH_FILE", str(tmp_path / "auth"))

    assert Settings.of_environment().store == "bolt://neo4j:secret-word@db:7687"


@pytest.mark.parametrize(
    ("store", "text", "says"),
    [
        ("neo4j://db:7687", "secret-word", "one line user/password is wanted"),
        ("neo4j://db:7687", "/secret-word", "one line user/password is wanted"),
        ("neo4j://db:7687", "neo4j/", "one line user/password is wanted"),
        ("neo4j://db:7687", "neo4j/secret-word\nmore", "one line user/password is wanted"),
        ("neo4j://db:7687", "", "one line user/password is wanted"),
        ("neo4j://db:7687", "neo4j/\udcff", "not valid UTF-8"),
        ("neo4j://db:7687", None, "No such file or directory"),
        ("neo4j://neo4j:secret-word@db:7687", "neo4j/secret-word", "names a user and ONEID_STORE_AUTH_FILE is set"),
        (None, "neo4j/secret-word", "for a store on Neo4j"),
        ("sqlite:///own.db", "neo4j/secret-word", "for a store on Neo4j"),
    ],
)
def test_a_file_that_cannot_be_the_stores_is_refused_without_a_word_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, store: str | None, text: str | None, says: str
) -> None:
    monkeypatch.delenv("ONEID_STORE", raising=False)
    path = tmp_path / "auth"
    if text is not None:
        path.write_bytes(text.encode(errors="surrogateescape"))

    with pytest.raises(BadSettings, match=f"^ONEID_STORE.*{says}") as refused:
        Settings.of_environment(store=store, store_auth_file=path)

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(("name", "value"), [("port", "x"), ("port", 70_000), ("max_page", 101), ("max_page", 0), ("poll_seconds", 0)])
def test_what_is_not_allowed_is_refused_by_its_variable(name: str, value: object) -> None:
    with pytest.raises(BadSettings, match=f"^ONEID_{name.upper()}: "):
        Settings.of_environment(**{name: value})


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("api.localhost", True),
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("[::1]", True),
        ("::1", True),
        ("localhost.evil.com", False),
        ("127.0.0.1.evil.com", False),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_what_counts_as_this_machine(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
