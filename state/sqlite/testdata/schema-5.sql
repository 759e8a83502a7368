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
CREATE TABLE days (
    source   INTEGER NOT NULL REFERENCES sources (source),
    day      INTEGER NOT NULL,
    pushes   INTEGER NOT NULL,
    found    INTEGER NOT NULL,
    repaired INTEGER NOT NULL,
    removals INTEGER NOT NULL,
    PRIMARY KEY (source, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE deeds (
    deed    INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    what    TEXT NOT NULL,
    source  INTEGER REFERENCES sources (source), -- NULL: of none
    subject TEXT NOT NULL,
    note    TEXT NOT NULL
) STRICT;
CREATE INDEX deeds_source ON deeds (source);
CREATE TABLE digested (
    tenant INTEGER PRIMARY KEY REFERENCES tenants (tenant),
    number INTEGER NOT NULL,
    words  INTEGER NOT NULL
) STRICT;
CREATE TABLE filling (
    only   INTEGER PRIMARY KEY CHECK (only = 1),
    record INTEGER NOT NULL,
    last   INTEGER NOT NULL
) STRICT;
CREATE TABLE invites (
    invite       INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    source       INTEGER NOT NULL REFERENCES sources (source),
    created_by   TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    withdrawn_at INTEGER NOT NULL,
    key_id       TEXT NOT NULL -- "" = none was issued
) STRICT;
CREATE INDEX invites_source ON invites (source);
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
CREATE INDEX journal_groups ON journal (source) WHERE kind = 2;
CREATE INDEX journal_id ON journal (id);
CREATE UNIQUE INDEX journal_number ON journal (tenant, number);
CREATE INDEX journal_reasons ON journal (source, reason) WHERE turn < 0;
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
CREATE TABLE operators (
    operator    INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    role        TEXT NOT NULL,
    password    TEXT NOT NULL, -- argon2id, "" = none
    identity    TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    disabled_at INTEGER NOT NULL
) STRICT;
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
CREATE INDEX records_guarded ON records (source) WHERE pinned | protected <> 0 AND deleted_at = 0;
CREATE INDEX records_inactive ON records (source) WHERE in_force = 0 AND deleted_at = 0 AND kind = 1;
CREATE INDEX records_inactive_name ON records (source, unique_key) WHERE in_force = 0 AND deleted_at = 0 AND kind = 1;
CREATE UNIQUE INDEX records_link ON records (source, link) WHERE deleted_at = 0 AND link IS NOT NULL;
CREATE INDEX records_live ON records (source, kind) WHERE deleted_at = 0;
CREATE INDEX records_nameless ON records (kind) WHERE unique_key IS NULL AND deleted_at = 0;
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
CREATE INDEX requests_failed ON requests (source) WHERE status >= 400;
CREATE INDEX requests_failed_all ON requests (request) WHERE status >= 400;
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
, digested INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX runs_source ON runs (source, started_at);
CREATE INDEX runs_started ON runs (started_at);
CREATE INDEX runs_to_digest ON runs (run) WHERE digested = 0 AND ended_at <> 0;
CREATE TABLE seal (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    key  BLOB NOT NULL CHECK (length(key) = 32)
) STRICT;
CREATE VIRTUAL TABLE search USING fts5 (words, tokenize = 'ascii', prefix = '1 2 3 4 5 6 7 8', detail = none, columnsize = 0);
CREATE TABLE 'search_config'(k PRIMARY KEY, v) WITHOUT ROWID;
CREATE TABLE 'search_content'(id INTEGER PRIMARY KEY, c0);
CREATE TABLE 'search_data'(id INTEGER PRIMARY KEY, block BLOB);
CREATE TABLE 'search_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
CREATE TRIGGER search_purged AFTER DELETE ON records BEGIN
    DELETE FROM search WHERE rowid = old.record;
END;
CREATE TABLE sessions (
    hash       BLOB PRIMARY KEY,
    operator   INTEGER NOT NULL REFERENCES operators (operator),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_expires ON sessions (expires_at);
CREATE INDEX sessions_operator ON sessions (operator);
CREATE TABLE sign_in_links (
    hash       BLOB PRIMARY KEY,
    operator   INTEGER NOT NULL REFERENCES operators (operator),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_in_links_operator ON sign_in_links (operator);
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
