"""The graph that a Neo4j store keeps: every label, relationship and property, and the numbered steps that bring a database to it.

Instants are microseconds since 1970 (graph.model.Instant); `made`, `since`, `ended`, `updated`, `retired`, `closed_at` are numbers of
commits; a property that says "absent" is not there. What is live has the names an analyst looks for, what ended has names of its own.

**Identity**

(:Identifier:<Label>)   <Label> says the namespace (`label_of`): user_id → UserId. One node for each identifier ever known.
    id                  unique; number of the namespace << 40 | place in it (ports.NAMESPACE_SHIFT)
    namespace, value    unique together; texts
    made                commit
    flags               bits of ports.SHARED, PARKED, JUDGED, BARRED; absent: 0
    group               id that names its judged group (its smallest member); absent: none; indexed
    flips               list of the commits at which it became shared or ceased to be, oldest first; absent: never. So it was shared at
                        commit n if an odd number of them is <= n
    also :Shared        while flags has SHARED (index on id: shared identifiers in order of id)
    groups              list [commit that ended it, judged group until then (-1: none), …], oldest first; absent: it never was another
    also :Erased        a stub that an erasure left: it has no value, and nothing mentions it
(i:Identifier)-[:OF {since}]->(p:Profile)              its profile now; none: nothing mentions it. At most one
(i:Identifier)-[:WAS_OF {since, ended}]->(p:Profile)   memberships that ended

(:Profile)              one node for each OneID ever; it names a profile while size > 0
    n                   unique; order of creation; how the protocol knows profiles
    one_id              unique; the OneID's text
    made, updated       commits; index (updated, n); updated: identity or facts last changed
    pin                 id of the identifier it follows; absent once closed; indexed
    closed              n of the OneID it is closed into; absent: not closed
    since               commit of this pin or closure
    leads               n of the OneID it leads to while it names nobody; absent: asleep, or it names a profile
    size                members; 0: names nobody, then counts and kind are absent, contested false, aliases 0
    counts              list [namespace number, judged groups and loose identifiers of it, …], by number
    kind                person | anonymous | shared
    contested, aliases  boolean; OneIDs, not closed, that are pinned to its members besides its own
    retired             commit since which it names nobody; absent while it names a profile
    also :Retired       while size is 0
(p:Profile:Retired)-[:LEADS_TO]->(q:Profile)           as `leads` says; q may be retired itself
(p:Profile)-[:WAS_PINNED {since, ended}]->(i)          pins that ended
(p:Profile)-[:WAS_CLOSED {since, ended}]->(q:Profile)  closures that ended

**Evidence**

(:Fragment)             one node for each version of a record
    id                  unique; in the order recorded
    source, record      the record's key; texts; index (source, id)
    hash                hex digest of the content
    head                true on one version of each record, absent on the others: the active one, else the one that was withdrawn, so
                        (source, record, head) is unique and finds the version that stands for a record
    former              the hash on the others, absent on the one with head: (source, record, former) is unique and finds what came before
    state               0 active, 1 superseded, 2 withdrawn (rows.STATES)
    observed, sent      the time that counts; as sent (absent: none came)
    score               absent: observed
    ids                 list of identifier ids, normalised, without repeats, in the order sent
    raw, blocked        lists of texts `namespace:value` as sent (a namespace has no colon); blocked absent: none
    traits              JSON object as text; absent: none
    made, ended         commits; ended absent: active
    cause               id of the version that stands for those it acted with; absent: itself
    alone               commit that withdrew this version only; absent: none did, and a withdrawal took back all versions of its record made
                        before, too
    reread              list [commit, number of ids, ids …, …]: what it carried until a commit at which other rules read it otherwise,
                        oldest first; absent: it always carried what it does
(f:Fragment)-[:CARRIES]->(i:Identifier)                of active versions, one for each of `ids`; it has no properties (stores of
                        old have an `observed` there that nothing reads), since each costs the commit of an ingest a record
(f:Fragment)-[:CARRIED {ended}]->(i:Identifier)        of versions that ended, those that never were active among them
(:NameToken {token, fragment})                         the beginnings that a name can be found by, one node for each token of an active
                        version (`fragment` is its id); index (token, fragment), so a range of tokens comes in order

(a:Identifier)-[:LINK]->(b:Identifier)     a.id < b.id; a usable link: accepted, or refused while profiles were built
(a:Identifier)-[:BARRED]->(b:Identifier)   a.id < b.id; a link refused beforehand (contradiction, score, shared, star); never both of a pair
    n, bare, dirty      versions that carry it cleanly; those of them without a score; those that contradict themselves (absent: 0,
                        indexed)
    first, last         sightings of the clean ones; absent: none
    score               the highest of clean scored ones; absent: none
    refused             rule; absent: accepted
    namespace           name of the namespace whose limit refused it; absent: none
    held                of a LINK that is refused, but not as `distinct`: its place among the conflicts that stewards work through, digits
                        that sort as they do (`held_before`); absent: none; indexed
(a:Identifier)-[:WAS_LINK {ended, barred, refused, namespace}]->(b:Identifier)   how a link stood until commit `ended`, when it went or
                        came to stand otherwise; as of commit n the one with the smallest ended > n tells, else the link as it stands
(:Postponed {a, b, n, made})                           a refused link (ids of its ends, versions that carried it) of a conflict that was
                        put off by commit `made`; index (a, b, made)

(:Judgement)
    id                  unique; in the order recorded
    kind                same | distinct
    a, b                ids of its ends; absent: blocked, then the judgement is void
    with_a, with_b      lists of ids: further ends of a side, every one of a's apart from every one of b's; absent: none
    further_a, further_b  lists of texts as sent: the further ends of a side, blocked ones among them; absent: none
    reread              list of JSON texts [commit, a, b, with_a, with_b]: the ends that it had until a commit at which other rules read it
                        otherwise, oldest first; absent: it always had those it has
    decision            id of the first judgement of those made together; absent: itself
    raw                 [text of a, text of b] as sent
    at, by, reason      by absent: nobody said
    hash                hex digest of the content
    live                the hash while it is live, unique; absent once ended
    in_force            boolean: not refused by a newer word
    forced              list [commit that ended it, 1 or 0: in force until then, …], oldest first; absent: it always was as it is
    made, ended         commits; ended absent: live
(j:Judgement)-[:JUDGES]->(i:Identifier)    to each end while it is live (one relationship where an end is there twice); -[:JUDGED]-> after

**Interactions**

(a:Identifier)-[:INTERACTION]->(b:Identifier)          active version of an interaction
    id                  unique; in the order recorded (one count with those that ended)
    source, record      unique together; texts
    hash, type          hex digest of the content; text
    origin, target      ids of a and b; indexes (origin, at) and (target, at)
    at, sent            the time that counts; as sent (absent: none came)
    weight, raw, made   number; [text of a, text of b] as sent; commit
(a:Identifier)-[:INTERACTION_ENDED]->(b:Identifier)    versions that ended: the same properties, with state (1, 2) and ended;
                        (source, record, hash) unique
(a:Identifier)-[:INTERACTION_BLOCKED]->(b:Identifier)  a version that counts no more since commit `ended`, because the rules block an end
                        of it; ends as they were, id unique, the other properties as in INTERACTION
(a:Identifier)-[:TIE {type, n, weight, first, last}]->(b:Identifier)   the active interactions of a pair and type summed

**Records**

(:Change)               an entry of the feed
    seq                 unique; 1, 2, 3 … without a gap: one missing says that its commit is not wholly visible yet; the feed ends before it
    made, n             commit, OneID number; index (n, seq)
    kind                graph.model.ChangeKind
    gained, lost        lists of identifier ids
    leads               n of the OneID that this one leads to (itself while it names a profile); absent: nowhere for now
    cause_kind, cause   fragment: a version id; judgement: a judgement id; else a commit
    to                  leads, where that is another OneID; index (to, seq)
(:Commit {n, at, kind, by, reason, token, seq})        n unique; index (at, n); by, reason may be absent; token and seq as the gate's then
(:Request {scope, key, hash, result, at})              (scope, key) unique; result is JSON text; at indexed
(:Job {id, kind, by, started, input, state, progress, beat, finished, result, error, hold})   id unique; input, result and error are
                        JSON text, each absent where there is none; `hold` orders those who write it
(:AuditEntry {n, at, by, key, operation, reason, cause_kind, cause, figures, asked})
                        what somebody decided; n unique: the commit that did it, which has no reason of its own then; indexes (at),
                        (operation, n), (by, n), (by, operation, n). key: id of the API key; reason absent: none was given, or it is erased;
                        cause_kind, cause: as the feed names it, absent: no cause is of it; figures: JSON text, nothing in it is of a
                        person; asked: n of the entry that asked for the job that did this, absent: no job
(e:AuditEntry)-[:CONCERNS]->(i:Identifier)             each identifier that it concerns: its reason goes when one of them is erased
(:Receipt {n, at, by, reason, identifiers, records, purged})    an erasure: n unique, its commit; counts of identifiers and records
(:Tombstone {mark, erasure, identifier})               a keyed hash of what was erased, unique, hex digits; `erasure`: n of the receipt;
                        `identifier`: id of the stub, indexed; both 0: of the key itself
(:Rules {version, toml, made, by})                     version unique
(:Namespace {no, name})                                both unique; 1, 2, 3 …
(:Gate {id: 0})         the write gate: `token` is set by the first statement of every write. What was given last, all of it read and
                        written under the gate: commit, at (its instant), version, one_id, judgement, interaction, seq; places: list by
                        namespace number of places given in it; rules: version of those in force
(:InForce {id: 0, version, switching, hold})           id unique; for who reads outside the gate. version: of the rules in force; less than
                        0: others come into force just now. switching: token of the transaction that does that, absent: none; it stays where
                        who did was killed. `hold` orders those who write it (graph.store.neo4j.marked)
(:Past {id: 0, kept_from})                             the commit from which on everything is kept that reads of the past need
(:Schema {id: 0, step}) how many of STEPS have been done
"""

