"""Statements that read fragments, links, judgements, the feed and names. Lists go in as parameters, one record with one list comes back."""

from __future__ import annotations

from typing import Final

_LINK: Final = "k.n, k.bare, coalesce(k.dirty, 0), k.first, k.last, k.score, k.refused, k.namespace"
_VERSION: Final = (
    "f.id, f.source, f.record, f.observed, made.at, CASE WHEN f.state = 0 AND f.unlinked > 0 THEN 3 ELSE f.state END, f.ids, f.traits"
)
_BEFORE: Final = "(f.observed < $observed OR f.observed = $observed AND f.id < $version)"

# the fragments of a link are met from its less seen end
_ENDS: Final = """
UNWIND $pairs AS pair
MATCH (a:Identifier {id: pair[0]})
MATCH (b:Identifier {id: pair[1]})
WITH pair, a, b, COUNT { (a)<-[:CARRIES]-() } <= COUNT { (b)<-[:CARRIES]-() } AS less
WITH pair, CASE WHEN less THEN a ELSE b END AS x, CASE WHEN less THEN b ELSE a END AS y
"""

# ---------------------------------------------------------------- fragments

VERSIONS: Final = f"""
UNWIND $ids AS id
MATCH (f:Fragment {{id: id}})
OPTIONAL MATCH (made:Commit {{n: f.made}})
RETURN collect([{_VERSION}])
"""
VERSION_OF: Final = """
MATCH (f:Fragment {source: $source, record: $record, head: true})
RETURN collect(f.id)
"""
NEWEST: Final = f"""
UNWIND $ns AS n
MATCH (p:Profile {{n: n}})
CALL (p) {{
    MATCH (p)<-[:OF]-()<-[:CARRIES]-(f) WHERE {_BEFORE}
    WITH DISTINCT f.observed AS observed, f.id AS id ORDER BY observed DESC, id DESC LIMIT $most
    RETURN collect([observed, id]) AS keys
}}
RETURN collect([n, keys])
"""
NEWEST_TOLD: Final = f"""
UNWIND $ns AS n
MATCH (p:Profile {{n: n}})
CALL (p) {{
    MATCH (p)<-[:OF]-()<-[:CARRIES]-(f) WHERE f.traits IS NOT NULL
    WITH DISTINCT f ORDER BY f.observed DESC, f.id DESC LIMIT $most
    RETURN f
}}
OPTIONAL MATCH (made:Commit {{n: f.made}})
RETURN collect([n, [{_VERSION}], COLLECT {{
    MATCH (f)-[:CARRIES]->(i) OPTIONAL MATCH (i)-[:OF]->(q)
    RETURN [i.id, i.namespace, i.value, coalesce(i.flags, 0), i.group, q.n]
}}])
"""

# ---------------------------------------------------------------- links

