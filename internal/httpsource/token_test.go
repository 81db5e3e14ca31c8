package httpsource_test

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/secret"
)

// A bank gives tokens: token-1, token-2. Only the last one is good.
type bank struct {
	given  atomic.Int64
	forms  chan string // what each request held
	answer func(n int64, r *http.Request) (status int, body string)
}

func newBank() *bank { return &bank{forms: make(chan string, 100)} }

func (b *bank) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	user, pass, _ := r.BasicAuth()
	b.forms <- user + ":" + pass + " " + r.PostForm.Encode()
	n := b.given.Add(1)
	status, body := 200, fmt.Sprintf(`{"access_token":"granted-token-%d","token_type":"bearer","expires_in":3600}`, n)
	if b.answer != nil {
		status, body = b.answer(n, r)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprint(w, body)
}

// vault answers rows to whoever carries the newest token.
func (b *bank) vault(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != fmt.Sprintf("Bearer granted-token-%d", b.given.Load()) {
		http.Error(w, `{"error":"no"}`, http.StatusUnauthorized)
		return
	}
	fmt.Fprint(w, `[{"a":1}]`)
}

const oauth = `"authType":"OAuth 2.0","auth":{"oauth2":{"tokenUrl":"TOKEN/t","clientId":"my-client","clientSecret":"client-secret-xyz","scopes":["a","b"],"params":{"audience":"api"},"style":"STYLE"}}`

func withToken(text, token, style string) string {
	return strings.NewReplacer("TOKEN", token, "STYLE", style).Replace(text)
}

func TestClientCredentialsGetATokenOnce(t *testing.T) {
	t.Parallel()
	for style, want := range map[string]string{
		"header": "my-client:client-secret-xyz audience=api&grant_type=client_credentials&scope=a+b",
		"body":   ": audience=api&client_id=my-client&client_secret=client-secret-xyz&grant_type=client_credentials&scope=a+b",
	} {
		b := newBank()
		token, api := serve(t, b.ServeHTTP), serve(t, b.vault)
		c := newClient(t)
		for range 3 {
			got, _, err := fetch(t, c, get(t, api, withToken(oauth, token, style)), httpsource.Options{})
			if err != nil || len(got.rows) != 1 {
				t.Fatalf("%s: %d rows, %v", style, len(got.rows), err)
			}
		}
		if b.given.Load() != 1 {
			t.Errorf("%s: %d tokens were asked for, want 1 for all runs", style, b.given.Load())
		}
		if got := <-b.forms; got != want {
			t.Errorf("%s: sent %q, want %q", style, got, want)
		}
	}
}

func TestATokenThatLivesShortlyIsUsedForHalfOfItsLife(t *testing.T) {
	t.Parallel()
	b := newBank()
	b.answer = func(n int64, _ *http.Request) (int, string) {
		return 200, fmt.Sprintf(`{"access_token":"granted-token-%d","token_type":"Bearer","expires_in":9}`, n)
	}
	token, api := serve(t, b.ServeHTTP), serve(t, b.vault)
	c := newClient(t)
	for range 3 {
		if _, _, err := fetch(t, c, get(t, api, withToken(oauth, token, "header")), httpsource.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	if n := b.given.Load(); n != 1 {
		t.Errorf("%d tokens were asked for, want 1: it lives for 9 seconds", n)
	}
}

func TestARefusedTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	b := newBank()
	token, api := serve(t, b.ServeHTTP), serve(t, b.vault)
	c := newClient(t)
	s := get(t, api, withToken(oauth, token, "header"))
	if _, _, err := fetch(t, c, s, httpsource.Options{}); err != nil {
		t.Fatal(err)
	}
	b.given.Add(1) // the source forgets the token
	got, out, err := fetch(t, c, s, httpsource.Options{})
	if err != nil || len(got.rows) != 1 || out.Requests != 2 {
		t.Errorf("%d rows in %d requests, %v", len(got.rows), out.Requests, err)
	}
	never := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) })
	before := b.given.Load()
	_, out, err = fetch(t, c, get(t, never, withToken(oauth, token, "header")), httpsource.Options{})
	if errType(err) != "upstream-status" || out.Requests != 2 || b.given.Load() != before+2 {
		t.Errorf("a source that accepts nothing: %v after %d requests and %d tokens, want 2 and 2", err, out.Requests, b.given.Load()-before)
	}
}

