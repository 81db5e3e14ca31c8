package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const testKey = "mw-e2e-key-0123456789abcdef"

// A server is a running millwright process.
type server struct {
	t    *testing.T
	url  string
	data string
	cmd  *exec.Cmd
	log  *syncBuffer
	done chan error
}

// A syncBuffer collects what a process prints while a test reads it.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// start runs millwright serve over a new data folder. It may reach 127.0.0.0/8.
func start(t *testing.T) *server {
	t.Helper()
	return startIn(t, t.TempDir(), "--allow-cidr", "127.0.0.0/8")
}

func startIn(t *testing.T, data string, flags ...string) *server {
	t.Helper()
	return startUnder(t, nil, data, flags...)
}

// startUnder is startIn by another program, which gets the command as its last
// arguments.
func startUnder(t *testing.T, program []string, data string, flags ...string) *server {
	t.Helper()
	s := &server{t: t, data: data, log: &syncBuffer{}, done: make(chan error, 1)}
	args := append(program, binary, "serve", "--verbose", "--addr", "127.0.0.1:0", "--data", data)
	s.cmd = exec.Command(args[0], append(args[1:], flags...)...)
	s.cmd.Env = append(os.Environ(), "MILLWRIGHT_API_KEY="+testKey)
	s.cmd.Stdout = s.log
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	serving := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(stderr)
		lines.Buffer(nil, 1<<20)
		address := regexp.MustCompile(`msg=serving url=(http://\S+)`)
		for lines.Scan() {
			fmt.Fprintln(s.log, lines.Text())
			if m := address.FindStringSubmatch(lines.Text()); m != nil {
				serving <- m[1]
			}
		}
		s.done <- s.cmd.Wait()
	}()
	t.Cleanup(s.kill)
	select {
	case s.url = <-serving:
	case err := <-s.done:
		s.done <- err
		t.Fatalf("the server ended: %v\n%s", err, s.log)
	case <-time.After(60 * time.Second):
		t.Fatalf("the server does not serve\n%s", s.log)
	}
	return s
}

// kill ends the process the hard way, if it still runs.
func (s *server) kill() {
	if s.cmd.ProcessState == nil {
		_ = s.cmd.Process.Kill() // it may have ended by itself
		err := <-s.done
		s.done <- err
	}
}

// stop asks the process to end and returns how it did.
func (s *server) stop() error {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	select {
	case err := <-s.done:
		s.done <- err
		return err
	case <-time.After(30 * time.Second):
		s.t.Fatalf("the server does not stop\n%s", s.log)
		return nil
	}
}

// raw sends a request and returns status and body.
func (s *server) raw(method, path string, body any) (int, []byte) {
	s.t.Helper()
	var payload io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		payload = strings.NewReader(body)
	default:
		text, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		payload = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, payload)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testKey)
	if payload != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatalf("%s %s: %v\n%s", method, path, err, s.log)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, text
}

// call sends a request that must succeed and decodes the answer.
func (s *server) call(method, path string, body, out any) {
	s.t.Helper()
	status, text := s.raw(method, path, body)
	if status != 200 {
		s.t.Fatalf("%s %s: %d %s\n%s", method, path, status, text, s.log)
	}
	if out != nil {
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		if err := dec.Decode(out); err != nil {
			s.t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
}

type jobWire struct {
	ID       string  `json:"id"`
	Type     string  `json:"job_type"`
	Status   string  `json:"status"`
	Progress float64 `json:"progress"`
	Error    *struct {
		Type   string `json:"type"`
		Detail string `json:"detail"`
	} `json:"error"`
}

type dataline struct {
	ID           string          `json:"id"`
	TableName    string          `json:"table_name"`
	DataobjectID string          `json:"dataobject_id"`
	Rows         int64           `json:"rows"`
	Version      int64           `json:"version"`
	Schema       json.RawMessage `json:"schema"`
	Verdict      struct {
		State  string `json:"state"`
		Reason string `json:"reason"`
	} `json:"verdict"`
}

// project returns the project that the first start made.
func (s *server) project() string {
	s.t.Helper()
	var projects []struct{ ID string }
	s.call("GET", "/v1/projects", nil, &projects)
	return projects[0].ID
}

// connect stores a datasource and starts its run.
func (s *server) connect(name string, spec map[string]any) (datasource string, jobs []jobWire) {
	s.t.Helper()
	project := s.project()
	var d struct{ ID string }
	s.call("POST", "/v1/datasources", map[string]any{"name": name, "project_id": project, "type": "http-requests", "status": "transformation_started"}, &d)
	body := map[string]any{"project_id": project, "datasource_id": d.ID, "connect_spec": map[string]any{"name": name, "id": "http-requests", "config": spec}}
	for k, v := range spec {
		body[k] = v
	}
	var started struct {
		Jobs []jobWire `json:"jobs"`
	}
	s.call("POST", "/v1/http/execute-request", body, &started)
	return d.ID, started.Jobs
}

// wait follows a job to its end.
func (s *server) wait(id string) jobWire {
	s.t.Helper()
	resp, err := s.stream("GET", "/v1/jobs/subscribe/"+id)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	// The stream ends with the job's last event.
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		s.t.Fatalf("subscribe: %v\n%s", err, s.log)
	}
	var j jobWire
	s.call("GET", "/v1/jobs/"+id, nil, &j)
	if j.Status != "completed" && j.Status != "failed" && j.Status != "canceled" {
		s.t.Fatalf("job %s is %s after its stream ended", id, j.Status)
	}
	return j
}

func (s *server) stream(method, path string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+testKey)
	return http.DefaultClient.Do(r)
}

