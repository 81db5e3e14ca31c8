package apitest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// A run that cannot work says which part of it is wrong, and what would be right.
func TestSlotValuesThatDoNotFit(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "bad slots")
	slot := func(name, typ string, more ...any) map[string]any {
		s := map[string]any{"name": name, "type": typ, "default": nil}
		for i := 0; i < len(more); i += 2 {
			s[more[i].(string)] = more[i+1]
		}
		return s
	}
	id := newProgram(c, project, `SELECT {{dim}} AS d, {{agg}}(city) AS a, date_trunc({{grain}}, day) AS g FROM (SELECT 'x' AS city, 1.5 AS amount, DATE '2026-01-01' AS day)
		WHERE ($city IS NULL OR city = $city) AND ($tags IS NULL OR city IN $tags) AND ($since IS NULL OR day >= $since) AND ($at IS NULL OR day < $at)
		AND ($paid IS NULL OR $paid) AND ($least IS NULL OR amount >= $least) AND ($state IS NULL OR city = $state) AND city <> $must
		GROUP BY ALL ORDER BY 1 {{dir}} LIMIT $n`,
		slot("dim", "column", "values", []string{"city", "amount"}, "default", "city"), slot("agg", "aggregate", "values", []string{"min", "max", "count"}, "default", "max"),
		slot("grain", "grain", "default", "day"), slot("dir", "order", "default", "asc"), slot("city", "string"), slot("tags", "list", "values", []string{"x", "y"}),
		slot("since", "date"), slot("at", "timestamp"), slot("paid", "boolean"), slot("least", "number", "min", 0.5), slot("state", "enum", "values", []string{"open", "paid"}),
		slot("n", "integer", "default", 10, "min", 1, "max", 500), slot("must", "string", "required", true))
	run := func(slots map[string]any, format string) answer {
		return c.send("POST", "/v1/run/queryprogram?format="+format, map[string]any{"project_id": project, "queryprogram_id": id, "slots": slots})
	}
	if got := run(map[string]any{"must": "", "n": "3", "tags": []string{"x"}, "at": "2026-05-01T00:00:00Z", "least": 1, "dim": "AMOUNT"}, "json"); got.status != 200 || got.json().get("row_count").number() != 1 {
		t.Fatalf("good values: %s", got)
	}
	for _, u := range []struct {
		rule, slot string
		value      any
		says       string
	}{
		{"a value is missing", "must", nil, "needs a value"},
		{"no such column", "dim", "citty", `did you mean "city"?`},
		{"no such column at all", "dim", "zzzzzzzzzzzz", "use one of: city, amount"},
		{"a column with SQL in it", "dim", `city" FROM x --`, "use one of: city, amount"},
		{"an aggregate that is not offered", "agg", "sum", "use one of: min, max, count"},
		{"an unknown grain", "grain", "decade", "use one of: minute, hour, day, week, month, quarter, year"},
		{"an unknown order", "dir", "up", "use one of: asc, desc"},
		{"text for a whole number", "n", "many", "use a whole number such as 10"},
		{"a fraction for a whole number", "n", 1.5, "is not a whole number"},
		{"below the range", "n", 0, "use a whole number from 1 to 500"},
		{"above the range", "n", 501, "use a whole number from 1 to 500"},
		{"beyond 64 bits", "n", json.Number("92233720368547758080"), "beyond 64 bits"},
		{"a number below its least", "least", 0.25, "use a number of at least 0.5"},
		{"NaN", "least", "NaN", "is not a number"},
		{"no boolean", "paid", "yes", "use true or false"},
		{"no day of the calendar", "since", "2026-02-30", "use a date such as"},
		{"no time", "at", "noon", "use a time such as"},
		{"not in the list", "state", "opne", `did you mean "open"?`},
		{"one of a list is not in the list", "tags", []string{"x", "z"}, "use one of: x, y"},
		{"an object for a text", "city", map[string]any{"a": 1}, "not a single value"},
		{"a list for a text", "city", []string{"a", "b"}, "not a single value"},
		{"an object for a list", "tags", map[string]any{"a": 1}, "not a list"},
		{"an unknown slot", "citty", "x", `did you mean "city"?`},
	} {
		slots := map[string]any{"must": "m"}
		slots[u.slot] = u.value
		for _, format := range []string{"json", "csv"} {
			got := run(slots, format)
			p := got.json()
			if got.status != 400 || p.text("type") != "slot-invalid" || p.get("errors").at(0).text("pointer") != "/slots/"+u.slot || !strings.Contains(p.text("detail"), u.says) {
				t.Errorf("%s (%s): %s", u.rule, format, got)
			}
		}
	}
	all := run(map[string]any{"n": 0, "state": "x", "dim": "y"}, "json").json()
	if n := len(all.get("errors").list()); n != 4 {
		t.Errorf("four things are wrong, and %d are named: %s", n, all)
	}
}

