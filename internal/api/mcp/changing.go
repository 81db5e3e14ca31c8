package mcp

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"millwright/internal/errs"
)

// An Auth says how to sign in to another API. The secret itself never goes through
// an agent: it is stored before, with where it may be sent.
type Auth struct {
	Type     string `json:"type" jsonschema:"bearer, basic or api_key"`
	Secret   string `json:"secret" jsonschema:"Name of a stored secret (a person stores one with 'millwright secrets set'); never the secret itself"`
	Username string `json:"username,omitempty" jsonschema:"For basic"`
	Name     string `json:"name,omitempty" jsonschema:"For api_key: name of the header, query parameter or cookie"`
	Location string `json:"location,omitempty" jsonschema:"For api_key: header, query or cookie; header if left out"`
}

// An Outgoing is a request to another API.
type Outgoing struct {
	URL        string         `json:"url" jsonschema:"Where to, with its query"`
	Method     string         `json:"method,omitempty" jsonschema:"GET if left out"`
	Headers    map[string]any `json:"headers,omitempty" jsonschema:"Header names and values"`
	Parameters map[string]any `json:"parameters,omitempty" jsonschema:"Query parameters"`
	Body       string         `json:"body,omitempty" jsonschema:"JSON to send, as text"`
	Auth       *Auth          `json:"auth,omitempty" jsonschema:"How to sign in; none if left out"`
	Path       string         `json:"path,omitempty" jsonschema:"Where the records are in the answer, such as data.items; found by looking if left out"`
	InProject
}

// wire returns the request as the API spells it.
func (o Outgoing) wire(project string) (map[string]any, error) {
	w := map[string]any{"url": o.URL, "method": o.Method, "project_id": project, "authType": "None"}
	if o.Method == "" {
		w["method"] = "GET"
	}
	if len(o.Headers) > 0 {
		w["headers"] = o.Headers
	}
	if len(o.Parameters) > 0 {
		w["parameters"] = o.Parameters
	}
	if o.Path != "" {
		w["responsePathExtractor"] = o.Path
	}
	if o.Body != "" {
		w["body"] = map[string]any{"type": "raw", "contentType": "application/json", "content": o.Body}
	}
	if o.Auth == nil {
		return w, nil
	}
	held := map[string]string{"secret": o.Auth.Secret}
	switch o.Auth.Type {
	case "bearer":
		w["authType"], w["auth"] = "Bearer Token", map[string]any{"bearerToken": held}
	case "basic":
		w["authType"], w["auth"] = "Basic Auth", map[string]any{"basicAuth": map[string]any{"username": o.Auth.Username, "password": held}}
	case "api_key":
		location := o.Auth.Location
		if location == "" {
			location = "header"
		}
		w["authType"], w["auth"] = "API Key", map[string]any{"apiKey": map[string]any{"name": o.Auth.Name, "value": held, "location": location}}
	default:
		return nil, errs.New(errs.Invalid, "unknown type of auth").Named("auth-unknown").At("/auth/type").Fix("use bearer, basic or api_key, or leave auth out")
	}
	return w, nil
}

// A TestReport is what test_connection returns.
type TestReport struct {
	Works       bool     `json:"works" jsonschema:"Whether records came"`
	Status      int      `json:"status" jsonschema:"HTTP status of the other API; 0 if it did not answer"`
	Records     int64    `json:"records" jsonschema:"How many came with the test"`
	Path        string   `json:"path" jsonschema:"Where the records are"`
	Paging      string   `json:"paging" jsonschema:"How the API is paged, and why we think so"`
	Problem     string   `json:"problem" jsonschema:"Why it does not work; empty if it does"`
	Suggestions []string `json:"suggestions"`
	Sample      string   `json:"sample" jsonschema:"The first records, as JSON text"`
}

// maxSample is how many characters of a test's records an agent gets.
const maxSample = 4000

// A tested is what the tools read of a test.
type tested struct {
	Success     bool            `json:"success"`
	Status      int             `json:"status"`
	Data        json.RawMessage `json:"data"`
	Records     int64           `json:"records"`
	Suggestions []string        `json:"suggestions"`
	Detected    struct {
		ResponsePath struct {
			Path string `json:"path"`
		} `json:"response_path"`
		Pagination struct {
			Kind     string `json:"kind"`
			Evidence string `json:"evidence"`
		} `json:"pagination"`
	} `json:"detected"`
}

