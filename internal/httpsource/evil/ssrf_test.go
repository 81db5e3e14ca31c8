package evil_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/httpsource/evil"
)

// Where the good sources of these tests are: the only range that is allowed, so
// that the rest of loopback stays forbidden.
const (
	home      = "127.77.0.1"
	homeRange = "127.77.0.0/16"
)

// A trap counts connections to addresses that are forbidden.
type trap struct {
	hits  atomic.Int64
	ports []string // that are watched on every address of this machine
	port  string   // one of them that was free
}

// setTrap listens on every address of this machine, on the ports that the
// vectors name as far as this user may, and on a free one. Tests with a trap do
// not run at the same time, because there is one of each port.
func setTrap(t *testing.T) *trap {
	t.Helper()
	tr, allowed := &trap{}, netip.MustParsePrefix(homeRange)
	for _, port := range []string{"80", "443", "22", "25", "6379", "2379", "8080", "11211", "0"} {
		l, err := net.Listen("tcp", ":"+port)
		if err != nil {
			continue // taken, or not for this user; the name of the error is checked in any case
		}
		_, got, _ := net.SplitHostPort(l.Addr().String())
		tr.ports, tr.port = append(tr.ports, got), got
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				if at, ok := c.LocalAddr().(*net.TCPAddr); !ok || !allowed.Contains(at.AddrPort().Addr().Unmap()) {
					tr.hits.Add(1)
				}
				c.Close()
			}
		}()
		t.Cleanup(func() { l.Close(); <-done })
	}
	return tr
}

// serveHome serves from the allowed range.
func serveHome(t *testing.T, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", home+":0")
	if err != nil {
		t.Skip("this system has no " + home)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: h}}
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

func homeClient(t *testing.T, resolver *net.Resolver) *httpsource.Client {
	t.Helper()
	c := httpsource.New(httpsource.Config{
		Allow: []netip.Prefix{netip.MustParsePrefix(homeRange)}, Resolver: resolver, Backoff: time.Millisecond, TempDir: t.TempDir(),
		Limits: httpsource.Limits{Connect: 2 * time.Second, Header: 2 * time.Second, Total: 5 * time.Second},
	})
	t.Cleanup(c.Close)
	return c
}

// An entry is a place where an address gets into the connector.
type entry struct {
	name string
	// request returns a request, of a source at url, that leads to target.
	request func(url, target string) string
}

func entries() []entry {
	via := func(how string, options string) func(url, target string) string {
		return func(url, target string) string {
			return fmt.Sprintf(`{"url":%s,"method":"GET","headers":{"X-Target":%s},"options":{"retry":{"attempts":1}%s}}`, quote(url+"/"+how), quote(fmt.Sprintf("%x", target)), options)
		}
	}
	return []entry{
		{"source URL", func(_, target string) string {
			return `{"url":` + quote(target) + `,"method":"GET","options":{"retry":{"attempts":1}}}`
		}},
		{"redirect 301", via("301", "")}, {"redirect 302", via("302", "")}, {"redirect 303", via("303", "")}, {"redirect 307", via("307", "")}, {"redirect 308", via("308", "")},
		{"next URL in the body", via("body", `,"pagination":{"kind":"next_url","path":"next","cross_origin":true}`)},
		{"next URL found", via("body", "")},
		{"OAuth token URL", func(url, target string) string {
			return fmt.Sprintf(`{"url":%s,"method":"GET","authType":"oauth2","auth":{"oauth2":{"tokenUrl":%s,"clientId":"a","clientSecret":"b"}},"options":{"retry":{"attempts":1}}}`, quote(url), quote(target))
		}},
		{"session login URL", func(url, target string) string {
			return fmt.Sprintf(`{"url":%s,"method":"GET","authType":"session","auth":{"sessionLogin":{"url":%s,"token":{"path":"a"}}},"options":{"retry":{"attempts":1}}}`, quote(url), quote(target))
		}},
		{"Link header", via("link", `,"pagination":{"kind":"link_header","cross_origin":true}`)},
	}
}

