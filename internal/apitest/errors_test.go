package apitest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// canary is a value that no refusal may repeat: it could be a secret.
const canary = "c4n4ry-value-58213"

func TestWrongRequestsNameTheFieldAndRepeatNoValue(t *testing.T) {
	t.Parallel()
	w := shared
	c, project := w.newProject(t, "wrong")
	datasource := c.object("POST", "/v1/datasources", map[string]any{"name": "d", "project_id": project}).text("id")
	program := c.object("POST", "/v1/queryprograms", map[string]any{"project_id": project, "cue": "q", "code": "SELECT $n AS n",
		"slots": []any{map[string]any{"name": "n", "type": "integer", "default": 1}}}).text("id")
	fill := strings.NewReplacer("{project}", project, "{datasource}", datasource, "{program}", program, "{other}", w.ids["project"],
		"{team}", w.ids["team"], "{otherdatasource}", w.ids["datasource"], "{otherprogram}", w.ids["program"], "{canary}", canary, "{url}", w.upstream)
	for _, u := range []struct {
		rule, request, body string
		status              int
		pointer             string
	}{
		{"text where a number belongs", "GET /v1/datalines/x/rows?limit={canary}", "", 400, "limit"},
		{"a number out of range", "GET /v1/jobs?take=100000", "", 400, "take"},
		{"not one of the words", "GET /v1/queryprograms?sort={canary}", "", 400, "sort"},
		{"text where a truth belongs", "GET /v1/projects?include_deleted={canary}", "", 400, "include_deleted"},
		{"a number where text belongs", "POST /v1/projects", `{"name":58213}`, 400, "/name"},
		{"an object where text belongs", "POST /v1/datasources", `{"name":{"x":"{canary}"},"project_id":"{project}"}`, 400, "/name"},
		{"text where an object belongs", "POST /v1/projects", `{"name":"n","metadata":"{canary}"}`, 400, "/metadata"},
		{"a list where an object belongs", "POST /v1/credentials", `{"name":"n","type":"api","config":["{canary}"]}`, 400, "/config"},
		{"an empty name", "POST /v1/projects", `{"name":"  "}`, 400, "/name"},
		{"a missing field", "POST /v1/authentication/api-key", `{}`, 400, "/name"},
		{"a missing project", "POST /v1/datasources", `{"name":"n"}`, 400, "/project_id"},
		{"a missing project of a program", "POST /v1/queryprograms", `{"cue":"q","code":"x"}`, 400, "/project_id"},
		{"a missing program", "POST /v1/run/queryprogram", `{"project_id":"{project}"}`, 400, "/queryprogram_id"},
		{"no JSON", "POST /v1/projects", `{"name":"{canary}`, 400, ""},
		{"a list for an object", "POST /v1/projects", `["{canary}"]`, 400, ""},
		{"an unknown mode", "POST /v1/datasources/{datasource}/runs", `{"mode":"{canary}"}`, 400, "/mode"},
		{"an unknown status", "PATCH /v1/datasources/{datasource}", `{"status":"asleep"}`, 400, "/status"},
		{"a request without url", "POST /v1/http/test-connection", `{"method":"GET"}`, 400, "/url"},
		{"a request without method", "POST /v1/http/test-connection", `{"url":"{url}"}`, 400, "/method"},
		{"a secret in the wrong place", "POST /v1/http/test-connection", `{"url":"{url}","method":"GET","authType":"API Key","auth":{"apiKey":{"value":"{canary}"}}}`, 400, "/auth/apiKey/name"},
		{"text for headers", "POST /v1/http/test-connection", `{"url":"{url}","method":"GET","headers":58213}`, 400, "/headers"},
		{"a number for the project", "POST /v1/http/execute-request", `{"url":"{url}","method":"GET","project_id":58213,"datasource_id":"x"}`, 400, "/project_id"},
		{"execute-request without project", "POST /v1/http/execute-request", `{"url":"{url}","method":"GET","datasource_id":"{datasource}"}`, 400, "/project_id"},
		{"execute-request without datasource", "POST /v1/http/execute-request", `{"url":"{url}","method":"GET","project_id":"{project}"}`, 400, "/datasource_id"},
		{"a datasource of another project of one's own", "POST /v1/http/execute-request", `{"url":"{url}","method":"GET","project_id":"{project}","datasource_id":"{otherdatasource}"}`, 404, "/datasource_id"},
		{"a program of another project of one's own", "POST /v1/run/queryprogram", `{"project_id":"{project}","queryprogram_id":"{otherprogram}"}`, 404, "/queryprogram_id"},
		{"a slot value that does not fit", "POST /v1/run/queryprogram?n=many", `{"project_id":"{project}","queryprogram_id":"{program}"}`, 400, "/slots/n"},
		{"a value without a slot", "POST /v1/run/queryprogram?m=1", `{"project_id":"{project}","queryprogram_id":"{program}"}`, 400, "/slots/m"},
		{"an unknown format", "POST /v1/run/queryprogram?format={canary}", `{"project_id":"{project}","queryprogram_id":"{program}"}`, 400, "format"},
		{"a run that never was", "POST /v1/datasources/{datasource}/runs", `{}`, 409, ""},
		{"an unknown project for a datasource", "POST /v1/datasources", `{"name":"n","project_id":"{canary}"}`, 404, "/project_id"},
		{"an unknown project for a program", "POST /v1/queryprograms", `{"project_id":"{canary}","cue":"q","code":"x"}`, 404, "/project_id"},
		{"an unknown project for a run", "POST /v1/run/queryprogram", `{"project_id":"{canary}","queryprogram_id":"{program}"}`, 404, "/project_id"},
		{"an unknown project to execute in", "POST /v1/http/execute-request", `{"url":"{url}","method":"GET","project_id":"{canary}","datasource_id":"{datasource}"}`, 404, "/project_id"},
		{"an unknown dataset for a program", "POST /v1/queryprograms", `{"project_id":"{project}","dataline_id":"{canary}","cue":"q","code":"x"}`, 404, "/dataline_id"},
		{"an unknown datasource for credentials", "POST /v1/credentials", `{"name":"n","type":"api","datasource_id":"{canary}"}`, 404, "/datasource_id"},
		{"a secret without a value", "POST /v1/secrets/{team}", `{"name":"n"}`, 400, "/value"},
		{"a secret without a name", "POST /v1/secrets/{team}", `{"value":"{canary}"}`, 400, "/name"},
		{"a secret with a strange name", "POST /v1/secrets/{team}", `{"name":"a/b","value":"{canary}"}`, 400, "/name"},
		{"a secret that is none", "POST /v1/secrets/{team}", `{"name":"n","value":"{canary}REDACTED"}`, 400, "/value"},
		{"a number for a secret", "POST /v1/secrets/{team}", `{"name":"n","value":58213}`, 400, "/value"},
		{"an origin that is none", "POST /v1/secrets/{team}", `{"name":"n","value":"{canary}","origins":["{canary}"]}`, 400, "/origins/0"},
		{"a secret that is there", "POST /v1/secrets/{team}", `{"name":"SHOP_TOKEN","value":"{canary}"}`, 409, "/name"},
		{"a secret of unknown credentials", "POST /v1/secrets/{team}", `{"name":"n","value":"{canary}","credentials_id":"{canary}"}`, 404, "/credentials_id"},
		{"a secret sent elsewhere", "PATCH /v1/secrets/{team}/SHOP_TOKEN", `{"origins":["https://{canary}.example"]}`, 400, "/origins"},
		{"the placeholder for a secret", "PATCH /v1/secrets/{team}/SHOP_TOKEN", `{"value":"REDACTED"}`, 400, "/value"},
		{"a project moved to nowhere", "PATCH /v1/projects/{project}", `{"team_id":"{canary}"}`, 404, "/team_id"},
	} {
		method, path, _ := strings.Cut(fill.Replace(u.request), " ")
		var got answer
		if got = c.send(method, path, nil); u.body != "" {
			got = c.send(method, path, fill.Replace(u.body))
		}
		var p struct {
			Type, Title, Detail string
			Status              int
			Errors              []struct{ Pointer, Detail string }
		}
		if err := json.Unmarshal(got.body, &p); err != nil || got.status != u.status || p.Status != u.status || p.Type == "" || p.Title == "" || p.Detail == "" {
			t.Errorf("%s: %s, want a problem document with %d", u.rule, got, u.status)
			continue
		}
		if u.pointer != "" && (len(p.Errors) == 0 || p.Errors[0].Pointer != u.pointer || p.Errors[0].Detail == "") {
			t.Errorf("%s: names %+v, want %s", u.rule, p.Errors, u.pointer)
		}
		if strings.Contains(string(got.body), canary) || strings.Contains(string(got.body), "58213") {
			t.Errorf("%s: the answer repeats the value: %s", u.rule, got)
		}
		for _, inside := range []string{"Go ", "struct", "json:", ".go"} {
			if strings.Contains(p.Detail, inside) {
				t.Errorf("%s: the answer talks about our inside: %s", u.rule, p.Detail)
			}
		}
	}
}

