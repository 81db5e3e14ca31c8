package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"millwright/internal/demo"
)

// TestClientsPython uses the official Python package and its nf command, unmodified.
func TestClientsPython(t *testing.T) {
	interpreter, err := filepath.Abs("../../.cache/clients/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	need(t, interpreter, "make prepare installs the official package there")
	s := start(t)
	cmd := exec.CommandContext(t.Context(), interpreter, "testdata/clients_python.py")
	cmd.Env = append(os.Environ(), "NF_BASE_URL="+s.url, "NF_API_KEY="+testKey, "NF_HOME="+t.TempDir())
	out, err := cmd.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "INFO: ") {
			t.Log(strings.TrimRight(line, "\n"))
		}
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, s.log)
	}
	if strings.Contains(s.log.String(), testKey) {
		t.Error("the key, which the package puts into every URL, is in the server's log")
	}
}

// TestClientsGuideByCurl makes the guide's calls by curl, under both prefixes, with the
// key as the guide sends it: without the word Bearer.
func TestClientsGuideByCurl(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("SKIPPED: curl is missing")
	}
	shop := upstream(t, demo.Server{Orders: 300, Token: "shop-token-1"})
	s := start(t)
	for _, prefix := range []string{"", "/api/infactory"} {
		curl := func(method, path string, body any, into any) {
			t.Helper()
			args := []string{"-sS", "-w", "\n%{http_code}", "-X", method, s.url + prefix + path, "-H", "Authorization: " + testKey}
			if body != nil {
				text, err := json.Marshal(body)
				if err != nil {
					t.Fatal(err)
				}
				args = append(args, "-H", "Content-Type: application/json", "-d", string(text))
			}
			out, err := exec.CommandContext(t.Context(), "curl", args...).CombinedOutput()
			end := bytes.LastIndexByte(out, '\n')
			if err != nil || string(out[end+1:]) != "200" {
				t.Fatalf("%s %s%s: %v\n%s\n%s", method, prefix, path, err, out, s.log)
			}
			if err := json.Unmarshal(out[:end], into); err != nil {
				t.Fatalf("%s %s: %v in %s", method, path, err, out)
			}
		}
		var orgs, teams, projects []struct{ ID string }
		curl("GET", "/v1/orgs", nil, &orgs)
		curl("GET", "/v1/teams?organization_id="+orgs[0].ID, nil, &teams)
		curl("GET", "/v1/projects?team_id="+teams[0].ID, nil, &projects)
		project := projects[0].ID
		config := map[string]any{"url": shop + "/orders", "method": "GET", "headers": map[string]any{"Accept": "application/json"}, "parameters": map[string]any{"per_page": map[string]any{"value": "100", "required": true}},
			"parameterGroups": []any{}, "authType": "Bearer Token", "auth": map[string]any{"bearerToken": "shop-token-1"}, "responsePathExtractor": "data.orders"}
		var tested struct {
			Success bool            `json:"success"`
			Status  int             `json:"status"`
			Data    json.RawMessage `json:"data"`
		}
		curl("POST", "/v1/http/test-connection", config, &tested)
		if !tested.Success || tested.Status != 200 || !bytes.HasPrefix(tested.Data, []byte("[{")) {
			t.Fatalf("test-connection: %+v", tested)
		}
		var datasource, credentials struct{ ID string }
		name := "Orders" + strings.ReplaceAll(prefix, "/", " ")
		curl("POST", "/v1/datasources", map[string]any{"name": name, "project_id": project, "type": "http-requests", "status": "transformation_started"}, &datasource)
		about := map[string]any{"url": config["url"], "method": "GET", "headers": config["headers"], "auth": config["auth"]}
		curl("POST", "/v1/credentials", map[string]any{"name": "Credentials for " + name, "type": "api", "description": "d", "metadata": about, "config": about,
			"datasource_id": datasource.ID, "team_id": teams[0].ID, "organization_id": orgs[0].ID}, &credentials)
		body := map[string]any{"project_id": project, "datasource_id": datasource.ID, "connect_spec": map[string]any{"name": name, "id": "http-requests", "config": config}}
		for _, field := range []string{"url", "method", "headers", "parameters", "authType", "auth"} {
			body[field] = config[field] // the response path is in connect_spec alone, as connectAPI sends it
		}
		var started struct {
			Jobs   []jobWire `json:"jobs"`
			Object string    `json:"data_object_id"`
		}
		curl("POST", "/v1/http/execute-request", body, &started)
		for _, j := range started.Jobs {
			if got := s.wait(j.ID); got.Status != "completed" {
				t.Fatalf("%s: %+v", j.Type, got)
			}
		}
		if d := s.dataline(datasource.ID); d.Rows != 300 || started.Object == "" {
			t.Errorf("%q: %d rows, object %q, want 300", prefix, d.Rows, started.Object)
		}
	}
}

