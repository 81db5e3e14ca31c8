package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"millwright/internal/meta"
	"millwright/internal/program/store"
)

// written returns how many runs the database holds, which History would add to.
func written(t *testing.T, s *store.Store) int {
	t.Helper()
	n, _, err := meta.One(t.Context(), s.DB.Read(), func(r meta.Row) (n int, err error) { return n, r.Scan(&n) }, `SELECT count(*) FROM queryprogram_runs`)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRunsAreWrittenTogetherAndNoneIsLost(t *testing.T) {
	t.Parallel()
	s := open(t)
	made := generate(t, s, sample("q"))[0]
	add := func(n int) {
		for range n {
			if err := s.AddRun(t.Context(), store.Run{ProgramID: made.ID, At: time.Unix(1, 0)}); err != nil {
				t.Error(err)
			}
		}
	}
	add(3)
	if n := written(t, s); n != 0 {
		t.Errorf("%d runs were written at once", n)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Flush(gone); err == nil {
		t.Error("a write that cannot be done was done")
	}
	add(1)
	if err := s.Flush(t.Context()); err != nil || written(t, s) != 4 {
		t.Errorf("%d of 4 runs were written, three of them after a failure: %v", written(t, s), err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			add(50)
			if err := s.Flush(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	add(5)
	if err := s.KeepRuns(gone); err != nil || written(t, s) != 209 {
		t.Errorf("%d of 209 runs are written when the server stops: %v", written(t, s), err)
	}
}
