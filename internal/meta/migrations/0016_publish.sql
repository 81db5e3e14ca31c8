-- APIs: what the programs of a project are published as, version by version, and
-- who called them.

-- +goose Up

-- One for each project; the slug is in URLs and stays when the project is renamed.
CREATE TABLE apis (
    id          TEXT PRIMARY KEY,
    project_id  TEXT NOT NULL UNIQUE REFERENCES projects (id) ON DELETE CASCADE,
    slug        TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    tags        TEXT NOT NULL DEFAULT '[]',
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);

-- reason is why this version was opened, a line for each thing that broke the one
-- before; empty for the first. A removed version stays, so that its URLs can say so.
CREATE TABLE api_versions (
    id            TEXT PRIMARY KEY,
    api_id        TEXT NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    number        BIGINT NOT NULL,
    reason        TEXT NOT NULL DEFAULT '',
    deprecated_at BIGINT,
    sunset        BIGINT,
    removed_at    BIGINT,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    UNIQUE (api_id, number)
);

-- code is the frozen SQL, program the rest of the frozen program as JSON, columns
-- those of its result, example the first rows of a run with the defaults or empty.
CREATE TABLE api_endpoints (
    id              TEXT PRIMARY KEY,
    version_id      TEXT NOT NULL REFERENCES api_versions (id) ON DELETE CASCADE,
    program_id      TEXT NOT NULL REFERENCES queryprograms (id) ON DELETE CASCADE,
    name            TEXT NOT NULL,
    path            TEXT NOT NULL,
    method          TEXT NOT NULL CHECK (method IN ('GET', 'POST')),
    description     TEXT NOT NULL DEFAULT '',
    tags            TEXT NOT NULL DEFAULT '[]',
    program_version BIGINT NOT NULL,
    code            TEXT NOT NULL,
    program         TEXT NOT NULL,
    columns         TEXT NOT NULL,
    example         TEXT NOT NULL DEFAULT '',
    published_by    TEXT NOT NULL DEFAULT '',
    deprecated_at   BIGINT,
    sunset          BIGINT,
    removed_at      BIGINT,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    UNIQUE (version_id, program_id),
    UNIQUE (version_id, name),
    UNIQUE (version_id, path)
);
CREATE INDEX api_endpoints_by_program ON api_endpoints (program_id);

-- Every call is counted in the hour it came in. took holds how many calls took how
-- long, as JSON: {"bucket": calls}.
CREATE TABLE endpoint_hours (
    endpoint_id TEXT NOT NULL REFERENCES api_endpoints (id) ON DELETE CASCADE,
    hour        BIGINT NOT NULL,
    calls       BIGINT NOT NULL,
    errors      BIGINT NOT NULL,
    cached      BIGINT NOT NULL,
    row_count   BIGINT NOT NULL,
    took        TEXT NOT NULL,
    last_at     BIGINT NOT NULL,
    PRIMARY KEY (endpoint_id, hour)
);

-- The newest calls of each endpoint, one by one.
CREATE TABLE endpoint_calls (
    id          TEXT PRIMARY KEY,
    endpoint_id TEXT NOT NULL REFERENCES api_endpoints (id) ON DELETE CASCADE,
    at          BIGINT NOT NULL,
    user_id     TEXT NOT NULL DEFAULT '',
    key_id      TEXT NOT NULL DEFAULT '',
    via         TEXT NOT NULL DEFAULT '',
    status      BIGINT NOT NULL,
    error_type  TEXT NOT NULL DEFAULT '',
    took_us     BIGINT NOT NULL,
    row_count   BIGINT NOT NULL,
    cached      INTEGER NOT NULL CHECK (cached IN (0, 1))
);
CREATE INDEX endpoint_calls_by_endpoint ON endpoint_calls (endpoint_id, at, id);
