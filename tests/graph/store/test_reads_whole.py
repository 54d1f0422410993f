"""What a store answers about random evidence, beside what the pure functions make of the same evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from graph.curate import judge
from graph.ingest import ingest
from graph.model import Fragment, Identifier, JudgementKind, RecordKey
from graph.profiles import search
from graph.resolve.records import latest
from graph.resolve.rules import Rules
from graph.resolve.whole import Resolution, resolve
from graph.store.ports import Store
from graph.traits.fold import Told, fold
from graph.traits.holder import holders
from graph.views import Page, ProfileView, Want
from tests.graph.store.test_reads_contract import pages, want
from tests.stores import OpenWith, Run
from tests.strategies import Evidence, evidence, rules_documents


@dataclass(frozen=True)
class Carried:
    identifier: Identifier
    shared: bool
    group: int


class Expected:
    """Evidence as the pure functions see it."""

    def __init__(self, evidence: Evidence, rules: Rules) -> None:
        self.rules = rules
        self.resolution: Resolution = resolve(evidence.fragments, evidence.judgements, rules)
        self.active = latest(evidence.fragments)
        self.home = {one: place for place, members in enumerate(self.resolution.profiles) for one in members}
        self._groups = self._judged(evidence)

    def _judged(self, evidence: Evidence) -> dict[Identifier, int]:
        """Identifiers by the number of their judged group, or one of their own."""
        refused = {(one.a, one.b) for one in self.resolution.refused if one.kind == "same"}
        groups = {one: place for place, one in enumerate(self.home)}
        for each in evidence.judgements:
            a, b = (self.rules.normalise(end) for end in (each.a, each.b))
            known = isinstance(a, Identifier) and isinstance(b, Identifier)
            if known and each.kind is JudgementKind.SAME and not {(a, b), (b, a)} & refused:
                old, new = groups[b], groups[a]  # type: ignore[index]  # both are identifiers
                groups = {one: new if group == old else group for one, group in groups.items()}
        return groups

    def held(self, fragment: Fragment) -> list[Identifier]:
        """The identifiers that the facts of a fragment hang on."""
        usable = dict.fromkeys(one for one in map(self.rules.normalise, fragment.identifiers) if isinstance(one, Identifier))
        carried = [Carried(one, one in self.resolution.shared, self._groups[one]) for one in usable]
        return [one.identifier for one in holders(carried, self.rules)]

    def facts(self) -> dict[int, list[tuple[Fragment, Identifier]]]:
        """By profile the fragments whose facts are its, with the member they hang on."""
        found: dict[int, dict[RecordKey, tuple[Fragment, Identifier]]] = defaultdict(dict)
        for fragment in self.active:
            for one in self.held(fragment):
                found[self.home[one]].setdefault(fragment.key, (fragment, one))
        return {place: list(some.values()) for place, some in found.items()}


WANTS = [
    want("identifiers", want("total_count"), first=100),
    want("links", want("total_count"), refused=True, first=100),
    want("links", want("total_count"), want("bridge"), first=100),
    want("fragments", want("total_count"), first=100),
    want("traits", want("alternatives", first=100)),
]


@given(evidence(), rules_documents(), st.integers(1, 7))
def test_everything_read_is_what_the_evidence_makes(open_with: OpenWith, run: Run, evidence: Evidence, toml: str, first: int) -> None:
    async def reads() -> None:
        async with open_with(toml) as store:
            await ingest(store, evidence.fragments)
            await judge(store, evidence.judgements)
            expected = Expected(evidence, store.in_force)
            views = [edge.node for edge in await pages(lambda page: store.profiles(page, WANTS), first)]
            assert_partition(views, expected)
            assert_links(views, expected)
            assert_facts(views, expected)
            await assert_lists(store, views, expected, first)

    run(reads())


def members(view: ProfileView) -> tuple[Identifier, ...]:
    page = view.parts[WANTS[0].key]
    assert page.total_count == view.size == len(page.edges)
    return tuple(sorted((edge.node.identifier for edge in page.edges), key=lambda one: one.text))


def assert_partition(views: Sequence[ProfileView], expected: Expected) -> None:
    assert sorted((members(view) for view in views), key=lambda some: [one.text for one in some]) == list(expected.resolution.profiles)


def assert_links(views: Sequence[ProfileView], expected: Expected) -> None:
    """Every refused link shows with its rule at both of its ends' profiles, and every profile hangs together by the accepted ones."""
    refused = {(one.a, one.b): (one.rule, one.namespace) for one in expected.resolution.refused if one.kind == "link"}
    for view in views:
        mine = set(members(view))
        every, accepted = (view.parts[one.key] for one in WANTS[1:3])
        assert len(every.edges) == every.total_count
        assert len(accepted.edges) == accepted.total_count
        shown = {(edge.node.a.identifier, edge.node.b.identifier): edge.node.refused for edge in every.edges if edge.node.refused}
        in_order = {tuple(sorted(pair, key=lambda one: one.text)): tuple(rule) for pair, rule in shown.items()}
        assert in_order == {pair: rule for pair, rule in refused.items() if mine & set(pair)}
        joined = [edge.node for edge in accepted.edges if edge.node.kind != "distinct"]
        assert all(link.refused is None and {link.a.identifier, link.b.identifier} <= mine for link in joined)
        assert together(mine, [(link.a.identifier, link.b.identifier) for link in joined])
        for link in joined:
            others = [(one.a.identifier, one.b.identifier) for one in joined if one is not link]
            assert link.parts[("bridge", ())] == (not together(mine, others))


