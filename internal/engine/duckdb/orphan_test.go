package duckdb_test

import (
	"errors"
	"testing"
	"time"

	"millwright/internal/engine/duckdb"
	"millwright/internal/errs"
)

// A worker whose server is gone without a trace ends by itself, also while a
// query computes. Here no parent dies, so the kernel's parent-death signal cannot
// be what ends it.
func TestWorkerEndsWhenNobodyHoldsItsPipe(t *testing.T) {
	e := open(t, duckdb.Config{Spare: -1})
	q := one(t.TempDir(), "a")
	q.SQL, q.Timeout = forever, 30*time.Second
	rows, err := e.Run(t.Context(), q)
	must(t, err)
	defer rows.Close()
	e.Abandon()
	for rows.Next() {
	}
	if err := rows.Err(); err == nil || errors.Is(err, errs.TooLarge) {
		t.Errorf("got %v, want the end of the worker before its deadline", err)
	}
}
