package apitest_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAnswersAreAsDocumented has an independent validator compare what the server
// sends, refusals included, with what its document says.
func TestAnswersAreAsDocumented(t *testing.T) {
	t.Parallel()
	python, err := filepath.Abs("../../.cache/venv/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	if exec.Command(python, "-c", "import jsonschema").Run() != nil {
		t.Skip("SKIPPED: jsonschema is missing; make prepare installs it with openapi-spec-validator")
	}
	w := shared
	var lines bytes.Buffer
	record := func(operation string, a answer) {
		contentType := a.header.Get("Content-Type")
		if !strings.HasSuffix(contentType, "json") {
			return
		}
		if err := json.NewEncoder(&lines).Encode(map[string]any{"operation": operation, "status": a.status, "type": contentType, "body": a.json().value}); err != nil {
			t.Fatal(err)
		}
	}
	for _, u := range uses {
		if u.access == open || u.access == look || u.access == list {
			record(u.operation, u.send(w, w.owner.key, w.ids, w.ids["project"]))
		}
		record(u.operation, u.send(w, "", w.ids, w.ids["project"]))
		record(u.operation, u.send(w, w.viewer.key, w.ids, w.ids["project"]))
		record(u.operation, u.send(w, w.stranger.key, w.ids, random))
	}
	w.recordChanges(t, record)
	dir := t.TempDir()
	answers, document := filepath.Join(dir, "answers"), filepath.Join(dir, "openapi.json")
	for path, text := range map[string][]byte{answers: lines.Bytes(), document: []byte(documentOnce().String())} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), python, "testdata/conform.py", document, answers).CombinedOutput()
	t.Logf("%s", bytes.TrimSpace(out))
	if err != nil {
		t.Error("answers are not as documented")
	}
}

// recordChanges makes one of everything, changes it and deletes it.
func (w *world) recordChanges(t *testing.T, record func(string, answer)) {
	c := w.client(t, w.owner.key)
	send := func(operation, target string, body any) node {
		method, path, _ := strings.Cut(operation, " ")
		if target == "" {
			target = path
		}
		a := c.send(method, target, body)
		if record(operation, a); a.status != 200 {
			t.Errorf("%s: %s", operation, a)
		}
		return a.json()
	}
	project := send("POST /v1/projects", "", map[string]any{"name": "conforming"}).text("id")
	d := send("POST /v1/datasources", "", map[string]any{"name": "d", "project_id": project}).text("id")
	send("PATCH /v1/datasources/{id}", "/v1/datasources/"+d, map[string]any{"name": "e"})
	credential := send("POST /v1/credentials", "", map[string]any{"name": "c", "type": "api", "config": map[string]any{"token": secretToken}}).text("id")
	send("PATCH /v1/credentials/{id}", "/v1/credentials/"+credential, map[string]any{"name": "e"})
	secrets := "/v1/secrets/" + w.ids["team"]
	send("POST /v1/secrets/{team_id}", secrets, map[string]any{"name": "CONFORMING", "value": secretToken, "credentials_id": credential})
	send("PATCH /v1/secrets/{team_id}/{key}", secrets+"/CONFORMING", map[string]any{"description": "d", "origins": []string{w.upstream}})
	send("DELETE /v1/secrets/{team_id}/{key}", secrets+"/CONFORMING", nil)
	program := send("POST /v1/queryprograms", "", map[string]any{"project_id": project, "cue": "q", "code": "SELECT 1 AS a", "slots": "theirs"}).text("id")
	send("PATCH /v1/queryprograms/{id}", "/v1/queryprograms/"+program, map[string]any{"code": "SELECT 2 AS a"})
	send("GET /v1/queryprograms/{id}", "/v1/queryprograms/"+program, nil)
	send("POST /v1/run/queryprogram", "", map[string]any{"project_id": project, "queryprogram_id": program, "slots": map[string]any{}})
	send("POST /v1/queryprograms/validate", "", map[string]any{"project_id": project, "code": "SELECT FROM"})
	send("POST /v1/http/test-connection", "", w.execution(project, d, "/orders"))
	send("POST /v1/http/test-connection", "", w.execution(project, d, "/broken"))
	for _, path := range []string{"/hang", "/broken"} {
		run := send("POST /v1/http/execute-request", "", w.execution(project, d, path)).get("jobs").at(0).text("id")
		send("GET /v1/jobs/{id}", "/v1/jobs/"+run, nil)
		if path == "/hang" {
			send("POST /v1/datasources/{id}/runs/{run_id}/cancel", "/v1/datasources/"+d+"/runs/"+run+"/cancel", map[string]any{})
		}
		c.follow(run)
		send("GET /v1/jobs/{id}", "/v1/jobs/"+run, nil)
		send("GET /v1/jobs/history/{id}", "/v1/jobs/history/"+run, nil)
		send("GET /v1/datasources/{id}/runs", "/v1/datasources/"+d+"/runs", nil)
		send("GET /v1/datasources/{id}/with_datalines", "/v1/datasources/"+d+"/with_datalines", nil)
	}
	again := send("POST /v1/datasources/{id}/runs", "/v1/datasources/"+d+"/runs", map[string]any{}).get("jobs").at(0).text("id")
	send("POST /v1/jobs/{id}/cancel", "/v1/jobs/"+again+"/cancel", map[string]any{})
	c.follow(again)
	for _, verb := range []string{"PUT ", "GET ", "POST /pause", "POST /resume", "DELETE "} {
		method, path, _ := strings.Cut(verb, " ")
		send(method+" /v1/datasources/{id}/schedule"+path, "/v1/datasources/"+d+"/schedule"+path, map[string]any{"every": "1h", "jitter": "5m", "overlap": "queue"})
		send("GET /v1/projects/{id}/schedules", "/v1/projects/"+project+"/schedules", nil)
	}
	send("DELETE /v1/queryprograms/{id}", "/v1/queryprograms/"+program, nil)
	send("DELETE /v1/credentials/{id}", "/v1/credentials/"+credential, nil)
	send("DELETE /v1/datasources/{id}", "/v1/datasources/"+d, nil)
	send("DELETE /v1/projects/{id}", "/v1/projects/"+project, nil)
	key := send("POST /v1/authentication/api-key", "", map[string]any{"name": "k"}).at(0).text("id")
	send("PATCH /v1/authentication/api-key/{id}", "/v1/authentication/api-key/"+key, map[string]any{"name": "l"})
	send("PATCH /v1/authentication/api-key/{id}/disable", "/v1/authentication/api-key/"+key+"/disable", nil)
	send("PATCH /v1/authentication/api-key/{id}/enable", "/v1/authentication/api-key/"+key+"/enable", nil)
	send("DELETE /v1/authentication/api-key/{id}", "/v1/authentication/api-key/"+key, nil)
}
