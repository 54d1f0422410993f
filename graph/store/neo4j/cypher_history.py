"""Statements that read the past; as in graph.store.neo4j.reads.cypher_evidence. `$commit` is as of when."""

from __future__ import annotations

from typing import Final

__all__ = ["STATEMENTS"]

_THEN: Final = "o.since <= $commit AND coalesce(o.ended, $commit + 1) > $commit"
_WAS: Final = f"""i.id, i.namespace, i.value, i.made,
    COLLECT {{ MATCH (i)-[o:OF|WAS_OF]->(q) WHERE {_THEN} RETURN q.n }}[0],
    size([c IN coalesce(i.flips, []) WHERE c <= $commit]) % 2 = 1, i.groups, i.group"""
_LIVED: Final = """f.id, f.source, f.record, f.observed, made.at, f.score, f.ids, f.traits, f.made, f.state, f.since, f.ended, f.unlinked,
    f.spans, f.marks, f.alone, f.reread"""
_SAID: Final = """j.id, j.kind, j.a, j.b, j.raw, j.at, j.by, j.reason, j.with_a, j.with_b, j.made, j.since, j.ended, j.in_force, j.forced,
    j.spans, j.reread"""
_INTERACTIONS: Final = "MATCH (i:Identifier {id: id})-[k:INTERACTION|INTERACTION_ENDED|INTERACTION_BLOCKED]-()"

OPENED: Final = """
MATCH (c:Commit {n: $commit})
RETURN [COLLECT { MATCH (p:Past {id: 0}) RETURN p.kept_from }[0], c.at, c.seq,
    COLLECT { MATCH (r:Rules) USING INDEX r:Rules(version) WHERE r.version > 0 AND r.made <= $commit
        RETURN r.toml ORDER BY r.version DESC LIMIT 1 }[0],
    COLLECT { MATCH (s:Namespace) USING INDEX s:Namespace(no) WHERE s.no > 0 RETURN [s.no, s.name] }]
"""
TIMES: Final = "UNWIND $commits AS n MATCH (c:Commit {n: n}) RETURN collect([n, c.at])"

# ---------------------------------------------------------------- identity

IDS_OF: Final = "UNWIND $identifiers AS key MATCH (i:Identifier {namespace: key[0], value: key[1]}) RETURN collect(i.id)"
IDENTIFIERS_THEN: Final = f"""
UNWIND $ids AS id
MATCH (i:Identifier {{id: id}}) WHERE i.made <= $commit AND i.value IS NOT NULL
RETURN collect([{_WAS}])
"""
MEMBERS_THEN: Final = f"""
UNWIND $ns AS n
MATCH (p:Profile {{n: n}})
MATCH (p)<-[o:OF|WAS_OF]-(i) WHERE {_THEN}
WITH DISTINCT i
RETURN collect([{_WAS}])
"""
ONE_IDS_THEN: Final = """
CALL () {
    UNWIND $ns AS n MATCH (p:Profile {n: n}) RETURN p
    UNION
    UNWIND $texts AS text MATCH (p:Profile {one_id: text}) RETURN p
}
CALL (p) {
    MATCH (x:Change) USING INDEX x:Change(n, seq) WHERE x.n = p.n AND x.seq <= $position
    RETURN x.made AS changed, x.leads AS leads ORDER BY x.n DESC, x.seq DESC LIMIT 1
}
WITH p, changed, leads, COLLECT {
    MATCH (x:Change) USING INDEX x:Change(n, seq) WHERE x.n = p.n AND x.seq <= $position AND x.leads = p.n
    RETURN x.seq ORDER BY x.n DESC, x.seq DESC LIMIT 1
}[0] AS named
RETURN collect([p.n, p.one_id, p.made, changed, leads, CASE WHEN leads = p.n THEN null ELSE COLLECT {
    MATCH (x:Change) USING INDEX x:Change(n, seq) WHERE x.n = p.n AND x.seq > coalesce(named, 0) AND x.seq <= $position
    RETURN x.made ORDER BY x.n, x.seq LIMIT 1
}[0] END])
"""
LED: Final = """
UNWIND $ns AS n
CALL (n) {
    MATCH (x:Change) USING INDEX x:Change(to, seq) WHERE x.to = n AND x.seq <= $position
    RETURN DISTINCT x.n AS led LIMIT $most
}
RETURN collect(DISTINCT led)
"""

