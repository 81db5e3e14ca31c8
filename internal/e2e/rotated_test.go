package e2e_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
)

// A source that gives a new refresh token with each access token accepts the old
// one no more. A run that fails after that must not lose the new one, even if the
// server ends before the next run.
func TestARunThatFailsKeepsTheNewRefreshToken(t *testing.T) {
	var mu sync.Mutex
	refreshes, broken := 0, true
	mux := http.NewServeMux()
	source := upstream(t, mux)
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		if r.FormValue("refresh_token") != fmt.Sprintf("refresh-token-%d", refreshes) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":"invalid_grant"}`)
			return
		}
		refreshes++
		fmt.Fprintf(w, `{"access_token":"access-token-%d","token_type":"Bearer","expires_in":3600,"refresh_token":"refresh-token-%[1]d"}`, refreshes)
	})
	mux.HandleFunc("GET /rows/{page}", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		page := int(r.PathValue("page")[0] - '0')
		switch {
		case r.Header.Get("Authorization") != fmt.Sprintf("Bearer access-token-%d", refreshes):
			w.WriteHeader(http.StatusUnauthorized)
		case broken && page == 3:
			w.WriteHeader(http.StatusForbidden)
		default:
			if page < 4 {
				w.Header().Set("Link", fmt.Sprintf(`<%s/rows/%d>; rel="next"`, source, page+1))
			}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `[{"id":%d}]`, page)
		}
	})
	data := t.TempDir()
	s := startIn(t, data, "--allow-cidr", "127.0.0.0/8")
	datasource, jobs := s.connect("Rotating", map[string]any{"url": source + "/rows/1", "method": "GET", "authType": "OAuth 2.0",
		"auth": map[string]any{"oauth2": map[string]any{"tokenUrl": source + "/token", "clientId": "me", "clientSecret": "a client secret", "refreshToken": "refresh-token-0", "style": "body"}}})
	if j := s.wait(jobs[0].ID); j.Status != "failed" || refreshes == 0 {
		t.Fatalf("the run is %s after %d refreshes, want failed on page 3", j.Status, refreshes)
	}
	mu.Lock()
	broken = false
	mu.Unlock()
	s.kill()
	s = startIn(t, data, "--allow-cidr", "127.0.0.0/8")
	s.mustRun(datasource, `{}`)
	if d := s.dataline(datasource); d.Rows != 4 {
		t.Errorf("%d rows, want 4", d.Rows)
	}
}
