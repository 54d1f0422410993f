"""Statements that read evidence and OneIDs as of a commit, page by page; each gives [last key of the page, rows], None where a row did
not count then."""

from __future__ import annotations

from typing import Final

__all__ = [
    "INTERACTIONS_AS_OF",
    "INTERACTIONS_ENDED_SINCE",
    "JUDGEMENTS_AS_OF",
    "ONE_IDS_AS_OF",
    "SIGHTINGS_AS_OF",
]

_COUNTED: Final = (
    "(coalesce(x.since, x.made) <= $commit AND coalesce(x.ended, $commit + 1) > $commit"
    " OR any(k IN range(0, size(coalesce(x.spans, [])) - 1, 2) WHERE x.spans[k] <= $commit AND x.spans[k + 1] > $commit))"
)
"""A version or judgement x counted at that commit: in its present span, or in one before a revert brought it back."""

SIGHTINGS_AS_OF: Final = f"""
MATCH (f:Fragment) WHERE f.id > $after
WITH f ORDER BY f.id LIMIT $most
RETURN [max(f.id), collect(CASE WHEN size(f.raw) > 0 AND ({_COUNTED.replace("x.", "f.")}) THEN
    [f.observed, f.score, f.raw, coalesce(f.unlinked <= $commit, false)] END)]
"""
JUDGEMENTS_AS_OF: Final = f"""
MATCH (j:Judgement) WHERE j.id > $after
WITH j ORDER BY j.id LIMIT $most
RETURN [max(j.id), collect(CASE WHEN {_COUNTED.replace("x.", "j.")} THEN
    [j.kind, j.raw, j.at, j.by, j.reason, coalesce(j.further_a, []), coalesce(j.further_b, [])] END)]
"""
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
    }) END AS closed,
    head(COLLECT {
        MATCH (x:Change) USING INDEX x:Change(n, seq) WHERE x.n = p.n AND x.seq <= $position
        RETURN x.leads ORDER BY x.n DESC, x.seq DESC LIMIT 1
    }) AS leads
OPTIONAL MATCH (i:Identifier {id: pin})
OPTIONAL MATCH (c:Profile {n: closed})
OPTIONAL MATCH (l:Profile {n: leads})
WITH p, i, c, l ORDER BY p.n
RETURN [max(p.n), collect(CASE WHEN p.made <= $commit THEN [p.n, p.one_id, i.namespace + ':' + i.value, c.one_id, l.one_id] END)]
"""
