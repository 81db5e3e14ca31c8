package apitest_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// eventsOf reads server-sent events as the clients do: one line of data each.
func eventsOf(t *testing.T, body string) (names []string, data []map[string]any) {
	t.Helper()
	if strings.Contains(body, "\r") {
		t.Error("a line ends with a carriage return")
	}
	for i, block := range strings.Split(strings.TrimSuffix(body, "\n\n"), "\n\n") {
		lines := strings.Split(block, "\n")
		if len(lines) != 3 || !strings.HasPrefix(lines[0], "id: ") || !strings.HasPrefix(lines[1], "event: ") || !strings.HasPrefix(lines[2], "data: ") {
			t.Fatalf("event %d is not id, event and data: %q", i, block)
		}
		var d map[string]any
		if err := json.Unmarshal([]byte(lines[2][6:]), &d); err != nil {
			t.Fatal(err)
		}
		names, data = append(names, lines[1][7:]), append(data, d)
	}
	return names, data
}

func TestAQuestionBecomesAProgram(t *testing.T) {
	t.Parallel()
	c, id, _ := shared.newDataline(t, "questions")
	project := c.object("GET", "/v1/datalines/"+id, nil).text("project_id")
	for _, field := range []string{"question", "natural_language_query", "cue"} {
		got := c.send("POST", "/v1/build/query_program", map[string]any{"project_id": project, field: "What is the average amount for each city?"})
		if got.status != 200 || got.header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("%s: %s", field, got)
		}
		names, data := eventsOf(t, string(got.body))
		if strings.Join(names, " ") != "QueryProgram complete" {
			t.Fatalf("events %q", names)
		}
		p := data[0]
		if p["certainty"].(float64) < .5 || p["cue"] != "What is the average amount for each city?" || p["origin"] != "generated" || len(p["understood"].([]any)) == 0 {
			t.Errorf("got %v", p)
		}
		run := c.object("POST", "/v1/run/queryprogram", map[string]any{"project_id": project, "queryprogram_id": p["id"]})
		if run.get("items").get("MAIN").get("item").get("rows").at(0).at(0).kind() != "string" || run.get("row_count").number() != 3 {
			t.Errorf("it ran to %s", run)
		}
	}
	before := len(c.object("GET", "/v1/queryprograms?project_id="+project, nil).list())
	for _, question := range []string{"What is the average salary by department?", "xyzzy", "orders per warehouse", "?"} {
		got := c.send("POST", "/v1/build/query_program", map[string]any{"project_id": project, "question": question})
		names, data := eventsOf(t, string(got.body))
		if got.status != 200 || strings.Join(names, " ") != "error" || data[0]["code"] != "no-match" || data[0]["status"].(float64) != 404 {
			t.Errorf("%s: %s", question, got)
			continue
		}
		if near := data[0]["details"].(map[string]any)["nearest"].([]any); len(near) == 0 || !strings.Contains(data[0]["message"].(string), "no program answers") {
			t.Errorf("%s: nothing is near: %s", question, got)
		}
	}
	if after := len(c.object("GET", "/v1/queryprograms?project_id="+project, nil).list()); after != before {
		t.Errorf("questions without an answer stored %d programs", after-before)
	}
	for name, body := range map[string]map[string]any{"no question": {"project_id": project}, "blank": {"project_id": project, "question": " "}} {
		if got := c.send("POST", "/v1/build/query_program", body); got.status != 400 {
			t.Errorf("%s: %s", name, got)
		}
	}
	empty := c.object("POST", "/v1/projects", map[string]any{"name": "nothing in it"}).text("id")
	for _, path := range []string{"query_program", "cues"} {
		if got := c.send("POST", "/v1/build/"+path, map[string]any{"project_id": empty, "question": "How many?", "count": 1}); got.status != 400 || got.json().text("type") != "no-dataset" {
			t.Errorf("%s without data: %s", path, got)
		}
	}
}

func TestCuesAreExactlyAsManyAsAskedFor(t *testing.T) {
	t.Parallel()
	c, id, _ := shared.newDataline(t, "cues")
	project := c.object("GET", "/v1/datalines/"+id, nil).text("project_id")
	programs := func() []node { return c.object("GET", "/v1/queryprograms?project_id="+project, nil).list() }
	for _, p := range programs() {
		c.object("DELETE", "/v1/queryprograms/"+p.text("id")+"?permanent=true", nil)
	}
	steered := c.object("POST", "/v1/build/cues", map[string]any{"project_id": project, "count": 1, "guidance": "monthly trends please"}).at(0)
	if steered.text("kind") != "time_series" {
		t.Errorf("guided to trends: %s", steered.text("cue"))
	}
	rank := c.object("POST", "/v1/build/cues", map[string]any{"project_id": project, "count": 1, "guidance": "rankings: who is at the top"}).at(0)
	if rank.text("kind") != "ranking" {
		t.Errorf("guided to rankings: %s", rank.text("cue"))
	}
	for _, p := range programs() {
		c.object("DELETE", "/v1/queryprograms/"+p.text("id")+"?permanent=true", nil)
	}
	made := c.object("POST", "/v1/build/cues", map[string]any{"project_id": project, "previous_questions": []string{}, "count": 2}).list()
	if len(made) != 2 || len(programs()) != 2 || made[0].text("id") == "" {
		t.Fatalf("got %d, stored %d", len(made), len(programs()))
	}
	more := c.object("POST", "/v1/build/cues", map[string]any{"project_id": project, "count": 3, "previous_questions": []string{made[0].text("cue")}}).list()
	seen := map[string]bool{}
	for _, p := range append(made, more...) {
		if seen[p.text("cue")] {
			t.Errorf("asked twice: %s", p.text("cue"))
		}
		seen[p.text("cue")] = true
		if got := c.send("POST", "/v1/run/queryprogram", map[string]any{"project_id": project, "queryprogram_id": p.text("id")}); got.status != 200 {
			t.Errorf("%s: %s", p.text("cue"), got)
		}
	}
	if len(seen) != 5 || len(programs()) != 5 {
		t.Errorf("%d questions, %d stored", len(seen), len(programs()))
	}
	stored := len(programs())
	if got := c.send("POST", "/v1/build/cues", map[string]any{"project_id": project, "count": 50}); got.status == 400 && len(programs()) != stored {
		t.Errorf("too many were wanted, and %d stored: %s", len(programs())-stored, got)
	}
	for name, count := range map[string]any{"none": 0, "negative": -1, "too many": 51, "a text": "two"} {
		if got := c.send("POST", "/v1/build/cues", map[string]any{"project_id": project, "count": count}); got.status != 400 && got.status != 422 {
			t.Errorf("%s: %s", name, got)
		}
	}
	questions := c.object("POST", "/v1/actions/generate/questions", map[string]any{"project_id": project, "count": 2}).get("questions").list()
	if len(questions) > 2 || len(programs()) < stored {
		t.Errorf("got %v", questions)
	}
}
