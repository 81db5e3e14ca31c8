package apitest_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

// want is a check of one answer: the names of fields and their JSON types; "+"
// after a type allows null too.
func want(t *testing.T, rule string, n node, fields ...string) {
	t.Helper()
	for _, f := range fields {
		name, kinds, _ := strings.Cut(f, " ")
		place := n.get(strings.Split(name, ".")...)
		parent := n.get(strings.Split(name, ".")[:strings.Count(name, ".")]...)
		if !parent.has(name[strings.LastIndex(name, ".")+1:]) {
			t.Errorf("%s: %s is missing in %.300s", rule, name, n)
			continue
		}
		nullable := strings.HasSuffix(kinds, "+")
		if got := place.kind(); got != strings.TrimSuffix(kinds, "+") && (!nullable || got != "null") {
			t.Errorf("%s: %s is %s, want %s", rule, name, got, kinds)
		}
	}
}

func TestPythonReadsItself(t *testing.T) {
	t.Parallel()
	me := shared.client(t, shared.owner.key).object("GET", "/v1/authentication/me", nil)
	want(t, "connect()", me, "id string", "email string", "name string", "created_at string", "organization_id string", "role string", "metadata object+", "deleted_at string+")
	want(t, "TypeScript and MCP: the default team", me.get("user_teams").at(0), "user_id string", "team_id string", "created_at string", "deleted_at string+")
	want(t, "organization", me, "organization.id string", "organization.name string")
	if got := me.get("user_teams").at(0).text("team_id"); got != shared.ids["team"] {
		t.Errorf("the first team is %s", got)
	}
}

func TestPythonCLIListsWhatItNeedsForItsTables(t *testing.T) {
	t.Parallel()
	w := shared
	c := w.client(t, w.owner.key)
	want(t, "orgs list", c.object("GET", "/v1/orgs", nil).at(0), "id string", "name string", "description string+", "created_at string")
	want(t, "teams list", c.object("GET", "/v1/teams?organization_id="+w.ids["org"], nil).at(0), "id string", "name string", "organization_id string")
	want(t, "projects list: team_id is never null", c.object("GET", "/v1/projects?team_id="+w.ids["team"], nil).at(0), "id string", "name string", "team_id string", "description string+")
	want(t, "datasources list", c.object("GET", "/v1/datasources/project/"+w.ids["project"], nil).at(0), "id string", "name string", "type string+", "uri string+", "project_id string", "status string", "phase string")
	want(t, "datalines list", c.object("GET", "/v1/datalines/project/"+w.ids["project"], nil).at(0), "id string", "name string", "project_id string", "schema_code string", "data_model string")
	model := answer{body: []byte(c.object("GET", "/v1/datalines/"+w.ids["dataline"], nil).text("data_model"))}.json()
	want(t, "datalines get --model: JSON in text", model, "columnT.columns array", "schemaT.name string", "schemaT.schemas array")
	want(t, "query list", c.object("GET", "/v1/queryprograms?project_id="+w.ids["project"]+"&skip=0&take=100&deleted_at=false", nil).at(0),
		"id string", "name string+", "query string", "published boolean", "public boolean", "steps string+", "slots string+", "stores string+", "ontologyId string+", "prev_id string+")
	if got := c.send("GET", "/v1/datalines/"+random, nil); got.status != 404 {
		t.Errorf("datalines get of nothing: %s, want 404", got)
	}
}

