"""What is counted on under the gate: commits, numbers given, places in namespaces, and the names of namespaces."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from graph.model import Instant

__all__ = ["Counters", "Names"]


@dataclass(slots=True)
class Counters:
    """The last number given of each kind, as the gate keeps it; `at` is the instant of commit `commit`."""

    commit: int = 0
    at: Instant = 0
    version: int = 0
    one_id: int = 0
    judgement: int = 0
    interaction: int = 0
    seq: int = 0
    places: tuple[int, ...] = ()

    def next(self, at: Instant) -> Counters:
        """Those that the next step counts on from."""
        return Counters(self.commit + 1, at, self.version, self.one_id, self.judgement, self.interaction, self.seq, self.places)

    def properties(self) -> dict[str, Any]:
        """As properties of the gate."""
        return {
            "commit": self.commit,
            "at": self.at,
            "version": self.version,
            "one_id": self.one_id,
            "judgement": self.judgement,
            "interaction": self.interaction,
            "seq": self.seq,
            "places": list(self.places),
        }


class Names:
    """Names of namespaces, as this process has read them so far; number n is at place n - 1."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.number: dict[str, int] = {}

    def learn(self, names: Iterable[str]) -> None:
        for name in names:
            self.names.append(name)
            self.number[name] = len(self.names)

    def mark(self) -> int:
        """How many are known now, for `forget_after`."""
        return len(self.names)

    def forget_after(self, count: int) -> None:
        """A step that was undone takes its new names along."""
        for name in self.names[count:]:
            del self.number[name]
        del self.names[count:]
