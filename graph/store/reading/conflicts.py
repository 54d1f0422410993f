"""Conflicts: pairs of profiles that a rule holds apart, as a steward works through them.

They come from links refused while profiles were built: by the day of the last sighting, latest first, then by how many fragments carry
the link, then by ids. A pair stands at its first link in that order. Where a judgement `distinct` parts it, it is decided, and no conflict.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from graph.model import JudgementKind, Rule
from graph.resolve.rules import Rules
from graph.store.ports import NAMESPACE_SHIFT
from graph.store.reading.links import link_views
from graph.store.reading.pages import LAST, argument, bounded, connection, inner_of, merged
from graph.store.reading.profiles import profile_views
from graph.store.reading.rows import Held, Rows, Seen, Space, day_of
from graph.store.reading.trip import Trip
from graph.views import ConflictView, Connection, Edge, Key, Page, Want

__all__ = ["conflict_views", "conflicts"]

Pair: TypeAlias = tuple[int, int]

_LOOKED_AT: Final = 1_000
"""Refused links that one page looks at, those that it leaves out among them."""
_AT_ONCE: Final = 100
_BETWEEN: Final = 20_000
"""Links of the smaller profile of a pair that are looked through, either way, for those between the two."""
_JUDGED: Final = 20_000
_START: Final = (LAST, LAST, 0, 0)


async def conflicts(
    rows: Rows,
    rules: Rules,
    page: Page,
    want: Sequence[Want],
    *,
    namespaces: Sequence[str] | None = None,
    min_links: int = 1,
    postponed: bool = False,
) -> Connection[ConflictView]:
    """A page of conflicts, keys (day, fragments, a, b) of the link that each stands at.

    Looked at are at most some 1,000 refused links a page; where more had to be left out, the page is short, and its end passes them.
    """
    trip, page = Trip(rows, rules), bounded(page, 4)
    spaces: Collection[Space] = await _spaces(trip, namespaces)
    counted = frozenset(spaces)
    found: list[Edge[_Item]] = []
    after, looked = page.after or _START, 0
    while spaces and len(found) <= page.first and looked < _LOOKED_AT:
        most = page.first + 1 if not looked else _AT_ONCE
        ahead, spaces = _in_order(await rows.conflicting(sorted(spaces), after, most), most)
        looked += len(ahead)
        apart = await _apart(trip, [(one.pair, one.link) for one in ahead if one.p != one.q])
        for one in ahead:
            after = one.key
            if (item := apart.get(one.pair)) is None or item.first(counted) != one.link.key:
                continue
            if len(item.links) >= min_links and (postponed or not item.postponed):
                found.append(Edge(one.key, _Item(one.link.key, one.p, one.q, item)))
            if len(found) > page.first:
                break
    kept = connection(page, found, passed=after if looked else None, more=bool(spaces))
    views = await _views(trip, [edge.node for edge in kept.edges], want)
    return Connection(tuple(Edge(edge.key, views[edge.node.id]) for edge in kept.edges), kept.has_next, kept.end)


async def conflict_views(trip: Trip, keys: Sequence[Key], want: Sequence[Want]) -> Mapping[Key, ConflictView]:
    """Conflicts by the ends of a link between them: of the profiles that hold these now; together or decided, there is none."""
    faces = await trip.faces(end for key in keys for end in key)
    held: dict[Key, Pair] = {}
    for key in keys:
        p, q = (faces[end].profile if end in faces else None for end in key)
        if p is not None and q is not None and p != q:
            held[key] = (p, q)
    apart = await _apart(trip, [(_sorted(*pair), None) for pair in held.values()])
    items = [_Item(key, *pair, apart[_sorted(*pair)]) for key, pair in held.items() if _sorted(*pair) in apart]
    return await _views(trip, items, want)


# ---------------------------------------------------------------- where they stand


async def _spaces(trip: Trip, wanted: Sequence[str] | None) -> set[Space]:
    """The namespaces of both ends of links whose weaker end is of a wanted one; by default of one that stands for persons."""
    known = {number: trip.rules.namespace(name) for number, name in await trip.rows.namespaces()}
    weaker = {n: one for n, one in known.items() if (one.person if wanted is None else one.name in wanted)}
    return {(min(n, m), max(n, m)) for n, one in weaker.items() for m, other in known.items() if other.rank <= one.rank}


def _sorted(p: int, q: int) -> Pair:
    return (p, q) if p < q else (q, p)


def _space(key: Key) -> Space:
    return (key[0] >> NAMESPACE_SHIFT, key[1] >> NAMESPACE_SHIFT)


def _order(key: Key) -> Key:
    """What sorts keys (day, fragments, a, b): the last two as they are, the others greatest first."""
    return (-key[0], -key[1], *key[2:])


def _in_order(held: Iterable[Held], most: int) -> tuple[list[Held], set[Space]]:
    """The links up to where each space was read, some of them at most; and the spaces that may have more."""
    by_space: dict[Space, list[Held]] = {}
    for one in sorted(held, key=lambda one: _order(one.key)):
        by_space.setdefault(_space(one.link.key), []).append(one)
    ends = [_order(some[most - 1].key) for some in by_space.values() if len(some) >= most]
    ahead = sorted((one for some in by_space.values() for one in some), key=lambda one: _order(one.key))
    if ends:
        ahead = [one for one in ahead if _order(one.key) <= min(ends)]
    ahead = ahead[: max(most, _AT_ONCE)]
    last = _order(ahead[-1].key) if ahead else ()
    return ahead, {space for space, some in by_space.items() if len(some) >= most or _order(some[-1].key) > last}


# ---------------------------------------------------------------- what stands between two profiles


@dataclass(frozen=True, slots=True)
class _Between:
    """The links refused between two profiles, in order; `postponed`: a steward put them off, and none was seen more often since."""

    links: list[Seen]
    postponed: bool

    def first(self, spaces: Collection[Space]) -> Key:
        """The first link in some spaces."""
        return next((link.key for link in self.links if _space(link.key) in spaces), ())


async def _apart(trip: Trip, asked: Sequence[tuple[Pair, Seen | None]]) -> dict[Pair, _Between]:
    """Pairs of profiles, the smaller number first, that a rule holds apart and nobody has decided about; each asked for with a link that is
    known to be refused between them, or none."""
    links: dict[Pair, dict[Key, Seen]] = {}
    for pair, link in [*asked, *(await trip.rows.between({pair for pair, _ in asked}, _BETWEEN) if asked else ())]:
        if link is not None:
            links.setdefault(pair, {})[link.key] = link
    decided = await _decided(trip, links)
    open_ones = {pair: list(some.values()) for pair, some in links.items() if pair not in decided}
    put_off = await trip.rows.postponed({(link.a, link.b) for some in open_ones.values() for link in some}) if open_ones else ()
    then = {(a, b): n for a, b, n in put_off}
    return {
        pair: _Between(sorted(some, key=lambda link: _order(_key(link))), all(link.n <= then.get((link.a, link.b), 0) for link in some))
        for pair, some in open_ones.items()
    }


def _key(link: Seen) -> Key:
    return (day_of(link.last or 0), link.n, link.a, link.b)


async def _decided(trip: Trip, pairs: Collection[Pair]) -> set[Pair]:
    """Of pairs of profiles those between which a judgement `distinct` stands."""
    if not pairs:
        return set()
    judged = await trip.rows.judged_at({n for pair in pairs for n in pair}, _JUDGED)
    distinct = {one.judgement: one for one in judged if one.kind is JudgementKind.DISTINCT and one.in_force}
    if not distinct:
        return set()
    faces = await trip.faces(end for one in distinct.values() for side in one.sides for end in side)
    found: set[Pair] = set()
    for one in distinct.values():
        left, right = ({n for end in side if (n := faces[end].profile) is not None} for side in one.sides)
        for p, q in pairs:
            if (p in left and q in right) or (q in left and p in right):
                found.add((p, q))
    return found


# ---------------------------------------------------------------- views


@dataclass(frozen=True, slots=True)
class _Item:
    """A conflict: the ends of the link that names it, and the profiles that hold them."""

    id: Key
    p: int
    q: int
    between: _Between

    @property
    def shown(self) -> Seen:
        """The link that names it, else the first one."""
        return next((link for link in self.between.links if link.key == self.id), self.between.links[0])


async def _views(trip: Trip, items: Sequence[_Item], want: Sequence[Want]) -> dict[Key, ConflictView]:
    """Conflicts by the link that names each, with their parts."""
    if not items:
        return {}
    profiles = await profile_views(trip, (n for item in items for n in (item.p, item.q)), (*inner_of(want, "a"), *inner_of(want, "b")))
    parts: dict[Key, dict[Any, Any]] = {item.id: {} for item in items}
    for one in merged(want):
        if one.field == "links":
            first = max(0, min(argument(one, "first", 20), 100))
            shown = await link_views(trip, [link for item in items for link in item.between.links[:first]], one.inner)
            for item in items:
                parts[item.id][one.key] = tuple(shown[link.key] for link in item.between.links[:first])
        elif one.field not in ("a", "b"):
            raise KeyError(one.field)
    faces = await trip.faces(end for item in items for end in item.shown.key)
    views = {}
    for item in items:
        ends = (trip.rules.namespace(faces[end].identifier.namespace) for end in item.shown.key)
        views[item.id] = ConflictView(
            (item.id[0], item.id[1]),
            profiles[item.p],
            profiles[item.q],
            rule=Rule(item.shown.refused or ""),
            namespace=max(ends, key=lambda one: one.rank).name,
            link_count=len(item.between.links),
            last_seen=max(link.last or 0 for link in item.between.links),
            postponed=item.between.postponed,
            parts=parts[item.id],
        )
    return views
