"""How this process collects garbage."""

from __future__ import annotations

import gc

__all__ = ["collect_rarely"]


def collect_rarely() -> None:
    """Leave what is loaded at start out of collections, and begin them late.

    A step makes tens of thousands of short-lived values and next to no cycles, all alive at once: a collection in its middle looks at every
    one of them and frees nothing. Begun after 50,000 they still took a fifth of an ingest's processor time (tests/bench/neo4j_ingest.py).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 25, 25)
