"""Statements that read identifiers and OneIDs. Lists go in as parameters, one record with one list comes back.

Where a list is ordered by what comes after an equal first property of an index, both are named, so that the index gives the order.
What hangs on a node is met from that node, so the far ends carry no label: the planner would take some of them out of an index for
everybody. A face is what graph.store.reading.rows.Face holds; a view ends with how many members were met, which must be its size.
"""

from __future__ import annotations

from typing import Final

_FACE: Final = "i.id, i.namespace, coalesce(i.value, ''), coalesce(i.flags, 0), i.group"
_VIEW: Final = """p.n, p.one_id, p.kind, p.size, p.updated, now, made.at, changed.at, gone.at, COUNT { (p)<-[:OF]-() }"""
_COMMITS: Final = """
OPTIONAL MATCH (made:Commit {n: p.made})
OPTIONAL MATCH (changed:Commit {n: p.updated})
OPTIONAL MATCH (gone:Commit {n: p.retired})
"""

# ---------------------------------------------------------------- identifiers

FACES: Final = f"""
UNWIND $ids AS id
MATCH (i:Identifier {{id: id}})
OPTIONAL MATCH (i)-[:OF]->(p)
RETURN collect([{_FACE}, p.n])
"""
SPANS: Final = """
UNWIND $ids AS id
MATCH (i:Identifier {id: id})
CALL (i) { MATCH (i)<-[:CARRIES]-(f) RETURN min(f.observed) AS first, max(f.observed) AS last }
OPTIONAL MATCH (made:Commit {n: i.made})
RETURN collect([id, first, last,
    COLLECT { MATCH ()-[k:INTERACTION]->() USING INDEX SEEK k:INTERACTION(origin, at)
        WHERE k.origin = i.id AND k.at >= $earliest RETURN k.at ORDER BY k.origin, k.at LIMIT 1 },
    COLLECT { MATCH ()-[k:INTERACTION]->() USING INDEX SEEK k:INTERACTION(origin, at)
        WHERE k.origin = i.id AND k.at >= $earliest RETURN k.at ORDER BY k.origin DESC, k.at DESC LIMIT 1 },
    COLLECT { MATCH ()-[k:INTERACTION]->() USING INDEX SEEK k:INTERACTION(target, at)
        WHERE k.target = i.id AND k.at >= $earliest RETURN k.at ORDER BY k.target, k.at LIMIT 1 },
    COLLECT { MATCH ()-[k:INTERACTION]->() USING INDEX SEEK k:INTERACTION(target, at)
        WHERE k.target = i.id AND k.at >= $earliest RETURN k.at ORDER BY k.target DESC, k.at DESC LIMIT 1 },
    made.at])
"""
SOURCES: Final = """
UNWIND $ids AS id
MATCH (i:Identifier {id: id})
CALL (i) {
    MATCH (i)<-[:CARRIES]-(f) WITH f ORDER BY f.observed DESC, f.id DESC LIMIT $sightings RETURN DISTINCT f.source AS source
    UNION
    MATCH ()-[k:INTERACTION]->() USING INDEX SEEK k:INTERACTION(origin, at) WHERE k.origin = i.id AND k.at >= $earliest
    WITH k ORDER BY k.origin DESC, k.at DESC LIMIT $sightings RETURN DISTINCT k.source AS source
    UNION
    MATCH ()-[k:INTERACTION]->() USING INDEX SEEK k:INTERACTION(target, at) WHERE k.target = i.id AND k.at >= $earliest
    WITH k ORDER BY k.target DESC, k.at DESC LIMIT $sightings RETURN DISTINCT k.source AS source
}
RETURN collect([id, source])
"""
MEMBERS: Final = f"""
UNWIND $ns AS n
MATCH (p:Profile {{n: n}})
CALL (p) {{ MATCH (p)<-[:OF]-(i) WHERE i.id > $after RETURN i ORDER BY i.id LIMIT $most }}
RETURN collect([{_FACE}, n])
"""
MEMBERS_OF: Final = f"""
UNWIND $ns AS n
MATCH (p:Profile {{n: n}})
CALL (p) {{ MATCH (p)<-[:OF]-(i) WHERE i.id > $after AND i.namespace IN $namespaces RETURN i ORDER BY i.id LIMIT $most }}
RETURN collect([{_FACE}, n])
"""
COUNT_MEMBERS_OF: Final = """
UNWIND $ns AS n
MATCH (p:Profile {n: n})
RETURN collect([n, COUNT { (p)<-[:OF]-(i) WHERE i.namespace IN $namespaces }])
"""
SHARED: Final = """
MATCH (i:Shared) USING INDEX i:Shared(id) WHERE i.id > $after AND EXISTS { (i)-[:OF]->() }
WITH i.id AS id ORDER BY id LIMIT $most
RETURN collect(id)
"""
SHARED_OF: Final = """
UNWIND $namespaces AS name
MATCH (s:Namespace {name: name})
CALL (s) {
    MATCH (i:Shared) USING INDEX i:Shared(id)
    WHERE i.id > CASE WHEN $after < s.no * $span THEN s.no * $span - 1 ELSE $after END AND i.id < (s.no + 1) * $span
        AND EXISTS { (i)-[:OF]->() }
    RETURN i.id AS id ORDER BY id LIMIT $most
}
RETURN collect(id)
"""
COUNT_SHARED: Final = """
MATCH (i:Shared) USING INDEX i:Shared(id) WHERE i.id > 0 AND EXISTS { (i)-[:OF]->() }
RETURN count(i)
"""

