"""Who calls: API keys, their scopes, and the file that keeps them hashed.

A key is 256 random bits, so its plain SHA-256 tells nothing about it and needs no salt; only the hash is stored. The
file is JSON, as the functions here write it, or TOML of the same shape where the name ends in `.toml` (read only):

    {"keys": [{"id": "k3f9…", "name": "crm", "sha256": "…", "scopes": ["read"], "created": "2026-01-02T03:04:05Z"}]}

A running service reads the file again when it changes, so a key that is revoked is refused within a second.
"""

from __future__ import annotations

import json
import os
import secrets
import time
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from graph.errors import OneIDError

__all__ = [
    "NOBODY",
    "OPEN",
    "BadKeyFile",
    "Caller",
    "Forbidden",
    "KeyFile",
    "KeyRecord",
    "Scope",
    "Unauthenticated",
    "add_key",
    "list_keys",
    "revoke_key",
]


class Scope(StrEnum):
    """What a key may do. `pii`: see identifier values and traits; `privacy`: erase; `admin`: rules and jobs."""

    READ = "read"
    PII = "pii"
    WRITE = "write"
    CURATE = "curate"
    PRIVACY = "privacy"
    ADMIN = "admin"


class BadKeyFile(OneIDError):
    """The key file cannot be used; the message says where and why, and holds no key."""

    code = "INVALID"


class Unauthenticated(OneIDError):
    """No key came, or none that is known."""

    code = "UNAUTHENTICATED"


class Forbidden(OneIDError):
    """The key lacks a scope."""

    code = "FORBIDDEN"

    def __init__(self, scope: Scope) -> None:
        super().__init__(f"this needs an API key with scope `{scope}`")
        self.scope = scope


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls; `id` scopes idempotency keys and stands as `by` in what the caller does."""

    id: str
    name: str
    scopes: frozenset[Scope]

    def need(self, scope: Scope) -> None:
        """Raise Forbidden where the scope is missing."""
        if scope not in self.scopes:
            raise Forbidden(scope)


OPEN: Final = Caller("open", "open", frozenset(Scope))
"""Everybody, where no keys are set: every scope, on loopback only."""

NOBODY: Final = Caller("", "", frozenset())
"""Somebody who has not said yet who they are: no scope at all."""


class KeyRecord(BaseModel):
    """One key as the file keeps it."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    name: Annotated[str, Field(min_length=1, max_length=100)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    scopes: frozenset[Scope]
    created: datetime


class _Keys(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    keys: list[KeyRecord] = []


_FILE: Final = TypeAdapter(_Keys)
_LOOK_AGAIN: Final = 1.0
"""Seconds between two looks at the file's time stamp."""


class KeyFile:
    """The keys in force; follows the file. A file that becomes unreadable leaves the keys last read in force."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Read the file; BadKeyFile where it cannot be used."""
        self._path, self._clock = path, clock
        self._stamp = _stamp(path)
        self._records = list_keys(path)
        self._looked = clock()

    def caller(self, key: str | None) -> Caller:
        """The owner of a key; Unauthenticated where there is none. Takes as long for a wrong key as for a right one."""
        if not key:
            raise Unauthenticated("an API key is needed: `Authorization: Bearer …` or `X-API-Key: …`")
        self._follow()
        digest = sha256(key.encode("utf-8", "replace")).hexdigest()
        found = [record for record in self._records if compare_digest(record.sha256, digest)]
        if not found:
            raise Unauthenticated("this API key is not known here; it may have been revoked")
        return Caller(found[0].id, found[0].name, found[0].scopes)

    def _follow(self) -> None:
        now = self._clock()
        if now - self._looked < _LOOK_AGAIN:
            return
        self._looked = now
        try:
            stamp = _stamp(self._path)
            if stamp != self._stamp:
                self._records, self._stamp = list_keys(self._path), stamp
        except BadKeyFile:
            return


def list_keys(path: Path) -> list[KeyRecord]:
    """The keys of a file, in its order, without the keys themselves: nobody has them."""
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise BadKeyFile(f"{path}: {error.strerror or 'cannot be read'}") from None
    except ValueError as error:  # JSON, TOML and UTF-8 trouble; their messages may quote the line
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise BadKeyFile(f"{path}: not valid {'TOML' if path.suffix == '.toml' else 'JSON'}{where}") from None
    try:
        records = _FILE.validate_python(data).keys
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise BadKeyFile(f"{path}: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from None
    if len({record.id for record in records}) < len(records):
        raise BadKeyFile(f"{path}: two keys have the same id")
    return records


def add_key(path: Path, name: str, scopes: Iterable[Scope | str]) -> tuple[KeyRecord, str]:
    """Make a key and add it to the file, which only its owner can read; the key itself is shown this once."""
    records = list_keys(path) if path.exists() else []
    key = f"oneid_{secrets.token_urlsafe(32)}"
    try:
        record = KeyRecord(
            id=f"k{secrets.token_hex(6)}",
            name=name,
            sha256=sha256(key.encode()).hexdigest(),
            scopes=frozenset(Scope(scope) for scope in scopes),
            created=datetime.now(UTC).replace(microsecond=0),
        )
    except ValueError as error:
        if isinstance(error, ValidationError):
            raise BadKeyFile("a key's name is 1 to 100 characters long") from None
        raise BadKeyFile(f"scopes are {', '.join(Scope)}") from None
    _write(path, [*records, record])
    return record, key


def revoke_key(path: Path, key_id: str) -> KeyRecord:
    """Take a key out of the file; BadKeyFile where no key has that id."""
    records = list_keys(path)
    for record in records:
        if record.id == key_id:
            _write(path, [one for one in records if one is not record])
            return record
    raise BadKeyFile(f"{path}: no key has this id; there are {len(records)} keys")


def _write(path: Path, records: list[KeyRecord]) -> None:
    """Replace the file in one step, so that a service reading it sees the old or the new one."""
    if path.suffix == ".toml":
        raise BadKeyFile(f"{path}: a TOML key file is kept by hand; keys are added to and revoked from JSON files")
    rows = [record.model_dump(mode="json") | {"scopes": sorted(record.scopes)} for record in records]
    try:
        with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".keys-", delete=False) as file:
            file.write(json.dumps({"keys": rows}, indent=2, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(path)
    except OSError as error:
        raise BadKeyFile(f"{path}: {error.strerror or 'cannot be written'}") from None


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise BadKeyFile(f"{path}: {error.strerror or 'cannot be read'}") from None
    return (status.st_ino, status.st_mtime_ns, status.st_size)
