"""The store against the pure function, over random histories under random rules."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import networkx as nx
import pytest
from hypothesis import Phase, given, settings

from graph import settle
from graph.check import differences
from graph.errors import NotFound
from graph.model import Fragment, Identifier
from graph.resolve.rules import Rules
from graph.resolve.whole import resolve
from graph.store import gate
from graph.store.ports import PARKED, SHARED, Everything, Store
from tests.histories import Add, Case, Judge, TakeBack, Told, Withdraw, cases, held, kept, numbered, over, play, prove, send
from tests.reference import Reference, as_reference
from tests.stores import OpenWith, Run


def unblocked(made: Reference) -> Reference:
    """Without the blocked values, which a store keeps with the fragments."""
    return replace(made, blocked=frozenset())


async def assert_sound(store: Store, told: Told) -> None:
    everything = await store.everything()
    assert kept(everything) == told.kept()
    assert held(everything) == unblocked(told.makes())
    assert list(differences(everything, told.rules)) == []


@over(cases())
def test_after_every_step_the_store_holds_what_its_evidence_makes(open_with: OpenWith, run: Run, case: Case) -> None:
    async def holds(case: Case) -> None:
        rules = Rules.parse(case.rules)
        told, new_id = Told(rules), numbered()
        async with open_with(rules) as store:
            for step in case.steps:
                await play(step, store, told, new_id)
                await assert_sound(store, told)

    prove(run, case, holds)


def told_apart(answers: Sequence[Any]) -> list[Any]:
    return [NotFound if isinstance(answer, NotFound) else answer for answer in answers]


@over(cases())
def test_grouping_requests_changes_nothing(open_with: OpenWith, run: Run, case: Case) -> None:
    """Sent all at once they share transactions: same answers, same people, same feed, same everything."""

    async def holds(case: Case) -> None:
        rules = Rules.parse(case.rules)
        requests = Told(rules, requests=[step.fragments for step in case.steps if isinstance(step, Add)])
        new_id = numbered()
        async with open_with(rules) as store:
            one_by_one = [await send(step, store, requests, new_id) for step in case.steps]
            expected = await store.everything()
        new_id = numbered()
        async with open_with(rules) as store:
            grouped = await asyncio.gather(*(send(step, store, requests, new_id) for step in case.steps))
            assert told_apart(grouped) == told_apart(one_by_one)
            assert await store.everything() == expected

    prove(run, case, holds)


async def test_requests_sent_at_once_share_a_transaction(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the test above stands on."""
    sizes = []
    settle_group = gate.Gate._settle

    async def counted(self: gate.Gate[Any]) -> None:
        sizes.append(len(self._done))
        await settle_group(self)

    monkeypatch.setattr(gate.Gate, "_settle", counted)
    adds = [Add((Fragment("web", str(n), (Identifier("user_id", str(n % 3)),), n),)) for n in range(10)]
    new_id = numbered()
    await asyncio.gather(*(send(add, store, Told(store.in_force), new_id) for add in adds))

    assert sizes == [10]


@over(cases())
def test_evidence_withdrawn_is_as_if_it_had_never_come(open_with: OpenWith, run: Run, case: Case) -> None:
    """Half of the records, and all interactions, are withdrawn in the end; another store never hears of them."""

    async def holds(case: Case) -> None:
        rules = Rules.parse(case.rules)
        told, new_id = Told(rules), numbered()
        async with open_with(rules) as store:
            for step in case.steps:
                await play(step, store, told, new_id)
            gone = {key for n, key in enumerate(sorted(told.versions)) if n % 2}
            for key in sorted(gone & {fragment.key for fragment in told.active()}):
                await play(Withdraw(key), store, told, new_id)
            for each in told.interactions():
                await play(TakeBack((each.key,)), store, told, new_id)
            withdrawn = await store.everything()
        async with open_with(rules) as other:
            new_id = numbered()
            await send(Add(tuple(told.active())), other, told, new_id)
            await send(Judge(tuple(told.judgements)), other, told, new_id)
            never = await other.everything()
        assert held(withdrawn) == held(never)

    prove(run, case, holds)


@over(cases())
def test_the_fast_path_equals_the_slow_path(open_with: OpenWith, run: Run, case: Case) -> None:
    """A store that resolves every touched profile anew writes the same, entry by entry."""

    async def everything(case: Case, joined: Callable[..., Any]) -> list[Everything]:
        rules = Rules.parse(case.rules)
        told, new_id = Told(rules), numbered()
        after = []
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(settle, "_joined", joined)
            async with open_with(rules) as store:
                for step in case.steps:
                    await play(step, store, told, new_id)
                    after.append(await store.everything())
        return after

    async def holds(case: Case) -> None:
        fast = await everything(case, settle._joined)
        slow = await everything(case, lambda *_: None)
        assert [in_order(one) for one in fast] == [in_order(one) for one in slow]

    prove(run, case, holds)


def in_order(everything: Everything) -> Everything:
    return everything._replace(links=sorted(everything.links, key=lambda row: (row.a, row.b)))


