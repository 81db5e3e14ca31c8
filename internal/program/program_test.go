package program_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/errs"
	"millwright/internal/program"
)

func TestTableRefs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sql  string
		want []string
	}{
		"FROM and JOIN":                      {`SELECT * FROM orders o JOIN "Items" i ON i.id = o.id`, []string{"orders", "Items"}},
		"a list with commas":                 {`SELECT a, b FROM orders o, items, (SELECT 1), unnest(o.tags) u WHERE x IN (1, 2)`, []string{"orders", "items"}},
		"WITH names are not tables":          {`WITH a AS (SELECT * FROM t), b(x, y) AS MATERIALIZED (SELECT * FROM a) SELECT * FROM b, a`, []string{"t"}},
		"a name in SELECT's list is none":    {`SELECT orders, items FROM x`, []string{"x"}},
		"functions' FROM is none":            {`SELECT extract(hour FROM at), trim(both ' ' FROM name), substring(a FROM 2) FROM t`, []string{"t"}},
		"IS DISTINCT FROM is none":           {`SELECT * FROM t WHERE a IS DISTINCT FROM b AND a IS NOT DISTINCT FROM c`, []string{"t"}},
		"subqueries everywhere":              {`SELECT (SELECT max(a) FROM u) FROM t WHERE EXISTS (SELECT 1 FROM v)`, []string{"u", "t", "v"}},
		"a bracketed join":                   {`SELECT * FROM (a JOIN b USING (id)) JOIN c USING (id)`, []string{"a", "b", "c"}},
		"table functions are none":           {`SELECT * FROM range(10) r, t`, []string{"t"}},
		"the schema main is left out":        {`SELECT * FROM main.t, other.u`, []string{"t", "other.u"}},
		"another schema stays":               {`SELECT * FROM information_schema.tables`, []string{"information_schema.tables"}},
		"FROM first":                         {`FROM t SELECT a`, []string{"t"}},
		"set operations":                     {`SELECT a FROM t UNION ALL SELECT a FROM u ORDER BY 1, 2`, []string{"t", "u"}},
		"LATERAL":                            {`SELECT * FROM t, LATERAL (SELECT t.a FROM u)`, []string{"t", "u"}},
		"a struct in a list does not end it": {`SELECT {'a': 1} FROM t WHERE [1, 2] = x`, []string{"t"}},
		"rows of VALUES are no tables":       {`SELECT * FROM (VALUES (1, 'a'), (2, 'b')) v(i, s), t`, []string{"t"}},
		"a comment hides":                    {"SELECT 1 -- FROM x\n/* FROM y */ FROM t", []string{"t"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refs, err := program.TableRefs(c.sql)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, ref := range refs {
				got = append(got, ref.Name)
			}
			if diff := cmp.Diff(got, c.want); diff != "" {
				t.Errorf("(-got +want)\n%s", diff)
			}
		})
	}
}

