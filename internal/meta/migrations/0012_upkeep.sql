-- Stored objects that no row names, and since when that is known: their bytes are
-- removed after a grace that is longer than any query may still read them.

-- +goose Up
CREATE TABLE orphans (
    key   TEXT PRIMARY KEY,
    since BIGINT NOT NULL
);