from __future__ import annotations

import re

__all__ = ["HELD", "OF_RECORD", "STEPS", "held_before", "label_of"]


def _unique(name: str, what: str, *properties: str) -> str:
    variable = "r" if what.startswith("()") else "x"
    return f"CREATE CONSTRAINT {name} IF NOT EXISTS FOR {what} REQUIRE ({', '.join(f'{variable}.{p}' for p in properties)}) IS UNIQUE"


def _range(name: str, what: str, *properties: str) -> str:
    variable = "r" if what.startswith("()") else "x"
    return f"CREATE RANGE INDEX {name} IF NOT EXISTS FOR {what} ON ({', '.join(f'{variable}.{p}' for p in properties)})"


_FIRST = (
    _unique("gate_id", "(x:Gate)", "id"),
    _unique("schema_id", "(x:Schema)", "id"),
    _unique("identifier_id", "(x:Identifier)", "id"),
    _unique("identifier_value", "(x:Identifier)", "namespace", "value"),
    _range("identifier_group", "(x:Identifier)", "group"),
    _range("shared_id", "(x:Shared)", "id"),
    _unique("profile_n", "(x:Profile)", "n"),
    _unique("profile_one_id", "(x:Profile)", "one_id"),
    _range("profile_pin", "(x:Profile)", "pin"),
    _range("profile_updated", "(x:Profile)", "updated", "n"),
    _unique("fragment_id", "(x:Fragment)", "id"),
    _unique("fragment_former", "(x:Fragment)", "source", "record", "former"),
    _unique("fragment_head", "(x:Fragment)", "source", "record", "head"),
    _range("name_token", "(x:NameToken)", "token", "fragment"),
    _unique("judgement_id", "(x:Judgement)", "id"),
    _unique("judgement_live", "(x:Judgement)", "live"),
    _unique("interaction_id", "()-[r:INTERACTION]-()", "id"),
    _unique("interaction_record", "()-[r:INTERACTION]-()", "source", "record"),
    _range("interaction_origin", "()-[r:INTERACTION]-()", "origin", "at"),
    _range("interaction_target", "()-[r:INTERACTION]-()", "target", "at"),
    _unique("interaction_ended_content", "()-[r:INTERACTION_ENDED]-()", "source", "record", "hash"),
    _unique("change_seq", "(x:Change)", "seq"),
    _range("change_one_id", "(x:Change)", "n", "seq"),
    _unique("commit_n", "(x:Commit)", "n"),
    _range("commit_at", "(x:Commit)", "at", "n"),
    _unique("request_key", "(x:Request)", "scope", "key"),
    _range("request_at", "(x:Request)", "at"),
    _unique("rules_version", "(x:Rules)", "version"),
    _unique("namespace_no", "(x:Namespace)", "no"),
    _unique("namespace_name", "(x:Namespace)", "name"),
)

