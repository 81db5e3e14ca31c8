package apitest_test

import (
	"fmt"
	"strings"
	"testing"
)

// newDataline lands the orders as many times as asked, with the modes of the later runs.
func (w *world) newDataline(t *testing.T, name string, again ...map[string]any) (c *client, dataline, datasource string) {
	t.Helper()
	c, project := w.newProject(t, name)
	datasource = c.object("POST", "/v1/datasources", map[string]any{"name": "orders", "project_id": project}).text("id")
	for _, j := range c.object("POST", "/v1/http/execute-request", w.execution(project, datasource, "/orders")).get("jobs").list() {
		c.follow(j.text("id"))
	}
	for _, body := range again {
		for _, j := range c.object("POST", "/v1/datasources/"+datasource+"/runs", body).get("jobs").list() {
			if end := c.follow(j.text("id")); end.text("status") != "completed" {
				t.Fatalf("%s", end)
			}
		}
	}
	return c, c.object("GET", "/v1/datalines/project/"+project, nil).at(0).text("id"), datasource
}

func TestVersionsAreListedComparedAndRestored(t *testing.T) {
	t.Parallel()
	c, id, _ := shared.newDataline(t, "versions", map[string]any{}, map[string]any{"mode": "append"})
	base := "/v1/datalines/" + id
	list := c.object("GET", base+"/versions", nil).list()
	if len(list) != 3 {
		t.Fatalf("got %v", list)
	}
	want(t, "a version", list[0], "version number", "kind string", "job_id string", "base number", "key array", "rows number", "bytes number", "schema.columns array",
		"verdict.state string", "pins array", "created_at string", "expired_at null")
	kinds := fmt.Sprint(list[0].text("kind"), list[1].text("kind"), list[0].get("rows").number(), list[1].get("rows").number())
	if kinds != fmt.Sprint("append", "replace", float64(2*records), float64(records)) {
		t.Errorf("got %s", kinds)
	}
	if one := c.object("GET", base+"/versions/2", nil); one.String() != list[1].String() {
		t.Errorf("one version:\n%s\n%s", one, list[1])
	}
	diff := c.object("GET", base+"/versions/3/diff", nil)
	if diff.get("from").number() != 2 || diff.get("rows_after").number() != 2*records || diff.get("lines").at(0).String() != fmt.Sprintf(`"%d rows became %d"`, records, 2*records) {
		t.Errorf("got %s", diff)
	}
	if back := c.object("GET", base+"/versions/1/diff?from=3", nil); back.get("rows_before").number() != 2*records {
		t.Errorf("backwards: %s", back)
	}
	if first := c.object("GET", base+"/versions/1/diff", nil); first.get("lines").at(0).String() != `"the same columns and as many rows"` {
		t.Errorf("the first version has none before it: %s", first)
	}
	restored := c.object("POST", base+"/versions/1/restore", map[string]any{})
	if restored.get("version").number() != 4 || restored.text("kind") != "restore" || restored.get("base").number() != 1 {
		t.Errorf("got %s", restored)
	}
	if got := c.object("GET", base, nil); got.get("rows").number() != records || got.get("version").number() != 4 {
		t.Errorf("after it was restored: %s", got)
	}
	if got := c.send("POST", base+"/versions/4/restore", map[string]any{}); got.status != 409 || got.json().text("type") == "" {
		t.Errorf("the current version: %s", got)
	}
	for _, path := range []string{"/versions/9", "/versions/9/diff", "/versions/2/diff?from=9", "/rows?version=9", "/export?version=9", "/profile?version=9"} {
		if got := c.send("GET", base+path, nil); got.status != 404 {
			t.Errorf("%s: %s, want 404", path, got)
		}
	}
	for _, path := range []string{"/versions/0", "/versions/x", "/versions/-1", "/rows?version=x", "/export?format=xlsx"} {
		if got := c.send("GET", base+path, nil); got.status != 400 {
			t.Errorf("%s: %s, want 400", path, got)
		}
	}
}

func TestOldVersionsAreRead(t *testing.T) {
	t.Parallel()
	c, id, _ := shared.newDataline(t, "old versions", map[string]any{"mode": "append"})
	base := "/v1/datalines/" + id
	page := c.object("GET", base+"/rows?version=1&limit=10", nil)
	if page.get("version").number() != 1 || page.get("total_rows").number() != records || !strings.HasPrefix(page.text("next"), "1.") {
		t.Errorf("got %s", page)
	}
	more := c.object("GET", base+"/rows?version=1&limit=10&after="+page.text("next"), nil)
	if more.get("version").number() != 1 || more.get("rows").String() == page.get("rows").String() {
		t.Errorf("the next page: %s", more)
	}
	for version, rows := range map[string]int{"?version=1": records, "": 2 * records, "?format=ndjson": 2 * records, "?version=1&format=ndjson": records} {
		file := c.send("GET", base+"/export"+version, nil)
		lines := strings.Count(string(file.body), "\n")
		if !strings.Contains(version, "ndjson") {
			lines-- // the header
		}
		if file.status != 200 || lines != rows || !strings.Contains(file.header.Get("Content-Disposition"), `filename="orders.`) {
			t.Errorf("export%s: %d lines, %s", version, lines, file.header)
		}
	}
	if got := c.object("GET", base+"/profile?version=1", nil); got.get("version").number() != 1 {
		t.Errorf("got %s", got)
	}
}

