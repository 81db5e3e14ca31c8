package mcp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"millwright/internal/api/mcp"
	"millwright/internal/program"
	"millwright/internal/publish"
)

// through sends lines through a bridge to h and returns what came out.
func through(t *testing.T, h http.HandlerFunc, lines ...string) []string {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	return bridged(t, server.URL, lines...)
}

func bridged(t *testing.T, url string, lines ...string) []string {
	t.Helper()
	var out bytes.Buffer
	b := &mcp.Bridge{Endpoint: url + "/mcp?scopes=read", Key: "the-key", Client: &http.Client{}}
	if err := b.Run(t.Context(), io.NopCloser(strings.NewReader(strings.Join(lines, "\n")+"\n")), &out); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(out.String()), "\n")
}

const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}`

func TestABridgePassesMessagesAsTheyAre(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	got := through(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, fmt.Sprintf("%s %s %s %q %q", r.Method, r.URL.RawQuery, r.Header.Get("Authorization"), r.Header.Get("Mcp-Session-Id"), r.Header.Get("Mcp-Protocol-Version")))
		switch m := string(body); {
		case r.Method == http.MethodGet: // nothing to tell
			w.WriteHeader(http.StatusMethodNotAllowed)
		case strings.Contains(m, `"initialize"`):
			w.Header().Set("Mcp-Session-Id", "the-session")
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, "{\"jsonrpc\":\"2.0\",\n \"id\":1, \"result\":{\"protocolVersion\":\"2025-06-18\"}}")
		case strings.Contains(m, `"call"`):
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "event: message\nid: 1\ndata: {\"method\":\"notifications/progress\"}\n\n: still here\n\nevent: message\ndata: {\"id\":2,\"result\":\"<&>\"}\n\n")
		case strings.Contains(m, "notifications"):
			w.WriteHeader(http.StatusAccepted)
		}
	}, initialize, `{"jsonrpc":"2.0","method":"notifications/initialized"}`, ``, `{"jsonrpc":"2.0","id":2,"method":"call"}`)
	want := []string{`{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18"}}`, `{"method":"notifications/progress"}`, `{"id":2,"result":"<&>"}`}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if seen[0] != `POST scopes=read Bearer the-key "" ""` {
		t.Errorf("the first request: %s", seen[0])
	}
	for _, later := range seen[1:] {
		if !strings.HasSuffix(later, `"the-session" "2025-06-18"`) {
			t.Errorf("a later request: %s", later)
		}
	}
	if !slices.ContainsFunc(seen, func(s string) bool { return strings.HasPrefix(s, "DELETE") }) {
		t.Errorf("the session is not ended: %v", seen)
	}
}

func TestABridgeAnswersWhatGoesNowhere(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	refuse := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	for _, c := range []struct {
		rule, want string
		got        []string
	}{
		{"no server", "cannot be reached", bridged(t, gone.URL, initialize)},
		{"a bad key", "does not know this API key", through(t, refuse(401, `{"detail":"this server does not know this API key"}`), initialize)},
		{"another program's answer", "418", through(t, refuse(418, "teapot"), initialize)},
	} {
		var answer struct {
			ID    int
			Error struct{ Message string }
		}
		if err := json.Unmarshal([]byte(c.got[0]), &answer); err != nil || answer.ID != 1 || !strings.Contains(answer.Error.Message, c.want) {
			t.Errorf("%s: %v in %s, want an error that says %q", c.rule, err, c.got, c.want)
		}
	}
}

func TestABridgeEndsWhenItIsStopped(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			close(asked)
			// The end of the body tells of the end of the connection.
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}
	}))
	defer server.Close()
	ctx, stop := context.WithCancel(t.Context())
	in, agent := io.Pipe()
	ended := make(chan error, 1)
	b := &mcp.Bridge{Endpoint: server.URL, Key: "k", Client: &http.Client{}}
	go func() { ended <- b.Run(ctx, in, io.Discard) }()
	fmt.Fprintln(agent, `{"jsonrpc":"2.0","id":2,"method":"call"}`)
	<-asked
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAPublishedToolDescribesItselfWithinBounds(t *testing.T) {
	t.Parallel()
	var many []any
	for i := range 300 {
		many = append(many, fmt.Sprintf("value %03d", i))
	}
	e := publish.Endpoint{Name: "tool", Program: program.Program{Name: strings.Repeat("n", 500), Cue: "What?", Reason: []string{strings.Repeat("because ", 1000)},
		Slots: []program.Slot{{Name: "few", Type: program.Enum, Values: many[:3]}, {Name: "many", Type: program.Enum, Values: many}}}}
	tool := mcp.Described(e)
	if len(tool.Description) > 1600 || !strings.HasPrefix(tool.Description, "What?") || len(tool.Title) > 110 {
		t.Errorf("it says %d bytes of itself, under a title of %d", len(tool.Description), len(tool.Title))
	}
	text, err := json.Marshal(tool.InputSchema)
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties map[string]struct {
			Enum        []any
			Description string
		}
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	if few := schema.Properties["few"]; len(few.Enum) != 4 {
		t.Errorf("few: %+v, want its three values and null", few)
	}
	if many := schema.Properties["many"]; many.Enum != nil || !strings.Contains(many.Description, "One of 300 values") {
		t.Errorf("many: %+v, want a text that says how many values there are", many)
	}
}

func TestNamesOfToolsAreNeverTakenTwice(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 64)
	got := mcp.Names("query_sql", "a", "a", "a", long, long)
	want := []string{"query_sql_2", "a", "a_2", "a_3", long, long[:62] + "_2"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
