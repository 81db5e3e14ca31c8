package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/api"
	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/secret"
	"millwright/internal/tenant"
)

func TestEveryKindHasItsStatus(t *testing.T) {
	t.Parallel()
	seen := map[int]errs.Kind{}
	for _, kind := range errs.Kinds() {
		status := api.StatusOf(kind)
		if other, taken := seen[status]; taken {
			t.Errorf("%s and %s are both answered with %d; give each kind its own line in statusOf", kind, other, status)
		}
		if seen[status] = kind; status < 400 || status > 599 {
			t.Errorf("%s is answered with %d, which is no refusal", kind, status)
		}
	}
	if got := api.StatusOf(errs.Internal); got != 500 {
		t.Errorf("internal: %d, want 500", got)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	cause := errors.New("open /srv/secret.key")
	for _, c := range []struct {
		rule string
		err  error
		want api.Problem
	}{
		{"says what, where and what to try", errs.New(errs.Invalid, "bad path").Named("path-selects-nothing").At("/path").Fix("use data").Because(cause),
			api.Problem{Type: "path-selects-nothing", Title: "invalid", Status: 400, Detail: "bad path (use data)",
				Errors: []api.ProblemField{{Pointer: "/path", Detail: "bad path"}}, Fixes: []string{"use data"}}},
		{"the outermost kind counts", fmt.Errorf("x: %w", errs.New(errs.Upstream, "it said 404").Because(errs.New(errs.NotFound, "no"))),
			api.Problem{Type: "upstream", Title: "upstream", Status: 502, Detail: "it said 404"}},
		{"the unclassified says nothing", cause, api.Problem{Type: "internal", Title: "internal", Status: 500, Detail: "internal error"}},
		{"the internal says nothing", errs.New(errs.Internal, "row 7 of /srv").Named("row-seven").At("/x").Fix("look at /srv"),
			api.Problem{Type: "internal", Title: "internal", Status: 500, Detail: "internal error"}},
		{"a caller who has gone", fmt.Errorf("read: %w", context.Canceled), api.Problem{Type: "canceled", Title: "canceled", Status: 499, Detail: "internal error"}},
	} {
		got := *api.ProblemOf(t.Context(), c.err)
		if d := cmp.Diff(c.want, got, cmp.AllowUnexported(api.Problem{})); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.rule, d)
		}
	}
	for kind, want := range map[errs.Kind]string{errs.Busy: "1", errs.Unavailable: "1", errs.Invalid: ""} {
		if got := api.ProblemOf(t.Context(), errs.New(kind, "x")).GetHeaders().Get("Retry-After"); got != want {
			t.Errorf("%s: Retry-After %q, want %q", kind, got, want)
		}
	}
	for wait, want := range map[time.Duration]string{7 * time.Second: "7", 300 * time.Millisecond: "1", 2100 * time.Millisecond: "3"} {
		if got := api.ProblemOf(t.Context(), errs.New(errs.Upstream, "x").After(wait)).GetHeaders().Get("Retry-After"); got != want {
			t.Errorf("a wait of %s: Retry-After %q, want %s", wait, got, want)
		}
	}
}

// bare is a server whose stores are missing: what needs one panics.
func bare(log *bytes.Buffer) http.Handler {
	s := &api.Server{Log: slog.New(slog.NewTextHandler(log, nil)), Ready: func(context.Context) error { return errors.New("the disk is gone") }}
	return s.Handler()
}

