"""Statements that read conflicts. Lists go in as parameters, one record with one list comes back."""

from __future__ import annotations

from typing import Final

_LINK: Final = "k.n, k.bare, coalesce(k.dirty, 0), k.first, k.last, k.score, k.refused, k.namespace"

NAMESPACES: Final = "MATCH (s:Namespace) WHERE s.no > 0 RETURN collect([s.no, s.name])"
CONFLICTING: Final = f"""
UNWIND $rows AS r
CALL (r) {{
    MATCH (a)-[k:LINK]->(b) USING INDEX SEEK k:LINK(held) WHERE k.held > r[0] AND k.held < r[1]
    RETURN a, k, b ORDER BY k.held LIMIT $most
}}
OPTIONAL MATCH (a)-[:OF]->(p)
OPTIONAL MATCH (b)-[:OF]->(q)
RETURN collect([p.n, q.n, a.id, b.id, {_LINK}])
"""
BETWEEN: Final = f"""
UNWIND $pairs AS pair
MATCH (p:Profile {{n: pair[0]}})
MATCH (q:Profile {{n: pair[1]}})
WITH pair, p, q, p.size <= q.size AS less
WITH pair, CASE WHEN less THEN p ELSE q END AS near, CASE WHEN less THEN q ELSE p END AS far
CALL (near, far) {{
    MATCH (near)<-[:OF]-()-[k:LINK]-(o)
    WITH far, k, o LIMIT $most WHERE k.held IS NOT NULL AND EXISTS {{ (o)-[:OF]->(far) }}
    RETURN k
}}
RETURN collect([pair[0], pair[1], startNode(k).id, endNode(k).id, {_LINK}])
"""
POSTPONED: Final = """
UNWIND $pairs AS pair
CALL (pair) {
    MATCH (x:Postponed {a: pair[0], b: pair[1]}) WHERE x.made > 0
    RETURN x.n AS n ORDER BY x.made DESC LIMIT 1
}
RETURN collect([pair[0], pair[1], n])
"""

STATEMENTS: Final = {name: text for name, text in globals().items() if name.isupper() and not name.startswith("_")}
