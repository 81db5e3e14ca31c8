package apitest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// cities is a program with slots, over the sample API's records.
const cities = `SELECT city, count(*) AS orders, sum(amount) AS total FROM orders
WHERE ($since IS NULL OR day >= $since) GROUP BY city ORDER BY total DESC LIMIT $limit`

var citySlots = []any{map[string]any{"name": "since", "type": "date"}, map[string]any{"name": "limit", "type": "integer", "default": 10, "min": 1, "max": 100}}

// A market is a project with a published program.
type market struct {
	*client
	world    *world
	project  string
	program  string
	slug     string
	endpoint node
}

// newMarket publishes a program in a project of its own, whose slug is that of name.
func newMarket(t *testing.T, name, code string, slots ...any) *market {
	t.Helper()
	c, project := shared.newProject(t, name)
	shared.land(t, c, project, "Orders", "/orders")
	s := &market{client: c, world: shared, project: project}
	s.program = s.add("Orders by city", code, slots...)
	if got := s.object("PATCH", "/v1/queryprograms/"+s.program+"/publish", map[string]any{}); got.get("published").value != true {
		t.Fatalf("published: %s", got)
	}
	api := s.api()
	s.slug, s.endpoint = api.text("slug"), api.get("endpoints").at(0)
	return s
}

func (s *market) add(name, code string, slots ...any) string {
	return s.object("POST", "/v1/queryprograms", map[string]any{"project_id": s.project, "name": name, "cue": name + "?", "code": code, "slots": orNone(slots)}).text("id")
}

// api returns the only API of the project.
func (s *market) api() node {
	s.t.Helper()
	list := s.object("GET", "/v1/apis/project/"+s.project, nil).list()
	if len(list) != 1 {
		s.t.Fatalf("the project has %d APIs", len(list))
	}
	return list[0]
}

// live calls the endpoint of a version.
func (s *market) live(version, rest string, header ...string) answer {
	return s.send("GET", "/live/"+s.slug+"/"+version+"/"+rest, nil, header...)
}

func (s *market) edit(change map[string]any) {
	s.t.Helper()
	s.object("PATCH", "/v1/queryprograms/"+s.program, change)
}

func (s *market) publish() {
	s.t.Helper()
	s.object("PATCH", "/v1/queryprograms/"+s.program+"/publish", map[string]any{})
}

func columnNames(n node) string {
	var names []string
	for _, c := range n.get("columns").list() {
		names = append(names, c.text("name"))
	}
	return strings.Join(names, " ")
}

func TestAPublishedProgramAnswersWhereItsAPISays(t *testing.T) {
	t.Parallel()
	s := newMarket(t, "Shop & Søn", cities, citySlots...)
	if s.slug != "shop-son" || s.endpoint.text("path") != "orders-by-city" || s.endpoint.text("name") != "orders_by_city" {
		t.Errorf("slug %s, endpoint %s", s.slug, s.endpoint)
	}
	api := s.api()
	if api.text("base_path") != s.slug || api.text("version") != "v1" || api.text("status") != "published" || api.text("name") != "Shop & Søn" {
		t.Errorf("the API is %s", api)
	}
	if got := columnNames(s.endpoint); got != "city orders total" || len(s.endpoint.get("example").list()) != 3 {
		t.Errorf("columns %s, example %s", got, s.endpoint.get("example"))
	}
	want := s.object("POST", "/v1/run/queryprogram?limit=2", map[string]any{"project_id": s.project, "queryprogram_id": s.program})
	for _, path := range []string{"/live/%s/v1/%s", "/v1/live/%s/v1/%s", "/live/%s/v1//%s", "/api/infactory/live/%s/v1/%s", "/live/%s/v1/%s/"} {
		got := s.object("GET", fmt.Sprintf(path, s.slug, s.endpoint.text("path"))+"?limit=2&params=%5Bobject+Object%5D", nil)
		for _, part := range []string{"rows", "columns", "data", "request", "dataset_versions"} {
			if got.get(part).String() != want.get(part).String() {
				t.Errorf("%s: %s is %s, and a run's %s", path, part, got.get(part), want.get(part))
			}
		}
		if got.get("items", "MAIN", "item", "rows").String() != want.get("rows").String() || got.get("next").kind() != "null" {
			t.Errorf("%s: %s", path, got)
		}
	}
	for _, path := range []string{"/v1/apis/" + s.slug, "/v1/apis/" + api.text("id"), "/v1/apis/queryprogram/" + s.program} {
		if got := s.object("GET", path, nil); got.String() != api.String() {
			t.Errorf("%s: %s", path, got)
		}
	}
	if got := s.object("GET", "/v1/apis/endpoints/api/"+api.text("id"), nil).at(0); got.String() != s.endpoint.String() {
		t.Errorf("the endpoint: %s", got)
	}
	if got := s.object("GET", "/v1/apis/project/"+s.project+"/published-programs", nil).list(); len(got) != 1 || got[0].text("id") != s.program {
		t.Errorf("published programs: %s", got)
	}
}

