package apitest_test

import (
	"slices"
	"strings"
	"testing"
)

// An access says who may use an operation.
type access string

const (
	open   access = "open"   // everybody
	look   access = "look"   // who is in the team
	change access = "change" // who is in the team, and no viewer
	list   access = "list"   // everybody with a key; each sees only their own
	own    access = "own"    // the user whose thing it is, viewer or not
	login  access = "login"  // who proves who they are in the request itself
	act    access = "act"    // everybody with a key who may change something somewhere
)

// A use is an operation with the owner's things filled in.
type use struct {
	operation string // as the document names it
	access    access
	target    string // path and query; empty: the operation's path with {id} of thing
	thing     string // what {id} is
	body      string
	org       bool // what belongs to the organisation, so a colleague sees it too
}

const random = "01890000-0000-7000-8000-00000000beef"

// uses is what every operation is expected to do. A new operation needs a line.
var uses = slices.Concat(ownUses, clientUses)

var ownUses = []use{
	{operation: "GET /healthz", access: open},
	{operation: "GET /readyz", access: open},
	{operation: "GET /v1/authentication/me", access: list},
	{operation: "GET /v1/authentication/api-keys", access: list},
	{operation: "POST /v1/authentication/api-key", access: list, body: `{"name":"mine"}`},
	{operation: "PATCH /v1/authentication/api-key/{id}", access: own, thing: "key", body: `{"name":"renamed"}`},
	{operation: "PATCH /v1/authentication/api-key/{id}/disable", access: own, thing: "key", body: `{}`},
	{operation: "PATCH /v1/authentication/api-key/{id}/enable", access: own, thing: "key", body: `{}`},
	{operation: "DELETE /v1/authentication/api-key/{id}", access: own, thing: "key"},
	{operation: "GET /v1/orgs", access: list, org: true},
	{operation: "GET /v1/orgs/{id}", access: look, thing: "org", org: true},
	{operation: "GET /v1/teams", access: list},
	{operation: "GET /v1/teams", access: list, target: "/v1/teams?organization_id={org}", org: true},
	{operation: "GET /v1/teams/{id}", access: look, thing: "team"},

	{operation: "GET /v1/projects", access: list},
	{operation: "GET /v1/projects", access: list, target: "/v1/projects?team_id={team}&include_deleted=true"},
	{operation: "POST /v1/projects", access: change, body: `{"name":"n","team_id":"{team}"}`},
	{operation: "GET /v1/projects/{id}", access: look, thing: "project"},
	{operation: "PATCH /v1/projects/{id}", access: change, thing: "project", body: `{"name":"n"}`},
	{operation: "PATCH /v1/projects/{id}", access: change, target: "/v1/projects/{mine}", body: `{"team_id":"{team}"}`},
	{operation: "DELETE /v1/projects/{id}", access: change, thing: "project"},
	{operation: "DELETE /v1/projects/{id}", access: change, target: "/v1/projects/{project}?permanent=true"},
	{operation: "GET /v1/projects/{id}/credentials", access: look, thing: "project"},
	{operation: "GET /v1/projects/{id}/lineage", access: look, thing: "project"},

	{operation: "GET /projects/{id}/export", access: look, thing: "project"},
	{operation: "GET /v1/projects/{id}/export", access: look, thing: "project"},
	{operation: "POST /projects/import", access: change, target: "/projects/import?team_id={team}", body: `{"infactory_export_version":"1.1","project":{"name":"x"}}`},
	{operation: "POST /v1/projects/import", access: change, target: "/v1/projects/import?team_id={team}", body: `{"infactory_export_version":"1.1","project":{"name":"x"}}`},
	{operation: "POST /projects/validate-import", access: act, body: `{"infactory_export_version":"1.1","project":{"name":"x"}}`},
	{operation: "POST /v1/projects/validate-import", access: act, body: `{"infactory_export_version":"1.1","project":{"name":"x"}}`},
	{operation: "POST /v1/datasources", access: change, body: `{"name":"n","project_id":"{project}"}`},
	{operation: "POST /v1/datasources", access: change, body: `{"name":"n","project_id":"{mine}","credentials_id":"{credential}"}`},
	{operation: "GET /v1/datasources/project/{id}", access: look, thing: "project"},
	{operation: "GET /v1/datasources/{id}", access: look, thing: "datasource"},
	{operation: "GET /v1/datasources/{id}/with_datalines", access: look, thing: "datasource"},
	{operation: "PATCH /v1/datasources/{id}", access: change, thing: "datasource", body: `{"name":"n"}`},
	{operation: "DELETE /v1/datasources/{id}", access: change, thing: "datasource"},
	{operation: "DELETE /v1/datasources/{id}", access: change, target: "/v1/datasources/{datasource}?permanent=true"},
	{operation: "GET /v1/datasources/{id}/lineage", access: look, thing: "datasource"},
	{operation: "POST /v1/datasources/{id}/runs", access: change, thing: "datasource", body: `{}`},
	{operation: "GET /v1/datasources/{id}/runs", access: look, thing: "datasource"},
	{operation: "GET /v1/datasources/{id}/runs/{run_id}", access: look, target: "/v1/datasources/{datasource}/runs/{job}"},
	{operation: "POST /v1/datasources/{id}/runs/{run_id}/cancel", access: change, target: "/v1/datasources/{datasource}/runs/{job}/cancel"},
	{operation: "GET /v1/datasources/{id}/cursor", access: look, thing: "datasource"},
	{operation: "DELETE /v1/datasources/{id}/cursor", access: change, thing: "datasource"},

	{operation: "PUT /v1/datasources/{id}/schedule", access: change, thing: "datasource", body: `{"every":"1h"}`},
	{operation: "GET /v1/datasources/{id}/schedule", access: look, thing: "datasource"},
	{operation: "DELETE /v1/datasources/{id}/schedule", access: change, thing: "datasource"},
	{operation: "POST /v1/datasources/{id}/schedule/pause", access: change, thing: "datasource"},
	{operation: "POST /v1/datasources/{id}/schedule/resume", access: change, thing: "datasource"},
	{operation: "GET /v1/projects/{id}/schedules", access: look, thing: "project"},

	{operation: "GET /v1/credentials", access: list, org: true},
	{operation: "GET /v1/credentials", access: list, target: "/v1/credentials?datasource_id={datasource}&team_id={team}&organization_id={org}"},
	{operation: "POST /v1/credentials", access: change, body: `{"name":"n","type":"api","team_id":"{team}"}`},
	{operation: "POST /v1/credentials", access: change, body: `{"name":"n","type":"api","datasource_id":"{datasource}"}`},
	{operation: "POST /v1/credentials", access: change, body: `{"name":"n","type":"api","organization_id":"{org}"}`, org: true},
	{operation: "GET /v1/credentials/{id}", access: look, thing: "credential"},
	{operation: "PATCH /v1/credentials/{id}", access: change, thing: "credential", body: `{"name":"n"}`},
	{operation: "DELETE /v1/credentials/{id}", access: change, thing: "credential"},

	{operation: "GET /v1/secrets", access: list},
	{operation: "GET /v1/secrets", access: list, target: "/v1/secrets?type=api_key"},
	{operation: "GET /v1/projects/{id}/secrets", access: look, thing: "project"},
	{operation: "GET /v1/secrets/{team_id}", access: look, target: "/v1/secrets/{team}"},
	{operation: "POST /v1/secrets/{team_id}", access: change, target: "/v1/secrets/{team}", body: `{"name":"n","value":"v"}`},
	{operation: "GET /v1/secrets/{team_id}/{key}", access: look, target: "/v1/secrets/{team}/{secret}"},
	{operation: "GET /v1/secrets/{team_id}/{key}", access: look, target: "/v1/secrets/{team}/SHOP_TOKEN"},
	{operation: "PATCH /v1/secrets/{team_id}/{key}", access: change, target: "/v1/secrets/{team}/{secret}", body: `{"value":"v"}`},
	{operation: "PATCH /v1/secrets/{team_id}/{key}", access: change, target: "/v1/secrets/{team}/SHOP_TOKEN", body: `{"value":"v"}`},
	{operation: "DELETE /v1/secrets/{team_id}/{key}", access: change, target: "/v1/secrets/{team}/{secret}"},

	{operation: "POST /v1/http/test-connection", access: act, body: `{"url":"{upstream}/broken","method":"GET"}`},
	{operation: "POST /v1/http/test-connection", access: change, body: `{"url":"{upstream}/broken","method":"GET","project_id":"{project}"}`},
	{operation: "POST /v1/http/from-curl", access: act, body: `{"command":"curl https://api.example.com/orders"}`},
	{operation: "POST /v1/http/from-openapi", access: act, body: `{"document":{"openapi":"3.1.0","info":{},"paths":{"/orders":{"get":{}}}}}`},
	{operation: "POST /v1/http/execute-request", access: change, body: `{"url":"{upstream}/orders","method":"GET","project_id":"{project}","datasource_id":"{datasource}"}`},
	{operation: "POST /v1/http/execute-request", access: change, body: `{"url":"{upstream}/orders","method":"GET","project_id":"{mine}","datasource_id":"{datasource}"}`},

	{operation: "GET /v1/jobs", access: list},
	{operation: "GET /v1/jobs", access: list, target: "/v1/jobs?source_id={datasource}"},
	{operation: "GET /v1/jobs", access: look, target: "/v1/jobs?project_id={project}"},
	{operation: "GET /v1/jobs/status", access: list},
	{operation: "GET /v1/jobs/status", access: look, target: "/v1/jobs/status?job_id={job}"},
	{operation: "GET /v1/jobs/status", access: look, target: "/v1/jobs/status?project_id={project}"},
	{operation: "GET /v1/jobs/status", access: list, target: "/v1/jobs/status?user_id={user}"},
	{operation: "GET /v1/jobs/by-source", access: list},
	{operation: "GET /v1/jobs/by-source", access: list, target: "/v1/jobs/by-source?source=datasource&source_id={datasource}"},
	{operation: "GET /v1/jobs/history/{id}", access: look, thing: "job"},
	{operation: "GET /v1/jobs/{id}", access: look, thing: "job"},
	{operation: "GET /v1/jobs/workers/active", access: list},
	{operation: "POST /v1/jobs/submit", access: change, body: `{"project_id":"{project}","job_type":"upload","payload":{}}`},
	{operation: "POST /v1/jobs/submit", access: change, body: `{"project_id":"{mine}","job_type":"upload","source":"datasource","source_id":"{datasource}"}`},
	{operation: "POST /v1/jobs", access: change, body: `{"project_id":"{project}","job_type":"upload","payload":{}}`},
	{operation: "POST /v1/actions/load/{project_id}", access: change, target: "/v1/actions/load/{project}", body: `[{"a":1}]`},
	{operation: "POST /v1/actions/load/{project_id}", access: change, target: "/v1/actions/load/{mine}?datasource_id={datasource}", body: `[{"a":1}]`},
	{operation: "POST /v1/actions/load/{project_id}", access: change, target: "/v1/actions/load/{project}?source_url={upstream}/orders", body: `{}`},
	{operation: "POST /v1/uploads/{id}", access: change, target: "/v1/uploads/{project}", body: `{"name":"a.csv"}`},
	{operation: "POST /v1/uploads/{id}", access: change, target: "/v1/uploads/{mine}", body: `{"name":"a.csv","datasource_id":"{datasource}"}`},
	{operation: "GET /v1/uploads/{id}", access: change, thing: "upload"},
	{operation: "PATCH /v1/uploads/{id}", access: change, thing: "upload", body: `[{"a":1}]`},
	{operation: "DELETE /v1/uploads/{id}", access: change, thing: "upload"},
	{operation: "GET /v1/jobs/subscribe/{id}", access: look, thing: "job"},
	{operation: "POST /v1/jobs/subscribe/{id}", access: look, thing: "job"},
	{operation: "POST /v1/jobs/{id}/cancel", access: change, thing: "job"},

	{operation: "GET /v1/dataobjects/{id}", access: look, thing: "object"},
	{operation: "GET /v1/dataobjects/{id}/content", access: look, thing: "object"},
	{operation: "GET /v1/dataobjects/{id}/lineage", access: look, thing: "object"},
	{operation: "GET /v1/datalines", access: list},
	{operation: "GET /v1/datalines", access: look, target: "/v1/datalines?datasource_id={datasource}"},
	{operation: "GET /v1/datalines/project/{id}", access: look, thing: "project"},
	{operation: "GET /v1/datalines/{id}", access: look, thing: "dataline"},
	{operation: "GET /v1/datalines/{id}/profile", access: look, thing: "dataline"},
	{operation: "GET /v1/datalines/{id}/rows", access: look, thing: "dataline"},
	{operation: "POST /v1/datalines/{id}/retype", access: change, thing: "dataline", body: `{"columns":{}}`},
	{operation: "GET /v1/datalines/{id}/programs/changes", access: look, thing: "dataline"},
	{operation: "GET /v1/datalines/{id}/links", access: look, thing: "dataline"},
	{operation: "GET /v1/queryprograms/{id}/sql", access: look, thing: "program"},
	{operation: "POST /v1/build/cues", access: change, body: `{"project_id":"{project}","count":1}`},
	{operation: "POST /v1/build/query_program", access: change, body: `{"project_id":"{project}","question":"How many orders are there per city?"}`},
	{operation: "POST /v1/actions/generate/questions", access: look, body: `{"project_id":"{project}","count":2}`},
	{operation: "PATCH /v1/datalines/{id}/columns", access: change, thing: "dataline", body: `{"columns":{"note":{"label":"remark"}},"regenerate":false}`},
	{operation: "GET /v1/datalines/{id}/versions", access: look, thing: "dataline"},
	{operation: "GET /v1/datalines/{id}/rows", access: look, target: "/v1/datalines/{dataline}/rows?version=1"},
	{operation: "GET /v1/datalines/{id}/profile", access: look, target: "/v1/datalines/{dataline}/profile?version=1"},
	{operation: "GET /v1/datalines/{id}/export", access: look, thing: "dataline"},
	{operation: "GET /v1/datalines/{id}/versions/{version}", access: look, target: "/v1/datalines/{dataline}/versions/1"},
	{operation: "GET /v1/datalines/{id}/versions/{version}/diff", access: look, target: "/v1/datalines/{dataline}/versions/1/diff?from=1"},
	{operation: "POST /v1/datalines/{id}/versions/{version}/restore", access: change, target: "/v1/datalines/{dataline}/versions/1/restore"},
	{operation: "POST /v1/datalines/{id}/versions/{version}/pin", access: change, target: "/v1/datalines/{dataline}/versions/1/pin"},
	{operation: "DELETE /v1/datalines/{id}/versions/{version}/pin", access: change, target: "/v1/datalines/{dataline}/versions/1/pin"},
	{operation: "GET /v1/datalines/{id}/settings", access: look, thing: "dataline"},
	{operation: "PATCH /v1/datalines/{id}/settings", access: change, thing: "dataline", body: `{"keep_versions":5}`},

	{operation: "GET /v1/queryprograms", access: list},
	{operation: "GET /v1/queryprograms", access: look, target: "/v1/queryprograms?project_id={project}"},
	{operation: "POST /v1/queryprograms", access: change, body: `{"project_id":"{project}","cue":"q","code":"SELECT 1"}`},
	{operation: "POST /v1/queryprograms", access: change, body: `{"project_id":"{mine}","dataline_id":"{dataline}","cue":"q","code":"SELECT 1"}`},
	{operation: "POST /v1/queryprograms/validate", access: look, body: `{"project_id":"{project}","code":"SELECT 1"}`},
	{operation: "GET /v1/queryprograms/dataline/{id}", access: look, thing: "dataline"},
	{operation: "GET /v1/queryprograms/{id}", access: look, thing: "program"},
	{operation: "PATCH /v1/queryprograms/{id}", access: change, thing: "program", body: `{"name":"n"}`},
	{operation: "DELETE /v1/queryprograms/{id}", access: change, thing: "program"},
	{operation: "GET /v1/queryprograms/{id}/history", access: look, thing: "program"},
	{operation: "GET /v1/queryprograms/{id}/versions", access: look, thing: "program"},
	{operation: "GET /v1/queryprograms/{id}/versions/{version}", access: look, target: "/v1/queryprograms/{program}/versions/1"},
	{operation: "GET /v1/queryprograms/{id}/versions/{version}/diff", access: look, target: "/v1/queryprograms/{program}/versions/1/diff?from=1"},
	{operation: "POST /v1/queryprograms/{id}/versions/{version}/restore", access: change, target: "/v1/queryprograms/{program}/versions/1/restore"},
	{operation: "POST /v1/queryprograms/{id}/explain", access: look, thing: "program", body: `{}`},
	{operation: "POST /v1/queryprograms/explain", access: look, body: `{"project_id":"{project}","code":"SELECT 1 AS a"}`},
	{operation: "GET /v1/queryprograms/{id}/graph", access: look, thing: "program"},
	{operation: "POST /v1/actions/evaluate/queryprogram/graph", access: look, body: `{"project_id":"{project}","queryprogram_id":"{program}"}`},
	{operation: "POST /v1/actions/evaluate/queryprogram/graph", access: look, body: `{"queryprogram_id":"{program}"}`},
	{operation: "GET /v1/coverage/{id}", access: look, thing: "project"},
	{operation: "GET /v1/queryprograms/coverage/{id}", access: look, thing: "project"},
	{operation: "POST /v1/run/queryprogram", access: look, body: `{"project_id":"{project}","queryprogram_id":"{program}"}`},
	{operation: "GET /v1/run/queryprogram", access: look, target: "/v1/run/queryprogram?project_id={project}&queryprogram_id={program}"},
	{operation: "POST /v1/run/queryprogram", access: look, body: `{"project_id":"{mine}","queryprogram_id":"{program}"}`},
	{operation: "POST /v1/actions/evaluate/queryprogram", access: look, body: `{"project_id":"{project}","queryprogram_id":"{program}"}`},

	{operation: "PATCH /v1/queryprograms/{id}/publish", access: change, thing: "published", body: `{}`},
	{operation: "PATCH /v1/queryprograms/{id}/unpublish", access: change, thing: "published", body: `{}`},
	{operation: "GET /v1/apis/project/{id}", access: look, thing: "project"},
	{operation: "GET /v1/apis/project/{id}/versions", access: look, thing: "project"},
	{operation: "GET /v1/apis/project/{id}/published-programs", access: look, thing: "project"},
	{operation: "GET /v1/apis/queryprogram/{id}", access: look, thing: "published"},
	{operation: "GET /v1/apis/{id}", access: look, thing: "api"},
	{operation: "GET /v1/apis/{id}", access: look, target: "/v1/apis/{slug}"},
	{operation: "POST /v1/apis", access: change, body: `{"project_id":"{project}"}`},
	{operation: "PATCH /v1/apis/{id}", access: change, thing: "api", body: `{"name":"n"}`},
	{operation: "DELETE /v1/apis/{id}", access: change, thing: "api"},
	{operation: "GET /v1/apis/{id}/usage", access: look, thing: "api"},
	{operation: "GET /v1/apis/endpoints/api/{id}", access: look, thing: "api"},
	{operation: "GET /v1/apis/endpoints/{id}", access: look, thing: "endpoint"},
	{operation: "POST /v1/apis/endpoints", access: change, body: `{"api_id":"{api}","queryprogram_id":"{published}"}`},
	{operation: "PATCH /v1/apis/endpoints/{id}", access: change, thing: "endpoint", body: `{"description":"d"}`},
	{operation: "DELETE /v1/apis/endpoints/{id}", access: change, thing: "endpoint"},
	{operation: "GET /live/{slug}/{version}/{path}", access: look, target: "/live/{slug}/v1/{path}"},
	{operation: "POST /live/{slug}/{version}/{path}", access: look, target: "/live/{slug}/v1/{path}", body: `{}`},
	{operation: "GET /live/{slug}/{version}", access: look, target: "/live/{slug}/v1"},
	{operation: "GET /live/{slug}/{version}/openapi.json", access: look, target: "/live/{slug}/v1/openapi.json"},
	{operation: "GET /live/{slug}/{version}/tools.json", access: look, target: "/live/{slug}/v1/tools.json"},
}

