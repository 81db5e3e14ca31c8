package program_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/program"
)

// show writes an outline on lines: its block's name, what it reads, its steps.
func show(blocks []program.Block) string {
	var b strings.Builder
	for i, block := range blocks {
		fmt.Fprintf(&b, "%d %s%v%v", i, block.Name, block.Tables, block.Blocks)
		for _, s := range block.Steps {
			fmt.Fprintf(&b, " | %s %s", s.Kind, s.Text)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestOutline(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, sql, want string }{
		{"nothing but a table", `SELECT a FROM t`, "0 [t][]\n"},
		{"no table", `SELECT 1`, "0 [][]\n"},
		{"the order in which a SELECT works", `SELECT DISTINCT c, sum(x) FROM t WHERE a > 1 GROUP BY c HAVING sum(x) > 2 ORDER BY 2 DESC LIMIT 3`,
			"0 [t][] | filter WHERE a > 1 | aggregate GROUP BY c: sum(x) | filter HAVING sum(x) > 2 | distinct DISTINCT | sort ORDER BY 2 DESC | limit LIMIT 3\n"},
		{"joins with what they compare", `SELECT * FROM "a b" x LEFT JOIN u ON x.id = u.id, v`,
			"0 [a b u v][] | join LEFT JOIN u ON x.id = u.id | join v\n"},
		{"an aggregate alone", `SELECT count(*) FILTER (WHERE b) AS n FROM t`, "0 [t][] | aggregate count(*) FILTER (WHERE b)\n"},
		{"a slot for an aggregate", `SELECT {{agg}}(x) FROM t GROUP BY ALL`, "0 [t][] | aggregate GROUP BY ALL: {{agg}}(x)\n"},
		{"over a window it is no aggregate", `SELECT sum(x) OVER (ORDER BY d), row_number() OVER () FROM t QUALIFY row_number() OVER () = 1`,
			"0 [t][] | window sum(x), row_number() | filter QUALIFY row_number() OVER () = 1\n"},
		{"steps of WITH come before who reads them", `WITH g AS (SELECT c, count(*) n FROM t GROUP BY 1), h AS (SELECT * FROM g WHERE n > 1) SELECT * FROM h JOIN u USING (c)`,
			"0 g[t][] | aggregate GROUP BY 1: count(*)\n1 h[][0] | filter WHERE n > 1\n2 [u][1] | join JOIN u USING (c)\n"},
		{"a query in FROM, in a list and in a condition", `SELECT (SELECT max(a) FROM u) FROM (SELECT * FROM t LIMIT 5) WHERE b IN (SELECT b FROM v)`,
			"0 [t][] | limit LIMIT 5\n1 [v][]\n2 [u][] | aggregate max(a)\n3 [][0 1 2] | filter WHERE b IN (SELECT b FROM v)\n"},
		{"UNION sorts at its end", `SELECT a FROM t UNION ALL SELECT b FROM u ORDER BY 1 LIMIT 2`,
			"0 [t][]\n1 [u][]\n2 [][0 1] | combine UNION ALL | sort ORDER BY 1 | limit LIMIT 2\n"},
		{"functions that make rows", `SELECT * FROM t, unnest(t.tags) AS u(tag)`, "0 [t unnest()][] | join unnest(t.tags) AS u(tag)\n"},
		{"words inside texts and brackets are none", `SELECT extract(year FROM d), 'GROUP BY' AS "WHERE" FROM t WHERE d IS DISTINCT FROM e`,
			"0 [t][] | filter WHERE d IS DISTINCT FROM e\n"},
		{"FROM first", `FROM t WHERE a`, "0 [t][] | filter WHERE a\n"},
		{"brackets around all", `(SELECT a FROM (t JOIN u USING (a)))`, "0 [t u][] | join JOIN u USING (a)\n"},
	} {
		blocks, err := program.Outline(c.sql)
		if err != nil {
			t.Errorf("%s: %v", c.rule, err)
			continue
		}
		if diff := cmp.Diff(show(blocks), c.want); diff != "" {
			t.Errorf("%s: %s (-got +want)\n%s", c.rule, c.sql, diff)
		}
	}
	if _, err := program.Outline("DELETE FROM t"); err == nil {
		t.Error("an outline of what is no query")
	}
}

// Any statement has an outline whose last block is its own and whose blocks read
// only those before them.
func FuzzOutline(f *testing.F) {
	for _, sql := range []string{
		"SELECT 1", "WITH a AS (SELECT 1), b(x) AS MATERIALIZED (FROM a) SELECT * FROM a JOIN b ON 1 = 1", "FROM t", "((SELECT 1) UNION (SELECT 2)) ORDER BY 1",
		"SELECT a FROM (b JOIN (SELECT 1) c) , d", "VALUES (1), (2)", "WITH x AS (SELECT 1) FROM x", "SELECT union FROM t UNION", "WITH", "SELECT (((", "SELECT a.from FROM b",
	} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		blocks, err := program.Outline(sql)
		if err != nil {
			return
		}
		if len(blocks) == 0 {
			t.Fatalf("%q has no blocks", sql)
		}
		for i, b := range blocks {
			for _, from := range b.Blocks {
				if from < 0 || from >= i {
					t.Fatalf("%q: block %d reads block %d", sql, i, from)
				}
			}
		}
	})
}

