package generate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"millwright/internal/analyze"
	"millwright/internal/engine"
	"millwright/internal/engine/duckdb"
	"millwright/internal/generate"
	"millwright/internal/ingest/typing"
	"millwright/internal/profile"
	"millwright/internal/program"
)

func TestMain(m *testing.M) {
	if duckdb.IsWorker() {
		os.Exit(duckdb.ServeWorker())
	}
	os.Exit(m.Run())
}

// A world is a real engine with one table in it, profiled.
type world struct {
	extra   []engine.Table // of other worlds
	engine  engine.Engine
	dir     string
	table   engine.Table
	profile *profile.Profile
	analyze time.Duration
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

// load lands the records as ingestion does, and profiles them.
func load(t testing.TB, e engine.Engine, name string, records []json.RawMessage) *world {
	t.Helper()
	dir := t.TempDir()
	observer := typing.NewObserver(typing.Limits{})
	for _, r := range records {
		if err := observer.Observe(r); err != nil {
			t.Fatal(err)
		}
	}
	return land(t, e, dir, name, records, observer.Schema(nil))
}

func land(t testing.TB, e engine.Engine, dir, name string, records []json.RawMessage, types typing.Result) *world {
	t.Helper()
	normal := typing.NewNormalizer(types.Schema)
	var text []byte
	for _, r := range records {
		var err error
		if text, err = normal.Append(text, r); err != nil {
			t.Fatal(err)
		}
		text = append(text, '\n')
	}
	input, output := filepath.Join(dir, "in.ndjson"), filepath.Join(dir, "t.parquet")
	if err := os.WriteFile(input, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Convert(t.Context(), engine.Conversion{Input: input, Output: output, Schema: types.Schema}); err != nil {
		t.Fatal(err)
	}
	w := &world{engine: e, dir: dir, table: engine.Table{Name: name, Files: []string{output}, Schema: types.Schema}}
	start := time.Now()
	p, err := (&analyze.Analyzer{Engine: e}).Analyze(t.Context(), analyze.Input{Scope: "test", Dir: dir, Table: w.table, Name: name, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	w.profile, w.analyze = p, time.Since(start)
	return w
}

func (w *world) children() []engine.Table {
	var all []engine.Table
	for _, c := range w.profile.Children {
		all = append(all, engine.Table{Name: c.Table, View: c.View, Schema: c.Schema})
	}
	return all
}

// copied copies files into a folder, under names of their own.
func copied(t testing.TB, files []string, dir string) []string {
	t.Helper()
	var out []string
	for i, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, filepath.Join(dir, fmt.Sprintf("other-%d.parquet", i)))
		if err := os.WriteFile(out[i], text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// Run runs a program with its defaults.
func (w *world) Run(ctx context.Context, p program.Program) (generate.Result, error) {
	return w.with(ctx, p, nil)
}

func (w *world) with(ctx context.Context, p program.Program, values map[string]any) (generate.Result, error) {
	var out generate.Result
	bound, err := program.Bind(p, values)
	if err != nil {
		return out, err
	}
	q := engine.Query{Scope: "test", Dir: w.dir, Tables: []engine.Table{w.table}, SQL: bound.SQL, Args: bound.Args, MaxRows: 1000}
	q.Tables = append(append(q.Tables, w.children()...), w.extra...)
	rows, err := w.engine.Run(ctx, q)
	if err != nil {
		return out, fmt.Errorf("%w\n%s", err, bound.SQL)
	}
	defer rows.Close()
	out.Columns = rows.Schema().Names()
	for rows.Next() {
		batch := rows.Batch()
		for i := range int(batch.NumRows()) {
			row := make([]any, batch.NumCols())
			for c := range row {
				row[c] = cell(batch.Column(c), i)
			}
			out.Rows = append(out.Rows, row)
		}
	}
	if err := rows.Err(); err != nil {
		return out, fmt.Errorf("%w\n%s", err, bound.SQL)
	}
	return out, nil
}

func cell(a arrow.Array, i int) any {
	if a.IsNull(i) {
		return nil
	}
	switch x := a.(type) {
	case *array.Boolean:
		return x.Value(i)
	case *array.Int64:
		return x.Value(i)
	case *array.Int32:
		return int64(x.Value(i))
	case *array.Float64:
		return x.Value(i)
	}
	return a.ValueStr(i)
}

// records marshals what make returns for 0..n-1.
func records(t testing.TB, n int, make func(i int) map[string]any) []json.RawMessage {
	t.Helper()
	out := []json.RawMessage{}
	for i := range n {
		text, err := json.Marshal(make(i))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, text)
	}
	return out
}

// orders is a table with everything in it that an API can send.
func orders(i int) map[string]any {
	day := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i*i%9600) * time.Hour)
	customer := (i * i * 7) % 97
	quantity := 1 + (i*i)%9
	status := []string{"paid", "paid", "paid", "open", "open", "shipped", "cancelled"}[(i*5+i/3)%7]
	tags := []string{"t" + fmt.Sprint(i%5)}
	if i%2 == 0 {
		tags = append(tags, "gift")
	}
	if i%6 == 0 {
		tags = append(tags, "rush")
	}
	items := []map[string]any{}
	for k := range 1 + i%3 {
		items = append(items, map[string]any{"sku": fmt.Sprintf("SKU-%d", (i+k*k)%12), "quantity": 1 + (i+k)%5, "price": float64(100+(i*k)%900) / 10})
	}
	return map[string]any{
		"id": i + 1, "created_at": day.Format(time.RFC3339), "shipped_at": day.Add(time.Duration(5+i%90) * time.Hour).Format(time.RFC3339),
		"status": status, "channel": []string{"web", "app", "store"}[(i/2)%3], "country": []string{"DE", "FR", "US", "GB", "ES", "IT", "NL", "PL"}[(i*3+i/7)%8],
		"customer_id": 1000 + customer, "quantity": quantity, "amount": float64(quantity*(500+(i*13)%4000)) / 100,
		"discount_rate": float64(i%30) / 100, "is_gift": i%4 == 0,
		"customer": map[string]any{"tier": []string{"gold", "silver", "bronze"}[customer%3], "name": fmt.Sprintf("Customer %d", customer)},
		"tags":     tags, "items": items,
		"latitude": 48 + float64((i*37)%1000)/250, "longitude": 2 + float64((i*53)%1000)/100,
		"note": fmt.Sprintf("order number %d was made by a person who likes %s", i, []string{"coffee", "green tea", "water"}[i%3]),
	}
}
