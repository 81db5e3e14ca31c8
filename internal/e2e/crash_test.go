package e2e_test

import (
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"testing"

	"millwright/internal/demo"
)

// TestCrash kills the server in the middle of runs and starts it again: each run
// is redone by itself, and the dataset has every record once.
func TestCrash(t *testing.T) {
	rounds := 3
	if text := os.Getenv("MILLWRIGHT_CRASH_ROUNDS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		rounds = n
	}
	const total, size = 6000, 200
	for round := range rounds {
		data := t.TempDir()
		// The page after which the server dies moves from round to round.
		dieAt := int64(1 + round*(total/size)/rounds)
		var pages atomic.Int64
		reached, release := make(chan struct{}), make(chan struct{})
		shop := upstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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

		s = startIn(t, data, "--allow-cidr", "127.0.0.1/32")
		for _, j := range jobs {
			if got := s.wait(j.ID); got.Status != "completed" {
				t.Fatalf("round %d: after the restart %s is %s: %+v\n%s", round, j.Type, got.Status, got.Error, s.log)
			}
		}
		d := s.dataline(datasource)
		if d.Rows != total || d.Version != 1 {
			t.Errorf("round %d: %d rows in version %d, want %d in version 1", round, d.Rows, d.Version, total)
		}
		var objects struct {
			Dataobjects []struct{ ID string }
		}
		s.call("GET", "/v1/datasources/"+datasource+"/with_datalines", nil, &objects)
		if len(objects.Dataobjects) != 3 {
			t.Errorf("round %d: %d data objects, want 3: request, pages, Parquet", round, len(objects.Dataobjects))
		}
		if err := s.stop(); err != nil {
			t.Errorf("round %d: stop: %v", round, err)
		}
	}
}