func (u use) method() string { return strings.Fields(u.operation)[0] }

// fill returns the target and the body with ids in place; mine is a project of
// the caller's own.
func (u use) fill(w *world, ids map[string]string, mine string) (target, body string) {
	if target = u.target; target == "" {
		target = strings.ReplaceAll(strings.Fields(u.operation)[1], "{id}", "{"+u.thing+"}")
	}
	pairs := []string{"{mine}", mine, "{upstream}", w.upstream}
	for name, id := range ids {
		pairs = append(pairs, "{"+name+"}", id)
	}
	fill := strings.NewReplacer(pairs...)
	return fill.Replace(target), fill.Replace(u.body)
}

func (u use) send(w *world, key string, ids map[string]string, mine string) answer {
	target, body := u.fill(w, ids, mine)
	c := &client{url: w.url, key: key}
	if body == "" {
		return c.send(u.method(), target, nil)
	}
	return c.send(u.method(), target, body)
}

func TestEveryOperationHasAnExpectation(t *testing.T) {
	t.Parallel()
	expected := map[string]bool{}
	for _, u := range uses {
		expected[u.operation] = true
	}
	documented := map[string]bool{}
	paths, _ := documentOnce().get("paths").value.(map[string]any)
	for path, methods := range paths {
		for method := range methods.(map[string]any) {
			name := strings.ToUpper(method) + " " + path
			if documented[name] = true; !expected[name] {
				t.Errorf("%s: nobody says who may use it; add a line to uses", name)
			}
		}
	}
	for name := range expected {
		if !documented[name] {
			t.Errorf("%s is not there any more", name)
		}
	}
}

