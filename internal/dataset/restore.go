package dataset

import (
	"context"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// RestoreTx commits a version that is what an older one was: its files, schema,
// key, verdict and all that is known of it, in the caller's transaction.
//
// It fails with errs.NotFound if there is no such version or it expired, and with
// errs.Conflict if it is the current one.
func (s *Store) RestoreTx(ctx context.Context, tx meta.Querier, id ID, version int64, runID string) (_ Version, err error) {
	defer errs.Wrap(&err, "dataset.Restore(%s, %d)", id, version)
	d, err := s.existing(ctx, tx, id)
	if err != nil {
		return Version{}, err
	}
	files, err := s.files(ctx, tx, id, version)
	if err != nil {
		return Version{}, err
	}
	if version == d.Version {
		return Version{}, errs.New(errs.Conflict, "version %d is the current one", version).Named("version-current").
			Fix("choose an older version")
	}
	old, err := s.version(ctx, tx, id, version)
	if err != nil {
		return Version{}, err
	}
	n := NewVersion{Name: d.Name, TableName: d.TableName, Kind: Restore, Schema: old.Schema, LastFieldID: d.LastFieldID}
	for _, f := range files {
		n.Files = append(n.Files, NewFile{ObjectID: f.ObjectID, ObjectKey: f.ObjectKey, Bytes: f.Bytes, Rows: f.Rows, Stats: f.Stats,
			SchemaVersion: f.SchemaVersion, Sequence: f.Sequence, Raws: f.Raws})
	}
	v := Version{
		DatasetID: id, Version: d.Version + 1, RunID: runID, Kind: Restore, Base: version, Key: old.Key, ObjectID: old.ObjectID,
		Schema: old.Schema, SchemaVersion: old.SchemaVersion, Verdict: old.Verdict, Report: old.Report, Rows: old.Rows, CreatedAt: meta.Time(meta.Micros(s.Now())),
	}
	return s.write(ctx, tx, n, v, d, true)
}

// Live returns the key of every blob that a row still names: of every data object
// that was not deleted, and of every file of a version that did not expire. What
// else is stored may be collected.
func (s *Store) Live(ctx context.Context) (_ map[string]bool, err error) {
	defer errs.Wrap(&err, "dataset.Live")
	keys, err := meta.All(ctx, s.DB.Read(), func(row meta.Row) (key string, err error) { err = row.Scan(&key); return key, err }, `
		SELECT key FROM data_objects WHERE deleted_at IS NULL
		UNION
		SELECT f.object_key FROM dataset_files f WHERE EXISTS (SELECT 1 FROM dataset_versions v WHERE `+holds+`)`)
	live := make(map[string]bool, len(keys))
	for _, key := range keys {
		live[key] = true
	}
	return live, err
}

// holds says that v did not expire and that the file f belongs to it.
const holds = `v.dataset_id = f.dataset_id AND v.expired_at IS NULL
	AND f.added_version <= v.version AND (f.removed_version IS NULL OR f.removed_version > v.version)`
