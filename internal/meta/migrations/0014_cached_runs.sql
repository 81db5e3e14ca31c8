-- Runs that were answered without running anything.

-- +goose Up
ALTER TABLE queryprogram_runs ADD COLUMN cached INTEGER NOT NULL DEFAULT 0;
