"""The audit finds every way in which a store may be off: each derived value of a rich store is falsified in turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from graph import interactions
from graph.check import check, differences
from graph.curate import judge, withdraw
from graph.ingest import ingest
from graph.model import Interaction, RecordKey, Refusal, Rule
from graph.resolve.links import Tally
from graph.resolve.rules import Rules
from graph.store.ports import BARRED, JUDGED, PARKED, SHARED, Everything, LinkRow, OneIdRow, Store
from tests.build import distinct, fragment, ids, minute, same
from tests.stores import OpenWith

RULES = """
[[namespace]]
name = "user"
limit = 1
[[namespace]]
name = "mail"
min_score = 0.5
[[namespace]]
name = "phone"
conflict = "park"
[[namespace]]
name = "device"
shared_above = 2
[[namespace]]
name = "cookie"
[profile]
max_identifiers = 4
"""


async def fill(store: Store) -> None:
    """Something of every kind: refusals by each rule, groups, parked, shared and cut-off identifiers, OneIDs in every state."""
    await ingest(store, [fragment("mail:x"), fragment("cookie:first", id="asleep")])
    await ingest(store, [fragment("mail:y"), fragment("cookie:q")])
    await ingest(store, [fragment("mail:x", "mail:y"), fragment("cookie:q", "mail:x", id="closes")])
    await ingest(
        store,
        [
            fragment("user:1", "mail:a", "device:1", at=1, traits={"name": "Ada"}),
            fragment("user:1", "device:1", at=7, score=0.8),
            fragment("user:2", "device:1", "cookie:c", at=2),
            fragment("user:3", "device:2"),
            fragment("user:4", "device:2"),
            fragment("user:5", "device:2"),
            fragment("user:3", "phone:p", at=3),
            fragment("user:4", "phone:p", at=4),
            fragment("user:6", "user:7", "phone:z"),
            fragment("user:8", "mail:b", score=0.2),
            *(fragment("user:9", f"cookie:{n}", at=n) for n in range(1, 7)),
        ],
    )
    await judge(
        store, [same("mail:a", "mail:n"), distinct("user:8", "mail:b"), same("user:1", "user:8", at=3), distinct("user:1", "user:8", at=4)]
    )
    one, two = ids("user:1", "user:2")
    await interactions.record(store, [Interaction("app", n, "like", one, two, minute(1)) for n in "ab"])
    await withdraw(store, RecordKey("web", "asleep"), reason="asked to")


@pytest.fixture
async def sound(open_with: OpenWith) -> Everything:
    """All of a store in which everything is right."""
    async with open_with(RULES) as store:
        await fill(store)
        report = await check(store)
        assert report.differences == ()
        everything = await store.everything()
        assert report.counted == {
            "identifiers": len(everything.members),
            "fragments": len(everything.versions),
            "links": len(everything.links),
            "one_ids": len(everything.one_ids),
            "changes": len(everything.changes),
        }
        return everything


def found(everything: Everything) -> list[str]:
    return list(differences(everything, Rules.parse(RULES)))


def others(value: Any) -> Iterator[Any]:
    """Values like this one, but wrong."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, value - 1 if value else value + 2)
    elif isinstance(value, str):
        yield f"{value}?"
    elif isinstance(value, Tally):
        yield replace(value, clean=value.clean + 1)
        yield replace(value, dirty=value.dirty + 1)
        yield replace(value, bare=value.bare + 1)
        yield replace(value, last=(value.last or 0) + 1)
        yield replace(value, first=(value.first or 0) - 1)
        yield replace(value, top=(value.top or 0.0) + 0.1)
    elif isinstance(value, Refusal):
        yield None
        yield Refusal(Rule.DISTINCT if value.rule is not Rule.DISTINCT else Rule.PARK)
    elif isinstance(value, dict):
        yield {**value, max(value, default=0) + 1: 1}
        yield {key: count + 1 for key, count in value.items()}
    elif value is None:
        yield 1


def falsified(rows: list[Any], *fields: str) -> Iterator[tuple[str, list[Any]]]:
    """The rows with one of these fields wrong in one of them."""
    for n, row in enumerate(rows):
        for name in fields:
            for wrong in [Refusal(Rule.PARK)] if name == "refused" and row.refused is None else others(getattr(row, name)):
                yield f"{name} of {row} as {wrong}", [*rows[:n], row._replace(**{name: wrong}), *rows[n + 1 :]]


def without_one(rows: list[Any]) -> Iterator[tuple[str, list[Any]]]:
    for n, row in enumerate(rows):
        yield f"without {row}", rows[:n] + rows[n + 1 :]


def test_the_store_falsified_below_holds_something_of_every_kind(sound: Everything) -> None:
    rules = {(row.refused.rule, row.barred) for row in sound.links if row.refused}
    states = {(row.size > 0, row.closed is not None, row.leads is not None) for row in sound.one_ids}

    assert rules >= {
        (Rule.CONTRADICTION, True),
        (Rule.SCORE, True),
        (Rule.SHARED, True),
        (Rule.MAX_IDENTIFIERS, True),
        (Rule.PARK, False),
        (Rule.LIMIT, False),
    }
    assert states == {(True, False, False), (False, True, True), (False, False, True), (False, False, False)}
    for flag in (SHARED, PARKED, JUDGED, BARRED):
        assert any(member.flags & flag for member in sound.members)
    assert any(member.group for member in sound.members)
    assert {row.in_force for row in sound.judgements} == {True, False}