func TestPublishingAgainChangesNothing(t *testing.T) {
	t.Parallel()
	s := newMarket(t, "again", cities, citySlots...)
	before := s.api().String()
	for range 3 {
		s.publish()
	}
	if after := s.api().String(); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
}

func TestAnEditReachesCallersOnlyWhenItIsPublished(t *testing.T) {
	t.Parallel()
	s := newMarket(t, "edits", cities, citySlots...)
	before := s.live("v1", "orders-by-city").json()
	s.edit(map[string]any{"code": strings.Replace(cities, "AS total", "AS total, min(amount) AS least", 1), "name": "Another name"})
	if got := s.live("v1", "orders-by-city").json(); got.get("rows").String() != before.get("rows").String() {
		t.Errorf("after the edit: %s", got)
	}
	s.publish()
	api := s.api()
	if got := columnNames(s.live("v1", "orders-by-city").json()); got != "city orders total least" {
		t.Errorf("after publishing: %s", got)
	}
	if e := api.get("endpoints").at(0); api.text("version") != "v1" || e.text("id") != s.endpoint.text("id") || columnNames(e) != "city orders total least" {
		t.Errorf("a new column at the end is compatible: %s", api)
	}
}

// Whatever is published later, a version answers with its own columns to its own
// parameters.
func TestAnOldVersionKeepsItsColumnsAndParameters(t *testing.T) {
	t.Parallel()
	s := newMarket(t, "versions", cities, citySlots...)
	other := s.add("Count", "SELECT count(*) AS n FROM orders")
	s.object("PATCH", "/v1/queryprograms/"+other+"/publish", map[string]any{})
	changes := []struct {
		code, slots, columns, call string
	}{
		{"SELECT city, sum(amount) AS total FROM orders GROUP BY city ORDER BY total DESC LIMIT $limit", "limit", "city total", "?limit=1"},
		{"SELECT city, sum(amount) AS total FROM orders GROUP BY city ORDER BY total DESC LIMIT $most", "most", "city total", "?most=1"},
		{"SELECT city, count(*) AS total FROM orders GROUP BY city ORDER BY total DESC LIMIT $most", "most", "city total", "?most=1"},
	}
	want := []string{"city orders total"}
	calls := []string{"?limit=1&since=2025-01-01"}
	for i, c := range changes {
		s.edit(map[string]any{"code": c.code, "slots": []any{map[string]any{"name": c.slots, "type": "integer", "default": 10}}})
		s.publish()
		want, calls = append(want, c.columns), append(calls, c.call)
		if api := s.api(); api.text("version") != fmt.Sprintf("v%d", i+2) || len(api.get("endpoints").list()) != 2 || api.text("reason") == "" {
			t.Fatalf("after change %d: %s", i+1, api)
		}
	}
	for i, columns := range want {
		version := fmt.Sprintf("v%d", i+1)
		got := s.live(version, "orders-by-city"+calls[i])
		if got.status != 200 || columnNames(got.json()) != columns || len(got.json().get("rows").list()) != 1 {
			t.Errorf("%s: %s", version, got)
		}
		if n := s.live(version, "count"); n.status != 200 {
			t.Errorf("%s of the other program: %s", version, n)
		}
		deprecation, sunset, links := got.header.Get("Deprecation"), got.header.Get("Sunset"), strings.Join(got.header.Values("Link"), ", ")
		if i == len(changes) {
			if deprecation+sunset+links != "" {
				t.Errorf("the newest version is deprecated: %q %q %q", deprecation, sunset, links)
			}
			continue
		}
		var since int64
		if _, err := fmt.Sscanf(deprecation, "@%d", &since); err != nil || time.Since(time.Unix(since, 0)).Abs() > time.Hour {
			t.Errorf("%s: Deprecation: %s", version, deprecation)
		}
		if at, err := http.ParseTime(sunset); err != nil || at.Before(time.Now()) {
			t.Errorf("%s: Sunset: %s", version, sunset)
		}
		if links != "</live/"+s.slug+`/v4>; rel="successor-version"` {
			t.Errorf("%s: Link: %s", version, links)
		}
	}
	versions := s.object("GET", "/v1/apis/project/"+s.project+"/versions", nil).list()
	if got := s.object("DELETE", "/v1/apis/"+versions[3].text("id"), nil); got.text("status") != "removed" {
		t.Errorf("removed: %s", got)
	}
	if got := s.live("v1", "orders-by-city"); got.status != 410 || got.json().text("type") != "version-removed" || !strings.Contains(got.json().text("detail"), "v4") {
		t.Errorf("of a version that was removed: %s", got)
	}
	s.object("DELETE", "/v1/apis/"+s.slug, nil)
	if got := s.live("v4", "count"); got.status != 404 {
		t.Errorf("of an API that was removed: %s", got)
	}
	if got := s.object("GET", "/v1/queryprograms/"+other, nil); got.get("published").value != false {
		t.Errorf("the program of an API that was removed: %s", got)
	}
}

