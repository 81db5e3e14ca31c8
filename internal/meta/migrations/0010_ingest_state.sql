-- What runs remember from one to the next, and types that people chose.

-- +goose Up

-- The state of a datasource's cursor as the run that made the version left it, as
-- JSON. Which row counts is decided by the dataset's current version: a restored
-- version brings its own back.
CREATE TABLE ingest_cursors (
    datasource_id TEXT NOT NULL REFERENCES datasources (id) ON DELETE CASCADE,
    version       BIGINT NOT NULL,
    state         TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (datasource_id, version)
);

-- columns is {column key: type}: types that a person chose over the ladder's.
CREATE TABLE ingest_types (
    dataset_id TEXT PRIMARY KEY REFERENCES datasets (id) ON DELETE CASCADE,
    columns    TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);
