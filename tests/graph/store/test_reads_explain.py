"""Why two identifiers are together or apart, as every store explains it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations, pairwise
from random import Random
from typing import Any, NamedTuple

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.curate import judge, withdraw
from graph.explain import explain, sentence
from graph.ingest import ingest
from graph.model import Identifier, JudgementKind, RecordKey, Refusal, Rule
from graph.resolve.rules import Blocked, Rules
from graph.store.ports import Everything, Store
from graph.views import ExplanationView, LinkView, Standing, Want
from tests.build import distinct, fragment, ids, minute, same
from tests.histories import Case, Told, cases, names_of, numbered, over, play, prove
from tests.stores import OpenWith, Run

LINK = (Want("fragments", (("first", 2),)), Want("bridge"), Want("a", inner=(Want("sources"),)))
WANT = tuple(Want(field, inner=LINK) for field in ("path", "refused", "bridges"))
LIMITED = '[[namespace]]\nname = "user"\nlimit = 1\n[[namespace]]\nname = "mail"\n[[namespace]]\nname = "device"\nshared_above = 3\n'


async def asked(store: Store, a: str, b: str) -> ExplanationView:
    [x, y] = ids(a, b)
    return await explain(store, x, y, WANT)


def said(view: ExplanationView) -> str:
    return sentence(view, lambda one: one.text)


def ends(links: Iterable[LinkView]) -> list[tuple[str, str]]:
    """The ends of links by text, each link's own in order."""
    return [(min(one), max(one)) for one in ((link.a.identifier.text, link.b.identifier.text) for link in links)]


# ---------------------------------------------------------------- together


async def test_together_by_the_strongest_chain_with_its_records(open_with: OpenWith) -> None:
    """Two devices would do in three links; the mail in two of a stronger kind."""
    async with open_with(LIMITED) as store:
        await ingest(store, [fragment("user:1", "device:d", at=1), fragment("device:d", "mail:b", at=1)])
        await ingest(
            store, [fragment("user:1", "mail:a", at=2, source="crm", id="1"), fragment("mail:a", "mail:b", at=3, source="web", id="2")]
        )

        view = await asked(store, "user:1", "mail:b")

    assert (view.standing, view.together, view.cut) == (Standing.TOGETHER, True, False)
    assert [one.text for one in view.chain] == ["user:1", "mail:a", "mail:b"]
    assert ends(view.path) == [("mail:a", "user:1"), ("mail:a", "mail:b")]
    assert [(link.fragment_count, link.first_seen, link.last_seen) for link in view.path] == [
        (1, minute(2), minute(2)),
        (1, minute(3), minute(3)),
    ]
    assert [edge.node.key for link in view.path for edge in link.parts[LINK[0].key].edges] == [RecordKey("crm", "1"), RecordKey("web", "2")]
    assert [link.a.parts[("sources", ())] for link in view.path]
    assert (view.bridges, view.refused, view.counts) == ((), (), (2, 0, 0))
    assert said(view) == (
        "user:1 and mail:b belong together: the strongest chain between them has 2 links, user:1 – mail:a – mail:b; "
        "losing any single link would not part them."
    )


async def test_one_record_is_one_link(open_with: OpenWith) -> None:
    async with open_with(LIMITED) as store:
        await ingest(store, [fragment("user:1", "mail:a", at=2)])

        view = await asked(store, "mail:a", "user:1")

    assert ends(view.path) == ends(view.bridges) == [("mail:a", "user:1")]
    assert [link.parts[("bridge", ())] for link in view.bridges] == [True]
    assert (
        said(view) == "mail:a and user:1 belong together: 1 record carries both, the last one of 2024-01-01; losing 1 link would part them."
    )


async def test_a_judgement_is_a_link_of_the_chain_and_may_be_a_bridge(open_with: OpenWith) -> None:
    async with open_with(LIMITED) as store:
        await ingest(store, [fragment("user:1", "mail:a"), fragment("mail:b", "device:d")])
        await judge(store, [same("mail:a", "mail:b", at=5)])

        view = await asked(store, "user:1", "device:d")

    assert [link.kind for link in view.path] == ["observed", "same", "observed"]
    assert ends(view.bridges) == ends(view.path) == [("mail:a", "user:1"), ("mail:a", "mail:b"), ("device:d", "mail:b")]
    assert "3 links, 1 of them by judgement" in said(view)


