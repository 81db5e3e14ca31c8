package publish_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"millwright/internal/engine"
	"millwright/internal/engine/duckdb"
	"millwright/internal/errs"
	"millwright/internal/evaluate"
	"millwright/internal/program"
	"millwright/internal/publish"
	"millwright/internal/table"
)

func TestMain(m *testing.M) {
	if duckdb.IsWorker() {
		os.Exit(duckdb.ServeWorker())
	}
	goleak.VerifyTestMain(m)
}

// things is a project with one table on real Parquet.
type things struct {
	dir  string
	file string
}

var thingColumns = table.Schema{Columns: []table.Column{
	{ID: 1, Name: "id", Key: "id", Type: table.Type{Kind: table.BigInt}},
	{ID: 2, Name: "kind", Key: "kind", Type: table.Type{Kind: table.Varchar}},
	{ID: 3, Name: "size", Key: "size", Type: table.Type{Kind: table.Double}},
	{ID: 4, Name: "tags", Key: "tags", Type: table.Type{Kind: table.List, ElemID: 5, Elem: &table.Type{Kind: table.Varchar}}},
}}

func (things) TableNames(context.Context, string) ([]string, error) { return []string{"things"}, nil }

func (d things) Tables(context.Context, string, []string, map[string]int64) (evaluate.Tables, error) {
	return evaluate.Tables{Tables: []engine.Table{{Name: "things", Files: []string{d.file}, Schema: thingColumns}}, Dir: d.dir, Versions: map[string]int64{"things": 1}}, nil
}

