"""Why two identifiers are in one profile, or in two."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, NamedTuple

from graph.model import Identifier, JudgementKind
from graph.resolve.explain import Pair, Parting, RefusedLink, RefusedSearch, parting, strength, substitutes, ways
from graph.resolve.ground import Ground, Namespaces
from graph.resolve.links import Tally
from graph.resolve.rules import Rules
from graph.store.ports import NAMESPACE_SHIFT
from graph.store.reading.bridges import MOST_JOINING
from graph.store.reading.links import link_views
from graph.store.reading.pages import inner_of
from graph.store.reading.rows import Face, Judged, Rows, Seen
from graph.store.reading.trip import Trip
from graph.views import ExplanationView, LinkView, Standing, Want

__all__ = ["explain", "unknown"]

_SHOWN: Final = 100
_REFUSED: Final = 50_000
"""Refused links, and judgements, of a profile that are looked through."""
_CHAIN: Final = 6
"""Links of a chain over other profiles, at most."""
_A_ROUND: Final = 20_000
"""Refused links, and judgements, that one round of the search for a chain looks through."""


def unknown(a: Identifier, b: Identifier) -> ExplanationView:
    """The answer where nothing was known of anybody."""
    return ExplanationView(a, b, Standing.UNKNOWN, missing=tuple(dict.fromkeys((a, b))))


async def explain(rows: Rows, rules: Rules, a: Identifier, b: Identifier, want: Sequence[Want]) -> ExplanationView:
    """Why two identifiers are together, or apart.

    Cost is linear in the links of their profiles. Looked through are at most 500,000 accepted links of a common profile (beyond these no
    chain and no bridge is given), 50,000 refused links of each profile, and for a chain over others, of at most 6 links, 20,000 in each of
    at most 6 rounds. Where such a bound is met, the answer says so.
    """
    trip = Trip(rows, rules)
    found = {face.identifier: face for face in await rows.faces_by(list({a, b}))}
    trip.met(found.values())
    missing = tuple(one for one in dict.fromkeys((a, b)) if one not in found or found[one].profile is None)
    view = ExplanationView(a, b, Standing.UNKNOWN, missing=missing)
    if missing:
        return view
    if a == b:
        return replace(view, standing=Standing.ONE, chain=(a,))
    asked = _Asked(trip, want, await trip.faces(()), found[a], found[b])
    return await (asked.together if found[a].profile == found[b].profile else asked.apart)(view)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Two identifiers that are on record; `faces` are all that the trip has met."""

    trip: Trip
    want: Sequence[Want]
    faces: Mapping[int, Face]
    a: Face
    b: Face

    # ------------------------------------------------------------ together

    async def together(self, view: ExplanationView) -> ExplanationView:
        n, _ = self._profiles()
        joined = await self.trip.rows.joined([n], MOST_JOINING)
        if joined is None:
            return replace(view, standing=Standing.TOGETHER, cut=True)
        pairs = [(min(pair), max(pair)) for pair in joined if pair[0] != pair[1]]
        ground = await self._ground(one for pair in pairs for one in pair)
        found = ways(self.a.id, self.b.id, set(pairs), ground.place)
        if found is None:  # the links of a profile join its members; where rows show half a commit they are read again
            raise KeyError((self.a.id, self.b.id))
        await self.trip.faces(found.ends)
        chain = found.first(ground.text)
        steps = [(min(pair), max(pair)) for pair in pairwise(chain)]
        parted = parting(self.a.id, self.b.id, pairs)
        self.trip.bridges[n] = parted.all
        same, more = await self._same(n)
        refused, cut = await self._substitutes(n, parted) if parted.bridges else ([], False)
        return replace(
            view,
            standing=Standing.TOGETHER,
            chain=tuple(self.faces[one].identifier for one in chain),
            path=await self._accepted(steps, same, "path"),
            refused=await self._views(refused, "refused"),
            bridges=await self._accepted(parted.bridges, same, "bridges"),
            counts=(len(steps), len(refused), len(parted.bridges)),
            cut=cut or more,
        )

    async def _same(self, n: int) -> tuple[dict[Pair, Judged], bool]:
        """The newest judgement `same` in force of each pair in a profile; and whether there may be more."""
        judged = list(await self.trip.rows.judged_at([n], _REFUSED))
        newest = sorted((one for one in judged if one.accepted), key=lambda one: (one.at, one.judgement))
        return {(one.a, one.b): one for one in newest}, len(judged) >= _REFUSED

    async def _accepted(self, pairs: Sequence[Pair], same: Mapping[Pair, Judged], field: str) -> tuple[LinkView, ...]:
        """Accepted links as they stand for pairs: a judgement goes before what records say."""
        shown = pairs[:_SHOWN]
        observed = [pair for pair in shown if pair not in same]
        seen = {(one.a, one.b): one for one in await self.trip.rows.links(observed)} if observed else {}
        return await self._views([same[pair] if pair in same else seen[pair] for pair in shown], field)

    async def _substitutes(self, n: int, parted: Parting) -> tuple[list[Seen | Judged], bool]:
        """The refused links that may take the place of a bridge, likeliest first; and whether there may be more."""
        refused = await self._refused_at([n], _REFUSED)
        near = substitutes(n, refused.links, parted.side)
        links = await self._found(near, refused.overruled)
        order = await self._by_strength(links)
        return sorted(links, key=lambda link: (near[link.a, link.b], *order(link))), refused.cut

    # ------------------------------------------------------------ apart

    async def apart(self, view: ExplanationView) -> ExplanationView:
        p, q = self._profiles()
        told = {p: await self._refused_at([p], _REFUSED)}
        if told[p].cut:
            told[q] = await self._refused_at([q], _REFUSED)
        links = await self._between(p, q, told.values())
        if links:
            return replace(
                view,
                standing=Standing.REFUSED,
                refused=await self._views(links, "refused"),
                counts=(0, len(links), 0),
                cut=all(one.cut for one in told.values()),
            )
        search, overruled = RefusedSearch(p, q, _CHAIN), list[Judged]()
        while asked := search.wanted:
            if asked in ([p], [q]):
                refused = told.get(asked[0]) or await self._refused_at(asked, _REFUSED)
            else:
                refused = await self._refused_at(asked, _A_ROUND)
            overruled += refused.overruled
            search.learn(refused.links, cut=refused.cut)
        view = replace(view, profiles=search.looked_at, cut=search.cut)
        if not search.found:
            return replace(view, standing=Standing.UNFOUND if search.cut else Standing.NOTHING)
        await self.trip.faces(search.ends())
        ground = await self._ground(search.ends())
        chain = [link.pair for link in search.chain(lambda pair: (_layer(pair, ground), *sorted(ground.text[one] for one in pair)))]
        found = {(link.a, link.b): link for link in await self._found(chain, overruled)}
        shown = await self._views([found[pair] for pair in chain], "refused")
        return replace(view, standing=Standing.CHAIN, refused=shown, counts=(0, len(chain), 0))

    async def _between(self, p: int, q: int, told: Collection[_Refused]) -> list[Seen | Judged]:
        """The refused links and the judgements `distinct` between two profiles, strongest first, from what one or both tell of theirs."""
        whole = [one for one in told if not one.cut] or told
        pairs = {link.pair for one in whole for link in one.links if {link.near, link.far} == {p, q}}
        if all(one.cut for one in told):
            pairs.add((min(self.a.id, self.b.id), max(self.a.id, self.b.id)))
        links = await self._found(pairs, [judged for one in whole for judged in one.overruled])
        distinct = {judged.judgement: judged for one in whole for judged in one.distinct if self._spans(judged, p, q)}
        links += distinct.values()
        return sorted(links, key=await self._by_strength(links))

    def _spans(self, judged: Judged, p: int, q: int) -> bool:
        """Whether a judgement stands between two profiles."""
        left, right = ({self.faces[one].profile for one in side} for side in judged.sides)
        return (p in left and q in right) or (q in left and p in right)

    # ------------------------------------------------------------ what both need

    def _profiles(self) -> tuple[int, int]:
        p, q = self.a.profile, self.b.profile
        assert p is not None
        assert q is not None
        return p, q

    async def _refused_at(self, ns: Sequence[int], most: int) -> _Refused:
        """What is refused at the members of profiles."""
        links = list(await self.trip.rows.refused_at(ns, most))
        judged = list(await self.trip.rows.judged_at(ns, most))
        cut = len(links) >= most or len(judged) >= most
        overruled = [one for one in judged if one.kind is JudgementKind.SAME and not one.in_force]
        distinct = [one for one in judged if one.kind is JudgementKind.DISTINCT and one.in_force]
        await self.trip.faces(end for one in (*overruled, *distinct) for side in one.sides for end in side)
        for one in overruled:
            near, far = self.faces[one.a].profile, self.faces[one.b].profile
            if near is not None and far is not None:
                links += [RefusedLink(x, y, (one.a, one.b)) for x, y in ((near, far), (far, near)) if x in ns]
        return _Refused(links, overruled, distinct, cut)

    async def _found(self, pairs: Collection[Pair], overruled: Iterable[Judged]) -> list[Seen | Judged]:
        """The refused links of pairs, and the overruled judgements `same` on them after these."""
        wanted = set(pairs)
        seen = [one for one in await self.trip.rows.links(wanted) if one.refused is not None] if wanted else []
        stated = {one.judgement: one for one in overruled if (one.a, one.b) in wanted}
        return [*seen, *stated.values()]

    async def _by_strength(self, links: Sequence[Seen | Judged]) -> Callable[[Seen | Judged], tuple[object, ...]]:
        """The order of refused links: judgements, `distinct` first and newest first, then links as the resolver takes them."""
        ends = {one for link in links for one in (link.a, link.b)}
        await self.trip.faces(ends)
        ground = await self._ground(ends)
        of_link = strength(ground)

        def key(link: Seen | Judged) -> tuple[object, ...]:
            pair = (link.a, link.b)
            if isinstance(link, Judged):
                return (0, link.kind is JudgementKind.SAME, -link.at, *sorted(ground.text[one] for one in pair), link.judgement)
            return (1, *of_link(pair, Tally(link.n, link.bare, link.dirty, link.first, link.last, link.score)))

        return key

    async def _ground(self, ids: Iterable[int]) -> Ground:
        """What decides the strength of links between identifiers."""
        one_of = {id >> NAMESPACE_SHIFT: id for id in ids}
        await self.trip.faces(one_of.values())
        names = {number: self.faces[id].identifier.namespace for number, id in one_of.items()}
        namespaces = Namespaces(names.values(), self.trip.rules)
        return Ground(namespaces, _Places({number: namespaces.position[name] for number, name in names.items()}), _Texts(self.faces))

    async def _views(self, links: Sequence[Seen | Judged], field: str) -> tuple[LinkView, ...]:
        """The first 100 of these, with what is wanted of them."""
        shown = links[:_SHOWN]
        views = await link_views(self.trip, shown, inner_of(self.want, field))
        return tuple(views[link.key] for link in shown)


class _Refused(NamedTuple):
    """What is refused at some profiles: links, judgements `same` that are overruled (among the links, too), and who is held apart; `cut`:
    there may be more."""

    links: list[RefusedLink]
    overruled: list[Judged]
    distinct: list[Judged]
    cut: bool


class _Places:
    """The places of namespaces, by ids of their identifiers."""

    def __init__(self, places: Mapping[int, int]) -> None:
        self._places = places

    def __getitem__(self, id: int) -> int:
        return self._places[id >> NAMESPACE_SHIFT]


class _Texts:
    """The texts of identifiers, by their ids."""

    def __init__(self, faces: Mapping[int, Face]) -> None:
        self._faces = faces

    def __getitem__(self, id: int) -> str:
        return self._faces[id].identifier.text


def _layer(pair: Pair, ground: Ground) -> int:
    return max(ground.place[pair[0]], ground.place[pair[1]])
