package dataset

import (
	"context"
	"database/sql"
	"encoding/json"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// A dataset is hidden with its datasource.
const selectDataset = `SELECT d.id, d.project_id, d.datasource_id, d.name, d.table_name, d.current_version, d.last_field_id, d.created_at, d.updated_at,
	s.deleted_at, coalesce(v.schema, '{}'),
	coalesce((SELECT f.object_id FROM dataset_files f WHERE f.dataset_id = d.id AND f.removed_version IS NULL
		ORDER BY f.added_version DESC, f.place DESC LIMIT 1), '')
	FROM datasets d JOIN datasources s ON s.id = d.datasource_id
	LEFT JOIN dataset_versions v ON v.dataset_id = d.id AND v.version = d.current_version `

func scanDataset(r meta.Row) (d Dataset, err error) {
	var created, updated int64
	var deleted sql.NullInt64
	var schema string
	if err := r.Scan(&d.ID, &d.ProjectID, &d.DatasourceID, &d.Name, &d.TableName, &d.Version, &d.LastFieldID, &created, &updated,
		&deleted, &schema, &d.ObjectID); err != nil {
		return d, err
	}
	d.CreatedAt, d.UpdatedAt, d.DeletedAt = meta.Time(created), meta.Time(updated), meta.NullTime(deleted)
	return d, json.Unmarshal([]byte(schema), &d.Schema)
}

// Dataset returns a dataset; errs.NotFound if there is none or it is hidden.
func (s *Store) Dataset(ctx context.Context, id ID) (_ Dataset, err error) {
	defer errs.Wrap(&err, "dataset.Dataset")
	d, found, err := meta.One(ctx, s.DB.Read(), scanDataset, selectDataset+`WHERE d.id = ? AND s.deleted_at IS NULL`, id)
	if err == nil && !found {
		err = noSuch("dataset")
	}
	return d, err
}

// ByProject returns the datasets of a project, oldest first.
func (s *Store) ByProject(ctx context.Context, projectID string) (_ []Dataset, err error) {
	defer errs.Wrap(&err, "dataset.ByProject")
	return meta.All(ctx, s.DB.Read(), scanDataset, selectDataset+`WHERE d.project_id = ? AND s.deleted_at IS NULL ORDER BY d.created_at, d.id`, projectID)
}

// ByDatasource returns the dataset of a datasource: one, or none before its
// first run.
func (s *Store) ByDatasource(ctx context.Context, datasourceID string) (_ []Dataset, err error) {
	defer errs.Wrap(&err, "dataset.ByDatasource")
	return meta.All(ctx, s.DB.Read(), scanDataset, selectDataset+`WHERE d.datasource_id = ? AND s.deleted_at IS NULL`, datasourceID)
}

const selectVersion = `SELECT dataset_id, version, run_id, kind, row_count, bytes, schema, verdict, report, created_at FROM dataset_versions `

func scanVersion(r meta.Row) (v Version, err error) {
	var created int64
	var schema, verdict, report string
	if err := r.Scan(&v.DatasetID, &v.Version, &v.RunID, &v.Kind, &v.Rows, &v.Bytes, &schema, &verdict, &report, &created); err != nil {
		return v, err
	}
	v.Verdict, v.Report, v.CreatedAt = json.RawMessage(verdict), json.RawMessage(report), meta.Time(created)
	return v, json.Unmarshal([]byte(schema), &v.Schema)
}

// Version returns one version of a dataset; errs.NotFound if there is none.
func (s *Store) Version(ctx context.Context, id ID, version int64) (_ Version, err error) {
	defer errs.Wrap(&err, "dataset.Version")
	v, found, err := meta.One(ctx, s.DB.Read(), scanVersion, selectVersion+`WHERE dataset_id = ? AND version = ?`, id, version)
	if err == nil && !found {
		err = noSuch("version of the dataset")
	}
	return v, err
}

// Versions returns the versions of a dataset, newest first.
func (s *Store) Versions(ctx context.Context, id ID) (_ []Version, err error) {
	defer errs.Wrap(&err, "dataset.Versions")
	return meta.All(ctx, s.DB.Read(), scanVersion, selectVersion+`WHERE dataset_id = ? ORDER BY version DESC`, id)
}

// Files returns the files of a dataset at a version, in order.
func (s *Store) Files(ctx context.Context, id ID, version int64) (_ []File, err error) {
	defer errs.Wrap(&err, "dataset.Files")
	return meta.All(ctx, s.DB.Read(), func(r meta.Row) (f File, err error) {
		var removed sql.NullInt64
		err = r.Scan(&f.ObjectID, &f.ObjectKey, &f.Bytes, &f.Rows, &f.AddedVersion, &removed)
		if removed.Valid {
			f.RemovedVersion = &removed.Int64
		}
		return f, err
	}, `SELECT object_id, object_key, bytes, row_count, added_version, removed_version FROM dataset_files
		WHERE dataset_id = ? AND added_version <= ? AND (removed_version IS NULL OR removed_version > ?) ORDER BY added_version, place`, id, version, version)
}

// SaveProfileTx keeps what analysis found about a version, as JSON, in place of
// what it found before.
func (s *Store) SaveProfileTx(ctx context.Context, tx meta.Querier, id ID, version int64, profile json.RawMessage) (err error) {
	defer errs.Wrap(&err, "dataset.SaveProfile")
	result, err := tx.ExecContext(ctx, `UPDATE dataset_versions SET profile = ? WHERE dataset_id = ? AND version = ?`, string(profile), id, version)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return noSuch("version of the dataset")
}

// Profile returns what analysis found about a version; errs.NotFound if it was
// not analysed yet.
func (s *Store) Profile(ctx context.Context, id ID, version int64) (_ json.RawMessage, err error) {
	defer errs.Wrap(&err, "dataset.Profile")
	text, found, err := meta.One(ctx, s.DB.Read(), func(r meta.Row) (text string, err error) { return text, r.Scan(&text) },
		`SELECT profile FROM dataset_versions WHERE dataset_id = ? AND version = ? AND profile IS NOT NULL`, id, version)
	if err == nil && !found {
		err = noSuch("profile of this version")
	}
	return json.RawMessage(text), err
}

// A Snapshot is the state of some tables of a project at one moment.
type Snapshot struct {
	Dataset Dataset
	Files   []File
	Profile json.RawMessage // nil if the version was not analysed yet
}

// Snapshots returns the named tables of a project, all at the same moment, in
// the order of the names. A name without a dataset is left out.
func (s *Store) Snapshots(ctx context.Context, projectID string, names []string) (_ []Snapshot, err error) {
	defer errs.Wrap(&err, "dataset.Snapshots")
	var all []Snapshot
	err = s.DB.View(ctx, func(tx *sql.Tx) error {
		for _, name := range names {
			d, found, err := meta.One(ctx, tx, scanDataset, selectDataset+`WHERE d.project_id = ? AND d.table_name = ? AND s.deleted_at IS NULL`, projectID, name)
			if err != nil {
				return err
			}
			if !found {
				continue
			}
			snapshot, err := s.snapshot(ctx, tx, d)
			if err != nil {
				return err
			}
			all = append(all, snapshot)
		}
		return nil
	})
	return all, err
}

func (s *Store) snapshot(ctx context.Context, tx meta.Querier, d Dataset) (Snapshot, error) {
	files, err := meta.All(ctx, tx, func(r meta.Row) (f File, err error) {
		return f, r.Scan(&f.ObjectID, &f.ObjectKey, &f.Bytes, &f.Rows, &f.AddedVersion)
	}, `SELECT object_id, object_key, bytes, row_count, added_version FROM dataset_files
		WHERE dataset_id = ? AND removed_version IS NULL ORDER BY added_version, place`, d.ID)
	if err != nil {
		return Snapshot{}, err
	}
	profile, found, err := meta.One(ctx, tx, func(r meta.Row) (text string, err error) { return text, r.Scan(&text) },
		`SELECT profile FROM dataset_versions WHERE dataset_id = ? AND version = ? AND profile IS NOT NULL`, d.ID, d.Version)
	if err != nil {
		return Snapshot{}, err
	}
	out := Snapshot{Dataset: d, Files: files}
	if found {
		out.Profile = json.RawMessage(profile)
	}
	return out, nil
}
