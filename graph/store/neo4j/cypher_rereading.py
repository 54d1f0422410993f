"""Statements by which evidence is read anew by other rules; as in `graph.store.neo4j.cypher`."""

from __future__ import annotations

from typing import Final

__all__ = [
    "BLOCK_INTERACTIONS",
    "CHANGED_SINCE",
    "FRAGMENTS_AS_SENT",
    "INTERACTIONS_AS_SENT",
    "JUDGEMENTS_AS_SENT",
    "REREAD_CARRIED",
    "REREAD_CARRIES",
    "REREAD_ENDS",
    "REREAD_JUDGEMENTS",
    "REREAD_NO_LONGER",
    "REREAD_VERSIONS",
    "TIES",
    "TURN_BLOCKED",
    "TURN_INTERACTIONS",
]

CHANGED_SINCE: Final = "MATCH (p:Profile) WHERE p.updated > $commit AND p.n > 0 AND p.size > 0 RETURN collect(p.n)"

FRAGMENTS_AS_SENT: Final = """
MATCH (f:Fragment) WHERE f.id > $after
WITH f ORDER BY f.id LIMIT $most
RETURN collect([f.id, f.raw, CASE WHEN f.state = 0 THEN f.traits END])
"""
JUDGEMENTS_AS_SENT: Final = """
MATCH (j:Judgement) WHERE j.id > $after
WITH j ORDER BY j.id LIMIT $most
RETURN collect([j.id, j.raw + coalesce(j.further_a, []) + coalesce(j.further_b, []), null])
"""
INTERACTIONS_AS_SENT: Final = """
CALL () {
    MATCH ()-[r:INTERACTION]->() WHERE r.id > $after RETURN r.id AS id, r.raw AS raw ORDER BY id LIMIT $most
    UNION ALL
    MATCH ()-[r:INTERACTION_BLOCKED]->() WHERE r.id > $after RETURN r.id AS id, r.raw AS raw ORDER BY id LIMIT $most
}
WITH id, raw ORDER BY id LIMIT $most
RETURN collect([id, raw, null])
"""

REREAD_VERSIONS: Final = """
UNWIND $rows AS r
MATCH (f:Fragment {id: r[0]})
SET f.ids = r[1], f.blocked = r[2], f.reread = CASE WHEN r[3] IS NULL THEN f.reread ELSE coalesce(f.reread, []) + r[3] END
"""
REREAD_NO_LONGER: Final = """
UNWIND $rows AS r
MATCH (f:Fragment {id: r[0]})
MATCH (f)-[c:CARRIES]->(i) WHERE i.id IN r[1]
CREATE (f)-[:CARRIED {ended: $commit}]->(i)
DELETE c
"""
REREAD_CARRIES: Final = """
UNWIND $rows AS r
MATCH (f:Fragment {id: r[0]})
UNWIND r[1] AS id
MATCH (i:Identifier {id: id})
CREATE (f)-[:CARRIES]->(i)
"""
REREAD_CARRIED: Final = """
UNWIND $rows AS r
MATCH (f:Fragment {id: r[0]})
UNWIND r[1] AS id
MATCH (i:Identifier {id: id})
CREATE (f)-[:CARRIED {ended: $commit}]->(i)
"""
REREAD_JUDGEMENTS: Final = """
UNWIND $rows AS r
MATCH (j:Judgement {id: r[0]})
SET j.forced = CASE WHEN j.in_force AND NOT r[5] THEN coalesce(j.forced, []) + [$commit, 1] ELSE j.forced END
SET j.a = r[1], j.b = r[2], j.with_a = r[3], j.with_b = r[4], j.in_force = j.in_force AND r[5], j.reread = coalesce(j.reread, []) + r[6]
WITH j, r
MATCH (j)-[k:JUDGES]->(i) WHERE NOT i.id IN r[7]
CREATE (j)-[:JUDGED]->(i)
DELETE k
"""
REREAD_ENDS: Final = """
UNWIND $rows AS r
MATCH (j:Judgement {id: r[0]})
UNWIND r[1] AS id
MATCH (i:Identifier {id: id})
FOREACH (_ IN CASE WHEN j.ended IS NULL AND NOT EXISTS { (j)-[:JUDGES]->(i) } THEN [1] ELSE [] END | CREATE (j)-[:JUDGES]->(i))
FOREACH (_ IN CASE WHEN j.ended IS NOT NULL AND NOT EXISTS { (j)-[:JUDGED]->(i) } THEN [1] ELSE [] END | CREATE (j)-[:JUDGED]->(i))
"""
BLOCK_INTERACTIONS: Final = """
UNWIND $ids AS id
MATCH (a)-[k:INTERACTION {id: id}]->(b) USING INDEX SEEK k:INTERACTION(id)
CREATE (a)-[e:INTERACTION_BLOCKED]->(b)
SET e = properties(k), e.ended = $commit
DELETE k
RETURN collect(DISTINCT [e.origin, e.target, e.type])
"""
TIES: Final = """
UNWIND $rows AS r
MATCH (a:Identifier {id: r[0]})
MATCH (b:Identifier {id: r[1]})
MERGE (a)-[:TIE {type: r[2]}]->(b)
"""
TURN_INTERACTIONS: Final = """
UNWIND $rows AS r
MATCH (a)-[k:INTERACTION {id: r[0]}]->(b) USING INDEX SEEK k:INTERACTION(id)
CREATE (a)-[e:INTERACTION_ENDED]->(b)
SET e = properties(k), e.state = 1, e.ended = $commit, e.hash = k.hash + ':' + toString($commit)
WITH r, k, e, properties(k) AS said
DELETE k
WITH r, e, said
MATCH (a:Identifier {id: r[2]})
MATCH (b:Identifier {id: r[3]})
CREATE (a)-[n:INTERACTION]->(b)
SET n = said, n.id = r[1], n.origin = r[2], n.target = r[3], n.made = $commit
RETURN [collect([e.origin, e.target, e.type]), collect([n.origin, n.target, n.type])]
"""
TURN_BLOCKED: Final = """
UNWIND $rows AS r
MATCH (a)-[k:INTERACTION_BLOCKED {id: r[0]}]->(b) USING INDEX SEEK k:INTERACTION_BLOCKED(id)
OPTIONAL MATCH ()-[o:INTERACTION {source: k.source, record: k.record}]->() USING INDEX SEEK o:INTERACTION(source, record)
CREATE (a)-[e:INTERACTION_ENDED]->(b)
SET e = properties(k), e.state = 1, e.hash = k.hash + ':' + toString($commit)
WITH r, k, properties(k) AS said, o IS NULL AS free
DELETE k
WITH r, said WHERE free
MATCH (a:Identifier {id: r[2]})
MATCH (b:Identifier {id: r[3]})
CREATE (a)-[n:INTERACTION]->(b)
SET n = said, n.id = r[1], n.origin = r[2], n.target = r[3], n.made = $commit, n.ended = null
RETURN [[], collect([n.origin, n.target, n.type])]
"""
