"""What the service is told by its environment: variables `ONEID_…`, each with a default that works."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from graph.errors import OneIDError

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

    Without `keys` the service is open to everybody who reaches it, so it then serves loopback addresses only.
    """

    model_config = SettingsConfigDict(env_prefix="ONEID_", frozen=True, extra="ignore")

    store: str = "sqlite:///oneid.db"
    rules: Path | None = None
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    keys: Path | None = None
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
    max_subscriptions: Annotated[int, Field(ge=1)] = 100
    poll_seconds: Annotated[float, Field(gt=0, le=60)] = 1.0

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

    @model_validator(mode="after")
    def _open_on_loopback_only(self) -> Self:
        if self.keys is None and not is_loopback(self.host):
            raise ValueError(
                "ONEID_KEYS is not set, so the service would be open to everybody who reaches ONEID_HOST; "
                "set ONEID_KEYS to a key file (`oneid keys add` makes one) or ONEID_HOST to 127.0.0.1"
            )
        return self


def _line(location: tuple[int | str, ...], message: str) -> str:
    return f"ONEID_{str(location[0]).upper()}: {message}" if location else message.removeprefix("Value error, ")
