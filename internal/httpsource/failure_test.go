package httpsource_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/unicode"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
)

// raw answers one connection after the other with bytes of one's own.
func raw(t *testing.T, answers ...string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			// The request has to be read, or closing would reset the connection.
			_, _ = conn.Read(make([]byte, 64<<10))
			_, _ = io.WriteString(conn, answers[min(i, len(answers)-1)])
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "http://" + l.Addr().String()
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	return "http://" + l.Addr().String()
}

func TestFailuresAreNamed(t *testing.T) {
	t.Parallel()
	const once = `"options":{"retry":{"attempts":1}}`
	header := func(h string) string { return "HTTP/1.1 200 OK\r\n" + h + "\r\n" }
	tlsServer := httptest.NewUnstartedServer(body(`[]`))
	tlsServer.Config.ErrorLog = log.New(io.Discard, "", 0)
	tlsServer.StartTLS()
	t.Cleanup(tlsServer.Close)
	cases := []struct {
		rule, url, typ string
		kind           errs.Kind
		fields         string
		say            []string
	}{
		{rule: "connection refused", url: closedPort(t), typ: "connection-refused", kind: errs.Upstream, say: []string{"127.0.0.1 refuses", "check the port"}},
		{rule: "a host that does not exist", url: "http://no-such-host.invalid/", typ: "", kind: errs.Upstream, say: []string{"no-such-host.invalid"}},
		{rule: "a private address", url: "http://10.0.0.1/", typ: "address-not-allowed", kind: errs.Invalid, say: []string{"10.0.0.1", "a private address", "--allow-cidr"}},
		{rule: "a loopback address in IPv6", url: "http://[::1]/", typ: "address-not-allowed", kind: errs.Invalid, say: []string{"loopback"}},
		{rule: "a certificate nobody knows", url: tlsServer.URL, typ: "tls-failed", kind: errs.Upstream, say: []string{"authority"}},
		{rule: "HTTPS to a port without TLS", url: strings.Replace(serve(t, body(`[]`)), "http:", "https:", 1), typ: "tls-failed", kind: errs.Upstream, say: []string{"http://"}},
		{rule: "HTTP to a port with TLS", url: strings.Replace(tlsServer.URL, "https:", "http:", 1), typ: "upstream-status", kind: errs.Upstream},
		{rule: "no HTTP at all", url: raw(t, "SSH-2.0-OpenSSH_9\r\n"), typ: "bad-http", kind: errs.Upstream, say: []string{"valid HTTP"}},
		{rule: "a connection that is closed at once", url: raw(t, ""), typ: "connection-lost", kind: errs.Upstream},
		{rule: "a header without end", url: raw(t, header("X: "+strings.Repeat("x", 400<<10)+"\r\n")), typ: "response-header-too-large", kind: errs.TooLarge},
		{rule: "a body shorter than declared", url: raw(t, header("Content-Length: 99\r\n")+`[{"a":1},`), typ: "body-truncated", kind: errs.Upstream},
		{rule: "a chunk that is cut", url: raw(t, header("Transfer-Encoding: chunked\r\n")+"4\r\n[1,2\r\n"), typ: "body-truncated", kind: errs.Upstream},
		{rule: "a chunk that is garbage", url: raw(t, header("Transfer-Encoding: chunked\r\n")+"zz\r\n"), typ: "bad-http", kind: errs.Upstream},
		{rule: "JSON that is cut without a declared length", url: raw(t, header("")+`[{"a":1},{"a"`), typ: "body-truncated", kind: errs.Upstream},
		{rule: "an empty body", url: serve(t, body("")), typ: "empty-body", kind: errs.Upstream},
		{rule: "an HTML page", url: serve(t, body("<!DOCTYPE html><html><title>Sign &amp; in</title>")), typ: "not-json", kind: errs.Upstream, say: []string{"HTML page", "Sign & in"}},
		{rule: "XML that is cut", url: serve(t, body(`<?xml version="1.0"?><a>`)), typ: "body-truncated", kind: errs.Upstream, say: []string{"XML"}},
		{rule: "a ZIP archive that is cut", url: serve(t, body("PK\x03\x04abc")), typ: "zip-invalid", kind: errs.Upstream, say: []string{"ZIP"}},
		{rule: "text", url: serve(t, body("Hello there")), typ: "not-json", kind: errs.Upstream, say: []string{"Hello there"}},
		{rule: "a path that selects nothing", url: serve(t, body(`{"data":{"items":[]}}`)), fields: `"responsePathExtractor":"data.rows"`, typ: "path-selects-nothing", kind: errs.Invalid, say: []string{"data has the keys items"}},
		{rule: "duplicate keys", url: serve(t, body(`[{"a":1,"a":2}]`)), typ: "json-duplicate-key", kind: errs.Upstream, say: []string{"byte 8"}},
		{rule: "a gzip that is cut", url: serve(t, encoded("gzip", gz([]byte(rows(0, 2000)))[:500])), typ: "body-truncated", kind: errs.Upstream, say: []string{"gzip"}},
		{rule: "an encoding nobody knows", url: serve(t, encoded("rot13", []byte("[]"))), typ: "content-encoding-unknown", kind: errs.Upstream, say: []string{"rot13"}},
		{rule: "three layers of gzip", url: serve(t, encoded("gzip, gzip, gzip", gz(gz(gz([]byte("[]")))))), typ: "content-encoding-layers", kind: errs.Upstream},
		{rule: "a gzip bomb", url: serve(t, encoded("gzip", gz([]byte(`["`+strings.Repeat(" ", 64<<20)+`"]`)))), typ: "compression-ratio", kind: errs.TooLarge, say: []string{"200 times"}},
		{rule: "a bomb in a bomb", url: serve(t, encoded("gzip, gzip", gz(gz([]byte(`["`+strings.Repeat(" ", 64<<20)+`"]`))))), typ: "compression-ratio", kind: errs.TooLarge},
		{rule: "a body over the limit", url: serve(t, body(rows(0, 1000))), fields: `"options":{"limits":{"wire_bytes":1000}}`, typ: "response-too-large", kind: errs.TooLarge, say: []string{"1000 bytes", "wire_bytes"}},
		{rule: "a decoded body over the limit", url: serve(t, body(rows(0, 1000))), fields: `"options":{"limits":{"decoded_bytes":1000}}`, typ: "response-too-large", kind: errs.TooLarge, say: []string{"decoded_bytes"}},
		{rule: "bytes that are not the declared charset", url: serve(t, typed("application/json; charset=shift_jis", []byte("[\"\x81\xff\"]"))), typ: "charset-invalid", kind: errs.Upstream},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			fields := once
			if c.fields != "" {
				fields = c.fields
			}
			got, _, err := fetch(t, newClient(t), get(t, c.url, fields), httpsource.Options{})
			e, ok := errs.Find(err)
			if !ok {
				t.Fatalf("error %v without a class after %d rows", err, len(got.rows))
			}
			if c.typ == "" {
				// Without a network the look-up itself fails.
				c.typ = map[bool]string{true: "dns-failed", false: "host-not-found"}[e.Type == "dns-failed"]
			}
			if e.Type != c.typ || e.Kind != c.kind || len(e.Fixes) == 0 {
				t.Errorf("%s %s %v (fixes %q), want %s %s", e.Kind, e.Type, err, e.Fixes, c.kind, c.typ)
			}
			for _, want := range c.say {
				if !strings.Contains(e.Public(), want) {
					t.Errorf("message %q lacks %q", e.Public(), want)
				}
			}
		})
	}
}

