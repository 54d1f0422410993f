"""What the audit writes under the gate; as in `graph.store.neo4j.cypher`."""

from __future__ import annotations

from typing import Final

__all__ = ["CONCERNED", "FORGET_REASONS", "NEW_DEED"]

NEW_DEED: Final = """
CREATE (e:AuditEntry {
    n: $commit, at: $at, by: $by, key: $key, operation: $operation, reason: $reason, cause_kind: $cause_kind, cause: $cause,
    figures: $figures, asked: $asked
})
WITH e UNWIND $ids AS id
MATCH (i) WHERE elementId(i) = id
CREATE (e)-[:CONCERNS]->(i)
"""
CONCERNED: Final = """
UNWIND $ids AS id
MATCH (i:Identifier {id: id})<-[:CONCERNS]-(e)
WITH DISTINCT e
RETURN collect([e.n, e.asked])
"""
FORGET_REASONS: Final = """
CALL () { UNWIND $ns AS n MATCH (e:AuditEntry {n: n}) SET e.reason = null }
UNWIND $ids AS id
MATCH (i:Identifier {id: id})<-[k:CONCERNS]-(e)
DELETE k
"""
