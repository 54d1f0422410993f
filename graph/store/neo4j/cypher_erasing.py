"""What an erasure reads and writes under the gate; as in `graph.store.neo4j.cypher`."""

from __future__ import annotations

from typing import Final

from graph.store.neo4j.schema import OF_RECORD as _OF_RECORD

__all__ = [
    "BURY",
    "COUNT_TOMBSTONES",
    "DECIDED",
    "DROP_TOMBSTONES",
    "EVERY_MARK",
    "FORGET_ANSWERS",
    "GONE_INTERACTIONS",
    "GONE_JUDGEMENTS",
    "GONE_VERSIONS",
    "HIDE_RECORDS",
    "JUDGEMENTS_NAMING",
    "LESSEN",
    "MARK",
    "RECEIPT",
    "RECEIPTS",
    "RECORDS_CARRYING",
    "SAY_LESS",
    "SENT_INTERACTIONS",
    "SENT_INTERACTIONS_AS",
    "SENT_JUDGEMENTS",
    "SENT_VERSIONS",
    "SENT_VERSIONS_AS",
    "SILENCE",
    "TOMBSTONES",
    "UNBURY",
    "UNNAME",
]

_VERSION: Final = """[f.id, f.source, f.record, f.state, f.observed, f.score, f.ids, f.made, f.ended, f.unlinked], f.sent, f.raw, f.blocked,
    f.traits, [f.made, f.ended, f.unlinked, f.since] + coalesce(f.spans, []) + coalesce(f.marks, [])"""
_INTERACTION: Final = "k.id, k.source, k.record, k.origin, k.target, k.raw, type(k) = 'INTERACTION', k.made, k.ended"

TOMBSTONES: Final = "UNWIND $marks AS mark MATCH (t:Tombstone {mark: mark}) RETURN collect([mark, t.erasure, t.identifier])"
RECORDS_CARRYING: Final = """
UNWIND $ids AS id
MATCH (i:Identifier {id: id})<-[:CARRIES|CARRIED]-(f)
RETURN collect(DISTINCT [f.source, f.record])
"""
SENT_VERSIONS: Final = f"""
{_OF_RECORD}
RETURN collect([{_VERSION}])
"""
JUDGEMENTS_NAMING: Final = """
UNWIND $ids AS id
MATCH (i:Identifier {id: id})<-[:JUDGES|JUDGED]-(j)
RETURN collect(DISTINCT [j.id, coalesce(j.decision, j.id), j.made])
"""
DECIDED: Final = """
UNWIND $rows AS r
MATCH (j:Judgement) WHERE j.id >= r[0] AND j.id < r[0] + 10000
WITH r, j WHERE j.made = r[1] AND (j.id = r[0] OR j.decision = r[0])
RETURN collect(j.id)
"""
SENT_JUDGEMENTS: Final = """
UNWIND $ids AS id
MATCH (j:Judgement {id: id})
RETURN collect([[j.id, j.kind, j.a, j.b, j.at, j.in_force, j.with_a, j.with_b], j.decision, j.ended IS NULL, j.raw, j.by, j.reason,
    [j.made, j.ended, j.since] + coalesce(j.spans, []), j.further_a, j.further_b])
"""
SENT_INTERACTIONS: Final = f"""
UNWIND $ids AS id
MATCH (i:Identifier {{id: id}})-[k:INTERACTION|INTERACTION_ENDED|INTERACTION_BLOCKED]-()
RETURN collect(DISTINCT [{_INTERACTION}])
"""
SENT_VERSIONS_AS: Final = f"""
UNWIND $ids AS id
MATCH (f:Fragment {{id: id}})
RETURN collect([{_VERSION}])
"""
SENT_INTERACTIONS_AS: Final = f"""
UNWIND $ids AS id
CALL (id) {{
    MATCH ()-[k:INTERACTION {{id: id}}]->() USING INDEX SEEK k:INTERACTION(id) RETURN k
    UNION ALL
    MATCH ()-[k:INTERACTION_BLOCKED {{id: id}}]->() USING INDEX SEEK k:INTERACTION_BLOCKED(id) RETURN k
}}
RETURN collect([{_INTERACTION}])
"""

