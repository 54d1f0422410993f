"""Rules tried on stored evidence: counts, names and examples are what brute force over the same evidence says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from random import Random
from typing import Any
from unittest.mock import patch

import pytest

from graph import interactions
from graph.curate import judge
from graph.ingest import ingest
from graph.model import Fragment, Identifier, Interaction, Judgement, JudgementKind
from graph.rehearse import Compared, Example, because, rehearse
from graph.resolve import gathered
from graph.resolve.rules import Blocked, Rules
from graph.store.ports import Store
from tests.build import distinct, fragment, ids, same
from tests.histories import Case, Told, cases, numbered, over, play, prove
from tests.reference import Reference, reference_resolve
from tests.stores import OpenWith, Run


async def evidence(store: Store) -> tuple[list[Fragment], list[Judgement]]:
    """All that counts in a store, raw."""
    fragments = [
        Fragment("s", str(n), tuple(Identifier(*one) for one in row["identifiers"]), row["observed"], None, row["score"])
        for n, row in enumerate([row async for row in store.export("sightings")])
    ]
    async for row in store.export("interactions"):
        fragments += [Fragment("i", f"{len(fragments)} {end}", ids(row[end]), 0) for end in ("from", "to")]
    judgements = []
    async for row in store.export("judgements"):
        (a, *with_a), (b, *with_b) = (ids(*row[side]) for side in ("a", "b"))
        judgements.append(Judgement(JudgementKind(row["judgement"]), a, b, row["at"], None, "", tuple(with_a), tuple(with_b)))
    return fragments, judgements


class Brute:
    """The comparison said once more, without any thought of cost."""

    def __init__(self, fragments: Sequence[Fragment], judgements: Sequence[Judgement], before: Rules, after: Rules) -> None:
        self.sent = sorted({one for f in fragments for one in f.identifiers} | {one for j in judgements for one in j.ends})
        self.rules = (before, after)
        self.pins: list[tuple[str, Identifier]] = []
        self.made = tuple(reference_resolve(fragments, judgements, rules) for rules in self.rules)

    def home(self, side: int, sent: Identifier) -> tuple[Identifier, ...] | None:
        normal = self.rules[side].normalise(sent)
        return None if isinstance(normal, Blocked) else next(profile for profile in self.made[side].profiles if normal in profile)

    def counts(self) -> tuple[int, ...]:
        before, after = self.made
        pairs = {(b, a) for one in self.sent if (b := self.home(0, one)) and (a := self.home(1, one))}
        return (
            len(before.profiles),
            len(after.profiles),
            sum(len({b for b, a in pairs if a == profile}) > 1 for profile in after.profiles),
            sum(len({a for b, a in pairs if b == profile}) > 1 for profile in before.profiles),
            max(map(len, before.profiles), default=0),
            max(map(len, after.profiles), default=0),
        )

    def one_ids_changed(self, held: dict[str, set[Identifier]]) -> int | None:
        """OneIDs that would lose an identifier; None where a pin would pass on, which is not said again here."""
        names: dict[tuple[Identifier, ...], tuple[Any, str]] = {}
        for place, (one_id, pin) in enumerate(self.pins):
            homes = [normal for one in self.sent if self.normal(0, one) == pin and (normal := self.normal(1, one))]
            kept = any(pin in profile for profile in self.made[1].profiles)
            if any(pin in some for some in held.values()) and not homes and not kept:
                return None
            if homes or kept:
                at = pin if kept else min(homes, key=lambda one: (self.rank(one), one.text))
                profile = next(profile for profile in self.made[1].profiles if at in profile)
                names[profile] = min(names.get(profile, ((self.rank(at), place), one_id)), ((self.rank(at), place), one_id))
        changed = set()
        for one_id, members in held.items():
            for one in self.sent:
                if self.normal(0, one) in members and names.get(self.home(1, one) or (), (None, ""))[1] != one_id:
                    changed.add(one_id)
        return len(changed)

    def normal(self, side: int, sent: Identifier) -> Identifier | None:
        normal = self.rules[side].normalise(sent)
        return None if isinstance(normal, Blocked) else normal

    def rank(self, identifier: Identifier) -> tuple[int, str]:
        return self.rules[1].namespace(identifier.namespace).rank


def counts(done: Compared) -> tuple[int, ...]:
    return (done.profiles_before, done.profiles_after, done.merges, done.splits, done.largest_before, done.largest_after)


async def told_by(case: Case, open_with: OpenWith, others: str) -> tuple[Compared, Brute, dict[str, set[Identifier]]]:
    """A history in a store, the other rules tried on it, and brute force; and by OneID what it holds."""
    rules = Rules.parse(case.rules)
    other = Rules.parse(others)
    async with open_with(rules) as store:
        told, new_id = Told(rules), numbered()
        for step in case.steps:
            await play(step, store, told, new_id)
        done = await rehearse(store, other)
        brute = Brute(*await evidence(store), rules, other)
        brute.pins = [(row["one_id"], *ids(row["pin"])) async for row in store.export("one_ids") if row["pin"]]
        held: dict[str, set[Identifier]] = {}
        async for row in store.export("identifiers"):
            held.setdefault(row["one_id"], set()).add(Identifier(row["namespace"], row["value"]))
        return done, brute, held


@over(cases(), share=0.2)
def test_the_rules_in_force_would_change_nothing(open_with: OpenWith, run: Run, case: Case) -> None:
    async def claim(case: Case) -> None:
        done, brute, held = await told_by(case, open_with, case.rules)
        assert counts(done) == brute.counts()
        assert (done.merges, done.splits, done.one_ids_changed, done.examples) == (0, 0, 0, [])
        assert done.profiles_before == done.profiles_after == len(held)

    prove(run, case, claim)


@over(cases(), share=0.2)
def test_other_rules_make_what_brute_force_says(open_with: OpenWith, run: Run, case: Case) -> None:
    async def claim(case: Case) -> None:
        seed = Random(str(case))
        with patch.object(gathered, "_PORTION", seed.choice([1, 3, 20_000])):
            done, brute, held = await told_by(case, open_with, seed.choice(OTHERS))
        assert counts(done) == brute.counts()
        if (changed := brute.one_ids_changed(held)) is not None:
            assert done.one_ids_changed == changed
        for example in done.examples:
            explains(example, brute, held)

    prove(run, case, claim)


def explains(example: Example, brute: Brute, held: dict[str, set[Identifier]]) -> None:
    """An example shows profiles as they are and as they would be, and its reason is one that the resolver gives."""
    assert example.before
    for side in example.before:
        assert side.one_id is not None
        assert set(side.identifiers) == held[side.one_id]
        assert side.count == len(side.identifiers)
    sentence = because(example.because, lambda one: one.text)
    assert sentence.endswith(".")
    assert "None" not in sentence
    refusal, (before, after) = example.because.refusal, brute.made
    if example.because.reason.value in ("accepted", "refused"):
        assert refusal is not None
        made: Reference = before if example.because.reason.value == "accepted" else after
        assert any((one.rule, one.namespace) == (refusal.rule.value, refusal.namespace) for one in made.refused)


async def test_what_is_written_meanwhile_does_not_count(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidence of all kinds is of one commit, however much is written between its pages."""
    await ingest(store, [fragment(f"user_id:{n}", f"device:{n}", at=n) for n in range(20)])
    await judge(store, [same("user_id:1", "user_id:2")])
    apart = Rules.parse('[[namespace]]\nname = "user_id"\nlimit = 1\n')
    expected = await rehearse(store, apart)
    pages = store.export_pages

    async def with_a_writer(kinds: Sequence[Any]) -> AsyncIterator[Any]:
        async for page in pages(kinds):
            await ingest(store, [fragment("device:all", *(f"device:{n}" for n in range(9)), at=90)])
            await judge(store, [same("user_id:5", "user_id:6", at=9), same("user_id:1", "user_id:9", at=9)])
            await interactions.record(store, [Interaction("app", "1", "like", Identifier("forum", "a"), Identifier("forum", "b"), 0)])
            yield page

    monkeypatch.setattr(store, "export_pages", with_a_writer)
    found = await rehearse(store, apart)
    later = await rehearse(store, apart)

    assert found == expected
    assert later != expected


