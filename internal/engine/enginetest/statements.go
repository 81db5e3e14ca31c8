package enginetest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/table"
)

// statements tests what may be run, and what is said of what may not.
func (s *suite) statements(t *testing.T) {
	tab := s.load(t, "st", "orders", columns(column(1, "id", bigint), column(2, "total", money)), `{"id":1,"total":"1.5"}`, `{"id":2,"total":"2.5"}`)
	run := func(sql string) (answer, error) { return s.ask(t, s.query("st", sql, tab)) }

	for _, sql := range []string{
		"SELECT id FROM orders ORDER BY id DESC LIMIT 1",
		"select id from orders where total > 2 ; ; -- done",
		"/* a; b */ WITH o AS (SELECT * FROM orders) SELECT max(id) AS id FROM o",
		"FROM orders SELECT id WHERE id = 2",
		"VALUES (2)",
		"(SELECT 2 AS id)",
		"SELECT 1 AS id EXCEPT SELECT 1 UNION ALL SELECT 2",
		"SELECT id FROM orders QUALIFY row_number() OVER (ORDER BY id DESC) = 1",
		"SELECT ';' || $$;$$ || 'it''s' AS s, 2 FROM orders LIMIT 1 -- trailing; comment",
		"SELECT max(i) FROM range(3) r(i)",
	} {
		if got, err := run(sql); err != nil || len(got.rows) != 1 {
			t.Errorf("%q: got %v, %v; want one row", sql, got.rows, err)
		}
	}

	for _, sql := range []string{
		"", "  -- nothing", ";",
		"SELECT 1; SELECT 2", "SELECT 1;; SELECT 2", "SELECT 1 /* ; */ ; DROP VIEW orders",
		"INSERT INTO orders VALUES (3, 3)", "UPDATE orders SET id = 1", "DELETE FROM orders", "CREATE TABLE x AS SELECT 1", "DROP VIEW orders",
		"SHOW TABLES", "DESCRIBE orders", "SUMMARIZE orders", "PRAGMA database_list", "SET threads = 1", "CALL pragma_version()",
		"EXPLAIN SELECT 1", "PREPARE p AS SELECT 1", "COPY orders TO 'x'", "ATTACH 'x'", "LOAD httpfs", "INSTALL httpfs", "CHECKPOINT", "USE x",
		"SELECT * FROM (SHOW TABLES)", "SELECT * FROM (DESCRIBE orders)", "FROM (SUMMARIZE orders)",
		"SELECT 1) AS q, (SELECT 2", "SELECT 'open", `SELECT "open`, "SELECT /* open", "SELECT $$open",
		"SELECT nope FROM orders", "SELECT * FROM nope", "SELECT FROM WHERE", "SELECT nope(1)",
		"SELECT * FROM other.orders", "SELECT * FROM information_schema.tables",
		"SELECT ? AS x", "SELECT $1 AS x",
		"SELECT " + strings.Repeat("(", 500) + "1" + strings.Repeat(")", 500),
	} {
		_, err := run(sql)
		wantError(t, err, errs.Invalid, "sql-invalid")
		if _, err := s.e.Describe(t.Context(), s.query("st", sql, tab)); errs.KindOf(err) != errs.Invalid {
			t.Errorf("Describe(%q): %v", sql, err)
		}
	}
	_, err := run("SELECT '" + strings.Repeat("x", 101<<10) + "'")
	wantError(t, err, errs.TooLarge, "sql-too-long")

	t.Run("an error names line and column", func(t *testing.T) {
		for sql, want := range map[string]string{
			"SELECT id,\n  größe, nope\nFROM orders": "line 2, column 3",
			"SELECT id\nFROM orders\nWHERE":          "line 3",
			"SELECT *\nFROM nope":                    "line 2, column 6",
			"SELECT id FROM orders;\nSELECT 2":       "line 2, column 1",
		} {
			_, err := run(sql)
			if !strings.Contains(errs.Public(err), want) {
				t.Errorf("%q: got %q, want it to hold %q", sql, errs.Public(err), want)
			}
		}
	})
	t.Run("no message tells a path", func(t *testing.T) {
		for _, sql := range []string{"SELECT nope FROM orders", "SELECT * FROM nope", "SELECT id::DATE FROM orders"} {
			_, err := run(sql)
			if err == nil || strings.Contains(errs.Public(err), s.objects) {
				t.Errorf("%q: %q", sql, errs.Public(err))
			}
		}
	})
	t.Run("a value that cannot be computed", func(t *testing.T) {
		_, err := run("SELECT CAST(repeat('x', id) AS INTEGER) AS n FROM orders")
		wantError(t, err, errs.Invalid, "query-failed")
	})
	t.Run("views come after what they read", func(t *testing.T) { s.views(t, tab) })
	t.Run("explain", func(t *testing.T) {
		got, err := s.e.Explain(t.Context(), s.query("st", "SELECT total, count(*) FROM orders GROUP BY total", tab))
		if err != nil || !strings.Contains(strings.ToLower(got), "total") || strings.Contains(got, s.objects) {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func (s *suite) views(t *testing.T, tab engine.Table) {
	q := s.query("st", "SELECT * FROM big", tab, engine.Table{Name: "big", View: "SELECT id AS big_id FROM orders WHERE total > 2"})
	if got := s.mustAsk(t, q); !cmp.Equal(got.rows, []string{"2"}) {
		t.Errorf("got %v", got.rows)
	}
	// The next query's tables replace them.
	_, err := s.ask(t, s.query("st", "SELECT * FROM big", tab))
	wantError(t, err, errs.Invalid, "sql-invalid")
	q.Tables[1].View = "SELECT id FROM orders WHERE total < 2"
	if got := s.mustAsk(t, q); !cmp.Equal(got.rows, []string{"1"}) {
		t.Errorf("a changed view: got %v", got.rows)
	}
}

// parameters tests binding by name.
func (s *suite) parameters(t *testing.T) {
	tab := s.load(t, "par", "t", columns(column(1, "n", bigint), column(2, "day", table.Type{Kind: table.Date}), column(3, "s", varchar)),
		`{"n":1,"day":"2024-01-01","s":"a"}`, `{"n":2,"day":"2024-01-02","s":"b"}`, `{"n":3,"day":"2024-01-03","s":"it's"}`)
	cases := []struct {
		sql  string
		args map[string]any
		want []string
	}{
		{"SELECT n FROM t WHERE n > $low ORDER BY n", map[string]any{"low": int64(1)}, []string{"2", "3"}},
		{"SELECT n FROM t WHERE n > $low AND n < $high AND $low = 1", map[string]any{"low": int64(1), "high": int64(3)}, []string{"2"}},
		{"SELECT n FROM t WHERE day >= $since::DATE ORDER BY n", map[string]any{"since": "2024-01-02"}, []string{"2", "3"}},
		{"SELECT n FROM t WHERE day = $day", map[string]any{"day": "2024-01-02"}, []string{"2"}},
		{"SELECT n FROM t WHERE s = $s", map[string]any{"s": "it's"}, []string{"3"}},
		{"SELECT n FROM t WHERE s = $s", map[string]any{"s": "' OR 1=1 --"}, nil},
		{"SELECT n FROM t WHERE list_contains($ns, n) ORDER BY n", map[string]any{"ns": []any{int64(1), int64(3), nil}}, []string{"1", "3"}},
		{"SELECT n FROM t WHERE s IN (SELECT unnest($ss::VARCHAR[])) ORDER BY n", map[string]any{"ss": []any{"a", "b"}}, []string{"1", "2"}},
		{"SELECT n FROM t WHERE list_contains($ns::BIGINT[], n)", map[string]any{"ns": []any{}}, nil},
		{"SELECT $x AS x", map[string]any{"x": 2.5}, []string{"2.5"}},
		{"SELECT $x AS x, $y AS y", map[string]any{"x": true, "y": nil}, []string{"true | NULL"}},
		{"SELECT $x + 1 AS x", map[string]any{"x": int64(9223372036854775806)}, []string{"9223372036854775807"}},
		{"SELECT n FROM t ORDER BY n LIMIT $k", map[string]any{"k": int64(1)}, []string{"1"}},
		{"SELECT coalesce($x::BIGINT, 7) AS x", map[string]any{"x": nil}, []string{"7"}},
		{"SELECT '$no' || $$ $no $$ AS s -- $no", nil, []string{`"$no $no "`}},
		{"SELECT $N AS n", map[string]any{"n": int64(1)}, []string{"1"}},
	}
	for _, c := range cases {
		q := s.query("par", c.sql, tab)
		q.Args = c.args
		if got := s.mustAsk(t, q); !cmp.Equal(c.want, got.rows) {
			t.Errorf("%s with %v: got %v, want %v", c.sql, c.args, got.rows, c.want)
		}
	}
	for sql, args := range map[string]map[string]any{
		"SELECT $missing AS x":    nil,
		"SELECT $x AS x":          {"x": int64(1), "extra": int64(2)},
		"SELECT 1 AS x":           {"x": int64(1)},
		"SELECT $a AS a, $b AS b": {"a": int64(1), "c": int64(1)},
		"SELECT $x AS y":          {"x": struct{}{}},
		"SELECT $x AS z":          {"x": []any{[]any{}}},
	} {
		q := s.query("par", sql, tab)
		q.Args = args
		_, err := s.ask(t, q)
		wantError(t, err, errs.Invalid, "sql-parameter")
	}
	d, err := s.e.Describe(t.Context(), s.query("par", "SELECT n, $zz::BIGINT AS p FROM t WHERE s = $a OR s = $zz::VARCHAR", tab))
	want := engine.Description{Columns: columns(table.Column{Name: "n", Key: "n", Type: bigint}, table.Column{Name: "p", Key: "p", Type: bigint}).Columns, Params: []string{"zz", "a"}}
	if err != nil || !cmp.Equal(want, d) {
		t.Errorf("Describe: %v (-want +got):\n%s", err, cmp.Diff(want, d))
	}
}
