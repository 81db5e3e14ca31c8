package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// keepRuns is how many runs of a program its history holds.
const keepRuns = 1000

// A Run is one execution of a program.
type Run struct {
	ID              ID
	ProgramID       ID
	Version         int64 // of the program
	At              time.Time
	Duration        time.Duration // stored in milliseconds
	Success         bool
	Rows            int64
	Truncated       bool
	Error           string           // what the caller was told; empty on success
	DatasetVersions map[string]int64 // table name -> version that was read
}

// AddRun adds a run to the history of its program, which forgets all but the
// newest thousand. A run of a program that is gone is forgotten at once.
func (s *Store) AddRun(ctx context.Context, r Run) (err error) {
	defer errs.Wrap(&err, "program.AddRun")
	versions := []byte("{}")
	if r.DatasetVersions != nil {
		if versions, err = json.Marshal(r.DatasetVersions); err != nil {
			return err
		}
	}
	if r.At.IsZero() {
		r.At = s.now()
	}
	return s.DB.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO queryprogram_runs (id, program_id, version, at, duration_ms, success, row_count, truncated, error, dataset_versions)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			newID(), r.ProgramID, r.Version, meta.Micros(r.At), r.Duration.Milliseconds(), r.Success, r.Rows, r.Truncated, r.Error, string(versions))
		if meta.IsDangling(err) {
			return nil
		}
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM queryprogram_runs WHERE program_id = ? AND id IN
			(SELECT id FROM queryprogram_runs WHERE program_id = ? ORDER BY at DESC, id DESC LIMIT ? OFFSET ?)`,
			r.ProgramID, r.ProgramID, 1<<30, keepRuns)
		return err
	})
}

// History returns the newest runs of a program, newest first; limit 0 means all
// that are kept.
func (s *Store) History(ctx context.Context, programID ID, limit int) (_ []Run, err error) {
	defer errs.Wrap(&err, "program.History")
	if limit <= 0 {
		limit = keepRuns
	}
	return meta.All(ctx, s.DB.Read(), scanRun, `SELECT id, program_id, version, at, duration_ms, success, row_count, truncated, error, dataset_versions
		FROM queryprogram_runs WHERE program_id = ? ORDER BY at DESC, id DESC LIMIT ?`, programID, limit)
}

func scanRun(row meta.Row) (r Run, err error) {
	var at, ms int64
	var versions string
	if err := row.Scan(&r.ID, &r.ProgramID, &r.Version, &at, &ms, &r.Success, &r.Rows, &r.Truncated, &r.Error, &versions); err != nil {
		return Run{}, err
	}
	r.At, r.Duration = meta.Time(at), time.Duration(ms)*time.Millisecond
	if err := json.Unmarshal([]byte(versions), &r.DatasetVersions); err != nil {
		return Run{}, fmt.Errorf("run %s is damaged: %w", r.ID, err) // unreachable unless the database is corrupt
	}
	return r, nil
}
