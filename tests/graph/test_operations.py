"""Operations and their previews: a preview changes nothing and shows exactly what the operation does; merging undoes any split."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from random import Random

import pytest

from graph.check import check
from graph.curate import Curated, judge, perform, preview, withdraw
from graph.errors import BadInput, NotFound, Stale
from graph.ingest import ingest
from graph.model import Identifier, Instant, JudgementKind, Key, RecordKey
from graph.operations import Judge, Merge, Operation, Split, Withdraw, WithdrawSource
from graph.outcome import Outcome
from graph.resolve.rules import Rules
from graph.store.ports import Everything, Store
from graph.views import ByIdentifier, ByNumber, ByOneId, Page
from tests.build import distinct, fragment, ids, same
from tests.histories import Case, Told, cases, held, names_of, numbered, over, play, prove
from tests.stores import OpenWith, Run

WHY = "asked to"


def people(everything: Everything) -> dict[int, frozenset[Identifier]]:
    """Identifiers by the number of their OneID."""
    name, found = names_of(everything), dict[int, set[Identifier]]()
    for member in everything.members:
        if member.profile:
            found.setdefault(member.profile, set()).add(name[member.id])
    return {n: frozenset(some) for n, some in found.items()}


async def times_of(store: Store) -> list[Instant | None]:
    """When something was recorded, and None."""
    return [None, *(edge.node.at for edge in (await store.changes(Page(100), ())).edges)]


def some_operation(random: Random, everything: Everything, times: Sequence[Instant | None] = ()) -> Operation | None:
    """Any operation that can be asked for here; with `times` whole sources, too."""
    found = people(everything)
    divisible = [n for n, members in found.items() if len(members) > 1]
    kind = random.choice(["merge", "split", "split", "judge", "withdraw", *(["source"] if times else [])])
    if kind == "merge" and len(found) > 1:
        return Merge(tuple(ByNumber(n) for n in random.sample(sorted(found), min(len(found), random.choice([2, 2, 3])))), WHY)
    if kind == "split" and divisible:
        n = random.choice(divisible)
        members = sorted(found[n])
        detach = random.sample(members, random.randrange(1, len(members)))
        return Split(ByNumber(n), tuple(detach), WHY, together=random.random() < 0.5)
    if kind == "judge" and len(names_of(everything)) > 1:
        return Judge(random.choice([*JudgementKind]), *random.sample(sorted(names_of(everything).values()), 2), WHY)
    if kind == "withdraw" and everything.versions:
        return Withdraw(random.choice(everything.versions)[0], WHY)
    if kind == "source" and everything.versions:
        return WithdrawSource(random.choice(everything.versions)[0].source, random.choice(times), WHY)
    return None


def shown(outcome: Outcome) -> dict[int | None, set[frozenset[Identifier]]]:
    found: dict[int | None, set[frozenset[Identifier]]] = {}
    for left in outcome.profiles:
        found.setdefault(left.n, set()).add(frozenset(left.identifiers))
    return found


@over(cases(most=8), share=0.2)
def test_a_preview_changes_nothing_and_the_operation_does_what_it_showed(open_with: OpenWith, run: Run, case: Case) -> None:
    async def holds(case: Case) -> None:
        rules, random, new_id = Rules.parse(case.rules), Random(str(case)), numbered()
        told = Told(rules)
        async with open_with(rules) as store:
            for step in case.steps:
                await play(step, store, told, new_id)
            for _ in range(4):
                before = await store.everything()
                operation = some_operation(random, before, await times_of(store))
                if operation is None:
                    continue
                try:
                    seen = await preview(store, operation)
                except NotFound:  # of a source nothing came since then
                    continue
                assert await store.everything() == before
                assert (await preview(store, operation)).token == seen.token
                done = await perform(store, operation, token=seen.token, by="ops", new_id=new_id)
                after = await store.everything()
                assert_as_shown(seen.outcome, people(before), people(after))
                await assert_on_record(store, operation, done, seen.outcome, before, after)
                assert (await check(store)).differences == ()

    prove(run, case, holds)


def assert_as_shown(outcome: Outcome, before: dict[int, frozenset[Identifier]], after: dict[int, frozenset[Identifier]]) -> None:
    """Those shown are there as shown, under the OneIDs shown or new ones, and all others are as they were."""
    known, new = shown(outcome), {n: members for n, members in after.items() if n not in before and n not in shown(outcome)}
    assert set(new.values()) == known.pop(None, set())
    assert {n: {after[n]} for n in known} == known
    assert {n: m for n, m in after.items() if n not in known and n not in new} == {
        n: m for n, m in before.items() if n in after and n not in known
    }


async def assert_on_record(
    store: Store, operation: Operation, done: Curated, outcome: Outcome, before: Everything, after: Everything
) -> None:
    """The last entry of the audit is of this operation, with the figures of its preview, and concerns every identifier that it moved."""
    [entry] = [edge.node for edge in (await store.audit(Page(1))).edges]
    assert (entry.n, entry.operation, entry.by, entry.reason) == (done.token, operation.name, "ops", operation.reason)
    changed = {after.changes[seq - 1].n for seq in done.changes}
    figures = {"before": len(changed & people(before).keys()), "after": len(outcome.profiles), "moved": outcome.moved}
    assert {name: entry.figures[name] for name in figures} == figures
    assert {at for seq in done.changes for at in (*after.changes[seq - 1].gained, *after.changes[seq - 1].lost)} <= set(entry.subjects)


@over(cases(most=8), share=0.2)
def test_merging_the_parts_of_a_split_gives_the_profile_back(open_with: OpenWith, run: Run, case: Case) -> None:
    async def holds(case: Case) -> None:
        rules, random, new_id = Rules.parse(case.rules), Random(str(case)), numbered()
        told = Told(rules)
        async with open_with(rules) as store:
            for step in case.steps:
                await play(step, store, told, new_id)
            for n, members in people(await store.everything()).items():
                if len(members) < 2 or people(await store.everything()).get(n) != members:
                    continue
                detach = tuple(random.sample(sorted(members), random.randrange(1, len(members))))
                await perform(store, Split(ByNumber(n), detach, WHY, together=random.random() < 0.5), new_id=new_id)
                parts = [part for part, there in people(await store.everything()).items() if there & members]
                assert not any(
                    there & set(detach) and there & (members - set(detach)) for there in people(await store.everything()).values()
                )
                await perform(store, Merge(tuple(ByNumber(part) for part in parts), WHY), new_id=new_id)

                assert any(members <= there for there in people(await store.everything()).values())
            assert (await check(store)).differences == ()

    prove(run, case, holds)


RULES = """
[[namespace]]
name = "user"
limit = 1
[[namespace]]
name = "phone"
limit = 2
[[namespace]]
name = "device"
[profile]
max_identifiers = 6
"""


@pytest.fixture
async def ruled(open_with: OpenWith) -> AsyncIterator[Store]:
    async with open_with(RULES) as store:
        yield store


async def together(store: Store, *texts: str) -> bool:
    [*found] = await store.profiles_by([ByIdentifier(i) for i in ids(*texts)], ())
    assert all(found)
    return len({view.n for view in found if view}) == 1


def at(*texts: str) -> tuple[ByIdentifier, ...]:
    return tuple(ByIdentifier(i) for i in ids(*texts))


async def test_a_merge_joins_what_a_limit_holds_apart(ruled: Store) -> None:
    await ingest(ruled, [fragment("user:1", "phone:1", "phone:2"), fragment("user:2", "phone:3", "device:1")])

    await perform(ruled, Merge(at("user:1", "device:1"), WHY))

    assert await together(ruled, "user:1", "user:2", "phone:1", "phone:2", "phone:3", "device:1")
    assert (await check(ruled)).differences == ()


async def test_a_merge_overrules_what_was_judged_distinct_even_later_than_now(ruled: Store) -> None:
    await ingest(ruled, [fragment("user:1", "phone:1"), fragment("user:2", "device:1")])
    far = 10**9
    await judge(ruled, [replace(distinct("phone:1", "device:1", at=far), with_b=ids("user:2")), distinct("user:1", "device:1", at=far)])

    await perform(ruled, Merge(at("user:1", "user:2"), WHY))

    assert await together(ruled, "user:1", "user:2", "phone:1", "device:1")


async def test_where_a_merge_cannot_leave_one_profile_its_preview_shows_what_stays_apart_and_why(ruled: Store) -> None:
    await ingest(ruled, [fragment("user:1", *(f"device:{n}" for n in range(4))), fragment("user:2", *(f"device:{n}" for n in range(5, 9)))])
    operation = Merge(at("user:1", "user:2"), WHY)

    seen = await preview(ruled, operation)
    await perform(ruled, operation, token=seen.token)

    assert [(blocker.code, "max_identifiers" in blocker.message) for blocker in seen.outcome.blockers] == [("LIMIT_EXCEEDED", True)]
    assert [len(left.identifiers) for left in seen.outcome.profiles] == [6, 3]
    assert await together(ruled, "user:1", "user:2")


async def test_detached_identifiers_that_hung_together_through_the_rest_fall_apart_unless_together(ruled: Store) -> None:
    await ingest(ruled, [fragment("user:1", "device:1"), fragment("user:1", "device:2", at=1), fragment("user:1", "phone:1", at=2)])
    operation = Split(at("user:1")[0], ids("device:1", "device:2"), WHY)

    apart = await preview(ruled, operation)
    kept = await preview(ruled, replace(operation, together=True))

    assert [len(left.identifiers) for left in apart.outcome.profiles] == [2, 1, 1]
    assert [len(left.identifiers) for left in kept.outcome.profiles] == [2, 2]
    await perform(ruled, replace(operation, together=True), token=kept.token)
    assert await together(ruled, "device:1", "device:2")
    assert not await together(ruled, "device:1", "user:1")
    await ingest(ruled, [fragment("user:1", "device:1", at=9)])
    assert not await together(ruled, "device:1", "user:1")


async def test_an_operation_is_one_judgement_in_the_feed_and_one_decision(ruled: Store) -> None:
    await ingest(ruled, [fragment("user:1", "device:1", "device:2"), fragment("user:2", "phone:3")])
    done = await perform(ruled, Split(at("user:1")[0], ids("device:1", "device:2"), WHY, together=True), by="ada")

    everything = await ruled.everything()
    assert sorted(len(row.ends) for row in everything.judgements) == [2, 3]
    assert {(change.cause_kind, change.cause) for change in everything.changes[done.changes[0] - 1 :]} == {("judgement", 1)}


async def test_a_preview_is_stale_once_its_outcome_changes_and_not_by_facts(ruled: Store) -> None:
    await ingest(ruled, [fragment("user:1", "device:1"), fragment("user:2", "device:2")])
    operation = Merge(at("user:1", "user:2"), WHY)
    seen = await preview(ruled, operation)

    await ingest(ruled, [fragment("user:1", "device:1", at=5, id="again"), fragment("user:3", "device:9")])
    assert (await preview(ruled, operation)).token == seen.token
    await ingest(ruled, [fragment("user:2", "device:3", at=6)])
    before = await ruled.everything()
    with pytest.raises(Stale):
        await perform(ruled, operation, token=seen.token)
    assert await ruled.everything() == before
    with pytest.raises(Stale):
        await perform(ruled, replace(operation, reason="another"), token=(await preview(ruled, operation)).token)


async def test_the_same_key_gives_the_first_answer_again(ruled: Store) -> None:
    await ingest(ruled, [fragment("user:1", "device:1"), fragment("user:2", "device:2")])
    operation, key = Merge(at("user:1", "user:2"), WHY), Key("a key/merge", "1")
    first = await perform(ruled, operation, key=key)

    again = await perform(ruled, operation, key=key)

    assert again == replace(first, replayed=True)


async def test_one_word_may_be_given_again_after_another(ruled: Store) -> None:
    await ingest(ruled, [fragment("user:1"), fragment("phone:1")])
    for kind, expected in [*[(JudgementKind.SAME, True), (JudgementKind.DISTINCT, False)] * 2, (JudgementKind.SAME, True)]:
        await perform(ruled, Judge(kind, *ids("user:1", "phone:1"), WHY))
        assert await together(ruled, "user:1", "phone:1") is expected


BAD: Sequence[tuple[Operation, type[BadInput], tuple[str, ...]]] = [
    (Merge(at("user:1", "nobody:1"), WHY), NotFound, ("profiles", "1")),
    (Merge(at("user:1", "user:guest"), WHY), NotFound, ("profiles", "1")),
    (Merge(at("user:1", "device:1"), WHY), BadInput, ("profiles",)),
    (Merge((ByOneId("never given"), *at("user:1")), WHY), NotFound, ("profiles", "0")),
    (Split(at("user:1")[0], (), WHY), BadInput, ("detach",)),
    (Split(at("user:1")[0], ids("user:1", "device:1"), WHY), BadInput, ("detach",)),
    (Split(at("user:1")[0], ids("device:1", "user:2"), WHY), NotFound, ("detach", "1")),
    (Split(at("nobody:1")[0], ids("device:1"), WHY), NotFound, ("profile",)),
    (Judge(JudgementKind.SAME, *ids("user:1", "user:null"), WHY), BadInput, ("b",)),
    (Judge(JudgementKind.SAME, *ids("user:1", "user: 1"), WHY), BadInput, ("b",)),
    (Withdraw(RecordKey("web", "unknown"), WHY), NotFound, ("record",)),
]


@pytest.mark.parametrize(("operation", "error", "path"), BAD)
async def test_what_cannot_be_asked_for_is_told_by_its_field(
    ruled: Store, operation: Operation, error: type[BadInput], path: tuple[str, ...]
) -> None:
    await ingest(ruled, [fragment("user:1", "device:1"), fragment("user:2")])
    for attempt in (preview, perform):
        with pytest.raises(error) as refused:
            await attempt(ruled, operation)
        assert (type(refused.value), refused.value.path) == (error, path)


async def test_a_profile_is_found_by_a_retired_one_id(ruled: Store) -> None:
    await ingest(ruled, [fragment("user:1"), fragment("user:2")])
    [first, second] = await ruled.profiles_by(at("user:1", "user:2"), ())
    assert first
    assert second
    await judge(ruled, [same("user:1", "user:2", at=1)])
    await ingest(ruled, [fragment("user:3")])

    await perform(ruled, Merge((ByOneId(second.one_id), *at("user:3")), WHY))

    assert await together(ruled, "user:1", "user:2", "user:3")
    assert held(await ruled.everything()).refused == frozenset()


async def test_withdrawing_is_an_operation_too(ruled: Store) -> None:
    await ingest(ruled, [fragment("user:1", "device:1", id="a"), fragment("device:1", "phone:1", id="b")])
    seen = await preview(ruled, Withdraw(RecordKey("web", "b"), WHY))

    await withdraw(ruled, RecordKey("web", "b"), reason=WHY)

    assert [set(left.identifiers) for left in seen.outcome.profiles] == [set(ids("user:1", "device:1"))]
    assert await together(ruled, "user:1", "device:1")