func TestHTTPSWithAnAuthorityOfOnesOwn(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "[%q]", r.Proto) }))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	c := newClient(t, func(cfg *httpsource.Config) { cfg.RootCAs = roots })
	got, _, err := fetch(t, c, get(t, server.URL), httpsource.Options{})
	if err != nil || strings.Join(got.rows, "") != `{"value":"HTTP/2.0"}` {
		t.Errorf("rows %q, %v", got.rows, err)
	}
}

func gz(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

func encoded(encoding string, data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if encoding != "" {
			w.Header().Set("Content-Encoding", encoding)
		}
		_, _ = w.Write(data)
	}
}

func typed(contentType string, data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(data)
	}
}

func TestEncodingsAndCharsets(t *testing.T) {
	t.Parallel()
	const doc = `[{"a":"é😀"},{"a":"ü"}]`
	var br, zs, zl bytes.Buffer
	bw := brotli.NewWriter(&br)
	_, _ = bw.Write([]byte(doc))
	_ = bw.Close()
	zw, err := zstd.NewWriter(&zs)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = zw.Write([]byte(doc))
	_ = zw.Close()
	lw := zlib.NewWriter(&zl)
	_, _ = lw.Write([]byte(doc))
	_ = lw.Close()
	wide := func(e unicode.Endianness, bom unicode.BOMPolicy) []byte {
		b, err := unicode.UTF16(e, bom).NewEncoder().Bytes([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	cases := map[string]http.HandlerFunc{
		"gzip":                          encoded("gzip", gz([]byte(doc))),
		"x-gzip in capitals":            encoded("X-GZIP", gz([]byte(doc))),
		"gzip that is not declared":     encoded("", gz([]byte(doc))),
		"declared as gzip and is not":   encoded("gzip", []byte(doc)),
		"gzip of two members":           encoded("gzip", append(gz([]byte(doc[:10])), gz([]byte(doc[10:]))...)),
		"two layers":                    encoded("gzip, gzip", gz(gz([]byte(doc)))),
		"brotli":                        encoded("br", br.Bytes()),
		"zstd":                          encoded("zstd", zs.Bytes()),
		"zstd that is not declared":     encoded("", zs.Bytes()),
		"deflate as zlib":               encoded("deflate", zl.Bytes()),
		"deflate without a frame":       encoded("deflate", zl.Bytes()[2:zl.Len()-4]),
		"identity":                      encoded("identity", []byte(doc)),
		"a UTF-8 mark":                  encoded("", append([]byte("\xef\xbb\xbf"), doc...)),
		"UTF-16 with a mark":            encoded("", wide(unicode.LittleEndian, unicode.UseBOM)),
		"UTF-16 without a mark":         encoded("", wide(unicode.BigEndian, unicode.IgnoreBOM)),
		"UTF-16 declared as UTF-8":      typed("application/json; charset=utf-8", wide(unicode.LittleEndian, unicode.IgnoreBOM)),
		"a content type that says HTML": typed("text/html", []byte(doc)),
	}
	for rule, h := range cases {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			got, _, err := fetch(t, newClient(t), get(t, serve(t, h)), httpsource.Options{})
			if err != nil || strings.Join(got.rows, ",") != doc[1:len(doc)-1] {
				t.Errorf("rows %q, error %v", got.rows, err)
			}
		})
	}
	got, _, err := fetch(t, newClient(t), get(t, serve(t, typed("application/json; charset=ISO-8859-1", []byte("[\"\xe9\"]")))), httpsource.Options{})
	if err != nil || strings.Join(got.rows, "") != `{"value":"é"}` {
		t.Errorf("latin-1: rows %q, error %v", got.rows, err)
	}
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	for status, say := range map[int]string{
		400: "check the parameters", 401: "set an authType", 403: "set an authType", 404: "check the path", 405: "such as POST", 429: "try again later", 500: "the source's side", 503: "the source's side", 304: "redirects without", 999: "the source's side",
	} {
		hits := 0
		u := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			hits++
			w.Header().Set("Allow", "POST")
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(status)
			if status != 304 {
				fmt.Fprint(w, `{"error": "no  way"}`)
			}
		})
		_, out, err := fetch(t, newClient(t), get(t, u, `"options":{"retry":{"attempts":3}}`), httpsource.Options{HeadBytes: 1000})
		e, ok := errs.Find(err)
		if !ok || e.Type != "upstream-status" || e.Kind != errs.Upstream || !strings.Contains(e.Public(), say) && status != 304 || out.Status != status {
			t.Errorf("%d: %v, status %d, want fix %q", status, err, out.Status, say)
			continue
		}
		if status != 304 && (!strings.Contains(e.Msg, `"no way"`) || !strings.Contains(string(out.Head), "no  way")) {
			t.Errorf("%d: message %q, head %q lack what the source said", status, e.Msg, out.Head)
		}
		if want := map[bool]int{true: 3, false: 1}[status == 429 || status == 500 || status == 503]; hits != want {
			t.Errorf("%d: asked %d times, want %d", status, hits, want)
		}
	}
}

