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
	Cached          bool             // nothing was run: the answer was there
	Error           string           // what the caller was told; empty on success
	ErrorType       string           // its stable type, such as "query-timeout"; empty on success
	DatasetVersions map[string]int64 // table name -> version that was read
}

// AddRun adds a run to the history of its program, which forgets all but the
// newest thousand. A run of a program that is gone is forgotten at once.
//
// It does not wait for the disk: runs are written together, by History, Flush and
// KeepRuns. What is not written yet is lost if the process dies.
func (s *Store) AddRun(_ context.Context, r Run) error {
	if r.At.IsZero() {
		r.At = s.now()
	}
	r.ID = newID()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fresh == nil {
		s.fresh = map[ID][]Run{}
	}
	runs := append(s.fresh[r.ProgramID], r)
	if len(runs) >= 2*keepRuns {
		runs = append([]Run(nil), runs[len(runs)-keepRuns:]...)
	}
	s.fresh[r.ProgramID] = runs
	return nil
}

// KeepRuns writes the runs that were added, every second and at the end of ctx.
func (s *Store) KeepRuns(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			// What fails stays for the next time.
			_ = s.Flush(ctx)
		case <-ctx.Done():
			return s.Flush(context.WithoutCancel(ctx))
		}
	}
}

// Flush writes the runs that were added.
func (s *Store) Flush(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "program.Flush")
	s.flushing.Lock() // so that whoever reads after a Flush sees what another one took
	defer s.flushing.Unlock()
	s.mu.Lock()
	taken := s.fresh
	s.fresh = nil
	s.mu.Unlock()
	if len(taken) == 0 {
		return nil
	}
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		for program, runs := range taken {
			if err := addRuns(ctx, tx, program, runs[max(0, len(runs)-keepRuns):]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.fresh == nil {
			s.fresh = map[ID][]Run{}
		}
		for program, runs := range taken {
			s.fresh[program] = append(runs, s.fresh[program]...)
		}
	}
	return err
}

func addRuns(ctx context.Context, tx meta.Querier, program ID, runs []Run) error {
	for _, r := range runs {
		versions := []byte("{}")
		if r.DatasetVersions != nil {
			var err error
			if versions, err = json.Marshal(r.DatasetVersions); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO queryprogram_runs (id, program_id, version, at, duration_ms, success, row_count, truncated, cached, error, error_type, dataset_versions)
			SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM queryprograms WHERE id = ?)`,
			r.ID, program, r.Version, meta.Micros(r.At), r.Duration.Milliseconds(), r.Success, r.Rows, r.Truncated, r.Cached, r.Error, r.ErrorType, string(versions), program); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM queryprogram_runs WHERE program_id = ? AND id IN
		(SELECT id FROM queryprogram_runs WHERE program_id = ? ORDER BY at DESC, id DESC LIMIT ? OFFSET ?)`,
		program, program, 1<<30, keepRuns)
	return err
}

// A RunFilter says which runs to return. Zero values do not filter.
type RunFilter struct {
	Success *bool
	Cached  *bool
	Version int64 // of the program
	Skip    int
	Limit   int // 0 means all that are kept
}

// History returns the newest runs of a program, newest first.
func (s *Store) History(ctx context.Context, programID ID, f RunFilter) (_ []Run, err error) {
	defer errs.Wrap(&err, "program.History")
	if f.Limit <= 0 {
		f.Limit = keepRuns
	}
	if err := s.Flush(ctx); err != nil {
		return nil, err
	}
	return meta.All(ctx, s.DB.Read(), scanRun, `SELECT id, program_id, version, at, duration_ms, success, row_count, truncated, cached, error, error_type, dataset_versions
		FROM queryprogram_runs WHERE program_id = ? AND (? IS NULL OR success = ?) AND (? IS NULL OR cached = ?) AND (? = 0 OR version = ?)
		ORDER BY at DESC, id DESC LIMIT ? OFFSET ?`,
		programID, f.Success, f.Success, f.Cached, f.Cached, f.Version, f.Version, f.Limit, max(0, f.Skip))
}

func scanRun(row meta.Row) (r Run, err error) {
	var at, ms int64
	var versions string
	if err := row.Scan(&r.ID, &r.ProgramID, &r.Version, &at, &ms, &r.Success, &r.Rows, &r.Truncated, &r.Cached, &r.Error, &r.ErrorType, &versions); err != nil {
		return Run{}, err
	}
	r.At, r.Duration = meta.Time(at), time.Duration(ms)*time.Millisecond
	if err := json.Unmarshal([]byte(versions), &r.DatasetVersions); err != nil {
		return Run{}, fmt.Errorf("run %s is damaged: %w", r.ID, err) // unreachable unless the database is corrupt
	}
	return r, nil
}
