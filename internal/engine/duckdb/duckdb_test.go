package duckdb_test

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"millwright/internal/engine"
	"millwright/internal/engine/duckdb"
	"millwright/internal/engine/enginetest"
)

func TestMain(m *testing.M) {
	if duckdb.IsWorker() {
		os.Exit(duckdb.ServeWorker())
	}
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, cfg duckdb.Config) *duckdb.Engine {
	t.Helper()
	if cfg.SpillDir == "" {
		cfg.SpillDir = filepath.Join(t.TempDir(), "spill")
	}
	e, err := duckdb.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestConformance(t *testing.T) {
	enginetest.Run(t, func(t *testing.T) engine.Engine { return open(t, duckdb.Config{}) })
}
