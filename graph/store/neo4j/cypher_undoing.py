"""What a revert reads and writes under the gate; as in `graph.store.neo4j.cypher`."""

from __future__ import annotations

from typing import Final

from graph.store.neo4j.schema import OF_RECORD as _OF_RECORD

__all__ = [
    "ACTED_TOGETHER",
    "ASLEEP_BEFORE",
    "BACK_JUDGEMENTS",
    "BESIDE",
    "BRING_BACK",
    "CAUSE_AT",
    "CHANGES_BETWEEN",
    "CHANGE_MADE",
    "COMMIT_SINCE",
    "DECIDED_TOGETHER",
    "END_JUDGEMENTS",
    "JUDGED",
    "OF_SOURCE",
    "PINS_MOVED",
    "RESTATE",
    "SET_ASIDE",
    "UNDONE_BY",
    "UNHEAD",
    "VERSIONS",
    "VERSIONS_OF",
    "VERSION_FROM",
    "WAKES",
]

_VERSION: Final = "[f.id, f.source, f.record, f.state, f.observed, f.score, f.ids, f.made, f.ended, f.unlinked, f.alone]"

WAKES: Final = "UNWIND $ids AS id MATCH (p:Profile {asleep: id}) RETURN collect([p.n, id])"
BESIDE: Final = """
UNWIND $rows AS r
MATCH (f:Fragment {source: r[0], record: r[1]}) WHERE f.former > '' AND f.state = 0
RETURN collect([r[2], f.id, f.observed, f.score, f.ids, f.unlinked IS NULL])
"""
VERSIONS: Final = f"UNWIND $ids AS id MATCH (f:Fragment {{id: id}}) RETURN collect({_VERSION})"
VERSIONS_OF: Final = f"""
{_OF_RECORD}
RETURN collect({_VERSION})
"""
OF_SOURCE: Final = """
MATCH (f:Fragment) WHERE f.source = $source AND f.id > $after
WITH f ORDER BY f.source, f.id LIMIT $page
RETURN [max(f.id), collect(CASE WHEN f.state < $below THEN f.id END)]
"""
COMMIT_SINCE: Final = "MATCH (c:Commit) WHERE c.at >= $since AND c.n > 0 WITH c.at AS at, c.n AS n ORDER BY at LIMIT 1 RETURN n"
VERSION_FROM: Final = "MATCH (f:Fragment) WHERE f.id >= $id WITH f.id AS id, f.made AS made ORDER BY id LIMIT 1 RETURN [id, made]"
ACTED_TOGETHER: Final = """
MATCH (c:Fragment {id: $cause})
MATCH (f:Fragment) WHERE f.id >= $after AND f.id < $after + 1000
WITH c, f WHERE f.made = c.made
RETURN [max(f.id), collect(CASE WHEN f.id = c.id OR f.cause = c.id THEN f.id END)]
"""
DECIDED_TOGETHER: Final = """
MATCH (c:Judgement {id: $cause})
MATCH (f:Judgement) WHERE f.id >= $after AND f.id < $after + 1000
WITH c, f WHERE f.made = c.made
RETURN [max(f.id), collect(CASE WHEN f.id = c.id OR f.decision = c.id THEN f.id END)]
"""
CAUSE_AT: Final = "MATCH (c:Change {seq: $seq}) RETURN [c.cause_kind, c.cause]"
CHANGE_MADE: Final = "MATCH (c:Change {seq: $seq}) RETURN c.made"
CHANGES_BETWEEN: Final = """
MATCH (c:Change) WHERE c.seq >= $first AND c.seq < $last
WITH c WHERE c.cause_kind = $kind AND c.cause = $cause ORDER BY c.seq
RETURN collect([c.seq, c.n, c.kind, c.gained, c.lost, c.leads, c.cause_kind, c.cause])
"""
ASLEEP_BEFORE: Final = """
UNWIND $rows AS r
CALL (r) {
    MATCH (c:Change) WHERE c.n = r[0] AND c.seq < r[1]
    RETURN c.leads IS NULL AS asleep ORDER BY c.n DESC, c.seq DESC LIMIT 1
}
WITH r, asleep WHERE asleep
RETURN collect(r[0])
"""


