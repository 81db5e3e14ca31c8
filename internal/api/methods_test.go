package api_test

import (
	"bytes"
	"strings"
	"testing"
)

func TestAMethodThatIsNotOfferedIsToldWhatIsThere(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := bare(&log)
	for _, c := range []struct{ rule, method, path, allow, problem string }{
		{"the methods of the path", "OPTIONS", "/v1/queryprograms/1", "GET, HEAD, PATCH, DELETE", ""},
		{"a word that is spelled out is no id", "OPTIONS", "/v1/queryprograms/explain", "POST", ""},
		{"the plural is the list of keys", "OPTIONS", "/v1/authentication/api-keys", "GET, HEAD", ""},
		{"what is here, is here for all methods", "TRACE", "/v1/actions/generate/questions", "POST", ""},
		{"what is not here on purpose says so", "POST", "/v1/users/get_or_create_user_team_organization", "", "out-of-scope"},
		{"and what begins with it", "POST", "/v1/actions/generate/ontology", "", "out-of-scope"},
	} {
		w := send(h, c.method, c.path, "")
		want := 405
		if c.problem != "" {
			want = 404
		}
		if got := w.Header().Get("Allow"); w.Code != want || got != c.allow || !strings.Contains(w.Body.String(), c.problem) {
			t.Errorf("%s: %s %s: %d, Allow: %s, %s", c.rule, c.method, c.path, w.Code, got, w.Body)
		}
	}
}