HELD = """CASE WHEN {refused} <> 'distinct' THEN
    right('000000' + toString(a.id / 1099511627776), 7) + right('000000' + toString(b.id / 1099511627776), 7)
    + right('000000' + toString(5000000 - k.last / 86400000000), 7) + right('000000000' + toString(9999999999 - k.n), 10)
    + right('000000000000' + toString(a.id % 1099511627776), 13) + right('000000000000' + toString(b.id % 1099511627776), 13)
END"""
"""`held` of a link k from a to b that `refused` refuses: namespaces of its ends, day and versions counted downwards, places of its ends."""

OF_RECORD = """UNWIND $rows AS r
CALL (r) {
    MATCH (f:Fragment {source: r[0], record: r[1], head: true}) RETURN f
    UNION
    MATCH (f:Fragment {source: r[0], record: r[1]}) WHERE f.former > '' RETURN f
}"""
"""Every version f of the records of these rows."""

_CONFLICTS = (
    _range("link_held", "()-[r:LINK]-()", "held"),
    _range("postponed_pair", "(x:Postponed)", "a", "b", "made"),
    f"""
MATCH (a:Identifier)-[k:LINK]->(b:Identifier) WHERE k.refused IS NOT NULL AND k.held IS NULL
CALL (a, k, b) {{ SET k.held = {HELD.format(refused="k.refused")} }} IN TRANSACTIONS OF 10000 ROWS
""",
)

