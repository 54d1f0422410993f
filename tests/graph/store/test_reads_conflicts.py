"""The steward's work-list: who is on it, in which order, and how somebody leaves it."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import pytest

from graph.conflicts import postpone
from graph.curate import judge, withdraw
from graph.errors import BadCursor, KeyReused, NotFound
from graph.ingest import ingest
from graph.model import Fragment, JudgementKind, Key, Rule
from graph.resolve.rules import Rules
from graph.store.ports import Everything, LinkRow, Store
from graph.store.reading import conflicts
from graph.store.reading.rows import day_of
from graph.views import ConflictView, Page, Want
from tests.build import distinct, fragment, same
from tests.histories import Case, Told, cases, names_of, numbered, over, play, prove
from tests.stores import OpenWith, Run

DAYS = 24 * 60
RULES = """
[[namespace]]
name = "user"
person = true
limit = 1
[[namespace]]
name = "phone"
person = true
[[namespace]]
name = "device"
"""
PARKING = '[[namespace]]\nname = "user"\nlimit = 1\n[[namespace]]\nname = "phone"\nconflict = "park"\n'
SMALL = '[[namespace]]\nname = "user"\n[[namespace]]\nname = "phone"\n[profile]\nmax_identifiers = 2\n'
MEMBERS = Want("identifiers")
WANT = (Want("a", (), (MEMBERS,)), Want("b", (), (MEMBERS,)), Want("links", (("first", 2),)))
ALL = ("user", "mail", "phone", "device", "cookie")


def shown(view: ConflictView) -> tuple[str, str]:
    """The ends of a conflict's first link, by text."""
    link = view.parts["links", (("first", 2),)][0]
    a, b = sorted((link.a.identifier.text, link.b.identifier.text))
    return a, b


async def listed(store: Store, **how: Any) -> list[tuple[str, str]]:
    return [shown(edge.node) for edge in (await store.conflicts(Page(100), WANT, **how)).edges]


def texts(view: Any) -> list[str]:
    return sorted(edge.node.identifier.text for edge in view.parts["identifiers", ()].edges)


# ---------------------------------------------------------------- who is on it


async def test_two_people_held_apart_by_a_limit_are_one_conflict(open_with: OpenWith) -> None:
    async with open_with(RULES) as store:
        for at, user, phone in ((1, 1, 1), (5, 2, 1), (2, 1, 2), (6, 2, 2)):
            await ingest(store, [fragment(f"user:{user}", f"phone:{phone}", at=at)])
        [edge] = (await store.conflicts(Page(), WANT)).edges

    view = edge.node
    assert {tuple(texts(view.a)), tuple(texts(view.b))} == {("user:1",), ("phone:1", "phone:2", "user:2")}
    assert (view.rule, view.namespace, view.link_count, view.postponed) == (Rule.LIMIT, "phone", 2, False)
    links = view.parts["links", (("first", 2),)]
    assert [(link.refused.rule, link.refused.namespace) for link in links] == [(Rule.LIMIT, "user")] * 2
    assert view.last_seen == max(link.last_seen for link in links)
    assert view.id == (links[0].a.id, links[0].b.id)


async def test_a_weaker_end_that_stands_for_no_person_is_shown_where_it_is_asked_for(open_with: OpenWith) -> None:
    async with open_with(RULES) as store:
        for at, user in ((1, 1), (2, 2)):
            await ingest(store, [fragment(f"user:{user}", "device:1", at=at), fragment(f"user:{user}0", "phone:1", at=at)])

        assert await listed(store) == [("phone:1", "user:10")]
        assert await listed(store, namespaces=["device"]) == [("device:1", "user:1")]
        assert await listed(store, namespaces=["device", "phone", "nobody's"]) == [("device:1", "user:1"), ("phone:1", "user:10")]
        assert await listed(store, namespaces=["user"]) == []


@pytest.mark.parametrize(("rules", "rule"), [(PARKING, Rule.PARK), (SMALL, Rule.MAX_IDENTIFIERS)])
async def test_other_rules_that_part_profiles_make_conflicts(open_with: OpenWith, rules: str, rule: Rule) -> None:
    async with open_with(rules) as store:
        await ingest(store, [fragment("user:1", "phone:1", at=1), fragment("user:2", "phone:1", at=2)])
        found = [edge.node for edge in (await store.conflicts(Page(), WANT, namespaces=["phone"])).edges]

    assert {view.rule for view in found} == {rule}
    assert len(found) == (2 if rule is Rule.PARK else 1)  # parked, the phone stands alone


