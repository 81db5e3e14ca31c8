package enginetest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/table"
)

// order is the name of the column that tells the place of a row.
const order = "__order"

// rewriting tests what stored versions are read and rewritten by: hidden tables,
// the order of rows, statistics, and rewriting itself.
func (s *suite) rewriting(t *testing.T) {
	schema := columns(column(1, "id", bigint), column(2, "it's", varchar))
	first := s.load(t, "rewrite", "a", schema, `{"id":1,"it's":"x"}`, `{"id":2}`)
	second := s.load(t, "rewrite", "b", schema, `{"id":3,"it's":"y"}`, `{"id":1,"it's":"new"}`)
	both := engine.Table{Name: "__both", Files: append(first.Files, second.Files...), Schema: schema, Hidden: true, Order: order}
	newest := engine.Table{Name: "t", View: `SELECT id, "it's" FROM "__both" WHERE "__order" IN (SELECT max("__order") FROM "__both" GROUP BY id)`, Schema: schema}

	t.Run("rows of several files have an order", func(t *testing.T) {
		plain := both
		plain.Hidden = false
		got := s.mustAsk(t, s.query("rewrite", `SELECT id FROM "__both" ORDER BY "__order"`, plain))
		if diff := cmp.Diff([]string{"1", "2", "3", "1"}, got.rows); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		got = s.mustAsk(t, s.query("rewrite", `SELECT "__order" - 2 * lag("__order") OVER (ORDER BY "__order") FROM "__both" ORDER BY "__order"`, plain))
		if diff := cmp.Diff([]string{"NULL", "1", fmt.Sprint(int64(1)<<40 - 2), fmt.Sprint(int64(1)<<40 + 1 - int64(2)<<40)}, got.rows); diff != "" {
			t.Errorf("steps (-want +got)\n%s", diff)
		}
	})
	t.Run("hidden tables are read by views only", func(t *testing.T) {
		got := s.mustAsk(t, s.query("rewrite", `SELECT * FROM t ORDER BY id`, both, newest))
		if diff := cmp.Diff([]string{`1 | "new"`, "2 | NULL", `3 | "y"`}, got.rows); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		got = s.mustAsk(t, s.query("rewrite", `WITH __both AS (SELECT 7 AS id, 'z' AS "it's", 1 AS __order) SELECT sum(id) FROM t`, both, newest))
		if diff := cmp.Diff([]string{"6"}, got.rows); diff != "" {
			t.Errorf("an expression of the query got into the view (-want +got)\n%s", diff)
		}
		for _, sql := range []string{
			`SELECT * FROM "__both"`, `SELECT * FROM __BOTH`, `SELECT (SELECT max(id) FROM __both)`, `FROM t JOIN __both USING (id)`,
			`WITH __both AS (SELECT 7 AS id, 'x' AS "it's", 1 AS __order) SELECT * FROM t, __both`, `TABLE __both`, `SELECT __order FROM t`,
			`SELECT * FROM main.__both`, `SELECT * FROM t WHERE id IN (SELECT id FROM __both)`,
		} {
			_, err := s.ask(t, s.query("rewrite", sql, both, newest))
			wantError(t, err, errs.Invalid, "sql-invalid")
		}
	})
	t.Run("a rewritten table holds the same", func(t *testing.T) { s.rewritten(t, schema, both, newest) })
	t.Run("statistics", s.statistics)
}

func (s *suite) rewritten(t *testing.T, schema table.Schema, tables ...engine.Table) {
	out := filepath.Join(s.objects, "rewrite", "rewritten.parquet")
	r := engine.Rewriting{Dir: filepath.Join(s.objects, "rewrite"), Tables: tables, SQL: `SELECT * FROM t ORDER BY id DESC`, Output: out, Schema: schema}
	got, err := s.e.Rewrite(t.Context(), r)
	if err != nil || got.Rows != 3 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if info, err := os.Stat(out); err != nil || info.Size() != got.Bytes {
		t.Errorf("Rewrite says %d bytes, the file: %v, %v", got.Bytes, info, err)
	}
	if *got.Stats[1].Min != "1" || *got.Stats[1].Max != "3" || *got.Stats[2].Nulls != 1 {
		t.Errorf("got %+v", got.Stats)
	}
	answer := s.mustAsk(t, s.query("rewrite", `SELECT * FROM n`, engine.Table{Name: "n", Files: []string{out}, Schema: schema}))
	if diff := cmp.Diff([]string{`3 | "y"`, "2 | NULL", `1 | "new"`}, answer.rows); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, err := s.e.Rewrite(t.Context(), r); err == nil {
		t.Error("an output that exists was written over")
	}
	r.Output += "2"
	r.SQL = `SELECT error('no') AS id, 'x' AS "it's" FROM t`
	_, err = s.e.Rewrite(t.Context(), r)
	wantError(t, err, errs.Invalid, "conversion-failed")
	if _, err := os.Stat(r.Output); err == nil {
		t.Error("a failed rewriting left a file")
	}
	r.Tables[0].Files = append(r.Tables[0].Files, filepath.Join(s.stage, "1.ndjson"))
	if _, err = s.e.Rewrite(t.Context(), r); err == nil {
		t.Error("a file outside the folder was read")
	}
}

func (s *suite) statistics(t *testing.T) {
	money := table.Type{Kind: table.Decimal, Precision: 20, Scale: 2}
	pair := table.Type{Kind: table.Struct, Fields: []table.Column{column(8, "a", bigint), column(9, "l", list(bigint, 10))}}
	schema := columns(column(1, "n", bigint), column(2, "d", money), column(3, "x", double), column(4, "s", varchar),
		column(5, "day", table.Type{Kind: table.Date}), column(6, "at", table.Type{Kind: table.TimestampTZ}), column(7, "p", pair), column(11, "none", varchar),
		column(12, "b", boolean), column(13, "j", table.Type{Kind: table.JSON}))
	stage := filepath.Join(s.stage, "stats.ndjson")
	lines := `{"n":9,"d":"-10.5","x":2.5,"s":"b","day":"2024-02-01","at":"2024-02-01T00:00:00.5Z","p":{"a":5,"l":[1]},"b":true,"j":"{}"}
{"n":-10,"d":"9","x":-1e20,"s":"é","day":"1999-12-31","at":"2024-02-01T01:00:00Z","p":null,"b":false}
{"n":null,"d":"100","x":null,"s":"","day":null,"at":null,"p":{"a":null},"j":"1"}
`
	if err := os.WriteFile(stage, []byte(lines), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := s.e.Convert(t.Context(), engine.Conversion{Input: stage, Output: filepath.Join(s.objects, "rewrite", "stats.parquet"), Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	want := map[int]string{
		1: "-10..9 1", 2: "-10.50..100.00 0", 3: "-1e+20..2.5 1", 4: "..é 0", 5: "1999-12-31..2024-02-01 1",
		6: "2024-02-01T00:00:00.5Z..2024-02-01T01:00:00Z 1", 8: "5..5 2", 11: "?..? 3", 12: "false..true 1", 13: "?..? 1",
	}
	said := map[int]string{}
	show := func(s *string) string {
		if s == nil {
			return "?"
		}
		return *s
	}
	for id, c := range got.Stats {
		nulls := "?"
		if c.Nulls != nil {
			nulls = fmt.Sprint(*c.Nulls)
		}
		said[id] = show(c.Min) + ".." + show(c.Max) + " " + nulls
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
