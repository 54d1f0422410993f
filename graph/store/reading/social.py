"""The social graph of people: peers, neighbourhoods and paths, searched by graph.social over the store's ties."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from struct import Struct
from typing import Final, TypeVar

from graph.resolve.rules import Rules
from graph.social.neighbourhood import MAX_NODES, Found, neighbourhood
from graph.social.paths import shortest_path
from graph.social.peers import Peer, peers
from graph.social.ties import Ask, Direction, Pair, Tie, Ties
from graph.store.reading.pages import argument, inner_of, page_of, total_wanted, without_rows
from graph.store.reading.profiles import numbers_of, part, profile_views
from graph.store.reading.rows import Rows
from graph.store.reading.ties import MOST_TIES, TieReader
from graph.store.reading.trip import Trip
from graph.views import (
    Connection,
    Edge,
    LookUp,
    NeighbourhoodView,
    PeerView,
    ProfileView,
    SocialEdgeView,
    SocialNodeView,
    TieCount,
    Want,
)

__all__ = ["path"]

R = TypeVar("R")

_MOST_TYPES: Final = 100
_DOUBLE: Final = Struct(">d")


async def _together(searches: Mapping[int, Generator[Ask, Ties, R]], ties: TieReader) -> dict[int, R]:
    """Run searches to their ends hop by hop, all of them together."""
    results: dict[int, R] = {}
    asks: dict[int, Ask] = {n: next(search) for n, search in searches.items()}
    while asks:
        answers = dict(zip(asks, await ties.answer(list(asks.values())), strict=True))
        asks = {}
        for n, answer in answers.items():
            try:
                asks[n] = searches[n].send(answer)
            except StopIteration as end:
                results[n] = end.value
    return results


# ---------------------------------------------------------------- parts of profiles and paths


@part("related", empty=without_rows)
async def _related(trip: Trip, views: Sequence[ProfileView], want: Want) -> Mapping[int, Connection[PeerView]]:
    """Direct peers, strongest first, keys (weight, number): the bits of the weight, which order as weights do.

    Of somebody with very many ties the strongest 2,000 of each identifier count, each way; their total is not given then.
    """
    page = page_of(want, 2)
    reader = TieReader(trip.rows, argument(want, "types"), most=MOST_TIES)
    [answer] = await reader.answer([Ask(tuple(view.n for view in views), Direction.BOTH)])
    own: dict[int, dict[Pair, Tie]] = {view.n: {} for view in views}
    for pair, tie in answer.ties.items():
        for n in pair:
            if n in own:
                own[n][pair] = tie
    found = {n: peers(n, ties) for n, ties in own.items()}
    pages = {n: [one for one in some if _after(one, page.after)][: page.first + 1] for n, some in found.items()}
    nodes = await profile_views(trip, {one.n for some in pages.values() for one in some}, inner_of(want.inner, "profile"))
    totals = {n: len(some) for n, some in found.items() if n not in answer.cut} if total_wanted(want.inner) else {}
    result = {}
    for n, some in pages.items():
        edges = tuple(Edge(_key(one), _peer_view(one, nodes[one.n])) for one in some[: page.first])
        end = edges[-1].key if edges else page.after
        result[n] = Connection(edges, len(some) > page.first, end, totals.get(n))
    return result


def _key(peer: Peer) -> tuple[int, int]:
    return (int.from_bytes(_DOUBLE.pack(peer.weight), "big"), peer.n)


def _after(peer: Peer, after: tuple[int, ...] | None) -> bool:
    if after is None:
        return True
    weight, n = _key(peer)
    return (-weight, n) > (-after[0], after[1])


def _peer_view(peer: Peer, profile: ProfileView) -> PeerView:
    return PeerView(profile, peer.weight, _counts(peer.counts), peer.first, peer.last, peer.direction)


def _counts(counts: Iterable[tuple[str, int]]) -> tuple[TieCount, ...]:
    """By type, in type order, at most 100 types."""
    return tuple(TieCount(type, count) for type, count in sorted(counts)[:_MOST_TYPES])


@part("neighbourhood", empty=lambda _: NeighbourhoodView((), (), truncated=False))
async def _neighbourhoods(trip: Trip, views: Sequence[ProfileView], want: Want) -> Mapping[int, NeighbourhoodView]:
    """The neighbourhood of each profile, searched together: a constant number of statements for each of depth + 1 hops."""
    ties = TieReader(trip.rows, argument(want, "types"), argument(want, "since"))
    searches = {
        view.n: neighbourhood(
            view.n,
            depth=argument(want, "depth", 1),
            direction=Direction(argument(want, "direction", "both")),
            min_weight=argument(want, "min_weight", 0.0),
            max_nodes=max(1, min(argument(want, "max_nodes", 200), MAX_NODES)),
        )
        for view in views
    }
    found = await _together(searches, ties)
    shown = await _neighbourhood_views(trip, found.values(), want.inner)
    return dict(zip(found, shown, strict=True))


async def path(rows: Rows, rules: Rules, origin: LookUp, target: LookUp, max_hops: int, want: Sequence[Want]) -> NeighbourhoodView | None:
    """A shortest way between two people, see graph.social.paths; None where either is unknown. `want`: of the nodes."""
    trip = Trip(rows, rules)
    ends = await numbers_of(trip, [origin, target])
    if ends[0] is None or ends[1] is None:
        return None
    found = await _found_path(trip, ends[0], ends[1], max_hops)
    return None if found is None else (await _neighbourhood_views(trip, [found], want))[0]


async def _found_path(trip: Trip, origin: int, target: int, max_hops: int) -> Found | None:
    search, ties = shortest_path(origin, target, max_hops), TieReader(trip.rows)
    try:
        ask = next(search)
        while True:
            ask = search.send((await ties.answer([ask]))[0])
    except StopIteration as end:
        found: Found | None = end.value
        return found


async def _neighbourhood_views(trip: Trip, found: Iterable[Found], want: Sequence[Want]) -> list[NeighbourhoodView]:
    found = list(found)
    people = await profile_views(trip, {node.n for one in found for node in one.nodes}, inner_of(want, "profile"))
    return [
        NeighbourhoodView(
            tuple(SocialNodeView(people[node.n], node.depth, node.strength) for node in one.nodes),
            tuple(SocialEdgeView(a, b, tie.weight, _counts(tie.counts.items()), tie.last) for (a, b), tie in one.edges),
            one.truncated,
        )
        for one in found
    ]
