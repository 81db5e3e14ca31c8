package dataset

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// CommitTx commits a version of any kind but Restore (see RestoreTx), in the
// caller's transaction. Files that it ends stay readable in older versions. The
// dataset is the project's table of that name: the first commit creates it.
//
// With Base set, it fails with errs.Conflict ("dataset-moved") if the dataset is
// at another version by now; but compactions in between do no harm, as long as
// they kept the files in Ends. A compaction itself allows nothing in between; it
// keeps all of the version before but its files. It fails with errs.Conflict too
// if the table belongs to another datasource, and with errs.Invalid if the key is
// no column, or if the version would bring back rows that a merge replaced.
func (s *Store) CommitTx(ctx context.Context, tx meta.Querier, n NewVersion) (_ Version, err error) {
	defer errs.Wrap(&err, "dataset.Commit(%s, %s)", n.TableName, n.Kind)
	d, exists, err := meta.One(ctx, tx, scanDataset,
		selectDataset+`d.project_id = ? AND d.table_key = ? AND d.deleted_at IS NULL`, n.ProjectID, tableKey(n.TableName))
	if err != nil {
		return Version{}, err
	}
	if exists && d.DatasourceID != n.DatasourceID {
		return Version{}, errs.New(errs.Conflict, "the table %q belongs to another datasource", d.TableName).
			Named("table-name-taken").Fix("give the datasource another table name")
	}
	if err := s.check(ctx, tx, n, d, exists); err != nil {
		return Version{}, err
	}
	v := Version{
		DatasetID: d.ID, Version: d.Version + 1, RunID: n.RunID, Kind: n.Kind, Base: n.Base, Key: n.Key, ObjectID: n.Files[0].ObjectID,
		Schema: n.Schema, Verdict: json.RawMessage(orEmpty(n.Verdict)), Report: json.RawMessage(orEmpty(n.Report)), Rows: n.Rows,
		CreatedAt: meta.Time(meta.Micros(s.Now())),
	}
	v.SchemaVersion = v.Version
	if exists {
		was, err := s.version(ctx, tx, d.ID, d.Version)
		if err != nil {
			return Version{}, err
		}
		if n.Kind == Compact {
			keepAll(&v, &n, d, was)
		}
		if v.Schema.Equal(was.Schema) {
			v.SchemaVersion = was.SchemaVersion
		}
	}
	return s.write(ctx, tx, n, v, d, exists)
}

// keepAll makes v what the version before it was.
func keepAll(v *Version, n *NewVersion, d Dataset, was Version) {
	v.Key, v.Schema, v.Verdict, v.Report, v.Rows = was.Key, was.Schema, was.Verdict, was.Report, was.Rows
	n.Name, n.Schema, n.LastFieldID = d.Name, was.Schema, d.LastFieldID
}