def test_memberships_and_marks_are_compared(sound: Everything) -> None:
    profiles = {member.profile for member in sound.members}
    for n, member in enumerate(sound.members):
        wrong = [member._replace(profile=other) for other in profiles - {member.profile}]
        wrong += [member._replace(flags=member.flags ^ flag) for flag in (SHARED, PARKED) if member.profile]
        wrong += [member._replace(flags=member.flags ^ flag) for flag in (JUDGED, BARRED) if member.flags & flag]
        wrong += [member._replace(group=other) for other in (None, sound.members[0].id) if other != member.group]
        for one in wrong:
            assert found(sound._replace(members=[*sound.members[:n], one, *sound.members[n + 1 :]])), one


def test_judgements_in_force_are_compared(sound: Everything) -> None:
    for what, rows in falsified(sound.judgements, "in_force"):
        assert found(sound._replace(judgements=rows)), what


def test_links_are_compared(sound: Everything) -> None:
    for what, rows in falsified(sound.links, "tally", "barred", "refused"):
        assert found(sound._replace(links=rows)), what
    for what, rows in without_one(sound.links):
        assert found(sound._replace(links=rows)), what
    a, b = sorted(member.id for member in sound.members)[:2]
    unheard = LinkRow(a, b, Tally(1, 1, 0, 0, 0, None), False, None)
    if (a, b) not in {(row.a, row.b) for row in sound.links}:
        assert found(sound._replace(links=[*sound.links, unheard]))
    assert found(sound._replace(links=[*sound.links, sound.links[0]]))


def test_one_ids_are_compared(sound: Everything) -> None:
    named = [row for row in sound.one_ids if row.size]
    for what, rows in falsified(sound.one_ids, "leads"):
        assert found(sound._replace(one_ids=rows)), what
    rest = [row for row in sound.one_ids if not row.size]
    for what, rows in falsified(named, "size", "counts", "kind", "contested", "aliases"):
        assert found(sound._replace(one_ids=[*rest, *rows])), what
    for what, rows in without_one(named):
        assert found(sound._replace(one_ids=[*rest, *rows])), what
    assert found(sound._replace(one_ids=_named_alike(sound.one_ids)))


def _named_alike(rows: list[OneIdRow]) -> list[OneIdRow]:
    return [rows[0]._replace(one_id=rows[1].one_id), *rows[1:]]


def test_pins_and_closures_are_compared_with_names(sound: Everything) -> None:
    """Pins and closures are truth themselves; what is found is a name that does not follow from them."""
    members = {member.id: member.profile for member in sound.members}
    for n, row in enumerate(sound.one_ids):
        wrong = [row._replace(pin=None), row._replace(closed=row.n + 1)] if row.closed is None else [row._replace(closed=row.closed + 1)]
        if row.pin is not None:
            wrong += [row._replace(pin=at) for at in members if members[at] != members[row.pin]]
        for one in wrong:
            assert found(sound._replace(one_ids=[*sound.one_ids[:n], one, *sound.one_ids[n + 1 :]])), one


def test_the_feed_is_replayed(sound: Everything) -> None:
    for n, change in enumerate(sound.changes):
        last = change.n not in {later.n for later in sound.changes[n + 1 :]}
        wrong = [change._replace(gained=change.gained[1:])] if change.gained else []
        wrong += [change._replace(lost=change.lost[1:])] if change.lost else []
        wrong += [change._replace(lost=(*change.lost, 1)), change._replace(gained=(*change.gained, 1))]
        wrong += [change._replace(leads=(change.leads or 0) + 1)] if last else []
        for one in wrong:
            assert found(sound._replace(changes=[*sound.changes[:n], one, *sound.changes[n + 1 :]])), one
    for what, changes in without_one(sound.changes):
        assert found(sound._replace(changes=changes)), what


def test_facts_are_compared(sound: Everything) -> None:
    for one in sound.carried:
        assert found(sound._replace(carried=sound.carried - {one})), one
    assert found(sound._replace(carried=sound.carried | {(sound.members[0].id, 1, 9_999)}))
    key, seen = sound.versions[0]
    assert found(sound._replace(versions=[*sound.versions, (key, seen._replace(version=9_999))]))
    for tie, (n, weight, first, last) in sound.ties.items():
        for wrong in (
            (n + 1, weight, first, last),
            (n, weight + 0.5, first, last),
            (n, weight, first - 1, last),
            (n, weight, first, last + 1),
        ):
            assert found(sound._replace(ties={**sound.ties, tie: wrong})), wrong
    assert found(sound._replace(ties={}))
    assert found(sound._replace(ties={**sound.ties, (1, 2, "like"): (1, 1.0, 0, 0)}))


def test_a_difference_names_no_value(sound: Everything) -> None:
    """Not an identifier's, not a trait's: numbers and OneIDs only."""
    nobody = [member._replace(profile=0) for member in sound.members]
    told = found(sound._replace(members=nobody, links=[], changes=[], ties={}, carried=set()))

    assert len(told) > 40
    assert not [line for line in told for word in ("Ada", "user:", "mail:", "cookie:", "device:", "phone:") if word in line]
