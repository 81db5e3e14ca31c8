package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

type problemWire struct {
	Type   string `json:"type"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Errors []struct {
		Pointer string `json:"pointer"`
	} `json:"errors"`
}

func TestRefusalsNameTheFieldAndWhatToDo(t *testing.T) {
	s := start(t)
	api := upstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `[{"a":1}]`) }))
	const nobody = "00000000-0000-7000-8000-000000000000"
	project := s.project()
	var d struct{ ID string }
	s.call("POST", "/v1/datasources", map[string]any{"name": "d", "project_id": project}, &d)
	spec := func(more map[string]any) map[string]any {
		full := map[string]any{"url": api, "method": "GET"}
		for k, v := range more {
			if full[k] = v; v == nil {
				delete(full, k)
			}
		}
		return full
	}
	execute := func(project, datasource string) map[string]any {
		return spec(map[string]any{"project_id": project, "datasource_id": datasource})
	}
	const test, run = "/v1/http/test-connection", "/v1/http/execute-request"
	for _, c := range []struct {
		rule, path string
		body       any
		status     int
		pointer    string
	}{
		{"unknown project", run, execute(nobody, d.ID), 404, ""},
		{"unknown datasource", run, execute(project, nobody), 404, ""},
		{"missing url", test, spec(map[string]any{"url": nil}), 400, "/url"},
		{"missing method", test, spec(map[string]any{"method": nil}), 400, "/method"},
		{"relative url", test, spec(map[string]any{"url": "/v1/x"}), 400, "/url"},
		{"other scheme", test, spec(map[string]any{"url": "file:///etc/passwd"}), 400, "/url"},
		{"unknown auth type", test, spec(map[string]any{"authType": "Kerberos"}), 400, "/authType"},
		{"API key without a name", test, spec(map[string]any{"authType": "API Key", "auth": map[string]any{"apiKey": map[string]any{"value": "v"}}}), 400, "/auth/apiKey/name"},
		{"required parameter empty", test, spec(map[string]any{"parameters": map[string]any{"q": map[string]any{"value": "", "required": true}}}), 400, "/parameters/q"},
		{"snake_case required parameter group", test, spec(map[string]any{"parameter_groups": []any{map[string]any{"required": true, "parameters": []any{map[string]any{"key": "a", "value": ""}}}}}), 400, "/parameter_groups/0"},
		{"not JSON", test, `{"url":`, 400, ""},
		{"unknown program", "/v1/run/queryprogram", map[string]any{"project_id": project, "queryprogram_id": nobody}, 404, ""},
		{"SQL that does not parse", "/v1/queryprograms", map[string]any{"project_id": project, "cue": "q", "code": "SELECT FROM WHERE"}, 200, ""},
	} {
		status, text := s.raw("POST", c.path, c.body)
		if status != c.status {
			t.Errorf("%s: %d, want %d: %s", c.rule, status, c.status, text)
			continue
		}
		if status == 200 {
			continue
		}
		var p problemWire
		if err := json.Unmarshal(text, &p); err != nil || p.Detail == "" || p.Status != status {
			t.Errorf("%s: not a problem document: %s", c.rule, text)
		}
		if c.pointer != "" && (len(p.Errors) == 0 || p.Errors[0].Pointer != c.pointer) {
			t.Errorf("%s: names %+v, want %s", c.rule, p.Errors, c.pointer)
		}
		t.Logf("%s: %s", c.rule, p.Detail)
	}
	var after []jobWire
	s.call("GET", "/v1/jobs?project_id="+project, nil, &after)
	if len(after) != 0 {
		t.Errorf("refused requests left jobs: %+v", after)
	}
}

func TestUpstreamFailuresAreExplained(t *testing.T) {
	s := start(t)
	// A low port that nothing serves, and that no listener of a test is ever given.
	const closed = "http://127.0.0.1:1"
	answer := func(status int, contentType, body string) string {
		return upstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", contentType)
			if strings.HasSuffix(body, "…") {
				// The body stops short of what was announced.
				w.Header().Set("Content-Length", "1000")
			}
			w.WriteHeader(status)
			fmt.Fprint(w, strings.TrimSuffix(body, "…"))
		}))
	}
	for _, c := range []struct {
		rule string
		spec map[string]any
		says []string
	}{
		{"path selects nothing", map[string]any{"url": answer(200, "application/json", `{"data":{"items":[1],"total":1}}`), "responsePathExtractor": "data.rows"}, []string{"data.rows", "items", "total"}},
		{"HTML", map[string]any{"url": answer(200, "text/html", "<!doctype html><title>Log in</title>")}, []string{"HTML"}},
		{"401", map[string]any{"url": answer(401, "application/json", `{"message":"bad token"}`)}, []string{"401", "bad token"}},
		{"403", map[string]any{"url": answer(403, "application/json", `{}`)}, []string{"403"}},
		{"404", map[string]any{"url": answer(404, "text/plain", "nope")}, []string{"404"}},
		{"429", map[string]any{"url": answer(429, "text/plain", "slow down"), "options": map[string]any{"retry": map[string]any{"attempts": 1}}}, []string{"429"}},
		{"500", map[string]any{"url": answer(500, "text/plain", "boom"), "options": map[string]any{"retry": map[string]any{"attempts": 1}}}, []string{"500"}},
		{"connection refused", map[string]any{"url": closed, "options": map[string]any{"retry": map[string]any{"attempts": 1}}}, []string{"refuse"}},
		{"unresolvable host", map[string]any{"url": "http://no-such-host.invalid", "options": map[string]any{"retry": map[string]any{"attempts": 1}}}, []string{"no-such-host.invalid"}},
		{"truncated JSON", map[string]any{"url": answer(200, "application/json", `[{"a":1},{"a":`)}, []string{"JSON"}},
		{"truncated body", map[string]any{"url": answer(200, "application/json", `[{"a":1},{"a":…`), "options": map[string]any{"retry": map[string]any{"attempts": 1}}}, nil},
		{"too large", map[string]any{"url": answer(200, "application/json", `[{"a":"`+strings.Repeat("x", 5000)+`"}]`), "options": map[string]any{"limits": map[string]any{"wire_bytes": 1000}}}, []string{"1000", "wire_bytes"}},
		{"private address", map[string]any{"url": "http://10.0.0.1/x"}, []string{"10.0.0.1", "allow-cidr"}},
	} {
		spec := map[string]any{"method": "GET"}
		for k, v := range c.spec {
			spec[k] = v
		}
		status, text := s.raw("POST", "/v1/http/test-connection", spec)
		var got struct {
			Success bool
			Detail  string
			Data    struct{ Message string }
		}
		// Only our own refusals, such as a private address, are problem documents.
		if err := json.Unmarshal(text, &got); err != nil || got.Success || status >= 500 {
			t.Errorf("%s: %d %s", c.rule, status, text)
		}
		said := got.Data.Message + got.Detail
		for _, word := range c.says {
			if !strings.Contains(said, word) {
				t.Errorf("%s: says %q, which does not mention %q", c.rule, said, word)
			}
		}
		t.Logf("%s: %d %s", c.rule, status, said)
		// A run fails with the same explanation and leaves nothing behind.
		if status == 200 {
			datasource, jobs := s.connect(c.rule, spec)
			if j := s.wait(jobs[0].ID); j.Status != "failed" || j.Error == nil || len(c.says) > 0 && !strings.Contains(j.Error.Detail, c.says[0]) {
				t.Errorf("%s: the run is %s: %+v", c.rule, j.Status, j.Error)
			}
			var left struct{ Datalines, Dataobjects []any }
			s.call("GET", "/v1/datasources/"+datasource+"/with_datalines", nil, &left)
			if len(left.Datalines)+len(left.Dataobjects) > 0 {
				t.Errorf("%s: the failed run left %+v", c.rule, left)
			}
		}
	}
}

func TestRunsRefuseBadSlotsAndSQL(t *testing.T) {
	s := start(t)
	api := upstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `[{"id":1,"name":"a"},{"id":2,"name":"b"}]`)
	}))
	d := s.land("things", map[string]any{"url": api, "method": "GET"})
	project := s.project()
	var p struct{ ID string }
	program := map[string]any{"project_id": project, "dataline_id": d.ID, "cue": "Which things?", "code": "SELECT id, name FROM things WHERE id >= $least ORDER BY id",
		"slots": []any{map[string]any{"name": "least", "type": "integer", "default": 1}}}
	s.call("POST", "/v1/queryprograms", program, &p)
	run := func(query string) (int, string) {
		status, text := s.raw("POST", "/v1/run/queryprogram"+query, map[string]any{"project_id": project, "queryprogram_id": p.ID})
		return status, string(text)
	}
	if status, text := run("?least=2"); status != 200 || !strings.Contains(text, `"rows":[[2,"b"]]`) {
		t.Errorf("least=2: %d %s", status, text)
	}
	if status, text := run("?least=two"); status != 400 || !strings.Contains(text, "least") {
		t.Errorf("a word for an integer: %d %s", status, text)
	}
	if status, text := run("?format=csv"); status != 200 || strings.ReplaceAll(text, "\r", "") != "id,name\n1,a\n2,b\n" {
		t.Errorf("csv: %d %q", status, text)
	}
	for rule, code := range map[string]string{
		"does not parse": "SELECT id FROM things WHERE", "two statements": "SELECT 1; SELECT 2", "not a SELECT": "DROP TABLE things",
		"unknown table": "SELECT * FROM thing", "unknown column": "SELECT nam FROM things", "reads a file": "SELECT * FROM read_text('/etc/passwd')",
		"writes a file": "COPY things TO '/tmp/x.csv'", "a Python class": "class AnswerQueryProgram(QueryProgram):\n    pass",
	} {
		body := map[string]any{"project_id": project, "cue": "q", "code": code}
		var valid struct {
			Valid  bool
			Errors []string
		}
		s.call("POST", "/v1/queryprograms/validate", body, &valid)
		if valid.Valid || len(valid.Errors) == 0 {
			t.Errorf("%s: valid", rule)
		}
		t.Logf("%s: %v", rule, valid.Errors)
		var made struct{ ID, Code string }
		s.call("POST", "/v1/queryprograms", body, &made)
		if made.Code != code {
			t.Errorf("%s: the code did not come back as it was sent: %q", rule, made.Code)
		}
		status, text := s.raw("POST", "/v1/run/queryprogram", map[string]any{"project_id": project, "queryprogram_id": made.ID})
		if status != 400 {
			t.Errorf("%s: running it: %d %s", rule, status, text)
		}
	}
}
