-- +goose Up

-- Where a provider's hints were read to. Apart from sources, whose rows are written with every change.
CREATE TABLE cursors (
    source   INTEGER PRIMARY KEY REFERENCES sources (source),
    identity TEXT NOT NULL,
    text     TEXT NOT NULL
) STRICT;
