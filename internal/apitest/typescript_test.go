package apitest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"millwright/internal/api/compat"
)

// A typescript sends what the TypeScript SDK puts on the wire for what an application
// passes to it, and reads answers as the SDK hands them on.
type typescript struct{ *client }

// toSnake renames every key, at any depth, as the SDK does on the way out. A capital
// letter becomes an underscore and its small letter, also the first; names with a dash
// stay.
func toSnake(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, inner := range v {
			if !strings.Contains(name, "-") {
				name = regexp.MustCompile(`[A-Z]`).ReplaceAllStringFunc(name, func(c string) string { return "_" + strings.ToLower(c) })
			}
			out[name] = toSnake(inner)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = toSnake(v[i])
		}
		return out
	}
	return v
}

// toCamel renames every key as the SDK does on the way in.
func toCamel(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, inner := range v {
			if name == "_id" {
				name = "id"
			}
			name = regexp.MustCompile(`_[a-z]`).ReplaceAllStringFunc(name, func(c string) string { return strings.ToUpper(c[1:]) })
			out[name] = toCamel(inner)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = toCamel(v[i])
		}
		return out
	}
	return v
}

// plain is v as JSON has it.
func plain(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	var out any
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// call sends a request of the SDK; 4xx come back as an error, as there.
func (c typescript) call(method, path string, body any) (data node, problem node) {
	c.t.Helper()
	var sent any
	if body != nil {
		sent = toSnake(plain(c.t, body))
	}
	got := c.send(method, path, sent, "x-infactory-sdk-version", "0.6.4", "x-client-version", "0.6.4", "Accept", "*/*")
	if !strings.Contains(got.header.Get("Content-Type"), "application/json") {
		if got.status != 200 {
			c.t.Fatalf("%s %s: an error that the SDK cannot parse: %s %s", method, path, got.header.Get("Content-Type"), got)
		}
		return node{string(got.body)}, node{}
	}
	if len(got.body) == 0 {
		c.t.Fatalf("%s %s: JSON without a body, which the SDK calls a network error", method, path)
	}
	answer := node{toCamel(got.json().value)}
	if got.status == 200 {
		return answer, node{}
	}
	if answer.text("detail") == "" || got.header.Get("X-Request-Id") == "" {
		c.t.Errorf("%s %s: an error without detail or request id: %s", method, path, got)
	}
	return node{}, answer
}

func TestTypeScriptConnectsAnAPI(t *testing.T) {
	t.Parallel()
	w := shared
	plainClient, project := w.newProject(t, "typescript")
	ts := typescript{plainClient}
	// The SDK turns the names of headers into _accept and _authorization.
	config := map[string]any{"url": w.upstream + "/orders", "method": "GET", "headers": map[string]any{"Accept": "application/json", "Authorization": "Bearer " + secretToken, "X-Trace-Id": "1"},
		"parameters": map[string]any{"page": map[string]any{"value": "1", "required": true}}, "parameterGroups": []any{}, "authType": "None", "auth": map[string]any{}}
	tested, _ := ts.call("POST", "/v1/http/test-connection", config)
	want(t, "test-connection", tested, "success boolean", "status number", "responseTime number", "contentType string", "size number", "data array")
	if tested.get("success").value != true {
		t.Fatalf("the mangled names of headers are not undone: %s", tested)
	}
	d, _ := ts.call("POST", "/v1/datasources", map[string]any{"name": "Orders", "projectId": project, "type": "http-requests"})
	delete(config, "parameters")
	body := map[string]any{"projectId": project, "datasourceId": d.text("id"), "connectSpec": map[string]any{"name": "Orders", "id": "http-requests", "config": config}}
	for k, v := range config {
		body[k] = v
	}
	started, _ := ts.call("POST", "/v1/http/execute-request", body)
	for _, j := range started.get("jobs").list() {
		want(t, "job", j, "id string", "jobType string", "status string", "projectId string", "payload object")
		if end := ts.follow(j.text("id")); end.text("status") != "completed" {
			t.Fatalf("%s", end)
		}
	}
	ready, _ := ts.call("GET", "/v1/datasources/"+d.text("id"), nil)
	if ready.text("status") != "ready" || ready.text("projectId") != project {
		t.Errorf("the datasource: %s", ready)
	}
	lines, _ := ts.call("GET", "/v1/datalines?params=%5Bobject+Object%5D", nil)
	if len(lines.list()) == 0 {
		t.Error("a list whose filter was lost is empty")
	}
	id := ""
	for _, l := range lines.list() {
		if l.text("projectId") == project {
			id = l.text("id")
		}
	}
	edited, _ := ts.call("PATCH", "/v1/datalines/"+id, map[string]any{"name": "Mine", "dataModel": map[string]any{"schemaT": map[string]any{"name": "S"}, "columnT": map[string]any{"name": "C"}}})
	model := answer{body: []byte(edited.text("dataModel"))}.json()
	if edited.text("name") != "Mine" || model.text("schemaT", "name") != "S" || model.text("columnT", "name") != "C" {
		t.Errorf("the keys of a data model are not put back: %s", edited)
	}
	if coded := ts.send("PATCH", "/v1/datalines/"+id+"/schema", `"class A(\"x\"): pass"`); coded.json().text("schema_code") != `class A("x"): pass` {
		t.Errorf("a body that is a JSON string: %s", coded)
	}
	cloned, _ := ts.call("POST", "/v1/datasources/"+d.text("id")+"/clone", map[string]any{"newProjectId": project})
	if cloned.text("id") == d.text("id") || cloned.text("status") != "created" || cloned.text("tableName") == ready.text("tableName") {
		t.Errorf("cloned: %s", cloned)
	}
	for _, j := range ts.object("POST", "/v1/datasources/"+cloned.text("id")+"/runs", map[string]any{}).get("jobs").list() {
		if end := ts.follow(j.text("id")); end.text("status") != "completed" {
			t.Errorf("a run of the clone, with the secrets that it was given: %s", end)
		}
	}
	mapping, _ := ts.call("GET", "/v1/datasources/"+d.text("id")+"/ontology_mapping", nil)
	want(t, "mapping", mapping, "nodes array", "edges array")
	want(t, "node", mapping.get("nodes").at(1), "id string", "type string", "data.label string", "data.nodeType string")
}

func TestTypeScriptManagesPeople(t *testing.T) {
	t.Parallel()
	ts := typescript{shared.client(t, shared.owner.key)}
	// The SDK sends these fields in the query, and no body.
	u, _ := ts.call("POST", "/v1/users?"+url.Values{"email": {"ts@example.com"}, "name": {"T S"}, "role": {"viewer"}}.Encode(), nil)
	if u.text("email") != "ts@example.com" || u.text("role") != "viewer" {
		t.Fatalf("created: %s", u)
	}
	if roles, _ := ts.call("POST", "/v1/users/"+u.text("id")+"/roles/member/", map[string]any{"body": map[string]any{"roleId": "member"}}); roles.at(0).text("id") != "member" {
		t.Errorf("a wrapped role, with a slash at the end: %s", roles)
	}
	if roles, _ := ts.call("GET", "/v1/users/"+u.text("id")+"/roles", nil); roles.at(0).text("name") != "member" {
		t.Errorf("roles: %s", roles)
	}
	m, _ := ts.call("POST", "/v1/team-memberships", map[string]any{"teamId": shared.ids["team"], "userId": u.text("id"), "role": "viewer"})
	want(t, "membership", m, "userId string", "teamId string", "role string")
	if m, _ = ts.call("PATCH", "/v1/team-memberships/"+u.text("id")+"/"+shared.ids["team"], map[string]any{"role": "member"}); m.text("role") != "member" {
		t.Errorf("changed membership: %s", m)
	}
	if teams, _ := ts.call("GET", "/v1/users/get_teams_with_organizations_and_projects?email=ts%40example.com", nil); teams.get("teams").at(0).text("id") != shared.ids["team"] ||
		teams.get("teams").at(0).get("organizations").text("id") != shared.ids["org"] {
		t.Errorf("teams by address: %s", teams)
	}
	for _, path := range []string{"/v1/team-memberships/" + u.text("id") + "/" + shared.ids["team"], "/v1/users/" + u.text("id") + "?params=%5Bobject+Object%5D"} {
		if gone, problem := ts.call("DELETE", path, nil); gone.kind() != "object" {
			t.Errorf("DELETE %s: %s %s", path, gone, problem)
		}
	}
	if _, problem := ts.call("GET", "/v1/users/"+u.text("id"), nil); problem.get("status").number() != 404 {
		t.Errorf("a user that is gone: %s", problem)
	}
	p, _ := ts.call("POST", "/v1/platforms", map[string]any{"name": "P", "metadata": map[string]any{"a": 1}})
	if again, _ := ts.call("PATCH", "/v1/platforms/"+p.text("id"), map[string]any{"description": "D"}); again.text("description") != "D" || again.text("name") != "P" {
		t.Errorf("platform: %s", again)
	}
	if gone, _ := ts.call("DELETE", "/v1/platforms/"+p.text("id"), nil); gone.text("deletedAt") == "" {
		t.Errorf("deleted platform: %s", gone)
	}
}

func TestTypeScriptGeneratesPrograms(t *testing.T) {
	t.Parallel()
	c, project := asked(t)
	ts := typescript{c}
	made, _ := ts.call("POST", "/v1/actions/generate/queryprogram", map[string]any{"projectId": project, "naturalLanguageQuery": "How many orders are there per city?"})
	want(t, "generated", made, "id string", "cue string", "code string", "certainty number")
	again, _ := ts.call("POST", "/v1/actions/generate/queryprogram", map[string]any{"queryProgramId": made.text("id"), "errorDescription": "It is slow."})
	if again.text("cue") != made.text("cue") {
		t.Errorf("asked again: %s", again)
	}
	model, _ := ts.call("POST", "/v1/queryprograms/"+made.text("id")+"/create-model", map[string]any{})
	if columns := model.get("metadata", "dataModel", "columnT", "columns").list(); len(columns) != 2 {
		t.Errorf("the model of a result: %s", model)
	}
	if _, problem := ts.call("POST", "/v1/actions/generate/queryprogram", map[string]any{"projectId": project, "naturalLanguageQuery": "What is the weather?"}); problem.text("type") != "no-match" {
		t.Errorf("a question that the data do not answer: %s", problem)
	}
	if history, _ := ts.call("GET", "/v1/queryprograms/"+made.text("id")+"/history?params=%5Bobject+Object%5D", nil); history.kind() != "array" {
		t.Errorf("history: %s", history)
	}
}

func TestSnakeIsWhatTheTypeScriptClientSends(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"projectId", "dataSourceConfig", "X-Api-Key", "already_snake", "Accept", "schemaT", "aBC"} {
		sent := toSnake(map[string]any{name: 1}).(map[string]any)
		got := compat.Snake(name)
		if name == "Accept" {
			got = "_" + got // a capital at the beginning is of a header, which is undone elsewhere
		}
		if _, ok := sent[got]; !ok {
			t.Errorf("%s becomes %s here and %v there", name, got, sent)
		}
	}
}