def together(whole: set[Identifier], pairs: Sequence[tuple[Identifier, Identifier]]) -> bool:
    reached, grown = {next(iter(whole))}, True
    while grown:
        more = {end for pair in pairs if reached & set(pair) for end in pair} - reached
        reached, grown = reached | more, bool(more)
    return reached == whole


def assert_facts(views: Sequence[ProfileView], expected: Expected) -> None:
    facts = expected.facts()
    for view in views:
        mine = facts.get(expected.home[members(view)[0]], [])
        page = view.parts[WANTS[3].key]
        newest_first = [edge.node.observed_at for edge in page.edges]
        assert {edge.node.key for edge in page.edges} == {fragment.key for fragment, _ in mine}
        assert page.total_count == len(mine) == len(page.edges)
        assert newest_first == sorted(newest_first, reverse=True)
        told = [Told(*one.key, one.observed_at or 0, holder, one.traits) for one, holder in mine if one.traits is not None]
        golden = fold(told, expected.rules.traits)
        assert [(one.key, one.value, one.source, one.observed_at) for one in view.parts[WANTS[4].key]] == [
            (one.key, one.value, one.witness.source, one.witness.observed) for one in golden
        ]
        alternatives = [[other.value for other in one.alternatives] for one in view.parts[WANTS[4].key]]
        assert alternatives == [[other.value for other in one.alternatives] for one in golden]


async def assert_lists(store: Store, views: Sequence[ProfileView], expected: Expected, first: int) -> None:
    resolution = expected.resolution
    shared = await pages(lambda page: store.shared_identifiers(page, []), first)
    assert {edge.node.identifier for edge in shared} == resolution.shared
    stats = await store.stats()
    links = [edge.node for view in views for edge in view.parts[WANTS[2].key].edges if edge.node.kind == "observed"]
    assert (stats.identifiers, stats.profiles, stats.shared_identifiers) == (len(expected.home), len(views), len(resolution.shared))
    assert (stats.links, stats.refused_links) == (len(links), sum(one.kind == "link" for one in resolution.refused))
    assert stats.fragments == len({fragment.key for fragment in expected.active})
    assert stats.largest_profile == max((view.size for view in views), default=0)
    for text in ("雷", "ad"):
        found = await pages(lambda page, text=text: search(store, text, page, []), first)
        assert {edge.node.n for edge in found} == {view.n for view in views if named(view, expected, text)}
    whole: Any = await search(store, "1", Page(100), [Want("total_count")], whole=True)
    assert {edge.node.n for edge in whole.edges} == {view.n for view in views if any(one.value == "1" for one in members(view))}
    assert whole.total_count == len(whole.edges)


def named(view: ProfileView, expected: Expected, text: str) -> bool:
    """Whether some fact of the profile gives it a name with this beginning."""
    mine = expected.facts().get(expected.home[members(view)[0]], [])
    return any(text in (fragment.traits or {}).get("name", "").lower() for fragment, _ in mine)
