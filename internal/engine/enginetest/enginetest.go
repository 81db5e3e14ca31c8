// Package enginetest is the conformance suite that every SQL engine passes.
package enginetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/table"
)

// Run tests the engine that open returns. Open is called once; the suite
// closes the engine.
func Run(t *testing.T, open func(t *testing.T) engine.Engine) {
	e := open(t)
	s := &suite{e: e, objects: t.TempDir(), stage: t.TempDir()}
	t.Run("types", s.types)
	t.Run("statements", s.statements)
	t.Run("parameters", s.parameters)
	t.Run("limits", s.limits)
	t.Run("files", s.files)
	t.Run("scopes", s.scopes)
	t.Run("rewriting", s.rewriting)
	if err := e.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	_, err := e.Run(t.Context(), engine.Query{Scope: "p", Dir: s.objects, SQL: "SELECT 1"})
	wantError(t, err, errs.Unavailable, "")
	if err := e.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

type suite struct {
	e       engine.Engine
	objects string // folder of Parquet files, one below it for each scope
	stage   string // folder of inputs
	serial  int
}

// load converts lines to a table of that name in the scope's folder.
func (s *suite) load(t *testing.T, scope, name string, schema table.Schema, lines ...string) engine.Table {
	t.Helper()
	s.serial++
	dir := filepath.Join(s.objects, scope)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	input := filepath.Join(s.stage, fmt.Sprintf("%d.ndjson", s.serial))
	content := strings.Join(lines, "\n")
	if len(lines) > 0 {
		content += "\n"
	}
	if err := os.WriteFile(input, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	output := filepath.Join(dir, fmt.Sprintf("%s-%d.parquet", name, s.serial))
	got, err := s.e.Convert(t.Context(), engine.Conversion{Input: input, Output: output, Schema: schema})
	if err != nil {
		t.Fatalf("Convert: %v", err)
	}
	if got.Rows != int64(len(lines)) {
		t.Fatalf("Convert wrote %d rows, want %d", got.Rows, len(lines))
	}
	if info, err := os.Stat(output); err != nil || info.Size() != got.Bytes {
		t.Fatalf("Convert says %d bytes, the file: %v, %v", got.Bytes, info, err)
	}
	return engine.Table{Name: name, Files: []string{output}, Schema: schema}
}

// query fills in scope and folder.
func (s *suite) query(scope, sql string, tables ...engine.Table) engine.Query {
	return engine.Query{Scope: scope, Dir: filepath.Join(s.objects, scope), SQL: sql, Tables: tables}
}

// answer is a whole result as text: exact for every type.
type answer struct {
	columns   []string // name and type
	rows      []string // values joined by " | "
	truncated bool
}

func (s *suite) ask(t *testing.T, q engine.Query) (answer, error) {
	t.Helper()
	rows, err := s.e.Run(t.Context(), q)
	if err != nil {
		return answer{}, err
	}
	defer rows.Close()
	return read(rows)
}

func read(rows engine.Rows) (answer, error) {
	var a answer
	for i, c := range rows.Schema().Columns {
		a.columns = append(a.columns, c.Name+" "+c.Type.String())
		if name := rows.ArrowSchema().Field(i).Name; name != c.Name {
			return a, fmt.Errorf("column %d is %q in the schema and %q in Arrow", i, c.Name, name)
		}
	}
	for rows.Next() {
		b := rows.Batch()
		for i := range int(b.NumRows()) {
			values := make([]string, b.NumCols())
			for j, c := range b.Columns() {
				values[j] = Text(c, i)
			}
			a.rows = append(a.rows, strings.Join(values, " | "))
		}
	}
	a.truncated = rows.Truncated()
	return a, rows.Err()
}

func (s *suite) mustAsk(t *testing.T, q engine.Query) answer {
	t.Helper()
	a, err := s.ask(t, q)
	if err != nil {
		t.Fatalf("%s: %v", q.SQL, err)
	}
	return a
}

// Text spells a value exactly, NULL as NULL and text in quotes.
func Text(a arrow.Array, i int) string {
	if a.IsNull(i) {
		return "NULL"
	}
	switch a := a.(type) {
	case *array.Decimal128:
		return a.Value(i).ToString(a.DataType().(*arrow.Decimal128Type).Scale)
	case *array.Float64:
		return strconv.FormatFloat(a.Value(i), 'g', -1, 64)
	case *array.String:
		return strconv.Quote(a.Value(i))
	case *array.Date32:
		return a.Value(i).FormattedString()
	case *array.Timestamp:
		return a.Value(i).ToTime(arrow.Microsecond).Format("2006-01-02T15:04:05.000000")
	case *array.Map:
		start, end := a.ValueOffsets(i)
		var parts []string
		for j := start; j < end; j++ {
			parts = append(parts, Text(a.Keys(), int(j))+":"+Text(a.Items(), int(j)))
		}
		return "map{" + strings.Join(parts, ", ") + "}"
	case *array.List:
		start, end := a.ValueOffsets(i)
		var parts []string
		for j := start; j < end; j++ {
			parts = append(parts, Text(a.ListValues(), int(j)))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case *array.Struct:
		var parts []string
		for j := range a.NumField() {
			parts = append(parts, a.DataType().(*arrow.StructType).Field(j).Name+":"+Text(a.Field(j), i))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return a.ValueStr(i)
}

// wantError checks kind and type; an empty type is any.
func wantError(t *testing.T, err error, kind errs.Kind, typ string) {
	t.Helper()
	var e *errs.Error
	if !errors.As(err, &e) || e.Kind != kind || typ != "" && e.Type != typ {
		t.Errorf("got error %v, want %s %q", err, kind, typ)
	}
}

func column(id int, name string, t table.Type) table.Column {
	return table.Column{ID: id, Name: name, Key: name, Type: t}
}

func columns(cols ...table.Column) table.Schema { return table.Schema{Columns: cols} }

func quoteJSON(s string) string {
	b, _ := json.Marshal(s) // a string never fails
	return string(b)
}
