-- +goose Up

-- The key by which files that are written from this record are sealed. A copy of the record has it too.
CREATE TABLE seal (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    key  BLOB NOT NULL CHECK (length(key) = 32)
) STRICT;

INSERT INTO seal (only, key) VALUES (1, randomblob(32));