func TestTheRowsOfAMergedDatasetArePaged(t *testing.T) {
	t.Parallel()
	c, id, _ := shared.newDataline(t, "merged", map[string]any{"mode": "merge", "key": []string{"id"}})
	base := "/v1/datalines/" + id
	v := c.object("GET", base+"/versions/2", nil)
	if v.text("kind") != "merge" || v.get("rows").number() != records || v.get("key").String() != `["id"]` {
		t.Errorf("got %s", v)
	}
	seen, after := map[string]bool{}, ""
	for range records {
		page := c.object("GET", base+"/rows?limit=100&after="+after, nil)
		for _, row := range page.get("rows").list() {
			seen[row.at(0).String()] = true
		}
		if page.get("next").kind() == "null" {
			break
		}
		after = page.text("next")
	}
	if len(seen) != records {
		t.Errorf("%d different rows on all pages, want %d", len(seen), records)
	}
}

func TestTheProfileSaysWhatWasInferredFromWhat(t *testing.T) {
	t.Parallel()
	c := shared.client(t, shared.owner.key)
	p := c.object("GET", "/v1/datalines/"+shared.ids["dataline"]+"/profile", nil)
	want(t, "profile", p, "version number", "columns array", "profile object", "typing array")
	columns := p.get("columns").list()
	if len(columns) == 0 {
		t.Fatal("no columns")
	}
	want(t, "a column", columns[0], "path array", "name string", "key string", "type string", "values number", "nulls number", "missing number", "counts object", "unusual array",
		"role string", "evidence array")
	for _, col := range columns {
		if len(col.get("path").list()) == 1 && col.get("values").number()+col.get("nulls").number()+col.get("missing").number() != records {
			t.Errorf("a column is not inferred from all records: %s", col)
		}
	}
	if columns[0].text("role") == "" || len(columns[0].get("evidence").list()) == 0 {
		t.Errorf("nothing of what analysis found: %s", columns[0])
	}
}

func TestPinsAndSettings(t *testing.T) {
	t.Parallel()
	c, id, datasource := shared.newDataline(t, "settings", map[string]any{}, map[string]any{})
	base := "/v1/datalines/" + id
	if got := c.object("GET", base+"/settings", nil).String(); got != `{"keep_days":7,"keep_versions":20,"raw_pages":"keep"}` {
		t.Errorf("defaults: %s", got)
	}
	if v := c.object("POST", base+"/versions/1/pin", map[string]any{}); v.get("pins").String() != `["user"]` {
		t.Errorf("got %s", v)
	}
	strict := map[string]any{"keep_versions": 1, "keep_days": 0}
	refused := c.send("PATCH", base+"/settings", strict)
	if refused.status != 409 || !strings.Contains(refused.json().text("detail"), "version 1 (pinned by user)") {
		t.Errorf("settings that drop a pinned version: %s", refused)
	}
	if got := c.object("GET", base+"/settings", nil); got.get("keep_versions").number() != 20 {
		t.Errorf("a refused change changed something: %s", got)
	}
	if v := c.object("DELETE", base+"/versions/1/pin", nil); v.get("pins").String() != `[]` {
		t.Errorf("got %s", v)
	}
	if got := c.object("PATCH", base+"/settings", strict); got.text("raw_pages") != "keep" || got.get("keep_versions").number() != 1 {
		t.Errorf("got %s", got)
	}
	for field, body := range map[string]map[string]any{"/keep_versions": {"keep_versions": -1}, "/keep_days": {"keep_days": 1e6}, "/raw_pages": {"raw_pages": "some"}} {
		got := c.send("PATCH", base+"/settings", body)
		if got.status != 400 || !strings.Contains(got.String(), field) {
			t.Errorf("%s: %s", field, got)
		}
	}
	for _, j := range c.object("POST", "/v1/datasources/"+datasource+"/runs", map[string]any{}).get("jobs").list() {
		c.follow(j.text("id"))
	}
	list := c.object("GET", base+"/versions", nil).list()
	for i, v := range list {
		if expired := v.get("expired_at").kind() != "null"; expired != (i > 0) {
			t.Errorf("only the current version is kept: %s", v)
		}
	}
	for _, path := range []string{"/rows?version=1", "/export?version=1"} {
		if got := c.send("GET", base+path, nil); got.status != 404 || !strings.Contains(got.String(), "expired") {
			t.Errorf("%s: %s", path, got)
		}
	}
	if got := c.send("POST", base+"/versions/1/restore", map[string]any{}); got.status != 404 || !strings.Contains(got.String(), "version-expired") {
		t.Errorf("restoring it: %s", got)
	}
	if got := c.send("POST", base+"/versions/1/pin", map[string]any{}); got.status != 404 {
		t.Errorf("pinning it: %s", got)
	}
}

func TestManyRunsLeaveFewFiles(t *testing.T) {
	t.Parallel()
	var again []map[string]any
	for range 16 {
		again = append(again, map[string]any{"mode": "append"})
	}
	c, id, datasource := shared.newDataline(t, "compacted", again...)
	base := "/v1/datalines/" + id
	compaction := c.object("GET", "/v1/jobs?job_type=compact_dataset&source_id="+datasource, nil).list()
	if len(compaction) != 1 {
		t.Fatalf("compactions: %v", compaction)
	}
	if end := c.follow(compaction[0].text("id")); end.text("status") != "completed" {
		t.Fatalf("%s", end)
	}
	v := c.object("GET", base+"/versions/18", nil)
	if v.text("kind") != "compact" || v.get("rows").number() != 17*records {
		t.Errorf("got %s", v)
	}
	before, after := c.send("GET", base+"/export?format=ndjson&version=17", nil), c.send("GET", base+"/export?format=ndjson", nil)
	if before.status != 200 || string(before.body) != string(after.body) {
		t.Errorf("the rows differ: %d and %d bytes", len(before.body), len(after.body))
	}
	if p := c.object("GET", base+"/profile", nil); p.get("profile").kind() != "object" || p.get("version").number() != 18 {
		t.Errorf("the profile is gone: %s", p.get("version"))
	}
}