// guide is a good source that leads to wherever the request says.
func guide(w http.ResponseWriter, r *http.Request) {
	var target string
	_, _ = fmt.Sscanf(r.Header.Get("X-Target"), "%x", &target)
	// Set past the check of net/http: a bad server does not check either.
	clean := strings.Map(func(c rune) rune {
		if c < ' ' {
			return -1
		}
		return c
	}, target)
	switch how := strings.TrimPrefix(r.URL.Path, "/"); how {
	case "body":
		fmt.Fprintf(w, `{"items":[{"id":1}],"next":%s}`, quote(target))
	case "link":
		w.Header().Set("Link", "<"+clean+`>; rel="next"`)
		fmt.Fprint(w, `[{"id":1}]`)
	default:
		var code int
		_, _ = fmt.Sscan(how, &code)
		w.Header().Set("Location", clean)
		w.WriteHeader(code)
	}
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// targets are addresses that must not be reached: our own, and the shared ones.
func targets(t *testing.T, port string) []string {
	t.Helper()
	list := []string{
		"http://127.0.0.1:" + port + "/", "http://127.1:" + port, "http://2130706433:" + port, "http://0x7f000001:" + port, "http://0177.0.0.1:" + port, "http://localhost:" + port, "http://localhost.:" + port,
		"http://[::1]:" + port, "http://[::]:" + port, "http://0.0.0.0:" + port, "http://0:" + port, "http://[::ffff:127.0.0.1]:" + port, "http://[::ffff:7f00:1]:" + port, "http://[::127.0.0.1]:" + port,
		"http://127.0.0.1.:" + port, "http://127.255.255.254:" + port, "http://[fe80::1%25lo]:" + port, "http://①②⑦.⓪.⓪.①:" + port, "http://127。0。0。1:" + port, "//127.0.0.1:" + port + "/",
		"http://user:pass@127.0.0.1:" + port, "http://" + home + "@127.0.0.1:" + port, "http://127.0.0.1:" + port + "\\@" + home, "http://" + home + "#@127.0.0.1:" + port, "http:127.0.0.1:" + port, "HTTP://127.0.0.1:" + port,
		"https://127.0.0.1:" + port, "http://169.254.169.254/", "http://10.0.0.1/", "http://192.168.0.1/", "http://172.16.0.1/", "http://100.64.0.1/", "http://[fd00::1]/", "http://[64:ff9b::7f00:1]:" + port, "http://[2002:7f00:1::]:" + port,
		"file:///etc/passwd", "gopher://127.0.0.1:" + port, "ftp://127.0.0.1:" + port, "unix:///var/run/docker.sock", "http+unix://%2fvar%2frun%2fdocker.sock/info", "http://evil.test:" + port, "http://sub.evil.test.:" + port,
		"http://:" + port, "http://127.0.0.1:" + port + "\r\nX: 1", "\thttp://127.0.0.1:" + port, "http://127.78.0.1:" + port, "http://[::ffff:127.76.255.255]:" + port,
	}
	file, err := os.Open(evil.Vector("ssrf_vectors.tsv"))
	if err != nil {
		t.Log("the shared vectors are not here; only our own are tried")
		return list
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		parts := strings.Split(lines.Text(), "\t")
		var target string
		if len(parts) == 3 && json.Unmarshal([]byte(parts[2]), &target) == nil {
			list = append(list, target)
		}
	}
	return list
}

// harmless reports whether an error says that nothing forbidden was reached:
// refused before, not an address at all, or led nowhere.
func harmless(name string) bool {
	switch name {
	case "address-not-allowed", "url-invalid", "url-missing", "scheme-not-supported", "redirect-invalid", "host-not-found", "dns-failed",
		"incomplete-next-url-invalid", "incomplete-next-url-other-origin", "incomplete-cursor-parameter-unknown":
		return true
	}
	return false
}

func TestForbiddenAddressesAreReachedThroughNoEntry(t *testing.T) {
	tr := setTrap(t)
	url := serveHome(t, http.HandlerFunc(guide))
	// Every name leads to this machine: nothing may hide behind a failing look-up.
	client := homeClient(t, nameServer(t, always("127.0.0.1", "::1")))
	list := targets(t, tr.port)
	for _, e := range entries() {
		start := time.Now()
		names, refused, wrong := map[string]int{}, 0, 0
		for _, target := range list {
			before := tr.hits.Load()
			name := attempt(t.Context(), client, e.request(url, target))
			if relative(target) && name != "" && !harmless(name) || relative(target) && name == "" {
				name = "its own origin" // what it resolves to is the good source itself
			}
			names[name]++
			if name == "address-not-allowed" {
				refused++
			}
			if hits := tr.hits.Load() - before; hits > 0 {
				t.Errorf("%s: %q: %d connections to this machine", e.name, target, hits)
				wrong++
			} else if !harmless(name) && name != "its own origin" {
				t.Errorf("%s: %q ended with %q", e.name, target, name)
				wrong++
			}
		}
		if refused < len(list)/2 && e.name != "next URL found" {
			t.Errorf("%s: only %d of %d addresses got as far as the dialer; the test proves little: %v", e.name, refused, len(list), names)
		}
		report(t, "ssrf", line{Group: "forbidden addresses", Name: e.name, OK: wrong == 0, Took: time.Since(start), Got: fmt.Sprintf("%d tried, %d refused by the dialer, %d connections", len(list), refused, tr.hits.Load())})
	}
	t.Logf("%d addresses through %d entries, %d connections", len(list), len(entries()), tr.hits.Load())
}

// relative reports whether a target without a host of its own means the source
// it stands in, when it is no source URL.
func relative(target string) bool {
	return !strings.Contains(target, "//") && !strings.Contains(target, ":") || strings.HasPrefix(target, "http:1") || strings.Contains(target, home+"#")
}

// attempt runs a request and names its end; "" is a success.
func attempt(ctx context.Context, client *httpsource.Client, request string) string {
	spec, err := httpsource.ParseSpec([]byte(request))
	if err == nil {
		_, err = client.Fetch(ctx, spec, httpsource.Options{}, &sink{})
	}
	if err == nil {
		return ""
	}
	e, ok := errs.Find(err)
	if !ok || e.Kind == errs.Internal {
		return "unnamed: " + err.Error()
	}
	return e.Type
}

func TestNamesAreJudgedByWhatTheyLeadTo(t *testing.T) {
	tr := setTrap(t)
	cname := func(to string, addrs ...string) zone {
		return func(q dnsmessage.Question, _ int) (dnsmessage.RCode, []dnsmessage.ResourceBody) {
			return dnsmessage.RCodeSuccess, append([]dnsmessage.ResourceBody{&dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(to)}}, records(q, addrs...)...)
		}
	}
	refused, failed := "address-not-allowed", "dns-failed|host-not-found|upstream-timeout"
	for _, c := range []struct {
		rule string
		zone zone
		want string
	}{
		{"loopback", always("127.0.0.1"), refused},
		{"loopback over IPv6", always("::1"), refused},
		{"both families", always("127.0.0.1", "::1"), refused},
		{"a mapped address", always("::ffff:127.0.0.1"), refused},
		{"NAT64 of loopback", always("64:ff9b::7f00:1"), refused},
		{"unspecified", always("0.0.0.0"), refused},
		{"private", always("10.0.0.7"), refused},
		{"two private ones", always("10.0.0.7", "192.168.0.1"), refused},
		{"metadata", always("169.254.169.254"), refused},
		{"the metadata of Azure, which is public", always("168.63.129.16"), refused},
		{"beside the allowed range", always("127.78.0.1"), refused},
		{"private, then loopback", inTurn("10.0.0.7", "127.0.0.1"), refused},
		{"loopback in turns", inTurn("127.0.0.1", "127.0.0.2", "127.0.0.3"), refused},
		{"CNAME to localhost", cname("localhost.", "127.0.0.1"), refused},
		{"CNAME to a name of this machine", cname("intern.test.", "::1", "127.0.0.1"), refused},
		{"twenty addresses, all of them forbidden", always("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7", "10.0.0.8", "127.0.0.1", "127.0.0.2"), refused},
		{"no such name", failing(dnsmessage.RCodeNameError), failed},
		{"a server failure", failing(dnsmessage.RCodeServerFailure), failed},
		{"a refusal", failing(dnsmessage.RCodeRefused), failed},
		{"no address", always(), failed},
		{"no answer", nil, failed},
	} {
		start := time.Now()
		client := homeClient(t, nameServer(t, c.zone))
		got := ""
		for range 2 { // again, because an answer may change
			got = attempt(t.Context(), client, `{"url":"http://rebind.test:`+tr.port+`/","method":"GET","options":{"retry":{"attempts":1}}}`)
			if !strings.Contains("|"+c.want+"|", "|"+got+"|") {
				t.Errorf("%s: ended with %q, want %s", c.rule, got, c.want)
			}
		}
		report(t, "ssrf", line{Group: "names", Name: c.rule, OK: tr.hits.Load() == 0 && strings.Contains(c.want, got), Got: got, Took: time.Since(start)})
	}
	if n := tr.hits.Load(); n != 0 {
		t.Errorf("%d connections to this machine", n)
	}
}

