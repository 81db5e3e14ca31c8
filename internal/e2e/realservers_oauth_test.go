package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// startOAuth runs oidc-provider, whose machine tokens last so many seconds, and
// returns its address.
func startOAuth(t *testing.T, seconds int) string {
	t.Helper()
	module := filepath.Join(nodeModule(t, "oidc-provider"), "lib", "index.js")
	port := strconv.Itoa(freePort(t))
	base := "http://127.0.0.1:" + port
	raise(t, exec.Command(program(t, "node"), "testdata/oidc.mjs", "file://"+module, port, strconv.Itoa(seconds)),
		answers(t, base+"/.well-known/openid-configuration", base))
	return base
}

// clientSecret is what oidc.mjs gives to a client; it has to be escaped everywhere.
func clientSecret(client string) string { return "secret of " + client + " +/=%" }

// A shopAPI gives orders to whom the OAuth server vouches for.
type shopAPI struct {
	t     *testing.T
	oauth string
	pages int // of 50 orders each
	// disturb is called once for each page, before its token is looked at.
	disturb func(page int, token string)

	mu      sync.Mutex
	tokens  []string // that were accepted, each once, in the order of their first use
	refused int
	seen    map[int]bool
}

const ordersPerPage = 50

func (a *shopAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	page, _ := strconv.Atoi(r.URL.Query().Get("cursor")) // the first page has none
	a.mu.Lock()
	first := !a.seen[page]
	a.seen[page] = true
	a.mu.Unlock()
	if first && a.disturb != nil {
		a.disturb(page, token)
	}
	active, err := a.vouched(token)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil || !active {
		a.refused++
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		http.Error(w, `{"error":"invalid_token"}`, http.StatusUnauthorized)
		return
	}
	if len(a.tokens) == 0 || a.tokens[len(a.tokens)-1] != token {
		a.tokens = append(a.tokens, token)
	}
	var next any
	if page+1 < a.pages {
		next = strconv.Itoa(page + 1)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"orders": a.orders(page, page+1), "next_cursor": next}) // a caller that has gone fails its own test
}

// orders are the records of pages from..to-1.
func (a *shopAPI) orders(from, to int) []json.RawMessage {
	var out []json.RawMessage
	for n := from * ordersPerPage; n < to*ordersPerPage; n++ {
		out = append(out, fmt.Appendf(nil, `{"id":%d,"channel":%q,"total":%d.%02d}`, n+1, []string{"web", "shop", "phone"}[n%3], n*7%900, n%100))
	}
	return out
}

// counts returns the tokens that were accepted and how many requests were refused.
func (a *shopAPI) counts() (tokens []string, refused int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.tokens), a.refused
}

// vouched asks the OAuth server about a token.
func (a *shopAPI) vouched(token string) (bool, error) {
	status, text, err := a.post("/token/introspection", "api", "token", token)
	var got struct {
		Active bool
		Scope  string
	}
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("introspection: %d %s", status, text)
	}
	if err == nil {
		err = json.Unmarshal(text, &got)
	}
	return got.Active && strings.Contains(got.Scope, "orders:read"), err
}

// revoke ends a token at the OAuth server.
func (a *shopAPI) revoke(client, token string) {
	if status, text, err := a.post("/token/revocation", client, "token", token); err != nil || status != http.StatusOK {
		a.t.Errorf("revocation: %d %s, %v", status, text, err)
	}
}

func (a *shopAPI) post(path, client string, form ...string) (int, []byte, error) {
	login := b64(url.QueryEscape(client) + ":" + url.QueryEscape(clientSecret(client)))
	return send(a.t, "POST", a.oauth+path, []byte(values(form...)), "Authorization", "Basic "+login, "Content-Type", "application/x-www-form-urlencoded")
}

// expire waits until a token has run out at the OAuth server.
func (a *shopAPI) expire(token string) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for {
		if active, err := a.vouched(token); err == nil && !active {
			return
		}
		select {
		case <-deadline:
			a.t.Error("the token does not expire")
			return
		case <-tick.C:
		}
	}
}

func (a *shopAPI) spec(address string, grant map[string]any) map[string]any {
	grant["tokenUrl"] = a.oauth + "/token"
	return map[string]any{"url": address + "/orders", "method": "GET", "authType": "OAuth2", "auth": map[string]any{"oauth2": grant}}
}

