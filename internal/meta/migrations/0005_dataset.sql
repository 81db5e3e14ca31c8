-- Data objects (stored files) and datasets (queryable tables) with immutable
-- versions: the manifest.

-- +goose Up

-- An object is one use of stored bytes; two rows may share a key.
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
    row_count     BIGINT NOT NULL DEFAULT 0,
    etag          TEXT NOT NULL DEFAULT '',
    sha256        TEXT NOT NULL DEFAULT '',
    metadata      TEXT NOT NULL DEFAULT '{}',
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    deleted_at    BIGINT
);
CREATE INDEX data_objects_by_datasource ON data_objects (datasource_id, created_at, id);
CREATE INDEX data_objects_by_project ON data_objects (project_id, created_at, id);
CREATE INDEX data_objects_by_key ON data_objects (key);

-- object_id, schema, row_count and bytes are those of the current version.
-- Table names are compared regardless of case, as SQL does: table_key is the
-- name in lower case. last_field_id was used, and is never given again.
CREATE TABLE datasets (
    id            TEXT PRIMARY KEY,
    project_id    TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    datasource_id TEXT REFERENCES datasources (id) ON DELETE CASCADE,
    object_id     TEXT NOT NULL REFERENCES data_objects (id),
    name          TEXT NOT NULL,
    table_name    TEXT NOT NULL,
    table_key     TEXT NOT NULL,
    schema        TEXT NOT NULL,
    last_field_id BIGINT NOT NULL,
    version       BIGINT NOT NULL,
    row_count     BIGINT NOT NULL,
    bytes         BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    deleted_at    BIGINT
);
CREATE UNIQUE INDEX datasets_by_table ON datasets (project_id, table_key) WHERE deleted_at IS NULL;
CREATE INDEX datasets_by_datasource ON datasets (datasource_id, created_at, id);
CREATE INDEX datasets_by_project ON datasets (project_id, created_at, id);
CREATE INDEX datasets_by_object ON datasets (object_id);

CREATE TABLE dataset_versions (
    dataset_id TEXT NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
    version    BIGINT NOT NULL,
    run_id     TEXT NOT NULL DEFAULT '',
    kind       TEXT NOT NULL CHECK (kind IN ('append', 'replace', 'merge', 'compact')),
    object_id  TEXT NOT NULL REFERENCES data_objects (id),
    row_count  BIGINT NOT NULL,
    bytes      BIGINT NOT NULL,
    schema     TEXT NOT NULL,
    verdict    TEXT NOT NULL DEFAULT '{}',
    report     TEXT NOT NULL DEFAULT '{}',
    profile    TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (dataset_id, version)
);
CREATE INDEX dataset_versions_by_object ON dataset_versions (object_id);

-- A file belongs to version v if added_version <= v and it was not removed at
-- or before v. place is its position in the version that added it; stats is
-- {column: {min, max, nulls}}, where known.
CREATE TABLE dataset_files (
    dataset_id      TEXT NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
    added_version   BIGINT NOT NULL,
    place           BIGINT NOT NULL,
    object_id       TEXT NOT NULL REFERENCES data_objects (id),
    object_key      TEXT NOT NULL,
    bytes           BIGINT NOT NULL,
    row_count       BIGINT NOT NULL,
    stats           TEXT NOT NULL DEFAULT '{}',
    removed_version BIGINT,
    PRIMARY KEY (dataset_id, added_version, place)
);
CREATE INDEX dataset_files_by_object ON dataset_files (object_id);
