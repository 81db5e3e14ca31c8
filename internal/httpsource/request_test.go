package httpsource_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/httpsource"
)

// seen is what a server was asked.
type seen struct {
	method, uri, body string
	header            http.Header
	host              string
}

// recorder answers [] and keeps the requests.
type recorder struct {
	mu   sync.Mutex
	list []seen
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	b, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	r.list = append(r.list, seen{req.Method, req.RequestURI, string(b), req.Header.Clone(), req.Host})
	r.mu.Unlock()
	_, _ = w.Write([]byte(`[{"a":1}]`))
}

func TestWhatIsSent(t *testing.T) {
	t.Parallel()
	cases := []struct {
		rule, spec string
		method     string // "" means GET
		uri        string // "" means /x
		header     map[string]string
		body       string
	}{
		{rule: "the query of the address is kept byte for byte", spec: `"url":"URL/x?b=%2f&a=1&&c=a+b%20c&d","method":"GET"`, uri: "/x?b=%2f&a=1&&c=a+b%20c&d"},
		{rule: "what cannot stand in a request line is encoded", spec: `"url":"URL/x?q=a b\u00e9","method":"GET"`, uri: "/x?q=a%20b%C3%A9"},
		{rule: "the fragment is not sent", spec: `"url":"URL/x?a=1#frag","method":"GET"`, uri: "/x?a=1"},
		{rule: "parameters are appended in order and encoded", spec: `"url":"URL/x?z=1","method":"GET","parameters":{"b":"1 &=","a":{"value":2},"n":1.50}`, uri: "/x?z=1&b=1+%26%3D&a=2&n=1.50"},
		{rule: "an optional parameter without a value is left out", spec: `"url":"URL/x","method":"GET","parameters":{"a":"","b":{"value":"","required":false},"c":"1"}`, uri: "/x?c=1"},
		{rule: "a list is sent as a repeated parameter", spec: `"url":"URL/x","method":"GET","parameters":{"id":["1","2"]}`, uri: "/x?id=1&id=2"},
		{rule: "of a group the first parameter with a value is sent", spec: `"url":"URL/x","method":"GET","parameterGroups":[{"required":true,"parameters":[{"key":"zip","value":""},{"key":"city","value":"Rome"},{"key":"lat","value":"1"}]},{"parameters":[{"m":""},{"n":"2"}]}]`, uri: "/x?city=Rome&n=2"},
		{rule: "an API key in a header", spec: `"url":"URL/x","method":"GET","authType":"API Key","auth":{"apiKey":{"name":"X-Key","value":"k-123456","location":"header"}}`, header: map[string]string{"X-Key": "k-123456"}},
		{rule: "an API key in the query", spec: `"url":"URL/x?a=1","method":"GET","authType":"api_key","auth":{"api_key":{"name":"k y","value":"v&v","location":"query"}}`, uri: "/x?a=1&k+y=v%26v"},
		{rule: "an API key in a cookie", spec: `"url":"URL/x","method":"GET","headers":{"Cookie":"a=1"},"authType":"API Key","auth":{"apiKey":{"name":"sid","value":"s=\"1","location":"cookie"}}`, header: map[string]string{"Cookie": `a=1; sid=s="1`}},
		{rule: "a bearer token", spec: `"url":"URL/x","method":"GET","authType":"Bearer Token","auth":{"bearerToken":"tok"}`, header: map[string]string{"Authorization": "Bearer tok"}},
		{rule: "a bearer token that was pasted with its word", spec: `"url":"URL/x","method":"GET","authType":"bearer","auth":{"bearerToken":"Bearer tok"}`, header: map[string]string{"Authorization": "Bearer tok"}},
		{rule: "a login", spec: `"url":"URL/x","method":"GET","authType":"Basic Auth","auth":{"basicAuth":{"username":"Aladdin","password":"open sesame"}}`, header: map[string]string{"Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}},
		{rule: "a login in the address", spec: `"url":"USERURL/x","method":"GET"`, header: map[string]string{"Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}},
		{rule: "headers of one's own", spec: `"url":"URL/x","method":"GET","headers":{"accept":"text/json","X-A":" b ","User-Agent":"me","Content-Length":"99"}`, header: map[string]string{"Accept": "text/json", "X-A": "b", "User-Agent": "me", "Content-Length": ""}},
		{rule: "no Referer and our own name", spec: `"url":"URL/x","method":"GET"`, header: map[string]string{"Referer": "", "User-Agent": "millwright"}},
		{rule: "a raw body", method: "POST", spec: `"url":"URL/x","method":"POST","body":{"type":"raw","contentType":"text/csv","content":"a,b\n"}`, header: map[string]string{"Content-Type": "text/csv"}, body: "a,b\n"},
		{rule: "a raw JSON body names its type", method: "PUT", spec: `"url":"URL/x","method":"PUT","body":{"type":"raw","content":"{\"a\":1.0}"}`, header: map[string]string{"Content-Type": "application/json"}, body: `{"a":1.0}`},
		{rule: "a body given as JSON is sent as it stands", method: "PATCH", spec: `"url":"URL/x","method":"PATCH","body":{"content":{"a": 1.0}}`, header: map[string]string{"Content-Type": "application/json"}, body: `{"a": 1.0}`},
		{rule: "a form", method: "POST", spec: `"url":"URL/x","method":"POST","body":{"type":"x-www-form-urlencoded","parameters":{"b":"1 2","a":"&"}}`, header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, body: "b=1+2&a=%26"},
		{rule: "a body of type none", spec: `"url":"URL/x","method":"GET","body":{"type":"none"}`},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			r := &recorder{}
			url := serve(t, r.ServeHTTP)
			text := strings.ReplaceAll(c.spec, "USERURL", strings.Replace(url, "://", "://Aladdin:open%20sesame@", 1))
			if _, _, err := fetch(t, newClient(t), spec(t, "{"+text+"}", url), httpsource.Options{}); err != nil {
				t.Fatal(err)
			}
			got := r.list[0]
			want := seen{method: c.method, uri: c.uri}
			if want.method == "" {
				want.method = "GET"
			}
			if want.uri == "" {
				want.uri = "/x"
			}
			if got.method != want.method || got.uri != want.uri || got.body != c.body {
				t.Errorf("sent %s %s %q, want %s %s %q", got.method, got.uri, got.body, want.method, want.uri, c.body)
			}
			for name, v := range c.header {
				if got.header.Get(name) != v {
					t.Errorf("header %s: %q, want %q", name, got.header.Get(name), v)
				}
			}
		})
	}
}

func TestFormDataIsSentAsMultipart(t *testing.T) {
	t.Parallel()
	var got map[string][]string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(1 << 20); err != nil {
			t.Error(err)
			return
		}
		got = r.MultipartForm.Value
		_, _ = w.Write([]byte(`[]`))
	})
	s := spec(t, `{"url":"URL","method":"POST","headers":{"Content-Type":"multipart/form-data"},"body":{"type":"form-data","parameters":{"a":"1\r\n2","b":"é"}}}`, url)
	if _, _, err := fetch(t, newClient(t), s, httpsource.Options{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string][]string{"a": {"1\r\n2"}, "b": {"é"}}, got); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

// secretsOn is a request with a secret in each place that can hold one.
func secretsOn(t *testing.T, url string) httpsource.Spec {
	return spec(t, `{"url":"URL/start?sig=sigsecret-1","method":"GET","headers":{"X-Custom":"customsecret-2","Accept":"application/json"},
		"parameters":{"api_key":"paramsecret-3"},"authType":"Bearer Token","auth":{"bearerToken":"bearersecret-4"}}`, url)
}

func holdsSecret(s seen) bool {
	all := s.uri
	for name, values := range s.header {
		all += " " + name + "=" + strings.Join(values, ",")
	}
	return strings.Contains(all, "secret-")
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		other := &recorder{}
		otherURL := serve(t, other.ServeHTTP)
		home := &recorder{}
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/start":
				http.Redirect(w, r, "/moved?x=1", status)
			case "/away":
				http.Redirect(w, r, otherURL+"/there?y=1", status)
			default:
				home.ServeHTTP(w, r)
			}
		})
		c := newClient(t)
		if _, _, err := fetch(t, c, secretsOn(t, url), httpsource.Options{}); err != nil {
			t.Fatalf("%d: %v", status, err)
		}
		got := home.list[0]
		if got.uri != "/moved?x=1&api_key=paramsecret-3" || got.header.Get("Authorization") != "Bearer bearersecret-4" || got.header.Get("X-Custom") == "" {
			t.Errorf("%d to the same origin: %s with %v", status, got.uri, got.header)
		}
		if got.header.Get("Referer") != "" {
			t.Errorf("%d: a Referer was sent", status)
		}
		away := spec(t, strings.Replace(string(mustSeal(t, secretsOn(t, url))), "/start", "/away", 1), "")
		if _, _, err := fetch(t, c, away, httpsource.Options{}); err != nil {
			t.Fatalf("%d: %v", status, err)
		}
		if got := other.list[0]; got.uri != "/there?y=1" || holdsSecret(got) || got.header.Get("Referer") != "" || got.header.Get("Accept") != "application/json" {
			t.Errorf("%d to another origin: %s with %v", status, got.uri, got.header)
		}
	}
}

