package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// get asks for a path and returns the answer's status, headers and body.
func (s *server) get(path string, header ...string) (int, http.Header, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), "GET", s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testKey)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(text)
}

func TestAnswersAreKeptUntilTheDataChange(t *testing.T) {
	var rows atomic.Int64
	rows.Store(70)
	shop := upstream(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(regions(int(rows.Load()))) }))
	s := start(t)
	d := s.land("sales", map[string]any{"url": shop, "method": "GET"})
	make := func(sql string) string {
		t.Helper()
		var p struct{ ID string }
		s.call("POST", "/v1/queryprograms", map[string]any{"project_id": s.project(), "cue": "?", "code": sql}, &p)
		return "/v1/run/queryprogram?project_id=" + s.project() + "&queryprogram_id=" + p.ID
	}
	counting := make("SELECT count(*) AS n FROM " + d.TableName)
	expect := func(rule string, status int, cache, rows string, path string, header ...string) (tag, body string) {
		t.Helper()
		got, h, text := s.get(path, header...)
		if got != status || !strings.Contains(h.Get("Cache-Status"), cache) || rows != "" && !strings.Contains(text, `"rows":[[`+rows+`]]`) {
			t.Errorf("%s: %d %q %.200s; want %d %q, rows %s", rule, got, h.Get("Cache-Status"), text, status, cache, rows)
		}
		if status == 304 && text != "" {
			t.Errorf("%s: 304 with a body", rule)
		}
		return h.Get("ETag"), text
	}
	tag, first := expect("a first run", 200, "fwd=miss", "70", counting)
	if same, again := expect("the same again", 200, "hit", "70", counting); same != tag || again != first || tag == "" {
		t.Errorf("the same answer has the tags %s and %s", tag, same)
	}
	expect("who has it", 304, "hit", "", counting, "If-None-Match", tag)
	expect("who has it among others", 304, "hit", "", counting, "If-None-Match", `"x", W/`+tag)
	expect("who has another", 200, "hit", "70", counting, "If-None-Match", `"x"`)
	expect("who wants a new run", 200, "fwd=miss", "70", counting, "Cache-Control", "no-cache", "If-None-Match", tag)
	expect("another form", 200, "fwd=miss", "", counting+"&format=csv")
	if _, text := expect("that form again", 200, "hit", "", counting+"&format=csv"); strings.TrimSpace(text) != "n\r\n70" {
		t.Errorf("the kept file is %q", text)
	}
	chance := make("SELECT random() AS n FROM " + d.TableName + " LIMIT 1")
	for range 2 {
		if tag, _ := expect("chance", 200, "", "", chance); tag != "" {
			t.Errorf("an answer that nobody can repeat has the tag %s", tag)
		}
	}
	// Another process knows nothing but the data.
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s = startIn(t, s.data, "--allow-cidr", "127.0.0.0/8")
	expect("who has it, after a new start", 304, "hit", "", counting, "If-None-Match", tag)
	expect("who has nothing, after a new start", 200, "fwd=miss", "70", counting)

	rows.Store(77)
	s.land("sales2", map[string]any{"url": shop, "method": "GET"})
	expect("while another dataset changes", 200, "hit", "70", counting)
	var source struct {
		DatasourceID string `json:"datasource_id"`
	}
	s.call("GET", "/v1/datalines/"+d.ID, nil, &source)
	var run struct{ Jobs []jobWire }
	s.call("POST", "/v1/datasources/"+source.DatasourceID+"/runs", map[string]any{}, &run)
	for _, j := range run.Jobs {
		s.wait(j.ID)
	}
	expect("a new version of the data", 200, "fwd=miss", "77", counting, "If-None-Match", tag)

	var runs []struct {
		Result struct {
			Cached bool `json:"cached"`
		}
	}
	id := counting[strings.LastIndexByte(counting, '=')+1:]
	s.call("GET", "/v1/queryprograms/"+id+"/history", nil, &runs)
	cached := 0
	for _, r := range runs {
		if r.Result.Cached {
			cached++
		}
	}
	if len(runs) != 12 || cached != 7 {
		t.Errorf("the history has %d runs, %d of them cached; want 12 and 7", len(runs), cached)
	}
}

func TestTooManyQueriesOfAProjectAreRefusedWithATime(t *testing.T) {
	s := start(t)
	var p struct{ ID string }
	s.call("POST", "/v1/queryprograms", map[string]any{"project_id": s.project(), "cue": "?",
		"code": "SELECT count(*) AS n FROM range(100000000000) a(i), range(1000) b(j) WHERE hash(i + j) % 7 = $x", "slots": []map[string]any{{"name": "x", "type": "integer", "default": 1}}}, &p)
	ctx, enough := context.WithCancel(t.Context())
	defer enough()
	var refused atomic.Int64
	var clients sync.WaitGroup
	for i := range 60 {
		clients.Go(func() {
			r, err := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("%s/v1/run/queryprogram?project_id=%s&queryprogram_id=%s&x=%d", s.url, s.project(), p.ID, i), nil)
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("Authorization", "Bearer "+testKey)
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				return // there were enough refusals
			}
			defer resp.Body.Close()
			text, _ := io.ReadAll(resp.Body)
			wait, err := strconv.Atoi(resp.Header.Get("Retry-After"))
			if resp.StatusCode != 429 || err != nil || wait < 1 || wait > 60 || !strings.Contains(string(text), "engine-busy") {
				t.Errorf("got %d, Retry-After %q, %s", resp.StatusCode, resp.Header.Get("Retry-After"), text)
			}
			// Two run and 32 wait: the others are refused at once.
			if refused.Add(1) == 60-2-32 {
				enough()
			}
		})
	}
	clients.Wait()
	if n := refused.Load(); n < 60-2-32 {
		t.Errorf("%d were refused, want %d", n, 60-2-32)
	}
	var other struct{ ID string }
	s.call("POST", "/v1/projects", map[string]any{"name": "other"}, &other)
	s.call("POST", "/v1/queryprograms", map[string]any{"project_id": other.ID, "cue": "?", "code": "SELECT 1 AS n"}, &p)
	if status, _, text := s.get("/v1/run/queryprogram?project_id=" + other.ID + "&queryprogram_id=" + p.ID); status != 200 {
		t.Errorf("another project got %d %s", status, text)
	}
}
