-- +goose Up

-- Who may use the console.
CREATE TABLE operators (
    operator    INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    role        TEXT NOT NULL,
    password    TEXT NOT NULL, -- argon2id, "" = none
    identity    TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    disabled_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sign_in_links (
    hash       BLOB PRIMARY KEY,
    operator   INTEGER NOT NULL REFERENCES operators (operator),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sign_in_links_operator ON sign_in_links (operator);

CREATE TABLE sessions (
    hash       BLOB PRIMARY KEY,
    operator   INTEGER NOT NULL REFERENCES operators (operator),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_operator ON sessions (operator);
CREATE INDEX sessions_expires ON sessions (expires_at);

-- Set-up pages for customers' administrators.
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

-- What operators did that is in no journal.
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

-- Lists go by these. Each holds few rows, and a change of any other row writes none of them.
CREATE INDEX records_inactive ON records (source) WHERE in_force = 0 AND deleted_at = 0 AND kind = 1;
CREATE INDEX records_inactive_name ON records (source, unique_key) WHERE in_force = 0 AND deleted_at = 0 AND kind = 1;
CREATE INDEX records_guarded ON records (source) WHERE pinned | protected <> 0 AND deleted_at = 0;
CREATE INDEX records_nameless ON records (kind) WHERE unique_key IS NULL AND deleted_at = 0;
CREATE INDEX journal_reasons ON journal (source, reason) WHERE turn < 0;
CREATE INDEX journal_groups ON journal (source) WHERE kind = 2;
CREATE INDEX requests_failed ON requests (source) WHERE status >= 400;
CREATE INDEX requests_failed_all ON requests (request) WHERE status >= 400;

-- The words of live records (state.SearchWords), rowid is the record. It keeps them beside the index, so that they can be taken out of
-- it whole: what is erased leaves no word in it.
CREATE VIRTUAL TABLE search USING fts5 (words, tokenize = 'ascii', prefix = '1 2 3 4 5 6 7 8', detail = none, columnsize = 0);
INSERT INTO search (search, rank) VALUES ('secure-delete', 1);
-- The parts of the index are merged a little with each transaction, not much with some of them.
INSERT INTO search (search, rank) VALUES ('automerge', 0);

-- What is purged is found no longer, at once.
-- +goose StatementBegin
CREATE TRIGGER search_purged AFTER DELETE ON records BEGIN
    DELETE FROM search WHERE rowid = old.record;
END;
-- +goose StatementEnd

-- What happened to a source on a day of UTC, numbered from 1970.
CREATE TABLE days (
    source   INTEGER NOT NULL REFERENCES sources (source),
    day      INTEGER NOT NULL,
    pushes   INTEGER NOT NULL,
    found    INTEGER NOT NULL,
    repaired INTEGER NOT NULL,
    removals INTEGER NOT NULL,
    PRIMARY KEY (source, day)
) STRICT, WITHOUT ROWID;

-- How far search and days have come. A tenant's journal: numbers are never given twice, whatever is removed from it. Up to words,
-- what it says of words is in the record already, from which search is filled first.
CREATE TABLE digested (
    tenant INTEGER PRIMARY KEY REFERENCES tenants (tenant),
    number INTEGER NOT NULL,
    words  INTEGER NOT NULL
) STRICT;

INSERT INTO digested (tenant, number, words) SELECT tenant, 0, last_number FROM tenants;

-- The filling of search from the records that were there first: those behind record, up to last.
CREATE TABLE filling (
    only   INTEGER PRIMARY KEY CHECK (only = 1),
    record INTEGER NOT NULL,
    last   INTEGER NOT NULL
) STRICT;

INSERT INTO filling (only, record, last) SELECT 1, 0, coalesce(max(record), 0) FROM records;

ALTER TABLE runs ADD COLUMN digested INTEGER NOT NULL DEFAULT 0; -- 1: days have it
CREATE INDEX runs_to_digest ON runs (run) WHERE digested = 0 AND ended_at <> 0;

-- Of what waits, 2 is a DELETE. Until now only the reason of the push told, the last that made the account wait.
UPDATE records SET staged = 2 WHERE staged = 1 AND deleted_at = 0 AND 'pushed_delete' = (SELECT j.reason FROM journal j
    WHERE j.id = records.id AND json_extract(j.after, '$.staged') = 1 ORDER BY j.entry DESC LIMIT 1);
