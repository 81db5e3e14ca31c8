package openlineage_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"millwright/internal/job"
	"millwright/internal/lineage/openlineage"
	"millwright/internal/secret"
)

// jobs are jobs that end when the test says so.
type jobs struct {
	mu   sync.Mutex
	done map[string]bool
	ends map[string]chan job.Event
}

func newJobs(ids ...string) *jobs {
	j := &jobs{done: map[string]bool{}, ends: map[string]chan job.Event{}}
	for _, id := range ids {
		j.ends[id] = make(chan job.Event)
	}
	return j
}

func (j *jobs) end(id string) {
	j.mu.Lock()
	j.done[id] = true
	j.mu.Unlock()
	close(j.ends[id])
}

func (j *jobs) Get(_ context.Context, id string) (job.Job, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	status := job.Running
	if j.done[id] {
		status = job.Completed
	}
	return job.Job{ID: id, Type: "http_request", Status: status}, nil
}

func (j *jobs) Subscribe(ctx context.Context, id string, _ int64) (<-chan job.Event, error) {
	events := make(chan job.Event)
	go func() {
		defer close(events)
		select {
		case <-ctx.Done():
		case <-j.ends[id]:
		}
	}()
	return events, nil
}

func tell(_ context.Context, j job.Job) ([]openlineage.Event, error) {
	events := []openlineage.Event{{EventType: openlineage.Start, Run: openlineage.Run{RunID: j.ID}}}
	if j.Status.Terminal() {
		events = append(events, openlineage.Event{EventType: openlineage.Complete, Run: openlineage.Run{RunID: j.ID}})
	}
	return events, nil
}

// emit runs an emitter against the collector until the test ends.
func emit(t *testing.T, j *jobs, collector http.HandlerFunc) *openlineage.Emitter {
	t.Helper()
	server := httptest.NewServer(collector)
	e := (&openlineage.Emitter{URL: server.URL, Key: secret.New("key-of-the-collector"), Client: server.Client(), Tell: tell, Jobs: j,
		Log: slog.New(slog.DiscardHandler), Pause: time.Millisecond}).Open()
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-stopped; err != nil {
			t.Errorf("Run: %v", err)
		}
		server.Close()
	})
	return e
}

func next(t *testing.T, from <-chan string) string {
	t.Helper()
	select {
	case text := <-from:
		return text
	case <-time.After(30 * time.Second):
		t.Fatal("nothing is sent")
		return ""
	}
}

func said(r *http.Request) string {
	body, err := io.ReadAll(r.Body)
	var e openlineage.Event
	if err = errors.Join(err, json.Unmarshal(body, &e)); err != nil {
		return err.Error()
	}
	return e.EventType + " " + e.Run.RunID
}

func TestAStartAndAnEndAreSentOfEachJob(t *testing.T) {
	t.Parallel()
	j, got := newJobs("a", "b"), make(chan string, 10)
	e := emit(t, j, func(_ http.ResponseWriter, r *http.Request) {
		got <- said(r) + " " + r.Header.Get("Authorization") + " " + r.Header.Get("Content-Type")
	})
	e.Started(job.Job{ID: "x", Type: "analyze_dataset"}) // makes no data
	e.Started(job.Job{ID: "a", Type: "http_request"})
	const headers = " Bearer key-of-the-collector application/json"
	if first := next(t, got); first != "START a"+headers {
		t.Errorf("first: %s", first)
	}
	e.Started(job.Job{ID: "a", Type: "http_request"}) // another attempt
	e.Started(job.Job{ID: "b", Type: "upload"})       // comes after it
	if second := next(t, got); second != "START b"+headers {
		t.Errorf("then: %s", second)
	}
	j.end("a")
	if third := next(t, got); third != "COMPLETE a"+headers {
		t.Errorf("at last: %s", third)
	}
	if e.Dropped() != 0 || len(got) != 0 {
		t.Errorf("%d dropped, %d more sent", e.Dropped(), len(got))
	}
}

func TestABusyCollectorIsAskedAgainAndARefusalIsNot(t *testing.T) {
	t.Parallel()
	for status, tries := range map[int]int{503: 4, 429: 4, 400: 1, 401: 1, 302: 1} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			j, got := newJobs("a"), make(chan string, 20)
			e := emit(t, j, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(status)
				got <- said(r)
			})
			e.Client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			e.Started(job.Job{ID: "a", Type: "http_request"})
			for range tries {
				if text := next(t, got); text != "START a" {
					t.Errorf("got %s", text)
				}
			}
			j.end("a")
			if text := next(t, got); text != "COMPLETE a" {
				t.Errorf("after %d tries: %s, want the next event", tries, text)
			}
			if e.Dropped() != 1 {
				t.Errorf("%d dropped, want 1", e.Dropped())
			}
		})
	}
}

func TestMoreThanCanWaitIsDroppedAndCounted(t *testing.T) {
	t.Parallel()
	e := (&openlineage.Emitter{Log: slog.New(slog.DiscardHandler)}).Open() // nothing runs yet
	for i := range 1000 {
		e.Started(job.Job{ID: fmt.Sprint(i), Type: "upload"})
	}
	if got := e.Dropped(); got != 1000-256 {
		t.Errorf("%d of 1000 are dropped, want all but 256", got)
	}
}

// A collector that never answers takes nothing but events.
func TestAHangingCollectorHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	j := newJobs("a")
	e := emit(t, j, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does a server notice that the client has gone
		<-r.Context().Done()
	})
	began := time.Now()
	for range 100_000 {
		e.Started(job.Job{ID: "a", Type: "http_request"})
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("100,000 calls took %v", took)
	}
	j.end("a")
}
