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

const versionColumns = `dataset_id, version, run_id, kind, base, merge_key, object_id, row_count, bytes, schema, verdict, report, created_at, expired_at, schema_version`

func scanVersion(row meta.Row) (v Version, err error) {
	var key, schema, verdict, report string
	var created int64
	var expired sql.NullInt64
	if err := row.Scan(&v.DatasetID, &v.Version, &v.RunID, &v.Kind, &v.Base, &key, &v.ObjectID, &v.Rows, &v.Bytes,
		&schema, &verdict, &report, &created, &expired, &v.SchemaVersion); err != nil {
		return Version{}, err
	}
	v.Verdict, v.Report = json.RawMessage(verdict), json.RawMessage(report)
	v.CreatedAt, v.ExpiredAt = meta.Time(created), meta.NullTime(expired)
	if v.Key, err = texts(key); err != nil {
		return Version{}, err
	}
	return v, json.Unmarshal([]byte(schema), &v.Schema)
}

// texts reads what list wrote; nil if it is empty.
func texts(list string) ([]string, error) {
	if list == "[]" {
		return nil, nil
	}
	var all []string
	err := json.Unmarshal([]byte(list), &all)
	return all, err
}

// Versions returns a dataset's versions, the newest first, expired ones too.
func (s *Store) Versions(ctx context.Context, id ID) (_ []Version, err error) {
	defer errs.Wrap(&err, "dataset.Versions(%s)", id)
	return meta.All(ctx, s.DB.Read(), scanVersion,
		`SELECT `+versionColumns+` FROM dataset_versions WHERE dataset_id = ? ORDER BY version DESC`, id)
}

// Version returns one version, also an expired one; errs.NotFound if there is
// none of that number.
func (s *Store) Version(ctx context.Context, id ID, version int64) (_ Version, err error) {
	defer errs.Wrap(&err, "dataset.Version(%s, %d)", id, version)
	return s.version(ctx, s.DB.Read(), id, version)
}

func (s *Store) version(ctx context.Context, q meta.Querier, id ID, version int64) (Version, error) {
	v, ok, err := meta.One(ctx, q, scanVersion,
		`SELECT `+versionColumns+` FROM dataset_versions WHERE dataset_id = ? AND version = ?`, id, version)
	if err == nil && !ok {
		err = noVersion()
	}
	return v, err
}

// Files returns the files that make up a version, in the order of their rows;
// errs.NotFound if there is no such version, or if it expired. Until it expires,
// the answer never changes.
func (s *Store) Files(ctx context.Context, id ID, version int64) (_ []File, err error) {
	defer errs.Wrap(&err, "dataset.Files(%s, %d)", id, version)
	return s.files(ctx, s.DB.Read(), id, version)
}

func (s *Store) files(ctx context.Context, q meta.Querier, id ID, version int64) ([]File, error) {
	v, err := s.version(ctx, q, id, version)
	if err != nil {
		return nil, err
	}
	if v.ExpiredAt != nil {
		return nil, expired(v)
	}
	return meta.All(ctx, q, scanFile, `
		SELECT dataset_id, object_id, object_key, bytes, row_count, stats, added_version, removed_version, sequence, schema_version, raws
		FROM dataset_files WHERE dataset_id = ? AND added_version <= ? AND (removed_version IS NULL OR removed_version > ?)
		ORDER BY sequence, place`, id, version, version)
}

func scanFile(row meta.Row) (f File, err error) {
	var stats, raws string
	var removed sql.NullInt64
	if err := row.Scan(&f.DatasetID, &f.ObjectID, &f.ObjectKey, &f.Bytes, &f.Rows, &stats, &f.AddedVersion, &removed,
		&f.Sequence, &f.SchemaVersion, &raws); err != nil {
		return File{}, err
	}
	f.Stats = json.RawMessage(stats)
	if removed.Valid {
		f.RemovedVersion = &removed.Int64
	}
	f.Raws, err = texts(raws)
	return f, err
}

func expired(v Version) error {
	return errs.New(errs.NotFound, "version %d expired on %s; its data was removed", v.Version, v.ExpiredAt.Format("2006-01-02")).
		Named("version-expired").Fix("use a version without expired_at")
}

// Facts returns what typing knows of all rows of a version, as the commit stored
// it; nil if it stored none, errs.NotFound if there is no such version.
func (s *Store) Facts(ctx context.Context, id ID, version int64) (_ json.RawMessage, err error) {
	defer errs.Wrap(&err, "dataset.Facts(%s, %d)", id, version)
	facts, ok, err := meta.One(ctx, s.DB.Read(), func(row meta.Row) (f sql.NullString, err error) { err = row.Scan(&f); return f, err },
		`SELECT facts FROM dataset_versions WHERE dataset_id = ? AND version = ?`, id, version)
	if err == nil && !ok {
		err = noVersion()
	}
	if err != nil || !facts.Valid {
		return nil, err
	}
	return json.RawMessage(facts.String), nil
}

// Profile returns what SaveProfile stored; errs.NotFound if the version was not
// analysed yet, or does not exist.
func (s *Store) Profile(ctx context.Context, id ID, version int64) (_ json.RawMessage, err error) {
	defer errs.Wrap(&err, "dataset.Profile(%s, %d)", id, version)
	p, ok, err := meta.One(ctx, s.DB.Read(), func(row meta.Row) (p string, err error) { err = row.Scan(&p); return p, err },
		`SELECT profile FROM dataset_versions WHERE dataset_id = ? AND version = ? AND profile IS NOT NULL`, id, version)
	if err == nil && !ok {
		err = errs.New(errs.NotFound, "this version of the dataset was not analysed yet")
	}
	return json.RawMessage(p), err
}