func TestABrowserSignsIn(t *testing.T) {
	t.Parallel()
	w := shared
	c := w.client(t, "")
	in := c.send("POST", "/v1/authentication/session", map[string]any{"apiKey": w.owner.key})
	cookie := in.header.Get("Set-Cookie")
	name, _, _ := strings.Cut(cookie, ";")
	csrf := in.json().text("csrf_token")
	if in.status != 200 || csrf == "" || !strings.HasPrefix(cookie, "millwright_session=") || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") || strings.Contains(string(in.body), w.owner.key) {
		t.Fatalf("signed in: %s %s", cookie, in)
	}
	for _, u := range []struct {
		rule, method, path string
		header             []string
		status             int
	}{
		{"reads need the cookie alone", "GET", "/v1/projects", []string{"Cookie", name}, 200},
		{"a change without the token", "POST", "/v1/queryprograms/validate", []string{"Cookie", name}, 403},
		{"a change with another token", "POST", "/v1/queryprograms/validate", []string{"Cookie", name, "X-CSRF-Token", csrf + "x"}, 403},
		{"a change with the token", "POST", "/v1/queryprograms/validate", []string{"Cookie", name, "X-CSRF-Token", csrf}, 200},
		{"another cookie", "GET", "/v1/projects", []string{"Cookie", name + "x"}, 401},
		{"a key beside the cookie counts", "GET", "/v1/projects", []string{"Cookie", name, "Authorization", "Bearer nothing-nothing-nothing"}, 401},
		{"who is signed in", "GET", "/v1/authentication/session", []string{"Cookie", name}, 200},
		{"signing out without the token", "DELETE", "/v1/authentication/session", []string{"Cookie", name}, 403},
		{"signing out", "DELETE", "/v1/authentication/session", []string{"Cookie", name, "X-CSRF-Token", csrf}, 200},
		{"after that", "GET", "/v1/projects", []string{"Cookie", name}, 401},
	} {
		var body any
		if u.method == http.MethodPost {
			body = map[string]any{"project_id": w.ids["project"], "code": "SELECT 1 AS a"}
		}
		if got := c.send(u.method, u.path, body, u.header...); got.status != u.status {
			t.Errorf("%s: %s, want %d", u.rule, got, u.status)
		}
	}
}
