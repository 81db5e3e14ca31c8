package httpsource_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mccutchen/go-httpbin/v2/httpbin"

	"millwright/internal/httpsource"
)

func TestAgainstHTTPBin(t *testing.T) {
	t.Parallel()
	app := httpbin.New(httpbin.WithAllowedRedirectDomains([]string{"127.0.0.1"}))
	server := httptest.NewServer(app)
	t.Cleanup(server.Close)
	cases := []struct {
		rule, path, fields string
		err                string
		rows               int
		holds              string
	}{
		{rule: "basic auth accepted", path: "/basic-auth/me/pass-word", fields: `"authType":"Basic Auth","auth":{"basicAuth":{"username":"me","password":"pass-word"}}`, rows: 1, holds: `true`},
		{rule: "basic auth refused", path: "/basic-auth/me/pass-word", fields: `"authType":"Basic Auth","auth":{"basicAuth":{"username":"me","password":"wrong-word"}}`, err: "upstream-status"},
		{rule: "bearer accepted", path: "/bearer", fields: `"authType":"Bearer Token","auth":{"bearerToken":"token-of-sixteen"}`, rows: 1, holds: `true`},
		{rule: "bearer refused", path: "/bearer", err: "upstream-status"},
		{rule: "an API key in a header arrives", path: "/headers", fields: `"authType":"API Key","auth":{"apiKey":{"name":"X-Api-Key","value":"k3y-short","location":"header"}}`, rows: 1, holds: `"X-Api-Key"`},
		{rule: "an API key in a cookie arrives", path: "/cookies", fields: `"authType":"API Key","auth":{"apiKey":{"name":"sid","value":"abc","location":"cookie"}}`, rows: 1, holds: `abc`},
		{rule: "parameters arrive", path: "/get?a=1", fields: `"parameters":{"b":"x y"},"responsePathExtractor":"args"`, rows: 1, holds: `"x y"`},
		{rule: "gzip", path: "/gzip", rows: 1, holds: `"gzipped"`},
		{rule: "deflate", path: "/deflate", rows: 1, holds: `"deflated"`},
		{rule: "redirects", path: "/redirect/3", rows: 1},
		{rule: "absolute redirects", path: "/absolute-redirect/3", rows: 1},
		{rule: "too many redirects", path: "/redirect/9", err: "too-many-redirects"},
		{rule: "lines", path: "/stream/20", rows: 20},
		{rule: "JSON", path: "/json", rows: 2, holds: `"title"`},
		{rule: "HTML", path: "/html", err: "not-json"},
		{rule: "XML", path: "/xml", rows: 2, holds: `"title"`},
		{rule: "an image", path: "/image/png", err: "not-json"},
		{rule: "404", path: "/status/404", err: "upstream-status"},
		{rule: "418", path: "/status/418", err: "upstream-status"},
		{rule: "500", path: "/status/500", err: "upstream-status"},
		{rule: "a header in UTF-8", path: "/encoding/utf8", err: "not-json"},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			fields := `"options":{"retry":{"attempts":1}}`
			if c.fields != "" {
				fields += "," + c.fields
			}
			got, out, err := fetch(t, newClient(t), get(t, server.URL+c.path, fields), httpsource.Options{})
			if errType(err) != c.err {
				t.Fatalf("error %v (%s), want %q", err, errType(err), c.err)
			}
			all := strings.Join(got.rows, "\n")
			if len(got.rows) != c.rows || !strings.Contains(all, c.holds) {
				t.Errorf("%d rows (%+v), want %d that hold %s: %.300s", len(got.rows), out.Detected.ResponsePath, c.rows, c.holds, all)
			}
			if strings.Contains(all, "token-of-sixteen") {
				t.Error("the echoed token arrived")
			}
		})
	}
	for _, status := range []int{201, 203} {
		if _, _, err := fetch(t, newClient(t), get(t, server.URL+fmt.Sprintf("/status/%d", status)), httpsource.Options{}); errType(err) != "empty-body" {
			t.Errorf("%d without a body: %v, want empty-body", status, err)
		}
	}
}