func TestWithoutAGoodKeyNothingIsSaid(t *testing.T) {
	t.Parallel()
	w := shared
	keys := map[string]string{"no key": "", "malformed": "mw_short", "wrong checksum": "mw_" + strings.Repeat("a", 38), "unknown": strings.Repeat("b", 40),
		"disabled": w.disabled, "revoked": w.revoked}
	for _, u := range uses {
		for rule, key := range keys {
			got := u.send(w, key, w.ids, w.ids["project"])
			if u.access == open {
				if got.status != 200 {
					t.Errorf("%s with %s: %s", u.operation, rule, got)
				}
				continue
			}
			if got.status != 401 || got.json().text("title") != "anonymous" || got.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s with %s: %s, want 401", u.operation, rule, got)
			}
		}
	}
}

func TestWhatIsForeignLooksLikeWhatDoesNotExist(t *testing.T) {
	t.Parallel()
	w := shared
	nothing := map[string]string{}
	for name := range w.ids {
		nothing[name] = random
	}
	for name, p := range map[string]person{"colleague": w.colleague, "stranger": w.stranger} {
		mine := w.client(t, p.key).object("POST", "/v1/projects", map[string]any{"name": "mine"}).text("id")
		for _, u := range uses {
			if u.access == open || u.access == act || u.org && name == "colleague" {
				continue
			}
			foreign, missing := u.send(w, p.key, w.ids, mine), u.send(w, p.key, nothing, mine)
			target, body := u.fill(w, w.ids, mine)
			if hasIDs := strings.Contains(target+body, "-7") && u.access != list; hasIDs && foreign.status != 404 {
				t.Errorf("%s: %s %s %s: %s, want 404", name, u.method(), target, body, foreign)
			}
			if u.access == list && foreign.status != 200 {
				t.Errorf("%s: %s %s: %s, want 200", name, u.method(), target, foreign)
			}
			if u.method() == "POST" && u.access == list {
				continue // it makes a new thing each time
			}
			if u.target+u.thing+u.body != "" && foreign.stable() != missing.stable() {
				t.Errorf("%s: %s %s %s tells that it exists:\n%s\n%s", name, u.method(), target, body, foreign, missing)
			}
			for what, id := range w.ids {
				if what != "org" && foreign.status == 200 && strings.Contains(string(foreign.body), id) {
					t.Errorf("%s: %s %s shows the owner's %s: %s", name, u.method(), target, what, foreign)
				}
			}
		}
	}
}

