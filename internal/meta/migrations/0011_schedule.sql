-- Schedules: when a datasource is run again by itself.

-- +goose Up

-- Either every or cron is set, as it was typed. A slot is a moment at which a run
-- is due; next_at is next_slot with the schedule's jitter. dealt holds the spans of
-- slots that were started or skipped, as [[first, last], ...], so that no slot is
-- dealt with twice when the clock is set back; checked_at is when the schedule was
-- last looked at, to notice that.
CREATE TABLE schedules (
    datasource_id TEXT PRIMARY KEY REFERENCES datasources (id) ON DELETE CASCADE,
    user_id       TEXT NOT NULL DEFAULT '',
    every         TEXT NOT NULL DEFAULT '',
    cron          TEXT NOT NULL DEFAULT '',
    time_zone     TEXT NOT NULL,
    jitter        TEXT NOT NULL DEFAULT '',
    overlap       TEXT NOT NULL CHECK (overlap IN ('skip', 'queue')),
    anchor        BIGINT NOT NULL,
    paused        INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    next_slot     BIGINT,
    next_at       BIGINT,
    waiting_slot  BIGINT,
    last_slot     BIGINT,
    last_at       BIGINT,
    last_job_id   TEXT NOT NULL DEFAULT '',
    skipped       BIGINT NOT NULL DEFAULT 0,
    missed        BIGINT NOT NULL DEFAULT 0,
    message       TEXT NOT NULL DEFAULT '',
    dealt         TEXT NOT NULL DEFAULT '[]',
    checked_at    BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    CHECK ((every = '') <> (cron = ''))
);
CREATE INDEX schedules_due ON schedules (next_at) WHERE paused = 0;