# ---------------------------------------------------------------- evidence

CARRYING: Final = f"""
UNWIND $ids AS id
MATCH (i:Identifier {{id: id}})<-[:CARRIES|CARRIED]-(f) WHERE f.made <= $commit
WITH DISTINCT f LIMIT $most
OPTIONAL MATCH (made:Commit {{n: f.made}})
RETURN collect([{_LIVED}])
"""
CARRYING_BOTH: Final = f"""
UNWIND $pairs AS pair
MATCH (a:Identifier {{id: pair[0]}})
MATCH (b:Identifier {{id: pair[1]}})
WITH pair, a, b, COUNT {{ (a)<-[:CARRIES]-() }} + COUNT {{ (a)<-[:CARRIED]-() }}
    <= COUNT {{ (b)<-[:CARRIES]-() }} + COUNT {{ (b)<-[:CARRIED]-() }} AS less
WITH CASE WHEN less THEN a ELSE b END AS x, CASE WHEN less THEN pair[1] ELSE pair[0] END AS other
MATCH (x)<-[:CARRIES|CARRIED]-(f) WHERE f.made <= $commit AND (other IN f.ids OR other IN f.reread)
WITH DISTINCT f LIMIT $most
OPTIONAL MATCH (made:Commit {{n: f.made}})
RETURN collect([{_LIVED}])
"""
VERSIONS_THEN: Final = f"""
UNWIND $ids AS id
MATCH (f:Fragment {{id: id}}) WHERE f.made <= $commit
OPTIONAL MATCH (made:Commit {{n: f.made}})
RETURN collect([{_LIVED}])
"""
STOOD: Final = """
UNWIND $pairs AS pair
MATCH (a:Identifier {id: pair[0]})
MATCH (b:Identifier {id: pair[1]})
OPTIONAL MATCH (a)-[k:LINK|BARRED]->(b)
WITH pair, k, COLLECT {
    MATCH (a)-[w:WAS_LINK]->(b) WHERE w.ended > $commit RETURN [w.barred, w.refused, w.namespace] ORDER BY w.ended LIMIT 1
}[0] AS before
WHERE k IS NOT NULL OR before IS NOT NULL
RETURN collect(pair + coalesce(before, [type(k) = 'BARRED', k.refused, k.namespace]))
"""
SAID_OF: Final = f"""
UNWIND $ids AS id
MATCH (i:Identifier {{id: id}})<-[:JUDGES|JUDGED]-(j) WHERE j.made <= $commit
WITH DISTINCT j LIMIT $most
RETURN collect([{_SAID}])
"""
SAID_AS: Final = f"""
UNWIND $ids AS id
MATCH (j:Judgement {{id: id}}) WHERE j.made <= $commit
RETURN collect([{_SAID}])
"""
ACTED: Final = f"""
UNWIND $ids AS id
{_INTERACTIONS} WHERE k.made <= $commit AND coalesce(k.ended, $commit + 1) > $commit
WITH DISTINCT k LIMIT $most
RETURN collect([k.id, k.source, k.type, k.origin, k.target, k.at, k.weight])
"""
INTERACTED: Final = f"""
UNWIND $ids AS id
{_INTERACTIONS} WHERE k.made <= $commit AND coalesce(k.ended, k.made + 1) > k.made
WITH id, max(CASE WHEN k.ended <= $commit THEN k.ended ELSE k.made END) AS last
RETURN collect([id, last])
"""

STATEMENTS: Final = {name: text for name, text in globals().items() if name.isupper() and not name.startswith("_")}
