-- Columns of a dataset whose values are keys of another dataset of the project, with
-- how often that was found to hold: what joins are suggested from. And when a profile
-- was written, so that who keeps a part of it in memory knows whether it is that one.

-- +goose Up
CREATE TABLE dataset_links (
    project_id       TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    dataset_id       TEXT NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
    column_name      TEXT NOT NULL,
    other_id         TEXT NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
    other_column     TEXT NOT NULL,
    version          BIGINT NOT NULL,
    other_version    BIGINT NOT NULL,
    value_count      BIGINT NOT NULL,
    matched_count    BIGINT NOT NULL,
    distinct_count   BIGINT NOT NULL,
    distinct_matched BIGINT NOT NULL,
    other_count      BIGINT NOT NULL,
    names            TEXT NOT NULL DEFAULT '',
    found_at         BIGINT NOT NULL,
    PRIMARY KEY (dataset_id, column_name)
);
CREATE INDEX dataset_links_by_other ON dataset_links (other_id);
CREATE INDEX dataset_links_by_project ON dataset_links (project_id);

ALTER TABLE dataset_versions ADD COLUMN profiled_at BIGINT;