// TestClientsQuickstart makes the calls of the TypeScript quickstart, in the form in
// which its SDK puts them on the wire: see the contract in internal/apitest.
func TestClientsQuickstart(t *testing.T) {
	s := start(t)
	ts := func(method, path string, body any) []byte {
		t.Helper()
		return s.typescript(method, path, body)
	}
	var project, datasource struct{ ID string }
	unmarshal(t, ts("POST", "/v1/projects", map[string]any{"name": "Quickstart"}), &project)
	if got := strings.TrimSpace(string(ts("GET", "/v1/datasources/project/"+project.ID, nil))); got != "[]" {
		t.Errorf("a fresh project has datasources: %s", got)
	}
	unmarshal(t, ts("POST", "/v1/datasources", map[string]any{"name": "Stocks", "project_id": project.ID, "type": "csv"}), &datasource)
	loaded := s.upload("/v1/actions/load/"+project.ID+"?datasource_id="+datasource.ID, "stocks.csv", stocks())
	for _, field := range []string{"datasource_id", "message", "redirect_to"} {
		if text, _ := loaded[field].(string); text == "" {
			t.Errorf("load: %s is missing in %v", field, loaded)
		}
	}
	if loaded["success"] != true || loaded["datasource_id"] != datasource.ID {
		t.Errorf("load: %v", loaded)
	}
	s.untilReady(datasource.ID)
	var programs []struct {
		ID        string
		Published bool
	}
	unmarshal(t, ts("GET", "/v1/queryprograms?project_id="+project.ID, nil), &programs)
	if len(programs) != 0 {
		t.Errorf("%d programs after a load without a job, want none", len(programs))
	}
	var cues []struct{ ID string }
	unmarshal(t, ts("POST", "/v1/build/cues", map[string]any{"project_id": project.ID, "previous_questions": []string{}, "count": 2}), &cues)
	unmarshal(t, ts("GET", "/v1/queryprograms?project_id="+project.ID, nil), &programs)
	if len(cues) != 2 || len(programs) != 2 {
		t.Fatalf("%d cues and %d programs, want 2", len(cues), len(programs))
	}
	var result map[string]any
	unmarshal(t, ts("POST", "/v1/run/queryprogram", map[string]any{"project_id": project.ID, "queryprogram_id": programs[0].ID, "stream": false}), &result)
	if _, ok := result["items"].(map[string]any)["MAIN"]; !ok {
		t.Errorf("run: %v", result)
	}
	built := string(ts("POST", "/v1/build/query_program", map[string]any{"project_id": project.ID, "question": "What is the average trading volume for each symbol?"}))
	events := eventsOf(t, built)
	program, _ := events["QueryProgram"]["id"].(string)
	if program == "" {
		t.Fatalf("build: %s", built)
	}
	averages := rowsOf(t, ts("POST", "/v1/run/queryprogram", map[string]any{"project_id": project.ID, "queryprogram_id": program}))
	if averages["AAPL"] == "" || averages["GOOGL"] == "" {
		t.Errorf("average volume of AAPL and GOOGL: %v", averages)
	}
	var published struct{ Published bool }
	unmarshal(t, ts("PATCH", "/v1/queryprograms/"+program+"/publish", map[string]any{}), &published)
	var apis []struct{ ID, Slug, Version string }
	unmarshal(t, ts("GET", "/v1/apis/project/"+project.ID, nil), &apis)
	if !published.Published || len(apis) != 1 {
		t.Fatalf("published: %v, %d APIs", published, len(apis))
	}
	var endpoints []struct{ Path string }
	unmarshal(t, ts("GET", "/v1/apis/endpoints/api/"+apis[0].ID, nil), &endpoints)
	live := ts("GET", "/live/"+apis[0].Slug+"/"+apis[0].Version+"//"+endpoints[0].Path+"?params=%5Bobject+Object%5D", nil)
	if got := rowsOf(t, live); fmt.Sprint(got) != fmt.Sprint(averages) {
		t.Errorf("live: %v, want %v", got, averages)
	}
	var chat struct {
		Choices []struct{ Message struct{ Content string } }
	}
	unmarshal(t, ts("POST", "/v1/run/"+project.ID+"/chat/completions", map[string]any{"model": "infactory-v1",
		"messages": []map[string]any{{"role": "user", "content": "What is the average trading volume for each symbol?"}}}), &chat)
	if got := rowsOf(t, []byte(chat.Choices[0].Message.Content)); fmt.Sprint(got) != fmt.Sprint(averages) {
		t.Errorf("chat: %v, want %v", got, averages)
	}
	s.explore(project.ID, "Show me AAPL volume")
	for _, path := range []string{"/v1/datasources/" + datasource.ID, "/v1/projects/" + project.ID} {
		var gone struct {
			ID string `json:"id"`
		}
		if unmarshal(t, ts("DELETE", path, nil), &gone); gone.ID == "" {
			t.Errorf("DELETE %s does not answer the object", path)
		}
	}
}

