package faulttest_test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// On a disk that is really full the server stays up and says so, and the run goes
// on when there is space again.
func TestASmallDiskFills(t *testing.T) {
	data := t.TempDir()
	if err := syscall.Mount("none", data, "tmpfs", 0, "size=48m"); err != nil {
		t.Skipf("NOT TESTED: a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(data, 0); err != nil {
			t.Error(err)
		}
	})
	noise := make([]byte, 6<<20)
	_, _ = rand.Read(noise) // never fails
	text := base64.StdEncoding.EncodeToString(noise)
	const size = 8 << 10
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "[")
		for i := 0; (i+1)*size <= len(text); i++ {
			if i > 0 {
				fmt.Fprint(w, ",")
			}
			fmt.Fprintf(w, `{"id":%d,"noise":%q}`, i, text[i*size:(i+1)*size])
		}
		fmt.Fprint(w, "]")
	}))
	t.Cleanup(ts.Close)
	s := serve(t, configOf(data), t.Output())
	d := s.connect("Noise", ts.URL)

	filler := filepath.Join(data, "filler")
	fill(t, filler)
	id := s.rerun(d)[0]
	waitUntil(t, func() bool {
		var j job
		s.call("GET", "/v1/jobs/"+id, nil, &j)
		if j.Status != "pending" && j.Status != "running" {
			t.Fatalf("the job is %s: %+v", j.Status, j.Error)
		}
		return strings.Contains(j.Stats.Waiting, "full")
	})
	if status, text := s.try("GET", "/readyz", nil, nil); status != http.StatusOK {
		t.Errorf("while the disk is full: %d %s", status, text)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if got := s.wait(id); got.Status != "completed" {
		t.Fatalf("the run is %s: %+v", got.Status, got.Error)
	}
	if version, rows, _ := s.state(d); version != 2 || rows != 2*int64(len(text)/size) {
		t.Errorf("version %d with %d rows", version, rows)
	}
}

// fill leaves 2 MB of the disk: enough for the database, too little for a run.
func fill(t *testing.T, path string) {
	t.Helper()
	var stat syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &stat); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, make([]byte, int(stat.Bavail)*int(stat.Bsize)-2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
}

func waitUntil(t *testing.T, done func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(60 * time.Second); !done(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("waited a minute for nothing")
		}
	}
}
