-- Query programs: what each is now, every version it had, and its runs.

-- +goose Up

-- code is stored byte for byte, SQL or not. slots holds the slots that run;
-- slots_text, steps and stores are texts of clients, kept as they came. gen_key is
-- what a generated program was made as, and stays when it is edited, so that
-- the same program is not made twice. prev_id is the version before the current one.
CREATE TABLE queryprograms (
    id           TEXT PRIMARY KEY,
    project_id   TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    dataset_id   TEXT,
    data_version BIGINT NOT NULL DEFAULT 0,
    name         TEXT NOT NULL DEFAULT '',
    cue          TEXT NOT NULL DEFAULT '',
    code         TEXT NOT NULL DEFAULT '',
    slots        TEXT NOT NULL DEFAULT '[]',
    tables       TEXT NOT NULL DEFAULT '[]',
    dialect      TEXT NOT NULL DEFAULT '',
    kind         TEXT NOT NULL DEFAULT '',
    template     TEXT NOT NULL DEFAULT '',
    chart        TEXT,
    reason       TEXT NOT NULL DEFAULT '[]',
    score        DOUBLE PRECISION NOT NULL DEFAULT 0,
    origin       TEXT NOT NULL CHECK (origin IN ('generated', 'edited', 'custom')),
    published    INTEGER NOT NULL DEFAULT 0 CHECK (published IN (0, 1)),
    public       INTEGER NOT NULL DEFAULT 0 CHECK (public IN (0, 1)),
    slots_text   TEXT,
    steps        TEXT,
    stores       TEXT,
    metadata     TEXT NOT NULL DEFAULT '{}',
    gen_key      TEXT,
    place        BIGINT NOT NULL DEFAULT 0,
    version      BIGINT NOT NULL,
    version_id   TEXT NOT NULL,
    prev_id      TEXT,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    deleted_at   BIGINT
);
CREATE INDEX queryprograms_by_project ON queryprograms (project_id, created_at, place, id);
CREATE INDEX queryprograms_by_dataset ON queryprograms (dataset_id, gen_key);

-- code is the code at that version, byte for byte; content all else, as JSON.
CREATE TABLE queryprogram_versions (
    id         TEXT PRIMARY KEY,
    program_id TEXT NOT NULL REFERENCES queryprograms (id) ON DELETE CASCADE,
    version    BIGINT NOT NULL,
    prev_id    TEXT,
    origin     TEXT NOT NULL,
    code       TEXT NOT NULL,
    content    TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (program_id, version)
);

-- dataset_versions is a JSON object: table name -> version that was read.
CREATE TABLE queryprogram_runs (
    id               TEXT PRIMARY KEY,
    program_id       TEXT NOT NULL REFERENCES queryprograms (id) ON DELETE CASCADE,
    version          BIGINT NOT NULL,
    at               BIGINT NOT NULL,
    duration_ms      BIGINT NOT NULL,
    success          INTEGER NOT NULL CHECK (success IN (0, 1)),
    row_count        BIGINT NOT NULL DEFAULT 0,
    truncated        INTEGER NOT NULL DEFAULT 0 CHECK (truncated IN (0, 1)),
    error            TEXT NOT NULL DEFAULT '',
    dataset_versions TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX queryprogram_runs_by_program ON queryprogram_runs (program_id, at, id);