func TestARotatedRefreshTokenIsKept(t *testing.T) {
	t.Parallel()
	b := newBank()
	b.answer = func(n int64, r *http.Request) (int, string) {
		if want := map[int64]string{1: "refresh-secret-0", 2: "refresh-secret-1"}[n]; r.PostForm.Get("refresh_token") != want || r.PostForm.Get("grant_type") != "refresh_token" {
			return 400, `{"error":"invalid_grant"}`
		}
		return 200, fmt.Sprintf(`{"access_token":"granted-token-%d","token_type":"Bearer","expires_in":1,"refresh_token":"refresh-secret-%d"}`, n, n)
	}
	token, api := serve(t, b.ServeHTTP), serve(t, b.vault)
	s := get(t, api, strings.ReplaceAll(withToken(oauth, token, "header"), `"clientSecret"`, `"refreshToken":"refresh-secret-0","clientSecret"`))
	_, out, err := fetch(t, newClient(t), s, httpsource.Options{})
	if err != nil {
		t.Fatal(err)
	}
	settled := out.Settle(s)
	if got := settled.Auth.OAuth2.RefreshToken.Reveal(); got != "refresh-secret-1" {
		t.Errorf("settled with %q, want the newer token", got)
	}
	// Another process knows only what was settled.
	if _, _, err := fetch(t, newClient(t), settled, httpsource.Options{}); err != nil {
		t.Error(err)
	}
	if text := fmt.Sprintf("%+v %v", out, out); strings.Contains(text, "refresh-secret") {
		t.Error("the outcome shows the token")
	}
}

func TestTokenFailuresAreNamed(t *testing.T) {
	t.Parallel()
	other := &recorder{}
	away := serve(t, other.ServeHTTP)
	cases := []struct {
		rule, typ string
		say       string
		answer    func(w http.ResponseWriter)
	}{
		{"refused", "oauth-refused", "invalid_client", func(w http.ResponseWriter) {
			w.WriteHeader(401)
			fmt.Fprint(w, `{"error":"invalid_client","error_description":"client-secret-xyz is wrong"}`)
		}},
		{"no token", "oauth-token-missing", "access token", func(w http.ResponseWriter) { fmt.Fprint(w, `{"ok":true}`) }},
		{"no JSON", "oauth-token-missing", "access token", func(w http.ResponseWriter) { fmt.Fprint(w, `<html>`) }},
		{"a redirect", "oauth-refused", "redirects", func(w http.ResponseWriter) { w.Header().Set("Location", away+"/x"); w.WriteHeader(307) }},
		{"a token with a line break", "token-failed", "control character", func(w http.ResponseWriter) {
			fmt.Fprint(w, `{"access_token":"a\r\nX-Evil: 1","token_type":"bearer"}`)
		}},
		{"a body without end", "oauth-token-missing", "access token", func(w http.ResponseWriter) { fmt.Fprint(w, `{"x":"`+strings.Repeat("a", 3<<20)) }},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			hits := &recorder{}
			api := serve(t, hits.ServeHTTP)
			token := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				c.answer(w)
			})
			_, _, err := fetch(t, newClient(t), get(t, api, withToken(oauth, token, "header")), httpsource.Options{})
			e, ok := errs.Find(err)
			if !ok || e.Type != c.typ || e.Kind != errs.Upstream || !strings.Contains(e.Public(), c.say) || len(e.Fixes) == 0 {
				t.Errorf("error %v (%s), want %s that says %q", err, errType(err), c.typ, c.say)
			}
			if strings.Contains(fmt.Sprint(err), "secret-xyz") {
				t.Errorf("the error holds the secret: %v", err)
			}
			if len(hits.list) > 0 {
				t.Error("the source was asked without a token")
			}
		})
	}
	t.Cleanup(func() {
		if len(other.list) > 0 {
			t.Errorf("the secret followed a redirect: %+v", other.list[0])
		}
	})
}

func TestAddressesOfTokensAreGuarded(t *testing.T) {
	t.Parallel()
	api := serve(t, body(`[]`))
	for _, host := range []string{"10.0.0.1", "169.254.169.254", "[::1]", "[::ffff:10.0.0.1]", "0x7f000001.nip.invalid", "localhost.localdomain.invalid", "2130706433"} {
		for kind, text := range map[string]string{"/auth/oauth2/tokenUrl": withToken(oauth, "http://"+host, "header"), "/auth/sessionLogin/url": strings.ReplaceAll(session, "LOGIN", "http://"+host)} {
			_, _, err := fetch(t, newClient(t), get(t, api, text, `"options":{"retry":{"attempts":1}}`), httpsource.Options{})
			e, ok := errs.Find(err)
			if !ok || len(e.Fields) == 0 || e.Fields[0].Pointer != kind {
				t.Errorf("%s: %v, want an error at %s", host, err, kind)
			}
		}
	}
}

