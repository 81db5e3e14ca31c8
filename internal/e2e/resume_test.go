package e2e_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"millwright/internal/demo"
)

// TestARunThatWasCutOffGoesOn kills the server late in a run: the next one asks
// only for the pages that had not landed, and every record is there once.
func TestARunThatWasCutOffGoesOn(t *testing.T) {
	const total, size, dieAt = 8000, 200, 35
	data := t.TempDir()
	var mu sync.Mutex
	asked := map[string]int{}
	var pages atomic.Int64
	reached, release := make(chan struct{}), make(chan struct{})
	shop := upstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[r.URL.Query().Get("page")]++
		mu.Unlock()
		if pages.Add(1) == dieAt {
			close(reached)
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
		demo.Server{Orders: total}.ServeHTTP(w, r)
	}))
	s := startIn(t, data, "--allow-cidr", "127.0.0.1/32")
	datasource, jobs := s.connect("orders", map[string]any{"url": shop + "/orders?per_page=" + strconv.Itoa(size), "method": "GET", "responsePathExtractor": "data.orders"})
	<-reached
	s.kill()
	close(release)
	before := pages.Load()

	s = startIn(t, data, "--allow-cidr", "127.0.0.1/32")
	if got := s.wait(jobs[0].ID); got.Status != "completed" {
		t.Fatalf("after the restart the run is %s: %+v\n%s", got.Status, got.Error, s.log)
	}
	if d := s.dataline(datasource); d.Rows != total || d.Version != 1 {
		t.Errorf("%d rows in version %d, want %d in version 1", d.Rows, d.Version, total)
	}
	// A frame of the spill holds some ten pages: at most those are asked for again.
	if again := pages.Load() - before; again > 25 {
		t.Errorf("%d pages of %d were asked for after the restart; asked %v", again, total/size, asked)
	}
	want := make([]demo.Order, total)
	for i := range want {
		want[i] = demo.OrderAt(i+1, total)
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	s.compare(s.dataline(datasource), text)
}
