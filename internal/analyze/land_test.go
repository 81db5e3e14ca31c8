package analyze_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millwright/internal/analyze"
	"millwright/internal/engine"
	"millwright/internal/engine/duckdb"
	"millwright/internal/profile"
	"millwright/internal/table"
)

func TestMain(m *testing.M) {
	if duckdb.IsWorker() {
		os.Exit(duckdb.ServeWorker())
	}
	os.Exit(m.Run())
}

func openEngine(t testing.TB) engine.Engine {
	t.Helper()
	e, err := duckdb.Open(duckdb.Config{SpillDir: filepath.Join(t.TempDir(), "spill")})
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

// A landed table is a Parquet file made from JSON objects.
type landed struct {
	dir   string
	table engine.Table
}

func land(t testing.TB, e engine.Engine, name string, records []map[string]any, order []string) landed {
	t.Helper()
	dir := t.TempDir()
	schema := inferSchema(records, order)
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	for _, r := range records {
		if err := enc.Encode(normalForm(t, r, schema)); err != nil {
			t.Fatal(err)
		}
	}
	in, out := filepath.Join(dir, "in.ndjson"), filepath.Join(dir, "data", "part.parquet")
	if err := os.WriteFile(in, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Dir(out), 0o700); err != nil {
		t.Fatal(err)
	}
	c := engine.Conversion{Input: in, Output: out, Schema: schema}
	if _, err := e.Convert(t.Context(), c); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return landed{filepath.Dir(out), engine.Table{Name: name, Files: []string{out}, Schema: schema}}
}

// normalForm writes values of mixed types as their JSON text, as a run does.
func normalForm(t testing.TB, r map[string]any, schema table.Schema) map[string]any {
	t.Helper()
	n := map[string]any{}
	for k, v := range r {
		c, _ := schema.Column(k)
		if v == nil {
			continue
		}
		if c.Type.Kind == table.JSON {
			b, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			v = string(b)
		}
		n[k] = v
	}
	return n
}

func analyzed(t testing.TB, e engine.Engine, l landed) *profile.Profile {
	t.Helper()
	a := &analyze.Analyzer{Engine: e}
	p, err := a.Analyze(t.Context(), analyze.Input{Scope: "test", Dir: l.dir, Table: l.table, Name: l.table.Name, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// decode reads JSON objects, one a line, keeping big and exact numbers as written.
func decode(t testing.TB, ndjson string) (records []map[string]any, order []string) {
	t.Helper()
	for line := range strings.Lines(strings.TrimSpace(ndjson)) {
		dec := json.NewDecoder(strings.NewReader(line))
		dec.UseNumber()
		var r map[string]any
		if err := dec.Decode(&r); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		records = append(records, r)
		order = addKeys(order, line)
	}
	return records, order
}

// addKeys appends the keys of a JSON object, in order, that are not yet listed.
func addKeys(order []string, object string) []string {
	dec := json.NewDecoder(strings.NewReader(object))
	depth, key := 0, true
	for {
		tok, err := dec.Token()
		if err != nil {
			return order
		}
		switch v := tok.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				depth++
				if depth > 1 {
					key = false
				}
			} else if depth--; depth == 1 {
				key = true
			}
		case string:
			if depth == 1 && key {
				if !contains(order, v) {
					order = append(order, v)
				}
				key = false
				continue
			}
			key = depth == 1
		default:
			key = depth == 1
		}
	}
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

// inferSchema types columns the way a run does, as far as these tests need it.
func inferSchema(records []map[string]any, order []string) table.Schema {
	id := 0
	var typeOf func(values []any) table.Type
	columns := func(objects []map[string]any, order []string) []table.Column {
		var cols []table.Column
		for _, key := range order {
			var values []any
			for _, o := range objects {
				if v, ok := o[key]; ok {
					values = append(values, v)
				}
			}
			id++
			mine := id
			cols = append(cols, table.Column{ID: mine, Name: key, Key: key, Type: typeOf(values)})
		}
		return cols
	}
	typeOf = func(values []any) table.Type {
		var kinds []table.Kind
		var objects []map[string]any
		var elems []any
		for _, v := range values {
			if v == nil {
				continue
			}
			kinds = append(kinds, kindOf(v))
			switch v := v.(type) {
			case map[string]any:
				objects = append(objects, v)
			case []any:
				elems = append(elems, v...)
			}
		}
		typ := table.Type{Kind: join(kinds)}
		switch typ.Kind {
		case table.Struct:
			typ.Fields = columns(objects, sortedKeys(objects))
		case table.List:
			id++
			typ.ElemID = id
			elem := typeOf(elems)
			typ.Elem = &elem
		}
		return typ
	}
	return table.Schema{Columns: columns(records, order)}
}

func sortedKeys(objects []map[string]any) []string {
	var order []string
	for _, o := range objects {
		b, _ := json.Marshal(o)
		order = addKeys(order, string(b))
	}
	return order
}

func kindOf(v any) table.Kind {
	switch v := v.(type) {
	case bool:
		return table.Boolean
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return table.Double
		}
		return table.BigInt
	case int, int64:
		return table.BigInt
	case float64:
		return table.Double
	case map[string]any:
		return table.Struct
	case []any:
		return table.List
	case string:
		if _, err := time.Parse(time.DateOnly, v); err == nil {
			return table.Date
		}
		if _, err := time.Parse(time.RFC3339, v); err == nil {
			return table.TimestampTZ
		}
	}
	return table.Varchar
}

func join(kinds []table.Kind) table.Kind {
	if len(kinds) == 0 {
		return table.Varchar
	}
	k := kinds[0]
	for _, o := range kinds[1:] {
		text := func(k table.Kind) bool { return k == table.Varchar || k == table.Date || k == table.TimestampTZ }
		number := func(k table.Kind) bool { return k == table.BigInt || k == table.Double }
		switch {
		case o == k:
		case number(o) && number(k):
			k = table.Double
		case text(o) && text(k):
			k = table.Varchar
		default:
			return table.JSON
		}
	}
	return k
}
