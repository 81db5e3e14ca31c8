package apitest_test

import (
	"strings"
	"testing"
)

// follow waits for the jobs that an answer names.
func (c *client) followAll(answer node) {
	c.t.Helper()
	for _, j := range answer.get("jobs").list() {
		if end := c.follow(j.text("id")); end.text("status") != "completed" {
			c.t.Fatalf("%s", end)
		}
	}
}

func (c *client) column(dataline, name string) node {
	c.t.Helper()
	for _, col := range c.object("GET", "/v1/datalines/"+dataline+"/profile", nil).get("columns").list() {
		if col.text("name") == name {
			return col
		}
	}
	c.t.Fatalf("no column %s", name)
	return node{}
}

func TestWhatAPersonSaysOfColumnsDecides(t *testing.T) {
	t.Parallel()
	c, id, datasource := shared.newDataline(t, "overrides")
	base := "/v1/datalines/" + id
	before := c.column(id, "amount")
	if before.text("role") != "measure" || before.get("override").kind() != "null" || before.get("hidden").String() != "false" {
		t.Fatalf("before: %s", before)
	}
	mentions := func(word string) (n int) {
		for _, p := range c.object("GET", "/v1/queryprograms/dataline/"+id, nil).list() {
			if p.get("retired_at").kind() != "null" {
				continue // it was run, so it stays where it can be found
			}
			if strings.Contains(p.text("code")+p.get("slot_list").String(), word) {
				n++
			}
			if got := c.send("POST", "/v1/run/queryprogram", map[string]any{"project_id": p.text("project_id"), "queryprogram_id": p.text("id")}); got.status != 200 {
				t.Errorf("%s: %s", p.text("cue"), got)
			}
			if got := c.send("POST", "/v1/run/queryprogram", map[string]any{"project_id": p.text("project_id"), "queryprogram_id": p.text("id")}); strings.Contains(got.String(), `"`+word+`"`) && word == "city" {
				n++
			}
		}
		return n
	}
	if mentions("city") == 0 {
		t.Fatal("nothing is asked about the city")
	}
	answer := c.object("PATCH", base+"/columns", map[string]any{"columns": map[string]any{
		"city": map[string]any{"hidden": true}, "amount": map[string]any{"label": "takings", "unit": "EUR", "subtype": "intensive"}, "id": map[string]any{"role": "code"}}})
	if len(answer.get("jobs").list()) != 2 || len(answer.get("columns").list()) != 3 {
		t.Fatalf("got %s", answer)
	}
	c.followAll(answer)
	amount := c.column(id, "amount")
	want(t, "an overridden column", amount, "label string", "unit string", "override.unit string", "overridden.role string", "overridden.evidence array")
	if amount.text("label") != "takings" || amount.text("subtype") != "intensive" || len(amount.get("evidence").list()) <= len(amount.get("overridden").get("evidence").list()) {
		t.Errorf("amount: %s", amount)
	}
	if key := c.column(id, "id"); key.text("role") != "code" || key.get("overridden").text("role") != "key" || !strings.Contains(key.get("evidence").String(), "a person says") {
		t.Errorf("id: %s", key)
	}
	if n := mentions("city"); n != 0 {
		t.Errorf("%d programs read the hidden column", n)
	}
	if mentions("sum({{measure}})") != 0 {
		t.Error("an intensive measure is added up")
	}
	cues := c.object("GET", "/v1/queryprograms/dataline/"+id, nil).String()
	if !strings.Contains(cues, "takings (EUR)") {
		t.Errorf("no question uses the label and the unit: %s", cues)
	}

	// A later version keeps what was said.
	c.followAll(c.object("POST", "/v1/datasources/"+datasource+"/runs", map[string]any{}))
	if city := c.column(id, "city"); city.get("hidden").String() != "true" || mentions("city") != 0 {
		t.Errorf("after another run: %s", city)
	}

	// And null takes it back.
	c.followAll(c.object("PATCH", base+"/columns", map[string]any{"columns": map[string]any{"city": nil, "id": nil, "amount": nil}}))
	if after := c.column(id, "amount"); after.String() != before.String() || mentions("city") == 0 {
		t.Errorf("taken back:\n%s\n%s", after, before)
	}
}

func TestWhatCannotBeSaidOfAColumnIsRefused(t *testing.T) {
	t.Parallel()
	c := shared.client(t, shared.owner.key)
	for name, columns := range map[string]any{
		"no column":               map[string]any{},
		"an unknown column":       map[string]any{"nope": map[string]any{"hidden": true}},
		"a text as measure":       map[string]any{"city": map[string]any{"role": "measure"}},
		"a text as time":          map[string]any{"city": map[string]any{"role": "event_time"}},
		"a key that repeats":      map[string]any{"city": map[string]any{"role": "key"}},
		"an unknown role":         map[string]any{"city": map[string]any{"role": "spaceship"}},
		"a role for the machine":  map[string]any{"city": map[string]any{"role": "empty"}},
		"a subtype of a category": map[string]any{"city": map[string]any{"role": "category", "subtype": "flow"}},
		"a subtype of no measure": map[string]any{"city": map[string]any{"subtype": "flow"}},
		"a long label":            map[string]any{"city": map[string]any{"label": strings.Repeat("x", 101)}},
		"not an object":           map[string]any{"city": "hidden"},
	} {
		got := c.send("PATCH", "/v1/datalines/"+shared.ids["dataline"]+"/columns", map[string]any{"columns": columns})
		if got.status != 400 && got.status != 422 {
			t.Errorf("%s: %s", name, got)
		}
	}
	if col := c.column(shared.ids["dataline"], "city"); col.get("override").kind() != "null" {
		t.Errorf("something was stored: %s", col)
	}
}
