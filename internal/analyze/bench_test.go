package analyze_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millwright/internal/engine"
	"millwright/internal/table"
)

// wide makes rows x 30 columns of every sort by formula, inside the engine.
func wide(tb testing.TB, e engine.Engine, rows int) landed {
	tb.Helper()
	dir := tb.TempDir()
	seed := filepath.Join(dir, "seed.ndjson")
	if err := os.WriteFile(seed, []byte("{\"a\":1}\n"), 0o600); err != nil {
		tb.Fatal(err)
	}
	varchar, bigint, double := table.Type{Kind: table.Varchar}, table.Type{Kind: table.BigInt}, table.Type{Kind: table.Double}
	var cols []table.Column
	var exprs []string
	add := func(name string, typ table.Type, expr string) {
		cols = append(cols, table.Column{ID: len(cols) + 1, Name: name, Key: name, Type: typ})
		exprs = append(exprs, fmt.Sprintf("CAST(%s AS %s) AS %s", expr, typ, table.Quote(name)))
	}
	add("id", bigint, "i")
	add("token", varchar, "md5(CAST(i AS VARCHAR))")
	add("email", varchar, "'user' || (hash(i) % 20000) || '@example.com'")
	add("status", varchar, "list_extract(['paid','open','cancelled'], CAST(1 + hash(i, 1) % 3 AS BIGINT))")
	add("amount", table.Type{Kind: table.Decimal, Precision: 18, Scale: 2}, "CAST(hash(i, 2) % 100000 AS DOUBLE) / 100")
	add("created_at", table.Type{Kind: table.Timestamp}, "make_timestamp(1672531200000000 + CAST(hash(i, 3) % 63072000 AS BIGINT) * 1000000)")
	add("url", varchar, "'https://x.example/' || hash(i, 4) % 50000")
	add("is_paid", table.Type{Kind: table.Boolean}, "hash(i, 5) % 2 = 0")
	add("notes", varchar, "'some longer text with many words, number ' || i || ', and more words to come in a sentence'")
	add("lat", double, "CAST(hash(i, 6) % 18000 AS DOUBLE) / 100 - 90")
	add("lon", double, "CAST(hash(i, 7) % 36000 AS DOUBLE) / 100 - 180")
	for k, n := range []int64{10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000} {
		add(fmt.Sprintf("n%d", k), bigint, fmt.Sprintf("hash(i, %d) %% %d", 10+k, n))
	}
	for k := range 6 {
		add(fmt.Sprintf("f%d", k), double, fmt.Sprintf("CAST(hash(i, %d) %% 1000003 AS DOUBLE) / 1000", 30+k))
	}
	for k, n := range []int{5, 20, 80, 320, 1280, 5120} {
		add(fmt.Sprintf("c%d", k), varchar, fmt.Sprintf("'cat' || hash(i, %d) %% %d", 40+k, n))
	}
	base := filepath.Join(dir, "base.parquet")
	one := table.Schema{Columns: []table.Column{{ID: 1, Name: "a", Key: "a", Type: bigint}}}
	if _, err := e.Convert(tb.Context(), engine.Conversion{Input: seed, Output: base, Schema: one}); err != nil {
		tb.Fatal(err)
	}
	data := filepath.Join(tb.TempDir(), "wide.parquet")
	_, err := e.Export(tb.Context(), engine.Query{
		Scope: "make", Dir: dir, Tables: []engine.Table{{Name: "base", Files: []string{base}, Schema: one}},
		SQL: fmt.Sprintf("SELECT %s FROM range(%d) r(i)", strings.Join(exprs, ", "), rows),
	}, data)
	if err != nil {
		tb.Fatal(err)
	}
	return landed{filepath.Dir(data), engine.Table{Name: "wide", Files: []string{data}, Schema: table.Schema{Columns: cols}}}
}

func BenchmarkAnalyze(b *testing.B) {
	for _, rows := range []int{1000, 50_000, 1_000_000} {
		b.Run(fmt.Sprintf("%d rows x 30 columns", rows), func(b *testing.B) {
			e := openEngine(b)
			l := wide(b, e, rows)
			for b.Loop() {
				analyzed(b, e, l)
			}
		})
	}
}
