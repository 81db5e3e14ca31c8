-- Versions that add to, merge into, compact, retype or restore others; what is
-- kept of them, and for how long.

-- +goose Up

-- merge_key is a JSON list of column keys: rows of a later file win over earlier
-- ones of the same key; [] means that all rows count. base is the version that
-- this one was made from, 0 if none. facts is what typing knows of all rows.
-- schema_version is the first of the versions in a row that have exactly the same
-- schema. An expired version can no longer be read; its schema stays, because files
-- that later versions share were written with it.
CREATE TABLE dataset_versions_new (
    dataset_id TEXT NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
    version    BIGINT NOT NULL,
    run_id     TEXT NOT NULL DEFAULT '',
    kind       TEXT NOT NULL CHECK (kind IN ('append', 'replace', 'merge', 'compact', 'retype', 'restore')),
    object_id  TEXT NOT NULL REFERENCES data_objects (id),
    row_count  BIGINT NOT NULL,
    bytes      BIGINT NOT NULL,
    schema     TEXT NOT NULL,
    verdict    TEXT NOT NULL DEFAULT '{}',
    report     TEXT NOT NULL DEFAULT '{}',
    profile    TEXT,
    created_at BIGINT NOT NULL,
    merge_key  TEXT NOT NULL DEFAULT '[]',
    base       BIGINT NOT NULL DEFAULT 0,
    schema_version BIGINT NOT NULL,
    facts      TEXT,
    expired_at BIGINT,
    PRIMARY KEY (dataset_id, version)
);
INSERT INTO dataset_versions_new (dataset_id, version, run_id, kind, object_id, row_count, bytes, schema, verdict, report, profile, created_at, schema_version)
    SELECT dataset_id, version, run_id, kind, object_id, row_count, bytes, schema, verdict, report, profile, created_at, version FROM dataset_versions;
DROP TABLE dataset_versions;
ALTER TABLE dataset_versions_new RENAME TO dataset_versions;
CREATE INDEX dataset_versions_by_object ON dataset_versions (object_id);

-- sequence orders the rows of a version and says which of two files is newer; a
-- file made again from the same pages keeps it. schema_version is the version
-- whose schema the file was written with. raws is a JSON list of the data objects
-- with the raw pages that the file was made from.
ALTER TABLE dataset_files ADD COLUMN sequence BIGINT NOT NULL DEFAULT 0;
ALTER TABLE dataset_files ADD COLUMN schema_version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE dataset_files ADD COLUMN raws TEXT NOT NULL DEFAULT '[]';
UPDATE dataset_files SET sequence = added_version * 1048576 + place, schema_version = added_version,
    raws = coalesce((SELECT '["' || max(r.id) || '"]' FROM data_objects p JOIN data_objects r
        ON r.run_id = p.run_id AND r.datasource_id = p.datasource_id AND r.file_role = 'data/raw_pages'
        WHERE p.id = dataset_files.object_id), '[]');

-- A pinned version does not expire. holder is "user", or "program:" and its id.
CREATE TABLE dataset_pins (
    dataset_id TEXT NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
    version    BIGINT NOT NULL,
    holder     TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (dataset_id, version, holder)
);

-- A dataset without a row has the defaults.
CREATE TABLE dataset_settings (
    dataset_id    TEXT PRIMARY KEY REFERENCES datasets (id) ON DELETE CASCADE,
    keep_versions BIGINT NOT NULL,
    keep_days     BIGINT NOT NULL,
    raw_pages     TEXT NOT NULL CHECK (raw_pages IN ('keep', 'last', 'none')),
    updated_at    BIGINT NOT NULL
);
