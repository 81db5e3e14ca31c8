package apitest_test

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// land connects a path of the sample API and waits for all that follows.
func (w *world) land(t *testing.T, c *client, project, name, path string) (datasource string) {
	t.Helper()
	datasource = c.object("POST", "/v1/datasources", map[string]any{"name": name, "project_id": project}).text("id")
	w.finish(t, c, c.object("POST", "/v1/http/execute-request", w.execution(project, datasource, path)))
	return datasource
}

// finish waits for the jobs of an answer.
func (w *world) finish(t *testing.T, c *client, started node) {
	t.Helper()
	for _, j := range started.get("jobs").list() {
		if end := c.follow(j.text("id")); end.text("status") != "completed" {
			t.Fatalf("%s", end)
		}
	}
}

func newProgram(c *client, project, code string, slots ...any) string {
	return c.object("POST", "/v1/queryprograms", map[string]any{"project_id": project, "cue": "q", "code": code, "slots": orNone(slots)}).text("id")
}

func orNone(slots []any) []any {
	if slots == nil {
		return []any{}
	}
	return slots
}

func TestVersionsOfAProgram(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "program versions")
	id := newProgram(c, project, "SELECT 1 AS a,\n  2 AS b\n", map[string]any{"name": "n", "type": "integer", "default": 1})
	base := "/v1/queryprograms/" + id
	first := c.object("GET", base+"/versions/1", nil)
	changed := c.object("PATCH", base, map[string]any{"cue": "how many?", "code": "SELECT 1 AS a,\n  3 AS b\n", "slots": []any{
		map[string]any{"name": "n", "type": "integer", "default": 2}, map[string]any{"name": "m", "type": "date"}}})
	if changed.get("version").number() != 2 || changed.text("prev_id") != first.text("id") {
		t.Errorf("after a change: %s", changed)
	}
	diff := c.object("GET", base+"/versions/2/diff?from=1", nil)
	var lines []string
	for _, l := range diff.get("lines").list() {
		lines = append(lines, l.string())
	}
	want := []string{`cue: "q" became "how many?"`, "slot n: default: 1 became 2", "slot m was added", "  SELECT 1 AS a,", "-   2 AS b", "+   3 AS b"}
	if !slices.Equal(lines, want) || diff.get("equal").value != false {
		t.Errorf("got  %q\nwant %q", lines, want)
	}
	if before := c.object("GET", base+"/versions/2/diff", nil); before.String() != diff.String() {
		t.Errorf("without from: %s", before)
	}
	if same := c.object("GET", base+"/versions/2/diff?from=2", nil); same.get("equal").value != true {
		t.Errorf("a version and itself: %s", same)
	}
	restored := c.object("POST", base+"/versions/1/restore", map[string]any{})
	if restored.get("version").number() != 3 || restored.text("code") != first.text("code") || restored.text("cue") != "q" || len(restored.get("slot_list").list()) != 1 {
		t.Errorf("restored: %s", restored)
	}
	versions := c.object("GET", base+"/versions", nil).list()
	if len(versions) != 3 || versions[0].text("prev_id") != versions[1].text("id") || versions[1].text("prev_id") != versions[2].text("id") || versions[2].get("prev_id").kind() != "null" {
		t.Errorf("the chain: %s", versions)
	}
	if again := c.object("POST", base+"/versions/3/restore", map[string]any{}); again.get("version").number() != 3 {
		t.Errorf("restoring what is current: %s", again)
	}
	for path, pointer := range map[string]string{"/versions/9": "", "/versions/9/diff": "", "/versions/1/diff?from=9": "from"} {
		got := c.send("GET", base+path, nil)
		if got.status != 404 || pointer != "" && got.json().get("errors").at(0).text("pointer") != pointer {
			t.Errorf("%s: %s", path, got)
		}
	}
}

