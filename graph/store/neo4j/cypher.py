"""Every statement that runs under the gate. Lists go in as parameters, one record comes back.

Each row of `$rows` is a list; its places are named where the statement takes them. Nodes are addressed by unique keys, or by element ids
that this very transaction has read (half the cost of a key; they mean nothing after it), so every statement begins with seeks
(tests/graph/store/neo4j explains each of them). What hangs on a node is met from that node: the far end carries no label on purpose where a
range of its ids is asked for, since the planner would take that range out of the index for everybody.
"""

from __future__ import annotations

import re
from typing import Final

from graph.store.neo4j.schema import HELD as _HELD

_LINK: Final = "k.n, k.bare, coalesce(k.dirty, 0), k.first, k.last, k.score, k.refused, k.namespace, type(k) = 'BARRED'"

_SUMMARY: Final = "[elementId(p), p.n, p.pin, p.size, p.counts, p.kind, p.contested, p.aliases]"

_FORCED: Final = """
    CASE WHEN j.made < $commit THEN coalesce(j.forced, []) + [$commit, CASE WHEN j.in_force THEN 1 ELSE 0 END] ELSE j.forced END"""


def _together(**statements: str) -> str:
    """Statements over lists as one, each with its list by the name given here: every statement costs a trip, and time at the server."""
    return "".join(f"CALL () {{{re.sub('[$](rows|ids)', '$' + name, text)}\n}}\n" for name, text in statements.items())


# ---------------------------------------------------------------- the gate

TAKE_GATE: Final = """
MATCH (g:Gate {id: 0}) SET g.token = $token
RETURN [g.commit, g.at, g.version, g.one_id, g.judgement, g.interaction, g.seq, g.places,
    g.rules, EXISTS { MATCH (p:Profile) WHERE p.asleep > 0 }, EXISTS { MATCH (t:Tombstone) WHERE t.mark > '' },
    COLLECT { MATCH (s:Namespace) WHERE s.no > $known WITH s ORDER BY s.no RETURN s.name },
    COLLECT { MATCH (f:InForce {id: 0}) RETURN [f.version, f.switching] }]
"""
LEAVE_GATE: Final = """
MATCH (g:Gate {id: 0})
SET g.commit = $commit, g.at = $at, g.version = $version, g.one_id = $one_id, g.judgement = $judgement, g.interaction = $interaction,
    g.seq = $seq, g.places = $places, g.rules = $rules
WITH g UNWIND $rows AS c
CREATE (:Commit {n: c[0], at: c[1], kind: c[2], by: c[3], reason: c[4], undone: c[5], seq: c[6], token: $token})
"""
WAS_COMMITTED: Final = """
MATCH (g:Gate {id: 0}) SET g.token = $token
RETURN COUNT { MATCH (c:Commit {n: $commit}) WHERE c.token = $by } = 1
"""
END_TRANSACTIONS: Final = """
SHOW TRANSACTIONS YIELD transactionId AS open, metaData WHERE metaData.oneid IN $tokens
TERMINATE TRANSACTIONS open YIELD message RETURN count(*)
"""
FORGET_REQUESTS: Final = "MATCH (r:Request) WHERE r.at < $before WITH r LIMIT 10000 DELETE r"

LOCK_MARK: Final = "MERGE (f:InForce {id: 0}) SET f.hold = $token"
BEGIN_SWITCH: Final = "MATCH (f:InForce {id: 0}) SET f.version = -$version, f.switching = $token"
END_SWITCH: Final = "MATCH (f:InForce {id: 0}) WHERE f.switching = $token SET f.version = $version REMOVE f.switching"
SET_RIGHT: Final = """
MATCH (f:InForce {id: 0}) WHERE coalesce(f.switching, '') = $left AND coalesce(f.version, -1) < $version
SET f.version = $version REMOVE f.switching
"""

# ---------------------------------------------------------------- setting up