// write stores the version v, whose rows it counts if nobody said how many.
func (s *Store) write(ctx context.Context, tx meta.Querier, n NewVersion, v Version, d Dataset, exists bool) (Version, error) {
	if exists {
		if err := endFiles(ctx, tx, n, v); err != nil {
			return Version{}, err
		}
	}
	rows, err := addSizes(ctx, tx, n, &v)
	if err != nil {
		return Version{}, err
	}
	if v.Rows == 0 {
		v.Rows = rows
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
	if err := addVersion(ctx, tx, n, v); err != nil {
		return Version{}, err
	}
	if v.Kind == Compact || v.Kind == Restore {
		// What analysis and typing found holds for the same rows.
		_, err = tx.ExecContext(ctx, `
			UPDATE dataset_versions SET (profile, facts) =
				(SELECT o.profile, o.facts FROM dataset_versions o WHERE o.dataset_id = ? AND o.version = ?)
			WHERE dataset_id = ? AND version = ?`, v.DatasetID, v.Base, v.DatasetID, v.Version)
	}
	return v, err
}

// endFiles ends what the new version no longer holds.
func endFiles(ctx context.Context, tx meta.Querier, n NewVersion, v Version) error {
	const end = `UPDATE dataset_files SET removed_version = ? WHERE dataset_id = ? AND removed_version IS NULL`
	if n.Kind == Replace || n.Kind == Retype || n.Kind == Restore {
		_, err := tx.ExecContext(ctx, end, v.Version, v.DatasetID)
		return err
	}
	if len(n.Ends) == 0 {
		return nil
	}
	in, args := meta.In(n.Ends)
	res, err := tx.ExecContext(ctx, end+` AND object_id IN `+in, append([]any{v.Version, v.DatasetID}, args...)...)
	if err != nil {
		return err
	}
	if ended, err := res.RowsAffected(); err != nil || ended >= int64(len(n.Ends)) {
		return err
	}
	return errs.New(errs.Conflict, "a file that this version stands for is no longer part of the dataset").
		Named("dataset-moved").Fix("start again from the current version")
}

// addSizes sets the bytes of v and returns the rows of all its files.
func addSizes(ctx context.Context, tx meta.Querier, n NewVersion, v *Version) (rows int64, err error) {
	err = tx.QueryRowContext(ctx, `
		SELECT coalesce(sum(row_count), 0), coalesce(sum(bytes), 0) FROM dataset_files
		WHERE dataset_id = ? AND removed_version IS NULL`, v.DatasetID).Scan(&rows, &v.Bytes)
	for _, f := range n.Files {
		rows += f.Rows
		v.Bytes += f.Bytes
	}
	return rows, err
}

// lastFieldID returns the highest field id ever used.
func lastFieldID(n NewVersion, before Dataset) int {
	last := max(n.LastFieldID, before.LastFieldID)
	_ = places(n.Schema.Columns, "", func(id int, _ string) error { // visit never fails
		last = max(last, id)
		return nil
	})
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
	_, err = tx.ExecContext(ctx, `
		UPDATE datasets SET object_id = ?, name = ?, table_name = ?, schema = ?, last_field_id = ?, version = ?,
			row_count = ?, bytes = ?, updated_at = ? WHERE id = ?`,
		v.ObjectID, n.Name, n.TableName, string(schema), last, v.Version,
		v.Rows, v.Bytes, meta.Micros(v.CreatedAt), v.DatasetID)
	return dangling(err)
}

func addVersion(ctx context.Context, tx meta.Querier, n NewVersion, v Version) error {
	schema, err := json.Marshal(v.Schema)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO dataset_versions (dataset_id, version, run_id, kind, base, merge_key, object_id, row_count, bytes, schema, verdict, report,
			facts, schema_version, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		v.DatasetID, v.Version, v.RunID, v.Kind, v.Base, list(v.Key), v.ObjectID, v.Rows, v.Bytes, string(schema), string(v.Verdict), string(v.Report),
		meta.NullText(string(n.Facts)), v.SchemaVersion, meta.Micros(v.CreatedAt)); err != nil {
		return dangling(err)
	}
	for place, f := range n.Files {
		sequence, schemaVersion := f.Sequence, f.SchemaVersion
		if sequence == 0 {
			sequence = v.Version<<20 | int64(place)
		}
		if schemaVersion == 0 {
			schemaVersion = v.SchemaVersion
		}
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO dataset_files (dataset_id, object_id, object_key, bytes, row_count, stats, added_version, place, sequence, schema_version, raws)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			v.DatasetID, f.ObjectID, f.ObjectKey, f.Bytes, f.Rows, orEmpty(f.Stats), v.Version, place, sequence, schemaVersion, list(f.Raws)); err != nil {
			return dangling(err)
		}
	}
	return nil
}

// list returns the texts as a JSON list.
func list(texts []string) string {
	if len(texts) == 0 {
		return "[]"
	}
	text, _ := json.Marshal(texts) // strings always marshal
	return string(text)
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
		`UPDATE dataset_versions SET profile = ?, profiled_at = max(coalesce(profiled_at, 0) + 1, ?) WHERE dataset_id = ? AND version = ?`,
		string(profile), meta.Micros(s.Now()), id, version)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return noVersion()
}

// Delete hides a dataset, or with permanent removes it with its versions, and lets go
// of the data objects of its runs that no other dataset needs: the bytes stay until
// they are collected, see [Store.Live]. It returns the dataset as it then is, or was.
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
		now := meta.Time(meta.Micros(s.Now()))
		if permanent {
			return remove(ctx, tx, id, now)
		}
		d.DeletedAt, d.UpdatedAt = &now, now
		_, err = tx.ExecContext(ctx, `UPDATE datasets SET deleted_at = ?, updated_at = ? WHERE id = ?`, meta.Micros(now), meta.Micros(now), id)
		return err
	})
	return d, err
}

// remove removes a dataset, and deletes the data objects of its files, of the raw
// pages that these were made of, and of its runs.
func remove(ctx context.Context, tx meta.Querier, id ID, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `
		UPDATE data_objects SET deleted_at = ?1 WHERE deleted_at IS NULL
		AND (id IN (SELECT object_id FROM dataset_files WHERE dataset_id = ?2)
			OR id IN (SELECT r.value FROM dataset_files f, json_each(f.raws) r WHERE f.dataset_id = ?2)
			OR run_id IN (SELECT run_id FROM dataset_versions WHERE dataset_id = ?2 AND run_id <> ''
				EXCEPT SELECT run_id FROM dataset_versions WHERE dataset_id <> ?2))
		AND id NOT IN (SELECT object_id FROM dataset_files WHERE dataset_id <> ?2)
		AND id NOT IN (SELECT r.value FROM dataset_files f, json_each(f.raws) r WHERE f.dataset_id <> ?2)`,
		meta.Micros(now), id); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM datasets WHERE id = ?`, id)
	return err
}
