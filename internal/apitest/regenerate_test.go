package apitest_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestProgramsSurviveANewVersion(t *testing.T) {
	t.Parallel()
	c, id, datasource := shared.newDataline(t, "regenerated")
	list := func() map[string]node {
		all := map[string]node{}
		for _, p := range c.object("GET", "/v1/queryprograms/dataline/"+id, nil).list() {
			all[p.text("id")] = p
		}
		return all
	}
	changes := func() node { return c.object("GET", "/v1/datalines/"+id+"/programs/changes", nil).at(0) }
	first := list()
	if got := changes(); got.get("version").number() != 1 || len(got.get("changes").list()) != len(first) || !strings.Contains(got.text("summary"), "added") {
		t.Fatalf("the first generation: %s", got)
	}
	c.followAll(c.object("POST", "/v1/datasources/"+datasource+"/runs", map[string]any{}))
	second := list()
	for pid, p := range first {
		if _, ok := second[pid]; !ok {
			t.Errorf("lost: %s: %s", p.text("cue"), changes())
		}
	}
	want(t, "changes", changes(), "version number", "job_id string", "summary string", "notes array", "changes array", "created_at string")

	// One program is run, one edited, one written, one asked for; then their column is hidden.
	// Programs that only have the column among others, as completeness does, go on without it.
	var ran, edited, asked string
	project := ""
	for _, pid := range slices.Sorted(maps.Keys(second)) {
		p := second[pid]
		project = p.text("project_id")
		if !strings.Contains(p.text("cue"), "city") {
			continue
		}
		switch {
		case ran == "":
			ran = pid
			c.object("POST", "/v1/run/queryprogram", map[string]any{"project_id": project, "queryprogram_id": pid})
		case edited == "":
			edited = pid
			c.object("PATCH", "/v1/queryprograms/"+pid, map[string]any{"code": `SELECT nothing_like_it FROM orders`, "slots": []any{}})
		}
	}
	custom := c.object("POST", "/v1/queryprograms", map[string]any{"project_id": project, "dataline_id": id, "cue": "mine", "code": "SELECT city FROM orders"}).text("id")
	got := c.send("POST", "/v1/build/query_program", map[string]any{"project_id": project, "question": "average amount per city"})
	_, data := eventsOf(t, string(got.body))
	asked, _ = data[0]["id"].(string)
	c.followAll(c.object("PATCH", "/v1/datalines/"+id+"/columns", map[string]any{"columns": map[string]any{"city": map[string]any{"hidden": true}}}))
	after := list()
	said := changes().String()
	if p := after[ran]; p.value == nil || p.get("retired_at").kind() == "null" || !strings.Contains(p.text("retired_reason"), "hidden") {
		t.Errorf("what was run is not retired: %s", p)
	}
	if p := after[edited]; p.value == nil || p.get("retired_at").kind() == "null" || !strings.Contains(p.text("retired_reason"), "no longer runs") {
		t.Errorf("what was edited and does not run is not retired: %s", p)
	}
	if p := after[custom]; p.value == nil || p.get("retired_at").kind() != "null" {
		t.Errorf("what a person wrote and runs: %s", p)
	}
	if _, ok := after[asked]; ok {
		t.Errorf("what was asked of the hidden column, and never run, is there: %s", after[asked])
	}
	if !strings.Contains(said, "retired") || !strings.Contains(said, "removed") || !strings.Contains(said, "hidden the column city") {
		t.Errorf("changes: %s", said)
	}

	// When the column is back, so is what was retired for it.
	c.followAll(c.object("PATCH", "/v1/datalines/"+id+"/columns", map[string]any{"columns": map[string]any{"city": nil}}))
	if p := list()[ran]; p.value == nil || p.get("retired_at").kind() != "null" {
		t.Errorf("not brought back: %s\n%s", p, changes())
	}
}

func TestProgramsAreShownInTrino(t *testing.T) {
	t.Parallel()
	c := shared.client(t, shared.owner.key)
	n := 0
	for _, p := range c.object("GET", "/v1/queryprograms/dataline/"+shared.ids["dataline"], nil).list() {
		if p.text("origin") != "generated" {
			continue
		}
		got := c.send("GET", "/v1/queryprograms/"+p.text("id")+"/sql?dialect=trino", nil)
		if got.status == 200 && got.json().text("dialect") == "trino" && strings.Contains(got.json().text("sql"), "SELECT") {
			n++
		} else if p.text("template") != "composed" {
			t.Errorf("%s: %s", p.text("cue"), got)
		}
		if own := c.object("GET", "/v1/queryprograms/"+p.text("id")+"/sql", nil); own.text("sql") != p.text("code") || own.text("dialect") != "duckdb" {
			t.Errorf("%s: %s", p.text("cue"), own)
		}
	}
	if n == 0 {
		t.Error("no program is shown in Trino's SQL")
	}
	custom := c.object("POST", "/v1/queryprograms", map[string]any{"project_id": shared.ids["project"], "cue": "one", "code": "SELECT 1 AS one"}).text("id")
	if got := c.send("GET", "/v1/queryprograms/"+custom+"/sql?dialect=trino", nil); got.status != 409 {
		t.Errorf("what a person wrote is translated: %s", got)
	}
}
