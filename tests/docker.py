"""What the compose file says, for the tests that compare it with the code and with a server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import yaml

__all__ = ["FOLDER", "ROOT", "SECRET", "compose", "neo4j_settings", "seconds"]

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "docker"
SECRET: Final = "/run/secrets/neo4j_auth"


def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
    return read


def neo4j_settings() -> dict[str, str]:
    """The settings that the official image makes of its environment: `_` stands for a dot, `__` for `_`; what ends in _FILE is a secret."""
    given = compose()["services"]["neo4j"]["environment"]
    names = {key: key.removeprefix("NEO4J_") for key in given if not key.endswith("_FILE")}
    return {re.sub("\0", "_", name.replace("__", "\0").replace("_", ".")): given[key] for key, name in names.items()}


def seconds(duration: str) -> int:
    """Of `20s` or `2m`."""
    number, unit = int(duration[:-1]), duration[-1]
    return number * {"s": 1, "m": 60}[unit]
