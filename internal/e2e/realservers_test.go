package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The tests of realservers_*_test.go put the connector before servers that other
// people wrote. make test-real installs them; a plain run takes those that are
// there and start within a second.

// onlyReal skips the test unless make test-real runs it: its server takes long to
// start.
func onlyReal(t *testing.T) {
	t.Helper()
	if os.Getenv("MILLWRIGHT_REAL") == "" {
		t.Skip("SKIPPED: takes long; make test-real runs it")
	}
}

// program returns the path of an installed server, looked for in .cache/bin and
// where the system keeps programs.
func program(t *testing.T, names ...string) string {
	t.Helper()
	own, err := filepath.Abs("../../.cache/bin")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		for _, place := range []string{filepath.Join(own, name), name, filepath.Join("/usr/sbin", name)} {
			if path, err := exec.LookPath(place); err == nil {
				return path
			}
		}
	}
	t.Skipf("SKIPPED: %s is missing; make test-real installs it", strings.Join(names, " or "))
	return ""
}

// raise runs a foreign server with all that it starts, waits until it is ready,
// and ends the whole group with the test. It returns what the server prints.
func raise(t *testing.T, cmd *exec.Cmd, ready func() error) *syncBuffer {
	t.Helper()
	out := &syncBuffer{}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// A grandchild that keeps the pipes open must not hold up the end.
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may have ended by itself
		<-done
	})
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(90 * time.Second)
	for {
		err := ready()
		if err == nil {
			return out
		}
		select {
		case ended := <-done:
			done <- ended
			t.Fatalf("%s ended: %v\n%s", cmd.Path, ended, out)
		case <-deadline:
			t.Fatalf("%s is not ready: %v\n%s", cmd.Path, err, out)
		case <-tick.C:
		}
	}
}

// answers is ready when url is answered with 200 and a body that holds text.
func answers(t *testing.T, url, text string) func() error {
	return func() error {
		status, body, err := send(t, "GET", url, nil)
		if err == nil && (status != http.StatusOK || !strings.Contains(string(body), text)) {
			err = fmt.Errorf("%d %s", status, body)
		}
		return err
	}
}

// send makes a request of the test's own, past the connector.
func send(t *testing.T, method, url string, body []byte, headers ...string) (int, []byte, error) {
	r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, text, err
}

// ask is send for what must succeed. It decodes the answer into out, if there is one.
func ask(t *testing.T, method, url string, body any, out any, headers ...string) {
	t.Helper()
	payload, ok := body.([]byte)
	if !ok && body != nil {
		var err error
		if payload, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	status, text, err := send(t, method, url, payload, headers...)
	if err != nil || status < 200 || status > 299 {
		t.Fatalf("%s %s: %d %s, %v", method, url, status, text, err)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(text, out); err != nil {
		t.Fatalf("%s %s: %v in %s", method, url, err, text)
	}
}

// A tested is what test-connection says.
type tested struct {
	Success  bool
	Status   int
	Records  int64
	Pages    int64
	Data     json.RawMessage
	Detected struct {
		ResponsePath struct{ Path, Shape, Evidence string } `json:"response_path"`
		Pagination   struct {
			Kind, Evidence string
			Verified       bool
		}
	}
	Verdict     verdict
	Suggestions []string
}

type verdict struct {
	State, Reason, Message string
	Pages, Records         int64
	TotalClaimed           *int64 `json:"total_claimed"`
	TotalFrom              string `json:"total_from"`
	RepeatedPages          int64  `json:"repeated_pages"`
	Alarms                 []string
}

// try tests a connection.
func (s *server) try(spec map[string]any) tested {
	s.t.Helper()
	var got tested
	s.call("POST", "/v1/http/test-connection", spec, &got)
	return got
}

// A finding is what a test of a connection has to find out by itself.
type finding struct {
	path, shape, paging string
	proof               string // part of the evidence for the paging
}

// finds tests a connection and checks what was found, and that a second page proved it.
func (s *server) finds(name string, spec map[string]any, want finding) {
	s.t.Helper()
	got := s.try(spec)
	d := got.Detected
	s.t.Logf("%s: test: %d records on %d pages; records at %q as %s (%s); paging %s, verified %v (%s)", name, got.Records, got.Pages,
		d.ResponsePath.Path, d.ResponsePath.Shape, d.ResponsePath.Evidence, d.Pagination.Kind, d.Pagination.Verified, d.Pagination.Evidence)
	if !got.Success {
		s.t.Fatalf("%s: the test failed: %d %s %v", name, got.Status, got.Data, got.Suggestions)
	}
	if d.ResponsePath.Path != want.path || d.ResponsePath.Shape != want.shape || d.Pagination.Kind != want.paging || !strings.Contains(d.Pagination.Evidence, want.proof) {
		s.t.Errorf("%s: detected %+v, want %+v", name, d, want)
	}
	if want.paging != "" && want.paging != "none" && !d.Pagination.Verified {
		s.t.Errorf("%s: no second page proved the paging", name)
	}
}

// lands runs a connection and checks it against what the source says otherwise:
// every record once, the verdict, the pages, and that a written question runs.
func (s *server) lands(name string, spec map[string]any, records []json.RawMessage, state, reason string, pages int64) dataline {
	s.t.Helper()
	d := s.land(name, spec)
	v := s.verdict(d)
	s.t.Logf("%s: %d rows on %d pages, %s: %s (%s)", name, d.Rows, v.Pages, v.State, v.Reason, v.Message)
	if v.State != state || v.Reason != reason || v.Pages != pages {
		s.t.Errorf("%s: verdict %+v, want %s, %s on %d pages", name, v, state, reason, pages)
	}
	if d.Rows != int64(len(records)) {
		s.t.Errorf("%s: %d rows, want %d", name, d.Rows, len(records))
	}
	list, err := json.Marshal(records)
	if err != nil {
		s.t.Fatal(err)
	}
	s.compare(d, list)
	if s.runAll(d) < 1 {
		s.t.Errorf("%s: no question was written", name)
	}
	return d
}

// verdict returns the whole verdict of a dataset's version.
func (s *server) verdict(d dataline) verdict {
	s.t.Helper()
	var got struct{ Verdict verdict }
	s.call("GET", "/v1/datalines/"+d.ID, nil, &got)
	return got.Verdict
}

// fails runs a connection that must not land and returns why.
func (s *server) fails(name string, spec map[string]any) (problem, detail string) {
	s.t.Helper()
	_, jobs := s.connect(name, spec)
	got := s.wait(jobs[0].ID)
	if got.Status != "failed" || got.Error == nil {
		s.t.Fatalf("%s: %s %+v, want a named failure", name, got.Status, got.Error)
	}
	s.t.Logf("%s: %s: %s", name, got.Error.Type, got.Error.Detail)
	return got.Error.Type, got.Error.Detail
}

// sorted orders records by what by says of each.
func sorted(t *testing.T, records []json.RawMessage, by func(json.RawMessage) string) []json.RawMessage {
	t.Helper()
	out := slices.Clone(records)
	slices.SortStableFunc(out, func(a, b json.RawMessage) int { return strings.Compare(by(a), by(b)) })
	return out
}
