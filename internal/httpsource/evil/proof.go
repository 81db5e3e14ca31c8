package evil

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"millwright/internal/httpsource"
)

// oauth and login are ways to prove who is asking whose token comes from SELF,
// the source's own address.
const (
	oauth = `"authType":"oauth2","auth":{"oauth2":{"tokenUrl":"SELF/token","clientId":"me","clientSecret":"` + Canary + `"}}`
	login = `"authType":"session","auth":{"sessionLogin":{"url":"SELF/token","body":{"type":"json","parameters":{"user":"me","password":"` + Canary + `"}},"token":{"path":"access_token"}}}`
)

// proofs are sources whose token or login address misbehaves.
func proofs() []Behaviour {
	type handler = func(http.ResponseWriter, *http.Request, *Source)
	// with answers at /token as given, and with rows elsewhere if the token is T.
	with := func(token handler) handler {
		return func(w http.ResponseWriter, r *http.Request, s *Source) {
			switch {
			case r.URL.Path == "/token":
				w.Header().Set("Content-Type", "application/json")
				token(w, r, s)
			case r.Header.Get("Authorization") != "Bearer T-0123456789abcdef":
				w.WriteHeader(http.StatusUnauthorized)
			default:
				write(w, s.rows(0, 5))
			}
		}
	}
	gives := func(text string) handler { return with(says(text)) }
	good := `{"access_token":"T-0123456789abcdef","token_type":"Bearer","expires_in":%s}`
	failed := fails("oauth-token-missing", "oauth-refused", "token-failed", "login-token-missing", "login-refused", "login-failed", "upstream-status", "connection-lost")
	ok := Want{State: httpsource.CompleteUnverified}
	// Each is tried with both ways to prove; what a login does not know is the same to it.
	cases := []Behaviour{
		{Name: "good", Want: ok, http: gives(fmt.Sprintf(good, "3600"))},
		{Name: "never-expires", Want: ok, http: gives(fmt.Sprintf(good, "9223372036854775807"))},
		{Name: "expired-already", Want: Want{}, http: gives(fmt.Sprintf(good, "-1"))},
		{Name: "answers-html", Want: failed, http: gives("<html>login</html>")},
		{Name: "answers-nothing", Want: failed, http: gives("")},
		{Name: "answers-an-empty-token", Want: failed, http: gives(`{"access_token":""}`)},
		{Name: "answers-null", Want: failed, http: gives(`{"access_token":null}`)},
		{Name: "answers-an-array", Want: failed, http: gives(`{"access_token":["T-0123456789abcdef"]}`)},
		{Name: "answers-a-token-with-a-break", Want: failed, http: gives(`{"access_token":"T\r\nX-Evil: 1","token_type":"Bearer"}`)},
		{Name: "answers-a-token-that-does-not-work", Want: fails("upstream-status"), http: gives(`{"access_token":"other-0123456789","token_type":"Bearer","expires_in":60}`)},
		{Name: "echoes-the-secret", Want: failed, http: with(func(w http.ResponseWriter, r *http.Request, _ *Source) {
			user, password, _ := r.BasicAuth()
			w.WriteHeader(400)
			fmt.Fprintf(w, `{"error":"invalid_client","error_description":"no such client %s %s %s"}`, user, password, Canary)
		})},
		{Name: "500", Options: once, Want: failed, http: with(status(500, "{}"))},
		{Name: "redirects-to-a-metadata-address", Want: failed, http: with(status(307, "", "Location: http://169.254.169.254/"))},
		{Name: "redirects-to-itself", Want: failed, http: with(status(302, "", "Location: /token"))},
		{Name: "endless", Options: once, Want: failed, http: with(func(w http.ResponseWriter, _ *http.Request, _ *Source) {
			write(w, `{"access_token":"`)
			forever(w, strings.Repeat("T", 1<<10))
		})},
		{Name: "gzip-bomb", Options: once, Want: failed, http: with(func(w http.ResponseWriter, _ *http.Request, _ *Source) {
			w.Header().Set("Content-Encoding", "gzip")
			write(w, packed(blanks(bombMB), "gzip"))
		})},
		{Name: "stalls-in-the-body", Options: once, Limits: httpsource.Limits{Idle: 700 * time.Millisecond, Total: 5 * time.Second}, Want: fails("idle-timeout", "total-timeout", "login-failed", "oauth-token-missing"),
			http: with(func(w http.ResponseWriter, r *http.Request, s *Source) {
				write(w, `{"access_token":"T`)
				_ = http.NewResponseController(w).Flush()
				select {
				case <-r.Context().Done():
				case <-s.stop:
				}
			})},
		{Name: "never-answers", Options: once, Limits: httpsource.Limits{Header: 700 * time.Millisecond, Total: 5 * time.Second}, Want: fails("upstream-timeout", "login-failed", "total-timeout"),
			http: with(func(_ http.ResponseWriter, r *http.Request, s *Source) {
				select {
				case <-r.Context().Done():
				case <-s.stop:
				}
			})},
	}
	var list []Behaviour
	for kind, fields := range map[string]string{"oauth": oauth, "login": login} {
		for _, c := range cases {
			c.Name, c.Fields = kind+"-"+c.Name, fields
			list = append(list, c)
		}
	}
	list = append(list,
		Behaviour{Name: "oauth-401-once-then-good", Fields: oauth, Want: ok, http: func(w http.ResponseWriter, r *http.Request, s *Source) {
			if r.URL.Path == "/token" {
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprintf(w, `{"access_token":"T-number-%d-0123456789","token_type":"Bearer"}`, s.Asked())
				return
			}
			if s.Asked() == 2 {
				w.WriteHeader(401)
				return
			}
			write(w, s.rows(0, 5))
		}},
		Behaviour{Name: "digest-with-an-unknown-hash", Fields: `"authType":"digest","auth":{"digestAuth":{"username":"me","password":"` + Canary + `"}}`, Want: fails("digest-not-supported"), http: status(401, "", `WWW-Authenticate: Digest realm="x", nonce="n", algorithm=ROT13, qop="auth"`)},
		Behaviour{Name: "digest-with-another-nonce-each-time", Fields: `"authType":"digest","auth":{"digestAuth":{"username":"me","password":"` + Canary + `"}}`, Want: fails("upstream-status"), http: func(w http.ResponseWriter, _ *http.Request, s *Source) {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Digest realm="x", nonce="n%d", qop="auth", stale=true`, s.Asked()))
			w.WriteHeader(401)
		}},
		Behaviour{Name: "digest-garbage", Fields: `"authType":"digest","auth":{"digestAuth":{"username":"me","password":"` + Canary + `"}}`, Want: fails("upstream-status", "digest-not-supported"), http: status(401, "", `WWW-Authenticate: Digest realm="x, nonce=,,,="`)},
	)
	return sorted(group("auth", list...))
}
