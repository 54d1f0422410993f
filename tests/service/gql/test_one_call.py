"""Whatever a root field selects, it makes one call to the store."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from graph.store.ports import Store
from tests.service.asking import asking, fragment
from tests.stores import OpenWith


class Counting:
    """A store that counts the reads it is asked for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.reads: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name in READS:
            self.reads[name] += 1
        return found


READS = {
    "profiles_by", "nodes", "profiles", "search", "fragment", "shared_identifiers", "conflicts",
    "changes", "path", "explain", "rules", "stats", "head",
}  # fmt: skip
EVERYTHING = """
    oneId identifiers { totalCount edges { node { value firstSeenAt sources profile { oneId } } } }
    traits { key value identifier { value lastSeenAt } alternatives { value identifier { value } } }
    links { edges { node { a { value sources } b { value } bridge fragments { edges { node { recordId } } } } } }
    refused: links(refused: true) { edges { node { refusedBy { rule } } } }
    fragments { edges { node { identifiers { value } profile { oneId } } } }
    related { edges { node { weight counts { type } profile { oneId traits { value } } } } }
    changes { edges { node { gained { edges { node { value } } } lost { edges { node { value } } } profile { oneId } } } }
    judgements { edges { node { a { value } } } }
    retiredOneIds successor { oneId }
"""


async def test_a_hundred_people_with_all_that_is_known_of_them_are_one_call(open_with: OpenWith) -> None:
    async with open_with() as store:
        counting = Counting(store)
        async with asking(counting, max_cost=1_000_000) as ask:  # type: ignore[arg-type]  # passes everything on
            await ask.ingest(
                *(fragment(f"user_id:u{n}", f"email:u{n}@example.com", id=f"r{n}", traits={"name": f"U {n}"}) for n in range(100))
            )
            await ask.data(RECORD, input={"interactions": [like(n) for n in range(99)]})
            by = [{"identifier": {"namespace": "user_id", "value": f"u{n}"}} for n in range(100)]
            counting.reads.clear()
            found = (await ask.data(f"query ($by: [ProfileBy!]!) {{ profilesBy(by: $by) {{ {EVERYTHING} }} }}", by=by))["profilesBy"]

    assert counting.reads == {"profiles_by": 1}
    assert all(len(one["identifiers"]["edges"]) == 2 and one["links"]["edges"] and one["related"]["edges"] for one in found)


@pytest.mark.parametrize(
    ("query", "read"),
    [
        (f'{{ profile(by: {{oneId: "x"}}) {{ {EVERYTHING} }} }}', "profiles_by"),
        (f"{{ profiles {{ totalCount edges {{ node {{ {EVERYTHING} }} }} }} }}", "profiles"),
        (f'{{ search(text: "u") {{ totalCount edges {{ node {{ {EVERYTHING} }} }} }} }}', "search"),
        ('{ fragment(by: {source: "crm", id: "r1"}) { identifiers { profile { traits { value } } } profile { oneId } } }', "fragment"),
        ("{ sharedIdentifiers { edges { node { sources profile { oneId } } } } }", "shared_identifiers"),
        (
            "{ conflicts { edges { node { a { oneId identifiers { edges { node { sources } } } } b { traits { value } } links { bridge "
            "fragments { edges { node { recordId } } } a { profile { oneId } } } linkCount } } } }",
            "conflicts",
        ),
        ("{ changes { edges { node { gained { edges { node { profile { oneId } } } } profile { oneId } } } } }", "changes"),
        ('{ socialPath(from: {oneId: "x"}, to: {oneId: "y"}) { nodes { profile { traits { value } } } } }', "path"),
        (
            '{ explain(a: {namespace: "user_id", value: "u1"}, b: {namespace: "email", value: "u1@example.com"}) { message path { bridge '
            "fragments { edges { node { recordId } } } a { sources profile { oneId } } } refused { refusedBy { rule } } bridges { id } } }",
            "explain",
        ),
        ("{ rules { toml } }", "rules"),
        ("{ stats { profiles } }", "stats"),
    ],
)
async def test_each_root_field_is_one_call(open_with: OpenWith, query: str, read: str) -> None:
    async with open_with() as store:
        counting = Counting(store)
        async with asking(counting, max_cost=1_000_000) as ask:  # type: ignore[arg-type]  # passes everything on
            await ask.ingest(fragment("user_id:u1", "email:u1@example.com"))
            counting.reads.clear()
            await ask.data(query)

    assert counting.reads == {read: 1}


RECORD = "mutation ($input: RecordInteractionsInput!) { recordInteractions(input: $input) { accepted } }"


def like(n: int) -> dict[str, Any]:
    ends = [{"namespace": "user_id", "value": f"u{place}"} for place in (n, n + 1)]
    return {"id": f"i{n}", "source": "forum", "type": "like", "from": ends[0], "to": ends[1]}
