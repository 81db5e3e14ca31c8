package duckdb_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"millwright/internal/engine"
	"millwright/internal/engine/duckdb"
	"millwright/internal/table"
)

// orders writes n nested records by formula, about 300 bytes each.
func orders(b *testing.B, path string, n int) (table.Schema, int64) {
	b.Helper()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	for i := range n {
		fmt.Fprintf(w, `{"id":%d,"day":"20%02d-%02d-%02d","at":"2024-01-01T00:00:%02d.%06dZ","customer":"customer number %d","total":"%d.%02d","score":%g,"open":%t,`+
			`"address":{"street":"%d Long Street","city":"City %d","zip":"%05d"},"items":[{"sku":"sku-%d","n":%d,"price":"%d.99"},{"sku":"sku-%d","n":2,"price":"1.50"}]}`+"\n",
			i, i%25, i%12+1, i%28+1, i%60, i%1000000, i%5000, i%1000, i%100, float64(i)/7, i%3 == 0, i%900, i%100, i%99999, i%300, i%9, i%50, i%17)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	kind := func(k table.Kind) table.Type { return table.Type{Kind: k} }
	price := table.Type{Kind: table.Decimal, Precision: 18, Scale: 2}
	item := table.Type{Kind: table.Struct, Fields: []table.Column{{ID: 20, Name: "sku", Type: kind(table.Varchar)}, {ID: 21, Name: "n", Type: kind(table.BigInt)}, {ID: 22, Name: "price", Type: price}}}
	return table.Schema{Columns: []table.Column{
		{ID: 1, Name: "id", Type: kind(table.BigInt)}, {ID: 2, Name: "day", Type: kind(table.Date)}, {ID: 3, Name: "at", Type: kind(table.TimestampTZ)},
		{ID: 4, Name: "customer", Type: kind(table.Varchar)}, {ID: 5, Name: "total", Type: price}, {ID: 6, Name: "score", Type: kind(table.Double)}, {ID: 7, Name: "open", Type: kind(table.Boolean)},
		{ID: 8, Name: "address", Type: table.Type{Kind: table.Struct, Fields: []table.Column{{ID: 9, Name: "street", Type: kind(table.Varchar)}, {ID: 10, Name: "city", Type: kind(table.Varchar)}, {ID: 11, Name: "zip", Type: kind(table.Varchar)}}}},
		{ID: 12, Name: "items", Type: table.Type{Kind: table.List, Elem: &item, ElemID: 13}},
	}}, info.Size()
}

func BenchmarkConvert(b *testing.B) {
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("%d threads", threads), func(b *testing.B) {
			e := open(b, duckdb.Config{ConvertThreads: threads})
			in := filepath.Join(b.TempDir(), "in.ndjson")
			schema, size := orders(b, in, 300_000)
			b.SetBytes(size)
			for b.Loop() {
				out := filepath.Join(b.TempDir(), "out.parquet")
				if _, err := e.Convert(b.Context(), engine.Conversion{Input: in, Output: out, Schema: schema}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkQuery(b *testing.B) {
	dir := b.TempDir()
	e := open(b, duckdb.Config{Spare: 4})
	in, out := filepath.Join(dir, "in.ndjson"), filepath.Join(dir, "out.parquet")
	schema, _ := orders(b, in, 1_000_000)
	if _, err := e.Convert(b.Context(), engine.Conversion{Input: in, Output: out, Schema: schema}); err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct{ name, sql string }{
		{"group by", "SELECT customer, sum(total) AS t, count(*) AS n FROM orders WHERE day >= DATE '2005-01-01' GROUP BY customer ORDER BY t DESC LIMIT 20"},
		{"one row", "SELECT * FROM orders WHERE id = 123456"},
		{"nothing", "SELECT 1 AS x"},
	} {
		ask := func(scope string) {
			rows, err := e.Run(b.Context(), engine.Query{Scope: scope, Dir: dir, SQL: c.sql, Tables: []engine.Table{{Name: "orders", Files: []string{out}, Schema: schema}}})
			if err != nil {
				b.Fatal(err)
			}
			for rows.Next() {
			}
			if err := rows.Err(); err != nil {
				b.Fatal(err)
			}
			rows.Close()
		}
		b.Run(c.name+"/reused worker", func(b *testing.B) {
			for b.Loop() {
				ask("same")
			}
		})
		b.Run(c.name+"/new scope", func(b *testing.B) {
			i := 0
			for b.Loop() {
				i++
				ask(fmt.Sprint("scope", i))
			}
		})
	}
}

func BenchmarkStream(b *testing.B) {
	e := open(b, duckdb.Config{})
	dir := b.TempDir()
	b.SetBytes(16 * 5_000_000)
	for b.Loop() {
		rows, err := e.Run(b.Context(), engine.Query{Scope: "s", Dir: dir, SQL: "SELECT i, i * 2 AS j FROM range(5000000) r(i)"})
		if err != nil {
			b.Fatal(err)
		}
		for rows.Next() {
		}
		if err := rows.Err(); err != nil {
			b.Fatal(err)
		}
		rows.Close()
	}
}

func BenchmarkSpawn(b *testing.B) {
	for b.Loop() {
		e, err := duckdb.Open(duckdb.Config{SpillDir: filepath.Join(b.TempDir(), "spill"), Spare: -1})
		if err != nil {
			b.Fatal(err)
		}
		if err := e.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