async def test_a_judgement_beside_a_record_goes_first_and_neither_is_a_bridge(open_with: OpenWith) -> None:
    async with open_with(LIMITED) as store:
        await ingest(store, [fragment("user:1", "mail:a")])
        await judge(store, [same("user:1", "mail:a", at=5), same("user:1", "mail:a", at=7)])

        view = await asked(store, "user:1", "mail:a")

    assert [(link.kind, link.first_seen) for link in view.path] == [("same", minute(7))]
    assert view.bridges == ()
    assert "a judgement of 2024-01-01 says that they are the same" in said(view)


async def test_a_bridge_names_the_refused_links_that_take_its_place(open_with: OpenWith) -> None:
    """Without the record that holds the two accounts together, their mail is shared by nobody, and leads from one to the other."""
    async with open_with('[[namespace]]\nname = "user"\n[[namespace]]\nname = "mail"\nshared_above = 1\n') as store:
        await ingest(store, [fragment("user:1", "user:2", "mail:m", at=1, id="r"), fragment("user:1", "mail:m", at=2)])
        await ingest(store, [fragment("user:2", "device:d", at=2), fragment("device:d", "mail:m", at=2)])

        view = await asked(store, "user:1", "user:2")
        await withdraw(store, RecordKey("web", "r"), reason="test")
        after = await asked(store, "user:1", "user:2")

    assert ends(view.bridges) == [("user:1", "user:2")]
    assert ends(view.refused) == [("mail:m", "user:1"), ("mail:m", "user:2"), ("device:d", "mail:m")]
    assert said(view).endswith("losing 1 link would part them, unless one of 3 refused links took its place.")
    assert ends(after.path) == [("mail:m", "user:1"), ("device:d", "mail:m"), ("device:d", "user:2")]


async def test_one_and_the_same_is_together(open_with: OpenWith) -> None:
    async with open_with() as store:
        await ingest(store, [fragment("phone:+8613900000001")])

        view = await asked(store, "phone:139 0000 0001", "phone:+86 139-0000-0001")

    assert (view.standing, view.together, view.path) == (Standing.ONE, True, ())
    assert said(view) == "Both are one identifier, phone:+8613900000001."


async def test_a_chain_longer_than_a_list_is_cut_at_100(open_with: OpenWith) -> None:
    async with open_with("") as store:
        await ingest(store, [fragment(f"a:{n:03}", f"a:{n + 1:03}") for n in range(1, 151)])

        view = await asked(store, "a:001", "a:151")

    assert (len(view.path), len(view.bridges), view.counts, len(view.chain)) == (100, 100, (150, 0, 150), 151)
    assert ends(view.path)[:2] == [("a:001", "a:002"), ("a:002", "a:003")]
    assert "150 links, a:001 – a:002 – a:003 – … – a:150 – a:151; losing any one of 150 links would part them" in said(view)


# ---------------------------------------------------------------- apart


async def test_apart_by_refused_links_strongest_first_each_with_its_rule(open_with: OpenWith) -> None:
    async with open_with(LIMITED) as store:
        await ingest(store, [fragment("user:1", "mail:a", at=5), fragment("user:2", "mail:a", at=1)])
        await ingest(
            store, [fragment("user:1", "device:d", at=2), fragment("user:2", "device:d", at=4), fragment("user:2", "device:e", at=4)]
        )
        await ingest(store, [fragment("user:1", "device:e", at=1), fragment("user:1", "device:e", at=3)])

        view = await asked(store, "user:1", "user:2")

    assert (view.standing, view.together, view.path, view.bridges) == (Standing.REFUSED, False, (), ())
    assert ends(view.refused) == [("mail:a", "user:2"), ("device:e", "user:1"), ("device:d", "user:1")]
    assert [link.refused for link in view.refused] == [Refusal(Rule.LIMIT, "user")] * 3
    assert [link.fragment_count for link in view.refused] == [1, 2, 1]
    assert [link.parts[("bridge", ())] for link in view.refused] == [False] * 3
    assert said(view) == (
        "user:1 and user:2 are apart: 3 links between their profiles are not used, the strongest mail:a – user:2, "
        "since the profile would hold more identifiers of one namespace than its limit (namespace user)."
    )