async def test_a_link_refused_beforehand_is_no_conflict(open_with: OpenWith) -> None:
    """Shared, of too low a score, or of a record that contradicts itself."""
    rules = RULES.replace('"phone"\nperson = true', '"phone"\nperson = true\nshared_above = 2\nmin_score = 0.5')
    async with open_with(rules) as store:
        await ingest(store, [fragment(f"user:{n}", "phone:1") for n in range(4)])
        await ingest(store, [fragment("user:7", "phone:7", score=0.3), fragment("user:8", "user:9", "phone:8")])

        assert await listed(store, namespaces=ALL) == []
        assert (await store.stats()).refused_links > 3


async def test_as_many_links_as_asked_for(open_with: OpenWith) -> None:
    async with open_with(RULES) as store:
        for user, other, phones in ((1, 2, (1,)), (3, 4, (2, 3))):
            await ingest(store, [fragment(f"user:{user}", f"phone:{n}", at=1) for n in phones])
            await ingest(store, [fragment(f"user:{other}", f"phone:{n}", at=2) for n in phones])

        assert len(await listed(store)) == 2
        assert await listed(store, min_links=2) == [("phone:2", "user:3")]
        assert await listed(store, min_links=3) == []


# ---------------------------------------------------------------- in which order


async def test_the_latest_day_first_then_the_most_fragments(open_with: OpenWith) -> None:
    async with open_with(RULES) as store:
        for n, day, times in ((1, 3, 1), (2, 5, 1), (3, 5, 3), (4, 4, 9)):
            sightings = [fragment(f"user:{n}", f"phone:{n}", at=day * DAYS + m) for m in range(times)]
            await ingest(store, [*sightings, fragment(f"user:{n}0", f"phone:{n}", at=9 * DAYS)])

        assert [b for _, b in await listed(store)] == ["user:3", "user:2", "user:4", "user:1"]


async def test_pages_show_everybody_once_also_where_pairs_have_many_links(open_with: OpenWith) -> None:
    async with open_with(RULES) as store:
        for n in range(1, 6):
            phones = range(n * 30, n * 30 + 30)
            await ingest(store, [fragment(f"user:{n}", *(f"phone:{p}" for p in phones[k : k + 10]), at=1) for k in (0, 10, 20)])
            await ingest(store, [fragment(f"user:{n}0", f"phone:{p}", at=2 + p % 7 * DAYS) for p in phones])
        whole = await listed(store)
        found, after, more = [], None, True
        while more:
            page = await store.conflicts(Page(2, after), WANT)
            found += [shown(edge.node) for edge in page.edges]
            after, more = page.end, page.has_next

    assert len(whole) == 5
    assert found == whole


async def test_pages_run_through_several_namespaces_at_once(open_with: OpenWith) -> None:
    async with open_with(RULES + '[[namespace]]\nname = "mail"\n') as store:
        for n in range(1, 5):
            for name in ("phone", "device", "mail"):
                await ingest(store, [fragment(f"user:{n}{name}", f"{name}:{n}", at=n), fragment(f"user:{n}{name}2", f"{name}:{n}", at=9)])
        whole = await listed(store, namespaces=ALL)
        found = [view.id for view in await everybody(store, 1, namespaces=ALL)]
        number = {one.text: id for id, one in names_of(await store.everything()).items()}

    assert len(whole) == 12
    assert [{number[a], number[b]} for a, b in whole] == [{*id} for id in found]


