"""What the service is told by its environment: variables `ONEID_…`, each with a default that works."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from graph.errors import OneIDError
from graph.store.keys import ErasureKey

__all__ = ["BadSettings", "Settings", "is_loopback"]


class BadSettings(OneIDError):
    """The service cannot start with these settings; the message names the variables."""

    code = "INVALID"


def is_loopback(host: str) -> bool:
    """Whether a host name or address, as a server is bound to or a browser asks for, is this machine only."""
    name = host.strip("[]").lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


class Settings(BaseSettings):
    """The settings of one service process.

    Without `keys` the service is open to everybody who reaches it, so it then serves loopback addresses only. `store` is the whole URL:
    with `store_auth_file` it has come to hold the user and the password of that file.
    """

    model_config = SettingsConfigDict(env_prefix="ONEID_", frozen=True, extra="ignore")

    store: Annotated[str, Field(repr=False)] = "sqlite:///oneid.db"
    store_auth_file: Path | None = None
    rules: Path | None = None
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    keys: Path | None = None
    erasure_key: Annotated[str | None, Field(repr=False)] = None
    erasure_key_file: Path | None = None
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    graphiql: bool = True
    introspection: bool = True

    max_request_bytes: Annotated[int, Field(ge=1024)] = 1024 * 1024
    max_fragments: Annotated[int, Field(ge=1, le=10_000)] = 1_000
    max_depth: Annotated[int, Field(ge=1)] = 12
    max_aliases: Annotated[int, Field(ge=0)] = 30
    max_tokens: Annotated[int, Field(ge=10)] = 5_000
    max_cost: Annotated[int, Field(ge=1)] = 50_000
    max_page: Annotated[int, Field(ge=1, le=100)] = 100
    max_neighbourhood: Annotated[int, Field(ge=1, le=1_000)] = 1_000
    max_withdrawn: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    max_subscriptions: Annotated[int, Field(ge=1)] = 100
    poll_seconds: Annotated[float, Field(gt=0, le=60)] = 1.0
    slow_seconds: Annotated[float, Field(gt=0)] = 30.0
    stuck_seconds: Annotated[float, Field(gt=0)] = 120.0

    @classmethod
    def of_environment(cls, **overrides: object) -> Self:
        """The settings of the environment, overridden by what a command line says; BadSettings names the variables."""
        try:
            return cls(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]  # checked by pydantic
        except ValidationError as error:
            raise BadSettings("\n".join(_line(one["loc"], one["msg"]) for one in error.errors())) from None

    @model_validator(mode="before")
    @classmethod
    def _split_origins(cls, data: object) -> object:
        if isinstance(data, dict) and isinstance(data.get("cors_origins"), str):
            origins = [origin.strip() for origin in data["cors_origins"].split(",")]
            return {**data, "cors_origins": tuple(origin for origin in origins if origin)}
        return data

    def erasing_with(self) -> ErasureKey | None:
        """The key of the tombstones, where the environment names one; else the store says where it is."""
        if self.erasure_key is None and self.erasure_key_file is None:
            return None
        return ErasureKey(self.erasure_key, self.erasure_key_file)

    @model_validator(mode="after")
    def _signed_store(self) -> Self:
        if self.store_auth_file is not None:
            object.__setattr__(self, "store", _signed(self.store, self.store_auth_file))  # frozen is for those who use it
        return self

    @model_validator(mode="after")
    def _open_on_loopback_only(self) -> Self:
        if self.keys is None and not is_loopback(self.host):
            raise ValueError(
                "ONEID_KEYS is not set, so the service would be open to everybody who reaches ONEID_HOST; "
                "set ONEID_KEYS to a key file (`oneid keys add` makes one) or ONEID_HOST to 127.0.0.1"
            )
        return self


_AUTH: Final = "ONEID_STORE_AUTH_FILE"


def _signed(url: str, path: Path) -> str:
    """The URL of a Neo4j server with the user and password that a file holds as `user/password`, the form of the official image."""
    parts = urlsplit(url)
    if parts.scheme.partition("+")[0] not in ("neo4j", "bolt"):
        raise ValueError(f"{_AUTH} is for a store on Neo4j; set ONEID_STORE to neo4j://host:7687/database, or leave {_AUTH} out")
    if "@" in parts.netloc:
        raise ValueError(f"ONEID_STORE names a user and {_AUTH} is set; one of them is allowed")
    try:
        user, slash, password = path.read_text(encoding="utf-8").rstrip("\r\n").partition("/")
    except OSError as error:
        raise ValueError(f"{_AUTH}: {path}: {error.strerror or 'cannot be read'}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{_AUTH}: {path}: not valid UTF-8") from None
    if not (user and slash and password) or "\n" in password:
        raise ValueError(f"{_AUTH}: {path}: one line user/password is wanted, as in NEO4J_AUTH_FILE of the official image")
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{parts.netloc}"))


def _line(location: tuple[int | str, ...], message: str) -> str:
    return f"ONEID_{str(location[0]).upper()}: {message}" if location else message.removeprefix("Value error, ")
