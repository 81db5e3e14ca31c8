package dataset

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/google/uuid"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// ReplaceTx commits a version that holds exactly the new files, in the caller's
// transaction; the files of the version before are ended, not removed. The
// dataset is the project's table of that name: the first commit creates it.
//
// It fails with errs.Conflict if the table belongs to another datasource.
func (s *Store) ReplaceTx(ctx context.Context, tx meta.Querier, n NewVersion) (_ Version, err error) {
	defer errs.Wrap(&err, "dataset.Replace(%s)", n.TableName)
	if n.Kind != Replace || n.TableName == "" || len(n.Files) == 0 || len(n.Schema.Columns) == 0 {
		return Version{}, errs.New(errs.Internal, "a replacing version needs a table name, columns and a file")
	}
	d, exists, err := meta.One(ctx, tx, scanDataset,
		selectDataset+`d.project_id = ? AND d.table_key = ? AND d.deleted_at IS NULL`, n.ProjectID, tableKey(n.TableName))
	if err != nil {
		return Version{}, err
	}
	if exists && d.DatasourceID != n.DatasourceID {
		return Version{}, errs.New(errs.Conflict, "the table %q belongs to another datasource", d.TableName).
			Named("table-name-taken").Fix("give the datasource another table name")
	}
	if err := checkSchema(n, d); err != nil {
		return Version{}, err
	}
	v := Version{
		DatasetID: d.ID, Version: d.Version + 1, RunID: n.RunID, Kind: n.Kind, ObjectID: n.Files[0].ObjectID,
		Schema: n.Schema, Verdict: json.RawMessage(orEmpty(n.Verdict)), Report: json.RawMessage(orEmpty(n.Report)),
		CreatedAt: meta.Time(meta.Micros(s.Now())),
	}
	for _, f := range n.Files {
		v.Rows += f.Rows
		v.Bytes += f.Bytes
	}
	last := lastFieldID(n, d)
	if exists {
		err = updateDataset(ctx, tx, n, v, last)
	} else {
		v.DatasetID, err = createDataset(ctx, tx, n, v, last)
	}
	if err != nil {
		return Version{}, err
	}
	return v, addVersion(ctx, tx, n, v)
}

// lastFieldID returns the highest field id ever used, at the top level at least.
func lastFieldID(n NewVersion, before Dataset) int {
	last := max(n.LastFieldID, before.LastFieldID)
	for _, c := range n.Schema.Columns {
		last = max(last, c.ID)
	}
	return last
}

func createDataset(ctx context.Context, tx meta.Querier, n NewVersion, v Version, last int) (ID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", err
	}
	schema, err := json.Marshal(n.Schema)
	if err != nil {
		return "", err
	}
	at := meta.Micros(v.CreatedAt)
	_, err = tx.ExecContext(ctx, `
		INSERT INTO datasets (id, project_id, datasource_id, object_id, name, table_name, table_key, schema, last_field_id,
			version, row_count, bytes, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		id.String(), n.ProjectID, meta.NullText(n.DatasourceID), v.ObjectID, n.Name, n.TableName, tableKey(n.TableName), string(schema), last,
		v.Version, v.Rows, v.Bytes, at, at)
	if meta.IsDangling(err) {
		return "", errs.New(errs.NotFound, "no such project, datasource or data object").Because(err)
	}
	return id.String(), err
}

func updateDataset(ctx context.Context, tx meta.Querier, n NewVersion, v Version, last int) error {
	schema, err := json.Marshal(n.Schema)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `
		UPDATE datasets SET object_id = ?, name = ?, table_name = ?, schema = ?, last_field_id = ?, version = ?,
			row_count = ?, bytes = ?, updated_at = ? WHERE id = ?`,
		v.ObjectID, n.Name, n.TableName, string(schema), last, v.Version,
		v.Rows, v.Bytes, meta.Micros(v.CreatedAt), v.DatasetID); err != nil {
		return dangling(err)
	}
	_, err = tx.ExecContext(ctx,
		`UPDATE dataset_files SET removed_version = ? WHERE dataset_id = ? AND removed_version IS NULL`, v.Version, v.DatasetID)
	return err
}

func addVersion(ctx context.Context, tx meta.Querier, n NewVersion, v Version) error {
	schema, err := json.Marshal(v.Schema)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO dataset_versions (dataset_id, version, run_id, kind, object_id, row_count, bytes, schema, verdict, report, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		v.DatasetID, v.Version, v.RunID, v.Kind, v.ObjectID, v.Rows, v.Bytes, string(schema), string(v.Verdict), string(v.Report),
		meta.Micros(v.CreatedAt)); err != nil {
		return dangling(err)
	}
	for place, f := range n.Files {
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO dataset_files (dataset_id, object_id, object_key, bytes, row_count, stats, added_version, place)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			v.DatasetID, f.ObjectID, f.ObjectKey, f.Bytes, f.Rows, orEmpty(f.Stats), v.Version, place); err != nil {
			return dangling(err)
		}
	}
	return nil
}

func dangling(err error) error {
	if meta.IsDangling(err) {
		return errs.New(errs.NotFound, "no such data object").Because(err)
	}
	return err
}

// SaveProfile stores what analysis found about a version, as JSON, in place of
// what was stored before; errs.NotFound if there is no such version.
func (s *Store) SaveProfile(ctx context.Context, id ID, version int64, profile json.RawMessage) error {
	return s.SaveProfileTx(ctx, s.DB.Write(), id, version, profile)
}

// SaveProfileTx is SaveProfile in the caller's transaction.
func (s *Store) SaveProfileTx(ctx context.Context, tx meta.Querier, id ID, version int64, profile json.RawMessage) (err error) {
	defer errs.Wrap(&err, "dataset.SaveProfile(%s, %d)", id, version)
	if !json.Valid(profile) {
		return errs.New(errs.Internal, "a profile is JSON")
	}
	res, err := tx.ExecContext(ctx,
		`UPDATE dataset_versions SET profile = ? WHERE dataset_id = ? AND version = ?`, string(profile), id, version)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return noVersion()
}

// Delete hides a dataset, or with permanent removes it with its versions; its
// files and data objects stay. It returns the dataset as it then is, or was.
func (s *Store) Delete(ctx context.Context, id ID, permanent bool) (d Dataset, err error) {
	defer errs.Wrap(&err, "dataset.Delete(%s)", id)
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		var ok bool
		d, ok, err = meta.One(ctx, tx, scanDataset, selectDataset+`d.id = ?`, id)
		if err == nil && (!ok || d.DeletedAt != nil && !permanent) {
			err = noDataset()
		}
		if err != nil {
			return err
		}
		if permanent {
			_, err = tx.ExecContext(ctx, `DELETE FROM datasets WHERE id = ?`, id)
			return err
		}
		now := meta.Time(meta.Micros(s.Now()))
		d.DeletedAt, d.UpdatedAt = &now, now
		_, err = tx.ExecContext(ctx, `UPDATE datasets SET deleted_at = ?, updated_at = ? WHERE id = ?`, meta.Micros(now), meta.Micros(now), id)
		return err
	})
	return d, err
}
