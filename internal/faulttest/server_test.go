package faulttest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"millwright/internal/app"
	"millwright/internal/secret"
)

const key = "mw-fault-test-0123456789"

// The variables of a process that serves and kills itself at a step: the data
// folder, and the step with how often it was reached before.
const (
	dataVariable = "MILLWRIGHT_FAULT_DATA"
	dieVariable  = "MILLWRIGHT_FAULT_DIE"
)

func TestMain(m *testing.M) {
	if app.ServedAsWorker() {
		return
	}
	if data := os.Getenv(dataVariable); data != "" {
		if err := serveUntilDeath(data, os.Getenv(dieVariable)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveUntilDeath serves, prints its address, and kills itself at the step, once a
// file named "armed" is in the data folder.
func serveUntilDeath(data, die string) error {
	name, after, _ := strings.Cut(die, "#")
	left, _ := strconv.Atoi(after)
	config := configOf(data)
	config.Step = func(_ context.Context, step string) error {
		if _, err := os.Stat(data + "/armed"); err != nil || step != name {
			return nil
		}
		if left--; left < 0 {
			_ = os.Remove(data + "/armed")
			if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
				return err
			}
			select {} // the signal comes at any moment
		}
		return nil
	}
	a, err := app.Build(context.Background(), config, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	return a.Run(context.Background(), func(addr net.Addr) { fmt.Println("http://" + addr.String()) })
}

func configOf(data string) app.Config {
	return app.Config{Addr: "127.0.0.1:0", Data: data, AllowCIDRs: []string{"127.0.0.0/8"}, APIKey: secret.New(key), Workers: 2, Grace: 5 * time.Second,
		SliceBytes: 1 << 20}
}

// A server is a running Millwright, in this process or another.
type server struct {
	t    *testing.T
	url  string
	gone <-chan struct{} // closed when it has ended
}

// serve runs a server in this process.
func serve(t *testing.T, config app.Config, log io.Writer) *server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	a, err := app.Build(ctx, config, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	serving, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		if err := a.Run(ctx, func(addr net.Addr) { serving <- "http://" + addr.String() }); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	select {
	case url := <-serving:
		return &server{t: t, url: url, gone: ended}
	case <-ended:
		t.Fatal("the server does not serve")
		return nil
	}
}

// spawn runs a server in a process of its own that dies at a step.
func spawn(t *testing.T, data, die string) *server {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), dataVariable+"="+data, dieVariable+"="+die)
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 100)
	n, err := out.Read(line)
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	gone := make(chan struct{})
	go func() { _ = cmd.Wait(); close(gone) }() // how it ended is seen from what it left
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-gone
		if t.Failed() {
			t.Logf("%s", log.String())
		}
	})
	return &server{t: t, url: strings.TrimSpace(string(line[:n])), gone: gone}
}

// try sends a request; status 0 means that nobody answered.
func (s *server) try(method, path string, body, out any) (status int, text []byte) {
	s.t.Helper()
	payload, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, bytes.NewReader(payload))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, []byte(err.Error())
	}
	defer resp.Body.Close()
	if text, err = io.ReadAll(resp.Body); err != nil {
		return 0, []byte(err.Error())
	}
	if out != nil && resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(text, out); err != nil {
			s.t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
	return resp.StatusCode, text
}

func (s *server) call(method, path string, body, out any) {
	s.t.Helper()
	if status, text := s.try(method, path, body, out); status != http.StatusOK {
		s.t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
}

type job struct {
	ID, Status, Message string
	Stats               struct{ Waiting string }
	Error               *struct{ Type, Detail string }
}

// wait follows a job to its end.
func (s *server) wait(id string) job {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), "GET", s.url+"/v1/jobs/subscribe/"+id, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		s.t.Fatal(err)
	}
	var j job
	s.call("GET", "/v1/jobs/"+id, nil, &j)
	return j
}

type started struct{ Jobs []struct{ ID string } }