// SQL that cannot run says where it is wrong and what may have been meant, before
// it runs and when it does.
func TestSQLThatCannotRun(t *testing.T) {
	t.Parallel()
	w := shared
	c := w.client(t, w.owner.key)
	project := w.ids["project"]
	for _, u := range []struct{ rule, sql, typ, says string }{
		{"an unknown column", "SELECT amuont FROM orders", "sql-invalid", `amount`},
		{"where it is", "SELECT id,\n  citi FROM orders", "sql-invalid", "line 2, column 3: "},
		{"an unknown table", "SELECT * FROM ordrs", "sql-invalid", "did you mean orders?"},
		{"an unknown function", "SELECT summ(amount) FROM orders", "sql-invalid", "sum"},
		{"two statements", "SELECT 1; SELECT 2", "sql-invalid", "keep one SELECT"},
		{"a definition", "CREATE TABLE x AS SELECT 1", "sql-invalid", "this begins with CREATE"},
		{"a removal", "DROP TABLE orders", "sql-invalid", "this begins with DROP"},
		{"a change", "WITH a AS (SELECT 1) DELETE FROM orders", "sql-invalid", "this begins with DELETE"},
		{"a setting", "SET memory_limit = '64GB'", "sql-invalid", "this begins with SET"},
		{"a file", "SELECT * FROM 'x.parquet'", "sql-invalid", "files cannot be read"},
		{"a function of files", "SELECT * FROM read_csv('/etc/passwd')", "sql-invalid", "read_csv is not available"},
		{"a syntax error", "SELECT id FROM orders WHER id = 1", "sql-invalid", "line 1, column 28: "},
		{"nothing", "  -- nothing\n", "sql-invalid", "is empty"},
		{"too much text", "SELECT '" + strings.Repeat("x", 101<<10) + "'", "sql-invalid", "and may be 102400"},
		{"brackets too deep", "SELECT " + strings.Repeat("(", 300) + "1" + strings.Repeat(")", 300), "sql-invalid", "nested more than 200 deep"},
		{"a slot that is not there", "SELECT $n", "sql-invalid", `add a slot named "n"`},
		{"a position for a parameter", "SELECT ?", "sql-invalid", "write $name"},
		{"a number beyond all", "SELECT CAST(1e400 AS BIGINT) AS n", "sql-invalid", "write numbers below 1e308"},
		{"a value that cannot be computed", "SELECT CAST(city AS INTEGER) FROM orders", "query-failed", "Could not convert"},
		{"a query that takes all memory", "SELECT list(repeat('x', 1000) || i) FROM range(100000000) r(i)", "query-memory", "memory"},
	} {
		id := newProgram(c, project, u.sql)
		got := c.send("POST", "/v1/run/queryprogram", map[string]any{"project_id": project, "queryprogram_id": id})
		p := got.json()
		if (got.status != 400 && got.status != 413) || p.text("type") != u.typ || !strings.Contains(p.text("detail"), u.says) {
			t.Errorf("%s: %.600s, want %s … %s", u.rule, got, u.typ, u.says)
		}
		if u.typ == "sql-invalid" && p.get("errors").at(0).text("pointer") != "/code" {
			t.Errorf("%s: names %s", u.rule, p.get("errors"))
		}
		if u.typ == "query-memory" && (!strings.Contains(p.text("detail"), "1.5 GiB") || len(p.get("fixes").list()) == 0) {
			t.Errorf("%s: does not say which limit, and how to need less: %s", u.rule, got)
		}
		if u.typ == "sql-invalid" {
			v := c.object("POST", "/v1/queryprograms/validate", map[string]any{"project_id": project, "code": u.sql})
			if v.get("valid").value != false || !strings.Contains(v.get("errors").at(0).string(), u.says) {
				t.Errorf("%s: validate says %.600s", u.rule, v)
			}
			if x := c.send("POST", "/v1/queryprograms/explain", map[string]any{"project_id": project, "code": u.sql}); x.status != 400 || x.json().text("detail") != p.text("detail") {
				t.Errorf("%s: explain says %.600s", u.rule, x)
			}
		}
		c.object("DELETE", "/v1/queryprograms/"+id+"?permanent=true", nil)
	}
}

// A JSON answer is cut and says so; what is downloaded is all of it.
func TestDownloadsAreNeverCut(t *testing.T) {
	t.Parallel()
	const rows = 120_000 // more than any JSON answer may have
	c, project := shared.newProject(t, "downloads")
	id := newProgram(c, project, fmt.Sprintf("SELECT i, 'text ' || i AS s, i %% 7 = 0 AS b FROM range(%d) r(i) ORDER BY i", rows))
	run := map[string]any{"project_id": project, "queryprogram_id": id}
	for query, want := range map[string]float64{"": 10_000, "?max_rows=100": 100, "?max_rows=999999": 100_000} {
		r := c.object("POST", "/v1/run/queryprogram"+query, run)
		if r.get("row_count").number() != want || r.get("truncated").value != true || r.get("total_rows").kind() != "null" || len(r.get("rows").list()) != int(want) {
			t.Errorf("%q: %v rows, truncated %v", query, r.get("row_count"), r.get("truncated"))
		}
	}
	if r := c.object("POST", "/v1/run/queryprogram?count=true&max_rows=1", run); r.get("total_rows").number() != rows {
		t.Errorf("counted: %s", r.get("total_rows"))
	}
	for _, format := range []string{"csv", "ndjson", "parquet", "arrow"} {
		for _, method := range []string{"POST", "GET"} {
			got := c.send(method, "/v1/run/queryprogram?max_rows=5&format="+format+map[string]string{"GET": "&project_id=" + project + "&queryprogram_id=" + id}[method],
				map[string]any{"POST": run}[method])
			if n, last := countRows(t, format, got.body); got.status != 200 || n != rows || last != "text 119999" {
				t.Errorf("%s %s: %d, %d rows, the last of which is %q", method, format, got.status, n, last)
			}
		}
	}
}
