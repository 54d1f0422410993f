"""What a step writes under the gate: evidence first, then links, then who people are.

A write is kept with its arguments (`kept`), so that it can be done again in another transaction; it must depend on nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import orjson

from graph.model import FragmentStatus, Identifier, Judgement, Key, RecordKey
from graph.resolve.rules import Rules
from graph.store.in_force import Ruled
from graph.store.neo4j import cypher
from graph.store.neo4j.counters import Counters, Names
from graph.store.neo4j.rows import STATES, SUPERSEDED, WITHDRAWN, link_columns, summary_columns
from graph.store.neo4j.schema import label_of
from graph.store.neo4j.under_gate import UnderGate
from graph.store.past.history import links_ended
from graph.store.ports import NAMESPACE_SHIFT, SHARED, ChangeRow, Delta, LinkRow, Member, NewVersion, Pair
from graph.traits.names import tokens

__all__ = ["Writes", "kept"]

P = ParamSpec("P")
W = TypeVar("W", bound="Writes")


def kept(write: Callable[Concatenate[W, P], Coroutine[Any, Any, None]]) -> Callable[Concatenate[W, P], Coroutine[Any, Any, None]]:
    """Keep each call of this write in the step's log."""

    @wraps(write)
    async def run(self: W, /, *args: P.args, **kwargs: P.kwargs) -> None:
        self.log.append((write, args, kwargs))
        await write(self, *args, **kwargs)

    return run


