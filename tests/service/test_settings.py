"""Settings: defaults that work, and refusals that name the variable."""

from __future__ import annotations

from pathlib import Path

import pytest

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
