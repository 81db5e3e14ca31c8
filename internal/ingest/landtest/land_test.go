package landtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"millwright/internal/engine"
	"millwright/internal/engine/duckdb"
	"millwright/internal/ingest/landtest"
	"millwright/internal/ingest/spill"
	"millwright/internal/ingest/typing"
	"millwright/internal/table"
)

func TestMain(m *testing.M) {
	if duckdb.IsWorker() {
		os.Exit(duckdb.ServeWorker())
	}
	os.Exit(m.Run())
}

func newEngine(t testing.TB) engine.Engine {
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

// tester is what *testing.T and *rapid.T share.
type tester interface {
	Helper()
	Context() context.Context
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// land brings pages of records through all steps and compares every value that
// the engine returns with the record. When the records are said to be in normal
// form it also lands them as they are. It returns what was decided.
func land(t tester, e engine.Engine, dir string, pages ...[]string) typing.Result {
	t.Helper()
	raw := filepath.Join(dir, "raw.ndjson.zst")
	w, err := spill.Create(raw, spill.Limits{})
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer w.Close()
	o := typing.NewObserver(typing.Limits{})
	var records []string
	for i, page := range pages {
		err := w.BeginPage(spill.Page{Number: i + 1})
		for _, r := range page {
			err = errors.Join(err, o.Observe([]byte(r)), w.Record([]byte(r)))
		}
		if err := errors.Join(err, w.EndPage(0)); err != nil {
			t.Fatalf("page %d: %v", i+1, err)
		}
		records = append(records, page...)
	}
	if _, err := w.Finish(); err != nil {
		t.Fatalf("%v", err)
	}
	result := o.Schema(nil)
	normal := filepath.Join(dir, "normal.ndjson")
	if err := normalize(raw, result, normal); err != nil {
		t.Fatalf("%v", err)
	}
	convert(t, e, normal, result.Schema, records)
	if result.Direct {
		convert(t, e, raw, result.Schema, records)
	}
	return result
}

// normalize writes the records of raw pages in normal form.
func normalize(raw string, types typing.Result, out string) error {
	in, err := spill.Open(raw)
	if err != nil {
		return err
	}
	defer in.Close()
	var lines []byte
	for norm := types.Normalizer(); in.Next(); lines = append(lines, '\n') {
		if lines, err = norm.Append(lines, in.Record()); err != nil {
			return err
		}
	}
	return errors.Join(in.Err(), os.WriteFile(out, lines, 0o600))
}

func convert(t tester, e engine.Engine, input string, s table.Schema, records []string) {
	t.Helper()
	// A worker is confined to one folder, so that each input has its own.
	dir := filepath.Join(filepath.Dir(input), "objects of "+filepath.Base(input))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatalf("%v", err)
	}
	output := filepath.Join(dir, "data.parquet")
	done, err := e.Convert(t.Context(), engine.Conversion{Input: input, Output: output, Schema: s})
	if err != nil {
		t.Fatalf("Convert %s as %s: %v", filepath.Base(input), clip(fmt.Sprint(s)), err)
	}
	if done.Rows != int64(len(records)) {
		t.Errorf("%d rows of %d records", done.Rows, len(records))
	}
	rows, err := e.Run(t.Context(), engine.Query{Scope: dir, Dir: dir, SQL: "SELECT * FROM t",
		Tables: []engine.Table{{Name: "t", Files: []string{output}, Schema: s}}})
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		b := rows.Batch()
		for i := range int(b.NumRows()) {
			if err := compare(s, records[n], rowOf(b, i)); err != nil {
				t.Errorf("%s: record %s: %v", filepath.Base(input), clip(records[n]), err)
			}
			n++
		}
	}
	if err := rows.Err(); err != nil || n != len(records) {
		t.Errorf("%d rows read of %d: %v", n, len(records), err)
	}
}

func compare(s table.Schema, record string, row map[string]any) error {
	d := json.NewDecoder(strings.NewReader(record))
	d.UseNumber()
	var raw any
	if err := d.Decode(&raw); err != nil {
		return err
	}
	return landtest.Row(s, raw, row, true)
}

func clip(s string) string { return s[:min(len(s), 300)] }

// values returns one record per JSON value, which is under the key v.
func values(texts ...string) []string {
	records := make([]string, len(texts))
	for i, s := range texts {
		records[i] = `{"v":` + s + `}`
	}
	return records
}

