"""API keys: made, kept hashed, followed while the service runs, and what each scope opens."""

from __future__ import annotations

import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.auth import BadKeyFile, KeyFile, Scope, Unauthenticated, add_key, list_keys, revoke_key
from service.settings import Settings
from tests.service.asking import Asking, asking, fragment


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def test_a_key_is_shown_once_and_kept_hashed(path: Path) -> None:
    record, key = add_key(path, "crm", ["read", "pii"])

    assert key.startswith("oneid_")
    assert key not in path.read_text(encoding="utf-8")
    assert list_keys(path) == [record]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_names_its_caller(path: Path) -> None:
    record, key = add_key(path, "crm", ["read"])
    _, other = add_key(path, "app", ["write"])
    keys = KeyFile(path)

    assert (keys.caller(key).id, keys.caller(key).name, keys.caller(key).scopes) == (record.id, "crm", {Scope.READ})
    assert keys.caller(other).scopes == {Scope.WRITE}


@pytest.mark.parametrize("wrong", [None, "", "oneid_", "x", "é" * 40])
def test_any_other_key_is_nobody(path: Path, wrong: str | None) -> None:
    add_key(path, "crm", ["read"])
    keys = KeyFile(path)

    with pytest.raises(Unauthenticated):
        keys.caller(wrong)


def test_a_revoked_key_is_refused_by_a_running_service_within_a_second(path: Path) -> None:
    record, key = add_key(path, "crm", ["read"])
    _, other = add_key(path, "app", ["read"])
    now = 0.0
    keys = KeyFile(path, clock=lambda: now)
    revoke_key(path, record.id)
    now = 1.0

    assert keys.caller(other).name == "app"
    with pytest.raises(Unauthenticated):
        keys.caller(key)


def test_a_file_that_breaks_leaves_the_keys_in_force(path: Path) -> None:
    _, key = add_key(path, "crm", ["read"])
    now = 0.0
    keys = KeyFile(path, clock=lambda: now)
    for broken in ("{", None):
        path.write_text(broken, encoding="utf-8") if broken else path.unlink()
        now += 2.0

        assert keys.caller(key).name == "crm"


def test_a_key_that_is_not_there_cannot_be_revoked(path: Path) -> None:
    add_key(path, "crm", ["read"])

    with pytest.raises(BadKeyFile, match="no key has this id; there are 1 keys"):
        revoke_key(path, "k000")


@pytest.mark.parametrize(("name", "scopes", "message"), [("", ["read"], "1 to 100 characters"), ("crm", ["root"], "scopes are read, pii")])
def test_a_key_needs_a_name_and_known_scopes(path: Path, name: str, scopes: list[str], message: str) -> None:
    with pytest.raises(BadKeyFile, match=message):
        add_key(path, name, scopes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not valid JSON at line 1"),
        ("[]", "should be a valid dictionary|valid dictionary"),
        ('{"keys": [{"id": "k1"}]}', r"keys\.0\.name"),
        ('{"keys": [{"id": "k 1", "name": "n", "sha256": "", "scopes": [], "created": "2026-01-01T00:00:00Z"}]}', r"keys\.0\.id"),
        ('{"keyz": []}', "keyz"),
    ],
)
def test_a_bad_key_file_is_refused_at_start_by_its_field(path: Path, text: str, message: str) -> None:
    path.write_text(text, encoding="utf-8")

    with pytest.raises(BadKeyFile, match=message):
        KeyFile(path)


def test_a_missing_key_file_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(BadKeyFile, match="No such file"):
        KeyFile(tmp_path / "none.json")


def test_two_keys_of_one_id_are_refused(path: Path) -> None:
    add_key(path, "crm", ["read"])
    data = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({"keys": data["keys"] * 2}), encoding="utf-8")

    with pytest.raises(BadKeyFile, match="two keys have the same id"):
        list_keys(path)


def test_a_toml_file_is_read_but_not_written(path: Path) -> None:
    record, key = add_key(path, "crm", ["read"])
    toml = path.with_suffix(".toml")
    toml.write_text(
        f'[[keys]]\nid = "{record.id}"\nname = "crm"\nsha256 = "{record.sha256}"\nscopes = ["read"]\ncreated = 2026-01-01T00:00:00Z\n',
        encoding="utf-8",
    )

    assert KeyFile(toml).caller(key).name == "crm"
    with pytest.raises(BadKeyFile, match="kept by hand"):
        add_key(toml, "app", ["read"])


# ---------------------------------------------------------------- what a scope opens

READ = "{ stats { fragments } }"
WRITE = "mutation ($input: IngestFragmentsInput!) { ingestFragments(input: $input) { accepted results { blocked } userErrors { code } } }"
SHOWN = """{ profile(by: {identifier: {namespace: "phone", value: "13912345678"}}) {
    identifiers { edges { node { value masked } } } traits { value alternatives { value } } fragments { edges { node { traits } } } } }"""


@pytest.fixture
async def guarded(path: Path) -> AsyncIterator[tuple[Asking, Path]]:
    add_key(path, "unused", ["read"])
    async with asking(keys=path) as ask:
        yield ask, path