func (s started) ids() (all []string) {
	for _, j := range s.Jobs {
		all = append(all, j.ID)
	}
	return all
}

// connect makes a datasource that appends and lands its first run.
func (s *server) connect(name, url string) string {
	s.t.Helper()
	d, jobs := s.begin(name, url)
	for _, id := range jobs {
		if got := s.wait(id); got.Status != "completed" {
			s.t.Fatalf("the first run is %s: %+v", got.Status, got.Error)
		}
	}
	return d
}

// begin makes a datasource that appends and starts its first run.
func (s *server) begin(name, url string) (datasource string, jobs []string) {
	s.t.Helper()
	var projects []struct{ ID string }
	s.call("GET", "/v1/projects", nil, &projects)
	var d struct{ ID string }
	s.call("POST", "/v1/datasources", map[string]any{"name": name, "project_id": projects[0].ID, "type": "http-requests"}, &d)
	var run started
	s.call("POST", "/v1/http/execute-request", map[string]any{"project_id": projects[0].ID, "datasource_id": d.ID, "url": url, "method": "GET",
		"options": map[string]any{"run": map[string]any{"mode": "append"}, "retry": map[string]any{"attempts": 1}}}, &run)
	return d.ID, run.ids()
}

// rerun starts another run and returns the ids of its jobs.
func (s *server) rerun(datasource string) []string {
	s.t.Helper()
	var run started
	s.call("POST", "/v1/datasources/"+datasource+"/runs", map[string]any{}, &run)
	return run.ids()
}

// retype builds a datasource's dataset again and returns the id of the job.
func (s *server) retype(datasource string, body map[string]any) string {
	s.t.Helper()
	var d struct{ Datalines []struct{ ID string } }
	s.call("GET", "/v1/datasources/"+datasource+"/with_datalines", nil, &d)
	var run started
	s.call("POST", "/v1/datalines/"+d.Datalines[0].ID+"/retype", body, &run)
	return run.Jobs[0].ID
}

// state returns the version and the rows of a datasource's dataset, as read.
func (s *server) state(datasource string) (version, rows int64, distinct int) {
	s.t.Helper()
	var d struct {
		Datalines []struct {
			ID            string
			Version, Rows int64
		}
	}
	s.call("GET", "/v1/datasources/"+datasource+"/with_datalines", nil, &d)
	if len(d.Datalines) != 1 {
		s.t.Fatalf("%d datasets", len(d.Datalines))
	}
	var page struct{ Rows [][]any }
	s.call("GET", "/v1/datalines/"+d.Datalines[0].ID+"/rows?limit=10000", nil, &page)
	seen := map[string]bool{}
	for _, r := range page.Rows {
		seen[fmt.Sprint(r[0])] = true
	}
	if int64(len(page.Rows)) != d.Datalines[0].Rows {
		s.t.Errorf("%d rows are read, and the version says %d", len(page.Rows), d.Datalines[0].Rows)
	}
	return d.Datalines[0].Version, int64(len(page.Rows)), len(seen)
}

// A source sends other numbers to every run, and the same to one that goes on: a
// run begins with the first page.
type source struct {
	mu   sync.Mutex
	runs int
}

const pages, pageSize = 3, 40

func newSource(t *testing.T) (*source, string) {
	s := &source{}
	ts := httptest.NewServer(s)
	t.Cleanup(ts.Close)
	return s, ts.URL
}

func (s *source) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	s.mu.Lock()
	if page == 0 {
		s.runs++
	}
	run := s.runs
	s.mu.Unlock()
	if page+1 < pages {
		w.Header().Set("Link", fmt.Sprintf(`<http://%s/?page=%d>; rel="next"`, r.Host, page+1))
	}
	var rows []map[string]any
	for i := range pageSize {
		rows = append(rows, map[string]any{"id": run*1000 + page*pageSize + i})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(rows)
}

var errInjected = errors.New("injected")