const session = `"authType":"Session Login","auth":{"sessionLogin":{"url":"LOGIN/login","body":{"type":"json","parameters":{"user":"me","password":"login-secret-1"}},"token":{"in":"body","path":"data.token"}}}`

func TestSessionLogins(t *testing.T) {
	t.Parallel()
	cases := []struct {
		rule, auth string
		want       func(r *http.Request) string // what a request carries
		sent       string
		status     int
	}{
		{"a token in the body as a bearer", session, func(r *http.Request) string { return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") }, `{"password":"login-secret-1","user":"me"}`, 200},
		{"a token in a header as a header", strings.ReplaceAll(session, `"token":{"in":"body","path":"data.token"}`, `"token":{"in":"header","path":"X-Session"},"send":{"location":"header","name":"X-Token"}`), func(r *http.Request) string { return r.Header.Get("X-Token") }, "", 200},
		{"a cookie as a cookie, after a redirect", strings.ReplaceAll(session, `"token":{"in":"body","path":"data.token"}`, `"token":{"in":"cookie","path":"sid"}`), func(r *http.Request) string {
			c, err := r.Cookie("sid")
			if err != nil {
				return ""
			}
			return c.Value
		}, "", 302},
		{"a form, and the token as a parameter", strings.ReplaceAll(strings.ReplaceAll(session, `"type":"json"`, `"type":"form"`), `"token":{"in":"body","path":"data.token"}`, `"token":{"path":"data.token"},"send":{"location":"query","name":"t"}`), func(r *http.Request) string { return r.URL.Query().Get("t") }, `password=login-secret-1&user=me`, 200},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			var logins atomic.Int64
			log := &recorder{}
			login := serve(t, func(w http.ResponseWriter, r *http.Request) {
				log.ServeHTTP(httptest.NewRecorder(), r)
				v := fmt.Sprintf("session-token-%d", logins.Add(1))
				w.Header().Set("X-Session", v)
				http.SetCookie(w, &http.Cookie{Name: "sid", Value: v})
				w.Header().Set("Location", "http://10.0.0.1/")
				w.WriteHeader(c.status)
				fmt.Fprintf(w, `{"data":{"token":%q}}`, v)
			})
			api := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if got := c.want(r); got != fmt.Sprintf("session-token-%d", logins.Load()) {
					http.Error(w, `{}`, http.StatusUnauthorized)
					return
				}
				fmt.Fprintf(w, `[{"echo":%q}]`, c.want(r))
			})
			client := newClient(t)
			s := get(t, api, strings.ReplaceAll(c.auth, "LOGIN", login))
			for range 2 {
				got, _, err := fetch(t, client, s, httpsource.Options{})
				if err != nil || len(got.rows) != 1 || strings.Contains(got.rows[0], "session-token") {
					t.Fatalf("rows %q, %v", got.rows, err)
				}
			}
			if logins.Load() != 1 {
				t.Errorf("%d logins for two runs, want 1", logins.Load())
			}
			if c.sent != "" && log.list[0].body != c.sent {
				t.Errorf("sent %q, want %q", log.list[0].body, c.sent)
			}
			logins.Add(1) // the session ends
			if _, out, err := fetch(t, client, s, httpsource.Options{}); err != nil || out.Requests != 2 {
				t.Errorf("after the session's end: %d requests, %v", out.Requests, err)
			}
		})
	}
	refused := serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "login-secret-1", http.StatusForbidden) })
	empty := serve(t, body(`{"data":{}}`))
	for url, want := range map[string]string{refused: "login-refused", empty: "login-token-missing"} {
		_, _, err := fetch(t, newClient(t), get(t, empty, strings.ReplaceAll(session, "LOGIN", url)), httpsource.Options{})
		if errType(err) != want || strings.Contains(fmt.Sprint(err), "login-secret") {
			t.Errorf("error %v (%s), want %s", err, errType(err), want)
		}
	}
}