# ---------------------------------------------------------------- OneIDs

BY_ONE_ID: Final = f"""
MATCH (g:Gate {{id: 0}}) WITH g.at AS now
UNWIND $one_ids AS key
MATCH (p:Profile {{one_id: key}})
{_COMMITS}
RETURN collect([{_VIEW}])
"""
BY_NUMBER: Final = f"""
MATCH (g:Gate {{id: 0}}) WITH g.at AS now
UNWIND $ns AS n
MATCH (p:Profile {{n: n}})
{_COMMITS}
RETURN collect([{_VIEW}])
"""
BY_IDENTIFIER: Final = f"""
MATCH (g:Gate {{id: 0}}) WITH g.at AS now
UNWIND $identifiers AS key
MATCH (i:Identifier {{namespace: key[0], value: key[1]}})
OPTIONAL MATCH (i)-[:OF]->(p)
{_COMMITS}
RETURN collect([{_FACE}, {_VIEW}])
"""
LEADS: Final = """
UNWIND $ns AS n
MATCH (o:Profile {n: n})
MATCH (o)-[:LEADS_TO*0..]->(p) WHERE NOT EXISTS { (p)-[:LEADS_TO]->() }
RETURN collect([n, p.n, p.size, p.leads])
"""
LEADING_HERE: Final = """
UNWIND $ns AS n
MATCH (p:Profile {n: n})
CALL (p) {
    MATCH (p)<-[:LEADS_TO*1..]-(o) WITH o LIMIT 10000
    RETURN o, coalesce(o.retired, 0) AS retired ORDER BY retired DESC, o.n DESC LIMIT $most
}
RETURN collect([n, o.n, o.one_id, retired])
"""
EVERYONE: Final = """
MATCH (p:Profile) USING INDEX p:Profile(n) WHERE p.n > $after
WITH p ORDER BY p.n LIMIT $most
RETURN collect([p.n, p.size, p.kind])
"""
UPDATED: Final = """
MATCH (p:Profile) USING INDEX p:Profile(updated, n)
WHERE p.updated >= $commit AND p.n > 0 AND p.size > 0 AND (p.updated > $commit OR p.n > $n)
WITH p ORDER BY p.updated, p.n LIMIT $most
RETURN collect([p.updated, p.n, p.kind])
"""
COUNT_PROFILES: Final = "RETURN COUNT { (:Profile) } - COUNT { (:Retired) }"
LAST_COMMIT_UNTIL: Final = """
MATCH (c:Commit) USING INDEX c:Commit(at, n) WHERE c.at <= $at AND c.n > 0
WITH c ORDER BY c.at DESC, c.n DESC LIMIT 1
RETURN collect(c.n)
"""
SETTLED: Final = """
UNWIND $ns AS n
MATCH (p:Profile {n: n})
RETURN collect([n, p.size, p.updated, COUNT { (p)<-[:OF]-() }])
"""

STATEMENTS: Final = {name: text for name, text in globals().items() if name.isupper() and not name.startswith("_")}