func mustSeal(t *testing.T, s httpsource.Spec) []byte {
	t.Helper()
	b, err := s.Sealed()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRedirectsOfAPost(t *testing.T) {
	t.Parallel()
	want := map[int]string{301: "GET ", 302: "GET ", 303: "GET ", 307: "POST body", 308: "POST body"}
	for status, line := range want {
		r := &recorder{}
		other := serve(t, r.ServeHTTP)
		url := serve(t, func(w http.ResponseWriter, req *http.Request) {
			switch req.URL.Path {
			case "/a":
				http.Redirect(w, req, "/b", status)
			case "/away":
				http.Redirect(w, req, other+"/c", status)
			default:
				r.ServeHTTP(w, req)
			}
		})
		post := `{"url":"URL/a","method":"POST","body":{"type":"raw","content":"body"}}`
		if _, _, err := fetch(t, newClient(t), spec(t, post, url), httpsource.Options{}); err != nil {
			t.Fatal(err)
		}
		if got := r.list[0].method + " " + r.list[0].body; got != line {
			t.Errorf("%d: %q arrived, want %q", status, got, line)
		}
		_, _, err := fetch(t, newClient(t), spec(t, strings.Replace(post, "/a", "/away", 1), url), httpsource.Options{})
		if wantErr := map[bool]string{true: "redirect-not-followed"}[status >= 307]; errType(err) != wantErr {
			t.Errorf("%d with a body to another origin: %v, want %q", status, err, wantErr)
		}
	}
}

func TestRedirectsThatLeadNowhere(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ location, typ string }{
		"a loop":                     {"/", "too-many-redirects"},
		"a private address":          {"http://10.0.0.1/", "address-not-allowed"},
		"a private IPv6 address":     {"http://[::ffff:10.0.0.1]/", "address-not-allowed"},
		"the metadata service":       {"//169.254.169.254/latest/meta-data/", "address-not-allowed"},
		"a file":                     {"file:///etc/passwd", "redirect-invalid"},
		"nothing that can be read":   {"http://%zz/", "redirect-invalid"},
		"no host":                    {"http:///x", "redirect-invalid"},
		"a port that does not exist": {"http://127.0.0.1:65536/", "redirect-invalid"},
		"a redirect without a goal":  {"", "upstream-status"},
	}
	for rule, c := range cases {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if c.location != "" {
					w.Header().Set("Location", c.location)
				}
				w.WriteHeader(302)
			})
			_, out, err := fetch(t, newClient(t), get(t, url), httpsource.Options{})
			if errType(err) != c.typ {
				t.Errorf("error %v (%s), want %s", err, errType(err), c.typ)
			}
			if c.typ == "too-many-redirects" && out.Requests != 6 {
				t.Errorf("%d requests, want 6", out.Requests)
			}
			if c.typ != "address-not-allowed" && out.Status != 302 {
				t.Errorf("status %d, want that of the last redirect", out.Status)
			}
		})
	}
}

func TestTheEnvironmentsProxyIsIgnored(t *testing.T) {
	proxy := &recorder{}
	s := httptest.NewServer(proxy)
	t.Cleanup(s.Close)
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "ALL_PROXY"} {
		t.Setenv(name, s.URL)
	}
	url := serve(t, body(`[1]`))
	if _, _, err := fetch(t, newClient(t), get(t, strings.Replace(url, "127.0.0.1", "127.0.0.2", 1)), httpsource.Options{}); err == nil {
		t.Log("the server listens on every loopback address")
	}
	if len(proxy.list) > 0 {
		t.Errorf("the proxy was asked for %s", proxy.list[0].uri)
	}
}
