-- What the existing clients keep beside the rest: platforms above organisations,
-- their own words about datasets, and conversations.

-- +goose Up
CREATE TABLE platforms (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    metadata    TEXT NOT NULL DEFAULT '{}',
    created_by  TEXT NOT NULL DEFAULT '',
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    deleted_at  BIGINT
);
ALTER TABLE organizations ADD COLUMN platform_id TEXT REFERENCES platforms (id) ON DELETE SET NULL;

-- What a client says of a dataset; each is kept byte for byte, and NULL where it
-- said nothing. Versions that land later do not change it.
CREATE TABLE dataset_notes (
    dataset_id TEXT PRIMARY KEY REFERENCES datasets (id) ON DELETE CASCADE,
    name       TEXT,
    code       TEXT,
    model      TEXT,
    updated_at BIGINT NOT NULL
);

CREATE TABLE conversations (
    id         TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    program_id TEXT REFERENCES queryprograms (id) ON DELETE SET NULL,
    user_id    TEXT NOT NULL,
    title      TEXT NOT NULL,
    model      TEXT NOT NULL DEFAULT '',
    starred    INTEGER NOT NULL DEFAULT 0 CHECK (starred IN (0, 1)),
    archived   INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1)),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX conversations_by_project ON conversations (project_id, created_at, id);

-- place counts the messages of a conversation from 1. Those with the same group
-- belong to one answer. content is text, or JSON, as content_type says.
CREATE TABLE messages (
    id              TEXT PRIMARY KEY,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    place           BIGINT NOT NULL,
    turn            TEXT NOT NULL,
    author_role     TEXT NOT NULL CHECK (author_role IN ('user', 'assistant', 'tool')),
    author_user_id  TEXT NOT NULL DEFAULT '',
    author_name     TEXT NOT NULL DEFAULT '',
    content_type    TEXT NOT NULL,
    content         TEXT NOT NULL,
    status          TEXT NOT NULL,
    recipient       TEXT NOT NULL DEFAULT '',
    hidden          INTEGER NOT NULL DEFAULT 0 CHECK (hidden IN (0, 1)),
    created_at      BIGINT NOT NULL,
    UNIQUE (conversation_id, place)
);

-- A session is a signed-in browser. hash is the SHA-256 of its cookie, in hex; csrf
-- must come with every request that changes something.
CREATE TABLE sessions (
    hash       TEXT PRIMARY KEY,
    key_id     TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    csrf       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
