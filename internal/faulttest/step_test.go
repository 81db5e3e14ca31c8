package faulttest_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A fault is what happens at one step, the nth time it is reached.
type fault struct {
	mu    sync.Mutex
	name  string
	after int
	do    func(ctx context.Context) error
	trace []string // every step that was reached
}

func (f *fault) step(ctx context.Context, name string) error {
	f.mu.Lock()
	f.trace = append(f.trace, name)
	do := f.do
	hit := name == f.name && do != nil
	if hit {
		if f.after--; f.after >= 0 {
			hit = false
		} else {
			f.do = nil
		}
	}
	f.mu.Unlock()
	if hit {
		return do(ctx)
	}
	return nil
}

func (f *fault) set(at point, do func(ctx context.Context) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.name, f.after, f.do, f.trace = at.name, at.after, do, nil
}

// A point is a step, and how often it was reached before.
type point struct {
	name  string
	after int
}

func (p point) String() string { return fmt.Sprintf("%s#%d", p.name, p.after) }

// A work is what a datasource's job does: it makes a version, or leaves all as it was.
type work struct {
	name  string
	begin func(s *server, datasource string) (job string)
	rows  int // that the version has besides those of the one before
	steps int // that it goes through, at least
}

func works() []work {
	return []work{
		{"run", func(s *server, d string) string { return s.rerun(d)[0] }, pages * pageSize, 20},
		{"retype", func(s *server, d string) string {
			return s.retype(d, map[string]any{"columns": map[string]any{"id": "VARCHAR"}})
		}, 0, 9},
		{"response path", func(s *server, d string) string { return s.retype(d, map[string]any{"response_path": "$[*]"}) }, 0, 12},
	}
}

// points does the work and returns the steps that it went through.
func points(t *testing.T, s *server, f *fault, w work, datasource string) []point {
	t.Helper()
	f.set(point{}, nil)
	if got := s.wait(w.begin(s, datasource)); got.Status != "completed" {
		t.Fatalf("%+v", got.Error)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []point
	times := map[string]int{}
	for _, name := range f.trace {
		all = append(all, point{name, times[name]})
		times[name]++
	}
	if len(all) < w.steps {
		t.Fatalf("a %s has only the steps %v", w.name, all)
	}
	return all
}

// afterCommit are the steps behind the transaction: the run has landed by then.
var afterCommit = []string{"committed"}

// inTransaction are the steps that hold the database: what hangs there does not
// hear of a cancellation, which needs it too.
var inTransaction = []string{"complete", "commit"}

// Whatever step fails, the work is stored once or not at all, and is done when it is
// begun again.
func TestAFailureAtEachStep(t *testing.T) {
	f := &fault{}
	config := configOf(t.TempDir())
	config.Step = f.step
	s := serve(t, config, io.Discard)
	_, url := newSource(t)
	for _, w := range works() {
		t.Run(w.name, func(t *testing.T) {
			s := &server{t: t, url: s.url}
			for _, at := range points(t, s, f, w, s.connect("Probe "+w.name, url)) {
				t.Run("error at "+at.String(), func(t *testing.T) { failAt(t, &server{t: t, url: s.url}, f, w, at, url) })
				t.Run("hang at "+at.String(), func(t *testing.T) { hangAt(t, &server{t: t, url: s.url}, f, w, at, url) })
			}
		})
	}
}

func failAt(t *testing.T, s *server, f *fault, w work, at point, url string) {
	f.set(point{}, nil)
	d := s.connect("E "+w.name+" "+at.String(), url)
	f.set(at, func(context.Context) error { return errInjected })
	got := s.wait(w.begin(s, d))
	version, rows, distinct := s.state(d)
	landed := slices.Contains(afterCommit, at.name)
	if want := map[bool]string{true: "completed", false: "failed"}[landed]; got.Status != want {
		t.Errorf("the job is %s, want %s", got.Status, want)
	}
	if want := int64(1); !landed && (version != want || rows != pages*pageSize) || landed && version != want+1 {
		t.Errorf("version %d with %d rows", version, rows)
	}
	again(t, s, f, w, d, version, distinct)
}

func hangAt(t *testing.T, s *server, f *fault, w work, at point, url string) {
	f.set(point{}, nil)
	d := s.connect("H "+w.name+" "+at.String(), url)
	hangs := make(chan struct{})
	f.set(at, func(ctx context.Context) error {
		close(hangs)
		if slices.Contains(inTransaction, at.name) {
			pause := time.NewTimer(100 * time.Millisecond)
			defer pause.Stop()
			<-pause.C
			return nil
		}
		<-ctx.Done()
		return context.Cause(ctx)
	})
	id := w.begin(s, d)
	<-hangs
	began := time.Now()
	status, text := s.try("POST", "/v1/jobs/"+id+"/cancel", map[string]any{}, nil)
	if status != 200 && status != 409 {
		t.Fatalf("cancel: %d %s", status, text)
	}
	got := s.wait(id)
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("canceling took %s", took)
	}
	version, _, distinct := s.state(d)
	if (got.Status == "completed") != (version == 2) || got.Status != "completed" && got.Status != "canceled" {
		t.Errorf("the job is %s, and the dataset at version %d", got.Status, version)
	}
	again(t, s, f, w, d, version, distinct)
}