async def test_apart_by_judgement_and_what_it_overrules(open_with: OpenWith) -> None:
    async with open_with("") as store:
        await ingest(store, [fragment("a:1", "b:1"), fragment("a:2", "b:2"), fragment("a:1", "b:2", at=-5)])
        await judge(store, [same("a:1", "a:2", at=1), distinct("a:1", "a:2", at=9)])

        view = await asked(store, "a:1", "b:2")
        judged = view.refused[:2]
        nodes = await store.nodes([("link", (link.judgement,)) for link in judged], {"link": []})

    assert [(link.kind, link.refused) for link in view.refused] == [
        ("distinct", None),
        ("same", Refusal(Rule.DISTINCT)),
        ("observed", Refusal(Rule.DISTINCT)),
    ]
    assert [(one.kind, one.refused) for one in nodes if isinstance(one, LinkView)] == [
        (link.kind, link.refused) for link in view.refused[:2]
    ]
    assert "a judgement of 2024-01-01 holds a:1 – a:2 apart, and 2 links more between their profiles are not used" in said(view)


async def test_a_judgement_that_holds_many_apart_stands_between_any_two_of_them(open_with: OpenWith) -> None:
    async with open_with("") as store:
        await ingest(store, [fragment("a:1"), fragment("a:2"), fragment("a:3"), fragment("a:4"), fragment("a:5")])
        await judge(store, [replace(distinct("a:1", "a:2", at=1), with_a=ids("a:3"), with_b=ids("a:4"))])

        found = {(x, y): (await asked(store, f"a:{x}", f"a:{y}")).standing for x, y in combinations("12345", 2)}

    held = {pair for pair, standing in found.items() if standing is Standing.REFUSED}
    assert held == {("1", "2"), ("1", "4"), ("2", "3"), ("3", "4")}
    assert {found[pair] for pair in found.keys() - held} == {Standing.NOTHING}


async def test_apart_over_others_by_the_shortest_chain_of_refused_links(open_with: OpenWith) -> None:
    async with open_with(LIMITED) as store:
        for n in range(1, 5):  # device n stays with user n + 1
            await ingest(store, [fragment(f"user:{n}", f"device:{n}", at=1), fragment(f"user:{n + 1}", f"device:{n}", at=2)])

        view = await asked(store, "user:4", "user:1")

    assert (view.standing, view.together, view.cut, view.counts) == (Standing.CHAIN, False, False, (0, 3, 0))
    assert ends(view.refused) == [("device:3", "user:3"), ("device:2", "user:2"), ("device:1", "user:1")]
    assert said(view) == (
        "user:4 and user:1 are apart: no link leads from one profile to the other, and the shortest chain over other profiles has 3 "
        "refused links, the first device:3 – user:3, since the profile would hold more identifiers of one namespace than its limit "
        "(namespace user)."
    )


async def test_a_chain_is_at_most_six_links_long(open_with: OpenWith) -> None:
    async with open_with(LIMITED) as store:
        for n in range(1, 9):
            await ingest(store, [fragment(f"user:{n}", f"device:{n}", at=1), fragment(f"user:{n + 1}", f"device:{n}", at=2)])

        six, seven = await asked(store, "user:1", "user:7"), await asked(store, "user:1", "user:8")

    assert (six.standing, six.counts[1]) == (Standing.CHAIN, 6)
    assert (seven.standing, seven.refused, seven.cut) == (Standing.UNFOUND, (), True)
    assert said(seven) == (
        "user:1 and user:8 are apart: no chain of up to 6 refused links was found between them among the 9 profiles looked at."
    )


async def test_apart_with_nothing_between(open_with: OpenWith) -> None:
    async with open_with(LIMITED) as store:
        await ingest(store, [fragment("user:1", "mail:a"), fragment("user:2")])

        view = await asked(store, "mail:a", "user:2")

    assert (view.standing, view.together, view.refused, view.cut) == (Standing.NOTHING, False, (), False)
    assert said(view) == "mail:a and user:2 are apart: no evidence connects them."


async def test_who_is_unknown_or_blocked_is_said_to_be_so(open_with: OpenWith) -> None:
    async with open_with() as store:
        await ingest(store, [fragment("user_id:1"), fragment("user_id:2", source="crm", id="2")])
        await withdraw(store, RecordKey("crm", "2"), reason="test")

        one, both = await asked(store, "user_id:1", "user_id:2"), await asked(store, "phone:+8613900000001", "user_id:3")
        blocked = await asked(store, "user_id:null", "user_id:1")

    assert (one.standing, one.together, one.missing) == (Standing.UNKNOWN, False, ids("user_id:2"))
    assert said(one) == "user_id:2 is not known: no record, interaction or judgement that counts mentions it."
    assert said(both) == (
        "phone:+8613900000001 and user_id:3 are not known: no record, interaction or judgement that counts mentions them."
    )
    assert (blocked.standing, blocked.together) == (Standing.BLOCKED, False)
    assert said(blocked) == "user_id:null is blocked by the rules, so that nobody can be known by it."