def with_key(path: Path, *scopes: str) -> dict[str, str]:
    _, key = add_key(path, "-".join(scopes), scopes)
    return {"Authorization": f"Bearer {key}"}


async def test_without_a_key_nothing_is_answered(guarded: tuple[Asking, Path]) -> None:
    ask, _ = guarded
    response = await ask.http.post("/graphql", json={"query": "{ __typename }"})

    assert response.status_code == 401
    assert response.json()["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("scheme", ["bearer", "x-api-key"])
async def test_a_key_comes_in_either_header(path: Path, scheme: str) -> None:
    _, key = add_key(path, "crm", ["read"])
    headers = {"authorization": f"bearer {key}"} if scheme == "bearer" else {"x-api-key": key}
    async with asking(keys=path) as ask:
        assert await ask(READ, headers=headers) == {"data": {"stats": {"fragments": 0}}}


async def test_each_scope_opens_what_it_says(path: Path) -> None:
    reader, writer = with_key(path, "read"), with_key(path, "write")
    async with asking(keys=path) as ask:
        refused_write = await ask(WRITE, headers=reader, input={"fragments": []})
        refused_read = await ask(READ, headers=writer)
        written = await ask(WRITE, headers=writer, input={"fragments": [fragment("device:1")]})

    assert refused_write["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert refused_write["errors"][0]["message"] == "this needs an API key with scope `write`"
    assert refused_read["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert written["data"]["ingestFragments"]["accepted"] == 1


async def test_a_withdrawal_shows_people_to_those_who_may_read_only(path: Path) -> None:
    writer = with_key(path, "write")
    query = 'mutation { withdraw(input: {record: {source: "crm", id: "r1"}, reason: "x"}) { %s userErrors { code } } }'
    async with asking(keys=path) as ask:
        await ask(WRITE, headers=writer, input={"fragments": [fragment("device:1")]})
        refused = await ask(query % "profiles { oneId }", headers=writer)
        done = await ask(query % "", headers=writer)

    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert done["data"]["withdraw"]["userErrors"] == []


async def test_without_pii_values_and_traits_are_null_and_the_mask_is_there(path: Path) -> None:
    reader, seer = with_key(path, "read", "write"), with_key(path, "read", "pii")
    sent = fragment("phone:13912345678", "email:null", traits={"name": "Ada"})
    async with asking(keys=path) as ask:
        written = await ask(WRITE, headers=reader, input={"fragments": [sent]})
        hidden = await ask(SHOWN, headers=reader)
        shown = await ask(SHOWN, headers=seer)

    assert hidden["data"]["profile"]["identifiers"]["edges"] == [{"node": {"value": None, "masked": "+86139****5678"}}]
    assert hidden["data"]["profile"]["traits"] == [{"value": None, "alternatives": []}]
    assert hidden["data"]["profile"]["fragments"]["edges"] == [{"node": {"traits": None}}]
    assert shown["data"]["profile"]["identifiers"]["edges"] == [{"node": {"value": "+8613912345678", "masked": "+86139****5678"}}]
    assert shown["data"]["profile"]["traits"] == [{"value": "Ada", "alternatives": []}]
    assert written["data"]["ingestFragments"]["results"] == [{"blocked": ["email:****"]}]


async def test_without_pii_search_takes_whole_values_only(path: Path) -> None:
    reader, seer = with_key(path, "read", "write"), with_key(path, "read", "pii")
    query = "query ($text: String!) { search(text: $text) { edges { node { kind } } } }"
    async with asking(keys=path) as ask:
        await ask(WRITE, headers=reader, input={"fragments": [fragment("phone:13912345678", traits={"name": "Ada Lovelace"})]})
        found = [[len((await ask(query, headers=who, text=text))["data"]["search"]["edges"]) for text in TEXTS] for who in (reader, seer)]

    assert found == [[1, 0, 0], [1, 1, 1]]


TEXTS = ("139 1234 5678", "139 1234", "Lovelace")


async def test_the_history_names_the_key(path: Path) -> None:
    both = with_key(path, "read", "write")
    async with asking(keys=path) as ask:
        await ask(WRITE, headers=both, input={"fragments": [fragment("device:1")]})
        told = await ask("{ changes { edges { node { by } } } }", headers=both)

    assert told["data"]["changes"]["edges"] == [{"node": {"by": "read-write"}}]


async def test_an_idempotency_key_belongs_to_its_api_key(path: Path) -> None:
    one, other = with_key(path, "write"), with_key(path, "write", "read")
    async with asking(keys=path) as ask:
        await ask(WRITE, headers=one, input={"fragments": [fragment("device:1", id="1")], "clientMutationId": "k"})
        done = await ask(WRITE, headers=other, input={"fragments": [fragment("device:2", id="2")], "clientMutationId": "k"})

    assert (done["data"]["ingestFragments"]["accepted"], done["data"]["ingestFragments"]["userErrors"]) == (1, [])


def test_a_key_file_that_is_missing_stops_the_start(tmp_path: Path) -> None:
    from service.app import create_app

    with pytest.raises(BadKeyFile):
        create_app(Settings(keys=tmp_path / "none.json"))
