package evaluate_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"millwright/internal/engine"
	"millwright/internal/engine/duckdb"
	"millwright/internal/errs"
	"millwright/internal/evaluate"
	"millwright/internal/program"
	"millwright/internal/table"
)

func TestMain(m *testing.M) {
	if duckdb.IsWorker() {
		os.Exit(duckdb.ServeWorker())
	}
	goleak.VerifyTestMain(m)
}

// files is a project over real Parquet: orders, and its child table as a view.
type files struct {
	dir    string
	orders engine.Table
}

func (files) TableNames(context.Context, string) ([]string, error) {
	return []string{"orders", "orders__items"}, nil
}

func (f files) Tables(_ context.Context, _ string, names []string, _ map[string]int64) (evaluate.Tables, error) {
	t := evaluate.Tables{Tables: []engine.Table{f.orders}, Dir: f.dir, Versions: map[string]int64{"orders": 1}}
	if slices.Contains(names, "orders__items") {
		t.Tables = append(t.Tables, engine.Table{Name: "orders__items",
			View: `SELECT "id", item.* FROM (SELECT "id", unnest("items") AS item FROM "orders")`})
	}
	return t, nil
}

const orders = `{"id":9007199254740993,"status":"paid","total":"12.50","made":"2026-01-31 08:00:00","customer":{"tier":"gold"},"items":[{"sku":"a","n":2},{"sku":"b","n":1}],"extra":"{\"k\": [1, 2.50]}"}
{"id":2,"status":"open","total":"0.10","made":"2026-02-01 00:00:00.5","customer":{"tier":"basic"},"items":[],"extra":null}
{"id":3,"status":"paid","total":null,"made":"2026-02-28 23:59:59.999999","customer":null,"items":null,"extra":"\"text\""}
`