SCHEMA_STEP: Final = "MATCH (s:Schema {id: 0}) RETURN s.step"
PUT_SCHEMA_STEP: Final = """
MERGE (s:Schema {id: 0}) SET s.step = CASE WHEN s.step > $step THEN s.step ELSE $step END
"""
AWAIT_INDEXES: Final = "CALL db.awaitIndexes(60)"
PUT_GATE: Final = """
MERGE (g:Gate {id: 0})
ON CREATE SET g.commit = 0, g.at = 0, g.version = 0, g.one_id = 0, g.judgement = 0, g.interaction = 0, g.seq = 0, g.places = [], g.rules = 0
MERGE (f:InForce {id: 0}) ON CREATE SET f.version = g.rules
"""
LAST_RULES: Final = "MATCH (r:Rules) WHERE r.version > 0 RETURN [r.version, r.toml] ORDER BY r.version DESC LIMIT 1"
RULES: Final = "MATCH (r:Rules {version: $version}) RETURN r.toml"
NEW_RULES: Final = "CREATE (:Rules {version: $version, toml: $toml, made: $commit, by: $by})"

# ---------------------------------------------------------------- reading

ANSWERED: Final = "MATCH (r:Request {scope: $scope, key: $key}) RETURN [r.hash, r.result]"
HEADS: Final = """
UNWIND $rows AS r
MATCH (f:Fragment {source: r[0], record: r[1], head: true})
OPTIONAL MATCH (e:Fragment {source: r[0], record: r[1], former: r[2]})
RETURN collect([r[3], f.id, f.state, f.observed, f.ids, f.score, CASE WHEN f.hash = r[2] THEN f.state ELSE e.state END,
    f.unlinked IS NOT NULL, CASE WHEN f.hash = r[2] THEN f.unlinked IS NOT NULL ELSE e.unlinked IS NOT NULL END])
"""
HEADS_AND_TOMBSTONES: Final = f"""
CALL () {{{HEADS.rstrip()} AS heads
}}
CALL () {{ UNWIND $marks AS mark MATCH (t:Tombstone {{mark: mark}}) RETURN collect([mark, t.erasure, t.identifier]) AS marked }}
RETURN [heads, marked]
"""
ACTIVE_VERSION: Final = """
MATCH (f:Fragment {source: $source, record: $record, head: true}) WHERE f.state = 0 RETURN [f.id, f.observed, f.score, f.ids]
"""
IDENTIFIERS: Final = f"""
UNWIND $rows AS r
MATCH (i:Identifier {{namespace: r[0], value: r[1]}})
OPTIONAL MATCH (i)-[:OF]->(p)
WITH collect([r[2], elementId(i), i.id, p.n, coalesce(i.flags, 0), i.group]) AS found, collect(DISTINCT p) AS profiles
RETURN [found, [p IN profiles | {_SUMMARY}]]
"""
ELEMENTS: Final = """
UNWIND $ids AS id
MATCH (i:Identifier {id: id})
RETURN collect([id, elementId(i)])
"""
PROFILE_ELEMENTS: Final = """
UNWIND $ns AS n
MATCH (p:Profile {n: n})
RETURN collect([n, elementId(p)])
"""
FACES: Final = """
UNWIND $ids AS id
MATCH (i:Identifier {id: id})
OPTIONAL MATCH (i)-[:OF]->(p)
RETURN collect([elementId(i), elementId(p), id, coalesce(i.value, ''), coalesce(p.n, 0), coalesce(i.flags, 0), i.group])
"""
SUMMARIES: Final = f"""
UNWIND $ns AS n
MATCH (p:Profile {{n: n}})
RETURN collect({_SUMMARY})
"""
MEMBERS: Final = """
UNWIND $rows AS r
MATCH (p) WHERE elementId(p) = r[0]
MATCH (p)<-[:OF]-(i)
RETURN collect([elementId(i), i.id, i.value, r[1], coalesce(i.flags, 0), i.group])
"""
LINKS: Final = """
UNWIND $rows AS r
MATCH (a) WHERE elementId(a) = r[0]
MATCH (b) WHERE elementId(b) = r[1]
MATCH (a)-[k:LINK|BARRED]->(b)
RETURN collect([r[2], elementId(k), type(k) = 'BARRED', properties(k)])
"""
USABLE_LINKS: Final = """
UNWIND $rows AS id
MATCH (i) WHERE elementId(i) = id
MATCH (i)-[k:LINK]-(far) WHERE startNode(k) = i OR NOT far.id IN $ids
RETURN collect([i.id, far.id, properties(k)])
"""
BARRED_LINKS: Final = USABLE_LINKS.replace("[k:LINK]", "[k:BARRED]")
DEGREES: Final = """
UNWIND $rows AS r
MATCH (x) WHERE elementId(x) = r[3]
CALL (x, r) {
    MATCH (x)-[k:LINK|BARRED]-(far)
    WHERE far.id >= r[1] AND far.id < r[2] AND (k.refused IS NULL OR NOT k.refused IN ['contradiction', 'score'])
    WITH far LIMIT $limit
    RETURN count(far) AS single, count(DISTINCT coalesce(far.group, far.id)) AS groups
}
RETURN collect([r[0], r[1], groups, single])
"""
TOTAL_DEGREES: Final = """
UNWIND $rows AS r
MATCH (x) WHERE elementId(x) = r[0]
RETURN collect([r[1], COUNT { (x)-[:LINK]-() } + COUNT { (x)-[:BARRED]-() }])
"""
RAYS: Final = """
UNWIND $rows AS r
MATCH (i) WHERE elementId(i) = r[3]
MATCH (i)-[k:LINK]-(far) WHERE far.id >= r[1] AND far.id < r[2]
RETURN collect([r[0], r[1], far.id, properties(k)])
"""
BARRED_RAYS: Final = RAYS.replace("[k:LINK]", "[k:BARRED]").replace("WHERE far", "WHERE k.refused = 'max_identifiers' AND far")
SIGHTINGS: Final = """
UNWIND $rows AS r
MATCH (a:Identifier {id: r[0]})
MATCH (b:Identifier {id: r[1]})
WITH r, a, b, COUNT { (a)<-[:CARRIES]-() } <= COUNT { (b)<-[:CARRIES]-() } AS fewer
WITH r, CASE WHEN fewer THEN a ELSE b END AS few, CASE WHEN fewer THEN r[1] ELSE r[0] END AS other
MATCH (few)<-[:CARRIES]-(f) WHERE other IN f.ids AND f.unlinked IS NULL
RETURN collect([r[0], r[1], f.id, f.observed, f.score, f.ids])
"""
CARRYING_SEVERAL: Final = """
UNWIND $ids AS id
MATCH (i:Identifier {id: id})<-[:CARRIES]-(f) WHERE f.unlinked IS NULL
WITH f, count(*) AS carried WHERE carried > 1
RETURN collect([f.id, f.observed, f.score, f.ids])
"""
JUDGEMENTS: Final = """
UNWIND $ids AS id
MATCH (i:Identifier {id: id})<-[:JUDGES]-(j) WHERE j.a IS NOT NULL AND j.b IS NOT NULL
RETURN collect(DISTINCT [j.id, j.kind, j.a, j.b, j.at, j.in_force, j.with_a, j.with_b])
"""
JUDGEMENT_DIGESTS: Final = "UNWIND $hashes AS hash MATCH (j:Judgement {live: hash}) RETURN collect(hash)"
PINS: Final = """
UNWIND $ids AS id
MATCH (p:Profile {pin: id})
RETURN collect([elementId(p), p.n, id, p.size, p.leads])
"""
ONE_ID_ROWS: Final = """
CALL () {
    UNWIND $ns AS n MATCH (p:Profile {n: n}) RETURN p
    UNION
    UNWIND $texts AS text MATCH (p:Profile {one_id: text}) RETURN p
}
RETURN collect([p.n, p.one_id, p.pin, p.closed, p.leads, p.size, p.counts, p.kind, p.contested, p.aliases, p.asleep])
"""
ONE_IDS: Final = """
UNWIND $ids AS id
MATCH (i:Identifier {id: id})-[:OF]->(p:Profile)
RETURN collect([id, p.one_id])
"""
MENTIONED: Final = """
UNWIND $ids AS id
MATCH (i:Identifier {id: id})
WHERE EXISTS { (i)<-[:CARRIES]-() } OR EXISTS { (i)<-[:JUDGES]-() } OR EXISTS { (i)-[:TIE]-() }
RETURN collect(id)
"""
INTERACTION_HEADS: Final = """
UNWIND $rows AS r
OPTIONAL MATCH ()-[k:INTERACTION {source: r[0], record: r[1]}]->()
USING INDEX SEEK k:INTERACTION(source, record)
OPTIONAL MATCH ()-[e:INTERACTION_ENDED {source: r[0], record: r[1], hash: r[2]}]->()
USING INDEX SEEK e:INTERACTION_ENDED(source, record, hash)
WITH r, k, e
CALL (r) {
    OPTIONAL MATCH ()-[w:INTERACTION_ENDED {source: r[0], record: r[1]}]->() USING INDEX SEEK w:INTERACTION_ENDED(source, record, hash)
    WHERE w.hash IS NOT NULL
    RETURN w LIMIT 1
}
WITH r, k, e, coalesce(k, w) AS h WHERE h IS NOT NULL
RETURN collect([r[0], r[1], r[2], h.id, k IS NOT NULL, h.at, h.origin, h.target, CASE WHEN k.hash = r[2] THEN 0 ELSE e.state END])
"""