// TestAFlipBetweenTwoLookUpsReachesNothing resolves a name to the allowed range
// for the first page and to this machine for the second.
func TestAFlipBetweenTwoLookUpsReachesNothing(t *testing.T) {
	tr := setTrap(t)
	url := serveHome(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close") // so that the name is looked up again
		fmt.Fprintf(w, `{"items":[{"id":%q}],"next":"?page=2"}`, r.URL.RawQuery)
	}))
	_, port, _ := strings.Cut(strings.TrimPrefix(url, "http://"), ":")
	client := homeClient(t, nameServer(t, inTurn(home, "127.0.0.1")))
	got := attempt(t.Context(), client, `{"url":"http://rebind.test:`+port+`/","method":"GET","options":{"retry":{"attempts":1}}}`)
	if got != "address-not-allowed" || tr.hits.Load() != 0 {
		t.Errorf("ended with %q after %d connections, want address-not-allowed", got, tr.hits.Load())
	}
	// With one address of each kind only the allowed one is used.
	mixed := homeClient(t, nameServer(t, always("127.0.0.1", home)))
	if got := attempt(t.Context(), mixed, `{"url":"http://mixed.test:`+port+`/?page=9","method":"GET","options":{"pagination":"none"}}`); got != "" {
		t.Errorf("a name with an allowed address ended with %q", got)
	}
	report(t, "ssrf", line{Group: "names", Name: "a flip between page one and two", OK: got == "address-not-allowed", Got: got})
}

