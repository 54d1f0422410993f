"""What a step reads under the gate, on the writer's connection."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import orjson

from graph.model import FragmentStatus, Identifier, JudgementKind, Key, ProfileKind, RecordKey, Refusal, Rule
from graph.resolve.links import Tally
from graph.store.ports import NAMESPACE_SHIFT, Content, Head, JudgementRow, Known, LinkRow, Member, OneIdRow, Pair, Pin, Sighting, Summary

__all__ = [
    "ACTIVE",
    "BLOCKED",
    "JUDGEMENT",
    "ONE_ID",
    "STATES",
    "SUPERSEDED",
    "WITHDRAWN",
    "Names",
    "UnderGate",
    "counts_json",
    "judgement_row",
    "listed",
    "one_id_row",
    "status_of",
]

ACTIVE, SUPERSEDED, WITHDRAWN, BLOCKED = 0, 1, 2, 3
STATES = (FragmentStatus.ACTIVE, FragmentStatus.SUPERSEDED, FragmentStatus.WITHDRAWN)
_PLACES = 1 << NAMESPACE_SHIFT
JUDGEMENT = "g.id, g.kind, g.a, g.b, g.at, g.in_force, g.with_a, g.with_b"
ONE_ID = "o.n, o.one_id, o.pin, o.closed, o.leads, o.size, o.counts, o.kind, o.contested, o.aliases, o.asleep"
_LINK = "l.a, l.b, l.n, l.bare, l.dirty, l.first, l.last, l.score, l.refused, l.namespace"
_COUNTS_NOT = "('contradiction', 'score')"


def listed(values: Iterable[Any]) -> str:
    """Values as the JSON list that `json_each(?)` unfolds."""
    return orjson.dumps(list(values)).decode()


class Names:
    """Numbers of namespaces or sources, as this process has read them so far; number n is at place n - 1."""

    def __init__(self, table: str) -> None:
        self._table = table
        self.names: list[str] = []
        self.number: dict[str, int] = {}

    def refresh(self, connection: sqlite3.Connection) -> None:
        for no, name in connection.execute(f"SELECT no, name FROM {self._table} WHERE no > ? ORDER BY no", (len(self.names),)):
            self.names.append(name)
            self.number[name] = no

    def numbers(self, connection: sqlite3.Connection, wanted: Iterable[str]) -> dict[str, int]:
        for name in wanted:
            if name not in self.number:
                self.names.append(name)
                self.number[name] = len(self.names)
                connection.execute(f"INSERT INTO {self._table} VALUES (?, ?)", (len(self.names), name))
        return self.number

    def forget_after(self, count: int) -> None:
        """A step that was undone takes its new names along."""
        for name in self.names[count:]:
            del self.number[name]
        del self.names[count:]


class UnderGate:
    """The reads of `Writing`, without the waiting."""

    def __init__(self, connection: sqlite3.Connection, namespaces: Names, sources: Names) -> None:
        self.connection = connection
        self.namespaces = namespaces
        self.sources = sources

    def answered(self, key: Key) -> tuple[bytes, dict[str, Any]] | None:
        row = self.connection.execute("SELECT hash, result FROM request WHERE scope = ? AND key = ?", key).fetchone()
        return (row[0], orjson.loads(row[1])) if row else None

    def heads(self, asked: Sequence[Content]) -> dict[Content, Head]:
        by_source: dict[str, list[Content]] = defaultdict(list)
        for content in asked:
            by_source[content.key.source].append(content)
        found: dict[Content, Head] = {}
        for name, contents in by_source.items():
            if (source := self.sources.number.get(name)) is None:
                continue
            first = dict(
                self.connection.execute(
                    "SELECT value, (SELECT id FROM version WHERE source = ? AND record = value ORDER BY state LIMIT 1) FROM json_each(?)",
                    (source, listed(c.key.id for c in contents)),
                )
            )
            for content in contents:
                if (version := first[content.key.id]) is not None:
                    found[content] = self._head(source, content, version)
        return found

    def _head(self, source: int, content: Content, version: int) -> Head:
        run, record = self.connection.execute, content.key.id
        equal = run(
            "SELECT state, unlinked FROM version WHERE source = ? AND record = ? AND state IN (0, 1, 2) AND hash = ? LIMIT 1",
            (source, record, content.digest),
        ).fetchone()
        active = self._active(source, record)
        if not active:
            observed, score, ids = run("SELECT observed, score, ids FROM version WHERE id = ?", (version,)).fetchone()
            return Head(None, observed, tuple(orjson.loads(ids)), score, FragmentStatus.WITHDRAWN if equal else None)
        (facts, unlinked), *beside = active
        return Head(
            facts.version,
            facts.observed,
            facts.ids,
            facts.score,
            status_of(*equal) if equal else None,
            unlinked,
            tuple((seen, not marked) for seen, marked in beside),
        )

    def _active(self, source: int | None, record: str) -> list[tuple[Sighting, bool]]:
        """The versions of a record that count, newest first, and whether each was reverted."""
        rows = self.connection.execute(
            "SELECT id, observed, score, ids, unlinked IS NOT NULL FROM version WHERE source = ? AND record = ? AND state = 0",
            (source, record),
        ).fetchall()
        rows.sort(key=lambda row: (-row[1], -row[0]))
        return [(Sighting(row[0], row[1], row[2], tuple(orjson.loads(row[3]))), bool(row[4])) for row in rows]

    def active_version(self, key: RecordKey) -> Sighting | None:
        active = self._active(self.sources.number.get(key.source), key.id)
        return active[0][0] if active else None

    def identifiers(self, asked: Collection[Identifier]) -> dict[Identifier, Known]:
        by_namespace: dict[str, list[str]] = defaultdict(list)
        for namespace, value in asked:
            by_namespace[namespace].append(value)
        found: dict[Identifier, Known] = {}
        for name, values in by_namespace.items():
            if (number := self.namespaces.number.get(name)) is None:
                continue
            rows = self.connection.execute(
                "SELECT i.value, i.id, i.profile, i.flags, i.grp FROM json_each(?) j"
                " CROSS JOIN identifier i ON i.namespace = ? AND i.value = j.value",
                (listed(values), number),
            )
            for value, *known in rows:
                found[Identifier(name, value)] = Known(*known)
        return found

    def faces(self, ids: Collection[int]) -> dict[int, Member | None]:
        rows = self.connection.execute(
            "SELECT i.id, i.value, coalesce(i.profile, 0), i.flags, i.grp FROM json_each(?) j CROSS JOIN identifier i ON i.id = j.value",
            (listed(ids),),
        )
        return {row[0]: Member(*row) for row in rows}

    def changed_since(self, commit: int) -> list[int]:
        rows = self.connection.execute("SELECT n FROM one_id WHERE updated > ? AND size > 0 ORDER BY n", (commit,))
        return [n for (n,) in rows]

    def members(self, profiles: Collection[int]) -> list[Member]:
        rows = self.connection.execute(
            "SELECT i.id, i.value, i.profile, i.flags, i.grp FROM json_each(?) j CROSS JOIN identifier i ON i.profile = j.value",
            (listed(profiles),),
        )
        return [Member(*row) for row in rows]

    def summaries(self, profiles: Collection[int]) -> dict[int, Summary]:
        rows = self.connection.execute(
            "SELECT o.n, o.pin, o.size, o.counts, o.kind, o.contested, o.aliases FROM json_each(?) j CROSS JOIN one_id o ON o.n = j.value",
            (listed(profiles),),
        )
        return {
            n: Summary(
                n, pin, size, {int(no): count for no, count in orjson.loads(counts).items()}, ProfileKind(kind), bool(contested), aliases
            )
            for n, pin, size, counts, kind, contested, aliases in rows
        }

    def links(self, pairs: Collection[Pair]) -> dict[Pair, LinkRow]:
        listing = listed(pairs)
        found: dict[Pair, LinkRow] = {}
        for table in ("link", "barred"):
            rows = self.connection.execute(
                f"SELECT {_LINK} FROM json_each(?) j CROSS JOIN {table} l"
                " ON l.a = json_extract(j.value, '$[0]') AND l.b = json_extract(j.value, '$[1]')",
                (listing,),
            )
            found.update(((row[0], row[1]), self._link(row, barred=table == "barred")) for row in rows)
        return found

    def _link(self, row: tuple[Any, ...], *, barred: bool) -> LinkRow:
        a, b, n, bare, dirty, first, last, score, refused, namespace = row
        refusal = Refusal(Rule(refused), self.namespaces.names[namespace - 1] if namespace else None) if refused else None
        return LinkRow(a, b, Tally(n, bare, dirty, first, last, score), barred, refusal)

    def usable_links(self, ids: Collection[int]) -> list[LinkRow]:
        return self._links_at("link", "link_back", ids, barred=False)

    def barred_links(self, ids: Collection[int]) -> list[LinkRow]:
        return self._links_at("barred", "barred_back", ids, barred=True)

    def _links_at(self, table: str, back: str, ids: Collection[int], *, barred: bool) -> list[LinkRow]:
        wanted, listing = set(ids), listed(ids)
        ahead = self.connection.execute(f"SELECT {_LINK} FROM json_each(?) j CROSS JOIN {table} l ON l.a = j.value", (listing,))
        rows = [self._link(row, barred=barred) for row in ahead]
        behind = self.connection.execute(
            f"SELECT {_LINK} FROM json_each(?) j CROSS JOIN {table} l INDEXED BY {back} ON l.b = j.value", (listing,)
        )
        rows += [self._link(row, barred=barred) for row in behind if row[0] not in wanted]
        return rows

    def degrees(self, asked: Collection[Pair], bound: int) -> dict[Pair, tuple[int, int]]:
        return {(identifier, namespace): self._degree(identifier, namespace, bound) for identifier, namespace in asked}

    def _degree(self, identifier: int, namespace: int, bound: int) -> tuple[int, int]:
        low = namespace << NAMESPACE_SHIFT
        limit = bound + 1
        while True:
            far = self.connection.execute(
                "SELECT coalesce(i.grp, far) FROM ("
                "  SELECT b AS far FROM link WHERE a = :x AND b >= :low AND b < :high"
                "  UNION ALL SELECT a FROM link INDEXED BY link_back WHERE b = :x AND a >= :low AND a < :high"
                f"  UNION ALL SELECT b FROM barred WHERE a = :x AND b >= :low AND b < :high AND refused NOT IN {_COUNTS_NOT}"
                "  UNION ALL SELECT a FROM barred INDEXED BY barred_back"
                f"   WHERE b = :x AND a >= :low AND a < :high AND refused NOT IN {_COUNTS_NOT}"
                "  LIMIT :limit) LEFT JOIN identifier i ON i.id = far",
                {"x": identifier, "low": low, "high": low + _PLACES, "limit": limit},
            ).fetchall()
            groups = len(set(far))
            if groups > bound or len(far) < limit:
                return groups, len(far)
            limit *= 2

    def total_degrees(self, ids: Collection[int], bound: int) -> dict[int, int]:
        statement = (
            "SELECT count(*) FROM (SELECT 1 FROM link WHERE a = :x UNION ALL SELECT 1 FROM link INDEXED BY link_back WHERE b = :x"
            " UNION ALL SELECT 1 FROM barred WHERE a = :x UNION ALL SELECT 1 FROM barred INDEXED BY barred_back WHERE b = :x LIMIT :limit)"
        )
        run = self.connection.execute
        return {x: run(statement, {"x": x, "limit": bound + 1}).fetchone()[0] for x in ids}

    def rays(self, hubs: Collection[Pair], *, barred: bool) -> dict[Pair, list[LinkRow]]:
        table, back = ("barred", "barred_back") if barred else ("link", "link_back")
        only = " AND l.refused = 'max_identifiers'" if barred else ""
        found: dict[Pair, list[LinkRow]] = {}
        for hub, namespace in hubs:
            low = namespace << NAMESPACE_SHIFT
            near = (hub, low, low + _PLACES)
            rows = self.connection.execute(f"SELECT {_LINK} FROM {table} l WHERE l.a = ? AND l.b >= ? AND l.b < ?{only}", near).fetchall()
            rows += self.connection.execute(
                f"SELECT {_LINK} FROM {table} l INDEXED BY {back} WHERE l.b = ? AND l.a >= ? AND l.a < ?{only}", near
            ).fetchall()
            found[hub, namespace] = [self._link(row, barred=barred) for row in rows]
        return found

    def sightings(self, pairs: Collection[Pair]) -> dict[Pair, list[Sighting]]:
        statement = (
            "SELECT v.id, v.observed, v.score, v.ids FROM carries x"
            " CROSS JOIN carries y ON y.identifier = ? AND y.observed = x.observed AND y.version = x.version"
            " CROSS JOIN version v ON v.id = x.version AND v.unlinked IS NULL WHERE x.identifier = ?"
        )
        return {pair: self._sightings(self.connection.execute(statement, pair)) for pair in pairs}

    def carrying_several(self, ids: Collection[int]) -> list[Sighting]:
        return self._sightings(
            self.connection.execute(
                "SELECT v.id, v.observed, v.score, v.ids FROM (SELECT c.version FROM json_each(?) j CROSS JOIN carries c"
                " ON c.identifier = j.value GROUP BY c.version HAVING count(*) > 1) s"
                " CROSS JOIN version v ON v.id = s.version AND v.unlinked IS NULL",
                (listed(ids),),
            )
        )

    @staticmethod
    def _sightings(rows: Iterable[tuple[int, int, float | None, str]]) -> list[Sighting]:
        return [Sighting(version, observed, score, tuple(orjson.loads(ids))) for version, observed, score, ids in rows]

    def judgements(self, ids: Collection[int]) -> list[JudgementRow]:
        listing = listed(ids)
        found: dict[int, JudgementRow] = {}
        for joined in (
            "judgement g ON g.a = j.value AND g.ended IS NULL",
            "judgement g ON g.b = j.value AND g.ended IS NULL",
            "judgement_end e ON e.identifier = j.value CROSS JOIN judgement g ON g.id = e.judgement",
        ):
            rows = self.connection.execute(
                f"SELECT {JUDGEMENT} FROM json_each(?) j CROSS JOIN {joined} WHERE g.a IS NOT NULL AND g.b IS NOT NULL", (listing,)
            )
            found.update((row[0], judgement_row(row)) for row in rows)
        return list(found.values())

    def judgement_digests(self, digests: Collection[bytes]) -> set[bytes]:
        run = self.connection.execute
        return {d for d in digests if run("SELECT 1 FROM judgement WHERE hash = ?", (d,)).fetchone()}

    def pins(self, ids: Collection[int]) -> list[Pin]:
        rows = self.connection.execute(
            "SELECT o.n, o.pin, o.size, o.leads FROM json_each(?) j CROSS JOIN one_id o INDEXED BY one_id_pin ON o.pin = j.value",
            (listed(ids),),
        )
        return [Pin(*row) for row in rows]

    def one_ids(self, ids: Collection[int]) -> dict[int, str]:
        rows = self.connection.execute(
            "SELECT i.id, o.one_id FROM json_each(?) j CROSS JOIN identifier i ON i.id = j.value CROSS JOIN one_id o ON o.n = i.profile",
            (listed(ids),),
        )
        return dict(rows)

    def one_id_rows(self, numbers: Collection[int], texts: Collection[str]) -> list[OneIdRow]:
        found = []
        for column, wanted in (("n", numbers), ("one_id", texts)):
            if wanted:
                rows = self.connection.execute(
                    f"SELECT {ONE_ID} FROM json_each(?) j CROSS JOIN one_id o ON o.{column} = j.value", (listed(wanted),)
                )
                found += [one_id_row(row) for row in rows]
        return found

    def unmentioned(self, ids: Collection[int]) -> set[int]:
        rows = self.connection.execute(
            "SELECT j.value FROM json_each(?) j WHERE NOT EXISTS (SELECT 1 FROM carries WHERE identifier = j.value)"
            " AND NOT EXISTS (SELECT 1 FROM judgement WHERE a = j.value AND ended IS NULL)"
            " AND NOT EXISTS (SELECT 1 FROM judgement WHERE b = j.value AND ended IS NULL)"
            " AND NOT EXISTS (SELECT 1 FROM judgement_end WHERE identifier = j.value)"
            " AND NOT EXISTS (SELECT 1 FROM tie WHERE origin = j.value)"
            " AND NOT EXISTS (SELECT 1 FROM tie WHERE target = j.value)",
            (listed(ids),),
        )
        return {row[0] for row in rows}


def status_of(state: int, unlinked: int | None) -> FragmentStatus:
    """What a version is to its readers."""
    return FragmentStatus.UNLINKED if state == ACTIVE and unlinked is not None else STATES[state]


def one_id_row(row: tuple[Any, ...]) -> OneIdRow:
    """A OneID from the columns of `ONE_ID`."""
    n, one_id, pin, closed, leads, size, counts, kind, contested, aliases, asleep = row
    by_number = {int(no): count for no, count in orjson.loads(counts).items()} if counts else None
    return OneIdRow(n, one_id, pin, closed, leads, size, by_number, kind, bool(contested), aliases, asleep)


def judgement_row(row: tuple[Any, ...]) -> JudgementRow:
    """A judgement from the columns of `JUDGEMENT`."""
    n, kind, a, b, at, used, *beside = row
    return JudgementRow(n, JudgementKind(kind), a, b, at, bool(used), *(tuple(orjson.loads(side)) if side else () for side in beside))


def counts_json(counts: Mapping[int, int]) -> str:
    """Counts by namespace number as the summary keeps them."""
    return orjson.dumps({str(no): n for no, n in sorted(counts.items())}).decode()