// What a person changed stays, whatever runs and whatever is generated again.
func TestAnEditedProgramIsNeverOverwritten(t *testing.T) {
	t.Parallel()
	w := shared
	c, dataline, datasource := w.newDataline(t, "edited")
	list := "/v1/queryprograms/dataline/" + dataline
	before := c.object("GET", list, nil).list()
	if len(before) < 3 {
		t.Fatalf("%d programs", len(before))
	}
	edited := c.object("PATCH", "/v1/queryprograms/"+before[0].text("id"), map[string]any{"code": "SELECT 42 AS answer", "slots": []any{}})
	if edited.text("origin") != "edited" {
		t.Fatalf("after an edit: %s", edited)
	}
	c.object("DELETE", "/v1/queryprograms/"+before[1].text("id"), nil)
	for range 2 {
		w.finish(t, c, c.object("POST", "/v1/datasources/"+datasource+"/runs", map[string]any{}))
	}
	if got := c.object("GET", "/v1/queryprograms/"+edited.text("id"), nil); got.String() != edited.String() {
		t.Errorf("the edited program became\n%s\nbefore\n%s", got, edited)
	}
	cues := map[string]int{}
	for _, p := range c.object("GET", list, nil).list() {
		if cues[p.text("cue")]++; p.text("id") == before[1].text("id") || p.text("cue") == before[1].text("cue") {
			t.Errorf("a deleted program is back: %s", p)
		}
	}
	if cues[edited.text("cue")] != 1 {
		t.Errorf("the question of the edited program is there %d times", cues[edited.text("cue")])
	}
	old := c.object("POST", "/v1/queryprograms/"+edited.text("id")+"/versions/1/restore", map[string]any{})
	if old.text("code") != before[0].text("code") || old.text("origin") != "edited" {
		t.Errorf("the first version restored: %s", old)
	}
}

func TestJoinsAcrossDatasets(t *testing.T) {
	t.Parallel()
	w := shared
	c, project := w.newProject(t, "joins")
	orders := w.land(t, c, project, "orders", "/orders")
	w.land(t, c, project, "baskets", "/baskets")
	w.finish(t, c, c.object("POST", "/v1/datasources/"+orders+"/runs", map[string]any{}))
	id := newProgram(c, project, `SELECT o.city, b.shop, sum(i.n) AS pieces
FROM orders o JOIN baskets b ON b.order_id = o.id JOIN baskets__items i ON i._parent_basket_id = b.basket_id
WHERE ($shop IS NULL OR b.shop = $shop) GROUP BY ALL ORDER BY 1, 2 LIMIT 100`, map[string]any{"name": "shop", "type": "string"})
	run := map[string]any{"project_id": project, "queryprogram_id": id}
	r := c.object("POST", "/v1/run/queryprogram", run)
	// 20 baskets of 3 pieces; no parent is counted twice.
	pieces := 0.0
	for _, row := range r.get("rows").list() {
		pieces += row.at(2).number()
	}
	versions := `{"baskets":1,"baskets__items":1,"orders":2}`
	if pieces != 60 || r.get("row_count").number() != 6 || r.get("dataset_versions").String() != versions {
		t.Errorf("got %v pieces: %s", pieces, r)
	}
	if h := c.object("GET", "/v1/queryprograms/"+id+"/history", nil).at(0); h.get("dataset_versions").String() != versions || h.get("row_count").number() != 6 || h.get("version").number() != 1 {
		t.Errorf("the history: %s", h)
	}
	x := c.object("POST", "/v1/queryprograms/"+id+"/explain", map[string]any{"values": map[string]any{"shop": "north"}})
	if want := `[{"table_name":"baskets","version":1},{"table_name":"baskets__items","version":1},{"table_name":"orders","version":2}]`; x.get("tables").String() != want {
		t.Errorf("explain reads %s, want %s", x.get("tables"), want)
	}
	if x.get("estimated_rows").kind() != "number" || !strings.Contains(x.text("plan"), "JOIN") || len(x.get("operators").list()) < 4 || len(x.get("columns").list()) != 3 || x.text("request", "shop") != "north" {
		t.Errorf("explain: %s", x)
	}
	if strings.Contains(x.String(), ".parquet") {
		t.Errorf("explain tells files: %s", x)
	}
	g := c.object("GET", "/v1/queryprograms/"+id+"/graph", nil)
	kinds := map[string]int{}
	for _, n := range g.get("nodes").list() {
		kinds[n.text("type")]++
	}
	if got := fmt.Sprint(kinds); got != "map[aggregate:1 child:1 column:3 dataset:2 filter:1 join:2 limit:1 result:1 sort:1]" {
		t.Errorf("the graph has %s: %s", got, g)
	}
	if old := c.object("POST", "/v1/actions/evaluate/queryprogram/graph", run); old.String() != g.String() {
		t.Errorf("the older route: %s", old)
	}
	checkCoverage(t, c, project, id)
}

