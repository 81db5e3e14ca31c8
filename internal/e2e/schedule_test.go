package e2e_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"millwright/internal/demo"
	"millwright/internal/meta"
)

type scheduleWire struct {
	Skipped, Missed int64
	Message         string
	Next            []struct{ Slot time.Time }
	LastSlot        *time.Time `json:"last_slot"`
	LastRun         *struct {
		ID, Status string
		Error      any
	} `json:"last_run"`
}

// scheduled returns the schedule of the datasource once it is as wanted.
func (s *server) scheduled(datasource string, wanted func(scheduleWire) bool) scheduleWire {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		var got scheduleWire
		s.call("GET", "/v1/datasources/"+datasource+"/schedule", nil, &got)
		if wanted(got) {
			return got
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the schedule stays %+v\n%s", got, s.log)
		}
	}
}

// letTimePass makes the schedules of a data folder that nobody has open older, as if
// the server had been down for so long.
func letTimePass(t *testing.T, data string, d time.Duration) {
	t.Helper()
	db, err := meta.Open(t.Context(), filepath.Join(data, "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Write().ExecContext(t.Context(), `UPDATE schedules SET anchor = anchor - ?1, next_slot = next_slot - ?1, next_at = next_at - ?1,
		checked_at = checked_at - ?1, dealt = '[]'`, d.Microseconds()); err != nil {
		t.Fatal(err)
	}
}

func TestSlotsMissedWhileTheServerWasDownRunOnceAfterTheStart(t *testing.T) {
	data := t.TempDir()
	shop := upstream(t, demo.Server{Orders: 300})
	s := startIn(t, data, "--allow-cidr", "127.0.0.1/32")
	datasource, jobs := s.connect("orders", map[string]any{"url": shop + "/orders?per_page=100", "method": "GET", "responsePathExtractor": "data.orders"})
	for _, j := range jobs {
		s.wait(j.ID)
	}
	s.call("PUT", "/v1/datasources/"+datasource+"/schedule", map[string]any{"every": "1h"}, nil)
	// The server does not get to stop: what it has said must be there all the same.
	s.kill()
	letTimePass(t, data, 5*time.Hour+30*time.Minute)

	s = startIn(t, data, "--allow-cidr", "127.0.0.1/32")
	got := s.scheduled(datasource, func(w scheduleWire) bool { return w.LastRun != nil && w.LastRun.Status == "completed" })
	if got.Missed != 4 || got.Skipped != 0 || !strings.Contains(got.Message, "4 slots passed") || len(got.Next) != 5 || time.Until(got.Next[0].Slot) <= 0 {
		t.Errorf("after the downtime: %+v", got)
	}
	s.kill()
	s = startIn(t, data, "--allow-cidr", "127.0.0.1/32")
	var runs []struct{ ID, Status string }
	s.call("GET", "/v1/datasources/"+datasource+"/runs", nil, &runs)
	if len(runs) != 2 || runs[0].ID != got.LastRun.ID {
		t.Errorf("runs: %v, want the first and %s", runs, got.LastRun.ID)
	}
	if d := s.dataline(datasource); d.Version != 2 || d.Rows != 300 {
		t.Errorf("the dataset has %d rows in version %d", d.Rows, d.Version)
	}
}

// A dam is an API that answers so many requests, and holds the others back until it
// is opened.
type dam struct {
	free  int64
	held  chan struct{} // tells of each request that is held back
	open  chan struct{}
	asked atomic.Int64
}

func (d *dam) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if d.asked.Add(1) > d.free {
		select {
		case d.held <- struct{}{}:
		default:
		}
		select {
		case <-d.open:
		case <-r.Context().Done():
			return
		}
	}
	demo.Server{Orders: 1000}.ServeHTTP(w, r)
}

func TestASlotIsSkippedOrWaitsWhileARunOfTheDatasourceGoesOn(t *testing.T) {
	for _, policy := range []string{"skip", "queue"} {
		data := t.TempDir()
		d := &dam{free: 2, held: make(chan struct{}, 1), open: make(chan struct{})}
		shop := upstream(t, d)
		s := startIn(t, data, "--allow-cidr", "127.0.0.1/32")
		datasource, jobs := s.connect("orders", map[string]any{"url": shop + "/orders?per_page=500", "method": "GET", "responsePathExtractor": "data.orders"})
		for _, j := range jobs {
			if got := s.wait(j.ID); got.Status != "completed" {
				t.Fatalf("%s: %s is %s", policy, j.Type, got.Status)
			}
		}
		s.call("PUT", "/v1/datasources/"+datasource+"/schedule", map[string]any{"every": "1h", "overlap": policy}, nil)
		s.call("POST", "/v1/datasources/"+datasource+"/runs", map[string]any{}, nil)
		<-d.held
		s.kill()
		letTimePass(t, data, 90*time.Minute)

		// The run that was cut off goes on with the server, and is held back again.
		s = startIn(t, data, "--allow-cidr", "127.0.0.1/32")
		got := s.scheduled(datasource, func(w scheduleWire) bool { return w.Message != "" })
		if policy == "skip" {
			if got.Skipped != 1 || got.LastRun != nil || !strings.Contains(got.Message, "was skipped: the run before it was not over") {
				t.Errorf("skip: %+v", got)
			}
			close(d.open)
			continue
		}
		if got.Skipped != 0 || got.LastRun != nil || !strings.Contains(got.Message, "waits for the one that goes on") {
			t.Errorf("queue: %+v", got)
		}
		close(d.open)
		got = s.scheduled(datasource, func(w scheduleWire) bool {
			return w.LastRun != nil && w.LastRun.Status != "pending" && w.LastRun.Status != "running"
		})
		if dataset := s.dataline(datasource); got.LastRun.Status != "completed" || dataset.Version != 3 || dataset.Rows != 1000 {
			t.Errorf("queue: %+v, %d rows in version %d", got, dataset.Rows, dataset.Version)
		}
	}
}