func TestValuesSurvive(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	digits := func(n int) string { return strings.Repeat("1234567890", 5)[:n] }
	for _, c := range []struct {
		rule   string
		values []string
		want   string
	}{
		{"integers around 2^53", []string{`9007199254740991`, `9007199254740992`, `9007199254740993`, `-9007199254740993`}, "BIGINT"},
		{"integers around 2^63", []string{`9223372036854775807`, `-9223372036854775808`, `0`}, "BIGINT"},
		{"integers past 2^63", []string{`9223372036854775808`, `-9223372036854775809`, `1`, `null`}, "DECIMAL(19,0)"},
		{"integers around 2^64", []string{`18446744073709551615`, `18446744073709551616`, `-18446744073709551616`}, "DECIMAL(20,0)"},
		{"38 digits", []string{digits(38), `-` + digits(38), `0`, `-1`}, "DECIMAL(38,0)"},
		{"39 digits", []string{digits(39), `1`}, "VARCHAR"},
		{"decimals of 30 digits", []string{`123456789012345678.901234567891`, `-0.000000000001`, `0`, `1e-5`}, "DECIMAL(30,12)"},
		{"decimals below one", []string{`0.12345678901234567890123456789`, `-0.5`}, "DECIMAL(30,29)"},
		{"1e400", []string{`1e400`, `1`, `-1e400`}, "VARCHAR"},
		{"zeros with a sign", []string{`-0`, `-0.0`, `1`, `-0e5`}, "DOUBLE"},
		{"zeros with and without a sign", []string{`-0`, `0`, `-0.0`, `0.0`, `1`, `-0e5`}, "DOUBLE"},
		{"floats", []string{`0.1`, `1.7976931348623157e308`, `5e-324`, `2.2250738585072014e-308`, `0.30000000000000004`, `1e22`, `1e23`, `-1.5E-7`, `100000000000000000000`,
			`123456789012345680000`, `9007199254740992`, `18446744073709552000`, `1e-5`, `3`}, "DOUBLE"},
		{"booleans", []string{`true`, `false`, `null`}, "BOOLEAN"},
		{"text", []string{`""`, `"NULL"`, `null`, `"null"`, `"a\u0000b"`, `"\u0000"`, `"\ud83d\ude00"`, `"\"\\\/\b\f\n\r\t"`, `" "`, `"١"`, `"{\"a\":1}"`, `"\u001f\u007f"`, `"\ufeff"`}, "VARCHAR"},
		{"dates", []string{`"0001-01-01"`, `"9999-12-31"`, `"2024-02-29"`, `"1582-10-10"`, `null`}, "DATE"},
		{"times", []string{`"0001-01-01T00:00:00"`, `"9999-12-31T23:59:59.999999"`, `"2024-03-10 02:30:00"`, `"1969-12-31T23:59:59.999999"`, `"2024-01-01T00:00:00.1"`}, "TIMESTAMP"},
		{"times without seconds", []string{`"2022-07-01T23:59"`, `"2022-07-01 00:00"`}, "TIMESTAMP"},
		{"instants, spelled simply", []string{`"2024-01-02T03:04:05Z"`, `"2024-01-02T03:04:05.5Z"`, `"2024-01-02 03:04:05.123456+00:00"`, `"2024-01-02T03:04:05+05:30"`, `"2024-01-02T03:04:05-23:59"`, `"0001-01-01T00:00:00Z"`}, "TIMESTAMPTZ"},
		{"instants in every spelling", []string{`"2024-01-02t03:04:05z"`, `"2024-01-02T03:04:05-0800"`, `"2024-01-02T03:04:05+09"`, `"2024-01-02T03:04Z"`, `"2024-12-31T23:59:59.1234560-12:45"`, `"9999-12-31T23:59:59+00:30"`}, "TIMESTAMPTZ"},
		{"mixed scalars", []string{`1`, `"1"`, `1.50`, `true`, `null`, `"null"`, `1e2`, `-0`, `9007199254740993`}, "VARCHAR"},
		{"different shapes", []string{`{"a":1.0,"b":[9007199254740993,{"c":null}]}`, `"s\u0000"`, `1e400`, `null`, `[]`, `{}`, `true`, `" \" "`}, "JSON"},
		{"only empty objects", []string{`{}`, `null`}, "JSON"},
		{"only empty arrays", []string{`[]`, `null`}, "VARCHAR[]"},
		{"only null", []string{`null`}, "VARCHAR"},
		{"objects", []string{`{"a":1,"A":"x","":null}`, `{}`, `null`, `{"":{"d.e":[1,2,null]}}`}, `STRUCT("a" BIGINT, "A_1" VARCHAR, "_" STRUCT("d.e" BIGINT[]))`},
		{"arrays", []string{`[1,null,2]`, `[]`, `null`, `[null]`}, "BIGINT[]"},
		{"arrays of objects of arrays", []string{`[{"a":[[1.5],[]]},null,{}]`, `[]`}, `STRUCT("a" DOUBLE[][])[]`},
		{"arrays of every exact type", []string{`[{"d":99999999999999999999.5,"t":"2024-01-01T00:00:00+01:00","x":"2024-01-01","j":[1,"a",{}]}]`}, `STRUCT("d" DECIMAL(21,1), "t" TIMESTAMPTZ, "x" DATE, "j" JSON[])[]`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			got := land(t, e, t.TempDir(), values(c.values...)).Schema.Columns[0].Type
			if got.String() != c.want {
				t.Errorf("type is %s, want %s", got, c.want)
			}
		})
	}
}