func TestAnswersWithoutABody(t *testing.T) {
	t.Parallel()
	for method, status := range map[string]int{"HEAD": 200, "GET": 204, "OPTIONS": 200} {
		u := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		s := spec(t, `{"url":"URL","method":"`+method+`"}`, u)
		_, out, err := fetch(t, newClient(t), s, httpsource.Options{})
		if err != nil || out.Status != status || out.Verdict.State != httpsource.Complete || out.Verdict.Reason != "no-body" {
			t.Errorf("%s: %+v, %v", method, out.Verdict, err)
		}
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	good := "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n[{\"a\":1}]"
	cut := "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n[{\"a\":0},"
	busy := "HTTP/1.1 429 Too Many Requests\r\nRetry-After: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	cases := []struct {
		rule    string
		answers []string
		spec    string
		rows    int
		err     string
		waits   string
	}{
		{rule: "a connection that breaks in the middle of a page; no record twice", answers: []string{cut, cut, good}, rows: 1},
		{rule: "429 with seconds", answers: []string{fmt.Sprintf(busy, "0"), good}, rows: 1, waits: "429 Too Many Requests; the source asked"},
		{rule: "429 with a date in the past", answers: []string{fmt.Sprintf(busy, "Wed, 21 Oct 2015 07:28:00 GMT"), good}, rows: 1, waits: "asked for this wait"},
		{rule: "429 with a negative wait", answers: []string{fmt.Sprintf(busy, "-5"), good}, rows: 1},
		{rule: "429 with garbage", answers: []string{fmt.Sprintf(busy, "soon"), good}, rows: 1, waits: "429 Too Many Requests"},
		{rule: "429 with a wait without end", answers: []string{fmt.Sprintf(busy, "1000000000000"), good}, err: "upstream-status"},
		{rule: "never a POST", answers: []string{cut, good}, spec: `{"url":"URL","method":"POST"}`, err: "body-truncated"},
		{rule: "a PUT, which is idempotent", answers: []string{cut, good}, spec: `{"url":"URL","method":"PUT"}`, rows: 1},
		{rule: "a DELETE, which is idempotent", answers: []string{cut, good}, spec: `{"url":"URL","method":"DELETE"}`, rows: 1},
		{rule: "never a PUT that is marked unsafe", answers: []string{cut, good}, spec: `{"url":"URL","method":"PUT","options":{"retry":{"unsafe":true}}}`, err: "body-truncated"},
		{rule: "never a PATCH", answers: []string{cut, good}, spec: `{"url":"URL","method":"PATCH"}`, err: "body-truncated"},
		{rule: "429 with a reset in place of Retry-After", answers: []string{strings.Replace(fmt.Sprintf(busy, "x"), "Retry-After: x", "X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 0.2", 1), good}, rows: 1, waits: "asked for this wait (rate limit)"},
		{rule: "a POST that is marked safe", answers: []string{cut, good}, spec: `{"url":"URL","method":"POST","options":{"retry":{"safe":true}}}`, rows: 1},
		{rule: "not more often than set", answers: []string{cut, cut, good}, spec: `{"url":"URL","method":"GET","options":{"retry":{"attempts":2}}}`, err: "body-truncated"},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			text := c.spec
			if text == "" {
				text = `{"url":"URL","method":"GET"}`
			}
			got, _, err := fetch(t, newClient(t), spec(t, text, raw(t, c.answers...)), httpsource.Options{})
			if errType(err) != c.err || len(got.rows) != c.rows {
				t.Errorf("%d rows, error %v; want %d, %q", len(got.rows), err, c.rows, c.err)
			}
			if !strings.Contains(strings.Join(got.waits, "|"), c.waits) {
				t.Errorf("waits %q lack %q", got.waits, c.waits)
			}
		})
	}
}

