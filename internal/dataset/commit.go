package dataset

import (
	"context"
	"encoding/json"
	"fmt"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// ReplaceTx adds a version to the datasource's dataset in the caller's transaction
// and makes it current. The dataset is made with its first version. A Replace or
// Compact version ends the files before it; the others keep them.
func (s *Store) ReplaceTx(ctx context.Context, tx meta.Querier, n NewVersion) (_ Version, err error) {
	defer errs.Wrap(&err, "dataset.Replace(%s)", n.TableName)
	d, found, err := meta.One(ctx, tx, scanDataset, selectDataset+`WHERE d.datasource_id = ?`, n.DatasourceID)
	if err != nil {
		return Version{}, err
	}
	now := meta.Micros(s.now())
	if !found {
		d = Dataset{ID: newID(), ProjectID: n.ProjectID}
		if _, err := tx.ExecContext(ctx, `INSERT INTO datasets (id, project_id, datasource_id, name, table_name, current_version, last_field_id,
			created_at, updated_at) VALUES (?, ?, ?, ?, ?, 0, 0, ?, ?)`, d.ID, n.ProjectID, n.DatasourceID, n.Name, n.TableName, now, now); err != nil {
			if meta.IsDuplicate(err) {
				return Version{}, errs.New(errs.Conflict, "the project has another table named %q", n.TableName).Named("table-name-taken").Because(err)
			}
			return Version{}, err
		}
	}
	v := Version{DatasetID: d.ID, Version: d.Version + 1, RunID: n.RunID, Kind: n.Kind, Schema: n.Schema, Verdict: n.Verdict, Report: n.Report, CreatedAt: s.now()}
	if err := s.replaceFiles(ctx, tx, &v, n); err != nil {
		return Version{}, err
	}
	schema, err := json.Marshal(n.Schema)
	if err != nil {
		return Version{}, err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO dataset_versions (dataset_id, version, run_id, kind, row_count, bytes, schema, verdict, report, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, v.DatasetID, v.Version, v.RunID, string(v.Kind), v.Rows, v.Bytes, string(schema),
		orJSON(n.Verdict, "null"), orJSON(n.Report, "null"), now); err != nil {
		return Version{}, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE datasets SET name = ?, current_version = ?, last_field_id = ?, updated_at = ? WHERE id = ?`,
		n.Name, v.Version, max(n.LastFieldID, d.LastFieldID), now, d.ID)
	return v, err
}

// replaceFiles ends and adds the files of a version and sums up what it holds.
func (s *Store) replaceFiles(ctx context.Context, tx meta.Querier, v *Version, n NewVersion) error {
	switch n.Kind {
	case Replace, Compact:
		if _, err := tx.ExecContext(ctx, `UPDATE dataset_files SET removed_version = ? WHERE dataset_id = ? AND removed_version IS NULL`,
			v.Version, v.DatasetID); err != nil {
			return err
		}
	case Append, Merge:
	default:
		return fmt.Errorf("unknown kind of version %q", n.Kind)
	}
	for i, f := range n.Files {
		if _, err := tx.ExecContext(ctx, `INSERT INTO dataset_files (dataset_id, place, object_id, object_key, bytes, row_count, added_version)
			VALUES (?, ?, ?, ?, ?, ?, ?)`, v.DatasetID, i, f.ObjectID, f.ObjectKey, f.Bytes, f.Rows, v.Version); err != nil {
			return err
		}
	}
	return tx.QueryRowContext(ctx, `SELECT coalesce(sum(row_count), 0), coalesce(sum(bytes), 0) FROM dataset_files
		WHERE dataset_id = ? AND removed_version IS NULL`, v.DatasetID).Scan(&v.Rows, &v.Bytes)
}
