"""Tables filled by hand, as the comments in the schema say, so that reads can be tested on states that are told and not computed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import combinations
from typing import Any

from graph.model import Identifier
from graph.resolve.rules import Rules
from graph.store.ports import NAMESPACE_SHIFT
from graph.store.sqlite.schema import STEPS
from graph.traits.names import tokens
from tests.build import ids, minute

__all__ = ["Tables"]


class Tables:
    """One store in memory. Identifiers are `namespace:value` texts; `at` counts minutes, and each call is a commit of its own."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = rules or Rules.builtin()
        self.conn = sqlite3.connect(":memory:", isolation_level=None)
        for step in STEPS:
            self.conn.executescript(step)
        self._numbers: dict[tuple[str, str], int] = {}
        self._commit = 0

    # ------------------------------------------------------------ writing

    def person(self, *texts: str, kind: str = "person", contested: bool = False) -> int:
        """A profile that holds these identifiers; its number comes back."""
        commit = self._step()
        n = self._insert(
            "INSERT INTO one_id (one_id, made, since, size, counts, kind, contested, updated) VALUES (?, ?, ?, ?, '{}', ?, ?, ?)",
            ("", commit, commit, len(texts), kind, contested, commit),
        )
        self.conn.execute("UPDATE one_id SET one_id = ?, pin = ? WHERE n = ?", (f"one-{n}", self.id(texts[0]) if texts else None, n))
        for text in texts:
            flags = 1 if kind == "shared" else 0
            self.conn.execute("UPDATE identifier SET profile = ?, flags = flags | ? WHERE id = ?", (n, flags, self.id(text)))
        return n

    def retire(self, n: int, leads: int | None) -> None:
        """The OneID names nobody any more; its identifiers stay where they are."""
        self.conn.execute("UPDATE one_id SET size = 0, kind = NULL, leads = ?, retired = ? WHERE n = ?", (leads, self._step(), n))

    def move(self, text: str, n: int | None) -> None:
        self.conn.execute("UPDATE identifier SET profile = ? WHERE id = ?", (n, self.id(text)))

    def mark(self, text: str, flags: int = 0, group: str | None = None) -> None:
        """Flags of an identifier, and whose judged group it is in."""
        group_id = None if group is None else self.id(group)
        self.conn.execute("UPDATE identifier SET flags = ?, grp = ? WHERE id = ?", (flags, group_id, self.id(text)))

    def fragment(
        self,
        source: str,
        record: str,
        *texts: str,
        at: float = 0,
        traits: Mapping[str, Any] | None = None,
        state: int = 0,
        links: bool = True,
    ) -> int:
        """A version of a record; the links of an active one are accepted within a profile, else refused by `limit`."""
        carried = [self.id(text) for text in texts]
        version = self._insert(
            "INSERT INTO version (source, record, state, hash, observed, ids, raw, traits, made) VALUES (?, ?, ?, x'', ?, ?, '[]', ?, ?)",
            (
                self._number("source", source),
                record,
                state,
                minute(at),
                json.dumps(carried),
                None if traits is None else json.dumps(traits, ensure_ascii=False),
                self._step(),
            ),
        )
        if state == 0:
            self.conn.executemany("INSERT INTO carries VALUES (?, ?, ?)", [(one, minute(at), version) for one in carried])
            found = tokens(traits, self.rules.traits.names)
            self.conn.executemany("INSERT INTO name_token VALUES (?, ?)", [(token, version) for token in found])
            for a, b in combinations(sorted(carried), 2) if links else ():
                self._link(a, b, minute(at))
        return version

    def _link(self, a: int, b: int, at: int) -> None:
        self.conn.execute(
            "INSERT INTO link (a, b, n, bare, dirty, first, last, refused, namespace) SELECT ?1, ?2, 1, 1, 0, ?3, ?3,"
            " iif(x.profile IS y.profile, NULL, 'limit'), iif(x.profile IS y.profile, NULL, x.namespace)"
            " FROM identifier x, identifier y WHERE x.id = ?1 AND y.id = ?2"
            " ON CONFLICT (a, b) DO UPDATE SET n = n + 1, bare = bare + 1, first = min(first, ?3), last = max(last, ?3)",
            (a, b, at),
        )

    def bar(
        self,
        a: str,
        b: str,
        rule: str,
        *,
        n: int = 1,
        bare: int | None = None,
        dirty: int = 0,
        score: float | None = None,
        at: float | None = 0,
    ) -> None:
        """A link refused beforehand; unless `bare` says else, all of its `n` fragments have a score if there is one."""
        first, second = sorted((self.id(a), self.id(b)))
        time = None if at is None else minute(at)
        if bare is None:
            bare = n if score is None else 0
        self.conn.execute(
            "INSERT INTO barred (a, b, n, bare, dirty, first, last, score, refused) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (first, second, n, bare, dirty, time, time, score, rule),
        )

    def judge(self, kind: str, a: str, b: str, *, at: float = 0, in_force: bool = True, by: str | None = None, void: bool = False) -> int:
        ends = (None, self.id(b)) if void else (self.id(a), self.id(b))
        return self._insert(
            "INSERT INTO judgement (kind, a, b, raw, at, by, reason, hash, in_force, made) VALUES (?, ?, ?, ?, ?, ?, 'told', ?, ?, ?)",
            (
                kind,
                *ends,
                json.dumps([list(one) for one in ids(a, b)]),
                minute(at),
                by,
                f"{kind}{a}{b}{at}".encode(),
                in_force,
                self._step(),
            ),
        )

    def interact(self, origin: str, target: str, type: str = "like", *, at: float = 0, weight: float = 1.0, source: str = "app") -> int:
        a, b, time = self.id(origin), self.id(target), minute(at)
        number = self._insert(
            "INSERT INTO interaction (source, record, state, hash, type, origin, target, at, weight, raw, made)"
            " VALUES (?, ?, 0, x'', ?, ?, ?, ?, ?, '', ?)",
            (self._number("source", source), f"i{self._commit}", type, a, b, time, weight, self._step()),
        )
        self.conn.execute(
            "INSERT INTO tie VALUES (?1, ?2, ?3, 1, ?4, ?5, ?5) ON CONFLICT DO UPDATE"
            " SET n = n + 1, weight = weight + ?4, first = min(first, ?5), last = max(last, ?5)",
            (a, b, type, weight, time),
        )
        return number

    def change(
        self, n: int, kind: str, *, gained: Sequence[str] = (), lost: Sequence[str] = (), leads: int | None = None, by: str | None = None
    ) -> int:
        commit = self._step(by)
        lists = [json.dumps([self.id(text) for text in texts]) for texts in (gained, lost)]
        return self._insert(
            "INSERT INTO change (made, n, kind, gained, lost, leads, cause_kind, cause) VALUES (?, ?, ?, ?, ?, ?, 'fragment', 7)",
            (commit, n, kind, *lists, leads),
        )

    def update(self, n: int) -> int:
        """The profile's facts change; the commit comes back."""
        commit = self._step()
        self.conn.execute("UPDATE one_id SET updated = ? WHERE n = ?", (commit, n))
        return commit

    # ------------------------------------------------------------ looking

    def id(self, text: str) -> int:
        """The number of an identifier, a new one where it was not known."""
        namespace, value = ids(text)[0]
        no = self._number("namespace", namespace)
        row = self.conn.execute("SELECT id FROM identifier WHERE namespace = ? AND value = ?", (no, value)).fetchone()
        if row:
            return int(row[0])
        count = self.conn.execute("SELECT count(*) FROM identifier WHERE namespace = ?", (no,)).fetchone()[0]
        id = no << NAMESPACE_SHIFT | count + 1
        values = (id, no, value, self._commit, self._commit)
        self.conn.execute("INSERT INTO identifier (id, namespace, value, since, made) VALUES (?, ?, ?, ?, ?)", values)
        return id

    def identifier(self, text: str) -> Identifier:
        return ids(text)[0]

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """The statements run inside."""
        seen: list[str] = []
        self.conn.set_trace_callback(seen.append)
        try:
            yield seen
        finally:
            self.conn.set_trace_callback(None)

    def _number(self, table: str, name: str) -> int:
        key = (table, name)
        if key not in self._numbers:
            self._numbers[key] = self._insert(f"INSERT INTO {table} (name) VALUES (?)", (name,))
        return self._numbers[key]

    def _step(self, by: str | None = None) -> int:
        self._commit = self._insert("INSERT INTO commits (at, kind, by) VALUES (?, 'fragment', ?)", (minute(self._commit + 1), by))
        return self._commit

    def _insert(self, statement: str, values: Sequence[Any]) -> int:
        number = self.conn.execute(statement, values).lastrowid
        assert number is not None
        return number
