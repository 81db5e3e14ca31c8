package apitest_test

import (
	"fmt"
	"testing"
)

func TestEveryFieldThatCanBeChangedIsKept(t *testing.T) {
	t.Parallel()
	w := shared
	c, project := w.newProject(t, "changing")
	datasource := c.object("POST", "/v1/datasources", map[string]any{"name": "d", "project_id": project}).text("id")
	credential := c.object("POST", "/v1/credentials", map[string]any{"name": "c", "type": "api", "team_id": w.ids["team"]}).text("id")
	program := c.object("POST", "/v1/queryprograms", map[string]any{"project_id": project, "cue": "q", "code": "SELECT 1 AS a"}).text("id")
	secrets := "/v1/secrets/" + w.ids["team"] + "/"
	secret := c.object("POST", secrets, map[string]any{"name": "CHANGING", "value": "v"}).text("id")
	for _, u := range []struct {
		path  string
		field string
		value any
	}{
		{"/v1/projects/" + project, "name", "a name"},
		{"/v1/projects/" + project, "description", "text"},
		{"/v1/projects/" + project, "metadata", map[string]any{"a": 1, "deep": map[string]any{"camelCase": true}}},
		{"/v1/projects/" + project, "team_id", w.ids["team"]},
		{"/v1/datasources/" + datasource, "name", "another"},
		{"/v1/datasources/" + datasource, "type", "http-requests"},
		{"/v1/datasources/" + datasource, "uri", "https://api.example.com/v1"},
		{"/v1/datasources/" + datasource, "status", "ready"},
		{"/v1/datasources/" + datasource, "phase", "sync_completed"},
		{"/v1/datasources/" + datasource, "message", "fine"},
		{"/v1/datasources/" + datasource, "description", "text"},
		{"/v1/datasources/" + datasource, "credentials_id", credential},
		{"/v1/datasources/" + datasource, "metadata", map[string]any{"a": 1}},
		{"/v1/credentials/" + credential, "name", "another"},
		{"/v1/credentials/" + credential, "type", "aws"},
		{"/v1/credentials/" + credential, "description", "text"},
		{secrets + secret, "name", "CHANGED"},
		{secrets + "CHANGED", "type", "password"},
		{secrets + "CHANGED", "description", "text"},
		{secrets + secret, "credentials_id", credential},
		{secrets + "CHANGED", "origins", []string{"https://api.example.com:443"}},
		{"/v1/queryprograms/" + program, "name", "a name"},
		{"/v1/queryprograms/" + program, "cue", "another question?"},
		{"/v1/queryprograms/" + program, "code", "SELECT 2 AS a -- ünïcödé <&>\n"},
		{"/v1/queryprograms/" + program, "steps", "null"},
		{"/v1/queryprograms/" + program, "stores", `[{"at":"MAIN"}]`},
		{"/v1/queryprograms/" + program, "slots", `{"theirs": [1]}`},
		{"/v1/queryprograms/" + program, "reason", "because"},
		{"/v1/queryprograms/" + program, "public", true},
		{"/v1/queryprograms/" + program, "metadata", map[string]any{"a": 1}},
	} {
		wanted := fmt.Sprint(node{u.value})
		if got := c.object("PATCH", u.path, map[string]any{u.field: u.value}); got.get(u.field).String() != wanted {
			t.Errorf("%s: %s became %s, want %s", u.path, u.field, got.get(u.field), wanted)
		}
		if got := c.object("GET", u.path, nil); got.get(u.field).String() != wanted {
			t.Errorf("%s: %s reads as %s, want %s", u.path, u.field, got.get(u.field), wanted)
		}
	}
	versions := c.object("GET", "/v1/queryprograms/"+program+"/versions", nil).list()
	if len(versions) < 4 || versions[len(versions)-1].text("code") != "SELECT 1 AS a" {
		t.Errorf("versions: %v", versions)
	}
}