@pytest.mark.parametrize(
    ("before", "after", "sent", "says"),
    [
        (
            "limit = 1",
            "",
            [["user:1", "a:1"], ["user:2", "a:1"]],
            "The link a:1 – user:1 would be used; now it is refused, since",
        ),
        (
            "",
            "limit = 1",
            [["user:1", "a:1"], ["user:2", "a:1"]],
            "The link a:1 – user:1 would be refused, since the profile would",
        ),
        ("", 'blocked = ["1"]', [["user:1", "a:1"], ["user:1", "a:2"]], "user:1 would be blocked, so that it joins nobody."),
        ('blocked = ["1"]', "", [["user:1", "a:1"], ["user:1", "a:2"]], "An identifier that is blocked now would count."),
        ("", 'normalise = "lowercase"', [["user:A", "a:1"], ["user:a", "a:2"]], "user:A and user:a would be one identifier, by how"),
        ('normalise = "lowercase"', "", [["user:A", "a:1"], ["user:a", "a:2"]], "What was sent as user:a would be more than one"),
    ],
)
async def test_an_example_says_what_makes_the_difference(
    open_with: OpenWith, before: str, after: str, sent: list[list[str]], says: str
) -> None:
    rules = [f'[[namespace]]\nname = "user"\n{more}\n' for more in (before, after)]
    async with open_with(rules[0]) as store:
        await ingest(store, [fragment(*texts, at=n) for n, texts in enumerate(sent)])
        done = await rehearse(store, Rules.parse(rules[1]))

    assert because(done.examples[0].because, lambda each: each.text).startswith(says)


