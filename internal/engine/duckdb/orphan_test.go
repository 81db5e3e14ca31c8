package duckdb

import (
	"testing"
	"time"

	"millwright/internal/engine"
)

// A worker whose server is gone without a trace ends by itself, also while a
// query computes. Here no parent dies, so the kernel's parent-death signal cannot
// be what ends it.
func TestWorkerEndsWhenNobodyHoldsItsPipe(t *testing.T) {
	t.Parallel()
	e, err := Open(Config{SpillDir: t.TempDir(), Spare: -1, Timeout: 10 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ended := make(chan error, 1)
	go func() {
		rows, err := e.Run(t.Context(), engine.Query{Scope: "a", Dir: t.TempDir(),
			SQL: "SELECT count(*) AS n FROM range(100000000) a, range(100000000) b WHERE (a.range * b.range) % 7 = 1"})
		for err == nil && rows.Next() {
			continue
		}
		if err == nil {
			err = rows.Err()
		}
		ended <- err
	}()
	busy := awaitBusy(t, e)
	busy.req.Close()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("the query ended well, though it takes years")
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the worker outlives the server")
	}
}

// awaitBusy returns the process that runs the engine's one query.
func awaitBusy(t *testing.T, e *Engine) *process {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 4000 {
		e.mu.Lock()
		for p := range e.live {
			if p.uses > 0 || p.scope != "" {
				e.mu.Unlock()
				return p
			}
		}
		e.mu.Unlock()
		<-tick.C
	}
	t.Fatal("no worker is busy")
	return nil
}
