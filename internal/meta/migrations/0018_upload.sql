-- Files on their way in. The bytes lie in a folder, under the id; how many there are
-- is the size of the file.

-- +goose Up

-- length is how many bytes there will be, if the sender has said so. options is how
-- the file is to be loaded. job_id is the job that loads it: chosen before by the
-- sender, or known once the file is complete.
CREATE TABLE uploads (
    id            TEXT PRIMARY KEY,
    project_id    TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    user_id       TEXT NOT NULL DEFAULT '',
    name          TEXT NOT NULL DEFAULT '',
    content_type  TEXT NOT NULL DEFAULT '',
    length        BIGINT,
    options       TEXT NOT NULL DEFAULT '{}',
    datasource_id TEXT NOT NULL DEFAULT '',
    job_id        TEXT NOT NULL DEFAULT '',
    complete      INTEGER NOT NULL DEFAULT 0 CHECK (complete IN (0, 1)),
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);
CREATE INDEX uploads_by_project ON uploads (project_id);