func TestCancelBreaksTheConnection(t *testing.T) {
	t.Parallel()
	for _, stage := range []string{"before the header", "in the body", "between retries"} {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			gone, reached := make(chan struct{}), make(chan struct{}, 1)
			u := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if stage == "between retries" {
					w.Header().Set("Retry-After", "60")
					w.WriteHeader(503)
					close(gone)
					reached <- struct{}{}
					return
				}
				if stage == "in the body" {
					fmt.Fprint(w, `[{"a":1},`)
					_ = http.NewResponseController(w).Flush()
				}
				reached <- struct{}{}
				<-r.Context().Done()
				close(gone)
			})
			ctx, cancel := context.WithCancel(t.Context())
			result := make(chan error, 1)
			go func() {
				_, err := newClient(t).Fetch(ctx, get(t, u), httpsource.Options{}, &sink{})
				result <- err
			}()
			<-reached
			cancel()
			limit := time.After(2 * time.Second)
			select {
			case err := <-result:
				if errs.KindOf(err) != errs.Canceled || !errors.Is(err, context.Canceled) {
					t.Errorf("error %v, want canceled", err)
				}
			case <-limit:
				t.Fatal("Fetch did not return")
			}
			select {
			case <-gone:
			case <-limit:
				t.Error("the source did not notice")
			}
		})
	}
}