# ---------------------------------------------------------------- reading all of it, a page by key at a time: [last key, rows]

EVERY_IDENTIFIER: Final = """
MATCH (i:Identifier) WHERE i.id > $after
WITH i ORDER BY i.id LIMIT $most
OPTIONAL MATCH (i)-[:OF]->(p:Profile)
RETURN [max(i.id), collect([i.id, coalesce(i.value, ''), coalesce(p.n, 0), coalesce(i.flags, 0), i.group])]
"""
EVERY_LINK: Final = f"""
MATCH (i:Identifier) WHERE i.id > $after
WITH i ORDER BY i.id LIMIT $most
RETURN [max(i.id), reduce(all = [], some IN collect(
    COLLECT {{ MATCH (i)-[k:LINK|BARRED]->(far) RETURN [i.id, far.id, {_LINK}] }}) | all + some)]
"""
EVERY_VERSION: Final = """
MATCH (f:Fragment) WHERE f.id > $after
WITH f ORDER BY f.id LIMIT $most
RETURN [max(f.id), collect(CASE WHEN f.state = 0 THEN
    [f.source, f.record, f.id, f.observed, f.score, f.ids, COLLECT { MATCH (f)-[:CARRIES]->(i) RETURN [i.id, f.observed] },
        f.unlinked IS NOT NULL] END)]
"""
EVERY_JUDGEMENT: Final = """
MATCH (j:Judgement) WHERE j.id > $after
WITH j ORDER BY j.id LIMIT $most
RETURN [max(j.id), collect(CASE WHEN j.ended IS NULL THEN [j.id, j.kind, j.a, j.b, j.at, j.in_force, j.with_a, j.with_b] END)]
"""
EVERY_ONE_ID: Final = """
MATCH (p:Profile) WHERE p.n > $after
WITH p ORDER BY p.n LIMIT $most
RETURN [max(p.n), collect([p.n, p.one_id, p.pin, p.closed, p.leads, p.size, p.counts, p.kind, p.contested, p.aliases, p.asleep])]
"""
EVERY_CHANGE: Final = """
MATCH (c:Change) WHERE c.seq > $after
WITH c ORDER BY c.seq LIMIT $most
RETURN [max(c.seq), collect([c.n, c.kind, c.gained, c.lost, c.leads, c.cause_kind, c.cause])]
"""
EVERY_INTERACTION: Final = """
MATCH (i:Identifier) WHERE i.id > $after
WITH i ORDER BY i.id LIMIT $most
RETURN [max(i.id), reduce(all = [], some IN collect(
    COLLECT { MATCH (i)-[k:INTERACTION]->(far) RETURN [i.id, far.id, k.type, k.weight, k.at] }) | all + some)]
"""
EVERY_TOMBSTONE: Final = """
MATCH (t:Tombstone) WHERE t.identifier > $after
WITH t ORDER BY t.identifier LIMIT $most
RETURN [max(t.identifier), collect([t.erasure, t.identifier])]
"""
EVERY_RECEIPT: Final = """
MATCH (r:Receipt) WHERE r.n > $after
WITH r ORDER BY r.n LIMIT $most
RETURN [max(r.n), collect(r.n)]
"""
EVERY_TIE: Final = """
MATCH (i:Identifier) WHERE i.id > $after
WITH i ORDER BY i.id LIMIT $most
RETURN [max(i.id), reduce(all = [], some IN collect(
    COLLECT { MATCH (i)-[t:TIE]->(far) RETURN [i.id, far.id, t.type, t.n, t.weight, t.first, t.last] }) | all + some)]
"""

