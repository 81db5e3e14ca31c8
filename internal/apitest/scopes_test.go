package apitest_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// otherScope says which operations take another scope than their method tells: GET
// takes read, everything else write.
var otherScope = map[string]string{
	"GET /v1/authentication/me":               "", // any
	"GET /v1/authentication/session":          "", // the cookie decides, or the key in the body
	"POST /v1/authentication/session":         "",
	"DELETE /v1/authentication/session":       "",
	"GET /live/{slug}/{version}":              "",
	"GET /live/{slug}/{version}/openapi.json": "",
	"GET /live/{slug}/{version}/tools.json":   "",

	"POST /v1/jobs/subscribe/{id}":                 "read",
	"POST /v1/actions/generate/questions":          "read",
	"POST /v1/http/from-curl":                      "read",
	"POST /v1/http/from-openapi":                   "read",
	"GET /v1/authentication/api-keys":              "admin",
	"POST /v1/queryprograms/validate":              "run",
	"POST /v1/queryprograms/explain":               "run",
	"POST /v1/queryprograms/{id}/explain":          "run",
	"GET /v1/run/queryprogram":                     "run",
	"POST /v1/run/queryprogram":                    "run",
	"POST /v1/run/{id}":                            "run",
	"POST /v1/run/{id}/chat/completions":           "run",
	"POST /v1/query":                               "run",
	"POST /v1/explore/{id}":                        "run",
	"POST /v1/explore":                             "run",
	"POST /v1/actions/evaluate/queryprogram":       "run",
	"POST /v1/actions/evaluate/queryprogram/graph": "run",
}

// runRoots and adminRoots are the paths under which everything runs something, or
// manages people when it is no GET.
var (
	runRoots   = []string{"/live/", "/v1/integrations/chat/"}
	adminRoots = []string{"/v1/authentication/api-key", "/v1/orgs", "/v1/teams", "/v1/users", "/v1/platforms", "/v1/team-memberships"}
)

// scope is what a key needs for the operation; "" if any will do.
func (u use) scope() string {
	path := strings.Fields(u.operation)[1]
	under := func(root string) bool { return strings.HasPrefix(path, root) }
	other, listed := otherScope[u.operation]
	switch {
	case listed:
		return other
	case slices.ContainsFunc(runRoots, under):
		return "run"
	case u.method() == "GET":
		return "read"
	case slices.ContainsFunc(adminRoots, under):
		return "admin"
	}
	return "write"
}

// newKey makes a key of the owner.
func (w *world) newKey(t *testing.T, fields map[string]any) string {
	t.Helper()
	body := map[string]any{"name": t.Name()}
	for name, v := range fields {
		body[name] = v
	}
	return w.client(t, w.owner.key).object("POST", "/v1/authentication/api-key", body).at(1).string()
}

func TestAKeyDoesWhatItsScopesSayAndNothingElse(t *testing.T) {
	t.Parallel()
	w := shared
	before := w.inventory(t)
	nothing := map[string]string{}
	for name := range w.ids {
		nothing[name] = random
	}
	for _, has := range []string{"read", "run", "write", "admin"} {
		key := w.newKey(t, map[string]any{"scopes": []string{has}})
		for _, u := range uses {
			if u.access == open {
				continue
			}
			takes := u.scope()
			if takes == "" || takes == has {
				// With ids of nothing it changes nothing, and is refused for that alone.
				if got := u.send(w, key, nothing, random); got.json().text("type") == "scope-missing" {
					t.Errorf("%s with a key for %s: %s, and %q is what it takes", u.operation, has, got, takes)
				}
				continue
			}
			got := u.send(w, key, w.ids, w.ids["project"])
			p := got.json()
			if got.status != http.StatusForbidden || p.text("type") != "scope-missing" || !strings.Contains(p.text("detail"), strconv.Quote(takes)) ||
				!strings.Contains(got.String(), "--scope "+takes) {
				t.Errorf("%s with a key for %s: %s, want 403 that names %q and how to get it", u.operation, has, got, takes)
			}
		}
	}
	if after := w.inventory(t); !slices.Equal(after, before) {
		t.Errorf("something was changed:\n%s\n%s", before, after)
	}
}

func TestTheDocumentSaysWhichScopeAnOperationTakes(t *testing.T) {
	t.Parallel()
	for _, u := range uses {
		if u.access == open {
			continue
		}
		path := strings.Fields(u.operation)[1]
		for _, way := range documentOnce().get("paths", path, strings.ToLower(u.method()), "security").list() {
			for scheme, scopes := range way.value.(map[string]any) {
				said := ""
				if list := (node{scopes}).list(); len(list) > 0 {
					said = list[0].string()
				}
				if said != u.scope() {
					t.Errorf("%s, %s: the document says %q, want %q", u.operation, scheme, said, u.scope())
				}
			}
		}
	}
}

// aboveProjects reports whether the operation is about what a team or an organisation
// has, and not about anything in one project.
func (u use) aboveProjects() bool {
	path := strings.Fields(u.operation)[1]
	return slices.ContainsFunc([]string{"/v1/secrets", "/v1/orgs", "/v1/teams", "/v1/users", "/v1/platforms", "/v1/team-memberships"}, func(root string) bool {
		return strings.HasPrefix(path, root)
	}) || u.operation == "POST /v1/projects" || strings.HasPrefix(u.operation, "POST /v1/credentials")
}

