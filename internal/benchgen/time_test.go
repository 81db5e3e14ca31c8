package benchgen_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millwright/internal/engine"
	"millwright/internal/table"
)

// A timing is how long profile and programs of a large table took.
type timing struct {
	what           string
	took, analyzed time.Duration
	goal           time.Duration
}

// timings measures the two sizes that the goals name, each the better of two
// runs in an engine that is up.
func timings(t *testing.T) []timing {
	e := open(t)
	var out []timing
	for _, size := range []struct {
		rows, columns int
		goal          time.Duration
	}{{50_000, 30, 1500 * time.Millisecond}, {1_000_000, 20, 10 * time.Second}} {
		x := timing{what: fmt.Sprintf("time for %d rows x %d columns", size.rows, size.columns), goal: size.goal}
		for range 2 {
			dir, made := shop(t, e, size.rows, size.columns)
			start := time.Now()
			w, err := adopt(t.Context(), e, dir, "shop", made)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.generate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); x.took == 0 || took < x.took {
				x.took, x.analyzed = took, w.analyzed
			}
		}
		out = append(out, x)
	}
	return out
}

// shop makes a table of orders by formula, inside the engine.
func shop(t testing.TB, e engine.Engine, rows, columns int) (dir string, made engine.Table) {
	t.Helper()
	var cols []table.Column
	var exprs []string
	add := func(name string, typ table.Type, expr string) {
		if len(cols) < columns {
			cols = append(cols, table.Column{ID: len(cols) + 1, Name: name, Key: name, Type: typ})
			exprs = append(exprs, fmt.Sprintf("CAST(%s AS %s) AS %s", expr, typ, table.Quote(name)))
		}
	}
	varchar, bigint, double := table.Type{Kind: table.Varchar}, table.Type{Kind: table.BigInt}, table.Type{Kind: table.Double}
	word := func(seed int, words ...string) string {
		return fmt.Sprintf("list_extract(['%s'], CAST(1 + floor(sqrt(hash(i, %d) %% %d)) AS BIGINT))", strings.Join(words, "','"), seed, len(words)*len(words))
	}
	add("order_id", bigint, "i + 1")
	add("created_at", table.Type{Kind: table.Timestamp}, "make_timestamp(1672531200000000 + CAST(hash(i, 3) % 63072000 AS BIGINT) * 1000000)")
	add("status", varchar, word(1, "refunded", "open", "shipped", "paid"))
	add("country", varchar, word(2, "PL", "NL", "IT", "ES", "GB", "US", "FR", "DE"))
	add("amount", table.Type{Kind: table.Decimal, Precision: 18, Scale: 2}, "CAST(pow(hash(i, 4) % 1000, 1.5) AS DOUBLE) / 10")
	add("quantity", bigint, "1 + hash(i, 5) % 9")
	add("customer_id", bigint, fmt.Sprintf("hash(i, 6) %% %d", max(10, rows/20)))
	add("channel", varchar, word(7, "store", "app", "web"))
	add("is_gift", table.Type{Kind: table.Boolean}, "hash(i, 8) % 4 = 0")
	add("discount_rate", double, "CAST(hash(i, 9) % 30 AS DOUBLE) / 100")
	add("product_name", varchar, "'Product ' || hash(i, 10) % 800")
	add("category", varchar, "'Category ' || hash(i, 11) % 14")
	add("email", varchar, fmt.Sprintf("'user' || hash(i, 6) %% %d || '@example.com'", max(10, rows/20)))
	add("latitude", double, "CAST(hash(i, 12) % 18000 AS DOUBLE) / 100 - 90")
	add("longitude", double, "CAST(hash(i, 13) % 36000 AS DOUBLE) / 100 - 180")
	add("note", varchar, "'a longer text about order ' || i || ' that nobody will ever read to its end'")
	add("weight", double, "CAST(hash(i, 14) % 100003 AS DOUBLE) / 1000")
	add("shipped_at", table.Type{Kind: table.Timestamp}, "make_timestamp(1672531200000000 + CAST(hash(i, 3) % 63072000 + hash(i, 15) % 600000 AS BIGINT) * 1000000)")
	add("ordered_on", varchar, "strftime(make_timestamp(1672531200000000 + CAST(hash(i, 3) % 63072000 AS BIGINT) * 1000000), '%d/%m/%Y')")
	add("zip_code", varchar, "lpad(CAST(hash(i, 16) % 99999 AS VARCHAR), 5, '0')")
	for k := range 10 {
		if k%2 == 0 {
			add(fmt.Sprintf("metric_%d", k), double, fmt.Sprintf("CAST(hash(i, %d) %% 1000003 AS DOUBLE) / 100", 20+k))
		} else {
			add(fmt.Sprintf("class_%d", k), varchar, fmt.Sprintf("'class ' || hash(i, %d) %% %d", 20+k, 3+4*k))
		}
	}
	seedDir, dir := t.TempDir(), t.TempDir()
	seed := filepath.Join(seedDir, "seed.ndjson")
	text, err := json.Marshal(map[string]int{"a": 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(seed, append(text, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	one := table.Schema{Columns: []table.Column{{ID: 1, Name: "a", Key: "a", Type: bigint}}}
	base := filepath.Join(seedDir, "base.parquet")
	if _, err := e.Convert(t.Context(), engine.Conversion{Input: seed, Output: base, Schema: one}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "shop.parquet")
	_, err = e.Export(t.Context(), engine.Query{Timeout: 5 * time.Minute, Scope: "make", Dir: seedDir, Tables: []engine.Table{{Name: "base", Files: []string{base}, Schema: one}},
		SQL: fmt.Sprintf("SELECT %s FROM range(%d) r(i)", strings.Join(exprs, ", "), rows)}, file)
	if err != nil {
		t.Fatal(err)
	}
	return dir, engine.Table{Name: "shop", Files: []string{file}, Schema: table.Schema{Columns: cols}}
}