// digestServer accepts user:pass-word by MD5, and each nonce for three requests.
func digestServer(t *testing.T, hits *atomic.Int64) string {
	sum := func(s string) string { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]) }
	used := map[string]int{} // pages come one after the other
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := hits.Add(1)
		fields := map[string]string{}
		for _, f := range strings.Split(strings.TrimPrefix(r.Header.Get("Authorization"), "Digest "), ", ") {
			name, value, _ := strings.Cut(f, "=")
			fields[name] = strings.Trim(value, `"`)
		}
		want := sum(strings.Join([]string{sum("user:r:pass-word"), fields["nonce"], fields["nc"], fields["cnonce"], "auth", sum(r.Method + ":" + r.RequestURI)}, ":"))
		nonce := fmt.Sprintf("n%d", n/4)
		count := 0
		_, _ = fmt.Sscanf(fields["nc"], "%x", &count)
		if fields["nonce"] == nonce && count != used[nonce]+1 {
			t.Errorf("nc is %s at the use number %d of %s", fields["nc"], used[nonce]+1, nonce)
		}
		used[fields["nonce"]] = count
		switch {
		case fields["response"] != want:
			w.Header().Set("WWW-Authenticate", `Digest realm="r", qop="auth", nonce="`+nonce+`"`)
			w.WriteHeader(401)
		case fields["nonce"] != nonce:
			w.Header().Set("WWW-Authenticate", `Digest realm="r", qop="auth", stale=true, nonce="`+nonce+`"`)
			w.WriteHeader(401)
		default:
			page := query(r, "page", 0)
			next := fmt.Sprintf(`"?page=%d&x=a%%20b"`, page+1)
			if page == 5 {
				next = "null"
			}
			fmt.Fprintf(w, `{"items":%s,"next":%s}`, rows(page, page+1), next)
		}
	})
}

func TestDigest(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	url := digestServer(t, &hits)
	got, out, err := fetch(t, newClient(t), get(t, url, `"authType":"digest","auth":{"digestAuth":{"username":"user","password":"pass-word"}}`), httpsource.Options{})
	if err != nil || len(got.rows) != 6 || out.Verdict.State != httpsource.Complete {
		t.Errorf("%d rows, %v", len(got.rows), err)
	}
	if out.Requests != hits.Load() || out.Requests > 9 {
		t.Errorf("%d requests for 6 pages", out.Requests)
	}
	var refused atomic.Int64
	_, out, err = fetch(t, newClient(t), get(t, digestServer(t, &refused), `"authType":"digest","auth":{"digestAuth":{"username":"user","password":"another-one"}}`), httpsource.Options{})
	if errType(err) != "upstream-status" || out.Status != 401 || out.Requests > 3 {
		t.Errorf("a wrong password: %v after %d requests", err, out.Requests)
	}
}

func TestSecretsByName(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	url := serve(t, r.ServeHTTP)
	find := func(_ context.Context, name, _ string) (secret.String, error) {
		if v, ok := map[string]string{"TOKEN": "named-secret-1", "KEY": "named-secret-2", "BAD": "a\r\nX: y"}[name]; ok {
			return secret.New(v), nil
		}
		return secret.String{}, errs.New(errs.NotFound, "no such secret")
	}
	text := `{"url":"URL/x","method":"POST","authType":"Bearer Token","auth":{"bearerToken":{"secret":"TOKEN"}},"headers":{"X-Key":{"secret":"KEY"}},
		"parameters":{"k":{"secret":"KEY"},"q":{"value":{"secret":"KEY"},"required":true}},"body":{"type":"form","parameters":{"f":{"secret":"KEY"}}}}`
	s := spec(t, text, url)
	for name, form := range map[string]string{"Public": string(s.Public()), "Sealed": string(mustSeal(t, s))} {
		if strings.Count(form, `{"secret":"KEY"}`) != 4 || !strings.Contains(form, `{"secret":"TOKEN"}`) {
			t.Errorf("%s does not keep the references: %s", name, form)
		}
	}
	if _, out, err := fetch(t, newClient(t), s, httpsource.Options{Secrets: find}); err != nil {
		t.Fatal(err)
	} else if again := out.Settle(s); again.Auth.Bearer.Name() != "TOKEN" {
		t.Error("settling replaced a reference by its value")
	}
	got := r.list[0]
	if got.header.Get("Authorization") != "Bearer named-secret-1" || got.header.Get("X-Key") != "named-secret-2" || got.uri != "/x?k=named-secret-2&q=named-secret-2" || got.body != "f=named-secret-2" {
		t.Errorf("sent %+v", got)
	}
	for in, pointer := range map[string]string{
		strings.ReplaceAll(text, "TOKEN", "NONE"):                               "/auth/bearerToken",
		strings.Replace(text, `{"secret":"KEY"}`, `{"secret":"NONE"}`, 1):       "/headers/X-Key",
		strings.Replace(text, `"f":{"secret":"KEY"}`, `"f":{"secret":"N"}`, 1):  "/body/parameters/f",
		strings.Replace(text, `{"secret":"TOKEN"}`, `{"secret":"BAD"}`, 1):      "/auth/bearerToken",
		strings.Replace(text, `"k":{"secret":"KEY"}`, `"k":{"secret":"NO"}`, 1): "/parameters/k",
	} {
		_, out, err := fetch(t, newClient(t), spec(t, in, url), httpsource.Options{Secrets: find})
		e, ok := errs.Find(err)
		if !ok || e.Kind != errs.Invalid || len(e.Fields) != 1 || e.Fields[0].Pointer != pointer || out.Requests != 0 {
			t.Errorf("error %v at %+v, want one at %s before any request", err, e, pointer)
		}
	}
	if _, _, err := fetch(t, newClient(t), s, httpsource.Options{}); errType(err) != "secret-unknown" {
		t.Errorf("without a store of secrets: %v", err)
	}
}

