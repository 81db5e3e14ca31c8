package dataset

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// A dataset is hidden while its datasource is.
const (
	selectDataset = `SELECT d.id, d.project_id, coalesce(d.datasource_id, ''), d.object_id, d.name, d.table_name, d.schema, d.last_field_id,
	d.version, d.row_count, d.bytes, d.created_at, d.updated_at, coalesce(d.deleted_at, s.deleted_at)
	FROM datasets d LEFT JOIN datasources s ON s.id = d.datasource_id WHERE `
	visible = ` AND d.deleted_at IS NULL AND s.deleted_at IS NULL`
)

func scanDataset(row meta.Row) (d Dataset, err error) {
	var schema string
	var created, updated int64
	var deleted sql.NullInt64
	if err := row.Scan(&d.ID, &d.ProjectID, &d.DatasourceID, &d.ObjectID, &d.Name, &d.TableName, &schema, &d.LastFieldID,
		&d.Version, &d.Rows, &d.Bytes, &created, &updated, &deleted); err != nil {
		return Dataset{}, err
	}
	d.CreatedAt, d.UpdatedAt, d.DeletedAt = meta.Time(created), meta.Time(updated), meta.NullTime(deleted)
	return d, json.Unmarshal([]byte(schema), &d.Schema)
}

func noDataset() error { return errs.New(errs.NotFound, "no such dataset") }
func noVersion() error { return errs.New(errs.NotFound, "no such version of the dataset") }

// tableKey returns what table names are compared by: SQL ignores their case.
func tableKey(name string) string { return strings.ToLower(name) }

// Dataset returns a dataset; errs.NotFound if there is none, or it or its
// datasource was deleted.
func (s *Store) Dataset(ctx context.Context, id ID) (_ Dataset, err error) {
	defer errs.Wrap(&err, "dataset.Dataset(%s)", id)
	d, ok, err := meta.One(ctx, s.DB.Read(), scanDataset,
		selectDataset+`d.id = ?`+visible, id)
	if err == nil && !ok {
		err = noDataset()
	}
	return d, err
}

// ByProject returns a project's datasets, the oldest first.
func (s *Store) ByProject(ctx context.Context, projectID string) (_ []Dataset, err error) {
	defer errs.Wrap(&err, "dataset.ByProject(%s)", projectID)
	return s.list(ctx, `d.project_id = ?`, projectID)
}

// ByDatasource returns a datasource's datasets, the oldest first.
func (s *Store) ByDatasource(ctx context.Context, datasourceID string) (_ []Dataset, err error) {
	defer errs.Wrap(&err, "dataset.ByDatasource(%s)", datasourceID)
	return s.list(ctx, `d.datasource_id = ?`, datasourceID)
}

func (s *Store) list(ctx context.Context, where string, args ...any) ([]Dataset, error) {
	return meta.All(ctx, s.DB.Read(), scanDataset,
		selectDataset+where+visible+` ORDER BY d.created_at, d.id`, args...)
}

// ByTableName returns the project's datasets of those table names, in the order
// of names and regardless of case; a name without a dataset is left out. All are
// read at one moment: their Versions belong together.
func (s *Store) ByTableName(ctx context.Context, projectID string, names []string) (_ []Dataset, err error) {
	defer errs.Wrap(&err, "dataset.ByTableName(%s)", projectID)
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = tableKey(name)
	}
	in, args := meta.In(keys)
	all, err := s.list(ctx, `d.project_id = ? AND d.table_key IN `+in, append([]any{projectID}, args...)...)
	if err != nil {
		return nil, err
	}
	found := map[string]Dataset{}
	for _, d := range all {
		found[tableKey(d.TableName)] = d
	}
	ordered := []Dataset{}
	for _, key := range keys {
		if d, ok := found[key]; ok {
			ordered = append(ordered, d)
			delete(found, key)
		}
	}
	return ordered, nil
}

const versionColumns = `dataset_id, version, run_id, kind, object_id, row_count, bytes, schema, verdict, report, created_at`

func scanVersion(row meta.Row) (v Version, err error) {
	var schema, verdict, report string
	var created int64
	if err := row.Scan(&v.DatasetID, &v.Version, &v.RunID, &v.Kind, &v.ObjectID, &v.Rows, &v.Bytes,
		&schema, &verdict, &report, &created); err != nil {
		return Version{}, err
	}
	v.Verdict, v.Report, v.CreatedAt = json.RawMessage(verdict), json.RawMessage(report), meta.Time(created)
	return v, json.Unmarshal([]byte(schema), &v.Schema)
}

// Versions returns a dataset's versions, the newest first.
func (s *Store) Versions(ctx context.Context, id ID) (_ []Version, err error) {
	defer errs.Wrap(&err, "dataset.Versions(%s)", id)
	return meta.All(ctx, s.DB.Read(), scanVersion,
		`SELECT `+versionColumns+` FROM dataset_versions WHERE dataset_id = ? ORDER BY version DESC`, id)
}

// Version returns one version; errs.NotFound if there is none of that number.
func (s *Store) Version(ctx context.Context, id ID, version int64) (_ Version, err error) {
	defer errs.Wrap(&err, "dataset.Version(%s, %d)", id, version)
	v, ok, err := meta.One(ctx, s.DB.Read(), scanVersion,
		`SELECT `+versionColumns+` FROM dataset_versions WHERE dataset_id = ? AND version = ?`, id, version)
	if err == nil && !ok {
		err = noVersion()
	}
	return v, err
}

// Files returns the files that make up a version, in the order of their rows;
// errs.NotFound if there is no such version. The answer never changes.
func (s *Store) Files(ctx context.Context, id ID, version int64) (_ []File, err error) {
	defer errs.Wrap(&err, "dataset.Files(%s, %d)", id, version)
	if _, err := s.Version(ctx, id, version); err != nil {
		return nil, err
	}
	return meta.All(ctx, s.DB.Read(), func(row meta.Row) (f File, err error) {
		var stats string
		var removed sql.NullInt64
		err = row.Scan(&f.DatasetID, &f.ObjectID, &f.ObjectKey, &f.Bytes, &f.Rows, &stats, &f.AddedVersion, &removed)
		f.Stats = json.RawMessage(stats)
		if removed.Valid {
			f.RemovedVersion = &removed.Int64
		}
		return f, err
	}, `SELECT dataset_id, object_id, object_key, bytes, row_count, stats, added_version, removed_version FROM dataset_files
		WHERE dataset_id = ? AND added_version <= ? AND (removed_version IS NULL OR removed_version > ?)
		ORDER BY added_version, place`, id, version, version)
}

// Profile returns what SaveProfile stored; errs.NotFound if the version was not
// analysed yet, or does not exist.
func (s *Store) Profile(ctx context.Context, id ID, version int64) (_ json.RawMessage, err error) {
	defer errs.Wrap(&err, "dataset.Profile(%s, %d)", id, version)
	p, ok, err := meta.One(ctx, s.DB.Read(), func(row meta.Row) (p string, err error) { return p, row.Scan(&p) },
		`SELECT profile FROM dataset_versions WHERE dataset_id = ? AND version = ? AND profile IS NOT NULL`, id, version)
	if err == nil && !ok {
		err = errs.New(errs.NotFound, "this version of the dataset was not analysed yet")
	}
	return json.RawMessage(p), err
}