_REVERTS = (
    _range("profile_asleep", "(x:Profile)", "asleep"),
    _range("was_pinned_ended", "()-[r:WAS_PINNED]-()", "ended"),
    _range("was_closed_ended", "()-[r:WAS_CLOSED]-()", "ended"),
    _range("was_asleep_ended", "()-[r:WAS_ASLEEP]-()", "ended"),
)

_JOBS = (_unique("job_id", "(x:Job)", "id"),)

_CONTRADICTIONS = (_range("link_dirty", "()-[r:LINK]-()", "dirty"), _range("barred_dirty", "()-[r:BARRED]-()", "dirty"))

_AUDIT = (
    _unique("audit_n", "(x:AuditEntry)", "n"),
    _range("audit_at", "(x:AuditEntry)", "at"),
    _range("audit_operation", "(x:AuditEntry)", "operation", "n"),
    _range("audit_by", "(x:AuditEntry)", "by", "n"),
    _range("audit_by_operation", "(x:AuditEntry)", "by", "operation", "n"),
)

_PAST = (
    _unique("past_id", "(x:Past)", "id"),
    _range("change_to", "(x:Change)", "to", "seq"),
    """
OPTIONAL MATCH (g:Gate {id: 0})
WITH coalesce(g.commit, 0) AS commit, g.seq AS seq
MERGE (p:Past {id: 0}) ON CREATE SET p.kept_from = commit
WITH commit, seq
MATCH (c:Commit {n: commit}) SET c.seq = coalesce(c.seq, seq)
""",
    """
MATCH (x:Change) WHERE x.leads <> x.n AND x.to IS NULL
CALL (x) { SET x.to = x.leads } IN TRANSACTIONS OF 10000 ROWS
""",
    """
MATCH (f:Fragment) WHERE f.state <> 0 AND NOT EXISTS { (f)-[:CARRIED]->() }
CALL (f) { UNWIND f.ids AS id MATCH (i:Identifier {id: id}) CREATE (f)-[:CARRIED {ended: f.ended}]->(i) } IN TRANSACTIONS OF 10000 ROWS
""",
)

