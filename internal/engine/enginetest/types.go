package enginetest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/table"
)

var (
	boolean = table.Type{Kind: table.Boolean}
	bigint  = table.Type{Kind: table.BigInt}
	double  = table.Type{Kind: table.Double}
	varchar = table.Type{Kind: table.Varchar}
	money   = table.Type{Kind: table.Decimal, Precision: 38, Scale: 10}
)

func list(elem table.Type, id int) table.Type {
	return table.Type{Kind: table.List, Elem: &elem, ElemID: id}
}

// types tests that what Convert is given comes back from Run exactly.
func (s *suite) types(t *testing.T) {
	cases := []struct {
		rule string
		typ  table.Type
		in   []string // JSON values; "" leaves the key out
		want []string
	}{
		{"booleans", boolean, []string{"true", "false", "null", ""}, []string{"true", "false", "NULL", "NULL"}},
		{"the largest and smallest integers", bigint, []string{"9223372036854775807", "-9223372036854775808", "0", "9007199254740993"},
			[]string{"9223372036854775807", "-9223372036854775808", "0", "9007199254740993"}},
		{"decimals of 38 digits", money,
			[]string{`"1234567890123456789012345678.0123456789"`, `"-0.0000000001"`, `12`, "null"},
			[]string{"1234567890123456789012345678.0123456789", "-0.0000000001", "12.0000000000", "NULL"}},
		{"doubles to the last bit", double,
			[]string{"0.1", "5e-324", "1.7976931348623157e308", "-0.0", "9007199254740993.0", "0.30000000000000004", "2.2250738585072011e-308", "123456789012345678"},
			[]string{"0.1", "5e-324", "1.7976931348623157e+308", "-0", "9.007199254740992e+15", "0.30000000000000004", "2.225073858507201e-308", "1.2345678901234568e+17"}},
		{"text of any kind", varchar,
			[]string{`""`, `"null"`, quoteJSON("a\x00b"), quoteJSON("日本\U0001F600\u202e"), quoteJSON("line\nquote\"back\\slash'"), `"\u00e9\ud83d\ude00"`},
			[]string{`""`, `"null"`, `"a\x00b"`, `"日本😀\u202e"`, `"line\nquote\"back\\slash'"`, `"é😀"`}},
		{"dates", table.Type{Kind: table.Date}, []string{`"2024-02-29"`, `"0001-01-01"`, `"9999-12-31"`, "null"},
			[]string{"2024-02-29", "0001-01-01", "9999-12-31", "NULL"}},
		{"timestamps to the microsecond", table.Type{Kind: table.Timestamp},
			[]string{`"2024-02-29T23:59:59.999999"`, `"1969-12-31 23:59:59.000001"`, `"2024-01-01"`},
			[]string{"2024-02-29T23:59:59.999999", "1969-12-31T23:59:59.000001", "2024-01-01T00:00:00.000000"}},
		{"instants in any zone", table.Type{Kind: table.TimestampTZ},
			[]string{`"2024-01-01T00:30:00.123456+02:00"`, `"2024-01-01T00:00:00Z"`, `"2024-01-01T00:00:00-08:00"`},
			[]string{"2023-12-31T22:30:00.123456", "2024-01-01T00:00:00.000000", "2024-01-01T08:00:00.000000"}},
		{"JSON text is kept to the byte", table.Type{Kind: table.JSON},
			[]string{quoteJSON(`{"b": 1.50, "a":[null,1e400]}`), quoteJSON(`null`), "null", quoteJSON(`"x"`)},
			[]string{`"{\"b\": 1.50, \"a\":[null,1e400]}"`, `"null"`, "NULL", `"\"x\""`}},
		{"lists, empty and null, and nulls in them", list(bigint, 9), []string{"[1,null,3]", "[]", "null"}, []string{"[1, NULL, 3]", "[]", "NULL"}},
		{"structs, and null is not a struct of nulls", table.Type{Kind: table.Struct, Fields: []table.Column{column(10, "a", bigint), column(11, "b c", money)}},
			[]string{`{"a":1,"b c":"0.1"}`, `{}`, "null"}, []string{"{a:1, b c:0.1000000000}", "{a:NULL, b c:NULL}", "NULL"}},
		{"maps with any key", table.Type{Kind: table.Map, Elem: &money, KeyID: 12, ElemID: 13},
			[]string{`{"k'\"":"1.5","":null}`, `{}`, "null"}, []string{`map{"k'\"":1.5000000000, "":NULL}`, "map{}", "NULL"}},
		{"decimals inside structs inside lists", list(table.Type{Kind: table.Struct, Fields: []table.Column{
			column(15, "d", money), column(16, "t", list(table.Type{Kind: table.TimestampTZ}, 17))}}, 14),
			[]string{`[{"d":"1234567890123456789012345678.0123456789","t":["2024-01-01T00:00:00.000001Z"]},null,{"d":null}]`},
			[]string{"[{d:1234567890123456789012345678.0123456789, t:[2024-01-01T00:00:00.000001]}, NULL, {d:NULL, t:NULL}]"}},
		{"a column without any value", money, []string{"null", ""}, []string{"NULL", "NULL"}},
		{"no rows at all", list(money, 20), nil, nil},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			lines := make([]string, len(c.in))
			for i, v := range c.in {
				if lines[i] = `{"x":` + v + `}`; v == "" {
					lines[i] = "{}"
				}
			}
			tab := s.load(t, "types", "t", columns(column(1, "x", c.typ)), lines...)
			got := s.mustAsk(t, s.query("types", "SELECT x FROM t", tab))
			if diff := cmp.Diff(c.want, got.rows); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"x " + c.typ.String()}, got.columns); diff != "" {
				t.Errorf("type (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("odd column names", s.oddNames)
	t.Run("results have one of our types", s.resultTypes)
}

func (s *suite) oddNames(t *testing.T) {
	names := []string{`a"b`, `it's`, "select", "日本", "a.b", "$x", "count", " ", "{", `back\slash`}
	var schema table.Schema
	var parts []string
	for i, n := range names {
		schema.Columns = append(schema.Columns, column(i+1, n, bigint))
		parts = append(parts, quoteJSON(n)+":"+string(rune('0'+i)))
	}
	tab := s.load(t, "types", `odd "table"`, schema, "{"+strings.Join(parts, ",")+"}")
	got := s.mustAsk(t, s.query("types", `SELECT * FROM "odd ""table"""`, tab))
	want := make([]string, len(names))
	for i, n := range names {
		want[i] = n + " BIGINT"
	}
	if diff := cmp.Diff(want, got.columns); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9"}, got.rows); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func (s *suite) resultTypes(t *testing.T) {
	cases := []struct{ sql, column, value string }{
		{"SELECT sum(x) AS v FROM (VALUES (9223372036854775807), (9223372036854775807)) t(x)", "v DECIMAL(38,0)", "18446744073709551614"},
		{"SELECT 1::SMALLINT AS v", "v BIGINT", "1"},
		{"SELECT 1.5::REAL AS v", "v DOUBLE", "1.5"},
		{"SELECT '0d4b0d4b-0000-0000-0000-000000000001'::UUID AS v", "v UUID", `"0d4b0d4b-0000-0000-0000-000000000001"`},
		{"SELECT TIME '12:34:56.123456' AS v", "v TIME", `"12:34:56.123456"`},
		{"SELECT INTERVAL 36 HOUR AS v", "v INTERVAL", `"36:00:00"`},
		{"SELECT 'a'::ENUM('a', 'b') AS v", "v VARCHAR", `"a"`},
		{"SELECT '101'::BIT AS v", "v BIT", `"101"`},
		{"SELECT 'ab'::BLOB AS v", "v BLOB", `"ab"`},
		{"SELECT [sum(x), 1] AS v FROM (VALUES (1)) t(x)", "v DECIMAL(38,0)[]", "[1, 1]"},
		{"SELECT {'u': '0d4b0d4b-0000-0000-0000-000000000001'::UUID, 'i': 1::TINYINT} AS v", `v STRUCT("u" UUID, "i" BIGINT)`, `{u:"0d4b0d4b-0000-0000-0000-000000000001", i:1}`},
		{"SELECT MAP {1: 2.5} AS v", "v MAP(VARCHAR, DECIMAL(2,1))", `map{"1":2.5}`},
		{"SELECT '{\"a\": 1}'::JSON AS v", "v JSON", `"{\"a\": 1}"`},
		{"SELECT 1 AS v, 2 AS V", "v BIGINT", "1 | 2"},
	}
	for _, c := range cases {
		got := s.mustAsk(t, s.query("types", c.sql))
		if got.columns[0] != c.column || len(got.rows) != 1 || got.rows[0] != c.value {
			t.Errorf("%s: got %v %v, want %s %s", c.sql, got.columns, got.rows, c.column, c.value)
		}
		d, err := s.e.Describe(t.Context(), s.query("types", c.sql))
		if err != nil {
			t.Errorf("Describe(%s): %v", c.sql, err)
			continue
		}
		if described := d.Columns[0].Name + " " + d.Columns[0].Type.String(); described != c.column {
			t.Errorf("Describe(%s): got %s, want %s", c.sql, described, c.column)
		}
	}
	_, err := s.ask(t, s.query("types", "SELECT 170141183460469231731687303715884105727::HUGEINT AS v"))
	wantError(t, err, "invalid", "query-failed")
}
