// Package benchgen_test measures the programs that are generated: on tables that
// others made, through the code that the product runs, against labels by hand and
// questions that people asked.
//
// "make bench-generate" prints the table of figures. A short form, a few tables
// and what may never fail, is a test.
package benchgen_test

import (
	"os"
	"path/filepath"
	"testing"

	"millwright/internal/engine"
	"millwright/internal/engine/duckdb"
)

// full reports whether all tables are wanted and not only a few.
func full() bool { return os.Getenv("MILLWRIGHT_BENCH_GENERATE") != "" }

func TestMain(m *testing.M) {
	if duckdb.IsWorker() {
		os.Exit(duckdb.ServeWorker())
	}
	os.Exit(m.Run())
}

func open(t testing.TB) engine.Engine {
	t.Helper()
	e, err := duckdb.Open(duckdb.Config{SpillDir: filepath.Join(t.TempDir(), "spill")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}