// TestPythonWaitsForJobs is the loop of the Python flow.
func TestPythonWaitsForJobs(t *testing.T) {
	t.Parallel()
	w := shared
	c := w.client(t, w.owner.key)
	sources := c.object("GET", "/v1/jobs/by-source?source=datasource&source_id="+w.ids["datasource"]+"&nf_api_key="+w.owner.key, nil)
	if len(sources.list()) < 3 {
		t.Fatalf("by-source: %s", sources)
	}
	for _, record := range sources.list() {
		want(t, "by-source nests the job", record, "id string", "job_id string", "source string", "source_id string", "event_type string", "metadata object", "timestamp string",
			"jobs.id string", "jobs.latest_status string", "jobs.progress number")
	}
	job := w.ids["job"]
	for path, n := range map[string]node{
		"/v1/jobs/" + job:                           c.object("GET", "/v1/jobs/"+job, nil),
		"/v1/jobs/status?job_id=" + job:             c.object("GET", "/v1/jobs/status?job_id="+job, nil).at(0),
		"/v1/jobs?source_id=" + w.ids["datasource"]: c.object("GET", "/v1/jobs?source_id="+w.ids["datasource"], nil).at(0),
	} {
		want(t, path, n, "id string", "job_id string", "job_type string", "status string", "latest_status string", "progress number", "message string", "project_id string", "user_id string",
			"parent_job_id string+", "metadata object", "payload object", "source string", "source_id string", "source_event_type string", "source_metadata object",
			"created_at string", "updated_at string", "error object+")
		if n.text("latest_status") != "completed" || n.text("status") != "completed" || n.get("progress").number() != 100 || n.text("job_id") != n.text("id") {
			t.Errorf("%s: %s", path, n)
		}
	}
	history := c.object("GET", "/v1/jobs/history/"+job, nil)
	want(t, "history is an object", history, "latest_status string", "history array")
	if history.text("latest_status") != "completed" || len(history.get("history").list()) < 3 {
		t.Errorf("history: %s", history)
	}
	want(t, "history entry", history.get("history").at(0), "timestamp string", "status string")
}

// TestEventStreamsAreAsTheirParsersWant checks the bytes: LF only; id, event and
// one data line in this order; every event in one chunk; replayed to late comers;
// ending with a terminal event.
func TestEventStreamsAreAsTheirParsersWant(t *testing.T) {
	t.Parallel()
	w := shared
	for _, method := range []string{"GET", "POST"} {
		chunks := w.chunks(t, method, "/v1/jobs/subscribe/"+w.ids["job"])
		ids := map[string]bool{}
		var last node
		objects := 0
		for _, chunk := range chunks {
			lines := strings.Split(chunk, "\n")
			if len(lines) != 5 || lines[3] != "" || lines[4] != "" || strings.Contains(chunk, "\r") ||
				!strings.HasPrefix(lines[0], "id: ") || !strings.HasPrefix(lines[1], "event: ") || !strings.HasPrefix(lines[2], "data: {") {
				t.Fatalf("%s: not one event in one write: %q", method, chunk)
			}
			if ids[lines[0]] {
				t.Errorf("%s: %s twice", method, lines[0])
			}
			ids[lines[0]] = true
			last = answer{body: []byte(strings.TrimPrefix(lines[2], "data: "))}.json()
			want(t, method, last, "event_type string", "job_id string", "status string", "progress number", "payload object+", "timestamp number", "extra_data.progress number")
			if lines[1] == "event: NewDataObjectEvent" {
				objects++
				want(t, "JSON in strings, under both spellings", last, "data_object string", "dataObject string", "data_lineage string", "dataLineage string")
				inner := answer{body: []byte(last.text("data_object"))}.json()
				want(t, "the data object inside", inner, "id string", "key string")
			}
		}
		if last.text("event_type") != "job.completed" || objects < 3 {
			t.Errorf("%s: %d objects, ends with %s", method, objects, last)
		}
	}
}

// chunks returns the chunks of a chunked answer as they were written.
func (w *world) chunks(t *testing.T, method, path string) []string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", method, path, w.owner.key)
	r := bufio.NewReader(conn)
	head := ""
	for !strings.HasSuffix(head, "\r\n\r\n") {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("%v after %q", err, head)
		}
		head += line
	}
	if !strings.HasPrefix(head, "HTTP/1.1 200 ") || !strings.Contains(head, "Content-Type: text/event-stream\r\n") {
		t.Fatalf("%s %s: %s", method, path, head)
	}
	var all []string
	for {
		var n int
		if _, err := fmt.Fscanf(r, "%x\r\n", &n); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return all
		}
		chunk := make([]byte, n+2)
		for got := 0; got < len(chunk); {
			k, err := r.Read(chunk[got:])
			if err != nil {
				t.Fatal(err)
			}
			got += k
		}
		all = append(all, string(chunk[:n]))
	}
}

