package duckdb_test

import (
	"slices"
	"strings"
	"testing"

	"millwright/internal/engine/duckdb"
)

// innocents are statements that a person may write.
var innocents = []string{
	"SELECT a FROM t", "select A from T;", "SELECT * FROM t JOIN u USING (a)", "SELECT count(*) FROM t, u WHERE t.a = u.a", "FROM t", "VALUES (1), (2)", "TABLE t",
	"WITH x AS (SELECT a FROM t) SELECT * FROM x", "WITH t AS (SELECT 1 AS a) SELECT * FROM t", "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 5) SELECT * FROM r",
	"SELECT (SELECT max(a) FROM u) FROM t", "SELECT a FROM t WHERE a IN (SELECT a FROM u)", "SELECT a FROM t UNION ALL SELECT a FROM u ORDER BY 1", "(SELECT a FROM t)", `SELECT "a" FROM "t"`,
	"SELECT * FROM range(5)", "SELECT unnest([1, 2])", "SELECT * FROM (SELECT a FROM t) x, LATERAL (SELECT x.a + 1) y", "SELECT ';' FROM t", "SELECT $$;$$ AS s -- ; DROP TABLE t", "SELECT /* ; */ a FROM t",
	"PIVOT t ON b IN ('x') USING sum(a)", "UNPIVOT t ON a INTO NAME n VALUE v", "SELECT a FROM t QUALIFY row_number() OVER () = 1", "SELECT 'read_text(''x'')'", "SELECT list_transform([1], x -> x + 1)",
	"SELECT E'\\';' AS s", "SELECT a AS from_t FROM t TABLESAMPLE 10%", "SELECT * FROM t POSITIONAL JOIN u", "SELECT * FROM t ASOF JOIN u ON t.a >= u.a", "SELECT '\u00a0' FROM\u00a0t",
}

// crossings puts every statement into places where it may hide.
func crossings() (all []string) {
	frames := []string{"%", "%;", " -- x\n%", "SELECT * FROM (%) q", "WITH q AS (%) SELECT * FROM q", "SELECT (%)", "SELECT 1 WHERE EXISTS (%)", "%; SELECT 1", "SELECT 1; %", "SELECT 1 UNION ALL (%)",
		"SELECT 1 AS a FROM t WHERE a IN (%)", "/* /* */ */ %", "SELECT $$ % $$", "WITH t AS (SELECT 1 AS a) %"}
	for _, sql := range slices.Concat(innocents, attacks) {
		for _, frame := range frames {
			all = append(all, strings.ReplaceAll(frame, "%", strings.TrimSuffix(sql, ";")))
		}
	}
	return all
}

// TestWhatIsAcceptedIsOneSelectOfKnownTables has DuckDB's own parser judge all that
// our checks let pass.
func TestWhatIsAcceptedIsOneSelectOfKnownTables(t *testing.T) {
	c, err := duckdb.NewCrosser("t", "u")
	must(t, err)
	defer c.Close()
	accepted, all := 0, crossings()
	for i, sql := range slices.Concat(all, sharedAttacks(t)) {
		// Some of the shared ones compute without end as soon as they are bound.
		prepare := i < len(all)
		x := c.Ask(sql, prepare)
		if x.Refused != nil {
			continue
		}
		accepted++
		if x.Statements != 1 || prepare && !x.Select {
			t.Errorf("%s: accepted; DuckDB sees %d statements, a SELECT %v", sql, x.Statements, x.Select)
		}
		checkTables(t, sql, x)
	}
	for _, sql := range innocents {
		if x := c.Ask(sql, true); x.Refused != nil {
			t.Errorf("%s: refused: %v", sql, x.Refused)
		}
	}
	t.Logf("%d statements, %d of them accepted", len(all), accepted)
	if accepted < len(innocents) {
		t.Error("too few are accepted to show anything")
	}
}

func checkTables(t *testing.T, sql string, x duckdb.Crossing) {
	t.Helper()
	for _, name := range x.Tables {
		if name = strings.Trim(name, `"`); name != "t" && name != "u" {
			t.Errorf("%s: accepted; DuckDB reads %q", sql, x.Tables)
		}
	}
}

// FuzzCrossing does the same with any text, without binding it.
func FuzzCrossing(f *testing.F) {
	for i, sql := range crossings() {
		if i%7 == 0 {
			f.Add(sql)
		}
	}
	c, err := duckdb.NewCrosser("t", "u")
	if err != nil {
		f.Fatal(err)
	}
	defer c.Close()
	f.Fuzz(func(t *testing.T, sql string) {
		if len(sql) > 2000 {
			return // DuckDB takes seconds for what is nested deep
		}
		if x := c.Ask(sql, false); x.Refused == nil {
			if x.Statements != 1 {
				t.Errorf("%q: accepted; DuckDB sees %d statements", sql, x.Statements)
			}
			checkTables(t, sql, x)
		}
	})
}