func checkCoverage(t *testing.T, c *client, project, id string) {
	t.Helper()
	cover := func() node { return c.object("GET", "/v1/coverage/"+project, nil) }
	for _, p := range c.object("GET", "/v1/queryprograms?project_id="+project, nil).list() {
		if p.text("id") != id {
			c.object("DELETE", "/v1/queryprograms/"+p.text("id"), nil)
		}
	}
	got := cover()
	used := got.get("used_columns").String()
	for _, name := range []string{"orders.city", "orders.id", "baskets.shop", "baskets.order_id", "baskets.basket_id", "baskets__items.n"} {
		if !strings.Contains(used, `"`+name+`"`) {
			t.Errorf("%s is not among the used columns %s", name, used)
		}
	}
	if strings.Contains(used, "amount") || strings.Contains(got.get("all_columns").String(), "orders.note") || !strings.Contains(got.get("all_columns").String(), "orders.amount") {
		t.Errorf("amount is read by nothing, note holds nothing: %s", got)
	}
	n, total := got.get("used_columns_count").number(), got.get("total_columns").number()
	if p := got.get("coverage_percentage").number(); n == 0 || n >= total || p < 100*n/total-0.1 || p > 100*n/total+0.1 || got.get("coverage_by_status", "unpublished", "columns_count").number() != n {
		t.Errorf("%v of %v: %s", n, total, got)
	}
	c.object("PATCH", "/v1/queryprograms/"+id, map[string]any{"code": "SELECT * FROM orders", "slots": []any{}})
	if got := cover(); !strings.Contains(got.get("used_columns").String(), "orders.amount") || strings.Contains(got.get("used_columns").String(), "baskets.") {
		t.Errorf("after SELECT * FROM orders: %s", got)
	}
	if older := c.object("GET", "/v1/queryprograms/coverage/"+project, nil); older.String() != cover().String() {
		t.Errorf("the older route: %s", older)
	}
}

func TestHistoryIsFilteredAndPaged(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "history")
	id := newProgram(c, project, "SELECT CAST($n AS INTEGER) AS n", map[string]any{"name": "n", "type": "string", "default": "1"})
	run := map[string]any{"project_id": project, "queryprogram_id": id}
	for _, n := range []string{"1", "1", "x", "2"} {
		c.send("POST", "/v1/run/queryprogram?n="+n, run)
	}
	c.object("PATCH", "/v1/queryprograms/"+id, map[string]any{"cue": "another"})
	c.send("POST", "/v1/run/queryprogram?wrong=1", run)
	for query, want := range map[string]string{
		"":                         "slot-invalid ok query-failed cached ok",
		"?success=false":           "slot-invalid query-failed",
		"?success=true&limit=1":    "ok",
		"?skip=3":                  "cached ok",
		"?cached=true":             "cached",
		"?version=2":               "slot-invalid",
		"?version=1&success=false": "query-failed",
	} {
		var got []string
		for _, h := range c.object("GET", "/v1/queryprograms/"+id+"/history"+query, nil).list() {
			word := "ok"
			switch {
			case h.get("success").value == false:
				if word = h.text("error", "type"); h.text("error", "detail") == "" {
					t.Errorf("an error without a reason: %s", h)
				}
			case h.get("cached").value == true:
				word = "cached"
			}
			if h.get("execution_time").kind() != "number" || h.get("success").value == true && h.get("row_count").number() != 1 {
				t.Errorf("got %s", h)
			}
			got = append(got, word)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for query, pointer := range map[string]string{"?limit=0": "limit", "?limit=9999": "limit", "?success=perhaps": "success", "?skip=-1": "skip"} {
		if got := c.send("GET", "/v1/queryprograms/"+id+"/history"+query, nil); got.status != 400 || got.json().get("errors").at(0).text("pointer") != pointer {
			t.Errorf("%s: %s", query, got)
		}
	}
}

// A text slot can mean the text null, in a body and in a query.
func TestNullIsNoFilterAndCanBeAText(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "null")
	id := newProgram(c, project, "SELECT coalesce('<' || $s || '>', 'no filter') AS s, $n IS NULL AS n", map[string]any{"name": "s", "type": "string"}, map[string]any{"name": "n", "type": "integer"})
	for _, u := range []struct{ query, slots, want string }{
		{"", `{}`, `["no filter",true]`},
		{"", `{"s":null,"n":null}`, `["no filter",true]`},
		{"", `{"s":"null","n":"null"}`, `["<null>",true]`},
		{"", `{"s":"","n":""}`, `["<>",true]`},
		{"?s=null&n=null", `{}`, `["no filter",true]`},
		{"?s=&n=", `{}`, `["no filter",true]`},
		{"?s=%22null%22&n=1", `{}`, `["<null>",false]`},
		{"?s=%22%22", `{}`, `["<>",true]`},
		{"?s=%22a%22", `{}`, `["<\"a\">",true]`},
	} {
		body := fmt.Sprintf(`{"project_id":%q,"queryprogram_id":%q,"slots":%s}`, project, id, u.slots)
		got := c.object("POST", "/v1/run/queryprogram"+u.query, body).get("rows").at(0).at(0)
		both := c.object("POST", "/v1/run/queryprogram"+u.query, body).get("rows").at(0)
		if strings.ReplaceAll(strings.ReplaceAll(both.String(), `\u003c`, "<"), `\u003e`, ">") != u.want {
			t.Errorf("%s %s: %s %s, want %s", u.query, u.slots, got, both, u.want)
		}
	}
}

