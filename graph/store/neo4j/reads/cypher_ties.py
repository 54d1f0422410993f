"""Statements that read ties of people, as lists of graph.store.reading.rows.Rows.every_tie; each either way, of ties or interactions."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from graph.social.ties import Direction

__all__ = ["STATEMENTS", "TieStatements", "statements_of"]

# {tie} meets the tie k at the member m with its far end x; {near} and {far} are its ends' people in the order of the interaction
_KEPT: Final = "($types IS NULL OR k.type IN $types)"
_FAR: Final = "MATCH (x)-[:OF]->(q) WHERE $among IS NULL OR q.n IN $among"
_SUMMED: Final = """
WITH {ends}, k.type AS type, sum({times}) AS times, sum(k.weight) AS weight, min({first}) AS first, max({last}) AS last, count(k) AS summed
RETURN collect([origin, target, type, times, weight, first, last, summed])
"""
_EVERY: Final = f"""
UNWIND $people AS n
MATCH (p:Profile {{{{n: n}}}})
MATCH (p)<-[:OF]-(m)
{{tie}} {_KEPT}
{_FAR}
WITH n, q.n AS other, k LIMIT $most
{_SUMMED}
"""
_STRONGEST: Final = f"""
UNWIND $people AS n
MATCH (p:Profile {{{{n: n}}}})
MATCH (p)<-[:OF]-(m)
CALL (m) {{{{
    {{tie}} {_KEPT}
    {_FAR}
    RETURN k, q.n AS other ORDER BY {{order}} DESC, x.id LIMIT $most
}}}}
{_SUMMED}
"""
_CUT: Final = f"""
UNWIND $people AS n
MATCH (p:Profile {{{{n: n}}}})
MATCH (p)<-[:OF]-(m)
WITH n, m WHERE COUNT {{{{ {{tie}} {_KEPT} {_FAR} RETURN 1 AS one LIMIT $most + 1 }}}} > $most
RETURN collect(DISTINCT n)
"""
_TIE: Final = {"times": "k.n", "first": "k.first", "last": "k.last", "order": "k.weight"}
_INTERACTION: Final = {"times": "1", "first": "k.at", "last": "k.at", "order": "k.at"}
_RECENT: Final = "MATCH {pattern} USING INDEX SEEK k:INTERACTION({end}, at) WHERE k.{end} = m.id AND k.at >= $since AND"
_WAYS: Final[dict[tuple[Direction, bool], dict[str, str]]] = {
    (Direction.OUT, False): _TIE | {"tie": "MATCH (m)-[k:TIE]->(x) WHERE", "ends": "n AS origin, other AS target"},
    (Direction.IN, False): _TIE | {"tie": "MATCH (m)<-[k:TIE]-(x) WHERE", "ends": "other AS origin, n AS target"},
    (Direction.OUT, True): _INTERACTION
    | {"tie": _RECENT.format(pattern="()-[k:INTERACTION]->(x)", end="origin"), "ends": "n AS origin, other AS target"},
    (Direction.IN, True): _INTERACTION
    | {"tie": _RECENT.format(pattern="(x)-[k:INTERACTION]->()", end="target"), "ends": "other AS origin, n AS target"},
}


class TieStatements(NamedTuple):
    """Reading all ties, the strongest of each member, and who has more than that."""

    every: str
    strongest: str
    cut: str


_ALL: Final[dict[tuple[Direction, bool], TieStatements]] = {
    way: TieStatements(*(text.format(**words) for text in (_EVERY, _STRONGEST, _CUT))) for way, words in _WAYS.items()
}


def statements_of(way: Direction, *, since: bool) -> TieStatements:
    """The statements for ties from people (OUT) or to them (IN); `since`: of single interactions."""
    return _ALL[way, since]


STATEMENTS: Final[dict[str, Any]] = {
    f"{name}_{'INTERACTION' if since else 'TIE'}_{way.name}".upper(): text
    for (way, since), statements in _ALL.items()
    for name, text in statements._asdict().items()
}