async def test_a_judgement_that_falls_or_holds_is_named(open_with: OpenWith) -> None:
    """Where blocking an end of a newer `distinct` makes it void, an older `same` holds."""
    rules = ['[[namespace]]\nname = "user"\n', '[[namespace]]\nname = "user"\nblocked = ["3"]\n']
    said = [same("user:1", "user:2", at=1), distinct("user:1", "user:3", at=3), same("user:2", "user:3", at=2)]
    for before, after, says in ((*rules, "would hold"), (*reversed(rules), "would fall")):
        async with open_with(before) as store:
            await judge(store, said)
            done = await rehearse(store, Rules.parse(after))
        sentences = [because(one.because, lambda each: each.text) for one in done.examples]
        assert any(f"The judgement that user:1 and user:2 are the same {says}" in one for one in sentences), sentences


async def test_only_a_name_changes_where_namespaces_change_places(open_with: OpenWith) -> None:
    """Two OneIDs lead to one profile; which of the two names it depends on which pin is the stronger."""
    order = ['[[namespace]]\nname = "a"\n[[namespace]]\nname = "b"\n', '[[namespace]]\nname = "b"\n[[namespace]]\nname = "a"\n']
    async with open_with('[[namespace]]\nname = "c"\n' + order[0]) as store:
        await ingest(store, [fragment("a:1"), fragment("b:1"), fragment("a:1", "b:1", "c:1")])
        done = await rehearse(store, Rules.parse(order[1]))

    assert (done.merges, done.splits) == (0, 0)
    assert done.one_ids_changed == len(done.examples)


OTHERS = (
    "",
    '[[namespace]]\nname = "user"\nlimit = 1\n[[namespace]]\nname = "device"\nshared_above = 1\n',
    '[[namespace]]\nname = "device"\nlimit = 1\nconflict = "oldest"\n[[namespace]]\nname = "user"\nblocked = ["1"]\n',
    '[[namespace]]\nname = "user"\nlimit = 2\nnormalise = "none"\n'
    '[[namespace]]\nname = "phone"\nconflict = "park"\nnormalise = "lowercase"\n',
    'declared_only = true\n[[namespace]]\nname = "user"\nlimit = 1\n[[namespace]]\nname = "cookie"\n[profile]\nmax_identifiers = 3\n',
)
