-- The manifest: immutable objects, datasets, their versions, and which files
-- each version consists of.

-- +goose Up
CREATE TABLE data_objects (
    id            TEXT PRIMARY KEY,
    project_id    TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    datasource_id TEXT REFERENCES datasources (id) ON DELETE CASCADE,
    run_id        TEXT NOT NULL DEFAULT '',
    bucket        TEXT NOT NULL,
    key           TEXT NOT NULL,
    file_type     TEXT NOT NULL,
    file_role     TEXT NOT NULL,
    mime_type     TEXT NOT NULL,
    file_size     BIGINT NOT NULL,
    row_count     BIGINT NOT NULL,
    etag          TEXT NOT NULL,
    sha256        TEXT NOT NULL,
    metadata      TEXT NOT NULL DEFAULT '{}',
    created_at    BIGINT NOT NULL
);
CREATE INDEX data_objects_by_datasource ON data_objects (datasource_id, created_at, id);
CREATE INDEX data_objects_by_key ON data_objects (key);

-- schema is that of current_version; last_field_id is never given again.
CREATE TABLE datasets (
    id              TEXT PRIMARY KEY,
    project_id      TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    datasource_id   TEXT NOT NULL REFERENCES datasources (id) ON DELETE CASCADE,
    name            TEXT NOT NULL,
    table_name      TEXT NOT NULL,
    current_version BIGINT NOT NULL,
    last_field_id   BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    UNIQUE (project_id, table_name)
);
CREATE UNIQUE INDEX datasets_by_datasource ON datasets (datasource_id);

CREATE TABLE dataset_versions (
    dataset_id TEXT NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
    version    BIGINT NOT NULL,
    run_id     TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('replace', 'append', 'merge', 'compact')),
    row_count  BIGINT NOT NULL,
    bytes      BIGINT NOT NULL,
    schema     TEXT NOT NULL,
    verdict    TEXT NOT NULL DEFAULT 'null',
    report     TEXT NOT NULL DEFAULT 'null',
    profile    TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (dataset_id, version)
);

-- A file belongs to version v if added_version <= v and it was not yet removed.
CREATE TABLE dataset_files (
    dataset_id      TEXT NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
    place           BIGINT NOT NULL,
    object_id       TEXT NOT NULL REFERENCES data_objects (id) ON DELETE CASCADE,
    object_key      TEXT NOT NULL,
    bytes           BIGINT NOT NULL,
    row_count       BIGINT NOT NULL,
    added_version   BIGINT NOT NULL,
    removed_version BIGINT,
    PRIMARY KEY (dataset_id, added_version, place)
);