LINKS: Final = f"""
UNWIND $pairs AS pair
MATCH (a:Identifier {{id: pair[0]}})
MATCH (b:Identifier {{id: pair[1]}})
MATCH (a)-[k:LINK|BARRED]->(b)
RETURN collect([a.id, b.id, {_LINK}])
"""
ACCEPTED_OF: Final = f"""
UNWIND $ns AS n
MATCH (p:Profile {{n: n}})
CALL (p) {{
    MATCH (p)<-[:OF]-(a)-[k:LINK]->(b) WHERE k.refused IS NULL AND (a.id > $a OR a.id = $a AND b.id > $b)
    RETURN a.id AS first, b.id AS second, k ORDER BY first, second LIMIT $most
}}
RETURN collect([n, first, second, {_LINK}])
"""
ALL_OF: Final = f"""
UNWIND $ns AS n
MATCH (p:Profile {{n: n}})
CALL (p) {{
    MATCH (p)<-[:OF]-(m)-[k:LINK|BARRED]-() WHERE k.refused IS NOT NULL OR startNode(k) = m
    WITH DISTINCT k, startNode(k).id AS first, endNode(k).id AS second
    WHERE first > $a OR first = $a AND second > $b
    RETURN first, second, k ORDER BY first, second LIMIT $most
}}
RETURN collect([n, first, second, {_LINK}])
"""
COUNT_ACCEPTED: Final = """
UNWIND $ns AS n
MATCH (p:Profile {n: n})
RETURN collect([n, COUNT { MATCH (p)<-[:OF]-()-[k:LINK]->() WHERE k.refused IS NULL RETURN 1 AS one LIMIT $most }])
"""
COUNT_ALL: Final = """
UNWIND $ns AS n
MATCH (p:Profile {n: n})
RETURN collect([n,
    COUNT { MATCH (p)<-[:OF]-()-[:LINK]->() RETURN 1 AS one LIMIT $most },
    COUNT { MATCH (p)<-[:OF]-()<-[k:LINK]-(o) WHERE k.refused IS NOT NULL AND NOT EXISTS { (o)-[:OF]->(p) } RETURN 1 AS one LIMIT $most },
    COUNT { MATCH (p)<-[:OF]-()-[:BARRED]->() RETURN 1 AS one LIMIT $most },
    COUNT { MATCH (p)<-[:OF]-()<-[:BARRED]-(o) WHERE NOT EXISTS { (o)-[:OF]->(p) } RETURN 1 AS one LIMIT $most }])
"""
COUNT_JUDGED: Final = """
UNWIND $ns AS n
MATCH (p:Profile {n: n})
RETURN collect([n,
    COUNT { MATCH (p)<-[:OF]-(m)<-[:JUDGES]-(j) WHERE j.a = m.id AND j.b IS NOT NULL AND j.in_force RETURN 1 AS one LIMIT $most },
    COUNT { MATCH (p)<-[:OF]-(m)<-[:JUDGES]-(j) WHERE j.b = m.id AND j.a IS NOT NULL AND j.in_force
        AND NOT EXISTS { MATCH (j)-[:JUDGES]->(o)-[:OF]->(p) WHERE o.id = j.a } RETURN 1 AS one LIMIT $most }])
"""
TIMES_OF: Final = f"""
{_ENDS}
CALL (x, y) {{ MATCH (x)<-[:CARRIES]-(f)-[:CARRIES]->(y) RETURN min(f.observed) AS first, max(f.observed) AS last }}
RETURN collect([pair[0], pair[1], first, last])
"""
COMMON: Final = f"""
{_ENDS}
CALL (x, y) {{
    MATCH (x)<-[:CARRIES]-(f) WHERE {_BEFORE}
    WITH f, y WHERE EXISTS {{ (f)-[:CARRIES]->(y) }}
    RETURN f.observed AS observed, f.id AS id ORDER BY observed DESC, id DESC LIMIT $most
}}
RETURN collect([pair[0], pair[1], observed, id])
"""
JOINED: Final = """
RETURN [COLLECT {
    UNWIND $ns AS n MATCH (p:Profile {n: n}) MATCH (p)<-[:OF]-(a)-[k:LINK]->(b) WHERE k.refused IS NULL
    RETURN [a.id, b.id] LIMIT $most
}, COLLECT {
    UNWIND $ns AS n MATCH (p:Profile {n: n}) MATCH (p)<-[:OF]-(m)<-[:JUDGES]-(j)
    WHERE j.a = m.id AND j.b IS NOT NULL AND j.in_force AND j.kind = 'same'
    RETURN [j.a, j.b]
}]
"""
REFUSED_AT: Final = """
UNWIND $ns AS n
MATCH (p:Profile {n: n})
MATCH (p)<-[:OF]-(m)-[k:LINK|BARRED]-(o) WHERE k.refused IS NOT NULL
MATCH (o)-[:OF]->(q)
WITH n, q.n AS far, startNode(k).id AS a, endNode(k).id AS b, m.id AS inner LIMIT $most
RETURN collect([n, far, a, b, inner])
"""
JUDGED_AT: Final = """
UNWIND $ns AS n
MATCH (p:Profile {n: n})
MATCH (p)<-[:OF]-()<-[:JUDGES]-(j) WHERE j.a IS NOT NULL AND j.b IS NOT NULL
WITH j LIMIT $most
RETURN collect([j.a, j.b, j.id, j.kind, j.at, j.in_force, j.with_a, j.with_b])
"""