func TestNullMeansLeftOut(t *testing.T) {
	t.Parallel()
	w := shared
	c, project := w.newProject(t, "nulls")
	for _, u := range []struct{ request, body string }{
		{"POST /v1/projects", `{"name":"n","description":null,"team_id":null,"metadata":null}`},
		{"PATCH /v1/projects/" + project, `{"name":null,"description":null,"metadata":null}`},
		{"POST /v1/datasources", `{"name":"n","project_id":"` + project + `","type":null,"uri":null,"status":null,"phase":null,"credentials_id":null,"metadata":null,"data_source_config":null}`},
		{"POST /v1/credentials", `{"name":"n","type":"api","description":null,"team_id":null,"datasource_id":null,"organization_id":null,"metadata":null,"config":null}`},
		{"POST /v1/queryprograms", `{"project_id":"` + project + `","cue":"q","name":null,"code":"SELECT 1 AS a","slots":null,"steps":null,"stores":null,"reason":null,"public":null,"dataline_id":null,"metadata":null}`},
		{"POST /v1/http/test-connection", `{"url":"` + w.upstream + `/broken","method":"GET","headers":null,"parameters":null,"parameterGroups":null,"authType":null,"auth":null,"body":null,"responsePathExtractor":null,"options":null}`},
	} {
		method, path, _ := strings.Cut(u.request, " ")
		if got := c.send(method, path, u.body); got.status != 200 {
			t.Errorf("%s %s: %s", u.request, u.body, got)
		}
	}
}