// land connects, waits for all jobs, and returns the dataset.
func (s *server) land(name string, spec map[string]any) dataline {
	s.t.Helper()
	datasource, jobs := s.connect(name, spec)
	for _, j := range jobs {
		if got := s.wait(j.ID); got.Status != "completed" {
			s.t.Fatalf("%s of %s: %s, %+v\n%s", j.Type, name, got.Status, got.Error, s.log)
		}
	}
	return s.dataline(datasource)
}

func (s *server) dataline(datasource string) dataline {
	s.t.Helper()
	var d struct{ Datalines []dataline }
	s.call("GET", "/v1/datasources/"+datasource+"/with_datalines", nil, &d)
	if len(d.Datalines) != 1 {
		s.t.Fatalf("%d datasets, want 1", len(d.Datalines))
	}
	return d.Datalines[0]
}

// parquet downloads the dataset's file and returns its path.
func (s *server) parquet(d dataline) string {
	s.t.Helper()
	status, content := s.raw("GET", "/v1/dataobjects/"+d.DataobjectID+"/content", nil)
	if status != 200 {
		s.t.Fatalf("content: %d %s", status, content)
	}
	path := filepath.Join(s.t.TempDir(), "data.parquet")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// compare checks the dataset's Parquet against the records with pyarrow.
func (s *server) compare(d dataline, records []byte) {
	s.t.Helper()
	dir := s.t.TempDir()
	schema, source := filepath.Join(dir, "schema.json"), filepath.Join(dir, "records.json")
	for path, text := range map[string][]byte{schema: d.Schema, source: records} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(s.t.Context(), python(s.t), "testdata/compare.py", s.parquet(d), schema, source)
	out, err := cmd.CombinedOutput()
	s.t.Logf("%s: pyarrow: %s", d.TableName, bytes.TrimSpace(out))
	if err != nil {
		s.t.Errorf("%s: what pyarrow reads is not what was sent: %v", d.TableName, err)
	}
}

// runAll runs every program of the dataset and returns how many there are.
func (s *server) runAll(d dataline) int {
	s.t.Helper()
	var programs []struct{ ID, Cue, Kind, Code string }
	s.call("GET", "/v1/queryprograms/dataline/"+d.ID, nil, &programs)
	project := s.project()
	for _, p := range programs {
		status, text := s.raw("POST", "/v1/run/queryprogram", map[string]any{"project_id": project, "queryprogram_id": p.ID})
		var result struct {
			RowCount int `json:"row_count"`
		}
		if err := json.Unmarshal(text, &result); status != 200 || err != nil {
			s.t.Errorf("%s: %s: %d %s\n%s", d.TableName, p.Cue, status, text, p.Code)
			continue
		}
		s.t.Logf("%s: [%s] %s -> %d rows", d.TableName, p.Kind, p.Cue, result.RowCount)
	}
	return len(programs)
}

// python returns the interpreter that has pyarrow and requests.
func python(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../.cache/venv/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	need(t, path, "make prepare installs pyarrow and requests there")
	return path
}

// nodeModule returns the folder of an installed npm package.
func nodeModule(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs("../../.cache/node/node_modules/" + name)
	if err != nil {
		t.Fatal(err)
	}
	need(t, path, "make prepare installs it")
	return path
}

// need skips the test, loudly, when something it uses is not installed.
func need(t *testing.T, path, how string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Skipf("SKIPPED: %s is missing; %s", path, how)
	}
}

// freePort returns a port that was free a moment ago.
func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// launch runs a foreign server and waits until it answers at ready.
func launch(t *testing.T, ready string, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out := &syncBuffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		<-done
	})
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(60 * time.Second)
	for {
		if resp, err := http.Get(ready); err == nil {
			resp.Body.Close()
			if resp.StatusCode < 500 {
				return
			}
		}
		select {
		case err := <-done:
			done <- err
			t.Fatalf("%s ended: %v\n%s", name, err, out)
		case <-deadline:
			t.Fatalf("%s does not answer at %s\n%s", name, ready, out)
		case <-tick.C:
		}
	}
}

// upstream serves h on loopback for the test.
func upstream(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

func values(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v.Encode()
}