func TestAViewerLooksAndChangesNothing(t *testing.T) {
	t.Parallel()
	w := shared
	before := w.inventory(t)
	for _, u := range uses {
		want := map[access]int{open: 200, look: 200, list: 200, change: 403, act: 403, own: 404, login: 401}[u.access]
		got := u.send(w, w.viewer.key, w.ids, w.ids["project"])
		if got.status != want {
			target, body := u.fill(w, w.ids, w.ids["project"])
			t.Errorf("%s %s %s: %s, want %d", u.method(), target, body, got, want)
		}
		if got.status == 403 && got.json().text("title") != "denied" {
			t.Errorf("%s: not a problem document: %s", u.operation, got)
		}
	}
	if after := w.inventory(t); !slices.Equal(after, before) {
		t.Errorf("the viewer changed something:\n%s\n%s", before, after)
	}
}

// inventory lists the owner's things as they are.
func (w *world) inventory(t *testing.T) []string {
	c := w.client(t, w.owner.key)
	var all []string
	for _, path := range []string{"/v1/projects/" + w.ids["project"], "/v1/datasources/" + w.ids["datasource"], "/v1/credentials/" + w.ids["credential"], "/v1/secrets/" + w.ids["team"] + "/SHOP_TOKEN",
		"/v1/queryprograms/" + w.ids["program"], "/v1/jobs/" + w.ids["job"], "/v1/datalines/" + w.ids["dataline"],
		"/v1/datasources/" + w.ids["datasource"] + "/schedule"} {
		all = append(all, c.object("GET", path, nil).String())
	}
	return all
}

