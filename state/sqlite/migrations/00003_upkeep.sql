-- +goose Up

-- Who waits for a second witness or an approval: few, and looked for often.
CREATE INDEX records_staged ON records (source) WHERE staged <> 0;

-- Who reads a tenant's journal, and how far they have come. What they have not read is not removed.
CREATE TABLE readers (
    tenant INTEGER NOT NULL REFERENCES tenants (tenant),
    name   TEXT NOT NULL,
    number INTEGER NOT NULL, -- of the journal
    at     INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

-- The conditions that somebody has been told of and that are not known to be over.
CREATE TABLE alarms (
    source    INTEGER NOT NULL REFERENCES sources (source),
    condition TEXT NOT NULL,
    since     INTEGER NOT NULL,
    PRIMARY KEY (source, condition)
) STRICT, WITHOUT ROWID;