func TestADeletedProjectComesBack(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "coming back")
	c.object("DELETE", "/v1/projects/"+project, nil)
	if got := c.send("GET", "/v1/projects/"+project, nil); got.status != 404 {
		t.Fatalf("deleted: %s", got)
	}
	if got := c.send("PATCH", "/v1/projects/"+project, `{"name":"x"}`); got.status != 404 {
		t.Errorf("a change of a deleted project: %s", got)
	}
	c.object("PATCH", "/v1/projects/"+project, map[string]any{"deleted_at": nil, "name": "back"})
	if got := c.object("GET", "/v1/projects/"+project, nil); got.text("name") != "back" || got.get("deleted_at").kind() != "null" {
		t.Errorf("got %s", got)
	}
	if got := c.object("PATCH", "/v1/projects/"+project, map[string]any{"deleted_at": "2026-01-01T00:00:00Z"}); got.get("deleted_at").kind() != "string" {
		t.Errorf("deleted by a change: %s", got)
	}
}

func TestARunIsRepeatedAndMakesANewVersion(t *testing.T) {
	t.Parallel()
	w := shared
	c, project := w.newProject(t, "repeating")
	d := c.object("POST", "/v1/datasources", map[string]any{"name": "again", "project_id": project}).text("id")
	first := c.object("POST", "/v1/http/execute-request", w.execution(project, d, "/orders"))
	for _, j := range first.get("jobs").list() {
		c.follow(j.text("id"))
	}
	second := c.object("POST", "/v1/datasources/"+d+"/runs", map[string]any{})
	want(t, "as execute-request answers", second, "jobs array", "data_object_id string")
	want(t, "a job that waits", second.get("jobs").at(2), "progress number", "latest_status string", "parent_job_id string")
	if len(second.get("jobs").list()) != len(first.get("jobs").list()) {
		t.Errorf("the jobs: %s", second)
	}
	for _, j := range second.get("jobs").list() {
		if end := c.follow(j.text("id")); end.text("status") != "completed" {
			t.Fatalf("%s", end)
		}
	}
	runs := c.object("GET", "/v1/datasources/"+d+"/runs", nil).list()
	if len(runs) != 2 || runs[0].text("id") != second.get("jobs").at(0).text("id") {
		t.Fatalf("runs, newest first: %v", runs)
	}
	for i, version := range []float64{2, 1} {
		r := c.object("GET", "/v1/datasources/"+d+"/runs/"+runs[i].text("id"), nil)
		want(t, "run", r, "status string", "stats.pages number", "stats.records number", "stats.bytes number", "dataline_id string", "rows number", "bytes number", "verdict.state string", "error null", "finished_at string")
		if r.get("version").number() != version || r.get("rows").number() != records || r.get("stats", "pages").number() != 3 {
			t.Errorf("run %d: %s", i, r)
		}
	}
	for rule, path := range map[string]string{
		"a job that is no run":       d + "/runs/" + second.get("jobs").at(1).text("id"),
		"another datasource's run":   d + "/runs/" + w.ids["job"],
		"a run of what is not there": random + "/runs/" + runs[0].text("id"),
	} {
		if got := c.send("GET", "/v1/datasources/"+path, nil); got.status != 404 {
			t.Errorf("%s: %s, want 404", rule, got)
		}
	}
	if rows := c.object("GET", "/v1/datalines/project/"+project, nil).at(0).get("rows").number(); rows != records {
		t.Errorf("%v rows after a repeated run, want %d", rows, records)
	}
	cursor := c.send("GET", "/v1/datalines/"+runs[0].text("dataline_id")+"/rows?after=1.100", nil)
	if cursor.status != 409 {
		t.Errorf("a cursor of the version before: %s", cursor)
	}
}

