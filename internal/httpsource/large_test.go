package httpsource_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"millwright/internal/httpsource"
)

// counter is a sink that keeps nothing.
type counter struct {
	n     int64
	every int64  // look at the live heap each time so many records have come; 0 means never
	peak  uint64 // the largest live heap seen
}

func (c *counter) BeginPage(httpsource.Page) error { return nil }
func (c *counter) Record([]byte) error {
	c.n++
	if c.every > 0 && c.n%c.every == 0 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		c.peak = max(c.peak, m.HeapAlloc)
	}
	return nil
}
func (c *counter) EndPage(httpsource.PageEnd) error { return nil }
func (c *counter) Waiting(string, time.Time)        {}

// big writes one document of n records of about 640 bytes.
func big(w io.Writer, n int, before, after string) {
	record := `{"id":%d,"name":"record","nested":{"a":[1,2,3],"b":{"c":"text with \"quotes\" and é"}},"amount":12345.678901,"note":"` + strings.Repeat("lorem ipsum ", 40) + `"}`
	_, _ = io.WriteString(w, before)
	for i := range n {
		if i > 0 {
			_, _ = io.WriteString(w, ",")
		}
		fmt.Fprintf(w, record, i)
	}
	_, _ = io.WriteString(w, after)
}

// TestALargeDocumentIsNeverHeld reads documents of 90 MB in each way in which a
// document can be read and watches the live heap.
func TestALargeDocumentIsNeverHeld(t *testing.T) {
	if testing.Short() {
		t.Skip("moves 370 MB")
	}
	const n = 160_000
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/array":
			big(w, n, "[", "]")
		case "/lines":
			for i := range n {
				big(w, 1, "", "\n")
				_ = i
			}
		default:
			big(w, n, `{"meta":{"total":`+fmt.Sprint(n)+`},"data":[`, `],"next":null}`)
		}
	})
	for rule, s := range map[string]httpsource.Spec{
		"a top-level array":          get(t, u+"/array"),
		"lines":                      get(t, u+"/lines"),
		"an envelope with a path":    get(t, u+"/envelope", `"responsePathExtractor":"data"`),
		"an envelope without a path": get(t, u+"/envelope"),
	} {
		dir := t.TempDir()
		c := newClient(t, func(cfg *httpsource.Config) { cfg.TempDir = dir })
		to := &counter{every: n / 10}
		out, err := c.Fetch(t.Context(), s, httpsource.Options{}, to)
		if err != nil || to.n != n {
			t.Errorf("%s: %d records, %v", rule, to.n, err)
		}
		if to.peak > 32<<20 {
			t.Errorf("%s: the live heap grew to %d MB", rule, to.peak>>20)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: %d temporary files are left, %v", rule, len(left), err)
		}
		t.Logf("%s: %d MB in %v, live heap at most %d MB, %s", rule, out.DecodedBytes>>20, out.Duration.Round(time.Millisecond), to.peak>>20, out.Verdict.Reason)
	}
}

func TestARecordThatIsTooLongIsRefusedInBoundedMemory(t *testing.T) {
	t.Parallel()
	u := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `[{"a":"`)
		chunk := []byte(strings.Repeat("x", 1<<20))
		for range 200 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
		_, _ = io.WriteString(w, `"}]`)
	})
	_, _, err := fetch(t, newClient(t), get(t, u), httpsource.Options{})
	if errType(err) != "record-too-large" {
		t.Errorf("error %v, want record-too-large", err)
	}
}

func BenchmarkFetch(b *testing.B) {
	var doc strings.Builder
	big(&doc, 100_000, "[", "]")
	text := []byte(doc.String())
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(text) }))
	defer s.Close()
	c := httpsource.New(httpsource.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	defer c.Close()
	parsed, err := httpsource.ParseSpec([]byte(`{"url":"` + s.URL + `","method":"GET"}`))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := c.Fetch(b.Context(), parsed, httpsource.Options{}, &counter{}); err != nil {
			b.Fatal(err)
		}
	}
}