func send(h http.Handler, method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAPanicIsA500WithoutDetailsAndOneLogLine(t *testing.T) {
	t.Parallel()
	const key = "mw-panic-canary-0123456789"
	var log bytes.Buffer
	w := send(bare(&log), "GET", "/v1/projects", "", "Authorization", "Bearer "+key)
	var p api.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 500 || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Fatalf("%d %s %s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	if p.Detail != "internal error" || p.RequestID == "" || p.RequestID != w.Header().Get("X-Request-Id") {
		t.Errorf("got %s", w.Body)
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 1 || !strings.Contains(lines[0], p.RequestID) || !strings.Contains(lines[0], "auth.go") || !strings.Contains(lines[0], "nil pointer") {
		t.Errorf("the log does not say once what happened where: %q", lines)
	}
	if strings.Contains(log.String()+w.Body.String(), key) {
		t.Error("the key is in the log or the answer")
	}
}

func TestRefusalsOutsideOperationsAreProblemDocuments(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 16<<20)
	for _, c := range []struct {
		rule, method, target, body string
		status                     int
		typ, allow                 string
	}{
		{"no such route", "GET", "/v1/nothing", "", 404, "no-such-route", ""},
		{"no such route under the prefix", "GET", "/api/infactory/v1/nothing", "", 404, "no-such-route", ""},
		{"the root", "HEAD", "/", "", 404, "no-such-route", ""},
		{"another method", "DELETE", "/v1/projects", "", 405, "method-not-allowed", "GET, HEAD, POST"},
		{"another method on one thing", "PUT", "/v1/queryprograms/x", "{}", 405, "method-not-allowed", "GET, HEAD, PATCH, DELETE"},
		{"a body over the limit", "POST", "/v1/projects", `{"name":"` + large + `"}`, 413, "body-too-large", ""},
		{"not ready", "GET", "/readyz", "", 503, "unavailable", ""},
	} {
		var log bytes.Buffer
		h := bare(&log)
		for sdk, contentType := range map[string]string{"": "application/problem+json", "0.6.4": "application/json"} {
			header := []string{}
			if sdk != "" {
				header = []string{"x-infactory-sdk-version", sdk}
			}
			w := send(h, c.method, c.target, c.body, header...)
			var p api.Problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
				t.Errorf("%s: not a problem document: %s", c.rule, w.Body)
				continue
			}
			if w.Code != c.status || p.Status != c.status || p.Type != c.typ || p.Detail == "" || p.RequestID == "" {
				t.Errorf("%s: %d %s, want %d %s", c.rule, w.Code, w.Body, c.status, c.typ)
			}
			if got := w.Header().Get("Content-Type"); got != contentType {
				t.Errorf("%s for sdk %q: %s, want %s", c.rule, sdk, got, contentType)
			}
			if got := w.Header().Get("Allow"); got != c.allow {
				t.Errorf("%s: Allow %q, want %q", c.rule, got, c.allow)
			}
		}
		if strings.Contains(log.String(), "the disk is gone") != (c.status == 503) {
			t.Errorf("%s: the cause belongs into the log: %s", c.rule, log.String())
		}
	}
}

// A deadlines remembers the read deadlines that were set.
type deadlines struct {
	*httptest.ResponseRecorder
	all []time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.all = append(d.all, at)
	return nil
}

func TestABodyHasADeadlineThatIsTakenBack(t *testing.T) {
	t.Parallel()
	const key = "deadline-test-key-0123456789"
	db, err := meta.Open(t.Context(), filepath.Join(t.TempDir(), "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	tenants := &tenant.Store{DB: db, Now: time.Now}
	if _, err := tenants.Seed(t.Context(), secret.New(key)); err != nil {
		t.Fatal(err)
	}
	s := &api.Server{Tenants: tenants, Log: slog.New(slog.DiscardHandler)}
	for _, target := range []string{"POST /v1/authentication/api-key", "PATCH /v1/authentication/api-key/x/enable"} {
		method, path, _ := strings.Cut(target, " ")
		d := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		r := httptest.NewRequest(method, path, strings.NewReader(`{"name":"x"}`))
		r.Header.Set("Authorization", key)
		if s.Handler().ServeHTTP(d, r); d.Code != 200 && d.Code != 404 {
			t.Fatalf("%d %s", d.Code, d.Body)
		}
		first := slices.IndexFunc(d.all, func(at time.Time) bool { return !at.IsZero() })
		if first < 0 || time.Until(d.all[first]) > time.Minute {
			t.Errorf("%s: no deadline for the body: %v", target, d.all)
		}
		if len(d.all) == 0 || !d.all[len(d.all)-1].IsZero() {
			t.Errorf("%s: the deadline %v stays; when it passes, the request's context ends", target, d.all)
		}
	}
}
