package e2e_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"millwright/internal/demo"
)

// A gate is an API that holds one page back until it is opened, and tells when
// that page was asked for and when its caller went away.
type gate struct {
	hold    int64 // which request waits
	reached chan struct{}
	left    chan struct{}
	open    chan struct{}
	asked   atomic.Int64
}

func newGate(hold int64) *gate {
	return &gate{hold: hold, reached: make(chan struct{}), left: make(chan struct{}), open: make(chan struct{})}
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if g.asked.Add(1) == g.hold {
		close(g.reached)
		select {
		case <-g.open:
		case <-r.Context().Done():
			close(g.left)
			return
		}
	}
	demo.Server{Orders: 2000}.ServeHTTP(w, r)
}

func TestCancelReachesTheUpstreamAndLeavesNothing(t *testing.T) {
	s := start(t)
	g := newGate(3)
	shop := upstream(t, g)
	datasource, jobs := s.connect("orders", map[string]any{"url": shop + "/orders?per_page=200", "method": "GET", "responsePathExtractor": "data.orders"})
	<-g.reached
	asked := time.Now()
	s.call("POST", "/v1/jobs/"+jobs[0].ID+"/cancel", nil, nil)
	select {
	case <-g.left:
		t.Logf("the upstream saw its caller leave %v after cancel was asked for", time.Since(asked).Round(time.Millisecond))
	case <-time.After(30 * time.Second):
		t.Fatal("the upstream connection stays open after cancel")
	}
	for _, j := range jobs {
		if got := s.wait(j.ID); got.Status == "completed" || got.Status == "running" {
			t.Errorf("%s is %s after cancel", j.Type, got.Status)
		}
	}
	var left struct {
		Status, Message        string
		Datalines, Dataobjects []any
	}
	s.call("GET", "/v1/datasources/"+datasource+"/with_datalines", nil, &left)
	if len(left.Datalines)+len(left.Dataobjects) > 0 || left.Status != "failed" || !strings.Contains(left.Message, "cancel") {
		t.Errorf("after cancel: %+v", left)
	}
}

func TestStopInTheMiddleOfARunIsContinuedAtTheNextStart(t *testing.T) {
	data := t.TempDir()
	g := newGate(4)
	shop := upstream(t, g)
	s := startIn(t, data, "--allow-cidr", "127.0.0.1/32")
	datasource, jobs := s.connect("orders", map[string]any{"url": shop + "/orders?per_page=200", "method": "GET", "responsePathExtractor": "data.orders"})
	<-g.reached
	if err := s.stop(); err != nil {
		t.Errorf("stop: %v\n%s", err, s.log)
	}
	s = startIn(t, data, "--allow-cidr", "127.0.0.1/32")
	for _, j := range jobs {
		if got := s.wait(j.ID); got.Status != "completed" {
			t.Fatalf("%s is %s: %+v\n%s", j.Type, got.Status, got.Error, s.log)
		}
	}
	if d := s.dataline(datasource); d.Rows != 2000 || d.Version != 1 {
		t.Errorf("%d rows in version %d, want 2000 in version 1", d.Rows, d.Version)
	}
}

func TestFailedRunLeavesThePreviousVersionReadable(t *testing.T) {
	s := start(t)
	var broken atomic.Bool
	shop := upstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() && r.URL.Query().Get("page") == "3" {
			http.Error(w, "gone", http.StatusGone)
			return
		}
		demo.Server{Orders: 900}.ServeHTTP(w, r)
	}))
	spec := map[string]any{"url": shop + "/orders?per_page=300", "method": "GET", "responsePathExtractor": "data.orders"}
	datasource, jobs := s.connect("orders", spec)
	for _, j := range jobs {
		s.wait(j.ID)
	}
	before := s.dataline(datasource)
	broken.Store(true)
	var started struct{ Jobs []jobWire }
	s.call("POST", "/v1/datasources/"+datasource+"/runs", map[string]any{}, &started)
	if got := s.wait(started.Jobs[0].ID); got.Status != "failed" || got.Error == nil || !strings.Contains(got.Error.Detail, "410") {
		t.Errorf("the second run is %s: %+v", got.Status, got.Error)
	}
	if after := s.dataline(datasource); after.Version != before.Version || after.Rows != 900 || after.DataobjectID != before.DataobjectID {
		t.Errorf("after the failed run: version %d with %d rows, want %d with 900", after.Version, after.Rows, before.Version)
	}
	if n := s.runAll(before); n < 8 {
		t.Errorf("%d programs run on the old version, want at least 8", n)
	}
	var edges []struct {
		Transformation string  `json:"transformation"`
		UpstreamID     *string `json:"upstream_id"`
	}
	s.call("GET", "/v1/dataobjects/"+before.DataobjectID+"/lineage", nil, &edges)
	var way []string
	for _, e := range edges {
		way = append(way, e.Transformation)
	}
	if got := strings.Join(way, " < "); got != "convert_to_parquet < fetch_pages < upload_http_request" || edges[2].UpstreamID != nil {
		t.Errorf("lineage: %s", got)
	}
	// Questions go with what they are about.
	s.call("DELETE", "/v1/datasources/"+datasource+"?permanent=true", nil, nil)
	var programs []struct{ ID string }
	if s.call("GET", "/v1/queryprograms?project_id="+s.project(), nil, &programs); len(programs) > 0 {
		t.Errorf("%d programs are left of a deleted datasource", len(programs))
	}
}
