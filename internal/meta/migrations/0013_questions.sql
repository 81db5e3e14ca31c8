-- What a person says of columns, and what became of generated programs when their
-- dataset changed.

-- +goose Up

-- field_id is the column's in the dataset's schema, so that a later version of the
-- data, or another name, keeps what was said. override is JSON.
CREATE TABLE dataset_column_overrides (
    dataset_id TEXT NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
    field_id   BIGINT NOT NULL,
    override   TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (dataset_id, field_id)
);

-- A retired program stays as it is and no longer runs, or no longer makes sense.
ALTER TABLE queryprograms ADD COLUMN retired_at BIGINT;
ALTER TABLE queryprograms ADD COLUMN retired_reason TEXT NOT NULL DEFAULT '';

-- One row for each program that a generation added, changed, retired, brought back
-- or removed; place keeps them in order.
CREATE TABLE queryprogram_changes (
    dataset_id   TEXT NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
    job_id       TEXT NOT NULL,
    place        BIGINT NOT NULL,
    data_version BIGINT NOT NULL,
    program_id   TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('added', 'kept', 'updated', 'retired', 'restored', 'removed', 'note')),
    cue          TEXT NOT NULL,
    reason       TEXT NOT NULL,
    at           BIGINT NOT NULL,
    PRIMARY KEY (dataset_id, job_id, place)
);