# ---------------------------------------------------------------- exporting, as of commit $commit, a page by key at a time

IDENTIFIERS_AS_OF: Final = """
MATCH (i:Identifier) WHERE i.id > $after
WITH i ORDER BY i.id LIMIT $most
CALL (i) {
    OPTIONAL MATCH (f)-[c:CARRIES|CARRIED]->(i)
    WHERE f.made <= $commit AND coalesce(c.ended, $commit + 1) > $commit
    RETURN min(f.observed) AS first, max(f.observed) AS last
}
WITH i, first, last, size([c IN coalesce(i.flips, []) WHERE c <= $commit]) % 2 = 1 AS shared,
    COLLECT { MATCH (i)-[o:OF|WAS_OF]->(p) WHERE o.since <= $commit AND coalesce(o.ended, $commit + 1) > $commit RETURN p.one_id } AS names
RETURN [max(i.id), collect(CASE WHEN size(names) > 0 THEN [i.namespace, i.value, names[0], shared, first, last, i.id] END)]
"""
FRAGMENTS_AS_OF: Final = """
MATCH (f:Fragment) WHERE f.id > $after
WITH f ORDER BY f.id LIMIT $most
RETURN [max(f.id), collect(CASE WHEN coalesce(f.since, f.made) <= $commit AND coalesce(f.ended, $commit + 1) > $commit
    AND coalesce(f.unlinked, $commit + 1) > $commit AND size(f.raw) > 0 THEN
    [f.source, f.record, f.observed, f.raw, f.traits, f.score] END)]
"""
TEXTS: Final = """
UNWIND $ns AS n
MATCH (p:Profile {n: n})<-[:OF]-(i:Identifier)
RETURN collect([n, i.namespace + ':' + i.value])
"""