func TestARunIsCanceled(t *testing.T) {
	t.Parallel()
	w := shared
	c, project := w.newProject(t, "canceling")
	for _, path := range []string{"/v1/datasources/%s/runs/%s/cancel", "/v1/jobs/%[2]s/cancel"} {
		d := c.object("POST", "/v1/datasources", map[string]any{"name": "hangs", "project_id": project}).text("id")
		jobs := c.object("POST", "/v1/http/execute-request", w.execution(project, d, "/hang")).get("jobs").list()
		run := jobs[0].text("id")
		target := fmt.Sprintf(path, d, run)
		if got := c.object("POST", target, map[string]any{}); got.text("id") != run {
			t.Errorf("%s: %s", target, got)
		}
		for _, j := range jobs {
			if end := c.follow(j.text("id")); end.text("status") != "canceled" && end.text("status") != "failed" {
				t.Errorf("%s: %s", target, end)
			}
		}
		got := c.object("GET", "/v1/datasources/"+d+"/runs/"+run, nil)
		if got.text("status") != "canceled" || got.get("version").kind() != "null" || got.get("finished_at").kind() != "string" {
			t.Errorf("%s: %s", target, got)
		}
		if again := c.send("POST", target, map[string]any{}); again.status != 200 && again.status != 409 {
			t.Errorf("canceled twice: %s", again)
		}
	}
	if all := c.object("GET", "/v1/datalines/project/"+project, nil).list(); len(all) != 0 {
		t.Errorf("half a dataset stays: %v", all)
	}
}

func TestSlotValuesAreTakenFromEveryPlace(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "slots")
	program := c.object("POST", "/v1/queryprograms", map[string]any{"project_id": project, "cue": "q", "code": "SELECT $n AS n",
		"slots": []any{map[string]any{"name": "n", "type": "integer", "default": 1}}}).text("id")
	ids := func(more map[string]any) map[string]any {
		body := map[string]any{"project_id": project, "queryprogram_id": program}
		for k, v := range more {
			body[k] = v
		}
		return body
	}
	for _, u := range []struct {
		rule, query string
		body        map[string]any
		want        string
	}{
		{"the default", "", ids(nil), "1"},
		{"the query", "?n=2", ids(nil), "2"},
		{"the object slots", "", ids(map[string]any{"slots": map[string]any{"n": 3}}), "3"},
		{"beside the ids", "", ids(map[string]any{"n": 4, "something": "else"}), "4"},
		{"the query wins", "?n=5", ids(map[string]any{"n": 4, "slots": map[string]any{"n": 3}}), "5"},
		{"beyond 2^53 as text", "", ids(map[string]any{"slots": map[string]any{"n": "9007199254740993"}}), `"9007199254740993"`},
		{"beyond 2^53 as a number", "", ids(map[string]any{"n": uint64(9007199254740993)}), `"9007199254740993"`},
		{"the other name of the id", "", map[string]any{"project_id": project, "query_program_id": program}, "1"},
	} {
		if got := c.object("POST", "/v1/run/queryprogram"+u.query, u.body).get("rows").at(0).at(0).String(); got != u.want {
			t.Errorf("%s: %s, want %s", u.rule, got, u.want)
		}
	}
	history := c.object("GET", "/v1/queryprograms/"+program+"/history", nil).list()
	if len(history) != 8 {
		t.Errorf("%d runs in the history, want 8", len(history))
	}
	want(t, "history", history[0], "id string", "query_program_id string", "timestamp string", "execution_time number", "success boolean", "result object")
}

func TestOtherTextIsKeptAsCodeAndDoesNotRun(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "python code")
	code := "class AnswerQueryProgram(QueryProgram):\n\tdef run(self):  # ünïcödé \u2028 <&>\r\n\t\treturn \"1\"\n"
	p := c.object("POST", "/v1/queryprograms", map[string]any{"project_id": project, "cue": "q", "code": code})
	if p.text("code") != code || c.object("GET", "/v1/queryprograms/"+p.text("id"), nil).text("query_program") != code {
		t.Errorf("the code became %q", p.text("code"))
	}
	got := c.send("POST", "/v1/run/queryprogram", map[string]any{"project_id": project, "queryprogram_id": p.text("id")})
	if got.status != 400 || got.json().text("detail") == "" {
		t.Errorf("running it: %s", got)
	}
	valid := c.object("POST", "/v1/queryprograms/validate", map[string]any{"project_id": project, "code": code})
	if valid.get("valid").value != false || valid.get("errors").at(0).string() == "" {
		t.Errorf("validating it: %s", valid)
	}
}
