-- Datasources, the request each one makes, and credentials.

-- +goose Up
CREATE TABLE datasources (
    id             TEXT PRIMARY KEY,
    project_id     TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name           TEXT NOT NULL,
    type           TEXT NOT NULL DEFAULT '',
    uri            TEXT NOT NULL DEFAULT '',
    status         TEXT NOT NULL CHECK (status IN ('created', 'working', 'ready', 'failed')),
    phase          TEXT NOT NULL DEFAULT '',
    message        TEXT NOT NULL DEFAULT '',
    description    TEXT NOT NULL DEFAULT '',
    table_name     TEXT NOT NULL,
    metadata       TEXT NOT NULL DEFAULT '{}',
    credentials_id TEXT REFERENCES credentials (id) ON DELETE SET NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    deleted_at     BIGINT,
    UNIQUE (project_id, table_name)
);
CREATE INDEX datasources_by_project ON datasources (project_id, created_at, id);
CREATE INDEX datasources_by_credentials ON datasources (credentials_id);

-- sealed holds the whole spec with its secrets, encrypted; public the same spec
-- with every secret replaced, for showing.
CREATE TABLE connect_specs (
    datasource_id TEXT PRIMARY KEY REFERENCES datasources (id) ON DELETE CASCADE,
    origin        TEXT NOT NULL,
    public        TEXT NOT NULL,
    sealed        BLOB NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);

-- sealed holds {metadata, config} with secrets, encrypted; the public columns
-- hold both with every secret replaced.
CREATE TABLE credentials (
    id                TEXT PRIMARY KEY,
    organization_id   TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    team_id           TEXT REFERENCES teams (id) ON DELETE CASCADE,
    datasource_id     TEXT REFERENCES datasources (id) ON DELETE CASCADE,
    infrastructure_id TEXT NOT NULL DEFAULT '',
    name              TEXT NOT NULL,
    type              TEXT NOT NULL,
    description       TEXT NOT NULL DEFAULT '',
    origin            TEXT NOT NULL DEFAULT '',
    public_metadata   TEXT NOT NULL,
    public_config     TEXT NOT NULL,
    sealed            BLOB NOT NULL,
    created_at        BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL,
    deleted_at        BIGINT
);
CREATE INDEX credentials_by_organization ON credentials (organization_id, created_at, id);
CREATE INDEX credentials_by_team ON credentials (team_id);
CREATE INDEX credentials_by_datasource ON credentials (datasource_id);