# ---------------------------------------------------------------- writing: records

NEW_NAMESPACES: Final = "UNWIND $rows AS r CREATE (:Namespace {no: r[0], name: r[1]})"
ANSWER: Final = "CREATE (:Request {scope: $scope, key: $key, hash: $hash, result: $result, at: $at})"
_NEW_CHANGES: Final = """
UNWIND $rows AS r
CREATE (:Change {
    seq: r[0], made: $commit, n: r[1], kind: r[2], gained: r[3], lost: r[4], leads: r[5], cause_kind: r[6], cause: r[7], to: r[8]
})
"""

# ---------------------------------------------------------------- writing: evidence

NEW_VERSIONS: Final = """
UNWIND $rows AS r
CREATE (f:Fragment {
    id: r[0], source: r[1], record: r[2], hash: r[3], head: r[4], state: r[5], observed: r[6], sent: r[7], score: r[8],
    ids: r[9], raw: r[10], blocked: r[11], traits: r[12], made: $commit, ended: r[13], former: r[14]
})
WITH f, r UNWIND r[15] AS id
MATCH (i) WHERE elementId(i) = id
CREATE (f)-[:CARRIES]->(i)
"""
NEVER_CARRIED: Final = """
UNWIND $rows AS r
MATCH (f:Fragment {id: r[0]})
UNWIND r[1] AS id
MATCH (i) WHERE elementId(i) = id
CREATE (f)-[:CARRIED {ended: $commit}]->(i)
"""
YIELD_HEADS: Final = "UNWIND $rows AS r MATCH (f:Fragment {source: r[0], record: r[1], head: true}) SET f.head = null, f.former = f.hash"
END_VERSIONS: Final = """
UNWIND $ids AS id
MATCH (f:Fragment {id: id})
SET f.state = $state, f.ended = $commit, f.head = $head, f.former = CASE WHEN $head IS NULL THEN f.hash END
RETURN collect([id, f.traits])
"""
END_CARRIES: Final = """
UNWIND $ids AS id
MATCH (f:Fragment {id: id})-[c:CARRIES]->(i)
CREATE (f)-[:CARRIED {ended: $commit}]->(i)
DELETE c
"""
NEW_TOKENS: Final = "UNWIND $rows AS r CREATE (:NameToken {token: r[0], fragment: r[1]})"
END_TOKENS: Final = "UNWIND $rows AS r MATCH (t:NameToken {token: r[0], fragment: r[1]}) DELETE t"
TRAITS: Final = "UNWIND $ids AS id MATCH (f:Fragment {id: id}) RETURN collect([id, f.traits])"
DECISIONS: Final = """
UNWIND $rows AS r
MATCH (j:Judgement) WHERE j.id >= r[0] AND j.id < r[0] + 1000 AND (j.id = r[0] OR j.decision = r[0])
SET j.decision = r[1]
"""
_CAUSES: Final = "UNWIND $rows AS r MATCH (f:Fragment {id: r[0]}) SET f.cause = r[1]"