func TestASecretIsLookedUpForWhereItGoes(t *testing.T) {
	t.Parallel()
	const bearer = `{"url":"https://API.example.com./x","method":"GET","headers":{"X-Shop":{"secret":"H"}},"authType":"Bearer Token","auth":{"bearerToken":{"secret":"B"}}}`
	const grant = `{"url":"https://api.example.com/x","method":"GET","parameters":{"q":{"secret":"Q"}},"authType":"OAuth 2.0","auth":{"oauth2":{"tokenUrl":"https://login.example.org:8443/t","clientId":"c","clientSecret":{"secret":"S"},"params":{"p":{"secret":"P"}}}}}`
	const login = `{"url":"https://api.example.com/x","method":"GET","authType":"Session Login","auth":{"sessionLogin":{"url":"http://login.example.net/in","body":{"type":"json","parameters":{"password":{"secret":"W"}}},"token":{"in":"body","path":"token"}}}}`
	for text, want := range map[string]map[string]string{
		bearer: {"H": "https://api.example.com:443", "B": "https://api.example.com:443"},
		grant:  {"Q": "https://api.example.com:443", "S": "https://login.example.org:8443", "P": "https://login.example.org:8443"},
		login:  {"W": "http://login.example.net:80"},
	} {
		got := map[string]string{}
		refuse := errs.New(errs.Denied, "not there").Named("secret-origin")
		note := func(name, origin string) error { got[name] = origin; return nil }
		if err := spec(t, text, "").CheckSecrets(note); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", text, diff)
		}
		asked := map[string]string{}
		_, out, err := fetch(t, newClient(t), spec(t, text, ""), httpsource.Options{Secrets: func(_ context.Context, name, origin string) (secret.String, error) {
			asked[name] = origin
			if len(asked) < len(want) {
				return secret.New("fine"), nil
			}
			return secret.String{}, refuse
		}})
		e, ok := errs.Find(err)
		if diff := cmp.Diff(asked, want); diff != "" || !ok || e.Type != "secret-origin" || len(e.Fields) != 1 || out.Requests != 0 {
			t.Errorf("error %+v after %d requests, want the refusal with its field before any (-got +want):\n%s", e, out.Requests, diff)
		}
		if len(refuse.Fields) != 0 {
			t.Error("the lookup's own error was changed")
		}
	}
}

func TestANamedSecretIsHiddenWhateverItsFieldIsCalled(t *testing.T) {
	t.Parallel()
	const value = "harmless-looking-4711"
	api := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", r.Header.Get("X-Shop"))
		_ = json.NewEncoder(w).Encode([]map[string]string{{"a": r.Header.Get("X-Shop"), "b": r.URL.RawQuery}})
	})
	s := spec(t, `{"url":"URL","method":"GET","headers":{"X-Shop":{"secret":"N"}},"parameters":{"q":{"secret":"N"}}}`, api)
	got, out, err := fetch(t, newClient(t), s, httpsource.Options{HeadBytes: 1000, SampleBytes: 1000,
		Secrets: func(context.Context, string, string) (secret.String, error) { return secret.New(value), nil }})
	if err != nil || len(got.rows) != 1 {
		t.Fatalf("%v, %d rows", err, len(got.rows))
	}
	text, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	if all := string(text) + string(out.Head) + strings.Join(got.rows, ""); strings.Contains(all, value) || !strings.Contains(all, secret.Hidden) {
		t.Errorf("the secret is in %s", all)
	}
}

func TestTokensThatAreEchoedAreHidden(t *testing.T) {
	t.Parallel()
	b := newBank()
	token := serve(t, b.ServeHTTP)
	api := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", r.Header.Get("Authorization"))
		_ = json.NewEncoder(w).Encode([]string{r.Header.Get("Authorization")})
	})
	got, out, err := fetch(t, newClient(t), get(t, api, withToken(oauth, token, "header")), httpsource.Options{HeadBytes: 1000, SampleBytes: 1000})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	if all := string(text) + string(out.Head) + strings.Join(got.rows, ""); strings.Contains(all, "granted-token") {
		t.Errorf("the token is in %s", all)
	}
}