func TestTableRefsRefusesFiles(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{`SELECT * FROM '/etc/passwd'`, `SELECT * FROM t JOIN 'x.parquet' ON true`, `SELECT * FROM $t`, `SELECT * FROM {{t}}`} {
		if _, err := program.TableRefs(sql); !errors.Is(err, errs.Invalid) {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestCheckTablesNamesTheNearest(t *testing.T) {
	t.Parallel()
	err := program.CheckTables("SELECT *\nFROM ordres", []string{"customers", "orders"})
	want := `line 2, column 6: there is no table "ordres" in this project (did you mean orders?; use one of: customers, orders)`
	if got := errs.Public(err); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if err := program.CheckTables("SELECT * FROM Orders", []string{"orders"}); err != nil {
		t.Errorf("case matters: %v", err)
	}
}

func TestMentions(t *testing.T) {
	t.Parallel()
	got, err := program.Mentions(`SELECT Orders.id, 'customers' FROM "orders" -- items`, []string{"items", "orders", "customers"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, []string{"orders"}); diff != "" {
		t.Errorf("(-got +want)\n%s", diff)
	}
}

func TestNotSQL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"class AnswerQueryProgram(QueryProgram):\n    pass": "Python",
		"# a comment\nfrom infactory import QueryProgram":   "Python",
		"import os\n":                 "Python",
		"def run():\n  return 1":      "Python",
		"const a = 1":                 "JavaScript",
		`{"steps": []}`:               "JSON",
		"<html>":                      "markup",
		"SELECT 1":                    "",
		"-- note\nSELECT 1":           "",
		"FROM orders SELECT id":       "",
		"{{agg}}":                     "",
		"":                            "",
		"WITH a AS (SELECT 1) FROM a": "",
	} {
		if got := program.NotSQL(text); got != want {
			t.Errorf("NotSQL(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		among []string
		want  string
	}{
		{"staus", []string{"country", "status"}, "status"},
		{"ordre", []string{"order", "orders"}, "order"},
		{"STATUS", []string{"status"}, "status"},
		{"xyz", []string{"country", "status"}, ""},
		{"a", nil, ""},
	} {
		if got, ok := program.Nearest(c.name, c.among); got != c.want || ok != (c.want != "") {
			t.Errorf("Nearest(%q, %v) = %q, %v; want %q", c.name, c.among, got, ok, c.want)
		}
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	low, high := 1.0, 10.0
	for name, c := range map[string]struct {
		slot  program.Slot
		value any
		want  any // nil means refused
	}{
		"an integer in JSON":                     {program.Slot{Type: program.Integer}, json.Number("7"), int64(7)},
		"an integer as a float":                  {program.Slot{Type: program.Integer}, 7.0, int64(7)},
		"a fraction is no integer":               {program.Slot{Type: program.Integer}, 7.5, nil},
		"a float past 2^53 is not exact":         {program.Slot{Type: program.Integer}, 9007199254740994.0, nil},
		"digits past 2^53 are exact":             {program.Slot{Type: program.Integer}, "9007199254740993", int64(9007199254740993)},
		"an integer past 64 bits":                {program.Slot{Type: program.Integer}, "9223372036854775808", nil},
		"the least integer":                      {program.Slot{Type: program.Integer}, "-9223372036854775808", int64(-1 << 63)},
		"a whole float text":                     {program.Slot{Type: program.Integer}, "1e3", int64(1000)},
		"a huge exponent":                        {program.Slot{Type: program.Integer}, "1e999999999", nil},
		"text is no integer":                     {program.Slot{Type: program.Integer}, "ten", nil},
		"a list is no integer":                   {program.Slot{Type: program.Integer}, []any{1, 2}, nil},
		"a query string's list of one":           {program.Slot{Type: program.Integer}, []string{"5"}, int64(5)},
		"the bounds are inside":                  {program.Slot{Type: program.Integer, Min: &low, Max: &high}, "10", int64(10)},
		"above the maximum":                      {program.Slot{Type: program.Integer, Min: &low, Max: &high}, "11", nil},
		"below the minimum":                      {program.Slot{Type: program.Number, Min: &low}, "0.99", nil},
		"a number":                               {program.Slot{Type: program.Number}, "0.1", 0.1},
		"NaN is no number":                       {program.Slot{Type: program.Number}, "NaN", nil},
		"an infinite number":                     {program.Slot{Type: program.Number}, "1e400", nil},
		"hexadecimal is no number":               {program.Slot{Type: program.Number}, "0x1p-2", nil},
		"a number that a float cannot hold":      {program.Slot{Type: program.Number}, "9007199254740993", nil},
		"true":                                   {program.Slot{Type: program.Boolean}, true, true},
		"the text False":                         {program.Slot{Type: program.Boolean}, "False", false},
		"2 is no boolean":                        {program.Slot{Type: program.Boolean}, "2", nil},
		"a date":                                 {program.Slot{Type: program.Date}, "2028-02-29", "2028-02-29"},
		"a date that is in no calendar":          {program.Slot{Type: program.Date}, "2026-02-29", nil},
		"a number is no date":                    {program.Slot{Type: program.Date}, 20260131, nil},
		"a date as a timestamp":                  {program.Slot{Type: program.Timestamp}, "2026-01-31", "2026-01-31 00:00:00"},
		"a timestamp with a zone":                {program.Slot{Type: program.Timestamp}, "2026-01-31T01:00:00+02:00", "2026-01-30 23:00:00"},
		"a browser's local time":                 {program.Slot{Type: program.Timestamp}, "2026-01-31T01:30", "2026-01-31 01:30:00"},
		"a timestamp in nanoseconds":             {program.Slot{Type: program.Timestamp}, "2026-01-31T01:00:00.0000001Z", nil},
		"a string":                               {program.Slot{Type: program.String}, "x'; --", "x'; --"},
		"a number as a string keeps digits":      {program.Slot{Type: program.String}, json.Number("1.50"), "1.50"},
		"bytes that are no text":                 {program.Slot{Type: program.String}, "\xff", nil},
		"an object is no string":                 {program.Slot{Type: program.String}, map[string]any{}, nil},
		"an enum's value":                        {program.Slot{Type: program.Enum, Values: []any{"a", "b"}}, "b", "b"},
		"an enum's case matters":                 {program.Slot{Type: program.Enum, Values: []any{"a", "A"}}, "A", "A"},
		"not in the enum":                        {program.Slot{Type: program.Enum, Values: []any{"a", "b"}}, "c", nil},
		"an enum of numbers":                     {program.Slot{Type: program.Enum, Values: []any{1, 2}}, "2", int64(2)},
		"an enum of numbers, spelled otherwise":  {program.Slot{Type: program.Enum, Values: []any{1, 2}}, "2.0", int64(2)},
		"an enum of booleans":                    {program.Slot{Type: program.Enum, Values: []any{true, false}}, "false", false},
		"an enum of digits in text stays text":   {program.Slot{Type: program.Enum, Values: []any{"01", "1"}}, "01", "01"},
		"an enum without values is any text":     {program.Slot{Type: program.Enum}, "x", "x"},
		"a list":                                 {program.Slot{Type: program.ValueList}, []any{"a,b", json.Number("1")}, []any{"a,b", "1"}},
		"a list in a text":                       {program.Slot{Type: program.ValueList}, `["a,b","c"]`, []any{"a,b", "c"}},
		"a repeated query parameter":             {program.Slot{Type: program.ValueList}, []string{"a,b", "c"}, []any{"a,b", "c"}},
		"a list with a value that is not listed": {program.Slot{Type: program.ValueList, Values: []any{"a"}}, "a,b", nil},
		"a list that is too long":                {program.Slot{Type: program.ValueList}, strings.Repeat("a,", 10_000), nil},
		"a list of lists":                        {program.Slot{Type: program.ValueList}, `[["a"]]`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.slot
			s.Name, s.Required = "x", true
			b, err := program.Bind(program.Program{SQL: "SELECT $x", Slots: []program.Slot{s}}, map[string]any{"x": c.value})
			if err != nil {
				e, _ := errs.Find(err)
				if c.want != nil || e.Type != "slot-invalid" || e.Fields[0].Pointer != "/slots/x" {
					t.Fatalf("%v", err)
				}
				return
			}
			if diff := cmp.Diff(b.Args["x"], c.want); diff != "" {
				t.Errorf("(-got +want)\n%s", diff)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	bind := func(s program.Slot, values map[string]any) any {
		s.Name = "x"
		b, err := program.Bind(program.Program{SQL: "SELECT $x", Slots: []program.Slot{s}}, values)
		if err != nil {
			return errs.Public(err)
		}
		return b.Args["x"]
	}
	empty, null := map[string]any{"x": ""}, map[string]any{"x": nil}
	for _, c := range []struct {
		name      string
		got, want any
	}{
		{"a default applies where nothing is sent", bind(program.Slot{Type: program.Integer, Default: 3}, nil), int64(3)},
		{"a default applies where null is sent", bind(program.Slot{Type: program.Integer, Default: 3}, null), int64(3)},
		{"a default applies where nothing is typed", bind(program.Slot{Type: program.Integer, Default: 3}, empty), int64(3)},
		{"an empty text is a text if the slot has a default", bind(program.Slot{Type: program.String, Default: "a"}, empty), ""},
		{"in JSON an empty text is a text", bind(program.Slot{Type: program.String}, empty), ""},
		{"in JSON null in quotes is a text", bind(program.Slot{Type: program.String}, map[string]any{"x": "null"}), "null"},
		{"in a query null leaves an optional text out", bind(program.Slot{Type: program.String}, map[string]any{"x": program.Untyped("null")}), nil},
		{"in a query nothing leaves an optional text out", bind(program.Slot{Type: program.String}, map[string]any{"x": program.Untyped("")}), nil},
		{"in a query quotes make the text null", bind(program.Slot{Type: program.String}, map[string]any{"x": program.Untyped(`"null"`)}), "null"},
		{"in a query quotes make the empty text", bind(program.Slot{Type: program.String}, map[string]any{"x": program.Untyped(`""`)}), ""},
		{"in a query other quotes are what they are", bind(program.Slot{Type: program.String}, map[string]any{"x": program.Untyped(`"a"`)}), `"a"`},
		{"in a query null is a text where one must be sent", bind(program.Slot{Type: program.String, Default: "a"}, map[string]any{"x": program.Untyped("null")}), "null"},
		{"in a query null is a choice where it is listed", bind(program.Slot{Type: program.Enum, Values: []any{"null"}}, map[string]any{"x": program.Untyped("null")}), "null"},
		{"in a query a number is a number", bind(program.Slot{Type: program.Integer}, map[string]any{"x": program.Untyped("7")}), int64(7)},
		{"in a query null leaves an optional number out", bind(program.Slot{Type: program.Integer}, map[string]any{"x": program.Untyped("null")}), nil},
		{"a query's list of one is its one", bind(program.Slot{Type: program.String}, map[string]any{"x": []any{program.Untyped(`"null"`)}}), "null"},
		{"a query's list is a list", bind(program.Slot{Type: program.ValueList}, map[string]any{"x": []any{program.Untyped("a"), program.Untyped("null")}}), []any{"a", "null"}},
		{"null is a value where it is a choice", bind(program.Slot{Type: program.Enum, Values: []any{"null"}}, map[string]any{"x": "null"}), "null"},
		{"a required slot needs a value", bind(program.Slot{Type: program.Date, Required: true}, nil), `slot "x" needs a value (use a date such as 2026-01-31)`},
	} {
		if diff := cmp.Diff(c.got, c.want); diff != "" {
			t.Errorf("%s (-got +want)\n%s", c.name, diff)
		}
	}
}

func TestSlotNumbersStayExact(t *testing.T) {
	t.Parallel()
	const text = `[{"name":"id","type":"integer","default":9007199254740993,"values":[9007199254740993,1.50]}]`
	slots, err := program.ParseSlots([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(slots)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != text {
		t.Errorf("got %s, want %s", got, text)
	}
}

func TestCheckLimits(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"too long":          "SELECT '" + strings.Repeat("x", program.MaxSQL) + "'",
		"too deep":          "SELECT " + strings.Repeat("(", 300) + "1" + strings.Repeat(")", 300),
		"empty":             " -- nothing\n;",
		"a positional slot": "SELECT ?", "a numbered slot": "SELECT $1", "a slot with a space": "SELECT $ x",
		"SHOW": "SHOW TABLES", "DESCRIBE": "DESCRIBE t", "SUMMARIZE": "SUMMARIZE t", "PRAGMA": "PRAGMA version", "COPY": "COPY t TO 'x'",
		"INSERT in brackets": "(INSERT INTO t SELECT 1)", "not closed": "SELECT (1", "NUL": "SELECT 1\x00",
	} {
		err := program.Check(program.Program{SQL: sql})
		if e, ok := errs.Find(err); !ok || e.Type != "sql-invalid" || e.Fields[0].Pointer != "/code" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, sql := range []string{"SELECT 1;", "(SELECT 1) UNION (SELECT 2)", "FROM t", "VALUES (1)", "WITH RECURSIVE a(n) AS (SELECT 1) SELECT * FROM a", "(WITH a AS (SELECT 1) SELECT * FROM a)"} {
		if err := program.Check(program.Program{SQL: sql}); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestExampleBinds(t *testing.T) {
	t.Parallel()
	p := everySlot()
	for i := range p.Slots {
		p.Slots[i].Required, p.Slots[i].Default = true, nil
	}
	if _, err := program.Bind(p, program.Example(p)); err != nil {
		t.Error(err)
	}
}

func TestSourceFindsThePlaceInTheProgram(t *testing.T) {
	t.Parallel()
	p := program.Program{
		SQL: "-- é\nSELECT {{dim}}, $n, wrong\nFROM t WHERE $n > missing",
		Slots: []program.Slot{
			{Name: "dim", Type: program.Column, Default: "a\nb", Values: []any{"a\nb"}},
			{Name: "n", Type: program.Integer, Default: 1},
		},
	}
	b, err := program.Bind(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"SELECT", "wrong", "FROM", "missing"} {
		got := [2]int{}
		got[0], got[1] = b.Source(program.Position(b.SQL, strings.Index(b.SQL, word)))
		want := [2]int{}
		want[0], want[1] = program.Position(p.SQL, strings.Index(p.SQL, word))
		if got != want {
			t.Errorf("%s: got line and column %v, want %v", word, got, want)
		}
	}
	if line, column := b.Source(program.Position(b.SQL, strings.Index(b.SQL, "CAST"))); line != 2 || column != 17 {
		t.Errorf("a slot's own place is %d:%d", line, column)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	const sql = "SELECT\u00a0$n,\u200b{{ dim }}\ufeff'{{dim}}', x'41', 1.5e-3||\"a\"\"b\" -- end"
	tokens, err := program.Tokens(sql)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, token := range tokens {
		got = append(got, fmt.Sprintf("%d %s %s", token.Kind, sql[token.Pos:token.End], token.Name))
	}
	want := []string{"0 SELECT SELECT", "4 $n n", "6 , ,", "5 {{ dim }} dim", "2 '{{dim}}' dim", "6 , ,", "2 x'41' ", "6 , ,",
		"3 1.5e-3 ", "6 | |", "6 | |", `1 "a""b" a"b`}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("(-got +want)\n%s", diff)
	}
}

func TestAValueSlotInATextIsNotUsed(t *testing.T) {
	t.Parallel()
	err := program.Check(program.Program{SQL: "SELECT '{{n}}'", Slots: []program.Slot{{Name: "n", Type: program.Integer}}})
	if e, ok := errs.Find(err); !ok || e.Type != "slot-invalid" || e.Fields[0].Pointer != "/slots/0" {
		t.Errorf("got %v", err)
	}
}
