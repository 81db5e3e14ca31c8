-- The stable type of what made a run fail, and how it was asked for.

-- +goose Up
ALTER TABLE queryprogram_runs ADD COLUMN error_type TEXT NOT NULL DEFAULT '';
