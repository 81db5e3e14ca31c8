package duckdb_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/engine"
	"millwright/internal/engine/duckdb"
	"millwright/internal/errs"
	"millwright/internal/table"
)

func TestParameters(t *testing.T) {
	for sql, want := range map[string][]string{
		"SELECT $a, $b, $A":                     {"a", "b"},
		"SELECT '$a', \"$b\", $$ $c $$ -- $d":   {},
		"SELECT /* $a /* $b */ $c */ $d":        {"d"},
		"SELECT $x$ $a $x$, $été":               {"été"},
		"SELECT e'\\' $a', $b":                  {"b"},
		"SELECT 'it''s $a', x'$b', $c":          {"c"},
		"SELECT 1e+5, 0x1F, 1_000, $a::DECIMAL": {"a"},
		"SELECT x$y FROM t":                     {}, // a name may hold dollars
		"SELECT $a\u00a0AS b":                   {"a"},
	} {
		got, err := duckdb.Parameters(sql)
		if err != nil || !cmp.Equal(want, got) {
			t.Errorf("%s: got %v, %v; want %v", sql, got, err, want)
		}
	}
}

// FuzzStatement feeds any text to the checks; what they accept, DuckDB must
// see as one statement with the same parameters.
func FuzzStatement(f *testing.F) {
	for _, seed := range []string{
		"SELECT 1", "SELECT 1;", "SELECT ';' -- ;\n;", "SELECT $a$;$a$", "SELECT e'\\';'", "SELECT \"a\"\"b\"", "/* /* */ */ SELECT $x",
		"SELECT x'ab', 1e5, .5, 1., $1, ?", "SELECT '\u00a0'\u00a0, $\u00e9", "SELECT U&'a'", "SELECT 1 -- \r ; SELECT 2", "SELECT $$a", "SELECT 'a' 'b'", "SELECT E'a\\", "SELECT $a$$b$ $b$", "SELECT''A$\u0269",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		ours, err := duckdb.Accepted(sql)
		if err != nil {
			return
		}
		theirs, err := duckdb.DuckParameters(sql)
		if err != nil {
			return // it does not parse or bind; DuckDB says so to the caller
		}
		slices.Sort(ours)
		slices.Sort(theirs)
		if !slices.Equal(ours, theirs) {
			t.Errorf("%q: we see parameters %q, DuckDB sees %q", sql, ours, theirs)
		}
	})
}

// TestEveryTableFunctionIsDecided fails when another DuckDB brings new ones.
func TestEveryTableFunctionIsDecided(t *testing.T) {
	text, err := duckdb.DuckText("SELECT string_agg(DISTINCT function_name, ' ') FROM duckdb_functions() WHERE function_type IN ('table', 'table_macro')" +
		// histogram(x) is an aggregate too; as a table it is refused by the parse tree.
		" AND function_name NOT IN (SELECT function_name FROM duckdb_functions() WHERE function_type = 'aggregate')")
	must(t, err)
	decided := duckdb.NamedTableFunctions()
	for name := range strings.FieldsSeq(text) {
		if !slices.Contains(decided, name) {
			t.Errorf("table function %s is neither allowed nor refused by name", name)
		}
	}
}

// TestTreeRefusesTableFunctions uses one that has no refused name.
func TestTreeRefusesTableFunctions(t *testing.T) {
	e := open(t, duckdb.Config{})
	h := newHouse(t, e)
	q := engine.Query{Scope: "a", Dir: h.own, Tables: []engine.Table{h.table}, SQL: "SELECT * FROM histogram(t, a)"}
	if _, err := everything(t, e, q); errs.Public(err) == "" || !strings.Contains(errs.Public(err), "line 1, column 15: the function histogram is not available") {
		t.Errorf("got %v, want a refusal", err)
	}
	q.SQL = "SELECT histogram(a) AS h FROM t"
	if _, err := everything(t, e, q); err != nil {
		t.Errorf("the aggregate of that name: %v", err)
	}
}

func TestConvertNumbersFields(t *testing.T) {
	bigint, varchar := table.Type{Kind: table.BigInt}, table.Type{Kind: table.Varchar}
	item := table.Type{Kind: table.Struct, Fields: []table.Column{{ID: 7, Name: "it's", Type: bigint}}}
	schema := table.Schema{Columns: []table.Column{
		{ID: 1, Name: "a b", Type: bigint},
		{ID: 2, Name: "list", Type: table.Type{Kind: table.List, Elem: &item, ElemID: 6}},
		{ID: 3, Name: "map", Type: table.Type{Kind: table.Map, Elem: &varchar, KeyID: 4, ElemID: 5}},
	}}
	e := open(t, duckdb.Config{})
	in, out := filepath.Join(t.TempDir(), "in"), filepath.Join(t.TempDir(), "out.parquet")
	write(t, in, `{"a b":1,"list":[{"it's":1}],"map":{"k":"v"}}`+"\n")
	_, err := e.Convert(t.Context(), engine.Conversion{Input: in, Output: out, Schema: schema})
	must(t, err)
	got, err := duckdb.DuckText("SELECT string_agg(name || '=' || coalesce(field_id::VARCHAR, '-'), ', ') FROM parquet_schema(" + table.QuoteText(out) + ")")
	must(t, err)
	want := "duckdb_schema=-, a b=1, list=2, list=-, element=6, it's=7, map=3, key_value=-, key=4, value=5"
	if got != want {
		t.Errorf("field ids:\n got %s\nwant %s", got, want)
	}
	codec, err := duckdb.DuckText("SELECT string_agg(DISTINCT compression, ', ') FROM parquet_metadata(" + table.QuoteText(out) + ")")
	if err != nil || codec != "ZSTD" {
		t.Errorf("compression is %s, %v; want ZSTD", codec, err)
	}
}