class Writes(UnderGate):
    """The writes of `Writing`; a bounded number of statements each, none where there is nothing to write."""

    by: str | None
    counters: Counters
    names: Names
    ruled: Ruled
    """The rules in force: those that the step began with, or has written since."""

    def __init__(self) -> None:
        self.log: list[tuple[Callable[..., Coroutine[Any, Any, None]], tuple[Any, ...], dict[str, Any]]] = []
        self.announced: dict[int, str] = {}
        """New identifiers that are not on record yet: the first write of the step puts them there, since others name them."""
        self._told: set[Pair] = set()
        """Links that are new in this step, or whose state before it is on record."""

    @property
    def commit(self) -> int:
        return self.counters.commit

    @property
    def rules(self) -> Rules:
        return self.ruled.rules

    @property
    def rules_version(self) -> int:
        return self.ruled.version

    async def write_again(self, ruled: Ruled) -> None:
        """Everything this step wrote, in a new transaction; `ruled`: the rules that it began with."""
        self.ruled = ruled
        for write, args, kwargs in self.log:
            await write(self, *args, **kwargs)

    async def _rows(self, statement: str, rows: Iterable[Sequence[Any]], **values: Any) -> None:
        listed = [list(row) for row in rows]
        if listed:
            await self.post(statement, rows=listed, **values)

    async def _meet_announced(self) -> None:
        if self.announced:
            fresh, self.announced = self.announced, {}
            await self._new_identifiers(fresh)

    @kept
    async def _new_identifiers(self, fresh: Mapping[int, str]) -> None:
        names = self.names.names
        rows = ((names[(at >> NAMESPACE_SHIFT) - 1], at, value) for at, value in fresh.items())
        made = await self.ask(
            cypher.NEW_IDENTIFIERS, rows=[[label_of(name), at, name, value] for name, at, value in rows], commit=self.commit
        )
        self.elements.update(made)

    @kept
    async def new_namespaces(self, names: Sequence[str]) -> None:
        """Names not known so far get the next numbers."""
        first = self.names.mark() + 1
        self.names.learn(names)
        await self._rows(cypher.NEW_NAMESPACES, enumerate(names, first))

    async def write_rules(self, rules: Rules) -> int:
        ruled = Ruled(self.ruled.version + 1, rules)
        await self._write_rules(ruled, self.by)
        return ruled.version

    @kept
    async def _write_rules(self, ruled: Ruled, by: str | None) -> None:
        await self.post(cypher.NEW_RULES, version=ruled.version, toml=ruled.rules.toml, by=by, commit=self.commit)
        self.ruled = ruled

    @kept
    async def answer(self, key: Key, digest: bytes, result: dict[str, Any]) -> None:
        text = orjson.dumps(result).decode()
        await self.post(cypher.ANSWER, scope=key.scope, key=key.key, hash=digest.hex(), result=text, at=self.counters.at)

    # ---------------------------------------------------------------- evidence

    async def write_versions(self, versions: Sequence[NewVersion]) -> None:
        await self._meet_announced()
        back = {v.fragment.key for v in versions if v.state is FragmentStatus.ACTIVE} & self.withdrawn
        self.withdrawn -= back
        await self._write_versions(versions, sorted(back))

    @kept
    async def _write_versions(self, versions: Sequence[NewVersion], back: Sequence[RecordKey]) -> None:
        await self._rows(cypher.YIELD_HEADS, back)
        await self._end_versions([old for v in versions for old in v.replaces], SUPERSEDED)
        element = await self.elements_of(at for v in versions for at in v.ids)
        self.post_evidence(cypher.NEW_VERSIONS, rows=[_version(v, self.commit, element) for v in versions], commit=self.commit)
        never = [[v.id, [element[at] for at in v.ids]] for v in versions if v.state is not FragmentStatus.ACTIVE and v.ids]
        if never:
            self.post_evidence(cypher.NEVER_CARRIED, rows=never, commit=self.commit)
        found = [[token, v.id] for v in versions for token in sorted(v.tokens)]
        if found:
            self.post_evidence(cypher.NEW_TOKENS, rows=found)

    async def _end_versions(self, versions: Sequence[int], state: int, *, head: bool | None = None) -> None:
        """These active versions no longer count; what they carried moves to the history."""
        if not versions:
            return
        told = await self.ask(cypher.END_VERSIONS, ids=versions, state=state, head=head, commit=self.commit)
        await self.post(cypher.END_CARRIES, ids=versions, commit=self.commit)
        names = self.rules.traits.names
        gone = ((token, version) for version, traits in told if traits is not None for token in tokens(orjson.loads(traits), names))
        await self._rows(cypher.END_TOKENS, gone)

    @kept
    async def withdraw_versions(self, versions: Sequence[int]) -> None:
        await self._end_versions(versions[1:], WITHDRAWN, head=None)
        await self._end_versions(versions[:1], WITHDRAWN, head=True)

    async def write_judgement(
        self, judgement: Judgement, digest: bytes, left: Sequence[int], right: Sequence[int], decision: int | None = None
    ) -> int:
        self.counters.judgement += 1
        await self._meet_announced()
        await self._write_judgement(self.counters.judgement, judgement, digest, left, right, decision)
        return self.counters.judgement

    @kept
    async def _write_judgement(
        self, number: int, judgement: Judgement, digest: bytes, left: Sequence[int], right: Sequence[int], decision: int | None
    ) -> None:
        await self.post(
            cypher.NEW_JUDGEMENT,
            id=number,
            kind=judgement.kind.value,
            a=left[0] if left else None,
            b=right[0] if right else None,
            with_a=list(left[1:]) or None,
            with_b=list(right[1:]) or None,
            further_a=[one.text for one in judgement.with_a] or None,
            further_b=[one.text for one in judgement.with_b] or None,
            decision=decision,
            raw=[judgement.a.text, judgement.b.text],
            at=judgement.at,
            by=judgement.by,
            reason=judgement.reason,
            hash=digest.hex(),
            in_force=bool(left and right),
            ends=sorted({*left, *right}),
            commit=self.commit,
        )

    @kept
    async def set_in_force(self, changed: Sequence[tuple[int, bool]]) -> None:
        await self._rows(cypher.IN_FORCE, changed, commit=self.commit)

    # ---------------------------------------------------------------- links

    async def write_links(self, rows: Sequence[LinkRow], gone: Sequence[Pair], before: Mapping[Pair, LinkRow]) -> None:
        await self._meet_announced()
        new: dict[bool, list[tuple[Any, ...]]] = {False: [], True: []}
        seen: list[tuple[Any, ...]] = []
        changed: list[tuple[Any, ...]] = []
        left = list(gone)
        for row in rows:
            earlier, columns = before.get((row.a, row.b)), link_columns(row)
            if earlier is not None and earlier.barred == row.barred:
                n, bare, dirty, first, last, *rest = columns
                if [dirty, *rest] == [link_columns(earlier)[place] for place in (2, 5, 6, 7)]:
                    seen.append((row.a, row.b, n, bare, first, last))
                else:
                    changed.append((row.a, row.b, *columns))
                continue
            if earlier is not None:
                left.append((row.a, row.b))
            new[row.barred].append((row.a, row.b, *columns))
        refused = {pair for pair, row in before.items() if row.refused is not None}
        held = [(row.a, row.b) for row in rows if not row.barred and (row.refused is not None or (row.a, row.b) in refused)]
        ended = [(row.a, row.b, row.barred, *link_columns(row)[6:]) for row in links_ended(rows, gone, before, self._told)]
        await self._write_links(left, new[False], new[True], seen, changed, held, ended)

    @kept
    async def _write_links(
        self,
        left: Sequence[Any],
        new: Sequence[Any],
        barred: Sequence[Any],
        seen: Sequence[Any],
        changed: Sequence[Any],
        held: Sequence[Any],
        ended: Sequence[Any],
    ) -> None:
        unread = [(a, b) for a, b, *_ in seen if (a, b) not in self.link_elements]
        if unread:
            await self.links(unread)
        if seen:
            columns_of = {self.link_elements[a, b]: columns for a, b, *columns in seen}
            await self.post(cypher.LINKS_SEEN, ids=list(columns_of), columns=columns_of)
        element = await self.elements_of(at for a, b, *_ in ended for at in (a, b))
        await self._rows(cypher.LINKS_ENDED, ((element[a], element[b], *columns) for a, b, *columns in ended), commit=self.commit)
        for a, b, *_ in left:
            self.link_elements.pop((a, b), None)
        lists = (left, new, barred, changed, held)
        element = await self.elements_of(at for rows in lists for a, b, *_ in rows for at in (a, b))
        statements = (cypher.LINKS_GONE, cypher.NEW_LINKS, cypher.NEW_BARRED, cypher.LINKS_CHANGED, cypher.LINKS_HELD)
        for statement, rows in zip(statements, lists, strict=True):
            await self._rows(statement, ((element[a], element[b], *columns) for a, b, *columns in rows))

    @kept
    async def postpone(self, links: Sequence[tuple[int, int, int]]) -> None:
        await self._rows(cypher.POSTPONED, links, commit=self.commit)

    # ---------------------------------------------------------------- identity

    async def write_identifiers(self, fresh: Sequence[Member], flags: Sequence[tuple[int, int, int | None]]) -> None:
        await self._meet_announced()
        await self._write_flags([*_marked(fresh), *flags])

    @kept
    async def _write_flags(self, flags: Sequence[tuple[int, int, int | None]]) -> None:
        await self._set_flags(flags)

    async def _set_flags(self, flags: Sequence[tuple[int, int, int | None]]) -> None:
        element = await self.elements_of(at for at, _, _ in flags)
        rows = ((element[at], bits or None, group, bool(bits & SHARED)) for at, bits, group in flags)
        await self._rows(cypher.FLAGS, rows, commit=self.commit)

    async def apply(self, delta: Delta) -> list[int]:
        await self._meet_announced()
        first = self.counters.seq + 1
        self.counters.seq += len(delta.changes)
        living, self.summed = frozenset(self.summed), {}
        before = frozenset((a, b) for a, b, _ in delta.refusals if (a, b) not in self._told)
        await self._apply(delta, first, living, before)
        return list(range(first, self.counters.seq + 1))

    @kept
    async def _apply(self, delta: Delta, first: int, living: frozenset[int], before: frozenset[Pair]) -> None:
        """`living`: of the profiles that change, those known to have named somebody before; `before`: the links whose state until now goes
        on record."""
        await self._set_flags([*_marked(delta.fresh), *delta.flags])
        made = {n for n, _, _ in delta.made}
        touched = {*delta.touched, *(change.n for change in delta.changes)}.difference(made)
        await self._write_people(delta, living, touched)
        await self._write_pins(delta)
        element = await self.elements_of(at for a, b, _ in delta.refusals for at in (a, b))
        await self._lists(
            cypher.TOLD,
            refused=[
                [element[a], element[b], *((r.rule.value, r.namespace) if r else (None, None)), (a, b) in before]
                for a, b, r in delta.refusals
            ],
            causes=[list(cause) for cause in delta.causes],
            changes=[_change(seq, c) for seq, c in enumerate(delta.changes, first)],
        )
        await self._rows(cypher.DECISIONS, delta.decisions)

    async def _lists(self, statement: str, **lists: Sequence[Any]) -> None:
        """One statement over several lists, unless all of them are empty."""
        if any(lists.values()):
            await self.post(statement, commit=self.commit, **lists)

    async def _write_people(self, delta: Delta, living: frozenset[int], touched: set[int]) -> None:
        """Summaries and memberships. A new profile is written with its members, others get them."""
        joining: dict[int, list[int]] = defaultdict(list)
        for member in delta.fresh:
            if member.profile:
                joining[member.profile].append(member.id)
        for at, profile in delta.moved:
            if profile is not None:
                joining[profile].append(at)
        element = await self.elements_of((*(at for ids in joining.values() for at in ids), *(at for at, _ in delta.moved)))
        members = {n: [element[at] for at in ids] for n, ids in joining.items()}
        rows = {row.n: row for row in delta.profiles}
        made = [[n, one_id, pin, *summary_columns(rows.pop(n)), members.pop(n, [])] for n, one_id, pin in delta.made]
        element = await self.profile_elements_of((*rows, *members, *touched, *(n for n, _ in delta.leads)))
        changed = [(n, [element[n], *summary_columns(row), n in touched]) for n, row in rows.items()]
        await self._lists(
            cypher.PEOPLE,
            ended=[element[at] for at, _ in delta.moved],
            made=made,
            unled=[element[n] for n in (*rows, *(n for n, _ in delta.leads)) if n not in living],
            retired=[[element[n], to] for n, to in delta.leads],
            changed=[row for n, row in changed if n in living],
            restored=[row for n, row in changed if n not in living],
            joined=[[element[n], ids] for n, ids in members.items()],
            touched=[element[n] for n in sorted(touched.difference(rows))],
        )

    async def _write_pins(self, delta: Delta) -> None:
        moved: list[tuple[int, int | None, int | None, int | None]] = [
            *((n, pin, None, None) for n, pin in delta.pins),
            *((n, None, into, None) for n, into in delta.closed),
        ]
        moved += ((n, None, None, at) for n, at in delta.asleep)
        if moved:
            element = await self.profile_elements_of(n for n, *_ in moved)
            pinned = ((element[n], *state, delta.pin_causes[n]) for n, *state in moved)
            await self._rows(cypher.PINNED, pinned, commit=self.commit)


