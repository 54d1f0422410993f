"""The bundled sample: customers of one company in five systems, a small social network, and the mapping that reads both."""

from __future__ import annotations

from pathlib import Path

__all__ = ["FOLDER", "MAPPING"]

FOLDER = Path(__file__).parent
MAPPING = FOLDER / "sample.toml"
