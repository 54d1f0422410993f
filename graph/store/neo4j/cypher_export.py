"""Statements that read evidence and OneIDs as of a commit, page by page; each gives [last key of the page, rows], None where a row did
not count then."""

from __future__ import annotations

from typing import Final

__all__ = [
    "INTERACTIONS_AS_OF",
    "INTERACTIONS_ENDED_SINCE",
    "JUDGEMENTS_AS_OF",
    "NAMED",
    "ONE_IDS_AS_OF",
    "SIGHTINGS_AS_OF",
]

SIGHTINGS_AS_OF: Final = """
MATCH (f:Fragment) WHERE f.id > $after
WITH f ORDER BY f.id LIMIT $most
RETURN [max(f.id), collect(CASE WHEN f.made <= $commit AND coalesce(f.ended, $commit + 1) > $commit THEN [f.observed, f.score, f.raw] END)]
"""
JUDGEMENTS_AS_OF: Final = """
MATCH (j:Judgement) WHERE j.id > $after
WITH j ORDER BY j.id LIMIT $most
RETURN [max(j.id), collect(CASE WHEN j.made <= $commit AND coalesce(j.ended, $commit + 1) > $commit THEN
    [j.kind, j.raw, j.at, j.by, j.reason,
        [x IN [j.a] + coalesce(j.with_a, []) WHERE x IS NOT NULL], [x IN [j.b] + coalesce(j.with_b, []) WHERE x IS NOT NULL]] END)]
"""
NAMED: Final = "UNWIND $ids AS id MATCH (i:Identifier {id: id}) RETURN collect([i.id, i.namespace, i.value])"
INTERACTIONS_AS_OF: Final = """
MATCH ()-[r:INTERACTION]->() WHERE r.id > $after
WITH r ORDER BY r.id LIMIT $most
RETURN [max(r.id), collect(CASE WHEN r.made <= $commit THEN [r.type, r.source, r.record, r.raw, r.at, r.weight] END)]
"""
INTERACTIONS_ENDED_SINCE: Final = """
MATCH ()-[r:INTERACTION_ENDED]->() WHERE r.made <= $commit AND r.ended > $commit AND r.id > $after
WITH r ORDER BY r.id LIMIT $most
RETURN [max(r.id), collect([r.id, r.ended, [r.type, r.source, r.record, r.raw, r.at, r.weight]])]
"""
ONE_IDS_AS_OF: Final = """
MATCH (p:Profile) WHERE p.n > $after
WITH p ORDER BY p.n LIMIT $most
WITH p,
    CASE WHEN p.since <= $commit THEN p.pin ELSE head(COLLECT {
        MATCH (p)-[w:WAS_PINNED]->(i) WHERE w.since <= $commit AND w.ended > $commit RETURN i.id
    }) END AS pin,
    CASE WHEN p.since <= $commit THEN p.closed ELSE head(COLLECT {
        MATCH (p)-[w:WAS_CLOSED]->(q) WHERE w.since <= $commit AND w.ended > $commit RETURN q.n
    }) END AS closed
OPTIONAL MATCH (i:Identifier {id: pin})
OPTIONAL MATCH (c:Profile {n: closed})
WITH p, i, c ORDER BY p.n
RETURN [max(p.n), collect(CASE WHEN p.made <= $commit THEN [p.n, p.one_id, i.namespace + ':' + i.value, c.one_id] END)]
"""