RECEIPT: Final = """
CREATE (:Receipt {
    n: $commit, at: $at, by: $by, reason: $reason, identifiers: $identifiers, records: $records, purged: $at
})
"""
RECEIPTS: Final = """
UNWIND $ns AS n
MATCH (r:Receipt {n: n})
RETURN collect([r.n, r.at, r.by, r.reason, r.identifiers, r.records, r.purged])
"""

GONE_VERSIONS: Final = "UNWIND $ids AS id MATCH (f:Fragment {id: id}) DETACH DELETE f"
LESSEN: Final = """
UNWIND $rows AS r
MATCH (f:Fragment {id: r[0]})
SET f.record = r[1], f.hash = r[2], f.former = CASE WHEN f.former IS NULL THEN null ELSE r[2] END, f.ids = r[3], f.raw = r[4],
    f.blocked = r[5], f.traits = r[6]
WITH f, r
MATCH (f)-[c:CARRIES|CARRIED]->(i) WHERE i.id IN r[7]
DELETE c
"""
UNNAME: Final = """
UNWIND $ids AS id
MATCH (f:Fragment {id: id}) WHERE f.former IS NOT NULL
SET f.former = '~' + toString(id)
"""
GONE_JUDGEMENTS: Final = "UNWIND $ids AS id MATCH (j:Judgement {id: id}) DETACH DELETE j"
SAY_LESS: Final = """
UNWIND $rows AS r
MATCH (j:Judgement {id: r[0]})
SET j.a = r[1], j.b = r[2], j.with_a = r[3], j.with_b = r[4], j.raw = r[5], j.reason = r[6], j.hash = r[7],
    j.live = CASE WHEN j.live IS NULL THEN null ELSE r[7] END, j.further_a = r[9], j.further_b = r[10]
WITH j, r
MATCH (j)-[k:JUDGES|JUDGED]->(i) WHERE i.id IN r[8]
DELETE k
"""
SILENCE: Final = "UNWIND $ids AS id MATCH (j:Judgement {id: id}) SET j.reason = ''"
GONE_INTERACTIONS: Final = """
UNWIND $ids AS id
MATCH (i:Identifier {id: id})-[k:INTERACTION|INTERACTION_ENDED|INTERACTION_BLOCKED]-()
WITH DISTINCT k, [k.origin, k.target, k.type] AS tie
DELETE k
RETURN collect(DISTINCT tie)
"""
BURY: Final = """
CALL () {
    UNWIND $ids AS id
    MATCH (i:Identifier {id: id})
    SET i:Erased, i.value = null, i.flags = null, i.group = null, i.flips = null, i.groups = null
    REMOVE i:Shared
    WITH i
    MATCH (i)-[k:WAS_OF|WAS_LINK]-()
    DELETE k
}
CALL () { UNWIND $ids AS id MATCH (x:Postponed) WHERE x.a = id AND x.b > 0 DETACH DELETE x }
CALL () { UNWIND $ids AS id MATCH (x:Postponed {b: id}) DETACH DELETE x }
CALL () { UNWIND $commits AS n MATCH (c:Commit {n: n}) SET c.reason = null }
CALL () {
    UNWIND $marks AS m
    MERGE (t:Tombstone {mark: m[0]}) SET t.erasure = m[1], t.identifier = m[2]
}
"""
FORGET_ANSWERS: Final = """
UNWIND $commits AS n
MATCH (c:Commit {n: n})
WITH c.at AS at
MATCH (q:Request) WHERE q.at = at
SET q.result = $result
"""
MARK: Final = """
UNWIND $rows AS m
MERGE (t:Tombstone {mark: m[0]}) SET t.erasure = m[1], t.identifier = m[2]
"""
HIDE_RECORDS: Final = f"""
{_OF_RECORD}
SET f.record = r[2]
"""
EVERY_MARK: Final = """
MATCH (t:Tombstone) WHERE t.mark > $after
WITH t ORDER BY t.mark LIMIT $most
RETURN collect([t.mark, t.erasure, t.identifier])
"""
COUNT_TOMBSTONES: Final = "MATCH (t:Tombstone) WHERE t.mark > '' AND t.erasure > 0 RETURN count(t)"
DROP_TOMBSTONES: Final = "MATCH (t:Tombstone) WHERE t.mark > '' DELETE t"
UNBURY: Final = "UNWIND $ids AS id MATCH (t:Tombstone {identifier: id}) DELETE t"
