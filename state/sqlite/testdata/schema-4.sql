CREATE TABLE alarms (
    source    INTEGER NOT NULL REFERENCES sources (source),
    condition TEXT NOT NULL,
    since     INTEGER NOT NULL,
    PRIMARY KEY (source, condition)
) STRICT, WITHOUT ROWID;
CREATE TABLE blocks (
    source INTEGER NOT NULL REFERENCES sources (source),
    kind   INTEGER NOT NULL,
    block  INTEGER NOT NULL, -- of rows: record / 2048
    live   INTEGER NOT NULL,
    PRIMARY KEY (source, kind, block)
) STRICT, WITHOUT ROWID;
CREATE TABLE cursors (
    source   INTEGER PRIMARY KEY REFERENCES sources (source),
    identity TEXT NOT NULL,
    text     TEXT NOT NULL
) STRICT;
CREATE TABLE journal (
    entry   INTEGER PRIMARY KEY,
    tenant  INTEGER NOT NULL,
    number  INTEGER NOT NULL, -- per tenant, in commit order, without a gap
    source  INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    kind    INTEGER NOT NULL,
    id      TEXT NOT NULL,
    name    TEXT NOT NULL,
    verb    TEXT NOT NULL,
    version INTEGER NOT NULL,
    cause   TEXT NOT NULL,
    actor   TEXT NOT NULL,
    run     TEXT NOT NULL,
    reason  TEXT NOT NULL,
    note    TEXT NOT NULL,
    request TEXT NOT NULL,
    turn    INTEGER NOT NULL, -- 1: an account came into force; -1: one that was no longer is
    before  TEXT NOT NULL,    -- JSON
    after   TEXT NOT NULL     -- JSON
) STRICT;
CREATE INDEX journal_id ON journal (id);
CREATE UNIQUE INDEX journal_number ON journal (tenant, number);
CREATE INDEX journal_turns ON journal (source, at, turn) WHERE turn <> 0;
CREATE TABLE keys (
    source       INTEGER NOT NULL REFERENCES sources (source),
    id           TEXT NOT NULL,
    hash         BLOB NOT NULL UNIQUE,
    label        TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    revoked_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    UNIQUE (source, id)
) STRICT;
CREATE TABLE leases (
    source INTEGER PRIMARY KEY REFERENCES sources (source),
    holder TEXT NOT NULL, -- '' when released
    epoch  INTEGER NOT NULL,
    until  INTEGER NOT NULL
) STRICT;
CREATE TABLE match_keys (
    source INTEGER NOT NULL,
    name   INTEGER NOT NULL,
    text   TEXT NOT NULL,
    record INTEGER NOT NULL,
    PRIMARY KEY (source, name, text, record)
) STRICT, WITHOUT ROWID;
CREATE TABLE memberships (
    group_record  INTEGER NOT NULL REFERENCES records (record),
    member_record INTEGER NOT NULL REFERENCES records (record),
    joined        INTEGER NOT NULL, -- order within the group
    PRIMARY KEY (group_record, member_record)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX memberships_joined ON memberships (group_record, joined);
CREATE INDEX memberships_member ON memberships (member_record);
CREATE TABLE plans (
    plan       INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    source     INTEGER NOT NULL REFERENCES sources (source),
    run        TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    status     TEXT NOT NULL,
    reason     TEXT NOT NULL,
    changes    INTEGER NOT NULL,
    removals   INTEGER NOT NULL,
    decided_by TEXT NOT NULL,
    decided_at INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX plans_held ON plans (source) WHERE status = 'held';
CREATE INDEX plans_source ON plans (source);
CREATE TABLE readers (
    tenant INTEGER NOT NULL REFERENCES tenants (tenant),
    name   TEXT NOT NULL,
    number INTEGER NOT NULL, -- of the journal
    at     INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE records (
    record      INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of creation
    id          TEXT NOT NULL UNIQUE,
    source      INTEGER NOT NULL REFERENCES sources (source),
    kind        INTEGER NOT NULL, -- 1 account, 2 group
    version     INTEGER NOT NULL,
    said        INTEGER NOT NULL,
    in_force    INTEGER NOT NULL,
    staged      INTEGER NOT NULL,
    pinned      INTEGER NOT NULL,
    protected   INTEGER NOT NULL,
    stamp       INTEGER NOT NULL, -- 64 bits, the sign is one of them
    created_at  INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    deleted_at  INTEGER NOT NULL, -- not 0: a tombstone
    link        TEXT,
    unique_key  TEXT,             -- folded: userName of an account, displayName of a group
    external_id TEXT,
    name        TEXT NOT NULL,
    resource    TEXT NOT NULL     -- canonical JSON
) STRICT;
CREATE INDEX records_external_id ON records (source, kind, external_id) WHERE deleted_at = 0 AND external_id IS NOT NULL;
CREATE UNIQUE INDEX records_link ON records (source, link) WHERE deleted_at = 0 AND link IS NOT NULL;
CREATE INDEX records_live ON records (source, kind) WHERE deleted_at = 0;
CREATE INDEX records_staged ON records (source) WHERE staged <> 0;
CREATE INDEX records_tombstones ON records (source) WHERE deleted_at <> 0;
CREATE UNIQUE INDEX records_unique_key ON records (source, kind, unique_key) WHERE deleted_at = 0;
CREATE TABLE requests (
    request INTEGER PRIMARY KEY AUTOINCREMENT,
    id      TEXT NOT NULL UNIQUE,
    source  INTEGER NOT NULL REFERENCES sources (source),
    changed INTEGER NOT NULL, -- 1: stays as long as its journal entries; 0: only the newest stay
    at      INTEGER NOT NULL,
    key_id  TEXT NOT NULL,
    method  TEXT NOT NULL,
    path    TEXT NOT NULL,
    status  INTEGER NOT NULL,
    detail  TEXT NOT NULL,
    body    BLOB NOT NULL,
    answer  BLOB NOT NULL
) STRICT;
CREATE INDEX requests_passing ON requests (source) WHERE changed = 0;
CREATE INDEX requests_source ON requests (source);
CREATE TABLE runs (
    run        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    source     INTEGER NOT NULL REFERENCES sources (source),
    triggered  TEXT NOT NULL, -- "schedule" or "hand"
    actor      TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL,
    verdict    TEXT NOT NULL,
    reason     TEXT NOT NULL,
    outcome    TEXT NOT NULL,
    plan       TEXT NOT NULL,
    report     BLOB NOT NULL
) STRICT;
CREATE INDEX runs_source ON runs (source, started_at);
CREATE INDEX runs_started ON runs (started_at);
CREATE TABLE seal (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    key  BLOB NOT NULL CHECK (length(key) = 32)
) STRICT;
CREATE TABLE sources (
    source        INTEGER PRIMARY KEY,
    tenant        INTEGER NOT NULL REFERENCES tenants (tenant),
    name          TEXT NOT NULL UNIQUE,
    kind          TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    identity      TEXT NOT NULL DEFAULT '',
    basis         TEXT NOT NULL DEFAULT '',
    observe       TEXT NOT NULL DEFAULT '',
    last_push_at  INTEGER NOT NULL DEFAULT 0,
    last_pull_at  INTEGER NOT NULL DEFAULT 0,
    last_whole_at INTEGER NOT NULL DEFAULT 0,
    -- Sums over its live records, kept with every change so that nothing is ever counted.
    accounts      INTEGER NOT NULL DEFAULT 0,
    in_force      INTEGER NOT NULL DEFAULT 0,
    groups        INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE suspicions (
    source INTEGER NOT NULL REFERENCES sources (source),
    person TEXT NOT NULL,
    fact   TEXT NOT NULL,
    run    TEXT NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (source, person, fact)
) STRICT, WITHOUT ROWID;
CREATE TABLE tenants (
    tenant      INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    last_number INTEGER NOT NULL DEFAULT 0 -- of its journal
) STRICT;
-- application_id = 1383033964
-- page_size = 4096
-- encoding = UTF-8
