package curl_test

import (
	"context"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mccutchen/go-httpbin/v2/httpbin"

	"millwright/internal/httpsource"
	"millwright/internal/httpsource/curl"
)

// An arrival is what a server sees of a request, as far as it matters.
type arrival struct {
	Method, Path string
	Query        map[string][]string
	Headers      map[string]string
	Body         string
}

// ours are the headers that a client adds on its own.
func ours() []string {
	return []string{"Accept", "Accept-Encoding", "User-Agent", "Content-Length", "Connection"}
}

func seen(r *http.Request, body []byte, asked []string) arrival {
	a := arrival{Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.Query(), Headers: map[string]string{}, Body: string(body)}
	for name, values := range r.Header {
		if slices.Contains(ours(), name) && !slices.Contains(asked, name) {
			continue
		}
		a.Headers[name] = strings.Join(values, ", ")
	}
	// The boundary of a form is each client's own.
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && kind == "multipart/form-data" {
		a.Headers["Content-Type"] = kind
		form, err := multipart.NewReader(strings.NewReader(a.Body), params["boundary"]).ReadForm(1 << 20)
		if err == nil {
			a.Body = fmt.Sprint(form.Value)
		}
	}
	// Which of the two spellings of a blank a form uses does not matter.
	if kind == "application/x-www-form-urlencoded" {
		a.Body = strings.ReplaceAll(a.Body, "+", "%20")
	}
	return a
}

// A recorder passes requests on and remembers them.
type recorder struct {
	next http.Handler
	mu   sync.Mutex // guards the fields below
	last []func(asked []string) arrival
}

func (rec *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	kept := r.Clone(context.WithoutCancel(r.Context()))
	rec.mu.Lock()
	rec.last = append(rec.last, func(asked []string) arrival { return seen(kept, body, asked) })
	rec.mu.Unlock()
	rec.next.ServeHTTP(w, r)
}

func (rec *recorder) take() []func([]string) arrival {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	all := rec.last
	rec.last = nil
	return all
}

type discard struct{}

func (discard) BeginPage(httpsource.Page) error  { return nil }
func (discard) Record([]byte) error              { return nil }
func (discard) EndPage(httpsource.PageEnd) error { return nil }
func (discard) Waiting(string, time.Time)        {}

// The shell and curl themselves say what a command means.
func TestSendsWhatCurlSends(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("SKIPPED: curl is not installed, so nothing was compared with it")
	}
	client := httpsource.New(httpsource.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, TempDir: t.TempDir()})
	t.Cleanup(client.Close)
	rec := &recorder{next: httpbin.New()}
	server := httptest.NewServer(rec)
	t.Cleanup(server.Close)
	for _, c := range []struct {
		rule, command string
		asked         []string // headers of ours() that the command sets
	}{
		{"GET", `curl -sSL 'URL/anything/a%2Fb?x=1&y=a%20b'`, nil},
		{"headers", `curl -s URL/anything -H 'Accept: application/json' -H "X-One: it's" -H 'X-Empty;' -A bot/1`, []string{"Accept", "User-Agent"}},
		{"a bearer token", `curl -s URL/anything -H 'Authorization: Bearer abcdef123456'`, nil},
		{"a login", `curl -s -u 'ada:lo:ve lace' URL/anything`, nil},
		{"a key in a header", `curl -s URL/anything -H 'X-Api-Key: k 123'`, nil},
		{"a key in the address", `curl -s 'URL/anything?a=1&api_key=k%2F1&b=2'`, nil},
		{"a form", `curl -s URL/anything -d 'a=1&b=x%20y' --data-urlencode 'c=ü&=' -d d=`, nil},
		{"a form with a repeated name", `curl -s URL/anything -d a=1 -d b=2 -d a=3`, nil},
		{"data in the address", `curl -s -G 'URL/anything?z=0' -d a=1 --data-urlencode 'q=x y/ü'`, nil},
		{"--json", `curl -s --json '{"a": 1.10}' URL/anything`, []string{"Accept"}},
		{"JSON with every kind of quote", `curl -s -X PUT URL/anything -H 'Content-Type: application/json' --data-raw $'{"a":"it\'s \u00e9 \x41\\n"}'`, nil},
		{"a form in parts", `curl -s URL/anything -F a=1 -F 'b="x;y\"z";type=text/plain' --form-string c=@d`, nil},
		{"cookies", `curl -s -b 'a=1; b=2' URL/anything`, nil},
		{"an empty POST", `curl -s -X POST URL/anything -d ''`, nil},
		{"a body by line", "curl -s URL/anything -H 'Content-Type: text/csv' --data-binary 'a,b\n1,2\n'", nil},
		{"DELETE", `curl -s -X DELETE URL/anything/1`, nil},
		{"parts joined by the shell", "curl -s \"URL/anyth\"'ing'/x\\\n  -H X-A:\\ b\\\"c", nil},
		{"--url-query", `curl -s URL/anything --url-query 'a=b c' --url-query '+d=e'`, nil},
	} {
		t.Run(c.rule, func(t *testing.T) {
			command := strings.ReplaceAll(c.command, "URL", server.URL)
			// bash, because dash does not know $'…'.
			if out, err := exec.CommandContext(t.Context(), "bash", "-c", command).CombinedOutput(); err != nil {
				t.Fatalf("curl: %v: %s", err, out)
			}
			byCurl := rec.take()
			spec, _, err := curl.Parse(command)
			if err != nil {
				t.Fatalf("error %v", err)
			}
			// What the answer is does not matter here, only what was asked.
			_, _ = client.Fetch(t.Context(), spec, httpsource.Options{MaxPages: 1}, discard{})
			byUs := rec.take()
			if len(byCurl) != 1 || len(byUs) != 1 {
				t.Fatalf("curl sent %d requests, we sent %d, want 1 each", len(byCurl), len(byUs))
			}
			got, want := byUs[0](c.asked), byCurl[0](c.asked)
			// An empty POST of curl is called a form; there is nothing to call.
			if want.Body == "" {
				delete(want.Headers, "Content-Type")
			}
			if diff := cmp.Diff(got, want); diff != "" {
				t.Errorf("what arrives (-ours +curl's):\n%s", diff)
			}
		})
	}
}
