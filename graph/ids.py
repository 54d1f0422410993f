"""New OneIDs: UUIDv7 (RFC 9562, section 5.7), random but in order of time, so that a store's index of them grows at its end."""

from __future__ import annotations

import os
import time
from uuid import UUID

__all__ = ["new_one_id"]


def new_one_id() -> str:
    """48 bits of milliseconds, 74 random bits; in the usual form of a UUID."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    high, low = random >> 68, random & ((1 << 62) - 1)
    return str(UUID(int=(milliseconds & ((1 << 48) - 1)) << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low))
