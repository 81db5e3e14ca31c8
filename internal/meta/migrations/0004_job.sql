-- Jobs: work that outlives a request. The tables of the queue that claims them
-- (river_*) are its own; what a job is and how it stands is here.

-- +goose Up

-- attempt is the fence: it grows with every claim, and only its holder may
-- finish the job. failures counts the attempts that ended in an error worth another
-- attempt, crashes those during which the server died; a clean stop is neither.
-- Waiting jobs start when their parent has
-- completed. queue_id is the one row of the queue that may claim the job.
CREATE TABLE jobs (
    id                TEXT PRIMARY KEY,
    type              TEXT NOT NULL,
    status            TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'canceled')),
    phase             TEXT NOT NULL DEFAULT '',
    message           TEXT NOT NULL DEFAULT '',
    progress          DOUBLE PRECISION NOT NULL DEFAULT 0,
    detail            TEXT NOT NULL DEFAULT '{}',
    project_id        TEXT REFERENCES projects (id) ON DELETE CASCADE,
    user_id           TEXT NOT NULL DEFAULT '',
    parent_id         TEXT REFERENCES jobs (id) ON DELETE SET NULL,
    source            TEXT NOT NULL DEFAULT '',
    source_id         TEXT NOT NULL DEFAULT '',
    source_event_type TEXT NOT NULL DEFAULT '',
    source_metadata   TEXT NOT NULL DEFAULT '{}',
    payload           TEXT NOT NULL DEFAULT '{}',
    metadata          TEXT NOT NULL DEFAULT '{}',
    error             TEXT,
    attempt           INTEGER NOT NULL DEFAULT 0,
    failures          INTEGER NOT NULL DEFAULT 0,
    crashes           INTEGER NOT NULL DEFAULT 0,
    waiting           INTEGER NOT NULL DEFAULT 0 CHECK (waiting IN (0, 1)),
    cancel_requested  INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    boot              TEXT NOT NULL DEFAULT '',
    queue_id          BIGINT,
    due_at            BIGINT NOT NULL,
    created_at        BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL,
    started_at        BIGINT,
    finished_at       BIGINT
);
CREATE INDEX jobs_by_project ON jobs (project_id, created_at, id);
CREATE INDEX jobs_by_source ON jobs (source_id, created_at, id);
CREATE INDEX jobs_by_parent ON jobs (parent_id);
CREATE INDEX jobs_unfinished ON jobs (status) WHERE status IN ('pending', 'running');

-- One row for each change of status.
CREATE TABLE job_history (
    job_id  TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    seq     BIGINT NOT NULL,
    status  TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    message TEXT NOT NULL DEFAULT '',
    at      BIGINT NOT NULL,
    PRIMARY KEY (job_id, seq)
);

-- What subscribers are told; a job has exactly one terminal event, its last.
CREATE TABLE job_events (
    job_id   TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    seq      BIGINT NOT NULL,
    name     TEXT NOT NULL,
    status   TEXT NOT NULL,
    progress DOUBLE PRECISION NOT NULL,
    data     TEXT NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (job_id, seq)
);
