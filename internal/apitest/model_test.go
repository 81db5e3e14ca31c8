package apitest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"millwright/internal/app"
	"millwright/internal/secret"
)

// A model is a language model behind an API like OpenAI's, on this machine. It behaves
// as a test says, and remembers what it was asked.
type model struct {
	mu    sync.Mutex
	does  func(w http.ResponseWriter, r *http.Request, task task)
	asked []task
}

// A task is what a model is asked: the words of the message, read.
type task struct {
	Task      string   `json:"task"`
	Questions []string `json:"questions"`
	Question  string   `json:"question"`

	key, text string
}

func (m *model) behave(does func(w http.ResponseWriter, r *http.Request, task task)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.does, m.asked = does, nil
}

func (m *model) tasks() []task {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.asked)
}

func (m *model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Model    string
		Messages []struct{ Role, Content string }
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.Messages) != 2 || body.Model != "small-1" || r.URL.Path != "/v1/chat/completions" {
		http.Error(w, "not a question", http.StatusBadRequest)
		return
	}
	t := task{key: r.Header.Get("Authorization"), text: body.Messages[1].Content}
	_ = json.Unmarshal([]byte(t.text), &t)
	m.mu.Lock()
	m.asked = append(m.asked, t)
	does := m.does
	m.mu.Unlock()
	does(w, r, t)
}

// says answers with a message, as such an API does.
func says(w http.ResponseWriter, content string) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{"message": map[string]any{"role": "assistant", "content": content}}}})
}

// helpful turns the order around and begins every question with "So, ", and writes the
// program for a question that has none.
func helpful(sql string) func(w http.ResponseWriter, r *http.Request, t task) {
	return func(w http.ResponseWriter, _ *http.Request, t task) {
		switch {
		case strings.HasPrefix(t.Task, "Order"):
			order := make([]int, len(t.Questions))
			for i := range order {
				order[i] = len(order) - 1 - i
			}
			says(w, "Here you are:\n"+asJSON(map[string]any{"order": order}))
		case strings.HasPrefix(t.Task, "Say"):
			var words []string
			for _, q := range t.Questions {
				words = append(words, "So, "+q)
			}
			says(w, asJSON(map[string]any{"questions": words}))
		default:
			says(w, asJSON(map[string]any{"table": "sales", "sql": sql, "name": "Turnover by shop"}))
		}
	}
}

func asJSON(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

// advised starts a server that asks the model and waits so long for it, with a project
// of the sales.
func advised(t *testing.T, m *model, wait time.Duration) (c *client, project string) {
	t.Helper()
	api := httptest.NewServer(m)
	config := app.Config{Addr: "127.0.0.1:0", Data: t.TempDir(), AllowCIDRs: []string{"127.0.0.0/8"}, APIKey: secret.New("mw-api-test-advised-0123456"), Workers: 2, Grace: 5 * time.Second,
		ProviderURL: api.URL + "/v1", ProviderModel: "small-1", ProviderKey: secret.New("sk-of-the-model"), ProviderTimeout: wait}
	// The server outlives t.Context, so that it is stopped in order.
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	a, err := app.Build(ctx, config, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	stopped, serving := make(chan error, 1), make(chan net.Addr, 1)
	go func() { stopped <- a.Run(ctx, func(addr net.Addr) { serving <- addr }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-stopped; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		api.CloseClientConnections() // what hangs, ends, and lets the server stop
		api.Close()
	})
	select {
	case addr := <-serving:
		c = &client{t: t, url: "http://" + addr.String(), key: "mw-api-test-advised-0123456"}
	case err := <-stopped:
		stopped <- nil
		t.Fatal(err)
	}
	return c, salesProject(c)
}

// salesProject makes a project with one table, and no program yet.
func salesProject(c *client) string {
	c.t.Helper()
	project := c.object("POST", "/v1/projects", map[string]any{"name": "advised"}).text("id")
	c.loaded(project, "sales.csv", csvOf("sale_id,customer_id,shop,amount,quantity,sold_on", 400, func(i int) string {
		return fmt.Sprintf("%d,%d,%s,%d.5,%d,2025-%02d-%02d", i+1, 1+(i*i*7)%45, []string{"Kiel", "Lyon", "Oslo", "Rome"}[(i*i/3)%4], (i*37)%500, 1+i%7, 1+i%12, 1+i%28)
	}))
	c.forget(project)
	return project
}

// forget deletes all programs of the project.
func (c *client) forget(project string) {
	c.t.Helper()
	for _, p := range c.object("GET", "/v1/queryprograms?project_id="+project, nil).list() {
		c.object("DELETE", "/v1/queryprograms/"+p.text("id")+"?permanent=true", nil)
	}
}

var changing = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z|"request_id":"[^"]*"`)

// bytes is the answer without ids and moments.
func (a answer) bytes() string {
	return fmt.Sprint(a.status, " ", changing.ReplaceAllString(string(a.body), "…"))
}