func TestAKeyOfOneProjectSeesNoOther(t *testing.T) {
	t.Parallel()
	w := shared
	before := w.inventory(t)
	_, mine := w.newProject(t, "Of the key")
	key := w.newKey(t, map[string]any{"project_id": mine})
	nothing := map[string]string{}
	for name := range w.ids {
		nothing[name] = random
	}
	for _, u := range uses {
		if u.access == open || u.access == act {
			continue
		}
		if u.scope() == "run" {
			u.send(w, w.owner.key, w.ids, mine) // what is remembered for the owner is not for the key
		}
		got, missing := u.send(w, key, w.ids, mine), u.send(w, key, nothing, mine)
		target, body := u.fill(w, w.ids, mine)
		touches := false
		for what, id := range w.ids {
			if what == "org" || what == "team" || what == "user" || what == "secret" || what == "platform" {
				continue // the key's user has them too
			}
			sent := strings.Contains(target+body, id)
			if touches = touches || sent; !sent && strings.Contains(string(got.body), id) {
				t.Errorf("%s %s shows the other project's %s: %s", u.method(), target, what, got)
			}
		}
		switch {
		case u.aboveProjects():
			if u.method() != "GET" && got.status != http.StatusForbidden && got.status != http.StatusNotFound {
				t.Errorf("%s %s %s: %s, want 403 or 404", u.method(), target, body, got)
			}
		case u.access == list:
			if got.status != http.StatusOK {
				t.Errorf("%s %s: %s, want 200", u.method(), target, got)
			}
		case touches && (got.status < 400 || got.stable() != missing.stable()):
			t.Errorf("%s %s %s: the other project's answers\n%s\nand what does not exist\n%s", u.method(), target, body, got, missing)
		}
	}
	if after := w.inventory(t); !slices.Equal(after, before) {
		t.Errorf("something was changed:\n%s\n%s", before, after)
	}
	c := w.client(t, key)
	if list := c.object("GET", "/v1/projects", nil).list(); len(list) != 1 || list[0].text("id") != mine {
		t.Errorf("it lists %v, want its project alone", list)
	}
	if d := c.object("POST", "/v1/datasources", map[string]any{"name": "Mine", "project_id": mine}); d.text("project_id") != mine {
		t.Errorf("in its own project it made %s", d)
	}
	if got := c.send("POST", "/v1/projects", map[string]any{"name": "another"}); got.status != 403 || got.json().text("type") != "key-bound" {
		t.Errorf("another project: %s, want 403 key-bound", got)
	}
}

func TestAKeyMakesNoKeyThatMayDoMore(t *testing.T) {
	t.Parallel()
	w := shared
	_, mine := w.newProject(t, "Of the maker")
	maker := w.client(t, w.newKey(t, map[string]any{"scopes": []string{"admin", "read"}, "project_id": mine, "rate_per_minute": 1000}))
	for _, c := range []struct {
		rule   string
		fields map[string]any
		status int
		typ    string
	}{
		{"a scope that it lacks", map[string]any{"scopes": []string{"read", "write"}}, 403, "scope-missing"},
		{"a scope that nobody has", map[string]any{"scopes": []string{"everything"}}, 400, "scope-unknown"},
		{"another project", map[string]any{"project_id": w.ids["project"]}, 404, "not_found"},
		{"a project that does not exist", map[string]any{"project_id": random}, 404, "not_found"},
		{"a higher rate", map[string]any{"rate_per_minute": 1001}, 403, "rate-invalid"},
		{"a rate below zero", map[string]any{"rate_per_minute": -1}, 400, "rate-invalid"},
	} {
		c.fields["name"] = "more"
		got := maker.send("POST", "/v1/authentication/api-key", c.fields)
		if got.status != c.status || got.json().text("type") != c.typ {
			t.Errorf("%s: %s, want %d %s", c.rule, got, c.status, c.typ)
		}
	}
	made := maker.object("POST", "/v1/authentication/api-key", map[string]any{"name": "the same"}).at(0)
	if made.text("project_id") != mine || made.get("scopes").String() != `["read","admin"]` || made.get("rate_per_minute").number() != 1000 {
		t.Errorf("without a word it made %s, want its own project, scopes and rate", made)
	}
	for _, k := range maker.object("GET", "/v1/authentication/api-keys", nil).list() {
		if k.text("project_id") != mine {
			t.Errorf("it sees the key %s", k)
		}
	}
}

func TestAKeyThatAsksTooOftenWaits(t *testing.T) {
	t.Parallel()
	w := shared
	c := w.client(t, w.newKey(t, map[string]any{"rate_per_minute": 3}))
	for left := 2; left >= 0; left-- {
		got := c.send("GET", "/v1/authentication/me", nil)
		if got.status != 200 || got.header.Get("RateLimit-Policy") != `"key";q=3;w=60` || !strings.HasPrefix(got.header.Get("RateLimit"), `"key";r=`+strconv.Itoa(left)+`;t=`) {
			t.Fatalf("with %d left: %s, %v", left, got, got.header)
		}
	}
	got := c.send("GET", "/v1/authentication/me", nil)
	after, err := strconv.Atoi(got.header.Get("Retry-After"))
	if got.status != 429 || got.json().text("type") != "rate-limited" || err != nil || after < 1 || after > 20 {
		t.Errorf("the fourth: %s, Retry-After %q, want 429 and up to 20 s", got, got.header.Get("Retry-After"))
	}
	if got := w.client(t, w.owner.key).send("GET", "/v1/authentication/me", nil); got.status != 200 || got.header.Get("RateLimit") != "" {
		t.Errorf("another key: %s, want 200 and no limit", got)
	}
}
