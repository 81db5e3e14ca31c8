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
	if len(os.Args) > 1 && os.Args[1] == duckdb.ProbeArg {
		os.Exit(duckdb.ServeProbe())
	}
	if len(os.Args) > 1 && os.Args[1] == parentArg {
		os.Exit(serveParent())
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

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
