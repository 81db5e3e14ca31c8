-- Lineage: which stored object was made from which. An edge without upstream
-- marks an object that came from outside.

-- +goose Up
CREATE TABLE lineage (
    id             TEXT PRIMARY KEY,
    project_id     TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    upstream_id    TEXT REFERENCES data_objects (id) ON DELETE CASCADE,
    downstream_id  TEXT NOT NULL REFERENCES data_objects (id) ON DELETE CASCADE,
    transformation TEXT NOT NULL,
    metadata       TEXT NOT NULL DEFAULT '{}',
    created_at     BIGINT NOT NULL
);
CREATE INDEX lineage_by_upstream ON lineage (upstream_id);
CREATE INDEX lineage_by_downstream ON lineage (downstream_id);
CREATE INDEX lineage_by_project ON lineage (project_id, created_at, id);