// TestAFailedJobSaysOfWhichKindItsErrorIs lets clients tell a failure of the
// other API from one of ours.
func TestAFailedJobSaysOfWhichKindItsErrorIs(t *testing.T) {
	t.Parallel()
	w := shared
	c, project := w.newProject(t, "failing")
	d := c.object("POST", "/v1/datasources", map[string]any{"name": "d", "project_id": project}).text("id")
	jobs := c.object("POST", "/v1/http/execute-request", w.execution(project, d, "/broken")).get("jobs").list()
	end := c.follow(jobs[0].text("id"))
	if end.text("status") != "failed" || end.text("error", "kind") != "upstream" || end.text("error", "type") == "" || len(end.get("error", "fixes").list()) == 0 {
		t.Errorf("got %s", end)
	}
	run := c.object("GET", "/v1/datasources/"+d+"/runs/"+jobs[0].text("id"), nil)
	if run.text("status") != "failed" || run.text("error", "kind") != "upstream" || run.get("version").kind() != "null" {
		t.Errorf("the run: %s", run)
	}
	for _, j := range jobs[1:] {
		if end := c.follow(j.text("id")); end.text("status") != "failed" {
			t.Errorf("%s goes on: %s", j.text("job_type"), end)
		}
	}
	if all := c.object("GET", "/v1/datalines/project/"+project, nil).list(); len(all) != 0 {
		t.Errorf("half a dataset stays: %v", all)
	}
	if got := c.object("GET", "/v1/datasources/"+d, nil); got.text("status") != "failed" || got.text("message") == "" {
		t.Errorf("the datasource: %s", got)
	}
}

func TestATestOfAConnectionSaysWhatWentWrong(t *testing.T) {
	t.Parallel()
	w := shared
	c := w.client(t, w.owner.key)
	got := c.object("POST", "/v1/http/test-connection", map[string]any{"url": w.upstream + "/broken", "method": "GET"})
	if got.get("success").value != false || got.get("status").number() != 403 || got.text("data", "message") == "" || got.get("data", "fixes").kind() != "array" {
		t.Errorf("got %s", got)
	}
	before := len(c.object("GET", "/v1/jobs", nil).list())
	refused := c.send("POST", "/v1/http/test-connection", map[string]any{"url": "http://169.254.169.254/latest", "method": "GET"})
	if refused.status != 400 && refused.status != 403 {
		t.Errorf("a private address: %s, want a refusal of ours", refused)
	}
	if after := len(c.object("GET", "/v1/jobs", nil).list()); after < before {
		t.Errorf("jobs went away: %d, %d", before, after)
	}
	if !slices.Contains([]string{"invalid", "denied"}, refused.json().text("title")) {
		t.Errorf("got %s", fmt.Sprint(refused))
	}
}