func real(t *testing.T) *evaluate.Evaluator {
	t.Helper()
	dir := t.TempDir()
	sql, err := duckdb.Open(duckdb.Config{SpillDir: filepath.Join(t.TempDir(), "spill"), Workers: 2, Spare: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sql.Close(); err != nil {
			t.Error(err)
		}
	})
	col := func(id int, name string, typ table.Type) table.Column {
		return table.Column{ID: id, Name: name, Key: name, Type: typ}
	}
	kind := func(k table.Kind) table.Type { return table.Type{Kind: k} }
	item := table.Type{Kind: table.Struct, Fields: []table.Column{col(10, "sku", kind(table.Varchar)), col(11, "n", kind(table.BigInt))}}
	schema := table.Schema{Columns: []table.Column{
		col(1, "id", kind(table.BigInt)), col(2, "status", kind(table.Varchar)),
		col(3, "total", table.Type{Kind: table.Decimal, Precision: 18, Scale: 2}), col(4, "made", kind(table.Timestamp)),
		col(5, "customer", table.Type{Kind: table.Struct, Fields: []table.Column{col(6, "tier", kind(table.Varchar))}}),
		col(7, "items", table.Type{Kind: table.List, Elem: &item, ElemID: 8}), col(9, "extra", kind(table.JSON)),
	}}
	input, output := filepath.Join(dir, "in.ndjson"), filepath.Join(dir, "orders.parquet")
	if err := os.WriteFile(input, []byte(orders), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sql.Convert(t.Context(), engine.Conversion{Input: input, Output: output, Schema: schema}); err != nil {
		t.Fatal(err)
	}
	return &evaluate.Evaluator{
		Engine: sql, Stager: stager{t.TempDir()},
		Datasets: files{dir: dir, orders: engine.Table{Name: "orders", Files: []string{output}, Schema: schema}},
	}
}

func TestOnRealParquet(t *testing.T) {
	t.Parallel()
	ev := real(t)
	dim := program.Slot{Name: "dim", Type: program.Column, Default: "status", Values: []any{"status", "customer.tier"},
		Expressions: map[string]string{"customer.tier": `"customer"."tier"`}}
	for name, c := range map[string]struct {
		sql    string
		slots  []program.Slot
		values map[string]any
		want   string
	}{
		"every type arrives exactly": {`SELECT * FROM orders ORDER BY made`, nil, nil,
			`[["9007199254740993","paid","12.50","2026-01-31T08:00:00",{"tier":"gold"},[{"sku":"a","n":2},{"sku":"b","n":1}],{"k":[1,2.50]}],` +
				`[2,"open","0.10","2026-02-01T00:00:00.5",{"tier":"basic"},[],null],[3,"paid",null,"2026-02-28T23:59:59.999999",null,null,"text"]]`},
		"a large integer is found": {`SELECT status FROM orders WHERE id = $id`, []program.Slot{{Name: "id", Type: program.Integer, Required: true}},
			map[string]any{"id": "9007199254740993"}, `[["paid"]]`},
		"an optional slot that is left out does not filter": {`SELECT count(*) FROM orders WHERE ($s IS NULL OR status = $s)`,
			[]program.Slot{{Name: "s", Type: program.String}}, nil, `[[3]]`},
		"an optional slot filters": {`SELECT count(*) FROM orders WHERE ($s IS NULL OR status = $s)`,
			[]program.Slot{{Name: "s", Type: program.String}}, map[string]any{"s": "paid"}, `[[2]]`},
		"a list": {`SELECT id FROM orders WHERE status IN $l ORDER BY 1`, []program.Slot{{Name: "l", Type: program.ValueList, Default: []any{"paid", "x'"}}},
			nil, `[[3],["9007199254740993"]]`},
		"a date, a number, a boolean and a time": {`SELECT id FROM orders WHERE made >= $day AND made < $until AND total < $most AND $yes`,
			[]program.Slot{{Name: "day", Type: program.Date, Default: "2026-02-01"}, {Name: "until", Type: program.Timestamp, Default: "2026-02-01T01:00:00+00:30"},
				{Name: "most", Type: program.Number, Default: 0.11}, {Name: "yes", Type: program.Boolean, Default: true}}, nil, `[[2]]`},
		"a column": {`SELECT {{dim}} AS label, count(*) AS n FROM orders GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT $n`,
			[]program.Slot{dim, {Name: "n", Type: program.Integer, Default: 1}}, nil, `[["paid",2]]`},
		"a field of a struct": {`SELECT {{dim}} AS label, '{{dim}}' AS of FROM orders WHERE {{dim}} IS NOT NULL ORDER BY 1`, []program.Slot{dim},
			map[string]any{"dim": "customer.tier"}, `[["basic","customer.tier"],["gold","customer.tier"]]`},
		"a grain in both places": {`SELECT date_trunc({{grain}}, made) AS period, max(made) + INTERVAL 1 {{grain}} AS next, max(made) - INTERVAL $n {{grain}} AS before FROM orders GROUP BY 1 ORDER BY 1 {{order}} LIMIT 1`,
			[]program.Slot{{Name: "grain", Type: program.Grain, Default: "month"}, {Name: "order", Type: program.Order, Default: "asc"}, {Name: "n", Type: program.Integer, Default: 2}},
			map[string]any{"order": "desc"}, `[["2026-02-01T00:00:00","2026-03-28T23:59:59.999999","2025-12-28T23:59:59.999999"]]`},
		"an aggregate": {`SELECT {{agg}}(total) FROM orders`, []program.Slot{{Name: "agg", Type: program.Aggregate, Default: "sum"}}, map[string]any{"agg": "max"}, `[["12.50"]]`},
		"a child table": {`SELECT o.status, i.sku, sum(i.n) FROM orders o JOIN orders__items i ON i.id = o.id GROUP BY ALL ORDER BY 2`, nil, nil,
			`[["paid","a",2],["paid","b",1]]`},
		"no table at all":                   {"SELECT 1 AS one -- and no more", nil, nil, `[[1]]`},
		"texts that look like placeholders": {`SELECT '$n', E'it\'s {{x}}', $$ $n $$ FROM orders LIMIT 1`, nil, nil, `[["$n","it's {{x}}"," $n "]]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := ev.Run(t.Context(), evaluate.Request{ProjectID: "p1", Program: program.Program{SQL: c.sql, Slots: c.slots}, Values: c.values})
			if err != nil {
				t.Fatal(errs.Public(err))
			}
			if diff := cmp.Diff(string(r.RowsJSON()), c.want); diff != "" {
				t.Errorf("(-got +want)\n%s", diff)
			}
		})
	}
}

func TestRealErrorsPointToTheProgram(t *testing.T) {
	t.Parallel()
	ev := real(t)
	slots := []program.Slot{{Name: "n", Type: program.Integer, Default: 1}}
	for sql, want := range map[string]string{
		"SELECT id,\n  $n, totl FROM orders": "line 2, column 7: ",
		"SELECT $n, count(* FROM orders":     "line 1, column 17: this ( is not closed",
		"SELECT $n FROM orders WHER id = 1":  "line 1, column 28: ",
		"SELECT $n, nope(id) FROM orders":    "line 1, column 12: ",
	} {
		p := program.Program{SQL: sql, Slots: slots}
		_, err := ev.Validate(t.Context(), "p1", p)
		e, ok := errs.Find(err)
		if !ok || e.Type != "sql-invalid" || !strings.HasPrefix(e.Msg, want) || len(e.Fields) == 0 || e.Fields[0].Pointer != "/code" {
			t.Errorf("%s: got %v, want %s", sql, err, want)
		}
	}
	v, err := ev.Validate(t.Context(), "p1", program.Program{SQL: "SELECT id, total * $n AS x FROM orders", Slots: slots})
	if err != nil || len(v.Columns) != 2 || v.Columns[1].Name != "x" {
		t.Errorf("a good program: %+v, %v", v, err)
	}
}

func TestRealExplain(t *testing.T) {
	t.Parallel()
	ev := real(t)
	p := program.Program{SQL: "SELECT status, sum(total) AS total FROM orders WHERE id > $n GROUP BY 1 ORDER BY 2", Slots: []program.Slot{{Name: "n", Type: program.Integer, Required: true}}}
	x, err := ev.Explain(t.Context(), evaluate.Request{ProjectID: "p1", Program: p})
	if err != nil {
		t.Fatal(err)
	}
	if len(x.Plan) < 3 || x.Plan[0].Depth != 0 || x.Plan[1].Depth != 1 || x.EstimatedRows == nil || strings.Contains(x.Text, ".parquet") {
		t.Errorf("the plan: %+v\n%s", x.Plan, x.Text)
	}
	for _, step := range x.Plan {
		if strings.Contains(step.Operator, ": ") {
			t.Errorf("an operator that was not read: %+v", step)
		}
	}
	if diff := cmp.Diff(x.Tables, []evaluate.TableRead{{Name: "orders", Version: 1}}); diff != "" || len(x.Columns) != 2 || x.Values["n"] != int64(1) {
		t.Errorf("%s %+v %v", diff, x.Columns, x.Values)
	}
	p.SQL = "SELECT $n, nope FROM orders"
	if _, err := ev.Explain(t.Context(), evaluate.Request{ProjectID: "p1", Program: p}); !strings.HasPrefix(errs.Public(err), "line 1, column 12: ") {
		t.Errorf("an unknown column: %v", err)
	}
}

func TestRealGraph(t *testing.T) {
	t.Parallel()
	ev := real(t)
	g, err := ev.Graph(t.Context(), evaluate.Request{ProjectID: "p1", Program: program.Program{
		SQL: `WITH g AS (SELECT o.status, sum(i.n) AS n FROM orders o JOIN orders__items i ON i.id = o.id WHERE o.id > 0 GROUP BY 1) SELECT status, n FROM g ORDER BY 2 LIMIT 5`}})
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, n := range g.Nodes {
		fmt.Fprintf(&got, "%s %s %s v%d\n", n.ID, n.Kind, n.Label, n.Version)
	}
	for _, e := range g.Edges {
		fmt.Fprintf(&got, "%s > %s\n", e.From, e.To)
	}
	want := `table:orders dataset orders v1
table:orders__items child orders__items v0
step:0.0 join join v0
step:0.1 filter filter v0
step:0.2 aggregate aggregate v0
query:0 query g v0
step:1.0 sort sort v0
step:1.1 limit limit v0
result result result v0
column:0 column status v0
column:1 column n v0
table:orders > table:orders__items
table:orders > step:0.0
table:orders__items > step:0.0
step:0.0 > step:0.1
step:0.1 > step:0.2
step:0.2 > query:0
query:0 > step:1.0
step:1.0 > step:1.1
step:1.1 > result
result > column:0
result > column:1
`
	if diff := cmp.Diff(got.String(), want); diff != "" {
		t.Errorf("(-got +want)\n%s", diff)
	}
}

// All downloads of one result say the same.
func TestRealDownloads(t *testing.T) {
	t.Parallel()
	ev := real(t)
	req := evaluate.Request{ProjectID: "p1", Program: program.Program{
		SQL:   "SELECT i, i * 1.5 AS v, 'text ' || i AS s FROM range($n) r(i) ORDER BY i",
		Slots: []program.Slot{{Name: "n", Type: program.Integer, Default: 30_000}},
	}}
	get := func(f evaluate.Format) []byte {
		var out bytes.Buffer
		d, err := ev.Download(t.Context(), req, evaluate.File{Format: f}, &out)
		if err != nil || d.Rows != 30_000 {
			t.Errorf("%s: %+v, %v", f, d, err)
		}
		return out.Bytes()
	}
	if lines := bytes.Split(get(evaluate.CSV), []byte("\r\n")); len(lines) != 30_002 || string(lines[30_000]) != "29999,44998.5,text 29999" {
		t.Errorf("CSV: %d lines, the last is %s", len(lines), lines[30_000])
	}
	if lines := bytes.Split(get(evaluate.NDJSON), []byte("\n")); len(lines) != 30_001 || string(lines[29_999]) != `{"i":29999,"v":"44998.5","s":"text 29999"}` {
		t.Errorf("NDJSON: %d lines, the last is %s", len(lines), lines[29_999])
	}
	get(evaluate.Arrow)
	path := filepath.Join(ev.Datasets.(files).dir, "result.parquet")
	if err := os.WriteFile(path, get(evaluate.Parquet), 0o600); err != nil {
		t.Fatal(err)
	}
	back := files{dir: filepath.Dir(path), orders: engine.Table{Name: "orders", Files: []string{path}}}
	reader := &evaluate.Evaluator{Engine: ev.Engine, Datasets: back}
	r, err := reader.Run(t.Context(), evaluate.Request{ProjectID: "p1", Program: program.Program{SQL: "SELECT count(*), max(v), max(i) FROM orders"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(r.RowsJSON()); got != `[[30000,"44998.5",29999]]` {
		t.Errorf("Parquet holds %s", got)
	}
}

func TestRealLimits(t *testing.T) {
	t.Parallel()
	ev := real(t)
	req := evaluate.Request{ProjectID: "p1", Program: program.Program{SQL: "SELECT i, repeat('x', 1000) AS s FROM range(50000) r(i)"}, CountRows: true}
	r, err := ev.Run(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if r.RowCount != 10_000 || !r.Truncated || r.TotalRows == nil || *r.TotalRows != 50_000 {
		t.Errorf("%d rows, truncated %v, total %v", r.RowCount, r.Truncated, r.TotalRows)
	}
	ev.Limits.Bytes = 1 << 20
	if r, err = ev.Run(t.Context(), req); err != nil || !r.Truncated || r.RowCount < 900 || r.RowCount > 1100 {
		t.Errorf("a MiB of rows of a KiB: %v, %v", r, err)
	}
}

// The scanner must see a statement as the engine does: what the engine accepts,
// it splits, and what it leaves out is space to the engine too.
func TestScannerAgreesWithTheEngine(t *testing.T) {
	t.Parallel()
	ev := real(t)
	for i, sql := range []string{
		"SELECT 'a''b', E'a\\'b', e'\\\\', x'41', $$a'b$$, $t$ $$ ' $t$",
		"SELECT /* a /* b */ ' */ 1 -- '\n, 2", "SELECT 1 -- x\r, 2", "SELECT\u00a01,\u30002,\u200b3",
		`SELECT "a""b", "c'd" FROM (SELECT 1 AS "a""b", 2 AS "c'd")`,
		"SELECT 1.5e-3, .5, 1_000, 0x1F, 1e5, 3.", "SELECT $é$x'$é$", "SELECT 1FROM orders", "SELECT [1, 2][1], {'a': {'b': 1}}.a.b",
		"SELECT 'a'\n'b'", "SELECT 'é' || U&'x'[1:1]",
	} {
		_, err := ev.Run(t.Context(), evaluate.Request{ProjectID: "p1", Program: program.Program{SQL: sql}})
		tokens, scanErr := program.Tokens(sql)
		if (err == nil) != (scanErr == nil) && i < 10 {
			t.Errorf("%s: the engine says %v, the scanner %v", sql, err, scanErr)
			continue
		}
		if err != nil {
			continue
		}
		var canonical []string
		for _, token := range tokens {
			canonical = append(canonical, sql[token.Pos:token.End])
		}
		// With other space between its tokens the statement must be the same.
		joined := strings.Join(canonical, "\n")
		if _, err := ev.Run(t.Context(), evaluate.Request{ProjectID: "p1", Program: program.Program{SQL: joined}}); err != nil {
			t.Errorf("%s: cut into %s the engine says %v", sql, fmt.Sprintf("%q", canonical), err)
		}
	}
}
