package duckdb_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millwright/internal/engine"
	"millwright/internal/engine/duckdb"
	"millwright/internal/errs"
	"millwright/internal/table"
)

// columns returns a file of height rows of so many columns, as a table.
func columns(t *testing.T, e *duckdb.Engine, dir string, width, height int) (engine.Table, engine.Converted) {
	t.Helper()
	var schema table.Schema
	var line strings.Builder
	for i := range width {
		name := fmt.Sprint("c", i)
		schema.Columns = append(schema.Columns, table.Column{ID: i + 1, Name: name, Key: name, Type: table.Type{Kind: table.Varchar}})
		fmt.Fprintf(&line, `,"%s":"%d"`, name, i)
	}
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out.parquet")
	must(t, os.WriteFile(in, bytes.Repeat([]byte("{"+line.String()[1:]+"}\n"), height), 0o600))
	made, err := e.Convert(t.Context(), engine.Conversion{Input: in, Output: out, Schema: schema})
	must(t, err)
	return engine.Table{Name: "t", Files: []string{out}, Schema: schema}, made
}

// Of a table of some hundred columns a query maps more than it may hold, and touches a
// tenth of it.
func TestATableOfHundredsOfColumnsIsHeldToWhatIsTouched(t *testing.T) {
	e := open(t, duckdb.Config{MemoryLimit: 192 << 20, QueryThreads: 4})
	dir := t.TempDir()
	data, _ := columns(t, e, dir, 400, 9)
	q := engine.Query{Scope: "s", Dir: dir, SQL: "SELECT *, row_number() OVER (PARTITION BY c1 ORDER BY c0) AS n FROM t LIMIT 10000", Tables: []engine.Table{data}}
	if _, err := everything(t, e, q); err != nil {
		t.Error(err)
	}
	q.SQL = "SELECT list(repeat('x', 1000) || i) FROM t, range(1000000) r(i)"
	if _, err := everything(t, e, q); errType(err) != "query-memory" {
		t.Errorf("a query that takes all memory: %v", err)
	}
}

// A table of 10,000 columns is read whole, and exported, though DuckDB maps more for it
// than a query may map else; what it may hold of that is bounded all the same. Its file
// would be twice as large, and take twice as long to read, if its row groups held few rows.
func TestATableOfThousandsOfColumnsIsReadWhole(t *testing.T) {
	const width, height = 10_000, 300
	e := open(t, duckdb.Config{})
	dir := t.TempDir()
	data, made := columns(t, e, dir, width, height)
	if made.Bytes > 3<<20 {
		t.Errorf("a file of %d bytes, which is more than one row group takes", made.Bytes)
	}
	q := engine.Query{Scope: "s", Dir: dir, SQL: "SELECT * FROM t", MaxRows: height, Timeout: 2 * time.Minute, Tables: []engine.Table{data}}
	rows, err := e.Run(t.Context(), q)
	must(t, err)
	n, columns := int64(0), 0
	for rows.Next() {
		n, columns = n+rows.Batch().NumRows(), int(rows.Batch().NumCols())
	}
	if err := rows.Err(); err != nil || n != height || columns != width {
		t.Errorf("%d rows of %d columns: %v", n, columns, err)
	}
	must(t, rows.Close())
	if n, err := e.Export(t.Context(), q, filepath.Join(t.TempDir(), "export.parquet")); err != nil || n != height {
		t.Errorf("%d rows exported: %v", n, err)
	}
	q.SQL = "SELECT list(repeat('x', 1000) || i) FROM t, range(1000000) r(i)"
	if _, err := everything(t, e, q); errType(err) != "query-memory" {
		t.Errorf("a query that takes all memory: %v", err)
	}
}

func errType(err error) string {
	e, _ := errs.Find(err)
	if e == nil {
		return ""
	}
	return e.Type
}
