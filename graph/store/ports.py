"""The promises every store keeps; the flows know nothing else of a store.

Two doors. `Store.writing` is the write gate: one writer at a time over all processes, everything read under it is current, leaving it
commits all or nothing. `Reads` is everything outside the gate: never waits for a writer, every read bounded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from graph.model import Identifier, Instant, ProfileKind, RecordKey
from graph.views import (
    ChangeView,
    Connection,
    FragmentView,
    IdentifierView,
    JudgementView,
    LinkView,
    LookUp,
    NeighbourhoodView,
    Page,
    ProfileView,
    RuleSetView,
    StatsView,
    Want,
)

__all__ = ["Reads"]


class Reads(Protocol):
    """Reads outside the gate. Each call is one trip, consistent in itself, whatever is wanted of its objects.

    `token` (a commit number of an earlier write) makes a read wait for that write, at most a few seconds, then StoreBusy.
    Look-ups follow retired OneIDs unless they say not to. Lists are paged by key; `Page.first` is at most 100.
    """

    async def profiles_by(
        self, by: Sequence[LookUp], want: Sequence[Want], *, token: int | None = None
    ) -> list[ProfileView | None]:
        """The profiles looked up, in the same order, None for unknown; at most 100."""
        ...

    async def nodes(
        self, ids: Sequence[tuple[str, Any]], want: Mapping[str, Sequence[Want]], *, token: int | None = None
    ) -> list[ProfileView | IdentifierView | LinkView | FragmentView | JudgementView | ChangeView | None]:
        """Objects by kind and number: ("profile", n), ("identifier", id), ("link", (a, b)), ("fragment", version id), ("judgement", id),
        ("change", seq); `want` by kind. A retired OneID answers for itself."""
        ...

    async def profiles(
        self,
        page: Page,
        want: Sequence[Want],
        *,
        kind: ProfileKind | None = None,
        updated_after: Instant | None = None,
        token: int | None = None,
    ) -> Connection[ProfileView]:
        """Everyone by number, or with `updated_after` by last update (commit, number). An inner total comes only where it is cheap."""
        ...

    async def search(
        self,
        prefixes: Sequence[Identifier],
        names: Sequence[str],
        page: Page,
        want: Sequence[Want],
        *,
        whole: bool = False,
        token: int | None = None,
    ) -> Connection[ProfileView]:
        """Profiles with an identifier that begins with one of `prefixes` (equals, with `whole`) or a name whose tokens begin with all `names`;
        nobody twice over all pages."""
        ...

    async def fragment(self, key: RecordKey, want: Sequence[Want], *, token: int | None = None) -> FragmentView | None:
        """The active version of a record, else its last one."""
        ...

    async def shared_identifiers(
        self, page: Page, want: Sequence[Want], *, namespaces: Sequence[str] | None = None, token: int | None = None
    ) -> Connection[IdentifierView]: ...

    async def changes(
        self,
        page: Page,
        want: Sequence[Want],
        *,
        kinds: Sequence[str] | None = None,
        n: int | None = None,
        token: int | None = None,
    ) -> Connection[ChangeView]:
        """The feed in its one order; keys are (seq,). `n`: of one OneID and those that lead to it."""
        ...

    async def path(
        self, origin: LookUp, target: LookUp, max_hops: int, want: Sequence[Want], *, token: int | None = None
    ) -> NeighbourhoodView | None:
        """A shortest social path as its nodes in order and the edges between them; None where there is none within max_hops."""
        ...

    async def rules(self, version: int | None = None) -> RuleSetView | None: ...

    async def stats(self) -> StatsView: ...

    async def head(self) -> tuple[int, int]:
        """The last commit and the last position of the feed; cheap, for followers."""
        ...