NEW_JUDGEMENT: Final = """
CREATE (j:Judgement {
    id: $id, kind: $kind, a: $a, b: $b, raw: $raw, at: $at, by: $by, reason: $reason, hash: $hash, live: $hash, in_force: $in_force,
    with_a: $with_a, with_b: $with_b, further_a: $further_a, further_b: $further_b, decision: $decision, made: $commit
})
WITH j UNWIND $ends AS id
MATCH (i:Identifier {id: id})
CREATE (j)-[:JUDGES]->(i)
"""
IN_FORCE: Final = f"""
UNWIND $rows AS r
MATCH (j:Judgement {{id: r[0]}})
SET j.forced = {_FORCED}
SET j.in_force = r[1]
"""

NEW_LINKS: Final = """
UNWIND $rows AS r
MATCH (a) WHERE elementId(a) = r[0]
MATCH (b) WHERE elementId(b) = r[1]
CREATE (a)-[:LINK {n: r[2], bare: r[3], dirty: r[4], first: r[5], last: r[6], score: r[7], refused: r[8], namespace: r[9]}]->(b)
"""
NEW_BARRED: Final = NEW_LINKS.replace(":LINK", ":BARRED")
_LINK_OF: Final = """
UNWIND $rows AS r
MATCH (a) WHERE elementId(a) = r[0]
MATCH (b) WHERE elementId(b) = r[1]
MATCH (a)-[k:LINK|BARRED]->(b)
"""
LINKS_SEEN: Final = """
MATCH ()-[k]->() WHERE elementId(k) IN $ids
WITH k, $columns[elementId(k)] AS r
SET k.n = r[0], k.bare = r[1], k.first = r[2], k.last = r[3]
"""
LINKS_CHANGED: Final = f"""{_LINK_OF}
SET k.n = r[2], k.bare = r[3], k.dirty = r[4], k.first = r[5], k.last = r[6], k.score = r[7], k.refused = r[8], k.namespace = r[9]
"""
_LINKS_REFUSED: Final = f"""{_LINK_OF}
FOREACH (_ IN CASE WHEN r[4] THEN [1] ELSE [] END |
    CREATE (a)-[:WAS_LINK {{ended: $commit, barred: false, refused: k.refused, namespace: k.namespace}}]->(b))
SET k.refused = r[2], k.namespace = r[3], k.held = {_HELD.format(refused="r[2]")}
"""
LINKS_ENDED: Final = """
UNWIND $rows AS r
MATCH (a) WHERE elementId(a) = r[0]
MATCH (b) WHERE elementId(b) = r[1]
CREATE (a)-[:WAS_LINK {ended: $commit, barred: r[2], refused: r[3], namespace: r[4]}]->(b)
"""
LINKS_HELD: Final = f"{_LINK_OF} SET k.held = {_HELD.format(refused='k.refused')}"
LINKS_GONE: Final = f"{_LINK_OF} DELETE k"

POSTPONED: Final = "UNWIND $rows AS r CREATE (:Postponed {a: r[0], b: r[1], n: r[2], made: $commit})"