# ---------------------------------------------------------------- judgements

JUDGEMENTS: Final = """
UNWIND $ids AS id
MATCH (j:Judgement {id: id})
RETURN collect([j.id, j.kind, j.a, j.b, j.raw, j.at, j.by, j.reason, j.in_force AND j.ended IS NULL])
"""
JUDGED: Final = """
UNWIND $ids AS id
MATCH (j:Judgement {id: id}) WHERE j.a IS NOT NULL AND j.b IS NOT NULL AND j.ended IS NULL
RETURN collect([j.a, j.b, j.id, j.kind, j.at, j.in_force])
"""
JUDGED_OF: Final = """
UNWIND $ns AS n
MATCH (p:Profile {n: n})
CALL (p) {
    MATCH (p)<-[:OF]-(m)<-[:JUDGES]-(j) WHERE j.in_force AND m.id IN [j.a, j.b] AND j.a IS NOT NULL AND j.b IS NOT NULL AND j.id > $after
    WITH DISTINCT j ORDER BY j.id LIMIT $most
    RETURN j
}
RETURN collect([n, j.a, j.b, j.id, j.kind, j.at, j.in_force])
"""
JUDGEMENTS_OF: Final = """
UNWIND $ns AS n
MATCH (p:Profile {n: n})
CALL (p) {
    MATCH (p)<-[:OF]-()<-[:JUDGES]-(j) WHERE j.id < $before
    WITH DISTINCT j.id AS id ORDER BY id DESC LIMIT $most
    RETURN id
}
RETURN collect([n, id])
"""

# ---------------------------------------------------------------- the feed

CHANGES: Final = """
UNWIND $seqs AS seq
MATCH (x:Change {seq: seq})
OPTIONAL MATCH (made:Commit {n: x.made})
OPTIONAL MATCH (p:Profile {n: x.n})
OPTIONAL MATCH (q:Profile {n: x.leads})
RETURN collect([seq, made.at, x.kind, x.n, p.one_id, q.one_id, x.cause_kind, x.cause, made.by, x.leads])
"""
GAINED: Final = "UNWIND $seqs AS seq MATCH (x:Change {seq: seq}) RETURN collect([seq, x.gained])"
LOST: Final = "UNWIND $seqs AS seq MATCH (x:Change {seq: seq}) RETURN collect([seq, x.lost])"
FEED: Final = """
MATCH (g:Gate {id: 0})
RETURN [g.seq, COLLECT {
    MATCH (x:Change) USING INDEX x:Change(seq) WHERE x.seq > $after RETURN [x.seq, x.kind] ORDER BY x.seq LIMIT $most
}]
"""
FEED_OF: Final = """
UNWIND $ns AS n
CALL (n) {
    MATCH (x:Change) USING INDEX x:Change(n, seq) WHERE x.n = n AND x.seq > $after
    RETURN x.seq AS seq, x.kind AS kind ORDER BY x.n, x.seq LIMIT $most
}
WITH seq, kind ORDER BY seq LIMIT $most
RETURN collect([seq, kind])
"""
NEWEST_CHANGES: Final = """
UNWIND $followed AS row
CALL (row) {
    MATCH (x:Change) USING INDEX x:Change(n, seq) WHERE x.n = row[1] AND x.seq < $before
    RETURN x.seq AS seq ORDER BY x.n DESC, x.seq DESC LIMIT $most
}
RETURN collect([row[0], seq])
"""
HEAD: Final = """
MATCH (g:Gate {id: 0})
RETURN [g.commit, g.seq, COUNT { (:Commit {n: g.commit}) },
    COUNT { MATCH (x:Change) USING INDEX x:Change(seq) WHERE x.seq > g.seq - $tail AND x.seq <= g.seq }]
"""

# ---------------------------------------------------------------- search

