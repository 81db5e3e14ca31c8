-- Secrets that requests refer to by name.

-- +goose Up
-- sealed holds the value, encrypted. origins is a JSON array of the scheme://host:port
-- that it may be sent to; empty until it is sent for the first time.
CREATE TABLE secrets (
    id             TEXT PRIMARY KEY,
    team_id        TEXT NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    name           TEXT NOT NULL,
    type           TEXT NOT NULL DEFAULT '',
    description    TEXT NOT NULL DEFAULT '',
    credentials_id TEXT REFERENCES credentials (id) ON DELETE SET NULL,
    origins        TEXT NOT NULL DEFAULT '[]',
    sealed         BLOB NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    UNIQUE (team_id, name)
);
CREATE INDEX secrets_by_credentials ON secrets (credentials_id);