// service publishes over n things, many of which are alike but for their id.
func service(t *testing.T, n int) *publish.Service {
	t.Helper()
	sql, err := duckdb.Open(duckdb.Config{SpillDir: filepath.Join(t.TempDir(), "spill"), Workers: 2, Spare: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sql.Close(); err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	input, output := filepath.Join(dir, "in.ndjson"), filepath.Join(dir, "things.parquet")
	var text bytes.Buffer
	for i := range n {
		fmt.Fprintf(&text, `{"id":%d,"kind":"k%d","size":%d,"tags":["t%d"]}`+"\n", i*7919%n, i%11, i%5, i%3)
	}
	if err := os.WriteFile(input, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sql.Convert(t.Context(), engine.Conversion{Input: input, Output: output, Schema: thingColumns}); err != nil {
		t.Fatal(err)
	}
	return &publish.Service{Evaluator: &evaluate.Evaluator{Engine: sql, Datasets: things{dir, output}, Repeatable: duckdb.Repeatable, Cache: evaluate.NewCache(32 << 20)}}
}

func encodeRows(r *evaluate.Result, _ string) ([]byte, error) { return r.RowsJSON(), nil }

// Two runs of a statement may order equal rows in two ways. Pages of it must not.
func TestPagesOfAnyStatementAreItsRowsOnce(t *testing.T) {
	t.Parallel()
	s := service(t, 20_000)
	for rule, c := range map[string]struct {
		sql     string
		columns string
		rows    int
	}{
		"no order":                     {"SELECT * FROM things", "id kind size tags", 20_000},
		"an order with many ties":      {"SELECT id, kind FROM things ORDER BY kind DESC", "id kind", 20_000},
		"a group by without an order":  {"SELECT id % 9000 AS g, count(*) AS n FROM things GROUP BY g", "g n", 9000},
		"a group by with ties":         {"SELECT id % 9000 AS g, count(*) AS n FROM things GROUP BY g ORDER BY n DESC -- ties\n;", "g n", 9000},
		"ties that a limit cuts":       {"SELECT id, size FROM things ORDER BY size LIMIT 10000", "id size", 10_000},
		"a union":                      {"SELECT id FROM things UNION ALL SELECT id FROM things ORDER BY id DESC", "id", 40_000},
		"steps before it":              {"WITH a AS (SELECT id, tags FROM things ORDER BY id LIMIT 9000) SELECT tags, id FROM a", "tags id", 9000},
		"an order by nested values":    {"SELECT tags, id FROM things ORDER BY tags LIMIT $n", "tags id", 9000},
		"an order by what is not kept": {"SELECT id FROM things ORDER BY kind, size OFFSET 11000", "id", 9000},
	} {
		ep := publish.Endpoint{ID: rule, ProjectID: "p", Program: program.Program{SQL: c.sql, Tables: []string{"things"}}, Columns: columns(words(c.columns)...)}
		if rule == "an order by nested values" {
			ep.Program.Slots = []program.Slot{{Name: "n", Type: program.Integer, Default: int64(9000)}}
		}
		// Other sizes of a page, and every answer anew.
		small, large := follow(t, s, ep, 4000), follow(t, s, ep, 7001)
		if len(small) != c.rows || !slices.Equal(small, large) {
			t.Errorf("%s: %d rows, and %d on larger pages; want %d, and the same", rule, len(small), len(large), c.rows)
		}
		once := slices.Compact(slices.Sorted(slices.Values(small)))
		if rule != "a union" && len(once) != c.rows {
			t.Errorf("%s: %d of %d rows are different", rule, len(once), c.rows)
		}
	}
}

func words(text string) []string {
	var all []string
	for _, w := range bytes.Fields([]byte(text)) {
		all = append(all, string(w))
	}
	return all
}

// follow returns all rows, page by page.
func follow(t *testing.T, s *publish.Service, ep publish.Endpoint, limit int64) []string {
	t.Helper()
	var all []string
	opt := publish.CallOptions{Form: "rows", Encode: encodeRows, Limit: limit, Fresh: true}
	for {
		a, err := s.Call(t.Context(), ep, nil, opt)
		if err != nil {
			t.Fatalf("%s: %v", ep.ID, err)
		}
		var rows []json.RawMessage
		if err := json.Unmarshal(a.Body, &rows); err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			all = append(all, string(r))
		}
		if opt.After = a.Next; a.Next == "" {
			return all
		}
	}
}

// What is answered from what is known says where the next page is, too.
func TestAKeptPageHasANext(t *testing.T) {
	t.Parallel()
	s := service(t, 20_000)
	ep := publish.Endpoint{ID: "e", ProjectID: "p", Program: program.Program{SQL: "SELECT id FROM things", Tables: []string{"things"}}, Columns: columns("id BIGINT")}
	var said []string
	opt := publish.CallOptions{Form: "rows", Encode: func(r *evaluate.Result, next string) ([]byte, error) {
		said = append(said, next)
		return encodeRows(r, next)
	}}
	for i := range 2 {
		a, err := s.Call(t.Context(), ep, nil, opt)
		if err != nil || a.Cached != (i == 1) || a.Rows != 10_000 || a.Next == "" || a.Next != said[0] || len(said) != 1 {
			t.Errorf("call %d: cached %t, %d rows, next %q, encoded %q: %v", i, a.Cached, a.Rows, a.Next, said, err)
		}
		opt.Known = []string{a.ETag}
		known, err := s.Call(t.Context(), ep, nil, opt)
		if opt.Known = nil; err != nil || !known.NotModified {
			t.Errorf("call %d, known: %+v, %v", i, known, err)
		}
	}
}

func TestACursorIsGoodForItsCallOnly(t *testing.T) {
	t.Parallel()
	s := service(t, 100)
	ep := publish.Endpoint{ID: "e", ProjectID: "p", Program: program.Program{SQL: "SELECT id FROM things WHERE id >= $n", Tables: []string{"things"},
		Slots: []program.Slot{{Name: "n", Type: program.Integer, Default: int64(0)}}}, Columns: columns("id BIGINT")}
	opt := publish.CallOptions{Form: "rows", Encode: encodeRows, Limit: 10}
	a, err := s.Call(t.Context(), ep, nil, opt)
	if err != nil || a.Next == "" {
		t.Fatalf("%+v, %v", a, err)
	}
	other := ep
	other.ID = "f"
	edited := ep
	edited.ProgramVersion = 2
	for rule, c := range map[string]struct {
		ep     publish.Endpoint
		values map[string]any
		after  string
		good   bool
	}{
		"the call itself":           {ep, nil, a.Next, true},
		"the default, said":         {ep, map[string]any{"n": program.Untyped("0")}, a.Next, true},
		"another value":             {ep, map[string]any{"n": 1}, a.Next, false},
		"another endpoint":          {other, nil, a.Next, false},
		"what was published since":  {edited, nil, a.Next, false},
		"something else":            {ep, nil, "next", false},
		"JSON that is no cursor":    {ep, nil, "e30", false},
		"an offset below the first": {ep, nil, "eyJvIjotMSwidiI6e30sImsiOiIifQ", false},
	} {
		opt.After = c.after
		_, err := s.Call(t.Context(), c.ep, c.values, opt)
		if e, _ := errs.Find(err); c.good != (err == nil) || err != nil && e.Type != "cursor-invalid" {
			t.Errorf("%s: %v", rule, err)
		}
	}
}
