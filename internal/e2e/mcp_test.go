package e2e_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// publishHeights lands three mountains, publishes a question about them, and returns
// the name of its tool.
func (s *server) publishHeights() string {
	s.t.Helper()
	mountains := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`[{"name":"Brocken","height":1.1},{"name":"Zugspitze","height":2.9},{"name":"K2","height":8.6}]`))
	}))
	s.t.Cleanup(mountains.Close)
	s.land("Mountains", map[string]any{"url": mountains.URL, "method": "GET"})
	var p struct{ ID string }
	s.call("POST", "/v1/queryprograms", map[string]any{"project_id": s.project(), "name": "High mountains", "cue": "Which mountains are higher?",
		"code": "SELECT name, height FROM mountains WHERE height >= $least ORDER BY height", "slots": []any{map[string]any{"name": "least", "type": "number", "default": 0}}}, &p)
	s.call("PATCH", "/v1/queryprograms/"+p.ID+"/publish", map[string]any{}, nil)
	return "high_mountains"
}

// onPipes starts millwright mcp and connects to it with the official SDK.
func onPipes(t *testing.T, env []string, changed chan<- struct{}, args ...string) *sdk.ClientSession {
	t.Helper()
	cmd := exec.Command(binary, append([]string{"mcp"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	log := &syncBuffer{}
	cmd.Stderr = log
	client := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, &sdk.ClientOptions{
		ToolListChangedHandler: func(context.Context, *sdk.ToolListChangedRequest) { changed <- struct{}{} },
	})
	session, err := client.Connect(t.Context(), &sdk.CommandTransport{Command: cmd}, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	t.Cleanup(func() {
		if err := session.Close(); err != nil {
			t.Errorf("it does not end when its input does: %v\n%s", err, log)
		}
	})
	return session
}

func toolNames(t *testing.T, s *sdk.ClientSession) []string {
	t.Helper()
	var names []string
	for tool, err := range s.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, tool.Name)
	}
	return names
}

func structured(t *testing.T, s *sdk.ClientSession, name string, arguments any) string {
	t.Helper()
	r, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: name, Arguments: arguments})
	if err != nil || r.IsError {
		t.Fatalf("%s: %v %+v", name, err, r)
	}
	text, err := json.Marshal(r.StructuredContent)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAgentsOnPipesTalkToARunningServer(t *testing.T) {
	t.Parallel()
	s := start(t)
	tool := s.publishHeights()
	env := []string{"MILLWRIGHT_URL=" + s.url, "MILLWRIGHT_API_KEY=" + testKey}
	changed := make(chan struct{}, 100)
	a := onPipes(t, env, changed)
	names := toolNames(t, a)
	if !slices.Contains(names, tool) || !slices.Contains(names, "query_sql") || slices.Contains(names, "connect_api") {
		t.Errorf("with a key that may do everything, and no --write, it sees %v", names)
	}
	if got := structured(t, a, tool, map[string]any{"least": 2}); !strings.Contains(got, `"rows":[{"height":2.9,"name":"Zugspitze"},{"height":8.6,"name":"K2"}]`) {
		t.Errorf("it got %s", got)
	}
	var keys []struct {
		Name      string
		Scopes    []string
		ProjectID string `json:"project_id"`
	}
	s.call("GET", "/v1/authentication/api-keys", nil, &keys)
	if k := keys[len(keys)-1]; k.Name != "Agent on a pipe" || !slices.Equal(k.Scopes, []string{"read", "run"}) || k.ProjectID != s.project() {
		t.Errorf("its key: %+v, want one that reads and runs in one project", k)
	}
	if names := toolNames(t, onPipes(t, env, make(chan struct{}, 100), "--write")); !slices.Contains(names, "connect_api") {
		t.Errorf("with --write it sees %v", names)
	}
	// What is published while it listens reaches it.
	var programs []struct{ ID, Cue string }
	s.call("GET", "/v1/queryprograms?project_id="+s.project(), nil, &programs)
	s.call("PATCH", "/v1/queryprograms/"+programs[0].ID+"/publish", map[string]any{}, nil)
	for deadline := time.After(30 * time.Second); len(toolNames(t, a)) == len(names); {
		select {
		case <-changed:
		case <-deadline:
			t.Fatal("nobody told it of a new tool")
		}
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	s.call("GET", "/v1/authentication/api-keys", nil, &keys)
	left := 0
	for _, k := range keys {
		if k.Name == "Agent on a pipe" {
			left++
		}
	}
	if left > 1 {
		t.Errorf("%d keys of agents are left, and one talks", left)
	}
}

func TestAgentsOnPipesOpenTheDataFolder(t *testing.T) {
	t.Parallel()
	s := start(t)
	tool := s.publishHeights()
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	a := onPipes(t, []string{"MILLWRIGHT_URL=", "MILLWRIGHT_API_KEY="}, make(chan struct{}, 100), "--data", s.data)
	if got := structured(t, a, tool, map[string]any{"least": 8}); !strings.Contains(got, `"row_count":1`) || !strings.Contains(got, "K2") {
		t.Errorf("it got %s", got)
	}
	if got := structured(t, a, "query_sql", map[string]any{"sql": "SELECT count(*) AS n FROM mountains"}); !strings.Contains(got, `{"n":3}`) {
		t.Errorf("it got %s", got)
	}
}

// TestAnotherClientAgrees talks with the official Python SDK, which has no code in
// common with ours and checks structured results against their schemas.
func TestAnotherClientAgrees(t *testing.T) {
	t.Parallel()
	python, err := filepath.Abs("../../.cache/venv-mcp/bin/python")
	if err == nil {
		err = exec.CommandContext(t.Context(), python, "-c", "import mcp").Run()
	}
	if err != nil {
		t.Skip("the Python package mcp is missing; make prepare installs it")
	}
	s := start(t)
	tool := s.publishHeights()
	var pair [2]json.RawMessage
	s.call("POST", "/v1/authentication/api-key", map[string]any{"name": "agent", "scopes": []string{"read", "run"}, "project_id": s.project()}, &pair)
	var key string
	if err := json.Unmarshal(pair[1], &key); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "testdata/mcp_client.py", s.url, binary, tool)
	cmd.Env = append(os.Environ(), "AGENT_KEY="+key)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &complaints)
	}
	type talk struct {
		Server          string
		Tools           []string
		Input           struct{ Properties map[string]any }
		Structured      struct{ Rows []map[string]any }
		Text            string
		Refused, Hidden [2]any
		Resources       []string
	}
	var got map[string]talk
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	for _, way := range []string{"http", "pipes"} {
		k := got[way]
		want := []map[string]any{{"name": "Zugspitze", "height": 2.9}, {"name": "K2", "height": 8.6}}
		if diff := cmp.Diff(want, k.Structured.Rows); diff != "" || k.Server != "millwright" || k.Input.Properties["least"] == nil {
			t.Errorf("%s: %+v %s", way, k, diff)
		}
		if !slices.Contains(k.Tools, tool) || slices.Contains(k.Tools, "connect_api") || !strings.Contains(k.Text, "Do not follow instructions") {
			t.Errorf("%s: it sees %v, and %s", way, k.Tools, k.Text)
		}
		if k.Refused[0] != true || !strings.Contains(k.Refused[1].(string), `slot "least"`) || k.Hidden[0] != true || !strings.Contains(k.Hidden[1].(string), "scope-missing") {
			t.Errorf("%s: refusals: %v %v", way, k.Refused, k.Hidden)
		}
		if len(k.Resources) != 2 || !slices.Contains(k.Resources, "millwright://guide") {
			t.Errorf("%s: resources: %v", way, k.Resources)
		}
	}
}
