"""What a read of the past has fetched, in tables in memory like those of an embedded store, so that the same statements read it."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any

import orjson

from graph.store.past.history import Acted, Lived, Named, Said, Was
from graph.store.ports import NAMESPACE_SHIFT
from graph.store.sqlite.schema import STEPS

__all__ = ["Memory"]

_ACTIVE, _SUPERSEDED, _WITHDRAWN = 0, 1, 2


class Memory:
    """Tables as of a commit. What is put twice stands once."""

    def __init__(self, namespaces: Iterable[tuple[int, str]]) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.connection.deserialize(_empty())
        self._number = {name: no for no, name in namespaces}
        self._put("namespace (no, name)", [(no, name) for name, no in self._number.items()])
        self._sources: dict[str, int] = {}

    def close(self) -> None:
        self.connection.close()

    def _put(self, columns: str, rows: Sequence[Sequence[Any]], *, anew: bool = False) -> None:
        """Put rows into a table, named with its columns; a row that is there stays, unless it is put `anew`."""
        if rows:
            verb = "REPLACE" if anew else "INSERT OR IGNORE"
            places = ", ".join("?" * len(rows[0]))
            self.connection.executemany(f"{verb} INTO {columns} VALUES ({places})", rows)

    def _source(self, name: str) -> int:
        if name not in self._sources:
            self._sources[name] = len(self._sources) + 1
            self._put("source (no, name)", [(self._sources[name], name)])
        return self._sources[name]

    def commits(self, times: Iterable[tuple[int, int]]) -> None:
        self._put("commits (n, at, kind)", [(n, at, "") for n, at in times])

    # ------------------------------------------------------------ identity

    def identifiers(self, found: Iterable[Was]) -> None:
        rows = [(w.id, w.id >> NAMESPACE_SHIFT, w.identifier.value, w.profile, 0, int(w.shared), w.group, w.made) for w in found]
        self._put("identifier (id, namespace, value, profile, since, flags, grp, made)", rows)

    def one_ids(self, found: Iterable[tuple[Named, int, str | None]]) -> None:
        """OneIDs, each with the size and the kind of the profile that it names."""
        rows = [
            (o.n, o.one_id, o.made, 0, None if o.leads == o.n else o.leads, size, kind, o.changed, o.retired) for o, size, kind in found
        ]
        self._put("one_id (n, one_id, made, since, leads, size, kind, updated, retired)", rows)

    def dated(self, updated: Iterable[tuple[int, int]]) -> None:
        """OneIDs with the commit of their last update."""
        self.connection.executemany("UPDATE one_id SET updated = ? WHERE n = ?", [(commit, n) for n, commit in updated])

    # ------------------------------------------------------------ evidence

    def versions(self, found: Collection[Lived], commit: int) -> None:
        """Versions as they stood at a commit, with what the active ones carry."""
        self.commits({version.made: version.recorded for version in found}.items())
        self._put(
            "version (id, source, record, state, hash, observed, score, ids, raw, traits, made, unlinked)",
            [
                (
                    v.id,
                    self._source(v.key.source),
                    v.key.id,
                    _state(v, commit),
                    b"",
                    v.observed,
                    v.score,
                    str(list(v.ids)),
                    "[]",
                    v.traits,
                    v.made,
                    None if v.links(commit) else commit,
                )
                for v in found
            ],
        )
        self._put("carries (identifier, observed, version)", [(i, v.observed, v.id) for v in found if v.counts(commit) for i in v.ids])

    def links(self, rows: Iterable[Sequence[Any]]) -> None:
        """Links as a, b, n, bare, dirty, first, last, score, barred, rule, namespace."""
        columns = "(a, b, n, bare, dirty, first, last, score, refused, namespace)"
        by_table: dict[str, list[Sequence[Any]]] = {"link": [], "barred": []}
        for *told, barred, rule, namespace in rows:
            by_table["barred" if barred else "link"].append((*told, rule, None if namespace is None else self._number[namespace]))
        for table, listed in by_table.items():
            self._put(f"{table} {columns}", listed, anew=True)

    def judgements(self, found: Collection[Said], commit: int) -> None:
        """Judgements as they stood at a commit, with the further ends of those that were live."""
        self._put(
            "judgement (id, kind, a, b, raw, at, by, reason, hash, in_force, made, ended, with_a, with_b)",
            [
                (
                    s.id,
                    s.kind,
                    s.a,
                    s.b,
                    orjson.dumps([list(one) for one in s.raw]).decode(),
                    s.at,
                    s.by,
                    s.reason,
                    s.id.to_bytes(8, "big"),
                    s.in_force,
                    s.made,
                    None if s.live(commit) else commit,
                    str(list(s.with_a)) if s.with_a else None,
                    str(list(s.with_b)) if s.with_b else None,
                )
                for s in found
            ],
        )
        further = [(end, s.id) for s in found if s.live(commit) for end in (*s.with_a, *s.with_b)]
        self._put("judgement_end (identifier, judgement)", further)

    def interactions(self, found: Collection[Acted]) -> None:
        """Interactions that counted; all of a pair at once, or none."""
        self._put(
            "interaction (id, source, record, state, hash, type, origin, target, at, weight, raw, made)",
            [(a.id, self._source(a.source), "", _ACTIVE, b"", a.type, a.origin, a.target, a.at, a.weight, "[]", 0) for a in found],
        )
        self._put("tie (origin, target, type, n, weight, first, last)", list(_ties(found)))


def _state(version: Lived, commit: int) -> int:
    if version.counts(commit):
        return _ACTIVE
    again = any(since > commit for since, _ in version.spans)
    withdrawn = version.withdrawn and (version.alone or 0) <= commit
    return _WITHDRAWN if withdrawn and not again else _SUPERSEDED


def _ties(found: Iterable[Acted]) -> Iterable[tuple[Any, ...]]:
    """Interactions summed by pair and type, in the order in which they came."""
    sums: dict[tuple[int, int, str], list[Any]] = {}
    for one in sorted(found):
        tie = sums.setdefault((one.origin, one.target, one.type), [0, 0.0, one.at, one.at])
        tie[:] = (tie[0] + 1, tie[1] + one.weight, min(tie[2], one.at), max(tie[3], one.at))
    return ((*key, *tie) for key, tie in sums.items())


@cache
def _empty() -> bytes:
    """An embedded store that holds nothing."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for step in STEPS:
            connection.executescript(step)
        return bytes(connection.serialize())
    finally:
        connection.close()
