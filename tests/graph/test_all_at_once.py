"""Every operation in any order, on one store, against a slow model that keeps only evidence and what OneIDs follow (tests/slow.py)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import count
from random import Random
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from graph import operations
from graph.applying import put_in_force, try_rules
from graph.check import differences
from graph.curate import Curated, perform, preview
from graph.errors import NotFound, RulesUndone
from graph.forget import allow_again
from graph.ingest import Ingested
from graph.model import Identifier, Judgement, Key, RecordKey
from graph.operations import Erase, Operation, Revert, WithdrawSource
from graph.rereading import Rereading
from graph.resolve.rules import Rules
from graph.resolve.tombstones import record_mark, surrogate
from graph.store.ports import Everything
from tests.graph.test_applying import NONE, undo
from tests.graph.test_operations import assert_as_shown, people, some_operation
from tests.histories import Add, Again, Answer, Case, Interact, Judge, Step, TakeBack, Told, Withdraw, cases, held, names_of, numbered, send
from tests.slow import Cause, Follows, Profile, Slow
from tests.stores import OpenWith, Run

WHY = "asked to"
NOBODY = Identifier("user", "null")
"""Stands for the ends of a judgement that the rules block."""
SEEDS = st.integers(0, 2**32 - 1)


class AllAtOnce(RuleBasedStateMachine):
    """A store and its model. Drawn are rules with evidence that comes bit by bit, and numbers that random choices are made from."""

    def __init__(self, open_with: OpenWith, run: Run) -> None:
        super().__init__()
        self.open_with, self.run = open_with, run
        self.new_id = numbered()
        self.causes: list[tuple[tuple[str, int], Cause]] = []
        self.sent: list[tuple[Step | Operation, Key, Answer]] = []
        self.numbers = count()
        self.receipts: dict[Identifier, int] = {}
        self.buried: set[bytes] = set()

    @initialize(case=cases(most=30, others=4))
    def open(self, case: Case) -> None:
        rules = Rules.parse(case.rules)
        self.opened = self.open_with(rules)
        self.store = self.run(self.opened.__aenter__())
        self.slow, self.told = Slow(rules, name_of=self.name_of), Told(rules)
        self.ahead = list(case.steps)
        self.others = [Rules.parse(text) for text in case.others]
        self.now = self.run(self.store.everything())

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.run(self.opened.__aexit__(None, None, None))

    # ---------------------------------------------------------------- what is done

    @precondition(lambda self: self.ahead)
    @rule()
    def evidence(self) -> None:
        step = self.ahead.pop(0)
        if isinstance(step, Again):
            step = Add(self.told.requests[step.nth % len(self.told.requests)] if self.told.requests else ())
        key = Key("a key/evidence", str(next(self.numbers)))
        answer = self.run(send(step, self.store, self.told, self.new_id, key))
        if not isinstance(answer, NotFound):  # a refusal is no answer to be given again: it may be otherwise later
            self.sent.append((step, key, answer))
        self.settle(step, answer)

    @rule(seed=SEEDS)
    def operation(self, seed: int) -> None:
        random = Random(seed)
        asked = some_operation(random, self.now)
        if asked is None or (isinstance(asked, operations.Judge) and not (asked.a.value and asked.b.value)):  # somebody erased
            return
        token = None
        before = self.now
        seen = self.run(preview(self.store, asked)) if random.random() < 0.5 else None
        if seen is not None:
            assert self.run(self.store.everything()) == before
            token = seen.token
        key = Key("a key/operation", str(next(self.numbers)))
        done = self.run(perform(self.store, asked, token=token, key=key, new_id=self.new_id))
        self.sent.append((asked, key, done))
        self.settle(asked, done)
        if seen is not None:
            assert_as_shown(seen.outcome, people(before), people(self.now))

    @rule(seed=SEEDS)
    def source(self, seed: int) -> None:
        """A whole source is taken back."""
        sources = sorted({version.fragment.source for version in self.slow.versions})
        if not sources:
            return
        source = Random(seed).choice(sources)
        try:
            self.run(perform(self.store, WithdrawSource(source, None, WHY), new_id=self.new_id))
        except NotFound:
            assert self.slow.withdraw_source(source) is None
            return
        self.now = self.run(self.store.everything())
        cause = self.slow.withdraw_source(source)
        assert cause is not None
        self.causes.append((("withdrawal", self.now.commit), cause))
        self.compare()

    @rule(seed=SEEDS)
    def erase(self, seed: int) -> None:
        """Somebody is erased; what was done before is not undone any more."""
        random = Random(seed)
        known = sorted(one for one in names_of(self.now).values() if one.value)
        if not known or random.random() < 0.5:
            return
        gone = random.sample(known, min(len(known), random.choice([1, 1, 2])))
        asked = Erase(None, tuple(gone), WHY)
        seen = self.run(preview(self.store, asked)) if random.random() < 0.3 else None
        assert self.run(self.store.everything()) == self.now
        done = self.run(perform(self.store, asked, token=seen and seen.token, new_id=self.new_id))
        self.now = self.run(self.store.everything())
        self.receipts |= dict.fromkeys(gone, done.token)
        self.look_at_tombstones()
        self.slow.erase(gone, self.as_kept)
        self.causes.clear()
        self.sent.clear()
        self.compare()

    @precondition(lambda self: self.receipts)
    @rule(seed=SEEDS)
    def allow(self, seed: int) -> None:
        """Somebody who was erased may come again; nothing else changes."""
        gone = Random(seed).choice(sorted(self.receipts))
        self.run(allow_again(self.store, self.receipts.pop(gone), (gone,), reason=WHY))
        self.slow.erased.remove(gone)
        self.look_at_tombstones()
        self.now = self.run(self.store.everything())
        self.compare()

    def look_at_tombstones(self) -> None:
        self.buried = {mark for mark, _, _ in self.run(self.store.tombstones())}

    def as_kept(self, record: RecordKey) -> RecordKey:
        """A record by the name that it has since its own was erased."""
        key = self.store.erasure_key.read() if self.buried else b""
        return surrogate(key, record) if record_mark(key, record) in self.buried else record

    @precondition(lambda self: self.others)
    @rule(seed=SEEDS)
    def apply(self, seed: int) -> None:
        """Other rules come into force, that read what is sent as those before did: what pins are of has one name then."""
        random = Random(seed)
        rules = random.choice(self.others)
        if random.random() < 0.5 or not Rereading(self.slow.rules, rules).needless:
            return
        tried = self.run(try_rules(self.store, rules, self.slow.version, NONE))
        done = self.run(put_in_force(self.store, tried, NONE, new_id=self.new_id))
        self.now = self.run(self.store.everything())
        self.causes.append((("rules", done.commit), self.slow.apply(rules)))
        assert done.version == self.slow.version
        self.compare()

    @precondition(lambda self: self.causes)
    @rule(seed=SEEDS)
    def revert(self, seed: int) -> None:
        """Undo something, most often one of the last things done."""
        back = min(int(Random(seed).expovariate(0.4)), len(self.causes) - 1)
        (kind, number), cause = self.causes[-1 - back]
        asked = Revert(kind, number, WHY)
        try:
            done: int | None = self.run(perform(self.store, asked, new_id=self.new_id)).token
        except RulesUndone as undone:
            done = self.run(undo(self.store, asked, undone, self.new_id)).commit
        except NotFound:
            done = None
        self.now = self.run(self.store.everything())
        reverted = self.slow.revert(cause)
        assert (done is None) == (reverted is None)
        self.compare()
        if done is not None and reverted is not None:
            self.causes.append((("revert", done), reverted))

    @precondition(lambda self: self.sent)
    @rule(seed=SEEDS)
    def again(self, seed: int) -> None:
        """What was sent comes once more with its key: the first answer, and nothing changes."""
        step, key, _ = Random(seed).choice(self.sent)
        if isinstance(step, Operation):
            repeated: Any = self.run(perform(self.store, step, key=key, new_id=self.new_id))
        else:
            repeated = self.run(send(step, self.store, self.told, self.new_id, key))
        assert repeated.replayed
        assert self.run(self.store.everything()) == self.now

    # ---------------------------------------------------------------- the model does it, too

    def settle(self, step: Step | Operation, answer: Answer) -> None:
        """The model does what the store has done, and both are compared."""
        before, self.now = self.now, self.run(self.store.everything())
        if isinstance(step, Interact):
            self.slow.hear(step.interactions)
        elif isinstance(step, TakeBack):
            self.slow.take_back(step.records)
        elif isinstance(step, Add):
            self.told.requests.append(step.fragments)
            self.look_at_tombstones()
            self.slow.rename(self.as_kept)
            kept = [(fragment, self.as_kept(fragment.key)) for fragment in step.fragments]
            cause = self.slow.ingest(replace(fragment, source=key.source, id=key.id) for fragment, key in kept)
            assert isinstance(answer, Ingested)
            assert (answer.accepted > 0) == (cause is not None)
            if answer.accepted == 1:
                self.learn(before, cause)
        elif isinstance(step, Withdraw | operations.Withdraw):
            cause = self.slow.withdraw(self.as_kept(step.record))
            assert isinstance(answer, Curated) == (cause is not None)
            if cause is not None:
                self.causes.append((("withdrawal", self.now.commit), cause))
        elif said := self.said(step):
            cause = self.slow.judge(said)
            if len(said) == 1 or not isinstance(step, Judge):
                self.learn(before, cause)
        self.compare()

    def learn(self, before: Everything, cause: Cause | None) -> None:
        """How the feed names a cause; it says nothing of one that changed nobody."""
        named = {(change.cause_kind, change.cause) for change in self.now.changes[len(before.changes) :]}
        assert len(named) <= 1
        self.causes += [(name, cause) for name in named if cause is not None]

    def said(self, step: Judge | Operation) -> dict[int, Judgement]:
        """The judgements that were put on record, by number; those of operations as the store has them, which gives them their time."""
        rows = [row for row in self.now.judgements if row.id not in self.slow.judgements]
        if isinstance(step, Judge) and not self.slow.erased:
            new = [one for one in dict.fromkeys(step.judgements) if one not in self.slow.judgements.values()]
            return dict(zip(sorted(row.id for row in rows), new, strict=True))
        name, found = names_of(self.now), {}
        for row in rows:
            sides = [
                [name[at] for at in (first, *more) if at is not None] or [NOBODY]
                for first, more in ((row.a, row.with_a), (row.b, row.with_b))
            ]
            (a, *with_a), (b, *with_b) = sides
            found[row.id] = Judgement(row.kind, a, b, row.at, with_a=tuple(with_a), with_b=tuple(with_b))
        return found

    def name_of(self, profile: Profile) -> int:
        return next(n for n, members in people(self.now).items() if members == profile)

    def compare(self) -> None:
        now, slow = self.now, self.slow
        assert held(now) == slow.makes()
        assert people(now) == slow.named
        assert list(differences(now, slow.rules)) == []
        name = names_of(now)
        follows = {row.n: Follows(row.pin and name[row.pin], row.closed, row.asleep and name[row.asleep]) for row in now.one_ids}
        assert follows == slow.follows
        assert {row.n: row.n if row.size else row.leads for row in now.one_ids} == {n: slow.leads(n) for n in slow.follows}
        assert {(key, seen.observed) for key, seen in now.versions} == {
            (slow.versions[v].fragment.key, slow.versions[v].fragment.observed_at) for v in slow.counting()
        }


def test_whatever_is_done_in_whatever_order_the_store_is_what_its_evidence_makes(kind: str, open_with: OpenWith, run: Run) -> None:
    examples, most = (settings().max_examples // 5, 30) if kind == "sqlite" else (3, 20)
    chosen = settings(max_examples=examples, phases=[Phase.generate], stateful_step_count=most, deadline=None)
    run_state_machine_as_test(partial(AllAtOnce, open_with, run), settings=chosen)