func TestGoodAddressesPass(t *testing.T) {
	t.Parallel()
	url := serveHome(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/end", http.StatusFound)
		case "/other":
			http.Redirect(w, r, strings.Replace("http://"+r.Host, home, "127.77.0.1.", 1)+"/end", http.StatusTemporaryRedirect)
		case "/next":
			fmt.Fprint(w, `{"items":[{"id":1}],"next":"/last"}`)
		case "/last":
			fmt.Fprint(w, `{"items":[{"id":2}]}`)
		case "/linked":
			w.Header().Set("Link", `</end>; rel="next"`)
			fmt.Fprint(w, `[{"id":1}]`)
		default:
			fmt.Fprint(w, `[{"id":7}]`)
		}
	}))
	port := url[strings.LastIndexByte(url, ':'):]
	client := homeClient(t, nameServer(t, always(home)))
	controls := []string{
		url, url + "/", url + "/a/b%20c?d=e&f=%2F", url + "/#top", url + "/?q=http://127.0.0.1/", url + "/127.0.0.1", url + "/moved", url + "/next", url + "/linked",
		"http://api.example.test" + port + "/v1", "http://API.EXAMPLE.test" + port + "/", "http://api.example.test." + port + "/", "http://xn--bcher-kva.test" + port + "/", "http://bücher.test" + port + "/",
		"http://a.b.c.d.e.f.test" + port + "/", "http://127-0-0-1.example.test" + port + "/", "http://10.example.test" + port + "/", "http://[::ffff:127.77.0.1]" + port + "/", "HTTP://" + home + port + "/",
		"http://user:pass@" + home + port + "/", "http://localhost.example.test" + port + "/moved", " " + url + "/ ",
	}
	good := 0
	for _, c := range controls {
		if got := attempt(t.Context(), client, `{"url":`+quote(c)+`,"method":"GET","options":{"retry":{"attempts":1}}}`); got != "" {
			t.Errorf("%q ended with %q", c, got)
			continue
		}
		good++
	}
	report(t, "ssrf", line{Group: "good addresses", Name: "controls", OK: good == len(controls), Got: fmt.Sprintf("%d of %d pass", good, len(controls))})
}

// TestTheProxyOfTheEnvironmentIsNotUsed: a proxy would connect in our place,
// past the guard. It runs in a process of its own, because Go reads the
// environment's proxy once.
func TestTheProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	if os.Getenv("MILLWRIGHT_EVIL_PROXY") != "" {
		url := serveHome(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `[{"id":1}]`) }))
		// By a name: Go asks no proxy for an address of loopback.
		request := `{"url":"http://api.example.test` + url[strings.LastIndexByte(url, ':'):] + `/","method":"GET","options":{"retry":{"attempts":1}}}`
		if got := attempt(t.Context(), homeClient(t, nameServer(t, always(home))), request); got != "" {
			t.Errorf("ended with %q", got)
		}
		return
	}
	tr := setTrap(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "MILLWRIGHT_EVIL_PROXY=1")
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		cmd.Env = append(cmd.Env, name+"=http://127.0.0.1:"+tr.port)
	}
	out, err := cmd.CombinedOutput()
	if err != nil || tr.hits.Load() != 0 {
		t.Errorf("%d connections to the proxy, %v: %s", tr.hits.Load(), err, out)
	}
}