func TestTouches(t *testing.T) {
	t.Parallel()
	paths := [][]string{{"id"}, {"Status"}, {"customer", "tier"}, {"amount"}}
	slot := program.Slot{Name: "dim", Type: program.Column, Default: "amount", Values: []any{"amount", "customer.tier"}}
	for _, c := range []struct {
		rule string
		p    program.Program
		want []bool
	}{
		{"columns by name, regardless of case", program.Program{SQL: `SELECT ID, "status" FROM orders`}, []bool{true, true, false, false}},
		{"a field needs all of its path", program.Program{SQL: `SELECT (customer).tier, x.tier FROM orders`}, []bool{false, false, true, false}},
		{"a star is every column", program.Program{SQL: `SELECT o.* FROM orders o`}, []bool{true, true, true, true}},
		{"counting and multiplying are no stars", program.Program{SQL: `SELECT count(*), 2 * id FROM orders`}, []bool{true, false, false, false}},
		{"what a slot may choose", program.Program{SQL: `SELECT {{dim}} FROM orders`, Slots: []program.Slot{slot}}, []bool{false, false, true, true}},
		{"the SQL behind a choice", program.Program{SQL: `SELECT {{dim}} FROM orders`, Slots: []program.Slot{{Name: "dim", Type: program.Column, Default: "n",
			Values: []any{"n"}, Expressions: map[string]string{"n": "TRY_CAST(amount AS DOUBLE)"}}}}, []bool{false, false, false, true}},
		{"another table", program.Program{SQL: `SELECT * FROM orders__items`}, []bool{false, false, false, false}},
		{"a name in a text is none", program.Program{SQL: `SELECT 'id' FROM orders -- amount`}, []bool{false, false, false, false}},
		{"no SQL", program.Program{SQL: `class A: "orders`}, []bool{false, false, false, false}},
		{"FROM alone", program.Program{SQL: `FROM orders`}, []bool{true, true, true, true}},
	} {
		if diff := cmp.Diff(program.Touches(c.p, "Orders", paths), c.want); diff != "" {
			t.Errorf("%s (-got +want)\n%s", c.rule, diff)
		}
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	from := program.Program{Cue: "How many?", SQL: "SELECT a,\n  b\nFROM t\nWHERE x = $x\nLIMIT 10", Slots: []program.Slot{
		{Name: "x", Type: program.Integer, Default: int64(1)}, {Name: "gone", Type: program.String}}}
	to := from
	to.Cue, to.SQL = "How much?", "SELECT a,\n  c\nFROM t\nWHERE x = $x\n"
	to.Slots = []program.Slot{{Name: "new", Type: program.Date}, {Name: "x", Type: program.Integer, Default: int64(2)}}
	d := program.Diff(from, to)
	var text strings.Builder
	for _, l := range d.SQL {
		fmt.Fprintf(&text, "%c %d %d %s\n", l.Op, l.From, l.To, l.Text)
	}
	want := "  1 1 SELECT a,\n- 2 0   b\n+ 0 2   c\n  3 3 FROM t\n  4 4 WHERE x = $x\n- 5 0 LIMIT 10\n"
	if diff := cmp.Diff(text.String(), want); diff != "" {
		t.Errorf("SQL (-got +want)\n%s", diff)
	}
	got := fmt.Sprintf("%v %s", d.Equal, d.Fields)
	for _, s := range d.Slots {
		got += fmt.Sprintf("; %s %s %s", s.Change, s.Name, s.Fields)
	}
	if want := `false [{cue "How many?" "How much?"}]; changed x [{default 1 2}]; removed gone []; added new []`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if same := program.Diff(from, from); !same.Equal || len(same.SQL) != 5 || same.SQL[4].Op != ' ' {
		t.Errorf("a program and itself: %+v", same)
	}
	turned := from
	turned.Slots = []program.Slot{from.Slots[1], from.Slots[0]}
	if d := program.Diff(from, turned); d.Equal || !d.Moved {
		t.Errorf("slots in another order: %+v", d)
	}
}

// Whatever the texts, the lines of both can be read from the comparison.
func FuzzDiffLines(f *testing.F) {
	f.Add("a\nb\nc", "a\nc\nd")
	f.Add("", "x")
	f.Add("a\r\nb\n\n", "\n\n")
	f.Fuzz(func(t *testing.T, from, to string) {
		var a, b []string
		for _, l := range program.DiffLines(from, to) {
			if l.Op != '+' {
				if a = append(a, l.Text); l.From != len(a) {
					t.Fatalf("line %d of %q has the number %d", len(a), from, l.From)
				}
			}
			if l.Op != '-' {
				if b = append(b, l.Text); l.To != len(b) {
					t.Fatalf("line %d of %q has the number %d", len(b), to, l.To)
				}
			}
		}
		for _, side := range []struct {
			lines []string
			text  string
		}{{a, from}, {b, to}} {
			whole := strings.ReplaceAll(side.text, "\r\n", "\n")
			if got := strings.Join(side.lines, "\n"); got != strings.TrimSuffix(whole, "\n") && got != whole {
				t.Fatalf("%q became %q", side.text, got)
			}
		}
	})
}