// again does the work again, which must bring its rows once.
func again(t *testing.T, s *server, f *fault, w work, d string, version int64, distinct int) {
	t.Helper()
	f.set(point{}, nil)
	if got := s.wait(w.begin(s, d)); got.Status != "completed" {
		t.Fatalf("the %s after is %s: %+v", w.name, got.Status, got.Error)
	}
	v, rows, seen := s.state(d)
	if v != version+1 || seen != distinct+w.rows || int(rows) != seen {
		t.Errorf("then version %d with %d rows, %d of them different; it was version %d with %d", v, rows, seen, version, distinct)
	}
}

// A server that is killed at any step goes on by itself when it is started again,
// and stores what it does once.
func TestAKillAtEachStep(t *testing.T) {
	if testing.Short() {
		t.Skip("starts two servers for each step")
	}
	f := &fault{}
	config := configOf(t.TempDir())
	config.Step = f.step
	s := serve(t, config, io.Discard)
	_, url := newSource(t)
	for _, w := range works() {
		t.Run(w.name, func(t *testing.T) {
			s := &server{t: t, url: s.url}
			for _, at := range points(t, s, f, w, s.connect("Probe "+w.name, url)) {
				t.Run(at.String(), func(t *testing.T) { killAt(t, w, at) })
			}
		})
	}
}

func killAt(t *testing.T, w work, at point) {
	data := t.TempDir()
	_, url := newSource(t)
	s := spawn(t, data, at.String())
	d := s.connect("Killed", url)
	if err := os.WriteFile(filepath.Join(data, "armed"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	id := w.begin(s, d)
	<-s.gone
	if _, err := os.Stat(filepath.Join(data, "armed")); err == nil {
		t.Fatal("the server ended elsewhere")
	}
	began := time.Now()
	s = spawn(t, data, "")
	if got := s.wait(id); got.Status != "completed" {
		t.Fatalf("the %s is %s: %+v", w.name, got.Status, got.Error)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("going on took %s", took)
	}
	version, rows, distinct := s.state(d)
	if version != 2 || int(rows) != pages*pageSize+w.rows || int(rows) != distinct {
		t.Errorf("version %d with %d rows, %d of them different", version, rows, distinct)
	}
}

// A full disk makes a run wait, and it goes on when there is space again.
func TestAFullDiskMakesARunWait(t *testing.T) {
	f := &fault{}
	config := configOf(t.TempDir())
	config.Step = f.step
	s := serve(t, config, io.Discard)
	_, url := newSource(t)
	d := s.connect("Full", url)
	for _, at := range []point{{"page", 1}, {"convert", 0}, {"rename", 1}, {"transaction", 0}} {
		before, _, distinct := s.state(d)
		f.set(at, func(context.Context) error { return &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC} })
		if got := s.wait(s.rerun(d)[0]); got.Status != "completed" {
			t.Fatalf("%s: the run is %s: %+v", at, got.Status, got.Error)
		}
		if version, rows, now := s.state(d); version != before+1 || now != distinct+pages*pageSize || int(rows) != now {
			t.Errorf("%s: version %d with %d rows, %d of them different", at, version, rows, now)
		}
	}
}