func TestTheOwnerMayLookAtEverything(t *testing.T) {
	t.Parallel()
	w := shared
	for _, u := range uses {
		if u.access != open && u.access != look && (u.access != list || u.method() != "GET") {
			continue
		}
		for _, prefix := range []string{"", "/api/infactory"} {
			target, body := u.fill(w, w.ids, w.ids["project"])
			c := &client{url: w.url + prefix, key: w.owner.key}
			got := c.send(u.method(), target, nil)
			if body != "" {
				got = c.send(u.method(), target, body)
			}
			if got.status != 200 {
				t.Errorf("%s %s%s: %s", u.method(), prefix, target, got)
			}
		}
	}
}

func TestEveryOperationIsServedUnderBothPrefixes(t *testing.T) {
	t.Parallel()
	w := shared
	c := &client{url: w.url}
	for _, u := range uses {
		target, body := u.fill(w, w.ids, w.ids["project"])
		want := c.send(u.method(), target, body)
		for _, spelled := range []string{"/api/infactory" + target, "//api//infactory/" + target} {
			if got := c.send(u.method(), spelled, body); got.stable() != want.stable() || got.status != want.status {
				t.Errorf("%s %s: %s, want %s", u.method(), spelled, got, want)
			}
		}
	}
}

func TestRolesAreCheckedWhereThingsGo(t *testing.T) {
	t.Parallel()
	w := shared
	guest := w.client(t, w.guest.key)
	mine := guest.object("POST", "/v1/projects", map[string]any{"name": "the guest's", "team_id": w.colleague.teamID}).text("id")
	for _, u := range []struct{ rule, method, path, body string }{
		{"a project for a team that one may only look at", "POST", "/v1/projects", `{"name":"n","team_id":"{team}"}`},
		{"the own project moved there", "PATCH", "/v1/projects/" + mine, `{"team_id":"{team}"}`},
		{"credentials there", "POST", "/v1/credentials", `{"name":"n","type":"api","team_id":"{team}"}`},
		{"credentials for a datasource there", "POST", "/v1/credentials", `{"name":"n","type":"api","datasource_id":"{datasource}"}`},
		{"its credentials changed", "PATCH", "/v1/credentials/{credential}", `{"name":"n"}`},
		{"its credentials deleted", "DELETE", "/v1/credentials/{credential}", ""},
	} {
		target := use{operation: u.method, target: u.path, body: u.body}
		if got := target.send(w, w.guest.key, w.ids, mine); got.status != 403 {
			t.Errorf("%s: %s, want 403", u.rule, got)
		}
	}
}