func (t tested) report() TestReport {
	r := TestReport{Works: t.Success, Status: t.Status, Records: t.Records, Path: t.Detected.ResponsePath.Path, Suggestions: append([]string{}, t.Suggestions...)}
	if p := t.Detected.Pagination; p.Kind != "" {
		r.Paging = p.Kind + ": " + p.Evidence
	}
	if t.Success {
		r.Sample = cut(string(t.Data), maxSample)
		return r
	}
	if e := t.failure(); e != nil {
		r.Problem, r.Suggestions = e.Msg, append(r.Suggestions, e.Fixes...)
	}
	return r
}

// failure returns why a test failed; nil if it did not.
func (t tested) failure() *errs.Error {
	if t.Success {
		return nil
	}
	var said struct {
		Message, Type string
		Fixes         []string
	}
	if err := json.Unmarshal(t.Data, &said); err != nil || said.Message == "" {
		return errs.New(errs.Upstream, "the test failed with status %d", t.Status).Named("test-failed")
	}
	return errs.New(errs.Upstream, "%s", withoutFixes(said.Message, said.Fixes)).Named(said.Type).Fix(said.Fixes...)
}

func testConnection(ctx context.Context, c *call, in Outgoing) (TestReport, error) {
	project, err := c.project(ctx, in.Project)
	if err != nil {
		return TestReport{}, err
	}
	r, err := in.wire(project)
	if err != nil {
		return TestReport{}, err
	}
	var t tested
	if err := c.operate(ctx, "POST", "/v1/http/test-connection", nil, r, &t); err != nil {
		return TestReport{}, err
	}
	return t.report(), nil
}

// A NewConnection is a request to keep.
type NewConnection struct {
	Name string `json:"name" jsonschema:"What to call it; the table is named after it"`
	Outgoing
}

// A Landed is what came of fetching.
type Landed struct {
	DatasourceID string    `json:"datasource_id"`
	Jobs         []string  `json:"jobs" jsonschema:"Ids, for job_status"`
	Datasets     []Dataset `json:"datasets" jsonschema:"What there is now"`
	Questions    []string  `json:"questions" jsonschema:"What was written about them; run them with run_program"`
}

func connectAPI(ctx context.Context, c *call, in NewConnection) (out Landed, err error) {
	project, err := c.project(ctx, in.Project)
	if err != nil {
		return out, err
	}
	r, err := in.wire(project)
	if err != nil {
		return out, err
	}
	c.progress(ctx, 0, 5, "testing the connection")
	var t tested
	if err := c.operate(ctx, "POST", "/v1/http/test-connection", nil, r, &t); err != nil {
		return out, err
	}
	if failure := t.failure(); failure != nil {
		return out, failure
	}
	c.progress(ctx, 1, 5, "saving it")
	var created struct{ ID string }
	datasource := map[string]any{"name": in.Name, "project_id": project, "type": "http-requests", "uri": in.URL}
	if err := c.operate(ctx, "POST", "/v1/datasources", nil, datasource, &created); err != nil {
		return out, err
	}
	r["datasource_id"] = created.ID
	landed := false
	defer func() {
		if !landed {
			c.discard(ctx, created.ID)
		}
	}()
	out, err = c.fetch(ctx, project, created.ID, "/v1/http/execute-request", r, 2)
	landed = len(out.Datasets) > 0 || err == nil
	return out, err
}

// discard removes a datasource that never got its data.
func (c *call) discard(ctx context.Context, datasource string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := c.operate(ctx, "DELETE", "/v1/datasources/"+url.PathEscape(datasource), url.Values{"permanent": {"true"}}, nil, nil); err != nil {
		c.server.report(ctx, "connect_api", err)
	}
}

// A Rerun says what to fetch again.
type Rerun struct {
	OfDataset
	Wait *bool `json:"wait,omitempty" jsonschema:"Whether to wait until it is done; true if left out. If false, ask job_status"`
}

func startRun(ctx context.Context, c *call, in Rerun) (Landed, error) {
	d, project, err := c.dataset(ctx, in.OfDataset)
	if err != nil {
		return Landed{}, err
	}
	path := "/v1/datasources/" + url.PathEscape(d.DatasourceID) + "/runs"
	if in.Wait == nil || *in.Wait {
		return c.fetch(ctx, project, d.DatasourceID, path, map[string]any{}, 0)
	}
	out := Landed{DatasourceID: d.DatasourceID, Datasets: []Dataset{d}, Questions: []string{}}
	var s started
	err = c.operate(ctx, "POST", path, nil, map[string]any{}, &s)
	out.Jobs = s.ids()
	return out, err
}