@over(cases(ends=False))
def test_any_order_and_any_cut_gives_what_resolving_all_at_once_gives(open_with: OpenWith, run: Run, case: Case) -> None:
    async def holds(case: Case) -> None:
        rules = Rules.parse(case.rules)
        fragments = [fragment for step in case.steps if isinstance(step, Add) for fragment in step.fragments]
        judgements = [judgement for step in case.steps if isinstance(step, Judge) for judgement in step.judgements]
        random = Random(str(case))
        requests = [Add(tuple(fragments[n : n + 3])) for n in range(0, len(fragments), 3)] + [Judge((one,)) for one in judgements]
        random.shuffle(requests)
        random.shuffle(fragments)
        async with open_with(rules) as store:
            new_id = numbered()
            for step in requests:
                await send(step, store, Told(rules), new_id)
            live = await store.everything()
        whole = as_reference(resolve(fragments, judgements, rules))
        assert held(live) == unblocked(whole)

    prove(run, case, holds)


@over(cases(rules=False, judging=False))
def test_without_rules_people_are_connected_components(open_with: OpenWith, run: Run, case: Case) -> None:
    async def holds(case: Case) -> None:
        rules = Rules.parse("")
        told, new_id = Told(rules), numbered()
        async with open_with(rules) as store:
            for step in case.steps:
                await play(step, store, told, new_id)
            found = held(await store.everything())
        graph: nx.Graph[Identifier] = nx.Graph()
        for _, _, _, carried in told.kept()[0]:
            nx.add_path(graph, carried)
        graph.add_nodes_from(end for origin, target, _, _ in told.kept()[2] for end in (origin, target))
        assert set(map(frozenset, found.profiles)) == set(map(frozenset, nx.connected_components(graph)))
        assert (found.refused, found.shared, found.parked) == (frozenset(), frozenset(), frozenset())

    prove(run, case, holds)


# ---------------------------------------------------------------- what the histories above are made of

SEEN_AT_LEAST = {
    "a rival is resolved along": 100,
    "a rival joins what is settled": 10,
    "a park group reaches beyond what is at hand": 1,
    "whole profiles join on the fast path": 10,
    "contested": 50,
    "shared": 10,
    "parked": 15,
    "refused: contradiction": 10,
    "refused: distinct": 3,
    "refused: limit": 10,
    "refused: max_identifiers": 10,
    "refused: park": 15,
    "refused: score": 3,
    "refused: shared": 15,
    "refused: max_identifiers of a star": 5,
    "judged group": 1,
    "OneID that names nobody, not closed": 5,
    "OneID asleep": 5,
}
"""In 400 cases; what comes and goes is counted when it goes."""


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)  # what the histories hold is the same on every kind
def test_rivals_park_groups_shared_identifiers_and_stars_come_and_go(
    open_with: OpenWith, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claim over random cases is worth what is in the cases."""
    seen: Counter[str] = Counter()
    _spy(monkeypatch, seen)

    async def lives(case: Case) -> None:
        rules = Rules.parse(case.rules)
        told, new_id, before = Told(rules), numbered(), dict[str, set[Any]]()
        async with open_with(rules) as store:
            for step in case.steps:
                await play(step, store, told, new_id)
                now = _features(await store.everything())
                seen.update(feature for feature in before if before[feature] - now.get(feature, set()))
                before = now

    @settings(max_examples=400, derandomize=True, database=None, phases=[Phase.generate])
    @given(cases())
    def histories(case: Case) -> None:
        run(lives(case))

    histories()

    assert {feature: seen[feature] for feature, least in SEEN_AT_LEAST.items() if seen[feature] < least} == {}


def _spy(monkeypatch: pytest.MonkeyPatch, seen: Counter[str]) -> None:
    changed_rivals, reaches_out, joined = settle._Local._changed_rivals, settle._Local._reaches_out, settle._joined

    def spied_rivals(self: settle._Local) -> set[int]:
        found = changed_rivals(self)
        seen["a rival is resolved along"] += bool(self.rivals)
        seen["a rival joins what is settled"] += bool(found)
        return found

    def spied_reach(self: settle._Local, at: int) -> bool:
        found = reaches_out(self, at)
        seen["a park group reaches beyond what is at hand"] += found
        return found

    def spied_join(*args: Any) -> Any:
        part = joined(*args)
        seen["whole profiles join on the fast path"] += part is not None and len(part.profiles) > 1
        return part

    monkeypatch.setattr(settle._Local, "_changed_rivals", spied_rivals)
    monkeypatch.setattr(settle._Local, "_reaches_out", spied_reach)
    monkeypatch.setattr(settle, "_joined", spied_join)


def _features(everything: Everything) -> dict[str, set[Any]]:
    """Who is in each of the states that a step may begin or end."""
    found: dict[str, set[Any]] = {
        "contested": {row.n for row in everything.one_ids if row.contested},
        "shared": {m.id for m in everything.members if m.flags & SHARED},
        "parked": {m.id for m in everything.members if m.flags & PARKED},
        "judged group": {m.id for m in everything.members if m.group is not None},
        "OneID that names nobody, not closed": {row.n for row in everything.one_ids if row.pin and row.leads},
        "OneID asleep": {row.n for row in everything.one_ids if not row.size and row.leads is None},
    }
    for row in everything.links:
        if row.refused is not None:
            star = " of a star" if row.barred and row.refused.rule == "max_identifiers" else ""
            found.setdefault(f"refused: {row.refused.rule}{star}", set()).add((row.a, row.b))
    return found