def _marked(fresh: Collection[Member]) -> list[tuple[int, int, int | None]]:
    """Flags and groups of new identifiers that have any."""
    return [(m.id, m.flags, m.group) for m in fresh if m.flags or m.group is not None]


def _version(v: NewVersion, commit: int, element: Mapping[int, str]) -> list[Any]:
    fragment, active = v.fragment, v.state is FragmentStatus.ACTIVE
    return [
        v.id,
        fragment.source,
        fragment.id,
        v.digest.hex(),
        True if active and v.head else None,
        STATES.index(v.state),
        v.observed,
        fragment.observed_at,
        fragment.score,
        list(v.ids),
        _texts(fragment.identifiers),
        _texts(v.blocked) or None,
        None if fragment.traits is None else orjson.dumps(fragment.traits).decode(),
        None if active else commit,
        None if active and v.head else v.digest.hex(),
        [element[at] for at in v.ids] if active else [],
    ]


def _texts(identifiers: Sequence[Identifier]) -> list[str]:
    return [identifier.text for identifier in identifiers]


def _change(seq: int, c: ChangeRow) -> list[Any]:
    to = None if c.leads == c.n else c.leads
    return [seq, c.n, c.kind.value, list(c.gained), list(c.lost), c.leads, c.cause_kind, c.cause, to]