UNDECLARED: Final = """
MATCH (s:Namespace) USING INDEX s:Namespace(no) WHERE s.no > 0 AND NOT s.name IN $declared
WITH s ORDER BY s.no LIMIT $most
RETURN collect(s.name)
"""
BEGINNING: Final = """
UNWIND $rows AS row
CALL (row) {
    MATCH (i:Identifier) USING INDEX i:Identifier(namespace, value) WHERE i.namespace = row[0] AND i.value STARTS WITH row[1]
    MATCH (i)-[:OF]->(p)
    RETURN p.n AS n, i.value AS value ORDER BY i.namespace, i.value LIMIT $most
}
RETURN collect([n, value])
"""
EQUAL: Final = """
UNWIND $rows AS row
MATCH (i:Identifier {namespace: row[0], value: row[1]})
MATCH (i)-[:OF]->(p)
WITH p.n AS n, i.value AS value LIMIT $most
RETURN collect([n, value])
"""
COUNT_NAMES: Final = """
UNWIND $words AS word
RETURN collect([word, COUNT {
    MATCH (t:NameToken) USING INDEX t:NameToken(token, fragment) WHERE t.token STARTS WITH word AND t.fragment > 0
    RETURN 1 AS one LIMIT $most
}])
"""
NAMED: Final = """
MATCH (t:NameToken) USING INDEX t:NameToken(token, fragment) WHERE t.token STARTS WITH $word AND t.fragment > 0
WITH t.token AS token, t.fragment AS id ORDER BY token, id LIMIT $most
RETURN collect(id)
"""
NAMED_WHOLE: Final = """
MATCH (t:NameToken) USING INDEX t:NameToken(token, fragment) WHERE t.token = $word AND t.fragment > 0
WITH t.fragment AS id ORDER BY t.token, id LIMIT $most
RETURN collect(id)
"""

# ---------------------------------------------------------------- the whole store

RULES: Final = """
MATCH (r:Rules) USING INDEX r:Rules(version) WHERE r.version >= $least AND r.version <= $most
WITH r ORDER BY r.version DESC LIMIT 1
OPTIONAL MATCH (made:Commit {n: r.made})
RETURN collect([r.version, r.toml, made.at, r.by])
"""
COUNT_MEMBERSHIPS: Final = "MATCH ()-[r:OF]->() RETURN count(r)"
COUNT_USABLE: Final = "MATCH ()-[r:LINK]->() RETURN count(r)"
COUNT_REFUSED: Final = """
MATCH (i:Identifier) USING INDEX i:Identifier(id) WHERE i.id > 0
MATCH (i)-[k:LINK|BARRED]->() WHERE k.refused IS NOT NULL
WITH type(k) AS sort, k.refused AS rule, count(k) AS times
RETURN collect([sort, rule, times])
"""
CONTRADICTING: Final = """
MATCH (a)-[k:LINK]->(b) USING INDEX SEEK k:LINK(dirty) WHERE k.dirty > 0 AND a.id / 1099511627776 = b.id / 1099511627776
WITH a, b LIMIT $most
WITH a, b, COUNT { (a)<-[:CARRIES]-() } <= COUNT { (b)<-[:CARRIES]-() } AS less
WITH CASE WHEN less THEN a ELSE b END AS x, CASE WHEN less THEN b.id ELSE a.id END AS other
MATCH (x)<-[:CARRIES]-(f) WHERE other IN f.ids
RETURN collect(DISTINCT [f.id, f.source, f.ids])
"""
BARRED_CONTRADICTING: Final = CONTRADICTING.replace(":LINK", ":BARRED")
GROUPS: Final = """
UNWIND $ids AS id
MATCH (i:Identifier {id: id}) WHERE i.group IS NOT NULL
RETURN collect([id, i.group])
"""
COUNT_ACTIVE: Final = """
MATCH (f:Fragment) USING INDEX f:Fragment(id) WHERE f.id > 0 AND f.state = 0
RETURN count(f)
"""
SIZES: Final = """
MATCH (p:Profile) USING INDEX p:Profile(n) WHERE p.n > 0 AND p.size > 0
RETURN [count(p), coalesce(max(p.size), 0), count(CASE WHEN p.contested THEN 1 END)]
"""

STATEMENTS: Final = {name: text for name, text in globals().items() if name.isupper() and not name.startswith("_")}