func TestASourceThatFallsSilentIsGivenUp(t *testing.T) {
	t.Parallel()
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `[{"a":1},`)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	c := newClient(t, func(cfg *httpsource.Config) { cfg.Limits.Idle = 50 * time.Millisecond })
	if _, _, err := fetch(t, c, get(t, u, `"options":{"retry":{"attempts":1}}`), httpsource.Options{}); errType(err) != "idle-timeout" {
		t.Errorf("error %v, want idle-timeout", err)
	}
	c = newClient(t, func(cfg *httpsource.Config) { cfg.Limits.Total = 50 * time.Millisecond })
	if _, _, err := fetch(t, c, get(t, u, `"options":{"retry":{"attempts":1}}`), httpsource.Options{}); errType(err) != "total-timeout" {
		t.Errorf("error %v, want total-timeout", err)
	}
	silent := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c = newClient(t, func(cfg *httpsource.Config) { cfg.Limits.Header = 50 * time.Millisecond })
	if _, _, err := fetch(t, c, get(t, silent, `"options":{"retry":{"attempts":1}}`), httpsource.Options{}); errType(err) != "upstream-timeout" {
		t.Errorf("error %v, want upstream-timeout", err)
	}
}

func TestASourceThatDripsIsGivenUp(t *testing.T) {
	t.Parallel()
	drip := func(pause time.Duration, piece string) string {
		return serve(t, func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, `[`)
			for i := 0; i < 40 && r.Context().Err() == nil; i++ {
				fmt.Fprint(w, piece)
				_ = http.NewResponseController(w).Flush()
				select {
				case <-r.Context().Done():
				case <-time.After(pause):
				}
			}
			fmt.Fprint(w, `1]`)
		})
	}
	c := newClient(t, func(cfg *httpsource.Config) { cfg.Limits.Window, cfg.Limits.Throughput = 60*time.Millisecond, 1000 })
	if _, _, err := fetch(t, c, get(t, drip(20*time.Millisecond, " ")), httpsource.Options{}); errType(err) != "too-slow" {
		t.Errorf("error %v, want too-slow", err)
	}
	if got, _, err := fetch(t, c, get(t, drip(5*time.Millisecond, `"`+strings.Repeat("x", 1000)+`",`)), httpsource.Options{}); err != nil || len(got.rows) != 41 {
		t.Errorf("a source that is fast enough: %d rows, %v", len(got.rows), err)
	}
	if _, _, err := fetch(t, c, get(t, drip(20*time.Millisecond, " "), `"options":{"limits":{"min_bytes_per_second":1}}`), httpsource.Options{}); err != nil {
		t.Errorf("a lower limit for this connection: %v", err)
	}
}

func TestSuggestionsAreMadeFromEvidence(t *testing.T) {
	t.Parallel()
	refuse := func(status int, ask string) string {
		return serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if ask != "" {
				w.Header().Set("WWW-Authenticate", ask)
			}
			w.WriteHeader(status)
		})
	}
	const key = `"authType":"API Key","auth":{"apiKey":{"name":"X-Key","value":"key-secret-1","location":"header"}}`
	const bearer = `"authType":"bearer","auth":{"bearerToken":"token-secret-1"}`
	cases := []struct{ rule, url, fields, want string }{
		{"401 with a key", refuse(401, ""), key, "401: the header X-Key is sent; the key may be expired"},
		{"401 with a key in the query", refuse(401, ""), strings.Replace(key, `"header"`, `"query"`, 1), "401: the parameter X-Key is sent; the key may be expired"},
		{"401 without credentials", refuse(401, ""), "", "401: no credentials are sent"},
		{"401 that asks for Basic", refuse(401, `Basic realm="x"`), "", `set authType to "Basic Auth"`},
		{"401 that asks for Digest", refuse(401, `Digest realm="x", nonce="n", qop="auth"`), strings.Replace(bearer, "bearer", "bearer", 1), `set authType to "Digest Auth"`},
		{"403 with a token", refuse(403, ""), bearer, "lacks the permission"},
		{"404", refuse(404, ""), "", "check the path of the address"},
		{"429", refuse(429, ""), "", "set options.rate"},
		{"a page for people", serve(t, body("<!DOCTYPE html><html><title>Sign in</title>")), "", "is this the address of the API"},
		{"200 but empty", serve(t, body("[]")), bearer, "200 but empty: is the token accepted?"},
		{"a round number", serve(t, body(rows(0, 100))), "", "exactly 100 records"},
		{"an error under 200", serve(t, body(`{"error":"no such key"}`)), "", "looks like an error"},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			fields := []string{`"options":{"retry":{"attempts":1}}`}
			if c.fields != "" {
				fields = append(fields, c.fields)
			}
			_, out, _ := fetch(t, newClient(t), get(t, c.url, fields...), httpsource.Options{})
			if all := strings.Join(out.Suggestions, "|"); !strings.Contains(all, c.want) || strings.Contains(all, "-secret-") {
				t.Errorf("suggestions %q lack %q", out.Suggestions, c.want)
			}
		})
	}
	if _, out, err := fetch(t, newClient(t), get(t, serve(t, body(`[{"a":1}]`))), httpsource.Options{}); err != nil || len(out.Suggestions) > 0 {
		t.Errorf("where nothing is wrong: %q, %v", out.Suggestions, err)
	}
}