async def test_a_shared_identifier_is_apart_from_those_who_share_it(open_with: OpenWith) -> None:
    async with open_with(LIMITED) as store:
        await ingest(store, [fragment(f"user:{n}", "device:d", at=n) for n in range(5)])

        view, between = await asked(store, "user:1", "device:d"), await asked(store, "user:1", "user:2")

    assert [(ends([link])[0], link.refused) for link in view.refused] == [(("device:d", "user:1"), Refusal(Rule.SHARED))]
    assert ends(between.refused) == [("device:d", "user:1"), ("device:d", "user:2")]


# ---------------------------------------------------------------- after any history


class Known(NamedTuple):
    """A store read as a whole: who belongs where, what joins, what is refused, who is held apart."""

    owner: dict[Identifier, int]
    joining: list[tuple[Identifier, Identifier]]
    refused: set[tuple[str, str, str]]
    apart: list[tuple[set[int], set[int]]]
    over: nx.Graph[int]


def known(everything: Everything) -> Known:
    name = names_of(everything)
    owner = {name[member.id]: member.profile for member in everything.members if member.profile}
    joining = [(name[row.a], name[row.b]) for row in everything.links if row.refused is None]
    refused = [(name[row.a], name[row.b], "observed") for row in everything.links if row.refused is not None]
    apart = []
    for judgement in everything.judgements:
        if (word := judgement.word) is None:
            continue
        left, right = ([name[one] for one in side] for side in (word.left, word.right))
        if word.kind is JudgementKind.DISTINCT:
            apart += [({owner[one] for one in left}, {owner[one] for one in right})] if judgement.in_force else []
        elif left == right:
            continue
        elif judgement.in_force:
            joining.append((left[0], right[0]))
        else:
            refused.append((left[0], right[0], "same"))
    over: nx.Graph[int] = nx.Graph()
    over.add_nodes_from(owner.values())
    over.add_edges_from((owner[a], owner[b]) for a, b, _ in refused)
    texts = {(min(a.text, b.text), max(a.text, b.text), kind) for a, b, kind in refused}
    return Known(owner, joining, texts, apart, over)


def check_together(view: ExplanationView, of: Known, rules: Rules) -> None:
    places = {one: (rules.namespace(one.namespace).rank, one.namespace) for one in of.owner}
    ranks = sorted(set(places.values()))

    def within(most: Any) -> nx.Graph[Identifier]:
        graph: nx.Graph[Identifier] = nx.Graph()
        graph.add_nodes_from(of.owner)
        graph.add_edges_from((a, b) for a, b in of.joining if max(places[a], places[b]) <= most)
        return graph

    widest = next(rank for rank in ranks if nx.has_path(within(rank), view.a, view.b))
    steps = [*pairwise(view.chain)]
    assert (view.chain[0], view.chain[-1]) == (view.a, view.b)
    assert len(steps) == nx.shortest_path_length(within(widest), view.a, view.b)
    assert all(within(widest).has_edge(*step) for step in steps)
    assert ends(view.path) == [(min(a.text, b.text), max(a.text, b.text)) for a, b in steps]
    assert all(link.refused is None and link.kind != "distinct" for link in view.path)
    bridges = set()
    for place, (a, b) in enumerate(of.joining):
        left: nx.Graph[Identifier] = nx.Graph([*of.joining[:place], *of.joining[place + 1 :]])
        left.add_nodes_from([view.a, view.b])
        if not nx.has_path(left, view.a, view.b):
            bridges.add((min(a.text, b.text), max(a.text, b.text)))
    assert set(ends(view.bridges)) == bridges
    assert all(link.parts[("bridge", ())] for link in view.bridges)
    assert set(ends(view.refused)) <= {(a, b) for a, b, _ in of.refused}