func TestCSVIsReadBackAndHoldsNoFormulas(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "csv")
	texts := []string{"=1+1", "+1", "-1", "@sum(a)", "\tx", "\rx", "\nx", "＝1", "plain", `with "quotes"`, "a,b", "two\r\nlines", " =1", "", "ünïcödé"}
	var rows []string
	for i, text := range texts {
		rows = append(rows, fmt.Sprintf("(%d, %s)", i, "'"+strings.ReplaceAll(text, "'", "''")+"'"))
	}
	id := newProgram(c, project, `SELECT s AS "=head", -1 AS n, s AS "b,c" FROM (VALUES `+strings.Join(rows, ", ")+") v(i, s) ORDER BY i")
	run := map[string]any{"project_id": project, "queryprogram_id": id}
	for _, safe := range []bool{false, true} {
		got := c.send("POST", fmt.Sprintf("/v1/run/queryprogram?format=csv&neutralize_formulas=%v", safe), run)
		if got.status != 200 || !strings.HasPrefix(got.header.Get("Content-Type"), "text/csv") || strings.Count(string(got.body), "\r\n") < len(texts)+1 {
			t.Fatalf("%s", got)
		}
		records, err := csv.NewReader(strings.NewReader(string(got.body))).ReadAll()
		if err != nil || len(records) != len(texts)+1 {
			t.Fatalf("%d records, %v", len(records), err)
		}
		for i, record := range records {
			text := "=head"
			if i > 0 {
				text = texts[i-1]
			}
			// The reader joins CR LF inside a field to LF.
			want := strings.ReplaceAll(text, "\r\n", "\n")
			if danger := strings.ContainsAny(text, "=+@\t＝") && !strings.HasPrefix(text, " ") || text == "-1" || text == "\rx" || text == "\nx"; safe && danger {
				want = "'" + want
			}
			if record[0] != want || i > 0 && record[1] != "-1" {
				t.Errorf("safe %v: %q, want %q", safe, record, want)
			}
		}
	}
}

// A column of nulls alone still has a line for each row.
func TestCSVOfOneColumnLosesNoRow(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "one column")
	id := newProgram(c, project, "SELECT a FROM (VALUES (1), (NULL), (3)) v(a)")
	got := c.send("POST", "/v1/run/queryprogram?format=csv", map[string]any{"project_id": project, "queryprogram_id": id})
	records, err := csv.NewReader(strings.NewReader(string(got.body))).ReadAll()
	if err != nil || len(records) != 4 {
		t.Errorf("%q: %v", got.body, err)
	}
}