# ---------------------------------------------------------------- writing: identity

NEW_IDENTIFIERS: Final = """
UNWIND $rows AS r
CREATE (i:Identifier:$(r[0]) {id: r[1], namespace: r[2], value: r[3], made: $commit})
RETURN collect([r[1], elementId(i)])
"""
FLAGS: Final = """
UNWIND $rows AS r
MATCH (i) WHERE elementId(i) = r[0]
SET i.groups = CASE WHEN i.made < $commit AND coalesce(i.group, -1) <> coalesce(r[2], -1)
    THEN coalesce(i.groups, []) + [$commit, coalesce(i.group, -1)] ELSE i.groups END
SET i.flags = r[1], i.group = r[2]
WITH i, r WHERE (i:Shared) <> r[3]
SET i.flips = coalesce(i.flips, []) + $commit
FOREACH (_ IN CASE WHEN r[3] THEN [1] ELSE [] END | SET i:Shared)
FOREACH (_ IN CASE WHEN r[3] THEN [] ELSE [1] END | REMOVE i:Shared)
"""
_END_MEMBERSHIPS: Final = """
UNWIND $ids AS id
MATCH (i) WHERE elementId(i) = id
MATCH (i)-[o:OF]->(p)
CREATE (i)-[:WAS_OF {since: o.since, ended: $commit}]->(p)
DELETE o
"""
_NEW_MEMBERSHIPS: Final = """
UNWIND $rows AS r
MATCH (p) WHERE elementId(p) = r[0]
WITH p, r UNWIND r[1] AS id
MATCH (i) WHERE elementId(i) = id
CREATE (i)-[:OF {since: $commit}]->(p)
"""
_NEW_PROFILES: Final = """
UNWIND $rows AS r
CREATE (p:Profile {
    n: r[0], one_id: r[1], made: $commit, updated: $commit, pin: r[2], since: $commit,
    size: r[3], counts: r[4], kind: r[5], contested: r[6], aliases: r[7]
})
WITH p, r UNWIND r[8] AS id
MATCH (i) WHERE elementId(i) = id
CREATE (i)-[:OF {since: $commit}]->(p)
"""
_PROFILES_CHANGED: Final = """
UNWIND $rows AS r
MATCH (p) WHERE elementId(p) = r[0]
SET p.updated = CASE WHEN r[6] THEN $commit ELSE p.updated END, p.size = r[1], p.counts = r[2], p.kind = r[3], p.contested = r[4],
    p.aliases = r[5]
"""
_PROFILES_RESTORED: Final = f"{_PROFILES_CHANGED.rstrip()}, p.leads = null, p.retired = null\nREMOVE p:Retired\n"
_TOUCHED: Final = "UNWIND $ids AS id MATCH (p) WHERE elementId(p) = id SET p.updated = $commit"
_LEAD_NOWHERE: Final = "UNWIND $ids AS id MATCH (p) WHERE elementId(p) = id MATCH (p)-[l:LEADS_TO]->() DELETE l"
_PROFILES_RETIRED: Final = """
UNWIND $rows AS r
MATCH (p) WHERE elementId(p) = r[0]
SET p:Retired, p.size = 0, p.counts = null, p.kind = null, p.contested = false, p.aliases = 0, p.leads = r[1],
    p.retired = coalesce(p.retired, $commit)
WITH p, r
MATCH (q:Profile {n: r[1]})
CREATE (p)-[:LEADS_TO]->(q)
"""
PEOPLE: Final = _together(
    ended=_END_MEMBERSHIPS,
    made=_NEW_PROFILES,
    unled=_LEAD_NOWHERE,
    retired=_PROFILES_RETIRED,
    changed=_PROFILES_CHANGED,
    restored=_PROFILES_RESTORED,
    joined=_NEW_MEMBERSHIPS,
    touched=_TOUCHED,
)
TOLD: Final = _together(refused=_LINKS_REFUSED, causes=_CAUSES, changes=_NEW_CHANGES)
PINNED: Final = """
UNWIND $rows AS r
MATCH (p) WHERE elementId(p) = r[0]
CALL (p, r) {
    MATCH (i:Identifier {id: p.pin}) CREATE (p)-[:WAS_PINNED {since: p.since, ended: $commit, cause: r[4]}]->(i)
}
CALL (p, r) {
    MATCH (q:Profile {n: p.closed}) CREATE (p)-[:WAS_CLOSED {since: p.since, ended: $commit, cause: r[4]}]->(q)
}
CALL (p, r) {
    MATCH (i:Identifier {id: p.asleep}) CREATE (p)-[:WAS_ASLEEP {since: p.since, ended: $commit, cause: r[4]}]->(i)
}
SET p.pin = r[1], p.closed = r[2], p.asleep = r[3], p.since = $commit
"""