func TestWhatIsNotPublishedAnyMoreSaysSo(t *testing.T) {
	t.Parallel()
	s := newMarket(t, "gone", cities, citySlots...)
	program, project := "/v1/queryprograms/"+s.program, "/v1/projects/"+s.project
	for _, c := range []struct {
		rule, method, path string
		body               any
		status             int
		kind               string
	}{
		{"unpublished", "PATCH", program + "/unpublish", map[string]any{}, 410, "endpoint-unpublished"},
		{"unpublished twice", "PATCH", program + "/unpublish", nil, 410, "endpoint-unpublished"},
		{"published again", "PATCH", program + "/publish", map[string]any{"group_slots": true}, 200, ""},
		{"the program was deleted", "DELETE", program, nil, 410, "endpoint-unpublished"},
		{"the program was restored", "POST", program + "/versions/1/restore", map[string]any{}, 200, ""},
		{"the project was deleted", "DELETE", project, nil, 404, "api-unknown"},
		{"the project was restored", "PATCH", project, map[string]any{"deleted_at": nil}, 200, ""},
		{"the program was removed for good", "DELETE", program + "?permanent=true", nil, 404, "endpoint-unknown"},
	} {
		s.object(c.method, c.path, c.body)
		if got := s.live("v1", "orders-by-city"); got.status != c.status || got.json().text("type") != c.kind {
			t.Errorf("%s: %s", c.rule, got)
		}
	}
	if api := s.api(); len(api.get("endpoints").list()) != 0 || api.text("status") != "draft" {
		t.Errorf("an API without endpoints: %s", api)
	}
}

func TestAProgramThatDoesNotRunIsNotPublished(t *testing.T) {
	t.Parallel()
	s := newMarket(t, "broken", cities, citySlots...)
	for code, status := range map[string]int{"class AnswerQueryProgram(QueryProgram):\n    pass": 400, "SELECT nothing FROM orders": 400, "SELECT * FROM nowhere": 400} {
		id := s.add("Broken", code)
		got := s.send("PATCH", "/v1/queryprograms/"+id+"/publish", map[string]any{})
		if got.status != status || !strings.Contains(got.json().text("detail"), "cannot be published") {
			t.Errorf("%q: %s", code, got)
		}
		if p := s.object("GET", "/v1/queryprograms/"+id, nil); p.get("published").value != false {
			t.Errorf("%q is published", code)
		}
	}
	if n := len(s.api().get("endpoints").list()); n != 1 {
		t.Errorf("%d endpoints", n)
	}
}