async def test_a_page_that_leaves_much_out_is_short_and_its_end_passes_that(open_with: OpenWith, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules[conflicts.__module__]
    monkeypatch.setattr(module, "_LOOKED_AT", 10)
    monkeypatch.setattr(module, "_AT_ONCE", 4)
    async with open_with(RULES) as store:
        for n in range(30):
            await ingest(store, [fragment(f"user:{n}", f"phone:{n}", at=n), fragment(f"user:{n}0", f"phone:{n}", at=50)])
        await ingest(store, [fragment("user:x", "phone:x", "phone:y", at=0), fragment("user:z", "phone:x", "phone:y", at=40)])
        pages, after, more = [], None, True
        while more:
            page = await store.conflicts(Page(1, after), WANT, min_links=2)
            pages.append(len(page.edges))
            assert page.end is not None
            assert page.end != after
            after, more = page.end, page.has_next

    assert sum(pages) == 1
    assert len(pages) > 2


async def test_a_cursor_of_another_list_is_refused(store: Store) -> None:
    with pytest.raises(BadCursor):
        await store.conflicts(Page(20, (1,)), [])


async def test_an_empty_page_repeats_its_cursor(store: Store) -> None:
    page = await store.conflicts(Page(20, (1, 2, 3, 4)), [])

    assert (page.edges, page.has_next, page.end) == ((), False, (1, 2, 3, 4))


# ---------------------------------------------------------------- how somebody leaves it


async def two(store: Store) -> tuple[int, int]:
    """Two people who are in conflict, and one pair more; the id of the first."""
    await ingest(store, [fragment("user:1", "phone:1", at=5, id="r"), fragment("user:2", "phone:1", at=6)])
    await ingest(store, [fragment("user:8", "phone:8", at=3), fragment("user:9", "phone:8", at=4)])
    [first, _] = (await store.conflicts(Page(), WANT)).edges
    return first.node.id


async def node(store: Store, id: tuple[int, int]) -> ConflictView | None:
    [found] = await store.nodes([("conflict", id)], {"conflict": WANT})
    assert found is None or isinstance(found, ConflictView)
    return found


@pytest.mark.parametrize("word", [same("user:1", "user:2", at=9), distinct("user:1", "user:2", at=9), distinct("user:1", "phone:1", at=9)])
async def test_a_decision_takes_it_off_for_good(open_with: OpenWith, word: Any) -> None:
    async with open_with(RULES) as store:
        id = await two(store)
        view = await node(store, id)
        await judge(store, [word])
        await ingest(store, [fragment("user:1", "phone:1", at=7), fragment("user:1", "phone:2", at=7), fragment("user:2", "phone:2", at=8)])

        assert view is not None
        assert shown(view) == ("phone:1", "user:1")
        assert await listed(store) == [("phone:8", "user:8")]
        assert await node(store, id) is None


async def test_who_is_parted_by_a_judgement_on_others_of_their_identifiers_is_decided(open_with: OpenWith) -> None:
    """The phones are told apart after the limit has refused the link: it keeps that reason."""
    rules = RULES + '[[namespace]]\nname = "mail"\n'
    async with open_with(rules) as store:
        id = await two(store)
        await ingest(store, [fragment("user:1", "mail:1"), fragment("user:2", "mail:2")])
        assert await node(store, id) is not None
        await judge(store, [distinct("mail:1", "mail:2", at=9)])

        assert await listed(store) == [("phone:8", "user:8")]
        assert await node(store, id) is None
        with pytest.raises(NotFound):
            await postpone(store, id, reason="later")


async def test_a_parked_conflict_is_decided_like_any_other(open_with: OpenWith) -> None:
    """Its links say `park`, which goes before `distinct`."""
    async with open_with(PARKING) as store:
        await ingest(store, [fragment("user:1", "phone:1", at=1), fragment("user:2", "phone:1", at=2)])
        before = await listed(store, namespaces=["phone"])
        await judge(store, [distinct("user:1", "phone:1", at=9)])

        assert before == [("phone:1", "user:1"), ("phone:1", "user:2")]
        assert await listed(store, namespaces=["phone"]) == [("phone:1", "user:2")]


async def test_evidence_taken_back_takes_the_conflict_along(open_with: OpenWith) -> None:
    async with open_with(RULES) as store:
        id = await two(store)
        await withdraw(store, fragment("user:1", id="r").key, reason="wrong")

        assert await listed(store) == [("phone:8", "user:8")]
        assert await node(store, id) is None


SEEN_AGAIN, SEEN_EARLIER = [fragment("user:1", "phone:1", at=7)], [fragment("user:1", "phone:1", at=1)]
A_LINK_MORE = [fragment("user:1", "phone:4", at=7), fragment("user:2", "phone:4", at=8)]


@pytest.mark.parametrize("news", [SEEN_AGAIN, SEEN_EARLIER, A_LINK_MORE], ids=["seen again", "seen earlier", "a link more"])
async def test_what_is_put_off_comes_back_with_new_evidence(open_with: OpenWith, news: list[Fragment]) -> None:
    async with open_with(RULES) as store:
        id = await two(store)
        await postpone(store, id, reason="asked the shop", by="wang")
        view, after, everybody = await node(store, id), await listed(store), await listed(store, postponed=True)
        await ingest(store, [fragment("user:1", "device:1", at=8), fragment("user:5", "phone:1", at=1)])  # nothing between the two
        still = await listed(store)
        await ingest(store, news)
        back = await listed(store)

    assert view is not None
    assert view.postponed
    assert after == [("phone:8", "user:8")]
    assert everybody == [("phone:1", "user:1"), ("phone:8", "user:8")]
    assert set(still) == {("phone:8", "user:8"), ("phone:1", "user:5")}
    assert {pair for pair in back if {"user:1", "user:2"} & {*pair}}


async def test_less_evidence_is_none_and_what_was_put_off_may_be_again(open_with: OpenWith) -> None:
    async with open_with(RULES) as store:
        id = await two(store)
        await ingest(store, [fragment("user:1", "phone:1", at=2, id="s")])
        await postpone(store, id, reason="later")
        await withdraw(store, fragment("user:1", id="s").key, reason="wrong")
        less = await listed(store)
        await postpone(store, id, reason="later still")
        again = await listed(store)
        await ingest(store, [fragment("user:1", "phone:1", at=3)])

        assert less == again == [("phone:8", "user:8")]
        assert await listed(store) == [("phone:1", "user:1"), ("phone:8", "user:8")]


async def test_a_profile_that_takes_others_in_brings_its_conflicts_along(open_with: OpenWith) -> None:
    """Two pairs become one, and what was put off comes back with the second link."""
    async with open_with(RULES) as store:
        id = await two(store)
        await postpone(store, id, reason="later")
        await judge(store, [same("user:1", "user:8", at=9), same("phone:1", "phone:8", at=9)])
        found = {shown(edge.node): edge.node.link_count for edge in (await store.conflicts(Page(), WANT)).edges}

    assert found == {("phone:1", "user:1"): 2, ("phone:8", "user:9"): 1}


async def test_a_request_to_put_off_is_done_once_by_its_key(open_with: OpenWith) -> None:
    async with open_with(RULES) as store:
        id, key = await two(store), Key("steward/postponeConflict", "k")
        first = await postpone(store, id, reason="later", key=key)
        await ingest(store, SEEN_AGAIN)
        again = await postpone(store, id, reason="later", key=key)

        assert (again.token, again.replayed, first.replayed) == (first.token, True, False)
        assert len(await listed(store)) == 2
        with pytest.raises(KeyReused):
            await postpone(store, id, reason="never", key=key)


@pytest.mark.parametrize("ends", [(1, 2), ("phone:1", "user:2"), ("phone:1", "user:9"), ("phone:1", "phone:1")])
async def test_what_is_no_conflict_cannot_be_put_off(open_with: OpenWith, ends: tuple[Any, Any]) -> None:
    """Unknown, of one profile, or of two that nothing connects."""
    async with open_with(RULES) as store:
        await two(store)
        number = {one.text: id for id, one in names_of(await store.everything()).items()}
        id = (number.get(ends[0], ends[0]), number.get(ends[1], ends[1]))

        assert await node(store, id) is None
        with pytest.raises(NotFound):
            await postpone(store, id, reason="later")


# ---------------------------------------------------------------- who sends what contradicts itself


async def test_sources_of_records_that_contradict_themselves_are_counted(open_with: OpenWith) -> None:
    """Also where another record carries the same pair cleanly; two that are judged the same count as one."""
    rules = RULES.replace('"phone"\nperson = true', '"phone"\nperson = true\nlimit = 2')
    phones = ("phone:1", "phone:2", "phone:3")
    async with open_with(rules) as store:
        await ingest(store, [fragment("user:1", "user:2", source="crm", id="1"), fragment("user:3", "user:4", "phone:9", source="crm")])
        await ingest(
            store, [fragment(*phones, source="web"), fragment("phone:1", "phone:2", source="till"), fragment("user:5", source="app")]
        )
        before = (await store.stats()).contradictions
        await judge(store, [same("phone:1", "phone:3", at=9)])
        judged = (await store.stats()).contradictions
        await withdraw(store, fragment("user:1", source="crm", id="1").key, reason="wrong")
        left = (await store.stats()).contradictions

    assert list(before.items()) == [("crm", 2), ("web", 1)]
    assert judged == {"crm": 2}
    assert left == {"crm": 1}


# ---------------------------------------------------------------- against all there is


class Expected(NamedTuple):
    """A conflict by the links between its profiles: where it stands, what stands there, and how often each link was seen."""

    place: tuple[int, int, int, int]
    ends: frozenset[int]
    seen: Mapping[tuple[int, int], int]


def expected(everything: Everything, rules: Rules, namespaces: Collection[str] | None) -> list[Expected]:
    """The whole list, read from the whole store."""
    name = names_of(everything)
    profile = {member.id: member.profile for member in everything.members}
    between: dict[frozenset[int], list[LinkRow]] = {}
    for row in everything.links:
        if row.refused is not None and not row.barred and row.refused.rule is not Rule.DISTINCT and profile[row.a] != profile[row.b]:
            between.setdefault(frozenset((profile[row.a], profile[row.b])), []).append(row)
    for judgement in everything.judgements:
        if judgement.kind is JudgementKind.DISTINCT and judgement.in_force and (word := judgement.word) is not None:
            for parted in {frozenset((profile[x], profile[y])) for x in word.left for y in word.right}:
                between.pop(parted, None)

    def counts(row: LinkRow) -> bool:
        ranked = max((rules.namespace(name[end].namespace) for end in (row.a, row.b)), key=lambda one: one.rank)
        return ranked.person if namespaces is None else ranked.name in namespaces

    found = []
    for ends, rows in between.items():
        places = sorted((-day_of(row.tally.last or 0), -row.tally.clean, row.a, row.b) for row in rows if counts(row))
        if places:
            found.append(Expected(places[0], ends, {(row.a, row.b): row.tally.clean for row in rows}))
    return sorted(found)


async def everybody(store: Store, first: int, **how: Any) -> list[ConflictView]:
    """The whole list by pages."""
    found: list[ConflictView] = []
    after, more = None, True
    while more:
        page = await store.conflicts(Page(first, after), (), **how)
        found += [edge.node for edge in page.edges]
        after, more = page.end, page.has_next
    return found


@over(cases(10), share=0.2)
def test_after_any_history_the_list_is_what_the_whole_store_makes_of_it(open_with: OpenWith, run: Run, case: Case) -> None:
    """Half-way the first conflict is put off."""

    async def holds(case: Case) -> None:
        rules = Rules.parse(case.rules)
        told, new_id = Told(rules), numbered()
        then: dict[tuple[int, int], int] = {}
        async with open_with(rules) as store:
            for place, step in enumerate(case.steps):
                await play(step, store, told, new_id)
                if place == len(case.steps) // 2 and (some := expected(await store.everything(), rules, ALL)):
                    await postpone(store, (some[0].place[2], some[0].place[3]), reason="later")
                    then = dict(some[0].seen)
            whole = await store.everything()
            for namespaces in (None, ALL, ("device",), ("phone", "cookie")):
                there = expected(whole, rules, namespaces)
                put_off = [all(n <= then.get(pair, 0) for pair, n in one.seen.items()) for one in there]
                views = await everybody(store, 2, namespaces=namespaces, postponed=True)
                assert [view.id for view in views] == [one.place[2:] for one in there]
                assert [{view.a.n, view.b.n} for view in views] == [{*one.ends} for one in there]
                assert [(view.link_count, view.postponed) for view in views] == [
                    (len(one.seen), off) for one, off in zip(there, put_off, strict=True)
                ]
                few = await everybody(store, 3, namespaces=namespaces, min_links=2)
                assert [view.id for view in few] == [
                    one.place[2:] for one, off in zip(there, put_off, strict=True) if not off and len(one.seen) > 1
                ]
                again = await store.nodes([("conflict", view.id) for view in views], {})
                assert again == views

    prove(run, case, holds)