_ERASURE = (
    _unique("tombstone_mark", "(x:Tombstone)", "mark"),
    _range("tombstone_identifier", "(x:Tombstone)", "identifier"),
    _unique("receipt_n", "(x:Receipt)", "n"),
    _range("postponed_back", "(x:Postponed)", "b"),
)

_SOURCES = (_range("fragment_source", "(x:Fragment)", "source", "id"),)

_RULES = (
    _unique("in_force_id", "(x:InForce)", "id"),
    """
MATCH (g:Gate {id: 0}) WHERE g.rules IS NULL
SET g.rules = coalesce(COLLECT { MATCH (r:Rules) WHERE r.version > 0 RETURN r.version ORDER BY r.version DESC LIMIT 1 }[0], 0)
""",
)

_REREAD = (
    _unique("interaction_blocked_id", "()-[r:INTERACTION_BLOCKED]-()", "id"),
    """
MATCH (j:Judgement) WHERE j.id > 0 AND j.further_a IS NULL AND j.further_b IS NULL AND (j.with_a IS NOT NULL OR j.with_b IS NOT NULL)
CALL (j) {
    SET j.further_a = COLLECT { UNWIND j.with_a AS id MATCH (i:Identifier {id: id}) RETURN i.namespace + ':' + i.value },
        j.further_b = COLLECT { UNWIND j.with_b AS id MATCH (i:Identifier {id: id}) RETURN i.namespace + ':' + i.value }
} IN TRANSACTIONS OF 10000 ROWS
""",
)

STEPS: tuple[tuple[str, ...], ...] = (
    _FIRST,
    _CONFLICTS,
    _JOBS,
    _CONTRADICTIONS,
    _REVERTS,
    _AUDIT,
    _PAST,
    _ERASURE,
    _SOURCES,
    _RULES,
    _REREAD,
)
"""Statements of each step; every one may run again, also at the same time in another process."""

_MEANT = """
Identifier Shared Erased Profile Retired Fragment NameToken Judgement Postponed Change Commit Request Job AuditEntry Receipt Tombstone
Rules Namespace Gate InForce Schema Past
"""
_OURS = frozenset(_MEANT.split())


def held_before(space: tuple[int, int], after: tuple[int, ...]) -> tuple[str, str]:
    """Between which texts, both left out, `held` of the links of a space stands that come after a key (day, versions, a, b)."""
    of_space = f"{space[0]:07}{space[1]:07}"
    day, n, *ends = after
    begin = f"{of_space}{max(0, min(5_000_000 - day, 9_999_999)):07}{max(0, min(9_999_999_999 - n, 9_999_999_999)):010}"
    for end, number in zip(ends, space, strict=True):  # the key may be of another space: then its ends are before all of this one, or after
        if end >> 40 != number:
            begin += ":" if end >> 40 > number else ""
            break
        begin += f"{end & ((1 << 40) - 1):013}"
    return begin, f"{of_space}:"


def label_of(namespace: str) -> str:
    """The label that identifiers of a namespace show in Neo4j Browser: its words run together, each with a capital.

    Two namespaces may share one; only people read it. A label that means something else in this graph gets `Identifier` behind it.
    """
    words = re.findall(r"[^\W_]+", namespace)
    label = "".join(word[:1].upper() + word[1:] for word in words) or "Unnamed"
    return f"{label}Identifier" if label in _OURS or label[0].isdigit() else label