// A Parquet dictionary holds one zero, so that one "-0.0" would become the value of
// every zero of the column.
func TestZerosGetNoSign(t *testing.T) {
	t.Parallel()
	var both, signed []string
	for i := range 20_000 {
		both = append(both, fmt.Sprintf(`{"v":%s}`, []string{"-0.0", "0", "0.0", "1.5"}[i%4]))
		signed = append(signed, fmt.Sprintf(`{"v":%s}`, []string{"-0.0", "-0", "2", "1.5"}[i%4]))
	}
	e := newEngine(t)
	land(t, e, t.TempDir(), both)
	dir := t.TempDir()
	result := land(t, e, dir, signed)
	if got := count(t, e, dir, result.Schema, "1/v = '-inf'::DOUBLE"); got != 10_000 {
		t.Errorf("%d of 10,000 zeros with a sign have it", got)
	}
}

// count returns how many rows of what land made in dir satisfy the condition.
func count(t *testing.T, e engine.Engine, dir string, s table.Schema, condition string) int64 {
	t.Helper()
	objects := filepath.Join(dir, "objects of normal.ndjson")
	rows, err := e.Run(t.Context(), engine.Query{Scope: objects, Dir: objects, SQL: "SELECT count(*) AS n FROM t WHERE " + condition,
		Tables: []engine.Table{{Name: "t", Files: []string{filepath.Join(objects, "data.parquet")}, Schema: s}}})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var n int64
	for rows.Next() {
		n, _ = rowOf(rows.Batch(), 0)["n"].(int64)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestMapsSurvive(t *testing.T) {
	t.Parallel()
	var records []string
	for i := range 60 {
		records = append(records, fmt.Sprintf(`{"m":{"id%d":{"n":%d,"t":"2024-01-01T00:00:%02dZ"},"k\"%d\u0000":null},"e":{}}`, i, i, i%60, i))
	}
	got := land(t, newEngine(t), t.TempDir(), records).Schema.Columns[0].Type.String()
	if want := `MAP(VARCHAR, STRUCT("n" BIGINT, "t" TIMESTAMPTZ))`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestKeysSurvive(t *testing.T) {
	t.Parallel()
	keys := []string{"Id", "id", "ID", "", "_", "a.b", "a b", " ", `q"q`, "it's", `b\s`, `a\nb`, "a\nb", "\t", "😀", "é", "É", "日本", "select", "\x00", "a\x00b", "%s", "${x}", "[0]", "a,b", "a:b",
		"{}", "true", "null", "1", "rowid", "filename", "__duckdb_field_id", "key", "element", "value", "C0", "\u2028", "\x7f", "\u200b", "-- x", "; DROP TABLE t", strings.Repeat("k", 64<<10)}
	if b, err := os.ReadFile("../../../../shared/vectors/blns.json"); err == nil {
		var more []string
		if err := json.Unmarshal(b, &more); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, more...)
	} else if !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	object, seen := `{`, map[string]bool{}
	for _, k := range keys {
		if seen[k] {
			continue
		}
		if len(seen) > 0 {
			object += `,`
		}
		seen[k] = true
		object += quote(k) + `:` + quote(k)
	}
	object += `}`
	e := newEngine(t)
	t.Run("of columns", func(t *testing.T) {
		t.Parallel()
		land(t, e, t.TempDir(), []string{object, `{}`})
	})
	t.Run("of structs", func(t *testing.T) {
		t.Parallel()
		land(t, e, t.TempDir(), []string{`{"v":` + object + `}`, `{"v":null}`})
	})
	t.Run("in lists", func(t *testing.T) {
		t.Parallel()
		land(t, e, t.TempDir(), []string{`{"v":[` + object + `,{}]}`})
	})
}

func quote(s string) string {
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestManyColumns(t *testing.T) {
	t.Parallel()
	var pages [][]string
	for page := range 4 {
		var parts []string
		for i := range 500 * (page + 1) {
			parts = append(parts, fmt.Sprintf(`"column %d":%d.5`, i, i*page))
		}
		pages = append(pages, []string{`{` + strings.Join(parts, ",") + `}`})
	}
	if got := len(land(t, newEngine(t), t.TempDir(), pages...).Schema.Columns); got != 2000 {
		t.Errorf("%d columns", got)
	}
}

// A key that changes its type, comes, or goes, from one page to the next changes
// the type of the column for all pages, and no value.
func TestDriftBetweenPages(t *testing.T) {
	t.Parallel()
	var pages [][]string
	for page := range 30 {
		var records []string
		for i := range 1000 {
			n := page*1000 + i
			r := fmt.Sprintf(`{"id":%d,"late":%d,"day":"2024-01-%02d"`, n, n, i%28+1)
			switch {
			case page == 29 && i == 999:
				r += `,"float":9007199254740993.5,"text":true,"shape":{"a":1},"list":[1,"x"],"new":1`
			case page > 10:
				r += fmt.Sprintf(`,"float":%d.25,"text":"t","shape":[],"list":[%d]`, i, i)
			default:
				r += fmt.Sprintf(`,"float":%d,"text":%d,"shape":null`, i, i)
			}
			records = append(records, r+`}`)
		}
		pages = append(pages, records)
	}
	s := land(t, newEngine(t), t.TempDir(), pages...).Schema
	want := map[string]string{"id": "BIGINT", "day": "DATE", "float": "DECIMAL(18,2)", "text": "VARCHAR", "shape": "JSON", "list": "VARCHAR[]", "new": "BIGINT"}
	for name, kind := range want {
		if c, _ := s.Column(name); c.Type.String() != kind {
			t.Errorf("%s is %s, want %s", name, c.Type, kind)
		}
	}
}

func TestNoRecordsAndNoKeys(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	land(t, e, t.TempDir())
	land(t, e, t.TempDir(), []string{`{}`, `{ }`, `{}`})
}

func TestWhatIsDrawnSurvives(t *testing.T) {
	t.Parallel()
	e, base := newEngine(t), t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOfN(object(2), 1, 6).Draw(t, "records")
		dir := filepath.Join(base, fmt.Sprint(n))
		n++
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		land(t, e, dir, records)
	})
}

// value draws a JSON text.
func value(depth int) *rapid.Generator[string] {
	scalars := rapid.OneOf(
		rapid.SampledFrom([]string{"null", "true", "false", "-0", "0", "1e400", `""`, `"NULL"`, "9007199254740993", "9223372036854775808", "0.1"}),
		rapid.Map(rapid.Int64(), func(n int64) string { return fmt.Sprint(n) }),
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?`),
		rapid.Map(rapid.Float64(), func(f float64) string { b, _ := json.Marshal(f); return string(b) }),
		rapid.Map(rapid.String(), func(s string) string { return quote(strings.ToValidUTF8(s, "?")) }),
		rapid.StringMatching(`"(000[1-9]|[12]9[0-9]{2}|9998)-0[1-9]-[12][0-8]([T ][01][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-][01][0-9]:[0-5][0-9])?)?"`),
	)
	if depth == 0 {
		return scalars
	}
	return rapid.OneOf(scalars,
		rapid.Map(rapid.SliceOfN(value(depth-1), 0, 4), func(v []string) string { return "[" + strings.Join(v, ", ") + "]" }),
		object(depth-1))
}

func object(depth int) *rapid.Generator[string] {
	keys := rapid.SampledFrom([]string{"a", "A", "b", "a_1", "", "x.y", "é", `"`, `\n`, "\n", "\x00"})
	return rapid.Map(rapid.MapOfN(keys, value(depth), 0, 5), func(m map[string]string) string {
		var parts []string
		for k, v := range m {
			parts = append(parts, quote(k)+" : "+v)
		}
		return "{" + strings.Join(parts, ",") + "}"
	})
}