func TestAnErrorOfTheSinkComesBackAsItIs(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	_, err := newClient(t).Fetch(t.Context(), get(t, serve(t, body(`[1,2]`))), httpsource.Options{}, &sink{fail: full})
	if err != full {
		t.Errorf("error %v, want %v", err, full)
	}
}

// A server that echoes all it was sent, in every spelling, in its header and
// its body, with every status.
func TestNothingThatLeavesHoldsASecret(t *testing.T) {
	t.Parallel()
	secrets := []string{`s3cr&t "one"/+é`, "urlsecret/two%x", "customtoken three", "bearer-secret=four", "userinfo:five"}
	for _, status := range []int{200, 299, 301, 400, 401, 404, 429, 500} {
		for _, format := range []string{"json", "text", "html"} {
			u := serve(t, func(w http.ResponseWriter, r *http.Request) {
				all := r.RequestURI + " " + fmt.Sprint(r.Header)
				for _, s := range secrets {
					j, _ := json.Marshal(s)
					all += " " + s + " " + url.QueryEscape(s) + " " + url.PathEscape(s) + " " + string(j) + " " + fmt.Sprintf("%q", s) +
						" " + base64.StdEncoding.EncodeToString([]byte(s)) + " " + base64.URLEncoding.EncodeToString([]byte("x"+s+"y"))
				}
				line := strings.NewReplacer("\n", " ", "\r", " ").Replace(all)
				w.Header().Set("X-Echo", line)
				w.Header().Set("Www-Authenticate", "Bearer "+line)
				w.Header().Set("Location", "/loop?"+r.URL.RawQuery)
				w.Header().Set("Link", "</?"+r.URL.RawQuery+">; rel=next")
				w.Header().Set("Set-Cookie", "a="+url.QueryEscape(line))
				w.WriteHeader(status)
				switch format {
				case "json":
					b, _ := json.Marshal([]string{all})
					_, _ = w.Write(b)
				case "html":
					fmt.Fprintf(w, "<html><title>%s</title>", all)
				default:
					fmt.Fprint(w, all)
				}
			})
			parsed, err := url.Parse(u)
			if err != nil {
				t.Fatal(err)
			}
			s := spec(t, `{"url":`+quote("http://u:"+url.QueryEscape(secrets[4])+"@"+parsed.Host+"/x?sig="+url.QueryEscape(secrets[1]))+`,"method":"GET",
				"headers":{"X-Custom-Token":`+quote(secrets[2])+`},"parameters":{"api_key":`+quote(secrets[0])+`},
				"authType":"bearer","auth":{"bearerToken":`+quote(secrets[3])+`},"options":{"retry":{"attempts":2}}}`, "")
			got, out, err := fetch(t, newClient(t), s, httpsource.Options{HeadBytes: 64 << 10, SampleBytes: 64 << 10, MaxPages: 3})
			o, jerr := json.Marshal(out)
			if jerr != nil {
				t.Fatal(jerr)
			}
			text := string(o) + string(out.Head) + fmt.Sprintf("%v %+v", out, out) + fmt.Sprint(got.pages, got.waits, got.rows)
			for e := err; e != nil; e = errors.Unwrap(e) {
				text += fmt.Sprintf("%v %+v", e, e) + errs.Public(e)
			}
			for _, v := range secrets {
				j, _ := json.Marshal(v)
				jj, _ := json.Marshal(string(j[1 : len(j)-1]))
				for _, spelled := range []string{v, url.QueryEscape(v), url.PathEscape(v), string(j[1 : len(j)-1]), string(jj[1 : len(jj)-1]), base64.StdEncoding.EncodeToString([]byte(v)), base64.URLEncoding.EncodeToString([]byte("x" + v + "y"))[2:]} {
					if i := strings.Index(text, spelled); i >= 0 {
						t.Errorf("%d %s: %q is in %.300q", status, format, spelled, text[max(0, i-100):])
					}
				}
			}
		}
	}
}