# ---------------------------------------------------------------- writing: interactions

_INTERACTION: Final = """
    id: r[2], source: r[3], record: r[4], hash: r[5], type: r[6], origin: r[0], target: r[1], at: r[7], sent: r[8], weight: r[9],
    raw: r[10], made: $commit"""
NEW_INTERACTIONS: Final = f"""
UNWIND $rows AS r
MATCH (a:Identifier {{id: r[0]}})
MATCH (b:Identifier {{id: r[1]}})
CREATE (a)-[:INTERACTION {{{_INTERACTION}
}}]->(b)
"""
NEW_ENDED_INTERACTIONS: Final = f"""
UNWIND $rows AS r
MATCH (a:Identifier {{id: r[0]}})
MATCH (b:Identifier {{id: r[1]}})
CREATE (a)-[:INTERACTION_ENDED {{{_INTERACTION}, state: $state, ended: $commit
}}]->(b)
"""
END_INTERACTIONS: Final = """
UNWIND $ids AS id
MATCH (a)-[k:INTERACTION {id: id}]->(b) USING INDEX SEEK k:INTERACTION(id)
CREATE (a)-[e:INTERACTION_ENDED]->(b)
SET e = properties(k), e.state = $state, e.ended = $commit
DELETE k
RETURN collect(DISTINCT [e.origin, e.target, e.type])
"""
ADD_TO_TIES: Final = """
UNWIND $rows AS r
MATCH (a:Identifier {id: r[0]})
MATCH (b:Identifier {id: r[1]})
MERGE (a)-[t:TIE {type: r[2]}]->(b)
ON CREATE SET t.n = 1, t.weight = r[3], t.first = r[4], t.last = r[4]
ON MATCH SET t.n = t.n + 1, t.weight = t.weight + r[3],
    t.first = CASE WHEN r[4] < t.first THEN r[4] ELSE t.first END, t.last = CASE WHEN r[4] > t.last THEN r[4] ELSE t.last END
"""
SUM_TIES: Final = """
UNWIND $rows AS r
MATCH (a:Identifier {id: r[0]})
MATCH (b:Identifier {id: r[1]})
WITH r, a, b
MATCH (a)-[t:TIE {type: r[2]}]->(b)
CALL (a, b, r) {
    OPTIONAL MATCH (a)-[k:INTERACTION {type: r[2]}]->(b)
    WITH k ORDER BY k.at, k.id
    RETURN count(k) AS n, sum(k.weight) AS weight, min(k.at) AS first, max(k.at) AS last
}
SET t.n = n, t.weight = weight, t.first = first, t.last = last
WITH t WHERE t.n = 0
DELETE t
"""

# ---------------------------------------------------------------- what meets no evidence

BESIDE_EVIDENCE: Final = frozenset(
    {
        *(IDENTIFIERS, ELEMENTS, PROFILE_ELEMENTS, FACES, SUMMARIES, MEMBERS, PINS, ONE_IDS, JUDGEMENTS),
        *(LINKS, USABLE_LINKS, BARRED_LINKS, DEGREES, TOTAL_DEGREES, RAYS, BARRED_RAYS),
        *(NEW_LINKS, NEW_BARRED, LINKS_SEEN, LINKS_CHANGED, LINKS_HELD, LINKS_GONE, LINKS_ENDED, FLAGS, PEOPLE, PINNED),
    }
)
"""Statements that neither read nor write versions, what they carry, or tokens of names: new evidence may be written before or after."""
