package httpsource_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// sink keeps what a Fetch delivers.
type sink struct {
	rows  []string
	pages []httpsource.Page
	ends  []httpsource.PageEnd
	waits []string
	fail  error // returned by Record
}

func (s *sink) BeginPage(p httpsource.Page) error { s.pages = append(s.pages, p); return nil }

func (s *sink) Record(raw []byte) error {
	if s.fail != nil {
		return s.fail
	}
	s.rows = append(s.rows, string(raw))
	return nil
}

func (s *sink) EndPage(e httpsource.PageEnd) error { s.ends = append(s.ends, e); return nil }

func (s *sink) Waiting(reason string, _ time.Time) { s.waits = append(s.waits, reason) }

func newClient(t *testing.T, change ...func(*httpsource.Config)) *httpsource.Client {
	t.Helper()
	cfg := httpsource.Config{
		Allow:   []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Backoff: time.Millisecond,
		TempDir: t.TempDir(),
	}
	for _, f := range change {
		f(&cfg)
	}
	c := httpsource.New(cfg)
	t.Cleanup(c.Close)
	return c
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// spec parses a request whose "URL" is replaced by url.
func spec(t *testing.T, text, url string) httpsource.Spec {
	t.Helper()
	s, err := httpsource.ParseSpec([]byte(strings.ReplaceAll(text, "URL", url)))
	if err != nil {
		t.Fatalf("ParseSpec: %v", err)
	}
	return s
}

// get is a GET of url with more fields of the request in JSON: `"a": 1`.
func get(t *testing.T, url string, fields ...string) httpsource.Spec {
	t.Helper()
	return spec(t, `{"url":`+quote(url)+`,"method":"GET"`+strings.Join(append([]string{""}, fields...), ",")+`}`, url)
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func fetch(t *testing.T, c *httpsource.Client, s httpsource.Spec, opt httpsource.Options) (*sink, httpsource.Outcome, error) {
	t.Helper()
	to := &sink{}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, err := c.Fetch(ctx, s, opt, to)
	return to, out, err
}

func errType(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errs.Find(err); ok {
		return e.Type
	}
	return "unclassified: " + err.Error()
}

// body answers every request with a JSON body.
func body(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(text))
	}
}
