package compat_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"millwright/internal/api/compat"
)

// seen is what the operations behind the tolerances receive.
type seen struct{ path, query, auth, contentType, body string }

func refuse(w http.ResponseWriter, _ *http.Request, err error) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(413)
	_, _ = io.WriteString(w, err.Error())
}

func send(t *testing.T, r *http.Request) seen {
	t.Helper()
	var got seen
	h := compat.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = seen{r.URL.Path, r.URL.RawQuery, r.Header.Get("Authorization"), r.Header.Get("Content-Type"), string(body)}
	}), refuse)
	h.ServeHTTP(httptest.NewRecorder(), r)
	return got
}

func TestPaths(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, target, want string }{
		{"plain", "/v1/projects", "/v1/projects"},
		{"TypeScript in a browser: prefix", "/api/infactory/v1/projects", "/v1/projects"},
		{"prefix alone", "/api/infactory", "/"},
		{"not the prefix", "/api/infactoryx/v1", "/api/infactoryx/v1"},
		{"TypeScript callCustomEndpoint: double slash", "/live/slug/v1//path", "/live/slug/v1/path"},
		{"TypeScript README and nf: live below v1", "/v1/live/slug/v1/path", "/live/slug/v1/path"},
		{"both at once", "/api/infactory/v1/live/slug/v1//path/", "/live/slug/v1/path"},
		{"trailing slash", "/v1/orgs/", "/v1/orgs"},
		{"an encoded slash is no slash", "/v1/projects/a%2f..%2fb", "/v1/projects/a/../b"},
		{"dots cannot climb out of the prefix", "/api/infactory/../v1/x", "/api/v1/x"},
	} {
		if got := send(t, httptest.NewRequest("GET", c.target, nil)).path; got != c.want {
			t.Errorf("%s: %s became %s, want %s", c.rule, c.target, got, c.want)
		}
	}
}

func TestRoutesThatHaveMovedAreFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, method, target, want string }{
		{"TypeScript 0.6.2 creates keys at the plural", "POST", "/v1/authentication/api-keys?name=n", "/v1/authentication/api-key"},
		{"TypeScript 0.6.2 renames keys at the plural", "PATCH", "/v1/authentication/api-keys/1", "/v1/authentication/api-key/1"},
		{"TypeScript 0.6.2 switches keys off at the plural", "PATCH", "/v1/authentication/api-keys/1/disable", "/v1/authentication/api-key/1/disable"},
		{"keys are listed at the plural", "GET", "/v1/authentication/api-keys", "/v1/authentication/api-keys"},
		{"TypeScript 0.5 chats", "GET", "/v1/chat?project_id=p", "/v1/explore"},
		{"TypeScript 0.5 talks in a chat", "POST", "/api/infactory/v1/chat/1", "/v1/explore/1"},
		{"TypeScript 0.5 reads a chat", "GET", "/v1/chat/1/graph", "/v1/explore/1/graph"},
		{"chats are not everything that begins so", "GET", "/v1/chatter", "/v1/chatter"},
	} {
		if got := send(t, httptest.NewRequest(c.method, c.target, nil)).path; got != c.want {
			t.Errorf("%s: %s became %s, want %s", c.rule, c.target, got, c.want)
		}
	}
}

func TestQueryNamesInCamelCase(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, target, want string }{
		{"UI: camelCase", "/v1/explore?projectId=p", "project_id=p"},
		{"both spellings: snake wins", "/v1/explore?projectId=a&project_id=b", "projectId=a&project_id=b"},
		{"values are never touched", "/v1/datalines?datasource_id=aB", "datasource_id=aB"},
		{"names with a dash are left alone", "/live/s/v1/e?X-Y=1", "X-Y=1"},
		{"all values of a list", "/live/s/v1/e?cityName=a&cityName=b", "city_name=a&city_name=b"},
	} {
		if got := send(t, httptest.NewRequest("GET", c.target, nil)).query; got != c.want {
			t.Errorf("%s: %s became %s, want %s", c.rule, c.target, got, c.want)
		}
	}
}

