package duckdb_test

import (
	"strings"
	"testing"

	"millwright/internal/engine/duckdb"
)

func TestRepeatable(t *testing.T) {
	for sql, want := range map[string]bool{
		"SELECT a, count(*) FROM t WHERE b > $x GROUP BY a": true,
		`SELECT uuid, now, age, sample, random FROM t`:      true, // columns
		"SELECT 'now()', '$$ random()' -- now()":            true,
		"SELECT date_trunc('day', d) FROM t":                true,
		"SELECT random()":                                   false,
		"SELECT * FROM t ORDER BY RANDOM ( )":               false,
		`SELECT "uuid"()`:                                   false,
		"SELECT now()::date":                                false,
		"SELECT main.now()":                                 false,
		"SELECT CURRENT_DATE":                               false,
		`SELECT "current_date"`:                             false,
		"SELECT current_timestamp - d FROM t":               false,
		"SELECT localtime":                                  false,
		"SELECT age(d) FROM t":                              false,
		"SELECT ago(INTERVAL 1 DAY)":                        false,
		"SELECT today()/**/":                                false,
		"SELECT * FROM t USING SAMPLE 10%":                  false,
		"SELECT * FROM t TABLESAMPLE reservoir(10)":         false,
		"SELECT 'unclosed":                                  false,
	} {
		if got := duckdb.Repeatable(sql); got != want {
			t.Errorf("%s: got %t, want %t", sql, got, want)
		}
	}
}

func TestEveryFunctionThatDuckDBCallsVolatileIsKnown(t *testing.T) {
	const list = `SELECT string_agg(DISTINCT function_name, ' ') FROM duckdb_functions()
		WHERE stability <> 'CONSISTENT' OR regexp_matches(macro_definition, '\b(current_timestamp|current_date|now|random|uuid|today)\b')`
	text, err := duckdb.DuckText(list)
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(text)
	if len(names) < 20 {
		t.Errorf("DuckDB lists only %d: %s", len(names), text)
	}
	for _, name := range names {
		if duckdb.Repeatable("SELECT " + name + "(1)") {
			t.Errorf("%s is volatile, and not known to be", name)
		}
	}
	// DuckDB's own stability says nothing of the form with one argument.
	if duckdb.Repeatable("SELECT age(d) FROM t") {
		t.Error("age(d) depends on today")
	}
}
