package duckdb_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"millwright/internal/engine"
	"millwright/internal/engine/duckdb"
	"millwright/internal/errs"
	"millwright/internal/table"
)

var textSchema = table.Schema{Columns: []table.Column{{ID: 1, Name: "n", Type: table.Type{Kind: table.BigInt}}, {ID: 2, Name: "x", Type: table.Type{Kind: table.Varchar}}}}

// sum returns count and sum of n, the length of x, and whether the order is kept.
const sumSQL = "SELECT count(*) || ' ' || sum(n) || ' ' || sum(length(x)) || ' ' || bool_and(ok) AS s FROM (SELECT *, n = row_number() OVER () - 1 AS ok FROM t)"

func TestConvertRecordsOfAnyLength(t *testing.T) {
	for _, c := range []struct {
		rule   string
		cfg    duckdb.Config
		length func(i int) int
		rows   int
	}{
		{"short", duckdb.Config{}, func(int) int { return 5 }, 300_000},
		{"long", duckdb.Config{ConvertMemory: 512 << 20}, func(int) int { return 20_000 }, 10_000},
		{"short, then long, in less memory than a row group takes", duckdb.Config{ConvertMemory: 512 << 20}, func(i int) int { return 5 + i/20_000*6_000 }, 60_000},
		{"longer than DuckDB's default", duckdb.Config{}, func(int) int { return 20 << 20 }, 2},
	} {
		t.Run(c.rule, func(t *testing.T) {
			e := open(t, c.cfg)
			dir := t.TempDir()
			in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out.parquet")
			var b bytes.Buffer
			total, sum := 0, 0
			filler := strings.Repeat("0123456789abcdef", 21<<16)
			for i := range c.rows {
				n := c.length(i)
				fmt.Fprintf(&b, "{\"n\":%d,\"x\":\"%s\"}\n", i, filler[i%16:i%16+n])
				total, sum = total+n, sum+i
			}
			must(t, os.WriteFile(in, b.Bytes(), 0o644))
			got, err := e.Convert(t.Context(), engine.Conversion{Input: in, Output: out, Schema: textSchema})
			must(t, err)
			if got.Rows != int64(c.rows) {
				t.Errorf("got %d rows, want %d", got.Rows, c.rows)
			}
			text, err := everything(t, e, engine.Query{Scope: "s", Dir: dir, SQL: sumSQL, Tables: []engine.Table{{Name: "t", Files: []string{out}, Schema: textSchema}}})
			if want := fmt.Sprintf("[%q]", fmt.Sprintf("%d %d %d true", c.rows, sum, total)); err != nil || text != want {
				t.Errorf("got %s, %v, want %s", text, err, want)
			}
		})
	}
}

func TestConvertReadsZstd(t *testing.T) {
	e := open(t, duckdb.Config{})
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.ndjson.zst"), filepath.Join(dir, "out.parquet")
	z, err := zstd.NewWriter(nil)
	must(t, err)
	packed := z.EncodeAll([]byte(strings.Repeat(`{"n":1,"x":"abc"}`+"\n", 50_000)), nil)
	write(t, in, string(packed))
	got, err := e.Convert(t.Context(), engine.Conversion{Input: in, Output: out, Schema: textSchema})
	if err != nil || got.Rows != 50_000 {
		t.Errorf("got %d rows, %v, want 50000", got.Rows, err)
	}
	write(t, in, string(packed[:len(packed)-10]))
	if _, err := e.Convert(t.Context(), engine.Conversion{Input: in, Output: out + "2", Schema: textSchema}); err == nil {
		t.Error("a file that was cut short was converted")
	}
}

func TestConvertWideTables(t *testing.T) {
	e := open(t, duckdb.Config{})
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out.parquet")
	const width = 10_000
	var schema table.Schema
	var line strings.Builder
	for i := range width {
		kind := table.Type{Kind: table.BigInt}
		if i%3 == 0 {
			kind = table.Type{Kind: table.Decimal, Precision: 38, Scale: 2}
		}
		schema.Columns = append(schema.Columns, table.Column{ID: i + 1, Name: fmt.Sprint("column ", i), Type: kind})
		fmt.Fprintf(&line, `,"column %d":%d`, i, i)
	}
	write(t, in, strings.Repeat("{"+line.String()[1:]+"}\n", 20))
	start := time.Now()
	got, err := e.Convert(t.Context(), engine.Conversion{Input: in, Output: out, Schema: schema})
	t.Log("10,000 columns:", time.Since(start))
	if err != nil || got.Rows != 20 {
		t.Fatalf("got %d rows, %v", got.Rows, err)
	}
	text, err := everything(t, e, engine.Query{Scope: "s", Dir: dir, SQL: `SELECT sum("column 9999") AS a FROM t`, Tables: []engine.Table{{Name: "t", Files: []string{out}, Schema: schema}}})
	if err != nil || text != "[199980]" {
		t.Errorf("got %s, %v", text, err)
	}
}

// TestConvertDeepTypes finds the depth that must work, and that more is an
// error rather than a crash.
func TestConvertDeepTypes(t *testing.T) {
	e := open(t, duckdb.Config{})
	for _, depth := range []int{16, 32, 400} {
		typ, value := table.Type{Kind: table.BigInt}, "7"
		for i := range depth {
			if i%2 == 0 {
				typ, value = table.Type{Kind: table.Struct, Fields: []table.Column{{ID: i + 10, Name: "a", Type: typ}}}, `{"a":`+value+`}`
			} else {
				elem := typ
				typ, value = table.Type{Kind: table.List, Elem: &elem, ElemID: i + 10}, `[`+value+`]`
			}
		}
		dir := t.TempDir()
		in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out.parquet")
		write(t, in, `{"x":`+value+"}\n")
		schema := table.Schema{Columns: []table.Column{{ID: 1, Name: "x", Type: typ}}}
		_, err := e.Convert(t.Context(), engine.Conversion{Input: in, Output: out, Schema: schema})
		if depth > 100 {
			if kind := errs.KindOf(err); kind != errs.Invalid && kind != errs.TooLarge {
				t.Errorf("depth %d: %v", depth, err)
			}
			continue
		}
		must(t, err)
		text, err := everything(t, e, engine.Query{Scope: dir, Dir: dir, SQL: "SELECT x::VARCHAR AS x FROM t", Tables: []engine.Table{{Name: "t", Files: []string{out}, Schema: schema}}})
		if err != nil || !strings.Contains(text, "7") {
			t.Errorf("depth %d: got %s, %v", depth, text, err)
		}
	}
}

func TestConvertStopsAtItsDeadline(t *testing.T) {
	e := open(t, duckdb.Config{})
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out.parquet")
	write(t, in, strings.Repeat(`{"n":1,"x":"abc"}`+"\n", 3_000_000))
	_, err := e.Convert(t.Context(), engine.Conversion{Input: in, Output: out, Schema: textSchema, Timeout: 50 * time.Millisecond})
	if found, ok := errs.Find(err); !ok || found.Type != "query-timeout" {
		t.Errorf("got %v, want query-timeout", err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a stopped conversion left a file")
	}
}