func TestRealOAuthClientCredentialsOutliveTheirTokens(t *testing.T) {
	api := &shopAPI{t: t, oauth: startOAuth(t, 3), pages: 20, seen: map[int]bool{}}
	api.disturb = func(page int, token string) {
		switch page {
		case 3: // it runs out while the request is under way
			api.expire(token)
		case 8:
			api.revoke("machine", token)
		}
	}
	address := upstream(t, api)
	s := start(t)
	grant := func(secret, scope string) map[string]any {
		return map[string]any{"clientId": "machine", "clientSecret": secret, "scopes": scope}
	}
	spec := api.spec(address, grant(clientSecret("machine"), "orders:read"))
	s.finds("oauth", spec, finding{path: "orders", shape: "rows", paging: "cursor", proof: "token at next_cursor; it goes back as cursor"})
	s.lands("oauth", spec, api.orders(0, api.pages), "complete", "null-token", int64(api.pages))
	tokens, refused := api.counts()
	t.Logf("oauth: %d tokens were accepted, %d requests refused", len(tokens), refused)
	if len(tokens) < 3 || refused != 2 {
		t.Errorf("%d tokens, %d refused requests; want one refused for the end of its token and one for its revocation", len(tokens), refused)
	}
	for _, token := range tokens {
		if strings.Contains(s.log.String(), token) {
			t.Error("the log holds an access token")
		}
	}

	// What the OAuth server refuses is named as it names it, and never landed.
	for wrong, want := range map[string]string{"secret": "invalid_client", "scope": "invalid_scope"} {
		g := grant(clientSecret("machine"), "orders:read")
		g["clientSecret"] = map[string]string{"secret": "another", "scope": clientSecret("machine")}[wrong]
		g["scopes"] = map[string]string{"secret": "orders:read", "scope": "orders:write"}[wrong]
		problem, detail := s.fails("a wrong "+wrong, api.spec(address, g))
		if problem != "oauth-refused" || !strings.Contains(detail, want) {
			t.Errorf("a wrong %s: %s %s, want oauth-refused with %s", wrong, problem, detail, want)
		}
	}
}

func TestRealOAuthRefreshTokensThatRotateOutliveAStop(t *testing.T) {
	api := &shopAPI{t: t, oauth: startOAuth(t, 3600), pages: 6, seen: map[int]bool{}}
	api.disturb = func(page int, token string) {
		if page == 2 {
			api.revoke("person", token)
		}
	}
	address := upstream(t, api)
	data := t.TempDir()
	s := startIn(t, data, "--allow-cidr", "127.0.0.0/8")
	spec := api.spec(address, map[string]any{"clientId": "person", "clientSecret": clientSecret("person"), "refreshToken": consent(t, api.oauth)})
	datasource, jobs := s.connect("rotating", spec)
	for _, j := range jobs {
		if got := s.wait(j.ID); got.Status != "completed" {
			t.Fatalf("%+v %+v\n%s", got, got.Error, s.log)
		}
	}
	tokens, refused := api.counts()
	if d := s.dataline(datasource); d.Rows != int64(api.pages*ordersPerPage) || d.Verdict.State != "complete" || refused != 1 || len(tokens) != 2 {
		t.Errorf("%d rows, %+v, %d refused, %d tokens; want all orders, and a second token for the one that was revoked", d.Rows, d.Verdict, refused, len(tokens))
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}

	// Only the newest refresh token is good for anything. It has to be in the store.
	again := startIn(t, data, "--allow-cidr", "127.0.0.0/8")
	var started struct {
		Jobs []jobWire `json:"jobs"`
	}
	again.call("POST", "/v1/datasources/"+datasource+"/runs", map[string]any{}, &started)
	for _, j := range started.Jobs {
		if got := again.wait(j.ID); got.Status != "completed" {
			t.Fatalf("after a stop: %+v %+v\n%s", got, got.Error, again.log)
		}
	}
	d := again.dataline(datasource)
	list, err := json.Marshal(api.orders(0, api.pages))
	if err != nil {
		t.Fatal(err)
	}
	again.compare(d, list)
	if tokens, _ := api.counts(); len(tokens) != 3 {
		t.Errorf("%d tokens in all, want a third for the run after the stop", len(tokens))
	}
	if again.runAll(d) < 1 {
		t.Error("no question was written")
	}
}

// consent logs a person in at the OAuth server, lets them consent, and returns the
// refresh token that the client "person" gets for it.
func consent(t *testing.T, oauth string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	const back = "http://127.0.0.1/back"
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), back) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	visit := func(resp *http.Response, err error) *http.Response {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	page := visit(browser.Get(oauth + "/auth?" + values("client_id", "person", "response_type", "code", "redirect_uri", back,
		"scope", "openid offline_access orders:read", "prompt", "consent")))
	for _, form := range []url.Values{{"prompt": {"login"}, "login": {"ada"}, "password": {"any"}}, {"prompt": {"consent"}}} {
		page = visit(browser.PostForm(page.Request.URL.String(), form))
	}
	target, err := page.Location()
	if err != nil || target.Query().Get("code") == "" {
		t.Fatalf("no code: %d %v at %s", page.StatusCode, err, page.Request.URL)
	}
	api := &shopAPI{t: t, oauth: oauth}
	status, text, err := api.post("/token", "person", "grant_type", "authorization_code", "code", target.Query().Get("code"), "redirect_uri", back)
	var got struct {
		RefreshToken string `json:"refresh_token"`
	}
	if err = errors.Join(err, json.Unmarshal(text, &got)); err != nil || got.RefreshToken == "" {
		t.Fatalf("no refresh token: %d %s, %v", status, text, err)
	}
	return got.RefreshToken
}
