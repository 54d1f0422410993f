"""Evidence of the embedded store read anew by other rules: what was sent, page by page, and what it names from now on."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

import orjson

from graph.model import Identifier
from graph.store.ports import AsSent, Reread, RereadInteraction, RereadJudgement, RereadVersion, SentKind
from graph.store.sqlite.interactions import Interactions

__all__ = ["Rereadings", "further_ends", "further_text", "identifiers_of"]

_AS_SENT: Final[dict[SentKind, str]] = {
    "fragments": "SELECT id, raw, iif(state = 0, traits, NULL), NULL FROM version WHERE id > ? ORDER BY id LIMIT ?",
    "judgements": "SELECT id, raw, NULL, further FROM judgement WHERE id > ? ORDER BY id LIMIT ?",
    "interactions": "SELECT id, raw, NULL, NULL FROM interaction WHERE id > ? AND state IN (0, 3) ORDER BY id LIMIT ?",
}


class Rereadings:
    """For the step with this commit number."""

    def __init__(self, connection: sqlite3.Connection, commit: int) -> None:
        self.connection = connection
        self.commit = commit

    def as_sent(self, kind: SentKind, after: int, most: int) -> list[AsSent]:
        found = []
        for id, raw, traits, further in self.connection.execute(_AS_SENT[kind], (after, most)):
            a, b = further_ends(further)
            found.append(AsSent(id, (*identifiers_of(raw), *a, *b), None if traits is None else orjson.loads(traits)))
        return found

    def reread(self, reread: Reread, interactions: Interactions) -> set[int]:
        for version in reread.versions:
            self._version(version)
        for judgement in reread.judgements:
            self._judgement(judgement)
        return {end for one in reread.interactions for end in self._interaction(one, interactions)}

    def _version(self, row: RereadVersion) -> None:
        run, many = self.connection.execute, self.connection.executemany
        blocked = orjson.dumps([list(one) for one in row.blocked]).decode() if row.blocked else None
        if row.ids != row.was:
            run("INSERT INTO ids_ended (version, ended, ids) VALUES (?, ?, ?)", (row.id, self.commit, str(list(row.was))))
            gone, new = (sorted(set(one).difference(other)) for one, other in ((row.was, row.ids), (row.ids, row.was)))
            if row.active:
                many(
                    "DELETE FROM carries WHERE identifier = ? AND observed = ? AND version = ?", [(at, row.observed, row.id) for at in gone]
                )
                many("INSERT INTO carries (identifier, observed, version) VALUES (?, ?, ?)", [(at, row.observed, row.id) for at in new])
            once = gone if row.active else new
            many(
                "INSERT OR IGNORE INTO carries_ended (identifier, version, ended) VALUES (?, ?, ?)",
                [(at, row.id, self.commit) for at in once],
            )
        run("UPDATE version SET ids = ?, blocked = ? WHERE id = ?", (str(list(row.ids)), blocked, row.id))
        many("DELETE FROM name_token WHERE token = ? AND version = ?", [(token, row.id) for token in row.tokens_gone])
        many("INSERT OR IGNORE INTO name_token (token, version) VALUES (?, ?)", [(token, row.id) for token in row.tokens_new])

    def _judgement(self, reread: RereadJudgement) -> None:
        run, many = self.connection.execute, self.connection.executemany
        was, commit = reread.row, self.commit
        beside = [_further(side) for side in (was.with_a, was.with_b)]
        run("INSERT INTO ends_ended VALUES (?, ?, ?, ?, ?, ?)", (was.id, commit, was.a, was.b, *beside))
        ends = [side[0] if side else None for side in (reread.left, reread.right)]
        now = [_further(side[1:]) for side in (reread.left, reread.right)]
        if None in ends and was.in_force:
            run("INSERT OR IGNORE INTO force_ended (judgement, ended, in_force) VALUES (?, ?, 1)", (was.id, commit))
        run(
            "UPDATE judgement SET a = ?, b = ?, with_a = ?, with_b = ?, in_force = in_force AND ? WHERE id = ?",
            (*ends, *now, None not in ends, was.id),
        )
        pairs = [(at, was.id) for at in sorted({*was.ends})]
        many("INSERT OR IGNORE INTO judgement_end_ended (identifier, judgement) VALUES (?, ?)", pairs)
        if reread.live:
            run("DELETE FROM judgement_end WHERE judgement = ?", (was.id,))
            rows = [(at, was.id) for at in sorted({*reread.left[1:], *reread.right[1:]})]
            many("INSERT INTO judgement_end (identifier, judgement) VALUES (?, ?)", rows)
        else:
            rows = [(at, was.id) for at in sorted({*reread.left, *reread.right})]
            many("INSERT OR IGNORE INTO judgement_end_ended (identifier, judgement) VALUES (?, ?)", rows)

    def _interaction(self, row: RereadInteraction, interactions: Interactions) -> Sequence[int]:
        """The ends that it has now, if it counts."""
        if row.origin is None or row.target is None:
            interactions.block(row.id)
            return ()
        return (row.origin, row.target) if interactions.turn(row.id, row.origin, row.target) else ()


def identifiers_of(raw: str) -> tuple[Identifier, ...]:
    return tuple(Identifier(*one) for one in orjson.loads(raw))


def further_text(with_a: Sequence[Identifier], with_b: Sequence[Identifier]) -> str | None:
    """The further ends of both sides as sent, as they are kept."""
    return orjson.dumps([[list(one) for one in side] for side in (with_a, with_b)]).decode() if with_a or with_b else None


def _further(ids: Sequence[int]) -> str | None:
    return str(list(ids)) if ids else None


def further_ends(kept: str | None) -> tuple[tuple[Identifier, ...], tuple[Identifier, ...]]:
    """The further ends of both sides as sent, from what is kept."""
    if kept is None:
        return (), ()
    a, b = (tuple(Identifier(*one) for one in side) for side in orjson.loads(kept))
    return a, b