func TestASubscriberContinuesWhereItWas(t *testing.T) {
	t.Parallel()
	w := shared
	all := w.chunks(t, "GET", "/v1/jobs/subscribe/"+w.ids["job"])
	id := func(chunk string) string {
		first, _, _ := strings.Cut(chunk, "\n")
		return strings.TrimPrefix(first, "id: ")
	}
	c := w.client(t, w.owner.key)
	for _, u := range []struct {
		rule, after string
		want        []string
	}{
		{"after the second event", id(all[1]), all[2:]},
		{"after the end, the end is told again", id(all[len(all)-1]), all[len(all)-1:]},
		{"another server's id", "not ours", all},
	} {
		got := c.send("GET", "/v1/jobs/subscribe/"+w.ids["job"], nil, "Last-Event-ID", u.after)
		if string(got.body) != strings.Join(u.want, "") {
			t.Errorf("%s: got\n%s\nwant %d of %d events", u.rule, got.body, len(u.want), len(all))
		}
	}
}

func TestTypeScriptRunsAProgram(t *testing.T) {
	t.Parallel()
	w := shared
	c := w.client(t, w.owner.key)
	body := map[string]any{"project_id": w.ids["project"], "queryprogram_id": w.ids["program"], "stream": false}
	result := c.object("POST", "/v1/run/queryprogram", body)
	want(t, "items are an object with MAIN", result, "items.MAIN.item.rows array", "items.MAIN.item.data_schema array", "items.MAIN.item.attribution.sourceURL string",
		"items.MAIN.item_t string", "request object+", "timestamp string", "result_code number", "error string+", "program_trace string")
	want(t, "ours", result, "columns array", "rows array", "data array", "row_count number", "truncated boolean", "total_rows number+", "elapsed_ms number", "dataset_versions object")
	if result.get("items", "MAIN", "item", "rows").at(0).kind() != "array" || result.get("data").at(0).kind() != "object" {
		t.Errorf("rows are arrays and data are objects: %.400s", result)
	}
	want(t, "a column of the store", result.get("items", "MAIN", "item", "data_schema").at(0), "column_name string", "type_t string", "col_kind_t string", "col_t string", "aliases array", "description string")

	body["stream"] = true
	got := c.send("POST", "/v1/run/queryprogram", body)
	text := string(got.body)
	if got.header.Get("Content-Type") != "text/event-stream" || !strings.HasPrefix(text, "id: 1\nevent: complete\ndata: {") || strings.Count(text, "\n") != 4 {
		t.Errorf("stream: %s %.300s", got.header.Get("Content-Type"), text)
	}
	python := c.object("POST", "/v1/actions/evaluate/queryprogram", map[string]any{"queryprogram_id": w.ids["program"], "project_id": w.ids["project"], "dataline_id": w.ids["dataline"]})
	if python.get("rows").String() != result.get("rows").String() {
		t.Errorf("the older route answers otherwise: %.300s", python)
	}
}