func TestEndpointsCanBeNamedMovedAndRemoved(t *testing.T) {
	t.Parallel()
	s := newMarket(t, "moves", cities, citySlots...)
	api := s.api()
	count := s.add("Count", "SELECT count(*) AS n FROM orders")
	made := s.object("POST", "/v1/apis/endpoints", map[string]any{"body": map[string]any{"api_id": api.text("id"), "endpoint_name": "how_many", "http_method": "GET",
		"path": "/how-many", "queryprogram_id": count, "description": "How many?", "tags": `["numbers"]`, "parameters": "[]"}})
	if made.text("path") != "how-many" || made.text("name") != "how_many" || made.get("tags").String() != `["numbers"]` {
		t.Errorf("made: %s", made)
	}
	path := "/v1/apis/endpoints/" + made.text("id")
	for rule, c := range map[string]struct {
		change  map[string]any
		status  int
		pointer string
	}{
		"a path that is taken":      {map[string]any{"path": "orders-by-city"}, 409, ""},
		"a name that is taken":      {map[string]any{"endpoint_name": "orders_by_city"}, 409, ""},
		"a path of several parts":   {map[string]any{"path": "a/b"}, 400, "/path"},
		"the path of a document":    {map[string]any{"path": "openapi.json"}, 400, "/path"},
		"a name that is no name":    {map[string]any{"endpoint_name": "How many"}, 400, "/endpoint_name"},
		"a method that changes":     {map[string]any{"http_method": "DELETE"}, 400, "/http_method"},
		"tags that are not a list":  {map[string]any{"tags": map[string]any{}}, 400, "/tags"},
		"an end that is not a time": {map[string]any{"sunset": "soon"}, 400, "/sunset"},
	} {
		got := s.send("PATCH", path, c.change)
		if got.status != c.status || c.pointer != "" && got.json().get("errors").at(0).text("pointer") != c.pointer {
			t.Errorf("%s: %s", rule, got)
		}
	}
	s.object("PATCH", path, map[string]any{"path": "total", "sunset": "2030-01-02T03:04:05Z"})
	got := s.live("v1", "total")
	if got.status != 200 || got.header.Get("Sunset") != "Wed, 02 Jan 2030 03:04:05 GMT" || got.header.Get("Deprecation") == "" || got.header.Get("Link") != "" {
		t.Errorf("a deprecated endpoint: %s %s", got, got.header)
	}
	s.object("PATCH", path, map[string]any{"status": "live"})
	if got := s.live("v1", "total"); got.header.Get("Deprecation") != "" || got.header.Get("Sunset") != "" {
		t.Errorf("an endpoint that is deprecated no more: %s", got.header)
	}
	s.object("DELETE", path, nil)
	if got := s.live("v1", "total"); got.status != 404 {
		t.Errorf("removed: %s", got)
	}
	if got := s.object("GET", "/v1/queryprograms/"+count, nil); got.get("published").value != false {
		t.Errorf("the program of a removed endpoint: %s", got)
	}
	changed := s.object("PATCH", "/v1/apis/"+s.slug, map[string]any{"slug": "moves-elsewhere", "description": "d", "tags": []any{"a"}})
	if changed.text("url") != "/live/moves-elsewhere/v1" || changed.text("description") != "d" || changed.get("tags").String() != `["a"]` {
		t.Errorf("changed: %s", changed)
	}
	if got := s.send("GET", "/live/moves-elsewhere/v1/orders-by-city", nil); got.status != 200 {
		t.Errorf("under the new slug: %s", got)
	}
}

func TestAProjectHasOneAPI(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "one API")
	made := c.object("POST", "/v1/apis", map[string]any{"body": map[string]any{"project_id": project, "slug": "one-api-here", "version": "v1", "name": "One", "servers": []any{}, "tags": "[]"}})
	if made.text("slug") != "one-api-here" || made.text("status") != "draft" || made.text("name") != "One" {
		t.Errorf("made: %s", made)
	}
	if got := c.send("POST", "/v1/apis", map[string]any{"project_id": project, "slug": "another"}); got.status != 409 || got.json().text("type") != "api-exists" {
		t.Errorf("a second one: %s", got)
	}
	_, other := shared.newProject(t, "another API")
	if got := c.send("POST", "/v1/apis", map[string]any{"project_id": other, "slug": "one-api-here"}); got.status != 409 {
		t.Errorf("a slug that is taken: %s", got)
	}
	for _, slug := range []string{"project", "A b", "-x", random} {
		if got := c.send("POST", "/v1/apis", map[string]any{"project_id": other, "slug": slug}); got.status != 400 {
			t.Errorf("slug %s: %s", slug, got)
		}
	}
	_, twin := shared.newProject(t, "one API here")
	if got := c.object("POST", "/v1/apis", map[string]any{"project_id": twin}).text("slug"); got != "one-api-here-2" {
		t.Errorf("the slug of a project of the same name: %s", got)
	}
}