def _moved(kind: str, place: int) -> str:
    """Pins of one kind that ended in a commit by a cause, with where the OneID went on: by kind and number."""
    columns = ["null", "null", "null"]
    columns[place] = "f.id" if kind != "WAS_CLOSED" else "f.n"
    return f"""
    MATCH (p)-[x:{kind}]->(f) USING INDEX SEEK x:{kind}(ended) WHERE x.ended = $commit AND x.cause = $cause
    RETURN p, {columns[0]} AS pin, {columns[1]} AS closed, {columns[2]} AS asleep"""


PINS_MOVED: Final = f"""
CALL () {{{_moved("WAS_PINNED", 0)}
    UNION ALL{_moved("WAS_CLOSED", 1)}
    UNION ALL{_moved("WAS_ASLEEP", 2)}
}}
WITH p, pin, closed, asleep,
    [(p)-[y:WAS_PINNED|WAS_CLOSED|WAS_ASLEEP]->(z) WHERE y.since = $commit | [type(y), coalesce(z.n, z.id)]] AS then
RETURN collect([p.n, pin, closed, asleep, p.since <> $commit AND CASE then[0][0]
    WHEN 'WAS_PINNED' THEN coalesce(p.pin <> then[0][1], true)
    WHEN 'WAS_CLOSED' THEN coalesce(p.closed <> then[0][1], true)
    ELSE coalesce(p.asleep <> then[0][1], true) END])
"""
JUDGED: Final = """
UNWIND $ids AS id
MATCH (j:Judgement {id: id})
RETURN collect([j.id, j.kind, j.a, j.b, j.at, j.in_force, j.with_a, j.with_b, j.made, j.ended IS NULL])
"""
UNDONE_BY: Final = "MATCH (c:Commit {n: $commit}) RETURN c.undone"

UNHEAD: Final = "UNWIND $ids AS id MATCH (f:Fragment {id: id}) SET f.head = null, f.former = f.hash"
RESTATE: Final = """
UNWIND $rows AS r
MATCH (f:Fragment {id: r[0]})
SET f.spans = CASE WHEN f.state <> 0 AND r[1] <> 0 AND f.ended <> coalesce(r[2], -1)
    AND NOT coalesce(f.spans[-2] = coalesce(f.since, f.made), false)
    THEN coalesce(f.spans, []) + [coalesce(f.since, f.made), f.ended] ELSE f.spans END
SET f.marks = CASE WHEN f.unlinked IS NOT NULL AND r[3] IS NULL THEN coalesce(f.marks, []) + [f.unlinked, $commit] ELSE f.marks END
SET f.state = r[1], f.ended = r[2], f.unlinked = r[3], f.head = r[4], f.alone = r[5], f.former = CASE WHEN r[4] THEN null ELSE f.hash END
"""
BRING_BACK: Final = """
UNWIND $ids AS id
MATCH (f:Fragment {id: id})
SET f.spans = CASE WHEN coalesce(f.spans[-2] = coalesce(f.since, f.made), false) THEN f.spans
    ELSE coalesce(f.spans, []) + [coalesce(f.since, f.made), f.ended] END
SET f.since = $commit
WITH f
CALL (f) { MATCH (f)-[c:CARRIED]->(i) WHERE i.id IN f.ids DELETE c }
WITH f UNWIND f.ids AS at
MATCH (i:Identifier {id: at})
CREATE (f)-[:CARRIES]->(i)
"""
SET_ASIDE: Final = """
UNWIND $ids AS id
MATCH (f:Fragment {id: id})
SET f.spans = coalesce(f.spans, []) + [coalesce(f.since, f.made), $commit]
WITH f MATCH (f)-[c:CARRIES]->(i)
CREATE (f)-[:CARRIED {ended: $commit}]->(i)
DELETE c
"""
END_JUDGEMENTS: Final = """
UNWIND $ids AS id
MATCH (j:Judgement {id: id})
SET j.forced = coalesce(j.forced, []) + [$commit, CASE WHEN j.in_force THEN 1 ELSE 0 END]
SET j.ended = $commit, j.in_force = false
WITH j MATCH (j)-[k:JUDGES]->(i)
CREATE (j)-[:JUDGED]->(i)
DELETE k
"""
BACK_JUDGEMENTS: Final = """
UNWIND $ids AS id
MATCH (j:Judgement {id: id})
SET j.spans = coalesce(j.spans, []) + [coalesce(j.since, j.made), j.ended], j.since = $commit, j.ended = null
WITH j MATCH (j)-[k:JUDGED]->(i) WHERE i.id IN [j.a, j.b] + coalesce(j.with_a, []) + coalesce(j.with_b, [])
CREATE (j)-[:JUDGES]->(i)
DELETE k
"""
