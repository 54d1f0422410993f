"""The tables, as numbered steps; a store is brought to the newest one when it is opened.

What is live is in the main tables; what ended moves to a table named `…_ended` with the commit that ended it. Integer ids:

- identifier id = namespace number << 40 | place in it, so that the neighbours of one namespace are one range of a link index;
- one_id.n counts OneIDs in order of creation ("oldest" is the smallest n); a profile is known by the n of the OneID that names it;
- version.id counts record versions in the order they were recorded; commits.n counts steps.

Instants are microseconds since 1970 (graph.model.Instant).
"""

from __future__ import annotations

__all__ = ["NAMESPACE_SHIFT", "STEPS"]

NAMESPACE_SHIFT = 40

_FIRST = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- one step each: kind is fragment | judgement | withdrawal | interactions | rules
CREATE TABLE commits (n INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, by TEXT, reason TEXT);
CREATE TABLE request (
    scope TEXT NOT NULL, key TEXT NOT NULL, hash BLOB NOT NULL, result TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) WITHOUT ROWID;
CREATE INDEX request_at ON request (at);
CREATE TABLE rules (version INTEGER PRIMARY KEY, toml TEXT NOT NULL, made INTEGER NOT NULL, by TEXT);
CREATE TABLE namespace (no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE source (no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

-- profile: n of the OneID that names it, NULL while nothing mentions the identifier; since: the commit of that membership
-- flags: 1 shared, 2 parked, 4 judged, 8 has links refused beforehand (table barred); grp: smallest id of its judged group
CREATE TABLE identifier (
    id INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, value TEXT NOT NULL,
    profile INTEGER, since INTEGER NOT NULL, flags INTEGER NOT NULL DEFAULT 0, grp INTEGER, made INTEGER NOT NULL
);
CREATE UNIQUE INDEX identifier_value ON identifier (namespace, value);
CREATE INDEX identifier_profile ON identifier (profile);
CREATE INDEX identifier_group ON identifier (grp) WHERE grp IS NOT NULL;
CREATE INDEX identifier_shared ON identifier (id) WHERE flags & 1;
CREATE TABLE membership_ended (
    identifier INTEGER NOT NULL, since INTEGER NOT NULL, ended INTEGER NOT NULL, profile INTEGER NOT NULL,
    PRIMARY KEY (identifier, since)
) WITHOUT ROWID;
CREATE INDEX membership_ended_profile ON membership_ended (profile, ended);

-- state: 0 active, 1 superseded, 2 withdrawn. observed counts; sent is as sent (NULL: none came).
-- ids: JSON array of identifier ids, normalised, without repeats, in the order sent; raw: JSON [[namespace, value], ...] as sent
-- blocked: JSON [[namespace, value], ...] of those left out, NULL if none; traits: JSON object or NULL
-- cause: the version id that stands for the fragments of its step that acted together (NULL: itself)
CREATE TABLE version (
    id INTEGER PRIMARY KEY, source INTEGER NOT NULL, record TEXT NOT NULL, state INTEGER NOT NULL, hash BLOB NOT NULL,
    observed INTEGER NOT NULL, sent INTEGER, score REAL, ids TEXT NOT NULL, raw TEXT NOT NULL, blocked TEXT, traits TEXT,
    made INTEGER NOT NULL, ended INTEGER, cause INTEGER
);
CREATE INDEX version_record ON version (source, record, state, hash);
-- which active versions carry an identifier, in event order
CREATE TABLE carries (
    identifier INTEGER NOT NULL, observed INTEGER NOT NULL, version INTEGER NOT NULL,
    PRIMARY KEY (identifier, observed, version)
) WITHOUT ROWID;
CREATE TABLE carries_ended (
    identifier INTEGER NOT NULL, version INTEGER NOT NULL, ended INTEGER NOT NULL,
    PRIMARY KEY (identifier, version)
) WITHOUT ROWID;
-- the beginnings that a name can be found by (graph.traits.names), of active versions
CREATE TABLE name_token (token TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (token, version)) WITHOUT ROWID;

-- a, b NULL: void, its end is blocked. in_force: 1 used, 0 refused by a newer word
CREATE TABLE judgement (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, a INTEGER, b INTEGER, raw TEXT NOT NULL, at INTEGER NOT NULL,
    by TEXT, reason TEXT NOT NULL, hash BLOB NOT NULL, in_force INTEGER NOT NULL, made INTEGER NOT NULL, ended INTEGER
);
CREATE UNIQUE INDEX judgement_hash ON judgement (hash) WHERE ended IS NULL;
CREATE INDEX judgement_a ON judgement (a) WHERE ended IS NULL;
CREATE INDEX judgement_b ON judgement (b) WHERE ended IS NULL;

-- links are views of active versions, a < b by id. link: usable ones; refused NULL = accepted, else park | distinct | limit |
-- max_identifiers (limit with the namespace number). n versions carry it cleanly, bare of them without a score; score: the highest;
-- first, last: of the clean ones. dirty: versions that carry it in contradiction with themselves
CREATE TABLE link (
    a INTEGER NOT NULL, b INTEGER NOT NULL, n INTEGER NOT NULL, bare INTEGER NOT NULL, dirty INTEGER NOT NULL,
    first INTEGER, last INTEGER, score REAL, refused TEXT, namespace INTEGER,
    PRIMARY KEY (a, b)
) WITHOUT ROWID;
CREATE INDEX link_back ON link (b, a);
-- links refused beforehand: refused is contradiction | score | shared | max_identifiers (of a star)
CREATE TABLE barred (
    a INTEGER NOT NULL, b INTEGER NOT NULL, n INTEGER NOT NULL, bare INTEGER NOT NULL, dirty INTEGER NOT NULL,
    first INTEGER, last INTEGER, score REAL, refused TEXT NOT NULL, namespace INTEGER,
    PRIMARY KEY (a, b)
) WITHOUT ROWID;
CREATE INDEX barred_back ON barred (b, a);

-- a OneID and, while it names a profile (size > 0), the summary of that profile.
-- pin: identifier it follows, NULL once closed; leads: the OneID it leads to while it names nobody, NULL = asleep
-- counts: JSON {"namespace number": judged groups and loose identifiers}; kind: person | anonymous | shared
-- contested: 1 when a usable refused link, a distinct or a park group connects it to another profile
-- aliases: OneIDs, not closed, pinned to its members besides its own; updated: last commit that changed identity or facts
CREATE TABLE one_id (
    n INTEGER PRIMARY KEY, one_id TEXT NOT NULL, made INTEGER NOT NULL,
    pin INTEGER, closed INTEGER, since INTEGER NOT NULL, leads INTEGER,
    size INTEGER NOT NULL, counts TEXT, kind TEXT, contested INTEGER NOT NULL DEFAULT 0, aliases INTEGER NOT NULL DEFAULT 0,
    updated INTEGER NOT NULL, retired INTEGER
);
CREATE UNIQUE INDEX one_id_text ON one_id (one_id);
CREATE INDEX one_id_pin ON one_id (pin) WHERE pin IS NOT NULL;
CREATE INDEX one_id_leads ON one_id (leads) WHERE leads IS NOT NULL;
CREATE INDEX one_id_updated ON one_id (updated, n) WHERE size > 0;
CREATE TABLE pin_ended (
    n INTEGER NOT NULL, since INTEGER NOT NULL, ended INTEGER NOT NULL, pin INTEGER, closed INTEGER,
    PRIMARY KEY (n, since)
) WITHOUT ROWID;

-- the feed. gained, lost: JSON arrays of identifier ids; leads: n of the OneID that this one leads to (itself while it names
-- a profile, NULL = nowhere for now). cause_kind fragment: cause is a version id; judgement: a judgement id; else a commit
CREATE TABLE change (
    seq INTEGER PRIMARY KEY, made INTEGER NOT NULL, n INTEGER NOT NULL, kind TEXT NOT NULL,
    gained TEXT NOT NULL, lost TEXT NOT NULL, leads INTEGER, cause_kind TEXT NOT NULL, cause INTEGER NOT NULL
);
CREATE INDEX change_one_id ON change (n, seq);

-- state as in version
CREATE TABLE interaction (
    id INTEGER PRIMARY KEY, source INTEGER NOT NULL, record TEXT NOT NULL, state INTEGER NOT NULL, hash BLOB NOT NULL,
    type TEXT NOT NULL, origin INTEGER NOT NULL, target INTEGER NOT NULL, at INTEGER NOT NULL, sent INTEGER, weight REAL NOT NULL,
    raw TEXT NOT NULL, made INTEGER NOT NULL, ended INTEGER
);
CREATE INDEX interaction_record ON interaction (source, record, state, hash);
CREATE INDEX interaction_origin ON interaction (origin, at) WHERE state = 0;
CREATE INDEX interaction_target ON interaction (target, at) WHERE state = 0;
-- the active interactions summed by pair and type
CREATE TABLE tie (
    origin INTEGER NOT NULL, target INTEGER NOT NULL, type TEXT NOT NULL,
    n INTEGER NOT NULL, weight REAL NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (origin, target, type)
) WITHOUT ROWID;
CREATE INDEX tie_back ON tie (target, weight);
"""

_DECISIONS = """
-- decision: the first judgement of those made together (NULL: itself); with_a, with_b: JSON arrays of the further ends of a side
ALTER TABLE judgement ADD COLUMN decision INTEGER;
ALTER TABLE judgement ADD COLUMN with_a TEXT;
ALTER TABLE judgement ADD COLUMN with_b TEXT;
-- the further ends of live judgements
CREATE TABLE judgement_end (identifier INTEGER NOT NULL, judgement INTEGER NOT NULL, PRIMARY KEY (identifier, judgement)) WITHOUT ROWID;
"""

_CONFLICTS = """
-- what stewards work through: links refused while profiles were built, but for those that a judgement parts; by the namespaces of both
-- ends, the day of the last sighting and the versions that carry it
CREATE INDEX link_refused ON link (a >> 40, b >> 40, last / 86400000000 DESC, n DESC, a, b) WHERE refused <> 'distinct';
-- a conflict that a steward put off: every link refused between the two profiles at commit `made`, and the versions that carried it then
CREATE TABLE postponed (
    a INTEGER NOT NULL, b INTEGER NOT NULL, made INTEGER NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (a, b, made)
) WITHOUT ROWID;
"""

_JOBS = """
-- long work. state: waiting | running | done | failed | cancelled; input, result: JSON objects; error: JSON [code, message]
-- beat: when whoever does it last said so
CREATE TABLE job (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, by TEXT, started INTEGER NOT NULL, input TEXT NOT NULL,
    state TEXT NOT NULL, progress REAL NOT NULL, beat INTEGER NOT NULL, finished INTEGER, result TEXT, error TEXT
);
"""

_REVERTS = """
-- unlinked: the commit that marked a version as not linking (NULL: it links); its facts count all the same
ALTER TABLE version ADD COLUMN unlinked INTEGER;
-- spans in which a version or judgement counted, or a mark stood, before it was changed back: since NULL: from the beginning
CREATE TABLE span (
    kind TEXT NOT NULL, id INTEGER NOT NULL, since INTEGER, ended INTEGER NOT NULL, PRIMARY KEY (kind, id, ended)
) WITHOUT ROWID;
ALTER TABLE version ADD COLUMN since INTEGER; -- the commit that brought it back, NULL: it counts as it was made
ALTER TABLE judgement ADD COLUMN since INTEGER;
-- a judgement taken back is not recorded anew when it is sent again
DROP INDEX judgement_hash;
CREATE UNIQUE INDEX judgement_hash ON judgement (hash);
-- asleep: the identifier that wakes a OneID when it is seen again, pin and closed NULL then; cause: of the end, in its commit
ALTER TABLE one_id ADD COLUMN asleep INTEGER;
CREATE INDEX one_id_asleep ON one_id (asleep) WHERE asleep IS NOT NULL;
ALTER TABLE pin_ended ADD COLUMN asleep INTEGER;
ALTER TABLE pin_ended ADD COLUMN cause INTEGER;
CREATE INDEX pin_ended_at ON pin_ended (ended);
-- undone: what a revert did to evidence, a JSON object
ALTER TABLE commits ADD COLUMN undone TEXT;
"""

_CONTRADICTIONS = """
-- links that records carry in contradiction with themselves
CREATE INDEX link_dirty ON link (a, b) WHERE dirty > 0;
CREATE INDEX barred_dirty ON barred (a, b) WHERE dirty > 0;
"""

_AUDIT = """
-- what somebody decided: n is the commit that did it, whose own reason is NULL then; key: id of the API key; reason NULL: none was given,
-- or it is erased; cause_kind, cause: as the feed names it, NULL: no cause is of it; figures: JSON object, nothing in it is of a person;
-- asked: the entry that asked for the job that did this
CREATE TABLE audit (
    n INTEGER PRIMARY KEY, at INTEGER NOT NULL, by TEXT, key TEXT, operation TEXT NOT NULL, reason TEXT, cause_kind TEXT, cause INTEGER,
    figures TEXT NOT NULL, asked INTEGER
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_operation ON audit (operation, n);
CREATE INDEX audit_by ON audit (by, n);
CREATE INDEX audit_by_operation ON audit (by, operation, n);
-- the identifiers that an entry concerns, so that its reason goes when one of them is erased
CREATE TABLE audit_subject (identifier INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (identifier, n)) WITHOUT ROWID;
CREATE INDEX audit_subject_of ON audit_subject (n, identifier);
"""

_PAST = """
-- what was so until commit `ended`, written when it changes or goes: as of commit n the entry with the smallest ended > n says it, where
-- there is none what stands now. A link, accepted or refused as in link and barred
CREATE TABLE link_ended (
    a INTEGER NOT NULL, b INTEGER NOT NULL, ended INTEGER NOT NULL, barred INTEGER NOT NULL, refused TEXT, namespace INTEGER,
    PRIMARY KEY (a, b, ended)
) WITHOUT ROWID;
CREATE INDEX link_ended_back ON link_ended (b);
-- whether an identifier was shared, and its judged group
CREATE TABLE flags_ended (
    identifier INTEGER NOT NULL, ended INTEGER NOT NULL, shared INTEGER NOT NULL, grp INTEGER, PRIMARY KEY (identifier, ended)
) WITHOUT ROWID;
-- whether a judgement was in force
CREATE TABLE force_ended (
    judgement INTEGER NOT NULL, ended INTEGER NOT NULL, in_force INTEGER NOT NULL, PRIMARY KEY (judgement, ended)
) WITHOUT ROWID;
-- all ends of judgements that were ended once, back or not
CREATE TABLE judgement_end_ended (
    identifier INTEGER NOT NULL, judgement INTEGER NOT NULL, PRIMARY KEY (identifier, judgement)
) WITHOUT ROWID;
CREATE INDEX interaction_origin_ended ON interaction (origin) WHERE state <> 0;
CREATE INDEX interaction_target_ended ON interaction (target) WHERE state <> 0;
CREATE INDEX change_leads ON change (leads, seq) WHERE leads <> n;
-- versions that never were active are in carries_ended, too: they change what is known of their identifiers all the same
INSERT OR IGNORE INTO carries_ended (identifier, version, ended)
SELECT j.value, v.id, v.ended FROM version v CROSS JOIN json_each(v.ids) j WHERE v.state <> 0 AND v.ended IS NOT NULL;
INSERT OR IGNORE INTO judgement_end_ended (identifier, judgement)
SELECT a, id FROM judgement WHERE ended IS NOT NULL AND a IS NOT NULL
UNION SELECT b, id FROM judgement WHERE ended IS NOT NULL AND b IS NOT NULL
UNION SELECT j.value, g.id FROM judgement g CROSS JOIN json_each(g.with_a) j WHERE g.ended IS NOT NULL
UNION SELECT j.value, g.id FROM judgement g CROSS JOIN json_each(g.with_b) j WHERE g.ended IS NOT NULL;
-- the commit from which on all of this is kept
INSERT INTO meta (key, value) SELECT 'past_from', coalesce(max(n), 0) FROM commits;
"""

_ERASURE = """
-- an erased identifier is a stub: its namespace is minus its id, its value empty, and nothing mentions it
-- a receipt, by the commit that made it; purged: since when no byte of what it erased is left in the files of the store (NULL: not yet)
CREATE TABLE erasure (
    n INTEGER PRIMARY KEY, at INTEGER NOT NULL, by TEXT, reason TEXT NOT NULL, identifiers INTEGER NOT NULL, records INTEGER NOT NULL,
    purged INTEGER
);
CREATE INDEX erasure_purging ON erasure (n) WHERE purged IS NULL;
-- keyed hashes of what was erased; identifier: the stub that it is of; erasure and identifier 0: of the key itself
CREATE TABLE tombstone (mark BLOB PRIMARY KEY, erasure INTEGER NOT NULL, identifier INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX tombstone_of ON tombstone (identifier);
CREATE INDEX postponed_back ON postponed (b);
"""

_SOURCES = """
-- alone: the commit that withdrew this version only; NULL: none did, and a withdrawal took back all versions of its record made before, too
ALTER TABLE version ADD COLUMN alone INTEGER;
"""

_REREAD = """
-- what a version carried, and the ends that a judgement had, until commit `ended`, when other rules came to read otherwise what was sent
CREATE TABLE ids_ended (version INTEGER NOT NULL, ended INTEGER NOT NULL, ids TEXT NOT NULL, PRIMARY KEY (version, ended)) WITHOUT ROWID;
CREATE TABLE ends_ended (
    judgement INTEGER NOT NULL, ended INTEGER NOT NULL, a INTEGER, b INTEGER, with_a TEXT, with_b TEXT, PRIMARY KEY (judgement, ended)
) WITHOUT ROWID;
-- further: JSON [[[namespace, value], ...], ...], the further ends of both sides as sent, blocked ones among them; NULL: there are none
ALTER TABLE judgement ADD COLUMN further TEXT;
UPDATE judgement SET further = json_array(
    (SELECT json_group_array(json_array(n.name, i.value)) FROM json_each(with_a) j
        JOIN identifier i ON i.id = j.value JOIN namespace n ON n.no = i.namespace),
    (SELECT json_group_array(json_array(n.name, i.value)) FROM json_each(with_b) j
        JOIN identifier i ON i.id = j.value JOIN namespace n ON n.no = i.namespace)
) WHERE with_a IS NOT NULL OR with_b IS NOT NULL;
-- an interaction has state 3, too: it counts no more since `ended`, because the rules block one of its ends
"""

STEPS: tuple[str, ...] = (_FIRST, _DECISIONS, _CONFLICTS, _JOBS, _CONTRADICTIONS, _REVERTS, _AUDIT, _PAST, _ERASURE, _SOURCES, _REREAD)