func TestEverySpellingOfAFieldIsRead(t *testing.T) {
	t.Parallel()
	w := shared
	c, project := w.newProject(t, "spellings")
	for _, spec := range []map[string]any{
		{"authType": "Bearer Token", "auth": map[string]any{"bearerToken": secretToken}, "responsePathExtractor": "", "parameterGroups": []any{}},
		{"auth_type": "Bearer Token", "auth": map[string]any{"bearer_token": secretToken}, "response_path_extractor": "", "parameter_groups": []any{}},
		{"auth_type": "Bearer Token", "auth_config": map[string]any{"bearer_token": secretToken}},
		{"authType": "Bearer Token", "authConfig": map[string]any{"bearerToken": secretToken}},
		{"authType": "None", "auth": map[string]any{}, "headers": map[string]any{"_authorization": "Bearer " + secretToken}},
	} {
		spec["url"], spec["method"] = w.upstream+"/orders", "GET"
		got := c.object("POST", "/v1/http/test-connection", spec)
		want(t, fmt.Sprint(spec), got, "success boolean", "status number", "response_time number", "content_type string", "size number", "data array", "headers object", "detected.response_path.path string", "raw_sample string")
		if got.get("success").value != true || got.get("status").number() != 200 {
			t.Errorf("%v: %.300s", spec, got)
		}
	}
	for _, body := range []map[string]any{{"projectId": project, "name": "a", "dataSourceConfig": map[string]any{"camelKey": 1}}, {"project_id": project, "name": "b", "data_source_config": map[string]any{"camelKey": 1}}} {
		if d := c.object("POST", "/v1/datasources", body); d.get("metadata", "camelKey").number() != 1 {
			t.Errorf("%v became %s", body, d)
		}
	}
	for _, body := range []map[string]any{{"cue": "q", "code": "SELECT 1 AS a"}, {"query": "q", "queryProgram": "SELECT 1 AS a"}, {"question": "q", "query_program": "SELECT 1 AS a"}} {
		body["projectId"] = project
		p := c.object("POST", "/v1/queryprograms", body)
		for name, value := range map[string]string{"cue": "q", "query": "q", "name": "q", "code": "SELECT 1 AS a", "query_program": "SELECT 1 AS a"} {
			if p.text(name) != value {
				t.Errorf("%v: %s is %q", body, name, p.text(name))
			}
		}
		if p.get("published").value != false || p.text("origin") != "custom" {
			t.Errorf("a new program is published or not ours: %s", p)
		}
	}
}

// TestPythonChangesThingsInTheQuery sends fields in the query with an empty object
// as the body.
func TestPythonChangesThingsInTheQuery(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "python")
	d := c.object("POST", "/v1/datasources", map[string]any{"name": "d", "project_id": project}).text("id")
	for _, u := range []struct{ method, path, field, value string }{
		{"PATCH", "/v1/datasources/" + d + "?name=new+name&type=csv&uri=https://x.example/a", "name", "new name"},
		{"PATCH", "/v1/datasources/" + d + "?uri=https://y.example/", "uri", "https://y.example/"},
		{"PATCH", "/v1/projects/" + project + "?name=renamed&description=text", "description", "text"},
	} {
		if got := c.object(u.method, u.path, map[string]any{}); got.text(u.field) != u.value {
			t.Errorf("%s %s: %s is %q, want %q", u.method, u.path, u.field, got.text(u.field), u.value)
		}
	}
	key := c.object("POST", "/v1/authentication/api-key?name=from+query", map[string]any{})
	if key.at(0).text("name") != "from query" || !strings.HasPrefix(key.at(1).string(), "mw_") {
		t.Errorf("an older client's key: %.60s", key)
	}
}

func TestDeletingAnswersWhatWasDeleted(t *testing.T) {
	t.Parallel()
	w := shared
	c, project := w.newProject(t, "deleting")
	d := c.object("POST", "/v1/datasources", map[string]any{"name": "d", "project_id": project}).text("id")
	credential := c.object("POST", "/v1/credentials", map[string]any{"name": "c", "type": "api", "datasource_id": d}).text("id")
	p := c.object("POST", "/v1/queryprograms", map[string]any{"project_id": project, "cue": "q", "code": "class A: pass"}).text("id")
	key := c.object("POST", "/v1/authentication/api-key", map[string]any{"name": "k"}).at(0).text("id")
	for _, u := range []struct{ path, id string }{
		{"/v1/authentication/api-key/" + key, key}, {"/v1/credentials/" + credential, credential}, {"/v1/queryprograms/" + p + "?permanent=false", p},
		{"/v1/queryprograms/" + p + "?permanent=true", p}, {"/v1/datasources/" + d + "?permanent=false", d}, {"/v1/datasources/" + d + "?permanent=true", d},
		{"/v1/projects/" + project, project}, {"/v1/projects/" + project + "?permanent=true", project},
	} {
		if got := c.object("DELETE", u.path, nil); got.text("id") != u.id {
			t.Errorf("DELETE %s: %s, want the object", u.path, got)
		}
		path, _, _ := strings.Cut(u.path, "?")
		if again := c.send("GET", path, nil); again.status != 404 && again.status != 405 && again.json().get("deleted_at").kind() != "string" {
			t.Errorf("GET %s after: %s", path, again)
		}
	}
}

