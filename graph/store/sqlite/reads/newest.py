"""The newest versions of profiles, out of the ordered ranges that their members' versions are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Final

import orjson

from graph.model import Instant, RecordKey
from graph.store.reading.pages import LAST
from graph.store.reading.rows import STATES, Newest, Version
from graph.store.sqlite.reads.asking import Asking, numbers, numbers_of
from graph.views import ProfileView

__all__ = ["ANY", "FEW", "TOLD", "newest", "newest_by_shares", "newest_told", "versions"]


_VERSIONS: Final = """
SELECT v.id, s.name, v.record, v.observed, c.at, iif(v.state = 0 AND v.unlinked, 3, v.state), v.ids, v.traits
FROM json_each(?) j CROSS JOIN version v ON v.id = j.value {told} JOIN source s ON s.no = v.source JOIN commits c ON c.n = v.made
"""


def versions(asking: Asking, ids: Iterable[int], *, told: bool = False) -> list[Version]:
    """Versions by number; `told`: those with traits."""
    statement = _VERSIONS.format(told="AND v.traits IS NOT NULL" if told else "")
    return [
        Version(id, RecordKey(source, record), observed, recorded, STATES[state], tuple(orjson.loads(carried)), traits)
        for id, source, record, observed, recorded, state, carried, traits in asking.rows(statement, numbers(ids))
    ]


# nearly always all members together carry few versions, and one plain join reads them
_ALL: Final = """
SELECT m.profile, k.observed, k.version FROM json_each(?1) p CROSS JOIN identifier m ON m.profile = p.value
CROSS JOIN carries k ON k.identifier = m.id AND (k.observed, k.version) < (?2, ?3) LIMIT ?4
"""
_NEWEST: Final = """
SELECT m.profile, m.id, (SELECT json_group_array(json_array(observed, version)) FROM (
    SELECT k.observed, k.version FROM {carries} WHERE k.identifier = m.id AND (k.observed, k.version) < (?2, ?3)
    ORDER BY k.observed DESC, k.version DESC LIMIT ?4
)) FROM json_each(?1) p CROSS JOIN identifier m ON m.profile = p.value
"""
_OLDER: Final = """
SELECT json_extract(m.value, '$[0]'), json_extract(m.value, '$[1]'), (SELECT json_group_array(json_array(observed, version)) FROM (
    SELECT k.observed, k.version FROM {carries} WHERE k.identifier = json_extract(m.value, '$[1]')
        AND (k.observed, k.version) < (json_extract(m.value, '$[2]'), json_extract(m.value, '$[3]'))
        AND (k.observed, k.version) > (json_extract(m.value, '$[4]'), json_extract(m.value, '$[5]'))
    ORDER BY k.observed DESC, k.version DESC LIMIT ?2
)) FROM json_each(?1) m
"""
ANY: Final = "carries k"
TOLD: Final = """
(SELECT * FROM carries WHERE identifier = {member} ORDER BY observed DESC, version DESC LIMIT 100000) k
CROSS JOIN version v ON v.id = k.version AND v.traits IS NOT NULL
"""
"""Where versions of a member are looked for: among all, or those with traits among its newest 100,000."""


def newest(asking: Asking, views: Sequence[ProfileView], most: int, after: tuple[Instant, int]) -> dict[int, Newest]:
    """By profile the newest `most` active versions that any member carries, after a key."""
    rows = asking.few(_ALL, most * len(views), numbers_of(views), *after)
    if rows is None:
        return newest_by_shares(asking, views, most, after, ANY)
    keys = _keys(views, rows)
    return {n: Newest(some[:most], len(some) >= most) for n, some in keys.items()}


FEW: Final = 20_000


def newest_told(asking: Asking, views: Sequence[ProfileView], most: int) -> tuple[dict[int, list[int]], dict[int, Version]]:
    """By profile the newest `most` active versions with traits that any member carries, newest first; and these versions."""
    rows = asking.few(_ALL, FEW, numbers_of(views), LAST, LAST)
    if rows is None:
        met = newest_by_shares(asking, views, most, (LAST, LAST), TOLD)
        keys = {n: some.keys for n, some in met.items()}
    else:
        keys = _keys(views, rows)
    found = {version.id: version for version in versions(asking, {id for some in keys.values() for _, id in some}, told=True)}
    return {n: [id for _, id in some if id in found][:most] for n, some in keys.items()}, found


def _keys(views: Sequence[ProfileView], rows: Iterable[tuple[int, Instant, int]]) -> dict[int, list[tuple[Instant, int]]]:
    """By profile the keys of its versions, each once, newest first."""
    keys: dict[int, set[tuple[Instant, int]]] = {view.n: set() for view in views}
    for n, observed, version in rows:
        keys[n].add((observed, version))
    return {n: sorted(some, reverse=True) for n, some in keys.items()}


def newest_by_shares(
    asking: Asking, views: Sequence[ProfileView], most: int, after: tuple[Instant, int], carries: str
) -> dict[int, Newest]:
    """The newest of large profiles, from the ordered range that each member's versions are.

    Two rounds: a share of `most` from every member, then, of the members whose share was not all, what is newer than the `most`th
    version met. So 1,000 members cost little more than 10.
    """
    share = min(most, max(1, max(2_000, 4 * most) // max(view.size for view in views)))
    met: dict[int, dict[int, list[tuple[Instant, int]]]] = {view.n: {} for view in views}
    for n, member, held in asking.rows(_NEWEST.format(carries=carries.format(member="m.id")), numbers(met), *after, share):
        met[n][member] = [(observed, version) for observed, version in orjson.loads(held)]
    found, rest = {}, []
    for n, ranges in met.items():
        keys = sorted({key for held in ranges.values() for key in held}, reverse=True)
        floor = keys[most - 1] if len(keys) >= most else (-LAST, -LAST)
        found[n] = keys
        rest += [
            (n, member, *min(held), *floor) for member, held in ranges.items() if share < most and len(held) == share and min(held) > floor
        ]
    if rest:
        for n, _, held in asking.rows(
            _OLDER.format(carries=carries.format(member="json_extract(m.value, '$[1]')")), json.dumps(rest), most
        ):
            found[n].extend((observed, version) for observed, version in orjson.loads(held))
        for n in {n for n, *_ in rest}:
            found[n] = sorted(set(found[n]), reverse=True)
    return {n: Newest(keys[:most], len(keys) >= most) for n, keys in found.items()}
