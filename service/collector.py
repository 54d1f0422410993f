"""How this process collects garbage."""

from __future__ import annotations

import gc

__all__ = ["collect_rarely"]


def collect_rarely() -> None:
    """Leave what is loaded at start out of collections, and begin them late.

    A step makes tens of thousands of short-lived values and no cycles; collecting as often as the interpreter does by itself took a
    tenth of the time of an ingest (tests/bench/ingest.py).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 25, 25)