// explore talks in a conversation as F1 does.
func (s *server) explore(project, question string) {
	s.t.Helper()
	var conversation struct{ ID, Title string }
	unmarshal(s.t, s.typescript("POST", "/v1/explore", map[string]any{"project_id": project, "title": "Quick"}), &conversation)
	said := string(s.typescript("POST", "/v1/run/"+conversation.ID, map[string]any{"conversation_id": conversation.ID, "project_id": project, "content": question, "author_role": "user"}))
	blocks := strings.Split(strings.TrimSuffix(said, "\n\n"), "\n\n")
	last := blocks[len(blocks)-1]
	if !strings.Contains(last, "\nevent: messages\n") || !strings.Contains(last, `"content_type":"function-response"`) {
		s.t.Errorf("the last event is %s", last)
	}
	var graph struct {
		Items []struct {
			Kind    string
			Message struct {
				Text string `json:"content_text"`
			}
		}
	}
	unmarshal(s.t, s.typescript("GET", "/v1/explore/"+conversation.ID+"/graph", nil), &graph)
	if len(graph.Items) < 2 || graph.Items[0].Message.Text != question {
		s.t.Errorf("graph: %+v", graph)
	}
}

// typescript sends a request with the headers of the TypeScript SDK. It must succeed.
func (s *server) typescript(method, path string, body any) []byte {
	s.t.Helper()
	var payload bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&payload).Encode(body); err != nil {
			s.t.Fatal(err)
		}
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, &payload)
	if err != nil {
		s.t.Fatal(err)
	}
	for name, value := range map[string]string{"Authorization": "Bearer " + testKey, "Accept": "*/*", "x-infactory-sdk-version": "0.6.4", "x-client-version": "0.6.4"} {
		r.Header.Set(name, value)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return s.answered(r)
}