def check_apart(view: ExplanationView, of: Known) -> None:
    p, q = of.owner[view.a], of.owner[view.b]
    named = {one.text: n for one, n in of.owner.items()}
    between = {one for one in of.refused if {named[one[0]], named[one[1]]} == {p, q}}
    apart = sum((p in left and q in right) or (q in left and p in right) for left, right in of.apart)
    shown = [link for link in view.refused if link.kind != "distinct"]
    assert not view.together
    assert (view.path, view.bridges) == ((), ())
    if between or apart:
        assert view.standing is Standing.REFUSED
        assert [link.kind for link in view.refused[:apart]] == ["distinct"] * apart
        assert {(*ends([link])[0], str(link.kind)) for link in shown} == between
        assert view.counts[1] == len(view.refused)
    elif nx.has_path(of.over, p, q):
        length = nx.shortest_path_length(of.over, p, q)
        assert (view.standing, view.counts[1]) == ((Standing.CHAIN, length) if length <= 6 else (Standing.UNFOUND, 0))
        reached = {p}
        for one in ends(view.refused):
            far = {named[text] for text in one}
            assert far & reached
            reached = far - reached
        assert not view.refused or q in reached
        assert all(link.refused is not None for link in view.refused)
    elif view.standing is not Standing.NOTHING:
        assert view.standing is Standing.UNFOUND
        assert sum(max(nx.single_source_shortest_path_length(of.over, n).values()) for n in (p, q)) >= 6


@over(cases(), share=0.2)
def test_after_any_history_every_two_are_explained_by_what_the_store_holds(open_with: OpenWith, run: Run, case: Case) -> None:
    async def holds(case: Case) -> None:
        rules = Rules.parse(case.rules)
        told, new_id, random = Told(rules), numbered(), Random(str(case))
        async with open_with(rules) as store:
            for step in case.steps:
                await play(step, store, told, new_id)
            of = known(await store.everything())
            two_and_two = [*combinations(sorted(of.owner), 2)]
            for a, b in random.sample(two_and_two, min(12, len(two_and_two))):
                view = await store.explain(a, b, WANT)
                assert not view.cut or view.standing is Standing.UNFOUND
                if of.owner[a] == of.owner[b]:
                    assert view.standing is Standing.TOGETHER
                    check_together(view, of, rules)
                else:
                    check_apart(view, of)

    prove(run, case, holds)


@over(cases(), share=0.2)
def test_without_a_bridge_two_part_or_the_answer_named_the_refused_link_that_takes_its_place(
    open_with: OpenWith, run: Run, case: Case
) -> None:
    """Another store never hears of what carries the bridge."""

    async def holds(case: Case) -> None:
        rules = Rules.parse(case.rules)
        told, new_id, random = Told(rules), numbered(), Random(str(case))
        async with open_with(rules) as store:
            for step in case.steps:
                await play(step, store, told, new_id)
            of = known(await store.everything())
            two = [(a, b) for a, b in combinations(sorted(of.owner), 2) if of.owner[a] == of.owner[b]]
            views = [await store.explain(a, b, WANT) for a, b in random.sample(two, min(6, len(two)))]
        for view in [one for one in views if one.bridges][:3]:
            bridge = random.choice(view.bridges)
            gone = {bridge.a.identifier, bridge.b.identifier}
            async with open_with(rules) as other:
                await ingest(other, [one for one in told.active() if not gone <= normalised(one.identifiers, rules)], new_id=numbered())
                kept = [one for one in told.judgements if one.kind is not JudgementKind.SAME or normalised((one.a, one.b), rules) != gone]
                await judge(other, kept)
                after = await other.explain(view.a, view.b, WANT)
            if after.together:
                assert set(ends(after.path)) & set(ends(view.refused))

    prove(run, case, holds)


def normalised(raw: Iterable[Identifier], rules: Rules) -> set[Identifier]:
    return {form for one in raw if not isinstance(form := rules.normalise(one), Blocked)}


@settings(max_examples=30)
@given(st.permutations(range(7)))
def test_the_order_of_arrival_changes_no_explanation(open_with: OpenWith, run: Run, order: list[int]) -> None:
    evidence = [
        fragment("user:1", "device:d", at=1, id="1"),
        fragment("user:2", "device:d", at=2, id="2"),
        fragment("user:1", "device:e", at=2, id="3"),
        fragment("user:2", "device:e", at=2, id="4"),
        fragment("device:e", "device:d", at=2, id="5"),
        fragment("user:2", "mail:a", at=2, id="6"),
        fragment("mail:a", "device:f", at=2, id="7"),
    ]

    async def explained(arriving: Iterable[int]) -> list[Any]:
        async with open_with(LIMITED) as store:
            for n in arriving:
                await ingest(store, [evidence[n]])
            views = [await asked(store, *pair) for pair in (("user:1", "user:2"), ("device:f", "device:e"), ("user:2", "device:f"))]
            return [(said(view), ends(view.path), ends(view.refused), ends(view.bridges)) for view in views]

    assert run(explained(order)) == run(explained(range(7)))
