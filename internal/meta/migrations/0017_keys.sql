-- What an API key may be used for, where, and how often. Keys from before may do
-- all that their user may. A key goes with the project that it is bound to.

-- +goose Up
ALTER TABLE api_keys ADD COLUMN scopes TEXT NOT NULL DEFAULT 'read run write admin';
ALTER TABLE api_keys ADD COLUMN project_id TEXT REFERENCES projects (id) ON DELETE CASCADE;
ALTER TABLE api_keys ADD COLUMN rate_per_minute INTEGER NOT NULL DEFAULT 0;
CREATE INDEX api_keys_by_project ON api_keys (project_id);
