package duckdb_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"millwright/internal/engine"
	"millwright/internal/engine/duckdb"
	"millwright/internal/table"
)

func TestMain(m *testing.M) {
	if duckdb.IsWorker() {
		os.Exit(duckdb.ServeWorker())
	}
	os.Exit(m.Run())
}

func TestSmoke(t *testing.T) {
	dir := t.TempDir()
	start := time.Now()
	e, err := duckdb.Open(duckdb.Config{SpillDir: filepath.Join(dir, "spill")})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	t.Log("open", time.Since(start), e.Sandbox())
	obj := filepath.Join(dir, "obj")
	os.Mkdir(obj, 0o755)
	in := filepath.Join(dir, "in.ndjson")
	os.WriteFile(in, []byte(`{"a":1,"d":"1.5"}`+"\n"+`{"a":2}`+"\n"), 0o644)
	sch := table.Schema{Columns: []table.Column{{ID: 1, Name: "a", Key: "a", Type: table.Type{Kind: table.BigInt}}, {ID: 2, Name: "d", Key: "d", Type: table.Type{Kind: table.Decimal, Precision: 38, Scale: 10}}}}
	start = time.Now()
	c, err := e.Convert(t.Context(), engine.Conversion{Input: in, Output: filepath.Join(obj, "t.parquet"), Schema: sch})
	t.Log("convert", time.Since(start), c, err)
	for _, q := range []engine.Query{
		{SQL: "SELECT * FROM t"},
		{SQL: "SELECT sum(a) AS s, $x AS x, count(*) c FROM t WHERE a > $x", Args: map[string]any{"x": int64(0)}},
		{SQL: "SELECT * FROM t WHERE\n b = 1"},
		{SQL: "SELECT * FROM read_parquet('/etc/passwd')"},
		{SQL: "SELECT * FROM duckdb_settings"},
		{SQL: "SELECT (repeat('[',20000)||repeat(']',20000))::JSON::VARIANT"},
		{SQL: "SELECT length(repeat('x', 2000000000)||'a')"},
		{SQL: "SELECT * FROM range(10) r(i) WHERE list_contains($l, i)", Args: map[string]any{"l": []any{int64(1), int64(2)}}},
	} {
		q.Scope, q.Dir = "p", obj
		q.Tables = []engine.Table{{Name: "t", Files: []string{filepath.Join(obj, "t.parquet")}, Schema: sch}}
		start := time.Now()
		rows, err := e.Run(t.Context(), q)
		if err != nil {
			t.Log(q.SQL, time.Since(start), "ERR", err)
			continue
		}
		for rows.Next() {
			t.Log(rows.Batch())
		}
		t.Log(q.SQL, time.Since(start), rows.Schema(), rows.Err(), rows.Truncated())
		rows.Close()
		p, err := e.Explain(t.Context(), q)
		t.Log(p, err)
		d, err := e.Describe(t.Context(), q)
		t.Log(d, err)
		start = time.Now()
		out := filepath.Join(t.TempDir(), "x.parquet")
		n, err := e.Export(t.Context(), q, out)
		t.Log("export", n, err, time.Since(start))
	}
}
