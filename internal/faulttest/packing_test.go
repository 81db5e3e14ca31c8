package faulttest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const (
	longPages   = 24
	perLongPage = 400
)

// newLongSource serves so many records that they wait for their conversion, while
// their pages are stored as they came.
func newLongSource(t *testing.T) string {
	filler := strings.Repeat("what compresses well, ", 100)
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		if page+1 < longPages {
			w.Header().Set("Link", fmt.Sprintf(`<http://%s/?page=%d>; rel="next"`, r.Host, page+1))
		}
		w.Header().Set("Content-Type", "application/json")
		var b bytes.Buffer
		for i := range perLongPage {
			fmt.Fprintf(&b, `,{"id":%d,"filler":"%s"}`, page*perLongPage+i, filler)
		}
		b.Bytes()[0] = '['
		b.WriteByte(']')
		_, _ = w.Write(b.Bytes())
	}))
	t.Cleanup(ts.Close)
	return ts.URL
}

type rawPages struct {
	ID, Key, SHA256 string
	Size            int64  `json:"file_size"`
	Role            string `json:"file_role"`
	Rows            int64
}

// rawPages returns the data object that holds the raw pages of a datasource.
func (s *server) rawPages(datasource string) (found rawPages) {
	s.t.Helper()
	var d struct {
		Objects []rawPages `json:"dataobjects"`
	}
	s.call("GET", "/v1/datasources/"+datasource+"/with_datalines", nil, &d)
	for _, o := range d.Objects {
		if o.Role == "data/raw_pages" {
			found = o
		}
	}
	return found
}

// packing returns the job that packs raw pages; there is one after the first run.
func (s *server) packing() string {
	s.t.Helper()
	var jobs []struct{ ID string }
	s.call("GET", "/v1/jobs?job_type=pack_raw_pages", nil, &jobs)
	if len(jobs) != 1 {
		s.t.Fatalf("the jobs that pack: %+v", jobs)
	}
	return jobs[0].ID
}

// isStored checks that the object's bytes are those that it is said to have.
func (o rawPages) isStored(t *testing.T, data string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(data, "objects", o.Key))
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != o.SHA256 || int64(len(b)) != o.Size {
		t.Errorf("%d bytes with the hash %x are no %+v", len(b), sum, o)
	}
}

// isRead builds the dataset again from the raw pages.
func (o rawPages) isRead(t *testing.T, s *server, datasource string) {
	t.Helper()
	for _, body := range []map[string]any{{"columns": map[string]any{"id": "VARCHAR"}}, {"response_path": "$[*]"}} {
		if got := s.wait(s.retype(datasource, body)); got.Status != "completed" {
			t.Fatalf("%v: the retype is %s: %+v", body, got.Status, got.Error)
		}
		if _, rows, distinct := s.state(datasource); rows != longPages*perLongPage || int64(distinct) != rows {
			t.Errorf("%v: %d rows, %d of them different", body, rows, distinct)
		}
	}
}

// Raw pages that were stored as they came are compressed after the run, as the same
// data object.
func TestRawPagesArePackedLater(t *testing.T) {
	f := &fault{}
	config := configOf(t.TempDir())
	config.Step = f.step
	s := serve(t, config, io.Discard)
	packed := make(chan struct{})
	f.set(point{"pack", 0}, func(ctx context.Context) error {
		select {
		case <-packed:
		case <-ctx.Done():
		}
		return ctx.Err()
	})
	d := s.connect("Long", newLongSource(t))
	before := s.rawPages(d)
	if before.Size < 10<<20 {
		t.Fatalf("%d bytes: the pages were not stored as they came", before.Size)
	}
	close(packed)
	if got := s.wait(s.packing()); got.Status != "completed" {
		t.Fatalf("the job is %s: %+v", got.Status, got.Error)
	}
	after := s.rawPages(d)
	if after.ID != before.ID || after.Rows != before.Rows || after.Size > before.Size/5 || after.Key == before.Key {
		t.Errorf("%+v became %+v", before, after)
	}
	after.isStored(t, config.Data)
	after.isRead(t, s, d)
}

// Whatever becomes of the packing, the pages are there.
func TestPackingThatFails(t *testing.T) {
	for _, at := range []point{{"pack", 0}, {"packed", 0}} {
		t.Run(at.String(), func(t *testing.T) {
			f := &fault{}
			config := configOf(t.TempDir())
			config.Step = f.step
			s := serve(t, config, io.Discard)
			f.set(at, func(context.Context) error { return errInjected })
			d := s.connect("Long", newLongSource(t))
			if got := s.wait(s.packing()); got.Status != "failed" {
				t.Errorf("the job is %s", got.Status)
			}
			raw := s.rawPages(d)
			raw.isStored(t, config.Data)
			raw.isRead(t, s, d)
		})
	}
}

// A server that dies while it packs does it when it is started again.
func TestPackingThatIsKilled(t *testing.T) {
	for _, at := range []point{{"pack", 0}, {"packed", 0}} {
		t.Run(at.String(), func(t *testing.T) {
			data := t.TempDir()
			if err := os.WriteFile(filepath.Join(data, "armed"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			s := spawn(t, data, at.String())
			d, _ := s.begin("Long", newLongSource(t))
			<-s.gone
			s = spawn(t, data, "")
			if got := s.wait(s.packing()); got.Status != "completed" {
				t.Fatalf("the job is %s: %+v", got.Status, got.Error)
			}
			raw := s.rawPages(d)
			if raw.Size > 10<<20 {
				t.Errorf("the pages have %d bytes", raw.Size)
			}
			raw.isStored(t, data)
			raw.isRead(t, s, d)
		})
	}
}