// TestKeysAreTakenWhereverClientsSendThem covers the forms of authentication.
func TestKeysAreTakenWhereverClientsSendThem(t *testing.T) {
	t.Parallel()
	w := shared
	c := w.client(t, "")
	key := w.owner.key
	for rule, u := range map[string]struct {
		path   string
		header []string
	}{
		"Bearer":                              {"/v1/projects", []string{"Authorization", "Bearer " + key}},
		"bearer in lower case":                {"/v1/projects", []string{"Authorization", "bearer " + key}},
		"the guide's curl: no Bearer":         {"/api/infactory/v1/projects", []string{"Authorization", key}},
		"TypeScript authIn query":             {"/v1/projects?nf_api_key=" + key, nil},
		"Python: header and query":            {"/v1/projects?nf_api_key=" + key, []string{"Authorization", "Bearer " + key}},
		"X-API-Key":                           {"/v1/projects", []string{"X-API-Key", key}},
		"TypeScript: options object as text":  {"/v1/projects?params=%5Bobject+Object%5D&nf_api_key=" + key, nil},
		"TypeScript: anything is accepted":    {"/v1/projects", []string{"Authorization", key, "Accept", "text/event-stream"}},
		"TypeScript: JSON although SSE asked": {"/v1/orgs/", []string{"Authorization", key}},
	} {
		if got := c.send("GET", u.path, nil, u.header...); got.status != 200 || got.json().kind() != "array" {
			t.Errorf("%s: %s", rule, got)
		}
	}
	for rule, header := range map[string]string{"Basic": "Basic " + key, "the header wins over the query": "Bearer nothing-nothing-nothing"} {
		if got := c.send("GET", "/v1/projects?nf_api_key="+key, nil, "Authorization", header); got.status != 401 {
			t.Errorf("%s: %s, want 401", rule, got)
		}
	}
}

func TestErrorsAreJSONForTheTypeScriptClient(t *testing.T) {
	t.Parallel()
	w := shared
	for _, u := range []struct {
		key, method, path, body string
		status                  int
	}{
		{"", "GET", "/v1/projects", "", 401}, {w.owner.key, "GET", "/v1/projects/" + random, "", 404}, {w.owner.key, "GET", "/v1/nothing", "", 404},
		{w.owner.key, "PUT", "/v1/projects", "{}", 405}, {w.owner.key, "POST", "/v1/projects", `{"name":7}`, 400}, {w.viewer.key, "DELETE", "/v1/projects/" + w.ids["project"], "", 403},
	} {
		for sdk, contentType := range map[string]string{"": "application/problem+json", "0.6.4": "application/json"} {
			got := w.client(t, u.key).send(u.method, u.path, u.body, "x-infactory-sdk-version", sdk)
			if got.status != u.status || got.header.Get("Content-Type") != contentType {
				t.Errorf("%s %s for sdk %q: %s %s", u.method, u.path, sdk, got.header.Get("Content-Type"), got)
			}
			want(t, u.path, got.json(), "type string", "title string", "status number", "detail string", "request_id string")
		}
	}
}

func TestStatusOfSuccessIsAlways200WithABody(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "statuses")
	for _, u := range []struct {
		method, path string
		body         any
	}{
		{"POST", "/v1/datasources", map[string]any{"name": "d", "project_id": project, "status": "transformation_started"}},
		{"POST", "/v1/queryprograms", map[string]any{"project_id": project, "cue": "q", "code": "x"}},
		{"POST", "/v1/credentials", map[string]any{"name": "c", "type": "api"}},
		{"GET", "/v1/datasources/project/" + project, nil},
		{"HEAD", "/v1/projects/" + project, nil},
	} {
		got := c.send(u.method, u.path, u.body)
		if got.status != 200 || got.header.Get("Content-Type") != "application/json" || u.method != http.MethodHead && len(got.body) == 0 {
			t.Errorf("%s %s: %s %s", u.method, u.path, got.header.Get("Content-Type"), got)
		}
	}
	empty := c.object("GET", "/v1/queryprograms?project_id="+c.object("POST", "/v1/projects", map[string]any{"name": "empty"}).text("id"), nil)
	if empty.String() != "[]" {
		t.Errorf("no programs: %s, want []", empty)
	}
}
