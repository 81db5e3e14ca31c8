package apitest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// An agent is a client of the official SDK that talks to the server.
type agent struct {
	*sdk.ClientSession
	t       *testing.T
	key     string
	changed chan struct{} // gets something when the server says that the tools have changed

	mu       sync.Mutex // guards the field below
	progress []*sdk.ProgressNotificationParams
}

// withKey sends the key with every request.
type withKey string

func (k withKey) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(k))
	return http.DefaultTransport.RoundTrip(r)
}

// newAgent connects an agent; query narrows what it may do.
func (w *world) newAgent(t *testing.T, key, query string) *agent {
	t.Helper()
	a := &agent{t: t, key: key, changed: make(chan struct{}, 100)}
	client := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, &sdk.ClientOptions{
		ToolListChangedHandler: func(context.Context, *sdk.ToolListChangedRequest) { a.changed <- struct{}{} },
		ProgressNotificationHandler: func(_ context.Context, r *sdk.ProgressNotificationClientRequest) {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.progress = append(a.progress, r.Params)
		},
	})
	session, err := client.Connect(t.Context(), &sdk.StreamableClientTransport{Endpoint: w.url + "/mcp" + query, HTTPClient: &http.Client{Transport: withKey(key)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a.ClientSession = session
	t.Cleanup(func() { session.Close() })
	return a
}

// forAgent makes a key that reads and runs in one project.
func (w *world) forAgent(t *testing.T, project string, more ...string) string {
	return w.newKey(t, map[string]any{"scopes": append([]string{"read", "run"}, more...), "project_id": project})
}

func (a *agent) names() []string {
	a.t.Helper()
	var names []string
	for tool, err := range a.Tools(a.t.Context(), nil) {
		if err != nil {
			a.t.Fatal(err)
		}
		names = append(names, tool.Name)
	}
	slices.Sort(names)
	return names
}

func (a *agent) tool(name string) *sdk.Tool {
	a.t.Helper()
	for tool, err := range a.Tools(a.t.Context(), nil) {
		if err != nil {
			a.t.Fatal(err)
		}
		if tool.Name == name {
			return tool
		}
	}
	a.t.Fatalf("there is no tool %s: %v", name, a.names())
	return nil
}

// use calls a tool and returns what came; a refusal too.
func (a *agent) use(name string, arguments any) *sdk.CallToolResult {
	a.t.Helper()
	r, err := a.CallTool(a.t.Context(), &sdk.CallToolParams{Name: name, Arguments: arguments})
	if err != nil {
		a.t.Fatalf("%s: %v", name, err)
	}
	return r
}

// got calls a tool that must succeed, checks what came against the schema that the
// tool has, and returns it.
func (a *agent) got(name string, arguments any) node {
	a.t.Helper()
	r := a.use(name, arguments)
	if r.IsError {
		a.t.Fatalf("%s: %s", name, said(r))
	}
	a.fits(name, r)
	return content(a.t, r)
}

func content(t *testing.T, r *sdk.CallToolResult) node {
	t.Helper()
	text, err := json.Marshal(r.StructuredContent)
	if err != nil {
		t.Fatal(err)
	}
	return answer{body: text}.json()
}

// fits fails the test unless the result is as the tool's output schema says.
func (a *agent) fits(name string, r *sdk.CallToolResult) {
	a.t.Helper()
	text, err := json.Marshal(a.tool(name).OutputSchema)
	if err != nil {
		a.t.Fatal(err)
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(text, &schema); err != nil {
		a.t.Fatalf("%s: its output schema: %v\n%s", name, err, text)
	}
	resolved, err := schema.Resolve(nil)
	if err == nil {
		err = resolved.Validate(r.StructuredContent)
	}
	if err != nil {
		a.t.Errorf("%s: %v\n%s", name, err, text)
	}
}

func said(r *sdk.CallToolResult) string {
	var all []string
	for _, c := range r.Content {
		if text, ok := c.(*sdk.TextContent); ok {
			all = append(all, text.Text)
		}
	}
	return strings.Join(all, "\n")
}

// refused fails the test unless the result is an error that says all of that.
func (a *agent) refused(name string, arguments any, says ...string) {
	a.t.Helper()
	r := a.use(name, arguments)
	for _, want := range says {
		if !r.IsError || !strings.Contains(said(r), want) {
			a.t.Errorf("%s: error %t: %s\nwant an error that says %q", name, r.IsError, said(r), want)
		}
	}
}

// A stall is a project with a dataset and a published program, for one test.
type stall struct {
	*client
	project, datasource, program string
	tool                         string
}

// newStall lands the sample orders in a project of its own and publishes one question.
func (w *world) newStall(t *testing.T) stall {
	t.Helper()
	c, project := w.newProject(t, t.Name())
	s := stall{client: c, project: project}
	s.datasource = c.object("POST", "/v1/datasources", map[string]any{"name": "Orders", "project_id": project, "type": "http-requests"}).text("id")
	for _, j := range c.object("POST", "/v1/http/execute-request", w.execution(project, s.datasource, "/orders")).get("jobs").list() {
		if end := c.follow(j.text("id")); end.text("status") != "completed" {
			t.Fatal(end)
		}
	}
	s.program = c.object("POST", "/v1/queryprograms", map[string]any{"project_id": project, "name": "Orders of a city", "cue": "What do the orders of a city come to?",
		"code": "SELECT city, count(*) AS orders, sum(amount) AS total FROM orders WHERE amount >= $least AND ($city IS NULL OR city = $city) GROUP BY city ORDER BY city",
		"slots": []any{
			map[string]any{"name": "city", "type": "enum", "values": []any{"Kiel", "Lyon", "Oslo"}, "default": nil, "description": "Which city"},
			map[string]any{"name": "least", "type": "number", "default": 0},
		}, "reason": "Somebody asked"}).text("id")
	s.tool = w.publish(t, c, s.program)
	return s
}

// publish publishes a program and returns the name of its tool.
func (w *world) publish(t *testing.T, c *client, program string) string {
	t.Helper()
	project := c.object("PATCH", "/v1/queryprograms/"+program+"/publish", map[string]any{}).text("project_id")
	for _, tool := range w.newAgent(t, w.forAgent(t, project), "").names() {
		if strings.HasPrefix(tool, "orders_of") {
			return tool
		}
	}
	t.Fatal("the published program is no tool")
	return ""
}

func TestAnAgentSeesWhatItsKeyMayUse(t *testing.T) {
	t.Parallel()
	w := shared
	s := w.newStall(t)
	looking := []string{"dataset_lineage", "describe_dataset", "job_status", "list_datasets", "list_programs", "list_projects", "sample_rows"}
	running := []string{"query_sql", "run_program"}
	changing := []string{"connect_api", "create_program", "generate_questions", "publish_program", "start_run", "test_connection", "unpublish_program"}
	for _, c := range []struct {
		rule, key, query string
		want             []string
	}{
		{"read", w.newKey(t, map[string]any{"scopes": []string{"read"}, "project_id": s.project}), "", looking},
		{"run", w.newKey(t, map[string]any{"scopes": []string{"run"}, "project_id": s.project}), "", append([]string{s.tool}, running...)},
		{"run, everywhere", w.newKey(t, map[string]any{"scopes": []string{"run"}}), "?project_id=" + s.project, append([]string{s.tool}, running...)},
		{"read and run", w.forAgent(t, s.project), "", slices.Concat(looking, running, []string{s.tool})},
		{"write too", w.forAgent(t, s.project, "write"), "", slices.Concat(looking, running, changing, []string{s.tool})},
		{"everything, narrowed", w.owner.key, "?scopes=read,run&project_id=" + s.project, slices.Concat(looking, running, []string{s.tool})},
	} {
		slices.Sort(c.want)
		a := w.newAgent(t, c.key, c.query)
		if got := a.names(); !slices.Equal(got, c.want) {
			t.Errorf("%s: it sees %v, want %v", c.rule, got, c.want)
		}
		for _, name := range slices.Concat(looking, running, changing) {
			if !slices.Contains(c.want, name) {
				a.refused(name, map[string]any{}, "scope-missing", "--scope")
			}
		}
	}
}

func TestAPublishedProgramIsATypedTool(t *testing.T) {
	t.Parallel()
	w := shared
	s := w.newStall(t)
	a := w.newAgent(t, w.forAgent(t, s.project), "")
	tool := a.tool(s.tool)
	in, err := json.Marshal(tool.InputSchema)
	if err != nil {
		t.Fatal(err)
	}
	schema := answer{body: in}.json()
	if got := schema.get("properties", "city", "enum").String(); !strings.HasPrefix(got, `["Kiel","Lyon","Oslo"`) {
		t.Errorf("the slot city: %s", schema)
	}
	if schema.get("properties", "least", "default").number() != 0 || schema.get("properties", "least", "default").value == nil {
		t.Errorf("the slot least: %s", schema)
	}
	if !strings.Contains(tool.Description, "What do the orders of a city come to?") || !strings.Contains(tool.Description, "Somebody asked") || !tool.Annotations.ReadOnlyHint {
		t.Errorf("the tool says of itself %q, %+v", tool.Description, tool.Annotations)
	}
	all := a.got(s.tool, nil)
	if all.get("row_count").number() != 3 || all.get("rows").at(0).text("city") != "Kiel" || all.get("truncated").value != false {
		t.Errorf("all: %s", all)
	}
	one := a.got(s.tool, map[string]any{"city": "Oslo", "least": 200.5})
	if row := one.get("rows").at(0); one.get("row_count").number() != 1 || row.text("city") != "Oslo" || row.get("orders").number() == 0 {
		t.Errorf("one: %s", one)
	}
	slug := s.object("GET", "/v1/apis/project/"+s.project, nil).at(0).text("slug")
	if usage := s.object("GET", "/v1/apis/"+slug+"/usage", nil); !strings.Contains(usage.String(), `"via":"mcp"`) {
		t.Errorf("the calls are not counted as an agent's: %s", usage)
	}
	a.refused(s.tool, map[string]any{"city": "Rome"}, `slot "city" does not accept "Rome"`, "Kiel", "slot-invalid")
	a.refused(s.tool, map[string]any{"town": "Oslo"}, `there is no slot "town"`)
	a.refused(s.tool, map[string]any{"least": "many"}, `slot "least"`)
}

func TestAnAgentLooksAround(t *testing.T) {
	t.Parallel()
	w := shared
	s := w.newStall(t)
	a := w.newAgent(t, w.forAgent(t, s.project), "")
	if got := a.got("list_projects", nil).get("projects"); len(got.list()) != 1 || got.at(0).text("id") != s.project {
		t.Errorf("projects: %s", got)
	}
	d := a.got("list_datasets", nil).get("datasets").at(0)
	if d.text("table_name") != "orders" || d.get("rows").number() != records || d.get("columns").number() != 5 || !strings.HasPrefix(d.text("completeness"), "complete") {
		t.Errorf("dataset: %s", d)
	}
	known := map[string]node{}
	for _, c := range a.got("describe_dataset", map[string]any{"dataset": "orders"}).get("columns").list() {
		known[c.text("name")] = c
	}
	if c := known["city"]; c.text("type") != "VARCHAR" || c.get("distinct").number() != 3 || c.text("role") == "" || len(c.get("top").list()) != 3 {
		t.Errorf("city: %s", c)
	}
	if rows := a.got("sample_rows", map[string]any{"dataset": "orders", "limit": 4}); rows.get("row_count").number() != 4 || rows.get("rows").at(3).get("id").number() != 3 || rows.get("truncated").value != true {
		t.Errorf("sample: %s", rows)
	}
	if steps := a.got("dataset_lineage", map[string]any{"dataset": "orders"}).get("steps").list(); len(steps) < 2 {
		t.Errorf("lineage: %v", steps)
	}
	programs := a.got("list_programs", map[string]any{"search": "come to"}).get("programs").list()
	if len(programs) != 1 || programs[0].text("id") != s.program || programs[0].get("published").value != true {
		t.Errorf("programs: %v", programs)
	}
	run := a.got("run_program", map[string]any{"program": s.program, "slots": map[string]any{"city": "Lyon"}})
	if run.get("row_count").number() != 1 || run.get("rows").at(0).text("city") != "Lyon" {
		t.Errorf("run: %s", run)
	}
	sum := a.got("query_sql", map[string]any{"sql": "SELECT count(*) AS n, 9007199254740993 AS big FROM orders"})
	if row := sum.get("rows").at(0); row.get("n").number() != records || row.text("big") != "9007199254740993" {
		t.Errorf("sql: %s", sum)
	}
	a.refused("query_sql", map[string]any{"sql": "DROP TABLE orders"}, "Try:")
	a.refused("query_sql", map[string]any{"sql": "SELECT nothing FROM orders"}, "nothing")
	a.refused("query_sql", map[string]any{"query": "SELECT 1"}, "arguments-invalid")
	a.refused("describe_dataset", map[string]any{"dataset": "order"}, "did you mean orders?")
	a.refused("job_status", map[string]any{"job": random}, "no such job")
}

func TestAnAgentThatOnlyRunsRuns(t *testing.T) {
	t.Parallel()
	w := shared
	s := w.newStall(t)
	a := w.newAgent(t, w.newKey(t, map[string]any{"scopes": []string{"run"}, "project_id": s.project}), "")
	for name, arguments := range map[string]map[string]any{
		s.tool:        {"city": "Lyon"},
		"run_program": {"program": s.program, "slots": map[string]any{"city": "Lyon"}},
		"query_sql":   {"sql": "SELECT city FROM orders WHERE city = 'Lyon' LIMIT 1"},
	} {
		if rows := a.got(name, arguments).get("rows").list(); len(rows) != 1 || rows[0].text("city") != "Lyon" {
			t.Errorf("%s: %v", name, rows)
		}
	}
	a.refused("list_datasets", nil, "scope-missing")
}

func TestWhatIsTooMuchIsCutAndSaidSo(t *testing.T) {
	t.Parallel()
	w := shared
	s := w.newStall(t)
	a := w.newAgent(t, w.forAgent(t, s.project), "")
	r := a.got("query_sql", map[string]any{"sql": "SELECT * FROM orders ORDER BY id"})
	if r.get("row_count").number() != 100 || r.get("truncated").value != true || !strings.Contains(r.text("hint"), "first 100") {
		t.Errorf("by default: %s", r.text("hint"))
	}
	r = a.got("query_sql", map[string]any{"sql": "SELECT repeat('x', 1000) AS x FROM orders", "limit": 5000})
	if n := r.get("row_count").number(); n < 50 || n > 66 || r.get("truncated").value != true {
		t.Errorf("of a thousand rows of a kilobyte, %v came", n)
	}
	r = a.got("query_sql", map[string]any{"sql": "SELECT repeat('x', 100000) AS x"})
	if r.get("row_count").number() != 1 {
		t.Errorf("one long row did not come: %s", r.text("hint"))
	}
}

// waitFor waits until the agent hears of a change after which its tools are as check
// wants them.
func (a *agent) waitFor(what string, check func([]string) bool) {
	a.t.Helper()
	for deadline := time.After(30 * time.Second); ; {
		select {
		case <-a.changed:
			if check(a.names()) {
				return
			}
		case <-deadline:
			a.t.Fatalf("nothing was said of %s; it sees %v", what, a.names())
		}
	}
}

func TestAnAgentHearsOfNewTools(t *testing.T) {
	t.Parallel()
	w := shared
	s := w.newStall(t)
	a := w.newAgent(t, w.forAgent(t, s.project), "")
	id := s.object("POST", "/v1/queryprograms", map[string]any{"project_id": s.project, "name": "Latest day", "cue": "Which day is the latest?", "code": "SELECT max(day) AS day FROM orders"}).text("id")
	before := a.names()
	s.object("PATCH", "/v1/queryprograms/"+id+"/publish", map[string]any{})
	a.waitFor("a published program", func(names []string) bool { return slices.Contains(names, "latest_day") })
	a.got("latest_day", map[string]any{})
	s.object("PATCH", "/v1/queryprograms/"+id+"/unpublish", map[string]any{})
	a.waitFor("an unpublished program", func(names []string) bool { return slices.Equal(names, before) })
}

func TestAnAgentThatMayConnectsAnAPI(t *testing.T) {
	t.Parallel()
	w := shared
	_, project := w.newProject(t, "Of an agent")
	a := w.newAgent(t, w.forAgent(t, project, "write"), "")
	orders := map[string]any{"url": w.upstream + "/orders", "auth": map[string]any{"type": "bearer", "secret": "SHOP_TOKEN"}}
	if r := a.got("test_connection", orders); r.get("works").value != true || r.get("status").number() != 200 || strings.Contains(r.String(), secretToken) {
		t.Errorf("test: %s", r)
	}
	if r := a.got("test_connection", map[string]any{"url": w.upstream + "/orders"}); r.get("works").value != false || r.get("status").number() != 403 || r.text("problem") == "" {
		t.Errorf("without the secret: %s", r)
	}
	orders["name"] = "Sales"
	params := &sdk.CallToolParams{Name: "connect_api", Arguments: orders}
	params.SetProgressToken("connecting")
	r, err := a.CallTool(t.Context(), params)
	if err != nil || r.IsError {
		t.Fatal(err, said(r))
	}
	a.fits("connect_api", r)
	landed := content(t, r)
	if d := landed.get("datasets").at(0); d.text("table_name") != "sales" || d.get("rows").number() != records || len(landed.get("questions").list()) == 0 {
		t.Errorf("landed: %s", landed)
	}
	a.mu.Lock()
	progress := a.progress
	a.mu.Unlock()
	if len(progress) < 4 || !slices.IsSortedFunc(progress, func(x, y *sdk.ProgressNotificationParams) int { return int((x.Progress - y.Progress) * 1e6) }) {
		t.Errorf("progress: %d notes", len(progress))
	}
	for _, p := range progress {
		if p.ProgressToken != "connecting" || p.Total < 4 {
			t.Errorf("progress: %+v", p)
		}
	}
	again := a.got("start_run", map[string]any{"dataset": "sales"})
	if again.get("datasets").at(0).text("datasource_id") != landed.text("datasource_id") || len(again.get("jobs").list()) == 0 {
		t.Errorf("again: %s", again)
	}
	made := a.got("create_program", map[string]any{"question": "How many sales?", "name": "How many", "sql": "SELECT count(*) AS n FROM sales"})
	published := a.got("publish_program", map[string]any{"program": made.get("program").text("id")})
	if n := a.got(published.text("tool"), nil).get("rows").at(0).get("n").number(); n != records || !strings.HasPrefix(published.text("url"), "/live/") {
		t.Errorf("published %s answers %v", published, n)
	}
	if r := a.got("unpublish_program", map[string]any{"program": "How many"}); r.get("published").value != false {
		t.Errorf("unpublished: %s", r)
	}
	a.refused("create_program", map[string]any{"question": "q", "sql": "SELECT nothing FROM sales"}, "program-invalid", "nothing")
	if list := a.got("generate_questions", map[string]any{"count": 2}).get("programs").list(); len(list) != 2 {
		t.Errorf("two questions were asked for, and %d came", len(list))
	}
	a.refused("connect_api", map[string]any{"name": "x", "url": "http://10.0.0.1/"}, "Try:")
}

func TestACanceledCallLeavesNothing(t *testing.T) {
	t.Parallel()
	w := shared
	c, project := w.newProject(t, "Canceled")
	d := c.object("POST", "/v1/datasources", map[string]any{"name": "Orders", "project_id": project, "type": "http-requests"}).text("id")
	for _, j := range c.object("POST", "/v1/http/execute-request", w.execution(project, d, "/orders")).get("jobs").list() {
		c.follow(j.text("id"))
	}
	// From now on the stored request hangs.
	hanging := w.execution(project, d, "/hang")
	started := c.object("POST", "/v1/http/execute-request", hanging).get("jobs").at(0).text("id")
	c.object("POST", "/v1/jobs/"+started+"/cancel", map[string]any{})
	c.follow(started)
	a := w.newAgent(t, w.forAgent(t, project, "write"), "")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		params := &sdk.CallToolParams{Name: "start_run", Arguments: map[string]any{"dataset": "orders"}}
		params.SetProgressToken(1)
		_, err := a.CallTool(ctx, params)
		ended <- err
	}()
	// Once it reports, it runs.
	running := func() (id string) {
		for _, j := range c.object("GET", "/v1/jobs?source_id="+d, nil).list() {
			if j.text("status") == "running" && j.text("id") != started {
				id = j.text("id")
			}
		}
		return id
	}
	var id string
	for deadline := time.Now().Add(20 * time.Second); id == "" && time.Now().Before(deadline); {
		id = running()
	}
	cancel()
	if err := <-ended; err == nil {
		t.Error("the call ended as if nothing had happened")
	}
	if end := c.follow(id); end.text("status") != "canceled" {
		t.Errorf("the job that the call began: %s", end)
	}
}

func TestAnAgentOfOneProjectFindsNothingOfAnother(t *testing.T) {
	t.Parallel()
	w := shared
	s := w.newStall(t)
	_, mine := w.newProject(t, "Of the agent")
	for rule, a := range map[string]*agent{
		"a key of a project":       w.newAgent(t, w.forAgent(t, mine, "write"), ""),
		"a narrowed session":       w.newAgent(t, w.owner.key, "?scopes=read,run,write&project_id="+mine),
		"a key of somebody else's": w.newAgent(t, w.stranger.key, ""),
	} {
		if slices.Contains(a.names(), s.tool) {
			t.Errorf("%s: it sees the other project's tool", rule)
		}
		if _, err := a.CallTool(t.Context(), &sdk.CallToolParams{Name: s.tool}); err == nil {
			t.Errorf("%s: it may call the other project's tool", rule)
		}
		for name, arguments := range map[string]map[string]any{
			"list_datasets":    {"project": s.project},
			"describe_dataset": {"dataset": "orders", "project": s.project},
			"sample_rows":      {"dataset": "orders", "project": s.project},
			"dataset_lineage":  {"dataset": "orders", "project": s.project},
			"list_programs":    {"project": s.project},
			"run_program":      {"program": s.program, "project": s.project},
			"query_sql":        {"sql": "SELECT 1", "project": s.project},
			"start_run":        {"dataset": "orders", "project": s.project},
			"create_program":   {"question": "q", "sql": "SELECT 1", "project": s.project},
			"publish_program":  {"program": s.program, "project": s.project},
			"connect_api":      {"name": "n", "url": w.upstream + "/orders", "project": s.project},
		} {
			there, nowhere := a.use(name, arguments), a.use(name, withProject(arguments, random))
			if !there.IsError || said(there) != said(nowhere) || !strings.Contains(said(there), "no such project") {
				t.Errorf("%s: %s tells of the other project:\n%s\n%s", rule, name, said(there), said(nowhere))
			}
		}
		dataset := s.object("GET", "/v1/datalines/project/"+s.project, nil).at(0).text("id")
		for _, uri := range []string{"millwright://datasets/" + dataset + "/profile", "millwright://datasets/" + random + "/profile"} {
			_, err := a.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: uri})
			if err == nil || !strings.Contains(err.Error(), "not found") {
				t.Errorf("%s: %s: %v, want not found", rule, uri, err)
			}
		}
	}
}

func withProject(arguments map[string]any, id string) map[string]any {
	other := map[string]any{"project": id}
	for name, v := range arguments {
		if name != "project" {
			other[name] = v
		}
	}
	return other
}

func TestResourcesAreTheGuideAndTheProfiles(t *testing.T) {
	t.Parallel()
	w := shared
	s := w.newStall(t)
	a := w.newAgent(t, w.forAgent(t, s.project), "")
	var uris []string
	for r, err := range a.Resources(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		uris = append(uris, r.URI)
	}
	if len(uris) != 2 || !slices.Contains(uris, "millwright://guide") {
		t.Fatalf("resources: %v", uris)
	}
	for _, uri := range uris {
		r, err := a.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: uri})
		if err != nil || len(r.Contents) != 1 || !strings.Contains(r.Contents[0].Text, "table_name") {
			t.Errorf("%s: %v %v", uri, r, err)
		}
	}
}