func TestKeysBecomeABearerHeaderAndLeaveTheURL(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, target, header, value, wantAuth, wantQuery string }{
		{"Bearer", "/x", "Authorization", "Bearer k", "Bearer k", ""},
		{"guide's curl: no scheme", "/x", "Authorization", "k", "Bearer k", ""},
		{"Python: query, header wins", "/x?nf_api_key=q&a=1", "Authorization", "Bearer k", "Bearer k", "a=1"},
		{"TypeScript authIn query", "/x?nf_api_key=q", "", "", "Bearer q", ""},
		{"X-API-Key", "/x", "X-Api-Key", "k", "Bearer k", ""},
		{"options object serialised by mistake", "/x?params=%5Bobject+Object%5D", "Authorization", "Bearer k", "Bearer k", ""},
		{"other schemes stay", "/x", "Authorization", "Basic abc", "Basic abc", ""},
	} {
		r := httptest.NewRequest("GET", c.target, nil)
		if c.header != "" {
			r.Header.Set(c.header, c.value)
		}
		if got := send(t, r); got.auth != c.wantAuth || got.query != c.wantQuery {
			t.Errorf("%s: got %q and query %q, want %q and %q", c.rule, got.auth, got.query, c.wantAuth, c.wantQuery)
		}
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, method, target, contentType, body, want string }{
		{"camelCase fields", "POST", "/v1/credentials", "application/json", `{"datasourceId":"d","metadata":{"apiKey":1}}`, `{"datasource_id":"d","metadata":{"apiKey":1}}`},
		{"both spellings: snake wins", "POST", "/v1/x", "application/json", `{"teamId":"a","team_id":"b"}`, `{"team_id":"b"}`},
		{"numbers keep their text", "POST", "/v1/x", "application/json", `{"n":9007199254740993.10}`, `{"n":9007199254740993.10}`},
		{"a whole number is an integer, however it is spelled", "POST", "/v1/x", "application/json", `{"a":5.0,"b":-0.00,"c":5.10,"d":{"e":5.0}}`, `{"a":5,"b":-0,"c":5.10,"d":{"e":5.0}}`},
		{"wrapped by mistake", "PATCH", "/v1/explore/1", "application/json", `{"body":{"isStarred":true}}`, `{"is_starred":true}`},
		{"body is real in a connection", "POST", "/v1/http/test-connection", "application/json", `{"body":{"contentType":"x"}}`, `{"body":{"contentType":"x"}}`},
		{"encoded twice", "POST", "/v1/datasources", "application/json", `"{\"name\":\"n\"}"`, `{"name":"n"}`},
		{"JSON as text/plain", "POST", "/v1/x", "text/plain;charset=UTF-8", `{"a":1}`, `{"a":1}`},
		{"curl -d without a type", "POST", "/v1/x", "application/x-www-form-urlencoded", `{"a":1}`, `{"a":1}`},
		{"Python: fields in the query", "PATCH", "/v1/datasources/1?uri=u&name=n", "application/json", `{"name":"body wins"}`, `{"name":"body wins","uri":"u"}`},
		{"Python: booleans in the query", "PATCH", "/v1/queryprograms/1/publish?group_slots=false", "application/json", `{}`, `{"group_slots":false}`},
		{"slot values stay in the query", "POST", "/v1/run/queryprogram?limit=3", "application/json", `{"project_id":"p"}`, `{"project_id":"p"}`},
		{"no body", "POST", "/v1/x", "", ``, `{}`},
		{"a bare string that is code", "PATCH", "/v1/datalines/1/schema", "application/json", `"class A:"`, `"class A:"`},
		{"a bare string that is code, and looks like an object", "PATCH", "/v1/datalines/1/schema", "application/json", `"{\"a\":1}"`, `"{\"a\":1}"`},
		{"TypeScript sendToolCall: camelCase as text/plain", "POST", "/live/tool", "text/plain;charset=UTF-8", `{"conversationId":"c","content":"{\"cityName\":1}"}`, `{"content":"{\"cityName\":1}","conversation_id":"c"}`},
		{"TypeScript sends a message: slots are no fields", "POST", "/v1/run/1?no_reply=true", "application/json", `{"content":"q"}`, `{"content":"q"}`},
		{"TypeScript wraps roles", "POST", "/v1/users/1/roles/admin/", "application/json", `{"body":{"roleId":"admin"}}`, `{"role_id":"admin"}`},
		{"TypeScript wraps APIs", "POST", "/v1/apis", "application/json", `{"body":{"projectId":"p","slug":"s"}}`, `{"project_id":"p","slug":"s"}`},
		{"Python creates an organization in the query", "POST", "/v1/orgs?name=n&description=d", "application/json", `{}`, `{"description":"d","name":"n"}`},
		{"Python moves a team in the query", "POST", "/v1/teams/1/move?new_organization_id=o", "application/json", `{}`, `{"new_organization_id":"o"}`},
		{"Python moves a project in the query", "POST", "/v1/projects/1/move?new_team_id=t", "application/json", `{}`, `{"new_team_id":"t"}`},
		{"Python's body is the data model", "PATCH", "/v1/datalines/1?name=n", "application/json", `{"columnT":{"a":1},"schemaT":{}}`, `{"column_t":{"a":1},"name":"n","schema_t":{}}`},
		{"TypeScript's empty body with fields in the query", "POST", "/v1/users?email=a%40b.c", "", ``, `{"email":"a@b.c"}`},
		{"not JSON", "POST", "/v1/x", "application/octet-stream", "\x00\x01", "\x00\x01"},
		{"broken JSON reaches the validator", "POST", "/v1/x", "application/json", `{"a":`, `{"a":`},
	} {
		r := httptest.NewRequest(c.method, c.target, strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.contentType)
		if got := send(t, r).body; got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.rule, got, c.want)
		}
	}
}

func TestProblemsArePlainJSONForTheTypeScriptClient(t *testing.T) {
	t.Parallel()
	h := compat.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(404)
	}), refuse)
	for sdk, want := range map[string]string{"": "application/problem+json", "0.6.4": "application/json"} {
		r := httptest.NewRequest("GET", "/v1/x", nil)
		if sdk != "" {
			r.Header.Set("x-infactory-sdk-version", sdk)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Get("Content-Type"); got != want {
			t.Errorf("sdk %q: %s, want %s", sdk, got, want)
		}
	}
}
